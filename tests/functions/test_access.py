"""Who may call what: roles, tenants, tokens, and each function on its own."""

from __future__ import annotations

from typing import Any

import pytest

from functions.api import FUNCTIONS
from shared.config import Config
from shared.edge.routes import Route
from shared.models.intervention import DecisionGiven
from shared.models.roles import Role
from shared.rules import interventions as intervention_rules
from shared.runtime import Runtime
from shared.schedules import SCHEDULES
from tests.client import Api, Client, TestResponse, opened
from tests.functions.intervention_support import asked, person, seed, shown
from tests.functions.support import ON_EMBEDDED, cost, refused, refused_field


def route(name: str) -> Route:
    """The route of the function called `name`."""
    found: Route
    (found,) = vars(FUNCTIONS[name])["routes"]
    return found


def path(name: str) -> str:
    """A path of the function called `name`, below /v1."""
    ids = {"caseId": "CASE-1", "evidenceId": "ev-1", "userId": "kim", "holdId": "h-1"}
    ids["interventionId"] = "i-1"
    ids["runId"] = "run-1"
    return route(name).path.removeprefix("/v1").replace("{", "%(").replace("}", ")s") % ids


PEOPLE = {
    "viewer": {"viewer", "verifier", "pilot", "admin"},
    "verifier": {"verifier", "pilot", "admin"},
    "pilot": {"pilot", "admin"},
    "admin": {"admin"},
}
ROLES: dict[str, set[str] | None] = {
    "create_case": PEOPLE["verifier"] | {"agent"},
    "get_case": PEOPLE["viewer"] | {"agent"},
    "list_cases": PEOPLE["viewer"] | {"agent"},
    "update_case": PEOPLE["verifier"],
    "claim_case": PEOPLE["verifier"],
    "claim_next_case": PEOPLE["verifier"],
    "reopen_case": PEOPLE["pilot"],
    "delete_case": PEOPLE["admin"],
    "case_stats": PEOPLE["viewer"] | {"agent"},
    "validate_case": PEOPLE["viewer"] | {"agent"},
    "check_cases": PEOPLE["viewer"] | {"agent"},
    "close_cases": PEOPLE["pilot"] | {"agent"},
    "add_audit_event": PEOPLE["verifier"] | {"agent"},
    "list_case_audit": PEOPLE["viewer"] | {"agent"},
    "set_collaborator": PEOPLE["viewer"],
    "remove_collaborator": PEOPLE["viewer"],
    "place_hold": PEOPLE["admin"],
    "release_hold": PEOPLE["admin"],
    "put_evidence": PEOPLE["verifier"] | {"agent"},
    "add_evidence": PEOPLE["verifier"] | {"agent"},
    "list_evidence": PEOPLE["viewer"] | {"agent"},
    "update_evidence": PEOPLE["verifier"],
    "remove_evidence": PEOPLE["verifier"],
    "get_packet": PEOPLE["viewer"] | {"agent"},
    "save_worksheet": PEOPLE["viewer"] | {"agent"},
    "get_worksheet": PEOPLE["viewer"] | {"agent"},
    "list_worksheets": PEOPLE["viewer"] | {"agent"},
    "save_worksheets": PEOPLE["viewer"] | {"agent"},
    "create_intervention": PEOPLE["verifier"] | {"agent"},
    "get_intervention": PEOPLE["viewer"] | {"agent"},
    "list_interventions": PEOPLE["viewer"] | {"agent"},
    "list_pending_interventions": PEOPLE["viewer"] | {"agent"},
    "claim_intervention": PEOPLE["verifier"],
    "release_intervention": PEOPLE["verifier"],
    "decide_intervention": PEOPLE["verifier"],
    "complete_intervention": PEOPLE["verifier"] | {"agent"},
    "intervention_metrics": PEOPLE["viewer"] | {"agent"},
    "wait_intervention": PEOPLE["viewer"] | {"agent"},
    "start_run": PEOPLE["verifier"] | {"agent"},
    "update_run": PEOPLE["verifier"] | {"agent"},
    "get_run": PEOPLE["viewer"] | {"agent"},
    "list_runs": PEOPLE["viewer"] | {"agent"},
    "add_record": PEOPLE["verifier"] | {"agent"},
    "list_records": PEOPLE["viewer"] | {"agent"},
    "escalate_case": PEOPLE["verifier"] | {"agent"},
    "list_audit": PEOPLE["pilot"],
    "verify_audit": PEOPLE["pilot"],
    "get_settings": PEOPLE["viewer"] | {"agent"},
    "update_settings": PEOPLE["admin"],
    "expire_interventions": {"scheduler"},
    "fail_stale_runs": {"scheduler"},
    "close_approved_cases": {"scheduler"},
    "purge_records": {"scheduler"},
    "health": None,
    "openapi": None,
}


