"""The few pages of the endpoint: no script, no picture, nothing from elsewhere, and nobody's address."""

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
"""For every answer. The token is in the address of the page: it must not be kept, passed on or found."""


def to_confirm(edition: str) -> str:
    """The page that asks whether to begin."""
    text = "The edition will be sent to the address at which you got the link, until you leave it."
    return _page(f"Subscribe to {_quoted(edition)}?", text, "Yes, subscribe")


def confirmed(edition: str) -> str:
    """The page after the button to begin."""
    return _page(f"You are subscribed to {_quoted(edition)}", "Every letter has a link by which you can leave again.")


def to_leave(edition: str) -> str:
    """The page that asks whether to end."""
    return _page(f"Leave {_quoted(edition)}?", "It will not be sent to you any more.", "Yes, unsubscribe")


def left(edition: str) -> str:
    """The page after the button to end."""
    return _page(f"You have left {_quoted(edition)}", "It will not be sent to you any more. You can close this page.")


def unknown() -> str:
    """The page for whatever is not there: it is the same for every reason."""
    return _page(
        "This link leads nowhere",
        "It may be incomplete, or too old. A link to confirm holds for seven days; a link to leave always does. "
        "To leave by mail, answer any letter of ours.",
    )


def wrong(text: str) -> str:
    """The page for a request that cannot be served."""
    return _page("That did not work", text)


def _quoted(edition: str) -> str:
    return f"“{edition}”"


def _page(title: str, text: str, button: str | None = None) -> str:
    form = f'<form method="post"><button type="submit">{escape(button)}</button></form>' if button else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} · Paperlake</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p>{form}</main></body></html>\n"
    )
