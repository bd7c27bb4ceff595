"""The tokens that `verify` calls with: of people of a tenant made for it, and of the scheduler.

On a project they come from Google, with the operator's own token: the scheduler's account makes an
ID token for itself (IAM Credentials, `generateIdToken`), and signs a custom token of each person,
which Identity Toolkit exchanges for an ID token that carries the claims. Both need
roles/iam.serviceAccountTokenCreator on the scheduler's account. Where another issuer is configured,
CASELEDGER_VERIFY_TOKENS gives the people's tokens. A local run takes unsigned tokens.

Sources: cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts,
cloud.google.com/identity-platform/docs/use-rest-api, firebase.google.com/docs/auth/admin/
create-custom-tokens#create_custom_tokens_using_a_third-party_jwt_library.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any, Protocol

from deployment.deployable import Place
from deployment.google import DeploymentError, Google
from deployment.verification.outcome import Untried
from local.tokens import unsigned_token

TENANT = "caseledger-verify"
ROLES = ("agent", "verifier", "pilot", "admin")
_FOR_IDENTITY_TOOLKIT = (
    "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit"
)
_SECONDS = 3_600
_GRANT = (
    "Let yourself sign for it: gcloud iam service-accounts add-iam-policy-binding {account} "
    "--project={project} --member=user:YOU --role=roles/iam.serviceAccountTokenCreator; a new "
    "grant needs some minutes."
)
_ENABLE = "gcloud services enable iamcredentials.googleapis.com --project={project}"
_MEND = "Deploy first, which makes the account; then run it again."
_TODO = {"disabled": _ENABLE, "PERMISSION_DENIED": _GRANT}


class People(Protocol):
    """Who calls: a person of each role, all of one tenant, and the scheduler."""

    def token(self, role: str) -> str:
        """An ID token of the person with that role. Raises Untried."""

    def scheduler(self, audience: str) -> str:
        """An ID token of the scheduler's account for an audience. Raises Untried."""

    def leave(self) -> None:
        """Removes what was made for the tokens."""


class Local:
    """Unsigned tokens, which a local run takes."""

    def token(self, role: str) -> str:
        """See `People`."""
        return unsigned_token(sub=f"{TENANT}-{role}", tenant=TENANT, role=role)

    def scheduler(self, audience: str) -> str:  # noqa: ARG002 - see `People`
        """See `People`."""
        return unsigned_token(sub=TENANT, tenant="none", role="scheduler")

    def leave(self) -> None:
        """See `People`."""


class OfProject:
    """Tokens that Google makes for the operator; people's also from CASELEDGER_VERIFY_TOKENS."""

    def __init__(
        self,
        google: Google,
        place: Place,
        given: Mapping[str, str],
        names: tuple[str, str] = ("tenant", "role"),
    ) -> None:
        """`names` are those of the claims of a person's tenant and role."""
        self._google = google
        self._names = names
        self._account = place.account("scheduler")
        self._given = given
        self._made: list[str] = []
        self.token = cache(self._token)  # several checks ask for the same person

    def scheduler(self, audience: str) -> str:
        """See `People`."""
        body = {"audience": audience, "includeEmail": True}
        return str(self._signed("generateIdToken", body)["token"])

    def leave(self) -> None:
        """See `People`."""
        for token in self._made:
            with suppress(Untried):
                self._toolkit("accounts:delete", {"idToken": token})

    def _token(self, role: str) -> str:
        if self._given:
            if role not in self._given:
                raise Untried(
                    f"CASELEDGER_VERIFY_TOKENS has no token of the role {role}",
                    f"Give tokens of {', '.join(ROLES)}: of four people of one tenant.",
                )
            return self._given[role]
        now = int(time.time())
        claims = {
            "iss": self._account,
            "sub": self._account,
            "aud": _FOR_IDENTITY_TOOLKIT,
            "iat": now,
            "exp": now + _SECONDS,
            "uid": f"{TENANT}-{role}",
            "claims": dict(zip(self._names, (TENANT, role), strict=True)),
        }
        signed = self._signed("signJwt", {"payload": json.dumps(claims)})["signedJwt"]
        body = {"token": signed, "returnSecureToken": True}
        token = str(self._toolkit("accounts:signInWithCustomToken", body)["idToken"])
        self._made.append(token)
        return token

    def _signed(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        path = f"v1/projects/-/serviceAccounts/{self._account}:{verb}"
        found, why = None, "there is no such account"
        try:
            found = self._google.send("POST", "iamcredentials", path, body)
        except DeploymentError as error:
            why = str(error)
        if found is None:
            todo = next((text for sign, text in _TODO.items() if sign in why), _MEND)
            names = {"account": self._account, "project": self._google.project}
            raise Untried(f"no token of {self._account}: {why}", todo.format(**names))
        return found

    def _toolkit(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            key = self._key()
            found = self._google.send("POST", "identitytoolkit", f"v1/{verb}", body, key=key)
        except DeploymentError as error:
            raise self._no_sign_in(str(error)) from error
        if found is None:
            raise self._no_sign_in("it is not set up")
        return found

    def _key(self) -> str:
        path = f"admin/v2/projects/{self._google.project}/config"
        config = self._google.get("identitytoolkit", path) or {}
        key = config.get("client", {}).get("apiKey")
        if not key:
            raise self._no_sign_in("it is not set up")
        return str(key)

    @staticmethod
    def _no_sign_in(why: str) -> Untried:
        return Untried(
            f"no tokens of people from Identity Toolkit: {why}",
            "Set Firebase Authentication up, or give tokens of your issuer: "
            f"CASELEDGER_VERIFY_TOKENS='{' '.join(f'{role}=TOKEN' for role in ROLES)}'.",
        )


def given(environ: Mapping[str, str]) -> dict[str, str]:
    """People's tokens by role, from CASELEDGER_VERIFY_TOKENS. Raises DeploymentError."""
    pairs = [part.partition("=") for part in environ.get("CASELEDGER_VERIFY_TOKENS", "").split()]
    if any(role not in ROLES or not token for role, _, token in pairs):
        raise DeploymentError(
            f"CASELEDGER_VERIFY_TOKENS must be like role=TOKEN, with the roles {', '.join(ROLES)}"
        )
    return {role: token for role, _, token in pairs}
