"""Saved views: a person's own, replaced as a whole."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Api
from tests.functions.support import ON_EMBEDDED, cost, refused, refused_field
from tests.rows import each_row

pytestmark = pytest.mark.both_stores

MINE: dict[str, Any] = {"views": [{"name": "Late ones", "query": "overdue=true&severity=high"}]}


@pytest.mark.costs_of("get_views", "save_views")
def test_views_are_saved_and_read_at_the_cost_of_one_document(api: Api) -> None:
    none = api.viewer.get("/views")
    saved = api.viewer.put("/views", MINE)
    again = api.viewer.put("/views", MINE)
    found = api.viewer.get("/views")

    assert (none.json, cost(none)) == ({"views": []}, (1, 0, 1))
    assert (saved.json, cost(saved)) == (MINE, (1, 1, 2))
    assert cost(again) == (1, 0, 1)
    assert (found.json, cost(found)) == (MINE, (1, 0, 1))
    assert found.headers["ETag"] == saved.headers["ETag"] != none.headers["ETag"]


def test_views_are_their_owners_alone(api: Api) -> None:
    api.viewer.put("/views", MINE)

    assert api.caller("viewer", "another").get("/views").json == {"views": []}
    assert api.caller("viewer", tenant="another").get("/views").json == {"views": []}


def test_views_that_another_window_changed_are_not_overwritten(api: Api) -> None:
    tag = api.viewer.put("/views", MINE).headers["ETag"]
    other = {"views": [{"name": "All", "query": ""}]}
    assert api.viewer.put("/views", other, if_match=tag).status_code == 200

    refused(api.viewer.put("/views", {"views": []}, if_match=tag), 412, "FAILED_PRECONDITION")
    assert api.viewer.get("/views").json == other


@ON_EMBEDDED
@each_row(
    ("body", "field"),
    [
        ({}, "views"),
        ({"views": [{"name": "", "query": ""}]}, "views[0].name"),
        ({"views": [{"name": "A", "query": "a b"}]}, "views[0].query"),
        ({"views": [{"name": "A", "query": "x" * 2_001}]}, "views[0].query"),
        ({"views": [{"name": "A", "query": ""}] * 51}, "views"),
    ],
    apart=True,
)
def test_views_that_are_wrong_are_refused_by_field(api: Api, body: Any, field: str) -> None:
    refused_field(api.viewer.put("/views", body), field)
