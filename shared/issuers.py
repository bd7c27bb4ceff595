"""Issuers of tokens besides the first one, as `CASELEDGER_ISSUERS` lists them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_GOOGLE, _GOOGLES_KEYS = "https://accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs"
_OF_TOKENS = re.compile(
    "acr|amr|at_hash|aud|auth_time|azp|c_hash|cnf|email|email_verified|exp|firebase|iat|iss|jti|name"
    "|nbf|nonce|phone_number|picture|sub|user_id"
)
"""Claims that mean something else. Firebase reserves most of them; some are what people themselves
choose, such as their name, so whoever took the role from one would let everybody choose a role.
(firebase.google.com/docs/auth/admin/custom-claims)
"""
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NAME = re.compile(r"(?!key$)[A-Za-z0-9][A-Za-z0-9.-]{0,62}")
_KEYS_URL = re.compile(r"https://[!-~]+|http://(localhost|127\.0\.0\.1)[:/][!-~]*")
_ROLES = ("agent", "viewer", "verifier")
_ALL = "*"
_ACCOUNT = frozenset({"tenant", "role"})
_ALWAYS = frozenset({"issuer", "audience", "jwksUrl", "name"})
_BY_CLAIMS = frozenset({"tenantClaim", "roleClaim", "tenants"})


@dataclass(frozen=True, slots=True)
class Account:
    """What the account of a program may be: of one tenant, in one role."""

    tenant: str
    role: str


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer of tokens, and what its tokens may be.

    With `accounts`, by their verified addresses or subjects, its tokens are of programs: these, and
    no others. Otherwise the role is in the claim `role_claim`, and the tenant in `tenant_claim`,
    or where that is empty the only one of `tenants`. A token may name only `tenants`; None is all.
    `name` is what the subjects of its tokens begin with here: two issuers may give the same one.
    """

    name: str
    issuer: str
    audience: str
    jwks_url: str
    tenant_claim: str = ""
    role_claim: str = ""
    tenants: tuple[str, ...] | None = None
    accounts: Mapping[str, Account] = field(default_factory=dict)


def require_claim(claim: Any) -> None:
    """Raises ValueError for what is no name of a claim, or of one that means something else."""
    if not isinstance(claim, str) or not re.fullmatch(r"[A-Za-z0-9_.:/-]{1,100}", claim):
        raise ValueError("must be the name of a claim")
    if _OF_TOKENS.fullmatch(claim):
        raise ValueError(f"must not be {claim}, which means something else in every token")


def parsed(text: str, first: str) -> tuple[Issuer, ...]:
    """The issuers in a JSON list; `first` is the issuer that there is already.

    Raises ValueError, which says what is wrong where, and does not quote what was given.
    """
    try:
        given = json.loads(text, object_pairs_hook=_each_once)
    except (json.JSONDecodeError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(given, list) or not given:
        raise ValueError("must be a list of issuers")
    found = []
    for number, one in enumerate(given, 1):
        try:
            found.append(_issuer(one))
        except ValueError as error:
            raise ValueError(f"issuer {number}: {error}") from None
    _require_different("issuer", [first, *(one.issuer for one in found)])
    _require_different("name", [one.name for one in found])
    return tuple(found)


def _each_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name} is given twice")
        found[name] = value
    return found


def _require_different(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"two issuers have the {what} {value}")
        seen.add(value)


def _issuer(given: Any) -> Issuer:
    by_account = isinstance(given, dict) and "accounts" in given
    _require_fields(given, _ALWAYS | ({"accounts"} if by_account else _BY_CLAIMS))
    issuer = _text(given, "issuer")
    jwks_url = _text(given, "jwksUrl", _GOOGLES_KEYS if issuer == _GOOGLE else None)
    if not _KEYS_URL.fullmatch(jwks_url):
        raise ValueError("jwksUrl must be an https:// URL")
    name = _text(given, "name", urlsplit(issuer).hostname or issuer)
    if not _NAME.fullmatch(name):
        raise ValueError("name must be letters, digits, points and hyphens, and not `key`")
    return Issuer(
        name=name,
        issuer=issuer,
        audience=_text(given, "audience"),
        jwks_url=jwks_url,
        **({"accounts": _accounts(given["accounts"])} if by_account else _claims(given)),
    )


def _claims(given: dict[str, Any]) -> dict[str, Any]:
    """How the tokens of an issuer say their tenant and role."""
    tenants = given.get("tenants")
    if not isinstance(tenants, list):
        tenants = []
    listed = tenants and all(map(_is_tenant, tenants))
    if not (listed or tenants == [_ALL]):
        raise ValueError('tenants must list the tenants that it may name, or be ["*"] for all')
    names = {"roleClaim": given.get("roleClaim"), "tenantClaim": given.get("tenantClaim")}
    if names["tenantClaim"] is None and listed and len(tenants) == 1:
        del names["tenantClaim"]
    for name, claim in names.items():
        try:
            require_claim(claim)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
    if names["roleClaim"] == names.get("tenantClaim"):
        raise ValueError("tenantClaim and roleClaim are the same")
    return {
        "tenant_claim": names.get("tenantClaim", ""),
        "role_claim": names["roleClaim"],
        "tenants": None if tenants == [_ALL] else tuple(tenants),
    }


def _accounts(given: Any) -> dict[str, Account]:
    """The accounts of programs, by their addresses in lower case or their subjects."""
    if not isinstance(given, dict) or not given:
        raise ValueError("accounts must have the addresses or subjects of programs")
    found: dict[str, Account] = {}
    for number, (name, one) in enumerate(given.items(), 1):
        key = name.lower() if "@" in name else name
        if key in found:
            raise ValueError(f"account {number}: it is given twice")
        try:
            found[key] = _account(one)
        except ValueError as error:
            raise ValueError(f"account {number}: {error}") from None
    return found


def _account(given: Any) -> Account:
    _require_fields(given, _ACCOUNT)
    if not _is_tenant(given.get("tenant")):
        raise ValueError("tenant must be the id of a tenant")
    if given.get("role") not in _ROLES:
        raise ValueError(f"role must be one of {', '.join(_ROLES)}: it is a program")
    return Account(given["tenant"], given["role"])


def _require_fields(given: Any, allowed: Iterable[str]) -> None:
    if not isinstance(given, dict):
        raise ValueError("must be an object")  # noqa: TRY004 - of what was given
    if unknown := sorted(given.keys() - set(allowed)):
        raise ValueError(f"{unknown[0]} is no field of it")


def _text(given: dict[str, Any], name: str, default: str | None = None) -> str:
    value = given.get(name, default)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be text")
    return value


def _is_tenant(value: Any) -> bool:
    return isinstance(value, str) and bool(_TENANT.fullmatch(value))
