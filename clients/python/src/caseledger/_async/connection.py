"""Requests that are sent again where that is safe, and the pages of lists."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Mapping
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import httpx

from caseledger._async import io
from caseledger.addresses import address, bearer, is_here, rows_of, said, whole
from caseledger.problems import Problem, Unreachable, is_page
from caseledger.retrying import LOST, is_temporary, pause
from caseledger.version import VERSION

if TYPE_CHECKING:
    from types import TracebackType

_SAFE = ("GET", "HEAD")
_SERVER_ERRORS = 500
_LOG = logging.getLogger("caseledger")


class AsyncConnection:
    """One caller of the API at `url`, or at `CASELEDGER_URL`.

    `token` is a key (`ck_…`) or an ID token, or a function that is asked for one before each
    request; by default it is `CASELEDGER_TOKEN`. An answer is waited for at most `timeout` seconds,
    and a request that can be sent again is, for `retry_for` seconds. Raises ValueError where there
    is no URL.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | io.TokenSource | None = None,
        *,
        timeout: float = 60.0,
        retry_for: float = 60.0,
        transport: io.BaseTransport | None = None,
    ) -> None:
        self.url = address(url)
        self._token = token if token is not None else os.environ.get("CASELEDGER_TOKEN")
        self._timeout = timeout
        self._retry_for = retry_for
        headers = {"User-Agent": f"caseledger-python/{VERSION}"}
        self._http = io.Http(
            timeout=timeout,
            transport=transport,
            headers=headers,
            trust_env=not is_here(self.url),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        error: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    async def request(  # noqa: PLR0913 - what a request may have
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        retry_for: float | None = None,
    ) -> httpx.Response:
        """Sends a request, and gives the answer, which is a success.

        `path` is as the documentation of the API has it: `/cases/CASE-1`. `params` that are None
        are left out, and lists are repeated. A change takes effect once: it is sent with `key` as
        its `Idempotency-Key`, by default a new one, and with "" without any.

        What was refused for now (429, 502, 503, 504, and 409 `ABORTED`), and what was lost on its
        way, is sent again with the same key, after what `Retry-After` says, for `retry_for`
        seconds. The logger `caseledger` warns of each time that the server was out of reach.

        Raises Problem for an answer that refuses it, and Unreachable where none came.
        """
        sent = dict(headers or {})
        if method not in _SAFE and key != "":
            sent["Idempotency-Key"] = key or str(uuid4())
        url = self.url + whole(path)
        until = monotonic() + (self._retry_for if retry_for is None else retry_for)
        for attempt in count():
            response = lost = None
            try:
                response = await self._http.request(
                    method,
                    url,
                    json=json,
                    params=said(params) or None,
                    headers={**sent, **await self._authorization()},
                )
            except LOST as error:
                lost = error
            if response is not None and is_page(response):
                raise Unreachable(f"{method} {url}: a web page came: is this the right address?")
            if response is not None and response.is_success:
                return response
            if response is not None and not is_temporary(response):
                break
            seconds = pause(attempt, response)
            if monotonic() + seconds > until:
                break
            if response is None or response.status_code >= _SERVER_ERRORS:
                came = repr(lost) if response is None else response
                _LOG.warning("%s %s: %s; again in %.1f s", method, url, came, seconds)
            await io.sleep(seconds)
        if response is None:
            raise Unreachable(f"{method} {url}: {lost!r}") from lost
        raise Problem(response)

    async def _authorization(self) -> dict[str, str]:
        source = self._token
        token = await io.token_of(source) if callable(source) else source
        return {"Authorization": bearer(token)} if token else {}

    async def pages(self, path: str, params: Mapping[str, Any] | None = None) -> AsyncIterator[Any]:
        """The rows of a list, one after the other, over all of its pages.

        A page is asked for when the rows before it were taken. Warns of `UnreadableRows`, which are
        left out. Raises what `request` raises.
        """
        asked = dict(params or {})
        while True:
            page = (await self.request("GET", path, params=asked)).json()
            for row in rows_of(page):
                yield row
            asked["pageToken"] = page.get("nextPageToken")
            if not asked["pageToken"]:
                return
