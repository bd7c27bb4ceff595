"""The demo tenant of a local run: alive, the same each time, and with chains that hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import verify_caseledger
from local import demo, demo_data, demo_tenant
from local.demo_story import story
from shared.config import Config
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.indexes import project_indexes
from shared.documents.port import DocumentStore, Order, Query
from shared.ledger.ledger import Ledger
from shared.ledger.origin import Origin
from shared.models.case import Status
from shared.models.exports import ExportQuery
from shared.models.intervention import InterventionStatus
from shared.models.roles import Role
from shared.repository import audit, case_export, exports
from shared.repository.log_keys import LogKeys
from shared.rules.callers import Caller
from shared.rules.note import Signer
from shared.runtime import Runtime
from shared.sweeps.run import SweepRun
from shared.sweeps.seal import seal
from tests.client import Api
from tests.rows import each_row

NOW = datetime(2026, 11, 26, 14, 38, tzinfo=UTC)


KEY = Ed25519PrivateKey.generate()


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """The functions over the demo tenant, sealed as a server does it in its first minute."""
    store = EmbeddedStore(":memory:", project_indexes())
    assert demo_data.seeded(store, NOW) == 60
    seal(
        SweepRun(ledger(store), 60, lambda: False, dry=False), LogKeys("logs.example", [KEY]), None
    )
    config = Config(sqlite=":memory:", unsigned_tokens=True)
    functions = Api(Runtime(config, clock=lambda: NOW, store=store))
    functions.tenant = demo_tenant.TENANT
    yield functions
    store.close()


def ledger(store: DocumentStore) -> Ledger:
    """The ledger of the demo tenant, some minutes later."""
    actor = Caller("pilot", None, demo_tenant.TENANT, Role.PILOT).actor
    origin = Origin(demo_tenant.TENANT, actor, "system", "export", "request-1")
    return Ledger(store, origin, lambda: NOW + timedelta(minutes=10))


def rows(api: Api, collection: str) -> list[dict[str, Any]]:
    path = f"tenants/{demo_tenant.TENANT}/{collection}"
    return [{**one.data, "id": one.id} for one in api.runtime.store.query(Query(path))]


def test_every_chain_of_the_demo_tenant_holds(api: Api) -> None:
    subjects = {row["subject"] for row in rows(api, "audit")}

    assert len(subjects) > 150
    for subject in subjects:
        found = audit.verify(api.runtime.store, demo_tenant.TENANT, subject, NOW)
        assert found.valid, found


def test_there_are_cases_and_questions_of_every_status(api: Api) -> None:
    cases, questions = rows(api, "cases"), rows(api, "interventions")

    assert Counter(row["status"] for row in cases).keys() == set(Status)
    assert Counter(row["status"] for row in questions).keys() == set(InterventionStatus)
    assert len({row["decisionType"] for row in cases}) == 4
    assert len({row["severity"] for row in cases}) == 4
    assert sum(row["legalHold"] for row in cases) == 2
    assert sum(3 < row["evidenceCount"] < 7 for row in cases) > 12
    assert max(row["packetVersion"] for row in cases) == 2
    (worksheet,) = rows(api, "worksheets")
    assert worksheet["id"].startswith("CASE-2024-001:vera")


def test_there_are_actions_approved_as_asked_edited_by_two_people_and_lapsed(api: Api) -> None:
    listed = api.viewer.get("/interventions?pageSize=200").json["interventions"]
    found = {row["uowId"]: row for row in listed if row["action"]}

    edited, both, lapsed = (found[name] for name in ("letter-0417", "transfers-5", "report-019"))
    assert (edited["status"], edited["decision"]) == ("completed", "edit")
    assert edited["approvedActionHash"] != edited["actionHash"]
    assert (both["status"], both["startedBy"]) == ("completed", "checker")
    assert [one["bySubject"] for one in both["approvals"]] == ["vera", "paul"]
    assert (lapsed["status"], lapsed["lapsedAt"]) == ("approved", lapsed["actUntil"])
    one_of_two, undecided = found["block-4471"], found["renewal-24"]
    assert (one_of_two["approvalsRequired"], len(one_of_two["approvals"])) == (2, 1)
    assert (undecided["status"], undecided["decisions"][1]) == ("pending", "edit")
    (form,) = (row for row in listed if row["responseSchema"])
    assert form["status"] == "pending"


def test_queues_and_figures_look_alive(api: Api) -> None:
    stats = api.admin.get("/cases:stats").json
    figures = api.admin.get("/figures").json

    assert min(stats["overdue"], stats["waiting"], stats["unassigned"]) > 2
    assert sum(sum(list(row.values())[1:]) for row in figures["open"]) == 16
    assert {row["decisionType"] for row in figures["closed"]} == {
        "aml_alert",
        "csf_facility",
        "csf_practitioner",
        "field_service",
    }
    assert sum(row["late"] for row in figures["closed"]) > 2
    assert sum(row["decided"] > 0 for row in figures["daily"]) > 15
    assert all(row["medianSeconds"] for row in figures["timeToDecide"])
    assert len(figures["pilots"]) == 4
    assert figures["expired"] > 2


def test_the_case_of_the_documents_looks_as_they_say(api: Api) -> None:
    case = api.viewer.get("/cases/CASE-2024-001?view=full").json

    assert (case["title"], case["status"]) == ("Dr. Sarah Smith: CSF application", "in_review")
    left = datetime.fromisoformat(case["dueAt"]) - NOW
    assert timedelta(hours=3) < left < timedelta(hours=3.1)
    assert (case["packetVersion"], len(case["evidence"]), case["openInterventions"]) == (1, 6, 1)
    packet = api.viewer.get("/cases/CASE-2024-001/packet?version=1").json
    assert [item["id"] for item in packet["items"]] == ["oac", "cfr", "licence"]


def test_who_takes_the_next_case_takes_the_free_one_that_is_due_first(api: Api) -> None:
    free = api.viewer.get("/cases?unassigned=true&sort=dueAt&status=new").json["cases"]

    assert (free[0]["id"], free[0]["overdue"]) == ("67890", True)


@each_row("back", [0, 1, 2, 3, 4, 5, 6])
def test_the_story_is_the_same_each_time_and_never_of_the_future(back: int) -> None:
    now = datetime(2026, 11, 29, 0, 5, tzinfo=UTC) - timedelta(days=back, hours=7 * back)

    steps = [(step.at, step.who) for step in story(now)]

    assert steps == [(step.at, step.who) for step in story(now)]
    assert max(at for at, _ in steps) < now


def test_what_has_cases_is_left_as_it_is(tmp_path: Any) -> None:
    variables = {"CASELEDGER_STORE": f"sqlite:///{tmp_path / 'demo.db'}"}
    variables["CASELEDGER_UNSIGNED_TOKENS"] = "loopback"
    assert demo_data.load(variables) == 60
    newest = Query(
        f"tenants/{demo_tenant.TENANT}/audit", (), (Order("createdAt", descending=True),)
    )

    def last() -> Any:
        store = EmbeddedStore(str(tmp_path / "demo.db"), project_indexes())
        try:
            return store.query(newest)[0]
        finally:
            store.close()

    before = last()
    assert demo_data.load(variables) == 60
    assert last() == before


def test_cases_of_the_demo_and_its_whole_log_are_exported_complete_and_verify(
    api: Api, tmp_path: Path
) -> None:
    trail = ledger(api.runtime.store)
    exported = {row["id"]: case_export.of_case(trail, row["id"]) for row in rows(api, "cases")[::4]}
    _, exported["log"] = exports.of_trail(trail, ExportQuery())
    for name, parts in exported.items():
        (tmp_path / name).write_bytes(b"".join(parts))

    public = Signer(f"logs.example/{demo_tenant.TENANT}", KEY).verifier_key
    files = [str(tmp_path / name) for name in exported]

    assert len(files) == 16
    assert verify_caseledger.main(["--key", public, *files]) == 0


def test_the_demo_seals_what_it_does_and_finds_what_is_changed_in_its_database(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert demo.run() == 0

    told = capsys.readouterr().out
    assert "\n  demo/caseledger/demo\n  " in told
    assert '"iss": "demo/caseledger"' in told
    for shown in ("approvedArguments: {", "approvals: 1 of 2", "lapsedAt: 2", '"decision": "edit"'):
        assert shown in told
    before, _, after = told.partition("rewrites a reason")
    assert '"valid": true' in before
    assert '"sealed": ' in before
    assert '"problem": "content does not match its hash"' in after
