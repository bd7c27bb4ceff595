"""Functions that run only as people have approved each call."""

from __future__ import annotations

import asyncio
from asyncio import Future
from typing import Any

import httpx
import pytest

from caseledger import (
    Client,
    Expired,
    NotApproved,
    OutcomeUnknown,
    Problem,
    Rejected,
    Responded,
    Withdrawn,
)
from tests.client import Api
from tests.conftest import Clock
from tests.functions.support import ON_EMBEDDED
from tests.python_client.conftest import Made
from tests.python_client.test_asking import Between, before, decide, refused

pytestmark = ON_EMBEDDED


def asked_of(api: Api) -> list[Any]:
    """The questions that were asked."""
    found: list[Any] = api.viewer.get("/interventions").json["interventions"]
    return found


class Killed(BaseException):
    """The process ends here."""


class Refunds:
    """A function under approval, and what it did; a person decides while it waits."""

    def __init__(self, api: Api, made: Made) -> None:
        self.api = api
        self.made = made
        self.done: list[tuple[str, float]] = []
        self.killed = False

    def __call__(self, order: str, amount: float = 10, **decision: Any) -> Any:
        """Calls the function, as a process of its own would."""
        transport = Between(self.api, ":wait", before(lambda: self._decide(decision)))
        agent = self.made(transport, token=self.api.agent.token)

        @agent.requires_approval("Refund {amount} for {order}?", uow_id="refund-{order}")
        def refund(order: str, amount: float = 10) -> Any:
            self.done.append((order, amount))
            if self.killed:
                raise Killed
            return {"refunded": amount}

        return refund(order, amount) if amount != 10 else refund(order)

    def asked(self) -> list[Any]:
        """The questions that were asked."""
        return asked_of(self.api)

    def _decide(self, decision: dict[str, Any]) -> None:
        (asked,) = self.asked()
        if decision:
            decide(self.api, asked, **decision)


@pytest.fixture
def refund(api: Api, made: Made) -> Refunds:
    """The function, which nobody has called."""
    return Refunds(api, made)


def test_an_approved_call_is_made_and_its_result_recorded(refund: Refunds) -> None:
    assert refund("A-1", decision="approve") == {"refunded": 10}

    (asked,) = refund.asked()
    assert (asked["title"], asked["uowId"]) == ("Refund 10 for A-1?", "refund-A-1")
    arguments = {"order": "A-1", "amount": 10}
    assert asked["action"] == {"tool": "refund", "arguments": arguments}
    assert (asked["status"], asked["result"]) == ("completed", {"refunded": 10})


def test_a_call_is_made_with_the_arguments_that_a_person_gave(refund: Refunds) -> None:
    edited = {"order": "A-1", "amount": 5}

    assert refund("A-1", 50, decision="edit", arguments=edited) == {"refunded": 5}
    assert refund.done == [("A-1", 5)]


def test_what_was_approved_and_does_not_fit_the_function_is_not_started(refund: Refunds) -> None:
    edited = {"order": "A-1", "amuont": 5}

    with pytest.raises(TypeError, match=r"as approved: got an unexpected .* 'amuont'"):
        refund("A-1", decision="edit", arguments=edited)

    (asked,) = refund.asked()
    assert (asked["status"], asked["startedAt"], refund.done) == ("approved", None, [])


def test_what_must_be_awaited_first_is_not_recorded_as_done(api: Api) -> None:
    later: Future[str] = Future(loop=asyncio.new_event_loop())
    transport = Between(
        api, ":wait", before(lambda: decide(api, *asked_of(api), decision="approve"))
    )
    with Client("http://localhost", api.agent.token, transport=transport) as agent:

        @agent.requires_approval("Refund {order}?", uow_id="refund-{order}")
        def refund(order: str) -> Future[str]:  # noqa: ARG001 - it is asked about
            return later

        with pytest.raises(TypeError, match="has not done the action"):
            refund(order="A-1")

    later.get_loop().close()
    (asked,) = asked_of(api)
    assert (asked["status"], asked["result"]) == ("approved", None)


def test_a_call_that_was_completed_is_not_made_again_and_gives_its_result(refund: Refunds) -> None:
    refund("A-1", decision="approve")

    assert refund("A-1") == {"refunded": 10}
    assert refund.done == [("A-1", 10)]


def test_a_process_that_was_killed_while_it_did_it_does_not_do_it_twice(refund: Refunds) -> None:
    refund.killed = True
    with pytest.raises(Killed):
        refund("A-1", decision="approve")
    refund.killed = False

    with pytest.raises(OutcomeUnknown) as caught:
        refund("A-1")

    assert refund.done == [("A-1", 10)]
    assert caught.value.intervention["startedBy"] == "agent@example.com"


def test_the_result_that_a_person_found_out_is_what_the_next_call_gives(refund: Refunds) -> None:
    refund.killed = True
    with pytest.raises(Killed):
        refund("A-1", decision="approve")
    (asked,) = refund.asked()
    found = {"result": {"refunded": 10, "seen": "in the bank's list"}}
    completed = refund.api.pilot.post(f"/interventions/{asked['id']}:complete", found)
    assert completed.status_code == 200, completed.text

    assert refund("A-1") == found["result"]
    assert refund.done == [("A-1", 10)]


