"""The pages of the static site, each a pure function of rows."""
