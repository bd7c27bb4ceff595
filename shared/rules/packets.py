"""Packets: how they are assembled, and the hashes of their items and of the whole. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.models.case import StoredCase
from shared.models.evidence import EvidenceContent, EvidenceRef
from shared.models.packet import ManifestEntry, Packet
from shared.rules.canonical import canonical_hash


def content_of(item: EvidenceContent) -> EvidenceContent:
    """The content of an item, without the fields that are stored beside it."""
    names = [name for name in EvidenceContent.model_fields if name in item.model_fields_set]
    return EvidenceContent(**{name: getattr(item, name) for name in names})


def content_hash(content: EvidenceContent) -> str:
    """The hash of an item's content: the SHA-256 of its RFC 8785 form."""
    return _sha256(content.model_dump(by_alias=True, exclude_unset=True))


def reference(content: EvidenceContent) -> EvidenceRef:
    """The reference to an item that its case holds."""
    size = len(content.model_dump_json(by_alias=True, exclude_unset=True).encode())
    return EvidenceRef(id=content.id, sha256=content_hash(content), size=size)


def assembled(
    case_id: str,
    case: StoredCase,
    items: Sequence[EvidenceContent],
    version: int | None = None,
    frozen: tuple[datetime, str] | None = None,
) -> Packet:
    """The packet of these items in this order; `frozen` is when and by whom, None for a draft."""
    contents = [content_of(item) for item in items]
    frozen_at, frozen_by = frozen or (None, None)
    packet = Packet(
        case_id=case_id,
        version=version,
        state="draft" if frozen is None else "frozen",
        title=case.title,
        decision_type=case.decision_type,
        frozen_at=frozen_at,
        frozen_by=frozen_by,
        items=contents,
        manifest=[ManifestEntry(id=item.id, sha256=content_hash(item)) for item in contents],
        sha256="",
    )
    return packet.model_copy(update={"sha256": packet_hash(packet)})


def packet_hash(packet: Packet) -> str:
    """The SHA-256 of the RFC 8785 form of `{caseId, version, items, manifest}`."""
    content = packet.content()
    return _sha256({name: content[name] for name in ("caseId", "version", "items", "manifest")})


def _sha256(content: dict[str, Any]) -> str:
    return canonical_hash(content)
