"""Tokens of further issuers: what the configuration may say, and who is let in by it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from local.tokens import unsigned_token
from shared.config import Config, ConfigError
from shared.edge.issuers import SeveralIssuers
from shared.edge.tokens import SignedTokens, UnsignedTokens, authenticate
from shared.errors import PermissionDenied, Unauthenticated
from shared.issuers import parsed
from shared.models.roles import Role
from shared.rules.callers import Caller
from shared.runtime import Runtime
from tests.client import Api
from tests.functions.intervention_support import ask, decide
from tests.functions.support import refused
from tests.rows import each_row
from tests.unit.test_tokens import (
    AUDIENCE,
    FOREIGN,
    ISSUER,
    KeyServer,
    claims,
    key_server,
    segment,
    signed,
)

__all__ = ["key_server"]

GOOGLE, OTHER = "https://accounts.google.com", "https://login.other.example/realms/a"
BOT = "letter-bot@acme.iam.gserviceaccount.com"
ACCOUNTS: dict[str, Any] = {
    "issuer": GOOGLE,
    "audience": AUDIENCE,
    "accounts": {BOT: {"tenant": "acme", "role": "agent"}},
}
CLAIMS: dict[str, Any] = {
    "issuer": OTHER,
    "audience": AUDIENCE,
    "jwksUrl": "https://login.other.example/keys",
    "tenantClaim": "org",
    "roleClaim": "caseRole",
    "tenants": ["other", "third"],
}


def changed(given: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An issuer of the list, with changes; None takes a field away."""
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


@pytest.fixture
def tokens(key_server: KeyServer) -> SeveralIssuers:
    """The first issuer, Google for two programs, an issuer of two tenants and one of a single one.

    All have the same keys here, so that nothing but the issuer that a token names tells them apart.
    """
    url = key_server.url
    accounts = {**ACCOUNTS["accounts"], "1234567": {"tenant": "other", "role": "verifier"}}
    given = [
        changed(ACCOUNTS, jwksUrl=url, accounts=accounts),
        changed(CLAIMS, jwksUrl=url),
        changed(
            CLAIMS,
            issuer="https://single.example",
            jwksUrl=url,
            name="single",
            tenantClaim=None,
            tenants=["single"],
        ),
    ]
    first = SignedTokens(ISSUER, AUDIENCE, url)
    return SeveralIssuers(first, parsed(json.dumps(given), ISSUER))


def googles(**changes: Any) -> str:
    """A token of a service account, which has no claims of ours."""
    usual = {"iss": GOOGLE, "sub": "987", "email": BOT, "tenant": None, "role": None}
    return signed(claims(**{**usual, **changes}))


def others(**changes: Any) -> str:
    """A token of the issuer of two tenants."""
    usual = {"iss": OTHER, "org": "other", "caseRole": "admin", "tenant": None, "role": None}
    return signed(claims(**{**usual, **changes}))


def caller(tokens: SeveralIssuers, token: str) -> Caller:
    return authenticate(f"Bearer {token}", tokens)


def test_tokens_of_the_first_issuer_are_as_they_were(tokens: SeveralIssuers) -> None:
    assert caller(tokens, signed(claims())) == Caller(
        "kim", "kim@example.com", "acme", Role.VERIFIER
    )


def test_the_account_of_a_program_is_what_the_configuration_says_and_no_person(
    tokens: SeveralIssuers,
) -> None:
    found = caller(tokens, googles())

    assert found == Caller("accounts.google.com:987", BOT, "acme", Role.AGENT, is_program=True)
    assert found.actor.type == "service"
    assert caller(tokens, googles(email=BOT.upper())).tenant == "acme"
    # By its subject, which no other account ever gets.
    other = caller(tokens, googles(sub="1234567", email=None))
    assert (other.tenant, other.role) == ("other", Role.VERIFIER)
    with pytest.raises(PermissionDenied):
        other.require_person()


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "somebody@else.iam.gserviceaccount.com"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": None},
        {"email": None, "sub": BOT},
        {"email": "1234567"},
        # What it claims itself makes no difference.
        {"email": None, "tenant": "acme", "role": "admin"},
        # One account that is two.
        {"sub": "1234567"},
    ],
)
def test_an_account_that_is_not_listed_or_not_proven_is_refused(
    tokens: SeveralIssuers, changes: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated, match="account"):
        caller(tokens, googles(**changes))


