"""The models of the API, as dictionaries. `python -m clients.generate` writes this."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

InterventionStatus = Literal[
    "pending", "in_progress", "approved", "rejected", "expired", "completed", "withdrawn"
]
"""Where an intervention stands."""

InterventionType = Literal["kill_switch", "clarification", "waive_violation", "resume", "cancel"]
"""What is asked for."""

Priority = Literal["critical", "high", "normal", "low"]
"""How urgent it is; the queue has them in this order."""

RunStatus = Literal["pending", "running", "completed", "failed", "cancelled"]
"""Where a run stands: pending → running → completed, failed or cancelled."""

Severity = Literal["low", "normal", "high", "critical"]
"""How much is at stake in a case."""

Status = Literal["new", "in_review", "needs_info", "approved", "blocked", "closed"]
"""Where a case stands.

`new` may become `in_review`, `needs_info`, `blocked` or `closed`; `in_review` may become
`needs_info`, `approved`, `blocked` or `closed`; `needs_info` may become `in_review`, `blocked` or
`closed`; `blocked` may become `in_review` or `closed`; `approved` may become `closed`.
"""


class Action(TypedDict):
    """The call of a tool that was asked for. `actionHash` is its hash."""

    tool: str
    """The tool to call."""
    arguments: dict[str, Any]
    """What to call it with. At most 65,536 bytes as JSON, nested at most 10 deep."""


class Actor(TypedDict):
    """Who did it, as the token said at the time.

    Kinds and roles are plain strings when read: a newer release may have more of them.
    """

    subject: str
    """The `sub` of the token."""
    email: str | None
    """The email address of the token, where it is verified; otherwise null."""
    type: str
    """What kind of caller it is."""
    role: str
    """The role in the token."""


class Approval(TypedDict):
    """One person's approval."""

    by: str
    """Who approved: an email address, or a subject."""
    bySubject: str
    """The token's subject of who approved."""
    at: str
    """When they approved."""


class Assignment(TypedDict):
    """Who is to hold an intervention."""

    to: str
    """Who is to hold it: an email address, or a subject."""
    toSubject: NotRequired[str | None]
    """The subject of their token. Without it the tenant's directory is asked for it, by the name.
    """


class BrokenLink(TypedDict):
    """The first sequence number at which a trail does not hold, and why."""

    sequence: int
    """The sequence number of the first event that does not hold, or of the event that contradicts
    what is stored.
    """
    problem: str
    """What is wrong with it."""
    field: NotRequired[str | None]
    """What is not as the event says: a field of the subject's document, or of one below it, such as
    `evidence/{id}` or `runs/{id}/status`. Left out where an event or a link is broken.
    """


class Case(TypedDict):
    """A case as a client sees it."""

    id: str
    """The id, unique in its tenant; it never changes."""
    createdAt: str
    """When the case was opened."""
    updatedAt: str
    """When the case was last changed."""
    createdBy: str
    """Who opened the case: an email address, or a subject."""
    decisionType: str
    """What is to be decided."""
    title: str
    """What the case is about, on one line."""
    summary: str | None
    """What the case is about, in more words; null where nothing was given."""
    status: Status
    """Where the case stands."""
    statusChangedAt: str
    """Since when it has this status."""
    closedAt: str | None
    """When it was closed; null while it is not."""
    assignedTo: str | None
    """Who works on it; null for nobody."""
    assignedAt: str | None
    """When it was assigned to them; null for nobody."""
    dueAt: str | None
    """When it is due; null for no due date. When a paused clock restarts, it moves by the pause."""
    submissionId: str | None
    """The id of what was submitted, in the system that it came from; null where none was given."""
    severity: Severity
    """How much is at stake."""
    tags: list[str]
    """Up to 20 tags, in the order that they were given in."""
    packetEvidenceIds: list[str]
    """Which evidence is in the packet, in the packet's order."""
    evidenceCount: int
    """How many items of evidence are attached."""
    notesCount: int
    """How many events `note_added` were recorded on it."""
    attachmentsCount: int
    """How many events `attachment_added` were recorded on it."""
    collaborators: dict[str, Literal["read", "write", "admin"]]
    """What each collaborator may do with others' worksheets on the case, by the collaborator's
    subject.
    """
    legalHold: bool
    """Whether a legal hold is on the case: nothing of it is deleted then."""
    reopenCount: int
    """How often it was reopened."""
    escalatedAt: str | None
    """When it was last escalated; null where it never was."""
    createdBySubject: str | None
    """The token's subject of who opened the case; null where it is not known."""
    assignedToSubject: str | None
    """The token's subject of the assignee; null where only the name is known so far."""
    openInterventions: int | None
    """How many interventions about the case are pending or in progress, up to 200; those past their
    `expiresAt` count until they are recorded as expired. Null where that is not known: on a case of
    release 1.0.0, until somebody asks about it, starts a run on it, or migrates it.
    """
    openRuns: int | None
    """How many runs of the case are pending or running, up to 200; null as `openInterventions`."""
    heldUntil: str | None
    """From when on somebody else can claim the case; null where nobody holds it by a claim, or the
    claim has no end. The assignee stays until somebody does.
    """
    fields: dict[str, Any]
    """Values of your own by name: text, numbers, true or false."""
    overdue: bool
    """Whether its due date is past while its clock runs."""
    pausedAt: str | None
    """Since when its clock is paused or stopped; null while it runs."""
    packetVersion: int
    """How many versions of its packet are frozen; the newest has this number. 0 for none."""


class CaseClosing(TypedDict):
    """What became of one case in a batch; `error` is the error it would have got alone."""

    caseId: str
    """The case."""
    ok: bool
    """Whether it is now as was asked."""
    error: NotRequired[Problem | None]
    """Why it is not, as the error that it would have got alone. Only where `ok` is false."""


class CaseClosings(TypedDict):
    """What became of a batch, case by case in the order asked."""

    results: list[CaseClosing]
    """One for each case, in the order asked."""
    succeeded: int
    """How many have `ok`: true."""
    failed: int
    """How many have `ok`: false."""


class CaseCounts(TypedDict):
    """What happened to cases: on a day, or to those of a type in the period."""

    created: int
    """How many were opened."""
    closedInTime: int
    """How many were closed that were done, which is approved or closed, by their due date, or had
    none.
    """
    closedLate: int
    """How many were closed that were done after their due date."""
    medianSeconds: float | None
    """Half of those that were closed took no longer than this from being opened, in seconds; null
    where none was.
    """
    percentile90Seconds: float | None
    """Nine in ten of those that were closed took no longer than this, in seconds; null where none
    was.
    """


