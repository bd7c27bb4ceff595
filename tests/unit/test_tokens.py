"""From a token to a caller: real signatures, a real key server, and every forgery we know."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local.tokens import unsigned_token
from shared.edge.tokens import (
    MAX_LIFETIME_SECONDS,
    MAX_TOKEN_BYTES,
    SchedulerTokens,
    SignedTokens,
    UnsignedTokens,
    Verifier,
    authenticate,
    authenticate_scheduler,
    is_loopback,
)
from shared.errors import PermissionDenied, Unauthenticated, Unavailable
from shared.models.roles import Role
from shared.rules.callers import (
    ADMINS,
    AUDITING,
    CONTRIBUTORS,
    MEMBERS,
    OVERSEEING,
    PILOTS,
    READERS,
    SCHEDULERS,
    VERIFIERS,
    Caller,
)
from tests.rows import each_row

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
FOREIGN = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
ISSUER, AUDIENCE = "https://issuer.example", "caseledger"


@dataclass
class KeyServer:
    """An issuer's published keys: what is answered, and how often it was asked."""

    url: str = ""
    answer: bytes = b""
    status: int = 200
    asked: list[str] = field(default_factory=list)


def published() -> bytes:
    """The key set that the issuer publishes."""
    keys = [
        {**jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True), "kid": "rsa"},
        {**jwt.algorithms.ECAlgorithm.to_jwk(EC.public_key(), as_dict=True), "kid": "ec"},
    ]
    return json.dumps({"keys": [{**key, "use": "sig"} for key in keys]}).encode()


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    """A key server on this machine."""
    state = KeyServer(answer=published())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            self.send_response(state.status)
            self.end_headers()
            self.wfile.write(state.answer)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}/keys"
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def verifier(key_server: KeyServer) -> SignedTokens:
    """The verifier of that issuer's tokens."""
    return SignedTokens(ISSUER, AUDIENCE, key_server.url)


def claims(**changes: Any) -> dict[str, Any]:
    """A good token's claims, with changes; None takes one away."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "kim",
        "iat": now - 5,
        "exp": now + 3600,
        "tenant": "acme",
        "role": "verifier",
        "email": "kim@example.com",
        "email_verified": True,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(
    content: dict[str, Any], key: Any = RSA, kid: str | None = "rsa", algorithm: str = "RS256"
) -> str:
    """A token."""
    headers = {"kid": kid} if kid else {}
    return jwt.encode(content, key, algorithm, headers)


def without(name: str) -> str:
    """A good token but for one claim that it lacks."""
    return signed(claims(**{name: None}))


def segment(content: dict[str, Any] | bytes) -> str:
    """One part of a token."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def by_hmac(algorithm: str) -> str:
    """A token signed with the public key as if it were a secret."""
    head = {"alg": algorithm, "typ": "JWT", "kid": "rsa"}
    text = f"{segment(head)}.{segment(claims())}"
    return f"{text}.{segment(hmac.digest(RSA_PEM, text.encode(), hashlib.sha256))}"


def with_payload(**changes: Any) -> str:
    """A good token with another payload under the same signature."""
    head, _, signature = signed(claims()).split(".")
    return f"{head}.{segment(claims(**changes))}.{signature}"


def with_header(**headers: Any) -> str:
    """A token of a foreign key, whose header says where to find that key."""
    return jwt.encode(claims(), FOREIGN, "RS256", headers)


@pytest.mark.parametrize(("key", "kid", "algorithm"), [(RSA, "rsa", "RS256"), (EC, "ec", "ES256")])
def test_a_good_token_names_its_caller(
    verifier: SignedTokens, key: Any, kid: str, algorithm: str
) -> None:
    caller = authenticate(f"Bearer {signed(claims(), key, kid, algorithm)}", verifier)

    assert caller == Caller("kim", "kim@example.com", "acme", Role.VERIFIER)


