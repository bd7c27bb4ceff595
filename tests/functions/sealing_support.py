"""What the tests of the log share: a key, runs of the sealing, and a reader that checks all of it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.config import Config
from shared.documents.port import DocumentStore
from shared.rules import note, tree
from shared.rules.note import Checkpoint
from shared.rules.tiles import WIDTH, hash_of_tiles, tile_path, tile_width
from shared.runtime import Runtime
from tests.client import Api, Client, TestResponse
from tests.conftest import Clock

SEAL = "/scheduled/sealAudit"
ORIGIN = "logs.example/caseledger"


def new_key(path: Path, *more: Ed25519PrivateKey) -> Ed25519PrivateKey:
    """A key in a file, with others behind it."""
    key = Ed25519PrivateKey.generate()
    path.write_bytes(b"".join(map(pem, (key, *more))))
    return key


def pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def sealing_config(config: Config, key: Path) -> Config:
    """The same configuration with a key."""
    return replace(config, log_key=str(key), log_origin=ORIGIN)


def seal(api: Api, *, dry: bool = False) -> dict[str, int]:
    """One run; what it did."""
    answer = sealed_by(api, dry=dry)
    assert answer.status_code == 200, answer.text
    found: dict[str, int] = answer.json
    return found


def sealed_by(api: Api, *, dry: bool = False) -> TestResponse:
    """One run; its answer."""
    query = "?dryRun=true" if dry else ""
    return api.caller("scheduler", tenant="none").post(f"{SEAL}{query}")


def checkpoint(api: Api, key: Ed25519PrivateKey, tenant: str | None = None) -> Checkpoint:
    """The checkpoint of a log, whose signature holds."""
    name = tenant or api.tenant
    answer = api.caller("viewer", tenant=name).get(f"/logs/{name}/checkpoint")
    assert answer.status_code == 200, answer.text
    return opened(answer.text, key, name)


def opened(text: str, key: Ed25519PrivateKey, tenant: str) -> Checkpoint:
    verifier = note.Signer(f"{ORIGIN}/{tenant}", key).verifier
    found = note.parse_checkpoint(note.open_note(text, [verifier]))
    assert found.origin == f"{ORIGIN}/{tenant}"
    return found


class Reader:
    """A client of a log, who knows what tlog-tiles says and nothing else."""

    def __init__(self, client: Client, tenant: str, size: int) -> None:
        self.client = client
        self.tenant = tenant
        self.size = size

    def tile(self, level: int | str, number: int, width: int) -> bytes:
        path = tile_path(level, number, width)  # type: ignore[arg-type]
        answer = self.client.get(f"/logs/{self.tenant}/tile/{path}")
        assert answer.status_code == 200, (path, answer.text)
        assert answer.mimetype == "application/octet-stream"
        return answer.data

    def hashes(self, level: int, number: int) -> Sequence[bytes]:
        width = tile_width(level, number, self.size)
        data = self.tile(level, number, width)
        assert len(data) == 32 * width
        return [data[place : place + 32] for place in range(0, len(data), 32)]

    def entries(self) -> Iterator[bytes]:
        for number in range(-(-self.size // WIDTH)):
            data = self.tile("entries", number, tile_width("entries", number, self.size))
            while data:
                length = int.from_bytes(data[:2], "big")
                yield data[2 : 2 + length]
                data = data[2 + length :]

    def root(self) -> bytes:
        return tree.root(map(tree.leaf_hash, self.entries()))

    def consistency(self, old: int) -> list[bytes]:
        return tree.consistency(old, self.size, hash_of_tiles(self.hashes))


def require_one_history(checkpoints: Sequence[Checkpoint], reader: Reader) -> None:
    """Checks that each of the checkpoints is of the beginning of the same log."""
    entries = list(reader.entries())
    for one in checkpoints:
        assert one.size <= len(entries)
        assert one.root == tree.root(map(tree.leaf_hash, entries[: one.size])), one.size
