"""What is going on in the demo tenant now: the cases of its queue, and the questions that wait.

Times are hours before or after now.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from local.demo_actions import of_actions
from local.demo_cases import APPROVED, OPEN
from local.demo_play import SCHEDULER, Act, Step
from local.demo_questions import (
    ADDRESS,
    BENEFICIARY,
    INSPECTION,
    LETTERS,
    SIGNATURE,
    SWITCH,
    WAITING,
)
from local.demo_steps import (
    adding,
    asking,
    attaching,
    claiming,
    deciding,
    ending,
    handing_over,
    holding,
    holding_question,
    noting,
    opening,
    packing,
    patching,
    reopening,
    running,
    saving,
    withdrawing,
)
from local.demo_texts import SMITH, SMITH_LATER

SARAH = "CASE-2024-001"
_STOOD = 2.2
"""How long the clock of her case stood for an answer; it stood an hour more while it was done."""
_LEFT = 3.05

_QUEUE: tuple[tuple[str, float, float, str | None, str], ...] = (
    ("CASE-2024-002", 30, 26, "vera", "in_review"),
    ("CASE-2024-004", 26.23, -2.23, "vera", "in_review"),
    ("CASE-2024-005", 19.6, 4.37, None, "new"),
    ("67890", 72.1, -0.1, None, "new"),
    ("CASE-2024-019", 96.8, -0.8, "paul", "in_review"),
    ("CASE-2024-023", 41.4, 6.6, "nora", "in_review"),
    ("CASE-2024-024", 39.1, 8.9, None, "new"),
    ("CASE-2024-027", 5, 43, None, "new"),
    ("CASE-2024-028", 3, 93, "nora", "in_review"),
    ("CASE-2024-030", 7, 50, "paul", "in_review"),
    ("CASE-2024-031", 4, 20, None, "new"),
    ("CASE-2024-032", 6, 42, None, "new"),
    ("CASE-2024-033", 66, 30, "nora", "in_review"),
)
"""Cases with when they were opened, when they are due, who has them, and their status."""
_ATTACHED = ("CASE-2024-002", "CASE-2024-004", "CASE-2024-005", "CASE-2024-019", "CASE-2024-023")


class _Told:
    """The steps so far, with their times as hours from now."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.steps: list[Step] = []

    def at(self, hours: float) -> datetime:
        """The time so many hours from now."""
        return self.now + timedelta(hours=hours)

    def add(self, hours: float, who: str, *acts: Act) -> None:
        """Has somebody do one thing after the other, 20 seconds apart."""
        begun = self.at(hours)
        self.steps += [
            Step(begun + place * timedelta(seconds=20), who, act) for place, act in enumerate(acts)
        ]


def of_today(now: datetime) -> list[Step]:
    """What was done to the cases that are open or approved now, and the questions that wait."""
    told = _Told(now)
    _queue(told)
    _sarah(told)
    _paused(told)
    _approved(told)
    _questions(told)
    of_actions(told.add)
    return told.steps


def _queue(told: _Told) -> None:
    for case_id, ago, due, who, status in _QUEUE:
        about = OPEN[case_id]
        told.add(-ago, "intake", opening(case_id, about, dueAt=told.at(due)))
        if case_id in _ATTACHED:
            told.add(-ago + 0.02, "intake", attaching(case_id, about))
        if who:
            told.add(
                -ago + min(2, ago / 2), who, claiming(case_id), patching(case_id, status=status)
            )
    branch = {"status": "blocked", "reason": "Waiting for the branch's answer"}
    told.add(-0.07, "vera", patching("CASE-2024-004", **branch))
    told.add(-3, "alex", holding("CASE-2024-004", "Subpoena of the district court, 2026-1188"))
    marshal = {"status": "blocked", "reason": "The fire marshal's certificate is not there yet"}
    told.add(-20, "nora", patching("CASE-2024-033", **marshal))
    told.add(-0.2, "paul", noting("CASE-2024-019", "Called the pharmacy: the vault is sealed."))


