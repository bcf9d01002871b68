"""The programs that are measured, and the runner that measures them."""
