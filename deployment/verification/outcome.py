"""What a check says: it held, it failed, or it could not be tried; and the requests it sends."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.message import Message
from enum import Enum
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from deployment.google import DeploymentError

_SECONDS = 120.0
_AT_ONCE = 8
_PAUSES = (1.0, 4.0)
_LOCAL = re.compile(r"http://(127\.0\.0\.1|localhost)(:\d+)?(/.*)?")


class Outcome(Enum):
    """What became of a check, as the table shows it."""

    HELD = "held"
    FAILED = "FAILED"
    UNTRIED = "not tried"


class Problem(Exception):
    """A check did not hold: what was found, and one sentence that says what to do about it."""

    outcome = Outcome.FAILED

    def __init__(self, found: str, todo: str) -> None:
        super().__init__(found)
        self.todo = todo


class Untried(Problem):
    """A check could not be tried."""

    outcome = Outcome.UNTRIED


@dataclass(frozen=True)
class Row:
    """The result of one check."""

    name: str
    outcome: Outcome
    found: str
    todo: str = ""


Check = Callable[[], str]
"""Gives what it found where it holds. Raises Problem."""


def results(checks: Sequence[tuple[str, Check]]) -> list[Row]:
    """The results of all checks, in their order; they run side by side."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda one: _result(*one), checks))


def exit_status(rows: Sequence[Row]) -> int:
    """1 if something failed, otherwise 2 if something could not be tried, otherwise 0."""
    outcomes = {row.outcome for row in rows}
    if Outcome.FAILED in outcomes:
        return 1
    return 2 if Outcome.UNTRIED in outcomes else 0


def table(rows: Sequence[Row]) -> str:
    """The rows for people, each failure with what to do about it."""
    width = max(len(row.name) for row in rows)
    lines = []
    for row in rows:
        lines.append(f"{row.outcome.value:<10}{row.name:<{width}}  {row.found}")
        if row.todo:
            lines.append(f"{'':<10}{'':<{width}}  -> {row.todo}")
    return "\n".join(lines)


@dataclass(frozen=True)
class Answer:
    """A response, and the times just before it was asked for and after it came (since 1970)."""

    code: int
    headers: Message
    body: Any
    asked_at: float
    came_at: float

    def __str__(self) -> str:
        """Its status and its message, for people."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        message = error.get("message", "") if isinstance(error, dict) else ""
        return f"{self.code} {message}".strip()


def call(
    method: str, url: str, token: str = "", body: Any = None, *, key: str | None = None
) -> Answer:
    """Sends one request; `key` is its Idempotency-Key.

    Raises Untried where nobody answers, or the URL is not safe for tokens.
    """
    local = _LOCAL.fullmatch(url)
    if not (local or url.startswith("https://")):
        raise Untried(f"{url} is not an https:// URL", "Give the address with https://.")
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if data else {}
    if key:
        headers["Idempotency-Key"] = key
    if token:
        headers["Authorization"] = f"Bearer {token}"
    opener = build_opener(ProxyHandler({})) if local else build_opener()
    asked_at = time.time()
    try:
        request = Request(url, data, headers, method=method)  # noqa: S310 - checked above
        with opener.open(request, timeout=_SECONDS) as response:
            code, found, raw = response.status, response.headers, response.read()
    except HTTPError as error:
        with error:
            code, found, raw = error.code, error.headers, error.read()
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise Untried(
            f"{url} is out of reach: {reason}",
            "Compare CASELEDGER_PUBLIC_URL with the address that deploy.sh prints.",
        ) from error
    return Answer(code, found, _json(raw), asked_at, time.time())


def insist(method: str, url: str, token: str, body: Any = None) -> Answer:
    """The same, sent again after a 503, with the same Idempotency-Key, as clients do."""
    key = None if method == "GET" else uuid.uuid4().hex
    for pause in _PAUSES:
        answer = call(method, url, token, body, key=key)
        if answer.code != HTTPStatus.SERVICE_UNAVAILABLE:
            return answer
        time.sleep(pause)
    return call(method, url, token, body, key=key)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:  # a platform's error page
        return None


def _result(name: str, check: Check) -> Row:
    try:
        return Row(name, Outcome.HELD, check())
    except Problem as problem:
        return Row(name, problem.outcome, str(problem), problem.todo)
    except (LookupError, TypeError, AttributeError) as error:
        found = f"the answer is not one of the API: {type(error).__name__}: {error}"
        return Row(name, Outcome.FAILED, found, "See that the address is that of Caseledger.")
    except DeploymentError as error:
        return Row(name, Outcome.UNTRIED, str(error), "Put that right, then run it again.")
