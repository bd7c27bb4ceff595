"""From a bearer token to a `Caller`: OpenID Connect ID tokens, checked against the issuer's keys.

RS256 and ES256 only; exp, iat, aud, iss and sub are required (RFC 7519, RFC 8725). The token
library is loaded by the first signed token, not before.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import time
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from shared import log
from shared.edge.claims import pool_of
from shared.errors import Unauthenticated, Unavailable
from shared.models.base import is_id, is_user_id
from shared.models.roles import Role
from shared.rules.callers import KEY, Caller

if TYPE_CHECKING:  # only where accounts are looked up
    from shared.edge.revocation import Revocation

MAX_TOKEN_BYTES = 8_192
MAX_LIFETIME_SECONDS = 86_400
LEEWAY_SECONDS = 30
_ALGORITHMS = ("RS256", "ES256")
_ROLES = frozenset(Role)
_EMAIL_LENGTH = 254
_STRIPPED = ".SIGNATURE_REMOVED_BY_GOOGLE"
"""How a token ends after Cloud Run's own check of it, which keeps the signature to itself.

(cloud.google.com/run/docs/troubleshooting#signature-removed)
"""
_NO_TENANT = "none"
_KEY = "ck_"
"""How a key begins, and no JWT does."""
PROGRAM = "caseledger/program"
"""A claim that is true where the token is one of a program's account."""


class Verifier(Protocol):
    """Checks a token's signature and times, and gives its claims."""

    def claims(self, token: str) -> Mapping[str, Any]:
        """Raises Unauthenticated, or Unavailable where no key could be fetched."""


def authenticate(
    authorization: str | None,
    verifier: Verifier,
    by_key: Callable[[str], Caller] | None = None,
) -> Caller:
    """The caller that an `Authorization` header proves, by an ID token, or by a key.

    Raises Unauthenticated, and what `by_key` raises.
    """
    token = _bearer(authorization)
    if by_key and token.startswith(_KEY):
        return by_key(token)
    return _caller(verifier.claims(token))


def authenticate_scheduler(authorization: str | None, verifier: Verifier) -> Caller:
    """The scheduler, who is of no tenant; others by their role. Raises Unauthenticated."""
    claims = verifier.claims(_bearer(authorization))
    return _caller({**claims, "tenant": claims.get("tenant") or _NO_TENANT})


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token or token != token.strip():
        raise Unauthenticated("send Authorization: Bearer and an ID token or a key")
    if len(token) > MAX_TOKEN_BYTES:
        raise Unauthenticated("the token is too long")
    return token


def _caller(claims: Mapping[str, Any]) -> Caller:
    subject, tenant, role = (claims.get(name) for name in ("sub", "tenant", "role"))
    if not isinstance(subject, str) or not is_user_id(subject) or subject.startswith(KEY):
        raise Unauthenticated("the token's sub is not a usable user id")
    if not isinstance(tenant, str) or not is_id(tenant):
        raise Unauthenticated("the token names no tenant")
    if not isinstance(role, str) or role not in _ROLES:
        raise Unauthenticated("the token names no known role")
    is_program = claims.get(PROGRAM) is True
    return Caller(subject, proven_email(claims), tenant, Role(role), is_program)


def proven_email(claims: Mapping[str, Any]) -> str | None:
    """The email address of a token, where its issuer says that it is verified."""
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str):
        return None
    fit = 0 < len(email) <= _EMAIL_LENGTH and email.isprintable() and " " not in email
    return email if fit else None


