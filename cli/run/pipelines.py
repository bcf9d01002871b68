"""How a command runs its pipeline: in this process, or where PREFECT_API_URL names a server, as a flow run."""

from __future__ import annotations

from types import ModuleType


def pipelines() -> ModuleType:
    """The module whose `run_daily`, `run_backfill` and `run_harvest` are meant. Raises SettingWrong."""
    from paperlake.config import settings

    if settings().prefect_api:
        from flows import by_hand

        return by_hand
    from paperlake.pipelines import in_process

    return in_process
