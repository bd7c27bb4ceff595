"""Evidence on a case: attaching, replacing, curating, removing.

Items are documents below their case. The case lists them in their order and names those in the
packet, so every change of evidence is a change of the case, in one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared import errors
from shared.documents.port import Create, Delete, Document, DocumentStore, Set, Write
from shared.ledger.decision import Decision, R, Recorded, Unchanged
from shared.ledger.kinds.cases import CASES
from shared.ledger.ledger import Ledger
from shared.ledger.subjects import required
from shared.models.base import Unreadable
from shared.models.case import StoredCase
from shared.models.events import EventType
from shared.models.evidence import (
    MAX_ITEMS,
    MAX_PACKET_BYTES,
    Evidence,
    EvidencePatch,
    EvidenceQuery,
    EvidenceRef,
    EvidenceToPut,
    NewEvidence,
)
from shared.repository import items
from shared.repository.items import Attached
from shared.repository.paging import slice_of
from shared.repository.reading import readable
from shared.rules import cases as case_rules
from shared.rules import packets as packet_rules
from shared.rules.positions import numbers_of, renumbered

EvidencePart = tuple[list[Evidence], str | None, list[Unreadable] | None]
"""Items of evidence, the token of the next page, and the items that cannot be read."""


def with_first(
    ledger: Ledger,
    created: Decision[StoredCase],
    case_id: str,
    given: Sequence[NewEvidence],
    now: datetime,
) -> Decision[StoredCase]:
    """The decision to open a case, together with its first evidence."""
    if not given:
        return created
    new = items.attached(given, ledger.origin.actor.name, now)
    decided = _decided(ledger, case_id, created.state, new)
    meta = created.meta | decided.meta
    return replace(created, state=decided.state, meta=meta, writes=decided.writes)


def put(ledger: Ledger, case_id: str, body: EvidenceToPut) -> Recorded[StoredCase]:
    """Replaces all evidence, or only chooses and orders the items of the packet."""

    def changed(old: StoredCase, now: datetime) -> Decision[StoredCase] | Unchanged:
        if body.evidence is None:
            return _changed(ledger, case_id, old, _repacked(old, body.packet_evidence_ids or []))
        new = items.attached(body.evidence, ledger.origin.actor.name, now)
        return _changed(ledger, case_id, old, replace(new, refs=_kept(old, new.refs)))

    return ledger.change(CASES, case_id, changed)


def add(ledger: Ledger, case_id: str, given: Sequence[NewEvidence]) -> Recorded[StoredCase]:
    """Attaches items after the present ones. Raises AlreadyExists for an id that is taken."""

    def changed(old: StoredCase, now: datetime) -> Decision[StoredCase] | Unchanged:
        case_rules.require_editable(old)
        more = items.attached(given, ledger.origin.actor.name, now)
        taken = {ref.id for ref in old.evidence} & {ref.id for ref in more.refs}
        if taken:
            details = [{"evidenceIds": sorted(taken)}]
            raise errors.AlreadyExists("the case has evidence of this id", details)
        if len(old.evidence) + len(more.refs) > MAX_ITEMS:
            raise errors.InvalidArgument.field("evidence", f"a case has at most {MAX_ITEMS} items")
        packet_ids = [*old.packet_evidence_ids, *more.packet_ids]
        all_of_it = Attached([*old.evidence, *more.refs], packet_ids, more.documents)
        return _changed(ledger, case_id, old, all_of_it)

    return ledger.change(CASES, case_id, changed)


def update(
    ledger: Ledger, case_id: str, evidence_id: str, patch: EvidencePatch
) -> tuple[Recorded[StoredCase, Evidence], Evidence]:
    """Changes fields of one item; also gives the item as changed. Raises NotFound."""

    def changed(
        old: StoredCase, _: datetime
    ) -> Decision[StoredCase, Evidence] | Unchanged[Evidence]:
        document = _document(ledger.beside, ledger.tenant, case_id, old, evidence_id)
        item = items.shown(document, old.packet_evidence_ids)
        given = {name: getattr(patch, name) for name in patch.model_fields_set}
        wanted = item.model_copy(update=given)
        if wanted == item:
            return Unchanged(item)
        return _changed(ledger, case_id, old, _with(old, wanted, document), wanted)

    recorded = ledger.change(CASES, case_id, changed)
    if recorded.result is None:
        case = recorded.current
        document = _document(ledger.store.get, ledger.tenant, case_id, case, evidence_id)
        return recorded, items.shown(document, case.packet_evidence_ids)
    return recorded, recorded.result


def remove(ledger: Ledger, case_id: str, evidence_id: str) -> Recorded[StoredCase]:
    """Removes one item from the case. Raises NotFound."""

    def changed(old: StoredCase, _: datetime) -> Decision[StoredCase] | Unchanged:
        rest = [ref for ref in old.evidence if ref.id != evidence_id]
        if len(rest) == len(old.evidence):
            raise _unknown(case_id, evidence_id)
        packet_ids = [i for i in old.packet_evidence_ids if i != evidence_id]
        return _changed(ledger, case_id, old, Attached(rest, packet_ids, {}))

    return ledger.change(CASES, case_id, changed)


def listed(store: DocumentStore, tenant: str, case_id: str, wanted: EvidenceQuery) -> EvidencePart:
    """A page of a case's evidence, or of its packet, each in its own order. Raises NotFound."""
    path = CASES.path(tenant, case_id)
    case = required(CASES, store.get(path), case_id)
    return _part(store, tenant, case_id, case, wanted)


