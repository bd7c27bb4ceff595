"""The first commit of a large deletion tells of it, and whoever dies, it is finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from shared.documents.port import Query, Write
from shared.repository.removal import PARTS
from tests.client import Api, TestResponse
from tests.conftest import Clock
from tests.functions.support import pages
from tests.functions.sweep_support import PURGE, answered, meddle
from tests.reliability.support import verification

WHY = {"reason": "Over"}
USERS = ("kim", "lee", "max")


class DiedError(BaseException):
    """The end of an instance, which nobody handles."""


def filled(api: Api, case_id: str) -> None:
    """Opens a case, gives it something of everything, and closes it."""
    case = f"/cases/{case_id}"
    evidence = [{"id": f"ev-{n}", "title": "An item", "includedInPacket": True} for n in range(3)]
    api.verifier.create(id=case_id, evidence=evidence)
    hold = api.admin.post(f"{case}/holds", WHY).json["id"]
    assert api.verifier.patch(f"{case}/evidence/ev-0", {"title": "Another"}).status_code == 200
    assert api.admin.post(f"{case}/holds/{hold}:release", WHY).status_code == 200
    for user in USERS:
        assert api.caller("viewer", user).put(f"{case}/worksheet", {"fsrNotes": "A note"}).json
    record = {"kind": "finding", "title": "A finding", "data": {}}
    assert api.agent.post(f"{case}/records", record).status_code == 201
    run = {"id": f"run-{case_id}", "agentId": "robot"}
    assert api.agent.post(f"{case}/runs", run).status_code == 201
    assert api.agent.patch(f"{case}/runs/run-{case_id}", {"status": "completed"}).json
    for status in ("in_review", "approved", "closed"):
        assert api.pilot.patch(case, {"status": status, **WHY}).status_code == 200


def parts(api: Api, case_id: str) -> list[str]:
    """What there is of a case besides itself."""
    store, root = api.runtime.store, f"tenants/{api.tenant}"
    found = [row for name in PARTS for row in store.query(Query(f"{root}/cases/{case_id}/{name}"))]
    found += [row for row in store.query(Query(f"{root}/worksheets")) if case_id in row.id]
    found += [row for row in store.query(Query(f"{root}/runs")) if case_id in row.id]
    return [row.path for row in found if "deletedAt" not in row.data]


def assert_told(api: Api, case_id: str, whole: list[str]) -> None:
    """Fails unless the case is whole, or is gone for everybody, and its trail says so."""
    subjects = ["tenant", f"cases/{case_id}", *(f"worksheets/{case_id}:{user}" for user in USERS)]
    assert [verification(api, subject).get("firstBroken") for subject in subjects] == [None] * 5
    found = api.viewer.get(f"/cases/{case_id}")
    if found.status_code == 200:
        assert parts(api, case_id) == whole
        return
    assert found.status_code == 404
    assert api.admin.post(f"/cases/{case_id}/holds", WHY).status_code == 404
    assert case_id not in [case["id"] for page in pages(api.viewer, "/cases") for case in page]
    told = api.pilot.get("/audit?pageSize=1").json["events"][0]
    assert told["eventType"] in {"case_deleted", "records_purged"}


def deleted(api: Api, case_id: str) -> TestResponse:
    return api.admin.delete(f"/cases/{case_id}")


def deleted_with_a_key(api: Api, case_id: str) -> TestResponse:
    return api.admin.delete(f"/cases/{case_id}", idempotency_key=f"delete-{case_id}")


def purged(api: Api, _: str) -> TestResponse:
    return answered(api, PURGE)


@pytest.mark.parametrize(
    ("config", "first", "last"),
    [
        *(
            ("embedded", first, last)
            for first in (deleted_with_a_key, purged)
            for last in (deleted, deleted_with_a_key, purged)
        ),
        # Where a store stands in the middle of a commit depends on the store: each way in once.
        ("emulator", deleted_with_a_key, purged),
        ("emulator", purged, deleted),
    ],
    indirect=["config"],
)
def test_who_dies_in_any_commit_of_a_large_deletion_leaves_a_whole_case_or_one_that_is_deleted(
    api: Api,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    first: Callable[[Api, str], TestResponse],
    last: Callable[[Api, str], TestResponse],
) -> None:
    for name in ("removal.MAX_WRITES", "cases._MAX_REMOVALS"):
        monkeypatch.setattr(f"shared.repository.{name}", 4)
    monkeypatch.setattr("shared.sweeps.purge._AT_ONCE", 4)
    assert api.admin.patch("/settings", {"caseRetentionDays": 5}).status_code == 200
    plain = api.runtime.store
    deaths = 0
    died = True
    while died:
        case_id = f"CASE-{deaths}"
        filled(api, case_id)
        clock.advance(days=10)
        whole = parts(api, case_id)
        assert len(whole) > 8
        left = deaths

        # Before the first commit, and after each: who dies before another leaves no more than that.
        def die(writes: Sequence[Write]) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                if not left:
                    plain.commit(writes)
                raise DiedError

        meddle(api, die)
        died = False
        try:
            first(api, case_id)
        except DiedError:
            died = True
            deaths += 1
        finally:
            api.runtime._store = plain  # noqa: SLF001 - to take the meddler away
        assert_told(api, case_id, whole)

        assert last(api, case_id).status_code in {200, 204, 404}
        assert_told(api, case_id, whole)
        assert api.viewer.get(f"/cases/{case_id}").status_code == 404
        assert parts(api, case_id) == []

    # The event first, then the parts, at least three commits of four writes.
    assert deaths >= 5
