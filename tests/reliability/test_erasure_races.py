"""Erasures while others are at it: two confirmations, work on the case, a purge, and a kill."""

from __future__ import annotations

import pytest

from shared.repository import erasure
from tests.client import Api, TestResponse
from tests.functions.erasure_support import SECRET, ask, busy_case, confirm, events_of
from tests.functions.sweep_support import PURGE, meddle, run
from tests.reliability.independent import assert_chain
from tests.reliability.support import in_parallel, persistent, types, verification


def test_of_many_who_confirm_at_once_one_does_and_it_is_carried_out_once(api: Api) -> None:
    subjects = busy_case(api, "A")
    asked = ask(api, subject="cases/A")

    answers = in_parallel(6, lambda number: confirm(api, asked["id"], f"admin-{number}"))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]
    events = events_of(api, "tenant")
    assert types(events) == ["erasure_requested", "data_erased"]
    done = api.admin.get(f"/erasures/{asked['id']}").json
    shown = [event for subject in subjects for event in events_of(api, subject)]
    assert done["complete"]
    assert done["values"] == sum(len(event["erased"]) for event in shown)


def test_one_person_who_confirms_many_times_at_once_erases_each_value_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "PAGE", 2)
    subjects = busy_case(api, "A")
    asked = ask(api, subject="cases/A")
    path = f"/erasures/{asked['id']}:confirm"

    def confirmed(number: int) -> TestResponse:
        if number == 0:
            return api.caller("scheduler").post(PURGE)
        return persistent(api.caller("admin", "second"), "POST", path)

    answers = in_parallel(4, confirmed)

    assert [answer.status_code for answer in answers] == [200] * 4
    run(api, PURGE)
    done = api.admin.get(f"/erasures/{asked['id']}").json
    shown = [event for subject in subjects for event in events_of(api, subject)]
    assert done["complete"]
    assert done["values"] == sum(len(event["erased"]) for event in shown)
    assert done["events"] == len(shown)
    assert types(events_of(api, "tenant")) == ["erasure_requested", "data_erased"]


def test_work_on_the_case_goes_on_meanwhile_and_all_chains_hold(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "PAGE", 2)
    subjects = busy_case(api, "A")
    before = len(events_of(api, "cases/A"))
    asked = ask(api, subject="cases/A")

    def worked(number: int) -> TestResponse:
        if number == 0:
            return confirm(api, asked["id"])
        note = {"eventType": "note_added", "message": f"Note {number}"}
        return persistent(api.agent, "POST", "/cases/A/audit", note)

    answers = in_parallel(5, worked)
    run(api, PURGE)

    assert [answer.status_code for answer in answers] == [200, 201, 201, 201, 201]
    for subject in subjects:
        assert_chain(api.tenant, events_of(api, subject))
        assert verification(api, subject)["valid"]
    assert api.admin.get(f"/erasures/{asked['id']}").json["complete"]
    events = events_of(api, "cases/A")
    assert SECRET not in str(events)
    assert len(events) == before + 4


@pytest.mark.parametrize("has_case", [True, False])
def test_an_event_that_changes_between_the_page_and_its_commit_is_read_again(
    api: Api, *, has_case: bool
) -> None:
    """Two erasures are at the same events; where these have a case, it is a condition as well."""
    subject, _, _ = busy_case(api, "A")
    if not has_case:
        question = {"uowId": "u", "type": "resume", "title": SECRET}
        asked = api.agent.post("/interventions", question).json["id"]
        verdict = {"decision": "reject", "reason": SECRET}
        path = f"/interventions/{asked}:decide"
        assert api.caller("pilot", "kim").post(path, verdict).status_code == 200
        subject = f"interventions/{asked}"
    one, other = ask(api, subject=subject), ask(api, person="kim")
    if not has_case:
        one, other = other, one
    number = 0

    def meddler(_: object) -> None:
        nonlocal number
        number += 1
        if number == 2:
            assert confirm(api, other["id"], "third").json["complete"]

    meddle(api, meddler)

    done = confirm(api, one["id"]).json

    assert done["complete"]
    assert api.admin.get(f"/erasures/{other['id']}").json["complete"]
    events = events_of(api, subject)
    assert all("/actor/email" in event["erased"] for event in events)
    assert verification(api, subject)["valid"]
