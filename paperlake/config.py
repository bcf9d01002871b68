"""Settings from environment variables, read once at the start of a run."""

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
from paperlake.mail.address import InvalidAddress, mail_address
from paperlake.mail.relay import InvalidRelayUrl, Relay, is_loopback, parse_relay_url
from paperlake.store.lake import Lake

HUB_URL = "https://huggingface.co"
ARXIV_URL = "https://oaipmh.arxiv.org/oai"
ARXIV_INTERVAL_S = 3.0
"""arXiv's terms of use allow one request every three seconds."""
_PLAIN_URL = re.compile(r"[A-Za-z0-9:/._~%\[\]-]+")


class InvalidSetting(PaperlakeError):
    """An environment variable has an invalid value; the message names it and the values it takes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The location of the lake and of the state folder, the sources and their request limits, and mail."""

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
    """The file of editions; None: `editions.toml` of the lake (see `paperlake.outputs.editions`)."""
    smtp: Relay | None = field(default=None, repr=False)
    public_url: str | None = None
    """Public URL of the mail endpoint and the site, without a trailing slash."""

    @property
    def sender(self) -> str:
        """The From address of letters. Raises InvalidSetting if PAPERLAKE_CONTACT is not a usable mail address."""
        try:
            address = mail_address((self.contact or "").removeprefix("mailto:"))
        except InvalidAddress as error:
            message = f"PAPERLAKE_CONTACT is the sender of letters, so it must be a mail address to send any: {error}"
            raise InvalidSetting(message) from None
        if not address.isascii():
            raise InvalidSetting("PAPERLAKE_CONTACT is the sender of letters, and some servers accept only ASCII there")
        return address

    @property
    def lake(self) -> Lake:
        """The lake at `root`."""
        return Lake(self.root)

    @property
    def user_agent(self) -> str:
        """The User-Agent of our requests, with the contact."""
        return f"paperlake/0.1 ({self.contact})" if self.contact else "paperlake/0.1"


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the environment. Raises InvalidSetting."""

    def variable(name: str) -> str | None:
        return environment.get(name, "").strip() or None

    contact = variable("PAPERLAKE_CONTACT")
    if contact and not contact.isprintable():
        raise InvalidSetting("PAPERLAKE_CONTACT goes into a header: it must be one line of printable text")
    return Settings(
        root=Path(variable("PAPERLAKE_ROOT") or "lake").expanduser().absolute(),
        state=Path(variable("PAPERLAKE_STATE") or user_state_path("paperlake")).expanduser().absolute(),
        hub_url=variable("PAPERLAKE_HUB_URL") or HUB_URL,
        hub_quota=_quota("PAPERLAKE_HUB_QUOTA", variable("PAPERLAKE_HUB_QUOTA")),
        arxiv_url=variable("PAPERLAKE_ARXIV_URL") or ARXIV_URL,
        arxiv_interval_s=_interval_s(
            variable("PAPERLAKE_ARXIV_INTERVAL_S"), variable("PAPERLAKE_ARXIV_URL") or ARXIV_URL
        ),
        contact=contact,
        hub_token=variable("HF_TOKEN"),
        prefect_api=variable("PREFECT_API_URL"),
        editions=Path(path).expanduser().absolute() if (path := variable("PAPERLAKE_EDITIONS")) else None,
        smtp=_relay(variable("PAPERLAKE_SMTP_URL")),
        public_url=_public_url(variable("PAPERLAKE_PUBLIC_URL")),
    )


def _relay(url: str | None) -> Relay | None:
    try:
        return parse_relay_url(url) if url else None
    except InvalidRelayUrl as error:
        raise InvalidSetting(f"PAPERLAKE_SMTP_URL {error}") from None


def _public_url(url: str | None) -> str | None:
    """The URL in letters and on pages. Mail headers hold it in angle brackets, so it must be plain ASCII."""
    if url is None:
        return None
    form = "PAPERLAKE_PUBLIC_URL takes an https URL like https://papers.example.org (http for this machine alone)"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidSetting(form) from None
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host or ""))
    if not host or not is_safe or "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidSetting(form)
    if not _PLAIN_URL.fullmatch(url):
        raise InvalidSetting(f"{form}; write characters beyond ASCII as xn--… or percent-encoded")
    return url.rstrip("/")


def _quota(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    quota = int(text) if text.isascii() and text.isdigit() else math.nan
    if not 0 <= quota <= 10**6:
        raise InvalidSetting(f"{name} is {text!r}; it takes a number of requests per 5 minutes, or 0 for no pacing")
    return int(quota)


def _interval_s(text: str | None, url: str) -> float:
    """Seconds between two requests to arXiv. Only a server on loopback may have less than arXiv's terms demand."""
    if text is None:
        return ARXIV_INTERVAL_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= 3600:  # noqa: PLR2004 - an hour is longer than anyone would wait
        raise InvalidSetting(
            f"PAPERLAKE_ARXIV_INTERVAL_S is {text!r}; it takes seconds between two requests, such as 3"
        )
    if seconds < ARXIV_INTERVAL_S and not is_loopback(urlsplit(url).hostname or ""):
        raise InvalidSetting(
            f"PAPERLAKE_ARXIV_INTERVAL_S is {text!r}; arXiv asks for 3 seconds between two requests; only a server on "
            "this machine may have less"
        )
    return seconds
