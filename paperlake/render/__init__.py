"""Render frames as mail, feeds, Markdown and the static site. This package never reads the store."""
