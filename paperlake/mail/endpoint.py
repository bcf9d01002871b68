"""The HTTP endpoint for confirming and unsubscribing: a page with a button, and the button's action.

A GET changes nothing, because mail scanners open every link. Only a POST does, from the button or from a mail client
(RFC 8058: no cookie, no redirect, no further question).
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

MAX_BODY_BYTES = 4096
"""`List-Unsubscribe=One-Click` has 26 bytes, and somewhat more as multipart/form-data."""

BODY_TIMEOUT_S = 10.0


class SubscriptionStore(Protocol):
    """The subscription methods that the endpoint calls. Each returns the edition, or None for an unknown token."""

    def edition_to_confirm(self, token: str, now: datetime) -> str | None:
        """The edition that the token confirms."""

    def confirm(self, token: str, now: datetime) -> str | None:
        """Confirm the subscription; idempotent."""

    def edition_to_leave(self, token: str) -> str | None:
        """The edition that the token unsubscribes from."""

    def unsubscribe(self, token: str, now: datetime) -> str | None:
        """End the subscription; idempotent."""


def create_app(subscriptions: SubscriptionStore, now: Callable[[], datetime]) -> Starlette:
    """The ASGI application. It identifies people by the token in the path alone."""

    async def confirm(request: Request) -> Response:
        token = request.path_params["token"]
        if request.method != "POST":
            edition = await run_in_threadpool(subscriptions.edition_to_confirm, token, now())
            return _response(edition, pages.confirm_page)
        await _drain_body(request)
        return _response(await run_in_threadpool(subscriptions.confirm, token, now()), pages.confirmed_page)

    async def unsubscribe(request: Request) -> Response:
        token = request.path_params["token"]
        if request.method != "POST":
            edition = await run_in_threadpool(subscriptions.edition_to_leave, token)
            return _response(edition, pages.unsubscribe_page)
        await _drain_body(request)
        return _response(await run_in_threadpool(subscriptions.unsubscribe, token, now()), pages.unsubscribed_page)

    return Starlette(
        routes=[
            Route("/confirm/{token}", confirm, methods=["GET", "POST"]),
            Route("/unsubscribe/{token}", unsubscribe, methods=["GET", "POST"]),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _internal_error},
    )


def _response(edition: str | None, render: Callable[[str], str]) -> Response:
    if edition is None:
        return HTMLResponse(pages.invalid_link_page(), 404, pages.HEADERS)
    return HTMLResponse(render(edition), 200, pages.HEADERS)


async def _drain_body(request: Request) -> None:
    """Read the whole body and ignore it: only the token counts, and mail clients send different bodies."""
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise HTTPException(413, "The request body is too large.")
    except TimeoutError:
        raise HTTPException(408, "The request was not complete in time.") from None
    except ClientDisconnect:
        raise HTTPException(400, "The request was not complete.") from None


async def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = {**pages.HEADERS, **dict((isinstance(error, HTTPException) and error.headers) or {})}
    if status == 404:  # noqa: PLR2004 - an HTTP status
        return HTMLResponse(pages.invalid_link_page(), status, headers)
    detail = error.detail if isinstance(error, HTTPException) else ""
    return HTMLResponse(pages.error_page(detail), status, headers)


async def _internal_error(_request: Request, _error: Exception) -> Response:
    text = "An internal error occurred. Please try again later."
    return HTMLResponse(pages.error_page(text), 500, pages.HEADERS)
