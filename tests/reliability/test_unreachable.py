"""Firestore is slow, silent or gone: every endpoint answers, or says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api, TestResponse
from tests.reliability.server import Server, running, wait_until
from tests.reliability.support import held_case, in_parallel
from tests.reliability.tcp_proxy import TcpProxy, Toxic

NEW = {"decisionType": "csf_practitioner", "title": "A case"}
REQUESTS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/cases/A-1", None),
    ("GET", "/cases", None),
    ("GET", "/cases?search=case", None),
    ("GET", "/cases:stats", None),
    ("POST", "/cases:check", {"caseIds": ["A-1"]}),
    ("POST", "/cases", NEW),
    ("PATCH", "/cases/A-2", {"title": "Another"}),
    ("POST", "/cases/A-3:claim", None),
    ("POST", "/cases:claimNext", None),
    ("POST", "/cases:close", {"caseIds": ["A-4", "A-5"], "reason": "done"}),
    ("POST", "/cases/A-6/audit", {"eventType": "note_added", "message": "called back"}),
    ("DELETE", "/cases/A-7", None),
    ("GET", "/cases/A-1/audit", None),
    ("GET", "/audit", None),
    ("GET", "/audit:verify?subject=cases/A-1", None),
    ("GET", "/settings", None),
    ("PATCH", "/settings", {"autoCloseDays": 7}),
    ("GET", "/health", None),
)
GONE = (Toxic("delay", 30), Toxic("refuse"), Toxic("reset"), Toxic("black hole"))
THREADS = Path("/proc/self/task")


@pytest.fixture
def network(emulator_host: str) -> Iterator[TcpProxy]:
    """The way to the emulator."""
    proxy = TcpProxy(emulator_host)
    yield proxy
    proxy.close()


@pytest.fixture
def far(network: TcpProxy, emulator_config: Config) -> Iterator[Api]:
    """The functions over the emulator at the end of `network`, with cases; they have been used."""
    runtime = Runtime(replace(emulator_config, emulator=network.address))
    api = Api(runtime)
    for number in range(1, 10):
        api.verifier.create(id=f"A-{number}")
    yield api
    runtime.close()


@pytest.fixture
def unused(far: Api) -> Iterator[Api]:
    """The same, in an instance that has no connection yet."""
    runtime = Runtime(far.runtime.config)
    api = Api(runtime)
    api.tenant = far.tenant
    yield api
    runtime.close()


def sent(api: Api, number: int) -> TestResponse:
    """The answer to one of `REQUESTS`: a store that never answers does not keep it from coming."""
    return api.admin.request(*REQUESTS[number])


def assert_out_of_reach(answer: TestResponse) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json["error"]["status"] == "UNAVAILABLE"
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("toxic", GONE, ids=str)
def test_every_endpoint_says_503_and_all_is_well_afterwards(
    far: Api, unused: Api, network: TcpProxy, toxic: Toxic
) -> None:
    count = len(REQUESTS)
    network.poison(toxic)

    answers = in_parallel(2 * count, lambda n: sent((far, unused)[n // count], n % count))

    for answer in answers:
        assert_out_of_reach(answer)
    network.poison(Toxic())
    for api in (far, unused):
        wait_until(lambda api=api: api.viewer.get("/cases/A-1").status_code == 200, 20)
        for number in range(1, 10):
            held_case(api, f"A-{number}")


READ = ("/cases/A-1", "/cases", "/cases:stats", "/interventions/I-1:wait?timeoutSeconds=0")


def test_a_connection_that_died_unnoticed_costs_a_read_one_short_attempt(
    far: Api, network: TcpProxy
) -> None:
    asking = {"uowId": "u", "type": "resume", "title": "Go on?"}
    asked = far.agent.post("/interventions", asking).json["id"]
    for path in READ:
        path = path.replace("I-1", asked)  # noqa: PLW2901 - the one that there is
        usual = trips(far.viewer.get(path))
        accepted = network.accepted
        network.forget()

        answer = far.viewer.get(path)

        assert answer.status_code == 200, answer.text
        assert trips(answer) == usual + 1
        assert network.accepted == accepted + 1
    network.forget()
    assert far.verifier.patch("/cases/A-1", {"title": "Another"}).status_code == 200


def trips(answer: TestResponse) -> int:
    """The round trips of a request."""
    return int(answer.headers["Server-Timing"].rpartition("trips=")[2].rstrip('"'))


def test_a_slow_store_is_waited_for(far: Api, network: TcpProxy) -> None:
    network.poison(Toxic("delay", 0.2))

    answers = in_parallel(len(REQUESTS), lambda n: sent(far, n))

    for number, answer in enumerate(answers):
        assert answer.status_code < 300, (REQUESTS[number], answer.text)


def test_two_hundred_calls_in_vain_leave_no_thread_behind(far: Api, network: TcpProxy) -> None:
    network.poison(Toxic("black hole"))

    def call(_: int) -> None:
        assert_out_of_reach(far.viewer.get("/cases/A-1"))

    in_parallel(100, call)
    python, system = threads_of_python(), threads_of_the_system()
    in_parallel(100, call)

    assert threads_of_python() <= python
    assert threads_of_the_system() <= system + 10


def threads_of_python() -> int:
    """All threads of the interpreter but those that pass on what the proxy's connections bring."""
    return len([thread for thread in threading.enumerate() if thread.name != "proxy"])


def threads_of_the_system() -> int:
    """All threads, with those of the gRPC library; 0 where the system does not list them."""
    return len(list(THREADS.iterdir())) if THREADS.exists() else 0


def test_a_server_says_503_while_the_store_is_gone_and_recovers_when_it_is_back(
    network: TcpProxy, project: str
) -> None:
    server = Server(FIRESTORE_EMULATOR_HOST=network.address, GOOGLE_CLOUD_PROJECT=project)
    with running(server), server.client("verifier", timeout=10) as client:
        assert client.get("/health").status_code == 200
        case = client.post("/cases", json=NEW).json()

        network.poison(Toxic("refuse"))
        assert client.get(f"/cases/{case['id']}").status_code == 503
        wait_until(lambda: client.get("/health").status_code == 503, 20)

        network.poison(Toxic())
        wait_until(lambda: client.get(f"/cases/{case['id']}").status_code == 200, 20)
        wait_until(lambda: client.get("/health").status_code == 200, 20)
        assert client.get(f"/cases/{case['id']}").json() == case


def test_a_server_describes_its_api_without_the_store(network: TcpProxy, project: str) -> None:
    network.poison(Toxic("refuse"))
    server = Server(FIRESTORE_EMULATOR_HOST=network.address, GOOGLE_CLOUD_PROJECT=project)

    with running(server), server.client("verifier", timeout=10) as client:
        assert client.get("/openapi.json").status_code == 200
