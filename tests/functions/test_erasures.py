"""Erasures: who asks and who confirms, what goes and what stays, and that the chains hold."""

from __future__ import annotations

from typing import Any

import pytest

import functions.erasures
from shared.documents.port import Query, Set, Update
from shared.ledger.events import content
from shared.repository import erasing, erasure
from tests.client import Api
from tests.conftest import Clock
from tests.functions.erasure_support import (
    SECRET,
    WHY,
    ask,
    busy_case,
    confirm,
    erased,
    events_of,
    hold,
    stored_events,
)
from tests.functions.support import acquainted, cost, pages, refused, refused_field
from tests.functions.sweep_support import PURGE, did, meddle, on_commit, run
from tests.reliability.support import held_trail, types, verification

# What goes, and what stays


@pytest.mark.both_stores
def test_all_that_the_trail_says_of_a_case_is_erased_and_its_chains_hold(api: Api) -> None:
    subjects = busy_case(api, "A")
    busy_case(api, "B")
    before = {subject: events_of(api, subject) for subject in subjects}
    others = events_of(api, "cases/B")

    done = erased(api, subject="cases/A")

    assert (done["state"], done["complete"], done["keptEvents"]) == ("completed", True, 0)
    values = 0
    for subject in subjects:
        found = events_of(api, subject)
        assert [one["hash"] for one in found] == [one["hash"] for one in before[subject]]
        gone = sum(len(event["erased"]) for event in found)
        assert {event["erasedBy"] for event in found} == {done["eventId"]}
        assert all(event["disclosures"] == {} for event in found)
        checked = verification(api, subject)
        assert (checked["valid"], checked["erasedValues"]) == (True, gone)
        values += gone
    assert done["values"] == values
    assert done["events"] == sum(map(len, before.values()))
    shown = [event for subject in subjects for event in events_of(api, subject)]
    assert SECRET not in str(shown)
    assert "@example.com" not in str(shown)
    assert others == events_of(api, "cases/B")
    assert api.viewer.get("/cases/A").json["title"] == SECRET


def test_it_is_on_record_who_asked_and_who_confirmed_and_by_which_right(api: Api) -> None:
    busy_case(api, "A")

    done = erased(api, subject="cases/A")

    asking, confirming = held_trail(api, "tenant")
    assert types([asking, confirming]) == ["erasure_requested", "data_erased"]
    assert (asking["id"], confirming["id"]) == (done["id"], done["eventId"])
    assert [one["actor"]["subject"] for one in (asking, confirming)] == ["admin", "second"]
    for event in (asking, confirming):
        assert event["meta"] == {
            "erasure": done["id"],
            "scope": "subject",
            "events": done["events"],
            "legalBasis": WHY["legalBasis"],
            "erasedSubject": "cases/A",
        }
        assert event["reason"] == WHY["reason"]
        # So that these, too, can be erased.
        assert {"/actor/email", "/reason", "/meta/legalBasis"} <= event["disclosures"].keys()
    assert done["aboutEvents"] == done["events"] == 5
    assert done == api.admin.get(f"/erasures/{done['id']}").json
    assert [done] == api.admin.get("/erasures").json["erasures"]


@pytest.mark.both_stores
def test_an_intervention_or_a_worksheet_is_erased_alone(api: Api) -> None:
    case, question, sheet = busy_case(api, "A")

    for subject in (question, sheet):
        erased(api, subject=subject)
        assert verification(api, subject)["erasedValues"] > 0

    assert "erasedValues" not in verification(api, case)