class CasePage(TypedDict):
    """One page of cases."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    cases: list[Case]
    """The cases of this page."""
    nextPageToken: NotRequired[str | None]
    """The `pageToken` of the next page. Left out on the last one."""


class CasePatch(TypedDict):
    """Fields to change; null clears. What is not named stays."""

    title: NotRequired[str]
    """The new title, on one line."""
    summary: NotRequired[str | None]
    """The new summary."""
    status: NotRequired[Status]
    """The new status, if it may follow the present one."""
    assignedTo: NotRequired[str | None]
    """Who works on it now; null for nobody."""
    dueAt: NotRequired[str | None]
    """When it is due now; null for no due date."""
    decisionType: NotRequired[str]
    """The new type of decision; the due date stays."""
    severity: NotRequired[Severity]
    """How much is at stake: low, normal, high or critical."""
    tags: NotRequired[list[str]]
    """The tags that the case is to have, instead of those that it has; up to 20."""
    fields: NotRequired[dict[str, str | float | bool | None] | None]
    """Values of your own to set by name; null removes one, and null for all of them removes all.
    Those that are not named stay; a case has up to 50.
    """
    reason: NotRequired[str | None]
    """Why. It is kept in the event of the change; blocking and closing a case need one."""
    endOpen: NotRequired[bool]
    """Whether closing ends what is open: interventions are withdrawn, and runs are cancelled.
    Default: `false`.
    """


class CaseStanding(TypedDict):
    """Whether a case number is known, and whether its case is closed."""

    caseId: str
    """The case number that was asked for."""
    valid: bool
    """Whether a case has this number."""
    isClosed: bool
    """Whether its case is closed."""
    status: Literal["open", "closed", "invalid"]
    """`invalid` where no case has this number; otherwise whether its case is closed."""
    unreadable: NotRequired[str | None]
    """What is wrong with a case that cannot be read: it exists, and little else is sure."""


class CaseStandings(TypedDict):
    """The standing of each case number, in the order asked."""

    results: list[CaseStanding]
    """One for each number, in the order asked."""


class CaseStats(TypedDict):
    """How many cases and events there are."""

    asOf: str
    """Of when the counts by status, of events and of what is unassigned are. That is now, but where
    more than 300 events wait to be sealed: then it is the time of the last event that was counted.
    What is overdue, waiting or the caller's is always of now.
    """
    caseCount: int
    """How many cases there are."""
    totalEvents: int
    """How many audit events there are, of any subject."""
    casesByStatus: dict[str, int]
    """How many cases have each status."""
    overdue: int
    """How many cases are overdue."""
    waiting: int
    """How many cases wait for people: an intervention of theirs is open."""
    mine: int
    """How many cases that are not done are assigned to the caller."""
    unassigned: int
    """How many cases that are not done are assigned to nobody."""


class CaseUpdates(TypedDict):
    """What became of a batch of changes, case by case in the order asked."""

    results: list[CaseClosing]
    """One for each case, in the order asked."""
    succeeded: int
    """How many have `ok`: true."""
    failed: int
    """How many have `ok`: false."""


class CasesToCheck(TypedDict):
    """Case numbers whose standing is asked for, at most 500."""

    caseIds: list[str]
    """The case numbers to look up."""


class CasesToClose(TypedDict):
    """Cases to close for one reason, at most 200."""

    caseIds: list[str]
    """The cases, each once."""
    reason: str
    """Why. It is kept in the event of each case."""
    endOpen: NotRequired[bool]
    """Whether closing ends what is open: interventions are withdrawn, and runs are cancelled.
    Default: `false`.
    """


class CasesToUpdate(TypedDict):
    """Cases to change in the same way, at most 200. What is not named stays."""

    caseIds: list[str]
    """The cases, each once."""
    assignedTo: NotRequired[str | None]
    """Whom the cases are assigned to; null takes them away."""
    severity: NotRequired[Severity]
    """How much is at stake: low, normal, high or critical."""
    addTags: NotRequired[list[str]]
    """Tags that each case has afterwards, up to 20 with those that it has."""
    removeTags: NotRequired[list[str]]
    """Tags that no case has afterwards, also where they are among `addTags`."""
    status: NotRequired[Status]
    """The status that each case goes to."""
    reason: NotRequired[str | None]
    """Why; required where a case becomes blocked or closed."""
    endOpen: NotRequired[bool]
    """Whether closing ends what is open: interventions are withdrawn, and runs are cancelled.
    Default: `false`.
    """


class Change(TypedDict):
    """A field's value before and after."""

    field: str
    """The name of the field."""
    old: Any
    """Its value before."""
    new: Any
    """Its value after."""


class ChangedSubject(TypedDict):
    """One change: what it was about. The resource itself is to be fetched."""

    subject: str
    """What changed: `cases/{id}`, `interventions/{id}`, `worksheets/{id}`, `keys/{id}`,
    `webhooks/endpoints` or `tenant`.
    """
    sequence: int
    """The place of the change in the chain of its subject: a larger one is newer."""
    eventType: str
    """What happened."""
    caseId: str | None
    """The case that it belongs to; null for none."""
    createdAt: str
    """When it was committed."""


class Changes(TypedDict):
    """What changed, by time; each change at least once, those of the last seconds repeatedly."""

    changes: list[ChangedSubject]
    """The changes, at most 200. Where there are more, the next request returns them."""
    cursor: str
    """The `after` of the next request; it can be used for a day."""


class ClosedCases(TypedDict):
    """How many cases of one type were closed in time, and how many late."""

    decisionType: str
    """The type of decision."""
    inTime: int
    """How many were done, which is approved or closed, by their due date, or had none."""
    late: int
    """How many were done after their due date."""


class Completion(TypedDict):
    """That a decision was acted on, with what came of it."""

    result: NotRequired[Any]
    """What came of it. At most 65,536 bytes as JSON, nested at most 10 deep."""


class Day(TypedDict):
    """What happened on one day, in UTC; the average is of what was decided on it."""

    date: str
    """The day, in UTC."""
    created: int
    """How many were created on it."""
    decided: int
    """How many were decided on it."""
    expired: int
    """How many expired on it."""
    averageResolutionSeconds: float | None
    """How long it took on average from the question to the decision, in seconds; null where nothing
    was decided.
    """


class DecisionGiven(TypedDict):
    """What a person decides. `response` is data for the agent; `response.text` answers it."""

    decision: Literal["approve", "edit", "reject", "respond"]
    """One of the intervention's `decisions`."""
    reason: NotRequired[str | None]
    """Why. A rejection, and any decision on a waiver, needs one."""
    response: NotRequired[dict[str, Any] | None]
    """Data for the agent, as the `responseSchema` says, if there is one. `respond` needs it.
    Without a schema, a clarification is answered in its `text`. At most 65,536 bytes as JSON,
    nested at most 10 deep.
    """
    arguments: NotRequired[dict[str, Any] | None]
    """With `edit`: the arguments to call the tool with, instead of those that were asked for. At
    most 65,536 bytes as JSON, nested at most 10 deep.
    """


class Delivery(TypedDict):
    """That an endpoint is to hear of an event, and how far that has come.

    Its id is that of the event, which the receiver gets as `webhook-id`.
    """

    id: str
    """The id, unique in its tenant; it never changes."""
    eventType: str
    """What the receiver hears of, as the `type` of the payload."""
    subject: str
    """What the event is about."""
    status: str
    """`due` until the receiver has taken it, then `delivered`; `failed` once nothing more is tried.
    """
    createdAt: str
    """When it was asked for: at the time of the event, or when that was replayed."""
    dueAt: str | None
    """When the next attempt is made; null where none is."""
    attempts: int
    """How many attempts were made."""
    lastAttemptAt: str | None
    """When the last attempt was made; null before the first."""
    lastCode: int | None
    """The status that the receiver answered last; null where it did not."""
    lastError: str | None
    """Why the last attempt failed: `status` for an answer that is no success, `gone` for 410,
    `timeout`, `connection`, `certificate`, `name` or `address` where nothing was reached that may
    be, `answer` for what is no HTTP, `url`, `secret` where the secret cannot be read, `disabled`
    where the endpoint was disabled or deleted; null after a success.
    """
    deliveredAt: str | None
    """When the receiver took it; null until then."""


class DeliveryPage(TypedDict):
    """One page of deliveries."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    deliveries: list[Delivery]
    """The deliveries of this page, newest first. Those that are over are kept for 14 days."""
    nextPageToken: NotRequired[str | None]
    """The `pageToken` of the next page; left out on the last one."""


class Erasure(TypedDict):
    """An erasure from the audit trail, asked for by one admin and confirmed by another."""

    id: str
    """The id, unique in its tenant; it never changes."""
    person: str | None
    """Whose name and address are erased: the `sub` of their token; null for a subject."""
    subject: str | None
    """The subject whose personal data and texts are erased; null for a person."""
    legalBasis: str
    """The legal basis."""
    reason: str
    """Why."""
    askedAt: str
    """When it was asked for."""
    askedBy: str
    """Who asked for it: an email address, or a subject."""
    askedBySubject: str
    """The token's subject of who asked for it."""
    aboutEvents: int
    """How many events it is about, as counted when it was asked for and again when it was
    confirmed; of a person those of which they are the actor.
    """
    lapsesAt: str
    """When it lapses, so that it can no longer be confirmed."""
    confirmedAt: str | None
    """When it was confirmed; null while it is not. What was recorded until then is erased."""
    confirmedBy: str | None
    """Who confirmed it: an email address, or a subject; null while nobody has."""
    confirmedBySubject: str | None
    """The token's subject of who confirmed it; null while nobody has."""
    eventId: str | None
    """The event `data_erased`, which the erased events name in `erasedBy`; null before."""
    completedAt: str | None
    """When all of it was erased; null before."""
    events: int
    """In how many events something was erased so far."""
    values: int
    """How many values were erased so far."""
    keptEvents: int
    """How many events hold such data and cannot be changed, because their hash covers it: a release
    without erasure recorded them, or they cannot be read.
    """
    heldCase: str | None
    """The case whose legal hold stops the erasure, which goes on when the hold is released; null
    for none.
    """
    state: Literal["asked", "lapsed", "confirmed", "completed"]
    """`asked` until another admin confirms it, `lapsed` where nobody did in time, `confirmed` while
    it is carried out, and `completed`.
    """
    complete: bool
    """Whether all of it is erased. If not, and it is confirmed, the nightly purge continues it, and
    so does the same request when it is sent again.
    """