def whole(store: DocumentStore, tenant: str, case_id: str, case: StoredCase) -> EvidencePart:
    """All evidence of a case; or as much as one answer holds, and the token of the next page."""
    all_of_it = EvidenceQuery.model_construct(page_size=MAX_ITEMS)
    return _part(store, tenant, case_id, case, all_of_it)


def _part(
    store: DocumentStore, tenant: str, case_id: str, case: StoredCase, wanted: EvidenceQuery
) -> EvidencePart:
    sizes = {ref.id: ref.size for ref in case.evidence}
    ids = case.packet_evidence_ids if wanted.packet else list(sizes)
    stored = case.packet_numbers if wanted.packet else case.evidence_numbers
    places = dict(zip(ids, numbers_of(ids, stored), strict=True))
    part, token = slice_of(places, wanted, f"{CASES.path(tenant, case_id)}/evidence", sizes)
    documents = items.documents(store, tenant, case_id, part)
    flagged = frozenset(case.packet_evidence_ids)
    found, unreadable = readable(documents, lambda document: items.shown(document, flagged))
    return found, token, unreadable


def removals(ledger: Ledger, case_id: str, case: StoredCase) -> list[Write]:
    """The writes that remove all evidence of a case."""
    return [Delete(items.path(ledger.tenant, case_id, ref.id)) for ref in case.evidence]


def _changed(
    ledger: Ledger, case_id: str, old: StoredCase, new: Attached, result: R | None = None
) -> Decision[StoredCase, R] | Unchanged[R]:
    """The decision to give a case this evidence, unless it has exactly that already."""
    case_rules.require_editable(old)
    decided = _decided(ledger, case_id, old, new, result)
    return Unchanged(result) if decided.state == old else decided


def _decided(
    ledger: Ledger, case_id: str, old: StoredCase, new: Attached, result: R | None = None
) -> Decision[StoredCase, R]:
    """The decision to give a case this evidence: writes and event for each item that differs."""
    before = {ref.id: ref.sha256 for ref in old.evidence}
    after = {ref.id: ref.sha256 for ref in new.refs}
    came = [i for i in after if i not in before]
    went = [i for i in before if i not in after]
    altered = [i for i in after if i in before and after[i] != before[i]]
    meta: dict[str, Any] = {
        "evidenceCount": len(after),
        "added": [{"id": i, "sha256": after[i]} for i in came],
        "removed": [{"id": i, "sha256": before[i]} for i in went],
        "changed": [{"id": i, "old": before[i], "new": after[i]} for i in altered],
    }
    if [i for i in before if i in after] != [i for i in after if i in before]:
        meta["order"] = list(after)
    tenant = ledger.tenant
    writes: list[Write] = [
        # It fails where there is an item that the case does not know of.
        Create(items.path(tenant, case_id, i), new.documents[i])
        for i in came
    ]
    writes += [Set(items.path(tenant, case_id, i), new.documents[i]) for i in altered]
    writes += [Delete(items.path(tenant, case_id, i)) for i in went]
    event_type, message = _described(came, went, altered)
    case = _holding(old, new)
    return Decision(
        case,
        event_type,
        message,
        case_id=case_id,
        meta=meta,
        writes=tuple(writes),
        result=result,
    )


