"""Asking the sources, and keeping what they answer before anything reads it."""
