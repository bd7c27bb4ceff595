"""A request's body: whole, in time, not too large, and declared to be JSON."""

from __future__ import annotations

import io
import sys

import flask
from werkzeug.exceptions import ClientDisconnected

from shared import errors
from shared.edge.exchange import Exchange
from shared.edge.slow_bodies import BODY_SECONDS, Watchdog
from shared.runtime import Runtime

MAX_BODY_BYTES = 2 * 1024 * 1024
_WATCHDOG = Watchdog()
_IDENTITY = "identity"
_NOT_WHOLE = "the body did not come, or not in time"


def read(exchange: Exchange) -> bytes:
    """The body. Raises ContentTooLarge, RequestTimeout, InvalidArgument, UnsupportedMediaType."""
    request = exchange.request
    if request.headers.get("Content-Encoding", _IDENTITY).strip().lower() != _IDENTITY:
        raise errors.UnsupportedMediaType(
            "send the body without Content-Encoding", headers={"Accept-Encoding": _IDENTITY}
        )
    if not exchange.has_body:
        return b""
    length = request.content_length or 0
    if length > MAX_BODY_BYTES:
        raise errors.ContentTooLarge(f"the body is larger than {MAX_BODY_BYTES} bytes")
    raw = _received(exchange)
    if len(raw) < length:
        # Servers report a closed connection as the end of the body.
        raise errors.RequestTimeout(_NOT_WHOLE)
    if len(raw) > MAX_BODY_BYTES:
        raise errors.ContentTooLarge(f"the body is larger than {MAX_BODY_BYTES} bytes")
    exchange.body_is_read = True
    if raw and not request.is_json:
        raise errors.UnsupportedMediaType("send Content-Type: application/json")
    return raw


def leave_unread(request: flask.Request) -> None:
    """Has the framework not read what is left of a body into memory, however long that takes."""
    request.stream = io.BytesIO()


def _received(exchange: Exchange) -> bytes:
    runtime = Runtime.current()
    try:
        with _WATCHDOG.guarding(exchange.connection, BODY_SECONDS, lambda: runtime.stopping):
            return exchange.request.stream.read(MAX_BODY_BYTES + 1)
    except (ClientDisconnected, OSError):
        raise errors.RequestTimeout(_NOT_WHOLE) from None
    except _malformed():
        raise errors.InvalidArgument.field("body", "is not well-formed HTTP") from None


def _malformed() -> tuple[type[Exception], ...]:
    """What the server raises for malformed chunks: only gunicorn has an error of its own."""
    gunicorn = sys.modules.get("gunicorn.http.errors")
    return (gunicorn.ParseException,) if gunicorn else ()