def test_every_function_has_its_roles_in_the_table() -> None:
    assert set(ROLES) == set(FUNCTIONS)


def test_every_schedule_calls_a_function_for_the_scheduler() -> None:
    scheduled = {name: route(name).path for name in ROLES if ROLES[name] == {"scheduler"}}

    assert {schedule.function: schedule.path for schedule in SCHEDULES} == scheduled


@ON_EMBEDDED
@pytest.mark.parametrize("name", ROLES)
def test_a_function_serves_the_roles_of_the_table_and_no_other(api: Api, name: str) -> None:
    roles = ROLES[name]
    for role in Role:
        # What is not refused for the role is refused for the query, which no function has.
        answer = api.caller(role).request(route(name).method, f"{path(name)}?nothing=1")
        if roles is None or role in roles:
            refused_field(answer, "nothing")
        else:
            refused(answer, 403, "PERMISSION_DENIED")


@ON_EMBEDDED
@pytest.mark.parametrize("name", ROLES)
def test_a_function_serves_strangers_only_where_the_table_says_everybody(
    api: Api, name: str
) -> None:
    answer = api.stranger.request(route(name).method, path(name))

    if ROLES[name] is None:
        assert answer.status_code == 200
    else:
        refused(answer, 401, "UNAUTHENTICATED")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("name", ROLES)
def test_a_function_alone_answers_its_own_path_and_no_other(
    embedded_config: Config, name: str
) -> None:
    source = f"{route(name).handler.__module__.rpartition('.')[2]}.py"
    caller = Api(Runtime(embedded_config), target=name, source=source).caller("scheduler")
    own = route(name)

    for other in FUNCTIONS:
        answer = caller.request(route(other).method, path(other))
        if other == name:
            served = own.roles is None or Role.SCHEDULER in own.roles
            assert answer.status_code == (200 if served else 403)
        elif route(other).pattern.fullmatch(f"/v1{path(name)}"):
            refused(answer, 405, "METHOD_NOT_ALLOWED")
        else:
            refused(answer, 404, "NOT_FOUND")


def test_functions_alone_work_on_the_same_cases(embedded_config: Config) -> None:
    opening = Api(Runtime(embedded_config), target="create_case", source="cases.py")
    reading = Api(Runtime(embedded_config), target="list_case_audit", source="audit.py")
    reading.tenant = opening.tenant

    opening.verifier.create(id="CASE-1")

    (event,) = reading.viewer.get("/cases/CASE-1/audit").json["events"]
    assert event["eventType"] == "case_created"


