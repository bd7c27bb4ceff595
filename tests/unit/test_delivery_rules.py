"""When an event is sent to a webhook again, what is sent, and how it is signed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.models.events import Event
from shared.rules import deliveries

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="  # noqa: S105 - of this test
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs="


def event(subject: str = "interventions/I-1", case_id: str | None = "C-1") -> Event:
    """An event, full of what people wrote."""
    content = {
        "id": "e-1",
        "subject": subject,
        "caseId": case_id,
        "sequence": 4,
        "createdAt": "2026-03-02T11:00:00Z",
        "actor": {
            "subject": "personal",
            "email": "personal@example.com",
            "type": "user",
            "role": "pilot",
        },
        "source": "system",
        "eventType": "intervention_decided",
        "severity": "info",
        "agentId": "personal",
        "outcome": "success",
        "message": "personal",
        "reason": "personal",
        "changes": [{"field": "x", "old": "personal", "new": "personal"}],
        "meta": {"personal": "personal"},
        "requestId": "r",
        "requestHash": None,
        "previousHash": "a" * 64,
        "hash": "b" * 64,
    }
    return Event.of(content)


def test_attempts_are_made_for_three_days_at_growing_distances() -> None:
    waits = [deliveries.next_attempt(number, 0.5) for number in range(11)]

    hours = [timedelta(hours=count) for count in (2, 5, 10, 14, 20, 24)]
    soon = [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)]
    assert waits == [timedelta(), *soon, *hours, None]


def test_attempts_are_spread_by_a_fifth_to_both_sides() -> None:
    assert deliveries.next_attempt(2, 0.0) == timedelta(minutes=4)
    assert deliveries.next_attempt(2, 1.0) == timedelta(minutes=6)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("86401", 86_400),
        ("9" * 400, 86_400),
        ("Mon, 02 Mar 2026 12:00:30 GMT", 30),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("Mon, 02 Mar 2026 12:00:30", 30),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("٣", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_a_receiver_may_ask_to_wait_for_at_most_a_day(header: str | None, seconds: int) -> None:
    assert deliveries.asked_to_wait(header, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("code", "taken"),
    [
        (200, True),
        (204, True),
        (299, True),
        (199, False),
        (301, False),
        (410, False),
        (None, False),
    ],
)
def test_only_success_is_a_delivery(code: int | None, taken: bool) -> None:  # noqa: FBT001
    assert deliveries.is_delivered(code) is taken


def test_a_payload_says_where_an_event_is_in_its_chain_and_nothing_that_people_wrote() -> None:
    body = deliveries.payload("intervention.decided", event(), "https://c.example")

    assert b"personal" not in body
    assert json.loads(body) == {
        "type": "intervention.decided",
        "timestamp": "2026-03-02T11:00:00Z",
        "data": {
            "subject": "interventions/I-1",
            "caseId": "C-1",
            "sequence": 4,
            "hash": "b" * 64,
            "previousHash": "a" * 64,
            "links": {
                "subject": "https://c.example/v1/interventions/I-1",
                "case": "https://c.example/v1/cases/C-1",
                "console": "https://c.example/console#/inbox/I-1",
            },
        },
    }


def test_the_largest_payload_is_far_below_twenty_kilobytes() -> None:
    longest = event(f"worksheets/{'c' * 100}:{'u' * 128}", "c" * 100)

    assert len(deliveries.payload("x" * 100, longest, f"https://{'c' * 253}")) < 2_000


def test_a_worksheet_is_named_without_the_person_whose_it_is() -> None:
    body = deliveries.payload("worksheet.saved", event("worksheets/C-1:ada@example.com"), "")
    chat = deliveries.slack("worksheet.saved", event("worksheets/C-1:ada@example.com"), "")

    assert b"ada" not in body + chat
    subject = json.loads(body)["data"]["subject"]
    assert subject.startswith("worksheets/C-1:")
    assert subject.encode() in chat


def test_what_concerns_the_tenant_has_no_links() -> None:
    body = deliveries.payload("settings.changed", event("tenant", None), "https://c.example")

    assert json.loads(body)["data"]["links"] == {}


@pytest.mark.parametrize(
    ("subject", "case_id", "text"),
    [
        (
            "interventions/I-1",
            "C-1",
            "<https://c.example/console#/inbox/I-1|interventions/I-1> of case C-1",
        ),
        (
            "cases/C-1",
            "C-1",
            "<https://c.example/console#/cases/C-1|cases/C-1>",
        ),
        ("tenant", None, "tenant"),
    ],
)
def test_a_chat_gets_a_sentence_with_a_link_and_no_button(
    subject: str, case_id: str | None, text: str
) -> None:
    body = deliveries.slack("intervention.decided", event(subject, case_id), "https://c.example")

    assert json.loads(body) == {"text": f"Intervention decided: {text}"}


def signed(body: bytes, *secrets: str) -> dict[str, str]:
    return dict(deliveries.headers("e-1", datetime.now(UTC), body, secrets))


def test_the_official_library_verifies_what_is_signed_and_refuses_what_was_changed() -> None:
    body = deliveries.payload("intervention.decided", event(), "")
    headers = signed(body, SECRET)

    assert Webhook(SECRET).verify(body, headers) == json.loads(body)
    changes: list[tuple[bytes, dict[str, Any]]] = [
        (body.replace(b"C-1", b"C-2"), {}),
        (body, {"webhook-id": "e-2"}),
        (body, {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}),
    ]
    for changed, other in changes:
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(changed, headers | other)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(body, headers)


def test_while_a_secret_is_replaced_both_verify() -> None:
    headers = signed(b"{}", SECRET, OTHER)

    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify(b"{}", headers) == {}
