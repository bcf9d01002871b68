"""A process that sends an issue: `letter_sender.py STATE PORT COUNT`.

It prints the report as JSON, and exits with 3 if another process holds the issue's lock.
"""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from paperlake.mail.database import ReaderDatabase
from paperlake.mail.deliveries import IssueBusy
from paperlake.mail.headers import Heading, bulk_letter
from paperlake.mail.relay import Relay
from paperlake.mail.smtp import SmtpClient
from paperlake.outputs.delivery import deliver, recipients

ISSUE = "weekly-2025-W45"
SENDER = "papers@example.org"
AT = datetime(2025, 11, 7, 6, tzinfo=UTC)


def reader(number):
    return f"reader-{number}@example.org"


def letter(recipient):
    heading = Heading(
        SENDER, "Paperlake", recipient.address, "weekly", ISSUE, "Papers", AT, recipient.unsubscribe_token
    )
    message = bulk_letter(heading)
    message.set_content(f"Good morning, {recipient.address}.\n")
    return message


def main(state, port, count):
    named = [reader(number) for number in range(count)]
    relay = Relay("127.0.0.1", port, "none")
    with (
        ReaderDatabase(Path(state)) as database,
        SmtpClient(relay, SENDER, reply_timeout_s=5, final_reply_timeout_s=0.4, letters_per_connection=40) as client,
    ):
        to = recipients(database, "weekly", named, AT)
        try:
            report = deliver(ISSUE, to, letter, client, database, lambda: datetime.now(UTC), sleep=lambda _: None)
        except IssueBusy:
            sys.exit(3)
    sys.stdout.write(json.dumps(asdict(report)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