def test_an_account_has_no_more_rights_by_claims_of_its_token(tokens: SeveralIssuers) -> None:
    found = caller(tokens, googles(tenant="other", role="admin"))

    assert (found.tenant, found.role) == ("acme", Role.AGENT)


def test_the_issuer_of_some_tenants_names_their_people(tokens: SeveralIssuers) -> None:
    found = caller(tokens, others())

    assert found == Caller("login.other.example:kim", "kim@example.com", "other", Role.ADMIN)
    assert found.actor.type == "user"
    found.require_person()
    alone = others(iss="https://single.example", org="acme")
    assert caller(tokens, alone).tenant == "single"


@pytest.mark.parametrize("org", ["acme", "single", "OTHER", None, ["other"], {"other": 1}, ""])
def test_an_issuer_names_no_tenant_that_is_not_its_own(tokens: SeveralIssuers, org: Any) -> None:
    with pytest.raises(Unauthenticated, match="tenant"):
        caller(tokens, others(org=org, tenant="acme"))


@pytest.mark.parametrize(
    "forged",
    [
        lambda: signed(claims(iss=GOOGLE, email=BOT), FOREIGN),
        lambda: others(aud="elsewhere"),
        lambda: others(exp=1),
        lambda: others(caseRole="owner"),
        lambda: others(caseRole=None, role="admin"),
        lambda: others(sub="a/b"),
        lambda: others(sub="x" * 128),
        lambda: signed(claims(iss="https://unknown.example")),
        lambda: f"{segment({'alg': 'RS256'})}.{segment(claims(iss=[OTHER]))}.x",
        lambda: f"{segment({'alg': 'none'})}.{segment(claims(iss=GOOGLE, email=BOT))}.",
        # As if the first issuer's people were another's.
        lambda: signed(claims(sub="single:kim")),
        lambda: signed(claims(sub="key:bot")),
    ],
)
def test_a_token_that_is_not_what_it_says_is_refused(tokens: SeveralIssuers, forged: Any) -> None:
    with pytest.raises(Unauthenticated):
        caller(tokens, forged())


def test_two_issuers_that_give_the_same_subject_mean_two_people(tokens: SeveralIssuers) -> None:
    found = {caller(tokens, token).subject for token in (signed(claims()), others())}

    assert len(found) == 2


def test_a_local_run_takes_signed_tokens_of_further_issuers_beside_its_own(
    key_server: KeyServer,
) -> None:
    further = parsed(json.dumps([changed(ACCOUNTS, jwksUrl=key_server.url)]), ISSUER)
    local = SeveralIssuers(UnsignedTokens(), further)

    assert caller(local, unsigned_token(sub="kim", tenant="acme", role="viewer")).subject == "kim"
    assert caller(local, googles()).role is Role.AGENT


def test_a_service_account_calls_the_functions_as_a_program_beside_the_first_issuers_people(
    api: Api, key_server: KeyServer
) -> None:
    accounts = {BOT: {"tenant": api.tenant, "role": "verifier"}}
    further = parsed(
        json.dumps([changed(ACCOUNTS, jwksUrl=key_server.url, accounts=accounts)]), ISSUER
    )
    config = replace(api.runtime.config, issuers=further)
    Runtime(config, api.runtime.clock).install(api.app)
    bot = replace(api.agent, token=googles())

    asked = ask(bot, requiredRole="verifier")

    assert asked["createdBySubject"] == "accounts.google.com:987"
    refused(decide(bot, asked["id"]), 403, "PERMISSION_DENIED")
    assert decide(api.verifier, asked["id"]).status_code == 200


