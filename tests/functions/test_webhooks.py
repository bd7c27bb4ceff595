"""Webhooks over HTTP: who makes them, what is shown of them, and which deliveries events make."""

from __future__ import annotations

import base64
from dataclasses import replace
from operator import itemgetter
from typing import Any

import pytest

from shared.documents.port import Document, Query, Update
from shared.ledger.listeners import CACHED_FOR
from shared.repository import webhooks
from shared.runtime import Runtime
from tests.client import Api
from tests.conftest import Clock
from tests.functions.support import acquainted, cost, pages, refused, refused_field
from tests.rows import each_row

URL = "https://agent.example/hook?token=in-the-query"
NEW = {"url": URL, "events": ["*"]}
SLACK = "https://hooks.slack.com/services/T0/B0/in-the-path"


def made(api: Api, **fields: Any) -> dict[str, Any]:
    """A new webhook, as its maker sees it."""
    answer = api.admin.post("/webhooks", {**NEW, **fields})
    assert answer.status_code == 201, answer.text
    webhook: dict[str, Any] = answer.json
    return webhook


def listed(api: Api) -> list[dict[str, Any]]:
    webhooks: list[dict[str, Any]] = api.admin.get("/webhooks").json["webhooks"]
    return webhooks


def deliveries(api: Api) -> list[Document]:
    """The deliveries of the tenant, without those of events about webhooks."""
    rows = api.runtime.store.query(Query(f"tenants/{api.tenant}/deliveries"))
    return [row for row in rows if row.data["subject"] != "webhooks/endpoints"]


def heard(api: Api) -> set[tuple[str, str]]:
    """Which events are to be delivered to whom."""
    return {(row.data["eventType"], row.data["webhookId"]) for row in deliveries(api)}


def own_events(api: Api) -> list[dict[str, Any]]:
    """The events about webhooks, first to last, on a chain that holds."""
    verified = api.admin.get("/audit:verify?subject=webhooks/endpoints").json
    assert verified["valid"] is True, verified
    found = pages(api.admin, "/audit?subject=webhooks/endpoints", "events")
    return sorted((event for page in found for event in page), key=itemgetter("sequence"))


@pytest.mark.both_stores
@pytest.mark.costs_of("create_webhook", "list_webhooks", "update_webhook")
@pytest.mark.costs_of("rotate_webhook_secret", "delete_webhook")
def test_a_webhook_is_made_shown_changed_rotated_and_deleted(api: Api) -> None:
    acquainted(api)
    answer = api.admin.post("/webhooks", {**NEW, "description": "For the agent"})
    assert (answer.status_code, cost(answer)) == (201, (1, 2, 2))
    new = answer.json
    secret = new.pop("secret")
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert (new["events"], new["description"]) == (["*"], "For the agent")
    one = f"/webhooks/{new['id']}"

    shown = api.admin.get("/webhooks")
    assert (cost(shown), shown.json) == ((1, 0, 1), {"webhooks": [new]})
    assert shown.headers["ETag"] == answer.headers["ETag"]
    # It hears of what happens to webhooks, so each change has one write more.
    changed = api.admin.patch(one, {"events": ["case.*"], "filter": {"caseId": "A"}})
    assert cost(changed) == (1, 3, 2)
    assert changed.json == new | {"events": ["case.*"], "filter": {"caseId": "A"}}
    same = api.admin.patch(one, {"events": ["case.*"]})
    assert (cost(same), same.json) == ((1, 0, 1), changed.json)
    rotated = api.admin.post(f"{one}:rotateSecret")
    assert cost(rotated) == (1, 2, 2)
    assert rotated.json["secret"] not in ("", secret)
    assert rotated.json["previousSecretUntil"] == "2026-03-03T09:00:00Z"
    deleted = api.admin.delete(one)
    assert (deleted.status_code, cost(deleted)) == (204, (1, 2, 2))
    assert listed(api) == []
    for gone in (api.admin.patch(one, {}), api.admin.delete(one)):
        refused(gone, 404, "NOT_FOUND")
    assert [event["eventType"] for event in own_events(api)] == [
        "webhook_created",
        "webhook_updated",
        "webhook_secret_rotated",
        "webhook_deleted",
    ]


def test_only_admins_change_webhooks_and_auditors_read_them(api: Api) -> None:
    one = f"/webhooks/{made(api)['id']}"

    assert api.caller("auditor").get("/webhooks").status_code == 200
    for role in ("viewer", "verifier", "pilot", "agent", "auditor"):
        caller = api.caller(role)
        if role != "auditor":
            refused(caller.get("/webhooks"), 403, "PERMISSION_DENIED")
        refused(caller.post("/webhooks", NEW), 403, "PERMISSION_DENIED")
        refused(caller.patch(one, {"disabled": True}), 403, "PERMISSION_DENIED")
        refused(caller.post(f"{one}:rotateSecret"), 403, "PERMISSION_DENIED")
        refused(caller.delete(one), 403, "PERMISSION_DENIED")


