"""The console's files, what the page is told before anybody signs in, and who may be chosen."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from functions.api import ROUTES, console
from shared.config import Config
from shared.edge import local_people, pages
from shared.edge.openapi import description
from shared.models.console import DemoPerson
from shared.models.roles import Role
from shared.runtime import Runtime
from shared.version import VERSION
from tests.client import Api, TestResponse, opened
from tests.functions.support import cost, refused, refused_field

SHOP = Config(
    sqlite="unused", issuer="https://login.example.com/realms/shop", audience="caseledger"
)
FIREBASE = Config(
    sqlite="unused",
    issuer="https://securetoken.google.com/acme",
    audience="acme",
    firebase_api_key="public-key",
)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A console of three files, and a file beside it that nobody may have."""
    root = tmp_path / "console"
    (root / "parts").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html>" + "<p>A page</p>" * 100)
    (root / "parts" / "clock.js").write_text("export const now = () => Date.now();\n")
    (root / "tsconfig.json").write_text("{}")
    (tmp_path / "secret.js").write_text("secret")
    monkeypatch.setattr("functions.console._FILES", root)
    return root


@pytest.fixture
def api(embedded_config: Config, framework: Flask) -> Iterator[Api]:
    """A local run."""
    runtime = Runtime(embedded_config)
    yield Api(runtime, app=framework)
    runtime.close()


def got(api: Api, path: str, method: str = "GET", **headers: str) -> TestResponse:
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return opened(api.app, path, method=method, headers=named)


@pytest.mark.usefixtures("files")
def test_the_root_leads_to_the_console_and_the_console_is_a_page(api: Api) -> None:
    root = got(api, "/")
    page = got(api, root.headers["Location"])

    assert (root.status_code, root.headers["Location"]) == (302, "/console")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert page.data == got(api, "/console/").data == got(api, "/console/index.html").data
    assert [cost(root), cost(page)] == [(0, 0, 0)] * 2


@pytest.mark.usefixtures("files")
def test_an_issuer_leads_back_to_the_page_whatever_its_answer_is(api: Api) -> None:
    page = got(api, "/console?code=c&state=s&iss=https%3A%2F%2Fid.example")

    assert (page.status_code, page.data) == (200, got(api, "/console").data)


@pytest.mark.usefixtures("files")
def test_a_file_may_lie_in_a_folder_and_has_the_type_of_its_name(api: Api) -> None:
    module = got(api, "/console/parts/clock.js")

    assert (module.status_code, module.mimetype) == (200, "text/javascript")
    assert module.data.startswith(b"export")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    "name",
    [
        *("nothing.js", "parts", "parts/", "../secret.js", "%2e%2e/secret.js", "..%2fsecret.js"),
        *("parts/../../secret.js", "//secret.js", "..\\secret.js", "tsconfig.json", "clock.js%00"),
        *(".hidden.js", "parts/clock.js/", "parts/clock.JS", "%0a", "x" * 5_000 + ".js"),
    ],
)
def test_what_is_no_file_of_the_console_is_not_found(api: Api, name: str) -> None:
    answer = got(api, f"/console/{name}")

    refused(answer, 404, "NOT_FOUND")
    assert cost(answer) == (0, 0, 0)


@pytest.mark.usefixtures("files")
def test_a_file_is_compressed_for_who_takes_gzip(api: Api) -> None:
    plain = got(api, "/console", accept_encoding="br, gzip;q=0")
    zipped = got(api, "/console", accept_encoding="deflate, gzip, br")

    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.data) == plain.data
    assert len(zipped.data) * 5 < len(plain.data)
    assert {plain.headers["Vary"], zipped.headers["Vary"]} == {"Accept-Encoding"}


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_browser_that_has_a_file_is_not_sent_it_again_until_it_changes(
    api: Api, files: Path, encoding: str
) -> None:
    def asked(tag: str = '"none"') -> TestResponse:
        return got(api, "/console", accept_encoding=encoding, if_none_match=tag)

    tag = asked().headers["ETag"]
    same = asked(tag)
    (files / "index.html").write_text("<!doctype html><p>Another page</p>")

    assert not tag.startswith("W/")
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", tag)
    assert asked(tag).status_code == 200


@pytest.mark.usefixtures("files")
def test_each_form_of_a_file_has_an_etag_of_its_own(api: Api) -> None:
    tags = {
        got(api, "/console", accept_encoding=one).headers["ETag"] for one in ("gzip", "identity")
    }

    assert len(tags) == 2


