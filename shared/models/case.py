"""Cases: what a client sends, what is stored, what a client sees."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    SerializeAsAny,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from shared.models.base import (
    OMITTED,
    UNSET,
    Id,
    Identified,
    Model,
    Name,
    Reason,
    Rows,
    Tag,
    Text,
    Time,
    Title,
    Unreadable,
    checked_json,
)
from shared.models.evidence import Evidence, EvidenceRef, Items
from shared.models.names import PersonName, person_key
from shared.models.sharing import Hold, Permission, StoredHold
from shared.models.stored import Data, Kept
from shared.models.subjects import Subject


class Status(StrEnum):
    """Where a case stands.

    `new` may become `in_review`, `needs_info`, `blocked` or `closed`; `in_review` may become
    `needs_info`, `approved`, `blocked` or `closed`; `needs_info` may become `in_review`, `blocked`
    or `closed`; `blocked` may become `in_review` or `closed`; `approved` may become `closed`.
    """

    # `shared/rules/cases.py` holds these transitions.

    NEW = "new"
    IN_REVIEW = "in_review"
    NEEDS_INFO = "needs_info"
    APPROVED = "approved"
    BLOCKED = "blocked"
    CLOSED = "closed"


class Severity(StrEnum):
    """How much is at stake in a case."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


MAX_TAGS = 20
MAX_FIELDS = 50
_FIELD_TEXT = 1_000
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}")


def _each_once(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


def _field_name(name: str) -> str:
    if not _FIELD.fullmatch(name):
        raise PydanticCustomError(
            "field",
            "must be 1 to 50 characters of A-Z a-z 0-9 _ - and start with a letter",
        )
    return name


def _field_value(value: Any) -> Any:
    if not isinstance(value, bool | int | float | str):
        raise PydanticCustomError("field", "must be text, a number, true or false")
    if isinstance(value, str) and len(value) > _FIELD_TEXT:
        raise PydanticCustomError("field", f"must be at most {_FIELD_TEXT:,} characters")
    return checked_json(value)


def _field_value_or_null(value: Any) -> Any:
    return None if value is None else _field_value(value)


Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS), AfterValidator(_each_once)]
_FieldName = Annotated[str, AfterValidator(_field_name)]
_VALUES: list[JsonValue] = [
    {"type": "string", "maxLength": _FIELD_TEXT},
    {"type": "number"},
    {"type": "boolean"},
]
_FieldValue = Annotated[Any, AfterValidator(_field_value), WithJsonSchema({"anyOf": _VALUES})]
_FieldValueOrNull = Annotated[
    Any,
    AfterValidator(_field_value_or_null),
    WithJsonSchema({"anyOf": [*_VALUES, {"type": "null"}]}),
]
Fields = Annotated[dict[_FieldName, _FieldValue], Field(max_length=MAX_FIELDS)]
FieldsToChange = Annotated[dict[_FieldName, _FieldValueOrNull], Field(max_length=2 * MAX_FIELDS)]


class NewCase(Model):
    """A case to be opened. Its id is its number; without one it gets a UUID."""

    id: Id | None = None
    """The case number. Without it the case gets a UUID."""
    decision_type: Id
    """What is to be decided, such as `csf_practitioner`; the tenant's `slaHours` are by this type.
    """
    title: Title
    """What the case is about, on one line."""
    summary: Text | None = None
    """What the case is about, in more words."""
    submission_id: Name | None = None
    """The id of what was submitted, in the system that it came from."""
    assigned_to: PersonName | None = None
    """Who works on it: an email address, or a subject."""
    due_at: Time | None = None
    """When it is due. Without it the tenant's `slaHours` for the type set the due date; null is no
    due date.
    """
    severity: Severity = Severity.NORMAL
    """How much is at stake: low, normal, high or critical."""
    tags: Tags = []
    """Up to 20 tags of up to 50 characters each; one that is given twice counts once."""
    fields: Fields = {}
    """Up to 50 values of your own by name: text of up to 1,000 characters, numbers, true or false;
    a date is text, as `2026-03-31`."""
    evidence: Items = []
    """Evidence to attach, in this order."""


