"""How the synchronous client waits and speaks. `_async/io.py` is the same for the other one."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep

from httpx import BaseTransport
from httpx import Client as Http

TokenSource = Callable[[], str]
"""What is asked for a token before each request."""

AWAITED = False
"""Whether the functions that are run are awaited."""

__all__ = ["AWAITED", "BaseTransport", "Http", "TokenSource", "sleep", "token_of"]


def token_of(source: TokenSource) -> str:
    """The token for the next request."""
    return source()
