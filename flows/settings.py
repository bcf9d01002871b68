"""What the environment says. Read once, at the start of a run; nothing below flows reads it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_state_path

from store.lake import Lake

HUB_URL = "https://huggingface.co"


class SettingWrong(Exception):
    """An environment variable holds what it must not; the message says which, and what it may hold."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the lake is, whom to ask, and how politely."""

    root: Path
    state: Path
    hub_url: str = HUB_URL
    hub_quota: int | None = None
    contact: str | None = None
    hub_token: str | None = field(default=None, repr=False)
    prefect_api: str | None = None

    @property
    def lake(self) -> Lake:
        """The lake at `root`."""
        return Lake(self.root)

    @property
    def user_agent(self) -> str:
        """Who we say that we are."""
        return f"paperlake/0.1 ({self.contact})" if self.contact else "paperlake/0.1"


def settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in force. Raises SettingWrong."""

    def said(name: str) -> str | None:
        return environment.get(name, "").strip() or None

    contact = said("PAPERLAKE_CONTACT")
    if contact and not contact.isprintable():
        raise SettingWrong("PAPERLAKE_CONTACT goes into a header: it must be one line of printable text")
    return Settings(
        root=Path(said("PAPERLAKE_ROOT") or "lake").expanduser().absolute(),
        state=Path(said("PAPERLAKE_STATE") or user_state_path("paperlake")).expanduser().absolute(),
        hub_url=said("PAPERLAKE_HUB_URL") or HUB_URL,
        hub_quota=_quota("PAPERLAKE_HUB_QUOTA", said("PAPERLAKE_HUB_QUOTA")),
        contact=contact,
        hub_token=said("HF_TOKEN"),
        prefect_api=said("PREFECT_API_URL"),
    )


def _quota(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    quota = int(text) if text.isascii() and text.isdigit() else math.nan
    if not 0 <= quota <= 10**6:
        raise SettingWrong(f"{name} is {text!r}; it takes a number of requests per 5 minutes, or 0 for no pacing")
    return int(quota)
