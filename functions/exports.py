"""Exports, which prove themselves without this system: of the audit trail, and of a case."""

from __future__ import annotations

from functions import cases
from shared.edge.function import Call, function
from shared.edge.streams import Stream
from shared.models.base import Id
from shared.models.exports import ExportQuery
from shared.repository import case_export, exports
from shared.rules.callers import AUDITING


class EventLines(Stream):
    """A line of JSON for each event, `{"index", "event"}`, in the order of the tenant's log.

    An event that is gone or cannot be read has `{"index", "id", "hash", "problem"}` instead. The
    last line, `{"tenant", "start", "end", "size", "next", "before", "after", "checkpoint"}`, proves
    that the range is whole, and says where the next one begins. An answer without it broke off:
    send the same request again, or one with an earlier `end`.
    """

    media_type = "application/x-ndjson"
    example = '{"index":17,"event":{"id":"b7d2f6f0c2b14d0b","subject":"tenant","sequence":3}}\n'
    text = True


class CaseArchive(Stream):
    """A ZIP with everything about the case, and what it takes to verify it.

    Its last file, `manifest.json`, has the SHA-256 of every other, and says whether the export is
    complete, and if not, why.
    """

    media_type = "application/zip"
    example = "PK"


@function("GET", "/audit:export", roles=AUDITING, expensive=True)
def export_audit(call: Call, query: ExportQuery) -> EventLines:
    """Exports the tenant's sealed events, in the order of the log, as lines of JSON.

    One request gets up to 10,000 events or 24 MiB, and leaves a `data_exported` event on the
    tenant's own chain.
    """
    part, lines = exports.of_trail(call.ledger, query)
    return EventLines(f"{call.tenant}-{part.start}-{part.stop}.ndjson", lines)


@function("GET", "/cases/{caseId}:export", roles=AUDITING, expensive=True, also=cases.get_case)
def export_case(call: Call, case_id: Id) -> CaseArchive:
    """Exports a case with its evidence, packets, events and their proofs as a ZIP.

    It leaves a `data_exported` event on the case's chain, which the export itself does not have.
    """
    return CaseArchive(f"{case_id}.zip", case_export.of_case(call.ledger, case_id))
