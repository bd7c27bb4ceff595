"""Cases: opening, finding, working on, closing and counting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from shared.edge.function import Call, Reply, function
from shared.errors import ApiError, InvalidArgument, NotFound
from shared.ledger.subjects import etag
from shared.models import case_batches, case_queries
from shared.models import preserved as preserved_models
from shared.models.base import Id, Problem, UserId
from shared.models.case import (
    Case,
    CasePage,
    CasePatch,
    CaseStanding,
    CaseStandings,
    CaseStats,
    CasesToCheck,
    CaseToValidate,
    CaseView,
    FullCase,
    NewCase,
    StoredCase,
    Why,
)
from shared.models.roles import Role
from shared.models.sharing import Hold, PermissionGiven
from shared.repository import case_rows, cases, collaborators, evidence, holds, preserved, standings
from shared.repository.reading import readable
from shared.rules import cases as case_rules
from shared.rules import disclosures, people
from shared.rules import holds as hold_rules
from shared.rules.callers import (
    ADMINS,
    CONTRIBUTORS,
    OVERSEEING,
    PEOPLE,
    PILOTS,
    READERS,
    VERIFIERS,
)

if TYPE_CHECKING:
    from shared.ledger.decision import Recorded

B = TypeVar("B", bound="case_batches.CaseClosings")


@function("POST", "/cases", roles=CONTRIBUTORS, code=201)
def create_case(call: Call, body: NewCase) -> Reply[Case]:
    """Opens a case. Without `dueAt`, the tenant's SLA hours for its type set the due date."""
    return _reply(call, cases.create(call.ledger, body, call.settings), created=True)


@function("GET", "/cases/{caseId}", roles=READERS)
def get_case(call: Call, case_id: Id, query: CaseView) -> Reply[FullCase]:
    """Gives one case; with `view=full` also its evidence and the holds on it.

    Where the evidence is larger than 8 MiB, `evidenceNextPageToken` gets the rest of it from the
    list of the case's evidence.
    """
    case = case_rows.get(call.store, call.tenant, case_id)
    row = case_rules.shown_row(case_id, case.to_data(), call.now)
    shown = FullCase.model_validate(row, strict=False, by_name=False)
    if query.view == "full":
        parts, token, bad = evidence.whole(call.store, call.tenant, case_id, case)
        more = {
            "evidence": parts,
            "evidence_next_page_token": token,
            "evidence_unreadable": bad,
            "holds": hold_rules.shown(case),
        }
        shown = shown.model_copy(update=more)
    return Reply(shown, etag=etag(case))


@function("GET", "/cases", roles=READERS)
def list_cases(call: Call, query: case_queries.CaseQuery) -> CasePage:
    """Lists cases: newest first, or with `sort=dueAt` or `overdue` those that are due first."""
    rows, token = case_rows.listed(call.store, call.caller, query, call.now)
    shown, bad = readable(rows, lambda row: case_rules.shown_row(row.id, row.data, call.now))
    return CasePage.model_construct(cases=shown, next_page_token=token, unreadable=bad)


@function("PATCH", "/cases/{caseId}", roles=VERIFIERS)
def update_case(call: Call, case_id: Id, body: CasePatch) -> Reply[Case]:
    """Changes the fields of a case that are given; null clears a field.

    Only the assignee, a pilot or an admin takes a case from its assignee. An approved case keeps
    all fields but its status and its assignee, a closed one all of them: reopen it to change
    others.
    A case on which interventions or runs are open is not closed (409, which names them), unless
    `endOpen` says to withdraw and cancel them in the same commit.
    """
    return _reply(call, cases.update(call.ledger, call.caller, case_id, body))


@function("POST", "/cases/{caseId}:claim", roles=VERIFIERS)
def claim_case(call: Call, case_id: Id) -> Reply[Case]:
    """Assigns an unassigned case to the caller. An assigned one gets 409, naming the assignee."""
    return _reply(call, cases.claim(call.ledger, case_id))


@function("POST", "/cases:claimNext", roles=VERIFIERS)
def claim_next_case(call: Call, query: case_queries.ClaimQuery) -> Reply[Case]:
    """Claims the unassigned open case of a queue that is due first."""
    if query.assigned_to is not None:
        raise InvalidArgument.field("assignedTo", "a case that is assigned cannot be claimed")
    for status in case_rules.DONE.intersection(query.status or ()):
        raise InvalidArgument.field("status", f"a case that is {status} cannot be claimed")
    return _reply(call, cases.claim_next(call.ledger, query))


@function("POST", "/cases/{caseId}:reopen", roles=PILOTS)
def reopen_case(call: Call, case_id: Id, body: Why) -> Reply[Case]:
    """Reopens an approved or closed case: it is in review again."""
    return _reply(call, cases.reopen(call.ledger, case_id, body.reason))


@function("DELETE", "/cases/{caseId}", roles=ADMINS, code=204)
def delete_case(call: Call, case_id: Id) -> Reply[None]:
    """Deletes a case. Its audit trail stays, and its id cannot be used again.

    Interventions about it that are open are withdrawn.
    """
    return Reply(None, replayed=cases.delete(call.ledger, case_id).replayed)


