"""What an agent does: ask, wait, start what was approved, and say what came of it."""

from __future__ import annotations

from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, Unpack
from uuid import uuid4

from caseledger._async import io
from caseledger._async.functions import AsyncFunctions
from caseledger.addresses import segment
from caseledger.questions import (
    OPEN,
    action_hash,
    approved_action,
    id_of,
    key_of,
    question_of,
)

if TYPE_CHECKING:
    from caseledger.types import Intervention, InterventionType, NewAction, Terms

_WAIT_SECONDS = 50.0


class AsyncAsking(AsyncFunctions):
    """What an agent does with its questions."""

    async def ask(
        self,
        title: str,
        *,
        uow_id: str | None = None,
        type: InterventionType = "resume",  # noqa: A002 - as the API names it
        action: NewAction | None = None,
        key: str | None = None,
        **terms: Unpack[Terms],
    ) -> Intervention:
        """Asks people a question, and gives it as an intervention, at once.

        `uow_id` names the unit of work that asks. With it, the same question of the same caller is
        asked once, however often this is called, also by a process that was started again: its
        `Idempotency-Key` is made of all that is given here. Where something differs from one
        call to the next, such as a time in `context`, it is another question; leave that out of
        what is asked. With a `key` of your own, one key has one question: another one with the same
        key is refused (422). Without `uow_id` and `key` each call is a new question.

        `action` is the call of a tool that is to be approved: `{"tool": …, "arguments": …}`.
        """
        uow = uow_id or key or str(uuid4())
        question = question_of(title, uow, type, action, {**terms})
        told = key or (key_of(question) if uow_id else None)
        asked = await self.request("POST", "/interventions", json=question, key=told)
        found: Intervention = asked.json()
        return found

    async def wait(
        self,
        intervention: str | Intervention,
        timeout: float | None = None,
    ) -> Intervention:
        """Waits until an intervention is not open any more, and gives it.

        It waits on while the server cannot be reached, or is started again. Raises TimeoutError
        where it is still open after `timeout` seconds, by default never, and Unreachable or Problem
        where no answer came until then.
        """
        path = f"{_path(intervention)}:wait"
        until = monotonic() + (inf if timeout is None else timeout)
        longest = min(_WAIT_SECONDS, 0.8 * self._timeout)
        while True:
            began = monotonic()
            left = max(0.0, until - began)
            seconds = {"timeoutSeconds": int(min(longest, left))}
            answer = await self.request("GET", path, params=seconds, retry_for=left)
            found: Intervention = answer.json()
            if found["status"] not in OPEN:
                return found
            now = monotonic()
            if now >= until:
                raise TimeoutError(f"{found['id']} is {found['status']} after {timeout} s")
            if now - began < 1:  # a server that stops answers at once
                await io.sleep(min(1.0, until - now))

    async def start(
        self, intervention: Intervention, arguments: dict[str, Any] | None = None
    ) -> Intervention:
        """Records that this agent starts the approved action now; only one can, and only once.

        `arguments` are those that it is about to call the tool with, by default the approved ones.
        Raises Problem (409) where another action was approved, where somebody has started it, and
        where it is too late; ValueError where the intervention is about no action.
        """
        action = approved_action(intervention)
        sent = action["arguments"] if arguments is None else arguments
        start = {"actionHash": action_hash(action["tool"], sent)}
        answer = await self.request("POST", f"{_path(intervention)}:start", json=start)
        found: Intervention = answer.json()
        return found

    async def complete(self, intervention: str | Intervention, result: Any = None) -> Intervention:
        """Records what came of it; `result` is any JSON of at most 64 KiB."""
        path = f"{_path(intervention)}:complete"
        answer = await self.request("POST", path, json={"result": result})
        found: Intervention = answer.json()
        return found

    async def withdraw(
        self, intervention: str | Intervention, reason: str | None = None
    ) -> Intervention:
        """Withdraws a question that needs no answer any more."""
        path = f"{_path(intervention)}:withdraw"
        answer = await self.request("POST", path, json={"reason": reason})
        found: Intervention = answer.json()
        return found

    async def receipt(self, intervention: str | Intervention) -> str:
        """The signed receipt of a decision. `caseledger.receipts` verifies it."""
        return (await self.request("GET", f"{_path(intervention)}/receipt")).text


def _path(intervention: str | Intervention) -> str:
    return f"/interventions/{segment(id_of(intervention))}"
