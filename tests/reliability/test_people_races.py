"""Races of persons: of two first acts at once by one name, one stores the subject."""

from __future__ import annotations

from functools import partial

import pytest

from local.tokens import unsigned_token
from tests.client import Api, Client, TestResponse
from tests.reliability.support import LOAD, held_case, in_parallel, persistent

ROUNDS = 10


def retitled(people: list[Client], case_id: str, turn: int) -> TestResponse:
    """One of them acts on the case."""
    return persistent(people[turn], "PATCH", f"/cases/{case_id}", {"title": f"Title {turn}"})


@pytest.mark.parametrize("_round", range(LOAD))
def test_of_two_first_acts_at_once_by_one_name_one_stores_the_subject(
    api: Api, _round: int
) -> None:
    def person(sub: str, email: str) -> Client:
        token = unsigned_token(sub=sub, tenant=api.tenant, role="verifier", email=email)
        return Client(api.app, token, {})

    for number in range(ROUNDS):
        # Each time another one, which the directory does not know yet.
        address = f"vera-{number}@example.com"
        new = {"decisionType": "kyc", "title": "A case", "assignedTo": address}
        created = persistent(api.agent, "POST", "/cases", new).json
        case_id = created["id"]
        people = [person(f"vera-{turn % 2}", address) for turn in range(4)]

        answers = in_parallel(4, partial(retitled, people, case_id))

        assert created["assignedToSubject"] is None
        assert [answer.status_code for answer in answers] == [200] * 4
        stored = [
            change["new"]
            for event in held_case(api, case_id)
            for change in event["changes"]
            if change["field"] == "assignedToSubject" and change["new"]
        ]
        case = api.viewer.get(f"/cases/{case_id}").json
        assert stored == [case["assignedToSubject"]]
        assert case["assignedToSubject"] in {"vera-0", "vera-1"}
        assert case["assignedTo"] == address


def test_of_one_person_in_many_first_changes_at_once_there_is_one_entry(api: Api) -> None:
    answers = in_parallel(
        20,
        lambda n: persistent(
            api.verifier, "POST", "/cases", {"decisionType": "kyc", "title": f"{n}"}
        ),
    )

    assert {answer.status_code for answer in answers} == {201}
    assert [one["subject"] for one in api.viewer.get("/people").json["people"]] == ["verifier"]
