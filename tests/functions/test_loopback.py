"""Local runs believe an unsigned token from this machine's own names, addresses and pages only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api, TestResponse
from tests.functions.support import cost, refused
from tests.rows import each_row


@pytest.fixture
def api(embedded_config: Config) -> Api:
    """A local run that pages of one other origin may call."""
    return Api(Runtime(replace(embedded_config, allowed_origins=("http://localhost:5173",))))


def asked(api: Api, host: str, origin: str | None = None) -> TestResponse:
    return api.viewer.get("/cases", host=host, **({"origin": origin} if origin else {}))


@each_row(
    "host",
    [
        *("localhost", "localhost:8080", "LOCALHOST", "127.0.0.1", "127.0.0.1:8080", "127.1.2.3"),
        *("[::1]", "[::1]:8080"),
    ],
)
def test_a_loopback_name_or_address_may_be_asked(api: Api, host: str) -> None:
    assert asked(api, host).status_code == 200
    assert asked(api, host, f"http://{host}").status_code == 200


@each_row(
    "host",
    [
        *("evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example"),
        *("192.168.0.1", "0.0.0.0:8080", "", "[::1", "localhost:x@evil.example", "2130706433"),
    ],
)
def test_a_name_that_was_made_to_mean_this_machine_is_refused(api: Api, host: str) -> None:
    answer = asked(api, host)

    refused(answer, 401, "UNAUTHENTICATED")
    assert cost(answer) == (0, 0, 0)


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("http://localhost:8080", 200),
        ("http://localhost:5173", 200),
        ("http://localhost:9999", 401),
        ("https://localhost:8080", 401),
        ("http://evil.example", 401),
        ("null", 401),
    ],
)
def test_pages_may_call_that_are_this_server_s_own_or_configured(
    api: Api, origin: str, code: int
) -> None:
    answer = asked(api, "localhost:8080", origin)

    assert (answer.status_code, cost(answer)[1]) == (code, 0)
