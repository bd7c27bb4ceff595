"""Sends a webhook: one POST to a URL that a tenant named, which is not to be trusted.

The name is resolved once, and the connection is made to an address that was found and is allowed
(`rules/addresses.py`), so that a name that is resolved to another address later reaches nothing.
The certificate and the Host header are those of the name. No redirect is followed, and no proxy of
the environment is used. Everything together, from resolving to the end of the answer, has one
deadline, however slowly the receiver sends; at most 64 kB of the answer are read, nothing of it is
decoded, and its status alone counts.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

from shared.bounded import MAX_ANSWER, Bounded, left
from shared.rules.addresses import LOCAL_NAMES, is_loopback, is_public

SECONDS = 15.0
"""How long all of it may take."""
_CONNECT_SECONDS = 5.0
"""How long one of several addresses may take to answer."""
_ADDRESSES = 4
"""How many of a name's addresses are tried."""

Failure = Literal["url", "name", "address", "connection", "certificate", "timeout", "answer"]
"""Why there is no answer: the URL is not one that is sent to; the name has no address; none of its
addresses is allowed; no connection came about, or it was lost; the certificate is not that of the
name; it took too long; what came is no answer of HTTP."""
Resolver = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a name, for a port. Raises OSError."""


class Answer(NamedTuple):
    """What the receiver said: its status and `Retry-After`; or why there is no answer."""

    code: int | None = None
    retry_after: str | None = None
    failure: str | None = None


class _FailedError(Exception):
    """There is no answer, for this reason."""

    def __init__(self, why: Failure) -> None:
        super().__init__(why)
        self.why = why


def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system finds them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def post(  # noqa: PLR0913 - what a request is
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    seconds: float = SECONDS,
    local: bool = False,
    resolver: Resolver = resolved,
) -> Answer:
    """Sends `body`, and gives the answer, or why there is none; after `seconds` at the latest.

    With `local`, a server on this machine may be named too, as localhost, 127.0.0.1 or [::1], also
    without TLS. Such a name then means this machine only.
    """
    until = time.monotonic() + seconds
    try:
        return _exchanged(_target(url, local=local), body, headers, until, resolver)
    except _FailedError as failed:
        return Answer(failure=failed.why)
    except ssl.SSLCertVerificationError:
        return Answer(failure="certificate")
    except TimeoutError:
        return Answer(failure="timeout")
    except OSError:
        return Answer(failure="connection")
    except (HTTPException, ValueError):
        return Answer(failure="answer")


class _Target(NamedTuple):
    """Where a URL leads to."""

    url: SplitResult
    host: str
    port: int
    is_local: bool

    @property
    def resource(self) -> str:
        """What is asked for."""
        path = self.url.path or "/"
        return f"{path}?{self.url.query}" if self.url.query else path

    def allows(self, address: str) -> bool:
        """Whether the connection may be made to an address."""
        return is_loopback(address) if self.is_local else is_public(address)


def _target(url: str, *, local: bool) -> _Target:
    """Where a URL leads to. Raises _FailedError for one that nothing is sent to."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _FailedError("url") from None
    is_local = local and host in LOCAL_NAMES
    schemes = {"https": 443} | ({"http": 80} if is_local else {})
    known = parts.scheme in schemes and host and url.isascii() and parts.username is None
    if not known:
        raise _FailedError("url")
    return _Target(parts, host, port or schemes[parts.scheme], is_local)


def _exchanged(
    target: _Target, body: bytes, headers: Mapping[str, str], until: float, resolver: Resolver
) -> Answer:
    plain = _connected(target, until, resolver)
    with Bounded(plain, until) as connection:
        if target.url.scheme == "https":
            connection.secure(target.host)
        client = HTTPConnection(target.host, target.port)
        client.sock = connection  # all that it needs of a socket
        client.response_class = _Final
        told = {"Host": target.url.netloc, "Connection": "close"}
        client.request("POST", target.resource, body, {**headers, **told})
        with client.getresponse() as response:
            # The rest is read for a moment, so that the receiver can end in order.
            connection.hurry()
            with suppress(OSError, HTTPException, ValueError):
                response.read(MAX_ANSWER)
            return Answer(response.status, response.getheader("Retry-After"))


def _connected(target: _Target, until: float, resolver: Resolver) -> socket.socket:
    """A connection to one of the allowed addresses of a name. Raises _FailedError or OSError."""
    found = _resolved_in_time(target, until, resolver)
    allowed = [one for one in dict.fromkeys(found) if target.allows(one)][:_ADDRESSES]
    if not allowed:
        raise _FailedError("address" if found else "name")
    failure: OSError = TimeoutError()
    for number, address in enumerate(allowed, 1):
        seconds = left(until) if number == len(allowed) else min(left(until), _CONNECT_SECONDS)
        try:
            return socket.create_connection((address, target.port), timeout=seconds)
        except OSError as error:
            failure = error
    raise failure


def _resolved_in_time(target: _Target, until: float, resolver: Resolver) -> Sequence[str]:
    """The addresses of a name. The system's resolver has no deadline, so a thread waits for it."""
    answers: SimpleQueue[Sequence[str]] = SimpleQueue()

    def resolve() -> None:
        found: Sequence[str] = ()
        with suppress(OSError, ValueError):
            found = resolver(target.host, target.port)
        answers.put(found)

    Thread(target=resolve, daemon=True).start()
    try:
        return answers.get(timeout=left(until))
    except Empty:
        raise TimeoutError from None


class _Final(HTTPResponse):
    """The answer after any interim ones, such as 103 Early Hints (RFC 9110, 15.2)."""

    def begin(self) -> None:
        """See `HTTPResponse`, which passes over 100 Continue alone."""
        super().begin()
        while _is_interim(self.status):
            self.headers = self.msg = None  # type: ignore[assignment]  # as before the first one
            super().begin()


def _is_interim(status: int) -> bool:
    return status // 100 == 1 and status != HTTPStatus.SWITCHING_PROTOCOLS
