"""An issuer's keys over time: they rotate, their server goes away, strangers make us ask."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.edge.tokens import MAX_TOKEN_BYTES, SignedTokens, authenticate
from shared.errors import Unauthenticated, Unavailable
from tests.unit.test_tokens import (
    AUDIENCE,
    EC,
    FOREIGN,
    ISSUER,
    RSA,
    KeyServer,
    claims,
    key_server,
    published,
    segment,
    signed,
    verifier,
)

__all__ = ["key_server", "verifier"]
ENOUGH = settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


class Later:
    """A monotonic clock, for the library too, that can be moved on."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._true = time.monotonic

    def __call__(self) -> float:
        return self._true() + self.seconds


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[Later]:
    """The clock by which keys age."""
    clock = Later()
    monkeypatch.setattr(time, "monotonic", clock)
    yield clock
    monkeypatch.undo()


def accepted(verifier: SignedTokens, token: str | None = None) -> bool:
    return authenticate(f"Bearer {token or signed(claims())}", verifier).subject == "kim"


def refused(verifier: SignedTokens, token: str) -> None:
    with pytest.raises(Unauthenticated):
        authenticate(f"Bearer {token}", verifier)


def rotated() -> bytes:
    """What the issuer publishes after it has taken another key under a new id."""
    key = jwt.algorithms.RSAAlgorithm.to_jwk(FOREIGN.public_key(), as_dict=True)
    return json.dumps({"keys": [{**key, "kid": "new", "use": "sig"}]}).encode()


def by_the_new_key() -> str:
    return signed(claims(), FOREIGN, "new")


def test_a_new_key_is_found_without_a_restart(
    verifier: SignedTokens, key_server: KeyServer, later: Later
) -> None:
    assert accepted(verifier)
    key_server.answer = rotated()
    later.seconds = 31

    assert accepted(verifier, by_the_new_key())


def test_a_key_that_is_no_longer_published_is_refused_ten_minutes_later(
    verifier: SignedTokens, key_server: KeyServer, later: Later
) -> None:
    assert accepted(verifier)
    key_server.answer = rotated()
    later.seconds = 590
    assert accepted(verifier)

    later.seconds = 601

    refused(verifier, signed(claims()))


def test_unknown_key_ids_make_us_ask_once_in_half_a_minute(
    verifier: SignedTokens, key_server: KeyServer, later: Later
) -> None:
    assert accepted(verifier)
    for minute in range(1, 4):
        later.seconds = minute * 31
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: refused(verifier, signed(claims(), kid=f"k-{n}")), range(40)))

        assert 1 + minute == len(key_server.asked)


@pytest.mark.parametrize("kid", ["../../admin", "/etc/passwd", "http://evil.example/keys", "%2e"])
def test_a_key_id_that_is_a_path_is_only_a_name(
    verifier: SignedTokens, key_server: KeyServer, later: Later, kid: str
) -> None:
    assert accepted(verifier)
    later.seconds = 31

    refused(verifier, signed(claims(), FOREIGN, kid))

    assert key_server.asked == ["/keys", "/keys"]


def test_a_token_of_ten_kibibytes_is_refused_without_a_look_at_it(
    verifier: SignedTokens, key_server: KeyServer
) -> None:
    long = signed(claims(nonsense="x" * 7_000))
    assert MAX_TOKEN_BYTES < len(long) < 10_240

    refused(verifier, long)

    assert key_server.asked == []


@pytest.mark.parametrize("name", ["tenant", "role", "sub"])
@pytest.mark.parametrize(
    "value", [["acme"], {"id": "acme"}, [], {}, 7, 0, True, 1.5, "\ud800", "acme\n", " acme"]
)
def test_who_where_and_what_must_be_texts_of_their_form(
    verifier: SignedTokens, name: str, value: Any
) -> None:
    content = json.dumps({**claims(), name: value}).encode()

    refused(verifier, jwt.PyJWS().encode(content, RSA, "RS256", {"kid": "rsa"}))