@pytest.mark.both_stores
def test_what_says_who_a_person_is_goes_and_what_they_did_stays(api: Api) -> None:
    kim, tim = api.caller("pilot", "kim"), api.caller("pilot", "tim.kim")
    api.verifier.create(id="A", assignedTo="Kim@example.com")
    api.verifier.create(id="B", assignedTo="tim.kim@example.com")
    assert kim.patch("/cases/A", {"status": "blocked", "reason": "The licence is a forgery"}).json
    assert tim.patch("/cases/B", {"title": "Kimono, not kim@example.company"}).json
    note = {"eventType": "note_added", "message": "Ask kim@example.com.", "meta": {"a": ["kim"]}}
    assert api.agent.post("/cases/B/audit", note).status_code == 201
    kim.put("/views", {"views": [{"name": "mine", "query": "status=new"}]})
    before = events_of(api, "cases/A") + events_of(api, "cases/B")

    done = erased(api, person="kim")

    after = events_of(api, "cases/A") + events_of(api, "cases/B")
    gone = {
        (one["sequence"], one["caseId"], pointer)
        for one in after
        for pointer in one.get("erased", {})
    }
    assigned = [change["field"] for change in before[0]["changes"]].index("assignedTo")
    assert before[1]["changes"][1] == {"field": "assignedToSubject", "old": None, "new": "kim"}
    assert gone == {
        (1, "A", f"/changes/{assigned}/new"),
        (2, "A", "/actor/email"),
        (2, "A", "/changes/1/new"),
        (3, "B", "/message"),
        (3, "B", "/meta/a"),
    }
    assert (done["events"], done["values"]) == (3, 5)
    assert after[1]["actor"]["subject"] == "kim"
    assert after[1]["reason"] == "The licence is a forgery"
    assert [one["hash"] for one in after] == [one["hash"] for one in before]
    assert verification(api, "cases/A")["valid"]
    known = [one["subject"] for one in api.viewer.get("/people").json["people"]]
    assert "kim" not in known
    assert "tim.kim" in known
    assert kim.get("/views").json == {"views": []}
    assert api.pilot.get("/audit?actor=kim@example.com").json["events"] == []


def test_every_address_that_a_person_has_had_goes_wherever_it_is(api: Api) -> None:
    """The one that they have no longer is told by their own events, behind one that names it."""
    note = {"eventType": "note_added", "message": "Ask old@example.com"}
    api.verifier.create(id="A")
    api.agent.post("/cases/A/audit", note)
    for address in ("old@example.com", "new@example.com"):
        person = api.caller("pilot", "kim", email=address)
        assert person.patch("/cases/A", {"title": address}).status_code == 200

    erased(api, person="kim")

    shown = str(events_of(api, "cases/A"))
    assert "old@" not in shown
    assert "new@" not in shown
    (kept,) = api.runtime.store.query(Query(f"tenants/{api.tenant}/erasures"))
    assert "@" not in str({**kept.data, "askedBy": "", "confirmedBy": ""})


def test_the_address_of_somebody_without_a_token_goes_from_each_text(api: Api) -> None:
    api.verifier.create(id="A")
    for name in ("Sarah.Smith", "max"):
        note = {"eventType": "note_added", "message": f"Wrote to {name}@clinic.example"}
        api.agent.post("/cases/A/audit", note)

    done = erased(api, person="sarah.smith@clinic.example")

    assert (done["aboutEvents"], done["events"], done["complete"]) == (0, 1, True)
    messages = [event["message"] for event in events_of(api, "cases/A")]
    assert messages[1:] == ["erased", "Wrote to max@clinic.example"]
    assert verification(api, "cases/A")["valid"]


def test_an_erasure_forgets_what_its_own_reason_says_of_the_person(api: Api) -> None:
    api.caller("verifier", "kim").create(id="A")

    done = erased(api, person="kim", reason="A letter of Kim@example.com")

    assert done["reason"] == "erased"
    assert "kim@" not in str(events_of(api, "tenant")).lower()


def test_what_is_recorded_after_the_confirmation_is_not_erased(api: Api, clock: Clock) -> None:
    busy_case(api, "A")
    erased(api, subject="cases/A")
    clock.advance(seconds=1)

    api.agent.post("/cases/A/audit", {"eventType": "note_added", "message": "Afterwards"})

    assert events_of(api, "cases/A")[-1]["message"] == "Afterwards"


def test_the_other_tenants_and_what_a_hold_has_preserved_are_untouched(api: Api) -> None:
    busy_case(api, "A")
    placed = hold(api, "A")
    api.verifier.patch("/cases/A", {"title": "Another title"})
    assert placed(), "released"
    elsewhere = api.caller("verifier", "verifier", tenant="other")
    elsewhere.create(id="A", title=SECRET)
    others = api.runtime.store.query(Query("tenants/other/audit"))
    preserved = api.admin.get("/cases/A/preserved").json

    erased(api, subject="cases/A")
    erased(api, person="verifier")

    assert others == api.runtime.store.query(Query("tenants/other/audit"))
    assert preserved == api.admin.get("/cases/A/preserved").json
    assert preserved["preserved"][0]["content"] == {"title": SECRET}


