"""How long an account is believed to stand, how many are kept, and which tokens it concerns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.message import Message
from http.client import IncompleteRead
from io import BytesIO
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request

import pytest
from google.auth.exceptions import DefaultCredentialsError
from google.oauth2.credentials import Credentials

from shared.edge import revocation
from shared.edge.revocation import Account, IdentityToolkit, Revocation
from shared.edge.tokens import MemberTokens, Verifier, authenticate
from shared.errors import Unauthenticated, Unavailable
from tests.rows import each_row


class Accounts:
    """Accounts and a clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.since: float | None = 0.0
        self.error: Exception | None = None
        self.asked: list[Account] = []
        self.meanwhile: Callable[[], None] | None = None

    def valid_since(self, account: Account) -> float | None:
        self.asked.append(account)
        if self.meanwhile:
            self.meanwhile()
        if self.error:
            raise self.error
        return self.since

    def clock(self) -> float:
        return self.now


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


@pytest.fixture
def check(accounts: Accounts) -> Revocation:
    return Revocation(accounts.valid_since, accounts.clock)


def claims(sub: str = "kim", **more: Any) -> dict[str, Any]:
    return {"sub": sub, "iat": 1000, "auth_time": 900, **more}


def test_an_account_is_looked_up_again_after_a_minute_and_not_before(
    accounts: Accounts, check: Revocation
) -> None:
    for moment in (0, 59.9):
        accounts.now = moment
        check.require(claims())
    assert accounts.asked == [Account(None, "kim")]

    accounts.since = None
    accounts.now = 60
    with pytest.raises(Unauthenticated):
        check.require(claims())


def test_what_was_refused_is_kept_as_long(accounts: Accounts, check: Revocation) -> None:
    accounts.since = None
    for _ in range(2):
        with pytest.raises(Unauthenticated, match="disabled or gone"):
            check.require(claims())

    assert len(accounts.asked) == 1


@pytest.mark.parametrize(("since", "stands"), [(0, True), (900, True), (901, False)])
def test_a_session_counts_from_the_time_of_signing_in(
    accounts: Accounts, check: Revocation, since: int, *, stands: bool
) -> None:
    accounts.since = since
    if stands:
        check.require(claims())
    else:
        with pytest.raises(Unauthenticated, match="sign in again"):
            check.require(claims())


def test_a_token_that_does_not_say_when_its_owner_signed_in_counts_from_its_issue(
    accounts: Accounts, check: Revocation
) -> None:
    accounts.since = 950

    check.require({"sub": "kim", "iat": 1000})
    with pytest.raises(Unauthenticated):
        check.require(claims(auth_time="1000"))


def test_the_same_id_in_another_tenant_of_identity_platform_is_another_account(
    accounts: Accounts, check: Revocation
) -> None:
    check.require(claims())
    check.require(claims(firebase={"tenant": "pool"}))

    assert accounts.asked == [Account(None, "kim"), Account("pool", "kim")]


def test_of_more_accounts_than_are_kept_the_oldest_is_forgotten(
    accounts: Accounts, check: Revocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "KEPT_ACCOUNTS", 2)
    for sub in ("a", "b", "c", "b", "c", "a"):
        check.require(claims(sub))

    assert [account.subject for account in accounts.asked] == ["a", "b", "c", "a"]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (URLError("x"), "URLError"),
        (TimeoutError(), "TimeoutError"),
        (HTTPError("url", 403, "Sesame", None, None), "HTTPError 403"),  # type: ignore[arg-type]
        (ValueError("Sesame"), "ValueError"),
        (IncompleteRead(b"Sesame"), "IncompleteRead"),
    ],
)
def test_while_nobody_answers_tokens_are_refused_for_now_and_it_is_asked_once_a_second(
    accounts: Accounts,
    check: Revocation,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    cause: str,
) -> None:
    accounts.error = error
    for moment in (0, 0.9, 1):
        accounts.now = moment
        with pytest.raises(Unavailable):
            check.require(claims())

    assert len(accounts.asked) == 2
    logged = capsys.readouterr().out
    assert f'"cause": "{cause}"' in logged
    assert "Sesame" not in logged


def test_where_nobody_answered_one_asks_again_and_the_others_do_not_wait(
    accounts: Accounts, check: Revocation
) -> None:
    accounts.error = URLError("x")
    with pytest.raises(Unavailable):
        check.require(claims())
    accounts.now, accounts.error = 1, None

    def another() -> None:
        accounts.meanwhile = None
        with pytest.raises(Unavailable):
            check.require(claims("other"))

    accounts.meanwhile = another
    check.require(claims())
    check.require(claims("other"))

    assert [account.subject for account in accounts.asked] == ["kim", "kim", "other"]


def test_what_is_known_is_believed_for_its_minute_while_nobody_answers(
    accounts: Accounts, check: Revocation
) -> None:
    check.require(claims())
    accounts.error = URLError("x")
    with pytest.raises(Unavailable):
        check.require(claims("other"))

    check.require(claims())


