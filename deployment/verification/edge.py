"""What the edge and the scheduled functions answer."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from deployment.verification.outcome import Answer, Problem, Untried, call, insist
from deployment.verification.people import People
from shared.edge.tokens import LEEWAY_SECONDS

_STRIPPED = "SIGNATURE_REMOVED_BY_GOOGLE"
_RUN_AGAIN = "Run deploy.sh again; it shows what it changes."


class Scheduled(NamedTuple):
    """A scheduled function as Cloud Scheduler calls it: where, and with a token for whom."""

    function: str
    url: str
    audience: str


def health(url: str) -> str:
    """The store answers through the edge. Raises Problem."""
    answer = call("GET", f"{url}/health")
    if answer.code != 200:  # noqa: PLR2004
        raise Problem(f"GET /health: {answer}", "Look for 503 in docs/operations.md.")
    return f"{url} answers, with the store {answer.body['store']}"


def clock(url: str) -> str:
    """This machine's clock agrees with the server's. Raises Problem."""
    answer = call("GET", f"{url}/health")
    shown = answer.headers["Date"]
    if not shown:
        raise Untried("the answer has no Date", "Let the edge pass the header Date on.")
    theirs = parsedate_to_datetime(shown).timestamp()  # of whole seconds
    apart = max(answer.asked_at - 1 - theirs, theirs - answer.came_at, 0.0)
    if apart > LEEWAY_SECONDS:
        raise Problem(
            f"this clock and the server's are {apart:.0f} s apart",
            f"Set the clock of this machine by NTP: tokens are refused from {LEEWAY_SECONDS} s on.",
        )
    return f"less than {apart + 1:.0f} s apart"


def refusals(url: str, people: People, scheduled: Sequence[Scheduled]) -> str:
    """What must be refused is: no token, a forged one, people's by the scheduler. Raises Problem.

    Also a token whose signature was taken out on the way, which Cloud Run does on services that it
    checks itself (cloud.google.com/run/docs/troubleshooting#signature-removed).
    """
    token = people.token("admin")
    head = token.rpartition(".")[0]
    members = {
        "no token": "",
        "a stripped token": f"{head}.{_STRIPPED}",
        "a forged one": f"{head}.AAAA",
    }
    for what, sent in members.items():
        _refused(call("GET", f"{url}/cases", sent), what, "/cases")
    for one in scheduled:
        for what, sent in {"no token": "", "an admin's token": token}.items():
            _refused(call("POST", f"{one.url}?dryRun=true", sent), what, one.function)
    return f"{len(members)} on /cases, and 2 on each of {len(scheduled)} scheduled functions"


def _refused(answer: Answer, what: str, where: str) -> None:
    if answer.code not in (401, 403):
        raise Problem(
            f"{where} answers {answer} to {what}",
            "Take the deployment off the network (--edge none), and look at its CASELEDGER_ISSUER, "
            "CASELEDGER_AUDIENCE and CASELEDGER_UNSIGNED_TOKENS.",
        )


def dry_runs(people: People, scheduled: Sequence[Scheduled]) -> str:
    """Every scheduled function answers a dry run, with the scheduler's token. Raises Problem."""
    if not scheduled:
        raise Problem("Cloud Scheduler has no jobs", _RUN_AGAIN)
    examined = 0
    for one in scheduled:
        answer = insist("POST", f"{one.url}?dryRun=true", people.scheduler(one.audience))
        found: Any = answer.body
        if answer.code != 200:  # noqa: PLR2004
            raise Problem(f"{one.function}: {answer}", _TODO.get(answer.code, _RUN_AGAIN))
        if found["failed"]:
            raise Problem(
                f"{one.function} cannot read {found['failed']} documents",
                "Look for `a scheduled function leaves a document as it is` in the log.",
            )
        examined += found["examined"]
    return f"{len(scheduled)} functions answer; {examined} documents are due"


_TODO = {
    401: "Compare CASELEDGER_SCHEDULER_AUDIENCE with the audience of the job, and see that the "
    "IAM check of the service is off: with it Cloud Run takes the signature out of the token.",
    403: "See that the IAM check of the service is off (run.googleapis.com/invoker-iam-disabled), "
    "and that CASELEDGER_SCHEDULER_EMAIL is the scheduler's account.",
    503: "Look for the `cause` of the 503 in the log; docs/operations.md says what to do about it.",
    404: "Run deploy.sh for this function: it is not there, or its job calls another address.",
}
