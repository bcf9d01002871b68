"""`papers mcp`: the lake for assistants."""

from __future__ import annotations

import click


@click.command()
def mcp() -> None:
    """Serve the lake to an assistant by the Model Context Protocol, over standard input and output.

    Its tools only read: search_papers, get_paper, list_day, trending, and sql (one statement, the lake's files only,
    500 rows, 20 seconds). An assistant starts this command by itself, for example with this configuration:

    \b
      {"mcpServers": {"paperlake": {
        "command": "/path/to/.venv/bin/papers", "args": ["mcp"],
        "env": {"PAPERLAKE_ROOT": "/path/to/lake"}}}}
    """
    from paperlake.config import read_settings
    from paperlake.outputs.mcp_server import mcp_server
    from paperlake.store.snapshot import require_lake

    lake = read_settings().lake
    require_lake(lake)
    mcp_server(lake).run("stdio")
