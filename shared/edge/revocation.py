"""Whether the account behind a valid token still stands: asked of Firebase Authentication.

A token says what was true when it was issued, and is valid for up to an hour. Looking up its
account tells whether it was disabled or removed since then, or its sessions were ended.
(cloud.google.com/identity-platform/docs/reference/rest/v1/projects.accounts/lookup)
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from http.client import HTTPException
from threading import Lock
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

from shared import log
from shared.credentials import Credentials
from shared.edge.claims import pool_of
from shared.errors import Unauthenticated, Unavailable

KEPT_SECONDS = 60.0
"""How long what was found is believed."""
KEPT_ACCOUNTS = 10_000
"""Of how many accounts at most it is kept."""
_PAUSE_SECONDS = 1.0
"""How long nobody is asked after an attempt that failed."""
_ALWAYS = float("-inf")
_SECONDS = 2.0
_NO_POOL = b"TENANT_NOT_FOUND"
"""What is said of an account whose tenant in Identity Platform was removed."""
_SCOPE = "https://www.googleapis.com/auth/identitytoolkit"


class Account(NamedTuple):
    """An account of Firebase Authentication; `pool` is its tenant in Identity Platform, if any."""

    pool: str | None
    subject: str

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> Account:
        """The account that a token is of."""
        return cls(pool_of(claims), claims["sub"])


ValidSince = Callable[[Account], float | None]
"""When the sessions of an account were ended last, in seconds since 1970; None where it may not be
used any more. Raises OSError, ValueError or HTTPException if that cannot be found out."""


class Revocation:
    """Refuses tokens of accounts that do not stand any more, at the latest after a minute."""

    def __init__(
        self, valid_since: ValidSince, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._valid_since = valid_since
        self._clock = clock
        self._found: OrderedDict[Account, tuple[float, float | None]] = OrderedDict()
        self._changing = Lock()
        self._not_before = _ALWAYS

    def require(self, claims: Mapping[str, Any]) -> None:
        """Raises Unauthenticated; or Unavailable, where the account cannot be looked up."""
        since = self._seen(Account.of(claims))
        if since is None:
            raise Unauthenticated("the token's account is disabled or gone")
        signed_in = claims.get("auth_time", claims["iat"])
        if not isinstance(signed_in, int | float) or signed_in < since:
            raise Unauthenticated("the token's session has been ended: sign in again")

    def _seen(self, account: Account) -> float | None:
        now = self._clock()
        with self._changing:
            until, since = self._found.get(account, (now, None))
        if until > now:
            return since
        since = self._asked(account, now)
        with self._changing:
            self._found[account] = (now + KEPT_SECONDS, since)
            self._found.move_to_end(account)
            if len(self._found) > KEPT_ACCOUNTS:
                self._found.popitem(last=False)
        return since

    def _asked(self, account: Account, now: float) -> float | None:
        """Asks. Where the last one got no answer, one at a time: the others do not wait for it."""
        with self._changing:
            refused = now < self._not_before
            if not refused and self._not_before > _ALWAYS:
                self._not_before = now + _SECONDS + _PAUSE_SECONDS
        if not refused:
            try:
                since = self._valid_since(account)
            except (OSError, ValueError, HTTPException) as error:
                self._not_before = self._clock() + _PAUSE_SECONDS
                cause = f"{type(error).__name__} {getattr(error, 'code', '')}".strip()
                log.write("ERROR", "accounts cannot be looked up", cause=cause)
            else:
                self._not_before = _ALWAYS
                return since
        raise Unavailable("the token's account cannot be looked up")


class IdentityToolkit:
    """Looks accounts of a project up, as the service account of the process; or in the emulator."""

    def __init__(self, project: str, emulator: str | None) -> None:
        self._project = project
        self._emulator = emulator
        self._credentials = Credentials(_SCOPE, _SECONDS)

    def valid_since(self, account: Account) -> float | None:
        """See `ValidSince`."""
        host = "https://identitytoolkit.googleapis.com"
        if self._emulator:
            host = f"http://{self._emulator}/identitytoolkit.googleapis.com"
        pool = f"/tenants/{quote(account.pool, safe='')}" if account.pool else ""
        request = Request(  # noqa: S310 - one of the two above
            f"{host}/v1/projects/{self._project}{pool}/accounts:lookup",
            json.dumps({"localId": [account.subject]}).encode(),
            {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"},
        )
        try:
            with self._opener().open(request, timeout=_SECONDS) as response:
                users = json.load(response).get("users", [])
        except HTTPError as error:
            if _NO_POOL in error.read():
                return None
            raise
        if not users or users[0].get("disabled"):
            return None
        return float(users[0].get("validSince", 0))

    def _opener(self) -> Any:
        # What runs on this machine is never behind a proxy, whatever the environment says.
        return build_opener(*[ProxyHandler({})] if self._emulator else [])

    def _token(self) -> str:
        return "owner" if self._emulator else self._credentials.token()
