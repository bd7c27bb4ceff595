"""What makes the asynchronous client look like the other one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx


class Blocking:
    """An asynchronous client whose methods are run to their end, in one loop of events."""

    def __init__(self, client: Any, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, "aclose" if name == "close" else name)
        return self._blocking(found) if callable(found) else found

    def _blocking(self, function: Any) -> Any:
        def called(*args: Any, **kwargs: Any) -> Any:
            found = function(*args, **kwargs)
            if inspect.isawaitable(found):
                return self._run(found)
            if isinstance(found, AsyncIterator):
                return self._rows(found)
            return lambda guarded: self._blocking(found(_awaitable(guarded)))

        return called

    def _run(self, awaitable: Any) -> Any:
        async def run() -> Any:
            return await awaitable

        return self._runner.run(run())

    def _rows(self, rows: AsyncIterator[Any]) -> Iterator[Any]:
        end = object()
        while (row := self._run(anext(rows, end))) is not end:
            yield row


def _awaitable(function: Any) -> Any:
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    awaited.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    awaited.__name__ = function.__name__
    return awaited


def of_transport(transport: httpx.BaseTransport) -> httpx.AsyncBaseTransport:
    """The same transport for an asynchronous client; what it does blocks a thread of its own."""

    class Transport(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await asyncio.to_thread(transport.handle_request, request)
            content = await asyncio.to_thread(answer.read)
            return httpx.Response(answer.status_code, headers=answer.headers, content=content)

    return Transport()
