"""How the Model Context Protocol is spoken over HTTP: who is let in, and how errors are told."""

from __future__ import annotations

from typing import Any

import flask
from flask import Response as Response  # noqa: PLC0414 - handlers find it here
from pydantic_core import to_json

from shared.edge.mcp import messages
from shared.errors import ApiError, PermissionDenied
from shared.models.base import JSON
from shared.runtime import Runtime

PATH = "/v1/mcp"
WELL_KNOWN = "/.well-known/oauth-protected-resource"
"""Where RFC 9728 has what a client must know to get a token."""
_CODES = {400: messages.INVALID_REQUEST, 404: messages.INVALID_PARAMS, 500: messages.INTERNAL_ERROR}
"""Other errors have their HTTP status as their code, which JSON-RPC leaves to applications."""


class Mcp:
    """The dialect of `POST /v1/mcp`, for the request of an id once that is known."""

    def __init__(self, request_id: messages.RequestId | None = None) -> None:
        self._id = request_id

    def admit(self, request: flask.Request) -> None:
        """Refuses pages of other origins. Raises PermissionDenied.

        A page of another site may reach a server that only this machine reaches, by a name of its
        own that it has resolve to it (DNS rebinding), so the host of a request proves nothing.
        """
        origin = request.headers.get("Origin")
        config = Runtime.current().config
        if origin is not None and origin not in (config.public_url, *config.allowed_origins):
            raise PermissionDenied(
                "pages of this origin may not call this: CASELEDGER_ALLOWED_ORIGINS lists those "
                "that may"
            )

    def refused(self, error: ApiError) -> Response:
        """An error of the API as one of JSON-RPC, with the status and headers that it has."""
        code = _CODES.get(error.code, error.code)
        body = messages.RpcError(code, error.message, error.body()).body(self._id)
        response = answered(body, error.code)
        response.headers.update(error.headers)
        if error.code == 401:  # noqa: PLR2004
            challenge = f'Bearer resource_metadata="{address()}{WELL_KNOWN}{PATH}"'
            response.headers["WWW-Authenticate"] = challenge
        return response


def answered(body: dict[str, Any], code: int = 200) -> Response:
    """An answer in JSON."""
    return Response(to_json(body), code, mimetype=JSON)


def address() -> str:
    """Where clients reach this server, without a last slash."""
    config = Runtime.current().config
    # Encryption ends before this server, which is told nothing of it; local runs have none.
    scheme = "http" if config.unsigned_tokens else "https"
    return config.public_url or f"{scheme}://{flask.request.host}"


def metadata() -> dict[str, Any]:
    """What a client must know to get a token for this server (RFC 9728)."""
    config = Runtime.current().config
    # Firebase, and a local run, have no address at which a client could ask for a token.
    asked = not (config.unsigned_tokens or config.of_firebase)
    servers = {"authorization_servers": [config.issuer]} if asked else {}
    return {
        "resource": f"{address()}{PATH}",
        "resource_name": "Caseledger",
        **servers,
        "bearer_methods_supported": ["header"],
    }
