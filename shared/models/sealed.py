"""A tenant's log of its events: what is stored of it, and what is answered from it.

An entry of the log is the 32 bytes of an event's hash. Places say when an event was due to come
into the log: texts that sort by its time, then by its id (`place_of`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from shared.models.stored import StoredDocument

_HEX = 64


def place_of(created_at: datetime, event_id: str) -> str:
    """The place of an event: places sort as the log takes events."""
    return f"{created_at.astimezone(UTC).isoformat(timespec='microseconds')} {event_id}"


def joined(hashes: list[bytes]) -> str:
    """Hashes as one text: Firestore has no list of bytes that is as small."""
    return b"".join(hashes).hex()


def parted(text: str) -> list[bytes]:
    """The hashes in such a text. Raises ValueError where it is none."""
    found = [bytes.fromhex(text[place : place + _HEX]) for place in range(0, len(text), _HEX)]
    if any(len(one) * 2 != _HEX for one in found):
        raise ValueError("a hash is 32 bytes")
    return found


def _hashes(text: str) -> str:
    parted(text)
    return text


Hashes = Annotated[str, AfterValidator(_hashes)]
"""Hashes as `joined` makes one text of them."""


class StoredBundle(StoredDocument):
    """Entries of a log: 256 of them in a document of their own, which is written once.

    `until` is the place of the last entry that came in order up to the end of this bundle. `late`
    are the ids of those that did not: their events were committed after their time had been sealed.
    """

    ids: list[str] = []
    entries: Hashes = ""
    until: str = ""
    late: list[str] = []

    @model_validator(mode="after")
    def _one_entry_for_each_id(self) -> Self:
        if len(self.entries) != _HEX * len(self.ids):
            raise ValueError("it has not an entry for each id")
        return self


class StoredTile(StoredDocument):
    """A full tile of a level above 0: 256 hashes, each the root of a full tile below. Written once.

    Level 0 is not stored: its hashes are those of the entries of a bundle.
    """

    hashes: Hashes


class StoredLog(StoredDocument):
    """The end of a log, and all that is needed to append to it.

    `checkpoint` is the signed note of this state, of the epoch `signed_epoch`: that is an earlier
    one where the present `epoch` has only begun.
    `until` is the place up to which events were looked at in order, and `compared_until` the one up
    to which the log was last found to have them all. `ids` and `late` are those of the bundle that
    is not full, and `edge` has its entries, and then the hashes of the last tile of each level
    above. `unsealed` are ids of events that do not match their own hashes.

    `refused` says why nothing is appended until a new epoch is started, `other_epoch` is then the
    last one that the bucket of checkpoints has; and `behind` says that events were left out since.
    """

    epoch: int = 1
    size: int = 0
    checkpoint: str = ""
    until: str = ""
    compared_until: str = ""
    ids: list[str] = []
    late: list[str] = []
    edge: list[Hashes] = []
    unsealed: list[str] = []
    signed_epoch: int = 1
    refused: str = ""
    other_epoch: int = 1
    behind: bool = False

    @model_validator(mode="after")
    def _end_is_a_bundle(self) -> Self:
        self.last_bundle  # noqa: B018 - raises where it is none
        return self

    @property
    def last_bundle(self) -> StoredBundle:
        """The bundle that is not full."""
        entries = self.edge[0] if self.edge else ""
        return StoredBundle(ids=self.ids, entries=entries, until=self.until, late=self.late)


class StoredSealing(StoredDocument):
    """How far the sealing of all tenants has come.

    All events up to `until` were seen. `compared_on` is the last day, in UTC, on which all logs
    were compared with their trails, and `reached` the tenant after which that goes on. The rest is
    about the last run that had something to do.
    """

    until: datetime | None = None
    compared_on: str = ""
    reached: str = ""
    started_at: datetime | None = None
    complete: bool = True
    done: int = 0
    failed: int = 0
