"""Requests to the sources. Every answer is stored before anything parses it."""
