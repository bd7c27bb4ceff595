"""The bill: what is rounded up, what is free, and what the scheduled runs take of that."""

from __future__ import annotations

import pytest

from benchmarks import bill
from deployment.table import settings


def test_a_day_has_as_many_runs_as_the_schedules_say() -> None:
    assert bill.runs_a_day() == {
        "expire_interventions": 24 * 60,
        "fail_stale_runs": 24 * 12,
        "close_approved_cases": 24,
        "purge_records": 1,
        "check_integrity": 1,
        "deliver_webhooks": 24 * 60,
        "seal_audit": 24 * 60,
    }


def test_without_requests_all_is_free() -> None:
    assert bill.month(0) == (0, 0, 0)


def test_the_scheduled_runs_take_a_part_of_the_free_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill, "MIX", (bill.Operation("read one", 1, 1, 0),))
    free = bill.FREE_READS - bill.idle_reads()

    assert 0 < bill.idle_reads() < bill.FREE_READS
    assert bill.month(free).firestore == 0
    assert bill.month(free + 100_000).firestore == pytest.approx(30 * 0.06)


def test_sealing_reads_each_event_once_and_writes_four_times_in_a_run_that_has_some() -> None:
    few, many = bill.sealing(100), bill.sealing(1_000_000)

    assert few == pytest.approx((15 + 45, 60 + 15 / 256))
    assert many == pytest.approx((150_000 + 3 * 1_440, 4 * 1_440 + 150_000 / 256))


def test_the_time_of_an_instance_is_rounded_up_to_a_tenth_of_a_second() -> None:
    million = bill.month(1_000_000).run - bill.month(900_000).run

    # 3,000,000 requests: 0.1 s of a vCPU and of half a GiB, and the request itself.
    assert million == pytest.approx(300_000 * 0.000024 + 150_000 * 0.0000025 + 3 * 0.40)


def test_the_gateway_is_free_for_two_million_calls_a_month() -> None:
    assert bill.month(66_666).gateway == 0
    assert bill.month(1_000_000).gateway == pytest.approx(28 * 3)


def test_each_backup_that_is_kept_is_paid_for() -> None:
    assert bill.stored() == pytest.approx(0.18 + 0.18 + (7 + 14) * 0.03)


def test_waiting_is_paid_for_by_instances_as_the_table_of_functions_has_them() -> None:
    resources, held = settings("wait_intervention", scheduled=False), bill.waiting()

    assert (held.agents, held.instances) == (resources.max_waits, resources.max_instances)
    assert held.dollars == pytest.approx(30 * 86_400 * (0.000024 + 0.0000025))