@pytest.mark.both_stores
def test_an_event_of_the_first_format_keeps_its_texts_and_is_counted(api: Api) -> None:
    api.verifier.create(id="A")
    store, (row,) = api.runtime.store, stored_events(api, "cases/A")
    old = {name: value for name, value in row.data.items() if name != "disclosures"}
    store.commit([Set(row.path, old)])

    for body in ({"subject": "cases/A"}, {"person": "verifier"}):
        done = erased(api, **body)
        assert (done["keptEvents"], done["values"], done["complete"]) == (1, 0, True)
    assert not erased(api, person="nobody")["keptEvents"]


def test_an_event_that_cannot_be_read_is_counted_and_stops_nothing(api: Api) -> None:
    _, question, _ = busy_case(api, "A")
    first, *rest = stored_events(api, question)
    api.runtime.store.commit([Update(first.path, {"createdAt": "yesterday", "meta": "["})])

    done = erased(api, subject=question)

    assert (done["keptEvents"], done["events"], done["complete"]) == (1, len(rest), True)


# Who asks, and who confirms


def test_nobody_confirms_what_they_asked_for_by_subject_or_by_name(api: Api) -> None:
    busy_case(api, "A")
    asked = ask(api, subject="cases/A")

    refused(confirm(api, asked["id"], "admin"), 409, "FAILED_PRECONDITION")
    twin = api.caller("admin", "twin", email="ADMIN@example.com")
    refused(twin.post(f"/erasures/{asked['id']}:confirm"), 409, "FAILED_PRECONDITION")

    assert api.admin.get(f"/erasures/{asked['id']}").json["state"] == "asked"
    assert confirm(api, asked["id"]).json["state"] == "completed"


def test_who_confirms_twice_gets_the_same_and_a_third_person_gets_409(api: Api) -> None:
    busy_case(api, "A")
    done = erased(api, subject="cases/A")

    again = confirm(api, done["id"])
    third = confirm(api, done["id"], "third")

    assert (again.status_code, again.json) == (200, done)
    details = refused(third, 409, "FAILED_PRECONDITION")["details"]
    assert details == [{"state": "completed", "confirmedBy": "second@example.com"}]
    assert len(held_trail(api, "tenant")) == 2


def test_an_erasure_that_nobody_confirms_lapses(api: Api, clock: Clock) -> None:
    busy_case(api, "A")
    asked = ask(api, subject="cases/A")

    clock.advance(days=14)

    refused(confirm(api, asked["id"]), 409, "FAILED_PRECONDITION")
    assert api.admin.get(f"/erasures/{asked['id']}").json["state"] == "lapsed"
    assert SECRET in str(events_of(api, "cases/A"))


@pytest.mark.both_stores
def test_asking_and_confirming_again_with_the_same_keys_has_one_effect(api: Api) -> None:
    busy_case(api, "A")
    body = {**WHY, "subject": "cases/A"}
    asked = [api.admin.post("/audit:erase", body, idempotency_key="k") for _ in range(2)]
    path = f"/erasures/{asked[0].json['id']}:confirm"
    second = api.caller("admin", "second")
    confirmed = [second.post(path, idempotency_key="k") for _ in range(2)]

    assert asked[0].json == asked[1].json
    assert confirmed[0].json == confirmed[1].json
    for first, again in (asked, confirmed):
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
    assert asked[0].headers["Location"].endswith(f"/v1/erasures/{asked[0].json['id']}")
    assert len(held_trail(api, "tenant")) == 2


def test_a_confirmation_may_name_the_version_that_was_read(api: Api) -> None:
    busy_case(api, "A")
    asked = ask(api, subject="cases/A")
    path = f"/erasures/{asked['id']}"
    etag = api.admin.get(path).headers["ETag"]
    second = api.caller("admin", "second")

    refused(second.post(f"{path}:confirm", if_match='"stale"'), 412, "FAILED_PRECONDITION")

    assert second.post(f"{path}:confirm", if_match=etag).status_code == 200


