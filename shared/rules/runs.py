"""The rules for runs of agents. Pure: no store, no clock of its own.

A rule gives the run after the change, or raises `FailedPrecondition`, whose details say how the run
stands. A rule that changes nothing gives the same run back.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from shared.errors import FailedPrecondition, InvalidArgument
from shared.models.base import MAX_LARGE_JSON_BYTES
from shared.models.case import Status, StoredCase
from shared.models.run import OPEN_RUN, NewRun, RunFields, RunPatch, RunStatus, StoredRun
from shared.rules.canonical import canonical_text, parsed

TRANSITIONS: dict[RunStatus, tuple[RunStatus, ...]] = {
    RunStatus.PENDING: (RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELLED),
    RunStatus.RUNNING: (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED),
    RunStatus.COMPLETED: (),
    RunStatus.FAILED: (),
    RunStatus.CANCELLED: (),
}
TIMED_OUT = ["timed out"]
_ANY_JSON = ("input", "output", "errors")
_SHOWN = RunFields.aliases()


def require_open(case: StoredCase) -> None:
    """Raises FailedPrecondition where a case is closed, so that agents start nothing new on it."""
    if case.status is Status.CLOSED:
        allowed = [status for status in Status if status is not Status.CLOSED]
        details = [{"status": case.status, "allowed": allowed}]
        raise FailedPrecondition("the case is closed: reopen it", details)


def created(case_id: str, new: NewRun, *, by: str, minutes: int | None, now: datetime) -> StoredRun:
    """A new run, queued or running; `minutes` is how long it may take."""
    return StoredRun(
        case_id=case_id,
        agent_id=new.agent_id,
        pack_id=new.pack_id,
        version=new.version,
        status=RunStatus.PENDING if new.queued else RunStatus.RUNNING,
        input=_kept("input", new.input),
        created_at=now,
        created_by=by,
        updated_at=now,
        started_at=None if new.queued else now,
        timeout_at=_timeout(minutes, now),
    )


def updated(run: StoredRun, patch: RunPatch, *, minutes: int | None, now: datetime) -> StoredRun:
    """The run started, or ended. To end it again in the same way changes nothing."""
    to = RunStatus(patch.status)
    ended = {name: _kept(name, getattr(patch, name)) for name in ("output", "errors")}
    early = [name for name, text in ended.items() if text and to is RunStatus.RUNNING]
    if early:
        raise InvalidArgument.field(early[0], "comes with the end of a run")
    if to is run.status and all(getattr(run, name) == text for name, text in ended.items()):
        return run
    if to not in TRANSITIONS[run.status]:
        allowed = list(TRANSITIONS[run.status])
        details = [{"status": run.status, "finishedAt": run.finished_at, "allowed": allowed}]
        raise FailedPrecondition(f"a run that is {run.status} cannot become {to}", details)
    if to is RunStatus.RUNNING:
        started = {"started_at": now, "timeout_at": _timeout(minutes, now)}
        return run.model_copy(update={"status": to, "updated_at": now, **started})
    return _ended(run, to, now, **ended)


def tag(run: StoredRun) -> str:
    """The entity tag of a run (RFC 9110, 8.8.3); each step changes its status and its time."""
    return hashlib.sha256(f"{run.status} {run.updated_at.isoformat()}".encode()).hexdigest()[:32]


def timed_out(run: StoredRun, now: datetime) -> StoredRun:
    """The run, marked as failed if its time is over."""
    if run.timeout_at is None or run.timeout_at > now:
        return run
    return _ended(run, RunStatus.FAILED, now, errors=canonical_text(TIMED_OUT))


def cancelled(run: StoredRun, now: datetime) -> StoredRun:
    """The run, which is open, as cancelled; as failed where its time is over."""
    late = timed_out(run, now)
    return _ended(run, RunStatus.CANCELLED, now) if late is run else late


def require_asking(run: StoredRun) -> None:
    """Raises FailedPrecondition where a run has ended, so that it asks nothing more."""
    if run.status not in OPEN_RUN:
        details = [{"status": run.status, "finishedAt": run.finished_at, "allowed": list(OPEN_RUN)}]
        raise FailedPrecondition(f"a run that is {run.status} asks nothing more", details)


def shown_row(run_id: str, data: dict[str, Any]) -> dict[str, Any]:
    """The JSON fields of a run as a client sees it, from its document's data."""
    row: dict[str, Any] = {"id": run_id}
    data = StoredRun.row(data)
    for name in _SHOWN:
        row[name] = data[name]
    for name in _ANY_JSON:
        row[name] = parsed(data[name])
    return row


def _ended(run: StoredRun, status: RunStatus, now: datetime, **fields: str | None) -> StoredRun:
    seconds = max(0.0, (now - run.started_at).total_seconds()) if run.started_at else None
    return run.model_copy(
        update={
            **fields,
            "status": status,
            "updated_at": now,
            "finished_at": now,
            "duration_seconds": None if seconds is None else round(seconds, 3),
            "timeout_at": None,
        }
    )


def _timeout(minutes: int | None, now: datetime) -> datetime | None:
    return None if minutes is None else now + timedelta(minutes=minutes)


def _kept(name: str, value: Any) -> str | None:
    """The canonical text of a field's JSON, which can be longer than the JSON that was sent."""
    text = canonical_text(value)
    if text and len(text.encode()) > MAX_LARGE_JSON_BYTES:
        raise InvalidArgument.field(
            name, f"must be at most {MAX_LARGE_JSON_BYTES} bytes (RFC 8785)"
        )
    return text