class Given(Verifier):
    """A verifier that gives these claims."""

    def __init__(self, **given: Any) -> None:
        self._given = given

    def claims(self, _token: str) -> Mapping[str, Any]:
        return {"sub": "kim", "iat": 1000, **self._given}


def test_the_tenant_and_the_role_are_in_the_claims_that_are_configured() -> None:
    given = Given(org="acme", caseRole="viewer", tenant="other", role="admin")

    caller = authenticate("Bearer x", MemberTokens(given, "org", "caseRole"))

    assert (caller.tenant, caller.role) == ("acme", "viewer")


@each_row(
    "given",
    [
        {"tenant": "acme", "role": "admin"},
        {"org": "acme", "role": "admin"},
        {"tenant": "acme", "caseRole": "viewer"},
        {"firebase": {"tenant": "acme"}, "caseRole": "viewer"},
    ],
)
def test_claims_of_the_usual_names_count_nothing_where_others_are_configured(
    given: dict[str, Any],
) -> None:
    with pytest.raises(Unauthenticated):
        authenticate("Bearer x", MemberTokens(Given(**given), "org", "caseRole"))


@each_row(
    ("given", "expected"),
    [
        ({"firebase": {"tenant": "pool"}}, "pool"),
        ({"firebase": {"tenant": "pool"}, "tenant": "acme"}, "acme"),
    ],
)
def test_firebases_own_tenant_counts_where_the_token_claims_none(
    given: dict[str, Any], expected: str
) -> None:
    tokens = MemberTokens(Given(role="viewer", **given), "tenant", "role", firebase=True)

    assert authenticate("Bearer x", tokens).tenant == expected


@each_row("firebase", [None, "pool", {}, {"tenant": 7}, {"tenant": ["pool"]}])
def test_a_firebase_claim_of_another_form_names_no_tenant(firebase: Any) -> None:
    tokens = MemberTokens(Given(role="viewer", firebase=firebase), "tenant", "role", firebase=True)

    with pytest.raises(Unauthenticated):
        authenticate("Bearer x", tokens)


class Refreshed(Credentials):
    """Credentials that are good once they have been refreshed."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[no-untyped-call]
        self.refreshes = 0

    def refresh(self, _request: object) -> None:
        self.refreshes += 1
        self.token = "a-token"  # noqa: S105


def test_accounts_are_looked_up_as_the_service_account_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    credentials, sent = Refreshed(), []

    def answer(_opener: object, request: Request, timeout: float) -> BytesIO:
        sent.append((request.full_url, request.get_header("Authorization"), timeout))
        return BytesIO(b'{"users": [{"localId": "kim", "validSince": "900"}]}')

    monkeypatch.setattr("google.auth.default", lambda **_: (credentials, "acme"))
    monkeypatch.setattr("urllib.request.OpenerDirector.open", answer)
    toolkit = IdentityToolkit("acme", None)

    assert [toolkit.valid_since(Account(pool, "kim")) for pool in (None, "a/b")] == [900, 900]
    host = "https://identitytoolkit.googleapis.com/v1/projects/acme"
    assert sent == [
        (f"{host}/accounts:lookup", "Bearer a-token", 2.0),
        (f"{host}/tenants/a%2Fb/accounts:lookup", "Bearer a-token", 2.0),
    ]
    assert credentials.refreshes == 1


@pytest.mark.parametrize(
    ("said", "error"), [("TENANT_NOT_FOUND", Unauthenticated), ("INVALID", Unavailable)]
)
def test_accounts_of_a_tenant_that_was_removed_are_gone_and_keep_nobody_else_waiting(
    monkeypatch: pytest.MonkeyPatch, said: str, error: type[Exception]
) -> None:
    def refuse(_opener: object, request: Request, timeout: float) -> None:  # noqa: ARG001 - as called
        body = BytesIO(f'{{"error": {{"message": "{said}"}}}}'.encode())
        raise HTTPError(request.full_url, 400, "no", Message(), body)

    monkeypatch.setattr("urllib.request.OpenerDirector.open", refuse)
    check = Revocation(IdentityToolkit("acme", "127.0.0.1:1").valid_since)

    with pytest.raises(error):
        check.require(claims(firebase={"tenant": "gone"}))


def test_nobody_waits_for_a_token_of_the_process_that_does_not_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(revocation, "_SECONDS", 0.01)
    toolkit = IdentityToolkit("acme", None)
    refreshing = toolkit._credentials._refreshing  # noqa: SLF001 - somebody who waits

    with refreshing, pytest.raises(TimeoutError):
        toolkit.valid_since(Account(None, "kim"))


def test_a_process_without_credentials_cannot_look_accounts_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(**_: object) -> None:
        raise DefaultCredentialsError

    monkeypatch.setattr("google.auth.default", none)

    with pytest.raises(Unavailable):
        Revocation(IdentityToolkit("acme", None).valid_since).require(claims())
