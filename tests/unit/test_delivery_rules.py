"""When an event is sent to a webhook again, what is sent, and how it is signed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.models.events import EventType
from shared.models.webhooks import NewWebhook, StoredDelivery
from shared.outgoing import Answer
from shared.rules import deliveries
from tests.rows import each_row

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="  # noqa: S105 - of this test
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs="


def delivery(subject: str = "interventions/I-1", case_id: str | None = "C-1") -> StoredDelivery:
    """A delivery of an event that is due."""
    return StoredDelivery(
        webhook_id="wh-1",
        event_id="e-1",
        event_type="intervention_decided",
        subject=subject,
        case_id=case_id,
        sequence=4,
        hash="b" * 64,
        previous_hash="a" * 64,
        event_at=NOW,
        created_at=NOW,
        due_at=NOW,
        leased_until=NOW,
    )


def body(one: StoredDelivery, form: str = "standard", url: str = "https://c.example") -> bytes:
    return deliveries.body(one, form, url)


def test_attempts_are_made_for_three_days_at_growing_distances() -> None:
    waits = [deliveries.next_attempt(number, 0.5) for number in range(11)]

    hours = [timedelta(hours=count) for count in (2, 5, 10, 14, 20, 24)]
    soon = [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)]
    assert waits == [timedelta(), *soon, *hours, None]


def test_attempts_are_spread_by_a_fifth_to_both_sides() -> None:
    assert deliveries.next_attempt(2, 0.0) == timedelta(minutes=4)
    assert deliveries.next_attempt(2, 1.0) == timedelta(minutes=6)


@each_row(
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
        ("Mon, 02 Mar 99999999999 12:00:30 GMT", 0),
        (f"Mon, 02 Mar 2026 12:00:30 +{10**20}", 0),
        (f"Mon, {10**20} Mar 2026 12:00:30 GMT", 0),
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


@each_row(
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
    assert json.loads(body(delivery())) == {
        "type": "intervention.decided",
        "timestamp": "2026-03-02T12:00:00Z",
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
    longest = delivery(f"worksheets/{'c' * 100}:{'u' * 128}", "c" * 100)

    assert len(body(longest, "standard", f"https://{'c' * 253}")) < 2_000


def test_a_worksheet_is_named_without_the_person_whose_it_is() -> None:
    own = delivery("worksheets/C-1:ada@example.com")

    assert b"ada" not in body(own) + body(own, "slack")
    subject = json.loads(body(own))["data"]["subject"]
    assert subject.startswith("worksheets/C-1:")
    assert subject.encode() in body(own, "slack")


def test_what_concerns_the_tenant_has_no_links() -> None:
    assert json.loads(body(delivery("tenant", None)))["data"]["links"] == {}


@each_row(
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
    message = json.loads(body(delivery(subject, case_id), "slack"))

    assert message == {"text": f"Intervention decided: {text}"}


def test_a_chat_gets_no_link_from_a_server_that_does_not_know_its_own_address() -> None:
    message = json.loads(deliveries.body(delivery("cases/C-1", "C-1"), "slack", ""))

    assert message == {"text": "Intervention decided: cases/C-1"}


def signed(content: bytes, *secrets: str) -> dict[str, str]:
    return dict(deliveries.headers("e-1", datetime.now(UTC), content, secrets))


def test_the_official_library_verifies_what_is_signed_and_refuses_what_was_changed() -> None:
    content = body(delivery())
    headers = signed(content, SECRET)

    assert Webhook(SECRET).verify(content, headers) == json.loads(content)
    changes: list[tuple[bytes, dict[str, Any]]] = [
        (content.replace(b"C-1", b"C-2"), {}),
        (content, {"webhook-id": "e-2"}),
        (content, {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}),
    ]
    for changed, other in changes:
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(changed, headers | other)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(content, headers)


def test_while_a_secret_is_replaced_both_verify() -> None:
    headers = signed(b"{}", SECRET, OTHER)

    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify(b"{}", headers) == {}


def test_an_endpoint_can_ask_for_every_type_as_its_payload_spells_it() -> None:
    for event_type in EventType:
        spelled = deliveries.spelled(event_type)
        assert NewWebhook(url="https://r.example/", events=[spelled]).events == [spelled]
        assert spelled.replace(".", "_") == event_type


@each_row("code", [200, 204])
def test_what_a_receiver_takes_is_over(code: int) -> None:
    after = deliveries.outcome(delivery(), Answer(code), NOW, 0.5)

    told = (after.status, after.due_at, after.delivered_at, after.remove_at, after.leased_until)
    assert told == ("delivered", None, NOW, NOW + timedelta(days=14), None)
    assert (after.attempts, after.last_attempt_at, after.last_code) == (1, NOW, code)
    assert after.last_error is None


@each_row(
    ("answer", "error"),
    [
        (Answer(500), "status"),
        (Answer(302), "status"),
        (Answer(404), "status"),
        (Answer(failure="timeout"), "timeout"),
        (Answer(failure="address"), "address"),
    ],
)
def test_what_fails_is_tried_again(answer: Answer, error: str) -> None:
    after = deliveries.outcome(delivery(), answer, NOW, 0.5)

    assert (after.status, after.due_at) == ("due", NOW + timedelta(seconds=5))
    assert (after.last_error, after.last_code, after.attempts) == (error, answer.code, 1)
    assert (after.leased_until, after.remove_at, after.delivered_at) == (None, None, None)


def test_what_failed_ten_times_has_failed_for_good() -> None:
    after = delivery()
    for attempt in range(1, 11):
        assert after.status == "due", attempt
        after = deliveries.outcome(after, Answer(503), NOW, 0.5)

    assert (after.status, after.due_at, after.attempts) == ("failed", None, 10)
    assert after.remove_at == NOW + timedelta(days=14)


def test_a_receiver_that_asks_to_wait_is_left_alone_for_longer_and_never_for_shorter() -> None:
    longer = deliveries.outcome(delivery(), Answer(429, "600"), NOW, 0.5)
    shorter = deliveries.outcome(
        delivery().model_copy(update={"attempts": 2}), Answer(503, "1"), NOW, 0.5
    )

    assert longer.due_at == NOW + timedelta(minutes=10)
    assert shorter.due_at == NOW + timedelta(minutes=30)


def test_a_receiver_that_answers_410_gets_nothing_more() -> None:
    after = deliveries.outcome(delivery(), Answer(410, "5"), NOW, 0.5)

    assert (after.status, after.due_at, after.last_error) == ("failed", None, "gone")


def test_what_is_sent_again_gets_all_attempts_and_is_not_sent_twice_at_once() -> None:
    over = deliveries.outcome(delivery(), Answer(410), NOW, 0.5)
    leased = delivery().model_copy(
        update={"attempts": 3, "leased_until": NOW + timedelta(minutes=1)}
    )

    later = NOW + timedelta(seconds=1)
    again = deliveries.again(over, later)
    assert (again.status, again.due_at, again.attempts, again.remove_at) == ("due", later, 0, None)
    assert deliveries.again(leased, later).due_at == NOW + timedelta(minutes=1)


@each_row(("code", "status"), [(200, "delivered"), (500, "failed"), (410, "failed")])
def test_a_test_is_sent_once_whatever_comes_of_it(code: int, status: str) -> None:
    after = deliveries.tested(delivery(), Answer(code), NOW)

    assert (after.status, after.due_at, after.attempts, after.last_code) == (status, None, 1, code)
