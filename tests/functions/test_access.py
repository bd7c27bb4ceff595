"""Who may call: strangers, tokens, headers, and each function on its own.

Roles are of test_roles.py, other tenants of test_isolation.py.
"""

from __future__ import annotations

import re

from functions.api import FUNCTIONS
from shared.config import Config
from shared.edge.routes import Route
from shared.models.roles import Role
from shared.rules.callers import SCHEDULERS
from shared.runtime import Runtime
from shared.schedules import SCHEDULES
from tests.client import Api, Client, opened
from tests.functions.support import ON_EMBEDDED, refused
from tests.rows import each_row


def route(name: str) -> Route:
    """The route of the function called `name`."""
    found: Route
    (found,) = vars(FUNCTIONS[name])["routes"]
    return found


def path(name: str) -> str:
    """A path of the function called `name`, below /v1."""
    return re.sub(r"\{\w+\}", "x-1", route(name).path.removeprefix("/v1"))


def test_every_schedule_calls_a_function_for_the_scheduler() -> None:
    scheduled = {name: route(name).path for name in FUNCTIONS if route(name).roles == SCHEDULERS}

    assert {schedule.function: schedule.path for schedule in SCHEDULES} == scheduled


@ON_EMBEDDED
@each_row("name", FUNCTIONS)
def test_a_function_serves_strangers_only_where_it_has_no_roles(api: Api, name: str) -> None:
    answer = api.stranger.request(route(name).method, path(name))

    if route(name).roles is None:
        assert answer.status_code == 200
    elif route(name).public:
        # No tenant has made anything public here.
        assert answer.status_code in (400, 404)
    else:
        refused(answer, 401, "UNAUTHENTICATED")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


ALSO = {"wait_intervention": "get_intervention", "export_case": "get_case"}
"""A gateway cannot tell their paths apart, so one function answers both."""


@each_row(("number", "name"), [*enumerate(FUNCTIONS)])
def test_a_function_alone_answers_its_own_path_and_no_other(
    embedded_config: Config, number: int, name: str
) -> None:
    source = f"{route(name).handler.__module__.rpartition('.')[2]}.py"
    caller = Api(Runtime(embedded_config), target=name, source=source).caller("scheduler")
    own = route(name)
    paths = [path(one) for one in (name, ALSO.get(name)) if one]

    def is_own(other: str) -> bool:
        return any(route(other).pattern.fullmatch(f"/v1{one}") for one in paths)

    # All that its path may be taken for, and of the others each eighth, in turns.
    near = {other for other in FUNCTIONS if is_own(other)}
    for other in {*near, name, ALSO.get(name, name), *[*FUNCTIONS][number % 8 :: 8]}:
        answer = caller.request(route(other).method, path(other))
        if other == name:
            served = own.roles is None or Role.SCHEDULER in own.roles
            assert answer.status_code == (200 if served else 403)
        elif other == ALSO.get(name):
            refused(answer, 403, "PERMISSION_DENIED")
        elif is_own(other):
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


@ON_EMBEDDED
@each_row(
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
    apart=True,
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
@each_row("server", ["0.0.0.0", "192.0.2.1", "cases.example.com", "::"])  # noqa: S104 - to be refused
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
@each_row(
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
