"""The data of the demo tenant: some sixty cases with a life of four weeks behind them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from local.demo_play import Play
from local.demo_story import story
from local.demo_tenant import TENANT
from shared.config import Config
from shared.documents.port import Aggregation, DocumentStore, Query
from shared.runtime import open_store, utc_now

_CASES = Query(f"tenants/{TENANT}/cases")


def load(variables: Mapping[str, str]) -> int:
    """Fills the store that the variables name, where its demo tenant has no cases yet.

    Gives how many there are.
    """
    store = open_store(Config.from_environment(variables))
    try:
        return _count(store) or seeded(store, utc_now())
    finally:
        store.close()


def seeded(store: DocumentStore, now: datetime) -> int:
    """Fills a store with what the demo tenant has done up to now; gives how many cases it has."""
    play = Play()
    try:
        play.play(story(now))
        play.copy(store)
    finally:
        play.store.close()
    return _count(store)


def _count(store: DocumentStore) -> int:
    (cases,) = store.aggregate([Aggregation(_CASES)])
    return cases.count
