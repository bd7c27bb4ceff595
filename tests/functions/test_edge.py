"""The edge: in which order a request is checked, and the one form of everything it answers."""

from __future__ import annotations

import io
import uuid
from dataclasses import replace
from typing import Any

import pytest

from shared.config import Config
from shared.edge.bodies import MAX_BODY_BYTES
from shared.runtime import Runtime
from tests.client import Api, TestResponse, opened
from tests.functions.support import ON_EMBEDDED, cost, refused
from tests.rows import each_row

JSON = "application/json"
GARBAGE = b'{"title": '
TOO_LARGE = b" " * (MAX_BODY_BYTES + 1)
NEW = b'{"decisionType": "kyc", "title": "A case"}'


@ON_EMBEDDED
@each_row(
    ("role", "request_line", "given", "code"),
    [
        (None, "POST /nothing", (GARBAGE, "text/plain"), 404),
        (None, "PUT /cases", (GARBAGE, "text/plain"), 405),
        (None, "POST /cases", (GARBAGE, "text/plain"), 401),
        (None, "POST /cases", (TOO_LARGE, "text/plain"), 401),
        (None, "GET /cases/__x__?nothing=1", (b"", JSON), 401),
        ("viewer", "POST /cases", (GARBAGE, JSON), 403),
        ("viewer", "POST /cases", (TOO_LARGE, "text/plain"), 403),
        ("viewer", "DELETE /cases/__x__?nothing=1", (b"", JSON), 403),
        ("verifier", "POST /cases", (TOO_LARGE, "text/plain"), 413),
        ("verifier", "POST /cases", (GARBAGE, "text/plain"), 415),
        ("verifier", "POST /cases", (GARBAGE, JSON), 400),
        ("verifier", "PATCH /cases/__x__", (GARBAGE, JSON), 400),
    ],
)
def test_a_request_is_matched_then_authenticated_then_authorised_then_read(
    api: Api, role: str | None, request_line: str, given: tuple[bytes, str], code: int
) -> None:
    caller = api.caller(role) if role else api.stranger
    method, path = request_line.split()
    body, content_type = given

    answer = caller.request(method, path, raw=body, content_type=content_type)

    refused(answer, code, answer.json["error"]["status"])
    assert cost(answer) == (0, 0, 0)


def at(api: Api, url: str, method: str = "GET", **options: Any) -> TestResponse:
    """An answer at a whole path, for a verifier."""
    headers = {"Authorization": f"Bearer {api.verifier.token}", **options.pop("headers", {})}
    return opened(api.app, url, method=method, headers=headers, **options)


@ON_EMBEDDED
@each_row(
    "url",
    [
        "/v1",
        "/v1/",
        "/v1/cases/",
        "/v1//cases",
        "/v1/cases/CASE-1/",
        "/v1/cases/CASE-1/nothing",
        "/v1/cases/CASE-1/audit/1",
        "/v1/cases:nothing",
        "/v1/cases/CASE-1:nothing",
        "/v1/cases/CASE-1:claim:claim",
        "/v1/cases/a%2Fb",
        "/v1/cases/%2e%2e/settings",
        "/v1/Cases",
        "/v2/cases",
        "/cases",
        "/robots.txt",
        "/favicon.ico",
        "/v1/cases/a%0d%0aX-Injected:%20yes",
        "/v1/cases%0a",
        "/v1/health%0a",
        "/%0d%0a",
        "/" + "x" * 100_000,
    ],
)
@each_row("method", ["GET", "POST"])
def test_a_path_that_no_function_has_is_not_found(api: Api, url: str, method: str) -> None:
    answer = at(api, url, method)

    refused(answer, 404, "NOT_FOUND")
    assert cost(answer) == (0, 0, 0)
    assert "X-Injected" not in answer.headers