ODDITIES: dict[str, Callable[[float], dict[str, Any]]] = {
    "several audiences": lambda _: {"aud": [AUDIENCE, "another"]},
    "valid for a while": lambda now: {"nbf": now - 5},
    "issued by a clock that is ahead": lambda now: {"iat": now + 5},
    "parts of seconds": lambda now: {"iat": now - 0.5, "exp": now + 60.5},
    "just expired": lambda now: {"iat": now - 600, "exp": now - 5},
    "more than we ask for": lambda _: {"nonsense": {"tenant": "other"}},
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_a_good_token_may_say_besides_changes_nothing(
    verifier: SignedTokens, oddity: str
) -> None:
    changes = ODDITIES[oddity](time.time())

    caller = authenticate(f"Bearer {signed(claims(**changes))}", verifier)

    assert (caller.subject, caller.tenant) == ("kim", "acme")


FORGERIES: dict[str, Callable[[], str]] = {
    "no signature": lambda: f"{segment({'alg': 'none', 'kid': 'rsa'})}.{segment(claims())}.",
    "no signature, spelt oddly": lambda: f"{segment({'alg': 'nOnE'})}.{segment(claims())}.",
    "a local token": lambda: unsigned_token(sub="kim", tenant="acme", role="admin"),
    "the public key as a secret": lambda: by_hmac("HS256"),
    "the public key as a secret, named RS256": lambda: by_hmac("RS256"),
    "another algorithm of the same key": lambda: signed(claims(), algorithm="RS512"),
    "another padding of the same key": lambda: signed(claims(), algorithm="PS256"),
    "another key under the same id": lambda: signed(claims(), FOREIGN),
    "a key id that is not published": lambda: signed(claims(), kid="other"),
    "no key id": lambda: signed(claims(), kid=None),
    "the other key's id": lambda: signed(claims(), kid="ec"),
    "a key of its own in the header": lambda: with_header(
        kid="rsa", jwk=json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(FOREIGN.public_key()))
    ),
    "a key server of its own in the header": lambda: with_header(
        kid="rsa", jku="https://evil.example/keys", x5u="https://evil.example/cert"
    ),
    "an extension that must be understood": lambda: jwt.encode(
        claims(), RSA, "RS256", {"kid": "rsa", "crit": ["x-unheard-of"], "x-unheard-of": 1}
    ),
    "another role under the signature": lambda: with_payload(role="admin"),
    "another tenant under the signature": lambda: with_payload(tenant="other"),
    "a signature cut short": lambda: signed(claims())[:-8],
    "no signature left": lambda: signed(claims()).rpartition(".")[0] + ".",
    "another audience": lambda: signed(claims(aud="another")),
    "other audiences": lambda: signed(claims(aud=["another", "third"])),
    "another issuer": lambda: signed(claims(iss="https://evil.example")),
    "an issuer that begins alike": lambda: signed(claims(iss=f"{ISSUER}.evil.example")),
    "expired": lambda: signed(claims(iat=int(time.time()) - 600, exp=int(time.time()) - 60)),
    "not valid yet": lambda: signed(claims(nbf=int(time.time()) + 600)),
    "issued in the future": lambda: signed(claims(iat=int(time.time()) + 600)),
    "valid too long": lambda: signed(claims(exp=int(time.time()) + MAX_LIFETIME_SECONDS + 60)),
    "valid for ever": lambda: signed(claims(exp=10**30)),
    "valid to infinity": lambda: signed(claims(exp=float("inf"))),
    "valid to nobody knows": lambda: signed(claims(exp=float("nan"))),
    "valid from minus infinity": lambda: signed(claims(iat=float("-inf"))),
    "expiring before it was issued": lambda: signed(
        claims(iat=int(time.time()) + 20, exp=int(time.time()) + 10)
    ),
    "a time in words": lambda: signed(claims(exp="tomorrow")),
    "a time in a text": lambda: signed(claims(exp=str(int(time.time()) + 600))),
    "a time that is none": lambda: signed(claims(iat=True)),
    "a list for a payload": lambda: ".".join(
        (segment({"alg": "RS256", "kid": "rsa"}), segment(b"[]"), segment(b"x"))
    ),
    "nothing": lambda: "..",
    "no token": lambda: "token",
    "bytes": lambda: "\x00\x01.\x02.\x03",
    **{
        f"no {name}": partial(without, name)
        for name in ("exp", "iat", "aud", "iss", "sub", "tenant", "role")
    },
    "a subject that is a number": lambda: with_payload(sub=7),
    "a subject with a slash": lambda: signed(claims(sub="a/b")),
    "an empty subject": lambda: signed(claims(sub="")),
    "a tenant that is a path": lambda: signed(claims(tenant="a/cases/b")),
    "a tenant that is reserved": lambda: signed(claims(tenant="__x__")),
    "a tenant that is a list": lambda: signed(claims(tenant=["acme"])),
    "an empty tenant": lambda: signed(claims(tenant="")),
    "a role that nobody has": lambda: signed(claims(role="owner")),
    "a role that is a list": lambda: signed(claims(role=["admin"])),
    "a role in capitals": lambda: signed(claims(role="ADMIN")),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_token_that_is_not_good_is_refused(verifier: SignedTokens, forgery: str) -> None:
    with pytest.raises(Unauthenticated):
        authenticate(f"Bearer {FORGERIES[forgery]()}", verifier)


def test_keys_are_fetched_once_from_the_configured_place_only(
    verifier: SignedTokens, key_server: KeyServer
) -> None:
    for _ in range(5):
        authenticate(f"Bearer {signed(claims())}", verifier)
        authenticate(f"Bearer {signed(claims(), EC, 'ec', 'ES256')}", verifier)

    assert key_server.asked == ["/keys"]


def test_keys_that_nobody_published_do_not_make_us_ask_for_them_each_time(
    verifier: SignedTokens, key_server: KeyServer
) -> None:
    for number in range(20):
        with pytest.raises(Unauthenticated):
            authenticate(f"Bearer {signed(claims(), FOREIGN, f'kid-{number}')}", verifier)

    assert len(key_server.asked) <= 2


def test_a_key_that_was_published_half_a_minute_ago_is_found(
    verifier: SignedTokens, key_server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = json.loads(key_server.answer)
    key_server.answer = json.dumps({"keys": both["keys"][:1]}).encode()
    authenticate(f"Bearer {signed(claims())}", verifier)

    key_server.answer = json.dumps(both).encode()
    later = time.monotonic() + 31
    monkeypatch.setattr(time, "monotonic", lambda: later)

    assert authenticate(f"Bearer {signed(claims(), EC, 'ec', 'ES256')}", verifier)


@pytest.mark.parametrize(
    ("status", "answer"), [(500, b""), (404, b"{}"), (200, b"<html>"), (200, b""), (200, b"{}")]
)
def test_a_key_server_that_does_not_answer_with_keys_is_out_of_reach(
    verifier: SignedTokens, key_server: KeyServer, status: int, answer: bytes
) -> None:
    key_server.status, key_server.answer = status, answer

    with pytest.raises(Unavailable):
        authenticate(f"Bearer {signed(claims())}", verifier)


def test_a_key_server_that_is_not_there_is_out_of_reach() -> None:
    tokens = SignedTokens(ISSUER, AUDIENCE, "http://127.0.0.1:1/keys")

    with pytest.raises(Unavailable):
        authenticate(f"Bearer {signed(claims())}", tokens)


@pytest.mark.parametrize("changes", [{"audience": "another"}, {"issuer": "https://other.example"}])
def test_a_token_of_another_service_or_issuer_is_refused_by_ours(
    key_server: KeyServer, changes: dict[str, str]
) -> None:
    ours = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": key_server.url, **changes}

    with pytest.raises(Unauthenticated):
        authenticate(f"Bearer {signed(claims())}", SignedTokens(**ours))


@pytest.mark.parametrize(
    ("changes", "email"),
    [
        ({}, "kim@example.com"),
        ({"email_verified": False}, None),
        ({"email_verified": None}, None),
        ({"email_verified": "true"}, None),
        ({"email_verified": 1}, None),
        ({"email": None}, None),
        ({"email": ""}, None),
        ({"email": 7}, None),
        ({"email": "kim @example.com"}, None),
        ({"email": "kim@example.com\nadmin"}, None),
        ({"email": "\u202ekim@example.com"}, None),
        ({"email": f"{'k' * 250}@example.com"}, None),
    ],
)
def test_an_email_address_counts_only_where_it_is_proven_and_fit_to_show(
    verifier: SignedTokens, changes: dict[str, Any], email: str | None
) -> None:
    caller = authenticate(f"Bearer {signed(claims(**changes))}", verifier)

    assert (caller.email, caller.actor.name) == (email, email or "kim")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer  x.y.z",
        "Bearer x.y.z ",
        "Basic a2ltOmtpbQ==",
        "x.y.z",
        f"Bearer {'x' * (MAX_TOKEN_BYTES + 1)}",
    ],
)
def test_a_header_that_holds_no_token_is_refused_without_asking_for_keys(
    verifier: SignedTokens, key_server: KeyServer, authorization: str | None
) -> None:
    with pytest.raises(Unauthenticated):
        authenticate(authorization, verifier)

    assert key_server.asked == []


