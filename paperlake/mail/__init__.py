"""Telling readers: the only SMTP, and the endpoint that mail clients and people's browsers call."""