class ErasurePage(TypedDict):
    """One page of erasures."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    erasures: list[Erasure]
    """The erasures of this page, newest first."""
    nextPageToken: NotRequired[str | None]
    """The `pageToken` of the next page; left out on the last one."""


class ErasureToAsk(TypedDict):
    """What is to be erased from the trail, a person or a subject, and the legal basis."""

    person: NotRequired[str | None]
    """Whose name and address are to be erased: the `sub` of their token. Not together with
    `subject`.
    """
    subject: NotRequired[str | None]
    """The subject whose personal data and texts are to be erased: `cases/{id}` with all that the
    trail has about the case, `interventions/{id}` or `worksheets/{id}`. Not together with `person`.
    """
    legalBasis: str
    """The legal basis, such as an article of the GDPR, on one line."""
    reason: str
    """Why. It is kept in the audit events."""


class Error(TypedDict):
    """What every error looks like."""

    error: Problem
    """The error."""


class Escalation(TypedDict):
    """Why people are to look at a case, and who at least."""

    reason: str
    """Why people are to look at the case."""
    requiredRole: NotRequired[Literal["verifier", "pilot", "admin"]]
    """Which role the decider needs at least. Default: `"pilot"`."""
    priority: NotRequired[Priority]
    """How urgent it is. Default: `"high"`."""


class Event(TypedDict):
    """One link of a subject's audit chain.

    `hash` is the SHA-256 of the RFC 8785 canonical JSON of everything else and the tenant, with the
    digests of the values that `disclosures` and `erased` name in the place of these values.
    `previousHash` is the hash of the event before it, 64 zeros at the first. `requestHash` is there
    when the request came with an Idempotency-Key: the event is then also the receipt. Types,
    severities, sources and outcomes are plain strings here, and an event may have further fields: a
    newer release may have written it. Its hash covers what was stored.
    """

    id: str
    """The event's id."""
    subject: str
    """What the event is about, and whose chain it is on: `cases/{id}`, `interventions/{id}`,
    `worksheets/{id}`, `keys/{id}`, `webhooks/endpoints` or `tenant`.
    """
    caseId: str | None
    """The case that it belongs to; null for none."""
    sequence: int
    """Its place in the chain of its subject; the first is 1."""
    createdAt: str
    """When the change was committed."""
    actor: Actor
    """Who did it."""
    source: str
    """Where it came from: `system` for a change by a function, `api` for an event that a client
    reported, `scheduler` for a scheduled function.
    """
    eventType: str
    """What happened."""
    severity: str
    """How serious it is."""
    agentId: str | None
    """The agent that acted; null for none."""
    outcome: str
    """How it ended."""
    message: str
    """What happened, in one sentence for people."""
    reason: str | None
    """The reason that was given; null for none."""
    changes: list[Change]
    """Which fields changed, with their values before and after."""
    meta: dict[str, Any]
    """What else belongs to an event of this type. Where the status, type or priority of a case or
    an intervention changes, or whether a case has an assignee, `opened` or `asked` has what figures
    need of it; `opened` is also in the `case_created` of a case that was imported, and `imported`
    has its `source` and `rowKey`.
    """
    requestId: str
    """The `X-Request-Id` of the request that made the change."""
    requestHash: str | None
    """The SHA-256 of the request, where it came with an `Idempotency-Key`; otherwise null."""
    previousHash: str
    """The `hash` of the event before it in the chain; 64 zeros for the first."""
    hash: str
    """The SHA-256, in hex, of the RFC 8785 form of the event and the tenant: without this field,
    `disclosures`, `erased`, `erasedBy`, and the values that `disclosures` and `erased` name; with
    `digests`, which has the digest of each of those values by its JSON Pointer.
    """
    disclosures: NotRequired[dict[str, str] | None]
    """The salt of each value that can be erased, by the value's JSON Pointer (RFC 6901) in this
    event. A value's digest is the SHA-256, in hex, of the RFC 8785 form of `[salt, pointer,
    value]`. Left out in events that were recorded before values could be erased.
    """
    erased: NotRequired[dict[str, str] | None]
    """The digest of each value that was erased, by its JSON Pointer; the value is "erased". Left
    out where nothing was.
    """
    erasedBy: NotRequired[str | None]
    """The id of the event that records the last erasure. Left out where nothing was erased."""


class EventFilter(TypedDict):
    """Which of the events are meant: those for which all that is given here holds."""

    caseId: NotRequired[str | None]
    """Only events that belong to this case."""
    agentId: NotRequired[str | None]
    """Only events of this agent."""
    askedBy: NotRequired[str | None]
    """Only events about interventions that this caller asked for: the `sub` of their token. They
    are the events that ask, and those that change an intervention's status or priority.
    """
    severity: NotRequired[list[Literal["info", "warning", "error", "critical"]] | None]
    """Only events of one of these severities."""


class EventPage(TypedDict):
    """One page of events."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    events: list[Event]
    """The events of this page."""
    nextPageToken: NotRequired[str | None]
    """The `pageToken` of the next page. Left out on the last one."""


class EvidenceContent(TypedDict):
    """What an item says. Its hash is the SHA-256 of the RFC 8785 form of this.

    A field that an item was stored without is in no hash, and is left out of packets.
    """

    id: str
    """The item's id, unique on its case."""
    title: str
    """What the item is, on one line."""
    snippet: str
    """The text that is quoted."""
    citation: str | None
    """Where the text is from; null where nothing was given."""
    sourceId: str | None
    """The id of the source, in the system that it is kept in; null where none was given."""
    tags: list[str]
    """Keywords."""
    metadata: dict[str, Any]
    """Whatever else belongs to the item."""


class EvidencePage(TypedDict):
    """One page of evidence."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    evidence: list[Evidence]
    """The items of this page."""
    nextPageToken: NotRequired[str | None]
    """The `pageToken` of the next page. Left out on the last one."""


class EvidencePatch(TypedDict):
    """Fields to change; null clears. What is not named stays."""

    title: NotRequired[str]
    """The new title, on one line."""
    snippet: NotRequired[str]
    """The new text; it is kept to the byte."""
    citation: NotRequired[str | None]
    """Where the text is from: an address, or a reference."""
    sourceId: NotRequired[str | None]
    """The id of the source, in the system that it is kept in."""
    tags: NotRequired[list[str]]
    """The keywords that it has from now on."""
    metadata: NotRequired[dict[str, Any]]
    """Whatever else belongs to the item; it replaces what was there. At most 65,536 bytes as JSON,
    nested at most 10 deep.
    """
    includedInPacket: NotRequired[bool]
    """Whether the item is in the packet."""


class EvidenceToAdd(TypedDict):
    """Items to attach after those that are there."""

    evidence: list[NewEvidence]
    """The items, in this order."""


class EvidenceToPut(TypedDict):
    """Either all the evidence anew, or which of it is in the packet, in which order."""

    evidence: NotRequired[list[NewEvidence] | None]
    """All the evidence that the case is to have, in this order. Not together with
    `packetEvidenceIds`.
    """
    packetEvidenceIds: NotRequired[list[str] | None]
    """Which of the case's evidence is in the packet, in this order. Not together with `evidence`.
    """


class Figures(TypedDict):
    """Figures about the cases and the interventions of a period."""

    since: str
    """The beginning of the period."""
    until: str
    """The end of the period, which is not in it."""
    asOf: str
    """Up to when the period is counted; see the answer of `GET /v1/cases:stats`. What is open and
    overdue is counted now.
    """
    open: list[OpenCases]
    """The cases that are open now, by status."""
    overdue: int
    """How many cases are overdue now."""
    closed: list[ClosedCases]
    """The cases that were closed in the period, by type of decision."""
    created: int
    """How many interventions were created in the period."""
    decided: int
    """How many interventions were decided in the period."""
    expired: int
    """How many interventions expired in the period."""
    daily: list[Day]
    """What happened to interventions on each day of the period, in UTC."""
    timeToDecide: list[TimeToDecide]
    """How long people took for what was decided in the period, by priority."""
    medianSecondsToDecide: float | None
    """Half of all decisions of the period took no longer than this, in seconds; null where nothing
    was decided.
    """
    pilots: list[PilotMetrics]
    """The ten who decided most in the period. Empty where `personFigures` is false."""
    personFigures: bool
    """Whether figures of single people are shown to the caller: to pilots, admins and auditors,
    unless the setting `personFigures` is off.
    """
    sampled: Sampled
    """How many rows `closed`, `timeToDecide` and `pilots` are about."""
    rows: NotRequired[list[FiguresRow] | None]
    """By day in the order of the days; otherwise the largest first. Only where `by` is given."""


class FiguresRow(TypedDict):
    """One row of figures, by what was asked for."""

    key: str | None
    """The day, the type of decision, the tool, or the subject of the agent or the person. Null in
    the last row, of all others together: where there are more than 100, or where people asked whose
    figures are not shown to the caller.
    """
    name: str | None
    """What to show for it; for a person the name in the directory. Null for a person who is not
    there, because their data was erased, and in the row of all others.
    """
    cases: NotRequired[CaseCounts | None]
    """Cases. Only by day and by type of decision."""
    interventions: NotRequired[InterventionCounts | None]
    """Interventions. Only by day, by agent, by tool and by person."""


class Health(TypedDict):
    """That the service works, and on which store."""

    status: Literal["ok"]
    """`ok`; a service that is not answers 503."""
    store: Literal["sqlite", "emulator", "firestore"]
    """Which store is in use."""


class HistoryItem(TypedDict):
    """Something that happened to a case in the system that it comes from."""

    at: str
    """When it happened."""
    by: NotRequired[str | None]
    """Who did it, as that system calls them."""
    text: str
    """What happened, or what was said."""


class Hold(TypedDict):
    """A legal hold: while one is on a case, nothing of the case is deleted."""

    id: str
    """The hold's id."""
    reason: str
    """Why it was placed."""
    placedAt: str
    """When it was placed."""
    placedBy: str
    """Who placed it: an email address, or a subject."""
    placedBySubject: str | None
    """The token's subject of who placed it; null where it is not known."""


