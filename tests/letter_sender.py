"""A process that sends an issue: `letter_sender.py STATE PORT COUNT`. Tells JSON; exit code 3 if busy."""

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


def letter(one):
    heading = Heading(SENDER, "Paperlake", one.address, "weekly", ISSUE, "Papers", AT, one.unsubscribe_token)
    made = bulk_letter(heading)
    made.set_content(f"Good morning, {one.address}.\n")
    return made


def main(state, port, count):
    named = [reader(number) for number in range(count)]
    relay = Relay("127.0.0.1", port, "none")
    with (
        ReaderDatabase(Path(state)) as database,
        SmtpClient(relay, SENDER, answer_within_s=5, verdict_within_s=0.4, letters_a_connection=40) as postman,
    ):
        to = recipients(database, "weekly", named, AT)
        try:
            done = deliver(ISSUE, to, letter, postman, database, lambda: datetime.now(UTC), sleep=lambda _: None)
        except IssueBusy:
            sys.exit(3)
    sys.stdout.write(json.dumps(asdict(done)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
