"""Who may use a deployment: the claims of accounts in Firebase Authentication.

A member's token has the claims of its account. `grant` sets two of them, the tenant and the role,
and `revoke` takes them away; the others stay.
(cloud.google.com/identity-platform/docs/reference/rest/v1/projects.accounts)
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from deployment.google import DeploymentError, Google

_SERVICE = "identitytoolkit"
_PAGE = 1000
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


@dataclass(frozen=True, slots=True)
class Account:
    """An account: its id, which is the `sub` of its tokens, its address, and all its claims.

    `owned` tells whether somebody has proven that the address is theirs, or nobody can sign in yet
    and nobody is signed in, as those are who were anonymous and then took the address.
    """

    id: str
    email: str
    claims: Mapping[str, Any]
    owned: bool

    @classmethod
    def read(cls, user: Mapping[str, Any]) -> Account:
        """The account as Identity Toolkit describes it."""
        unused = not (user.get("providerUserInfo") or user.get("lastRefreshAt"))
        claims = json.loads(user.get("customAttributes") or "{}")
        owned = bool(user.get("emailVerified")) or unused
        return cls(user["localId"], user.get("email", ""), claims, owned)


class Access:
    """The accounts of a project, or of one tenant of it in Identity Platform (`pool`).

    `names` are those of the claims of the tenant and the role. Every method raises DeploymentError.
    """

    def __init__(self, google: Google, names: tuple[str, str], pool: str | None = None) -> None:
        self._google = google
        self._tenant, self._role = names
        self._pool = pool
        at = f"/tenants/{quote(pool, safe='')}" if pool else ""
        self._accounts = f"v1/projects/{google.project}{at}/accounts"

    def grant(self, email: str, tenant: str, role: str) -> Account:
        """Gives an account the tenant and the role, and makes it where there is none.

        An account that had another tenant or role is signed out, so that tokens with the old ones
        cannot be renewed. One whose address nobody has proven to be theirs is refused: whoever
        signed up with it could be anybody.
        """
        account = self._find(email) or self._made(email)
        if not account.owned:
            raise DeploymentError(
                f"{email} is not verified: somebody has signed up with the address and not shown "
                "that it is theirs. Let them verify it, then run this again"
            )
        claims = {**account.claims, self._tenant: tenant, self._role: role}
        had = [account.claims.get(name) for name in (self._tenant, self._role)]
        self._update(account, claims, sign_out=had not in ([None, None], [tenant, role]))
        return account

    def revoke(self, email: str) -> Account:
        """Takes the tenant and the role away, and signs the account out."""
        account = self._find(email)
        if account is None:
            raise DeploymentError(f"there is no account with the address {email}")
        gone = (self._tenant, self._role)
        claims = {name: value for name, value in account.claims.items() if name not in gone}
        self._update(account, claims, sign_out=True)
        return account

    def granted(self, email: str | None, tenant: str | None) -> Iterator[tuple[str, str, str]]:
        """Address, tenant and role of all who have both; of one address or tenant, if given.

        As in `MemberTokens`, who claims no tenant is of the pool.
        """
        for account in [self._find(email)] if email else self._all():
            if account is None:
                continue
            found = account.claims.get(self._tenant) or self._pool
            role = account.claims.get(self._role)
            if found and role and tenant in (None, found):
                yield account.email or account.id, str(found), str(role)

    def _all(self) -> Iterator[Account]:
        token: dict[str, str] = {}
        while True:
            found = self._google.get(
                _SERVICE, f"{self._accounts}:batchGet", maxResults=str(_PAGE), **token
            )
            users = (found or {}).get("users", [])
            yield from map(Account.read, users)
            if not users or not (found or {}).get("nextPageToken"):
                return
            token = {"nextPageToken": (found or {})["nextPageToken"]}

    def _find(self, email: str) -> Account | None:
        found = self._sent(":lookup", {"email": [email]})
        return next(map(Account.read, found.get("users", ())), None)

    def _made(self, email: str) -> Account:
        """A new account, which nobody can sign in to who does not have the mailbox."""
        made = self._sent("", {"email": email, "emailVerified": False})
        return Account(made["localId"], email, {}, owned=True)

    def _update(self, account: Account, claims: Mapping[str, Any], *, sign_out: bool) -> None:
        change = {"localId": account.id, "customAttributes": json.dumps(claims)}
        if sign_out:
            change["validSince"] = str(int(time.time()))
        self._sent(":update", change)

    def _sent(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        found = self._google.send("POST", _SERVICE, f"{self._accounts}{method}", body)
        if found is None:
            missing = "Firebase Authentication: switch it on in Firebase's console"
            if self._pool:
                missing = f"tenant {self._pool} in Identity Platform"
            raise DeploymentError(f"the project {self._google.project} has no {missing}")
        return found


def google(project: str, environ: Mapping[str, str]) -> Google:
    """Identity Toolkit as whoever is signed in; its emulator where `environ` names one."""
    if host := environ.get("FIREBASE_AUTH_EMULATOR_HOST"):
        endpoint = {
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_IDENTITYTOOLKIT": f"http://{host}/{_SERVICE}.googleapis.com"
        }
        return Google(project, "owner", endpoint)
    return Google(project, _token(), environ)


def _token() -> str:
    """An access token of gcloud's account, or else of the Application Default Credentials."""
    if gcloud := shutil.which("gcloud"):
        told = subprocess.run(  # noqa: S603 - found above
            [gcloud, "auth", "print-access-token"], capture_output=True, text=True, check=False
        )
        if told.returncode == 0 and told.stdout.strip():
            return told.stdout.strip()
    import google.auth  # noqa: PLC0415 - where there is no gcloud
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - as above
    from google.auth.transport.requests import Request  # noqa: PLC0415 - as above

    try:
        credentials, _ = google.auth.default(scopes=_SCOPES)
        credentials.refresh(Request())  # type: ignore[no-untyped-call]
    except GoogleAuthError:
        raise DeploymentError(
            "not signed in: gcloud auth login, or gcloud auth application-default login"
        ) from None
    return str(credentials.token)
