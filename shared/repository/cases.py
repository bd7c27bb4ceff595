"""Cases in the store: opening, claiming, changing, closing, deleting."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from shared import errors
from shared.documents.port import Document, Set
from shared.documents.values import MAX_WRITES
from shared.ledger.decision import Decider, Decision, Recorded, Seen, Unchanged
from shared.ledger.deliveries import ROOM
from shared.ledger.kinds.cases import CASES
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import tell
from shared.models.case import CasePatch, NewCase, Status, StoredCase
from shared.models.case_batches import CasesToUpdate
from shared.models.case_queries import ClaimQuery
from shared.models.events import EventType, NewEvent
from shared.models.settings import Settings
from shared.repository import candidates, evidence, hanging, open_work, packets, people
from shared.repository.removal import belongings, finish
from shared.rules import cases as case_rules
from shared.rules.callers import Caller

_MAX_REMOVALS = MAX_WRITES - 2 - ROOM
"""The writes that the commit of a deletion has room for, besides the case and its event."""
_OF_ONE = frozenset(CasesToUpdate.model_fields) & frozenset(CasePatch.model_fields)
_COUNTERS = {
    EventType.NOTE_ADDED: "notes_count",
    EventType.ATTACHMENT_ADDED: "attachments_count",
}

Outcomes = list[Recorded[StoredCase] | errors.ApiError]


def create(ledger: Ledger, new: NewCase, settings: Settings) -> Recorded[StoredCase]:
    """Opens a case under its number, or a UUID. Raises AlreadyExists."""
    case_id = new.id or str(uuid.uuid4())
    due_hours = settings.due_hours(new.decision_type)
    assignee = people.subject_of(ledger, new.assigned_to)
    actor = ledger.origin.actor

    def opened(now: datetime) -> Decision[StoredCase]:
        case = case_rules.opened(
            case_id,
            new,
            by=actor.name,
            by_subject=actor.subject,
            assignee=assignee,
            due_hours=due_hours,
            now=now,
        )
        created = Decision(case, EventType.CASE_CREATED, "Case created", case_id=case_id)
        return evidence.with_first(ledger, created, case_id, new.evidence, now)

    return ledger.create(CASES, case_id, opened)


def update(ledger: Ledger, caller: Caller, case_id: str, patch: CasePatch) -> Recorded[StoredCase]:
    """Changes fields of a case. To assign it by another's name costs one read more.

    Raises PermissionDenied, FailedPrecondition, InvalidArgument.
    """
    assignee = people.subject_of(ledger, patch.assigned_to)
    return ledger.change(
        CASES, case_id, _changer(ledger, caller, case_id, lambda _: patch, assignee)
    )


def update_many(ledger: Ledger, caller: Caller, body: CasesToUpdate) -> Outcomes:
    """Changes each case by the same rules as a single one; gives each outcome, in order."""
    given = {name: getattr(body, name) for name in body.model_fields_set & _OF_ONE}

    def patch(old: StoredCase) -> CasePatch:
        if not (body.add_tags or body.remove_tags):
            return CasePatch.model_construct(**given)
        tags = case_rules.retagged(old, body.add_tags, body.remove_tags)
        return CasePatch.model_construct(**given, tags=tags)

    assignee = people.subject_of(ledger, given.get("assigned_to"))
    return ledger.change_many(
        CASES, body.case_ids, lambda case_id: _changer(ledger, caller, case_id, patch, assignee)
    )


def _changer(
    ledger: Ledger,
    caller: Caller,
    case_id: str,
    patch_of: Callable[[StoredCase], CasePatch],
    assignee: str | None,
) -> Decider[StoredCase]:
    def changed(old: StoredCase, now: datetime) -> Decision[StoredCase] | Unchanged:
        patch = patch_of(old)
        new = case_rules.changed(case_id, old, patch, now, assignee)
        case_rules.require_may_assign(old, new, caller)
        if new == old:
            return Unchanged()
        event_type, message = _described(old, new)
        decided = Decision(new, event_type, message, reason=patch.reason, case_id=case_id)
        if new.status is Status.APPROVED and old.status is not Status.APPROVED:
            return packets.frozen(ledger, decided, case_id, now)
        if new.status is Status.CLOSED and old.status is not Status.CLOSED:
            return open_work.without_open(ledger, decided, case_id, now, end=patch.end_open)
        return decided

    return changed


def claim(
    ledger: Ledger, case_id: str, settings: Settings, seen: Seen[StoredCase] | None = None
) -> Recorded[StoredCase]:
    """Assigns a case to the caller that is unassigned, or whose claim has lapsed.

    Raises FailedPrecondition naming the holder.
    """

    def claimed(old: StoredCase, now: datetime) -> Decision[StoredCase] | Unchanged:
        new = case_rules.claimed(old, ledger.origin.actor, now, settings.claim_minutes)
        if new == old:
            return Unchanged()
        return Decision(new, EventType.ASSIGNED, f"Claimed by {new.assigned_to}", case_id=case_id)

    return ledger.change(CASES, case_id, claimed, seen=seen)


def claim_next(ledger: Ledger, wanted: ClaimQuery, settings: Settings) -> Recorded[StoredCase]:
    """Claims the unassigned case that is due first. Raises NotFound where none is left to claim.

    Where claims lapse, and no case is unassigned, it is the one whose claim lapsed first.

    A caller who does not get the first case of the queue tries the following ones in random order,
    so that many callers at once try different cases.
    """
    lost = False
    lapsing = settings.claim_minutes is not None
    queue = candidates.of_queue(
        ledger.store, ledger.tenant, wanted, ledger.clock(), lapsing=lapsing
    )
    for rows in queue:
        left = list(rows)
        while left:
            row = left.pop(random.randrange(len(left)) if lost else 0)  # noqa: S311 - no secret
            if claimed := _claimed_if_free(ledger, row, settings):
                return claimed
            lost = True
    if replayed := ledger.replay(CASES):
        return replayed
    raise errors.NotFound("no case of this queue is left to claim")


def reopen(ledger: Ledger, case_id: str, reason: str) -> Recorded[StoredCase]:
    """Takes an approved or closed case into review again."""

    def reopened(old: StoredCase, now: datetime) -> Decision[StoredCase]:
        new = case_rules.reopened(old, now)
        return Decision(
            new, EventType.CASE_REOPENED, "Case reopened", reason=reason, case_id=case_id
        )

    return ledger.change(CASES, case_id, reopened)


def close_many(
    ledger: Ledger, case_ids: Sequence[str], reason: str, *, end_open: bool = False
) -> Outcomes:
    """Closes each case by the same rules as a single one; gives each outcome, in order."""

    def closer(case_id: str) -> Decider[StoredCase]:
        def closed(old: StoredCase, now: datetime) -> Decision[StoredCase]:
            new = case_rules.closed(old, reason, now)
            event_type, message = _described(old, new)
            decided = Decision(new, event_type, message, reason=reason, case_id=case_id)
            return open_work.without_open(ledger, decided, case_id, now, end=end_open)

        return closed

    return ledger.change_many(CASES, case_ids, closer)


def delete(ledger: Ledger, case_id: str) -> Recorded[StoredCase, bool]:
    """Deletes a case with everything that belongs to it; its events stay.

    What is asked about it is withdrawn in the same commit. Its id cannot be used again.

    Where one commit has no room for all of it, the first one deletes the case and says so, and the
    parts follow. Whoever deletes it again, or the purge, removes what is left of them. Raises
    FailedPrecondition for a case under a legal hold.
    """

    def deleted(old: StoredCase, now: datetime) -> Decision[StoredCase, bool]:
        if old.legal_hold:
            raise errors.Held("the case is under a legal hold", [{"legalHold": True}])
        path = CASES.path(ledger.tenant, case_id)
        asked = hanging.open_interventions(ledger.store, path, old)
        ended = hanging.ended(ledger, asked, "The case was deleted", now)
        writes = belongings(ledger, case_id, old, now)
        removed = [{"id": ref.id, "sha256": ref.sha256} for ref in old.evidence]
        sheets = sum(isinstance(write, Set) for write in writes)
        many = len(writes) + len(ended) > _MAX_REMOVALS
        return Decision(
            old,
            EventType.CASE_DELETED,
            "Case deleted",
            case_id=case_id,
            meta={"evidenceCount": 0, "removed": removed, "worksheets": sheets},
            deletes=True,
            leaves_parts=many,
            writes=(*(() if many else writes), *ended),
            result=many,
        )

    try:
        recorded = ledger.change(CASES, case_id, deleted)
    except errors.NotFound:
        finish(ledger, case_id)
        raise
    if recorded.result or recorded.replayed:
        finish(ledger, case_id)
    return recorded


def report(ledger: Ledger, case_id: str, new: NewEvent) -> Recorded[StoredCase]:
    """Records an event that a client reports; notes and attachments are counted on the case."""
    counter = _COUNTERS.get(new.event_type)

    def reported(old: StoredCase, _: datetime) -> Decision[StoredCase]:
        counted = {counter: getattr(old, counter) + 1} if counter else {}
        return Decision(
            old.model_copy(update=counted),
            new.event_type,
            new.message,
            severity=new.severity,
            source="api",
            agent_id=new.agent_id,
            case_id=case_id,
            meta=new.meta,
        )

    return ledger.change(CASES, case_id, reported)


def _claimed_if_free(
    ledger: Ledger, row: Document, settings: Settings
) -> Recorded[StoredCase] | None:
    try:
        return claim(ledger, row.id, settings, seen=Seen(row))
    except (errors.FailedPrecondition, errors.NotFound):
        return None
    except errors.Unreadable:
        tell(row.path)
        return None


def _described(old: StoredCase, new: StoredCase) -> tuple[EventType, str]:
    if new.status is not old.status:
        return EventType.STATUS_CHANGED, f"Status changed from {old.status} to {new.status}"
    whom = {"assigned_to", "assigned_to_subject"}
    if new.model_dump(include=whom) != old.model_dump(include=whom):
        to = f"Assigned to {new.assigned_to}" if new.assigned_to else "Assignment removed"
        return EventType.ASSIGNED, to
    return EventType.CASE_UPDATED, "Case updated"
