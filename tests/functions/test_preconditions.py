"""Changes upon a version: entity tags and If-Match over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.client import Api, TestResponse
from tests.conftest import Clock
from tests.functions.intervention_support import QUESTION, act, done, steps
from tests.functions.support import ON_EMBEDDED, event_types, refused, refused_field
from tests.rows import each_row

CHANGES: dict[str, Callable[[Api, str], TestResponse]] = {
    "update": lambda api, tag: api.admin.patch("/cases/CASE-1", {"title": "New"}, if_match=tag),
    "claim": lambda api, tag: api.admin.post("/cases/CASE-1:claim", if_match=tag),
    "report": lambda api, tag: api.admin.post(
        "/cases/CASE-1/audit", {"eventType": "note_added", "message": "A note"}, if_match=tag
    ),
    "reopen": lambda api, tag: api.admin.post(
        "/cases/CASE-1:reopen", {"reason": "Again"}, if_match=tag
    ),
    "delete": lambda api, tag: api.admin.delete("/cases/CASE-1", if_match=tag),
}


def closed_case(api: Api) -> tuple[str, str]:
    """Opens CASE-1 for nobody and closes it; gives a stale entity tag of it and the current one."""
    tags = [
        api.verifier.post("/cases", {"id": "CASE-1", "decisionType": "kyc", "title": "Old"}),
        api.verifier.patch("/cases/CASE-1", {"status": "closed", "reason": "Done"}),
    ]
    stale, current = [answer.headers["ETag"] for answer in tags]
    return stale, current


@each_row("change", CHANGES, apart=True)
def test_a_change_upon_a_stale_version_is_refused_with_the_current_tag(
    api: Api, change: str
) -> None:
    stale, current = closed_case(api)

    answer = CHANGES[change](api, stale)

    assert refused(answer, 412, "FAILED_PRECONDITION")["details"] == [{"etag": current}]
    assert event_types(api, "CASE-1") == ["case_created", "status_changed"]


@each_row("change", ["update", "report", "reopen", "delete"])
@each_row("form", ["{}", "*", '"x", {}', '{},W/"y", "z"'], apart=True)
def test_a_change_upon_the_current_version_is_made(api: Api, change: str, form: str) -> None:
    _, current = closed_case(api)
    if change == "update":
        # A closed case cannot be updated.
        reopened = api.admin.post("/cases/CASE-1:reopen", {"reason": "Again"})
        current = reopened.headers["ETag"]

    answer = CHANGES[change](api, form.format(current))

    assert answer.status_code < 300, answer.text
    assert answer.headers.get("ETag") != current


@each_row("form", ["W/{}", '"x"', '"x", "y"', '""', 'W/"x" , "y"'], apart=True)
def test_only_a_strong_tag_of_the_current_version_matches(api: Api, form: str) -> None:
    _, current = closed_case(api)

    refused(CHANGES["update"](api, form.format(current)), 412, "FAILED_PRECONDITION")


@ON_EMBEDDED
@each_row(
    "tag",
    ["", '"open', ",", "x", '"x" "y"', '"x",', '"a b"', "*, *", 'w/"x"', '"x"' + " ," * 5_000],
    apart=True,
)
def test_a_precondition_that_cannot_be_read_is_refused(api: Api, tag: str) -> None:
    closed_case(api)

    refused_field(CHANGES["update"](api, tag), "If-Match")


@ON_EMBEDDED
def test_who_may_not_change_a_case_does_not_learn_its_version(api: Api) -> None:
    stale, _ = closed_case(api)

    refused(
        api.viewer.patch("/cases/CASE-1", {"title": "New"}, if_match=stale),
        403,
        "PERMISSION_DENIED",
    )


def test_every_change_changes_the_tag_and_reading_does_not(api: Api) -> None:
    tags = [api.verifier.post("/cases", {"id": "CASE-1", "decisionType": "k", "title": "T"})]
    for patch in ({"title": "A"}, {"title": "B"}, {"title": "A"}, {"status": "in_review"}):
        tags.append(api.verifier.patch("/cases/CASE-1", patch))
        tags[-1] = api.viewer.get("/cases/CASE-1")

    seen = [answer.headers["ETag"] for answer in tags]

    assert len(set(seen)) == 5
    assert all(tag.startswith('"') and tag.endswith('"') for tag in seen)


STEPS: dict[str, Any] = {
    "claim": None,
    "release": None,
    "decide": {"decision": "approve"},
    "complete": {},
}


def held_intervention(api: Api) -> tuple[str, str, str]:
    """Has the pilot hold an intervention; gives its id, a stale entity tag and the current one."""
    asked = api.agent.post("/interventions", QUESTION)
    intervention_id = asked.json["id"]
    claimed = act(api.pilot, intervention_id, "claim")
    return intervention_id, asked.headers["ETag"], claimed.headers["ETag"]


@each_row("verb", STEPS, apart=True)
def test_a_step_upon_a_stale_version_of_an_intervention_is_refused_with_the_current_tag(
    api: Api, verb: str
) -> None:
    intervention_id, stale, current = held_intervention(api)

    answer = act(api.pilot, intervention_id, verb, STEPS[verb], if_match=stale)

    assert refused(answer, 412, "FAILED_PRECONDITION")["details"] == [{"etag": current}]
    assert steps(api, intervention_id) == ["requested", "claimed"]


@each_row("verb", ["release", "decide", "complete"])
@each_row("form", ["{}", "*", '"x", {}'], apart=True)
def test_a_step_upon_the_current_version_of_an_intervention_is_taken(
    api: Api, verb: str, form: str
) -> None:
    intervention_id, _, current = held_intervention(api)

    answer = act(api.pilot, intervention_id, verb, STEPS[verb], if_match=form.format(current))

    assert done(answer)["id"] == intervention_id
    read = api.viewer.get(f"/interventions/{intervention_id}")
    assert read.headers["ETag"] == answer.headers["ETag"] != current


@ON_EMBEDDED
def test_what_has_run_out_is_not_expired_by_a_step_upon_a_stale_version(
    api: Api, clock: Clock
) -> None:
    asked = api.agent.post("/interventions", {**QUESTION, "expiresInSeconds": 60})
    clock.advance(minutes=1)

    answer = act(api.pilot, asked.json["id"], "claim", if_match='"stale"')

    refused(answer, 412, "FAILED_PRECONDITION")
    assert steps(api, asked.json["id"]) == ["requested"]
