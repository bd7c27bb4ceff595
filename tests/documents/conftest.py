"""The two stores, the embedded one with the indexes that a test names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.documents.embedded.store import EmbeddedStore
from shared.documents.firestore.store import FirestoreStore
from shared.documents.indexes import ASCENDING, CONTAINS, DESCENDING, Index, Indexes
from shared.documents.port import DocumentStore

GROUP_FIELD = (("kind", ((ASCENDING, False), (ASCENDING, True))),)
INDEXES = Indexes(
    composites=(
        Index("notes", (("kind", ASCENDING), ("rank", ASCENDING))),
        Index("notes", (("kind", ASCENDING), ("rank", DESCENDING))),
        Index("notes", (("tags", CONTAINS), ("rank", DESCENDING))),
        Index("notes", (("rank", ASCENDING), ("size", DESCENDING))),
        Index("notes", (("size", ASCENDING), ("rank", ASCENDING))),
    ),
    overrides=tuple(("parts", field, modes) for field, modes in GROUP_FIELD),
)


@pytest.fixture
def indexed_embedded(tmp_path: Path) -> Iterator[DocumentStore]:
    """The embedded store in a new file, with `INDEXES`."""
    with closing(EmbeddedStore(str(tmp_path / "indexed.db"), INDEXES)) as store:
        yield store


@pytest.fixture
def indexed_emulator(emulator_host: str, project: str) -> Iterator[DocumentStore]:
    """The emulator, which asks for no index."""
    with closing(FirestoreStore(project, "(default)", emulator_host)) as store:
        yield store


@pytest.fixture(params=["embedded", "emulator"])
def indexed(request: pytest.FixtureRequest) -> DocumentStore:
    """A store of each kind, empty, that answers what `INDEXES` serve."""
    found: DocumentStore = request.getfixturevalue(f"indexed_{request.param}")
    return found
