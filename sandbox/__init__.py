"""Servers on loopback that behave as the services Paperlake asks, for the demo and the tests."""
