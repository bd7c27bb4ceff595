"""What holds for all tests of the functions."""

from __future__ import annotations

import pytest

from shared.documents.firestore import store


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives the emulator time where the machine is busy: tests/reliability has what patience does.

    A request that asks for a hundred counts at once would be a 503 there.
    """
    if "emulator" in request.node.name:
        monkeypatch.setattr(store, "PATIENCE_SECONDS", 60.0)
        monkeypatch.setattr(store, "_FIRST_SECONDS", 30.0)