def test_of_two_processes_one_does_it(api: Api, refund: Refunds) -> None:
    def other_starts() -> None:
        (asked,) = refund.asked()
        start = {"actionHash": asked["approvedActionHash"]}
        assert api.agent.post(f"/interventions/{asked['id']}:start", start).status_code == 200

    transport = Between(api, ":start", before(other_starts))
    refund.made, made = lambda _, **options: made(transport, **options), refund.made
    agent = refund.made(None, token=api.agent.token)
    asked = agent.ask(
        "Refund 10 for A-1?",
        uow_id="refund-A-1",
        action={"tool": "refund", "arguments": {"order": "A-1", "amount": 10}},
    )
    decide(api, asked, decision="approve")

    with pytest.raises(OutcomeUnknown):
        refund("A-1")
    assert refund.done == []


def test_what_a_person_rejects_is_not_done(refund: Refunds) -> None:
    with pytest.raises(Rejected) as caught:
        refund("A-1", decision="reject", reason="not this customer")

    assert caught.value.reason == "not this customer"
    assert refund.done == []


def test_what_a_person_answers_is_for_the_agent_to_read(api: Api, made: Made) -> None:
    asked: dict[str, Any] = {}
    said = {"decision": "respond", "response": {"text": "Ask for the receipt first."}}

    def answer() -> None:
        (one,) = api.viewer.get("/interventions").json["interventions"]
        decide(api, {**asked, **one}, **said)

    agent = made(Between(api, ":wait", before(answer)), token=api.agent.token)

    @agent.requires_approval("Refund?", uow_id="u-1", decisions=["approve", "respond"])
    def refund() -> None:
        raise AssertionError("it was not approved")

    with pytest.raises(Responded) as caught:
        refund()
    assert caught.value.response == {"text": "Ask for the receipt first."}


def test_what_nobody_decides_in_time_is_not_done(api: Api, made: Made, clock: Clock) -> None:
    agent = made(
        Between(api, ":wait", before(lambda: clock.advance(minutes=2))), token=api.agent.token
    )

    @agent.requires_approval("Go on?", uow_id="u-1", expires_in_seconds=60)
    def go_on() -> None:
        raise AssertionError("it was not approved")

    with pytest.raises(Expired):
        go_on()


def test_what_is_started_too_late_is_not_done(api: Api, made: Made, clock: Clock) -> None:
    def approved_long_ago() -> None:
        (asked,) = api.viewer.get("/interventions").json["interventions"]
        decide(api, asked, decision="approve")
        clock.advance(minutes=2)

    agent = made(Between(api, ":wait", before(approved_long_ago)), token=api.agent.token)

    @agent.requires_approval("Go on?", uow_id="u-1", act_within_seconds=60)
    def go_on() -> None:
        raise AssertionError("its approval has lapsed")

    with pytest.raises(Expired):
        go_on()


def test_a_status_of_a_later_release_is_no_approval(api: Api, made: Made) -> None:
    def later(inner: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
        found = inner.handle_request(request)
        found.read()
        return httpx.Response(200, json={**found.json(), "status": "referred"})

    agent = made(Between(api, ":wait", later), token=api.agent.token)

    @agent.requires_approval("Go on?", uow_id="u-1", timeout=0)
    def go_on() -> None:
        raise AssertionError("it was not approved")

    with pytest.raises(NotApproved):
        go_on()


def test_what_was_withdrawn_is_not_done(api: Api, made: Made) -> None:
    def withdraw() -> None:
        (asked,) = api.viewer.get("/interventions").json["interventions"]
        api.pilot.post(f"/interventions/{asked['id']}:withdraw", {})

    agent = made(Between(api, ":wait", before(withdraw)), token=api.agent.token)

    @agent.requires_approval("Go on?", uow_id="u-1")
    def go_on() -> None:
        raise AssertionError("it was not approved")

    with pytest.raises(Withdrawn):
        go_on()


@pytest.mark.parametrize(
    "result", [object(), float("nan"), "x" * 65_536, {"a": [[[[[[[[[[[]]]]]]]]]]]}], ids=type
)
def test_a_result_that_cannot_be_recorded_does_not_undo_what_was_done(
    api: Api, made: Made, result: object
) -> None:
    def approve() -> None:
        (asked,) = api.viewer.get("/interventions").json["interventions"]
        decide(api, asked, decision="approve")

    agent = made(Between(api, ":wait", before(approve)), token=api.agent.token)

    @agent.requires_approval("Go on?", uow_id="u-1")
    def go_on() -> object:
        return result

    assert go_on() is result
    (asked,) = api.viewer.get("/interventions").json["interventions"]
    assert (asked["status"], asked["result"]) == ("completed", None)


def test_a_result_that_the_server_does_not_record_for_another_reason_is_not_recorded_as_none(
    api: Api, made: Made
) -> None:
    agent = made(Between(api, ":complete", refused(500, "INTERNAL")), token=api.agent.token)

    @agent.requires_approval("Go on?", uow_id="u-1", timeout=0)
    def go_on() -> str:
        return "done"

    with pytest.raises(TimeoutError):
        go_on()
    (asked,) = asked_of(api)
    decide(api, asked, decision="approve")
    with pytest.raises(Problem, match="INTERNAL"):
        go_on()

    (started,) = asked_of(api)
    assert (started["status"], bool(started["startedAt"])) == ("approved", True)


def test_arguments_of_any_name_are_approved_by_their_names(api: Api, made: Made) -> None:
    agent = made(httpx.WSGITransport(app=api.app), token=api.agent.token)

    @agent.requires_approval("Go on with {x}?", uow_id="u-{x}", timeout=0)
    def go_on(first: int, **others: int) -> None: ...

    with pytest.raises(TimeoutError):
        go_on(1, x=2)

    (asked,) = api.viewer.get("/interventions").json["interventions"]
    assert asked["action"]["arguments"] == {"first": 1, "x": 2}
