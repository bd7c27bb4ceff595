"""Both clients, spoken to in the same way, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, cast

import httpx
import pytest

from caseledger import AsyncClient, Client
from caseledger._async import io as async_io
from caseledger._sync import io as sync_io
from tests.python_client.support import Blocking, of_transport

Made = Callable[..., Client]
"""Makes a client, over `transport` and with the other arguments of `Client`.

The asynchronous one is made to look like the other. Without a transport nothing may be sent: one
over a network would load certificates, which takes longer than most tests.
"""


def _nothing_may_be_sent(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.method} {request.url}")


_NOWHERE = httpx.MockTransport(_nothing_may_be_sent)


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which of the two clients is tried."""
    found: str = request.param
    return found


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a client has waited between two requests; it takes no time."""
    seconds: list[float] = []

    async def asleep(time: float) -> None:
        seconds.append(time)

    monkeypatch.setattr(sync_io, "sleep", seconds.append)
    monkeypatch.setattr(async_io, "sleep", asleep)
    return seconds


@pytest.fixture
def made(kind: str) -> Iterator[Made]:
    """Makes the client of this kind; each method of the asynchronous one is run to its end."""
    with asyncio.Runner() as runner:

        def client(transport: httpx.BaseTransport = _NOWHERE, **options: Any) -> Client:
            options = {"url": "http://localhost", "token": "a-token", **options}
            if kind == "sync":
                return Client(transport=transport, **options)
            wrapped = AsyncClient(transport=of_transport(transport), **options)
            return cast(Client, Blocking(wrapped, runner))

        yield client
