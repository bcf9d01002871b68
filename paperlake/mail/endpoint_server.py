"""Serve the mail endpoint over HTTP."""

from __future__ import annotations

import uvicorn
from starlette.applications import Starlette


def serve(application: Starlette, host: str, port: int) -> None:
    """Serve until the process gets a termination signal. Requests are not logged: their paths contain tokens."""
    uvicorn.run(
        application,
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
        limit_concurrency=200,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=16 * 1024,
        lifespan="off",
        ws="none",
    )
