"""How the asynchronous client waits and speaks. `_sync/io.py` is the same for the other one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable

from anyio import sleep
from httpx import AsyncBaseTransport as BaseTransport
from httpx import AsyncClient as Http

TokenSource = Callable[[], str | Awaitable[str]]
"""What is asked for a token before each request."""

AWAITED = True
"""Whether the functions that are run are awaited."""

__all__ = ["AWAITED", "BaseTransport", "Http", "TokenSource", "sleep", "token_of"]


async def token_of(source: TokenSource) -> str:
    """The token for the next request."""
    found = source()
    return await found if isawaitable(found) else found