ABOUT_A_CASE: dict[str, Any] = {
    "get_case": None,
    "update_case": {"title": "New"},
    "claim_case": None,
    "reopen_case": {"reason": "Again"},
    "delete_case": None,
    "add_audit_event": {"eventType": "note_added", "message": "A note"},
    "list_case_audit": None,
    "set_collaborator": {"permission": "read"},
    "remove_collaborator": None,
    "place_hold": {"reason": "A lawsuit"},
    "release_hold": {"reason": "It is over"},
    "put_evidence": {"evidence": [{"id": "ev-1", "title": "An item"}]},
    "add_evidence": {"evidence": [{"id": "ev-1", "title": "An item"}]},
    "list_evidence": None,
    "update_evidence": {"title": "Another"},
    "remove_evidence": None,
    "get_packet": None,
    "save_worksheet": {"fsrNotes": "A note"},
    "get_worksheet": None,
    "start_run": {"id": "run-1", "agentId": "an-agent"},
    "update_run": {"status": "completed"},
    "get_run": None,
    "add_record": {"kind": "feasibility", "title": "A record", "data": {}},
    "list_records": None,
    "escalate_case": {"reason": "Too hard"},
}
BY_NUMBER: dict[str, tuple[str, str, Any]] = {
    "validate": ("GET", "/cases:validate?caseId=CASE-1", None),
    "check": ("POST", "/cases:check", {"caseIds": ["CASE-1"]}),
    "close": ("POST", "/cases:close", {"caseIds": ["CASE-1"], "reason": "Over"}),
    "search": ("GET", "/cases?search=case-1", None),
    "verify": ("GET", "/audit:verify?subject=cases/CASE-1", None),
    "events": ("GET", "/audit?subject=cases/CASE-1", None),
    "related": ("GET", "/cases/CASE-1/audit?related=true", None),
    "statistics": ("GET", "/cases:stats", None),
    "claim next": ("POST", "/cases:claimNext", None),
    "full view": ("GET", "/cases/CASE-1?view=full", None),
    "packet version": ("GET", "/cases/CASE-1/packet?version=1", None),
    "another's worksheet": ("GET", "/cases/CASE-1/worksheet?userId=kim", None),
    "latest records": ("GET", "/cases/CASE-1/records?latest=true", None),
    "runs": ("GET", "/runs?caseId=CASE-1", None),
    "worksheets": ("GET", "/worksheets", None),
    "batch": ("POST", "/worksheets:batchSave", {"worksheets": [{"caseId": "CASE-1"}]}),
} | {name: (route(name).method, path(name), body) for name, body in ABOUT_A_CASE.items()}


ABOUT_AN_INTERVENTION: dict[str, Any] = {
    "get_intervention": None,
    "claim_intervention": None,
    "release_intervention": None,
    "decide_intervention": {"decision": "approve", "reason": "Fine"},
    "complete_intervention": {},
}
BY_INTERVENTION: dict[str, tuple[str, str, Any]] = {
    "list": ("GET", "/interventions", None),
    "pending": ("GET", "/interventions:pending", None),
    "metrics": ("GET", "/interventions:metrics?daily=true", None),
    "top pilots": ("GET", "/interventions:metrics?since=2026-03-01T00:00:00Z", None),
    "verify": ("GET", "/audit:verify?subject=interventions/i-1", None),
    "events": ("GET", "/audit?subject=interventions/i-1", None),
    "related": ("GET", "/cases/CASE-1/audit?related=true", None),
} | {name: (route(name).method, path(name), body) for name, body in ABOUT_AN_INTERVENTION.items()}


def test_every_function_about_an_intervention_is_tried_on_another_tenants() -> None:
    named = {name for name in FUNCTIONS if "{interventionId}" in route(name).path}

    # To wait is of tests/functions/test_wait.py.
    assert set(ABOUT_AN_INTERVENTION) == named - {"wait_intervention"}


def test_another_tenants_intervention_is_the_same_as_none(api: Api) -> None:
    outsider = api.caller("admin", tenant="other-tenant")
    before = {name: seen(outsider.request(*sent)) for name, sent in BY_INTERVENTION.items()}
    now = api.runtime.clock()
    decision = DecisionGiven(decision="approve")
    decided = intervention_rules.decided(asked(now), decision, person("kim"), now)
    seed(api, [("i-1", asked(now, case_id="CASE-1")), ("i-2", decided)])
    intervention = shown(api, "i-1")

    after = {name: seen(outsider.request(*sent)) for name, sent in BY_INTERVENTION.items()}

    assert after == before
    assert shown(api, "i-1") == intervention


def test_every_function_about_a_case_is_tried_on_another_tenants() -> None:
    assert set(ABOUT_A_CASE) == {name for name in FUNCTIONS if "{caseId}" in route(name).path}


def seen(answer: TestResponse) -> tuple[Any, ...]:
    """All of an answer but its request id and the time it took."""
    hidden = {"X-Request-Id", "Server-Timing"}
    headers = sorted((name, value) for name, value in answer.headers if name not in hidden)
    return answer.status_code, headers, answer.data, cost(answer)


