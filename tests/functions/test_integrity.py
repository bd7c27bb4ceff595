"""Verify means the state, too: what is stored is what the trail says, else the field is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.documents.port import Data, Document, Set
from tests.client import Api
from tests.conftest import Clock
from tests.functions.integrity_support import (
    lives,
    stored,
    subject_of,
    subjects,
    verified,
)

pytestmark = pytest.mark.both_stores

UNCOVERED: dict[str, set[str]] = {
    "tenants": {"closingChangedAt", "retentionChangedAt"},
    "cases": {
        # For searches, pages and the scheduled functions.
        *("searchTokens", "evidenceNumbers", "packetNumbers", "sweepAt"),
        # By which a deletion finds that a worksheet is new; nobody is shown it.
        "worksheetsBegun",
    },
    "interventions": {"sweepAt", "counted", "runId"},
    "preserved": set(),
}
"""The fields that no event covers: SECURITY.md says so."""
VALUES: dict[str, list[Any]] = {
    "status": ["in_review", "blocked", "pending", "in_progress", "running", "completed"],
    "severity": ["low", "high"],
    "type": ["resume", "cancel"],
    "priority": ["low", "high"],
    "requiredRole": ["verifier", "admin"],
    "decision": ["approve", "reject"],
    "sharedWith": ["read", "none"],
}
NULLS: dict[str, Any] = {
    "escalatedAt": datetime.fromisoformat("2026-01-01T00:00:00Z"),
    "resolutionSeconds": 1.5,
    "durationSeconds": 1.5,
    "openRuns": 1,
    "openInterventions": 1,
    "caseRetentionDays": 1,
    "autoCloseDays": 1,
    "runTimeoutMinutes": 1,
    "decision": "approve",
    "fields": '{"a":1}',
    **dict.fromkeys(("context", "response", "result", "input", "output", "errors"), '{"a":1}'),
}


def test_after_each_step_of_a_life_with_everything_in_it_what_is_stored_is_what_the_trail_says(
    api: Api, clock: Clock
) -> None:
    for step in lives(api, clock):
        for subject in subjects(api, clock.now):
            found = verified(api, subject)
            assert found["valid"], (step, found)

    for subject in subjects(api):
        assert verified(api, subject)["valid"], subject


def test_each_field_that_is_edited_in_the_database_is_the_one_that_is_named(
    api: Api, clock: Clock
) -> None:
    assert [step for step in lives(api, clock)]
    store = api.runtime.store
    wrong = []
    for document in stored(api):
        for name, data, field in edits(document):
            store.commit([Set(document.path, data)])
            found = verified(api, subject_of(document))
            store.commit([Set(document.path, document.data)])
            if found.get("firstBroken", {}).get("field") != field:
                wrong.append((document.path, name, field, found))
    assert wrong == []


def edits(document: Document) -> Iterator[tuple[str, Data, str]]:
    """Each field of a document in turn: its name, the document edited, the field to be named."""
    parts = document.path.split("/")
    kind = parts[-2]
    part = (
        "" if kind in {"tenants", "cases", "interventions", "worksheets"} else "/".join(parts[-2:])
    )
    if "deletedAt" in document.data:
        return
    for name, value in document.data.items():
        if name in UNCOVERED.get(kind, ()) or name == "head":
            continue
        for edit in edited(name, value):
            field = f"{part}/{name}" if part else name
            yield name, {**document.data, name: edit}, field


def edited(name: str, value: Any) -> list[Any]:
    """Other values that a field of a name could have."""
    if name in VALUES and value is not None:
        return [next(one for one in VALUES[name] if one != value)]
    match value:
        case None if name in NULLS:
            return [NULLS[name]]
        case None:
            return [datetime.fromisoformat("2026-01-01T00:00:00Z") if name[-2:] == "At" else "x"]
        case bool():
            return [not value]
        case int() | float():
            return [value + 1]
        case datetime():
            return [value + timedelta(microseconds=1)]
        case str():
            return [f"{value}x"]
        case list():
            return [value[1:] if value else ["x"]]
        case dict():
            return [dict(list(value.items())[1:]) if value else {"x": "read"}]
    raise AssertionError(name)
