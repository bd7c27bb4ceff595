"""What people and agents of the demo tenant can do, each as one request to the API would."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from local.demo_cases import About
from local.demo_play import Act, Desk, made
from local.demo_questions import Question
from local.demo_texts import EVIDENCE
from shared.errors import FailedPrecondition
from shared.models.actions import NewAction
from shared.models.case import CasePatch, NewCase
from shared.models.events import NewEvent
from shared.models.evidence import EvidenceToPut, NewEvidence
from shared.models.intervention import Completion, DecisionGiven, NewIntervention
from shared.models.record import NewRecord
from shared.models.run import NewRun, RunPatch
from shared.models.worksheet import WorksheetToSave
from shared.repository import (
    cases,
    evidence,
    holds,
    interventions,
    questions,
    records,
    runs,
    worksheets,
)
from shared.rules.actions import hash_of


def opening(case_id: str, about: About, **fields: Any) -> Act:
    """Opens a case."""
    new = made(
        NewCase,
        id=case_id,
        decisionType=about.decision_type,
        title=about.title,
        summary=about.summary,
        severity=about.severity,
        tags=list(about.tags),
        submissionId=f"S-{case_id[-3:]}",
        **fields,
    )
    return lambda desk: cases.create(desk.ledger, new, desk.settings)


def claiming(case_id: str) -> Act:
    """Takes a case that nobody has."""
    return lambda desk: cases.claim(desk.ledger, case_id, desk.settings)


def patching(case_id: str, **fields: Any) -> Act:
    """Changes fields of a case."""
    patch = made(CasePatch, **fields)
    return lambda desk: cases.update(desk.ledger, desk.caller, case_id, patch)


def reopening(case_id: str, reason: str) -> Act:
    """Reopens a case."""
    return lambda desk: cases.reopen(desk.ledger, case_id, reason)


def holding(case_id: str, reason: str) -> Act:
    """Places a legal hold."""
    return lambda desk: holds.place_hold(desk.ledger, case_id, reason)


def noting(case_id: str, message: str, event_type: str = "note_added") -> Act:
    """Reports an event."""
    new = made(NewEvent, eventType=event_type, message=message)
    return lambda desk: cases.report(desk.ledger, case_id, new)


def attaching(case_id: str, about: About) -> Act:
    """Attaches the evidence that a case of its type has, most of it to the packet."""
    name = about.title.partition(":")[0]
    items = [
        {**one, "snippet": one["snippet"].format(name=name), "includedInPacket": place < 3}  # noqa: PLR2004
        for place, one in enumerate(EVIDENCE[about.decision_type])
    ]
    return adding(case_id, *items)


def adding(case_id: str, *items: dict[str, Any]) -> Act:
    """Attaches items of evidence."""
    new = [made(NewEvidence, **one) for one in items]
    return lambda desk: evidence.add(desk.ledger, case_id, new)


def packing(case_id: str, *names: str) -> Act:
    """Chooses and orders what is in the packet."""
    body = made(EvidenceToPut, packetEvidenceIds=list(names))
    return lambda desk: evidence.put(desk.ledger, case_id, body)


def asking(
    name: str,
    question: Question,
    case_id: str | None = None,
    *,
    expires: timedelta | None = None,
    **fields: Any,
) -> Act:
    """Asks people; `name` is what the later steps call the question by."""
    new = made(
        NewIntervention,
        uowId=name,
        type=question.kind,
        priority=question.priority,
        title=question.title,
        description=question.description,
        caseId=case_id,
        requiredRole=question.role,
        expiresInSeconds=None if expires is None else round(expires.total_seconds()),
        **fields,
    )

    def asked(desk: Desk) -> None:
        recorded = questions.create(desk.ledger, desk.caller, new, desk.settings)
        desk.names[name] = recorded.name

    return asked


def holding_question(name: str) -> Act:
    """Claims a question."""
    return lambda desk: interventions.claim(
        desk.ledger, desk.caller, desk.names[name], desk.settings
    )


def deciding(name: str, question: Question, *, agreed: bool) -> Act:
    """Decides a question; an answer in words is for a clarification."""
    text = question.yes if agreed else question.no
    answers = agreed and question.kind == "clarification"
    return _giving(
        name,
        decision="approve" if agreed else "reject",
        reason=None if answers else text,
        response={"text": text} if answers else None,
    )


def approving(name: str) -> Act:
    """Approves what was asked."""
    return _giving(name, decision="approve")


def editing(name: str, arguments: dict[str, Any], reason: str) -> Act:
    """Approves an action with other arguments."""
    return _giving(name, decision="edit", arguments=arguments, reason=reason)


def _giving(name: str, **decision: Any) -> Act:
    given = made(DecisionGiven, **decision)
    return lambda desk: interventions.decide(desk.ledger, desk.caller, desk.names[name], given)


def starting(name: str, tool: str, arguments: dict[str, Any], *, too_late: bool = False) -> Act:
    """Starts an action as it was approved; `too_late`, it is refused, and the approval lapses."""
    action_hash = hash_of(made(NewAction, tool=tool, arguments=arguments)) or ""

    def started(desk: Desk) -> None:
        with contextlib.suppress(*([FailedPrecondition] if too_late else [])):
            interventions.start(desk.ledger, desk.caller, desk.names[name], action_hash)

    return started


def completing(name: str) -> Act:
    """Says that a decision was acted on."""
    done = made(Completion, result={"done": True})
    return lambda desk: interventions.complete(desk.ledger, desk.caller, desk.names[name], done)


def withdrawing(name: str, reason: str) -> Act:
    """Takes a question back."""
    return lambda desk: interventions.withdraw(desk.ledger, desk.caller, desk.names[name], reason)


def running(case_id: str, run_id: str, agent: str, pack: str, version: str) -> Act:
    """Starts a run."""
    new = made(NewRun, id=run_id, agentId=agent, packId=pack, version=version)
    return lambda desk: runs.start(desk.ledger, case_id, new, desk.settings)


def ending(case_id: str, run_id: str, status: str = "completed", **output: Any) -> Act:
    """Ends a run."""
    patch = made(RunPatch, status=status, output=output or None)
    return lambda desk: runs.update(desk.ledger, case_id, run_id, patch, None)


def handing_over(case_id: str, run_id: str | None, kind: str, title: str, **data: Any) -> Act:
    """Adds a record."""
    new = made(NewRecord, kind=kind, title=title, data=data, runId=run_id)
    return lambda desk: records.add(desk.ledger, case_id, new)


def saving(case_id: str, statement: str, notes: str) -> Act:
    """Saves one's own worksheet."""
    texts = made(WorksheetToSave, problemStatement=statement, fsrNotes=notes)
    return lambda desk: worksheets.save(desk.ledger, case_id, desk.caller.subject, texts)
