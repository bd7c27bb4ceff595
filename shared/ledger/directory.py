"""The directory of a tenant's people: who has changed something, and on which day last.

The first change that a person makes on a day, as far as this instance knows, writes their entry in
the same commit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from shared.documents.port import Data, Merge, Write
from shared.documents.values import MAX_WRITES
from shared.models.names import searchable
from shared.models.person import StoredPerson
from shared.models.roles import Actor
from shared.rules import people

_REMEMBERED = 10_000
"""How many people an instance remembers; whoever is forgotten is only written once more."""


class Directory:
    """Whom this instance has put into the directory, on which day and as what."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._seen: dict[str, tuple[object, ...]] = {}

    def entries(
        self, tenant: str, actor: Actor, now: datetime, writes: Sequence[Write]
    ) -> list[Write]:
        """The person's entry, where a commit of `writes` has to write it as well; else nothing.

        A commit that has no room for it leaves it to the next one.
        """
        at = path(tenant, actor.subject)
        known = self._seen.get(at) == _seen(actor, now)
        if known or not _is_human(actor) or len(writes) >= MAX_WRITES:
            return []
        return [] if any(write.path == at for write in writes) else [Merge(at, fields(actor, now))]

    def keep(self, tenant: str, actor: Actor, now: datetime) -> None:
        """Remembers that a commit was made, with the person's entry where `entries` gave it."""
        at = path(tenant, actor.subject)
        if _is_human(actor) and self._seen.get(at) != _seen(actor, now):
            while len(self._seen) >= self._remembered:
                # Whoever was noted first, and by now probably on another day.
                self._seen.pop(next(iter(self._seen)), None)
            self._seen[at] = _seen(actor, now)


def _is_human(actor: Actor) -> bool:
    """Whether somebody is neither an agent nor the scheduler."""
    return actor.type == "user"


def path(tenant: str, subject: str) -> str:
    """Where a person is kept."""
    return f"tenants/{tenant}/people/{hashlib.sha256(subject.encode()).hexdigest()[:32]}"


def fields(actor: Actor, now: datetime) -> Data:
    """What is stored of a person besides their counts."""
    person = StoredPerson(
        subject=actor.subject,
        name=actor.name,
        email=actor.email,
        role=actor.role,
        folded_name=searchable(actor.name),
        known_as=people.known_as(actor),
        last_seen_at=now,
    )
    return person.model_dump(by_alias=True, exclude_unset=True)


def _seen(actor: Actor, now: datetime) -> tuple[object, ...]:
    return now.date(), actor.email, actor.role
