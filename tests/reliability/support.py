"""What the reliability tests share: load, parallel callers, and what holds whatever happened."""

from __future__ import annotations

import os
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from tests.client import Api, Client, TestResponse
from tests.reliability.independent import Event, assert_chain, replayed

LOAD = int(os.environ.get("CASELEDGER_TEST_LOAD", "1"))
"""Multiplies rounds and sequences: 1 for every commit, more at night."""

T = TypeVar("T")


def in_parallel(count: int, call: Callable[[int], T]) -> list[T]:
    """What `call` gives for 0 to `count` - 1, all let go at the same moment."""
    start = threading.Barrier(count)

    def started(number: int) -> T:
        start.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(started, range(count)))


def persistent(client: Client, *request: Any, **headers: str) -> TestResponse:
    """The answer to a request that is repeated, as a 503 says, with the same Idempotency-Key."""
    key = uuid.uuid4().hex
    answer = client.request(*request, idempotency_key=key, **headers)
    while answer.status_code == 503:
        answer = client.request(*request, idempotency_key=key, **headers)
    return answer


def all_pages(client: Client, path: str, name: str) -> list[dict[str, Any]]:
    """All rows of a list."""
    rows: list[dict[str, Any]] = []
    token = ""
    while True:
        answer = client.get(f"{path}{'&' if '?' in path else '?'}pageSize=200{token}")
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json or {}
        rows += content[name]
        if "nextPageToken" not in content:
            return rows
        token = f"&pageToken={content['nextPageToken']}"


def trail(api: Api, subject: str) -> list[Event]:
    """A subject's events by sequence."""
    events = all_pages(api.pilot, f"/audit?subject={subject}", "events")
    return sorted(events, key=lambda event: event["sequence"])


def verification(api: Api, subject: str) -> dict[str, Any]:
    """What the API says of a subject's chain."""
    answer = api.pilot.get(f"/audit:verify?subject={subject}")
    assert answer.status_code == 200, answer.text
    return answer.json or {}


def chain_holds(api: Api, subject: str) -> bool:
    """Whether a subject's chain holds. What was put into the store without an event differs."""
    found = verification(api, subject)
    return found["valid"] or "field" in found["firstBroken"]


def held_trail(api: Api, subject: str) -> list[Event]:
    """A subject's events by sequence, once the API and we have found that their chain holds."""
    events = trail(api, subject)
    assert_chain(api.tenant, events)
    assert verification(api, subject) == {
        "subject": subject,
        "valid": True,
        "events": len(events),
        "headHash": events[-1]["hash"],
    }
    return events


def held_tenant(api: Api) -> dict[str, list[Event]]:
    """A tenant's events by subject, once all chains hold and lead to the cases as they are."""
    trails: dict[str, list[Event]] = defaultdict(list)
    for event in all_pages(api.pilot, "/audit", "events"):
        trails[event["subject"]].append(event)
    cases = {f"cases/{case['id']}": case for case in all_pages(api.viewer, "/cases", "cases")}
    assert cases.keys() <= trails.keys()
    for subject, events in trails.items():
        events.sort(key=lambda event: event["sequence"])
        assert_chain(api.tenant, events)
        if subject != "tenant":
            assert_leads_to(events, cases.get(subject))
    return dict(trails)


def held_case(api: Api, case_id: str) -> list[Event]:
    """A case's events by sequence, once their chain holds and leads to the case as it is."""
    events = held_trail(api, f"cases/{case_id}")
    found = api.viewer.get(f"/cases/{case_id}")
    assert_leads_to(events, found.json if found.status_code == 200 else None)
    return events


def assert_leads_to(events: list[Event], case: dict[str, Any] | None) -> None:
    """Fails unless the changes of `events` lead to `case`, or where it was deleted, to nothing."""
    state = replayed(events)
    if events[-1]["eventType"] == "case_deleted":
        assert case is None
        assert not any(state.values())
    else:
        assert case is not None
        assert {name: case[name] for name in state} == state


def types(events: list[Event]) -> list[str]:
    """What happened, in order."""
    return [event["eventType"] for event in events]
