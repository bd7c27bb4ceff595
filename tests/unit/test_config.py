"""The environment as a typed value: which store, whose tokens, and what is refused."""

from __future__ import annotations

import itertools

import pytest

from shared.config import Config, ConfigError, variables
from tests.rows import each_row

EMULATOR = {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:8081"}
PROJECT = {"GOOGLE_CLOUD_PROJECT": "acme-prod"}
DEMO = {"GOOGLE_CLOUD_PROJECT": "demo-acme"}
CLOUD = {"K_SERVICE": "cases"}
STORE = {"CASELEDGER_STORE": "sqlite:///data/cases.db"}
UNSIGNED = {"CASELEDGER_UNSIGNED_TOKENS": "loopback"}


def test_without_any_variable_cases_are_kept_in_a_local_file_and_tokens_must_be_signed() -> None:
    config = Config.from_environment({})

    assert (config.sqlite, config.project) == (".local/caseledger.db", None)
    assert (config.emulator, config.unsigned_tokens) == (None, False)


@each_row(
    ("url", "path"),
    [
        ("sqlite:///data/cases.db", "data/cases.db"),
        ("sqlite:////var/cases.db", "/var/cases.db"),
        ("sqlite:///:memory:", ":memory:"),
    ],
)
def test_the_embedded_store_is_where_the_url_says(url: str, path: str) -> None:
    assert Config.from_environment({"CASELEDGER_STORE": url}).sqlite == path


@each_row(
    "url",
    ["sqlite:///", "postgres://host/db", "firestore://x", "mysql:///x", "sqlite://x", "cases.db"],
)
def test_a_store_that_is_not_known_is_refused_by_name(url: str) -> None:
    with pytest.raises(ConfigError, match="CASELEDGER_STORE"):
        Config.from_environment({"CASELEDGER_STORE": url})


@each_row("environ", [PROJECT, DEMO | EMULATOR, PROJECT | CLOUD])
def test_firestore_is_used_where_a_project_is_named(environ: dict[str, str]) -> None:
    config = Config.from_environment(environ)

    assert (config.project, config.sqlite) == (environ["GOOGLE_CLOUD_PROJECT"], None)
    assert config.emulator == environ.get("FIRESTORE_EMULATOR_HOST")
    assert config.database == "(default)"


@each_row("environ", [EMULATOR, CLOUD, EMULATOR | CLOUD])
def test_firestore_without_a_project_is_refused_and_never_replaced(
    environ: dict[str, str],
) -> None:
    with pytest.raises(ConfigError, match="GOOGLE_CLOUD_PROJECT"):
        Config.from_environment(environ)


@each_row("environ", [PROJECT, EMULATOR, CLOUD, DEMO | EMULATOR])
def test_two_stores_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="CASELEDGER_STORE"):
        Config.from_environment(environ | STORE)


@each_row("name", ["FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT", "K_SERVICE"])
def test_an_empty_variable_is_none(name: str) -> None:
    assert Config.from_environment({name: ""}).sqlite == ".local/caseledger.db"


@each_row(
    ("store", "cloud", "allowed"),
    [
        (store, cloud, local and not cloud)
        for (store, local), cloud in itertools.product(
            [({}, True), (STORE, True), (DEMO | EMULATOR, True), (PROJECT | EMULATOR, False)],
            [{}, CLOUD],
        )
    ]
    + [(DEMO, {}, False), (PROJECT, {}, False), (DEMO, CLOUD, False)],
)
def test_unsigned_tokens_are_for_local_stores_outside_the_cloud_only(
    store: dict[str, str], cloud: dict[str, str], *, allowed: bool
) -> None:
    try:
        config = Config.from_environment(store | cloud | UNSIGNED)
    except ConfigError:
        assert not allowed
    else:
        assert (config.unsigned_tokens, allowed) == (True, True)


@each_row("name", ["CASELEDGER_UNSIGNED_TOKENS", "CASELEDGER_REVOCATION"])
@each_row("value", ["true", "1", "yes", "Loopback", "Check", "any", "off", " "])
def test_a_switch_that_says_another_word_than_its_own_is_refused_by_name(
    name: str, value: str
) -> None:
    with pytest.raises(ConfigError, match=name):
        Config.from_environment({name: value})


