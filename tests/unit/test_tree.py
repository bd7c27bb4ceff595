"""Merkle trees against RFC 6962 as it stands: its recursive definitions, and its examples."""

from __future__ import annotations

import hashlib
from random import Random

import pytest

from shared.rules import tiles
from shared.rules.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency,
    cover,
    inclusion,
    leaf_hash,
    node_hash,
    root,
    root_of_range,
    subtrees,
    verify_consistency,
    verify_inclusion,
)
from tests.rows import each_row

ENTRIES = [hashlib.sha256(str(number).encode()).digest() for number in range(1100)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
SMALL = range(1, 71)


def split(size: int) -> int:
    """The k of RFC 6962: the largest power of two below a size."""
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def mth(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), mth(leaves[k:])]
    return [*path(index - k, leaves[k:]), mth(leaves[:k])]


def subproof(old: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962, 2.1.2."""
    if old == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if old <= k:
        return [*subproof(old, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(old - k, leaves[k:], whole=False), mth(leaves[:k])]


def hash_of(level: int, index: int) -> bytes:
    """What `inclusion` and `consistency` read: only ever of full subtrees."""
    leaves = LEAVES[index << level : (index + 1) << level]
    assert len(leaves) == 1 << level
    return mth(leaves)


def changed(found: bytes) -> bytes:
    return bytes([found[0] ^ 1]) + found[1:]


def test_a_tree_appended_to_has_the_root_of_the_recursive_definition_at_every_size() -> None:
    tree = Frontier()
    assert tree.root == EMPTY_ROOT == mth([])
    for size in range(1, 300):
        tree = tree.append(LEAVES[size - 1])
        assert (tree.size, tree.root) == (size, mth(LEAVES[:size]))
    assert root(LEAVES[:299]) == tree.root
    assert Frontier(tree.size, tree.hashes) == tree


def test_the_root_of_a_tree_is_the_one_that_certificate_transparency_publishes() -> None:
    # The test data of certificate-transparency's reference implementation.
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
    inputs.append("606162636465666768696a6b6c6d6e6f")
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in inputs]

    assert root(leaves[:1]).hex().startswith("6e340b9cffb37a98")
    assert root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_every_leaf_of_every_small_tree_is_proven_as_the_rfc_says() -> None:
    for size in SMALL:
        expected = mth(LEAVES[:size])
        for index in range(size):
            proof = inclusion(index, size, hash_of)
            assert proof == path(index, LEAVES[:size])
            verify_inclusion(LEAVES[index], index, size, proof, expected)


def test_every_small_tree_is_proven_to_begin_with_every_smaller_one_as_the_rfc_says() -> None:
    for new in SMALL:
        for old in range(new + 1):
            proof = consistency(old, new, hash_of)
            assert proof == (subproof(old, LEAVES[:new]) if old else [])
            verify_consistency(old, new, proof, mth(LEAVES[:old]), mth(LEAVES[:new]))


def test_large_trees_are_proven_as_small_ones_are() -> None:
    random = Random(15)  # noqa: S311 - the same numbers each time
    for _ in range(12):
        new = random.randrange(70, len(LEAVES))
        old, index = random.randrange(1, new), random.randrange(new)
        new_root = mth(LEAVES[:new])

        verify_inclusion(LEAVES[index], index, new, path(index, LEAVES[:new]), new_root)
        assert inclusion(index, new, hash_of) == path(index, LEAVES[:new])
        assert consistency(old, new, hash_of) == subproof(old, LEAVES[:new])
        verify_consistency(old, new, subproof(old, LEAVES[:new]), mth(LEAVES[:old]), new_root)


@each_row("size", [1, 2, 7, 8, 23])
def test_an_inclusion_proof_holds_for_nothing_but_what_it_is_of(size: int) -> None:
    expected = mth(LEAVES[:size])
    for index in range(size):
        leaf, proof = LEAVES[index], inclusion(index, size, hash_of)
        wrong = [
            (changed(leaf), index, size, proof, expected),
            (leaf, index, size, proof, changed(expected)),
            (leaf, index, size, [*proof, leaf], expected),
            (leaf, size, size, proof, expected),
            (leaf, -1, size, proof, expected),
            (leaf, index, size, proof[:-1] if proof else [leaf], expected),
        ]
        wrong += [
            (leaf, index, size, [*proof[:at], changed(proof[at]), *proof[at + 1 :]], expected)
            for at in range(len(proof))
        ]
        wrong += [(leaf, other, size, proof, expected) for other in range(size) if other != index]
        for case in wrong:
            with pytest.raises(ValueError, match=r"inclusion proof|has no leaf"):
                verify_inclusion(*case)


@each_row("new", [1, 2, 7, 8, 23])
def test_a_consistency_proof_holds_for_no_other_trees(new: int) -> None:
    new_root = mth(LEAVES[:new])
    for old in range(1, new + 1):
        old_root, proof = mth(LEAVES[:old]), consistency(old, new, hash_of)
        wrong = [
            (old, new, proof, changed(old_root), new_root),
            (old, new, proof, old_root, changed(new_root)),
            (old, new, [*proof, old_root], old_root, new_root),
            (new + 1, new, proof, old_root, new_root),
            (-1, new, proof, old_root, new_root),
            (0, new, [], old_root, new_root),
        ]
        wrong += [
            (old, new, [*proof[:at], changed(proof[at]), *proof[at + 1 :]], old_root, new_root)
            for at in range(len(proof))
        ]
        for case in wrong:
            with pytest.raises(ValueError, match=r"consistency proof|does not begin|empty tree"):
                verify_consistency(*case)


def test_a_range_has_the_root_of_its_tree_with_what_stands_before_and_after_it() -> None:
    for size in [0, 1, 2, 5, 16, 21, 37]:
        for begin in range(size + 1):
            for end in range(begin, size + 1):
                before, after = (
                    [hash_of(*one) for one in part] for part in cover(begin, end, size)
                )
                found = root_of_range(begin, ENTRIES[begin:end], size, before, after)
                assert found == mth(LEAVES[:size])


def test_a_range_with_an_entry_less_more_changed_or_moved_has_another_root() -> None:
    begin, end, size = 5, 12, 21
    before, after = ([hash_of(*one) for one in part] for part in cover(begin, end, size))
    entries, expected = ENTRIES[begin:end], mth(LEAVES[:size])

    def accepted(begin: int, entries: list[bytes], before: list[bytes], after: list[bytes]) -> bool:
        try:
            return root_of_range(begin, entries, size, before, after) == expected
        except ValueError:
            return False

    assert accepted(begin, entries, before, after)
    assert not accepted(begin, entries[1:], before, after)
    assert not accepted(begin, entries[:-1], before, after)
    assert not accepted(begin, [*entries, entries[0]], before, after)
    assert not accepted(begin, [changed(entries[0]), *entries[1:]], before, after)
    assert not accepted(begin, [entries[1], entries[0], *entries[2:]], before, after)
    assert not accepted(begin - 1, entries, before, after)
    assert not accepted(begin, entries, before[1:], after)
    assert not accepted(begin, entries, before, after[:-1])
    assert not accepted(begin, entries * 3, before, after)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="do not make 3 leaves"):
        Frontier(3, (LEAVES[0],))
    with pytest.raises(ValueError, match="do not make -1 leaves"):
        Frontier(-1, ())
    with pytest.raises(ValueError, match="no full subtree of level 1 begins at 1"):
        Frontier(1, (LEAVES[0],)).append_subtree(1, LEAVES[1])
    with pytest.raises(ValueError, match="no range from 2 to 1"):
        subtrees(2, 1)
    for begin, end, size in [(2, 1, 3), (1, 4, 3), (-1, 1, 3)]:
        with pytest.raises(ValueError, match="no range"):
            cover(begin, end, size)


def test_tiles_are_named_as_tlog_tiles_names_them() -> None:
    named = {
        "0/x001/x234/067": tiles.Tile(0, 1234067),
        "0/x001/x234/067.p/5": tiles.Tile(0, 1234067, 5),
        "63/000": tiles.Tile(63, 0),
        "1/x001/000.p/255": tiles.Tile(1, 1000, 255),
        "entries/999.p/1": tiles.Tile("entries", 999, 1),
    }
    for path, tile in named.items():
        assert tiles.parse_tile_path(path) == tile
        assert tiles.tile_path(*tile) == path
    assert tiles.tile_path(0, 7) == "0/007"


@each_row(
    "path",
    [
        "",
        "0",
        "0/7",
        "0/x000/007",
        "00/007",
        "64/000",
        "0/007.p/0",
        "0/007.p/256",
        "0/007.p/05",
        "-1/000",
        "0/007/008",
        "0/x007",
        "entries",
        "0/007.p/",
        "0/007\n",
        "\u0660/007",
        "entry/000",
    ],
)
def test_a_path_that_is_written_otherwise_is_no_tile(path: str) -> None:
    with pytest.raises(ValueError, match="not the path of a tile"):
        tiles.parse_tile_path(path)


def test_tiles_are_as_wide_as_tlog_tiles_says_in_its_example() -> None:
    widths = {(0, 272): 256, (0, 273): 112, (0, 274): 0, (1, 0): 256, (1, 1): 17, (2, 0): 1}
    assert {tile: tiles.tile_width(*tile, 70_000) for tile in widths} == widths
    assert tiles.tile_width("entries", 273, 70_000) == 112
    assert [tiles.tile_width(level, 0, 256) for level in (0, 1, 2)] == [256, 1, 0]


def test_proofs_are_read_from_tiles() -> None:
    def hashes(level: int, index: int) -> list[bytes]:
        begin = index << 8
        if level == 0:
            return LEAVES[begin : begin + 256]
        return [mth(LEAVES[at << 8 : (at + 1) << 8]) for at in range(begin, len(LEAVES) >> 8)]

    read = tiles.hash_of_tiles(hashes)
    size = len(LEAVES)
    assert inclusion(700, size, read) == path(700, LEAVES)
    assert consistency(513, size, read) == subproof(513, LEAVES)
    with pytest.raises(ValueError, match="1/000 is too short"):
        read(9, 2)


def test_a_bundle_has_each_entry_after_its_length() -> None:
    assert tiles.bundle([b"ab", b"", b"c" * 256]) == b"\0\2ab\0\0\1\0" + b"c" * 256
    with pytest.raises(OverflowError):
        tiles.bundle([b"c" * 65536])


def test_leaves_and_nodes_are_told_apart() -> None:
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])
