"""The export of a person: all that is kept of them, page by page, for themselves and for admins."""

from __future__ import annotations

from typing import Any

import pytest

from shared.models.person_export import PARTS
from tests.client import Api, Client
from tests.functions.erasure_support import erased
from tests.functions.support import cost, refused, refused_field


def kim(api: Api, email: str = "kim@example.com") -> Client:
    """The person whom these tests are about."""
    return api.caller("pilot", "kim", email=email)


def exported(client: Client, size: int = 200, person: str = "kim") -> dict[str, list[Any]]:
    """All items of an export by their parts, in the order of the answers."""
    found: dict[str, list[Any]] = {}
    token = ""
    while True:
        answer = client.get(f"/people/{person}:export?pageSize={size}{token}")
        assert answer.status_code == 200, answer.text
        assert len(answer.json["items"]) <= size
        found.setdefault(answer.json["part"], []).extend(answer.json["items"])
        if "nextPageToken" not in answer.json:
            return found
        token = f"&pageToken={answer.json['nextPageToken']}"


def filled(api: Api) -> None:
    """Cases, interventions and a worksheet that have to do with Kim, and some that have not."""
    kim(api, "old@example.com").create(id="EARLY")
    kim(api).create(id="MINE")
    kim(api).put("/cases/MINE/worksheet", {"fsrNotes": "My notes"})
    kim(api).put("/views", {"views": [{"name": "mine", "query": "status=new"}]})
    api.verifier.create(id="THEIRS", assignedTo="kim@example.com")
    api.verifier.create(id="NOT-MINE")
    api.verifier.put("/cases/NOT-MINE/worksheet", {"fsrNotes": "Others"})
    ids = [
        api.agent.post("/interventions", {"uowId": "u", "type": "resume", "title": t}).json["id"]
        for t in ("held", "decided", "neither")
    ]
    for number in range(2):
        assert kim(api).post(f"/interventions/{ids[number]}:claim").status_code == 200
    verdict = {"decision": "approve"}
    assert kim(api).post(f"/interventions/{ids[1]}:decide", verdict).status_code == 200


def test_a_person_and_an_admin_get_all_that_is_kept_of_them(api: Api) -> None:
    filled(api)

    found = exported(kim(api))

    assert list(found) == list(PARTS)
    subjects = {event["subject"].split("/")[0] for event in found["events"]}
    assert subjects == {"cases", "worksheets", "interventions"}
    assert {event["actor"]["subject"] for event in found["events"]} == {"kim"}
    assert {event["actor"]["email"] for event in found["events"]} == {
        "old@example.com",
        "kim@example.com",
    }
    assert [case["id"] for case in found["casesAssigned"]] == ["THEIRS"]
    assert [case["id"] for case in found["casesCreated"]] == ["MINE"]
    held = {one["title"] for one in found["interventionsHeld"]}
    assert held == {"held", "decided"}
    assert [one["title"] for one in found["interventionsDecided"]] == ["decided"]
    assert [sheet["fsrNotes"] for sheet in found["worksheets"]] == ["My notes"]
    first = kim(api).get("/people/kim:export").json
    assert first["person"]["name"] == "kim@example.com"
    assert first["views"] == [{"name": "mine", "query": "status=new"}]


def test_a_case_that_another_person_opened_under_the_same_address_is_not_theirs(api: Api) -> None:
    api.caller("verifier", "former", email="kim@example.com").create(id="FORMERS")
    filled(api)

    assert [case["id"] for case in exported(api.admin)["casesCreated"]] == ["MINE"]


def test_an_admin_is_shown_all_but_what_is_private_to_the_person(api: Api) -> None:
    filled(api)
    own = exported(kim(api))

    found = exported(api.admin)

    (sheet,) = own.pop("worksheets")
    assert found.pop("worksheets") == [
        {n: v for n, v in sheet.items() if n not in ("fsrNotes", "problemStatement")}
    ]
    assert found == own
    assert "views" not in api.admin.get("/people/kim:export").json


@pytest.mark.both_stores
def test_the_pages_have_each_item_once_whatever_their_size(api: Api) -> None:
    filled(api)

    assert exported(api.admin, size=1) == exported(api.admin)


def test_others_than_admins_get_their_own_only(api: Api) -> None:
    filled(api)

    for other in (api.pilot, api.viewer, api.agent):
        refused(other.get("/people/kim:export"), 403, "PERMISSION_DENIED")


def test_of_somebody_unknown_or_erased_nothing_is_kept_but_what_they_did(api: Api) -> None:
    filled(api)
    nothing = api.admin.get("/people/nobody:export")
    assert nothing.json == {"person": None, "part": PARTS[-1], "items": []}

    erased(api, person="kim")

    answer = api.admin.get("/people/kim:export").json
    assert answer["person"] is None
    assert {event["actor"]["email"] for event in answer["items"]} == {"erased"}


def test_a_page_token_of_another_list_is_refused(api: Api) -> None:
    filled(api)
    other = api.admin.get("/audit?pageSize=1").json["nextPageToken"]

    for token in (other, f"0.{other}", "9.", "x", "1.x"):
        refused_field(api.admin.get(f"/people/kim:export?pageToken={token}"), "pageToken")


@pytest.mark.both_stores
@pytest.mark.costs_of("export_person")
def test_a_page_costs_its_rows_and_a_read_for_each_part_that_is_empty(api: Api) -> None:
    filled(api)

    # The entry and the views, and the page.
    assert cost(api.admin.get("/people/kim:export?pageSize=3")) == (2 + 3, 0, 2)
    assert cost(api.admin.get("/people/nobody:export")) == (2 + 6, 0, 7)