@ON_EMBEDDED
@each_row(
    ("path", "allow"),
    [
        ("/cases", "GET, HEAD, OPTIONS, POST"),
        ("/cases/CASE-1", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/cases/CASE-1:claim", "OPTIONS, POST"),
        ("/cases:stats", "GET, HEAD, OPTIONS"),
        ("/cases/CASE-1/audit", "GET, HEAD, OPTIONS, POST"),
        ("/settings", "GET, HEAD, OPTIONS, PATCH"),
        ("/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_path_says_which_methods_it_takes(api: Api, path: str, allow: str) -> None:
    options = api.stranger.request("OPTIONS", path)
    assert (options.status_code, options.data, options.headers["Allow"]) == (204, b"", allow)

    for method in {"PUT", "DELETE", "TRACE", "FOO"} - set(allow.split(", ")):
        answer = api.stranger.request(method, path)
        refused(answer, 405, "METHOD_NOT_ALLOWED")
        assert (answer.headers["Allow"], cost(answer)) == (allow, (0, 0, 0))


@ON_EMBEDDED
def test_the_methods_of_a_path_that_no_function_has_are_not_found(api: Api) -> None:
    refused(api.stranger.request("OPTIONS", "/nothing"), 404, "NOT_FOUND")


def test_head_answers_as_get_does_without_a_body(api: Api) -> None:
    api.verifier.create(id="CASE-1")
    got = api.viewer.get("/cases/CASE-1")

    head = api.viewer.request("HEAD", "/cases/CASE-1")

    assert (head.status_code, head.data) == (200, b"")
    for name in ("ETag", "Content-Type", "Content-Length"):
        assert head.headers[name] == got.headers[name]
    missing = api.viewer.request("HEAD", "/cases/CASE-2")
    assert (missing.status_code, missing.data) == (404, b"")


@pytest.fixture
def browser_api(embedded_config: Config) -> Api:
    """The functions, with two origins from which browsers may call."""
    origins = ("https://console.example", "http://localhost:5173")
    return Api(Runtime(replace(embedded_config, allowed_origins=origins)))


@pytest.mark.parametrize("origin", ["https://console.example", "http://localhost:5173"])
def test_a_browser_of_a_configured_origin_may_call_and_read_every_answer(
    browser_api: Api, origin: str
) -> None:
    preflight = browser_api.stranger.request(
        "OPTIONS", "/cases", origin=origin, access_control_request_method="POST"
    )

    headers = preflight.headers
    assert (preflight.status_code, headers["Access-Control-Allow-Origin"]) == (204, origin)
    assert "POST" in headers["Access-Control-Allow-Methods"]
    for name in (
        *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "traceparent"),
        "X-Request-Id",
    ):
        assert name in headers["Access-Control-Allow-Headers"]
    for answer in (
        browser_api.viewer.get("/cases", origin=origin),
        browser_api.stranger.get("/cases", origin=origin),
        browser_api.stranger.get("/nothing", origin=origin),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "Server-Timing" in answer.headers["Access-Control-Expose-Headers"]
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://console.example.evil.example",
        "http://console.example",
        "null",
    ],
)
def test_a_browser_of_another_origin_may_not_read_answers(browser_api: Api, origin: str) -> None:
    for method in ("OPTIONS", "GET"):
        answer = browser_api.viewer.request(method, "/cases", origin=origin)
        assert not [name for name in answer.headers.keys() if name.startswith("Access-Control")]  # noqa: SIM118 - pairs otherwise
        assert answer.headers["Vary"] == "Origin"


@ON_EMBEDDED
def test_without_configured_origins_no_browser_may_read_answers(api: Api) -> None:
    answer = api.viewer.get("/cases", origin="https://console.example")

    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_body_may_be_two_mebibytes_and_not_a_byte_more(api: Api) -> None:
    largest = NEW.ljust(MAX_BODY_BYTES)

    taken = api.verifier.request("POST", "/cases", raw=largest, content_type=JSON)
    assert taken.status_code == 201
    answer = api.verifier.request("POST", "/cases", raw=largest + b" ", content_type=JSON)
    refused(answer, 413, "CONTENT_TOO_LARGE")


@ON_EMBEDDED
@each_row(("length", "code"), [(MAX_BODY_BYTES, 201), (MAX_BODY_BYTES + 1, 413)], apart=True)
def test_a_body_without_a_declared_length_is_measured(api: Api, length: int, code: int) -> None:
    answer = at(
        api,
        "/v1/cases",
        "POST",
        input_stream=io.BytesIO(NEW.ljust(length)),
        content_type=JSON,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )

    assert answer.status_code == code, answer.text


@ON_EMBEDDED
@each_row(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/json",
        "x",
    ],
    apart=True,
)
def test_a_body_that_is_not_declared_to_be_json_is_refused(api: Api, content_type: str) -> None:
    answer = api.verifier.request("POST", "/cases", raw=NEW, content_type=content_type)

    refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


@ON_EMBEDDED
@each_row("content_type", [JSON, "application/json; charset=utf-8", "APPLICATION/JSON"], apart=True)
def test_a_body_that_is_declared_to_be_json_is_taken(api: Api, content_type: str) -> None:
    answer = api.verifier.request("POST", "/cases", raw=NEW, content_type=content_type)

    assert answer.status_code == 201


@ON_EMBEDDED
@each_row("given", ["a", "7f9c-1", "A.b_c-9" * 10, "x" * 100], apart=True)
def test_a_request_id_that_is_given_is_kept(api: Api, given: str) -> None:
    answer = api.stranger.get("/health", x_request_id=given)

    assert answer.headers["X-Request-Id"] == given


@ON_EMBEDDED
@each_row("given", [None, "", "x" * 101, "a b", "a,b", "a;b", "é", "<script>", "\\"])
def test_a_request_id_that_is_absent_or_unfit_is_made_anew(api: Api, given: str | None) -> None:
    headers = {} if given is None else {"x_request_id": given}

    ids = {api.stranger.get("/health", **headers).headers["X-Request-Id"] for _ in range(2)}

    assert len(ids) == 2
    assert all(uuid.UUID(made).version == 4 for made in ids)


@ON_EMBEDDED
def test_every_answer_is_marked_not_to_be_stored_or_sniffed(api: Api) -> None:
    for answer in (api.viewer.get("/cases"), api.stranger.get("/cases"), at(api, "/robots.txt")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@ON_EMBEDDED
@each_row("coding", ["gzip", "br", "x", "identity, gzip", "aws-chunked"], apart=True)
def test_a_body_that_is_encoded_is_refused_and_told_how_to_come(api: Api, coding: str) -> None:
    answer = api.verifier.request(
        "POST", "/cases", raw=NEW, content_type=JSON, content_encoding=coding
    )

    refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert answer.headers["Accept-Encoding"] == "identity"
    assert "Content-Encoding" in answer.json["error"]["message"]


@ON_EMBEDDED
def test_a_body_that_says_that_it_is_not_encoded_is_taken(api: Api) -> None:
    answer = api.verifier.request(
        "POST", "/cases", raw=NEW, content_type=JSON, content_encoding="Identity"
    )

    assert answer.status_code == 201


@ON_EMBEDDED
@each_row("encoding", ["utf-8-sig", "utf-16", "utf-16-be"], apart=True)
def test_a_byte_order_mark_is_refused_by_its_name(api: Api, encoding: str) -> None:
    raw = ("\ufeff" if encoding == "utf-16-be" else "") + NEW.decode()

    answer = api.verifier.request("POST", "/cases", raw=raw.encode(encoding), content_type=JSON)

    (detail,) = refused(answer, 400, "INVALID_ARGUMENT")["details"]
    assert detail == {"field": "body", "description": "must be UTF-8 without a byte order mark"}


@ON_EMBEDDED
def test_a_message_about_a_length_counts_characters(api: Api) -> None:
    for title, told in (("é" * 301, "must be at most 300 characters"), ("", "must not be empty")):
        answer = api.verifier.post("/cases", {"decisionType": "kyc", "title": title})

        (detail,) = refused(answer, 400, "INVALID_ARGUMENT")["details"]
        assert detail["field"] == "title"
        assert told in detail["description"]

    assert api.verifier.create(title="é" * 300)


def test_links_are_absolute_where_the_public_address_is_configured(embedded_config: Config) -> None:
    public = "https://cases.example"
    api = Api(Runtime(replace(embedded_config, public_url=public)))

    created = api.verifier.post("/cases", {"id": "C-1", "decisionType": "kyc", "title": "A case"})

    assert created.headers["Location"] == f"{public}/v1/cases/C-1"
    assert api.stranger.get("/openapi.json").json["servers"] == [{"url": public}]
