"""How a log grows: whatever the steps, its bundles, tiles and root are those of the tree."""

from __future__ import annotations

import hashlib

import pytest

from shared.models.sealed import StoredBundle, StoredLog, StoredTile, joined, parted
from shared.rules.growth import Entry, grown, root_of
from shared.rules.tree import leaf_hash, root
from tests.rows import each_row


def entry(number: int, *, late: bool = False) -> Entry:
    place = f"2026-03-02 {number:06}"
    return Entry(place, f"e-{number}", hashlib.sha256(str(number).encode()).digest(), late)


def test_a_log_of_three_levels_has_the_tiles_of_its_tree_however_it_came_about() -> None:
    size = 256 * 256 + 300
    entries = [entry(number) for number in range(size)]
    state, bundles, tiles = (
        StoredLog(),
        dict[int, StoredBundle](),
        dict[tuple[int, int], StoredTile](),
    )
    for begin, end in ((0, 1), (1, 256), (256, 700), (700, 65_536), (65_536, size)):
        state, full, higher = grown(state, entries[begin:end])
        assert not bundles.keys() & full.keys()
        bundles |= full
        tiles |= higher

    leaves = [leaf_hash(one.hash) for one in entries]
    assert root_of(state) == root(leaves)
    assert state.size == size
    assert sorted(bundles) == list(range(257))
    assert [one.ids for one in bundles.values()][256] == [one.id for one in entries[65_536:65_792]]
    roots = [root(leaves[place : place + 256]) for place in range(0, 65_792, 256)]
    assert {name: parted(one.hashes) for name, one in tiles.items()} == {(1, 0): roots[:256]}
    last, first, second = (parted(text) for text in state.edge)
    assert last == [one.hash for one in entries[65_792:]]
    assert (first, second) == (roots[256:], [root(leaves[:65_536])])
    assert state.ids == [one.id for one in entries[65_792:]]


def test_a_late_entry_is_named_in_its_bundle_and_moves_no_place() -> None:
    entries = [*(entry(number) for number in range(250)), entry(7, late=True)]

    state, bundles, _ = grown(StoredLog(), entries)
    after, full, _ = grown(state, [entry(number) for number in range(250, 256)])

    assert bundles == {}
    assert (state.until, state.late) == (entry(249).place, ["e-7"])
    assert (full[0].until, full[0].late) == (entry(254).place, ["e-7"])
    assert (after.until, after.late, after.ids) == (entry(255).place, [], ["e-255"])


def test_what_has_grown_has_no_checkpoint_yet() -> None:
    state = StoredLog(checkpoint="signed")

    assert grown(state, [entry(0)]).state.checkpoint == ""


@each_row("update", [{"size": 3}, {"ids": []}, {"edge": []}, {"edge": ["00"]}, {"edge": ["zz"]}])
def test_a_state_that_cannot_be_has_no_root(update: dict[str, object]) -> None:
    state = grown(StoredLog(), [entry(0), entry(1)]).state

    with pytest.raises(ValueError, match=r"number of entries|short|32 bytes|hexadecimal"):
        root_of(state.model_copy(update=update))


def test_hashes_are_one_text_and_come_back_as_they_were() -> None:
    hashes = [entry(number).hash for number in range(3)]

    assert parted(joined(hashes)) == hashes
    assert parted("") == []
