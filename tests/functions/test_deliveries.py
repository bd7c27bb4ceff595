"""Events are sent to webhooks: once each, signed, and again while that fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from shared import outgoing
from shared.documents.port import Create, Delete, Query, Update, Write
from shared.ledger import deliveries as made_by_ledger
from shared.outgoing import Answer
from shared.repository import deliveries, webhooks
from shared.repository.webhook_keys import new_key
from shared.sweeps import delivering
from shared.sweeps import run as sweep_run
from tests.client import Api
from tests.conftest import Clock
from tests.functions.mcp_support import QUESTION, call
from tests.functions.support import acquainted, cost, refused, refused_field
from tests.functions.sweep_support import (
    PURGE,
    TICK,
    answered,
    did,
    meddle,
    on_commit,
    run,
    trigger,
)
from tests.functions.webhook_support import DELIVER, SOON, due, kept, listening, path, waiting
from tests.reliability.receivers import OK, answers, closes, receiving, stalls, status
from tests.reliability.support import in_parallel
from tests.rows import each_row

NEW = {"decisionType": "d", "title": "T"}
FAILED_AT_ONCE = timedelta(seconds=6)
"""The longest wait before the second attempt."""


@pytest.mark.both_stores
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


@pytest.mark.both_stores
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


@pytest.mark.both_stores
@pytest.mark.costs_of("deliver_webhooks")
def test_a_run_costs_one_read_when_idle_and_two_writes_for_each_delivery(
    api: Api, clock: Clock
) -> None:
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        assert cost(answered(api, DELIVER)) == (1, 0, 1)
        due(api, hook, clock.now, "e-1", "e-2", "e-3")
        # The rows and the endpoints; a commit before and after the first attempt, and the others.
        assert cost(answered(api, DELIVER)) == (4, 6, 6)


@pytest.mark.both_stores
def test_a_scheduled_run_leaves_a_mark_only_where_it_sent_something(api: Api, clock: Clock) -> None:
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        run(api, DELIVER, **trigger(clock.now))
        assert api.runtime.store.query(Query("scheduledRuns")) == []
        due(api, hook, clock.now, "e-1")
        first = answered(api, DELIVER, **trigger(clock.now))
        # The row, the endpoints; the two commits of the attempt, and the mark.
        assert cost(first) == (2, 3, 5)
        again = answered(api, DELIVER, **trigger(clock.now))

    assert (first.json["changed"], again.json["changed"]) == (1, 0)
    assert len(receiver.requests) == 1
    runs = {one["name"]: one["last"] for one in api.admin.get("/scheduled").json["runs"]}
    assert runs["deliverWebhooks"]["done"] == 1


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
        due(api, hook, clock.now, "e-1", "e-2", "e-3")
        assert run(api, DELIVER) == did(skipped=3)

    # What else was due to it is not sent to it either.
    assert len(receiver.requests) == 1
    later = clock.now + timedelta(hours=1)
    assert [one["dueAt"] for one in kept(api, hook).values()] == [later] * 3


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


def test_several_deliveries_that_find_nothing_more_end_one_after_another(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    disabled = threading.Event()
    disable = webhooks.disable

    def told(*arguments: Any) -> Any:
        found = disable(*arguments)
        disabled.set()
        return found

    def gone(connection: Any, request: bytes, over: threading.Event) -> None:
        if b"webhook-id: e-0" in request:
            connection.sendall(OK)
            return
        if b"webhook-id: e-1" in request:
            disabled.wait(10)
        status(410)(connection, request, over)

    monkeypatch.setattr(webhooks, "disable", told)
    monkeypatch.setattr(delivering, "OF_A_HOST", 2)
    with receiving(gone) as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-0", "e-1", "e-2", "e-3")
        assert run(api, DELIVER) == did(changed=4)

    became = [one["lastError"] for one in kept(api, hook).values()]
    assert became == [None, "gone", "gone", "disabled"]


@pytest.mark.both_stores
def test_an_address_that_is_gone_disables_no_webhook_that_has_moved(api: Api, clock: Clock) -> None:
    def moved(connection: Any, request: bytes, over: threading.Event) -> None:
        url = {"url": "https://new.example/"}
        assert api.admin.patch(f"/webhooks/{hook['id']}", url).status_code == 200
        status(410)(connection, request, over)

    with receiving(moved) as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1")
        clock.now += SOON
        assert run(api, DELIVER) == did(changed=1)

    (now,) = api.admin.get("/webhooks").json["webhooks"]
    assert (now["url"], now["disabledAt"]) == ("https://new.example", None)


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


def test_nobody_waits_for_an_endpoint_that_answers_slowly(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "AT_ONCE", 1)
    monkeypatch.setattr(delivering, "SLOW_SECONDS", -1)
    monkeypatch.setattr(delivering, "_ASIDE", 2)
    with receiving() as receiver:
        slow, other = listening(api, receiver.url), listening(api, receiver.url)
        due(api, slow, clock.now, "slow-1", "slow-2", "slow-3", "slow-4")
        due(api, other, clock.now + TICK, "other")
        clock.now += SOON
        assert run(api, DELIVER) == did(changed=4, skipped=1)
        sent = [head["webhook-id"] for head in receiver.heads()]
        assert run(api, DELIVER) == did(changed=1)

    assert sent == ["slow-1", "other", "slow-2", "slow-3"]


def test_no_run_is_longer_for_an_endpoint_that_answers_slowly(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "SLOW_SECONDS", -1)
    monkeypatch.setattr(delivering, "SLOW_UNTIL", -1)
    with receiving() as receiver:
        slow = listening(api, receiver.url)
        due(api, slow, clock.now, "slow-1", "slow-2", "slow-3")
        assert run(api, DELIVER) == did(changed=1, skipped=2)

    assert len(receiver.requests) == 1


@pytest.mark.both_stores
def test_while_one_endpoint_is_slow_others_are_sent_all_that_is_due_to_them(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "AT_ONCE", 2)
    monkeypatch.setattr(delivering, "STUCK_SECONDS", 0.05)
    # What is due to the slow one fills the first page.
    monkeypatch.setattr(sweep_run, "BATCH", 2)
    others_have_all = threading.Event()
    in_time: list[bool] = []

    def slow(connection: Any, _: bytes, __: threading.Event) -> None:
        in_time.append(others_have_all.wait(10))
        connection.sendall(OK)

    def quick(connection: Any, _: bytes, __: threading.Event) -> None:
        if len(other.requests) == 5:
            others_have_all.set()
        connection.sendall(OK)

    with receiving(slow) as late, receiving(quick) as other:
        waited, heard = listening(api, late.url), listening(api, other.url)
        due(api, waited, clock.now, "slow-1", "slow-2")
        due(api, heard, clock.now + TICK, *(f"e-{number}" for number in range(5)))
        clock.now += SOON
        assert run(api, DELIVER) == did(changed=7)

    assert in_time == [True, True]


def test_many_slow_endpoints_on_a_host_hold_up_no_other_host(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "OF_A_HOST", 1)
    monkeypatch.setattr(delivering, "STUCK_SECONDS", 0.05)
    # What is due to the slow ones fills the first page.
    monkeypatch.setattr(sweep_run, "BATCH", 3)
    heard = threading.Event()
    in_time: list[bool] = []

    def slow(connection: Any, _: bytes, __: threading.Event) -> None:
        in_time.append(heard.wait(10))
        connection.sendall(OK)

    def quick(connection: Any, _: bytes, __: threading.Event) -> None:
        heard.set()
        connection.sendall(OK)

    with receiving(slow) as late, receiving(quick) as other:
        for number in range(3):
            due(api, listening(api, late.url), clock.now, f"slow-{number}")
        url = other.url.replace("127.0.0.1", "localhost")
        due(api, listening(api, url), clock.now + TICK, "e-1")
        clock.now += SOON
        assert run(api, DELIVER) == did(changed=4)

    assert in_time == [True, True, True]


def test_an_endpoint_that_answers_not_each_time_is_asked_for_each_delivery(
    api: Api, clock: Clock
) -> None:
    def flaky(connection: Any, request: bytes, _: threading.Event) -> None:
        if b"webhook-id: lost" not in request:
            connection.sendall(OK)

    with receiving(flaky) as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, *(f"e-{number}" for number in range(10)))
        due(api, hook, clock.now + TICK, "lost-1", "lost-2")
        due(api, hook, clock.now + 2 * TICK, *(f"f-{number}" for number in range(30)))
        clock.now += SOON
        assert run(api, DELIVER) == did(changed=40, skipped=2)

    assert len(receiver.requests) == 42


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


def test_a_run_has_no_more_under_way_than_it_sends_side_by_side(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "AT_ONCE", 2)
    under_way: list[int] = []

    def behave(connection: Any, _: bytes, __: threading.Event) -> None:
        under_way.append(sum(bool(one["leasedUntil"]) for one in kept(api, hook).values()))
        connection.sendall(OK)

    with receiving(behave) as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, *(f"e-{number}" for number in range(7)))
        assert run(api, DELIVER) == did(changed=7)

    assert 1 <= max(under_way) <= 2


@pytest.mark.both_stores
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


@pytest.mark.both_stores
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


@pytest.mark.both_stores
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


@pytest.mark.parametrize("url", ["https://0x0a000001/", "https://2130706433/"])
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


@pytest.mark.both_stores
def test_what_a_commit_had_no_room_for_is_sent_in_the_same_run(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made_by_ledger, "MAX_WRITES", 2)
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        writes: list[Write] = [
            Create(path(api, hook, name), waiting(hook, clock.now, name).to_data())
            for name in ("e-1", "e-2", "e-3")
        ]
        gathered = made_by_ledger.in_room(writes, api.tenant, "e-1", clock.now)
        assert len(gathered) == 1
        api.runtime.store.commit(gathered)
        assert run(api, DELIVER) == did(changed=4)

    assert {head["webhook-id"] for head in receiver.heads()} == {"e-1", "e-2", "e-3"}
    assert {one["status"] for one in kept(api, hook).values()} == {"delivered"}


def test_a_delivery_that_cannot_be_read_keeps_no_other_waiting(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1", "e-2")
        broken = path(api, hook, "e-1")
        api.runtime.store.commit([Update(broken, {"attempts": "many"})])
        assert run(api, DELIVER) == did(changed=1, failed=1)

    assert [head["webhook-id"] for head in receiver.heads()] == ["e-2"]
    assert broken in capsys.readouterr().out


def test_without_the_key_that_sealed_a_secret_nothing_is_sent_and_it_is_tried_again(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    other = tmp_path / "keys.txt"
    other.write_text(new_key())
    own = api.runtime.config
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1", "e-2")
        api.runtime.config = replace(own, webhook_key=str(other))
        assert run(api, DELIVER) == did(skipped=2)
        assert kept(api, hook)["e-1"]["lastError"] == "secret"
        assert receiver.connections == 0
        api.runtime.config = own
        clock.now += SOON
        assert run(api, DELIVER) == did(changed=2)


def test_a_day_after_its_secret_was_rotated_a_webhook_needs_the_newest_key_alone(
    api: Api, clock: Clock, tmp_path: Path
) -> None:
    before, newest, keys = api.runtime.config, new_key(), tmp_path / "keys.txt"
    keys.write_text(f"{newest}\n{Path(before.webhook_key).read_text()}")
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        api.runtime.config = replace(before, webhook_key=str(keys))
        api.admin.post(f"/webhooks/{hook['id']}:rotateSecret")
        keys.write_text(newest)
        clock.now += timedelta(days=1)
        due(api, hook, clock.now, "e-1")
        assert run(api, DELIVER) == did(changed=1)


@pytest.mark.both_stores
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


# What admins see and do


@pytest.mark.costs_of("test_webhook")
def test_a_test_is_sent_at_once_and_says_what_the_receiver_answered(api: Api, clock: Clock) -> None:
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        answer = api.admin.post(f"/webhooks/{hook['id']}:test")
        assert cost(answer) == (1, 1, 2)
        receiver.behaviour = status(500)
        failed = api.admin.post(f"/webhooks/{hook['id']}:test").json
        clock.now += SOON
        assert run(api, DELIVER) == did()

    assert (answer.json["status"], answer.json["lastCode"]) == ("delivered", 200)
    assert (failed["status"], failed["lastCode"], failed["lastError"]) == ("failed", 500, "status")
    assert [head["webhook-id"] for head in receiver.heads()] == [answer.json["id"], failed["id"]]
    assert json.loads(receiver.bodies()[0]) == {
        "type": "webhook.test",
        "timestamp": "2026-03-02T09:00:00Z",
        "data": {
            "subject": f"webhooks/{hook['id']}",
            "caseId": None,
            "sequence": None,
            "hash": None,
            "previousHash": None,
            "links": {},
        },
    }


def test_a_chat_gets_a_text_and_nothing_else(api: Api, clock: Clock) -> None:
    with receiving() as receiver:
        hook = listening(api, receiver.url, format="slack")
        due(api, hook, clock.now, "e-1")
        run(api, DELIVER)

    assert json.loads(receiver.bodies()[0]) == {"text": "Case created: cases/C-1"}


@pytest.mark.both_stores
@pytest.mark.costs_of("list_deliveries")
def test_deliveries_are_listed_newest_first_by_status_and_by_page(api: Api, clock: Clock) -> None:
    with receiving(status(500)) as receiver:
        hook, other = listening(api, receiver.url), listening(api, receiver.url)
        due(api, other, clock.now, "e-0")
        for name in ("e-1", "e-2", "e-3"):
            due(api, hook, clock.now, name)
            clock.now += SOON
        run(api, DELIVER)
        receiver.behaviour = answers(OK)
        api.admin.post(f"/webhooks/{hook['id']}/deliveries/e-2:retry")
        run(api, DELIVER)

    path = f"/webhooks/{hook['id']}/deliveries"
    answer = api.caller("auditor").get(path)
    assert cost(answer) == (3, 0, 1)
    assert [one["id"] for one in answer.json["deliveries"]] == ["e-3", "e-2", "e-1"]
    newest = answer.json["deliveries"][0]
    assert newest == {
        "id": "e-3",
        "eventType": "case.created",
        "subject": "cases/C-1",
        "status": "due",
        "createdAt": "2026-03-02T09:02:00Z",
        "dueAt": newest["dueAt"],
        "attempts": 1,
        "lastAttemptAt": "2026-03-02T09:03:00Z",
        "lastCode": 500,
        "lastError": "status",
        "deliveredAt": None,
    }
    delivered = api.admin.get(f"{path}?status=delivered").json["deliveries"]
    assert [one["id"] for one in delivered] == ["e-2"]
    first = api.admin.get(f"{path}?pageSize=2").json
    second = api.admin.get(f"{path}?pageSize=2&pageToken={first['nextPageToken']}").json
    assert [one["id"] for one in second["deliveries"]] == ["e-1"]
    assert "nextPageToken" not in second


@pytest.mark.both_stores
@pytest.mark.costs_of("retry_delivery")
@pytest.mark.parametrize("code", [200, 410])
def test_a_delivery_that_is_over_is_sent_again_on_request(
    api: Api, clock: Clock, code: int
) -> None:
    with receiving(status(code)) as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1")
        run(api, DELIVER)
        api.admin.patch(f"/webhooks/{hook['id']}", {"disabled": False})
        receiver.behaviour = answers(OK)
        answer = api.admin.post(f"/webhooks/{hook['id']}/deliveries/e-1:retry")
        assert cost(answer) == (2, 1, 2)
        assert (answer.json["status"], answer.json["attempts"]) == ("due", 0)
        assert run(api, DELIVER) == did(changed=1)

    assert len(receiver.requests) == 2
    assert kept(api, hook)["e-1"]["status"] == "delivered"


def test_a_delivery_that_waits_is_sent_at_once_on_request(api: Api, clock: Clock) -> None:
    with receiving(status(429, "Retry-After: 3600")) as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1")
        run(api, DELIVER)
        receiver.behaviour = answers(OK)
        assert run(api, DELIVER) == did()
        api.admin.post(f"/webhooks/{hook['id']}/deliveries/e-1:retry")
        assert run(api, DELIVER) == did(changed=1)


@pytest.mark.both_stores
def test_a_delivery_that_is_being_sent_is_not_sent_by_a_request_for_it(
    api: Api, clock: Clock
) -> None:
    def behave(connection: Any, _: bytes, __: threading.Event) -> None:
        again.append(api.admin.post(f"/webhooks/{hook['id']}/deliveries/e-1:retry").status_code)
        again.append(run(api, DELIVER))
        connection.sendall(OK)

    again: list[Any] = []
    with receiving(behave) as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, "e-1")
        run(api, DELIVER)

    assert again == [200, did()]
    assert len(receiver.requests) == 1


@pytest.mark.both_stores
@pytest.mark.costs_of("replay_webhook")
def test_a_replay_sends_the_events_of_a_period_that_the_endpoint_hears_of(
    api: Api, clock: Clock
) -> None:
    created = []
    for _ in range(4):
        created.append(api.verifier.create(title="Before anybody listened")["id"])
        clock.now += SOON
    api.verifier.patch(f"/cases/{created[1]}", {"title": "Another type"})
    since, until = clock.now - 4 * SOON, clock.now - SOON
    with receiving() as receiver:
        hook = listening(api, receiver.url, "case.created")
        period = {"since": since.isoformat(), "until": until.isoformat()}
        answer = api.admin.post(f"/webhooks/{hook['id']}:replay", period)
        assert answer.json == {"replayed": 3, "complete": True, "continueFrom": None}
        # The endpoints, three events of the period, and three deliveries that are not there yet.
        assert cost(answer) == (7, 3, 4)
        again = api.admin.post(f"/webhooks/{hook['id']}:replay", period)
        assert again.json["replayed"] == 0
        assert run(api, DELIVER) == did(changed=3)
        api.admin.post(f"/webhooks/{hook['id']}:replay", {"since": until.isoformat()})
        third = api.admin.post(f"/webhooks/{hook['id']}:replay", {"since": since.isoformat()})
        assert third.json["replayed"] == 3
        assert run(api, DELIVER) == did(changed=4)

    subjects = [json.loads(body)["data"]["subject"] for body in receiver.bodies()]
    assert sorted(subjects[:3]) == sorted(f"cases/{name}" for name in created[:3])
    assert len({head["webhook-id"] for head in receiver.heads()}) == 4


@pytest.mark.both_stores
def test_a_replay_without_time_says_where_to_continue(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_PAGE", 2)
    since = clock.now
    for _ in range(3):
        api.verifier.create()
        clock.now += SOON
    hook = listening(api, "https://receiver.example/", "case.created")
    api.runtime.stopping = True
    first = api.admin.post(f"/webhooks/{hook['id']}:replay", {"since": since.isoformat()}).json
    api.runtime.stopping = False
    rest = {"since": first["continueFrom"]}
    second = api.admin.post(f"/webhooks/{hook['id']}:replay", rest).json

    assert (first["replayed"], first["complete"]) == (2, False)
    assert (second["replayed"], second["complete"]) == (1, True)
    assert len(kept(api, hook)) == 3


REQUESTS = (
    ("POST", ":test", None),
    ("POST", "/deliveries/e-1:retry", None),
    ("POST", ":replay", {"since": "2026-03-02T00:00:00Z"}),
    ("GET", "/deliveries", None),
)


@pytest.mark.both_stores
@each_row(("method", "end", "body"), REQUESTS)
def test_a_webhook_that_is_not_there_is_not_found(
    api: Api, method: str, end: str, body: Any
) -> None:
    listening(api, "https://receiver.example/")

    refused(api.admin.request(method, f"/webhooks/wh-404{end}", body), 404, "NOT_FOUND")


@pytest.mark.parametrize(("method", "end", "body"), REQUESTS[:3])
def test_nothing_is_sent_to_a_webhook_that_is_disabled(
    api: Api, clock: Clock, method: str, end: str, body: Any
) -> None:
    hook = listening(api, "https://receiver.example/")
    due(api, hook, clock.now, "e-1")
    api.admin.patch(f"/webhooks/{hook['id']}", {"disabled": True})
    answer = api.admin.request(method, f"/webhooks/{hook['id']}{end}", body)

    refused(answer, 409, "FAILED_PRECONDITION")


def test_a_delivery_that_is_not_there_is_not_found(api: Api) -> None:
    hook = listening(api, "https://receiver.example/")

    answer = api.admin.post(f"/webhooks/{hook['id']}/deliveries/e-404:retry")
    refused(answer, 404, "NOT_FOUND")


def test_a_replay_needs_the_beginning_of_a_period(api: Api) -> None:
    hook = listening(api, "https://receiver.example/")

    refused_field(api.admin.post(f"/webhooks/{hook['id']}:replay", {}), "since")


def test_without_the_key_no_test_is_sent(api: Api) -> None:
    hook = listening(api, "https://receiver.example/")
    api.runtime.config = replace(api.runtime.config, webhook_key="")

    answer = api.admin.post(f"/webhooks/{hook['id']}:test")
    refused(answer, 409, "FAILED_PRECONDITION")


# Right after the commit


@pytest.fixture
def eager(api: Api) -> Api:
    """The functions with CASELEDGER_EAGER=on, which have seen a verifier and the settings."""
    acquainted(api)
    api.viewer.get("/settings")
    api.runtime.config = replace(api.runtime.config, eager=True)
    return api


@pytest.mark.both_stores
def test_an_eager_server_sends_before_it_answers(eager: Api, clock: Clock) -> None:
    with receiving() as receiver:
        hook = listening(eager, receiver.url, "case.created")
        answer = eager.verifier.post("/cases", NEW)
        assert answer.status_code == 201
        assert len(receiver.requests) == 1
        # The case, its event, its delivery; the endpoints; and that it was delivered.
        assert cost(answer) == (1, 4, 3)
        clock.now += SOON
        assert run(eager, DELIVER) == did()

    (delivery,) = kept(eager, hook).values()
    assert (delivery["status"], delivery["attempts"], delivery["lastCode"]) == ("delivered", 1, 200)
    assert delivery["dueAt"] is delivery["leasedUntil"] is None


def test_what_an_agent_does_by_mcp_is_sent_before_it_is_answered(eager: Api) -> None:
    with receiving() as receiver:
        listening(eager, receiver.url, "intervention.*")
        call(eager.agent, "ask_human", **QUESTION)
        assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "behaviour", [stalls, status(500), closes], ids=["stalls", "500", "closes"]
)
def test_what_is_not_taken_in_time_is_left_to_a_run_and_the_caller_is_not_told(
    eager: Api, clock: Clock, behaviour: Any
) -> None:
    with receiving(behaviour) as receiver:
        hook = listening(eager, receiver.url, "case.created")
        eager.verifier.create()
        # No run sends what may still be on its way.
        assert run(eager, DELIVER) == did()
        receiver.behaviour = answers(OK)
        clock.now += timedelta(seconds=30)
        assert run(eager, DELIVER) == did(changed=1)

    first, second = (head["webhook-id"] for head in receiver.heads())
    assert first == second
    assert kept(eager, hook)[first]["status"] == "delivered"


def test_a_caller_waits_for_few_receivers_and_for_300_milliseconds_at_most(
    eager: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    def post(*_: object, seconds: float, **__: object) -> Answer:
        given.append(seconds)
        return Answer(200)

    monkeypatch.setattr(outgoing, "post", post)
    monkeypatch.setattr("shared.repository.eager._MOST", 1)
    for _ in range(2):
        listening(eager, "https://receiver.example/", "case.created")
    eager.verifier.create()
    (seconds,) = given
    assert seconds <= 0.3

    clock.now += timedelta(seconds=30)
    assert run(eager, DELIVER) == did(changed=1)


def test_a_scheduled_run_leaves_what_it_makes_due_to_the_run_that_delivers(
    eager: Api, clock: Clock
) -> None:
    ask = {"uowId": "u", "type": "cancel", "title": "May I?", "expiresInSeconds": 60}
    with receiving() as receiver:
        listening(eager, receiver.url, "intervention.expired")
        assert eager.agent.post("/interventions", ask).status_code == 201
        clock.now += timedelta(hours=1)
        assert run(eager, "/scheduled/expireInterventions") == did(changed=1)
        assert receiver.requests == []
        assert run(eager, DELIVER) == did(changed=1)


def test_a_change_that_is_refused_sends_nothing(eager: Api) -> None:
    with receiving() as receiver:
        listening(eager, receiver.url, "*")
        sent = receiver.connections
        eager.verifier.create(id="A")
        refused(
            eager.verifier.patch("/cases/A", {"status": "approved"}), 409, "FAILED_PRECONDITION"
        )

    assert receiver.connections == sent + 1


@pytest.mark.both_stores
def test_an_eager_server_sends_a_test_once(eager: Api, clock: Clock) -> None:
    with receiving() as receiver:
        hook = listening(eager, receiver.url)
        assert eager.admin.post(f"/webhooks/{hook['id']}:test").json["status"] == "delivered"
        clock.now += SOON
        assert run(eager, DELIVER) == did()

    assert len(receiver.requests) == 1


def test_an_eager_server_records_what_was_taken_where_another_secret_cannot_be_read(
    eager: Api,
) -> None:
    with receiving() as receiver:
        hooks = [listening(eager, receiver.url, "case.created") for _ in range(2)]
        endpoints = f"tenants/{eager.tenant}/webhooks/endpoints"
        found = eager.runtime.store.get(endpoints)
        assert found
        broken, sound = (hook["id"] for hook in hooks)
        sealed = found.data["sealed"]
        sealed[broken]["secret"] = sealed[sound]["secret"]
        eager.runtime.store.commit([Update(endpoints, {"sealed": sealed})])
        assert eager.verifier.post("/cases", NEW).status_code == 201

    states = [one["status"] for hook in hooks for one in kept(eager, hook).values()]
    assert states == ["due", "delivered"]
    assert len(receiver.requests) == 1


def test_a_request_that_takes_longer_than_a_run_waits_sends_nothing_itself(
    eager: Api, clock: Clock
) -> None:
    with receiving() as receiver:
        listening(eager, receiver.url, "case.created")
        meddle(eager, on_commit(1, lambda: clock.advance(seconds=30)))
        eager.verifier.create()
        assert receiver.requests == []
        assert run(eager, DELIVER) == did(changed=1)


def test_where_nobody_listens_an_eager_server_costs_nothing_more(eager: Api) -> None:
    answer = eager.verifier.post("/cases", NEW)

    assert cost(answer) == (0, 2, 1)


@pytest.mark.both_stores
def test_several_runs_side_by_side_send_each_delivery_once(api: Api, clock: Clock) -> None:
    names = [f"e-{number}" for number in range(20)]
    with receiving() as receiver:
        hook = listening(api, receiver.url)
        due(api, hook, clock.now, *names)
        runs = in_parallel(3, lambda _: run(api, DELIVER))

    assert sum(done["changed"] for done in runs) == 20
    assert sorted(head["webhook-id"] for head in receiver.heads()) == sorted(names)
