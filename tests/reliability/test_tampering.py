"""Somebody writes to the store behind the API's back: the verifier says so, and says where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from shared.documents.port import (
    Create,
    Data,
    Delete,
    Document,
    DocumentStore,
    Filter,
    Order,
    Query,
    Set,
    Write,
)
from tests.client import Api
from tests.conftest import EVERYTHING_ON_BOTH
from tests.reliability.independent import assert_chain, event_hash
from tests.reliability.support import trail, verification

CASE, OTHER = "cases/A-1", "cases/B-1"
LENGTHS = (1, 10, 305)
"""The last is more than one page of the verifier."""
CHAINS = [
    *(("embedded", length) for length in LENGTHS),
    # Where a chain breaks is found in the events, whichever store they are from.
    *(("emulator", length) for length in LENGTHS if length <= 10 or EVERYTHING_ON_BOTH),
]

EDITS: dict[str, Any] = {
    "caseId": "B-1",
    "createdAt": timedelta(microseconds=1),
    "actor": {"subject": "x", "email": "x@example.com", "type": "user", "role": "admin"},
    "source": "scheduler",
    "eventType": "custom",
    "severity": "critical",
    "agentId": "bot",
    "outcome": "failure",
    "message": "nothing happened",
    "reason": "none",
    "changes": "[]",
    "meta": '{"x":1}',
    "requestId": "r",
    "requestHash": "0" * 64,
    "previousHash": "f" * 64,
    "hash": "f" * 64,
    "actorName": "x@example.com",
    "disclosures": '{"/message":"00000000000000000000000000000000"}',
    "erased": '{"/message":"x"}',
    "erasedBy": "x",
}


@dataclass(frozen=True)
class Trail:
    """A case's chain as the store has it: its events in order, and the case with the head."""

    store: DocumentStore
    tenant: str
    events: Sequence[Document]
    subject: Document

    @classmethod
    def of(cls, api: Api, subject: str) -> Trail:
        """The chain as it is now."""
        store, root = api.runtime.store, f"tenants/{api.tenant}"
        by_sequence = (Order("sequence", descending=True),)
        events = store.query(
            Query(f"{root}/audit", (Filter("subject", "==", subject),), by_sequence)
        )
        document = store.get(f"{root}/{subject}")
        assert document
        return cls(store, api.tenant, events[::-1], document)

    @property
    def middle(self) -> Document:
        """An event in the middle; of a chain of one, that one."""
        return self.events[len(self.events) // 2]

    def forged(self, like: Document, digit: str = "f", **fields: Any) -> Create:
        """A new event that looks like another; by name it comes last, or with the digit 0 first."""
        return Create(like.path.removesuffix(like.id) + digit * 32, {**like.data, **fields})


def edited(document: Document, **fields: Any) -> Set:
    return Set(document.path, {**document.data, **fields})


def with_head(subject: Document, **head: Any) -> Set:
    return edited(subject, head={**subject.data["head"], **head})


def sequence(event: Document) -> int:
    found: int = event.data["sequence"]
    return found


@dataclass(frozen=True)
class Attack:
    """Writes behind the API's back, and the sequence that has to be named; needs `least` events."""

    name: str
    writes: Callable[[Trail], list[Write]]
    named: Callable[[Trail], int]
    least: int = 1

    def __str__(self) -> str:
        return self.name


def edit(field: str) -> Attack:
    def writes(chain: Trail) -> list[Write]:
        value = EDITS[field]
        if isinstance(value, timedelta):
            value = chain.middle.data[field] + value
        return [edited(chain.middle, **{field: value})]

    return Attack(f"edit {field}", writes, lambda chain: sequence(chain.middle))


def insertions(digit: str) -> list[Attack]:
    return [
        Attack(
            f"duplicate a sequence {digit}",
            lambda c: [c.forged(c.middle, digit)],
            lambda c: sequence(c.middle),
        ),
        Attack(
            f"insert one that is consistent in itself {digit}",
            lambda c: [_consistent(c, c.forged(c.middle, digit, message="forged"))],
            lambda c: sequence(c.middle),
        ),
        Attack(
            f"insert one that cannot be read {digit}",
            lambda c: [c.forged(c.middle, digit, message=7)],
            lambda c: sequence(c.middle),
        ),
    ]


ATTACKS = (
    *map(edit, EDITS),
    Attack(
        "remove a field", lambda c: [_without(c.middle, "reason")], lambda c: sequence(c.middle)
    ),
    Attack("add a field", lambda c: [edited(c.middle, x=1)], lambda c: sequence(c.middle)),
    Attack("delete the first", lambda c: [Delete(c.events[0].path)], lambda _: 1),
    Attack("delete in the middle", lambda c: [Delete(c.middle.path)], lambda c: sequence(c.middle)),
    Attack("delete the last", lambda c: [Delete(c.events[-1].path)], lambda c: len(c.events)),
    Attack("delete all", lambda c: [Delete(event.path) for event in c.events], lambda _: 1),
    Attack(
        "truncate the tail",
        lambda c: [Delete(event.path) for event in c.events[-3:]],
        lambda c: len(c.events) - 2,
        least=4,
    ),
    Attack(
        "swap two",
        lambda c: [edited(c.events[2], sequence=6), edited(c.events[5], sequence=3)],
        lambda _: 3,
        least=6,
    ),
    Attack(
        "swap the first two",
        lambda c: [edited(c.events[0], sequence=2), edited(c.events[1], sequence=1)],
        lambda _: 1,
        least=2,
    ),
    *(attack for digit in "0f" for attack in insertions(digit)),
    Attack(
        "insert one before the first",
        lambda c: [c.forged(c.events[0], sequence=0)],
        lambda _: 0,
    ),
    Attack(
        "insert one beyond the head",
        lambda c: [c.forged(c.events[-1], sequence=len(c.events) + 1)],
        lambda c: len(c.events) + 1,
    ),
    Attack(
        "append one that is consistent in itself",
        lambda c: [
            _consistent(
                c,
                c.forged(
                    c.events[-1],
                    sequence=len(c.events) + 1,
                    previousHash=c.events[-1].data["hash"],
                ),
            )
        ],
        lambda c: len(c.events) + 1,
    ),
    Attack(
        "replace one by another that is consistent in itself",
        lambda c: [_consistent(c, edited(c.middle, message="forged"))],
        lambda c: sequence(c.middle),
    ),
    Attack(
        "move one to another case",
        lambda c: [edited(c.middle, subject=OTHER, caseId="B-1")],
        lambda c: sequence(c.middle),
    ),
    Attack(
        "move one to another tenant",
        lambda c: [
            Delete(c.middle.path),
            Create(f"tenants/other/audit/{c.middle.id}", c.middle.data),
        ],
        lambda c: sequence(c.middle),
    ),
    Attack(
        "edit the head's hash",
        lambda c: [with_head(c.subject, hash="f" * 64)],
        lambda c: len(c.events),
    ),
    Attack(
        "move the head on",
        lambda c: [with_head(c.subject, sequence=len(c.events) + 1)],
        lambda c: len(c.events) + 1,
    ),
    Attack(
        "move the head back",
        lambda c: [
            with_head(c.subject, sequence=len(c.events) - 1, hash=c.events[-1].data["previousHash"])
        ],
        lambda c: len(c.events),
    ),
    Attack("remove the head", lambda c: [_without(c.subject, "head")], lambda _: 0),
    Attack("delete the case", lambda c: [Delete(c.subject.path)], lambda _: 1),
    Attack(
        "rewrite the whole chain without the head",
        lambda c: [write for write in rewritten(c) if write.path != c.subject.path],
        lambda c: len(c.events),
    ),
)


def _without(document: Document, field: str) -> Set:
    data = {name: value for name, value in document.data.items() if name != field}
    return Set(document.path, data)


def _consistent(chain: Trail, write: Create | Set) -> Create | Set:
    return replace(write, data={**write.data, "hash": _hash(chain, write.path, write.data)})


def _hash(chain: Trail, path: str, data: Data) -> str:
    from shared.ledger.events import from_document  # noqa: PLC0415
    from shared.rules.chain import event_hash  # noqa: PLC0415 - a forger knows how it is done

    return event_hash(chain.tenant, from_document(Document(path, data, 0)))


def rewritten(chain: Trail) -> list[Write]:
    """The whole chain with other messages, consistent in itself, and the head that goes with it."""
    writes: list[Write] = []
    previous = "0" * 64
    for event in chain.events:
        forged = _consistent(chain, edited(event, message="forged", previousHash=previous))
        previous = forged.data["hash"]
        writes.append(forged)
    return [*writes, with_head(chain.subject, hash=previous)]


def make_chain(api: Api, length: int) -> Trail:
    """A case with a chain of `length` events, the first ten of them by the API."""
    api.verifier.create(id="A-1")
    for number in range(1, min(length, 10)):
        note = {"eventType": "note_added", "message": f"note {number}", "meta": {"n": [number]}}
        assert api.agent.post("/cases/A-1/audit", note).status_code == 201
    chain = Trail.of(api, CASE)
    chain.store.commit(continued(chain, length))
    return Trail.of(api, CASE)


def continued(chain: Trail, length: int) -> list[Write]:
    """What makes a chain longer, in the way of the ledger but in one commit."""
    writes: list[Write] = []
    last = chain.events[-1]
    for number in range(len(chain.events) + 1, length + 1):
        path = f"tenants/{chain.tenant}/audit/{number:032x}"
        data = {**last.data, "sequence": number, "previousHash": last.data["hash"]}
        data |= {"eventType": "custom", "changes": "[]"}
        write = _consistent(chain, Create(path, data))
        last = Document(path, write.data, 0)
        writes.append(write)
    return [*writes, with_head(chain.subject, sequence=sequence(last), hash=last.data["hash"])]


def undone(chain: Trail, writes: Sequence[Write]) -> list[Write]:
    """The writes that take back an attack."""
    originals = {document.path: document for document in (*chain.events, chain.subject)}
    return [
        Set(write.path, originals[write.path].data)
        if write.path in originals
        else Delete(write.path)
        for write in writes
    ]


@pytest.mark.parametrize(("config", "length"), CHAINS, indirect=["config"])
def test_tampering_is_found_and_its_first_sequence_named(api: Api, length: int) -> None:
    chain = make_chain(api, length)

    # Which field is edited makes no difference to a chain of several pages.
    attacks = ATTACKS if length <= 10 else ATTACKS[len(EDITS) - 2 :]
    for attack in attacks:
        if length < attack.least:
            continue
        writes = attack.writes(chain)
        chain.store.commit(writes)
        found = verification(api, CASE)
        assert not found["valid"], attack
        assert found["firstBroken"]["sequence"] == attack.named(chain), (str(attack), found)
        chain.store.commit(undone(chain, writes))
    assert verification(api, CASE)["valid"]


def test_an_event_moved_to_another_case_is_found_there_too(api: Api) -> None:
    chain = make_chain(api, 10)
    api.verifier.create(id="B-1")
    for _ in range(9):
        api.agent.post("/cases/B-1/audit", {"eventType": "custom", "message": "seen"})

    chain.store.commit([edited(chain.middle, subject=OTHER, caseId="B-1")])

    found = verification(api, OTHER)
    assert not found["valid"]
    assert found["firstBroken"]["sequence"] == sequence(chain.middle)


def test_an_event_moved_to_another_tenant_is_found_there_too(api: Api) -> None:
    chain = make_chain(api, 10)
    elsewhere = api.caller("verifier", tenant="other")
    elsewhere.create(id="A-1")

    chain.store.commit([Create(f"tenants/other/audit/{'f' * 32}", chain.events[0].data)])

    found = api.caller("pilot", tenant="other").get(f"/audit:verify?subject={CASE}").json
    assert not found["valid"]
    assert found["firstBroken"]["sequence"] == 1


@pytest.mark.parametrize("length", LENGTHS)
def test_a_whole_chain_is_valid_and_anybody_can_check_it_from_the_json(
    api: Api, length: int
) -> None:
    make_chain(api, length)

    found = verification(api, CASE)

    events = trail(api, CASE)
    assert_chain(api.tenant, events)
    assert found == {
        "subject": CASE,
        "valid": True,
        "events": length,
        "headHash": event_hash(api.tenant, events[-1]),
    }


def test_the_chains_of_a_deleted_case_and_of_the_tenant_are_valid_and_guarded(api: Api) -> None:
    make_chain(api, 3)
    assert api.admin.delete("/cases/A-1").status_code == 204
    assert api.admin.patch("/settings", {"autoCloseDays": 7}).status_code == 200

    for subject, path in ((CASE, CASE), ("tenant", "")):
        events = trail(api, subject)
        assert_chain(api.tenant, events)
        assert verification(api, subject)["valid"]
        last = api.runtime.store.get(f"tenants/{api.tenant}/audit/{events[-1]['id']}")
        assert last, path
        api.runtime.store.commit([edited(last, message="nothing happened")])
        found = verification(api, subject)
        assert found["firstBroken"]["sequence"] == len(events)


def test_a_case_that_never_was_has_no_chain(api: Api) -> None:
    assert api.pilot.get("/audit:verify?subject=cases/none").status_code == 404


def test_whoever_rewrites_the_chain_and_its_head_is_found_only_by_a_head_kept_elsewhere(
    api: Api,
) -> None:
    chain = make_chain(api, 10)
    kept_elsewhere = verification(api, CASE)["headHash"]

    chain.store.commit(rewritten(chain))

    found = verification(api, CASE)
    assert found["valid"]
    assert found["headHash"] != kept_elsewhere