def test_the_scheme_is_read_in_any_case(verifier: SignedTokens) -> None:
    assert authenticate(f"bearer {signed(claims())}", verifier).subject == "kim"


def test_of_an_unsigned_token_only_who_where_what_and_until_when_is_looked_at() -> None:
    parts = (
        segment({"alg": "none"}),
        segment(claims(email_verified=False, aud="another", iss="another")),
        "",
    )

    caller = authenticate(f"Bearer {'.'.join(parts)}", UnsignedTokens())

    assert caller == Caller("kim", "kim@example.com", "acme", Role.VERIFIER)


@each_row(
    "token",
    [
        f"{segment({'alg': 'none'})}.{segment(claims(exp=1))}.",
        signed(claims()),
        f"{segment({'alg': 'none'})}.{segment(claims())}",
        f"{segment({'alg': 'none'})}.{segment(claims())}.x",
        f"{segment({'alg': 'None'})}.{segment(claims())}.",
        f"{segment({'alg': 'none'})}.{segment(b'[]')}.",
        f"{segment({'alg': 'none'})}.{segment(b'[' * 50_000)}."[:8_000] + ".",
        f"{segment({'alg': 'none'})}.!!!.",
        f"{segment({'alg': 'none'})}.é.",
        f"{segment(b'{')}.{segment(claims())}.",
        "..",
    ],
)
def test_local_runs_take_no_other_than_whole_unsigned_tokens(token: str) -> None:
    with pytest.raises(Unauthenticated):
        authenticate(f"Bearer {token}", UnsignedTokens())


