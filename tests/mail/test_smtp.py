"""Sending one letter over SMTP: the result in every failure, and that no secret is shown."""

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
from paperlake.mail.relay import InvalidRelayUrl, Relay, parse_relay_url
from paperlake.mail.smtp import MailServerUnavailable, SmtpClient
from tests.smtp_server import SmtpFault, SmtpServer

SENDER = "papers@example.org"
ADA = "ada@example.org"
AT = datetime(2025, 11, 7, 6, tzinfo=UTC)


def letter(recipient=ADA, text="Good morning.\n"):
    message = personal_letter(SENDER, "Paperlake", recipient, "Papers", AT)
    message["Message-ID"] = "<1@example.org>"
    message.set_content(text)
    return message


def client_of(server, **options):
    return SmtpClient(Relay("127.0.0.1", server.port, "none"), SENDER, **options)


def send_with(fault, **options):
    """Send one letter; returns the result, whether it was accepted, and the calls of `before_data`."""
    calls = []
    with SmtpServer(lambda _recipient, _attempt: fault) as server, client_of(server, **options) as client:
        result = client.send(letter(), ADA, lambda: calls.append(len(server.accepted)))
    return result, bool(server.accepted), calls


def test_a_letter_arrives_unchanged():
    text = "A line.\n.\n..\n. a dot first\nGrüße\n"
    with SmtpServer() as server, client_of(server) as client:
        assert client.send(letter(text=text), ADA).state == "sent"
    (accepted,) = server.accepted
    assert (accepted.recipient, accepted.sender) == (ADA, SENDER)
    assert accepted.letter.get_content().replace("\r\n", "\n") == text


@pytest.mark.parametrize("end", ["\n.\n", "\r.\r", "\n.\r\n", "\r\n.\r\n"])
def test_no_text_can_end_the_letter_early(end):
    message = letter()
    message.set_payload(f"first{end}MAIL FROM:<evil@example.org>{end}last\n")
    with SmtpServer() as server, client_of(server) as client:
        assert client.send(message, ADA).state == "sent"
    (accepted,) = server.accepted
    assert b"evil" in accepted.data
    assert accepted.data.rstrip().endswith(b"last")
    assert b"\n" not in accepted.data.replace(b"\r\n", b"")
    assert not [line for line in server.commands if "evil" in line]


def test_before_data_is_called_before_the_server_gets_the_letter():
    result, is_accepted, calls = send_with(None)
    assert (result.state, is_accepted, calls) == ("sent", True, [0])


@pytest.mark.parametrize("at", ["rcpt", "data", "dot"])
@pytest.mark.parametrize(("reply", "state"), [("550 5.1.1 nobody", "refused"), ("451 4.7.1 later", "deferred")])
def test_a_refusal_is_certain_at_every_step(at, reply, state):
    result, is_accepted, _ = send_with(SmtpFault(at, reply))
    assert (result.state, result.message, is_accepted) == (state, reply, False)


@pytest.mark.parametrize("at", ["rcpt", "data"])
def test_a_connection_lost_before_the_letter_defers_it(at):
    result, is_accepted, _ = send_with(SmtpFault(at))
    assert (result.state, is_accepted) == ("deferred", False)


def test_a_connection_lost_within_the_letter_defers_it():
    message = letter()
    message.set_payload(f"{'x' * 900}\n" * 10_000)
    with SmtpServer(lambda _recipient, _attempt: SmtpFault("body")) as server, client_of(server) as client:
        assert client.send(message, ADA).state == "deferred"
    assert not server.accepted


@pytest.mark.parametrize("is_accepted", [True, False])
def test_a_connection_lost_after_the_dot_leaves_a_doubt(is_accepted):
    result, was_accepted, _ = send_with(SmtpFault("dot", is_accepted=is_accepted))
    assert (result.state, was_accepted) == ("in_doubt", is_accepted)


def test_no_reply_after_the_dot_leaves_a_doubt():
    result, _, _ = send_with(SmtpFault("dot", delay_s=0.6), final_reply_timeout_s=0.1)
    assert result.state == "in_doubt"
    assert "timed out" in result.message


def test_the_final_reply_has_its_own_longer_timeout():
    result, _, _ = send_with(SmtpFault("dot", delay_s=0.3), reply_timeout_s=0.1, final_reply_timeout_s=5)
    assert result.state == "sent"


def test_no_reply_before_the_letter_defers_it():
    result, is_accepted, calls = send_with(SmtpFault("rcpt", delay_s=0.6), reply_timeout_s=0.1)
    assert (result.state, is_accepted, calls) == ("deferred", False, [])


