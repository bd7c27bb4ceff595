"""The server is killed before it sends to webhooks, and while it does: each event still arrives."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from datetime import timedelta

import httpx
import pytest

from shared.config import Config
from shared.rules.deliveries import LEASE
from shared.runtime import Runtime, utc_now
from tests.client import Api
from tests.reliability.receivers import OK, answers, receiving
from tests.reliability.server import Server, wait_until
from tests.reliability.support import all_pages

NEW = {"decisionType": "csf_practitioner", "title": "A case"}
DELIVER = "/scheduled/deliverWebhooks"
ACKNOWLEDGED = 5


def open_cases_until_killed(server: Server) -> None:
    """Opens cases one after another, and kills the server in the middle."""
    acknowledged = threading.Semaphore(0)

    def write() -> None:
        with server.client("verifier", timeout=10) as client:
            while True:
                try:
                    assert client.post("/cases", json=NEW).status_code == 201
                except httpx.TransportError:
                    return
                acknowledged.release()

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(ACKNOWLEDGED):
        assert acknowledged.acquire(timeout=30)
    server.kill()
    writer.join()


def test_every_event_arrives_once_by_its_id_although_the_server_is_killed(
    server_and_config: tuple[Server, Config],
) -> None:
    server, config = server_and_config
    arrived = threading.Event()

    def hold(_: socket.socket, __: bytes, over: threading.Event) -> None:
        arrived.set()
        over.wait(60)

    with receiving() as receiver:
        with server.client("admin", timeout=10) as admin:
            webhook = {"url": receiver.url, "events": ["case.created"]}
            assert admin.post("/webhooks", json=webhook).status_code == 201

        # Between the commits and the sending.
        open_cases_until_killed(server)
        assert receiver.connections == 0
        server.start()
        with server.client("scheduler", timeout=60) as scheduler:
            swept = scheduler.post(DELIVER).json()
        assert (swept["failed"], swept["skipped"]) == (0, 0)
        once = Counter(head["webhook-id"] for head in receiver.heads())
        assert set(once.values()) == {1}

        # While one is being sent.
        receiver.behaviour = hold
        with server.client("verifier", timeout=10) as verifier:
            assert verifier.post("/cases", json=NEW).status_code == 201
        sweep = threading.Thread(target=swept_until_killed, args=(server,))
        sweep.start()
        wait_until(arrived.is_set, 30)
        server.kill()
        sweep.join()
        receiver.behaviour = answers(OK)

        runtime = Runtime(config, lambda: utc_now() + LEASE + timedelta(seconds=1))
        api = Api(runtime)
        api.tenant = "acme"
        swept = api.caller("scheduler").post(DELIVER).json
        events = all_pages(api.pilot, "/audit?eventType=case_created", "events")
        runtime.close()

    assert swept["changed"] == 1
    recorded = {event["id"] for event in events}
    sent = Counter(head["webhook-id"] for head in receiver.heads())
    assert sent.keys() == recorded
    assert len(recorded) > ACKNOWLEDGED
    # The one that was being sent came twice, with one id.
    (twice,) = (name for name, times in sent.items() if times > 1)
    assert sent[twice] == 2
    assert twice not in once


def swept_until_killed(server: Server) -> None:
    """Has the server send what is due; it is killed meanwhile."""
    with server.client("scheduler", timeout=60) as scheduler, pytest.raises(httpx.TransportError):
        scheduler.post(DELIVER)
