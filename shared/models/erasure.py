"""Erasures: personal data and texts that are taken out of the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, Self

from pydantic import SerializeAsAny, model_validator
from pydantic_core import PydanticCustomError

from shared.models.base import (
    OMITTED,
    Identified,
    Model,
    Page,
    Reason,
    Rows,
    SubjectName,
    Title,
    UserId,
)
from shared.models.filters import Filters, Listing, Sort
from shared.models.stored import StoredDocument

Scope = Literal["person", "subject"]
ErasureState = Literal["asked", "lapsed", "confirmed", "completed"]


class ErasureToAsk(Model):
    """What is to be erased from the trail, a person or a subject, and the legal basis."""

    person: UserId | None = None
    """Whose name and address are to be erased: the `sub` of their token. Not together with
    `subject`.
    """
    subject: SubjectName | None = None
    """The subject whose personal data and texts are to be erased: `cases/{id}` with all that the
    trail has about the case, `interventions/{id}` or `worksheets/{id}`. Not together with `person`.
    """
    legal_basis: Title
    """The legal basis, such as an article of the GDPR, on one line."""
    reason: Reason
    """Why. It is kept in the audit events."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.person is None) == (self.subject is None):
            raise PydanticCustomError("person", "give either person or subject")
        if self.subject == "tenant":
            raise PydanticCustomError("subject", "must be a case, an intervention or a worksheet")
        return self


class ErasureFields(Model):
    """What a stored erasure and a shown one have in common."""

    person: str | None
    """Whose name and address are erased: the `sub` of their token; null for a subject."""
    subject: str | None
    """The subject whose personal data and texts are erased; null for a person."""
    legal_basis: str
    """The legal basis."""
    reason: str
    """Why."""
    asked_at: datetime
    """When it was asked for."""
    asked_by: str
    """Who asked for it: an email address, or a subject."""
    asked_by_subject: str
    """The token's subject of who asked for it."""
    about_events: int = 0
    """How many events it is about, as counted when it was asked for and again when it was
    confirmed; of a person those of which they are the actor.
    """
    lapses_at: datetime
    """When it lapses, so that it can no longer be confirmed."""
    confirmed_at: datetime | None = None
    """When it was confirmed; null while it is not. What was recorded until then is erased."""
    confirmed_by: str | None = None
    """Who confirmed it: an email address, or a subject; null while nobody has."""
    confirmed_by_subject: str | None = None
    """The token's subject of who confirmed it; null while nobody has."""
    event_id: str | None = None
    """The event `data_erased`, which the erased events name in `erasedBy`; null before."""
    completed_at: datetime | None = None
    """When all of it was erased; null before."""
    events: int = 0
    """In how many events something was erased so far."""
    values: int = 0
    """How many values were erased so far."""
    kept_events: int = 0
    """How many events hold such data and cannot be changed, because their hash covers it: a release
    without erasure recorded them, or they cannot be read.
    """
    held_case: str | None = None
    """The case whose legal hold stops the erasure, which goes on when the hold is released; null
    for none.
    """


class StoredErasure(ErasureFields, StoredDocument):
    """An erasure as it is stored.

    While it is carried out, `unfinished_since` is there for the query of the purge, `step` is which
    of its queries it is at, and `after` the place of the last row that was looked at. `names` are
    those that a person was found to have; they are forgotten in the end.
    """

    unfinished_since: datetime | None = None
    step: int = 0
    after: list[Any] = []
    names: list[str] = []


class Erasure(ErasureFields, Identified):
    """An erasure from the audit trail, asked for by one admin and confirmed by another."""

    versioned: ClassVar[bool] = True

    state: ErasureState
    """`asked` until another admin confirms it, `lapsed` where nobody did in time, `confirmed` while
    it is carried out, and `completed`.
    """
    complete: bool
    """Whether all of it is erased. If not, and it is confirmed, the nightly purge continues it,
    and so does the same request when it is sent again.
    """


class ErasureQuery(Filters, Page):
    """A page of the erasures, newest first."""

    listing: ClassVar[Listing] = Listing("erasures", (Sort("askedAt", descending=True),))


class ErasurePage(Rows):
    """One page of erasures."""

    erasures: list[SerializeAsAny[Erasure]]
    """The erasures of this page, newest first."""
    next_page_token: str | None = OMITTED
    """The `pageToken` of the next page; left out on the last one."""
