"""Agents call by the Model Context Protocol: they ask people, act on the answers, and find cases.

It is served without sessions, so any instance answers any request. What a tool does is what its
function of the API does for the same caller: with the same roles, budgets, rules and trail.
"""

from __future__ import annotations

from shared.edge.function import Call, serve
from shared.edge.mcp import door, messages
from shared.edge.mcp.door import Response
from shared.edge.mcp.messages import RpcError
from shared.edge.routes import Route
from shared.rules.callers import READERS


def answer_mcp(call: Call, raw: bytes) -> Response:
    """Answers one message: a request with its result or error, a notification with 202."""
    try:
        message = messages.read(raw, call.exchange.request.headers)
    except RpcError as error:
        return door.answered(error.body(error.id), error.status)
    if message.id is None:
        return Response(status=202)
    from functions import mcp_methods  # noqa: PLC0415 - `api` starts without it

    # Whatever goes wrong from here on is the error of this request.
    call.exchange.dialect = door.Mcp(message.id)
    try:
        found = mcp_methods.answered(call, message)
    except RpcError as error:
        status = error.status if message.is_modern else 200
        return door.answered(error.body(message.id), status)
    return door.answered({"jsonrpc": "2.0", "id": message.id, "result": found})


def get_resource_metadata() -> Response:
    """Says where a client gets a token for this server (RFC 9728)."""
    return door.answered(door.metadata())


def get_mcp_resource_metadata() -> Response:
    """Says the same where a client looks for it first: below the path of the protocol.

    It has a name of its own, as each operation behind a gateway has.
    """
    return get_resource_metadata()


_BELOW = f"{door.WELL_KNOWN}{door.PATH}"

mcp = serve(
    "mcp",
    [
        Route("POST", "/mcp", READERS, 200, answer_mcp, dialect=door.Mcp()),
        Route("GET", door.WELL_KNOWN, None, 200, get_resource_metadata, prefix=""),
        Route("GET", _BELOW, None, 200, get_mcp_resource_metadata, prefix=""),
    ],
)
"""Serves the protocol. The description of the API leaves it out: it has one of its own."""
