"""Handing one letter to a mail server: what is known of it afterwards, and what is never told."""

import ssl
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from paperlake.mail.headers import personal_letter
from paperlake.mail.relay import Relay, RelayWrong, relay
from paperlake.mail.smtp import NoServer, SmtpClient
from tests.smtp_server import Fault, SmtpServer

SENDER = "papers@example.org"
ADA = "ada@example.org"
AT = datetime(2025, 11, 7, 6, tzinfo=UTC)


def letter(recipient=ADA, text="Good morning.\n"):
    made = personal_letter(SENDER, "Paperlake", recipient, "Papers", AT)
    made["Message-ID"] = "<1@example.org>"
    made.set_content(text)
    return made


def postman(server, **options):
    return SmtpClient(Relay("127.0.0.1", server.port, "none"), SENDER, **options)


def outcome_of(fault, **options):
    """The outcome of one letter, whether it was taken, and how often its `before_data` was called."""
    calls = []
    with SmtpServer(lambda _recipient, _try: fault) as server, postman(server, **options) as man:
        outcome = man.send(letter(), ADA, lambda: calls.append(len(server.taken)))
    return outcome, bool(server.taken), calls


def test_a_letter_arrives_as_it_was_written():
    text = "A line.\n.\n..\n. a dot first\nGrüße\n"
    with SmtpServer() as server, postman(server) as man:
        assert man.send(letter(text=text), ADA).state == "sent"
    (taken,) = server.taken
    assert (taken.recipient, taken.sender) == (ADA, SENDER)
    assert taken.letter.get_content().replace("\r\n", "\n") == text


