"""Events are sent to webhooks: once each, signed, and again while that fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from shared.documents.port import Delete, Query, Write
from shared.sweeps import delivering
from tests.client import Api
from tests.conftest import Clock
from tests.functions.support import cost
from tests.functions.sweep_support import PURGE, answered, did, meddle, on_commit, run, trigger
from tests.functions.webhook_support import DELIVER, SOON, due, kept, listening, path
from tests.reliability.receivers import OK, answers, closes, receiving, status

pytestmark = pytest.mark.both_stores

FAILED_AT_ONCE = timedelta(seconds=6)
"""The longest wait before the second attempt."""


def test_an_event_is_sent_once_to_each_webhook_that_hears_of_it(api: Api, clock: Clock) -> None:
    with receiving() as first, receiving() as second:
        hooks = [listening(api, url, "case.created") for url in (first.url, second.url)]
        case = api.verifier.create()
        api.verifier.patch(f"/cases/{case['id']}", {"title": "Not heard of"})
        clock.now += SOON

        assert run(api, DELIVER) == did(changed=2)
        assert run(api, DELIVER) == did()

    (event,) = api.pilot.get("/audit?eventType=case_created").json["events"]
    for receiver in (first, second):
        (head,), (body,) = receiver.heads(), receiver.bodies()
        assert head["webhook-id"] == event["id"]
        assert head["content-type"] == "application/json"
        content = json.loads(body)
        assert content["type"] == "case.created"
        assert content["data"]["hash"] == event["hash"]
        assert content["data"]["subject"] == event["subject"]
        assert (content["data"]["sequence"], content["data"]["previousHash"]) == (1, "0" * 64)
    stored = [one for hook in hooks for one in kept(api, hook).values()]
    assert [one["status"] for one in stored] == ["delivered"] * 2


def test_a_webhook_is_signed_by_its_secret_and_for_a_day_by_the_former_one(
    api: Api, clock: Clock
) -> None:
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        new = api.admin.post(f"/webhooks/{hook['id']}:rotateSecret").json
        rotated = clock.now
        due(api, hook, clock.now, "e-1")
        run(api, DELIVER)
        clock.now += timedelta(hours=24)
        due(api, hook, clock.now, "e-2")
        run(api, DELIVER)

    heads, bodies = receiver.heads(), receiver.bodies()
    both, one = (head["webhook-signature"].split() for head in heads)
    # The library verifies only what is at most five minutes old, by the clock of the machine.
    signed = [
        Webhook(made["secret"]).sign("e-1", rotated, bodies[0].decode()) for made in (new, hook)
    ]
    assert int(heads[0]["webhook-timestamp"]) == int(rotated.timestamp())
    assert both == signed
    assert one == [Webhook(new["secret"]).sign("e-2", clock.now, bodies[1].decode())]


@pytest.mark.costs_of("deliver_webhooks")
def test_a_run_costs_one_read_when_idle_and_two_writes_for_each_delivery(
    api: Api, clock: Clock
) -> None:
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        assert cost(answered(api, DELIVER)) == (1, 0, 1)
        due(api, hook, clock.now, "e-1", "e-2", "e-3")
        # The rows and the endpoints; one commit before the attempts, and one after them.
        assert cost(answered(api, DELIVER)) == (4, 6, 4)


def test_a_scheduled_run_leaves_a_mark_only_where_it_sent_something(api: Api, clock: Clock) -> None:
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        run(api, DELIVER, **trigger(clock.now))
        assert api.runtime.store.query(Query("scheduledRuns")) == []
        due(api, hook, clock.now, "e-1")
        first = answered(api, DELIVER, **trigger(clock.now))
        again = answered(api, DELIVER, **trigger(clock.now))

    assert first.json["changed"] == again.json["changed"] == 1
    assert len(receiver.requests) == 1


def test_a_dry_run_sends_nothing(api: Api, clock: Clock) -> None:
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1")
        assert run(api, f"{DELIVER}?dryRun=true") == did(changed=1)

    assert receiver.connections == 0
    assert kept(api, hook)["e-1"]["attempts"] == 0


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        (status(500), (500, "status")),
        (status(301, "Location: http://127.0.0.1/"), (301, "status")),
        (closes, (None, "connection")),
        (answers(b"garbage\r\n\r\n"), (None, "answer")),
    ],
    ids=["500", "a redirect", "closes", "garbage"],
)
def test_what_a_receiver_does_not_take_is_sent_again_with_the_same_id(
    api: Api, clock: Clock, behaviour: Any, told: tuple[int | None, str]
) -> None:
    with receiving(behaviour) as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1")
        assert run(api, DELIVER) == did(skipped=1)
        delivery = kept(api, hook)["e-1"]
        assert (delivery["lastCode"], delivery["lastError"]) == told
        assert clock.now < delivery["dueAt"] <= clock.now + FAILED_AT_ONCE
        assert (delivery["status"], delivery["attempts"]) == ("due", 1)
        assert run(api, DELIVER) == did()

        receiver.behaviour = answers(OK)
        clock.now += SOON
        assert run(api, DELIVER) == did(changed=1)

    assert [head["webhook-id"] for head in receiver.heads()] == ["e-1", "e-1"]
    delivery = kept(api, hook)["e-1"]
    assert (delivery["status"], delivery["attempts"], delivery["dueAt"]) == ("delivered", 2, None)


def test_after_ten_attempts_a_delivery_has_failed(api: Api, clock: Clock) -> None:
    with receiving(status(503)) as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1")
        for _ in range(12):
            run(api, DELIVER)
            clock.now += timedelta(hours=29)

    assert len(receiver.requests) == 10
    assert kept(api, hook)["e-1"]["status"] == "failed"


def test_a_receiver_that_asks_to_wait_is_left_alone(api: Api, clock: Clock) -> None:
    with receiving(status(429, "Retry-After: 3600")) as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1")
        run(api, DELIVER)

    assert kept(api, hook)["e-1"]["dueAt"] == clock.now + timedelta(hours=1)


def test_a_receiver_that_answers_410_is_disabled_and_the_trail_says_so(
    api: Api, clock: Clock
) -> None:
    with receiving(status(410)) as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1")
        due(api, hook, clock.now + SOON, "e-2")
        assert run(api, DELIVER) == did(changed=1)
        clock.now += SOON
        assert run(api, DELIVER) == did(changed=1)

    assert len(receiver.requests) == 1
    assert [one["lastError"] for one in kept(api, hook).values()] == ["gone", "disabled"]
    (event,) = api.pilot.get("/audit?eventType=webhook_disabled").json["events"]
    assert (event["reason"], event["source"]) == ("gone", "scheduler")


def test_an_endpoint_that_gives_no_answer_is_asked_once_in_a_run(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "OF_A_HOST", 1)
    with receiving(closes) as silent, receiving() as other:
        hook, heard = listening(api, silent.url), listening(api, other.url)
        due(api, hook, clock.now, "e-1", "e-2", "e-3")
        due(api, heard, clock.now, "e-1", "e-2")
        assert run(api, DELIVER) == did(changed=2, skipped=3)

    assert (silent.connections, other.connections) == (1, 2)
    told = [(one["attempts"], one["lastError"]) for one in kept(api, hook).values()]
    assert told == [(1, "connection")] * 3


def test_no_more_than_a_few_are_sent_to_one_host_at_once(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "OF_A_HOST", 2)
    lock, there, most = threading.Lock(), 0, 0

    def behave(connection: Any, _: bytes, __: threading.Event) -> None:
        nonlocal there, most
        with lock:
            there += 1
            most = max(most, there)
        connection.sendall(OK)
        with lock:
            there -= 1

    with receiving(behave) as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, *(f"e-{number}" for number in range(7)))
        assert run(api, DELIVER) == did(changed=7)

    assert most <= 2


def test_two_runs_at_once_never_send_the_same_delivery(api: Api, clock: Clock) -> None:
    second: list[dict[str, Any]] = []
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, *(f"e-{number}" for number in range(5)))
        # The other run comes when this one has read what is due, and has not begun.
        meddle(api, on_commit(1, lambda: second.append(run(api, DELIVER))))
        first = run(api, DELIVER)

    assert (first, second) == (did(skipped=5), [did(changed=5)])
    assert sorted(head["webhook-id"] for head in receiver.heads()) == [f"e-{n}" for n in range(5)]


def test_what_is_being_sent_is_not_sent_by_another_run(api: Api, clock: Clock) -> None:
    during: list[dict[str, Any]] = []

    def behave(connection: Any, _: bytes, __: threading.Event) -> None:
        during.append(run(api, DELIVER))
        connection.sendall(OK)

    with receiving(behave) as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1")
        assert run(api, DELIVER) == did(changed=1)

    assert during == [did()]
    assert len(receiver.requests) == 1


def test_a_run_that_ends_while_it_sends_leaves_it_to_a_later_one(api: Api, clock: Clock) -> None:
    class EndedError(BaseException):
        """The end of the process."""

    def ended() -> None:
        raise EndedError

    with receiving() as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1")
        meddle(api, on_commit(2, ended))
        with pytest.raises(EndedError):
            answered(api, DELIVER)
        assert run(api, DELIVER) == did()
        clock.now += timedelta(minutes=2)
        assert run(api, DELIVER) == did(changed=1)

    assert [head["webhook-id"] for head in receiver.heads()] == ["e-1", "e-1"]


def test_a_delivery_that_was_removed_while_it_was_sent_stays_removed(
    api: Api, clock: Clock
) -> None:
    def remove(writes: Sequence[Write]) -> None:
        calls.append(path(api, hook, "e-1") in {write.path for write in writes})
        if calls.count(True) == 2:
            api.runtime.store.commit([Delete(path(api, hook, "e-1"))])

    calls: list[bool] = []
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1", "e-2")
        meddle(api, remove)
        assert run(api, DELIVER)["changed"] == 1

    assert list(kept(api, hook)) == ["e-2"]


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "https://[::ffff:127.0.0.1]/"])
def test_nothing_is_sent_to_an_address_of_a_private_network(
    api: Api, clock: Clock, url: str
) -> None:
    hook = listening(api, url)
    due(api, hook, clock.now, "e-1")
    run(api, DELIVER)

    assert kept(api, hook)["e-1"]["lastError"] == "address"


def test_without_the_key_nothing_is_sent_and_nothing_is_lost(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1")
        api.runtime.config = replace(api.runtime.config, webhook_key="")
        assert run(api, DELIVER) == did(skipped=1)

    assert receiver.connections == 0
    assert kept(api, hook)["e-1"]["status"] == "due"
    assert "there is no CASELEDGER_WEBHOOK_KEY, so no event is sent" in capsys.readouterr().out


def test_deliveries_that_are_over_are_removed_after_14_days(api: Api, clock: Clock) -> None:
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1")
        run(api, DELIVER)
        clock.now += timedelta(days=13)
        run(api, PURGE)
        assert len(kept(api, hook)) == 1
        clock.now += timedelta(days=1)
        assert run(api, PURGE) == did(changed=1)

    assert kept(api, hook) == {}
