"""Scopes as the table of entries has them: small numbers in place of their hashes.

A collection below a case has few entries, and goes when its case goes. The hashes of its scopes are
negative (`entries.scope_of`); they are in the table as they are, so that nothing is left of them.
"""

from __future__ import annotations

import sqlite3

TABLE = """CREATE TABLE IF NOT EXISTS scopes (
    number INTEGER PRIMARY KEY, hash INTEGER NOT NULL UNIQUE)"""


def column(scope: int) -> str:
    """The expression for a scope in the table; its argument is the hash."""
    return "?" if scope < 0 else "(SELECT number FROM scopes WHERE hash = ?)"


class Scopes(dict[int, int]):
    """What the table has for each hash. A new one gets the next number.

    It is good for one transaction: if that is rolled back, nobody has the numbers.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __missing__(self, scope: int) -> int:
        self[scope] = found = scope if scope < 0 else self._number(scope)
        return found

    def _number(self, scope: int) -> int:
        self._connection.execute("INSERT OR IGNORE INTO scopes (hash) VALUES (?)", (scope,))
        (number,) = self._connection.execute(
            "SELECT number FROM scopes WHERE hash = ?", (scope,)
        ).fetchone()
        return int(number)
