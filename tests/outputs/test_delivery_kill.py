"""Kill senders at random against a faulty server: no reader gets two letters, and no letter is lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from paperlake.mail.database import ReaderDatabase
from paperlake.mail.deliveries import Deliveries
from tests.letter_sender import ISSUE, reader
from tests.smtp_server import SmtpFault, SmtpServer

pytestmark = pytest.mark.real
LETTERS = int(os.environ.get("PAPERLAKE_SOAK_LETTERS", "60"))
KILLS = int(os.environ.get("PAPERLAKE_SOAK_MAIL_KILLS", "4"))
"""`make soak` sends a thousand letters, and kills fifty senders."""
ROOT = Path(__file__).parents[2]

EVERY_ATTEMPT = {
    3: SmtpFault("rcpt", "550 5.1.1 no such reader"),
    7: SmtpFault("dot", "554 5.7.1 rejected as spam"),
    11: SmtpFault("dot", is_accepted=True),
    13: SmtpFault("dot", is_accepted=False),
    17: SmtpFault("dot", delay_s=0.02),
}
FIRST_ATTEMPT = {
    5: SmtpFault("rcpt", "451 4.7.1 come back later"),
    9: SmtpFault("dot", "451 4.3.0 come back later"),
    15: SmtpFault("rcpt"),
    16: SmtpFault("data"),
    18: SmtpFault("rcpt", "421 4.3.2 closing"),
}
LATE_REPLY = SmtpFault("dot", delay_s=0.8)
REFUSED, DOUBTFUL = {3, 7}, {11, 13}


def number_of(address):
    return int(address.partition("@")[0].removeprefix("reader-"))


def script(recipient, attempt):
    number = number_of(recipient)
    if number % 200 == 19:
        return LATE_REPLY
    return EVERY_ATTEMPT.get(number % 20) or (FIRST_ATTEMPT.get(number % 20) if attempt == 1 else None)


def start_sender(state, server, letters=LETTERS, stdout=subprocess.DEVNULL):
    return subprocess.Popen(
        [sys.executable, ROOT / "tests/letter_sender.py", state, str(server.port), str(letters)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdout=stdout,
    )


def kill_at_random(state, server, rng):
    """Start a sender and kill it after a random number of letters; returns whether it was still running."""
    process = start_sender(state, server)
    # Kill most of them while letters are left; about a fifth of the letters is never accepted.
    target = len(server.accepted) + rng.randrange(max(2, LETTERS * 6 // 5 // (KILLS + 1)))
    while process.poll() is None and len(server.accepted) < target:
        time.sleep(0.0005)
    time.sleep(rng.random() * 0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return process.returncode == -signal.SIGKILL


def send_until_complete(state, server):
    """Run senders until no letter is deferred; returns the last report."""
    for _ in range(20):
        process = start_sender(state, server, stdout=subprocess.PIPE)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        report = json.loads(output)
        if not report["deferred"]:
            return report
    pytest.fail("letters stay deferred")


def test_no_reader_gets_two_letters_and_no_letter_is_lost(tmp_path):
    rng = random.Random(20251107)
    state = tmp_path / "state"
    with SmtpServer(script) as server:
        killed = sum(kill_at_random(state, server, rng) for _ in range(KILLS))
        report = send_until_complete(state, server)
        before = len(server.accepted)
        assert send_until_complete(state, server)["sent"] == [], "another run sends nothing"
        assert len(server.accepted) == before
    letter_count = Counter(letter.recipient for letter in server.accepted)
    with ReaderDatabase(state) as database:
        state_of = {row.address: row.state for row in Deliveries(database).of_issue(ISSUE)}
    assert set(state_of) == {reader(number) for number in range(LETTERS)}
    assert set(state_of.values()) <= {"sent", "refused", "in_doubt"}
    for address, letter_state in state_of.items():
        match letter_state:
            case "sent":
                assert letter_count[address] == 1, address
            case "refused":
                assert letter_count[address] == 0, address
                assert number_of(address) % 20 in REFUSED
            case "in_doubt":
                assert letter_count[address] <= 1, address
    doubts = {address for address, letter_state in state_of.items() if letter_state == "in_doubt"}
    unexplained = {address for address in doubts if (n := number_of(address)) % 20 not in DOUBTFUL and n % 200 != 19}
    assert len(unexplained) <= killed, "each killed sender leaves one letter in doubt at most"
    assert {status["address"] for status in report["in_doubt"]} == doubts, "every letter in doubt is reported"
    sys.stdout.write(
        f"{LETTERS} letters, {killed} senders killed: {Counter(state_of.values())}, {len(unexplained)} in doubt after"
        f" a kill and {sum(letter_count[address] for address in doubts)} in doubt accepted;"
        f" {server.connections} connections, most letters to one reader {max(letter_count.values())}\n"
    )


def test_the_second_of_two_senders_exits_with_3(tmp_path):
    with SmtpServer(lambda _recipient, _attempt: SmtpFault("dot", delay_s=0.1)) as server:
        both = [start_sender(tmp_path / "state", server, letters=20) for _ in range(2)]
        codes = sorted(process.wait(60) for process in both)
    assert codes == [0, 3]
    assert set(Counter(letter.recipient for letter in server.accepted).values()) == {1}
