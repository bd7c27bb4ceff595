"""Keys by which programs call, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from email.message import Message
from typing import Any
from unittest.mock import Mock

import pytest

from local import client
from local.__main__ import main
from shared.config import Budget
from shared.documents.port import Document, Query, Unavailable, Update
from shared.edge.rate_limits import Budgets
from shared.repository.keys import KnownKeys
from shared.rules import keys as rules
from tests.client import Api, Client, TestResponse, opened
from tests.conftest import Clock
from tests.functions.integrity_support import verified
from tests.functions.intervention_support import ask, decide, done
from tests.functions.support import acquainted, cost, pages, refused, refused_field
from tests.rows import each_row

BOT = {"name": "Letter bot", "role": "agent"}


def made(api: Api, **fields: Any) -> dict[str, Any]:
    """A key that an admin makes."""
    answer = api.admin.post("/keys", {**BOT, **fields})
    assert answer.status_code == 201, answer.text
    key: dict[str, Any] = answer.json
    return key


def by(api: Api, key: str) -> Client:
    """Who calls with a key."""
    return replace(api.agent, token=key)


def elsewhere(api: Api) -> KnownKeys:
    """What another instance knows of keys, which is nothing yet; gives what this one knew."""
    known = api.runtime.keys
    api.runtime.keys = KnownKeys()
    return known


def not_let_in(answer: TestResponse) -> str:
    message: str = refused(answer, 401, "UNAUTHENTICATED")["message"]
    return message


@pytest.mark.both_stores
@pytest.mark.costs_of("create_key", "list_keys", "revoke_key")
def test_a_program_calls_with_a_key_from_its_making_to_its_end(api: Api, clock: Clock) -> None:
    acquainted(api)
    making = api.admin.post("/keys", {**BOT, "expiresAt": "2027-01-01T00:00:00Z"})

    assert (making.status_code, cost(making)) == (201, (0, 2, 1))
    key = making.json["key"]
    key_id = making.json["id"]
    assert making.json == {
        **BOT,
        "id": key_id,
        "expiresAt": "2027-01-01T00:00:00Z",
        "createdAt": "2026-03-02T09:00:00Z",
        "createdBy": "admin@example.com",
        "createdBySubject": "admin",
        "lastUsedOn": None,
        "key": key,
    }
    assert key.startswith(f"ck_{api.tenant}.{key_id}.")
    assert key_id.startswith("letter-bot-")

    # The first call of a minute looks the key up, and the first of a day is written down.
    calls = [by(api, key).get("/cases/none") for _ in range(2)]
    clock.advance(seconds=60)
    calls.append(by(api, key).get("/cases/none"))
    assert [(one.status_code, cost(one)) for one in calls] == [
        (404, (2, 1, 3)),
        (404, (1, 0, 1)),
        (404, (2, 0, 2)),
    ]
    asked = ask(by(api, key))
    assert asked["createdBy"] == f"key:{key_id}"
    event = api.pilot.get(f"/audit?subject=interventions/{asked['id']}").json["events"][0]
    assert event["actor"] == {
        "subject": f"key:{key_id}",
        "email": None,
        "type": "service",
        "role": "agent",
    }

    listing = api.caller("auditor").get("/keys")
    shown = {name: value for name, value in making.json.items() if name != "key"}
    assert cost(listing) == (1, 0, 1)
    assert listing.json == {"keys": [{**shown, "lastUsedOn": "2026-03-02"}]}
    assert verified(api, f"keys/{key_id}")["valid"]

    revoking = api.admin.delete(f"/keys/{key_id}")
    assert (revoking.status_code, cost(revoking)) == (204, (1, 2, 2))
    assert not_let_in(by(api, key).get("/cases")) == "the key is not valid"
    assert api.admin.get("/keys").json == {"keys": []}
    refused(api.admin.delete(f"/keys/{key_id}"), 404, "NOT_FOUND")
    found = verified(api, f"keys/{key_id}")
    assert (found["valid"], found["events"]) == (True, 2)
    kinds = [e["eventType"] for e in api.pilot.get(f"/audit?subject=keys/{key_id}").json["events"]]
    assert kinds == ["key_revoked", "key_created"]


def test_a_key_is_kept_as_a_hash_and_neither_list_nor_trail_has_its_secret(api: Api) -> None:
    secret = made(api)["key"].rpartition(".")[2]

    path = f"tenants/{api.tenant}/keys"
    kept = str([row.data for row in api.runtime.store.query(Query(path))])
    hashed = rules.hash_of(secret)
    assert hashed in kept
    assert secret not in kept
    for path in ("/keys", "/audit", "/changes"):
        shown = api.admin.get(path).text
        assert secret not in shown
        assert hashed not in shown


@pytest.mark.both_stores
def test_a_repeat_makes_no_other_key_and_says_that_it_cannot_show_the_first_one(api: Api) -> None:
    first = api.admin.post("/keys", BOT, idempotency_key="one")

    again = api.admin.post("/keys", BOT, idempotency_key="one")

    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.json["id"] == first.json["id"]
    assert "key" not in again.json
    assert "cannot" not in first.json
    assert "revoke it, and make another one" in again.json["notice"]
    assert len(api.admin.get("/keys").json["keys"]) == 1
    refused(
        api.admin.post("/keys", {**BOT, "name": "Other"}, idempotency_key="one"),
        422,
        "UNPROCESSABLE_CONTENT",
    )


@pytest.mark.both_stores
def test_the_keys_are_listed_page_by_page_newest_first(api: Api, clock: Clock) -> None:
    names: list[str] = []
    for number in range(3):
        clock.advance(seconds=1)
        names.insert(0, made(api, name=f"bot {number}")["name"])

    listed = [
        [key["name"] for key in page] for page in pages(api.admin, "/keys?pageSize=2", "keys")
    ]

    assert listed == [names[:2], names[2:]]


@each_row(
    ("body", "field"),
    [
        ({"role": "agent"}, "name"),
        ({"name": "x"}, "role"),
        ({"name": "x\ny", "role": "agent"}, "name"),
        ({"name": "x" * 51, "role": "agent"}, "name"),
        *(
            ({"name": "x", "role": one}, "role")
            for one in ("pilot", "admin", "auditor", "scheduler")
        ),
        ({**BOT, "expiresAt": "2026-03-02T09:00:00Z"}, "expiresAt"),
        ({**BOT, "expiresAt": "tomorrow"}, "expiresAt"),
        ({**BOT, "tenant": "other"}, "tenant"),
        ({**BOT, "id": "mine"}, "id"),
    ],
)
def test_a_key_that_nobody_could_use_or_should_have_is_not_made(
    api: Api, body: dict[str, Any], field: str
) -> None:
    refused_field(api.admin.post("/keys", body), field)


@each_row("role", ["agent", "viewer", "verifier"], apart=True)
def test_a_key_does_what_its_role_does_and_makes_lists_and_revokes_no_keys(
    api: Api, role: str
) -> None:
    key = made(api, role=role)
    program = by(api, key["key"])

    assert program.get("/cases").status_code == 200
    creating = program.post("/cases", {"decisionType": "x", "title": "A case"})
    assert creating.status_code == (403 if role == "viewer" else 201)
    refused(program.post("/keys", BOT), 403, "PERMISSION_DENIED")
    refused(program.get("/keys"), 403, "PERMISSION_DENIED")
    refused(program.delete(f"/keys/{key['id']}"), 403, "PERMISSION_DENIED")
    refused(program.patch("/settings", {"autoCloseDays": 1}), 403, "PERMISSION_DENIED")
    not_let_in(program.post("/scheduled/sealAudit"))


def test_a_verifiers_key_works_on_cases_and_never_claims_decides_or_completes_as_people_do(
    api: Api,
) -> None:
    program = by(api, made(api, role="verifier")["key"])
    case = program.create()
    program.attach(case["id"], {"title": "Found"})
    assert program.post(f"/cases/{case['id']}:claim").json["assignedTo"].startswith("key:")
    asked = ask(api.agent, requiredRole="verifier")
    at = f"/interventions/{asked['id']}"

    for verb, body in (
        ("claim", None),
        ("release", None),
        ("decide", {"decision": "approve"}),
        ("complete", {}),
    ):
        error = refused(program.post(f"{at}:{verb}", body), 403, "PERMISSION_DENIED")
        assert "people decide" in error["message"], verb
    # Also where somebody has handed it over.
    name = program.get(f"/cases/{case['id']}").json["assignedTo"]
    handed = api.pilot.post(f"{at}:assign", {"to": name})
    for verb, body in (("release", None), ("decide", {"decision": "reject", "reason": "No"})):
        refused(program.post(f"{at}:{verb}", body), 403, "PERMISSION_DENIED")
    assert handed.status_code == 200
    # What it has asked itself it may withdraw.
    own = ask(program)
    assert program.post(f"/interventions/{own['id']}:withdraw", {}).json["status"] == "withdrawn"


def test_an_agents_key_starts_and_completes_what_people_approved(api: Api) -> None:
    program = by(api, made(api)["key"])
    asked = ask(program, action={"tool": "pay", "arguments": {}})
    at = f"/interventions/{asked['id']}"
    done(decide(api.pilot, asked["id"]))

    started = done(program.post(f"{at}:start", {"actionHash": asked["actionHash"]}))
    completed = done(program.post(f"{at}:complete", {"result": "paid"}))

    assert started["startedBy"] == asked["createdBy"]
    assert completed["status"] == "completed"


@pytest.mark.both_stores
def test_whatever_is_wrong_with_a_key_is_told_alike_and_looked_up_once(api: Api) -> None:
    key = made(api)
    tenant, key_id, secret = rules.given(key["key"])
    revoked = made(api)
    other = api.caller("admin", tenant=f"{tenant}.eu").post("/keys", BOT).json
    _, other_id, other_secret = rules.given(other["key"])
    elsewhere(api)
    api.admin.delete(f"/keys/{revoked['id']}")
    wrong = {
        "another secret": rules.whole(tenant, key_id, rules.new_secret()),
        "no such id": rules.whole(tenant, "nobody-k3f9x2ab", secret),
        "no such tenant": rules.whole("nowhere", key_id, secret),
        "that of another tenant": rules.whole(f"{tenant}.eu", key_id, secret),
        "that of another tenant under this one's name": rules.whole(tenant, other_id, other_secret),
        "a revoked one": revoked["key"],
    }

    for what, text in wrong.items():
        first, second = by(api, text).get("/cases"), by(api, text).get("/cases")
        assert not_let_in(first) == not_let_in(second) == "the key is not valid", what
        assert (cost(first), cost(second)) == ((1, 0, 1), (0, 0, 0)), what
    assert by(api, key["key"]).get("/cases").status_code == 200
    assert by(api, other["key"]).get("/cases").status_code == 200


@pytest.mark.both_stores
def test_a_revoked_key_lives_for_less_than_a_minute_on_other_instances(
    api: Api, clock: Clock
) -> None:
    key = made(api)
    assert by(api, key["key"]).get("/cases").status_code == 200
    clock.advance(seconds=1)
    known = elsewhere(api)
    assert api.admin.delete(f"/keys/{key['id']}").status_code == 204
    not_let_in(by(api, key["key"]).get("/cases"))
    api.runtime.keys = known

    clock.advance(seconds=58.999)
    assert by(api, key["key"]).get("/cases").status_code == 200
    clock.advance(seconds=0.001)
    not_let_in(by(api, key["key"]).get("/cases"))


def test_a_key_that_was_revoked_elsewhere_is_looked_up_once_more(api: Api, clock: Clock) -> None:
    key = made(api)
    by(api, key["key"]).get("/cases")
    known = elsewhere(api)
    api.admin.delete(f"/keys/{key['id']}")
    api.runtime.keys = known
    clock.advance(minutes=1)

    calls = [by(api, key["key"]).get("/cases") for _ in range(2)]

    assert [cost(one) for one in calls] == [(1, 0, 1), (0, 0, 0)]


def test_a_clock_that_is_put_back_lets_no_revoked_key_in(api: Api, clock: Clock) -> None:
    key = made(api)
    assert by(api, key["key"]).get("/cases").status_code == 200
    known = elsewhere(api)
    api.admin.delete(f"/keys/{key['id']}")
    api.runtime.keys = known

    clock.advance(seconds=-1)

    not_let_in(by(api, key["key"]).get("/cases"))


def test_a_key_is_refused_from_the_moment_of_its_end_also_where_it_is_remembered(
    api: Api, clock: Clock
) -> None:
    key = made(api, expiresAt="2026-03-02T09:00:10Z")["key"]
    clock.advance(seconds=9.999999)
    assert by(api, key).get("/cases").status_code == 200

    clock.advance(seconds=0.000001)

    assert not_let_in(by(api, key).get("/cases")) == "the key has expired"


def test_a_call_succeeds_where_the_day_of_use_cannot_be_written_and_a_later_one_writes_it(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = made(api)
    store = api.runtime.store
    with monkeypatch.context() as patched:
        patched.setattr(store, "commit", Mock(side_effect=Unavailable))
        for _ in range(2):
            assert by(api, key["key"]).get("/cases").status_code == 200
    assert api.admin.get("/keys").json["keys"][0]["lastUsedOn"] is None

    clock.advance(days=1)
    assert by(api, key["key"]).get("/cases").status_code == 200

    assert api.admin.get("/keys").json["keys"][0]["lastUsedOn"] == "2026-03-03"
    assert verified(api, f"keys/{key['id']}")["valid"]


@pytest.mark.both_stores
def test_a_use_that_comes_late_does_not_bring_a_revoked_key_back(api: Api, clock: Clock) -> None:
    clock.now = clock.now.replace(hour=23, minute=59, second=59)
    key = made(api)
    by(api, key["key"]).get("/cases")
    known = elsewhere(api)
    api.admin.delete(f"/keys/{key['id']}")
    api.runtime.keys = known
    # The next day has begun, and the instance has not looked the key up again.
    clock.advance(seconds=2)

    assert by(api, key["key"]).get("/cases").status_code == 200

    assert api.admin.get("/keys").json == {"keys": []}
    assert verified(api, f"keys/{key['id']}")["valid"]


def test_guessing_reads_no_more_than_the_budget_of_strangers_and_holds_up_no_known_key(
    api: Api, clock: Clock
) -> None:
    key = made(api)["key"]
    budgets: Mapping[Budget, int] = {"read": 99, "write": 99, "expensive": 9, "public": 3}
    api.runtime.budgets = Budgets(budgets, "memory://")
    assert by(api, key).get("/cases").status_code == 200

    guesses = [
        by(api, rules.whole("acme", rules.new_id("guess"), rules.new_secret())).get("/cases")
        for _ in range(4)
    ]

    assert [one.status_code for one in guesses] == [401, 401, 429, 429]
    assert [cost(one)[0] for one in guesses] == [1, 1, 0, 0]
    assert int(guesses[-1].headers["Retry-After"]) > 0
    clock.advance(minutes=2)
    assert by(api, key).get("/cases").status_code == 200


def test_who_guesses_the_same_key_again_later_spends_again(api: Api, clock: Clock) -> None:
    guess = rules.whole("acme", rules.new_id("guess"), rules.new_secret())
    budgets: Mapping[Budget, int] = {"read": 99, "write": 99, "expensive": 9, "public": 1}
    api.runtime.budgets = Budgets(budgets, "memory://")
    not_let_in(by(api, guess).get("/cases"))
    clock.advance(minutes=1)

    refused(by(api, guess).get("/cases"), 429, "RESOURCE_EXHAUSTED")


def test_guesses_take_no_place_from_the_keys_that_an_instance_knows(api: Api) -> None:
    key = made(api)["key"]
    api.runtime.keys = KnownKeys(kept=2)
    budgets: Mapping[Budget, int] = {"read": 99, "write": 99, "expensive": 9, "public": 5}
    api.runtime.budgets = Budgets(budgets, "memory://")
    assert by(api, key).get("/cases").status_code == 200

    for _ in range(5):
        by(api, rules.whole("acme", rules.new_id("guess"), rules.new_secret())).get("/cases")

    assert by(api, key).get("/cases").status_code == 200


def test_of_more_keys_than_an_instance_keeps_it_forgets_the_one_looked_up_first(api: Api) -> None:
    api.runtime.keys = KnownKeys(kept=1)
    first, second = (by(api, made(api)["key"]) for _ in range(2))

    reads = [cost(one.get("/cases/none"))[0] for one in (first, first, second, second, first)]

    assert reads == [2, 1, 2, 1, 2]


def test_a_key_that_is_revoked_while_it_is_looked_up_is_not_remembered(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = made(api)
    elsewhere(api)
    path = f"tenants/{api.tenant}/keys/{key['id']}"
    get = api.runtime.store.get

    def slow(at: str) -> Document | None:
        found = get(at)
        if at == path:
            monkeypatch.undo()
            assert api.admin.delete(f"/keys/{key['id']}").status_code == 204
        return found

    monkeypatch.setattr(api.runtime.store, "get", slow)
    by(api, key["key"]).get("/cases")

    not_let_in(by(api, key["key"]).get("/cases"))


def test_of_a_key_that_cannot_be_read_a_stranger_is_told_nothing_and_the_log_once(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    key = made(api)
    path = f"tenants/{api.tenant}/keys/{key['id']}"
    api.runtime.store.commit([Update(path, {"role": 5})])
    elsewhere(api)

    for _ in range(2):
        assert not_let_in(by(api, key["key"]).get("/cases")) == "the key is not valid"

    assert capsys.readouterr().out.count(f'"document": "{path}"') == 1


def test_a_developer_has_a_first_key_by_one_command_beside_a_local_run(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(method: str, url: str, *, token: str, body: Any) -> client.Answer:
        path = url.removeprefix("http://127.0.0.1:8080/v1")
        answer = replace(api.stranger, token=token).request(method, path, body)
        return client.Answer(answer.status_code, Message(), answer.json)

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["local", "api-key", *arguments])
        code = main()
        return code, capsys.readouterr().out.splitlines()[-1]

    monkeypatch.setattr(client, "call", call)
    code, key = run("--name", "my agent")

    assert (code, rules.given(key).tenant) == (0, "demo")
    assert by(api, key).get("/cases").status_code == 200
    assert api.caller("admin", tenant="demo").get("/keys").json["keys"][0]["role"] == "agent"
    assert run("--name", "x" * 51)[0] == 1
    assert run("--name", "x", "--url", "http://127.0.0.1:8080/")[0] == 0, "as clients have it"
    monkeypatch.setattr(client, "call", Mock(side_effect=client.Unreachable("refused")))
    monkeypatch.setattr("sys.argv", ["local", "api-key", "--name", "x"])
    assert main() == 1
    assert "is `make run` running?" in capsys.readouterr().err


def test_no_token_takes_the_name_of_a_key(api: Api) -> None:
    key = made(api, role="viewer")

    assert "sub" in not_let_in(api.caller("admin", f"key:{key['id']}").get("/keys"))


def test_a_key_is_taken_in_the_authorization_header_alone_and_once(api: Api) -> None:
    key = made(api)["key"]
    two = [("Authorization", f"Bearer {api.admin.token}"), ("Authorization", f"Bearer {key}")]

    for headers in (two, two[::-1], [two[1]] * 2):
        answer = opened(api.app, "/v1/cases", headers=headers)
        not_let_in(answer)
    not_let_in(replace(api.stranger, token=None).get(f"/cases?key={key}"))
    not_let_in(api.stranger.get("/cases", x_api_key=key))
    for scheme in ("Basic", "Key", ""):
        not_let_in(api.stranger.get("/cases", authorization=f"{scheme} {key}"))


def test_a_key_in_the_place_of_an_id_is_in_no_log(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    key = made(api)["key"]
    secret = key.rpartition(".")[2]

    refused_field(api.admin.delete(f"/keys/{key}"), "keyId")
    refused(api.admin.get(f"/cases/{key}"), 404, "NOT_FOUND")
    by(api, key).get("/cases", x_request_id=key[-100:])

    assert secret not in capsys.readouterr().out


def test_which_keys_there_are_is_shown_among_the_changes_to_who_audits(api: Api) -> None:
    cursors = {role: api.caller(role).get("/changes").json["cursor"] for role in ("pilot", "agent")}
    key = made(api)

    shown = {
        role: [c["subject"] for c in api.caller(role).get(f"/changes?after={at}").json["changes"]]
        for role, at in cursors.items()
    }

    assert f"keys/{key['id']}" in shown["pilot"]
    assert f"keys/{key['id']}" not in shown["agent"]


@each_row("field", ["secretHash", "role", "expiresAt", "name", "createdBySubject"], apart=True)
def test_a_key_that_was_edited_in_the_database_is_found(api: Api, field: str) -> None:
    key = made(api, role="viewer")
    path = f"tenants/{api.tenant}/keys/{key['id']}"
    others: dict[str, Any] = {"role": "agent", "expiresAt": api.runtime.clock()}
    api.runtime.store.commit([Update(path, {field: others.get(field, rules.hash_of("mine"))})])

    found = verified(api, f"keys/{key['id']}")

    assert (found["valid"], found["firstBroken"]["field"]) == (False, field)
