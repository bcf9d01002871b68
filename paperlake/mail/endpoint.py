"""The endpoint where people confirm and leave: a page with a button, and what the button does.

Whoever looks at a link changes nothing: programs that check mail for harm open every link in it. Only a POST does, from
the button or from a mail client's own (RFC 8058: no cookie, no redirect, no questions).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from paperlake.mail import endpoint_pages as pages

LARGEST_BODY_BYTES = 4096
"""`List-Unsubscribe=One-Click` has 26, and some more as multipart/form-data."""

BODY_WITHIN_S = 10.0


class Subscriptions(Protocol):
    """What the endpoint asks of who keeps the subscriptions. Each gives the edition, or None for an unknown token."""

    def to_confirm(self, token: str, now: datetime) -> str | None:
        """Which edition the token would confirm."""

    def confirm(self, token: str, now: datetime) -> str | None:
        """Confirm it; the second time as well."""

    def to_leave(self, token: str) -> str | None:
        """Which edition the token would leave."""

    def leave(self, token: str, now: datetime) -> str | None:
        """Leave it; the second time as well."""


def endpoint(subscriptions: Subscriptions, now: Callable[[], datetime]) -> Starlette:
    """The application. It knows nothing of people but the tokens that they bring."""

    async def confirm(request: Request) -> Response:
        token = request.path_params["token"]
        if request.method != "POST":
            edition = await run_in_threadpool(subscriptions.to_confirm, token, now())
            return _answer(edition, pages.to_confirm)
        await _heard(request)
        return _answer(await run_in_threadpool(subscriptions.confirm, token, now()), pages.confirmed)

    async def unsubscribe(request: Request) -> Response:
        token = request.path_params["token"]
        if request.method != "POST":
            return _answer(await run_in_threadpool(subscriptions.to_leave, token), pages.to_leave)
        await _heard(request)
        return _answer(await run_in_threadpool(subscriptions.leave, token, now()), pages.left)

    return Starlette(
        routes=[
            Route("/confirm/{token}", confirm, methods=["GET", "POST"]),
            Route("/unsubscribe/{token}", unsubscribe, methods=["GET", "POST"]),
        ],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )


def _answer(edition: str | None, page: Callable[[str], str]) -> Response:
    if edition is None:
        return HTMLResponse(pages.unknown(), 404, pages.HEADERS)
    return HTMLResponse(page(edition), 200, pages.HEADERS)


async def _heard(request: Request) -> None:
    """Read the body to its end. What it says does not matter: the token is what counts, and clients differ."""
    size = 0
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for piece in request.stream():
                size += len(piece)
                if size > LARGEST_BODY_BYTES:
                    raise HTTPException(413, "That was more than a button sends.")
    except TimeoutError:
        raise HTTPException(408, "The request did not come to its end.") from None
    except ClientDisconnect:
        raise HTTPException(400, "The request did not come to its end.") from None


async def _refused(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = {**pages.HEADERS, **dict((isinstance(error, HTTPException) and error.headers) or {})}
    if status == 404:  # noqa: PLR2004 - a code of HTTP
        return HTMLResponse(pages.unknown(), status, headers)
    detail = error.detail if isinstance(error, HTTPException) else ""
    return HTMLResponse(pages.wrong(detail), status, headers)


async def _failed(_request: Request, _error: Exception) -> Response:
    return HTMLResponse(pages.wrong("Something is broken here. Please try again later."), 500, pages.HEADERS)
