"""A tenant's settings over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.runtime import Runtime
from tests.client import Api, Client
from tests.conftest import Clock
from tests.functions.support import ON_EMBEDDED, cost, pages, refused, refused_field, when
from tests.rows import each_row

DEFAULTS = {
    "slaHours": {"default": 72},
    "autoCloseDays": None,
    "interventionRetentionDays": 90,
    "caseRetentionDays": None,
    "runTimeoutMinutes": 10_080,
    "publicLog": False,
    "trailPersonalDataDays": None,
    "claimMinutes": None,
    "approvalsRequired": {},
    "personFigures": True,
}


def test_a_tenant_that_has_decided_nothing_has_the_defaults(api: Api) -> None:
    answer = api.viewer.get("/settings")

    assert (answer.status_code, answer.json) == (200, DEFAULTS)


@each_row(
    "patch",
    [
        {"autoCloseDays": 30},
        {"autoCloseDays": 36_500},
        {"interventionRetentionDays": 1},
        {"caseRetentionDays": 365},
        {"runTimeoutMinutes": 1},
        {"runTimeoutMinutes": 5_256_000},
        {"runTimeoutMinutes": None},
        {"autoCloseDays": 30, "caseRetentionDays": 365},
        {"claimMinutes": 1, "approvalsRequired": {"cancel": 5, "resume": 1}},
        {"personFigures": False},
    ],
    apart=True,
)
def test_a_patch_changes_the_settings_it_names_and_no_other(
    api: Api, patch: dict[str, Any]
) -> None:
    patched = api.admin.patch("/settings", patch)

    assert (patched.status_code, patched.json) == (200, {**DEFAULTS, **patch})
    read = api.viewer.get("/settings")
    assert (read.json, read.headers["ETag"]) == (patched.json, patched.headers["ETag"])


def test_hours_and_approvals_are_changed_type_by_type_and_null_removes_one(api: Api) -> None:
    api.admin.patch("/settings", {"slaHours": {"kyc": 4, "urgent": 1}})

    patched = api.admin.patch("/settings", {"slaHours": {"default": None, "urgent": 2, "x": None}})

    assert patched.json["slaHours"] == {"kyc": 4, "urgent": 2}

    api.admin.patch("/settings", {"approvalsRequired": {"cancel": 2, "resume": 3}})
    patched = api.admin.patch("/settings", {"approvalsRequired": {"cancel": None, "resume": 4}})

    assert patched.json["approvalsRequired"] == {"resume": 4}
    assert patched.json["slaHours"] == {"kyc": 4, "urgent": 2}


@each_row("field", ["autoCloseDays", "caseRetentionDays"], apart=True)
def test_null_clears_a_setting_that_may_be_empty(api: Api, field: str) -> None:
    api.admin.patch("/settings", {field: 10})

    assert api.admin.patch("/settings", {field: None}).json == DEFAULTS


def test_a_change_leaves_an_event_on_the_tenants_own_chain(api: Api) -> None:
    answer = api.admin.patch("/settings", {"slaHours": {"kyc": 4}, "autoCloseDays": 30})

    ((event,),) = pages(api.pilot, "/audit?subject=tenant", "events")
    assert (event["eventType"], event["caseId"]) == ("settings_changed", None)
    assert event["message"] == "Settings changed: auto_close_days, sla_hours"
    assert event["requestId"] == answer.headers["X-Request-Id"]
    assert {change["field"]: (change["old"], change["new"]) for change in event["changes"]} == {
        "slaHours": ({"default": 72}, {"default": 72, "kyc": 4}),
        "autoCloseDays": (None, 30),
    }
    assert api.pilot.get("/audit:verify?subject=tenant").json["valid"] is True


@ON_EMBEDDED
@each_row(
    ("patch", "waits"),
    [
        ({"slaHours": {"kyc": 1}, "runTimeoutMinutes": 1}, set()),
        ({"autoCloseDays": 30}, {"closingChangedAt"}),
        ({"interventionRetentionDays": 30}, {"retentionChangedAt"}),
        ({"caseRetentionDays": 30}, {"retentionChangedAt"}),
    ],
    apart=True,
)
def test_a_change_says_which_sweep_has_to_look_again_and_no_other(
    api: Api, patch: dict[str, Any], waits: set[str]
) -> None:
    api.admin.patch("/settings", patch)

    stored = api.runtime.store.get(f"tenants/{api.tenant}")
    assert stored
    marks = {"closingChangedAt", "retentionChangedAt"}
    assert {name for name in marks if stored.data[name] is not None} == waits


@each_row("patch", [{}, {"autoCloseDays": None}, {"slaHours": {"default": 72}}], apart=True)
def test_a_patch_that_changes_nothing_writes_nothing(api: Api, patch: dict[str, Any]) -> None:
    answer = api.admin.patch("/settings", patch)

    assert (answer.status_code, answer.json) == (200, DEFAULTS)
    assert cost(answer) == (1, 0, 1)
    assert list(pages(api.pilot, "/audit", "events")) == [[]]


@ON_EMBEDDED
@each_row(
    ("patch", "field"),
    [
        ({"slaHours": None}, "slaHours"),
        ({"slaHours": {"default": 0}}, "slaHours.default"),
        ({"slaHours": {"default": 87_601}}, "slaHours.default"),
        ({"slaHours": {"default": 1.5}}, "slaHours.default"),
        ({"slaHours": {"default": "24"}}, "slaHours.default"),
        ({"slaHours": {"default": True}}, "slaHours.default"),
        ({"slaHours": {f"type-{index}": 1 for index in range(201)}}, "slaHours"),
        ({"autoCloseDays": 0}, "autoCloseDays"),
        ({"autoCloseDays": -1}, "autoCloseDays"),
        ({"autoCloseDays": 36_501}, "autoCloseDays"),
        ({"interventionRetentionDays": None}, "interventionRetentionDays"),
        ({"caseRetentionDays": "365"}, "caseRetentionDays"),
        ({"caseRetentionDays": 10**30}, "caseRetentionDays"),
        ({"runTimeoutMinutes": 0}, "runTimeoutMinutes"),
        ({"runTimeoutMinutes": 5_256_001}, "runTimeoutMinutes"),
        ({"runTimeoutMinutes": 1.5}, "runTimeoutMinutes"),
        ({"runTimeoutMinutes": "60"}, "runTimeoutMinutes"),
        ({"runTimeoutMinutes": True}, "runTimeoutMinutes"),
        ({"claimMinutes": 0}, "claimMinutes"),
        ({"claimMinutes": 5_256_001}, "claimMinutes"),
        ({"approvalsRequired": None}, "approvalsRequired"),
        ({"approvalsRequired": {"resume": 0}}, "approvalsRequired.resume"),
        ({"approvalsRequired": {"resume": 6}}, "approvalsRequired.resume"),
        ({"approvalsRequired": {"default": 2}}, "approvalsRequired.default"),
        ({"head": {}}, "head"),
        ({"updatedAt": "2026-01-01T00:00:00Z"}, "updatedAt"),
        ({"auto_close_days": 1}, "auto_close_days"),
    ],
)
def test_a_setting_that_is_wrong_is_refused_before_anything_is_read(
    api: Api, patch: dict[str, Any], field: str
) -> None:
    answer = api.admin.patch("/settings", patch)

    refused_field(answer, field)
    assert cost(answer) == (0, 0, 0)


@ON_EMBEDDED
@each_row("name", ["../x", "__x__", "", "a b", "x" * 101], apart=True)
def test_hours_are_set_for_decision_types_that_a_case_can_have(api: Api, name: str) -> None:
    answer = api.admin.patch("/settings", {"slaHours": {name: 1}})

    refused(answer, 400, "INVALID_ARGUMENT")
    assert api.viewer.get("/settings").json == DEFAULTS


def test_a_merge_that_would_grow_without_bound_is_refused(api: Api) -> None:
    # With "default", these are as many as there may be.
    for start, end in ((0, 150), (150, 199)):
        many = {f"type-{index}": 1 for index in range(start, end)}
        assert api.admin.patch("/settings", {"slaHours": many}).status_code == 200

    refused_field(api.admin.patch("/settings", {"slaHours": {"one-more": 1}}), "slaHours")


def test_tenants_have_settings_of_their_own(api: Api) -> None:
    api.admin.patch("/settings", {"autoCloseDays": 30})

    assert api.caller("viewer", tenant="other-tenant").get("/settings").json == DEFAULTS


def test_an_instance_keeps_the_settings_of_each_tenant_apart(api: Api) -> None:
    another = api.caller("admin", tenant=f"{api.tenant}-2")
    assert (due_in(api.admin), due_in(another)) == (timedelta(hours=72),) * 2

    api.admin.patch("/settings", {"slaHours": {"default": 1}})
    assert (due_in(api.admin), due_in(another)) == (timedelta(hours=1), timedelta(hours=72))
    another.patch("/settings", {"slaHours": {"default": 2}})
    assert (due_in(api.admin), due_in(another)) == (timedelta(hours=1), timedelta(hours=2))


def test_a_change_upon_a_version_that_is_not_the_current_one_is_refused(api: Api) -> None:
    first = api.admin.patch("/settings", {"autoCloseDays": 1}).headers["ETag"]
    second = api.admin.patch("/settings", {"autoCloseDays": 2}, if_match=first)

    refused(
        api.admin.patch("/settings", {"autoCloseDays": 3}, if_match=first),
        412,
        "FAILED_PRECONDITION",
    )
    assert (second.status_code, api.viewer.get("/settings").json["autoCloseDays"]) == (200, 2)


def due_in(caller: Client) -> timedelta:
    """How long after its opening a new case is due."""
    case = caller.create()
    return when(case["dueAt"]) - when(case["createdAt"])


@pytest.fixture
def other(api: Api, clock: Clock) -> Iterator[Api]:
    """Another instance on the same store, for the same tenant."""
    runtime = Runtime(api.runtime.config, clock)
    instance = Api(runtime)
    instance.tenant = api.tenant
    yield instance
    runtime.close()


def test_another_instance_follows_within_five_minutes(api: Api, other: Api, clock: Clock) -> None:
    assert due_in(other.admin) == timedelta(hours=72)
    api.admin.patch("/settings", {"slaHours": {"default": 1}})

    assert due_in(api.admin) == timedelta(hours=1)
    clock.advance(minutes=5)
    assert due_in(other.admin) == timedelta(hours=72)
    clock.advance(seconds=1)
    assert due_in(other.admin) == timedelta(hours=1)


def test_an_instance_that_reads_the_settings_follows_at_once(api: Api, other: Api) -> None:
    assert due_in(other.admin) == timedelta(hours=72)
    api.admin.patch("/settings", {"slaHours": {"default": 1}})

    assert other.viewer.get("/settings").json["slaHours"] == {"default": 1}
    assert due_in(other.admin) == timedelta(hours=1)
