"""An answer that is lost: what the caller learns is what the attempt did that took effect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from shared.config import Config
from shared.documents.port import Document, DocumentStore, Unavailable, Write
from shared.runtime import Runtime, open_store
from tests.client import Api
from tests.conftest import Clock


class Late:
    """A store that takes one commit late: after its receipt was looked for, before the next try."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self._late: Sequence[Write] = ()
        self.armed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, writes: Sequence[Write]) -> None:
        """Keeps a commit back where it was told to, and answers that its outcome is unknown."""
        if self.armed:
            self.armed, self._late = False, writes
            raise Unavailable
        self._store.commit(writes)

    def get(self, path: str) -> Document | None:
        """Makes the commit that was kept back before anything but a receipt is read."""
        if self._late and "/audit/" not in path:
            late, self._late = self._late, ()
            self._store.commit(late)
        return self._store.get(path)


@pytest.fixture
def late(config: Config) -> Late:
    """The store of `api`."""
    return Late(open_store(config))


@pytest.fixture
def api(config: Config, clock: Clock, late: Late) -> Api:
    """The functions over a store that is late; their clock stands, so all attempts share a time."""
    return Api(Runtime(config, clock, store=late))


def test_a_record_is_shown_as_the_attempt_made_it_that_took_effect(api: Api, late: Late) -> None:
    api.verifier.create(id="CASE-1")
    late.armed = True

    answer = api.agent.post("/cases/CASE-1/records", {"kind": "report", "title": "R", "data": 1})

    assert answer.status_code == 201, answer.text
    (kept,) = api.viewer.get("/cases/CASE-1/records").json["records"]
    assert kept == answer.json
    assert kept["version"] == 1
