"""A log as its readers see it: the files of tlog-tiles, for members and, where public, for all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask

from shared.config import Budget, Config
from shared.documents.port import Update
from shared.repository import sealed
from shared.rules import tree
from shared.rules.tiles import bundle
from shared.runtime import Runtime
from tests.client import Api, Client, TestResponse
from tests.conftest import Clock
from tests.functions.sealing_support import Reader, checkpoint, recorded, seal, with_keys
from tests.functions.support import cost
from tests.rows import each_row

KEY = Ed25519PrivateKey.generate()
SIZE = 3 * 256 + 7
FOR_EVER = "max-age=31536000"
FILES = ("checkpoint", "tile/0/000", "tile/entries/000", "tile/0/001.p/3")
"""Files of a log of 300 events, of each kind."""


@pytest.fixture
def configured(config: Config, tmp_path: Path) -> Config:
    """With a key that seals."""
    return with_keys(config, tmp_path, KEY)


def sealed_events(api: Api, clock: Clock, number: int) -> list[bytes]:
    """The hashes of so many events, which are sealed."""
    found = recorded(api.runtime.store, api.tenant, number, clock.now)
    clock.advance(hours=1)
    assert seal(api)["changed"] == number
    return [bytes.fromhex(event.hash) for event in found]


def publish(api: Api, *, public: bool = True) -> None:
    assert api.admin.patch("/settings", {"publicLog": public}).status_code == 200


def tile(api: Api, path: str, client: Client | None = None) -> TestResponse:
    return (client or api.viewer).get(f"/logs/{api.tenant}/tile/{path}")


@pytest.mark.both_stores
def test_bundles_and_tiles_are_those_of_the_tree(api: Api, clock: Clock) -> None:
    entries = sealed_events(api, clock, SIZE)
    leaves = list(map(tree.leaf_hash, entries))
    full = [leaves[place : place + 256] for place in range(0, 768, 256)]

    wanted = {
        "entries/000": bundle(entries[:256]),
        "entries/002": bundle(entries[512:768]),
        "entries/003.p/7": bundle(entries[768:]),
        "0/000": b"".join(full[0]),
        "0/001": b"".join(full[1]),
        "0/003.p/7": b"".join(leaves[768:]),
        "1/000.p/3": b"".join(map(tree.root, full)),
        # What the last tiles were once, and parts of full ones, are there too.
        "1/000.p/2": b"".join(map(tree.root, full[:2])),
        "0/000.p/5": b"".join(leaves[:5]),
        "entries/003.p/1": bundle(entries[768:769]),
    }
    for path, content in wanted.items():
        assert tile(api, path).data == content, path

    reader = Reader(api.viewer, api.tenant, SIZE)
    assert reader.root() == checkpoint(api, KEY).root == tree.root(leaves)


def test_a_tile_that_is_full_is_kept_for_ever_and_any_other_for_seconds(
    api: Api, clock: Clock
) -> None:
    sealed_events(api, clock, 260)
    publish(api)

    for path, kept in (("0/000", FOR_EVER), ("entries/000", FOR_EVER), ("0/001.p/4", "max-age=10")):
        assert tile(api, path).headers["Cache-Control"] == f"private, {kept}"
        assert tile(api, path, api.stranger).headers["Cache-Control"] == f"public, {kept}"
    asked = api.stranger.get(f"/logs/{api.tenant}/checkpoint")
    assert asked.headers["Cache-Control"] == "public, max-age=10"
    assert "Authorization" in asked.headers["Vary"]
    assert asked.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.both_stores
@pytest.mark.costs_of("get_log_checkpoint", "get_log_tile", "prove_event")
def test_a_full_tile_costs_a_read_the_last_ones_two_and_a_stranger_one_more(
    api: Api, clock: Clock
) -> None:
    sealed_events(api, clock, 260)
    publish(api)
    costs = {"0/000": 1, "entries/000": 1, "0/001.p/4": 2, "1/000.p/1": 2}
    for path, reads in costs.items():
        assert cost(tile(api, path)) == (reads, 0, 1), path
        assert cost(tile(api, path, api.stranger)) == (reads + 1, 0, 1), path
    assert cost(api.viewer.get(f"/logs/{api.tenant}/checkpoint")) == (1, 0, 1)
    assert cost(api.stranger.get(f"/logs/{api.tenant}/checkpoint")) == (2, 0, 1)
    # The event, the end of the log, the bundle and its place in the tree.
    proven = api.viewer.get("/audit/cases-seeded-0003:prove")
    assert cost(proven) == (3, 0, 2)


@pytest.mark.both_stores
def test_what_the_log_does_not_have_is_not_there(api: Api, clock: Clock) -> None:
    sealed_events(api, clock, 260)

    for path in (
        "0/001",
        "0/001.p/5",
        "0/002.p/1",
        "1/000",
        "1/000.p/2",
        "2/000.p/1",
        "63/000.p/1",
    ):
        assert tile(api, path).status_code == 404, path
    for path in ("entries/001", "entries/001.p/5", "entries/x001/000", "0/x999/x999/x999/x999/999"):
        assert tile(api, path).status_code == 404, path


@each_row(
    "path",
    [
        "",
        "0",
        "0/",
        "/000",
        "0//000",
        "0/0",
        "0/0000",
        "0/000/",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/257",
        "0/000.p/01",
        "0/000.p/-1",
        "0/000.p",
        "0/x000/000",
        "0/X001/000",
        "0/001/000",
        "0/" + "x001/" * 40 + "000",
        "64/000",
        "00/000",
        "-1/000",
        "entries/000.p/",
        "Entries/000",
        "8/0/000",
        "0/\u0660\u0660\u0660",
        "0/000%2Fp",
        "0/../../checkpoint",
        "0/000\x00",
        "0/000?x=1",
        "state",
    ],
)
def test_a_path_that_is_no_tile_is_refused(api: Api, path: str) -> None:
    for client in (api.viewer, api.stranger):
        assert tile(api, path, client).status_code in (400, 404)


@pytest.mark.both_stores
def test_a_log_that_is_not_public_is_the_same_to_others_as_none(api: Api, clock: Clock) -> None:
    sealed_events(api, clock, 300)
    member_of_another = api.caller("admin", tenant="another")

    for path in FILES:
        assert api.viewer.get(f"/logs/{api.tenant}/{path}").status_code == 200
        for client in (api.stranger, member_of_another):
            theirs = client.get(f"/logs/{api.tenant}/{path}")
            absent = client.get(f"/logs/unheard-of/{path}")
            assert theirs.status_code == 404
            assert (theirs.text, cost(theirs)) == (absent.text, cost(absent))
    publish(api)
    for path in FILES:
        mine = api.viewer.get(f"/logs/{api.tenant}/{path}")
        for client in (api.stranger, member_of_another):
            assert client.get(f"/logs/{api.tenant}/{path}").data == mine.data
    publish(api, public=False)
    assert api.stranger.get(f"/logs/{api.tenant}/checkpoint").status_code == 404


def test_a_public_log_that_cannot_be_read_is_the_same_to_a_stranger_as_none(
    api: Api, clock: Clock
) -> None:
    sealed_events(api, clock, 300)
    publish(api)
    store = api.runtime.store
    store.commit([Update(sealed.state_path(api.tenant), {"edge": [7]})])
    store.commit([Update(sealed.bundle_path(api.tenant, 0), {"entries": "zz"})])

    for path in FILES:
        absent = api.stranger.get(f"/logs/unheard-of/{path}")
        theirs = api.stranger.get(f"/logs/{api.tenant}/{path}")
        assert (theirs.status_code, theirs.text) == (404, absent.text), path
        assert api.viewer.get(f"/logs/{api.tenant}/{path}").status_code == 500, path
    store.commit([Update(f"tenants/{api.tenant}", {"publicLog": "yes"})])
    assert api.stranger.get(f"/logs/{api.tenant}/checkpoint").status_code == 404


def test_a_token_that_is_not_valid_is_refused_also_where_none_is_needed(
    api: Api, clock: Clock
) -> None:
    sealed_events(api, clock, 1)
    publish(api)

    forged = Client(api.app, "no.token.at-all", {})

    assert forged.get(f"/logs/{api.tenant}/checkpoint").status_code == 401


def test_strangers_have_a_budget_together(
    configured: Config, clock: Clock, framework: Flask
) -> None:
    budgets: dict[Budget, int] = {"read": 100, "write": 100, "expensive": 100, "public": 3}

    limited = replace(configured, budgets=budgets)
    api = Api(Runtime(limited, clock), app=framework)

    answers = [api.stranger.get(f"/logs/t-{number}/checkpoint") for number in range(4)]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    assert answers[-1].headers["Retry-After"]
    assert cost(answers[-1]) == (0, 0, 0)
    assert api.viewer.get(f"/logs/{api.tenant}/checkpoint").status_code == 404
    api.runtime.close()
