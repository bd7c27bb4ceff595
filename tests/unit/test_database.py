"""What SQLite says went wrong, as the port says it."""

from __future__ import annotations

import sqlite3

import pytest

from shared.documents.embedded.database import Database


def test_an_error_without_a_code_of_sqlite_is_raised_as_it_is() -> None:
    database = Database(":memory:")

    with pytest.raises(sqlite3.OperationalError, match="no code"), database.reading():
        raise sqlite3.OperationalError("no code")
