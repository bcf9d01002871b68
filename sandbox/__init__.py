"""Loopback servers that behave like the services Paperlake reads, for the demo and the tests."""