@each_row(
    ("name", "hint"),
    [
        ("CASELEDGER_RATE_LIMIT", "do you mean CASELEDGER_RATE_LIMITS?"),
        ("CASELEDGER_REVOKATION", "do you mean CASELEDGER_REVOCATION?"),
        ("CASELEDGER_XYZ", "see docs/operations.md"),
        ("CASELEDGER_", "see docs/operations.md"),
    ],
)
@each_row("value", ["", "secret"])
def test_a_variable_that_nobody_reads_is_refused_by_name_without_its_value(
    name: str, hint: str, value: str
) -> None:
    with pytest.raises(ConfigError, match=f"{name} is no variable") as error:
        Config.from_environment(PROJECT | {name: value})

    assert hint in str(error.value)
    assert "secret" not in str(error.value)


@each_row(
    "name",
    [
        "CASELEDGER_SECRETS",
        "CASELEDGER_TEST_LOAD",
        "CASELEDGER_TOKEN",
        "CASELEDGER_URL",
        "CASELEDGER_KEY",
        "HOME",
        "caseledger_x",
    ],
)
def test_variables_of_others_are_none_of_our_business(name: str) -> None:
    Config.from_environment({name: "x"})


def test_every_variable_that_is_read_is_known_without_a_list() -> None:
    assert {"CASELEDGER_STORE", "CASELEDGER_SCHEDULER_AUDIENCE", "THREADS"} <= variables()


def test_the_claims_of_the_tenant_and_the_role_have_names_that_can_be_chosen() -> None:
    names = {
        "CASELEDGER_TENANT_CLAIM": "https://acme.example/tenant",
        "CASELEDGER_ROLE_CLAIM": "caseRole",
    }
    usual, other = Config.from_environment({}), Config.from_environment(names)

    assert (usual.tenant_claim, usual.role_claim) == ("tenant", "role")
    assert (other.tenant_claim, other.role_claim) == tuple(names.values())


@each_row(
    ("environ", "named"),
    [
        ({"CASELEDGER_TENANT_CLAIM": "a b"}, "CASELEDGER_TENANT_CLAIM"),
        ({"CASELEDGER_ROLE_CLAIM": "a\n"}, "CASELEDGER_ROLE_CLAIM"),
        ({"CASELEDGER_ROLE_CLAIM": "tenant"}, "CASELEDGER_ROLE_CLAIM"),
        ({"CASELEDGER_ROLE_CLAIM": "x'] || true"}, "CASELEDGER_ROLE_CLAIM"),
        ({"CASELEDGER_ROLE_CLAIM": "x" * 101}, "CASELEDGER_ROLE_CLAIM"),
        ({"CASELEDGER_ROLE_CLAIM": "name"}, "CASELEDGER_ROLE_CLAIM"),
        ({"CASELEDGER_TENANT_CLAIM": "firebase"}, "CASELEDGER_TENANT_CLAIM"),
    ],
)
def test_names_of_claims_that_nobody_can_mean_are_refused(
    environ: dict[str, str], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        Config.from_environment(environ)


@each_row("url", ["file:///etc/passwd", "issuer.example/keys", "https://", "https://a b"])
def test_an_address_of_keys_that_cannot_be_fetched_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="CASELEDGER_JWKS_URL"):
        Config.from_environment({"CASELEDGER_JWKS_URL": url})


@each_row("name", ["CASELEDGER_SWEEP_SECONDS", "CASELEDGER_MAX_WAITS", "THREADS"])
@each_row("value", ["1" * 10, "1" * 5000])
def test_a_number_that_nothing_can_count_to_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Config.from_environment({name: value})


CHECKED = {"CASELEDGER_REVOCATION": "check"}


def test_accounts_are_looked_up_only_where_that_is_asked_for() -> None:
    assert Config.from_environment(PROJECT).check_revocation is False
    assert Config.from_environment(PROJECT | CHECKED).check_revocation is True


@each_row(
    "environ",
    [
        STORE,
        STORE | UNSIGNED | {"CASELEDGER_AUDIENCE": "acme-prod"},
        PROJECT | {"CASELEDGER_ISSUER": "https://issuer.example"},
        PROJECT | {"CASELEDGER_ISSUER": "https://securetoken.google.com/other"},
    ],
)
def test_accounts_that_are_not_of_firebase_cannot_be_looked_up(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="CASELEDGER_REVOCATION"):
        Config.from_environment(environ | CHECKED)


@each_row(
    ("variable", "field"),
    [
        ("FIREBASE_AUTH_EMULATOR_HOST", "auth_emulator"),
        ("STORAGE_EMULATOR_HOST", "storage_emulator"),
    ],
)
def test_an_emulator_of_accounts_or_of_the_bucket_is_refused_in_the_cloud(
    variable: str, field: str
) -> None:
    emulator = {variable: "127.0.0.1:9099"}

    assert getattr(Config.from_environment(PROJECT | emulator), field) == "127.0.0.1:9099"
    with pytest.raises(ConfigError, match=variable):
        Config.from_environment(PROJECT | CLOUD | emulator)


