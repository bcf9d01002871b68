"""Replies to tables: pure Polars, with DuckDB to read JSON and lxml to read XML; no clock, disk or network."""
