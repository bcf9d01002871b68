"""Pure functions from replies to tables: Polars, with DuckDB for JSON and lxml for XML; no clock, disk or network."""
