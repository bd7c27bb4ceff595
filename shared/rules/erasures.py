"""The rules for erasures: who may confirm one, and which values of an event go. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from shared.errors import FailedPrecondition
from shared.models.erasure import Erasure, ErasureFields, ErasureState, ErasureToAsk, StoredErasure
from shared.models.roles import Actor
from shared.rules import people
from shared.rules.disclosures import ERASED, Content, value_at

LAPSES_AFTER = timedelta(days=14)
"""How long an erasure that was asked for can be confirmed."""
_SHOWN = tuple(ErasureFields.model_fields)
_EMAIL = "/actor/email"


def asked(given: ErasureToAsk, by: Actor, now: datetime) -> StoredErasure:
    """The erasure that somebody asks for; the events that it is about are to be counted."""
    return StoredErasure(
        person=given.person,
        subject=given.subject,
        legal_basis=given.legal_basis,
        reason=given.reason,
        asked_at=now,
        asked_by=by.name,
        asked_by_subject=by.subject,
        lapses_at=now + LAPSES_AFTER,
    )


def confirmed(
    erasure: StoredErasure, by: Actor, event_id: str, names: Iterable[str], now: datetime
) -> StoredErasure | None:
    """The erasure as it is to be carried out; None where the same person has confirmed it already.

    `names` are those that the person is known to have. Raises FailedPrecondition.
    """
    state = state_of(erasure, now)
    details = [{"state": state, "confirmedBy": erasure.confirmed_by}]
    if state in ("confirmed", "completed"):
        if erasure.confirmed_by_subject == by.subject:
            return None
        raise FailedPrecondition("the erasure is confirmed already", details)
    if people.asked(by, erasure.asked_by_subject, erasure.asked_by):
        raise FailedPrecondition("an erasure must be confirmed by another admin", details)
    if state == "lapsed":
        raise FailedPrecondition("the erasure was not confirmed in time: ask for it again", details)
    updates = {
        "confirmed_at": now,
        "confirmed_by": by.name,
        "confirmed_by_subject": by.subject,
        "event_id": event_id,
        "unfinished_since": now,
        "names": sorted(names),
    }
    return erasure.model_copy(update=updates)


def completed(erasure: StoredErasure, now: datetime) -> StoredErasure:
    """The erasure when all of it is done: nothing is left in it that it has erased elsewhere."""
    updates: dict[str, Any] = {"completed_at": now, "unfinished_since": None}
    if erasure.person is not None:
        person = Person(erasure.person, erasure.names)
        given = {"legal_basis": erasure.legal_basis, "reason": erasure.reason}
        updates |= {name: ERASED for name, text in given.items() if person.named_in(text)}
    return erasure.model_copy(update={**updates, "after": [], "names": []})


def state_of(erasure: StoredErasure, now: datetime) -> ErasureState:
    """Where an erasure stands."""
    if erasure.completed_at is not None:
        return "completed"
    if erasure.confirmed_at is not None:
        return "confirmed"
    return "lapsed" if now >= erasure.lapses_at else "asked"


def shown(erasure_id: str, erasure: StoredErasure, now: datetime) -> Erasure:
    """An erasure as a client sees it."""
    return Erasure(
        id=erasure_id,
        **{name: getattr(erasure, name) for name in _SHOWN},
        state=state_of(erasure, now),
        complete=erasure.completed_at is not None,
    )


def tag(erasure: StoredErasure) -> str:
    """The entity tag of an erasure, made of what is shown of it."""
    text = erasure.model_dump_json(include=set(_SHOWN))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def everything(event: Content) -> list[str]:
    """The pointers of all values of an event that can still be erased."""
    return list(event.get("disclosures", {}))


class Person:
    """Somebody by their token's subject and the addresses that they are known to have had."""

    def __init__(self, subject: str, names: Iterable[str]) -> None:
        self.subject = subject
        self.names: set[str] = set()
        self._subject = _pattern([subject])
        self._addresses: re.Pattern[str] | None = None
        # Some issuers take an address for the subject.
        self._know({*names, *([subject] if "@" in subject else ())})

    def values(self, event: Content) -> list[str]:
        """The pointers of the values that say who they are: their address, and texts that name it.

        What somebody did, and the reasons that they gave, say nothing of who they are, and stay.
        The address of an event of theirs is one of their names from then on.
        """
        own = event["actor"]["subject"] == self.subject
        email = event["actor"]["email"]
        if own and email and _EMAIL not in event.get("erased", {}):
            self._know({email})
        return [
            pointer
            for pointer in event.get("disclosures", {})
            if (own and pointer == _EMAIL) or self.named_in(value_at(event, pointer))
        ]

    def named_in(self, value: Any) -> bool:
        """Whether a JSON value has their subject or one of their addresses in it, as a whole word.

        Addresses are compared without regard to case.
        """
        match value:
            case str():
                if self._subject.search(value):
                    return True
                return bool(self._addresses and self._addresses.search(_folded(value)))
            case list():
                return any(map(self.named_in, value))
            case dict():
                return any(self.named_in(one) for pair in value.items() for one in pair)
            case _:
                return False

    def _know(self, names: set[str]) -> None:
        if names - self.names:
            self.names |= names
            self._addresses = _pattern(map(_folded, sorted(self.names)))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Any of the words, where it is not a part of a longer word, subject or address."""
    either = "|".join(map(re.escape, words))
    return re.compile(rf"(?<![\w+|-])(?<!\w[.@])(?:{either})(?![\w@+|-]|\.\w)")
