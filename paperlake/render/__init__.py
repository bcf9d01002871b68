"""Tables to words and pictures: mail, feeds, Markdown, the static site. Handed frames; never asks the store."""
