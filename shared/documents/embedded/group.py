"""Several commits that reach the disk together: one SQLite transaction, with a savepoint for each.

Who commits while others wait for their turn leaves the transaction to the next of them. The last
one commits it for all, and nobody is told that anything is done, or why it is not, before that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event
from typing import Generic, TypeVar

C = TypeVar("C", bound=sqlite3.Connection)

MOST = 16
"""How many commits may share a transaction: the first of them waits for the others."""


class Group(Generic[C]):
    """One transaction on a connection, which `stack` gives back."""

    def __init__(self, connection: C, stack: ExitStack) -> None:
        self.connection = connection
        self.ended = Event()
        self._stack = stack
        self._members = 0
        self._error: Exception | None = None

    @contextmanager
    def member(self) -> Iterator[None]:
        """Keeps everything that is written inside, or nothing of it, and all of the others'.

        Where SQLite itself fails, nothing is kept of anybody's.
        """
        self._members += 1
        # Who is alone needs no savepoint.
        point = " TO member" if self._members > 1 else ""
        if point:
            self.connection.execute("SAVEPOINT member")
        try:
            yield
            if point:
                self.connection.execute("RELEASE member")
        except sqlite3.DatabaseError as error:
            self._error = error
            self._roll_back()
            raise
        except BaseException:
            self._roll_back(point)
            raise

    @property
    def full(self) -> bool:
        """Whether nobody else may join."""
        return self._members >= MOST or not self.connection.in_transaction

    def end(self) -> None:
        """Commits all of it, tells all who wait, and gives the connection back."""
        try:
            with self._stack:
                self.check()
                if self.connection.in_transaction:
                    self._commit()
                self.ended.set()
        except Exception as error:  # noqa: BLE001 - whoever waits raises it
            self._error = error
        finally:
            self.ended.set()

    def check(self) -> None:
        """Raises what went wrong."""
        if self._error:
            raise self._error

    def _commit(self) -> None:
        try:
            self.connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self, point: str = "") -> None:
        # After some errors SQLite has already rolled back.
        with suppress(sqlite3.DatabaseError):
            self.connection.execute(f"ROLLBACK{point}")