class Intervention(TypedDict):
    """An intervention as a client sees it: undecided, it is `expired` from `expiresAt` on."""

    id: str
    """The id, unique in its tenant; it never changes."""
    uowId: str
    """The unit of work that asks."""
    type: InterventionType
    """What is asked of people."""
    status: InterventionStatus
    """Where the intervention stands."""
    priority: Priority
    """How urgent it is."""
    title: str
    """The question, on one line."""
    description: str | None
    """The question in more words; null where nothing was given."""
    caseId: str | None
    """The case that it is about; null for none."""
    requiredRole: Literal["verifier", "pilot", "admin"]
    """Which role the decider needs at least."""
    createdAt: str
    """When it was asked."""
    createdBy: str
    """Who asked: an email address, or a subject."""
    updatedAt: str
    """When it was last changed."""
    expiresAt: str | None
    """From when on a decision is too late; null for never."""
    assignedTo: str | None
    """Who has claimed it; null for nobody."""
    decision: Literal["approve", "edit", "reject", "respond"] | None
    """How it was decided; null while it is not."""
    decidedBy: str | None
    """Who decided it; null while nobody has."""
    actionReason: str | None
    """The reason of the decision or the withdrawal; null for none."""
    actionAt: str | None
    """When it was decided or withdrawn, or when it expired; null while it is open."""
    resolutionSeconds: float | None
    """How long it took from the question to the decision, in seconds; null while it is not decided.
    """
    archived: bool
    """Whether nothing can follow any more: it was rejected or withdrawn, has expired or is
    completed. Its retention runs from then on.
    """
    createdBySubject: str
    """The token's subject of who asked."""
    assignedToSubject: str | None
    """The token's subject of who holds it; null where nobody does, or only the name is known."""
    decidedBySubject: str | None
    """The token's subject of who decided; null before, and where only the name is known."""
    completedBy: str | None
    """The name of who completed it; null before, and where an earlier release did not keep it."""
    completedBySubject: str | None
    """The token's subject of who completed it; null where `completedBy` is."""
    completedAt: str | None
    """When it was completed; null where `completedBy` is."""
    runId: str | None
    """The run of the case that asked, if one did."""
    actionHash: str | None
    """The SHA-256, in hex, of the RFC 8785 form of `action`; null without one."""
    decisions: list[Literal["approve", "edit", "reject", "respond"]]
    """Which decisions people may make."""
    actWithinSeconds: int | None
    """For how many seconds after its approval the action may be started; null for no limit."""
    approvedActionHash: str | None
    """The hash of the action that was approved: `actionHash`, or after an edit that of the tool
    with the `approvedArguments`. Null before, and where nothing may run. While `approvalsRequired`
    people have not approved it, it is what those so far have approved, and binds nobody.
    """
    actUntil: str | None
    """From when on the approved action may not be started any more; null for never."""
    startedAt: str | None
    """When the action was started; null while it is not."""
    startedBy: str | None
    """The name of the agent that started it; null while nobody has."""
    startedBySubject: str | None
    """The token's subject of the agent that started it; null while nobody has."""
    lapsedAt: str | None
    """When the approval lapsed, because the action was not started in time; null for not."""
    approvalsRequired: int
    """How many different people must approve it."""
    approvals: list[Approval]
    """The approvals so far, oldest first, all of the same arguments and the same response. Empty
    also where an earlier release kept only who decided.
    """
    heldUntil: str | None
    """From when on somebody else can claim it; null where nobody holds it, or the claim has no end.
    Its holder keeps it until somebody else claims it.
    """
    remindAt: str | None
    """When people are reminded of it next; null for never."""
    raisePriority: bool
    """Whether each reminder raises the priority by one step."""
    context: Any
    """Data that people need to decide."""
    response: dict[str, Any] | None
    """Data from the decider for the agent; null for none. While `approvalsRequired` people have not
    approved it, it is from those so far, and binds nobody.
    """
    result: Any
    """What came of the decision, as whoever acted on it said; null for nothing."""
    action: Action | None
    """What the agent wants to do; null where the question is about no action."""
    approvedArguments: dict[str, Any] | None
    """The arguments that were approved instead of those of `action`; null for none."""
    responseSchema: dict[str, Any] | None
    """The JSON Schema that a `response` follows; null for none."""


class InterventionCounts(TypedDict):
    """What happened to interventions: on a day, to those of an agent or a tool, or by a person."""

    created: NotRequired[int | None]
    """How many were created. Not by person or tool."""
    decided: int
    """How many were decided."""
    approved: int
    """How many of these were approved as they were asked."""
    edited: int
    """How many of these were approved with changes."""
    rejected: int
    """How many of these were rejected."""
    answered: int
    """How many of these were answered with `respond`, instead of an approval or a rejection."""
    expired: NotRequired[int | None]
    """How many expired. Not by person: what expires was decided by nobody."""
    withdrawn: NotRequired[int | None]
    """How many were withdrawn. Not by person."""
    lapsed: NotRequired[int | None]
    """How many approvals lapsed: an agent tried to start the action when it was too late. They are
    also among those that were approved or edited. Not by person.
    """
    medianSeconds: NotRequired[float | None]
    """Half of the decisions took no longer than this, in seconds. Only by day, where there are
    decisions.
    """
    percentile90Seconds: NotRequired[float | None]
    """Nine in ten of the decisions took no longer than this, in seconds. Only by day, where there
    are decisions.
    """


class InterventionMetrics(TypedDict):
    """Counts of interventions, how long people took, and who decided most."""

    asOf: str
    """Of when the figures are. That is now, but where more than 300 events wait to be sealed: then
    it is the time of the last event that was counted. A period with an end that is no midnight in
    UTC is always counted as of now.
    """
    total: int
    """How many interventions there are."""
    byStatus: dict[str, int]
    """How many have each status."""
    byType: dict[str, int]
    """How many are of each type."""
    byPriority: dict[str, int]
    """How many have each priority."""
    averageResolutionSeconds: float | None
    """How long it took on average from the question to the decision, in seconds; null where nothing
    was decided.
    """
    topPilots: list[PilotMetrics]
    """The ten who decided most. Of a period with an end that is no midnight in UTC they are among
    the 50 who decided most in all. For pilots, admins and auditors, unless the setting
    `personFigures` is off; otherwise empty.
    """
    daily: NotRequired[list[Day] | None]
    """One row for each day of the period. Only where `daily` is asked for."""


class InterventionPage(TypedDict):
    """One page of interventions."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    interventions: list[Intervention]
    """The interventions of this page."""
    nextPageToken: NotRequired[str | None]
    """The `pageToken` of the next page. Left out on the last one."""


class Key(TypedDict):
    """A key as a client sees it, without its secret."""

    id: str
    """The id, unique in its tenant; it never changes."""
    name: str
    """What the key is for."""
    role: str
    """What may be done with it."""
    expiresAt: str | None
    """From when on it is refused; null: only once it is revoked."""
    createdAt: str
    """When it was made."""
    createdBy: str
    """Who made it."""
    createdBySubject: str
    """The `sub` of the token of who made it."""
    lastUsedOn: str | None
    """The last day, in UTC, on which somebody called with it; null where nobody has."""


class KeyPage(TypedDict):
    """One page of keys."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    keys: list[Key]
    """The keys of this page. Those that were revoked are gone; the audit trail has them."""
    nextPageToken: NotRequired[str | None]
    """The `pageToken` of the next page. Left out on the last one."""


class KeySet(TypedDict):
    """The keys that verify receipts: a JWK Set (RFC 7517)."""

    keys: list[PublicKey]
    """The keys; the last one signs."""


