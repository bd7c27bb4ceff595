"""People of a tenant: what the directory keeps of them, what a client sees."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar

from pydantic import SerializeAsAny

from shared.models.base import OMITTED, Model, Name, Page, Rows
from shared.models.filters import Begins, Filters, Listing, Sort
from shared.models.stored import StoredDocument


class PersonFields(Model):
    """What a stored person and a shown one have in common."""

    subject: str
    """The subject (`sub`) of their token, which is who they are."""
    name: str
    """How they are shown: their proven email address, else the subject."""
    email: str | None
    """Their email address, where the token proved one."""
    role: str
    """The role of their last change on the day they were last seen."""


class StoredPerson(PersonFields, StoredDocument):
    """A person as stored, since their first change.

    `folded_name` is what the list sorts and searches by; `known_as` is the name that stands for
    them where no subject is stored (`rules/people.py`).
    """

    folded_name: str
    known_as: str | None
    last_seen_at: datetime


class Person(PersonFields):
    """A person whom the tenant's directory knows, because they have changed something."""

    last_seen_on: date
    """The last day, in UTC, on which they changed something."""


class PeopleQuery(Filters, Page):
    """A page of the directory, by name."""

    listing: ClassVar[Listing] = Listing("people", (Sort("foldedName"),))

    query: Annotated[Name | None, Begins("foldedName")] = None
    """The beginning of the name or address, in upper or lower case."""


class PersonPage(Rows):
    """One page of people."""

    people: list[SerializeAsAny[Person]]
    """The people of this page."""
    next_page_token: str | None = OMITTED
    """The `pageToken` of the next page. Left out on the last one."""
