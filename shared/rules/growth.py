"""How a log grows: entries are appended to its end, and what is full is set apart. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import starmap
from typing import NamedTuple

from shared.models.sealed import StoredBundle, StoredLog, StoredTile, joined, parted
from shared.rules.tiles import WIDTH, hash_of_tiles
from shared.rules.tree import Frontier, leaf_hash, root, subtrees


class Entry(NamedTuple):
    """An event as the log has it: its place, its id, and the bytes of its hash.

    `late` says that its time had been sealed before it came.
    """

    place: str
    id: str
    hash: bytes
    late: bool = False


class Grown(NamedTuple):
    """A log after it has grown, without a checkpoint yet, and what has become full, by number."""

    state: StoredLog
    bundles: dict[int, StoredBundle]
    tiles: dict[tuple[int, int], StoredTile]


def grown(state: StoredLog, entries: Iterable[Entry]) -> Grown:
    """The log with more entries at its end. Raises ValueError for a state that cannot be."""
    edge = [parted(text) for text in state.edge] or [[]]
    size, until = state.size, state.until
    ids, late = list(state.ids), list(state.late)
    bundles: dict[int, StoredBundle] = {}
    tiles: dict[tuple[int, int], StoredTile] = {}
    for entry in entries:
        edge[0].append(entry.hash)
        ids.append(entry.id)
        if entry.late:
            late.append(entry.id)
        else:
            until = entry.place
        size += 1
        if size % WIDTH == 0:
            bundles[size // WIDTH - 1] = StoredBundle(
                ids=ids, entries=joined(edge[0]), until=until, late=late
            )
            ids, late = [], []
            tiles |= _lifted(edge, size)
    hashes = [joined(level) for level in edge]
    update = {"size": size, "until": until, "ids": ids, "late": late, "edge": hashes}
    return Grown(state.model_copy(update={**update, "checkpoint": ""}), bundles, tiles)


def _lifted(edge: list[list[bytes]], size: int) -> dict[tuple[int, int], StoredTile]:
    """Moves the root of each full tile to the level above; gives the full tiles above level 0."""
    found = {}
    level = 0
    while len(edge[level]) == WIDTH:
        full = edge[level]
        if level:
            number = (size >> 8 * (level + 1)) - 1
            found[level, number] = StoredTile(hashes=joined(full))
        if len(edge) == level + 1:
            edge.append([])
        edge[level + 1].append(root(full if level else map(leaf_hash, full)))
        edge[level] = []
        level += 1
    return found


def root_of(state: StoredLog) -> bytes:
    """The root of the whole tree. Raises ValueError for a state that cannot be."""
    if state.size % WIDTH != len(state.ids):
        raise ValueError("the log has another number of entries than it says")

    def hashes(level: int, _: int) -> Sequence[bytes]:
        found = parted(state.edge[level]) if level < len(state.edge) else []
        return found if level else list(map(leaf_hash, found))

    whole = starmap(hash_of_tiles(hashes), subtrees(0, state.size))
    return Frontier(state.size, tuple(whole)).root