class SignedTokens:
    """Tokens of one issuer, by the keys that it publishes; keys are fetched once and kept."""

    def __init__(self, issuer: str, audience: str, jwks_url: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._jwks_url = jwks_url

    def claims(self, token: str) -> Mapping[str, Any]:
        """See `Verifier`."""
        if token.endswith(_STRIPPED):
            log.write(
                "WARNING",
                "Cloud Run removed a token's signature: the IAM check of this service is on; "
                "turn it off (run.googleapis.com/invoker-iam-disabled)",
            )
            raise Unauthenticated("the token's signature was removed on its way")
        import jwt  # noqa: PLC0415 - refusals and local runs do without it

        from shared.edge.signing_keys import OutOfReachError  # noqa: PLC0415 - as above

        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "aud", "iss", "sub"]},
            )
        except OutOfReachError as error:
            raise Unavailable("the issuer's keys are out of reach") from error
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"the token is not valid: {type(error).__name__}") from error
        expires, issued = claims["exp"], claims["iat"]
        if not (isinstance(expires, int | float) and isinstance(issued, int | float)):
            raise Unauthenticated("the token's times are not numbers")
        if not 0 < expires - issued <= MAX_LIFETIME_SECONDS:
            raise Unauthenticated("the token lives too long")
        return claims

    @cached_property
    def _keys(self) -> Any:
        from shared.edge.signing_keys import Keys  # noqa: PLC0415 - as above

        return Keys(self._jwks_url)


class MemberTokens:
    """Tokens of members, with the tenant and the role in the claims that are called so.

    With `firebase` they are Firebase's: one of a tenant in Identity Platform that has no claim for
    the tenant is of that tenant. `revocation` is asked about each token that is valid.
    """

    def __init__(
        self,
        tokens: Verifier,
        tenant: str,
        role: str,
        *,
        firebase: bool = False,
        revocation: Revocation | None = None,
    ) -> None:
        self._tokens = tokens
        self._tenant = tenant
        self._role = role
        self._firebase = firebase
        self._revocation = revocation

    def claims(self, token: str) -> Mapping[str, Any]:
        """See `Verifier`."""
        claims = self._tokens.claims(token)
        if self._revocation:
            self._revocation.require(claims)
        tenant = claims.get(self._tenant)
        if tenant is None and self._firebase:
            tenant = pool_of(claims)
        return {**claims, "tenant": tenant, "role": claims.get(self._role)}


class SchedulerTokens:
    """Google's OpenID Connect tokens of one service account, which Cloud Scheduler calls with.

    (docs.cloud.google.com/scheduler/docs/http-target-auth)
    """

    def __init__(self, tokens: Verifier, email: str) -> None:
        self._tokens = tokens
        self._email = email

    def claims(self, token: str) -> Mapping[str, Any]:
        """See `Verifier`."""
        if not self._email:
            raise Unauthenticated("there is no scheduler")
        claims = self._tokens.claims(token)
        if proven_email(claims) != self._email:
            raise Unauthenticated("the token is not the scheduler's")
        return {**claims, "role": Role.SCHEDULER}


class UnsignedTokens:
    """Unsigned tokens, for local runs. They need no exp, but end by it."""

    def claims(self, token: str) -> Mapping[str, Any]:
        """See `Verifier`."""
        parts = token.split(".")
        if len(parts) != 3 or parts[2] or _segment(parts[0]).get("alg") != "none":  # noqa: PLR2004
            made = "python -m local api-key, and unsigned tokens: python -m local token"
            raise Unauthenticated(f"local runs take keys: {made}")
        payload = payload_of(token)
        ends = payload.get("exp")
        if isinstance(ends, int | float) and ends <= time.time():
            raise Unauthenticated("the token has ended")
        names = ("sub", "tenant", "role", "email")
        return {name: payload.get(name) for name in names} | {"email_verified": True}


def payload_of(token: str) -> dict[str, Any]:
    """What a token says, unchecked. Raises Unauthenticated where it is no JWT."""
    return _segment(token.split(".")[1] if "." in token else "")


def _segment(part: str) -> dict[str, Any]:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise Unauthenticated("the token is not a JWT") from None
    if not isinstance(value, dict):
        raise Unauthenticated("the token is not a JWT")
    return value


@lru_cache(maxsize=256)
def is_loopback(host: str | None) -> bool:
    """Whether a server's or client's address is this machine's own."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
