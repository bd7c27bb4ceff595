"""One request on its way to its answer: what every answer carries, and what the log says of it."""

from __future__ import annotations

import re
import socket
import time
import uuid
from typing import Any

import flask

from shared import log
from shared.documents.cost import Cost
from shared.edge.dialect import Dialect
from shared.runtime import Runtime

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_CLOUD_TRACE = re.compile(r"([0-9a-f]{32})/([0-9]{1,20})(?:;o=([01]))?")
_EXPOSED = (
    "Content-Disposition, ETag, Idempotent-Replayed, Location, Retry-After, Server-Timing, "
    "WWW-Authenticate, X-Request-Id"
)
_ALLOWED = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, MCP-Protocol-Version, Mcp-Method, "
    "Mcp-Name, traceparent, X-Request-Id"
)
ALWAYS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
}
"""Headers of every answer that has none of its own of that name."""
_ALWAYS_BY_KEY = {name.lower(): (name, value) for name, value in ALWAYS.items()}


class Exchange:
    """A request with its id and cost, and what is found out about it while it is handled."""

    def __init__(self, request: flask.Request) -> None:
        given = request.headers.get("X-Request-Id", "")
        self.request = request
        self.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        self.started = time.perf_counter()
        self.cost = Cost()
        self.function: str | None = None
        self.path: str | None = None
        self.tenant: str | None = None
        self.ids: dict[str, str] = {}
        self.noted: dict[str, Any] = {}
        """What a handler adds to the log line: counts and times, never data."""
        self.failed = False
        """Whether the server failed, although the status of the answer does not say so."""
        self.body_is_read = False
        self.dialect: Dialect | None = None
        """The protocol of the route, where that is not the API's own."""
        self.is_streamed = False
        """Whether the answer is made while it is sent; its log line comes at its end."""
        self.sent = 0
        """How many bytes of such an answer were sent."""

    @property
    def has_body(self) -> bool:
        """Whether the request says that a body follows its head."""
        return bool(self.request.content_length) or "Transfer-Encoding" in self.request.headers

    @property
    def connection(self) -> socket.socket | None:
        """The caller's connection, where the server shows it."""
        return self.request.environ.get("gunicorn.socket")

    def abandoned(self) -> bool:
        """Whether the caller has hung up, where the server shows its socket."""
        if self.connection is None:
            return False
        try:
            # On an open connection a peek blocks or finds data; on a closed one it returns EOF.
            peeked = self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True
        return not peeked

    def finish(self, response: flask.Response, **fields: Any) -> flask.Response:
        """Adds the headers that every answer has, and writes the log line, unless that is later."""
        headers = response.headers
        own = {name.lower() for name, _ in headers}
        headers["X-Request-Id"] = self.request_id
        headers["Server-Timing"] = self.cost.server_timing
        for key, (name, value) in _ALWAYS_BY_KEY.items():
            if key not in own:
                headers.add(name, value)
        self._allow_origin(response)
        self._end_connection()
        if not self.is_streamed:
            self.log(response, **fields)
        return response

    def _end_connection(self) -> None:
        # The server would read the rest of a body, for as long as that takes, to find the next
        # request behind it. One that stops takes no next request.
        end = getattr(self.connection, "end_after_answer", None)
        unread = self.has_body and not self.body_is_read
        if end and (unread or Runtime.current().stopping):
            end()

    def log(self, response: flask.Response, **fields: Any) -> None:
        """Writes the log line of an answer."""
        code = response.status_code
        fields = {**self.noted, **fields}
        usual: log.Level = "WARNING" if "securityEvent" in fields else "INFO"
        failed = self.failed or code >= 500 or fields.get("stream") == "broken"  # noqa: PLR2004
        log.write(
            "ERROR" if failed else usual,
            f"{self.request.method} {self.function or 'unrouted'} {code}",
            requestId=self.request_id,
            function=self.function,
            tenant=self.tenant,
            **self.ids,
            code=code,
            durationMs=round((time.perf_counter() - self.started) * 1000, 2),
            reads=self.cost.reads,
            writes=self.cost.writes,
            trips=self.cost.trips,
            httpRequest=self._http_request(response),
            **self._trace(),
            **fields,
        )

    def _http_request(self, response: flask.Response) -> dict[str, Any]:
        """What Cloud Logging shows of the request. Its path is that of the function, without ids.

        Who called and what was asked for are data: cloud.google.com/logging/docs/reference/v2/rest/
        v2/LogEntry#HttpRequest has fields for them, which are left out.
        """
        shown = {
            "requestMethod": self.request.method,
            "requestUrl": self.path,
            "status": response.status_code,
            "responseSize": str(self.sent if self.is_streamed else response.content_length or 0),
            "latency": f"{time.perf_counter() - self.started:.6f}s",
        }
        return {name: value for name, value in shown.items() if value is not None}

    def _trace(self) -> dict[str, Any]:
        """The trace and span that Cloud Logging shows the line in.

        They are those of `traceparent` (W3C Trace Context), else of `X-Cloud-Trace-Context`
        (cloud.google.com/trace/docs/trace-context), which has the span as a decimal number.
        """
        headers = self.request.headers
        if found := _TRACEPARENT.fullmatch(headers.get("traceparent", "")):
            trace, span, sampled = found[1], found[2], bool(int(found[3], 16) & 1)
        elif found := _CLOUD_TRACE.fullmatch(headers.get("X-Cloud-Trace-Context", "")):
            trace, span, sampled = found[1], f"{int(found[2]):016x}", found[3] == "1"
        else:
            return {}
        project = Runtime.current().config.project
        return {
            "logging.googleapis.com/trace": f"projects/{project}/traces/{trace}"
            if project
            else trace,
            "logging.googleapis.com/spanId": span,
            "logging.googleapis.com/trace_sampled": sampled,
        }

    def _allow_origin(self, response: flask.Response) -> None:
        """Lets browsers of the configured origins read the answer (Fetch, CORS)."""
        headers = response.headers
        origin = self.request.headers.get("Origin")
        if origin is None:
            return
        response.vary.add("Origin")
        if origin not in Runtime.current().config.allowed_origins:
            return
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = _EXPOSED
        if self.request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = headers.get("Allow", "")
            headers["Access-Control-Allow-Headers"] = _ALLOWED
            headers["Access-Control-Max-Age"] = "3600"
