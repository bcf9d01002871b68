"""What the environment says. Read once, at the start of a run; nothing below flows reads it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_state_path

from paperlake.errors import PaperlakeError
from paperlake.mail.address import AddressWrong, mail_address
from paperlake.mail.relay import Relay, RelayWrong, is_loopback, relay
from paperlake.store.lake import Lake

HUB_URL = "https://huggingface.co"
ARXIV_URL = "https://oaipmh.arxiv.org/oai"
ARXIV_INTERVAL_S = 3.0
"""Of arXiv's terms: at most one request in that time."""
_PLAIN_URL = re.compile(r"[A-Za-z0-9:/._~%\[\]-]+")


class SettingWrong(PaperlakeError):
    """An environment variable holds what it must not; the message says which, and what it may hold."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the lake is, whom to ask, and how politely."""

    root: Path
    state: Path
    hub_url: str = HUB_URL
    hub_quota: int | None = None
    arxiv_url: str = ARXIV_URL
    arxiv_interval_s: float = ARXIV_INTERVAL_S
    contact: str | None = None
    hub_token: str | None = field(default=None, repr=False)
    prefect_api: str | None = None
    editions: Path | None = None
    """The file of editions; `flows.editions` knows where else to look."""
    smtp: Relay | None = field(default=None, repr=False)
    public_url: str | None = None
    """Where the world reaches the mail endpoint; without a slash at its end."""

    @property
    def sender(self) -> str:
        """The address that letters are from. Raises SettingWrong where the contact is none that letters can be from."""
        try:
            address = mail_address((self.contact or "").removeprefix("mailto:"))
        except AddressWrong as wrong:
            said = f"PAPERLAKE_CONTACT is who letters are from, so it must be a mail address to send any: {wrong}"
            raise SettingWrong(said) from None
        if not address.isascii():
            raise SettingWrong("PAPERLAKE_CONTACT is who letters are from, and not every server takes one beyond ASCII")
        return address

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
        arxiv_url=said("PAPERLAKE_ARXIV_URL") or ARXIV_URL,
        arxiv_interval_s=_interval_s(said("PAPERLAKE_ARXIV_INTERVAL_S"), said("PAPERLAKE_ARXIV_URL") or ARXIV_URL),
        contact=contact,
        hub_token=said("HF_TOKEN"),
        prefect_api=said("PREFECT_API_URL"),
        editions=Path(path).expanduser().absolute() if (path := said("PAPERLAKE_EDITIONS")) else None,
        smtp=_relay(said("PAPERLAKE_SMTP_URL")),
        public_url=_public_url(said("PAPERLAKE_PUBLIC_URL")),
    )


def _relay(url: str | None) -> Relay | None:
    try:
        return relay(url) if url else None
    except RelayWrong as wrong:
        raise SettingWrong(f"PAPERLAKE_SMTP_URL {wrong}") from None


def _public_url(url: str | None) -> str | None:
    """The URL that readers are sent to. It goes into headers between angle brackets, so it must be plain."""
    if url is None:
        return None
    form = "PAPERLAKE_PUBLIC_URL takes an https URL like https://papers.example.org (http for this machine alone)"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise SettingWrong(form) from None
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host or ""))
    if not host or not is_safe or "@" in parts.netloc or parts.query or parts.fragment:
        raise SettingWrong(form)
    if not _PLAIN_URL.fullmatch(url):
        raise SettingWrong(f"{form}; what is beyond ASCII in it is written xn--… or percent-encoded")
    return url.rstrip("/")


def _quota(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    quota = int(text) if text.isascii() and text.isdigit() else math.nan
    if not 0 <= quota <= 10**6:
        raise SettingWrong(f"{name} is {text!r}; it takes a number of requests per 5 minutes, or 0 for no pacing")
    return int(quota)


def _interval_s(text: str | None, url: str) -> float:
    """Seconds between two requests to arXiv. Less than its terms ask for is taken for a server of this machine only."""
    if text is None:
        return ARXIV_INTERVAL_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= 3600:  # noqa: PLR2004 - an hour, as far as anyone would wait
        raise SettingWrong(f"PAPERLAKE_ARXIV_INTERVAL_S is {text!r}; it takes seconds between two requests, such as 3")
    if seconds < ARXIV_INTERVAL_S and not is_loopback(urlsplit(url).hostname or ""):
        raise SettingWrong(
            f"PAPERLAKE_ARXIV_INTERVAL_S is {text!r}; arXiv asks for 3 seconds between two requests, and less is taken "
            "for a server of this machine only"
        )
    return seconds
