"""The addresses by which people confirm and leave."""

from __future__ import annotations

from urllib.parse import quote


def confirm_url(public_url: str, token: str) -> str:
    """The page with the button that begins a subscription."""
    return f"{public_url}/confirm/{token}"


def unsubscribe_url(public_url: str, token: str) -> str:
    """The page with the button that ends one; a POST to it ends it at once (RFC 8058)."""
    return f"{public_url}/unsubscribe/{token}"


def unsubscribe_mailto(sender: str, token: str) -> str:
    """A mail to `sender` whose subject says who leaves what; `papers unsubscribe TOKEN` does it."""
    return f"mailto:{quote(sender, safe='@')}?subject=unsubscribe%20{token}"
