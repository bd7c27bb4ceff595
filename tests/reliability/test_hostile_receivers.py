"""What is sent to a receiver that stalls, lies, leads elsewhere or is somebody else."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared import bounded, outgoing
from shared.bounded import Bounded
from shared.outgoing import Answer, post
from tests.reliability.receivers import (
    OK,
    Behaviour,
    answers,
    closes,
    drips,
    floods,
    receiving,
    stalls,
    status,
)
from tests.rows import each_row

BODY = b'{"type":"webhook.test"}'
SHORT = 0.3
"""Seconds within which everything must be over, where the receiver never ends."""
BOMB = gzip.compress(b"0" * 10_000_000)


def sent(behaviour: Behaviour, seconds: float = 15) -> Answer:
    """What comes of sending to such a receiver."""
    with receiving(behaviour) as receiver:
        return post(receiver.url, BODY, {}, seconds=seconds, local=True)


def test_a_receiver_gets_the_request_as_it_is_described() -> None:
    with receiving(status(204)) as receiver:
        answer = post(f"{receiver.url}?a=b", BODY, {"webhook-id": "e-1"}, local=True)

    assert answer == Answer(204)
    assert receiver.requests[0].startswith(b"POST /hook?a=b HTTP/1.1\r\n")
    assert receiver.bodies() == [BODY]
    (head,) = receiver.heads()
    assert head["host"] == f"127.0.0.1:{receiver.port}"
    assert head["webhook-id"] == "e-1"
    assert head["accept-encoding"] == "identity"
    assert head["connection"] == "close"


@pytest.mark.parametrize(
    "behaviour",
    [
        stalls,
        drips(b"", b"H"),
        drips(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        drips(b"HTTP/1.1 200 OK\r\nA: ", b"b"),
        drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["says nothing", "drips a status", "drips headers", "drips a header", "drips 100"],
)
def test_a_receiver_that_does_not_end_its_head_is_given_up_in_time(behaviour: Behaviour) -> None:
    assert sent(behaviour, SHORT) == Answer(failure="timeout")


@pytest.mark.parametrize(
    "behaviour",
    [
        drips(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        floods(b"HTTP/1.1 200 OK\r\n\r\n"),
        floods(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
        answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk"),
        answers(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + BOMB),
        answers(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000),
        answers(b"HTTP/1.1 200 OK\r\n"),
    ],
    ids=[
        "drips",
        "drips chunks",
        "floods",
        "promises",
        "lies about chunks",
        "sends a bomb",
        "sends a long header",
        "ends in the head",
    ],
)
def test_once_the_status_is_there_what_follows_changes_nothing(behaviour: Behaviour) -> None:
    assert sent(behaviour, SHORT) == Answer(200)


@each_row("interim", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
def test_what_comes_before_the_answer_is_passed_over(interim: bytes) -> None:
    before = b"HTTP/1.1 " + interim + b"\r\nLink: </a>\r\n\r\n"

    assert sent(answers(before * 3 + OK)) == Answer(200)
    assert sent(answers(before * 3)) == Answer(failure="connection")


def test_no_more_of_an_answer_is_read_than_64_kilobytes(monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    incoming = Bounded.recv_into

    def recv_into(self: Bounded, view: memoryview) -> int:
        nonlocal read
        count = incoming(self, view)
        read += count
        return count

    monkeypatch.setattr(Bounded, "recv_into", recv_into)

    assert sent(floods(b"HTTP/1.1 200 OK\r\n\r\n")) == Answer(200)
    assert 0 < read <= bounded.MAX_ANSWER


@pytest.mark.parametrize(
    ("behaviour", "failure"),
    [
        (closes, "connection"),
        (answers(b"SSH-2.0-OpenSSH_9.2\r\n"), "answer"),
        (answers(b"HTTP/1.1 abc OK\r\n\r\n"), "answer"),
        (answers(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"), "answer"),
        (answers(bytes(range(256)) * 300), "answer"),
    ],
    ids=["closes", "speaks SSH", "no number", "many headers", "garbage"],
)
def test_what_is_no_answer_of_http_is_none(behaviour: Behaviour, failure: str) -> None:
    assert sent(behaviour).failure == failure


@each_row("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(code: int) -> None:
    with receiving() as other:
        answer = sent(status(code, f"Location: {other.url}"))

    assert answer == Answer(code)
    assert other.connections == 0


def test_what_a_receiver_asks_to_wait_is_told() -> None:
    assert sent(status(429, "Retry-After: 30")) == Answer(429, "30")


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert post(receiver.url, BODY, {}, local=True) == Answer(200)

    assert proxy.connections == 0


@each_row(
    "url",
    [
        "http://receiver.example/",
        "http://127.0.0.1/",
        "ftp://receiver.example/",
        "file:///etc/passwd",
        "https:///",
        "https://user@receiver.example/",
        "https://user:secret@receiver.example/",
        "https://receiver.example:99999/",
        "https://[::1/",
        "https://reçeiver.example/",
        "",
    ],
)
def test_nothing_is_sent_to_a_url_that_is_not_https(url: str) -> None:
    def resolver(_: str, __: int) -> Sequence[str]:
        pytest.fail("the name was looked up")

    assert post(url, BODY, {}, resolver=resolver) == Answer(failure="url")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1", "64:ff9b::1"]
)
@pytest.mark.parametrize("local", [False, True])
def test_a_name_of_a_private_address_gets_no_connection(
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    local: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("connected"))
    url = "https://receiver.example/"

    answer = post(url, BODY, {}, local=local, resolver=lambda _, __: [address])

    assert answer == Answer(failure="address")


def test_a_name_is_resolved_once_and_the_connection_is_made_to_what_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that has another address by the time of the connection does not help anybody."""
    found = [["10.0.0.1", "203.0.113.1", "8.8.8.8", "1.1.1.1"], ["127.0.0.1"]]
    asked: list[tuple[str, int]] = []
    connected: list[tuple[str, int]] = []

    def resolver(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return found.pop(0)

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        assert 0 < timeout <= outgoing.SECONDS
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    answer = post("https://receiver.example:8443/", BODY, {}, resolver=resolver)

    assert answer == Answer(failure="connection")
    assert asked == [("receiver.example", 8443)]
    assert connected == [("8.8.8.8", 8443), ("1.1.1.1", 8443)]


def test_an_attempt_has_15_seconds_and_each_of_four_addresses_but_the_last_five_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[float] = []

    def connect(_: tuple[str, int], timeout: float) -> socket.socket:
        given.append(timeout)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    found = [f"8.8.8.{number}" for number in range(6)]
    post("https://receiver.example/", BODY, {}, resolver=lambda _, __: found)

    *others, last = given
    assert others == [5, 5, 5]
    assert 5 < last <= 15


def test_a_local_name_never_means_another_machine() -> None:
    url = "http://localhost:1/"

    answer = post(url, BODY, {}, local=True, resolver=lambda _, __: ["8.8.8.8", "10.0.0.1"])

    assert answer == Answer(failure="address")


def test_a_resolver_that_does_not_answer_is_given_up_in_time() -> None:
    over = threading.Event()

    def resolver(_: str, __: int) -> Sequence[str]:
        over.wait(60)
        return []

    answer = post("https://receiver.example/", BODY, {}, seconds=SHORT, resolver=resolver)
    over.set()

    assert answer == Answer(failure="timeout")


def test_a_name_that_does_not_exist_has_no_address() -> None:
    def resolver(_: str, __: int) -> Sequence[str]:
        raise socket.gaierror

    assert post("https://receiver.example/", BODY, {}, resolver=resolver).failure == "name"


def certificate(directory: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for a name, and the file with its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name[0].isdigit():
        names = [x509.IPAddress(ip_address(name))]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / f"{name}.pem"
    encoded = made.public_bytes(serialization.Encoding.PEM)
    path.write_bytes(
        encoded
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, path


def test_tls_is_begun_with_the_name_and_not_with_the_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context, path = certificate(tmp_path, "localhost")
    asked: list[str | None] = []
    context.sni_callback = lambda _, name, __: asked.append(name)
    trusting = ssl.create_default_context(cafile=str(path))
    monkeypatch.setattr(bounded, "_tls", lambda: trusting)

    with receiving(answers(OK), context) as receiver:
        url = f"https://localhost:{receiver.port}/"
        answer = post(url, BODY, {}, local=True, resolver=lambda _, __: ["127.0.0.1"])

    assert answer == Answer(200)
    assert asked == ["localhost"]
    assert receiver.heads()[0]["host"] == f"localhost:{receiver.port}"


def test_the_dot_at_the_end_of_a_whole_name_is_no_part_of_its_certificate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context, path = certificate(tmp_path, "receiver.example")
    trusting = ssl.create_default_context(cafile=str(path))
    monkeypatch.setattr(bounded, "_tls", lambda: trusting)
    monkeypatch.setattr(outgoing, "is_public", lambda _: True)

    with receiving(answers(OK), context) as receiver:
        url = f"https://receiver.example.:{receiver.port}/"
        answer = post(url, BODY, {}, resolver=lambda _, __: ["127.0.0.1"])

    assert answer == Answer(200)


@pytest.mark.parametrize("trusted", [False, True], ids=["unknown", "of another name"])
def test_a_certificate_that_is_not_that_of_the_name_gets_no_request(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    trusted: bool,  # noqa: FBT001
) -> None:
    context, path = certificate(tmp_path, "receiver.example")
    if trusted:
        trusting = ssl.create_default_context(cafile=str(path))
        monkeypatch.setattr(bounded, "_tls", lambda: trusting)

    with receiving(answers(OK), context) as receiver:
        answer = post(f"https://localhost:{receiver.port}/", BODY, {}, local=True)

    assert answer == Answer(failure="certificate")
    assert receiver.requests == []


def test_a_receiver_that_speaks_no_tls_or_stalls_in_it_is_given_up() -> None:
    with receiving() as receiver:
        url = f"https://127.0.0.1:{receiver.port}/"
        assert post(url, BODY, {}, seconds=SHORT, local=True).failure in ("connection", "timeout")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        assert post(url, BODY, {}, seconds=SHORT, local=True) == Answer(failure="timeout")
