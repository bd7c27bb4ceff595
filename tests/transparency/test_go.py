"""The log against Go's own checker of logs, which others wrote: see check.go."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from shared.rules.tiles import Level, tile_path, tile_width
from tests.transparency.exported import CASE, Exports, done, exports
from tests.transparency.log import SIGNER, Log

SOURCE = Path(__file__).with_name("check.go")
# Where Debian keeps what golang-golang-x-mod-dev brings.
LIBRARIES = Path("/usr/share/gocode")
SIZES = [1, 2, 3, 255, 256, 257, 511, 512, 700]

Check = Callable[..., tuple[int, str]]


@pytest.fixture(scope="session")
def check(tmp_path_factory: pytest.TempPathFactory) -> Check:
    """Runs check.go with a directory and a verifier key; gives its exit code and what it says."""
    go = shutil.which("go")
    if not go or not (LIBRARIES / "src/golang.org/x/mod").is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs Debian's golang-go and golang-golang-x-mod-dev")
        pytest.skip("NO GO: golang-go and golang-golang-x-mod-dev were not found")
    program = tmp_path_factory.mktemp("go") / "check"
    go_path = {"GO111MODULE": "off", "GOPATH": str(LIBRARIES), "GOFLAGS": "", "CGO_ENABLED": "0"}
    environment = {"HOME": str(program.parent), **os.environ, **go_path}
    subprocess.run([go, "build", "-o", program, SOURCE], env=environment, check=True)

    def run(*arguments: Path | str) -> tuple[int, str]:
        ended = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
        return ended.returncode, ended.stdout + ended.stderr

    return run


def entries(count: int) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() for number in range(count)]


def test_go_proves_every_entry_and_every_two_checkpoints_of_a_log(
    check: Check, tmp_path: Path
) -> None:
    proofs = [(index, size) for size in (1, 3, 257, 700) for index in range(0, size, 41)]
    Log(entries(700)).write(tmp_path, SIZES, proofs)

    records, pairs = sum(SIZES), len(SIZES) * (len(SIZES) + 1) // 2
    told = f"700 entries, {records} records, {pairs} pairs, {len(proofs)} proofs\n"
    assert check(tmp_path, SIGNER.verifier_key) == (0, told)

    # It would say so: a changed hash, entry, proof, root and key.
    for name, says in {
        "tile/0/001": "tiles of 512: downloaded inconsistent tile",
        "tile/entries/000": "entry 0 of 1: invalid transparency proof",
        "proofs/41-257": "our proof: invalid transparency proof",
        "checkpoints/512": "checkpoint: invalid signature for key",
    }.items():
        path = tmp_path / name
        before = path.read_bytes()
        at = before.index(b"\n", before.index(b"index")) + 1 if name.startswith("proofs") else 2
        path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
        code, told = check(tmp_path, SIGNER.verifier_key)
        assert (code, says in told) == (1, True), told
        path.write_bytes(before)


def test_go_reads_a_log_of_three_levels_of_tiles(check: Check, tmp_path: Path) -> None:
    size = 256 * 256 + 300
    Log(entries(size)).write(tmp_path, [size], [(0, size), (65536, size), (size - 1, size)])

    told = f"{size} entries, {-(-size // 100)} records, 1 pairs, 3 proofs\n"
    assert check(tmp_path, SIGNER.verifier_key, "100") == (0, told)


def test_go_proves_every_entry_of_the_log_that_the_api_serves(
    check: Check, tmp_path: Path, empty_database: Path, framework: Flask
) -> None:
    with exports(tmp_path, empty_database, framework) as log:
        notes = [log.seal()]
        cases = [log.api.verifier.create()["id"] for _ in range(120)]
        notes.append(log.seal())
        done(log.api.pilot.post("/cases:close", {"caseIds": cases, "reason": "Not needed"}))
        notes.append(log.seal())
        events = done(log.api.viewer.get(f"{CASE}/audit?pageSize=10"))["events"]
        proofs = [log.api.viewer.get(f"/audit/{one['id']}:prove").data for one in events]
        for number, proof in enumerate(proofs):
            write(tmp_path / f"proofs/{number}", proof)
        for note in notes:
            size = int(note.split("\n")[1])
            write(tmp_path / f"checkpoints/{size}", note.encode())
            download(log, size, tmp_path)

        told = rf"{size} entries, \d+ records, 6 pairs, {len(proofs)} proofs\n"
        code, said = check(tmp_path, log.key)
    assert size > 256
    assert code == 0, said
    assert re.fullmatch(told, said)


def download(log: Exports, size: int, directory: Path) -> None:
    """Gets every tile and every bundle of entries of a size, as others would."""
    levels: tuple[Level, ...] = ("entries", 0, 1)
    for level in levels:
        index = 0
        while width := tile_width(level, index, size):
            path = f"tile/{tile_path(level, index, width)}"
            answer = log.api.viewer.get(f"/logs/{log.api.tenant}/{path}")
            assert answer.status_code == 200, (path, answer.text)
            write(directory / path, answer.data)
            index += 1


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
