"""Who calls: roles from each upwards, and the caller as an event names them."""

from __future__ import annotations

import pytest

from shared.errors import PermissionDenied
from shared.models.roles import Role
from shared.rules.callers import Caller, at_least
from tests.rows import each_row

RANKS = [Role.VIEWER, Role.VERIFIER, Role.PILOT, Role.ADMIN]


@each_row("lowest", RANKS)
@each_row("role", Role)
def test_a_caller_may_do_what_their_role_and_those_below_it_may(lowest: Role, role: Role) -> None:
    caller = Caller("kim", None, "acme", role)

    if role in RANKS and RANKS.index(role) >= RANKS.index(lowest):
        caller.require(at_least(lowest))
    else:
        with pytest.raises(PermissionDenied):
            caller.require(at_least(lowest))


@each_row("role", Role)
def test_an_event_names_people_as_users_agents_as_services_and_the_scheduler_as_the_system(
    role: Role,
) -> None:
    actor = Caller("kim", "kim@example.com", "acme", role).actor

    kinds = {Role.AGENT: "service", Role.SCHEDULER: "system"}
    assert actor.type == kinds.get(role, "user")
    assert (actor.subject, actor.email, actor.role) == ("kim", "kim@example.com", role)


def test_a_refusal_names_the_roles_that_are_needed() -> None:
    with pytest.raises(PermissionDenied, match="viewer may not do this; needed: admin, pilot"):
        Caller("kim", None, "acme", Role.VIEWER).require([Role.PILOT, Role.ADMIN])
