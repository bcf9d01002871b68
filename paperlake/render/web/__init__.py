"""The static site: every page a pure function of rows, as text below a path of its own."""