@ENOUGH
@given(header=JSON | st.fixed_dictionaries({"alg": JSON | st.just("RS256"), "kid": JSON}))
def test_no_header_is_more_than_a_bad_token(verifier: SignedTokens, header: Any) -> None:
    refused(verifier, f"{segment(json.dumps(header).encode())}.{segment(claims())}.AAAA")


@ENOUGH
@given(
    name=st.sampled_from(["iss", "aud", "exp", "iat", "sub", "tenant", "role"]),
    value=st.lists(JSON) | st.dictionaries(st.text(max_size=5), JSON) | st.none() | st.booleans(),
)
def test_no_signed_claim_of_another_type_is_more_than_a_bad_token(
    verifier: SignedTokens, name: str, value: Any
) -> None:
    content = json.dumps({**claims(), name: value}).encode()

    refused(verifier, jwt.PyJWS().encode(content, RSA, "RS256", {"kid": "rsa"}))


NO_KEYS = {
    "an error": (500, b""),
    "a page": (200, b"<html>"),
    "no object": (200, b"[]"),
    "nothing": (200, b"null"),
    "no keys": (200, b'{"keys": []}'),
    "keys of no kind": (200, b'{"keys": [7, {"kty": ["RSA"]}]}'),
    "bytes": (200, b'{"keys": "\xff"}'),
    "depths": (200, b"[" * 100_000),
}


@pytest.mark.parametrize("outage", NO_KEYS)
def test_keys_keep_working_while_their_server_answers_without_keys(
    verifier: SignedTokens, key_server: KeyServer, later: Later, outage: str
) -> None:
    assert accepted(verifier)
    key_server.status, key_server.answer = NO_KEYS[outage]

    for later.seconds in (31, 601, 632, 1_300, 86_000):
        assert accepted(verifier)
        refused(verifier, by_the_new_key())

    key_server.status, key_server.answer = 200, rotated()
    later.seconds += 31
    assert accepted(verifier, by_the_new_key())


@pytest.mark.parametrize("outage", NO_KEYS)
def test_an_answer_without_keys_is_an_outage_where_none_were_ever_fetched(
    verifier: SignedTokens, key_server: KeyServer, later: Later, outage: str
) -> None:
    key_server.status, key_server.answer = NO_KEYS[outage]
    with pytest.raises(Unavailable):
        accepted(verifier)

    key_server.status, key_server.answer = 200, published()
    later.seconds = 1
    assert accepted(verifier)


def test_keys_keep_working_while_their_server_hangs_up(later: Later) -> None:
    body = published()
    half = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as pool:

        def answer(content: bytes) -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(content)

        tokens = SignedTokens(ISSUER, AUDIENCE, f"http://127.0.0.1:{server.getsockname()[1]}/keys")
        for later.seconds, content in (
            (0, half % (len(body), body)),
            (601, half % (len(body), body[:99])),
            (1_202, b""),
        ):
            answered = pool.submit(answer, content)
            assert accepted(tokens)
            answered.result()
    later.seconds = 1_803
    assert accepted(tokens)


def test_a_server_that_is_away_is_asked_no_more_often_than_one_that_is_there(
    verifier: SignedTokens, key_server: KeyServer, later: Later
) -> None:
    assert accepted(verifier)
    key_server.status = 500
    later.seconds = 601

    assert accepted(verifier)
    for number in range(20):
        refused(verifier, signed(claims(), EC, f"kid-{number}", "ES256"))

    assert len(key_server.asked) == 2


def test_a_server_that_never_gave_keys_is_asked_ever_less_often(
    verifier: SignedTokens, key_server: KeyServer, later: Later
) -> None:
    key_server.status = 500
    asked = []
    for later.seconds in range(0, 240, 3):
        with pytest.raises(Unavailable):
            accepted(verifier)
        asked.append(len(key_server.asked))

    assert asked[20] <= 6
    assert asked[-1] - asked[20] == 6


def test_callers_do_not_queue_for_a_server_that_never_gave_keys(
    verifier: SignedTokens, key_server: KeyServer
) -> None:
    key_server.status = 500
    for _ in range(20):
        with pytest.raises(Unavailable):
            accepted(verifier)

    assert len(key_server.asked) == 1
