"""Who is who. Pure.

A person is the subject of their token. Subjects and names are two spaces: what is stored as a
subject is compared with subjects only, and a name with what the caller is known as.
"""

from __future__ import annotations

from shared.models.names import folded, person_key
from shared.models.roles import Actor


def known_as(actor: Actor) -> str | None:
    """The name by which somebody is found where no subject is stored, as names are compared.

    That is the proven address. Somebody without one is known by their subject, unless it looks like
    an address, which might be another person's: then this is None.
    """
    if ("@" in actor.name) is not (actor.email is not None):
        return None
    return folded(actor.name)


def is_person(actor: Actor, subject: str | None, name: str | None) -> bool:
    """Whether somebody is the person who is stored by subject and name.

    The subject decides; only where none is stored, the name does. Without both it is nobody.
    """
    if subject is not None:
        return subject == actor.subject
    return name is not None and folded(name) == known_as(actor)


def asked(actor: Actor, subject: str | None, name: str) -> bool:
    """Whether somebody may be who asked, as `may_be` says."""
    return may_be(actor.subject, actor.name, subject, name)


def may_be(subject: str | None, name: str, other: str | None, other_name: str) -> bool:
    """Whether two may be one person: they have the same subject, or are shown the same name."""
    return (subject is not None and subject == other) or folded(name) == folded(other_name)


def keys(actor: Actor) -> list[str]:
    """By which `person_key` a query finds what is somebody's."""
    return [
        key
        for key in (person_key(actor.subject, None), person_key(None, known_as(actor)))
        if key is not None
    ]