@each_row(
    ("roles", "expected"),
    [
        (READERS, "viewer verifier pilot admin agent auditor"),
        (MEMBERS, "viewer verifier pilot admin agent"),
        (AUDITING, "pilot admin auditor"),
        (OVERSEEING, "admin auditor"),
        (CONTRIBUTORS, "verifier pilot admin agent"),
        (VERIFIERS, "verifier pilot admin"),
        (PILOTS, "pilot admin"),
        (ADMINS, "admin"),
    ],
)
def test_each_group_of_roles_lets_in_whom_it_names(roles: frozenset[Role], expected: str) -> None:
    for role in Role:
        caller = Caller("kim", None, "acme", role)
        if role in expected.split():
            caller.require(roles)
        else:
            with pytest.raises(PermissionDenied):
                caller.require(roles)


@each_row(
    ("role", "kind"),
    [
        (Role.VIEWER, "user"),
        (Role.ADMIN, "user"),
        (Role.AGENT, "service"),
        (Role.SCHEDULER, "system"),
    ],
)
def test_an_actor_is_of_the_kind_of_its_role(role: Role, kind: str) -> None:
    assert Caller("kim", None, "acme", role).actor.type == kind


@each_row(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - to be refused
        ("::", False),
        ("192.168.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("2130706433", False),
        ("", False),
        (None, False),
    ],
)
def test_only_this_machine_is_loopback(host: str | None, *, expected: bool) -> None:
    assert is_loopback(host) == expected


GOOGLE = "https://accounts.google.com"
OUR_URL = "https://cases.example"
ACCOUNT = "scheduler@acme-prod.iam.gserviceaccount.com"


def scheduler_claims(**changes: Any) -> dict[str, Any]:
    """The claims of a token that Cloud Scheduler calls with, with changes; None takes one away."""
    scheduler = {
        "iss": GOOGLE,
        "aud": OUR_URL,
        "azp": "104029292853099978293",
        "sub": "104029292853099978293",
        "email": ACCOUNT,
        "email_verified": True,
        "tenant": None,
        "role": None,
    }
    return claims(**{**scheduler, **changes})


@pytest.fixture
def scheduler_tokens(key_server: KeyServer) -> SchedulerTokens:
    """The verifier of the scheduler's tokens."""
    return SchedulerTokens(SignedTokens(GOOGLE, OUR_URL, key_server.url), ACCOUNT)


def test_the_schedulers_token_names_the_scheduler_of_no_tenant(
    scheduler_tokens: SchedulerTokens,
) -> None:
    caller = authenticate_scheduler(f"Bearer {signed(scheduler_claims())}", scheduler_tokens)

    assert caller == Caller("104029292853099978293", ACCOUNT, "none", Role.SCHEDULER)