@pytest.mark.parametrize("request_name", BY_NUMBER)
def test_another_tenants_case_is_the_same_as_none(api: Api, request_name: str) -> None:
    outsider = api.caller("admin", tenant="other-tenant")
    outsider.get("/settings")  # which this instance knows from here on
    before = seen(outsider.request(*BY_NUMBER[request_name]))
    case = api.verifier.create(id="CASE-1")

    after = seen(outsider.request(*BY_NUMBER[request_name]))

    assert after == before
    assert api.viewer.get("/cases/CASE-1").json == case


@ON_EMBEDDED
@pytest.mark.parametrize(
    "headers",
    [
        {"x_tenant": "other-tenant"},
        {"x_user_id": "admin"},
        {"x_role": "admin"},
        {"x_forwarded_user": "admin@example.com"},
        {"x_goog_authenticated_user_email": "accounts.google.com:admin@example.com"},
        {"x_http_method_override": "DELETE"},
        {"x_forwarded_for": "127.0.0.1", "forwarded": "for=127.0.0.1;host=localhost"},
        {"cookie": "session=admin"},
        {"ce_type": "google.cloud.audit", "ce_id": "1", "ce_source": "x", "ce_specversion": "1.0"},
    ],
)
def test_headers_change_neither_who_calls_nor_what_is_done(
    api: Api, headers: dict[str, str]
) -> None:
    case = api.verifier.create(id="CASE-1")

    assert api.viewer.get("/cases/CASE-1", **headers).json == case
    refused(api.viewer.delete("/cases/CASE-1", **headers), 403, "PERMISSION_DENIED")
    refused(api.stranger.get("/cases/CASE-1", **headers), 401, "UNAUTHENTICATED")


@ON_EMBEDDED
def test_two_authorizations_are_none(api: Api) -> None:
    headers = [("Authorization", f"Bearer {api.admin.token}")] * 2

    answer = opened(api.app, "/v1/cases", headers=headers)

    refused(answer, 401, "UNAUTHENTICATED")


@ON_EMBEDDED
@pytest.mark.parametrize("server", ["0.0.0.0", "192.0.2.1", "cases.example.com", "::"])  # noqa: S104 - to be refused
def test_unsigned_tokens_are_refused_by_a_server_that_others_can_reach(
    api: Api, server: str
) -> None:
    answer = opened(
        api.app,
        "/v1/cases",
        headers={"Authorization": f"Bearer {api.verifier.token}"},
        environ_overrides={"SERVER_NAME": server},
    )

    refused(answer, 401, "UNAUTHENTICATED")


def tokens(client: Client) -> list[str]:
    """Authorizations that are not one."""
    token = client.token or ""
    header, payload, _ = token.split(".")
    return [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {token}",
        token,
        f"Bearer  {token}",
        f"Bearer {token} x",
        f"Bearer {header}.{payload}",
        f"Bearer {token}signature",
        f"Bearer {token}.",
        f"Bearer {header}.!.",
        f"Bearer {payload}.{payload}.",
        f"Bearer {'x' * 9_000}",
        "Bearer é",
        "Bearer ..",
    ]


@ON_EMBEDDED
def test_what_is_not_a_bearer_token_is_refused(api: Api) -> None:
    for authorization in tokens(api.admin):
        answer = api.stranger.get("/cases", authorization=authorization)
        refused(answer, 401, "UNAUTHENTICATED")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@ON_EMBEDDED
@pytest.mark.parametrize(
    "claims",
    [
        {"role": "owner"},
        {"role": ""},
        {"role": "Admin"},
        {"tenant": "../other"},
        {"tenant": "a/cases/b"},
        {"tenant": "__x__"},
        {"tenant": "x" * 101},
        {"sub": "a/b"},
        {"sub": "x" * 129},
        {"sub": "a b"},
        {"sub": "a\nb"},
    ],
)
def test_a_token_without_a_usable_user_tenant_and_role_is_refused(
    api: Api, claims: dict[str, str]
) -> None:
    caller = api.caller(**{"role": "admin", "sub": "admin", "tenant": api.tenant, **claims})

    refused(caller.get("/cases"), 401, "UNAUTHENTICATED")
