"""Senders that die at any moment, before a server that misbehaves: nobody gets two letters, nobody is forgotten."""

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
from tests.smtp_server import Fault, SmtpServer

pytestmark = pytest.mark.real
LETTERS = int(os.environ.get("PAPERLAKE_SOAK_LETTERS", "60"))
KILLS = int(os.environ.get("PAPERLAKE_SOAK_MAIL_KILLS", "4"))
"""`make soak` sends a thousand letters, and kills fifty senders."""
ROOT = Path(__file__).parents[2]

ALWAYS = {
    3: Fault("rcpt", "550 5.1.1 no such reader"),
    7: Fault("dot", "554 5.7.1 we do not like it"),
    11: Fault("dot", is_taken=True),
    13: Fault("dot", is_taken=False),
    17: Fault("dot", delay_s=0.02),
}
AT_FIRST = {
    5: Fault("rcpt", "451 4.7.1 come back later"),
    9: Fault("dot", "451 4.3.0 come back later"),
    15: Fault("rcpt"),
    16: Fault("data"),
    18: Fault("rcpt", "421 4.3.2 closing"),
}
TOO_LATE = Fault("dot", delay_s=0.8)
REFUSED, DOUBTFUL = {3, 7}, {11, 13}


def number_of(address):
    return int(address.partition("@")[0].removeprefix("reader-"))


def script(recipient, tries):
    number = number_of(recipient)
    if number % 200 == 19:
        return TOO_LATE
    return ALWAYS.get(number % 20) or (AT_FIRST.get(number % 20) if tries == 1 else None)


def sender(state, server, letters=LETTERS, told=subprocess.DEVNULL):
    return subprocess.Popen(
        [sys.executable, ROOT / "tests/letter_sender.py", state, str(server.port), str(letters)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdout=told,
    )


def killed_at_random(state, server, rng):
    """Start a sender and kill it: after some letters, or a moment later, or before the first."""
    process = sender(state, server)
    # Most die while there are letters to send: about a fifth of all is never taken.
    wanted = len(server.taken) + rng.randrange(max(2, LETTERS * 6 // 5 // (KILLS + 1)))
    while process.poll() is None and len(server.taken) < wanted:
        time.sleep(0.0005)
    time.sleep(rng.random() * 0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return process.returncode == -signal.SIGKILL


def finished(state, server):
    """What the last of as many runs says as it takes until nothing is put off."""
    for _ in range(20):
        process = sender(state, server, told=subprocess.PIPE)
        told, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        done = json.loads(told)
        if not done["deferred"]:
            return done
    pytest.fail("letters are put off for ever")


def test_nobody_gets_two_letters_and_nobody_is_forgotten(tmp_path):
    rng = random.Random(20251107)
    state = tmp_path / "state"
    with SmtpServer(script) as server:
        killed = sum(killed_at_random(state, server, rng) for _ in range(KILLS))
        done = finished(state, server)
        before = len(server.taken)
        assert finished(state, server)["sent"] == [], "another run finds nothing to do"
        assert len(server.taken) == before
    taken = Counter(letter.recipient for letter in server.taken)
    with ReaderDatabase(state) as database:
        state_of = {row.address: row.state for row in Deliveries(database).deliveries(ISSUE)}
    assert set(state_of) == {reader(number) for number in range(LETTERS)}
    assert set(state_of.values()) <= {"sent", "refused", "in_doubt"}
    for address, told in state_of.items():
        match told:
            case "sent":
                assert taken[address] == 1, address
            case "refused":
                assert taken[address] == 0, address
                assert number_of(address) % 20 in REFUSED
            case "in_doubt":
                assert taken[address] <= 1, address
    doubts = {address for address, told in state_of.items() if told == "in_doubt"}
    unexplained = {address for address in doubts if (n := number_of(address)) % 20 not in DOUBTFUL and n % 200 != 19}
    assert len(unexplained) <= killed, "each death leaves one doubt at most"
    assert {told["address"] for told in done["in_doubt"]} == doubts, "all doubts are told"
    sys.stdout.write(
        f"{LETTERS} letters, {killed} senders killed: {Counter(state_of.values())}, of the doubts {len(unexplained)} by"
        f" a kill and {sum(taken[address] for address in doubts)} taken; {server.connections} connections,"
        f" most letters to one reader {max(taken.values())}\n"
    )


def test_of_two_senders_one_stops_and_says_so(tmp_path):
    with SmtpServer(lambda _recipient, _try: Fault("dot", delay_s=0.1)) as server:
        both = [sender(tmp_path / "state", server, letters=20) for _ in range(2)]
        codes = sorted(process.wait(60) for process in both)
    assert codes == [0, 3]
    assert set(Counter(letter.recipient for letter in server.taken).values()) == {1}
