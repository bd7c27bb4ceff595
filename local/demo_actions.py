"""What agents of the demo tenant ask to do: actions, decided in each way that there is.

Times are hours before now.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from local.demo_play import Act
from local.demo_questions import Question
from local.demo_steps import approving, asking, completing, editing, starting

_Add = Callable[..., None]
_LETTER = Question("resume", "normal", "Send the certificate to Dr. Haddad?", "intake", "", "")
_TO_COLUMBUS = {"to": "Dr. Omar Haddad", "address": "114 Main Street, Columbus", "copies": 1}
_TO_DAYTON = {**_TO_COLUMBUS, "address": "20 Salem Avenue, Dayton"}
_RETURN = Question("resume", "high", "Return the two transfers?", "checker", "", "")
_TRANSFERS = {"transfers": ["T-20881", "T-20902"], "currency": "USD", "total": 18_450.5}
_BLOCK = Question("resume", "high", "Block the account for 30 days?", "checker", "", "")
_ACCOUNT = {"account": "12-4471", "days": 30, "reason": "structured deposits"}
_FILE = Question("resume", "normal", "File the inspection's report?", "checker", "", "")
_REPORT = {"report": "R-2024-019", "recipient": "State board"}
_RENEW = Question("resume", "normal", "Renew the certificate of Dr. Okafor?", "intake", "", "")
_CERTIFICATE = {"holder": "Dr. June Okafor", "until": "2028-11-30", "schedules": ["II", "III"]}
_SITES = Question("clarification", "normal", "What did the inspection find?", "intake", "", "")
_FINDINGS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "outcome": {
            "type": "string",
            "title": "Outcome",
            "enum": ["passed", "conditions", "failed"],
            "enumNames": ["Passed", "Passed with conditions", "Failed"],
        },
        "day": {"type": "string", "title": "Day of the inspection", "format": "date"},
        "conditions": {
            "type": "integer",
            "title": "Conditions",
            "description": "How many conditions the report names",
            "minimum": 0,
            "maximum": 20,
        },
        "final": {"type": "boolean", "title": "The report is final", "default": True},
    },
    "required": ["outcome", "day"],
}


def of_actions(add: _Add) -> None:
    """Tells `add` who did what, and how many hours ago."""
    _edited(add)
    _approved_by_two(add)
    _lapsed(add)
    _waiting(add)


def _asks(name: str, case_id: str, question: Question, tool: str, **more: Any) -> Act:
    arguments = more.pop("arguments")
    action = {"tool": tool, "arguments": arguments}
    return asking(name, question, case_id, action=action, **more)


def _edited(add: _Add) -> None:
    name, tool = "letter-0417", "letters.send"
    add(-5, "intake", _asks(name, "CASE-2024-002", _LETTER, tool, arguments=_TO_COLUMBUS))
    add(-4.6, "vera", editing(name, _TO_DAYTON, "The practice has moved"))
    add(-4.59, "intake", starting(name, tool, _TO_DAYTON), completing(name))


def _approved_by_two(add: _Add) -> None:
    name, tool = "transfers-5", "payments.return"
    asks = _asks(name, "CASE-2024-005", _RETURN, tool, arguments=_TRANSFERS, approvalsRequired=2)
    add(-7, "checker", asks)
    add(-6.7, "vera", approving(name))
    add(-6.2, "paul", approving(name))
    add(-6.19, "checker", starting(name, tool, _TRANSFERS), completing(name))


def _lapsed(add: _Add) -> None:
    name, tool = "report-019", "reports.file"
    asks = _asks(name, "CASE-2024-019", _FILE, tool, arguments=_REPORT, actWithinSeconds=900)
    add(-9, "checker", asks)
    add(-8.5, "paul", approving(name))
    add(-8, "checker", starting(name, tool, _REPORT, too_late=True))


def _waiting(add: _Add) -> None:
    """An action that one of two people has approved, one that nobody has decided, and a form."""
    name, tool, ends = "block-4471", "accounts.block", timedelta(hours=8)
    asks = _asks(
        name,
        "CASE-2024-004",
        _BLOCK,
        tool,
        arguments=_ACCOUNT,
        approvalsRequired=2,
        actWithinSeconds=3_600,
        expires=ends,
        raisePriority=True,
    )
    add(-1.2, "checker", asks)
    add(-0.9, "paul", approving(name))
    more = {"arguments": _CERTIFICATE, "actWithinSeconds": 86_400}
    add(-0.8, "intake", _asks("renewal-24", "CASE-2024-024", _RENEW, "certificates.renew", **more))
    form = asking("findings-33", _SITES, "CASE-2024-033", responseSchema=_FINDINGS)
    add(-0.7, "intake", form)
