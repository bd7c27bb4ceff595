"""Runs of the sealing at once, and killed ones, make one history, in which nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.config import Config
from shared.documents.port import DocumentStore, Unavailable
from shared.repository import sealed, tallies
from shared.repository.log_keys import LogKeys
from shared.repository.recounting import counted_of
from shared.rules import note
from shared.rules.growth import root_of
from shared.runtime import log_keys, open_store
from shared.sweeps import seal, signing
from tests.conftest import ROOT, Clock
from tests.functions.sealing_support import (
    opened,
    pem,
    recorded,
    require_one_history,
    with_keys,
)
from tests.reliability.sealer import COMMITS, run_on
from tests.reliability.support import LOAD, in_parallel

KEY = Ed25519PrivateKey.generate()
TENANTS = ("acme", "zeta")
AT_ONCE = 8
ROUNDS = 3 * LOAD
EVENTS = 100
"""Of each tenant in each round: a bundle becomes full in the third."""


def entries_of(store: DocumentStore, tenant: str) -> list[bytes]:
    """The entries of a log, whose checkpoint is that of its own tree."""
    log = sealed.opened(store, tenant)
    assert log
    said = opened(log.checkpoint, KEY, tenant)
    found = list(log.entries(0, log.size))
    assert (said.size, said.root) == (len(found), root_of(log.state))
    assert len({event_id for _, event_id, _ in found}) == len(found)
    return [bytes.fromhex(one) for _, _, one in found]


def counted(store: DocumentStore, tenant: str, clock: Clock) -> tuple[int, int]:
    """Of how many entries of a log its figures are, and how many events these count."""
    figures, _ = counted_of(store, tenant)
    return figures, tallies.totals(store, tenant, clock.now).totals.sum("events")


def ran(store: DocumentStore, keys: LogKeys, clock: Clock) -> bool:
    """Whether a run came to its end: where the store does not answer, the next one goes on."""
    try:
        seal.seal(run_on(store, clock.now), keys, None)
    except Unavailable:
        return False
    return True


def test_eight_runs_at_once_make_one_history(
    config: Config, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, keys = open_store(config), log_keys(with_keys(config, tmp_path, KEY))
    assert keys
    signed: list[str] = []

    def kept(*given: object) -> str:
        signed.append(sign(*given))  # type: ignore[arg-type]
        return signed[-1]

    sign = note.sign
    monkeypatch.setattr(signing, "sign", kept)
    written: dict[str, list[str]] = {tenant: [] for tenant in TENANTS}
    for number in range(ROUNDS):
        for tenant in TENANTS:
            subject = f"cases/{number}"
            rows = recorded(store, tenant, EVENTS, clock.now, subject)
            if number == 1:
                # One of them has come late, when the comparison of the day is made.
                rows += recorded(store, tenant, 1, clock.now.replace(hour=1), "cases/late")
            written[tenant] += [event.hash for event in rows]
        clock.advance(days=1)
        in_parallel(AT_ONCE, lambda _: ran(store, keys, clock))
    # Where the emulator was too busy to answer all of them, the last one has it to itself.
    assert any(ran(store, keys, clock) for _ in range(10))

    for tenant in TENANTS:
        entries = entries_of(store, tenant)
        assert sorted(entry.hex() for entry in entries) == sorted(written[tenant])
        own = [text for text in signed if text.startswith(f"logs.example/caseledger/{tenant}\n")]
        assert len(own) >= ROUNDS
        require_one_history([opened(text, KEY, tenant) for text in own], entries)
        assert counted(store, tenant, clock) == (len(entries), len(entries))
    store.close()


def test_runs_that_are_killed_before_and_after_each_commit_make_one_history(
    embedded_config: Config, clock: Clock, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(pem(KEY))
    store = open_store(embedded_config)
    written = {
        tenant: recorded(store, tenant, 300, clock.now, f"cases/{tenant}") for tenant in TENANTS
    }
    clock.advance(days=1)
    database = str(embedded_config.sqlite)
    command = [sys.executable, "-m", "tests.reliability.sealer", database, str(key)]

    ended = subprocess.run(
        [*command, clock.now.isoformat()], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert ended.stdout.split() == ["-9"] * 2 * COMMITS + ["0"]
    for tenant in TENANTS:
        entries = entries_of(store, tenant)
        assert [entry.hex() for entry in entries] == [event.hash for event in written[tenant]]
        assert counted(store, tenant, clock) == (300, 300)
    store.close()
