"""Eight mebibytes a page, wherever rows are large: the rest comes with the next one."""

from __future__ import annotations

from typing import Any

import pytest

from shared.models.base import Page
from tests.client import Api
from tests.functions.support import pages
from tests.rows import each_row

pytestmark = pytest.mark.both_stores

LIMIT = 20_000
"""Bytes a page, here."""
TEXT = "é" * 3_000
"""6,000 bytes: four of these are more than a page."""


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Page, "max_bytes", LIMIT)


def test_a_page_is_eight_mebibytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    assert Page.max_bytes == 8 * 1_048_576


def sizes(api: Api, path: str, key: str) -> list[int]:
    """How many rows each page has, of which none is larger than it may be by more than one."""
    found = list(pages(api.pilot, path, key))
    assert all(len(str(page[:-1]).encode()) < 1.5 * LIMIT for page in found)
    return [len(page) for page in found]


@pytest.fixture
def api(api: Api) -> Api:
    """Ten large rows of each kind."""
    api.verifier.create(id="CASE-1")
    api.verifier.attach(
        "CASE-1", *({"id": f"e{n}", "title": "E", "snippet": TEXT} for n in range(10))
    )
    for number in range(10):
        record = {"kind": f"kind{number}", "title": "R", "data": {"text": TEXT}}
        assert api.agent.post("/cases/CASE-1/records", record).status_code == 201
        meta = {"message": "M", "eventType": "note_added", "meta": {"nested": {"text": TEXT}}}
        assert api.verifier.post("/cases/CASE-1/audit", meta).status_code == 201
        run = {"agentId": "a", "input": {"text": TEXT}}
        assert api.agent.post("/cases/CASE-1/runs", run).status_code == 201
        case = f"W-{number}"
        api.verifier.create(id=case, summary=TEXT)
        notes = {"problemStatement": TEXT, "fsrNotes": ""}
        assert api.pilot.put(f"/cases/{case}/worksheet", notes).status_code == 200
    return api


@each_row(
    ("path", "key"),
    [
        ("/cases", "cases"),
        ("/cases/CASE-1/evidence", "evidence"),
        ("/cases/CASE-1/evidence?packet=true", "evidence"),
        ("/cases/CASE-1/records", "records"),
        ("/cases/CASE-1/records?latest=true", "records"),
        ("/cases/CASE-1/audit", "events"),
        ("/cases/CASE-1/audit?related=true", "events"),
        ("/audit", "events"),
        ("/runs", "runs"),
        ("/worksheets", "worksheets"),
    ],
)
def test_a_page_of_large_rows_ends_early_and_nothing_is_left_out(
    api: Api, path: str, key: str
) -> None:
    if "packet" in path:
        chosen = {"packetEvidenceIds": [f"e{number}" for number in range(10)]}
        assert api.verifier.put("/cases/CASE-1/evidence", chosen).status_code == 200

    found = sizes(api, f"{path}{'&' if '?' in path else '?'}pageSize=200", key)

    assert sum(found) >= 10
    assert len(found) > 1


def test_the_full_view_of_a_case_goes_on_in_the_list_of_its_evidence(api: Api) -> None:
    full = api.viewer.get("/cases/CASE-1?view=full").json

    token = full["evidenceNextPageToken"]
    found: list[Any] = full["evidence"]
    while token:
        page = api.viewer.get(f"/cases/CASE-1/evidence?pageToken={token}").json
        found, token = found + page["evidence"], page.get("nextPageToken")

    assert len(full["evidence"]) == 4
    assert [item["id"] for item in found] == [f"e{number}" for number in range(10)]


def test_the_full_view_of_small_evidence_has_no_token(api: Api) -> None:
    api.verifier.create(id="CASE-2", evidence=[{"title": "E"}])

    full = api.viewer.get("/cases/CASE-2?view=full").json

    assert len(full["evidence"]) == 1
    assert "evidenceNextPageToken" not in full
