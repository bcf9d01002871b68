"""URLs for confirming and unsubscribing."""

from __future__ import annotations

from urllib.parse import quote


def confirm_url(public_url: str, token: str) -> str:
    """The page with the button that confirms a subscription."""
    return f"{public_url}/confirm/{token}"


def unsubscribe_url(public_url: str, token: str) -> str:
    """The page with the unsubscribe button; a POST to it unsubscribes at once (RFC 8058)."""
    return f"{public_url}/unsubscribe/{token}"


def unsubscribe_mailto(sender: str, token: str) -> str:
    """A mail to `sender` with the token in its subject; the operator then runs `papers unsubscribe TOKEN`."""
    return f"mailto:{quote(sender, safe='@')}?subject=unsubscribe%20{token}"
