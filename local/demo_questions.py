"""What the agents of the demo tenant ask, and how people answer. All of it is invented."""

from __future__ import annotations

from typing import Any, NamedTuple

from local.demo_cases import ALERT, FACILITY, FIELD, PRACTITIONER


class Question(NamedTuple):
    """What an agent asks, and how people answer."""

    kind: str
    priority: str
    title: str
    agent: str
    yes: str
    no: str
    role: str = "verifier"
    description: str | None = None


QUESTIONS: dict[str, tuple[Question, ...]] = {
    PRACTITIONER: (
        Question(
            "clarification",
            "normal",
            "Which of the two addresses is the practice?",
            "intake",
            "The one in Columbus.",
            "Ask the applicant; the register has both.",
        ),
        Question(
            "waive_violation",
            "high",
            "Waive the signature date on page 3?",
            "checker",
            "The date is on page 1, and the pages are bound.",
            "The rule has no exception.",
            "pilot",
        ),
        Question(
            "resume",
            "low",
            "Go on without the photograph?",
            "intake",
            "A photograph is not required.",
            "Ask for it once more.",
        ),
    ),
    FACILITY: (
        Question(
            "waive_violation",
            "high",
            "Waive the inspection?",
            "checker",
            "The last one was nine weeks ago.",
            "The rule has no exception.",
            "pilot",
        ),
        Question(
            "resume",
            "normal",
            "Resume after the register came back?",
            "intake",
            "The register answers again.",
            "Wait until the board confirms the outage is over.",
        ),
    ),
    ALERT: (
        Question(
            "clarification",
            "normal",
            "Which beneficiary is meant?",
            "checker",
            "The company, not its director.",
            "It cannot be told from the documents.",
        ),
        Question(
            "resume",
            "high",
            "File the report today?",
            "checker",
            "The facts are complete.",
            "The branch has not answered yet.",
            "pilot",
        ),
        Question(
            "kill_switch",
            "critical",
            "Stop the import? It doubles rows",
            "watchdog",
            "Stopped; the rows were taken out.",
            "The rows are corrections.",
            "pilot",
        ),
    ),
    FIELD: (
        Question(
            "cancel",
            "normal",
            "Cancel the visit of Friday?",
            "intake",
            "The part comes on Monday.",
            "The customer waits for it.",
        ),
        Question(
            "clarification",
            "low",
            "Is the spare part under warranty?",
            "intake",
            "Yes, until the end of the year.",
            "The invoice is missing.",
        ),
    ),
}
"""By the type of decision of the case that it is about."""

SWITCH = Question(
    "kill_switch",
    "critical",
    "Stop letter-writer and hold its 38 letters?",
    "watchdog",
    "Stopped.",
    "The letters are right.",
    "pilot",
    "11 of the last 40 letters name a certificate that isn't the addressee's. The numbers are one "
    "row off since the import at noon. Undecided, it expires, and the letters go out.",
)
SIGNATURE = Question(
    "waive_violation", "high", "Waive the signature date on page 3?", "checker", "", "", "pilot"
)
ADDRESS = Question(
    "clarification",
    "normal",
    "Which of the two addresses is the practice?",
    "intake",
    "The one in Columbus.",
    "",
    "verifier",
)
INSPECTION = Question(
    "waive_violation",
    "high",
    "Waive the inspection?",
    "checker",
    "",
    "The rule has no exception.",
    "pilot",
)
WAITING: tuple[tuple[str, str | None, float | None, Question], ...] = (
    (
        "branch-12",
        "CASE-2024-004",
        1.4,
        Question("resume", "high", "File the report on branch 12 today?", "checker", "", ""),
    ),
    (
        "sanctions-5",
        "CASE-2024-005",
        5.3,
        Question("clarification", "normal", "Is Bank Meridian on the list?", "checker", "", ""),
    ),
    (
        "register-3",
        "CASE-2024-003",
        None,
        Question("resume", "normal", "Resume after the register came back?", "intake", "", ""),
    ),
    (
        "visit-67890",
        "67890",
        18.0,
        Question("cancel", "normal", "Cancel the visit of Friday?", "intake", "", ""),
    ),
    (
        "summaries",
        None,
        144.0,
        Question("clarification", "low", "Use the shorter summary from now on?", "intake", "", ""),
    ),
)
"""Questions that wait: their unit of work, their case, and in how many hours they expire."""
BENEFICIARY = Question("clarification", "normal", "Which beneficiary is meant?", "checker", "", "")
LETTERS: dict[str, Any] = {
    "agentId": "letter-writer",
    "runId": "run-118",
    "packId": "csf-letters",
    "version": "2.3.1",
    "checked": 40,
    "mismatched": 11,
    "sample": [
        {"letter": "letter-0417", "addressee": "Dr. Omar Haddad", "names": "CSF-OH-20871"},
        {"letter": "letter-0418", "addressee": "Maple Court Dental", "names": "CSF-OH-20872"},
    ],
}
"""What the agent sends with SWITCH."""
