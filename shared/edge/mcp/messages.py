"""One message of the Model Context Protocol: JSON-RPC 2.0, in one of three revisions.

The revision 2026-07-28 has no sessions: each request says in `_meta` and in headers which revision
it speaks and what its client can do, and the headers must say what the body says. The two before it
begin with `initialize`, and say their revision in a header from then on.
(modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http)
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json
from werkzeug.datastructures import Headers

from shared.edge import parsing
from shared.errors import InvalidArgument

NEWEST = "2026-07-28"
WITH_FORMER_TASKS = "2025-11-25"
"""The revision with an experimental form of tasks, which its client asks for."""
WITH_SESSIONS = (WITH_FORMER_TASKS, "2025-06-18")
"""The revisions that begin with `initialize`, newest first."""
VERSIONS = (NEWEST, *WITH_SESSIONS)

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH = -32020
MISSING_CAPABILITY = -32021
UNSUPPORTED_VERSION = -32022

OURS = "io.modelcontextprotocol"
TASKS = f"{OURS}/tasks"
"""The extension by which a tool answers with a task (SEP-2663)."""
_VERSION, _CAPABILITIES = f"{OURS}/protocolVersion", f"{OURS}/clientCapabilities"
_ENCODED = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""What `Mcp-Name` repeats of the parameters."""
_NAMED_TASKS = ("tasks/get", "tasks/update", "tasks/cancel")

RequestId = str | int


class RpcError(Exception):
    """An error of the protocol, of the request `id` where that could be read."""

    def __init__(
        self, code: int, message: str, data: Any = None, request_id: RequestId | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.id = request_id

    @property
    def status(self) -> int:
        """The HTTP status that it is sent with."""
        return 404 if self.code == METHOD_NOT_FOUND else 400

    def body(self, request_id: RequestId | None) -> dict[str, Any]:
        """The error response."""
        error = {"code": self.code, "message": self.message}
        more = {} if self.data is None else {"data": self.data}
        return {"jsonrpc": "2.0", "id": request_id, "error": {**error, **more}}


@dataclass(frozen=True, slots=True)
class Message:
    """A request, or without an `id` a notification, of a client that speaks `version`."""

    method: str
    id: RequestId | None
    params: dict[str, Any]
    version: str
    capabilities: dict[str, Any]

    @property
    def is_modern(self) -> bool:
        """Whether it is of the revision without sessions."""
        return self.version == NEWEST

    @property
    def takes_tasks(self) -> bool:
        """Whether the client can be answered with a task that it did not ask for."""
        extensions = self.capabilities.get("extensions")
        return self.is_modern and isinstance(extensions, dict) and TASKS in extensions

    @property
    def meta(self) -> dict[str, Any]:
        """What the client says beside the parameters."""
        meta = self.params.get("_meta")
        return meta if isinstance(meta, dict) else {}

    def text(self, name: str) -> str:
        """A parameter that must be text. Raises RpcError."""
        value = self.params.get(name)
        if not isinstance(value, str):
            raise RpcError(INVALID_PARAMS, f"params.{name} must be text")
        return value


def read(raw: bytes, headers: Headers) -> Message:
    """The message in a body. Raises RpcError."""
    content = _json(raw)
    if isinstance(content, list):
        raise RpcError(INVALID_REQUEST, "batches are not part of the protocol: send one message")
    if not isinstance(content, dict):
        raise RpcError(INVALID_REQUEST, "the body must be one JSON-RPC message")
    request_id = _request_id(content)
    try:
        return _message(content, request_id, headers)
    except RpcError as error:
        error.id = request_id
        raise


def _json(raw: bytes) -> Any:
    try:
        parsed = from_json(raw, allow_inf_nan=False)
        parsing.require_exact(raw)
    except InvalidArgument as error:
        raise RpcError(INVALID_REQUEST, error.message, error.body()) from None
    except ValueError:
        raise RpcError(PARSE_ERROR, "the body must be JSON, nested not too deep") from None
    return parsed


def _request_id(content: dict[str, Any]) -> RequestId | None:
    if "id" not in content:
        return None
    request_id = content["id"]
    if isinstance(request_id, bool) or not isinstance(request_id, str | int):
        raise RpcError(INVALID_REQUEST, "id must be text or a whole number")
    return request_id


def _message(content: dict[str, Any], request_id: RequestId | None, headers: Headers) -> Message:
    method, params = content.get("method"), content.get("params", {})
    if content.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, "jsonrpc must be 2.0")
    if not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, "method must be text: this server sends no requests")
    if not isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, "params must be an object")
    meta = params.get("_meta")
    meta = meta if isinstance(meta, dict) else {}
    said = headers.get("MCP-Protocol-Version")
    if request_id is None:
        # The newest revision requires no headers of a notification.
        _require_known(NEWEST if said is None else said)
        return Message(method, None, params, said or "", {})
    if method == "initialize" and _VERSION not in meta:
        asked = params.get("protocolVersion")
        version = asked if asked in WITH_SESSIONS else WITH_SESSIONS[0]
        return Message(method, request_id, params, version, {})
    if said in WITH_SESSIONS and _VERSION not in meta:
        return Message(method, request_id, params, said, {})
    if said is not None and _VERSION not in meta:
        _require_known(said)
    return Message(method, request_id, params, NEWEST, _checked(method, params, meta, headers))


def _checked(
    method: str, params: dict[str, Any], meta: dict[str, Any], headers: Headers
) -> dict[str, Any]:
    """What the client can do, as a request of the newest revision says. Raises RpcError."""
    said = headers.get("MCP-Protocol-Version")
    if said is None:
        raise RpcError(HEADER_MISMATCH, "send the header MCP-Protocol-Version")
    if missing := [name for name in (_VERSION, _CAPABILITIES) if name not in meta]:
        raise RpcError(INVALID_PARAMS, f"params._meta must have {' and '.join(missing)}")
    if said != meta[_VERSION]:
        raise RpcError(HEADER_MISMATCH, f"MCP-Protocol-Version is not what {_VERSION} says")
    if headers.get("Mcp-Method") != method:
        raise RpcError(HEADER_MISMATCH, "the header Mcp-Method must repeat method")
    _check_name(method, params, headers.get("Mcp-Name"))
    if said != NEWEST:
        raise _unsupported(said)
    capabilities = meta[_CAPABILITIES]
    if not isinstance(capabilities, dict):
        raise RpcError(INVALID_PARAMS, f"{_CAPABILITIES} must be an object")
    return capabilities


def _check_name(method: str, params: dict[str, Any], said: str | None) -> None:
    field = _NAMED.get(method)
    if field is None and method in _NAMED_TASKS and said is not None:
        field = "taskId"  # not every client repeats it, so it is not required
    if field is None or not isinstance(params.get(field), str):
        return
    if _decoded(said) != params[field]:
        raise RpcError(HEADER_MISMATCH, f"the header Mcp-Name must repeat params.{field}")


def _decoded(header: str | None) -> str | None:
    """What a header says that may be encoded; None where it is not encoded well."""
    found = _ENCODED.fullmatch(header or "")
    if not found:
        return header
    try:
        return base64.b64decode(found[1], validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _require_known(version: str) -> None:
    if version not in VERSIONS:
        raise _unsupported(version)


def _unsupported(version: str) -> RpcError:
    supported = {"supported": list(VERSIONS), "requested": version[:100]}
    return RpcError(UNSUPPORTED_VERSION, "Unsupported protocol version", supported)
