"""A sandbox server for the Hub's Daily Papers API."""
