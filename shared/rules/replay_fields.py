"""What a trail says of the fields of a subject's own document. Pure.

Most fields are in the `changes` of events. The others here follow from them: times, names, counts
and what is derived. Where no event covers a field, it is not here: what only serves searches and
sorts, when a scheduled function looks at the document next, and what other subjects change.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.models.names import normalised
from shared.rules.cases import STANDING
from shared.rules.interventions import TRANSITIONS
from shared.rules.replay import Replay, Said, Stamp
from shared.rules.replay_parts import Parts

_DECIDED = ("approved", "rejected", "withdrawn")
_MICROSECONDS = 3
"""To how many digits durations are stored, in seconds."""


def of_case(replay: Replay, parts: Parts) -> dict[str, Said]:
    """What the trail of a case says of the fields that its events do not list."""
    if replay.oldest is None or replay.newest is None:
        return {}
    opened, newest = replay.oldest, replay.newest
    found = {
        "updatedAt": newest.time(),
        "createdAt": opened.time(),
        "createdBy": opened.by(normalised(opened.name or "")),
        "createdBySubject": opened.since(opened.subject, before=None),
        "assignedAt": replay.assigned or Said(opened.sequence, [None]),
        **parts.counts(opened.sequence),
    }
    if replay.path:
        found |= _clock(replay)
    return found


def of_intervention(replay: Replay) -> dict[str, Said]:
    """What the trail of an intervention says of the fields that its events do not list."""
    if replay.oldest is None or replay.newest is None:
        return {}
    asked = replay.oldest
    found = {
        "updatedAt": replay.newest.time(),
        "createdAt": asked.time(),
        "createdBy": asked.by(),
        "createdBySubject": Said(asked.sequence, [asked.subject]),
        "caseId": Said(asked.sequence, [replay.case_id]),
    }
    started = replay.changed.get("startedBySubject")
    found["startedAt"] = started.time() if started else Said(asked.sequence, [None])
    if replay.path:
        found |= _acted(replay, asked)
    return found


def of_worksheet(replay: Replay, name: str) -> dict[str, Said]:
    """What the trail of a worksheet says of the fields that its events do not list."""
    if replay.oldest is None or replay.newest is None:
        return {}
    case_id, _, user_id = name.partition(":")
    first = replay.oldest
    return {
        "updatedAt": replay.newest.time(),
        "createdAt": first.time(),
        "caseId": Said(first.sequence, [case_id]),
        "userId": Said(first.sequence, [user_id]),
    }


def of_key(replay: Replay) -> dict[str, Said]:
    """What the trail of a key says of the fields that its events do not list."""
    if replay.oldest is None or replay.newest is None:
        return {}
    made = replay.oldest
    return {
        "updatedAt": replay.newest.time(),
        "createdAt": made.time(),
        "createdBy": made.by(),
        "createdBySubject": Said(made.sequence, [made.subject]),
    }


def of_tenant(replay: Replay) -> dict[str, Said]:
    """What the trail of a tenant says of the fields that its events do not list."""
    return {"updatedAt": replay.newest.time()} if replay.newest else {}


def _clock(replay: Replay) -> dict[str, Said]:
    """Since when a case has its status, and since when its clock stands."""
    moved, stopped = replay.path[0], replay.path[-1].stamp
    stands = moved.new in STANDING
    found = {
        "statusChangedAt": moved.stamp.time(),
        "closedAt": moved.stamp.time()
        if moved.new == "closed"
        else Said(moved.stamp.sequence, [None]),
        "clockStoppedAt": stopped.time() if stands else Said(stopped.sequence, [None]),
    }
    due = replay.changed.get("dueAt")
    # It is later than the stop where the due date was set meanwhile.
    since = due if due and due.sequence > stopped.sequence else stopped
    found["dueStandsSince"] = (
        since.since(since.at, before=None) if stands else Said(stopped.sequence, [None])
    )
    return found


def _acted(replay: Replay, asked: Stamp) -> dict[str, Said]:
    """What became of an intervention: when, why, and how long it took."""
    status = replay.path[0].new
    sequence = replay.path[0].stamp.sequence
    nothing = Said(sequence, [None])
    decided = next((replay.moves[one] for one in _DECIDED if one in replay.moves), None)
    completed = replay.moves.get("completed")
    acted = decided or completed
    at = acted.stamp.time() if acted else nothing
    if status == "expired":
        expires = replay.fields.get("expiresAt")
        at = Said(sequence, expires.values) if expires else nothing
    lapsed = replay.now("lapsedAt") is not None
    timed = acted if acted and acted.new != "withdrawn" else None
    return {
        "actionAt": at,
        "actionReason": decided.reason if decided else nothing,
        "resolutionSeconds": _seconds(asked, timed.stamp) if timed else nothing,
        "completedAt": completed.stamp.since(completed.stamp.at, before=None)
        if completed
        else nothing,
        "archived": Said(sequence, [lapsed or not TRANSITIONS.get(status, True)]),
    }


def _seconds(begin: Stamp, end: Stamp) -> Said:
    """How long something took; in the first release less than nothing where a clock ran back."""
    took = _time(end.at) - _time(begin.at)
    values: list[Any] = [seconds := round(took.total_seconds(), _MICROSECONDS)]
    return Said(end.sequence, values if seconds >= 0 else [0.0, *values])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
