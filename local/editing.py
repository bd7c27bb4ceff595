"""Changes the documents in a SQLite store as somebody could who has access to its file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from shared.documents.embedded.packed import unpack


def replace_text(store: Path, old: str, new: str, *, where: str = "") -> int:
    """Replaces `old` by `new` in the JSON of all documents that have both it and `where` in it.

    Gives the number of them. Nothing else is kept in step: neither hashes nor index entries.
    """
    with closing(sqlite3.connect(store)) as connection, connection:
        rows = connection.execute("SELECT number, data, times FROM documents").fetchall()
        found = [(number, *unpack(data, times)) for number, data, times in rows]
        edited = [
            (text.replace(old, new), times, number)
            for number, text, times in found
            if old in text and where in text
        ]
        connection.executemany("UPDATE documents SET data = ?, times = ? WHERE number = ?", edited)
    return len(edited)
