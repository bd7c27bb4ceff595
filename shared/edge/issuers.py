"""Tokens of several issuers: each is checked by what the configuration says of its own issuer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.edge.tokens import PROGRAM, SignedTokens, Verifier, payload_of, proven_email
from shared.errors import Unauthenticated
from shared.issuers import Issuer


class SeveralIssuers:
    """Tokens of the first issuer and of others.

    A token itself names its issuer. This is not verified yet: the keys of that issuer then say
    whether it is true.
    """

    def __init__(self, first: Verifier, others: Sequence[Issuer]) -> None:
        self._first = first
        self._others = {one.issuer: OtherTokens(one) for one in others}
        self._prefixes = tuple(f"{one.name}:" for one in others)

    def claims(self, token: str) -> Mapping[str, Any]:
        """See `Verifier`."""
        if other := self._others.get(_issuer_of(token)):
            return other.claims(token)
        claims = self._first.claims(token)
        if str(claims.get("sub")).startswith(self._prefixes):
            raise Unauthenticated("the token's sub is like those of another issuer")
        return claims


class OtherTokens:
    """Tokens of one further issuer."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._tokens = SignedTokens(issuer.issuer, issuer.audience, issuer.jwks_url)

    def claims(self, token: str) -> Mapping[str, Any]:
        """See `Verifier`. The issuer's name is before the subject, which another may give too."""
        claims = self._tokens.claims(token)
        what = self._of_account(claims) if self._issuer.accounts else self._of_claims(claims)
        return {**claims, **what, "sub": f"{self._issuer.name}:{claims['sub']}"}

    def _of_account(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        # A subject may be made to look like an address, which only counts where it is proven.
        names = {name for name in (str(claims["sub"]),) if "@" not in name}
        names |= {name.lower() for name in (proven_email(claims) or "",) if "@" in name}
        found = [self._issuer.accounts[name] for name in names & self._issuer.accounts.keys()]
        if len(found) != 1:
            raise Unauthenticated("the token's account is none that may call")
        return {"tenant": found[0].tenant, "role": found[0].role, PROGRAM: True}

    def _of_claims(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        issuer = self._issuer
        tenants = issuer.tenants or ()
        tenant = claims.get(issuer.tenant_claim) if issuer.tenant_claim else tenants[0]
        if issuer.tenants is not None and tenant not in issuer.tenants:
            raise Unauthenticated("the token names a tenant that its issuer may not name")
        return {"tenant": tenant, "role": claims.get(issuer.role_claim)}


def _issuer_of(token: str) -> str:
    """The issuer that a token names; empty where it names none."""
    try:
        issuer = payload_of(token).get("iss")
    except Unauthenticated:
        return ""
    return issuer if isinstance(issuer, str) else ""
