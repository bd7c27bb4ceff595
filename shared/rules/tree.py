"""Merkle trees as RFC 6962 (section 2.1) and RFC 9162 define them: roots and proofs. Pure.

A tree is over a list of entries, each of them bytes. `leaf_hash` of an entry is its leaf; a node is
`node_hash` of its two children, of which the left one has as many leaves as a power of two allows.
All hashes are 32 bytes of SHA-256.

A full subtree is one whose number of leaves is a power of two, 2**level. It is named by its level
and its index: it has the leaves from index * 2**level on. It never changes as the tree grows, so a
tree is kept, and everything is proven, as full subtrees; the functions that prove something get a
`hash_of(level, index)` that reads them. What cannot be is a ValueError.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

HashOf = Callable[[int, int], bytes]
"""The root of the full subtree of a level and an index."""

EMPTY_ROOT = hashlib.sha256().digest()
"""The root of the tree without entries."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry as a leaf."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node with these children."""
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """What is needed of a tree to append to it: the roots of its full subtrees, left to right.

    Their sizes are the powers of two in `size`, the greatest first. Also called a compact range.
    Raises ValueError where `hashes` are not as many as that.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError(f"{len(self.hashes)} subtrees do not make {self.size} leaves")

    def append(self, leaf: bytes) -> Frontier:
        """The tree with one more leaf, given by its `leaf_hash`."""
        return self.append_subtree(0, leaf)

    def append_subtree(self, level: int, root: bytes) -> Frontier:
        """The tree with 2**level more leaves, given by the root of their full subtree.

        Raises ValueError where no full subtree of that level can begin.
        """
        if self.size % (1 << level):
            raise ValueError(f"no full subtree of level {level} begins at {self.size}")
        hashes = list(self.hashes)
        subtrees = self.size >> level
        while subtrees & 1:
            root = node_hash(hashes.pop(), root)
            subtrees >>= 1
        return Frontier(self.size + (1 << level), (*hashes, root))

    @property
    def root(self) -> bytes:
        """The root of the tree."""
        return _joined(self.hashes) if self.hashes else EMPTY_ROOT


def root(leaves: Iterable[bytes]) -> bytes:
    """The root of the tree with these leaves, given by their `leaf_hash`."""
    return reduce(Frontier.append, leaves, Frontier()).root


def subtrees(begin: int, end: int) -> list[tuple[int, int]]:
    """The largest full subtrees, as (level, index), that make the leaves [begin, end)."""
    if not 0 <= begin <= end:
        raise ValueError(f"there is no range from {begin} to {end}")
    found = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        if begin:
            level = min(level, (begin & -begin).bit_length() - 1)
        found.append((level, begin >> level))
        begin += 1 << level
    return found


def inclusion(index: int, size: int, hash_of: HashOf) -> list[bytes]:
    """Proves that a leaf is in the tree of `size` (RFC 6962, 2.1.1): the leaf's sibling first."""
    return [_subtree_root(*sibling, hash_of) for sibling in _siblings(index, size)]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes
) -> None:
    """Raises ValueError unless `proof` shows that `leaf`, a leaf's hash, is at `index`.

    `expected` is the root of the tree of `size`.
    """
    siblings = _siblings(index, size)
    if len(siblings) != len(proof):
        raise ValueError("the inclusion proof has another length")
    found = leaf
    for (begin, _), sibling in zip(siblings, proof, strict=True):
        found = node_hash(sibling, found) if begin < index else node_hash(found, sibling)
    if found != expected:
        raise ValueError("the inclusion proof leads to another root")


def consistency(old: int, new: int, hash_of: HashOf) -> list[bytes]:
    """Proves that the tree of `old` leaves is the beginning of that of `new` (RFC 6962, 2.1.2)."""
    begin, siblings = _old_in_new(old, new)
    seed = [(begin, old)] if begin else []
    return [_subtree_root(*part, hash_of) for part in [*seed, *siblings]]


def verify_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Raises ValueError unless `proof` shows that the old tree is the beginning of the new one."""
    begin, siblings = _old_in_new(old, new)
    if len(proof) != len(siblings) + bool(begin):
        raise ValueError("the consistency proof has another length")
    if not old:
        if old_root != EMPTY_ROOT:
            raise ValueError("the root of the empty tree is another")
        return
    # Where the old tree is one full subtree, the verifier has its root already.
    seed, hashes = (proof[0], proof[1:]) if begin else (old_root, proof)
    found_old = found_new = seed
    for (start, _), sibling in zip(siblings, hashes, strict=True):
        if start < old:
            found_old = node_hash(sibling, found_old)
            found_new = node_hash(sibling, found_new)
        else:
            found_new = node_hash(found_new, sibling)
    if found_old != old_root or found_new != new_root:
        raise ValueError("the consistency proof leads to another root")


def cover(begin: int, end: int, size: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The full subtrees, as (level, index), before and after the leaves [begin, end) of a tree.

    Their hashes, with the entries of the range, make the root: see `root_of_range`.
    """
    if not begin <= end <= size:
        raise ValueError(f"a tree of {size} has no range from {begin} to {end}")
    return subtrees(0, begin), subtrees(end, size)


def root_of_range(
    begin: int, entries: Iterable[bytes], size: int, before: Iterable[bytes], after: Iterable[bytes]
) -> bytes:
    """The root of the tree of `size` whose leaves from `begin` on are of these entries.

    `before` and `after` are the hashes of what `cover` names. So a range is proven complete: with
    an entry left out, added or changed there comes another root, or a ValueError.
    """
    tree = Frontier(begin, tuple(before))
    for entry in entries:
        tree = tree.append(leaf_hash(entry))
    rest, hashes = subtrees(tree.size, size), list(after)
    if len(rest) != len(hashes):
        raise ValueError("the hashes after the range are not those that complete the tree")
    for (level, _), subtree in zip(rest, hashes, strict=True):
        tree = tree.append_subtree(level, subtree)
    return tree.root


def _joined(roots: Sequence[bytes]) -> bytes:
    """The root of a tree from those of its full subtrees, left to right."""
    return reduce(lambda right, left: node_hash(left, right), reversed(roots))


def _subtree_root(begin: int, end: int, hash_of: HashOf) -> bytes:
    """The root of a subtree that need not be full: those at the right edge are not."""
    return _joined([hash_of(level, index) for level, index in subtrees(begin, end)])


def _descent(index: int, size: int) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """From the root down to a leaf: the range of each subtree, with that of its sibling."""
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if index < middle:
            sibling, end = (middle, end), middle
        else:
            sibling, begin = (begin, middle), middle
        yield begin, end, sibling


def _siblings(index: int, size: int) -> list[tuple[int, int]]:
    """The ranges of leaves whose roots prove a leaf, from the bottom up."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} has no leaf {index}")
    return [sibling for _, _, sibling in _descent(index, size)][::-1]


def _old_in_new(old: int, new: int) -> tuple[int, list[tuple[int, int]]]:
    """Where the last subtree of the old tree begins that is one of the new, and what joins it.

    What joins it are the ranges of its siblings in the new tree, from the bottom up.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} does not begin with one of {old}")
    begin, siblings = 0, list[tuple[int, int]]()
    if 0 < old < new:
        for begin, end, sibling in _descent(old - 1, new):  # noqa: B007
            siblings.append(sibling)
            if end == old:
                break
    return begin, siblings[::-1]