def _when_closing(end_open: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - Pydantic calls it so
    if end_open and info.data.get("status") is not Status.CLOSED:
        raise PydanticCustomError("end_open", "comes with the status closed")
    return end_open


EndOpen = Annotated[bool, AfterValidator(_when_closing)]


class CasePatch(Model):
    """Fields to change; null clears. What is not named stays."""

    title: Title = UNSET
    """The new title, on one line."""
    summary: Text | None = UNSET
    """The new summary."""
    status: Status = UNSET
    """The new status, if it may follow the present one."""
    assigned_to: PersonName | None = UNSET
    """Who works on it now; null for nobody."""
    due_at: Time | None = UNSET
    """When it is due now; null for no due date."""
    decision_type: Id = UNSET
    """The new type of decision; the due date stays."""
    severity: Severity = UNSET
    """How much is at stake: low, normal, high or critical."""
    tags: Tags = UNSET
    """The tags that the case is to have, instead of those that it has; up to 20."""
    fields: FieldsToChange | None = UNSET
    """Values of your own to set by name; null removes one, and null for all of them removes all.
    Those that are not named stay; a case has up to 50."""
    reason: Reason | None = None
    """Why. It is kept in the event of the change; blocking and closing a case need one."""
    end_open: EndOpen = False
    """Whether closing ends what is open: interventions are withdrawn, and runs are cancelled."""


class Why(Model):
    """The reason for what is done."""

    reason: Reason
    """Why. It is kept in the audit event."""


class CaseToValidate(Model):
    """The case number that is asked for."""

    case_id: Id
    """The case number to look up."""


class CasesToCheck(Model):
    """Case numbers whose standing is asked for, at most 500."""

    case_ids: Annotated[list[Id], Field(max_length=500)]
    """The case numbers to look up."""


class CaseView(Model):
    """How much of a case is shown: `full` adds its evidence and holds."""

    view: Literal["basic", "full"] = "basic"
    """`basic`: the case alone; `full`: also its evidence, and the holds on it."""


class CaseFields(Model):
    """What a stored case and a shown one have in common."""

    created_at: datetime
    """When the case was opened."""
    updated_at: datetime
    """When the case was last changed."""
    created_by: str
    """Who opened the case: an email address, or a subject."""
    decision_type: str
    """What is to be decided."""
    title: str
    """What the case is about, on one line."""
    summary: str | None
    """What the case is about, in more words; null where nothing was given."""
    status: Status
    """Where the case stands."""
    status_changed_at: datetime
    """Since when it has this status."""
    closed_at: datetime | None = None
    """When it was closed; null while it is not."""
    assigned_to: str | None
    """Who works on it; null for nobody."""
    assigned_at: datetime | None
    """When it was assigned to them; null for nobody."""
    due_at: datetime | None
    """When it is due; null for no due date. When a paused clock restarts, it moves by the pause."""
    submission_id: str | None
    """The id of what was submitted, in the system that it came from; null where none was given."""
    severity: Severity = Severity.NORMAL
    """How much is at stake."""
    tags: list[str] = []
    """Up to 20 tags, in the order that they were given in."""
    packet_evidence_ids: list[str] = []
    """Which evidence is in the packet, in the packet's order."""
    evidence_count: int = 0
    """How many items of evidence are attached."""
    notes_count: int = 0
    """How many events `note_added` were recorded on it."""
    attachments_count: int = 0
    """How many events `attachment_added` were recorded on it."""
    collaborators: dict[str, Permission] = {}
    """What each collaborator may do with others' worksheets on the case, by the collaborator's
    subject.
    """
    legal_hold: bool = False
    """Whether a legal hold is on the case: nothing of it is deleted then."""
    reopen_count: int = 0
    """How often it was reopened."""
    escalated_at: datetime | None = None
    """When it was last escalated; null where it never was."""
    created_by_subject: str | None = None
    """The token's subject of who opened the case; null where it is not known."""
    assigned_to_subject: str | None = None
    """The token's subject of the assignee; null where only the name is known so far."""
    open_interventions: int | None = None
    """How many interventions about the case are pending or in progress, up to 200; those past their
    `expiresAt` count until they are recorded as expired. Null where that is not known: on a case of
    release 1.0.0, until somebody asks about it, starts a run on it, or migrates it."""
    open_runs: int | None = None
    """How many runs of the case are pending or running, up to 200; null as `openInterventions`."""
    held_until: datetime | None = None
    """From when on somebody else can claim the case; null where nobody holds it by a claim, or the
    claim has no end. The assignee stays until somebody does.
    """


class RecordRef(Kept):
    """The latest record of a kind, as its case knows it."""

    id: str
    version: int
    sequence: int


class StoredCase(CaseFields, Subject):
    """A case as it is stored.

    `clock_due_at` is what the queues sort by: when the running clock runs out (year 9999 where
    nothing is due). While the clock stands it is null, but in a pause of a case that was overdue
    before. `clock_stopped_at` is since when it stands. `due_stands_since` is the beginning of the
    time by which the due date is extended: later than that where it was set meanwhile, and null for
    the same. `head` is the end of the case's audit chain; `sweep_at` is when a scheduled function
    is to look at the case next, which is done by then; `records` has the latest of each kind.
    `fields` is the canonical JSON of the values that clients keep, null for none.
    `evidence_numbers` and `packet_numbers` are where the pages of evidence go on
    (`rules/positions.py`), empty as long as each is just its place in the list.
    """

    clock_due_at: datetime | None
    clock_stopped_at: datetime | None = None
    due_stands_since: datetime | None = None
    search_tokens: list[str]
    fields: str | None = None
    evidence: list[EvidenceRef] = []
    evidence_numbers: list[int] = []
    packet_numbers: list[int] = []
    packet_version: int = 0
    holds: list[StoredHold] = []
    sweep_at: datetime | None = None
    run_count: int = 0
    waiting: bool = False
    """Whether interventions are open; for the filter."""
    records: dict[str, RecordRef] = {}
    was_held: bool = False
    """Whether a legal hold has been on it, so that there may be preserved content."""

    def to_data(self, old: Data | None = None) -> Data:
        """The data to store, with `assigneeKey`, by which the filter `assignedTo=me` finds it."""
        key = person_key(self.assigned_to_subject, self.assigned_to)
        data = super().to_data(old)
        if self.held_until is None and "heldUntil" not in (old or {}):
            # Only where claims lapse is there an index entry to pay for.
            del data["heldUntil"]
        return {**data, "assigneeKey": key}


class Case(CaseFields, Identified):
    """A case as a client sees it."""

    versioned: ClassVar[bool] = True

    fields: dict[str, Any]
    """Values of your own by name: text, numbers, true or false."""
    overdue: bool
    """Whether its due date is past while its clock runs."""
    paused_at: datetime | None
    """Since when its clock is paused or stopped; null while it runs."""
    packet_version: int
    """How many versions of its packet are frozen; the newest has this number. 0 for none."""


class FullCase(Case):
    """A case with its evidence, and the holds on it; without them where the basic view is asked."""

    evidence: list[Evidence] | None = OMITTED
    """The evidence in its order. Only in the view `full`."""
    evidence_next_page_token: str | None = OMITTED
    """The `pageToken` that gets the rest from the list of the case's evidence. Only where there is
    more.
    """
    holds: list[Hold] | None = OMITTED
    """The legal holds on the case. Only in the view `full`."""
    evidence_unreadable: list[Unreadable] | None = OMITTED
    """Items of evidence that cannot be read, which `evidence` leaves out."""


class CasePage(Rows):
    """One page of cases."""

    cases: list[SerializeAsAny[Case]]
    """The cases of this page."""
    next_page_token: str | None = OMITTED
    """The `pageToken` of the next page. Left out on the last one."""


class CaseStats(Model):
    """How many cases and events there are."""

    as_of: datetime
    """Of when the counts by status, of events and of what is unassigned are. That is now, but where
    more than 300 events wait to be sealed: then it is the time of the last event that was counted.
    What is overdue, waiting or the caller's is always of now.
    """

    case_count: int
    """How many cases there are."""
    total_events: int
    """How many audit events there are, of any subject."""
    cases_by_status: dict[Status, int]
    """How many cases have each status."""
    overdue: int
    """How many cases are overdue."""
    waiting: int
    """How many cases wait for people: an intervention of theirs is open."""
    mine: int
    """How many cases that are not done are assigned to the caller."""
    unassigned: int
    """How many cases that are not done are assigned to nobody."""


class CaseStanding(Model):
    """Whether a case number is known, and whether its case is closed."""

    case_id: str
    """The case number that was asked for."""
    valid: bool
    """Whether a case has this number."""
    is_closed: bool
    """Whether its case is closed."""
    status: Literal["open", "closed", "invalid"]
    """`invalid` where no case has this number; otherwise whether its case is closed."""
    unreadable: str | None = OMITTED
    """What is wrong with a case that cannot be read: it exists, and little else is sure."""


class CaseStandings(Model):
    """The standing of each case number, in the order asked."""

    results: list[CaseStanding]
    """One for each number, in the order asked."""
