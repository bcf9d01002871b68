"""Health check of the mail subscriptions."""

from __future__ import annotations

from pathlib import Path

from paperlake.errors import PaperlakeError
from paperlake.mail.database import FILE_NAME, ReaderDatabase
from paperlake.mail.subscribers import Subscribers
from paperlake.monitoring.health import Check
from paperlake.text import plural


def check_subscriptions(state: Path) -> list[Check]:
    """Check for suspended subscriptions, without naming addresses. No check if nobody ever subscribed."""
    if not (state / FILE_NAME).exists():
        return []
    try:
        with ReaderDatabase(state) as database:
            rows = Subscribers(database).subscriptions()
    except PaperlakeError as error:
        return [Check("subscriptions", "fail", str(error), "restore the file from its copy (docs/mail.md)")]
    except OSError as error:
        return [Check("subscriptions", "warn", f"cannot be read: {error}", "run it as the user who sends the letters")]
    current = [row for row in rows if row.status != "unsubscribed"]
    count = plural(len(current), "subscription")
    suspended = sum(row.status == "suspended" for row in current)
    if not suspended:
        return [Check("subscriptions", "ok", f"{count}, none is suspended")]
    message = f"{suspended} of {count} {'is' if suspended == 1 else 'are'} suspended after refused letters"
    return [Check("subscriptions", "warn", message, "papers subscribers")]
