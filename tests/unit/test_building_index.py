"""What a query is told while Firestore builds the index that it needs."""

from __future__ import annotations

import pytest

from shared.documents.firestore.store import FirestoreStore
from shared.documents.port import MissingIndex, Stale, Unavailable


def test_an_index_that_is_being_built_is_a_matter_of_time_and_a_missing_one_is_not() -> None:
    store = FirestoreStore("demo-p", "(default)", "127.0.0.1:1")

    def refused(text: str) -> None:
        def once(*_: object) -> None:
            raise Stale(text)

        store._read(once, seconds=1.0)  # noqa: SLF001 - where answers of queries are read

    with pytest.raises(Unavailable):
        refused("The query requires an index. That index is currently building.")
    with pytest.raises(MissingIndex):
        refused("The query requires an index. You can create it here: https://…")
