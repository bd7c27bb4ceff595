"""Calls the functions by HTTP inside the test's process, through the framework."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import functions_framework
import werkzeug.test
from flask import Flask
from flask.testing import FlaskClient

from local.tokens import unsigned_token
from shared.runtime import Runtime

_FAR_AWAY = datetime(9999, 1, 1, tzinfo=UTC)
FUNCTIONS = Path(__file__).parent.parent / "functions"


class TestResponse(werkzeug.test.TestResponse):
    """An answer whose JSON the test takes apart as it expects it: what differs fails there."""

    @property
    def json(self) -> Any:
        """The body as JSON; None where it is no JSON."""
        return self.get_json()


def opened(app: Flask, url: str, **options: Any) -> TestResponse:
    """What the application answers, to its end; `options` are those of werkzeug's client."""
    # Each request is of another client, so cookies would never be sent again.
    answer = FlaskClient(app, TestResponse, use_cookies=False).open(url, buffered=True, **options)
    assert isinstance(answer, TestResponse)
    return answer


def whole(path: str) -> str:
    """The whole path: what it is given follows `/v1`, but for what is well known (RFC 8615)."""
    return path if path.startswith("/.well-known/") else f"/v1{path}"


@dataclass(frozen=True)
class Client:
    """One caller. `path` is as `whole` takes it; `headers` are added to each request."""

    app: Flask
    token: str | None
    headers: dict[str, str]

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | str | None = None,
        **headers: str,
    ) -> TestResponse:
        """Sends one request. Keyword arguments are headers: `if_match` is `If-Match`."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        authorization = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return opened(
            self.app,
            whole(path),
            method=method,
            json=body if raw is None else None,
            data=raw,
            headers={**self.headers, **authorization, **named},
        )

    def get(self, path: str, **headers: str) -> TestResponse:
        """Sends a GET."""
        return self.request("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        """Sends a POST."""
        return self.request("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> TestResponse:
        """Sends a PATCH."""
        return self.request("PATCH", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> TestResponse:
        """Sends a PUT."""
        return self.request("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> TestResponse:
        """Sends a DELETE."""
        return self.request("DELETE", path, **headers)

    def attach(self, case_id: str, *items: dict[str, Any]) -> dict[str, Any]:
        """Attaches evidence behind what is there; gives the case."""
        response = self.post(f"/cases/{case_id}/evidence", {"evidence": list(items)})
        assert response.status_code == 201, response.text
        case: dict[str, Any] = response.json
        return case

    def create(self, **fields: Any) -> dict[str, Any]:
        """Opens a case and gives it; what the test does not care for has a value."""
        body = {"decisionType": "csf_practitioner", "title": "A case", **fields}
        response = self.post("/cases", body)
        assert response.status_code == 201, response.text
        case: dict[str, Any] = response.json
        return case


def served(target: str, source: str) -> Flask:
    """A function as the framework serves it: `target` in `source`."""
    # Whatever this machine's environment says: the runtime is the one that is given later.
    with patch.dict(os.environ, {"CASELEDGER_STORE": "sqlite:///:memory:"}, clear=True):
        app: Flask = functions_framework.create_app(target, str(FUNCTIONS / source))  # type: ignore[no-untyped-call]
    return app


def _new_tenant() -> str:
    return f"t-{uuid.uuid4().hex[:8]}"


class Api:
    """The functions over one runtime: `target` behind `source`, by default all of them.

    `app` is these where they have been made already, for another runtime that is used no more.
    """

    def __init__(
        self,
        runtime: Runtime,
        target: str = "api",
        source: str = "api.py",
        app: Flask | None = None,
    ) -> None:
        self.runtime = runtime
        self.tenant = _new_tenant()
        self.app = app or served(target, source)
        runtime.install(self.app)

    def listens_to_nobody(self) -> None:
        """Makes known that no webhook is there, however far the clock is moved.

        Otherwise the first change in five minutes reads one document more.
        """
        self.runtime.listeners.keep(self.tenant, {}, _FAR_AWAY)

    def enter_new_tenant(self) -> None:
        """Has callers belong to another tenant from now on, which has nothing yet."""
        self.tenant = _new_tenant()
        self.listens_to_nobody()

    def caller(
        self,
        role: str,
        sub: str | None = None,
        tenant: str | None = None,
        email: str | None = None,
    ) -> Client:
        """A caller of this test's tenant, or of another, by default `sub@example.com`."""
        subject = sub or role
        address = email or f"{subject}@example.com"
        token = unsigned_token(sub=subject, tenant=tenant or self.tenant, role=role, email=address)
        return Client(self.app, token, {})

    @property
    def stranger(self) -> Client:
        """A caller without a token."""
        return Client(self.app, None, {})

    @property
    def viewer(self) -> Client:
        """A viewer."""
        return self.caller("viewer")

    @property
    def verifier(self) -> Client:
        """A verifier."""
        return self.caller("verifier")

    @property
    def pilot(self) -> Client:
        """A pilot."""
        return self.caller("pilot")

    @property
    def admin(self) -> Client:
        """An admin."""
        return self.caller("admin")

    @property
    def agent(self) -> Client:
        """An automated agent."""
        return self.caller("agent")
