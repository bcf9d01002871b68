"""Replies to tables: pure Polars, with DuckDB to read JSON; no clock, disk or network."""
