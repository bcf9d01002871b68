"""Choose how to run a pipeline: in this process, or as a flow run if PREFECT_API_URL names a server."""

from __future__ import annotations

from types import ModuleType


def pipelines() -> ModuleType:
    """The module with `run_daily`, `run_backfill` and `run_harvest` to use. Raises InvalidSetting."""
    from paperlake.config import read_settings

    if read_settings().prefect_api:
        from flows import flow_runs

        return flow_runs
    from paperlake.pipelines import in_process

    return in_process
