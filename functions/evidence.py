"""Evidence on a case, and the packet that is chosen from it."""

from __future__ import annotations

from shared.edge.function import Call, Reply, function
from shared.ledger.subjects import etag
from shared.models.base import Id
from shared.models.case import Case
from shared.models.evidence import (
    Evidence,
    EvidencePage,
    EvidencePatch,
    EvidenceQuery,
    EvidenceToAdd,
    EvidenceToPut,
)
from shared.models.packet import Packet, PacketQuery
from shared.repository import evidence, packets
from shared.rules import cases as case_rules
from shared.rules.callers import CONTRIBUTORS, READERS, VERIFIERS


@function("PUT", "/cases/{caseId}/evidence", roles=CONTRIBUTORS)
def put_evidence(call: Call, case_id: Id, body: EvidenceToPut) -> Reply[Case]:
    """Replaces all evidence of a case, or only chooses the packet's items and their order."""
    recorded = evidence.put(call.ledger, case_id, body)
    case = case_rules.shown(recorded.name, recorded.current, call.now)
    return Reply(case, etag=etag(recorded.current), replayed=recorded.replayed)


@function("POST", "/cases/{caseId}/evidence", roles=CONTRIBUTORS, code=201)
def add_evidence(call: Call, case_id: Id, body: EvidenceToAdd) -> Reply[Case]:
    """Attaches evidence after the items that are there."""
    recorded = evidence.add(call.ledger, case_id, body.evidence)
    return Reply(
        case_rules.shown(recorded.name, recorded.current, call.now),
        etag=etag(recorded.current),
        location=f"/v1/cases/{recorded.name}/evidence",
        replayed=recorded.replayed,
    )


@function("GET", "/cases/{caseId}/evidence", roles=READERS)
def list_evidence(call: Call, case_id: Id, query: EvidenceQuery) -> EvidencePage:
    """Lists a case's evidence in its order, or with `packet` the packet's items in their order."""
    items, token, bad = evidence.listed(call.store, call.tenant, case_id, query)
    return EvidencePage(evidence=items, next_page_token=token, unreadable=bad)


@function("PATCH", "/cases/{caseId}/evidence/{evidenceId}", roles=VERIFIERS)
def update_evidence(
    call: Call, case_id: Id, evidence_id: Id, body: EvidencePatch
) -> Reply[Evidence]:
    """Changes the fields of an item that are given; null clears a field."""
    recorded, item = evidence.update(call.ledger, case_id, evidence_id, body)
    return Reply(item, etag=etag(recorded.current), replayed=recorded.replayed)


@function("DELETE", "/cases/{caseId}/evidence/{evidenceId}", roles=VERIFIERS, code=204)
def remove_evidence(call: Call, case_id: Id, evidence_id: Id) -> Reply[None]:
    """Removes an item from a case."""
    recorded = evidence.remove(call.ledger, case_id, evidence_id)
    return Reply(None, replayed=recorded.replayed)


@function("GET", "/cases/{caseId}/packet", roles=READERS)
def get_packet(call: Call, case_id: Id, query: PacketQuery) -> Packet:
    """Gives the packet, frozen by approval or the draft of an open case, as JSON or Markdown."""
    return packets.get(call.store, call.tenant, case_id, query.version)
