"""A case's life, its trail and a wait, through the edge, in the tenant of `People`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from deployment.verification.outcome import Answer, Problem, Untried, insist
from deployment.verification.people import People

_LOOK = "Look for the requestId in the log; docs/operations.md says what each error means."
_WAIT = (
    "Compare the edge's routes with the API: it must pass `:wait` on with its query, to a function "
    "that waits, and hold a request for 90 s."
)
_BROKEN = "Read docs/operations.md on a chain that does not verify, before anything is written."
_SLACK = 0.1
Send = Callable[..., Answer]


class Life:
    """One case and one question in the tenant of `people`, at the API's base URL `url`.

    Both have an id that was never used. `leave` removes the case, and says what stays.
    """

    def __init__(self, url: str, people: People) -> None:
        self._url = url
        self._people = people
        self._case = f"VERIFY-{uuid.uuid4().hex[:12].upper()}"
        self._opened = False
        self._played = False

    def case(self) -> str:
        """Plays it from the opening to the verified trail. Raises Problem."""
        path = f"/cases/{self._case}"
        new = {"id": self._case, "decisionType": "verification", "title": "A case of deploy.sh"}
        self._send("admin", "PATCH", "/settings", {"interventionRetentionDays": 1})
        self._send("agent", "POST", "/cases", new)
        self._opened = True
        self._send("verifier", "POST", f"{path}:claim")
        self._send("agent", "POST", f"{path}/evidence", {"evidence": [{"id": "e", "title": "E"}]})
        self._send("verifier", "PUT", f"{path}/evidence", {"packetEvidenceIds": ["e"]})
        for status in ("in_review", "approved"):
            self._send("verifier", "PATCH", path, {"status": status})
        self._send("verifier", "PATCH", path, {"status": "closed", "reason": "Verified"})
        found = self._send("pilot", "GET", f"/cases?search={self._case}")
        if self._case not in [one["id"] for one in found.body["cases"]]:
            raise Problem(f"the list of cases does not have {self._case}", _LOOK)
        self._played = True
        return "opened, claimed, approved, closed and found"

    def trail(self) -> str:
        """Verifies the trail of the case that `case` played. Raises Problem."""
        if not self._played:
            raise Untried("the case was not played to its end", "Mend what its row says.")
        path = f"/cases/{self._case}"
        listed = self._send("pilot", "GET", f"{path}/audit?pageSize=50").body["events"]
        verified = self._send("pilot", "GET", f"/audit:verify?subject=cases/{self._case}").body
        if not verified["valid"] or verified["events"] != len(listed):
            raise Problem(
                f"the chain of {self._case} has {len(listed)} events, and verifies as {verified}",
                _BROKEN,
            )
        return f"{len(listed)} events, and the chain is valid"

    def wait(self, seconds: int) -> str:
        """Holds a request for so long, and another one until the decision. Raises Problem."""
        ask: dict[str, Any] = {"uowId": "verify", "type": "clarification", "title": "Does it wait?"}
        path = f"/interventions/{self._send('agent', 'POST', '/interventions', ask).body['id']}"
        held = self._send("agent", "GET", f"{path}:wait?timeoutSeconds={seconds}")
        lasted = held.came_at - held.asked_at
        if lasted < seconds - _SLACK or held.body["status"] != "pending":
            raise Problem(f"a wait of {seconds} s ended after {lasted:.1f} s", _WAIT)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(
                self._send, "agent", "GET", f"{path}:wait?timeoutSeconds={max(seconds, 10)}"
            )
            said = {"decision": "approve", "response": {"text": "Yes"}}
            self._send("pilot", "POST", f"{path}:decide", said)
            status = waiting.result().body["status"]
        if status != "approved":
            raise Problem(f"a wait for a decision ended with the status {status}", _WAIT)
        return f"held for {lasted:.0f} s, and answered by a decision"

    def leave(self) -> str:
        """Deletes the case; says what stays."""
        if not self._opened:
            return ""
        try:
            self._send("admin", "DELETE", f"/cases/{self._case}")
        except Problem as problem:
            return f"The case {self._case} was not deleted: {problem}."
        return f"The trail of {self._case} stays, as every trail does; the question is purged."

    def _send(self, role: str, method: str, path: str, body: Any = None) -> Answer:
        answer = insist(method, self._url + path, self._people.token(role), body)
        if not 200 <= answer.code < 300:  # noqa: PLR2004
            raise Problem(f"{method} {path.partition('?')[0]} as {role}: {answer}", _LOOK)
        return answer
