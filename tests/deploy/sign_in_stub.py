"""The stand-in's tokens (IAM Credentials, Identity Toolkit) and queries: importing it adds them.

What it gives are unsigned tokens, which a local server takes.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from local.tokens import unsigned_token
from shared.edge.local_people import unsigned
from tests.deploy.google_stub import Call, GoogleStub, Refused, route

API_KEY = "a-web-key"


# cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateIdToken
@route("POST", "/v1/projects/-/serviceAccounts/*:generateIdToken")
def _id_token(_stub: GoogleStub, call: Call, account: str) -> Any:
    assert call.body["includeEmail"] is True
    assert account.startswith("caseledger-scheduler@")
    return {"token": unsigned_token(sub="scheduler", tenant="none", role="scheduler")}


# cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signJwt
@route("POST", "/v1/projects/-/serviceAccounts/*:signJwt")
def _sign(_stub: GoogleStub, call: Call, account: str) -> Any:
    claims = json.loads(call.body["payload"])
    assert claims["iss"] == claims["sub"] == account
    assert 0 < claims["exp"] - claims["iat"] <= 3600
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
    return {"keyId": "k", "signedJwt": f"e30.{body}.c2ln"}


# cloud.google.com/identity-platform/docs/reference/rest/v2/projects/getConfig
@route("GET", "/admin/v2/projects/*/config")
def _config(_stub: GoogleStub, _call: Call, _project: str) -> Any:
    return {"client": {"apiKey": API_KEY}}


# cloud.google.com/identity-platform/docs/reference/rest/v1/accounts/signInWithCustomToken; the
# claims of a custom token become claims of the ID token
# (cloud.google.com/identity-platform/docs/admin/create-custom-tokens).
@route("POST", "/v1/accounts:signInWithCustomToken")
def _sign_in(stub: GoogleStub, call: Call) -> Any:
    assert call.query == {"key": API_KEY}
    claims = json.loads(base64.urlsafe_b64decode(call.body["token"].split(".")[1]))
    token = unsigned(sub=claims["uid"], **claims["claims"])
    stub.resources[f"users/{token}"] = {"localId": claims["uid"]}
    return {"idToken": token, "expiresIn": "3600"}


# cloud.google.com/identity-platform/docs/reference/rest/v1/accounts/delete
@route("POST", "/v1/accounts:delete")
def _delete_user(stub: GoogleStub, call: Call) -> Any:
    if stub.resources.pop(f"users/{call.body['idToken']}", None) is None:
        raise Refused(400, "INVALID_ARGUMENT", "USER_NOT_FOUND")
    return {}


# firebase.google.com/docs/firestore/reference/rest/v1/projects.databases.documents/runQuery: a
# query without rows is answered by the time of reading only.
@route("POST", "/v1/projects/*/databases/*/documents:runQuery")
@route("POST", "/v1/projects/*/databases/*/documents/tenants/*:runQuery")
def _query(_stub: GoogleStub, call: Call, *_names: str) -> Any:
    assert call.body["structuredQuery"]["limit"] == 1
    return [{"readTime": "2026-11-26T00:00:00Z"}]