@pytest.mark.usefixtures("files")
def test_browsers_ask_each_time_whether_pages_and_modules_have_changed(api: Api) -> None:
    for path in ("/console", "/console/parts/clock.js"):
        assert got(api, path).headers["Cache-Control"] == "public, no-cache"
    assert got(api, "/console/config.json").headers["Cache-Control"] == "no-store"
    assert got(api, "/console/none.js").headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("config", "sources"),
    [
        (Config(sqlite="unused", unsigned_tokens=True), "'self'"),
        (SHOP, "'self' https://login.example.com"),
        (
            replace(SHOP, sign_in_origins=("https://tokens.example.com",)),
            "'self' https://tokens.example.com https://login.example.com",
        ),
        (
            FIREBASE,
            "'self' https://identitytoolkit.googleapis.com https://securetoken.googleapis.com",
        ),
        (replace(FIREBASE, auth_emulator="127.0.0.1:9099"), "'self' http://127.0.0.1:9099"),
    ],
)
def test_the_page_is_locked_in_but_for_its_server_and_where_people_sign_in(
    framework: Flask, config: Config, sources: str
) -> None:
    page = got(Api(Runtime(config), app=framework), "/console")

    assert page.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src {sources}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in page.headers


def test_a_local_run_says_who_may_be_chosen(api: Api) -> None:
    told = got(api, "/console/config.json").json

    assert (told["release"], told["api"], told["signIn"]) == (VERSION, "/v1", "local")
    of_people = set(Role) - {Role.AGENT, Role.SCHEDULER}
    assert {one["role"] for one in told["people"]} == of_people
    assert {one["tenant"] for one in told["people"]} == {"demo"}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            replace(SHOP, tenant_claim="https://shop.example/tenant", role_claim="rank"),
            {
                "signIn": "oidc",
                "issuer": SHOP.issuer,
                "clientId": "caseledger",
                "tenantClaim": "https://shop.example/tenant",
                "roleClaim": "rank",
            },
        ),
        (FIREBASE, {"signIn": "firebase", "apiKey": "public-key"}),
        (
            replace(FIREBASE, unsigned_tokens=True, auth_emulator="127.0.0.1:9099"),
            {"signIn": "firebase", "apiKey": "public-key", "authEmulator": "127.0.0.1:9099"},
        ),
    ],
)
def test_elsewhere_the_page_is_told_where_people_sign_in(
    framework: Flask, config: Config, told: dict[str, str]
) -> None:
    answer = got(Api(Runtime(config), app=framework), "/console/config.json").json

    assert {name: value for name, value in answer.items() if value is not None} == {
        "release": VERSION,
        "api": "/v1",
        "tenantClaim": "tenant",
        "roleClaim": "role",
        **told,
    }


def minted(api: Api, body: object, **headers: str) -> TestResponse:
    return opened(api.app, "/console/token", method="POST", json=body, headers=headers)


@pytest.mark.parametrize("person", local_people.PEOPLE, ids=lambda person: person.sub)
def test_the_token_of_one_of_the_people_is_theirs(api: Api, person: DemoPerson) -> None:
    token = minted(api, {"sub": person.sub}).json["token"]

    answer = opened(api.app, "/v1/cases", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 200


def test_a_token_ends_after_an_hour(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    token = minted(api, {"sub": "vera"}).json["token"]
    headers = {"Authorization": f"Bearer {token}"}
    now = time.time()

    monkeypatch.setattr("shared.edge.tokens.time.time", lambda: now + 3_590)
    assert opened(api.app, "/v1/cases", headers=headers).status_code == 200
    monkeypatch.setattr("shared.edge.tokens.time.time", lambda: now + 3_601)
    refused(opened(api.app, "/v1/cases", headers=headers), 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("body", [{"sub": "mallory"}, {"sub": ""}, {}, {"sub": "vera\n"}])
def test_nobody_else_gets_a_token(api: Api, body: dict[str, str]) -> None:
    refused_field(minted(api, body), "sub")


@pytest.mark.parametrize("config", [SHOP, FIREBASE])
def test_only_a_local_run_gives_tokens(framework: Flask, config: Config) -> None:
    refused(minted(Api(Runtime(config), app=framework), {"sub": "alex"}), 404, "NOT_FOUND")


def test_a_page_from_elsewhere_reaches_nothing_of_a_local_run(api: Api) -> None:
    elsewhere = {"Origin": "http://evil.example"}

    for headers in (elsewhere, {"Host": "evil.example:8080"}):
        refused(minted(api, {"sub": "alex"}, **headers), 401, "UNAUTHENTICATED")
        for path in ("/", "/console", "/console/config.json", "/v1/health", "/v1/openapi.json"):
            refused(opened(api.app, path, headers=headers), 401, "UNAUTHENTICATED")


def test_the_console_is_served_alone_and_with_everything_and_is_no_part_of_v1() -> None:
    paths = {route.path for route in vars(console)["routes"]}

    assert paths == {"/", "/console", "/console/config.json", "/console/token"} | {
        "/console/{file...}"
    }
    assert not paths & description(ROUTES)["paths"].keys()
    assert pages.way(SHOP) == "oidc"