class LastRun(TypedDict):
    """What a scheduled function last did, for all tenants together."""

    startedAt: str
    """When it began."""
    complete: bool
    """Whether all that was due was looked at; if not, the next run went on."""
    done: int
    """How many documents it changed."""
    failed: int
    """How many it could not change; the next run tries again."""


class LogEpoch(TypedDict):
    """An epoch of a log. Checkpoints of different epochs are not promised to fit each other."""

    epoch: int
    """The number of the epoch, from 1 on."""
    origin: str
    """The name of the log in this epoch, which its checkpoints and its keys have."""
    formerOrigin: str
    """The name that it had in the epoch before."""
    formerSize: int
    """How many entries it had when the epoch was started. They are also the first of the new one.
    """
    formerRoot: str
    """The root of its tree then, in hex."""
    refused: str | None
    """Why nothing was appended in the epoch before; null where nothing was wrong."""


class LogPart(TypedDict):
    """What the log of the tenant has of a chain."""

    size: int
    """How many entries the log has."""
    index: int | None
    """The index of the chain's newest event that is in the log; null for none."""
    sealed: int
    """How many of the chain's events are in the log; those of the last minute or two are not."""
    refused: NotRequired[str | None]
    """Why nothing is appended to the log until an admin starts a new epoch. Otherwise left out."""


class ManifestEntry(TypedDict):
    """The hash of one item of a packet."""

    id: str
    """The item's id."""
    sha256: str
    """The SHA-256, in hex, of the RFC 8785 form of the item."""


class NewAction(TypedDict):
    """A call of a tool, which is what is approved."""

    tool: str
    """The tool to call."""
    arguments: dict[str, Any]
    """What to call it with. At most 65,536 bytes as JSON, nested at most 10 deep."""


class NewCase(TypedDict):
    """A case to be opened. Its id is its number; without one it gets a UUID."""

    id: NotRequired[str | None]
    """The case number. Without it the case gets a UUID."""
    decisionType: str
    """What is to be decided, such as `csf_practitioner`; the tenant's `slaHours` are by this type.
    """
    title: str
    """What the case is about, on one line."""
    summary: NotRequired[str | None]
    """What the case is about, in more words."""
    submissionId: NotRequired[str | None]
    """The id of what was submitted, in the system that it came from."""
    assignedTo: NotRequired[str | None]
    """Who works on it: an email address, or a subject."""
    dueAt: NotRequired[str | None]
    """When it is due. Without it the tenant's `slaHours` for the type set the due date; null is no
    due date.
    """
    severity: NotRequired[Severity]
    """How much is at stake: low, normal, high or critical. Default: `"normal"`."""
    tags: NotRequired[list[str]]
    """Up to 20 tags of up to 50 characters each; one that is given twice counts once."""
    fields: NotRequired[dict[str, str | float | bool]]
    """Up to 50 values of your own by name: text of up to 1,000 characters, numbers, true or false;
    a date is text, as `2026-03-31`.
    """
    evidence: NotRequired[list[NewEvidence]]
    """Evidence to attach, in this order."""


class NewEvent(TypedDict):
    """An event that a client reports on a case."""

    eventType: Literal[
        "submission_received",
        "note_added",
        "attachment_added",
        "document_received",
        "state_changed",
        "agent_action",
        "error",
        "custom",
    ]
    """What happened."""
    message: str
    """What happened, in words for people."""
    severity: NotRequired[Literal["info", "warning", "error", "critical"]]
    """How serious it is. Default: `"info"`."""
    agentId: NotRequired[str | None]
    """The agent that acted."""
    meta: NotRequired[dict[str, Any]]
    """What else belongs to the event. At most 65,536 bytes as JSON, nested at most 10 deep."""


class NewEvidence(TypedDict):
    """An item to attach. Without an id it gets a UUID."""

    id: NotRequired[str | None]
    """The item's id, unique on its case. Without it the item gets a UUID."""
    title: str
    """What the item is, on one line."""
    snippet: NotRequired[str]
    """The text that is quoted; it is kept to the byte."""
    citation: NotRequired[str | None]
    """Where the text is from: an address, or a reference."""
    sourceId: NotRequired[str | None]
    """The id of the source, in the system that it is kept in."""
    tags: NotRequired[list[str]]
    """Keywords."""
    metadata: NotRequired[dict[str, Any]]
    """Whatever else belongs to the item. At most 65,536 bytes as JSON, nested at most 10 deep."""
    includedInPacket: NotRequired[bool]
    """Whether the item is in the packet, after those that are in it already. Default: `false`."""


class NewIntervention(TypedDict):
    """A question to people. Without `priority` a kill switch is critical, all else normal.

    It expires at `expiresAt`, or after `expiresInSeconds`, or never.
    """

    action: NotRequired[NewAction | None]
    """What the agent wants to do. Once it is approved, `:start` allows it, exactly once."""
    decisions: NotRequired[list[Literal["approve", "edit", "reject", "respond"]] | None]
    """Which decisions people may make. By default `approve`, `edit` and `reject` for an action;
    `approve`, `respond` and `reject` for a clarification; otherwise `approve` and `reject`.
    """
    responseSchema: NotRequired[ResponseSchema | None]
    """What a `response` must look like, as MCP's elicitation describes it; at most 8,192 bytes."""
    actWithinSeconds: NotRequired[int | None]
    """For how many seconds after its approval the action may be started; without it, there is no
    limit.
    """
    reuse: NotRequired[bool]
    """With true, the answer is the same question, with 200, where that is open already: one of the
    same requester, with the same action, `uowId`, type, case, run, and terms of its decision. Not
    with an Idempotency-Key. Two such requests at the same time may both ask. Default: `false`.
    """
    uowId: str
    """The unit of work that asks: whatever the agent calls what it is doing."""
    type: InterventionType
    """What is asked of people."""
    priority: NotRequired[Priority | None]
    """How urgent it is. Without it a kill switch is critical, and everything else normal."""
    title: str
    """The question, on one line."""
    description: NotRequired[str | None]
    """The question in more words."""
    context: NotRequired[Any]
    """Data that people need to decide. At most 65,536 bytes as JSON, nested at most 10 deep."""
    caseId: NotRequired[str | None]
    """The case that it is about."""
    runId: NotRequired[str | None]
    """The run of the case that asks; its open interventions are withdrawn when it ends."""
    expiresAt: NotRequired[str | None]
    """From when on a decision is too late. Not together with `expiresInSeconds`."""
    expiresInSeconds: NotRequired[int | None]
    """In how many seconds a decision is too late. Not together with `expiresAt`; without both it
    never is.
    """
    requiredRole: NotRequired[Literal["verifier", "pilot", "admin"]]
    """Which role the decider needs at least. Default: `"pilot"`."""
    approvalsRequired: NotRequired[int | None]
    """How many different people must approve, from 1 to 5. It is never less than the tenant's
    setting for the type.
    """
    raisePriority: NotRequired[bool]
    """Whether the priority rises by one step with each reminder, at 50 % and 90 % of the time to
    decide. It comes with `expiresAt` or `expiresInSeconds`. Default: `false`.
    """


class NewKey(TypedDict):
    """A key to make."""

    name: str
    """What the key is for, such as the program that has it."""
    role: Literal["agent", "viewer", "verifier"]
    """What may be done with it. No role lets a key decide, or make keys."""
    expiresAt: NotRequired[str | None]
    """From when on it is refused; null, or left out: only once it is revoked."""


class NewRecord(TypedDict):
    """A record to add; it supersedes the one of its kind before it."""

    kind: str
    """What kind of record it is, such as `requirements`."""
    title: str
    """What the record is, on one line."""
    data: Any
    """The record itself. At most 262,144 bytes as JSON, nested at most 10 deep."""
    runId: NotRequired[str | None]
    """The run that delivers it."""


class NewRun(TypedDict):
    """A run to start, or with `queued` to start later. `packId` and `version` name its workflow."""

    id: NotRequired[str | None]
    """The run's id, unique in the tenant. Without it the run gets a UUID."""
    agentId: str
    """The agent that runs."""
    packId: NotRequired[str | None]
    """The workflow that it runs."""
    version: NotRequired[str | None]
    """The version of the workflow, by Semantic Versioning."""
    input: NotRequired[Any]
    """What the agent works on. At most 262,144 bytes as JSON, nested at most 10 deep."""
    queued: NotRequired[bool]
    """With `true` the run waits as `pending` until it is started. Default: `false`."""


class NewWebhook(TypedDict):
    """An endpoint that is to hear of events."""

    url: str
    """Where to: an `https://` address without a user name and without a fragment. A local run also
    takes `http://` to its own machine.
    """
    events: list[str]
    """Of which events: a type such as `intervention.decided`, all events about one kind of subject
    such as `case.*`, or `*`.
    """
    filter: NotRequired[EventFilter | None]
    """Only events for which this holds; null for no condition."""
    description: NotRequired[str | None]
    """What it is for."""
    format: NotRequired[Literal["standard", "slack"]]
    """What is sent: `standard` as standardwebhooks.com says, `slack` for a chat. Default:
    `"standard"`.
    """