@pytest.mark.both_stores
def test_what_is_to_be_erased_is_one_thing_that_has_a_trail(api: Api) -> None:
    for body, field in (
        ({}, "body"),
        ({"person": "kim", "subject": "cases/A"}, "body"),
        ({"subject": "tenant"}, "body"),
        ({"subject": "people/kim"}, "subject"),
    ):
        refused_field(api.admin.post("/audit:erase", {**WHY, **body}), field)
    refused_field(api.admin.post("/audit:erase", {"person": "kim", "reason": "x"}), "legalBasis")
    for subject in ("cases/NONE", "interventions/NONE", "worksheets/NONE:kim"):
        body = {**WHY, "subject": subject}
        refused(api.admin.post("/audit:erase", body), 404, "NOT_FOUND")
    refused(confirm(api, "none"), 404, "NOT_FOUND")
    refused(api.admin.get("/erasures/none"), 404, "NOT_FOUND")


# Receipts


def test_an_erased_event_is_still_the_receipt_of_its_key(api: Api) -> None:
    api.verifier.create(id="A")
    note = {"eventType": "note_added", "message": SECRET}
    first = api.agent.post("/cases/A/audit", note, idempotency_key="note")
    record = {"kind": "finding", "title": SECRET, "data": {}}
    delivered = api.agent.post("/cases/A/records", record, idempotency_key="record")
    erased(api, subject="cases/A")

    again = api.agent.post("/cases/A/audit", note, idempotency_key="note")
    other = api.agent.post("/cases/A/audit", {**note, "message": "x"}, idempotency_key="note")
    once_more = api.agent.post("/cases/A/records", record, idempotency_key="record")

    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert (again.json["hash"], again.json["message"]) == (first.json["hash"], "erased")
    refused(other, 422, "UNPROCESSABLE_CONTENT")
    assert (once_more.status_code, once_more.json) == (201, delivered.json)


def test_the_receipt_of_a_hold_that_is_released_and_erased_says_that_it_is_gone(api: Api) -> None:
    api.verifier.create(id="A")
    reason = {"reason": "Court"}
    placed = api.admin.post("/cases/A/holds", reason, idempotency_key="hold")
    api.admin.post(f"/cases/A/holds/{placed.json['id']}:release", reason)
    erased(api, subject="cases/A")

    again = api.admin.post("/cases/A/holds", reason, idempotency_key="hold")

    refused(again, 404, "NOT_FOUND")


# Legal holds


@pytest.mark.both_stores
def test_nothing_is_erased_under_a_hold_asked_or_confirmed(api: Api) -> None:
    case, question, sheet = busy_case(api, "A")
    asked = [ask(api, subject=one) for one in (case, question, sheet)] + [ask(api, person="kim")]
    release = hold(api, "A")
    before = {one: events_of(api, one) for one in (case, question, sheet)}

    for body in ({"subject": case}, {"subject": question}, {"subject": sheet}, {"person": "kim"}):
        error = refused(api.admin.post("/audit:erase", {**WHY, **body}), 409, "FAILED_PRECONDITION")
        assert error["details"] == [{"caseId": "A", "legalHold": True}]
        assert "cases/A" in error["message"]
    for one in asked:
        refused(confirm(api, one["id"]), 409, "FAILED_PRECONDITION")
    assert before == {one: events_of(api, one) for one in before}

    release()
    assert confirm(api, asked[0]["id"]).json["complete"]


def test_a_hold_on_a_case_that_does_not_name_a_person_is_no_obstacle(api: Api) -> None:
    busy_case(api, "A")
    hold(api, "A")

    assert ask(api, person="somebody")["state"] == "asked"


@pytest.mark.both_stores
def test_a_hold_that_comes_between_two_pages_stops_it_until_it_is_released(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "PAGE", 2)
    busy_case(api, "A")
    asked = ask(api, subject="cases/A")
    placed: list[Any] = []
    # The first commit confirms, and the second one changes a first page.
    meddle(api, on_commit(3, lambda: placed.append(hold(api, "A"))))

    stopped = confirm(api, asked["id"]).json

    assert (stopped["state"], stopped["complete"], stopped["heldCase"]) == ("confirmed", False, "A")
    assert stopped["events"] == 2
    assert run(api, PURGE) == did(skipped=1)
    assert confirm(api, asked["id"]).json == stopped
    placed[0]()
    assert run(api, PURGE) == did(changed=1)
    done = api.admin.get(f"/erasures/{asked['id']}").json
    assert (done["complete"], done["heldCase"]) == (True, None)
    assert all("erased" in event for event in events_of(api, "cases/A")[:-2])


