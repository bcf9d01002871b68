"""Paperlake: capture what the research community lists, votes on and discusses, and keep it provably."""