@each_row("name", ["gs://checkpoints", "ab", "a/b", "Checkpoints", "-a-", "a" * 223])
def test_a_bucket_that_no_bucket_can_be_called_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="CASELEDGER_LOG_BUCKET must be the name of a bucket"):
        Config.from_environment(PROJECT | {"CASELEDGER_LOG_BUCKET": name})

    named = {"CASELEDGER_LOG_BUCKET": "acme_check-points.example"}
    assert Config.from_environment(PROJECT | named).log_bucket == "acme_check-points.example"


def test_tokens_are_firebases_unless_another_issuer_is_named() -> None:
    firebase = Config.from_environment(PROJECT)
    other = Config.from_environment(
        PROJECT
        | {
            "CASELEDGER_ISSUER": "https://issuer.example",
            "CASELEDGER_AUDIENCE": "cases",
            "CASELEDGER_JWKS_URL": "https://issuer.example/keys",
        }
    )

    assert firebase.issuer == "https://securetoken.google.com/acme-prod"
    assert firebase.audience == "acme-prod"
    assert firebase.jwks_url.startswith("https://www.googleapis.com/")
    assert (other.issuer, other.audience) == ("https://issuer.example", "cases")
    assert other.jwks_url == "https://issuer.example/keys"


@each_row(
    ("value", "expected"),
    [
        ("", ()),
        ("https://a.example", ("https://a.example",)),
        (" https://a.example  http://b.example ", ("https://a.example", "http://b.example")),
    ],
)
def test_origins_are_separated_by_spaces(value: str, expected: tuple[str, ...]) -> None:
    config = Config.from_environment({"CASELEDGER_ALLOWED_ORIGINS": value})

    assert config.allowed_origins == expected


@each_row("name", ["CASELEDGER_ALLOWED_ORIGINS", "CASELEDGER_SIGN_IN_ORIGINS"])
@each_row(
    "origin",
    [
        "*",
        "cases.example",
        "https://cases.example/",
        "https://",
        "https://a.example/app",
        "https://a.example;script-src",
        "'unsafe-inline'",
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(name: str, origin: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Config.from_environment({name: f"https://a.example {origin}"})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"CASELEDGER_MAX_WAITS": "7"}, 7),
        ({"CASELEDGER_MAX_WAITS": "7", "THREADS": "2"}, 7),
        ({"THREADS": "100"}, 50),
        ({"THREADS": "9"}, 4),
        ({"THREADS": "1"}, 1),
        ({"THREADS": "8", "CASELEDGER_MAX_WAITS": ""}, 4),
        ({"THREADS": ""}, 6),
        ({}, 6),
    ],
)
def test_as_many_requests_may_be_held_as_is_said_or_half_of_the_threads(
    environ: dict[str, str], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 3)

    assert expected == Config.from_environment(environ).max_waits


@each_row(
    ("environ", "expected"),
    [
        ({"CASELEDGER_MAX_EXPENSIVE": "7", "THREADS": "2"}, 7),
        ({"THREADS": "100"}, 49),
        ({"THREADS": "8"}, 3),
        ({"THREADS": "2"}, 1),
        ({"THREADS": "1"}, 1),
    ],
)
def test_waits_and_expensive_requests_together_leave_a_thread_to_others(
    environ: dict[str, str], expected: int
) -> None:
    assert expected == Config.from_environment(environ).max_expensive


@each_row("name", ["CASELEDGER_MAX_WAITS", "CASELEDGER_MAX_EXPENSIVE", "THREADS"])
@each_row("value", ["0", "-1", "1.5", "many", " 4", "4 ", "0x4", "\u00b2"])
def test_a_number_that_is_none_above_0_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Config.from_environment({name: value})


@each_row(("text", "seconds"), [("", 480), ("1", 1), ("3600", 3600)])
def test_a_scheduled_function_takes_eight_minutes_unless_told_otherwise(
    text: str, seconds: int
) -> None:
    config = Config.from_environment({"CASELEDGER_SWEEP_SECONDS": text})

    assert config.sweep_seconds == seconds
    assert Config.from_environment({}).sweep_seconds == 480


@each_row("text", ["0", "-1", "1.5", "8 minutes", " 8", "1e3", "²"])
def test_a_time_for_scheduled_functions_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError, match="CASELEDGER_SWEEP_SECONDS"):
        Config.from_environment({"CASELEDGER_SWEEP_SECONDS": text})


