"""Asking an address whether it wants an edition."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from paperlake.config import Settings, SettingWrong
from paperlake.mail.confirmation import confirmation
from paperlake.mail.database import ReaderDatabase
from paperlake.mail.links import confirm_url
from paperlake.mail.smtp import NoServer, SmtpClient
from paperlake.mail.subscribers import Subscribers

Outcome = Literal["confirmed_before", "asked", "to_hand_over", "not_asked", "in_doubt"]


@dataclass(frozen=True, slots=True)
class Subscribing:
    """What came of it: the letter that asks was sent (`asked`), or not, or perhaps.

    `to_hand_over`: no mail server is set; whoever runs this hands the link over. It must reach the address alone, for
    who opens it confirms.
    """

    outcome: Outcome
    said: str = ""
    url: str | None = None
    until: datetime | None = None


def subscribe(settings: Settings, database: ReaderDatabase, address: str, edition: str, now: datetime) -> Subscribing:
    """Note the wish, and send the letter that asks to confirm it. `address` is in the form of `mail_address`.

    Raises SettingWrong where no link could lead anywhere, or no letter could be from anybody.
    """
    if settings.public_url is None:
        raise SettingWrong(
            "PAPERLAKE_PUBLIC_URL is not set: the link by which people confirm would lead nowhere"
            " (`--confirmed` subscribes whose consent you have already)"
        )
    sender = settings.sender if settings.smtp else ""
    asked = Subscribers(database).ask(address, edition, now)
    if asked.confirm_token is None or asked.confirm_until is None:
        return Subscribing("confirmed_before")
    url = confirm_url(settings.public_url, asked.confirm_token)
    if settings.smtp is None:
        return Subscribing("to_hand_over", url=url, until=asked.confirm_until)
    letter = confirmation(sender, address, edition, url, asked.confirm_until, now)
    try:
        with SmtpClient(settings.smtp, sender) as postman:
            outcome = postman.send(letter, address)
    except NoServer as trouble:
        return Subscribing("not_asked", str(trouble))
    match outcome.state:
        case "sent":
            return Subscribing("asked", outcome.said, until=asked.confirm_until)
        case "in_doubt":
            return Subscribing("in_doubt", outcome.said, until=asked.confirm_until)
    return Subscribing("not_asked", outcome.said)
