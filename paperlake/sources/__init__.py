"""Asking the world: the only httpx, one file a source."""
