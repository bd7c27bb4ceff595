"""A log made of the pure modules: what a test compares with, or lets others check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.rules.note import Signer, checkpoint_text, proof_text, sign
from shared.rules.tiles import WIDTH, Level, bundle, hash_of_tiles, tile_path, tile_width
from shared.rules.tree import Frontier, inclusion, leaf_hash, root, subtrees

SIGNER = Signer("log.example/acme", Ed25519PrivateKey.from_private_bytes(b"k" * 32))


class Log:
    """The log of a list of entries."""

    def __init__(self, entries: Sequence[bytes], signer: Signer = SIGNER) -> None:
        self.entries = entries
        self.signer = signer
        self._levels = [[leaf_hash(entry) for entry in entries]]
        while len(below := self._levels[-1]) >= WIDTH:
            full = range(0, len(below) - WIDTH + 1, WIDTH)
            self._levels.append([root(below[at : at + WIDTH]) for at in full])
        self.hash_of = hash_of_tiles(self._hashes)

    def _hashes(self, level: int, index: int) -> list[bytes]:
        return self._levels[level][index * WIDTH : (index + 1) * WIDTH]

    def tile(self, level: Level, index: int, width: int = WIDTH) -> bytes:
        """The bytes of a tile, or of a bundle of entries."""
        if level == "entries":
            return bundle(self.entries[index * WIDTH : index * WIDTH + width])
        return b"".join(self._hashes(level, index)[:width])

    def checkpoint(self, size: int, *others: Signer) -> str:
        """The signed checkpoint of a size."""
        tree = Frontier(size, tuple(self.hash_of(*one) for one in subtrees(0, size)))
        text = checkpoint_text(self.signer.name, size, tree.root)
        return sign(text, [self.signer, *others])

    def proof(self, index: int, size: int) -> str:
        """The tlog-proof of an entry."""
        return proof_text(index, inclusion(index, size, self.hash_of), self.checkpoint(size))

    def write(
        self, directory: Path, sizes: Sequence[int], proofs: Sequence[tuple[int, int]]
    ) -> None:
        """Writes what check.go reads: tiles and entries for each size, checkpoints and proofs."""
        files: dict[str, bytes] = {}
        for size in sizes:
            files[f"checkpoints/{size}"] = self.checkpoint(size).encode()
            levels: list[Level] = ["entries", *range(len(self._levels))]
            for level in levels:
                index = 0
                while width := tile_width(level, index, size):
                    name = f"tile/{tile_path(level, index, width)}"
                    files.setdefault(name, self.tile(level, index, width))
                    index += 1
        for index, size in proofs:
            files[f"proofs/{index}-{size}"] = self.proof(index, size).encode()
        for name, content in files.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes(content)
