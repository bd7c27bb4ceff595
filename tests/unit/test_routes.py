"""Which function a method and path mean."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.api import FUNCTIONS, ROUTES
from shared.edge.routes import Nothing, Route, allowed, match
from shared.errors import MethodNotAllowed, NotFound
from shared.models.base import Id, is_id
from shared.models.case import NewCase
from shared.models.case_queries import CaseQuery
from tests.rows import each_row
from tests.unit.examples import STABLE

BY_NAME = {route.name: route for route in ROUTES}


def set_collaborator(user_id: str) -> None:
    """A function with a user's id in its path."""


def save(case_id: Id, body: NewCase, query: CaseQuery) -> None:
    """A function that takes everything."""


COLLABORATORS = Route(
    "PUT", "/cases/{caseId}/collaborators/{userId}", frozenset(), 200, set_collaborator
)


@each_row(
    ("request_line", "name", "texts"),
    [
        ("GET /v1/cases", "list_cases", {}),
        ("HEAD /v1/cases", "list_cases", {}),
        ("POST /v1/cases", "create_case", {}),
        ("GET /v1/cases/A", "get_case", {"caseId": "A"}),
        ("GET /v1/cases/stats", "get_case", {"caseId": "stats"}),
        ("GET /v1/cases:stats", "case_stats", {}),
        ("POST /v1/cases:claimNext", "claim_next_case", {}),
        ("POST /v1/cases/A:claim", "claim_case", {"caseId": "A"}),
        ("GET /v1/cases/A/audit", "list_case_audit", {"caseId": "A"}),
        ("GET /v1/audit:verify", "verify_audit", {}),
    ],
)
def test_a_request_means_one_function(request_line: str, name: str, texts: dict[str, str]) -> None:
    method, url = request_line.split()

    route, found = match(method, url, ROUTES)

    assert (route.name, found) == (name, texts)


@each_row(
    "path",
    [
        "",
        "/",
        "/v1",
        "/cases",
        "/v1/cases/",
        "/v1/cases/A/B",
        "/v1/cases/A:b",
        "/v1/cases/\n/audit/",
    ],
)
def test_a_path_of_no_function_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        match("GET", path, ROUTES)
    with pytest.raises(NotFound):
        allowed(path, ROUTES)


@each_row("method", ["PUT", "HEAD", "get", "", "POST "])
def test_a_method_that_a_path_does_not_take_is_refused_with_those_it_does(method: str) -> None:
    with pytest.raises(MethodNotAllowed) as error:
        match(method, "/v1/cases/A:claim", ROUTES)

    assert error.value.headers == {"Allow": "OPTIONS, POST"}


def test_no_two_functions_have_the_same_request() -> None:
    paths = {route.name: route.path.replace("{caseId}", "A") for route in ROUTES}

    for one, other in itertools.combinations(ROUTES, 2):
        same = other.method == one.method and other.pattern.fullmatch(paths[one.name])
        assert not same, (one.name, other.name)


def test_every_function_is_named_once_and_described() -> None:
    assert len(BY_NAME) == len(ROUTES) == len(FUNCTIONS)
    assert all(function.__doc__ for function in FUNCTIONS.values())


@each_row("user_id", ["kim", "auth0|123", "kim@example.com", "a:b", "x:claim"])
def test_a_users_id_may_hold_a_colon(user_id: str) -> None:
    route, texts = match("PUT", f"/v1/cases/A/collaborators/{user_id}", [COLLABORATORS])

    assert (route.name, texts) == ("set_collaborator", {"caseId": "A", "userId": user_id})


def test_a_route_knows_what_its_handler_takes() -> None:
    full = Route("PUT", "/cases/{caseId}", None, 200, save)
    least = BY_NAME["case_stats"]

    assert (full.takes_body, full.body, full.takes_query, full.query) == (
        True,
        NewCase,
        True,
        CaseQuery,
    )
    assert (least.takes_body, least.body, least.takes_query, least.query) == (
        False,
        Nothing,
        False,
        Nothing,
    )
    assert full.path_types == {"caseId": Id}
    assert Route.parameter("caseId") == "case_id"


@STABLE
@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", fullmatch=True))
def test_every_id_has_a_path_of_its_own(case_id: str) -> None:
    assert is_id(case_id)
    for suffix, name in (("", "get_case"), ("/audit", "list_case_audit")):
        route, texts = match("GET", f"/v1/cases/{case_id}{suffix}", ROUTES)
        assert (route.name, texts["caseId"]) == (name, case_id)
