"""From kept answers to published tables: load, build, validate, publish."""
