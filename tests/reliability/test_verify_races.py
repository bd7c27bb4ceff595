"""Verifying while others change the subject: what holds is never called broken."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tests.client import Api
from tests.reliability.support import LOAD, in_parallel, verification

CASE = "cases/RACED"


def changes(api: Api, number: int) -> list[Callable[[], Any]]:
    """Changes of a case, of what is below it and of what hangs on it."""
    name, case = f"{number}", f"/{CASE}"
    item = {"evidence": [{"id": f"e-{name}", "title": "An item", "includedInPacket": True}]}
    asked = {"uowId": "u", "type": "resume", "title": "?", "caseId": "RACED"}
    question: dict[str, str] = {}

    def ask() -> None:
        answer = api.agent.post("/interventions", asked)
        question.update(answer.json if answer.status_code == 201 else {})

    def withdraw() -> None:
        if question:
            api.agent.post(f"/interventions/{question['id']}:withdraw", {})

    return [
        lambda: api.agent.post(f"{case}/evidence", item),
        ask,
        lambda: api.agent.post(f"{case}/runs", {"id": f"r-{name}", "agentId": "a"}),
        lambda: api.verifier.put(f"{case}/worksheet", {"fsrNotes": name}),
        withdraw,
        lambda: api.agent.patch(f"{case}/runs/r-{name}", {"status": "completed", "output": name}),
        lambda: api.verifier.delete(f"{case}/evidence/e-{name}"),
    ]


def test_a_case_that_is_changed_while_it_is_verified_is_never_called_broken(api: Api) -> None:
    api.verifier.create(id="RACED")
    rounds = (3 if api.runtime.config.emulator else 8) * LOAD
    changing = threading.Semaphore(0)
    found: list[dict[str, Any]] = []

    def act(number: int) -> None:
        if number:
            try:
                for round_ in range(rounds):
                    for change in changes(api, 1000 * number + round_):
                        change()
            finally:
                changing.release()
        else:
            while not (changing.acquire(blocking=False) and changing.acquire()):
                answer = api.pilot.get(f"/audit:verify?subject={CASE}")
                # 409 where it was changed each of the five times that it was read.
                assert answer.status_code in (200, 409), answer.text
                found.append(answer.json)

    in_parallel(3, act)

    assert found
    assert [one for one in found if "firstBroken" in one] == []
    assert verification(api, CASE)["valid"]