def test_an_endless_reply_times_out():
    began = time.monotonic()
    before, _, _ = send_with(SmtpFault("rcpt", is_endless=True), reply_timeout_s=0.2)
    after, _, _ = send_with(SmtpFault("dot", is_endless=True), final_reply_timeout_s=0.2)
    assert (before.state, after.state) == ("deferred", "in_doubt")
    assert time.monotonic() - began < 10


def test_a_malformed_final_reply_leaves_a_doubt():
    assert send_with(SmtpFault("dot", "what?"))[0].state == "in_doubt"
    assert send_with(SmtpFault("dot", "354 go on"))[0].state == "in_doubt"


def test_a_server_reply_is_sanitized_and_shortened():
    result, _, _ = send_with(SmtpFault("rcpt", "550 \x1b[31mred\u202e" + "x" * 1000))
    assert result.message.isprintable()
    assert len(result.message) <= 300


def test_a_connection_is_replaced_after_its_maximum_of_letters():
    with SmtpServer() as server, client_of(server, letters_per_connection=3) as client:
        for _ in range(7):
            assert client.send(letter(), ADA).state == "sent"
    assert server.connections == 3
    assert server.commands.count("quit") == 3


def test_a_connection_is_reused_after_a_refusal():
    faults = {"bob@example.org": SmtpFault("rcpt", "550 no"), "eve@example.org": SmtpFault("dot", "554 no")}
    with SmtpServer(lambda recipient, _attempt: faults.get(recipient)) as server, client_of(server) as client:
        states = [client.send(letter(to), to).state for to in ("bob@example.org", "eve@example.org", ADA)]
    assert states == ["refused", "refused", "sent"]
    assert server.connections == 1


def test_an_idle_connection_that_the_server_closed_is_reopened():
    with SmtpServer() as server, client_of(server) as client:
        assert client.send(letter(), ADA).state == "sent"
        server.close_connections()
        assert client.send(letter(), ADA).state == "sent"
    assert len(server.accepted) == 2


def test_a_letter_is_not_sent_if_before_data_raises():
    def fail():
        raise LookupError

    with SmtpServer() as server, client_of(server) as client:
        with pytest.raises(LookupError):
            client.send(letter(), ADA, fail)
        assert client.send(letter(), ADA).state == "sent"
    assert len(server.accepted) == 1


def test_a_refused_sender_is_a_server_error():
    unwanted = pytest.raises(MailServerUnavailable, match="who are you")
    with SmtpServer(mail_reply="550 5.7.1 who are you?") as server, client_of(server) as client, unwanted as error:
        client.send(letter(), ADA)
    assert error.value.is_permanent


def test_a_letter_that_is_too_large_is_refused():
    with SmtpServer(mail_reply="552 5.3.4 too large") as server, client_of(server) as client:
        assert client.send(letter(), ADA).state == "refused"


def test_a_busy_server_defers_the_letter():
    with SmtpServer(mail_reply="451 4.3.2 busy") as server, client_of(server) as client:
        assert client.send(letter(), ADA).state == "deferred"


def test_an_unreachable_server_is_a_temporary_error():
    with SmtpServer() as server:
        port = server.port
    with pytest.raises(MailServerUnavailable, match="cannot be reached") as error:
        SmtpClient(Relay("127.0.0.1", port, "none"), SENDER).send(letter(), ADA)
    assert not error.value.is_permanent


# --- non-ASCII addresses


def test_a_non_ascii_address_needs_smtputf8():
    to = "jürgen@xn--bcher-kva.example"
    with SmtpServer() as server, client_of(server) as client:
        assert client.send(letter(to), to).state == "sent"
    assert "SMTPUTF8" in next(line for line in server.commands if line.startswith("mail"))
    with SmtpServer(offers=()) as server, client_of(server) as client:
        result = client.send(letter(to), to)
    assert result.state == "refused"
    assert "SMTPUTF8" in result.message
    assert not server.accepted


def test_a_server_without_8bitmime_gets_ascii():
    message = letter()
    message.set_content("Grüße\n", cte="8bit")
    with SmtpServer(offers=()) as server, client_of(server) as client:
        assert client.send(message, ADA).state == "sent"
    assert server.accepted[0].data.isascii()
    assert server.accepted[0].letter.get_content().strip() == "Grüße"


# --- TLS and passwords


