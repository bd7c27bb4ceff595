"""Who may call what: the roles of the routes, what docs/api.md says of them, what is enforced."""

from __future__ import annotations

import re

import pytest

from functions.api import FUNCTIONS
from shared.edge.routes import Route
from shared.models.roles import Role
from shared.rules.callers import (
    ADMINS,
    AGENTS,
    AUDITING,
    CONTRIBUTORS,
    MEMBERS,
    OVERSEEING,
    PEOPLE,
    PILOTS,
    READERS,
    SCHEDULERS,
    VERIFIERS,
)
from tests.client import Api
from tests.conftest import ROOT
from tests.functions.support import ON_EMBEDDED, refused, refused_field
from tests.rows import each_row

Roles = frozenset[Role] | None
DOCUMENT = ROOT / "docs" / "api.md"
"""Where the table of functions and their roles is."""

# What a cell of the table's third column stands for. A person's role includes those above it, and
# what viewers read agents and auditors read too. Behind a colon, or where the roles depend on the
# case or the intervention, the function decides further; its route lets in whoever may be meant.
CELLS: dict[str, Roles] = {
    "none": None,
    "scheduler": SCHEDULERS,
    "viewer": READERS,
    "viewer: own": READERS,
    "viewer: own, or opened by its owner": READERS,
    "viewer: own, or opened by its owner; no auditor": MEMBERS,
    "viewer: own; admin, auditor: all": READERS,
    "verifier": VERIFIERS,
    "verifier, agent": CONTRIBUTORS,
    "pilot": PILOTS,
    "pilot, auditor": AUDITING,
    "pilot, agent": PILOTS | {Role.AGENT},
    "admin": ADMINS,
    "admin, auditor": OVERSEEING,
    "assignee, collaborator `admin`, admin": PEOPLE,
    "its `requiredRole`": VERIFIERS,
    "its `requiredRole`, never the requester": VERIFIERS,
    "its `requiredRole`, at least pilot, never the requester": PILOTS,
    "agent": AGENTS,
    "agent, holder": VERIFIERS | {Role.AGENT},
    "requester, pilot": CONTRIBUTORS,
}


def route(name: str) -> Route:
    """The route of the function called `name`."""
    found: Route
    (found,) = vars(FUNCTIONS[name])["routes"]
    return found


def told(names: list[str], cell: str) -> dict[str, Roles]:
    """The roles that a row tells of its functions: one cell for all, or one role for each."""
    cells = [cell] * len(names) if cell in CELLS else cell.split(", ")
    return {name: CELLS[one] for name, one in zip(names, cells, strict=True)}


def rows() -> list[tuple[list[str], str]]:
    """The table of functions: their names, and the third column."""
    _, _, table = DOCUMENT.read_text().partition("| function | request | role |\n|---|---|---|\n")
    lines = table.partition("\n\n")[0].splitlines()
    cells = [re.fullmatch(r"\| (.+?) \| .+ \| (.+?) \|", line) for line in lines]
    return [(row[1].split(", "), row[2]) for row in cells if row]


@pytest.mark.parametrize(
    ("names", "cell"), [pytest.param(*row, id=", ".join(row[0])) for row in rows()]
)
def test_a_row_of_the_table_says_the_roles_of_its_functions(names: list[str], cell: str) -> None:
    assert told(names, cell) == {name: route(name).roles for name in names}


def test_every_function_is_in_one_row_of_the_table() -> None:
    named = [name for names, _ in rows() for name in names]
    missing = sorted(FUNCTIONS.keys() - named)

    assert missing == [], f"add `| function | request | role |` for {missing} to {DOCUMENT.name}"
    assert sorted(named) == sorted(FUNCTIONS)


@ON_EMBEDDED
@each_row("role", Role)
def test_a_role_gets_past_the_door_of_the_functions_that_are_for_it(api: Api, role: Role) -> None:
    for name in FUNCTIONS:
        path = re.sub(r"\{\w+\}", "x", route(name).path.removeprefix("/v1"))
        # What is not refused for the role is refused for the query, which no function has.
        answer = api.caller(role).request(route(name).method, f"{path}?nothing=1")
        roles = route(name).roles
        if roles is None or role in roles:
            refused_field(answer, "nothing")
        else:
            refused(answer, 403, "PERMISSION_DENIED")


@each_row("role", sorted(PEOPLE))
def test_a_persons_role_may_all_that_the_one_below_it_may(role: Role) -> None:
    order = [Role.VIEWER, Role.VERIFIER, Role.PILOT, Role.ADMIN]
    below = set(order[: order.index(role)])

    for name in FUNCTIONS:
        roles = route(name).roles
        assert roles is None or role in roles or not below & roles


READS_BY_POST = {"check_cases"}
"""What only reads although it is a POST, since its list is too long for an address."""


@each_row("name", FUNCTIONS)
def test_an_auditor_calls_whatever_reads_and_of_what_writes_only_what_keeps_views_of_their_own(
    name: str,
) -> None:
    one = route(name)
    reads = one.method == "GET" or name in READS_BY_POST
    expected = (reads or name == "save_views") and one.roles is not None

    assert (Role.AUDITOR in (one.roles or ())) == expected


def test_scheduled_functions_are_for_the_scheduler_alone_and_no_others_are() -> None:
    scheduled = {name for name in FUNCTIONS if "/scheduled/" in route(name).path}

    assert scheduled == {n for n in FUNCTIONS if Role.SCHEDULER in (route(n).roles or ())}
    assert all(route(name).roles == SCHEDULERS for name in scheduled)


@ON_EMBEDDED
def test_the_description_of_the_api_shows_the_roles_of_each_function(api: Api) -> None:
    paths = api.stranger.get("/openapi.json").json["paths"]

    for name in FUNCTIONS:
        one = route(name)
        shown = paths[one.path.replace("...", "")][one.method.lower()]
        assert (sorted(one.roles) if one.roles else None) == shown.get("x-roles")


@each_row(
    "name", ["decide_intervention", "claim_intervention", "release_intervention", "claim_case"]
)
def test_an_agent_never_decides_or_takes_what_is_peoples(name: str) -> None:
    assert Role.AGENT not in (route(name).roles or ())