@pytest.mark.both_stores
def test_nobody_sees_a_secret_after_it_was_made(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    first = made(api)
    chat = made(api, url=SLACK, format="slack")
    one = f"/webhooks/{first['id']}"
    second = api.admin.post(f"{one}:rotateSecret").json
    secrets = [first["secret"], second["secret"], chat["secret"], "in-the-query", "in-the-path"]
    api.admin.patch(one, {"description": "Changed"})
    api.admin.patch(f"/webhooks/{chat['id']}", {"url": f"{SLACK}-2"})
    api.admin.delete(one)

    answers = [
        api.admin.get("/webhooks"),
        api.admin.get("/audit?pageSize=200"),
        api.admin.get("/changes"),
        api.pilot.get("/audit:verify?subject=webhooks/endpoints"),
        api.admin.get("/people/admin:export"),
    ]
    stored = [
        *api.runtime.store.query(Query(f"tenants/{api.tenant}/webhooks")),
        *api.runtime.store.query(Query(f"tenants/{api.tenant}/audit")),
        *api.runtime.store.query(Query(f"tenants/{api.tenant}/deliveries")),
    ]
    texts = [capsys.readouterr().out, *(one.text for one in answers), *map(repr, stored)]
    assert len(texts) > 10
    assert [secret for secret in secrets for text in texts if secret in text] == []
    assert "in-the-path" not in str([made(api, url=SLACK), listed(api)])
    assert {one["url"] for one in listed(api)} == {"https://hooks.slack.com/…"}


def test_a_repeated_request_has_one_effect_and_shows_its_own_secret_as_long_as_it_is_valid(
    api: Api,
) -> None:
    first = api.admin.post("/webhooks", NEW, idempotency_key="new")

    again = api.admin.post("/webhooks", NEW, idempotency_key="new")
    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    rotate = f"/webhooks/{first.json['id']}:rotateSecret"
    rotated = api.admin.post(rotate, idempotency_key="turn")
    assert api.admin.post(rotate, idempotency_key="turn").json == rotated.json
    assert len(listed(api)) == 1
    assert len(own_events(api)) == 2

    # The secret that the first request made signs no more, and that of the second is not its own.
    assert api.admin.post("/webhooks", NEW, idempotency_key="new").json["secret"] is None


def test_both_secrets_sign_for_a_day(api: Api, clock: Clock) -> None:
    new = made(api)
    keys = api.runtime.webhook_keys
    assert keys
    rotated = api.admin.post(f"/webhooks/{new['id']}:rotateSecret").json

    def target() -> webhooks.Target | None:
        state = webhooks.get(api.runtime.store, api.tenant, clock.now)
        return webhooks.target(keys, api.tenant, state, new["id"], clock.now)

    found = target()
    assert found
    assert (found.url, found.secrets) == (URL, (rotated["secret"], new["secret"]))
    clock.advance(hours=24)
    assert (found := target())
    assert found.secrets == (rotated["secret"],)
    assert listed(api)[0]["previousSecretUntil"] is None
    api.admin.patch(f"/webhooks/{new['id']}", {"disabled": True})
    assert target() is None


@each_row(
    ("fields", "named"),
    [
        ({"url": "http://agent.example/"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "ftp://agent.example/"}, "url"),
        ({"url": "https://me:secret@agent.example/"}, "url"),
        ({"url": "https://agent.example/#here"}, "url"),
        ({"url": "https://agent.example:99999/"}, "url"),
        ({"url": "https://agent.example:0/"}, "url"),
        ({"url": "https://[agent/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "url"),
        ({"url": "https://ägent.example/"}, "url"),
        ({"url": "https://agent.example/ü"}, "url"),
        ({"url": "https://a.example/" + "x" * 2_000}, "url"),
        ({"events": []}, "events"),
        ({"events": ["case_created"] * 51}, "events"),
        ({"events": ["case.unheard"]}, "events[0]"),
        ({"events": ["thing.*"]}, "events[0]"),
        ({"events": ["case.*.*"]}, "events[0]"),
        ({"filter": {"severity": ["loud"]}}, "filter.severity[0]"),
        ({"filter": {"decisionType": "kyc"}}, "filter.decisionType"),
        ({"format": "fax"}, "format"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
def test_what_is_wrong_with_a_webhook_is_named(
    api: Api, fields: dict[str, Any], named: str
) -> None:
    refused_field(api.admin.post("/webhooks", {**NEW, **fields}), named)


def test_a_local_run_sends_to_its_own_machine_and_a_server_does_not(api: Api) -> None:
    assert made(api, url="http://127.0.0.1:9000/hook")["url"] == "http://127.0.0.1:9000/…"
    refused_field(api.admin.post("/webhooks", {**NEW, "url": "http://10.0.0.1/"}), "url")


def test_a_tenant_has_at_most_twenty_webhooks(api: Api) -> None:
    for _ in range(20):
        made(api)

    error = refused(api.admin.post("/webhooks", NEW), 409, "FAILED_PRECONDITION")
    assert error["details"] == [{"webhooks": 20}]
    # The chain, with all of them in its events, holds.
    assert len(own_events(api)) == 20


def test_without_a_key_no_webhook_is_made_and_all_else_works(api: Api) -> None:
    new = made(api)
    runtime = Runtime(replace(api.runtime.config, webhook_key=""), api.runtime.clock)
    runtime.install(api.app)
    one = f"/webhooks/{new['id']}"

    for answer in (
        api.admin.post("/webhooks", NEW),
        api.admin.post(f"{one}:rotateSecret"),
        api.admin.patch(one, {"url": "https://other.example"}),
    ):
        error = refused(answer, 409, "FAILED_PRECONDITION")
        assert error["message"] == "webhooks need CASELEDGER_WEBHOOK_KEY, which is not set"
    assert api.admin.patch(one, {"disabled": True}).json["disabledReason"] == "by an admin"
    assert api.admin.get("/webhooks").status_code == 200
    assert api.admin.delete(one).status_code == 204
    runtime.close()


@pytest.mark.both_stores
def test_an_event_makes_one_delivery_for_each_webhook_that_hears_of_it(
    api: Api, clock: Clock
) -> None:
    everything = made(api)["id"]
    of_cases = made(api, events=["case.*"])["id"]
    decided = made(api, events=["intervention.decided", "case_created"])["id"]
    of_one = made(api, events=["*"], filter={"caseId": "A"})["id"]
    disabled = made(api)["id"]
    api.admin.patch(f"/webhooks/{disabled}", {"disabled": True})

    api.verifier.create(id="A")
    assert heard(api) == {("case_created", one) for one in (everything, of_cases, decided, of_one)}
    event = api.pilot.get("/cases/A/audit").json["events"][0]
    row = next(row for row in deliveries(api) if row.data["webhookId"] == everything)
    assert row.id == f"{event['id']}:{everything}"
    assert {name: row.data[name] for name in ("subject", "caseId", "sequence", "hash")} == {
        name: event[name] for name in ("subject", "caseId", "sequence", "hash")
    }
    assert (row.data["previousHash"], row.data["eventAt"]) == (event["previousHash"], clock.now)
    assert (row.data["status"], row.data["dueAt"], row.data["attempts"]) == ("due", clock.now, 0)

    api.verifier.create(id="B")
    api.agent.post("/interventions", {"uowId": "u", "type": "cancel", "title": "May I?"})
    assert heard(api) - {("case_created", one) for one in (everything, of_cases, decided)} == {
        ("case_created", of_one),
        ("intervention_requested", everything),
    }
    assert len(deliveries(api)) == 4 + 3 + 1
    # A webhook that is enabled again hears of what comes.
    api.admin.patch(f"/webhooks/{disabled}", {"disabled": False})
    api.verifier.create(id="C")
    assert ("case_created", disabled) in heard(api)


@pytest.mark.both_stores
def test_a_delivery_is_one_write_and_nothing_more_where_nobody_listens(api: Api) -> None:
    acquainted(api)
    settings = api.admin.get("/settings")
    assert settings.status_code == 200
    assert cost(api.verifier.post("/cases", {"decisionType": "x", "title": "A"})) == (0, 2, 1)

    for webhook in range(3):
        made(api, events=["case_created"])
        answer = api.verifier.post("/cases", {"decisionType": "x", "title": "A"})
        assert cost(answer) == (0, 3 + webhook, 1)
        other = api.agent.post("/interventions", {"uowId": "u", "type": "cancel", "title": "A"})
        assert cost(other) == (0, 2, 1)


def test_another_instance_hears_of_a_webhook_within_five_minutes(api: Api, clock: Clock) -> None:
    other = Runtime(api.runtime.config, clock)
    listening = Api(other)
    listening.tenant = api.tenant
    try:
        assert cost(listening.verifier.post("/cases", {"decisionType": "x", "title": "A"}))[0] == 2
        new = made(api)["id"]
        listening.verifier.create(id="NOT-YET")
        assert heard(api) == set()

        clock.advance(seconds=CACHED_FOR.total_seconds() + 1)
        listening.verifier.create(id="NOW")
        assert heard(api) == {("case_created", new)}
    finally:
        other.close()


def test_no_change_fails_because_the_webhooks_cannot_be_read(
    api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    made(api)
    path = f"tenants/{api.tenant}/webhooks/endpoints"
    api.runtime.store.commit([Update(path, {"endpoints": "no"})])
    clock.advance(minutes=6)

    assert api.verifier.create(id="A")["id"] == "A"
    assert heard(api) == set()
    assert "a stored document cannot be read" in capsys.readouterr().out
    assert api.admin.get("/audit:verify?subject=webhooks/endpoints").json["valid"] is False


@pytest.mark.both_stores
def test_sweeps_and_what_is_posted_beside_make_deliveries_too(api: Api, clock: Clock) -> None:
    new = made(api, events=["intervention.*", "records_purged", "escalated"])["id"]
    api.verifier.create(id="A")
    ask = {"uowId": "u", "type": "cancel", "title": "May I?", "caseId": "A"}
    for _ in range(3):
        assert api.agent.post("/interventions", {**ask, "expiresInSeconds": 60}).status_code == 201
    clock.advance(hours=1)
    swept = api.caller("scheduler").post("/scheduled/expireInterventions")
    assert swept.json["changed"] == 3, swept.text
    assert len([row for row in deliveries(api) if row.data["eventType"].endswith("expired")]) == 3

    # Two withdrawn with the case that is closed, on their own chains.
    for _ in range(2):
        assert api.agent.post("/interventions", ask).status_code == 201
    answer = api.pilot.post("/cases:close", {"caseIds": ["A"], "reason": "Over", "endOpen": True})
    assert answer.json["succeeded"] == 1, answer.text
    withdrawn = [one for one in deliveries(api) if one.data["eventType"].endswith("withdrawn")]
    assert len({row.data["subject"] for row in withdrawn}) == 2

    clock.advance(days=200)
    purged = api.caller("scheduler").post("/scheduled/purgeRecords").json
    assert purged["changed"] == 5, purged
    assert ("records_purged", new) in heard(api)


def test_all_events_of_a_commit_are_delivered(api: Api) -> None:
    made(api, events=["escalated", "intervention.requested"])
    api.verifier.create(id="A")

    escalated = api.agent.post("/cases/A:escalate", {"reason": "Too hard"})
    assert escalated.status_code == 201

    assert {kind for kind, _ in heard(api)} == {"escalated", "intervention_requested"}


def test_whoever_asks_hears_of_what_was_asked(api: Api) -> None:
    robot, other = api.caller("agent", "robot"), api.caller("agent", "other")
    made(api, events=["intervention.*"], filter={"askedBy": "robot"})
    ids = []
    for agent in (robot, other):
        asked = agent.post("/interventions", {"uowId": "u", "type": "cancel", "title": "May I?"})
        ids.append(asked.json["id"])
        decided = api.pilot.post(f"/interventions/{ids[-1]}:decide", {"decision": "approve"})
        assert decided.status_code == 200

    assert {(row.data["subject"], row.data["eventType"]) for row in deliveries(api)} == {
        (f"interventions/{ids[0]}", "intervention_requested"),
        (f"interventions/{ids[0]}", "intervention_decided"),
    }


def test_an_erasure_and_an_export_know_webhooks(api: Api) -> None:
    made(api, description="Personal")
    subject = {"subject": "webhooks/endpoints", "reason": "Why", "legalBasis": "Law"}

    asked = api.admin.post("/audit:erase", subject)
    assert asked.status_code == 201, asked.text
    confirmed = api.caller("admin", "second").post(f"/erasures/{asked.json['id']}:confirm")
    assert confirmed.status_code == 200, confirmed.text
    (event,) = own_events(api)
    assert "Personal" not in str(event)
    assert event["changes"][0]["new"] == "erased"
    assert api.admin.get("/audit:verify?subject=webhooks/endpoints").json["valid"] is True


def test_if_match_guards_all_webhooks_together(api: Api) -> None:
    new = made(api)
    tag = api.admin.get("/webhooks").headers["ETag"]
    made(api)

    stale = api.admin.patch(f"/webhooks/{new['id']}", {"disabled": True}, if_match=tag)

    refused(stale, 412, "FAILED_PRECONDITION")
