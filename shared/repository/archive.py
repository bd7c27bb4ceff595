"""A ZIP that is made while it is sent: nothing of its content is kept, only its list of files.

The standard library writes it as to a pipe: sizes and checksums stand behind each file (data
descriptors). The same content makes the same bytes, because every file has the same time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import IO, cast
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from shared.models.base import is_id

_TIME = (1980, 1, 1, 0, 0, 0)
"""The first time that a ZIP can say, which reproducible archives usually have."""
_READABLE = 0o100644 << 16
_UNIX = 3
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))]
)
"""Names that are no files on Windows, whatever follows their first dot."""


class Archive:
    """What each method gives of the ZIP is to be sent before the next one is called.

    `files` says of each file so far its name, the SHA-256 of its content, and its size in bytes.
    """

    def __init__(self) -> None:
        self.files: list[dict[str, str | int]] = []
        self._pipe = _Pipe()
        self._zip = ZipFile(cast("IO[bytes]", self._pipe), "w", ZIP_DEFLATED)
        self._taken: set[str] = set()

    def name(self, folder: str, document_id: str, *endings: str) -> list[str]:
        """The names of new files for a document, one for each ending: `folder/id` with the ending.

        A name that another file has, in upper or lower case, or that is a device on Windows, gets a
        number and `~` before the id. What is stored under no valid id is named by the id's SHA-256.
        """
        known = is_id(document_id)
        stem = document_id if known else hashlib.sha256(document_id.encode()).hexdigest()
        wanted, number = stem, 1
        while _is_device(wanted) or f"{folder}/{wanted}{endings[0]}".lower() in self._taken:
            number += 1
            wanted = f"{number}~{stem}"
        return [f"{folder}/{wanted}{ending}" for ending in endings]

    def add(self, name: str, content: bytes) -> bytes:
        """Adds a small file."""
        return b"".join(self.add_parts(name, [content]))

    def add_parts(self, name: str, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Adds a file whose content comes in parts."""
        self._taken.add(name.lower())
        info = ZipInfo(name, _TIME)
        info.compress_type, info.create_system, info.external_attr = ZIP_DEFLATED, _UNIX, _READABLE
        digest, size = hashlib.sha256(), 0
        with self._zip.open(info, "w") as file:
            for part in parts:
                file.write(part)
                digest.update(part)
                size += len(part)
                yield self._pipe.taken()
        yield self._pipe.taken()
        self.files.append({"name": name, "sha256": digest.hexdigest(), "bytes": size})

    def end(self) -> bytes:
        """Ends the ZIP with the directory of its files."""
        self._zip.close()
        return self._pipe.taken()


class _Pipe:
    """What is written, until it is taken. It has no `tell`, so that nothing seeks in it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _is_device(name: str) -> bool:
    return name.lower().partition(".")[0] in _DEVICES