def test_googles_keys_are_known() -> None:
    (google,) = parsed(json.dumps([ACCOUNTS]), ISSUER)

    assert (google.issuer, google.jwks_url) == (
        Config().scheduler_issuer,
        Config().scheduler_jwks_url,
    )


@each_row(
    ("given", "said"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("{}", "must be a list"),
        ("[]", "must be a list"),
        ('[{"issuer": "a", "issuer": "b"}]', "issuer is given twice"),
        (["x"], "issuer 1: must be an object"),
        ([changed(CLAIMS, issuer=None)], "issuer 1: issuer must be text"),
        ([changed(CLAIMS, audience="")], "audience must be text"),
        ([changed(CLAIMS, audience=["a"])], "audience must be text"),
        ([changed(CLAIMS, jwksUrl=None)], "jwksUrl must be text"),
        ([changed(CLAIMS, jwksUrl="http://login.other.example/keys")], "jwksUrl must be"),
        ([changed(CLAIMS, jwksUrl="file:///etc/passwd")], "jwksUrl must be"),
        ([changed(CLAIMS, jwks_url="https://x")], "jwks_url is no field"),
        ([changed(CLAIMS, tenants=None)], "tenants must list"),
        ([changed(CLAIMS, tenants=["a/b"])], "tenants must list"),
        ([changed(CLAIMS, tenants=["other", "*"])], "tenants must list"),
        ([changed(CLAIMS, tenantClaim=None)], "tenantClaim must be"),
        ([changed(CLAIMS, tenantClaim=None, tenants=["*"])], "tenantClaim must be"),
        ([changed(CLAIMS, roleClaim=None)], "roleClaim must be"),
        ([changed(CLAIMS, roleClaim="email")], "roleClaim must not be email"),
        ([changed(CLAIMS, roleClaim="org")], "are the same"),
        ([changed(CLAIMS, name="key")], "name must be"),
        ([changed(CLAIMS, name="a:b")], "name must be"),
        ([CLAIMS, changed(CLAIMS, name="b")], "two issuers have the issuer"),
        ([CLAIMS, changed(CLAIMS, issuer=f"{OTHER}b")], "two issuers have the name"),
        ([changed(CLAIMS, issuer=ISSUER)], "two issuers have the issuer"),
        ([{**CLAIMS, **ACCOUNTS}], "is no field"),
        ([changed(ACCOUNTS, accounts={})], "accounts must have"),
        ([changed(ACCOUNTS, accounts={"a": "acme"})], "account 1: must be an object"),
        (
            [
                changed(
                    ACCOUNTS, accounts=dict.fromkeys(("A@b.c", "a@b.c"), ACCOUNTS["accounts"][BOT])
                )
            ],
            "account 2: it is given twice",
        ),
        ([changed(ACCOUNTS, accounts={"a": {"role": "agent"}})], "account 1: tenant must be"),
        *(
            ([changed(ACCOUNTS, accounts={"a": {"tenant": "t", "role": role}})], "role must be")
            for role in ("admin", "pilot", "auditor", "scheduler", None)
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line_that_names_the_variable(given: Any, said: str) -> None:
    text = given if isinstance(given, str) else json.dumps(given)

    with pytest.raises(ConfigError) as refusal:
        Config.from_environment({"CASELEDGER_ISSUERS": text, "CASELEDGER_ISSUER": ISSUER})

    message = str(refusal.value)
    assert message.startswith("CASELEDGER_ISSUERS: ")
    assert said in message
    assert "\n" not in message


def test_all_tenants_are_for_an_issuer_of_which_that_is_said() -> None:
    text = json.dumps([changed(CLAIMS, tenants=["*"])])
    config = Config.from_environment({"CASELEDGER_ISSUERS": text})

    assert [one.tenants for one in config.issuers] == [None]
    assert Config.from_environment({}).issuers == ()
