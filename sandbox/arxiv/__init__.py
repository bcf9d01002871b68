"""A sandbox server for arXiv's OAI-PMH interface."""
