"""A Merkle tree as the files that a log serves, which are C2SP's tlog-tiles. Pure.

A tile has up to 256 hashes of one level: a leaf each at level 0; above it, each is the root of a
full tile of the level below. See https://c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from shared.rules.tree import HashOf, root

WIDTH = 256
"""How many hashes a full tile has, and how many entries a full bundle."""
_HEIGHT = 8
_PATH = re.compile(
    r"(?P<level>entries|[0-9]{1,2})/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?"
)

Level = int | Literal["entries"]


class Tile(NamedTuple):
    """A tile, or with the level `entries` the bundle of entries that level 0 has the hashes of.

    `number` counts those of a level, from 0. `width` is below 256 in a partial one.
    """

    level: Level
    number: int
    width: int = WIDTH


def tile_path(level: Level, index: int, width: int | None = None) -> str:
    """The path of a tile below `tile/`, such as `0/x001/x234/067.p/5`.

    Without a width, or with 256, that of the full one.
    """
    digits = f"{index:03}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[place : place + 3] for place in range(0, len(digits), 3)]
    path = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
    return f"{level}/{path}" + (f".p/{width}" if width not in (None, WIDTH) else "")


def parse_tile_path(path: str) -> Tile:
    """The tile of a path. Raises ValueError where it is not written as `tile_path` writes it."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise ValueError("it is not the path of a tile")
    level: Level = "entries" if found["level"] == "entries" else int(found["level"])
    index = int(found["index"].replace("/", "").replace("x", ""))
    tile = Tile(level, index, int(found["width"] or WIDTH))
    beyond = level != "entries" and level > 63  # noqa: PLR2004 - tlog-tiles says so
    if beyond or not 1 <= tile.width <= WIDTH or tile_path(*tile) != path:
        raise ValueError("it is not the path of a tile")
    return tile


def tree_level(level: Level) -> int:
    """The level of the tree whose hashes a tile has, or of which a bundle has the entries."""
    return 0 if level == "entries" else level


def tile_width(level: Level, index: int, size: int) -> int:
    """How many hashes or entries a tile has in a tree of `size`: 0 to 256."""
    hashes = size >> _HEIGHT * tree_level(level)
    return min(WIDTH, max(0, hashes - WIDTH * index))


def bundle(entries: Iterable[bytes]) -> bytes:
    """The bytes of an entry bundle: each entry after its length, 16 bits with the high byte first.

    Raises OverflowError for an entry of 64 KiB or more.
    """
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def hash_of_tiles(hashes: Callable[[int, int], Sequence[bytes]]) -> HashOf:
    """Gives `hash_of` for proofs, where `hashes(level, index)` gives those that a tile has."""

    def hash_of(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, _HEIGHT)
        tile, begin = divmod(index << height, WIDTH)
        found = hashes(tile_level, tile)[begin : begin + (1 << height)]
        if len(found) != 1 << height:
            raise ValueError(f"tile {tile_path(tile_level, tile)} is too short")
        return root(found)

    return hash_of