class NumberProperty(TypedDict):
    """A number."""

    title: NotRequired[str]
    """What people see as its name."""
    description: NotRequired[str]
    """What it is, in more words."""
    type: Literal["number", "integer"]
    """Whether it may be any number, or a whole one."""
    minimum: NotRequired[int | float]
    """The least that it may be."""
    maximum: NotRequired[int | float]
    """The most that it may be."""
    default: NotRequired[int | float]
    """What a form begins with."""


class OpenCases(TypedDict):
    """How many cases with one status are open now, by how long ago they were opened."""

    status: Status
    """The status: any but `approved` and `closed`."""
    under1Day: int
    """How many were opened less than a day ago."""
    from1To3Days: int
    """How many were opened a day ago or longer, and less than three days ago."""
    over3Days: int
    """How many were opened three days ago or longer."""


class Packet(TypedDict):
    """The evidence that a decision rests on, in order.

    `sha256` is over the RFC 8785 form of `{caseId, version, items, manifest}`.
    """

    caseId: str
    """The case."""
    version: int | None
    """The version, counted from 1; null for a draft."""
    state: Literal["draft", "frozen"]
    """`frozen` by an approval, or the `draft` of an open case."""
    title: str
    """The title of the case."""
    decisionType: str
    """What was to be decided."""
    frozenAt: str | None
    """When the approval froze it; null for a draft."""
    frozenBy: str | None
    """Who approved: an email address, or a subject; null for a draft."""
    items: list[EvidenceContent]
    """The evidence, in its order."""
    manifest: list[ManifestEntry]
    """The hash of each item, in the same order."""
    sha256: str
    """The SHA-256, in hex, of the RFC 8785 form of `{caseId, version, items, manifest}`."""


class PermissionGiven(TypedDict):
    """What a collaborator may do with others' worksheets on a case; `admin` also names others.

    It is about worksheets that their owners have opened, and goes as far as those are open.
    """

    permission: Literal["read", "write", "admin"]
    """`read` and `write` are about others' worksheets on the case; `admin` also names other
    collaborators.
    """


class Person(TypedDict):
    """A person whom the tenant's directory knows, because they have changed something."""

    subject: str
    """The subject (`sub`) of their token, which is who they are."""
    name: str
    """How they are shown: their proven email address, else the subject."""
    email: str | None
    """Their email address, where the token proved one."""
    role: str
    """The role of their last change on the day they were last seen."""
    lastSeenOn: str
    """The last day, in UTC, on which they changed something."""


class PersonExport(TypedDict):
    """A page of what is kept of a person."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    person: PersonKept | None
    """Their entry in the directory; null where there is none."""
    views: NotRequired[list[View] | None]
    """Their saved views, which only they themselves are shown."""
    part: str
    """What this page has: `events` of which they are the actor; `casesAssigned` to them and
    `casesCreated` by them; `interventionsHeld` and `interventionsDecided` by them; their
    `worksheets`, whose texts only they themselves are shown.
    """
    items: list[dict[str, Any]]
    """The items of this part, as the functions for them show them."""
    nextPageToken: NotRequired[str | None]
    """The `pageToken` of the next page, of this part or the next one. Left out on the last one."""


class PersonKept(TypedDict):
    """A person's entry in the directory."""

    subject: str
    """The subject (`sub`) of their token, which is who they are."""
    name: str
    """How they are shown: their proven email address, else the subject."""
    email: str | None
    """Their email address, where the token proved one."""
    role: str
    """The role of their last change on the day they were last seen."""
    lastSeenOn: str
    """The last day, in UTC, on which they changed something."""


class PersonPage(TypedDict):
    """One page of people."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    people: list[Person]
    """The people of this page."""
    nextPageToken: NotRequired[str | None]
    """The `pageToken` of the next page. Left out on the last one."""


class PilotMetrics(TypedDict):
    """What one person decided."""

    pilot: str
    """Who decided: the name in the directory, which is an email address or a subject; "erased"
    where the person's data was erased.
    """
    decided: int
    """How many they decided."""
    approved: int
    """How many of these they approved, edited or responded to."""
    rejected: int
    """How many of these they rejected."""


class Preserved(TypedDict):
    """Preserved content as a client sees it."""

    id: str
    """The id, unique in its tenant; it never changes."""
    collection: str
    """What it was: `evidence`, `worksheets`, or `cases` for the case's own title or summary."""
    name: str
    """The id of the item of evidence, worksheet or case that it belonged to."""
    eventId: str
    """The audit event of the change that took it away."""
    subject: str
    """On whose chain that event is, as in `audit:verify`."""
    sequence: int
    """The number of that event in its chain, from 1."""
    preservedAt: str
    """When it was taken away, in UTC: the time of that event."""
    content: dict[str, Any]
    """The fields that were taken away, as they were."""


class PreservedPage(TypedDict):
    """One page of preserved content."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    preserved: list[Preserved]
    """What was preserved, newest first."""
    nextPageToken: NotRequired[str | None]
    """The `pageToken` of the next page; left out on the last one."""


class Problem(TypedDict):
    """An error in the one form that all errors have."""

    code: int
    """The HTTP status code."""
    status: str
    """The kind of error, for programs: `INVALID_ARGUMENT`, `NOT_FOUND`, `ABORTED` and so on."""
    message: str
    """What is wrong, for people. Its words may change with any release."""
    details: list[dict[str, Any]]
    """More about it: for invalid input the fields and what is wrong with each, for a conflict the
    state that is in the way.
    """


class PublicKey(TypedDict):
    """The public part of a key that signs receipts: a JWK (RFC 7517, RFC 8037)."""

    kty: Literal["OKP"]
    """The type of the key."""
    crv: Literal["Ed25519"]
    """Its curve."""
    x: str
    """The 32 public bytes, in base64url."""
    kid: str
    """The key's thumbprint (RFC 7638), which a receipt names."""
    alg: Literal["EdDSA"]
    """How it signs."""
    use: Literal["sig"]
    """What it is for."""


class Record(TypedDict):
    """A record as a client sees it."""

    id: str
    """The id, unique in its tenant; it never changes."""
    caseId: str
    """The case."""
    kind: str
    """What kind of record it is."""
    title: str
    """What the record is, on one line."""
    version: int
    """Its place among the records of its kind on the case; the first is 1."""
    supersedes: str | None
    """The id of the record of its kind before it; null for the first."""
    runId: str | None
    """The run that delivered it; null for none."""
    sequence: int
    """The sequence number of its event in the chain of the case."""
    sha256: str
    """The SHA-256, in hex, of the RFC 8785 form of `data`."""
    createdAt: str
    """When it was added."""
    createdBy: str
    """Who added it: an email address, or a subject."""
    data: Any
    """The record itself."""


class RecordPage(TypedDict):
    """One page of records."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    records: list[Record]
    """The records of this page."""
    nextPageToken: NotRequired[str | None]
    """The `pageToken` of the next page. Left out on the last one."""


class Replay(TypedDict):
    """Which events are to be sent to an endpoint again."""

    since: str
    """Events of this time, or later."""
    until: NotRequired[str | None]
    """Only events before this time; null for all until now."""


class Replayed(TypedDict):
    """What a replay has done."""

    replayed: int
    """How many events are due to be sent."""
    complete: bool
    """Whether all events of the period were looked at. If not, replay again from `continueFrom`."""
    continueFrom: str | None
    """The `since` with which a replay that is not complete is continued; null where it is."""


class ResponseSchema(TypedDict):
    """Which properties a `response` has: texts, numbers, and what is true or false."""

    type: Literal["object"]
    """That a response is an object."""
    properties: dict[str, Any]
    """What each property may be, by its name."""
    required: NotRequired[list[str]]
    """The properties that every response has."""


class Run(TypedDict):
    """A run as a client sees it. It fails automatically at `timeoutAt`."""

    id: str
    """The id, unique in its tenant; it never changes."""
    caseId: str
    """The case that it works on."""
    agentId: str
    """The agent that runs."""
    packId: str | None
    """The workflow that it runs; null where none was given."""
    version: str | None
    """The version of the workflow; null where none was given."""
    status: RunStatus
    """Where the run stands."""
    createdAt: str
    """When it was started or queued."""
    createdBy: str
    """Who started or queued it: an email address, or a subject."""
    updatedAt: str
    """When it was last changed."""
    startedAt: str | None
    """When it started; null while it is queued."""
    finishedAt: str | None
    """When it ended; null while it has not."""
    durationSeconds: float | None
    """How long it ran, in seconds; null while it has not ended."""
    timeoutAt: str | None
    """When it fails automatically if it still runs; null for never, and while it is queued."""
    input: Any
    """What the agent works on; null for nothing."""
    output: Any
    """What came of it; null for nothing."""
    errors: Any
    """What went wrong; null for nothing."""


class RunPage(TypedDict):
    """One page of runs."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    runs: list[Run]
    """The runs of this page."""
    nextPageToken: NotRequired[str | None]
    """The `pageToken` of the next page. Left out on the last one."""


