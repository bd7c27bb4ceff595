"""The caller of a request, and groups of roles. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shared.errors import PermissionDenied
from shared.models.roles import Actor, Role

_RANKS = (Role.VIEWER, Role.VERIFIER, Role.PILOT, Role.ADMIN)


def at_least(role: Role) -> frozenset[Role]:
    """The roles of people from `role` upwards: viewer < verifier < pilot < admin."""
    return frozenset(_RANKS[_RANKS.index(role) :])


MEMBERS = at_least(Role.VIEWER) | {Role.AGENT}
"""Who takes part in the work, and may keep worksheets of their own."""
READERS = MEMBERS | {Role.AUDITOR}
"""Who reads what every member of a tenant may read. An auditor reads it, and takes no part."""
CONTRIBUTORS = at_least(Role.VERIFIER) | {Role.AGENT}
PEOPLE = at_least(Role.VIEWER)
VERIFIERS = at_least(Role.VERIFIER)
AGENTS = frozenset({Role.AGENT})
PILOTS = at_least(Role.PILOT)
ADMINS = at_least(Role.ADMIN)
AUDITING = PILOTS | {Role.AUDITOR}
"""Who reads the trail of the whole tenant, its log and its proofs, and takes exports of it."""
OVERSEEING = ADMINS | {Role.AUDITOR}
"""Who reads what admins read, such as preserved content, without changing any of it."""
SCHEDULERS = frozenset({Role.SCHEDULER})
PROGRAMS = frozenset({Role.AGENT, Role.VIEWER, Role.VERIFIER})
"""What a key, or the account of a program, may be for: nothing that only people may do."""
KEY = "key:"
"""What the subject of whoever calls with a key begins with; no issuer's subject does."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller: the token's subject, its email address where it is verified, tenant and role.

    One that `is_program` has a key, or the account of a program: it is nobody whom a rule counts on
    as a person, whatever its role.
    """

    subject: str
    email: str | None
    tenant: str
    role: Role
    is_program: bool = False

    @property
    def actor(self) -> Actor:
        """The caller as an event names it."""
        kinds: dict[Role, Any] = {Role.AGENT: "service", Role.SCHEDULER: "system"}
        return Actor(
            subject=self.subject,
            email=self.email,
            type=kinds.get(self.role, "service" if self.is_program else "user"),
            role=self.role,
        )

    def require(self, roles: Iterable[Role]) -> None:
        """Raises PermissionDenied unless the caller's role is one of `roles`."""
        if self.role not in roles:
            allowed = ", ".join(sorted(roles))
            raise PermissionDenied(f"role {self.role} may not do this; needed: {allowed}")

    def require_person(self) -> None:
        """Raises PermissionDenied for a program: else one admin with two keys were two people."""
        if self.is_program:
            raise PermissionDenied("people decide: a key or the account of a program may not")


NOBODY = Caller("", None, "", Role.VIEWER)
"""Who sends no token to a function that takes such requests: of no tenant, so nothing is theirs."""
