"""The export of a case: a ZIP with all that is kept of it, its events, and their proofs.

It is of one state of the case, and of one checkpoint of the log. Its own event is recorded first,
and is the first one that it does not have. What changes while it is made, what cannot be read and
what is not sealed yet is said in its manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic_core import from_json, to_json

from shared.documents.port import Document, Filter, Order, Query
from shared.ledger.decision import Decision, Seen
from shared.ledger.kinds.cases import CASES
from shared.ledger.kinds.worksheets import WORKSHEETS
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import load, required, sha256_of
from shared.models.case import FullCase, StoredCase
from shared.models.events import EventType
from shared.models.packet import Packet, StoredPacket
from shared.repository import items, packets, records, sealed
from shared.repository.archive import Archive
from shared.repository.batches import documents_of, rows_of
from shared.repository.case_events import CaseEvents
from shared.repository.export_texts import VERIFIER, readme, verifier_sha256
from shared.repository.findings import Findings
from shared.repository.sealed import Log
from shared.rules import cases as case_rules
from shared.rules import holds as hold_rules
from shared.rules import intervention_rows
from shared.rules import runs as run_rules

FORMAT = 1
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_NOT_SEALED = "nothing of the trail is sealed in the log yet"

Shown = Callable[[Document], Any]


def of_case(ledger: Ledger, case_id: str) -> Iterator[bytes]:
    """The parts of the ZIP, which are made when they are asked for. Raises NotFound."""
    paths = [CASES.path(ledger.tenant, case_id), sealed.state_path(ledger.tenant)]
    case, state = ledger.store.get_many(paths)
    required(CASES, case, case_id)
    log = sealed.of(ledger.store, ledger.tenant, state)
    return _CaseExport(ledger, case_id, log).parts(case)


class _CaseExport:
    """One export: what it has found out so far, and the ZIP that it makes."""

    def __init__(self, ledger: Ledger, case_id: str, log: Log | None) -> None:
        self._ledger = ledger
        self._store = ledger.store
        self._tenant = ledger.tenant
        self._case_id = case_id
        self._log = log
        self._now = ledger.clock()
        self._zip = Archive()
        self._found = Findings()
        self._events = CaseEvents(ledger.store, ledger.tenant, case_id, log, self._found)

    def parts(self, document: Document | None) -> Iterator[bytes]:
        """The parts of the ZIP, one after the other, for the case in a document."""
        case, end = self._recorded(document)
        self._events.head(f"cases/{self._case_id}", case.head.model_dump())
        yield self._zip.add("README.txt", readme(self._tenant, self._case_id).encode())
        yield self._zip.add("case.json", _json(self._shown(case)))
        yield from self._evidence(case)
        yield from self._packets(case)
        yield from self._rows("interventions", self._intervention)
        yield from self._rows("runs", lambda row: run_rules.shown_row(row.id, row.data))
        yield from self._records()
        yield self._zip.add("worksheets.json", _json(list(self._worksheets())))
        yield self._zip.add("collaborators.json", _json(case.collaborators))
        yield from self._zip.add_parts("events.ndjson", self._events.lines())
        yield from self._proofs()
        self._require_unchanged(end)
        yield self._zip.add("manifest.json", _json(self._manifest()))
        yield self._zip.end()

    def _recorded(self, document: Document | None) -> tuple[StoredCase, int]:
        """Records the export; gives the case as it was before, and its head's sequence after."""
        before: list[StoredCase] = []

        def exported(case: StoredCase, _: datetime) -> Decision[StoredCase]:
            before[:] = [case]
            meta = {"sequence": case.head.sequence, "logSize": self._log.size if self._log else 0}
            told = EventType.DATA_EXPORTED, "Case exported"
            return Decision(case, *told, case_id=self._case_id, meta=meta)

        seen = Seen(document)
        recorded = self._ledger.change(CASES, self._case_id, exported, seen=seen)
        return before[0], recorded.current.head.sequence

    def _shown(self, case: StoredCase) -> FullCase:
        row = case_rules.shown_row(self._case_id, case.to_data(), self._now)
        shown = FullCase.model_validate(row, strict=False, by_name=False)
        return shown.model_copy(update={"holds": hold_rules.shown(case)})

    def _evidence(self, case: StoredCase) -> Iterator[bytes]:
        flagged = frozenset(case.packet_evidence_ids)
        path_of = partial(items.path, self._tenant, self._case_id)
        found = documents_of(self._store, [path_of(ref.id) for ref in case.evidence])
        yield from self._files("evidence", found, lambda row: items.shown(row, flagged))

    def _packets(self, case: StoredCase) -> Iterator[bytes]:
        path_of = partial(packets.path, self._tenant, self._case_id)
        versions = range(1, case.packet_version + 1)
        for path, row in documents_of(self._store, [path_of(version) for version in versions]):
            packet = self._found.read(path, row, _packet)
            if packet is not None and row is not None:
                as_json, as_text = self._zip.name("packets", row.id, ".json", ".md")
                yield self._zip.add(as_json, packet.as_json().encode())
                yield self._zip.add(as_text, packet.as_markdown().encode())

    def _rows(self, collection: str, shown: Shown) -> Iterator[bytes]:
        query = self._of_case(collection, Order("createdAt", descending=True))
        found = ((row.path, row) for row in rows_of(self._store, query))
        yield from self._files(collection, found, shown)

    def _intervention(self, row: Document) -> Any:
        self._events.head(f"interventions/{row.id}", row.data.get("head"))
        # As its events say: the event of one that has run out may still be to come.
        return intervention_rows.shown_row(row.id, row.data, _BEFORE_ALL)

    def _records(self) -> Iterator[bytes]:
        newest = (Order("sequence", descending=True),)
        path = f"{CASES.path(self._tenant, self._case_id)}/records"
        found = ((row.path, row) for row in rows_of(self._store, Query(path, order=newest)))
        yield from self._files("records", found, records.shown_row)

    def _worksheets(self) -> Iterator[dict[str, Any]]:
        for row in rows_of(self._store, self._of_case("worksheets")):
            self._events.head(f"worksheets/{row.id}", row.data.get("head"))
            shown = self._found.read(row.path, row, _worksheet)
            if shown is not None:
                yield shown

    def _files(
        self, folder: str, rows: Iterator[tuple[str, Document | None]], shown: Shown
    ) -> Iterator[bytes]:
        for path, row in rows:
            content = self._found.read(path, row, lambda row: _json(shown(row)))
            if content is not None and row is not None:
                (name,) = self._zip.name(folder, row.id, ".json")
                yield self._zip.add(name, content)

    def _proofs(self) -> Iterator[bytes]:
        if self._log is None:
            self._found.say(_NOT_SEALED)
            return
        # In the order of the log, so that each of its bundles is read once.
        for index, event_id in sorted(self._events.sealed):
            (name,) = self._zip.name("proofs", event_id, ".tlog-proof")
            yield self._zip.add(name, self._log.proof(index).encode())
        yield self._zip.add("checkpoint", self._log.checkpoint.encode())

    def _require_unchanged(self, end: int) -> None:
        """Says so where the case is not as it was left by the record of the export."""
        case = self._store.get(CASES.path(self._tenant, self._case_id))
        state = load(CASES, case)
        if state is None or state.head.sequence != end:
            self._found.say(f"cases/{self._case_id} changed while it was exported")

    def _manifest(self) -> dict[str, Any]:
        origin = self._log.checkpoint.partition("\n")[0] if self._log else None
        return {
            "format": FORMAT,
            "tenant": self._tenant,
            "caseId": self._case_id,
            "exportedAt": self._now,
            "complete": not self._found.reasons,
            "reasons": self._found.reasons,
            "erased": self._found.erased,
            "origin": origin,
            "verifier": {"name": VERIFIER, "sha256": verifier_sha256()},
            "files": self._zip.files,
        }

    def _of_case(self, collection: str, *order: Order) -> Query:
        of_case = (Filter("caseId", "==", self._case_id),)
        return Query(f"tenants/{self._tenant}/{collection}", of_case, order)


def _packet(row: Document) -> Packet:
    packet = Packet.of(from_json(StoredPacket.read(row.data).text))
    packet.as_markdown()
    return packet


def _worksheet(row: Document) -> dict[str, Any]:
    """Whose worksheet it is, and what its events say of its texts: their SHA-256."""
    sheet = WORKSHEETS.model.read(row.data)
    return {
        "id": row.id,
        "caseId": sheet.case_id,
        "userId": sheet.user_id,
        "sharedWith": sheet.shared_with,
        "createdAt": sheet.created_at,
        "updatedAt": sheet.updated_at,
        "problemStatement": sha256_of(sheet.problem_statement),
        "fsrNotes": sha256_of(sheet.fsr_notes),
    }


def _json(value: Any) -> bytes:
    return to_json(value, by_alias=True)
