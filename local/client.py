"""A call to the API with the standard library alone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPResponse
from typing import Any

_SECONDS = 30.0
# What runs on this machine is never behind a proxy, whatever the environment says.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Unreachable(OSError):
    """Nobody answers at the URL."""


@dataclass(frozen=True)
class Answer:
    """A response: its status code, its headers, and its JSON, its text, or None."""

    code: int
    headers: Message
    body: Any


def call(
    method: str,
    url: str,
    *,
    token: str | None = None,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Sends one request and gives its response, whatever its status code. Raises Unreachable."""
    request = urllib.request.Request(url, method=method)  # noqa: S310 - our own server's URL
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    for name, value in (headers or {}).items():
        request.add_header(name, value)
    try:
        with _DIRECTLY.open(request, timeout=_SECONDS) as response:
            return Answer(response.status, response.headers, _body(response))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, _body(error))
    except OSError as error:
        raise Unreachable(str(error)) from error


def _body(response: HTTPResponse | urllib.error.HTTPError) -> Any:
    raw = response.read()
    is_text = response.headers.get_content_type() == "application/jose"
    return raw.decode() if is_text else json.loads(raw) if raw else None
