"""Who may use unsigned tokens: programs and pages of this machine, and nobody through them.

A page of another site can send requests to a server on this machine: by its address, or by a name
of its own that it has resolve to 127.0.0.1 (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import flask

from shared.edge.tokens import is_loopback
from shared.errors import Unauthenticated


def require(request: flask.Request, allowed_origins: Sequence[str]) -> None:
    """Raises Unauthenticated where an unsigned token of this request must not be believed."""
    if not is_loopback(request.environ.get("SERVER_NAME")):
        raise Unauthenticated("unsigned tokens are accepted on a loopback address only")
    host = request.headers.get("Host")
    # A browser always says which host it means; a program of HTTP/1.0 need not.
    if host is not None and not is_loopback(_name(host)):
        raise Unauthenticated("unsigned tokens are accepted only with a loopback address as Host")
    origin = request.headers.get("Origin")
    if origin not in (None, f"{request.scheme}://{host}", *allowed_origins):
        raise Unauthenticated(
            "unsigned tokens are not accepted from pages of other origins: "
            "CASELEDGER_ALLOWED_ORIGINS lists those that may"
        )


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
