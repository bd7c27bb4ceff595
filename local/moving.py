"""Copies all documents of one store into another, so that it can be stopped at any point.

Documents are only ever created in the target: nothing there is replaced or removed. How far the
move has come is a document of the target, which each batch changes in the same commit. So a move
that was killed goes on behind the last batch that the target has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from local.files import Refused
from shared.documents.backoff import attempts
from shared.documents.port import (
    Aborted,
    Conflict,
    Create,
    Document,
    Rejected,
    Unavailable,
    Update,
    WholeStore,
)
from shared.documents.values import commit_bytes
from shared.repository.batches import Pace

MARK = "moves/move"
"""The document that says how far the move has come. It is removed when the move is done."""
_PATIENCE_SECONDS = 120.0
"""For how long a batch is tried while the target does not answer."""
_COMMIT_ROWS, _COMMIT_BYTES = 250, 1_048_576
"""What a commit has at most, unless a document alone is larger."""
_WALKED_ROWS, _WALKED_BYTES = 1_000, 4_194_304
_ROOM = 4096
"""Bytes of a commit that are left for the mark."""


@dataclass(frozen=True, slots=True)
class Side:
    """A store, and what the operator knows it by."""

    name: str
    store: WholeStore


@dataclass(frozen=True, slots=True)
class Mark:
    """Where documents come from, how many there were, and the newest version; and how far it is."""

    source: str
    documents: int | None
    newest: int
    after: str = ""
    moved: int = 0


def begun(source: Side, target: Side) -> Mark:
    """How far the move has come, which is noted in the target as begun at need. Raises Refused."""
    if (unfinished := noted(source)) is not None:
        raise Refused(f"{source.name} holds a part of a move from {unfinished.source} only")
    now = Mark(source.name, source.store.count(), source.store.newest())
    if mark := noted(target):
        if mark.source != source.name:
            raise Refused(
                f"{target.name} has documents of a move from {mark.source}, which is not done"
            )
        if mark.documents != now.documents:
            raise Refused(written(source, target))
        return mark
    if target.store.walk("", 1):
        raise Refused(
            f"{target.name} has documents that this move did not put there: it must be empty."
            " If you have moved them before, --check compares the two stores"
        )
    try:
        target.store.commit([Create(MARK, asdict(now))])
    except Conflict:
        raise Refused(f"another move into {target.name} has just begun") from None
    return now


def noted(target: Side) -> Mark | None:
    """What the target notes of a move that is under way; None where there is none."""
    found = target.store.get(MARK)
    return Mark(**found.data) if found else None


def written(source: Side, target: Side) -> str:
    """What an operator does about two stores that are not the same."""
    return (
        f"{source.name} was written to since the move began, or something else wrote to"
        f" {target.name}: stop what writes, remove everything from {target.name}, and move again"
    )


def wide() -> Pace:
    """How many documents to walk at a time."""
    return Pace(_WALKED_ROWS, _WALKED_BYTES)


def batches(source: Side, target: Side, after: str = "") -> Iterator[list[Document]]:
    """All documents of the source behind a path, in groups that each fit into one commit."""
    pace = wide()
    rows = source.store.walk(after, pace.number)
    while rows:
        yield from _fitting(rows, min(_COMMIT_BYTES, target.store.max_commit_bytes - _ROOM))
        pace.note(rows)
        rows = source.store.walk(rows[-1].path, pace.number)


def _fitting(rows: Sequence[Document], most: int) -> Iterator[list[Document]]:
    batch: list[Document] = []
    size = 0
    for row in rows:
        try:
            more = commit_bytes([Create(row.path, row.data)])
        except Rejected as error:
            raise Refused(f"{row.path} cannot be moved: {error}") from None
        if batch and (size + more > most or len(batch) == _COMMIT_ROWS):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += more
    yield batch


class Copy:
    """One run of a move from `source` to `target`; `told` hears how many documents are there."""

    def __init__(self, source: Side, target: Side, mark: Mark, told: Callable[[int], None]) -> None:
        self._source, self._target = source, target
        self._mark = mark
        self._told = told

    def run(self) -> Mark:
        """Copies what the target lacks. Raises Refused, and Unavailable after a long wait."""
        while True:
            with suppress(_Ahead):
                for batch in batches(self._source, self._target, self._mark.after):
                    if any(row.version > self._mark.newest for row in batch):
                        raise Refused(written(self._source, self._target))
                    self._put(batch)
                    self._told(self._mark.moved)
                return self._mark

    def _put(self, rows: Sequence[Document]) -> None:
        """Creates documents, in halves where that is too much at once for the target."""
        silent: Unavailable | None = None
        for _ in attempts(_PATIENCE_SECONDS, first=0.2, longest=5.0):
            try:
                self._commit(rows)
            except Rejected as error:
                if len(rows) == 1:
                    raise Refused(f"{rows[0].path} cannot be moved: {error}") from None
                self._put(rows[: len(rows) // 2])
                self._put(rows[len(rows) // 2 :])
            except Aborted:
                continue
            except Conflict:
                self._look()
                raise Refused(
                    f"{self._target.name} has a document that this move did not put there,"
                    f" between {rows[0].path} and {rows[-1].path}"
                ) from None
            except Unavailable as error:
                silent = error
                self._look()
                continue
            return
        raise silent or Unavailable("the target gave up on contention")

    def _commit(self, rows: Sequence[Document]) -> None:
        after, moved = rows[-1].path, self._mark.moved + len(rows)
        creates = [Create(row.path, row.data) for row in rows]
        self._target.store.commit([*creates, Update(MARK, {"after": after, "moved": moved})])
        self._mark = replace(self._mark, after=after, moved=moved)

    def _look(self) -> None:
        """Raises _Ahead where the target is further: a commit was done whose answer was lost.

        It may also be one of a run that was killed, and that arrived late.
        """
        mark = noted(self._target)
        if mark and mark.moved > self._mark.moved:
            self._mark = mark
            self._told(mark.moved)
            raise _Ahead


class _Ahead(Exception):
    """The target is further than this run knew."""