SCHEDULER = {
    "CASELEDGER_SCHEDULER_EMAIL": "scheduler@acme-prod.iam.gserviceaccount.com",
    "CASELEDGER_SCHEDULER_AUDIENCE": "https://cases.example",
}


def test_the_scheduler_is_googles_account_of_that_address_for_that_audience() -> None:
    config = Config.from_environment(PROJECT | SCHEDULER)

    assert config.scheduler_email == SCHEDULER["CASELEDGER_SCHEDULER_EMAIL"]
    assert config.scheduler_audience == SCHEDULER["CASELEDGER_SCHEDULER_AUDIENCE"]
    assert config.scheduler_issuer == "https://accounts.google.com"
    assert config.scheduler_jwks_url == "https://www.googleapis.com/oauth2/v3/certs"
    assert config.issuer == "https://securetoken.google.com/acme-prod"


def test_without_a_scheduler_nobody_is_it() -> None:
    config = Config.from_environment(PROJECT)

    assert (config.scheduler_email, config.scheduler_audience) == ("", "")


@each_row("name", SCHEDULER)
@each_row("empty", [False, True])
def test_half_a_scheduler_is_refused_by_name(name: str, *, empty: bool) -> None:
    (missing,) = SCHEDULER.keys() - {name}
    environ = {name: SCHEDULER[name]} | ({missing: ""} if empty else {})

    with pytest.raises(ConfigError, match=missing):
        Config.from_environment(PROJECT | environ)


@each_row(
    ("value", "expected"),
    [
        ("", {"read": 6_000, "write": 3_000, "expensive": 300, "public": 600}),
        ("read=5", {"read": 5, "write": 3_000, "expensive": 300, "public": 600}),
        ("expensive=1  write=2 read=3", {"read": 3, "write": 2, "expensive": 1, "public": 600}),
        ("off", None),
    ],
)
def test_rate_limits_are_the_usual_ones_where_no_others_are_named(
    value: str, expected: dict[str, int] | None
) -> None:
    assert expected == Config.from_environment({"CASELEDGER_RATE_LIMITS": value}).budgets


@each_row(
    "value",
    ["none", "0", "read=", "read=0", "read=-1", "read=1.5", "read=x", "reads=5", "off read=5"],
)
def test_rate_limits_that_nobody_can_mean_are_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="CASELEDGER_RATE_LIMITS"):
        Config.from_environment({"CASELEDGER_RATE_LIMITS": value})


@each_row(
    ("value", "expected"),
    [
        ("", "memory://"),
        ("redis://10.0.0.3:6379/0", "redis://10.0.0.3:6379/0"),
        ("rediss://user:secret@redis.example:6380", "rediss://user:secret@redis.example:6380"),
    ],
)
def test_budgets_are_counted_in_memory_unless_a_redis_is_named(value: str, expected: str) -> None:
    config = Config.from_environment({"CASELEDGER_RATE_LIMIT_STORAGE": value})

    assert expected == config.budget_storage


@each_row(
    "value", ["memory", "redis", "10.0.0.3:6379", "http://redis", "redis://", "redis://host:port"]
)
def test_a_storage_that_is_no_redis_is_refused_without_repeating_it(value: str) -> None:
    with pytest.raises(ConfigError, match="CASELEDGER_RATE_LIMIT_STORAGE") as error:
        Config.from_environment({"CASELEDGER_RATE_LIMIT_STORAGE": value})

    assert "port" not in str(error.value)


@each_row(
    ("environ", "origin"),
    [
        ({}, "local/caseledger"),
        (PROJECT, "acme-prod/caseledger"),
        ({"CASELEDGER_LOG_ORIGIN": "logs.example/of/acme"}, "logs.example/of/acme"),
    ],
)
def test_the_name_of_logs_begins_as_is_said_or_with_the_project(
    environ: dict[str, str], origin: str
) -> None:
    project = PROJECT.get("GOOGLE_CLOUD_PROJECT", "")

    found = Config.from_environment(environ).log_origin

    assert found == origin.replace("acme-prod", project)


@each_row("origin", ["https://logs.example", "a b", "a+b", "/a", "a/", "a//b", "é"])
def test_the_name_of_logs_is_one_that_a_signed_note_takes(origin: str) -> None:
    with pytest.raises(ConfigError, match="CASELEDGER_LOG_ORIGIN"):
        Config.from_environment({"CASELEDGER_LOG_ORIGIN": origin})
