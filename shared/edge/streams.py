"""Answers that are sent while they are made, so that they may be larger than memory.

What fails before the first bytes are there is answered like any other error. What fails later
breaks the connection off, so that the caller sees that the answer is not whole.
"""

from __future__ import annotations

import errno
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from contextvars import copy_context
from itertools import chain
from typing import Any, ClassVar

import flask
from werkzeug.http import dump_options_header

from shared import log
from shared.documents.port import StoreError
from shared.edge.exchange import Exchange
from shared.runtime import Runtime

CHUNK = 65_536
"""How many bytes are sent at once, at least."""


class Stream:
    """The body of an answer that is made while it is sent, under the name that a file of it gets.

    The parts are made when they are asked for. A `text` is compressed for callers who take gzip.
    """

    media_type: ClassVar[str]
    example: ClassVar[str]
    text: ClassVar[bool] = False
    versioned: ClassVar[bool] = False

    def __init__(self, name: str, parts: Iterator[bytes]) -> None:
        self.name = name
        self.parts = parts


class NotWholeError(ConnectionResetError):
    """Ends the connection of an answer that has begun; the server logs no line of its own."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the answer is not whole")


def response(exchange: Exchange, stream: Stream, code: int, held: ExitStack) -> flask.Response:
    """The answer, whose first bytes are made now. Raises what goes wrong until then.

    What is `held` for the request is from then on held until the answer ends, however it does. The
    answer to a HEAD has no bytes, and makes none.
    """
    zipped = stream.text and exchange.request.accept_encodings["gzip"] > 0
    headers = {
        "Content-Disposition": dump_options_header("attachment", {"filename": stream.name}),
        **({"Content-Encoding": "gzip"} if zipped else {}),
    }
    answer = flask.Response(status=code, mimetype=stream.media_type, headers=headers)
    if stream.text:
        answer.vary.add("Accept-Encoding")
    if exchange.request.method == "HEAD":
        answer.automatically_set_content_length = False
        return answer
    parts = _together(_compressed(stream.parts) if zipped else stream.parts)
    sending = _Sending(_sent(exchange, answer, parts, held))
    answer.response = sending
    answer.call_on_close(sending.close)
    exchange.is_streamed = True
    if wait := getattr(exchange.connection, "wait_for_reader", None):
        wait()
    return answer


class _StoppingError(Exception):
    """The server is about to end, and will not wait for the end of the answer."""


class _Sending(Iterator[bytes]):
    """The bytes of an answer: made in the context of its request, which is over by then."""

    def __init__(self, sent: Generator[bytes]) -> None:
        self._context = copy_context()
        self._bytes = sent
        # Up to the first bytes.
        self._context.run(next, self._bytes)

    def __next__(self) -> bytes:
        return self._context.run(next, self._bytes)

    def close(self) -> None:
        """Ends it, also before its end."""
        self._context.run(self._bytes.close)


def _sent(
    exchange: Exchange, answer: flask.Response, parts: Iterator[bytes], held: ExitStack
) -> Generator[bytes]:
    """First nothing, when the first bytes are there; then all of them; in the end the log line."""
    first = next(parts, b"")
    fields: dict[str, Any] = {"stream": "abandoned"}
    runtime = Runtime.current()
    kept = held.pop_all()
    try:
        yield b""
        for part in chain([first], parts):
            _require_running(runtime)
            exchange.sent += len(part)
            yield part
        fields = {"stream": "whole"}
    except _StoppingError:
        fields = {"stream": "stopped"}
        raise NotWholeError from None
    except GeneratorExit:
        if runtime.stopping:
            fields = {"stream": "stopped"}
        raise
    except Exception as error:
        cause = error.cause if isinstance(error, StoreError) else None
        fields = {"stream": "broken", "cause": cause, **log.failure(error)}
        raise NotWholeError from error
    finally:
        kept.close()
        exchange.log(answer, **fields)


def _require_running(runtime: Runtime) -> None:
    if runtime.stopping:
        raise _StoppingError


def _together(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in parts of at least CHUNK, but for the last one."""
    held = bytearray()
    for part in parts:
        held += part
        if len(held) >= CHUNK:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _compressed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in the form of gzip (RFC 1952)."""
    packer = zlib.compressobj(wbits=31)
    for part in parts:
        yield packer.compress(part)
    yield packer.flush()
