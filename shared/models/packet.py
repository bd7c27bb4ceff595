"""Packets: the evidence that a decision rests on."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic_core import to_json

from shared.models.base import MarkdownForm, Model
from shared.models.evidence import EvidenceContent
from shared.models.stored import AsStored, StoredDocument

# What means something to Markdown, with what some readers make links of where it stands bare:
# schemes, `www.` and names of hosts.
_SPECIAL = re.compile(
    r"[\\`*_\[\]<>#|&~]|:(?=//)|/(?=/)|(?<=/)/|(?<=\w)\.(?=[^\W\d_])|(?<=www)\.", re.IGNORECASE
)
_AT_START = re.compile(r"^(\d*)([-+=.:)])")
# Addresses are found in the text that is shown, past any escape: only a word joiner parts them.
_ADDRESS = re.compile(r"(?<=\S)@(?=\S)")
_PARTED = "@&#8288;"
_URL = re.compile(r"https?://[!-;=?-~]+", re.IGNORECASE)
_LINE_BREAK = re.compile(r"\r\n|[\n\r\f\u2028\u2029]")
_SPACES = re.compile(" {2,}")
_TAB = 4
_SPACE = "&nbsp;"


class PacketQuery(Model):
    """Which version of a packet; without one the latest, or the draft of an open case."""

    version: Annotated[int, Field(ge=1)] | None = None
    """Which version; without it the latest, or the draft of an open case."""


class ManifestEntry(Model):
    """The hash of one item of a packet."""

    model_config = ConfigDict(extra="ignore")

    id: str
    """The item's id."""
    sha256: str
    """The SHA-256, in hex, of the RFC 8785 form of the item."""


class Packet(MarkdownForm, AsStored):
    """The evidence that a decision rests on, in order.

    `sha256` is over the RFC 8785 form of `{caseId, version, items, manifest}`.
    """

    case_id: str
    """The case."""
    version: int | None
    """The version, counted from 1; null for a draft."""
    state: Literal["draft", "frozen"]
    """`frozen` by an approval, or the `draft` of an open case."""
    title: str
    """The title of the case."""
    decision_type: str
    """What was to be decided."""
    frozen_at: datetime | None
    """When the approval froze it; null for a draft."""
    frozen_by: str | None
    """Who approved: an email address, or a subject; null for a draft."""
    items: list[EvidenceContent]
    """The evidence, in its order."""
    manifest: list[ManifestEntry]
    """The hash of each item, in the same order."""
    sha256: str
    """The SHA-256, in hex, of the RFC 8785 form of `{caseId, version, items, manifest}`."""

    def as_markdown(self) -> str:
        """The packet as a document to file: title, decision, items with citations, hashes."""
        parts = zip(self.items, self.manifest, strict=True)
        sections = [_section(number, *part) for number, part in enumerate(parts, 1)]
        return "\n\n".join([f"# {_plain(self.title)}", self._summary(), *sections]) + "\n"

    def _summary(self) -> str:
        decision = f"{_plain(self.decision_type)}, not decided yet"
        if self.frozen_at and self.frozen_by:
            when = self.frozen_at.isoformat(timespec="seconds")
            decision = f"{_plain(self.decision_type)}, approved {when} by {_plain(self.frozen_by)}"
        packet = self.state if self.version is None else f"version {self.version}, {self.state}"
        return _list(
            {
                "Case": _plain(self.case_id),
                "Decision": decision,
                "Packet": f"{packet}, {len(self.items)} items",
                "SHA-256": f"`{self.sha256}`",
            }
        )


class StoredPacket(StoredDocument):
    """A frozen packet as it is stored, as one text: items hold any JSON, and nothing queries it."""

    version: int
    items: int
    sha256: str
    frozen_at: datetime
    text: Annotated[str, Field(alias="json")]


def _section(number: int, item: EvidenceContent, entry: ManifestEntry) -> str:
    quoted = _quoted(item.snippet) if item.snippet.strip() else ""
    facts = _list(
        {
            "Citation": _linked(item.citation or ""),
            "Source": _plain(item.source_id or ""),
            "Tags": ", ".join(map(_plain, item.tags)),
            "Metadata": _plain(to_json(item.metadata).decode()) if item.metadata else "",
            "Evidence": _plain(item.id),
            "SHA-256": f"`{entry.sha256}`",
        }
    )
    texts = (f"## {number}. {_plain(item.title)}", quoted, facts)
    return "\n\n".join(text for text in texts if text)


def _list(facts: dict[str, str]) -> str:
    return "\n".join(f"- {name}: {text}" for name, text in facts.items() if text)


def _quoted(text: str) -> str:
    """A text in its lines, each as far to the right as it is."""
    lines = [_spaced(line) for line in _LINE_BREAK.split(text)]
    return "\\\n".join(f"> {line}" for line in lines)


def _spaced(line: str) -> str:
    """A line with its spaces, of which HTML shows none at the start and elsewhere only one."""
    spread = line.expandtabs(_TAB).rstrip()
    text = spread.lstrip()
    indent = "".join(f"&#{ord(space)};" for space in spread[: len(spread) - len(text)])
    inner = _SPACES.sub(lambda run: _SPACE * (len(run[0]) - 1) + " ", _escaped(text))
    return indent.replace("&#32;", _SPACE) + inner or _SPACE


def _linked(text: str) -> str:
    """Text as it is, or where it is the address of a page, a link to it."""
    return f"<{text}>" if _URL.fullmatch(text) else _plain(text)


def _plain(text: str) -> str:
    return _escaped(text.strip())


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, on the line where it stands, and makes nothing of."""
    escaped = _AT_START.sub(r"\g<1>\\\g<2>", _SPECIAL.sub(r"\\\g<0>", text))
    return _ADDRESS.sub(_PARTED, escaped)
