"""Tasks: an intervention as a client of the Model Context Protocol follows it to its end.

It is `working` while people can decide, and `completed` once they have, or cannot any more; then it
has the result that the tool would have had. One that was withdrawn is `cancelled`.
(SEP-2663 for the newest revision, 2025-11-25's own experimental form for the one before)
"""

from __future__ import annotations

from typing import Any

from shared.edge.mcp.messages import OURS
from shared.edge.mcp.tools import result
from shared.edge.replies import Reply
from shared.models.intervention import OPEN, Intervention, InterventionStatus

POLL_MILLISECONDS = 5_000
_TIMES = {"created_at", "updated_at"}
_RELATED = f"{OURS}/related-task"


def status(intervention: Intervention) -> str:
    """The status of the task that an intervention is."""
    if intervention.status in OPEN:
        return "working"
    return "cancelled" if intervention.status == InterventionStatus.WITHDRAWN else "completed"


_NEXT = {
    "approved": "Approved: see decision, response and actionReason. Then call report_result.",
    "rejected": "Rejected: do not act. actionReason and response say why, and what else to do.",
    "expired": "Nobody decided in time, which is no approval: do not act.",
    "withdrawn": "The question was withdrawn: do not act.",
    "completed": "Done: nothing is left to do.",
}
_TO_START = (
    "Approved. Call start_action with actionHash = approvedActionHash; only if that succeeds, call "
    "the tool, with approvedArguments where there are such; then call report_result."
)


def hint(intervention: Intervention) -> str:
    """What an agent does next, in a sentence or two."""
    if intervention.status in OPEN:
        waits = f"{intervention.required_role} or above is to decide."
        return f"A {waits} Call get_decision, with waitSeconds, until the status changes."
    if intervention.status == InterventionStatus.APPROVED and intervention.action:
        if intervention.lapsed_at:
            return "It was approved, but not started in time: do not act."
        if intervention.started_at:
            return "The action was started: only who started it acts, and calls report_result."
        return _TO_START
    return _NEXT[intervention.status]


def of_newest(intervention: Intervention) -> dict[str, Any]:
    """The task in the form of the extension, without what came of it."""
    return {
        **_common(intervention),
        "ttlMs": None,
        "pollIntervalMs": POLL_MILLISECONDS,
    }


def detailed(intervention: Intervention) -> dict[str, Any]:
    """The same with its result, once it is completed."""
    task = of_newest(intervention)
    if task["status"] == "completed":
        task["result"] = {**of_tool(intervention), "resultType": "complete"}
    return task


def of_former(intervention: Intervention) -> dict[str, Any]:
    """The task in the form of the revision 2025-11-25."""
    return {**_common(intervention), "ttl": None, "pollInterval": POLL_MILLISECONDS}


def former_result(intervention: Intervention) -> dict[str, Any]:
    """What came of such a task."""
    return {**of_tool(intervention), "_meta": {_RELATED: {"taskId": intervention.id}}}


def of_tool(intervention: Intervention) -> dict[str, Any]:
    """What the tool would have answered, had it waited."""
    return result(Reply(intervention), hint(intervention))


def _common(intervention: Intervention) -> dict[str, Any]:
    times = intervention.model_dump(mode="json", by_alias=True, include=_TIMES)
    return {
        "taskId": intervention.id,
        "status": status(intervention),
        "statusMessage": hint(intervention),
        "createdAt": times["createdAt"],
        "lastUpdatedAt": times["updatedAt"],
    }
