"""One call to Firestore fails, or many do: nothing is lost or done twice, and nobody is misled."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import pytest

from tests.client import Api, TestResponse
from tests.reliability.fault_proxy import (
    CONTRACT,
    Code,
    Fault,
    FaultProxy,
    Script,
    Seeded,
    shared,
)
from tests.reliability.support import LOAD, held_tenant, held_trail, in_parallel, trail, types
from tests.rows import each_row

GET, GET_MANY, COMMIT = "GetDocument", "BatchGetDocuments", "Commit"
QUERY, AGGREGATE = "RunQuery", "RunAggregationQuery"
NEW = {"decisionType": "csf_practitioner", "title": "A case"}
NOTE = {"eventType": "note_added", "message": "called back"}
WHY = {"reason": "new facts"}

Request = tuple[str, str, str, Any]


@dataclass(frozen=True)
class Mutation:
    """A mutating endpoint, the event that it records, and the calls that it makes to Firestore.

    `request` is made from a number, for which `prepare` has made the cases that it needs.
    """

    name: str
    event: str
    request: Callable[[int], Request]
    rpcs: tuple[str, ...] = (GET, COMMIT)
    subjects: tuple[str, ...] = ("cases/A-{}",)
    before: tuple[str, ...] = ("case_created",)

    def __str__(self) -> str:
        return self.name

    def prepare(self, api: Api, number: int) -> None:
        """Brings the subjects of request `number` to where it is legal."""
        for event in self.before:
            for subject in self.subjects:
                case_id = subject.removeprefix("cases/").format(number)
                if event == "case_created":
                    api.verifier.create(id=case_id)
                else:
                    closed = {"status": "closed", "reason": "done"}
                    assert api.pilot.patch(f"/cases/{case_id}", closed).status_code == 200

    def send(self, api: Api, number: int, key: str | None) -> TestResponse:
        role, method, path, body = self.request(number)
        headers = {"idempotency_key": key} if key else {}
        return api.caller(role).request(method, path, body, **headers)

    def expected(self, count: int) -> dict[str, list[str]]:
        """The events of a tenant in which requests 0 to `count` - 1 took effect, each once."""
        found: dict[str, list[str]] = {}
        for number in range(count):
            for subject in self.subjects:
                events = found.setdefault(subject.format(number), [*self.before])
                events.append(self.event)
        return found


MUTATIONS = (
    Mutation(
        "create_case",
        "case_created",
        lambda n: ("verifier", "POST", "/cases", {**NEW, "id": f"A-{n}"}),
        rpcs=(COMMIT,),
        before=(),
    ),
    Mutation(
        "update_case",
        "status_changed",
        lambda n: ("verifier", "PATCH", f"/cases/A-{n}", {"status": "in_review"}),
    ),
    Mutation("claim_case", "assigned", lambda n: ("verifier", "POST", f"/cases/A-{n}:claim", None)),
    Mutation(
        "claim_next_case",
        "assigned",
        lambda _: ("verifier", "POST", "/cases:claimNext", None),
        rpcs=(QUERY, COMMIT),
    ),
    Mutation(
        "reopen_case",
        "case_reopened",
        lambda n: ("pilot", "POST", f"/cases/A-{n}:reopen", WHY),
        before=("case_created", "status_changed"),
    ),
    Mutation(
        "delete_case",
        "case_deleted",
        lambda n: ("admin", "DELETE", f"/cases/A-{n}", None),
        rpcs=(GET, QUERY, COMMIT),
    ),
    Mutation(
        "add_evidence",
        "evidence_attached",
        lambda n: ("agent", "POST", f"/cases/A-{n}/evidence", {"evidence": [{"title": "OAC"}]}),
    ),
    Mutation("place_hold", "hold_placed", lambda n: ("admin", "POST", f"/cases/A-{n}/holds", WHY)),
    Mutation(
        "set_collaborator",
        "collaborator_changed",
        lambda n: (
            "admin",
            "PUT",
            f"/cases/A-{n}/collaborators/pat",
            {"permission": "read"},
        ),
    ),
    Mutation(
        "close_cases",
        "status_changed",
        lambda n: ("agent", "POST", "/cases:close", {"caseIds": [f"A-{n}", f"B-{n}"], **WHY}),
        rpcs=(GET_MANY, COMMIT),
        subjects=("cases/A-{}", "cases/B-{}"),
    ),
    Mutation(
        "add_audit_event",
        "note_added",
        lambda n: ("agent", "POST", f"/cases/A-{n}/audit", NOTE),
    ),
    Mutation(
        "update_settings",
        "settings_changed",
        lambda n: ("admin", "PATCH", "/settings", {"autoCloseDays": n + 1}),
        subjects=("tenant",),
        before=(),
    ),
)
CALLS = [
    (mutation, rpc, keyed)
    for mutation in MUTATIONS
    for rpc in mutation.rpcs
    for keyed in (True, False)
    if keyed or rpc == COMMIT  # to a read a key makes no difference
]
READS = (
    ("/cases/A-1", GET),
    ("/cases", QUERY),
    ("/cases:stats", AGGREGATE),
    ("/cases:validate?caseId=A-1", GET_MANY),
    ("/cases/A-1/audit", QUERY),
    ("/audit", QUERY),
    ("/audit:verify?subject=cases/A-1", GET_MANY),
    ("/audit:verify?subject=cases/A-1", QUERY),
    ("/audit:verify?subject=cases/A-1", AGGREGATE),
    ("/settings", GET),
)


def new_key() -> str:
    return uuid.uuid4().hex


def in_tenant(api: Api, name: str) -> Api:
    """The same functions over the same store, for another tenant."""
    other = copy(api)
    other.tenant = name
    return other


def events_of(api: Api) -> dict[str, list[str]]:
    return {subject: types(events) for subject, events in held_tenant(api).items()}


def assert_done(answer: TestResponse) -> None:
    assert 200 <= answer.status_code < 300, answer.text
    if answer.json and "failed" in answer.json:
        assert answer.json["failed"] == 0, answer.text


def assert_told_to_repeat(answer: TestResponse) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json["error"]["status"] == "UNAVAILABLE"
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_the_matrix_knows_every_call_that_a_mutation_makes(
    faulty: Api, proxy: FaultProxy, mutation: Mutation
) -> None:
    faulty.verifier.create()  # after which this instance knows the tenant's settings
    mutation.prepare(faulty, 1)
    before = len(proxy.requests)

    assert_done(mutation.send(faulty, 1, new_key()))

    assert {request.rpc for request in proxy.requests[before:]} == set(mutation.rpcs)


@each_row("calls", [1, 2, 3, 7])
def test_each_call_meets_faults_before_and_after_the_store_has_done_what_it_was_to(
    calls: int,
) -> None:
    each = list(shared(["Commit"] * calls))

    assert {fault for faults in each for fault in faults} == set(CONTRACT)
    assert all({fault.after for fault in faults} == {False, True} for faults in each)


@pytest.mark.parametrize(
    ("mutation", "rpc", "keyed", "faults"),
    [
        pytest.param(*call, faults, id="-".join(map(str, call)))
        for call, faults in zip(CALLS, shared([call[1:] for call in CALLS]), strict=True)
    ],
)
def test_one_fault_stays_unseen_and_leaves_one_effect(  # noqa: PLR0913 - what is tried
    faulty: Api,
    proxy: FaultProxy,
    mutation: Mutation,
    rpc: str,
    faults: Sequence[Fault],
    *,
    keyed: bool,
) -> None:
    for number, fault in enumerate(faults):
        mutation.prepare(faulty, number)
        script = Script(rpc, [fault])
        with proxy.following(script):
            answer = mutation.send(faulty, number, new_key() if keyed else None)
        assert script.fired == 1, fault
        assert_done(answer)
        # Also one that found its own commit after its answer was lost came first: nobody repeated.
        assert "Idempotent-Replayed" not in answer.headers, fault

    assert events_of(faulty) == mutation.expected(len(faults))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_commits_that_all_fail_change_nothing_until_the_request_is_repeated(
    faulty: Api, proxy: FaultProxy, mutation: Mutation
) -> None:
    mutation.prepare(faulty, 0)
    key = new_key()
    before = trail(faulty, "cases/A-0"), trail(faulty, "tenant")

    with proxy.following(Script(COMMIT, repeat(Fault(Code.UNAVAILABLE)))):
        refused = mutation.send(faulty, 0, key)

    assert_told_to_repeat(refused)
    assert (trail(faulty, "cases/A-0"), trail(faulty, "tenant")) == before
    assert_done(mutation.send(faulty, 0, key))
    assert events_of(faulty) == mutation.expected(1)


def test_a_commit_that_never_answers_has_one_effect_when_the_request_is_repeated(
    faulty: Api, proxy: FaultProxy
) -> None:
    apis = [in_tenant(faulty, mutation.name) for mutation in MUTATIONS]
    for mutation, api in zip(MUTATIONS, apis, strict=True):
        mutation.prepare(api, 0)

    def send(which: int) -> TestResponse:
        return MUTATIONS[which].send(apis[which], 0, "the-key")

    with proxy.following(Script(COMMIT, repeat(Fault(after=True, hang=True)))):
        lost = in_parallel(len(MUTATIONS), send)
    repeated = in_parallel(len(MUTATIONS), send)

    for mutation, api, first, second in zip(MUTATIONS, apis, lost, repeated, strict=True):
        if first.status_code >= 300:  # the last look for the receipt may just have come in time
            assert_told_to_repeat(first)
        assert_done(second)
        assert events_of(api) == mutation.expected(1)


@pytest.mark.parametrize(
    ("path", "rpc", "faults"),
    [
        (*read, faults)
        for read, faults in zip(READS, shared([rpc for _, rpc in READS]), strict=True)
    ],
)
def test_a_read_answers_the_same_whatever_fails_once(
    faulty: Api, proxy: FaultProxy, path: str, rpc: str, faults: Sequence[Fault]
) -> None:
    faulty.verifier.create(id="A-1")
    healthy = faulty.pilot.get(path)
    assert healthy.status_code == 200

    for fault in faults:
        script = Script(rpc, [fault])
        with proxy.following(script):
            answer = faulty.pilot.get(path)
        assert script.fired == 1, fault
        assert (answer.status_code, answer.json) == (200, healthy.json), fault


class Worker:
    """Sends random requests, each of which must take effect, and knows which events they leave."""

    def __init__(self, api: Api, proxy: FaultProxy, seed: int) -> None:
        self.api = api
        self.proxy = proxy
        self.random = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self.events: dict[str, list[str]] = defaultdict(list)
        self.open: set[str] = set()
        self.closed: set[str] = set()
        self.free: set[str] = set()

    def work(self) -> None:
        """Sends one request that is legal now."""
        actions = [self.create, self.settle]
        if self.open:
            actions += [self.note, self.rename, self.close]
        if self.open & self.free:
            actions += [self.claim, self.claim_next]
        if self.closed:
            actions += [self.reopen, self.delete]
        self.random.choice(actions)()

    def create(self) -> None:
        case_id = f"A-{len(self.events)}"
        self.send("verifier", "POST", "/cases", {**NEW, "id": case_id})
        self.events[f"cases/{case_id}"].append("case_created")
        self.open.add(case_id)
        self.free.add(case_id)

    def settle(self) -> None:
        days = {"autoCloseDays": 1 + len(self.events["tenant"])}
        self.send("admin", "PATCH", "/settings", days)
        self.events["tenant"].append("settings_changed")

    def note(self) -> None:
        case_id = self.any_of(self.open)
        self.send("agent", "POST", f"/cases/{case_id}/audit", NOTE)
        self.events[f"cases/{case_id}"].append("note_added")

    def rename(self) -> None:
        case_id = self.any_of(self.open)
        title = f"Title {self.random.random()}"
        self.send("verifier", "PATCH", f"/cases/{case_id}", {"title": title})
        self.events[f"cases/{case_id}"].append("case_updated")

    def claim(self) -> None:
        case_id = self.any_of(self.open & self.free)
        self.send("verifier", "POST", f"/cases/{case_id}:claim")
        self.events[f"cases/{case_id}"].append("assigned")
        self.free.remove(case_id)

    def claim_next(self) -> None:
        case_id = self.send("verifier", "POST", "/cases:claimNext").json["id"]
        self.events[f"cases/{case_id}"].append("assigned")
        self.free.remove(case_id)

    def close(self) -> None:
        chosen = self.random.sample(sorted(self.open), min(3, len(self.open)))
        self.send("pilot", "POST", "/cases:close", {"caseIds": chosen, **WHY})
        for case_id in chosen:
            self.events[f"cases/{case_id}"].append("status_changed")
        self.open.difference_update(chosen)
        self.closed.update(chosen)

    def reopen(self) -> None:
        case_id = self.any_of(self.closed)
        self.send("pilot", "POST", f"/cases/{case_id}:reopen", WHY)
        self.events[f"cases/{case_id}"].append("case_reopened")
        self.closed.remove(case_id)
        self.open.add(case_id)

    def delete(self) -> None:
        case_id = self.any_of(self.closed)
        self.send("admin", "DELETE", f"/cases/{case_id}")
        self.events[f"cases/{case_id}"].append("case_deleted")
        self.closed.remove(case_id)

    def any_of(self, cases: set[str]) -> str:
        return self.random.choice(sorted(cases))

    def send(self, role: str, method: str, path: str, body: Any = None) -> TestResponse:
        """Repeats a request until it is answered; that must be a success."""
        key = new_key()
        with self.proxy.following(Seeded(self.random.random(), commits=0.5, reads=0.1)):
            answer = self.api.caller(role).request(method, path, body, idempotency_key=key)
            while answer.status_code == 503:
                assert_told_to_repeat(answer)
                answer = self.api.caller(role).request(method, path, body, idempotency_key=key)
        assert_done(answer)
        return answer


@pytest.mark.parametrize("seed", range(3 * LOAD))
def test_fifty_requests_under_random_faults_have_one_effect_each(
    faulty: Api, proxy: FaultProxy, seed: int
) -> None:
    worker = Worker(faulty, proxy, seed)

    for _ in range(50):
        worker.work()

    assert events_of(faulty) == worker.events
    for subject in worker.events:
        held_trail(faulty, subject)
