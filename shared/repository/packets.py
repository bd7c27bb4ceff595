"""Packets in the store: frozen when a case is approved, and until then a draft of its evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from shared import errors
from shared.documents.port import Delete, DocumentStore, Write
from shared.ledger.decision import Decision, Note
from shared.ledger.kinds.cases import CASES
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import required, written
from shared.models.case import StoredCase
from shared.models.events import EventType
from shared.models.evidence import Evidence
from shared.models.packet import Packet, StoredPacket
from shared.repository import items
from shared.rules import cases as case_rules
from shared.rules import packets as packet_rules


def frozen(
    ledger: Ledger, approved: Decision[StoredCase], case_id: str, now: datetime
) -> Decision[StoredCase]:
    """The decision to approve a case, with its packet frozen as the next version."""
    case, version = approved.state, approved.state.packet_version + 1
    parts = items.read(ledger.store, ledger.tenant, case_id, case, case.packet_evidence_ids)
    _require_attached(case, parts)
    by = ledger.origin.actor.name
    made = packet_rules.assembled(case_id, case, parts, version, (now, by))
    summary: dict[str, Any] = {"version": version, "items": len(parts), "sha256": made.sha256}
    # As one text, because items hold any JSON and nobody queries a frozen packet.
    stored = StoredPacket(**summary, frozen_at=now, text=made.as_json())
    return replace(
        approved,
        state=case.model_copy(update={"packet_version": version}),
        meta={"packet": summary},
        also=(Note(EventType.PACKET_FROZEN, f"Packet frozen as version {version}", summary),),
        writes=(written(path(ledger.tenant, case_id, version), None, stored),),
    )


def get(store: DocumentStore, tenant: str, case_id: str, version: int | None) -> Packet:
    """A frozen packet: of `version`, or the latest of a done case; else the draft.

    Raises NotFound.
    """
    if version is None:
        case = required(CASES, store.get(CASES.path(tenant, case_id)), case_id)
        if case.status not in case_rules.DONE or not case.packet_version:
            parts = items.read(store, tenant, case_id, case, case.packet_evidence_ids)
            return packet_rules.assembled(case_id, case, parts)
        version = case.packet_version
    document = store.get(path(tenant, case_id, version))
    if document is None:
        raise errors.NotFound(f"cases/{case_id}/packets/{version} does not exist")
    return Packet.of(from_json(StoredPacket.read(document.data).text))


def removals(ledger: Ledger, case_id: str, case: StoredCase) -> list[Write]:
    """The writes that remove all packets of a case."""
    versions = range(1, case.packet_version + 1)
    return [Delete(path(ledger.tenant, case_id, version)) for version in versions]


def _require_attached(case: StoredCase, parts: list[Evidence]) -> None:
    """Raises Aborted where the items are not those that the case, as it was read, refers to.

    Either another request is changing them, or they were changed directly in the database.
    """
    attached = {ref.id: ref.sha256 for ref in case.evidence}
    found = {part.id: packet_rules.content_hash(packet_rules.content_of(part)) for part in parts}
    altered = [i for i in case.packet_evidence_ids if found.get(i) != attached[i]]
    if altered:
        details = [{"evidenceIds": altered}]
        raise errors.Aborted("evidence is not what was attached; try again", details)


def path(tenant: str, case_id: str, version: int) -> str:
    """Where a frozen packet is kept."""
    return f"tenants/{tenant}/cases/{case_id}/packets/{version}"
