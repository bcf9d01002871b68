"""HTTP clients of the sources, one module per source. Only this package uses httpx."""
