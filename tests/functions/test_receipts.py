"""Receipts: what was decided, signed, for whoever acts on it without asking this system."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.types import Options

from shared.config import Config
from tests.client import Api
from tests.conftest import Clock
from tests.functions.intervention_support import act, ask, chain, decide, done
from tests.functions.sealing_support import ORIGIN, with_keys
from tests.functions.support import cost, documented, refused
from tests.functions.test_actions import ACTION, HASH, approved, edit

OLD, NEW = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


@pytest.fixture
def configured(config: Config, tmp_path: Path) -> Config:
    """With a key that is to be replaced, and the one that takes its place."""
    return with_keys(config, tmp_path, OLD, NEW)


def receipt(api: Api, intervention_id: str) -> Any:
    return api.viewer.get(f"/interventions/{intervention_id}/receipt")


def verified(api: Api, token: str) -> dict[str, Any]:
    """The claims of a receipt, as somebody verifies it who has the key set and nothing else."""
    keys = jwt.PyJWKSet.from_dict(api.stranger.get("/.well-known/jwks.json").json)
    key = keys[jwt.get_unverified_header(token)["kid"]]
    # The clock of the test is not that of the library.
    options: Options = {"verify_exp": False, "verify_iat": False}
    return jwt.decode(token, key, algorithms=["EdDSA"], issuer=ORIGIN, options=options)


def test_a_receipt_is_checked_as_the_document_for_its_readers_says(api: Api) -> None:
    name = ask(api.agent, action=ACTION)["id"]
    done(decide(api.pilot, name, "approve"))
    keys, told = api.stranger.get("/.well-known/jwks.json").text, receipt(api, name).text

    assert documented("decision_in")(told, keys, ORIGIN, api.tenant)["sub"] == name
    with pytest.raises(jwt.InvalidTokenError, match="tenant"):
        documented("decision_in")(told, keys, ORIGIN, "acme")
    head, said, signature = told.split(".")
    with pytest.raises(jwt.InvalidSignatureError):
        documented("decision_in")(f"{head}.{said[::-1]}.{signature}", keys, ORIGIN, api.tenant)


@pytest.mark.both_stores
@pytest.mark.costs_of("get_intervention_receipt", "get_receipt_keys")
def test_a_receipt_says_what_was_approved_by_whom_and_for_how_long(api: Api, clock: Clock) -> None:
    name = ask(api.agent, action=ACTION, act_within_seconds=60)["id"]
    edited = done(decide(api.pilot, name, "edit", arguments={"amount": 1}))
    before = receipt(api, name)
    hash_ = edited["approvedActionHash"]
    done(act(api.agent, name, "start", {"actionHash": hash_}))
    done(act(api.agent, name, "complete", {}))
    clock.advance(days=1)

    answer = receipt(api, name)

    assert (answer.status_code, answer.mimetype) == (200, "application/jose")
    assert answer.text == before.text
    assert (cost(before), cost(answer)) == ((8, 0, 5), (11, 0, 5))
    claims = verified(api, answer.text)
    at = 1_772_442_000
    assert claims == {
        "iss": ORIGIN,
        "sub": name,
        "tenant": api.tenant,
        "uowId": "uow-1",
        "tool": "pay",
        "actionHash": HASH,
        "approvedActionHash": hash_,
        "decision": "edit",
        "decidedBy": "pilot",
        "role": "pilot",
        "approvals": ["pilot"],
        "iat": at,
        "exp": at + 60,
        "eventHash": chain(api, name)[1]["hash"],
    }
    keys = api.stranger.get("/.well-known/jwks.json")
    assert cost(keys) == (0, 0, 0)
    assert jwt.get_unverified_header(answer.text) == {
        "alg": "EdDSA",
        "kid": keys.json["keys"][1]["kid"],
        "typ": "receipt+jwt",
    }


def test_a_receipt_of_a_rejection_approves_nothing(api: Api) -> None:
    name = ask(api.agent, action=ACTION, approvals_required=2)["id"]
    done(decide(api.admin, name))
    refused(receipt(api, name), 409, "FAILED_PRECONDITION")
    done(decide(api.pilot, name, "reject"))

    claims = verified(api, receipt(api, name).text)

    assert claims["decision"] == "reject"
    assert {"approvedActionHash", "approvals", "exp"}.isdisjoint(claims)


def test_a_receipt_names_all_who_approved(api: Api) -> None:
    name = ask(api.agent, action=ACTION, approvals_required=2)["id"]
    done(decide(api.admin, name))
    done(decide(api.pilot, name))

    claims = verified(api, receipt(api, name).text)

    assert (claims["approvals"], claims["decidedBy"]) == (["admin", "pilot"], "pilot")


def test_a_receipt_that_was_changed_or_signed_by_another_key_is_refused(api: Api) -> None:
    token = receipt(api, approved(api)).text
    head, _, signature = token.split(".")
    _, body, _ = receipt(api, approved(api)).text.split(".")
    foreign = jwt.encode({"iss": ORIGIN}, Ed25519PrivateKey.generate(), "EdDSA", {"kid": "x"})

    with pytest.raises(jwt.InvalidSignatureError):
        verified(api, f"{head}.{body}.{signature}")
    with pytest.raises(KeyError):
        verified(api, foreign)


EDITS: dict[str, Any] = {
    "uowId": "other",
    "action": '{"arguments":{"amount":900},"tool":"pay"}',
    "actionHash": "0" * 64,
    "approvedArguments": '{"amount":900}',
    "approvedActionHash": "0" * 64,
    "actUntil": None,
    "decision": "edit",
    "approvals": [],
}


def test_nothing_is_signed_of_what_was_edited_in_the_database(api: Api) -> None:
    for field, value in EDITS.items():
        name = approved(api, act_within_seconds=60)
        edit(api, name, **{field: value})

        error = refused(receipt(api, name), 409, "FAILED_PRECONDITION")

        assert error["details"][0]["field"] == field
        assert "does not verify" in error["message"]


def test_there_is_no_receipt_of_what_nobody_has_decided(api: Api) -> None:
    name = ask(api.agent)["id"]

    refused(receipt(api, name), 409, "FAILED_PRECONDITION")
    done(act(api.agent, name, "withdraw", {}))
    refused(receipt(api, name), 409, "FAILED_PRECONDITION")
    refused(receipt(api, "none"), 404, "NOT_FOUND")


def test_without_a_key_nothing_is_signed_and_no_key_is_shown(api: Api) -> None:
    name = approved(api)
    api.runtime.config = replace(api.runtime.config, log_key="")

    error = refused(receipt(api, name), 409, "FAILED_PRECONDITION")

    assert "CASELEDGER_LOG_KEY" in error["message"]
    assert api.stranger.get("/.well-known/jwks.json").json == {"keys": []}