def certificate(folder, name, address):
    """A self-signed certificate for an IP address; returns its file and the server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    message = (
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
    key_format = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, key_format, serialization.NoEncryption())
        + message.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return path, context


def relay_to(server, security, user=None, password=None):
    return Relay("127.0.0.1", server.port, security, user, password)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_letter_is_sent_over_tls_with_a_valid_certificate(tmp_path, security):
    path, tls = certificate(tmp_path, "good", "127.0.0.1")
    with SmtpServer(tls=tls, is_starttls=security == "starttls", login=("ada", "s3cret")) as server:
        client = SmtpClient(
            relay_to(server, security, "ada", "s3cret"), SENDER, context=ssl.create_default_context(cafile=str(path))
        )
        with client:
            assert client.send(letter(), ADA).state == "sent"
    names = [line.split(" ")[0].upper() for line in server.commands]
    assert names[:2] == (["EHLO", "STARTTLS"] if security == "starttls" else ["EHLO", "AUTH"])
    assert "MAIL" not in names[: names.index("AUTH")]


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize("fault", ["unknown authority", "another name"])
def test_an_invalid_certificate_stops_before_the_password(tmp_path, security, fault):
    path, tls = certificate(tmp_path, "one", "127.0.0.1" if fault == "unknown authority" else "127.0.0.9")
    trusted = None if fault == "unknown authority" else str(path)
    with SmtpServer(tls=tls, is_starttls=security == "starttls", login=("ada", "s3cret")) as server:
        context = ssl.create_default_context(cafile=trusted)
        client = SmtpClient(relay_to(server, security, "ada", "s3cret"), SENDER, context=context)
        with pytest.raises(MailServerUnavailable, match="is not trusted") as error:
            client.send(letter(), ADA)
    assert error.value.is_permanent
    assert not [line for line in server.commands if line.upper().startswith(("AUTH", "MAIL"))]


def test_nothing_is_sent_without_starttls():
    with SmtpServer(login=("ada", "s3cret")) as server, pytest.raises(MailServerUnavailable, match="no STARTTLS"):
        SmtpClient(relay_to(server, "starttls", "ada", "s3cret"), SENDER).send(letter(), ADA)
    assert [line.split(" ")[0].upper() for line in server.commands] == ["EHLO"]


@pytest.mark.parametrize(("user", "password"), [("ada", "s3cret-äöü"), ("ada", "wrong")])
def test_a_refused_password_is_reported_without_the_password(user, password):
    refused = pytest.raises(MailServerUnavailable, match="refuses our user and password")
    with SmtpServer(login=("ada", "right")) as server, refused as error:
        SmtpClient(relay_to(server, "none", user, password), SENDER).send(letter(), ADA)
    assert error.value.is_permanent
    assert password not in str(error.value)
    assert not server.accepted


def test_a_non_ascii_password_is_accepted():
    with SmtpServer(login=("ada", "s3cret-äöü")) as server:
        client = SmtpClient(relay_to(server, "none", "ada", "s3cret-äöü"), SENDER)
        assert client.send(letter(), ADA).state == "sent"
        client.close()


# --- the URL


def test_a_relay_url_is_parsed():
    assert parse_relay_url("smtps://mail.example.org") == Relay("mail.example.org", 465, "tls")
    assert parse_relay_url("smtp://mail.example.org") == Relay("mail.example.org", 587, "starttls")
    full = parse_relay_url("smtp://ada%40example.org:p%2Fw%3A%25@mail.example.org:2525")
    assert full == Relay("mail.example.org", 2525, "starttls", "ada@example.org", "p/w:%")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_only_loopback_needs_no_tls(host):
    assert parse_relay_url(f"smtp://{host}:2525").security == "none"


@pytest.mark.parametrize("host", ["localhost.example.org", "10.0.0.1", "127.0.0.1.example.org", "0.0.0.0"])
def test_every_other_host_needs_tls(host):
    assert parse_relay_url(f"smtp://{host}").security == "starttls"


@pytest.mark.parametrize(
    "url",
    [
        *("http://host", "smtp://", "mail.example.org", "smtp://ada:s3cret@host:port", "smtp://ada:s3c/ret@host"),
        *("smtp://ada@host", "smtp://ada:s3cret@ho st", "smtp://ada:s3cret%0a@host", "smtp://ada:s3cret%ff@host"),
        *("smtps://ada:s3cret@host?x=y", "smtps://ada:s3cret@[host", "smtps://ada:s3cret@höst"),
    ],
)
def test_an_invalid_url_is_refused_without_showing_its_password(url):
    with pytest.raises(InvalidRelayUrl) as error:
        parse_relay_url(url)
    assert "s3c" not in str(error.value)
    assert error.value.__cause__ is None


def test_repr_hides_secrets():
    shown = repr(parse_relay_url("smtps://ada:s3cret@host"))
    assert "s3cret" not in shown
    assert "ada" not in shown
    assert "host" in repr(replace(parse_relay_url("smtps://ada:s3cret@host"), port=1))
