"""What agents do with the client, over the functions: ask, wait, start, complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from caseledger import (
    Client,
    Problem,
    UnreadableRows,
    action_hash,
)
from tests.client import Api
from tests.functions.support import ON_EMBEDDED
from tests.functions.test_unreadable import spoilt
from tests.python_client.conftest import Made

pytestmark = ON_EMBEDDED
LETTER: Any = {"tool": "send_letter", "arguments": {"to": "Dr. Smith", "copies": 1}}
Fault = Callable[[httpx.BaseTransport, httpx.Request], httpx.Response]


class Between(httpx.BaseTransport):
    """The functions, with something that happens at the first request whose path ends so."""

    def __init__(self, api: Api, end: str, happens: Fault) -> None:
        self._inner = httpx.WSGITransport(app=api.app)
        self._end = end
        self._happens: Fault | None = happens

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        happens = self._happens
        if happens and request.url.path.endswith(self._end):
            self._happens = None
            return happens(self._inner, request)
        return self._inner.handle_request(request)


def before(action: Callable[[], object]) -> Fault:
    """Lets something happen before the request arrives."""

    def happens(inner: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
        action()
        return inner.handle_request(request)

    return happens


def lost(inner: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
    """The request takes effect, and its answer is lost."""
    inner.handle_request(request).close()
    raise httpx.ReadError("the connection broke")


def refused(code: int, status: str) -> Fault:
    error = {"error": {"code": code, "status": status, "message": "try again", "details": []}}
    return lambda _, __: httpx.Response(code, json=error)


FAULTS = {
    "503 once": refused(503, "UNAVAILABLE"),
    "429 once": refused(429, "RESOURCE_EXHAUSTED"),
    "aborted once": refused(409, "ABORTED"),
    "answer lost after the commit": lost,
}


@pytest.fixture
def agent(api: Api, made: Made) -> Client:
    """An agent, as the functions know it."""
    return made(httpx.WSGITransport(app=api.app), token=api.agent.token)


def decide(api: Api, asked: Any, **decision: Any) -> None:
    answer = api.pilot.post(f"/interventions/{asked['id']}:decide", decision)
    assert answer.status_code == 200, answer.text


def events(api: Api, asked: Any) -> list[str]:
    found = api.pilot.get(f"/audit?subject=interventions/{asked['id']}").json["events"]
    return sorted(event["eventType"] for event in found)


@pytest.mark.parametrize("end", ["/interventions", ":start", ":complete"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_request_that_failed_for_now_or_whose_answer_was_lost_takes_effect_once(
    api: Api, made: Made, slept: list[float], fault: Fault, end: str
) -> None:
    agent = made(Between(api, end, fault), token=api.agent.token)

    asked = agent.ask("Send it?", uow_id="letter-7", action=LETTER)
    decide(api, asked, decision="approve")
    agent.start(agent.wait(asked))
    done = agent.complete(asked, {"sent": True})

    assert (done["status"], done["result"]) == ("completed", {"sent": True})
    assert [one["id"] for one in agent.list_interventions()] == [asked["id"]]
    assert events(api, asked) == [
        "intervention_completed",
        "intervention_decided",
        "intervention_requested",
        "intervention_started",
    ]
    assert len(slept) == 1


def test_an_agent_that_was_started_again_finds_its_question(api: Api, agent: Client) -> None:
    asked = agent.ask("Send it?", uow_id="letter-7", action=LETTER, context={"page": 1})
    decide(api, asked, decision="approve")

    again = agent.ask("Send it?", uow_id="letter-7", action=LETTER, context={"page": 1})
    other = agent.ask("Send it?", uow_id="letter-7", action=LETTER, context={"page": 2})

    assert (again["id"], again["status"]) == (asked["id"], "approved")
    assert other["id"] != asked["id"]


def test_the_order_of_names_makes_no_other_question(agent: Client) -> None:
    asked = agent.ask("Send it?", uow_id="letter-7", action=LETTER)
    other: Any = {"arguments": {"copies": 1.0, "to": "Dr. Smith"}, "tool": "send_letter"}

    again = agent.ask("Send it?", uow_id="letter-7", action=other)

    assert again["id"] == asked["id"]


def test_what_is_no_json_is_refused_before_it_is_sent(agent: Client) -> None:
    with pytest.raises(ValueError, match="object"):
        agent.ask("Send it?", action={"tool": "send", "arguments": {"to": object()}})


def test_without_a_unit_of_work_each_call_is_a_new_question(agent: Client) -> None:
    assert agent.ask("Go on?")["id"] != agent.ask("Go on?")["id"]


def test_a_key_of_ones_own_has_one_question(agent: Client) -> None:
    assert agent.ask("Go on?", key="k-1")["id"] == agent.ask("Go on?", key="k-1")["id"]
    with pytest.raises(Problem) as caught:
        agent.ask("Or not?", key="k-1")
    assert caught.value.code == 422


def test_wait_gives_the_question_once_it_is_decided(api: Api, made: Made) -> None:
    asked: dict[str, Any] = {}
    decided = before(lambda: decide(api, asked, decision="approve", reason="fine"))
    agent = made(Between(api, ":wait", decided), token=api.agent.token)
    asked.update(agent.ask("Go on?", uow_id="u-1"))

    assert agent.wait(asked["id"])["actionReason"] == "fine"


def test_wait_says_that_its_time_is_over(agent: Client) -> None:
    asked = agent.ask("Go on?", uow_id="u-1")

    with pytest.raises(TimeoutError, match=f"{asked['id']} is pending"):
        agent.wait(asked, timeout=0)


def test_what_is_started_is_what_a_person_made_of_it(api: Api, agent: Client) -> None:
    asked = agent.ask("Send it?", uow_id="letter-7", action=LETTER)
    decide(api, asked, decision="edit", arguments={"to": "Dr. Jones", "copies": 2})
    decided = agent.wait(asked)

    with pytest.raises(Problem, match="another action was approved"):
        agent.start(decided, arguments=LETTER["arguments"])
    started = agent.start(decided)

    hashed = action_hash("send_letter", {"to": "Dr. Jones", "copies": 2})
    assert (started["approvedActionHash"], started["startedBy"]) == (hashed, "agent@example.com")


def test_what_has_no_action_cannot_be_started(agent: Client) -> None:
    with pytest.raises(ValueError, match="is about no action"):
        agent.start(agent.ask("Go on?"))


def test_a_question_is_withdrawn_with_the_reason(agent: Client) -> None:
    withdrawn = agent.withdraw(agent.ask("Go on?"), "not needed any more")

    assert withdrawn["status"] == "withdrawn"
    assert withdrawn["actionReason"] == "not needed any more"


def test_a_wrong_question_is_refused_with_the_name_of_the_field(agent: Client) -> None:
    with pytest.raises(Problem) as caught:
        agent.ask("Send it?", priority="urgent")  # type: ignore[arg-type]

    assert (caught.value.code, caught.value.field) == (400, "priority")


def test_a_list_is_given_over_all_of_its_pages(api: Api, agent: Client) -> None:
    ids = {api.verifier.create()["id"] for _ in range(5)}

    listed = [case["id"] for case in agent.list_cases(page_size=2, status=["new", "closed"])]

    assert sorted(listed) == sorted(ids)


def test_rows_that_cannot_be_read_are_told_with_a_warning(api: Api, agent: Client) -> None:
    case = api.verifier.create()
    spoilt(api, f"cases/{case['id']}", "title")

    with pytest.warns(UnreadableRows, match=case["id"]):
        assert list(agent.list_cases()) == []
