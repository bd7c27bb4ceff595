"""Names of people: how they are written, and what of them is compared.

A person is the subject of their token; a name is for show. `rules/people.py` says who is who.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from shared.models.base import Name, visible_part

ME = "me"
"""What a filter by a person takes for the caller."""
_LONGEST = 254


def normalised(name: str) -> str:
    """A name as it is stored: trimmed, NFC, without invisible characters; an address in lower case.

    What holds `@` is an address.
    """
    name = unicodedata.normalize("NFC", visible_part(name)).strip()
    return unicodedata.normalize("NFC", name.lower()) if "@" in name else name


def folded(name: str) -> str:
    """What of a name is compared: of an address it is the case-folded form."""
    name = normalised(name)
    return unicodedata.normalize("NFC", name.casefold()) if "@" in name else name


def searchable(name: str) -> str:
    """What the directory is searched and sorted by: without regard to case, also of a subject."""
    return unicodedata.normalize("NFC", normalised(name).casefold())


def person_key(subject: str | None, name: str | None) -> str | None:
    """By what a query finds a stored person: their subject, or only where it is unknown, the name.

    None is nobody.
    """
    if subject is not None:
        return f"subject:{subject}"
    return None if name is None else f"name:{folded(name)}"


def _named(name: str) -> str:
    if normalised(name) == ME:
        raise PydanticCustomError("me", "`me` is only for the filter assignedTo; name the person")
    return name


def _person_name(name: str) -> str:
    found = normalised(_named(name))
    if len(found) > _LONGEST:
        raise PydanticCustomError("name", f"must be at most {_LONGEST} characters in NFC")
    return found


FilterName = Annotated[Name, AfterValidator(_named)]
"""A person's name in a filter of a list that does not know `me`."""
PersonName = Annotated[Name, AfterValidator(_person_name)]
"""A person's name in a request, kept as `normalised` writes it."""
