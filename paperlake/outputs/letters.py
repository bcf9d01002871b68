"""Make the letters of an issue, short enough that mail services show them whole."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from functools import cached_property
from hashlib import sha256

from paperlake.config import Settings
from paperlake.mail.headers import POLICY, Heading, bulk_letter
from paperlake.mail.links import unsubscribe_mailto, unsubscribe_url
from paperlake.outputs.delivery import Recipient
from paperlake.outputs.issues import issue_url, list_links
from paperlake.render.issue import Issue
from paperlake.render.letter import Letter, render_letter

MAX_HTML_BYTES = 100_000
"""Of the HTML part as sent, with its headers. Gmail hides what follows 102 kB, and with it the end of the letter."""


class LetterMaker:
    """Makes the letter of a reader, dated by when it is called."""

    def __init__(self, settings: Settings, issue: Issue, now: Callable[[], datetime]) -> None:
        """Use the sender and public URL of the settings. Raises InvalidSetting if there is no sender address."""
        self._sender, self._public_url = settings.sender, settings.public_url
        self._issue, self._now = issue, now

    def __call__(self, recipient: Recipient) -> EmailMessage:
        """The letter of `recipient`."""
        heading = Heading(
            sender=self._sender,
            sender_name=self._issue.edition.title,
            recipient=recipient.address,
            edition=self._issue.edition.name,
            issue_id=self._issue.name,
            subject=self._issue.subject,
            at=self._now(),
            unsubscribe_token=recipient.unsubscribe_token,
            public_url=self._public_url,
        )
        letter = self._render(recipient.unsubscribe_token, self._shown)
        message = bulk_letter(heading)
        message.set_content(letter.text)
        message.make_alternative()
        message.attach(_html_part(letter.html))
        # The default boundary is random; a derived one keeps the letter reproducible.
        message.set_boundary(f"={sha256(message['Message-ID'].encode()).hexdigest()[:32]}")
        return message

    @cached_property
    def _shown(self) -> int:
        """How many papers fit into a letter. All letters are of one size, because all tokens have the same length."""

        def size(shown: int) -> int:
            return len(_html_part(self._render("t" * 43, shown).html).as_bytes())

        count = len(self._issue.papers)
        if size(count) <= MAX_HTML_BYTES:
            return count
        return max(1, bisect_right(range(count), MAX_HTML_BYTES, lo=1, key=size) - 1)

    def _render(self, token: str, shown: int) -> Letter:
        link = unsubscribe_url(self._public_url, token) if self._public_url else unsubscribe_mailto(self._sender, token)
        rest_links = list_links(self._issue, shown, self._public_url) if shown < len(self._issue.papers) else []
        page = issue_url(self._issue, self._public_url)
        return render_letter(self._issue, link, page, shown=shown, rest_links=rest_links)


def _html_part(html: str) -> EmailMessage:
    """The HTML body, in the shorter of the two encodings. Python would choose by the first ten lines alone."""
    encoded = html.encode()
    escaped = sum(byte > 126 or byte == ord("=") for byte in encoded)  # noqa: PLR2004 - the last printable of ASCII
    is_mostly_ascii = escaped * 2 < len(encoded) / 3
    part = EmailMessage(policy=POLICY)
    part.set_content(html, subtype="html", cte="quoted-printable" if is_mostly_ascii else "base64")
    return part
