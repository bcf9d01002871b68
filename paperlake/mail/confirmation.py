"""The letter that asks a person to confirm a subscription. An unconfirmed address gets no other mail."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import make_msgid

from paperlake.mail.headers import personal_letter

SENDER_NAME = "Paperlake"

_TEXT = """\
Somebody, and we hope that it was you, asked for the edition "{edition}" of
Paperlake to be sent to this address. To get it, open this page and press
its button:

{url}

The link is valid until {until:%Y-%m-%d %H:%M} UTC.

If it was not you, do nothing: without your answer, nothing will be sent.
"""


def confirmation_letter(  # noqa: PLR0913, PLR0917 - each value appears in the letter
    sender: str, recipient: str, edition: str, url: str, until: datetime, at: datetime
) -> EmailMessage:
    """The letter, in plain text. `url` is the page with the confirm button; `at` is the letter's date."""
    letter = personal_letter(sender, SENDER_NAME, recipient, f'Please confirm: "{edition}" of Paperlake', at)
    letter["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    letter.set_content(_TEXT.format(edition=edition, url=url, until=until.astimezone(UTC)))
    return letter