# Interrupted


@pytest.mark.both_stores
def test_whoever_stops_anywhere_leaves_the_rest_to_the_purge(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "PAGE", 2)
    for number in range(1, 12):
        case_id = f"A-{number}"
        subjects = busy_case(api, case_id)
        asked = ask(api, subject=f"cases/{case_id}")
        stop = on_commit(number, stopped)
        meddle(api, stop)
        answer = confirm(api, asked["id"])
        api.runtime._store = api.runtime.store._store  # type: ignore[attr-defined]  # noqa: SLF001
        if answer.status_code == 200:
            assert answer.json["complete"]
            break
        confirmed = number > 1
        assert run(api, PURGE) == (did(changed=1) if confirmed else did())
        found = api.admin.get(f"/erasures/{asked['id']}").json
        assert found["complete"] is confirmed
        shown = [event for subject in subjects for event in events_of(api, subject)]
        assert ("@example.com" in str(shown)) is not confirmed
        assert found["values"] == sum(len(event.get("erased", {})) for event in shown)
    else:
        pytest.fail("it was never done")
    assert number > 5


def stopped() -> None:
    raise RuntimeError


def test_what_the_request_has_no_time_for_is_done_by_the_purge(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "PAGE", 2)
    monkeypatch.setattr(functions.erasures, "SECONDS", 0.0)
    busy_case(api, "A")

    begun = confirm(api, ask(api, subject="cases/A")["id"]).json
    assert (begun["state"], begun["complete"], begun["events"]) == ("confirmed", False, 2)

    assert run(api, f"{PURGE}?dryRun=true") == did(changed=1)
    assert run(api, PURGE) == did(changed=1)
    assert api.admin.get(f"/erasures/{begun['id']}").json["complete"]
    assert run(api, PURGE) == did()


@pytest.mark.both_stores
def test_what_is_recorded_before_the_purge_goes_on_is_not_erased_and_one_event_records_it(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "PAGE", 2)
    monkeypatch.setattr(functions.erasures, "SECONDS", 0.0)
    case, _, sheet = busy_case(api, "A")
    assert not confirm(api, ask(api, subject=case)["id"]).json["complete"]
    clock.advance(seconds=1)
    api.agent.post("/cases/A/audit", {"eventType": "note_added", "message": "Afterwards"})
    api.verifier.put("/cases/A/worksheet", {"fsrNotes": "Afterwards"})

    assert run(api, PURGE) == did(changed=1)

    for subject in (case, sheet):
        *before, after = ("erased" in event for event in events_of(api, subject))
        assert (all(before), after) == (True, False), subject
    assert types(events_of(api, "tenant")) == ["erasure_requested", "data_erased"]