IMPOSTORS: dict[str, Callable[[], str]] = {
    "another issuer": lambda: signed(scheduler_claims(iss=ISSUER)),
    "the issuer without its scheme": lambda: signed(scheduler_claims(iss="accounts.google.com")),
    "another audience": lambda: signed(scheduler_claims(aud="https://other.example")),
    "an audience below ours": lambda: signed(scheduler_claims(aud=f"{OUR_URL}/")),
    "the members' audience": lambda: signed(scheduler_claims(aud=AUDIENCE)),
    "no audience": lambda: signed(scheduler_claims(aud=None)),
    "another account": lambda: signed(scheduler_claims(email="eve@acme-prod.example")),
    "another account of that role": lambda: signed(
        scheduler_claims(email="eve@acme-prod.example", role="scheduler")
    ),
    "the account in capitals": lambda: signed(scheduler_claims(email=ACCOUNT.upper())),
    "several accounts": lambda: signed(scheduler_claims(email=[ACCOUNT])),
    "no account": lambda: signed(scheduler_claims(email=None)),
    "an empty account": lambda: signed(scheduler_claims(email="")),
    "an account that is not verified": lambda: signed(scheduler_claims(email_verified=False)),
    "an account that is verified in words": lambda: signed(scheduler_claims(email_verified="true")),
    "an account that nobody verified": lambda: signed(scheduler_claims(email_verified=None)),
    "a token of a member": lambda: signed(claims()),
    "a token that expired": lambda: signed(
        scheduler_claims(iat=int(time.time()) - 600, exp=int(time.time()) - 60)
    ),
    "another key": lambda: signed(scheduler_claims(), FOREIGN),
    "no signature": lambda: unsigned_token(
        sub="scheduler", tenant="acme", role="scheduler", email=ACCOUNT
    ),
}


@pytest.mark.parametrize("impostor", IMPOSTORS)
def test_whoever_is_not_the_scheduler_is_refused(
    scheduler_tokens: SchedulerTokens, impostor: str
) -> None:
    with pytest.raises(Unauthenticated):
        authenticate_scheduler(f"Bearer {IMPOSTORS[impostor]()}", scheduler_tokens)


@pytest.mark.parametrize("proof", [authenticate, authenticate_scheduler])
def test_a_token_whose_signature_cloud_run_removed_is_refused_and_the_log_says_what_to_do(
    key_server: KeyServer,
    capsys: pytest.CaptureFixture[str],
    proof: Callable[[str, Verifier], Caller],
) -> None:
    tokens = SchedulerTokens(SignedTokens(GOOGLE, OUR_URL, key_server.url), ACCOUNT)
    head, payload, _ = signed(scheduler_claims()).split(".")

    with pytest.raises(Unauthenticated, match="signature was removed"):
        proof(f"Bearer {head}.{payload}.SIGNATURE_REMOVED_BY_GOOGLE", tokens)

    (line,) = capsys.readouterr().out.splitlines()
    assert "WARNING" in line
    assert "invoker-iam-disabled" in line
    assert payload not in line
    assert key_server.asked == []


@pytest.mark.parametrize("email", ["", None])
def test_where_no_account_is_named_nobody_is_the_scheduler_and_no_key_is_asked_for(
    key_server: KeyServer, email: str | None
) -> None:
    tokens = SchedulerTokens(SignedTokens(GOOGLE, OUR_URL, key_server.url), "")

    with pytest.raises(Unauthenticated):
        authenticate_scheduler(f"Bearer {signed(scheduler_claims(email=email))}", tokens)

    assert key_server.asked == []


def test_the_scheduler_is_no_member(verifier: SignedTokens) -> None:
    for changes in ({}, {"aud": AUDIENCE}, {"iss": ISSUER, "aud": AUDIENCE}):
        token = signed(scheduler_claims(**changes))
        with pytest.raises(Unauthenticated):
            authenticate(f"Bearer {token}", verifier)


def test_locally_whoever_has_the_role_is_the_scheduler_with_or_without_a_tenant() -> None:
    for tenant, expected in (("acme", "acme"), (None, "none"), ("", "none")):
        payload = {"sub": "cron", "role": "scheduler", "tenant": tenant}
        token = f"{segment({'alg': 'none'})}.{segment(payload)}."

        caller = authenticate_scheduler(f"Bearer {token}", UnsignedTokens())

        assert (caller.tenant, caller.role) == (expected, Role.SCHEDULER)


@each_row("role", ["viewer", "admin", "agent"])
def test_locally_others_keep_their_role_where_the_scheduler_is_asked_for(role: str) -> None:
    token = unsigned_token(sub="kim", tenant="acme", role=role, email=ACCOUNT)

    caller = authenticate_scheduler(f"Bearer {token}", UnsignedTokens())

    with pytest.raises(PermissionDenied):
        caller.require(SCHEDULERS)
