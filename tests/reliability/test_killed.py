"""The server is killed while many write: what it acknowledged is there, and a repeat is safe."""

from __future__ import annotations

import random
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx

from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api
from tests.reliability.server import Server
from tests.reliability.support import LOAD, held_tenant, types, verification

WRITERS = 8 * min(LOAD, 4)
KILLS = 3 * LOAD
ACKNOWLEDGED = 40
"""How many more answers the writers get before the next kill."""
NEW = {"decisionType": "csf_practitioner", "title": "A case"}


@dataclass
class Sent:
    """A request with its key, and its answer if one came."""

    method: str
    path: str
    body: dict[str, Any]
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    answer: dict[str, Any] | None = None

    def send(self, client: httpx.Client) -> bool:
        """Whether an answer came; it must be a success, or say that nobody knows."""
        try:
            answer = client.request(
                self.method, self.path, json=self.body, headers={"Idempotency-Key": self.key}
            )
        except httpx.TransportError:
            return False
        if answer.status_code == 503:
            return False
        assert answer.status_code in (200, 201), answer.text
        self.answer = answer.json()
        return True


@dataclass
class Load:
    """What the writers and their killer tell each other."""

    up: threading.Event = field(default_factory=threading.Event)
    acknowledged: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    over: bool = False


class Writer(threading.Thread):
    """Opens cases and renames them, each request once, until it is told to stop."""

    def __init__(self, server: Server, load: Load) -> None:
        super().__init__()
        self.sent: list[Sent] = []
        self.failure: BaseException | None = None
        self._server = server
        self._load = load
        self._random = random.Random(uuid.uuid4().int)  # noqa: S311 - no secret

    def run(self) -> None:
        """See `threading.Thread`."""
        try:
            with self._server.client("verifier", timeout=10) as client:
                while not self._load.over:
                    self._write(client)
        except BaseException as failure:  # noqa: BLE001 - raised again by the test
            self.failure = failure
            self._load.acknowledged.release(ACKNOWLEDGED * KILLS)

    def _write(self, client: httpx.Client) -> None:
        known = [sent.answer["id"] for sent in self.sent if sent.answer]
        if known and self._random.random() < 0.5:
            path = f"/cases/{self._random.choice(known)}"
            sent = Sent("PATCH", path, {"title": f"Title {uuid.uuid4()}"})
        else:
            sent = Sent("POST", "/cases", NEW)
        self.sent.append(sent)
        if sent.send(client):
            self._load.acknowledged.release()
        else:
            self._load.up.wait()


def kill_and_restart_under_load(server: Server) -> list[Sent]:
    load = Load()
    writers = [Writer(server, load) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(KILLS):
            for _ in range(ACKNOWLEDGED):
                assert load.acknowledged.acquire(timeout=30)
            load.up.clear()
            server.kill()
            server.start()
            load.up.set()
    finally:
        load.over = True
        load.up.set()
        for writer in writers:
            writer.join()
    for writer in writers:
        if writer.failure:
            raise writer.failure
    return [sent for writer in writers for sent in writer.sent]


def test_nothing_acknowledged_is_lost_and_a_repeat_has_one_effect(
    server_and_config: tuple[Server, Config],
) -> None:
    server, config = server_and_config

    sent = kill_and_restart_under_load(server)
    acknowledged = [one for one in sent if one.answer]
    unknown = [one for one in sent if not one.answer]
    assert len(acknowledged) >= ACKNOWLEDGED * KILLS
    assert unknown

    runtime = Runtime(config)
    api = Api(runtime)
    api.tenant = "acme"
    before = recorded(api)
    with server.client("verifier", timeout=10) as client:
        for one in sent:
            # Of those that were never answered some took effect, and some did not.
            first = one.answer
            assert one.send(client)
            assert one.answer
            if first:
                assert one.answer["id"] == first["id"]
    after = recorded(api)
    for case_id in {case_id for case_id, _ in after}:
        assert verification(api, f"cases/{case_id}")["valid"]
    runtime.close()

    assert before <= after
    assert len(after) == len(sent)
    assert {one.answer["id"] for one in acknowledged if one.answer} <= {case for case, _ in after}


def recorded(api: Api) -> set[tuple[str, int]]:
    """Every event as its case and sequence, once all chains hold and lead to the cases."""
    trails = held_tenant(api)
    for events in trails.values():
        assert types(events) == ["case_created", *["case_updated"] * (len(events) - 1)]
    return {
        (subject.removeprefix("cases/"), event["sequence"])
        for subject, events in trails.items()
        for event in events
    }
