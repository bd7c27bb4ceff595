"""What is refused before anything is sent."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from caseledger import Client, OutcomeUnknown, Problem, Rejected
from tests.python_client.conftest import Made


def test_a_function_whose_arguments_have_no_names_is_refused_at_once(made: Made) -> None:
    guard = made().requires_approval("Go on?", uow_id="u-1")

    with pytest.raises(TypeError, match="files has none"):

        @guard
        def delete(*files: str) -> None: ...


@pytest.mark.parametrize("kind", [Problem, Rejected, OutcomeUnknown])
def test_an_error_can_be_sent_to_another_process(kind: Any) -> None:
    asked = dict.fromkeys(("id", "status", "actionReason", "startedAt", "startedBy"), "said")
    of = httpx.Response(404, headers={"X-Request-Id": "r-1"}) if kind is Problem else asked

    sent = kind(of)
    received = pickle.loads(pickle.dumps(sent))  # noqa: S301 - our own

    assert (type(received), str(received)) == (kind, str(sent))
    assert vars(received) == vars(sent)


def test_a_client_that_does_not_know_where_the_api_is_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CASELEDGER_URL", raising=False)

    with pytest.raises(ValueError, match="CASELEDGER_URL"):
        Client()


def test_a_token_that_is_none_is_refused_and_not_shown(made: Made) -> None:
    client = made(token="ck_a.b.secret\r\nX: y")  # noqa: S106 - of this test
    with pytest.raises(ValueError, match="characters that no token has") as caught:
        client.request("GET", "/cases")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", ".", "..", "../..", "E-1/..", "CASE-2/evidence/E-1"])
def test_what_is_no_id_is_refused_because_it_leads_to_something_else(made: Made, name: str) -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.raw_path.decode())
        return httpx.Response(200, json={})

    client = made(httpx.MockTransport(answer))
    calls: list[Callable[[], object]] = [
        lambda: client.remove_evidence("CASE-1", name),
        lambda: client.delete_case(name),
        lambda: client.complete(name),
        lambda: client.get_log_tile("acme", "0/../067"),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="is no id"):
            call()

    client.get_log_tile("acme", "0/x001/067.p/3")
    client.remove_collaborator("CASE-1", "key:bot-1")
    assert sent == [
        "/v1/logs/acme/tile/0/x001/067.p/3",
        "/v1/cases/CASE-1/collaborators/key%3Abot-1",
    ]


def test_the_environment_says_where_the_api_is_and_who_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    monkeypatch.setenv("CASELEDGER_URL", "http://caseledger.test/v1/")
    monkeypatch.setenv("CASELEDGER_TOKEN", "ck_acme.robot.secret\n")
    with Client(transport=httpx.MockTransport(answer)) as client:
        client.request("GET", "/cases", params={"status": ["new", "closed"], "search": None})
        client.get_receipt_keys()

    cases, keys = seen
    assert str(cases.url) == "http://caseledger.test/v1/cases?status=new&status=closed"
    assert cases.headers["Authorization"] == "Bearer ck_acme.robot.secret"
    assert cases.headers["User-Agent"].startswith("caseledger-python/")
    assert str(keys.url) == "http://caseledger.test/.well-known/jwks.json"