@pytest.mark.parametrize("end", ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\r\n"])
def test_no_text_can_end_the_letter_early(end):
    made = letter()
    made.set_payload(f"first{end}MAIL FROM:<evil@example.org>{end}last\n")
    with SmtpServer() as server, postman(server) as man:
        assert man.send(made, ADA).state == "sent"
    (taken,) = server.taken
    assert b"evil" in taken.data
    assert taken.data.rstrip().endswith(b"last")
    assert b"\n" not in taken.data.replace(b"\r\n", b"")
    assert not [line for line in server.commands if "evil" in line]


def test_the_claim_is_made_before_the_server_is_given_anything():
    outcome, is_taken, calls = outcome_of(None)
    assert (outcome.state, is_taken, calls) == ("sent", True, [0])


@pytest.mark.parametrize("at", ["rcpt", "data", "dot"])
@pytest.mark.parametrize(("reply", "state"), [("550 5.1.1 nobody", "refused"), ("451 4.7.1 later", "deferred")])
def test_an_answer_of_no_is_certain_wherever_it_comes(at, reply, state):
    outcome, is_taken, _ = outcome_of(Fault(at, reply))
    assert (outcome.state, outcome.said, is_taken) == (state, reply, False)


@pytest.mark.parametrize("at", ["rcpt", "data"])
def test_a_connection_lost_before_the_letter_leaves_no_doubt(at):
    outcome, is_taken, _ = outcome_of(Fault(at))
    assert (outcome.state, is_taken) == ("deferred", False)


def test_a_connection_lost_within_the_letter_leaves_no_doubt():
    made = letter()
    made.set_payload(f"{'x' * 900}\n" * 10_000)
    with SmtpServer(lambda _recipient, _try: Fault("body")) as server, postman(server) as man:
        assert man.send(made, ADA).state == "deferred"
    assert not server.taken


@pytest.mark.parametrize("is_taken", [True, False])
def test_a_connection_lost_after_the_dot_is_a_doubt_whichever_way_it_went(is_taken):
    outcome, was_taken, _ = outcome_of(Fault("dot", is_taken=is_taken))
    assert (outcome.state, was_taken) == ("in_doubt", is_taken)


def test_no_answer_after_the_dot_is_a_doubt():
    outcome, _, _ = outcome_of(Fault("dot", delay_s=0.6), verdict_within_s=0.1)
    assert outcome.state == "in_doubt"
    assert "timed out" in outcome.said


def test_the_verdict_is_waited_for_longer_than_other_answers():
    outcome, _, _ = outcome_of(Fault("dot", delay_s=0.3), answer_within_s=0.1, verdict_within_s=5)
    assert outcome.state == "sent"


def test_no_answer_before_the_letter_puts_it_off():
    outcome, is_taken, calls = outcome_of(Fault("rcpt", delay_s=0.6), answer_within_s=0.1)
    assert (outcome.state, is_taken, calls) == ("deferred", False, [])


def test_an_answer_that_never_ends_is_no_answer():
    began = time.monotonic()
    before, _, _ = outcome_of(Fault("rcpt", is_endless=True), answer_within_s=0.2)
    after, _, _ = outcome_of(Fault("dot", is_endless=True), verdict_within_s=0.2)
    assert (before.state, after.state) == ("deferred", "in_doubt")
    assert time.monotonic() - began < 10


def test_an_answer_without_sense_after_the_dot_is_a_doubt():
    assert outcome_of(Fault("dot", "what?"))[0].state == "in_doubt"
    assert outcome_of(Fault("dot", "354 go on"))[0].state == "in_doubt"


def test_what_the_server_says_cannot_speak_to_the_terminal():
    outcome, _, _ = outcome_of(Fault("rcpt", "550 \x1b[31mred\u202e" + "x" * 1000))
    assert outcome.said.isprintable()
    assert len(outcome.said) <= 300


def test_letters_share_a_connection_and_it_is_made_anew_every_so_often():
    with SmtpServer() as server, postman(server, letters_a_connection=3) as man:
        for _ in range(7):
            assert man.send(letter(), ADA).state == "sent"
    assert server.connections == 3
    assert server.commands.count("quit") == 3


def test_after_a_refusal_the_next_letter_goes_over_the_same_connection():
    faults = {"bob@example.org": Fault("rcpt", "550 no"), "eve@example.org": Fault("dot", "554 no")}
    with SmtpServer(lambda recipient, _try: faults.get(recipient)) as server, postman(server) as man:
        states = [man.send(letter(to), to).state for to in ("bob@example.org", "eve@example.org", ADA)]
    assert states == ["refused", "refused", "sent"]
    assert server.connections == 1


def test_a_server_that_hung_up_on_an_idle_connection_is_called_again():
    with SmtpServer() as server, postman(server) as man:
        assert man.send(letter(), ADA).state == "sent"
        server.hang_up()
        assert man.send(letter(), ADA).state == "sent"
    assert len(server.taken) == 2


def test_a_claim_that_fails_keeps_the_letter_back():
    def fail():
        raise LookupError

    with SmtpServer() as server, postman(server) as man:
        with pytest.raises(LookupError):
            man.send(letter(), ADA, fail)
        assert man.send(letter(), ADA).state == "sent"
    assert len(server.taken) == 1


def test_a_server_that_does_not_want_us_is_no_fault_of_a_letter():
    unwanted = pytest.raises(NoServer, match="who are you")
    with SmtpServer(mail_reply="550 5.7.1 who are you?") as server, postman(server) as man, unwanted as told:
        man.send(letter(), ADA)
    assert told.value.is_lasting


def test_a_letter_that_is_too_large_is_its_own_fault():
    with SmtpServer(mail_reply="552 5.3.4 too large") as server, postman(server) as man:
        assert man.send(letter(), ADA).state == "refused"


def test_a_server_that_is_busy_may_be_asked_later():
    with SmtpServer(mail_reply="451 4.3.2 busy") as server, postman(server) as man:
        assert man.send(letter(), ADA).state == "deferred"


def test_nobody_listening_is_told_without_a_traceback_to_read():
    with SmtpServer() as server:
        port = server.port
    with pytest.raises(NoServer, match="cannot be reached") as told:
        SmtpClient(Relay("127.0.0.1", port, "none"), SENDER).send(letter(), ADA)
    assert not told.value.is_lasting


# --- addresses beyond ASCII


def test_an_address_beyond_ascii_needs_a_server_that_takes_it():
    to = "jürgen@xn--bcher-kva.example"
    with SmtpServer() as server, postman(server) as man:
        assert man.send(letter(to), to).state == "sent"
    assert "SMTPUTF8" in next(line for line in server.commands if line.startswith("mail"))
    with SmtpServer(offers=()) as server, postman(server) as man:
        outcome = man.send(letter(to), to)
    assert outcome.state == "refused"
    assert "SMTPUTF8" in outcome.said
    assert not server.taken


def test_a_server_of_seven_bits_gets_seven_bits():
    made = letter()
    made.set_content("Grüße\n", cte="8bit")
    with SmtpServer(offers=()) as server, postman(server) as man:
        assert man.send(made, ADA).state == "sent"
    assert server.taken[0].data.isascii()
    assert server.taken[0].letter.get_content().strip() == "Grüße"


# --- TLS and passwords


def certificate(folder, name, address):
    """A certificate for an address, signed by itself: its file, and the server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return path, context


def relay_to(server, security, user=None, password=None):
    return Relay("127.0.0.1", server.port, security, user, password)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_letter_goes_over_tls_to_a_server_with_a_good_certificate(tmp_path, security):
    path, tls = certificate(tmp_path, "good", "127.0.0.1")
    with SmtpServer(tls=tls, is_starttls=security == "starttls", login=("ada", "s3cret")) as server:
        man = SmtpClient(
            relay_to(server, security, "ada", "s3cret"), SENDER, context=ssl.create_default_context(cafile=str(path))
        )
        with man:
            assert man.send(letter(), ADA).state == "sent"
    names = [line.split(" ")[0].upper() for line in server.commands]
    assert names[:2] == (["EHLO", "STARTTLS"] if security == "starttls" else ["EHLO", "AUTH"])
    assert "MAIL" not in names[: names.index("AUTH")]


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("fault", ["unknown authority", "another name"])
def test_a_bad_certificate_ends_it_before_the_password(tmp_path, security, fault):
    path, tls = certificate(tmp_path, "one", "127.0.0.1" if fault == "unknown authority" else "127.0.0.9")
    trusted = None if fault == "unknown authority" else str(path)
    with SmtpServer(tls=tls, is_starttls=security == "starttls", login=("ada", "s3cret")) as server:
        context = ssl.create_default_context(cafile=trusted)
        man = SmtpClient(relay_to(server, security, "ada", "s3cret"), SENDER, context=context)
        with pytest.raises(NoServer, match="no TLS that we trust") as told:
            man.send(letter(), ADA)
    assert told.value.is_lasting
    assert not [line for line in server.commands if line.upper().startswith(("AUTH", "MAIL"))]


def test_a_server_without_starttls_gets_nothing():
    with SmtpServer(login=("ada", "s3cret")) as server, pytest.raises(NoServer, match="no STARTTLS"):
        SmtpClient(relay_to(server, "starttls", "ada", "s3cret"), SENDER).send(letter(), ADA)
    assert [line.split(" ")[0].upper() for line in server.commands] == ["EHLO"]


@pytest.mark.parametrize(("user", "password"), [("ada", "s3cret-äöü"), ("ada", "wrong")])
def test_a_refused_password_is_told_and_not_shown(user, password):
    refused = pytest.raises(NoServer, match="refuses our user and password")
    with SmtpServer(login=("ada", "right")) as server, refused as told:
        SmtpClient(relay_to(server, "none", user, password), SENDER).send(letter(), ADA)
    assert told.value.is_lasting
    assert password not in str(told.value)
    assert not server.taken


def test_a_password_beyond_ascii_opens():
    with SmtpServer(login=("ada", "s3cret-äöü")) as server:
        man = SmtpClient(relay_to(server, "none", "ada", "s3cret-äöü"), SENDER)
        assert man.send(letter(), ADA).state == "sent"
        man.close()


# --- the URL


def test_a_url_names_server_safety_user_and_password():
    assert relay("smtps://mail.example.org") == Relay("mail.example.org", 465, "tls")
    assert relay("smtp://mail.example.org") == Relay("mail.example.org", 587, "starttls")
    full = relay("smtp://ada%40example.org:p%2Fw%3A%25@mail.example.org:2525")
    assert full == Relay("mail.example.org", 2525, "starttls", "ada@example.org", "p/w:%")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_only_this_machine_is_spoken_to_in_the_open(host):
    assert relay(f"smtp://{host}:2525").security == "none"


@pytest.mark.parametrize("host", ["localhost.example.org", "10.0.0.1", "127.0.0.1.example.org", "0.0.0.0"])
def test_every_other_machine_is_not(host):
    assert relay(f"smtp://{host}").security == "starttls"


@pytest.mark.parametrize(
    "url",
    [
        *("http://host", "smtp://", "mail.example.org", "smtp://ada:s3cret@host:port", "smtp://ada:s3c/ret@host"),
        *("smtp://ada@host", "smtp://ada:s3cret@ho st", "smtp://ada:s3cret%0a@host", "smtp://ada:s3cret%ff@host"),
        *("smtps://ada:s3cret@host?x=y", "smtps://ada:s3cret@[host", "smtps://ada:s3cret@höst"),
    ],
)
def test_a_wrong_url_is_refused_without_showing_its_password(url):
    with pytest.raises(RelayWrong) as told:
        relay(url)
    assert "s3c" not in str(told.value)
    assert told.value.__cause__ is None


def test_secrets_are_in_no_repr():
    shown = repr(relay("smtps://ada:s3cret@host"))
    assert "s3cret" not in shown
    assert "ada" not in shown
    assert "host" in repr(replace(relay("smtps://ada:s3cret@host"), port=1))