class RunPatch(TypedDict):
    """A queued run's start, or a run's end with what came of it."""

    status: Literal["running", "completed", "failed", "cancelled"]
    """The new status."""
    output: NotRequired[Any]
    """What came of it. At most 262,144 bytes as JSON, nested at most 10 deep."""
    errors: NotRequired[Any]
    """What went wrong. At most 262,144 bytes as JSON, nested at most 10 deep."""


class Sampled(TypedDict):
    """How many rows the figures are about that earlier releases found from the last 300 only."""

    closed: int
    """How many cases were closed in the period. Where a type of decision is asked for, those of
    other types are among them.
    """
    decided: int
    """How many decisions `timeToDecide` and `pilots` are about: all of the period."""


class ScheduledRun(TypedDict):
    """A scheduled function: when it runs, and what it last did."""

    name: str
    """The function, as the end of its path."""
    cron: str
    """Its times, in UTC, as cron writes them."""
    last: LastRun | None
    """Its last run that changed something, of the last two days; null where there was none."""


class ScheduledRuns(TypedDict):
    """What runs automatically."""

    runs: list[ScheduledRun]
    """One for each scheduled function."""


class Settings(TypedDict):
    """A tenant's settings.

    Until the tenant changes them, every case is due within 72 hours, interventions are kept for 90
    days, runs fail after 10,080 minutes (7 days), no case is closed or removed automatically,
    claims hold until they are given up, and one person decides.
    """

    slaHours: dict[str, int]
    """Within how many hours a case is due, by type of decision; `default` is for the other types. A
    type without hours has no due date.
    """
    autoCloseDays: int | None
    """After how many days an approved case is closed automatically; null for never."""
    interventionRetentionDays: int
    """How many days an intervention is kept after it is done."""
    caseRetentionDays: int | None
    """How many days a case is kept after it is closed; null keeps it for ever."""
    runTimeoutMinutes: int | None
    """After how many minutes a run fails automatically, for runs that start from now on; null for
    never.
    """
    publicLog: bool
    """Whether everybody may read the log of the tenant's events, which has their hashes only."""
    trailPersonalDataDays: int | None
    """After how many days personal data and texts are erased from audit events whose case is closed
    and under no legal hold; null for never.
    """
    claimMinutes: int | None
    """For how many minutes a case or an intervention is held by who claims it, for claims from now
    on: after that, somebody else can claim it. Null: until they give it up.
    """
    approvalsRequired: dict[str, int]
    """How many people must approve an intervention at least, by its type; one where nothing is
    said. For what is asked from now on.
    """
    personFigures: bool
    """Whether pilots, admins and auditors see how much each person decided."""


class SettingsPatch(TypedDict):
    """Settings to change.

    In `slaHours` and `approvalsRequired` named types are changed, null removes one (RFC 7396).
    """

    slaHours: NotRequired[dict[str, Any]]
    """Within how many hours a case is due, by type of decision: the types that are named are
    changed, null removes one.
    """
    autoCloseDays: NotRequired[int | None]
    """After how many days an approved case is closed automatically; null for never."""
    interventionRetentionDays: NotRequired[int]
    """How many days an intervention is kept after it is done."""
    caseRetentionDays: NotRequired[int | None]
    """How many days a case is kept after it is closed; null keeps it for ever."""
    runTimeoutMinutes: NotRequired[int | None]
    """After how many minutes a run fails automatically, for runs that start from then on; null for
    never.
    """
    publicLog: NotRequired[bool]
    """Whether everybody may read the log of the tenant's events, which has their hashes only."""
    trailPersonalDataDays: NotRequired[int | None]
    """After how many days personal data and texts are erased from audit events whose case is closed
    and under no legal hold, for good; at least 30. Null for never.
    """
    claimMinutes: NotRequired[int | None]
    """For how many minutes a case or an intervention is held by who claims it, for claims from then
    on: after that, somebody else can claim it. Null: until they give it up.
    """
    approvalsRequired: NotRequired[dict[str, int | None]]
    """How many people must approve an intervention at least, by its type, from 1 to 5: the types
    that are named are changed, null removes one. For what is asked from then on.
    """
    personFigures: NotRequired[bool]
    """Whether pilots, admins and auditors see how much each person decided; with `false` nobody
    does.
    """


class Start(TypedDict):
    """That an agent is about to do what was approved."""

    actionHash: str
    """The hash of what it is about to do: the SHA-256, in hex, of the RFC 8785 form of its `tool`
    and `arguments`.
    """


class Sweep(TypedDict):
    """What one run did: documents looked at, changed, failed to change, and left as they are.

    `complete` is false where the run had no time left before it had looked at all that was due: the
    next run goes on from there.
    """

    examined: int
    """How many documents were looked at."""
    changed: int
    """How many were changed."""
    failed: int
    """How many could not be changed; the next run tries again."""
    skipped: int
    """How many were left as they are, because nothing was to be done."""
    complete: bool
    """Whether all that was due was looked at; if not, the next run goes on."""
    durationMs: int
    """How long the run took, in milliseconds."""


class SwitchProperty(TypedDict):
    """True or false."""

    title: NotRequired[str]
    """What people see as its name."""
    description: NotRequired[str]
    """What it is, in more words."""
    type: Literal["boolean"]
    """That it is true or false."""
    default: NotRequired[bool]
    """What a form begins with."""


class TextProperty(TypedDict):
    """A text; with `enum`, one of these."""

    title: NotRequired[str]
    """What people see as its name."""
    description: NotRequired[str]
    """What it is, in more words."""
    type: Literal["string"]
    """That it is a text."""
    minLength: NotRequired[int]
    """How many characters it has at least."""
    maxLength: NotRequired[int]
    """How many characters it has at most."""
    format: NotRequired[Literal["email", "uri", "date", "date-time"]]
    """What kind of text it is."""
    enum: NotRequired[list[str]]
    """The texts of which it is one."""
    enumNames: NotRequired[list[str]]
    """What people see for each of these."""
    default: NotRequired[str]
    """What a form begins with."""


class TimeToDecide(TypedDict):
    """How long people took to decide what has one priority, from the question to the decision."""

    priority: Priority
    """The priority."""
    decided: int
    """How many decisions this is about."""
    medianSeconds: float | None
    """Half of them took no longer than this, in seconds; null where nothing was decided. It is at
    most 11 % off, as are all medians and percentiles of figures.
    """
    percentile90Seconds: float | None
    """Nine in ten of them took no longer than this, in seconds; null where nothing was decided."""


class Unreadable(TypedDict):
    """A stored document that is not as this release stores it."""

    id: str
    """The id of the document."""
    problem: str
    """What is wrong with it: the first field that is, and how."""


class Verification(TypedDict):
    """Whether a subject's chain holds, and whether what is stored of it is what its events say.

    `purged` says that the subject itself is gone, past its retention; its events stay.
    """

    subject: str
    """Whose chain it is."""
    valid: bool
    """Whether the chain holds, and what is stored of the subject is what its events say."""
    events: int
    """How many events the chain has."""
    headHash: str
    """The hash of its last event, in hex; keep it elsewhere to notice if the end is cut off."""
    erasedValues: NotRequired[int | None]
    """How many values in its events were erased; each is proven by its digest alone. Left out where
    none was.
    """
    purged: NotRequired[bool | None]
    """`true` where the subject itself is gone, past its retention; its events stay. Otherwise left
    out.
    """
    log: NotRequired[LogPart | None]
    """What the log of the tenant has of the chain. Left out where nothing was sealed yet."""
    firstBroken: NotRequired[BrokenLink | None]
    """The first event that does not hold, or that the stored subject contradicts. Only where
    `valid` is false.
    """


class View(TypedDict):
    """A query under a name."""

    name: str
    """What the person calls it."""
    query: str
    """The query string, as it stands in the address."""


class ViewToSave(TypedDict):
    """A query to be kept under a name."""

    name: str
    """What the person calls it."""
    query: str
    """The query string, as it stands in the address: visible ASCII characters."""


class Views(TypedDict):
    """All views of a person, in the order that they gave them."""

    views: list[View]
    """The views."""


class ViewsToSave(TypedDict):
    """All views that a person wants to have, in their order."""

    views: list[ViewToSave]
    """The views, at most 50."""