def _sarah(told: _Told) -> None:
    """The case that the documents speak of."""
    due = told.at(_LEFT - _STOOD - 1)
    told.add(-23.3, "intake", opening(SARAH, OPEN[SARAH], dueAt=due))
    told.add(-23.29, "intake", running(SARAH, "run-001", "intake", "csf-intake", "3.0.2"))
    told.add(-23.28, "intake", adding(SARAH, SMITH[0], SMITH[1], SMITH[3]))
    requirements = handing_over(
        SARAH, "run-001", "requirements", "What the rule asks for", met=12, open=1
    )
    told.add(-23.27, "intake", requirements, ending(SARAH, "run-001", requirements=13))
    told.add(-23, "vera", claiming(SARAH), patching(SARAH, status="in_review"))
    told.add(-22.8, "vera", packing(SARAH, "oac", "cfr", "licence"))
    told.add(-22.5, "intake", asking("csf-intake-001", ADDRESS, SARAH))
    told.add(-22.3, "nora", deciding("csf-intake-001", ADDRESS, agreed=True))
    told.add(-21.5, "vera", patching(SARAH, status="approved"))
    told.add(-20.5, "paul", reopening(SARAH, "The practice's web site names a third site"))
    told.add(-20.4, "checker", adding(SARAH, SMITH[2]))
    told.add(-20, "alex", holding(SARAH, "Inquiry of the board, 2026-17"))
    told.add(-3.3, "vera", adding(SARAH, *SMITH_LATER))
    told.add(-3.2, "vera", packing(SARAH, "oac", "cfr", "dea", "agreement"))
    told.add(-2.9, "vera", noting(SARAH, "Asked the practice about the site in Dublin"))
    told.add(-2.88, "vera", patching(SARAH, status="needs_info"))
    told.add(-2.88 + _STOOD, "vera", patching(SARAH, status="in_review"))
    told.add(-0.32, "checker", running(SARAH, "run-002", "checker", "csf-recheck", "1.4.0"))
    for title in ("Signature date is missing on page 3", "Third site isn't in the agreement"):
        told.add(-0.3, "checker", handing_over(SARAH, "run-002", "finding", title, severity="high"))
    told.add(
        -0.28,
        "checker",
        asking("csf-recheck-002", SIGNATURE, SARAH, expires=timedelta(hours=1), runId="run-002"),
    )
    told.add(
        -0.02,
        "vera",
        saving(
            SARAH,
            "The third site (Dublin) is on the web page and not in the agreement. "
            "Ask before approving.",
            "Called the practice, Ms. Adeyemi. The Dublin site opens in January; they will leave "
            "it out.",
        ),
    )


def _paused(told: _Told) -> None:
    """Cases whose clock stands, with so many hours left."""
    for case_id, who, ago, stands, left in (
        ("CASE-2024-003", "vera", 60, 0.12, 9.7),
        ("CASE-2024-016", "nora", 47, 20, 22.1),
    ):
        opened = opening(case_id, OPEN[case_id], dueAt=told.at(left - stands))
        told.add(-ago, "intake", opened, attaching(case_id, OPEN[case_id]))
        told.add(-ago + 5, who, claiming(case_id), patching(case_id, status="in_review"))
        told.add(-stands, who, patching(case_id, status="needs_info"))
        told.add(-stands + 0.03, who, noting(case_id, "Wrote to the applicant"))


def _approved(told: _Told) -> None:
    """Cases that were approved; the packet of one of them was frozen twice, and differs."""
    for place, (case_id, about) in enumerate(APPROVED.items()):
        ago = 150 - 20 * place
        who = ("vera", "nora", "paul", "vera")[place]
        told.add(-ago, "intake", opening(case_id, about), attaching(case_id, about))
        told.add(-ago + 4, who, claiming(case_id), patching(case_id, status="in_review"))
        told.add(-ago + 20, who, patching(case_id, status="approved"))
    again = "CASE-2024-021"
    told.add(-90, "paul", reopening(again, "The floor plan is not the one that was inspected"))
    told.add(-80, "nora", packing(again, "inspection", "oac", "plan"))
    told.add(-72, "nora", patching(again, status="approved"))


def _questions(told: _Told) -> None:
    for place, (name, case_id, left, question) in enumerate(WAITING):
        ago = 0.4 + place
        expires = None if left is None else timedelta(hours=left + ago)
        told.add(-ago, question.agent, asking(name, question, case_id, expires=expires))
    told.add(-0.3, "paul", holding_question("branch-12"))
    told.add(-0.33, "checker", asking("csf-recheck-019", INSPECTION, "CASE-2024-019"))
    told.add(-0.31, "paul", deciding("csf-recheck-019", INSPECTION, agreed=False))
    ended = timedelta(hours=1)
    told.add(
        -1.6, "checker", asking("aml-screening-31", BENEFICIARY, "CASE-2024-027", expires=ended)
    )
    told.add(-0.58, SCHEDULER, lambda desk: desk.expire())
    told.add(-5.2, "intake", asking("csf-intake-023", ADDRESS, "CASE-2024-023"))
    told.add(-5.1, "intake", withdrawing("csf-intake-023", "The applicant has called"))
    told.add(
        -0.5, "watchdog", running("CASE-2024-002", "run-118", "watchdog", "csf-letters", "2.3.1")
    )
    told.add(
        -0.03,
        "watchdog",
        asking(
            "csf-letters-118",
            SWITCH,
            "CASE-2024-002",
            expires=timedelta(minutes=30),
            context=LETTERS,
            runId="run-118",
        ),
    )