@function("GET", "/cases:stats", roles=READERS, expensive=True)
def case_stats(call: Call) -> CaseStats:
    """Counts cases: by status, overdue, waiting, unassigned, the caller's own ones; and events."""
    me = people.keys(call.caller.actor)
    return standings.stats(call.store, call.tenant, me, call.now)


@function("GET", "/cases:validate", roles=READERS)
def validate_case(call: Call, query: CaseToValidate) -> CaseStanding:
    """Says whether a case exists, and whether it is open."""
    (standing,) = standings.standings(call.store, call.tenant, [query.case_id])
    if not standing.valid:
        details = [standing.model_dump(by_alias=True)]
        raise NotFound(f"case number {query.case_id} does not exist", details)
    return standing


@function("POST", "/cases:check", roles=READERS, expensive=True)
def check_cases(call: Call, body: CasesToCheck) -> CaseStandings:
    """Says for many case ids whether the cases exist and are open, in the order asked."""
    return CaseStandings(results=standings.standings(call.store, call.tenant, body.case_ids))


@function("POST", "/cases:close", roles=PILOTS | {Role.AGENT}, expensive=True)
def close_cases(call: Call, body: case_batches.CasesToClose) -> Reply[case_batches.CaseClosings]:
    """Closes many cases for one reason, each by the rules of a single one; gives each result.

    `endOpen` is for all of them.
    """
    outcomes = cases.close_many(call.ledger, body.case_ids, body.reason, end_open=body.end_open)
    return _batch(case_batches.CaseClosings, body, outcomes)


@function("POST", "/cases:update", roles=VERIFIERS, expensive=True)
def update_cases(call: Call, body: case_batches.CasesToUpdate) -> Reply[case_batches.CaseUpdates]:
    """Changes many cases in the same way, each by the rules of a single one; gives each result."""
    return _batch(case_batches.CaseUpdates, body, cases.update_many(call.ledger, call.caller, body))


@function("PUT", "/cases/{caseId}/collaborators/{userId}", roles=PEOPLE)
def set_collaborator(
    call: Call, case_id: Id, user_id: UserId, body: PermissionGiven
) -> Reply[Case]:
    """Gives a user the permission to read, write or administer what is shared on a case."""
    return _reply(
        call, collaborators.share(call.ledger, call.caller, case_id, user_id, body.permission)
    )


@function("DELETE", "/cases/{caseId}/collaborators/{userId}", roles=PEOPLE, code=204)
def remove_collaborator(call: Call, case_id: Id, user_id: UserId) -> Reply[None]:
    """Removes a user's permission on a case."""
    recorded = collaborators.share(call.ledger, call.caller, case_id, user_id, None)
    return Reply(None, replayed=recorded.replayed)


@function("POST", "/cases/{caseId}/holds", roles=ADMINS, code=201)
def place_hold(call: Call, case_id: Id, body: Why) -> Reply[Hold]:
    """Places a legal hold: while a case has one, nothing that belongs to it is deleted."""
    recorded = holds.place_hold(call.ledger, case_id, body.reason)
    placed = recorded.happened.meta["hold"]
    if placed == disclosures.ERASED:
        # Nothing is erased under a hold, so it has been released.
        raise NotFound("the hold that this request placed does not exist any more")
    hold = hold_rules.shown_hold(placed)
    return Reply(
        hold,
        location=f"/v1/cases/{recorded.name}/holds/{hold.id}",
        replayed=recorded.replayed,
    )


@function("POST", "/cases/{caseId}/holds/{holdId}:release", roles=ADMINS)
def release_hold(call: Call, case_id: Id, hold_id: Id, body: Why) -> Reply[Case]:
    """Releases one legal hold; the case stays held while it has others."""
    return _reply(call, holds.release_hold(call.ledger, case_id, hold_id, body.reason))


@function("GET", "/cases/{caseId}/preserved", roles=OVERSEEING)
def list_preserved(
    call: Call, case_id: Id, query: preserved_models.PreservedQuery
) -> preserved_models.PreservedPage:
    """Lists what was changed or removed while a case was under a legal hold, newest first."""
    rows, token = preserved.listed(call.store, call.tenant, case_id, query, call.now)
    shown, bad = readable(rows, preserved.shown_row)
    return preserved_models.PreservedPage.model_construct(
        preserved=shown, next_page_token=token, unreadable=bad
    )


def _batch(model: type[B], body: case_batches.ManyCases, outcomes: cases.Outcomes) -> Reply[B]:
    results = [
        case_batches.CaseClosing(case_id=case_id, ok=False, error=Problem(**outcome.body()))
        if isinstance(outcome, ApiError)
        else case_batches.CaseClosing(case_id=case_id, ok=True)
        for case_id, outcome in zip(body.case_ids, outcomes, strict=True)
    ]
    succeeded = sum(result.ok for result in results)
    told = model(results=results, succeeded=succeeded, failed=len(results) - succeeded)
    done = [outcome for outcome in outcomes if not isinstance(outcome, ApiError)]
    return Reply(told, replayed=bool(done) and all(one.replayed for one in done))


def _reply(call: Call, recorded: Recorded[StoredCase], *, created: bool = False) -> Reply[Case]:
    return Reply(
        case_rules.shown(recorded.name, recorded.current, call.now),
        etag=etag(recorded.current),
        location=f"/v1/cases/{recorded.name}" if created else None,
        replayed=recorded.replayed,
    )
