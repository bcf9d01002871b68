"""Table declarations: each table is declared once. Only pyarrow is imported."""