class Webhook(TypedDict):
    """An endpoint. Its secret is shown when it is made or rotated, and never again."""

    id: str
    """The id, unique in its tenant; it never changes."""
    url: str
    """Where to, without path and query: they may be secrets."""
    events: list[str]
    """Of which events."""
    filter: dict[str, str | list[str]]
    """Only events for which this holds; empty for no condition."""
    description: str | None
    """What it is for; null for nothing."""
    format: str
    """What is sent."""
    createdAt: str
    """When it was made."""
    createdBy: str
    """Who made it."""
    updatedAt: str
    """When it was changed last."""
    disabledAt: str | None
    """Since when nothing is sent to it; null while it is not disabled."""
    disabledReason: str | None
    """Why: `by an admin`, or `gone` where it answered 410; null while it is not disabled."""
    previousSecretUntil: str | None
    """Until when the secret from before a rotation also signs; null where there is none."""


class WebhookPatch(TypedDict):
    """What to change of an endpoint."""

    url: NotRequired[str]
    """Where to, as for a new endpoint."""
    events: NotRequired[list[str]]
    """Of which events, as for a new endpoint."""
    filter: NotRequired[EventFilter | None]
    """Only events for which this holds; null for no condition."""
    description: NotRequired[str | None]
    """What it is for; null for nothing."""
    format: NotRequired[Literal["standard", "slack"]]
    """What is sent."""
    disabled: NotRequired[bool]
    """With `true` nothing more is sent to it; with `false` what happens from then on is."""


class Webhooks(TypedDict):
    """All endpoints of the tenant, the oldest first."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    webhooks: list[Webhook]
    """The endpoints, at most 20."""


class Why(TypedDict):
    """The reason for what is done."""

    reason: str
    """Why. It is kept in the audit event."""


class Withdrawal(TypedDict):
    """That a question needs no answer any more."""

    reason: NotRequired[str | None]
    """Why; events and `actionReason` show it."""


class Worksheet(TypedDict):
    """A worksheet as a client sees it."""

    caseId: str
    """The case that it is about."""
    userId: str
    """Whose it is: the `sub` of their token."""
    problemStatement: str
    """The user's statement of the problem."""
    fsrNotes: str
    """The user's notes."""
    sharedWith: Literal["none", "read", "write"]
    """What its owner has opened it for, to collaborators who have that permission on the case:
    `none`, `read` or `write`.
    """
    createdAt: str
    """When it was first saved."""
    updatedAt: str
    """When it was last saved with other texts."""


class WorksheetPage(TypedDict):
    """One page of worksheets."""

    unreadable: NotRequired[list[Unreadable] | None]
    """Rows of this page that cannot be read, which the list itself leaves out."""
    worksheets: list[Worksheet]
    """The worksheets of this page."""
    nextPageToken: NotRequired[str | None]
    """The `pageToken` of the next page. Left out on the last one."""


class WorksheetSaved(TypedDict):
    """What became of one worksheet of a batch."""

    caseId: str
    """The case that the worksheet is about."""
    ok: bool
    """Whether the worksheet is saved."""
    updatedAt: NotRequired[str | None]
    """When it was last saved with other texts. Only where `ok` is true."""
    error: NotRequired[Problem | None]
    """Why it is not saved, as the error that it would have got alone. Only where `ok` is false."""


class WorksheetToSave(TypedDict):
    """A worksheet's texts, and whom its owner opens it to."""

    problemStatement: NotRequired[str]
    """The user's statement of the problem. Where it is not given, it becomes empty, unless only
    `sharedWith` is.
    """
    fsrNotes: NotRequired[str]
    """The user's notes. Where they are not given, they become empty, unless only `sharedWith` is.
    """
    sharedWith: NotRequired[Literal["none", "read", "write"]]
    """What the worksheet is open for, to collaborators who have that permission on the case: `none`
    (only its owner sees it), `read` or `write`. Only its owner changes it; where it is not given,
    it stays as it is, at first `none`.
    """


class WorksheetsSaved(TypedDict):
    """What became of a batch, row by row in the order sent."""

    results: list[WorksheetSaved]
    """One for each row, in the order sent."""
    succeeded: int
    """How many have `ok`: true."""
    failed: int
    """How many have `ok`: false."""


class WorksheetsToSave(TypedDict):
    """Worksheets of one user, at most 100."""

    worksheets: list[WorksheetRow]
    """The worksheets, one for each case."""


class WorksheetRow(WorksheetToSave):
    """A worksheet as it is to be saved, with the case it is about."""

    caseId: str
    """The case that the worksheet is about."""


class Evidence(EvidenceContent):
    """An item as a client sees it; its version is its case's."""

    includedInPacket: bool
    """Whether the item is in the packet."""
    addedAt: str
    """When it was attached."""
    addedBy: str
    """Who attached it: an email address, or a subject."""


class MadeKey(Key):
    """A key that was made."""

    key: NotRequired[str | None]
    """The key itself, to send as `Authorization: Bearer`. It is shown in this answer only, and
    nobody can look it up later. Left out where `notice` says why.
    """
    notice: NotRequired[str | None]
    """Said instead of `key` where the request was repeated: the key was shown in the first answer.
    Who has lost it revokes it, and makes another one, with another `Idempotency-Key`.
    """


class WebhookWithSecret(Webhook):
    """An endpoint, with the secret that signs what is sent to it."""

    secret: str | None
    """`whsec_` and 32 random bytes in Base64. Keep it: it is not shown again. Null where the
    request is repeated with its `Idempotency-Key` after the secret was rotated again.
    """


class CaseToImport(NewCase):
    """A case as another system had it. Of each row of a source there is one case, once."""

    source: str
    """The system that it comes from, such as `jira`. With `rowKey` it says which row this is."""
    rowKey: str
    """What the row is called there: its number or its key, not a name of a person. A row that was
    imported before is not imported again.
    """
    createdAt: str
    """When the case was opened there; not in the future."""
    status: NotRequired[Literal["new", "in_review", "needs_info", "blocked", "closed"]]
    """Where it stands. A case is approved here only, so it is imported as `in_review`, or closed.
    Default: `"new"`.
    """
    closedAt: NotRequired[str | None]
    """When it was closed; without it a closed case was closed when it is imported."""
    reason: NotRequired[str | None]
    """Why it has this status."""
    history: NotRequired[list[HistoryItem]]
    """What happened there. Each is an event `imported` in the case's trail, the oldest first."""


class FullCase(Case):
    """A case with its evidence, and the holds on it; without them where the basic view is asked."""

    evidence: NotRequired[list[Evidence] | None]
    """The evidence in its order. Only in the view `full`."""
    evidenceNextPageToken: NotRequired[str | None]
    """The `pageToken` that gets the rest from the list of the case's evidence. Only where there is
    more.
    """
    holds: NotRequired[list[Hold] | None]
    """The legal holds on the case. Only in the view `full`."""
    evidenceUnreadable: NotRequired[list[Unreadable] | None]
    """Items of evidence that cannot be read, which `evidence` leaves out."""


class Terms(TypedDict, total=False):
    """What a question may say besides, by Python's names: see `NewIntervention`."""

    decisions: list[Literal["approve", "edit", "reject", "respond"]] | None
    """Which decisions people may make. By default `approve`, `edit` and `reject` for an action;
    `approve`, `respond` and `reject` for a clarification; otherwise `approve` and `reject`.
    """
    response_schema: ResponseSchema | None
    """What a `response` must look like, as MCP's elicitation describes it; at most 8,192 bytes."""
    act_within_seconds: int | None
    """For how many seconds after its approval the action may be started; without it, there is no
    limit.
    """
    priority: Priority | None
    """How urgent it is. Without it a kill switch is critical, and everything else normal."""
    description: str | None
    """The question in more words."""
    context: Any
    """Data that people need to decide. At most 65,536 bytes as JSON, nested at most 10 deep."""
    case_id: str | None
    """The case that it is about."""
    run_id: str | None
    """The run of the case that asks; its open interventions are withdrawn when it ends."""
    expires_at: str | None
    """From when on a decision is too late. Not together with `expiresInSeconds`."""
    expires_in_seconds: int | None
    """In how many seconds a decision is too late. Not together with `expiresAt`; without both it
    never is.
    """
    required_role: Literal["verifier", "pilot", "admin"]
    """Which role the decider needs at least. Default: `"pilot"`."""
    approvals_required: int | None
    """How many different people must approve, from 1 to 5. It is never less than the tenant's
    setting for the type.
    """
    raise_priority: bool
    """Whether the priority rises by one step with each reminder, at 50 % and 90 % of the time to
    decide. It comes with `expiresAt` or `expiresInSeconds`. Default: `false`.
    """
