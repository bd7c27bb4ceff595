"""Google's REST interfaces, called with the token that gcloud gives."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, build_opener

_SECONDS = 30.0
_PAUSES = (0.5, 2.0, 8.0, 20.0)
PAUSES_OF_A_NEW_PROJECT = (5.0, 10.0, 20.0, 30.0, 30.0, 30.0, 30.0, 30.0)
"""Seconds between attempts where a service was enabled, or a role granted, some minutes ago."""
_PAUSES_OF_AN_OPERATION = (0.5, 2.0, *(5.0,) * 240)
_BUSY = frozenset({409, 429, 500, 502, 503, 504})
# What Google says for some minutes after a service was enabled, or an account or a role was made:
# terraform-provider-google 2129, google-cloud-rust 5444.
NOT_YET = re.compile(
    r"SERVICE_DISABLED|has not been used in project|it is disabled"
    r"|[Ss]ervice account .{0,120}does not exist|Unknown service account"
)
_AT_ONCE = 4
_OVERRIDE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_"
_TRUSTED = re.compile(r"https://.+|http://(127\.0\.0\.1|localhost)(:\d+)?(/.*)?")
T = TypeVar("T")
R = TypeVar("R")


class DeploymentError(Exception):
    """The deployment cannot go on; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Change:
    """A write to a service, and its purpose; `awaited` if its response is an operation."""

    what: str
    method: str
    service: str
    path: str
    body: dict[str, Any]
    query: Mapping[str, str] = field(default_factory=dict)
    awaited: bool = False


class _Refused(Exception):
    """The answer is an error: its status code and its text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Google:
    """Calls with the token's identity, on behalf of `project`.

    The endpoints are those that gcloud uses: `CLOUDSDK_API_ENDPOINT_OVERRIDES_FIRESTORE` and so on
    replace them (`…_FIREBASERULES` too, which gcloud does not know). With `lenient`, what a
    service that is not enabled yet would answer is that there is nothing; without, it is asked
    again for some minutes, because a service that was just enabled answers so as well.
    """

    def __init__(
        self, project: str, token: str, environ: Mapping[str, str], *, lenient: bool = False
    ) -> None:
        self.project = project
        self.token = token
        self._environ = environ
        self._lenient = lenient
        self._opener = build_opener()

    def get(self, service: str, path: str, **query: str) -> dict[str, Any] | None:
        """What is at `path`, None if nothing is. Raises DeploymentError."""
        return self._call("GET", service, path, query, None)

    def pages(self, service: str, path: str, key: str, **query: str) -> Iterator[dict[str, Any]]:
        """The entries called `key` of all pages of a list. Raises DeploymentError."""
        token = ""
        while page := self.get(service, path, **query, **({"pageToken": token} if token else {})):
            yield from page.get(key, ())
            if not (token := page.get("nextPageToken", "")):
                return

    def send(
        self, method: str, service: str, path: str, body: dict[str, Any], **query: str
    ) -> dict[str, Any] | None:
        """The response to a write, None if there is nothing at `path`. Raises DeploymentError."""
        return self._call(method, service, path, query, body)

    def make(self, change: Change) -> dict[str, Any]:
        """Makes a change; gives the response, of an operation that is awaited the last one.

        Raises DeploymentError, also if an operation fails or is not over after 20 minutes.
        """
        body = None if change.method == "DELETE" else change.body
        found = self._call(change.method, change.service, change.path, change.query, body)
        return self._ended(change, found or {}) if change.awaited else found or {}

    def _ended(self, change: Change, operation: dict[str, Any]) -> dict[str, Any]:
        """An operation once it is over; there is none where what it makes was there already."""
        name = operation.get("name")
        for pause in _PAUSES_OF_AN_OPERATION:
            if not name or operation.get("done"):
                break
            time.sleep(pause)
            operation = self.get(change.service, f"v1/{name}") or {"done": True}
        else:
            raise DeploymentError(f"still under way after 20 minutes: {change.what}; run it again")
        if error := operation.get("error"):
            raise DeploymentError(f"could not {change.what}: {error.get('message', error)}")
        return operation

    def base(self, service: str) -> str:
        """The URL of a service, with its last slash. Raises DeploymentError."""
        name = f"{_OVERRIDE}{service.upper()}"
        found = self._environ.get(name) or f"https://{service}.googleapis.com/"
        if not _TRUSTED.fullmatch(found):
            raise DeploymentError(f"{name} has to be https://, or http:// on this machine")
        return found.rstrip("/") + "/"

    def _call(
        self,
        method: str,
        service: str,
        path: str,
        query: Mapping[str, str],
        body: dict[str, Any] | None,
    ) -> dict[str, Any] | None:
        url = f"{self.base(service)}{path}{'?' * bool(query)}{urlencode(query)}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if service != "serviceusage":
            # Whose quota counts, where a person is signed in; the service has to be enabled there,
            # which is what Service Usage is asked about.
            headers["X-Goog-User-Project"] = self.project
        request = Request(url, data, headers, method=method)  # noqa: S310 - see `base`
        try:
            return self._answer(request)
        except _Refused as error:
            self._unless_absent(f"{service}.googleapis.com", f"{method} {path}", error)
            return None
        except (URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise DeploymentError(
                f"{service}.googleapis.com is out of reach: {reason}; run it again"
            ) from error

    def _answer(self, request: Request) -> dict[str, Any]:
        """The response as JSON; one that says "later" is requested again, a few times."""
        busy, new = iter(_PAUSES), iter(PAUSES_OF_A_NEW_PROJECT)
        while True:
            try:
                with self._opener.open(request, timeout=_SECONDS) as response:
                    found: dict[str, Any] = json.loads(response.read() or b"{}")
                    return found
            except HTTPError as error:
                refused = _Refused(error.code, error.read().decode(errors="replace"))
            not_yet = bool(NOT_YET.search(refused.text)) and not self._lenient
            if "ALREADY_EXISTS" in refused.text or not (not_yet or refused.code in _BUSY):
                raise refused
            if (pause := next(new if not_yet else busy, None)) is None:
                raise refused
            time.sleep(pause)

    def _unless_absent(self, host: str, doing: str, error: _Refused) -> None:
        text = error.text
        if error.code == HTTPStatus.NOT_FOUND or (self._lenient and "SERVICE_DISABLED" in text):
            return
        if error.code == HTTPStatus.CONFLICT and "ALREADY_EXISTS" in text:
            return  # someone else was faster, or the response to the first attempt was lost
        raise DeploymentError(f"{host} refuses {doing}: {error.code} {_message(text)}") from error


def _message(text: str) -> str:
    try:
        error = json.loads(text)["error"]
        text = f"{error.get('status', '')}: {error['message']}"
    except (ValueError, LookupError, TypeError, AttributeError):
        pass
    return " ".join(text.split())[:500]


def each(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The results of `work` for all items, in their order, a few at a time."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        except DeploymentError:
            pool.shutdown(cancel_futures=True)
            raise
