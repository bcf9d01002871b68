"""Request a subscription: send the confirmation letter, or return its link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from paperlake.config import InvalidSetting, Settings
from paperlake.mail.confirmation import confirmation_letter
from paperlake.mail.database import ReaderDatabase
from paperlake.mail.links import confirm_url
from paperlake.mail.smtp import MailServerUnavailable, SmtpClient
from paperlake.mail.subscribers import Subscribers

SubscribeStatus = Literal["confirmed_before", "asked", "to_hand_over", "not_asked", "in_doubt"]


@dataclass(frozen=True, slots=True)
class SubscribeResult:
    """Whether the confirmation letter was sent (`asked`), was not sent, or is in doubt.

    `to_hand_over`: no mail server is configured, so the operator passes the link on. Only the owner of the address
    may get it, because opening it and pressing its button confirms.
    """

    outcome: SubscribeStatus
    message: str = ""
    url: str | None = None
    until: datetime | None = None


def subscribe(
    settings: Settings, database: ReaderDatabase, address: str, edition: str, now: datetime
) -> SubscribeResult:
    """Record the request, and send the confirmation letter. `address` is in the form of `mail_address`.

    Raises InvalidSetting if there is no public URL for the link, or no sender address for the letter.
    """
    if settings.public_url is None:
        raise InvalidSetting(
            "PAPERLAKE_PUBLIC_URL is not set, so there is no page to confirm on"
            " (`--confirmed` subscribes a person whose consent you already have)"
        )
    sender = settings.sender if settings.smtp else ""
    request = Subscribers(database).request(address, edition, now)
    if request.confirm_token is None or request.confirm_until is None:
        return SubscribeResult("confirmed_before")
    url = confirm_url(settings.public_url, request.confirm_token)
    if settings.smtp is None:
        return SubscribeResult("to_hand_over", url=url, until=request.confirm_until)
    letter = confirmation_letter(sender, address, edition, url, request.confirm_until, now)
    try:
        with SmtpClient(settings.smtp, sender) as client:
            result = client.send(letter, address)
    except MailServerUnavailable as error:
        return SubscribeResult("not_asked", str(error))
    match result.state:
        case "sent":
            return SubscribeResult("asked", result.message, until=request.confirm_until)
        case "in_doubt":
            return SubscribeResult("in_doubt", result.message, until=request.confirm_until)
    return SubscribeResult("not_asked", result.message)