def _described(came: list[str], went: list[str], altered: list[str]) -> tuple[EventType, str]:
    changes = (
        (EventType.EVIDENCE_ATTACHED, len(came), "attached"),
        (EventType.EVIDENCE_UPDATED, len(altered), "changed"),
        (EventType.EVIDENCE_REMOVED, len(went), "removed"),
    )
    told = [(event_type, f"{count} {word}") for event_type, count, word in changes if count]
    if not told:
        return EventType.PACKET_UPDATED, "Packet or order of the evidence changed"
    return told[0][0], "Evidence: " + ", ".join(text for _, text in told)


def _holding(case: StoredCase, new: Attached) -> StoredCase:
    """The case with this evidence. Raises InvalidArgument for a packet that is too large."""
    chosen = frozenset(new.packet_ids)
    if sum(ref.size for ref in new.refs if ref.id in chosen) > MAX_PACKET_BYTES:
        raise errors.InvalidArgument.field(
            "packetEvidenceIds", f"the packet's items come to more than {MAX_PACKET_BYTES} bytes"
        )
    updates = {
        "evidence": new.refs,
        "evidence_count": len(new.refs),
        "packet_evidence_ids": new.packet_ids,
        "evidence_numbers": renumbered(
            [ref.id for ref in case.evidence],
            case.evidence_numbers,
            [ref.id for ref in new.refs],
        ),
        "packet_numbers": renumbered(case.packet_evidence_ids, case.packet_numbers, new.packet_ids),
    }
    return case.model_copy(update=updates)


def _kept(old: StoredCase, refs: Sequence[EvidenceRef]) -> list[EvidenceRef]:
    """The new places of items, but of those that stay as they are the old ones."""
    before = {ref.id: ref for ref in old.evidence}
    same = {ref.id: before[ref.id] for ref in refs if _same(before.get(ref.id), ref)}
    return [same.get(ref.id, ref) for ref in refs]


def _same(old: EvidenceRef | None, new: EvidenceRef) -> bool:
    return old is not None and old.sha256 == new.sha256


def _repacked(old: StoredCase, packet_ids: list[str]) -> Attached:
    items.require_each_once(packet_ids, "packetEvidenceIds")
    unknown = set(packet_ids) - {ref.id for ref in old.evidence}
    if unknown:
        raise errors.InvalidArgument.field(
            "packetEvidenceIds", f"the case has no evidence {', '.join(sorted(unknown))}"
        )
    return Attached(old.evidence, packet_ids, {})


def _with(old: StoredCase, item: Evidence, document: Document) -> Attached:
    """The case's evidence with `item` instead of the item of the same id, stored in `document`."""
    content = packet_rules.content_of(item)
    new = dict(packet_rules.reference(content))
    refs = [ref.model_copy(update=new) if ref.id == item.id else ref for ref in old.evidence]
    packet_ids = [i for i in old.packet_evidence_ids if i != item.id or item.included_in_packet]
    if item.included_in_packet and item.id not in packet_ids:
        packet_ids.append(item.id)
    return Attached(refs, packet_ids, {item.id: items.changed(document, content)})


def _document(
    read: Callable[[str], Document | None],
    tenant: str,
    case_id: str,
    case: StoredCase,
    evidence_id: str,
) -> Document:
    known = any(ref.id == evidence_id for ref in case.evidence)
    found = read(items.path(tenant, case_id, evidence_id)) if known else None
    if found is None:
        raise _unknown(case_id, evidence_id)
    return found


def _unknown(case_id: str, evidence_id: str) -> errors.NotFound:
    return errors.NotFound(f"cases/{case_id}/evidence/{evidence_id} does not exist")
