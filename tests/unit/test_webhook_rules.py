"""Which endpoints hear of an event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from pydantic import ValidationError

from shared.documents.port import Document, DocumentStore
from shared.ledger.listeners import Listeners
from shared.models.events import Event, EventType
from shared.models.roles import Actor, Role
from shared.models.webhooks import NewWebhook, StoredEndpoint
from shared.rules.webhooks import matches, shown_address
from tests.rows import each_row

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def event(**fields: Any) -> Event:
    """An event; what the test does not care for has a value."""
    usual: dict[str, Any] = {
        "id": "e",
        "subject": "cases/A",
        "case_id": "A",
        "sequence": 1,
        "created_at": NOW,
        "actor": Actor(subject="kim", email=None, type="user", role=Role.ADMIN),
        "source": "system",
        "event_type": "case_created",
        "severity": "info",
        "agent_id": None,
        "outcome": "success",
        "message": "m",
        "reason": None,
        "changes": [],
        "meta": {},
        "request_id": "r",
        "request_hash": None,
        "previous_hash": "0",
        "hash": "1",
    }
    return Event(**{**usual, **fields})


def endpoint(*events: str, **fields: Any) -> StoredEndpoint:
    usual = {"url": "u", "created_at": NOW, "created_by": "a", "updated_at": NOW}
    return StoredEndpoint(events=list(events), **{**usual, **fields})


@each_row(
    ("pattern", "subject", "event_type", "heard"),
    [
        ("*", "tenant", "settings_changed", True),
        ("*", "cases/A", "of_a_newer_release", True),
        ("case.*", "cases/A", "evidence_attached", True),
        ("case.*", "interventions/I", "intervention_decided", False),
        ("intervention.*", "interventions/I", "intervention_decided", True),
        ("worksheet.*", "worksheets/A:kim", "worksheet_saved", True),
        ("tenant.*", "tenant", "settings_changed", True),
        ("webhook.*", "webhooks/endpoints", "webhook_created", True),
        ("key.*", "keys/k", "key_created", True),
        ("case.*", "cases/A", "imported", False),
        ("*", "cases/A", "imported", True),
        ("imported", "cases/A", "imported", True),
        ("case_created", "cases/A", "case_created", True),
        ("case.created", "cases/A", "case_created", True),
        ("log.epoch.started", "tenant", "log_epoch_started", True),
        ("case.created", "cases/A", "case_updated", False),
        ("of_a_newer.*", "cases/A", "case_created", False),
    ],
)
def test_a_pattern_means_all_one_kind_of_subject_or_one_type(
    pattern: str, subject: str, event_type: str, *, heard: bool
) -> None:
    assert matches(endpoint(pattern), event(subject=subject, event_type=event_type)) is heard
    assert (
        matches(endpoint("data_erased", pattern), event(subject=subject, event_type=event_type))
        is heard
    )


@each_row(
    ("conditions", "fields", "heard"),
    [
        ({"caseId": "A"}, {}, True),
        ({"caseId": "B"}, {}, False),
        ({"agentId": "robot"}, {"agent_id": "robot"}, True),
        ({"agentId": "robot"}, {}, False),
        ({"severity": ["warning", "error"]}, {"severity": "error"}, True),
        ({"severity": ["warning", "error"]}, {}, False),
        ({"caseId": "A", "severity": ["error"]}, {}, False),
        ({"askedBy": "robot"}, {}, False),
        # What a client reports on a case has a meta of its own.
        ({"askedBy": "robot"}, {"meta": {"asked": {"by": "robot"}}}, False),
        (
            {"askedBy": "robot"},
            {"subject": "interventions/I", "meta": {"asked": {"by": "robot"}}},
            True,
        ),
        ({"askedBy": "robot"}, {"subject": "interventions/I", "meta": {"asked": 1}}, False),
        (
            {"askedBy": "kim"},
            {"subject": "interventions/I", "event_type": "intervention_requested"},
            True,
        ),
        ({"ofANewerRelease": "x"}, {}, False),
    ],
)
def test_every_condition_of_a_filter_has_to_hold(
    conditions: dict[str, Any], fields: dict[str, Any], *, heard: bool
) -> None:
    assert matches(endpoint("*", filter=conditions), event(**fields)) is heard


def test_a_disabled_endpoint_hears_of_nothing() -> None:
    assert not matches(endpoint("*", disabled_at=NOW), event())


def test_every_type_of_event_can_be_named_in_both_spellings() -> None:
    for kind in EventType:
        NewWebhook(url="https://a.example", events=[kind, kind.replace("_", ".")])
    with pytest.raises(ValidationError):
        NewWebhook(url="https://a.example", events=["of_a_newer_release"])


@each_row(
    ("url", "shown"),
    [
        ("https://a.example", "https://a.example"),
        ("https://a.example/", "https://a.example"),
        ("https://a.example?token=1", "https://a.example/…"),
        ("https://a.example:8443/x", "https://a.example:8443/…"),
        ("https://hooks.slack.com/services/T/B/x", "https://hooks.slack.com/…"),
    ],
)
def test_an_address_is_shown_without_what_may_be_a_secret(url: str, shown: str) -> None:
    assert shown_address(url) == shown


def test_what_was_written_while_it_was_read_is_not_forgotten_for_what_was_read() -> None:
    listeners, new = Listeners(), {"wh-1": endpoint("*")}

    class Slow:
        """A store in whose answer somebody makes a webhook."""

        def get_many(self, paths: Sequence[str]) -> list[Document | None]:
            listeners.keep("acme", new, NOW + timedelta(seconds=1))
            return [None for _ in paths]

    store = cast("DocumentStore", Slow())

    assert listeners.of(store, "acme", NOW) == {}
    assert listeners.of(store, "acme", NOW + timedelta(seconds=2)) == new


def test_an_instance_remembers_a_bounded_number_of_tenants() -> None:
    listeners = Listeners(remembered=2)

    for tenant in ("a", "b", "a", "c"):
        listeners.keep(tenant, {}, NOW)

    assert list(listeners._seen) == ["b", "c"]  # noqa: SLF001 - nothing else shows it
