"""Commands that run pipelines: daily, backfill, harvest, demo, serve, automate, sandbox."""
