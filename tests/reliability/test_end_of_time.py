"""The moment at which it is too late, from both sides: to decide, and to start what was decided."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from shared.documents.port import Create
from shared.models.actions import NewAction
from shared.models.intervention import DecisionGiven, StoredIntervention
from shared.rules import interventions as rules
from shared.rules.actions import hash_of
from tests.client import Api
from tests.conftest import Clock
from tests.functions.intervention_support import asked, person
from tests.reliability.support import LOAD, in_parallel, persistent

ROUNDS = {"embedded": 100 * LOAD, "emulator": 10 * LOAD}
TIME = timedelta(seconds=60)
LOOKS = 6
"""More than two callers need to look at the clock."""
MOMENT = timedelta(microseconds=1)
ACTION = NewAction(tool="pay", arguments={})


def seeded(api: Api, state: StoredIntervention) -> list[str]:
    """The ids of as many interventions in a state as there are rounds."""
    store = "embedded" if api.runtime.config.sqlite else "emulator"
    names = [f"I-{number}" for number in range(ROUNDS[store])]
    persistent(api.viewer, "GET", "/interventions")
    paths = (f"tenants/{api.tenant}/interventions/{name}" for name in names)
    api.runtime.store.commit([Create(path, state.to_data()) for path in paths])
    return names


def raced(
    api: Api, end: datetime, looks: int, path: str, *bodies: Any
) -> tuple[list[int], dict[str, Any]]:
    """What callers get who come at once, and the intervention then.

    The time is over once they have looked at the clock so often.
    """
    looked = count()
    api.runtime.clock = lambda: end - MOMENT if next(looked) < looks else end
    role = "agent" if path.endswith(":start") else "pilot"

    def go(number: int) -> int:
        caller = api.caller(role, f"c{number}")
        return persistent(caller, "POST", path, bodies[number]).status_code

    codes = in_parallel(len(bodies), go)
    document = api.runtime.store.get(f"tenants/{api.tenant}{path.rpartition(':')[0]}")
    assert document
    return sorted(codes), document.data


def test_an_action_is_started_before_its_end_or_it_has_lapsed_and_never_both(
    api: Api, clock: Clock
) -> None:
    yes = DecisionGiven(decision="approve")
    state = asked(clock.now, action=ACTION, act_within_seconds=60)
    state = rules.decided(state, yes, person("kim"), clock.now)
    start = {"actionHash": hash_of(ACTION)}
    end = clock.now + TIME
    ends = set()

    for number, name in enumerate(seeded(api, state)):
        path = f"/interventions/{name}:start"
        codes, data = raced(api, end, number % LOOKS, path, start, start)

        ends.add(codes[0])
        if codes[0] == 200:
            assert codes == [200, 409]
            assert (data["startedAt"], data.get("lapsedAt")) == (end - MOMENT, None)
        else:
            assert codes == [409, 409]
            assert (data.get("startedAt"), data["lapsedAt"]) == (None, end)
    assert ends == {200, 409}


def test_a_question_is_decided_before_its_end_or_it_has_expired_and_never_both(
    api: Api, clock: Clock
) -> None:
    yes, no = {"decision": "approve"}, {"decision": "reject", "reason": "No"}
    end = clock.now + TIME
    ends = set()

    for number, name in enumerate(seeded(api, asked(clock.now, expires_in_seconds=60))):
        path = f"/interventions/{name}:decide"
        codes, data = raced(api, end, number % LOOKS, path, yes, no)

        ends.add(codes[0])
        if codes[0] == 200:
            assert codes == [200, 409]
            assert data["status"] in ("approved", "rejected")
            assert data["actionAt"] == end - MOMENT
        else:
            assert codes == [409, 409]
            assert (data["status"], data["actionAt"]) == ("expired", end)
    assert ends == {200, 409}
