"""CASELEDGER_REVOCATION=check: what becomes of the token of an account that changes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from local.ports import free_port
from shared.config import FIREBASE, Config
from shared.runtime import Runtime
from tests.client import Api, Client, TestResponse
from tests.firebase_auth import PROJECT, AuthEmulator, claims_of
from tests.unit.test_tokens import KeyServer, key_server, signed

__all__ = ["key_server"]
VERA = "vera@example.com"


@pytest.fixture
def checked(embedded_config: Config, accounts: AuthEmulator, key_server: KeyServer) -> Config:
    """Accounts are looked up in the emulator; their tokens have real signatures."""
    return replace(
        embedded_config,
        unsigned_tokens=False,
        issuer=f"{FIREBASE}{PROJECT}",
        audience=PROJECT,
        jwks_url=key_server.url,
        check_revocation=True,
        auth_emulator=accounts.host,
    )


@pytest.fixture
def api(checked: Config, framework: Flask) -> Iterator[Api]:
    runtime = Runtime(checked)
    yield Api(runtime, app=framework)
    runtime.close()


def token(accounts: AuthEmulator, **changes: object) -> str:
    """The token of a new viewer, as Google would sign it."""
    claims = {**claims_of(accounts.sign_up(VERA)), "tenant": "acme", "role": "viewer", **changes}
    return signed({name: value for name, value in claims.items() if value is not None})


def asked(api: Api, bearer: str) -> TestResponse:
    return Client(api.app, bearer, {}).get("/cases")


def changed(accounts: AuthEmulator, **change: object) -> None:
    """Changes the account, as an administrator does."""
    (user,) = accounts.as_owner(":lookup", email=[VERA])["users"]
    accounts.as_owner(":update", localId=user["localId"], **change)


def test_the_token_of_an_account_that_stands_is_accepted(api: Api, accounts: AuthEmulator) -> None:
    assert asked(api, token(accounts)).status_code == 200


def test_the_token_of_a_disabled_account_is_refused(api: Api, accounts: AuthEmulator) -> None:
    bearer = token(accounts)
    changed(accounts, disableUser=True)

    answer = asked(api, bearer)

    assert answer.status_code == 401
    assert "disabled or gone" in answer.json["error"]["message"]


def test_the_token_of_a_removed_account_is_refused(api: Api, accounts: AuthEmulator) -> None:
    bearer = token(accounts)
    accounts.clear()

    assert asked(api, bearer).status_code == 401


def test_the_token_of_a_session_that_was_ended_is_refused(api: Api, accounts: AuthEmulator) -> None:
    bearer = token(accounts)
    changed(accounts, validSince=str(int(time.time()) + 1))

    answer = asked(api, bearer)

    assert answer.status_code == 401
    assert "sign in again" in answer.json["error"]["message"]


def test_a_token_that_was_renewed_is_judged_by_when_its_owner_signed_in(
    api: Api, accounts: AuthEmulator
) -> None:
    now = int(time.time())
    bearer = token(accounts, auth_time=now - 3600, iat=now)
    changed(accounts, validSince=str(now - 60))

    assert asked(api, bearer).status_code == 401


def test_while_accounts_cannot_be_looked_up_the_answer_is_503_and_nobody_gets_in(
    checked: Config, framework: Flask, accounts: AuthEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    bearer = token(accounts)
    nobody = replace(checked, auth_emulator=f"127.0.0.1:{free_port()}")
    runtime = Runtime(nobody)

    answer = asked(Api(runtime, app=framework), bearer)
    runtime.close()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "cannot be looked up" in answer.json["error"]["message"]
    assert '"cause": "URLError"' in capsys.readouterr().out


def test_a_token_that_is_not_valid_is_not_looked_up(
    checked: Config, framework: Flask, accounts: AuthEmulator
) -> None:
    bearer = token(accounts, aud="other")
    nobody = replace(checked, auth_emulator=f"127.0.0.1:{free_port()}")
    runtime = Runtime(nobody)

    assert asked(Api(runtime, app=framework), bearer).status_code == 401
    runtime.close()


def test_a_token_without_a_claim_of_a_tenant_is_of_its_tenant_in_identity_platform(
    checked: Config, framework: Flask, accounts: AuthEmulator
) -> None:
    runtime = Runtime(replace(checked, check_revocation=False))
    bearer = token(accounts, tenant=None, firebase={"tenant": "acme-4x8q1"})

    answer = asked(Api(runtime, app=framework), bearer)
    runtime.close()

    assert answer.status_code == 200
