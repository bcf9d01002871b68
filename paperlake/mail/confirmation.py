"""The letter that asks whether an address wants an edition: without an answer nothing is ever sent to it."""

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

The link holds until {until:%Y-%m-%d %H:%M} UTC.

If it was not you, do nothing: without your answer, nothing will be sent.
"""


def confirmation(  # noqa: PLR0913, PLR0917 - what is said in it, each thing once
    sender: str, recipient: str, edition: str, url: str, until: datetime, at: datetime
) -> EmailMessage:
    """The letter, in plain text. `url` is where the page with the button is."""
    letter = personal_letter(sender, SENDER_NAME, recipient, f'Please confirm: "{edition}" of Paperlake', at)
    letter["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    letter.set_content(_TEXT.format(edition=edition, url=url, until=until.astimezone(UTC)))
    return letter
