"""The HTML pages of the mail endpoint: no script, no image, no external resource, and no mail address."""

from __future__ import annotations

import base64
from hashlib import sha256
from html import escape

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1.1rem/1.6 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.25rem;"
    "color:light-dark(#1c1e21,#e6e6e6);background:light-dark(#fff,#17191c)}"
    "h1{font-size:1.5rem;line-height:1.25}"
    "button{font:inherit;padding:.7rem 1.4rem;min-height:3rem;border:0;border-radius:.4rem;cursor:pointer;"
    "color:#fff;background:#0b5cad}"
    "button:focus-visible{outline:3px solid light-dark(#1c1e21,#fff);outline-offset:3px}"
)
_STYLE_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Headers of every response. The page URL contains the token, so it must not be cached, passed on or indexed."""


def confirm_page(edition: str) -> str:
    """Ask whether to subscribe."""
    text = "The edition will be sent to the address at which you got the link, until you unsubscribe."
    return _html(f"Subscribe to {_quoted(edition)}?", text, "Yes, subscribe")


def confirmed_page(edition: str) -> str:
    """Say that the subscription is confirmed."""
    return _html(f"You are subscribed to {_quoted(edition)}", "Every letter has a link to unsubscribe.")


def unsubscribe_page(edition: str) -> str:
    """Ask whether to unsubscribe."""
    return _html(f"Unsubscribe from {_quoted(edition)}?", "It will not be sent to you any more.", "Yes, unsubscribe")


def unsubscribed_page(edition: str) -> str:
    """Say that the subscription has ended."""
    text = "It will not be sent to you any more. You can close this page."
    return _html(f"You have unsubscribed from {_quoted(edition)}", text)


def invalid_link_page() -> str:
    """The 404 page. It is the same for every reason, so that it reveals nothing about a token."""
    return _html(
        "This link is not valid",
        "It may be incomplete, or too old. A link to confirm is valid for seven days; a link to unsubscribe never "
        "expires. To unsubscribe by mail, answer any of our letters.",
    )


def error_page(text: str) -> str:
    """The page for a request that failed."""
    return _html("That did not work", text)


def _quoted(edition: str) -> str:
    return f"“{edition}”"


def _html(title: str, text: str, button: str | None = None) -> str:
    form = f'<form method="post"><button type="submit">{escape(button)}</button></form>' if button else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} · Paperlake</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p>{form}</main></body></html>\n"
    )
