"""All events about a case, chain by chain, as an export has them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from shared.documents.port import Document, DocumentStore, Filter, Order, Query
from shared.models.events import Event
from shared.models.subjects import Head
from shared.repository.batches import rows_of
from shared.repository.exports import event_in
from shared.repository.findings import Findings
from shared.repository.sealed import Log

_BY_CHAIN = (Order("subject"), Order("sequence"))
_AT_ONCE = 100


class CaseEvents:
    """The chains of a case, of its interventions and of its worksheets, as far as their heads.

    A head is that of the document as it was read; where there is none any more, the chain goes to
    its end. `sealed` are the events of the last `lines` that the log has: the index, and the id.
    """

    def __init__(
        self, store: DocumentStore, tenant: str, case_id: str, log: Log | None, found: Findings
    ) -> None:
        self.sealed: list[tuple[int, str]] = []
        self._store = store
        self._collection = f"tenants/{tenant}/audit"
        self._case = f"cases/{case_id}"
        self._log = log
        self._found = found
        self._heads: dict[str, Head] = {}
        self._unsealed = 0

    def head(self, subject: str, head: Any) -> None:
        """Takes the end of a subject's chain, as its document has it."""
        try:
            self._heads[subject] = Head.model_validate(head)
        except ValidationError:
            self._found.say(f"{subject}: the head of its chain cannot be read")

    def lines(self) -> Iterator[bytes]:
        """A line of JSON for each event: by its chain, and there by its sequence."""
        about = (Filter("caseId", "==", self._case.partition("/")[2]),)
        rows = rows_of(self._store, Query(self._collection, about, _BY_CHAIN))
        seen = set()
        for subject, chain in groupby(rows, key=lambda row: str(row.data["subject"])):
            seen.add(subject)
            yield from self._chain(subject, chain)
        for subject in sorted(self._heads.keys() - seen):
            # The events of worksheets do not say which case they are about.
            yield from self._chain(subject, self._rows_of(subject, self._heads[subject]))
        if self._log and self._unsealed:
            self._found.say(f"{self._unsealed} of the events are not sealed in the log yet")

    def _chain(self, subject: str, rows: Iterator[Document]) -> Iterator[bytes]:
        head, last = self._heads.get(subject), Head()
        for row in rows:
            sequence = row.data["sequence"]
            if head and sequence > head.sequence:
                # Of the case, that is the event of this very export.
                if subject != self._case:
                    self._found.say(f"{subject} changed while it was exported")
                break
            told = event_in(row.path, row, None)
            event = told.get("event")
            linked = event is None or last.hash in ("", event["previousHash"])
            if sequence != last.sequence + 1 or not linked:
                self._found.say(f"{subject}: its chain is broken before event {sequence}")
            # What an event that cannot be read has as its hash is not known.
            last = Head(sequence=sequence, hash=event["hash"] if event else "")
            yield to_json(self._line(row, told)) + b"\n"
        if head and (last.sequence < head.sequence or last.hash not in ("", head.hash)):
            self._found.say(f"{subject}: its chain ends at event {last.sequence}, not at its head")

    def _line(self, row: Document, told: dict[str, Any]) -> dict[str, Any]:
        event = told.get("event")
        if event is None:
            self._found.say(f"audit/{row.id}: {told['problem']}")
            return {"index": None, "id": row.id, "hash": row.data.get("hash"), **told}
        if event.get("erased"):
            self._found.erased += 1
        index = self._log.index_of(Event.of(event)) if self._log else None
        if index is None:
            self._unsealed += 1
        else:
            self.sealed.append((index, row.id))
        return {"index": index, **told}

    def _rows_of(self, subject: str, head: Head) -> Iterator[Document]:
        """The events of a chain, first to last, up to its head and some of those beyond it."""
        newest_first = (Order("sequence", descending=True),)
        for begin in range(0, head.sequence + 1, _AT_ONCE):
            part = (
                Filter("subject", "==", subject),
                Filter("sequence", ">", begin),
                Filter("sequence", "<=", begin + _AT_ONCE),
            )
            yield from reversed(self._store.query(Query(self._collection, part, newest_first)))