def test_a_page_that_a_commit_has_no_room_for_is_changed_in_parts(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    subjects = busy_case(api, "A")
    monkeypatch.setattr(api.runtime.store, "max_commit_bytes", 9_000)

    done = erased(api, subject="cases/A")

    assert done["complete"]
    assert done["events"] == sum(len(events_of(api, subject)) for subject in subjects)


# What an attacker may try


def test_another_value_in_the_place_of_an_erased_one_is_found(api: Api) -> None:
    busy_case(api, "A")
    erased(api, subject="cases/A")
    store, row = api.runtime.store, stored_events(api, "cases/A")[1]
    whole = content(row)
    assert verification(api, "cases/A")["valid"]

    for fields in (
        {"message": "Somebody else did it"},
        {"erased": "{}"},
        {"erasedBy": None},
        {"disclosures": str({"/message": "0" * 32}).replace("'", '"'), "message": "Another"},
    ):
        store.commit([Update(row.path, fields)])
        found = verification(api, "cases/A")
        assert not found["valid"], fields
        assert found["firstBroken"]["sequence"] == 2
        store.commit([Update(row.path, {name: row.data[name] for name in fields})])
    assert whole == content(stored_events(api, "cases/A")[1])
    assert verification(api, "cases/A")["valid"]


@pytest.mark.parametrize("by", ["nothing", "another event", "another erasure", "another subject"])
def test_an_erasure_that_was_confirmed_in_the_database_alone_erases_nothing(
    api: Api, clock: Clock, by: str
) -> None:
    subjects = [*busy_case(api, "A")]
    store, now = api.runtime.store, clock.now
    asked = ask(api, subject="cases/A")["id"]
    fields: dict[str, Any] = {"confirmedAt": now, "unfinishedSince": now, "eventId": None}
    match by:
        case "another event":
            fields["eventId"] = asked
        case "another erasure":
            fields["eventId"] = erased(api, person="nobody")["eventId"]
        case "another subject":
            hasty = pytest.MonkeyPatch()
            with hasty.context() as patch:
                patch.setattr(erasing, "_next_page", lambda *given: (given[2], []))
                confirm(api, asked)
            fields = {"subject": "cases/B"}
            subjects += busy_case(api, "B")
    store.commit([Update(f"tenants/{api.tenant}/erasures/{asked}", fields)])

    assert run(api, PURGE) == did(failed=1)

    assert not any("erased" in event for one in subjects for event in events_of(api, one))


# What it costs


@pytest.mark.costs_of("erase_audit", "confirm_erasure", "get_erasure", "list_erasures")
def test_an_erasure_reads_what_it_is_about_and_writes_what_it_changes(api: Api) -> None:
    case, question, sheet = busy_case(api, "A")
    number = {one: len(events_of(api, one)) for one in (case, question, sheet)}
    acquainted(api)
    body = {**WHY, "subject": "cases/A"}
    second = api.caller("admin", "second")
    second.put("/cases/A/collaborators/lou", {"permission": "read"})
    number[case] += 1

    asked = api.admin.post("/audit:erase", body)
    # The settings, the newest event, the case, and the two counts; the settings, the event, and the
    # erasure.
    assert cost(asked) == (5, 3, 5)
    path = f"/erasures/{asked.json['id']}"
    about, sheets = number[case] + number[question], number[sheet]
    # To confirm: the same and the erasure. Then the event that confirms it; for the case, and for
    # its worksheets: the erasure, the events, and the case, which has to stay as it is; once more
    # the erasure, which is done.
    confirming, changing = (6, 3), (1 + 2 * 2 + about + sheets + 1, about + sheets + 2 * 2)
    assert cost(second.post(f"{path}:confirm")) == (
        confirming[0] + changing[0],
        confirming[1] + changing[1],
        5 + 1 + 1 + 2 * 4 + 1,
    )
    assert cost(api.admin.get(path)) == (1, 0, 1)
    assert cost(api.admin.get("/erasures")) == (1, 0, 1)


def test_the_erasure_of_a_person_reads_their_events_and_then_the_whole_trail(api: Api) -> None:
    api.verifier.create(id="A")
    for number in range(3):
        api.caller("pilot", "kim").patch("/cases/A", {"title": f"Title {number}"})
    asked = ask(api, person="kim")
    confirm(api, "none")
    acquainted(api)
    everything = len(stored_events(api, "cases/A")) + len(stored_events(api, "tenant"))

    answer = confirm(api, asked["id"])

    assert (answer.json["complete"], answer.json["events"]) == (True, 3)
    # The second admin is seen for the first time, and writes their entry in the directory. To
    # confirm: the settings, the erasure, the person's entry, no held case, and a count. Then the
    # event that confirms it, and twice the erasure and a page, of which the first one changes three
    # events of the case; the erasure.
    reads = 5 + 1 + (1 + 3 + 1) + (1 + everything + 1) + 1
    assert cost(answer) == (reads, (3 + 1) + 5 + (1 + 2), 15)


@pytest.mark.both_stores
def test_a_list_of_erasures_goes_page_by_page(api: Api, clock: Clock) -> None:
    busy_case(api, "A")
    asked = []
    for _ in range(3):
        clock.advance(seconds=1)
        asked.append(ask(api, subject="cases/A")["id"])

    found = [
        one["id"] for page in pages(api.admin, "/erasures?pageSize=2", "erasures") for one in page
    ]

    assert found == asked[::-1]
