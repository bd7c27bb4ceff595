"""The moment at which it is too late, from both sides: to decide, and to start what was decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.documents.port import Create
from shared.models.actions import NewAction
from shared.models.intervention import DecisionGiven, StoredIntervention
from shared.rules import interventions as rules
from shared.rules.actions import hash_of
from tests.client import Api
from tests.conftest import Clock
from tests.functions.intervention_support import asked, person
from tests.reliability.support import LOAD, in_parallel

ROUNDS = {"embedded": 100 * LOAD, "emulator": 10 * LOAD}
TIME = timedelta(seconds=60)
MOMENT = timedelta(microseconds=1)
ACTION = NewAction(tool="pay", arguments={})


def seeded(api: Api, state: StoredIntervention) -> list[str]:
    """The ids of as many interventions in a state as there are rounds."""
    store = "embedded" if api.runtime.config.sqlite else "emulator"
    names = [f"I-{number}" for number in range(ROUNDS[store])]
    paths = (f"tenants/{api.tenant}/interventions/{name}" for name in names)
    api.runtime.store.commit([Create(path, state.to_data()) for path in paths])
    return names


def raced(api: Api, clock: Clock, path: str, *bodies: Any) -> tuple[list[int], dict[str, Any]]:
    """What two callers get, who come while the time ends; and the intervention then."""
    end = clock.now + MOMENT
    role = "agent" if path.endswith(":start") else "pilot"

    def go(number: int) -> int:
        if number == len(bodies):
            clock.now = end
            return 0
        return api.caller(role, f"c{number}").post(path, bodies[number]).status_code

    codes = in_parallel(len(bodies) + 1, go)[:-1]
    clock.now = end - MOMENT
    document = api.runtime.store.get(f"tenants/{api.tenant}{path.rpartition(':')[0]}")
    assert document
    return codes, document.data


def test_an_action_is_started_before_its_end_or_it_has_lapsed_and_never_both(
    api: Api, clock: Clock
) -> None:
    yes = DecisionGiven(decision="approve")
    state = asked(clock.now, action=ACTION, act_within_seconds=60)
    state = rules.decided(state, yes, person("kim"), clock.now)
    names = seeded(api, state)
    clock.now += TIME - MOMENT
    start = {"actionHash": hash_of(ACTION)}

    for name in names:
        codes, data = raced(api, clock, f"/interventions/{name}:start", start, start)

        if 200 in codes:
            assert sorted(codes) == [200, 409]
            assert (data["startedAt"], data.get("lapsedAt")) == (clock.now, None)
        else:
            assert codes == [409, 409]
            assert (data.get("startedAt"), data["lapsedAt"]) == (None, data["actUntil"])


def test_a_question_is_decided_before_its_end_or_it_has_expired_and_never_both(
    api: Api, clock: Clock
) -> None:
    names = seeded(api, asked(clock.now, expires_in_seconds=60))
    clock.now += TIME - MOMENT
    no = {"decision": "reject", "reason": "No"}

    for name in names:
        codes, data = raced(
            api, clock, f"/interventions/{name}:decide", {"decision": "approve"}, no
        )

        if 200 in codes:
            assert sorted(codes) == [200, 409]
            assert (data["status"] in ("approved", "rejected"), data["actionAt"]) == (
                True,
                clock.now,
            )
        else:
            assert codes == [409, 409]
            assert (data["status"], data["actionAt"]) == ("expired", data["expiresAt"])
