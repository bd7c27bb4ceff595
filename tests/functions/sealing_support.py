"""What the tests of the log share: a key, runs of the sealing, and a reader who trusts nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.config import Config
from shared.documents.port import Create, Data, DocumentStore
from shared.ledger import events
from shared.models.events import Event
from shared.models.roles import Actor
from shared.models.subjects import Head
from shared.rules import chain, note, tree
from shared.rules.note import Checkpoint
from shared.rules.tiles import WIDTH, Level, hash_of_tiles, tile_path, tile_width
from tests.client import Api, Client, TestResponse
from tests.conftest import Clock

SEAL = "/scheduled/sealAudit"
ORIGIN = "logs.example/caseledger"
_AT_ONCE = 200


def pem(*keys: Ed25519PrivateKey) -> bytes:
    """Keys as they stand in a file."""
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return b"".join(key.private_bytes(*form) for key in keys)


def with_keys(config: Config, directory: Path, *keys: Ed25519PrivateKey) -> Config:
    """The same configuration with a file of these keys."""
    path = directory / "log-key.pem"
    path.write_bytes(pem(*keys))
    return replace(config, log_key=str(path), log_origin=ORIGIN)


def seal(api: Api, query: str = "") -> dict[str, int]:
    """One run, which must succeed; what it did."""
    answer = sealed_by(api, query)
    assert answer.status_code == 200, answer.text
    found: dict[str, int] = answer.json
    return found


def sealed_by(api: Api, query: str = "") -> TestResponse:
    """One run; its answer."""
    return api.caller("scheduler", tenant="none").post(f"{SEAL}{query}")


def tomorrow(api: Api, clock: Clock) -> dict[str, int]:
    """The first run of the next day, which compares the logs with the trails."""
    clock.advance(days=1)
    return seal(api)


def checkpoint(api: Api, key: Ed25519PrivateKey, tenant: str | None = None) -> Checkpoint:
    """The checkpoint of a log, whose signature holds."""
    name = tenant or api.tenant
    answer = api.caller("viewer", tenant=name).get(f"/logs/{name}/checkpoint")
    assert answer.status_code == 200, answer.text
    return opened(answer.text, key, name)


def opened(text: str, key: Ed25519PrivateKey, tenant: str) -> Checkpoint:
    """What a signed checkpoint says. Raises ValueError where the key did not sign it."""
    verifier = note.Signer(f"{ORIGIN}/{tenant}", key).verifier
    return note.parse_checkpoint(note.open_note(text, [verifier]))


class Reader:
    """A client of a log of some size, who knows what tlog-tiles says and nothing else."""

    def __init__(self, client: Client, tenant: str, size: int) -> None:
        self.client = client
        self.tenant = tenant
        self.size = size

    def tile(self, level: Level, number: int) -> bytes:
        """The bytes of a tile, as wide as the size makes it."""
        path = tile_path(level, number, tile_width(level, number, self.size))
        answer = self.client.get(f"/logs/{self.tenant}/tile/{path}")
        assert answer.status_code == 200, (path, answer.text)
        assert answer.mimetype == "application/octet-stream"
        found: bytes = answer.data
        return found

    def hashes(self, level: int, number: int) -> Sequence[bytes]:
        """The hashes of a tile."""
        data = self.tile(level, number)
        return [data[place : place + 32] for place in range(0, len(data), 32)]

    def entries(self) -> Iterator[bytes]:
        """All entries."""
        for number in range(-(-self.size // WIDTH)):
            data = self.tile("entries", number)
            while data:
                length = int.from_bytes(data[:2], "big")
                yield data[2 : 2 + length]
                data = data[2 + length :]

    def root(self) -> bytes:
        """The root of the tree, by the entries."""
        return tree.root(map(tree.leaf_hash, self.entries()))

    def require_beginning(self, old: Checkpoint, new: Checkpoint) -> None:
        """Raises ValueError unless the tiles prove that the one log is the beginning of the other.

        The later one is of the reader's size.
        """
        proof = tree.consistency(old.size, new.size, hash_of_tiles(self.hashes))
        tree.verify_consistency(old.size, new.size, proof, old.root, new.root)


def require_one_history(checkpoints: Sequence[Checkpoint], entries: Sequence[bytes]) -> None:
    """Checks that each of the checkpoints is of the beginning of these entries."""
    for one in checkpoints:
        assert one.size <= len(entries)
        assert one.root == tree.root(map(tree.leaf_hash, entries[: one.size])), one.size


def recorded(
    store: DocumentStore,
    tenant: str,
    number: int,
    first_at: datetime,
    subject: str = "cases/seeded",
) -> list[Event]:
    """A chain of so many events, a second apart, written as the ledger does, without a subject."""
    head, found = Head(), []
    for index in range(number):
        at = first_at + timedelta(seconds=index)
        event = chain.linked(tenant, head, _content(subject, index, at), lambda: "5a" * 16)
        head = Head(sequence=event.sequence, hash=event.hash)
        found.append(event)
    writes = [Create(events.path(tenant, one.id), events.to_data(one)) for one in found]
    for start in range(0, number, _AT_ONCE):
        store.commit(writes[start : start + _AT_ONCE])
    return found


def _content(subject: str, index: int, at: datetime) -> Data:
    return {
        "id": f"{subject.replace('/', '-')}-{index:04}",
        "subject": subject,
        "case_id": None,
        "created_at": at,
        "actor": Actor(subject="vera", email=None, type="user", role="verifier"),
        "source": "system",
        "event_type": "note_added",
        "severity": "info",
        "agent_id": None,
        "outcome": "success",
        "message": "A note",
        "reason": None,
        "changes": [],
        "meta": {},
        "request_id": "r-1",
        "request_hash": None,
    }
