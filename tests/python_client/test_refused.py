"""What is refused before anything is sent."""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from caseledger import (
    AsyncClient,
    Client,
    Expired,
    OutcomeUnknown,
    Problem,
    Rejected,
    Unreachable,
)
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


@pytest.mark.parametrize("token", ["ck_a.b.secret\r\nX: y", "Bearer ck_a.b.secret"])
def test_a_token_that_is_none_is_refused_and_not_shown(made: Made, token: str) -> None:
    client = made(token=token)
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


async def _awaited(to: str) -> None: ...


def _called(to: str) -> None: ...


def _rows(to: str) -> Iterator[str]:
    yield to


async def _awaited_rows(to: str) -> AsyncIterator[str]:
    yield to


@pytest.mark.parametrize(
    ("client", "function", "told"),
    [
        (Client, _awaited, "_awaited is an async function: AsyncClient"),
        (Client, _rows, "_rows is a generator"),
        (AsyncClient, _called, "_called is no async function: Client"),
        (AsyncClient, _awaited_rows, "_awaited_rows is a generator"),
    ],
)
def test_a_function_that_the_client_cannot_run_to_its_end_is_refused_at_once(
    client: type[Client | AsyncClient], function: Any, told: str
) -> None:
    guard = client("http://localhost", "a-token").requires_approval("Go on?", uow_id="u-1")

    with pytest.raises(TypeError, match=told):
        guard(function)


@pytest.mark.parametrize(("title", "uow_id"), [("Send {too}?", "u-1"), ("Send?", "u-{too.x}")])
def test_a_text_that_names_no_parameter_is_refused_at_once(
    made: Made, title: str, uow_id: str
) -> None:
    with pytest.raises(ValueError, match=r"\{too.*which the function does not take"):
        made().requires_approval(title, uow_id=uow_id)(_called)


_LOOP: list[Any] = []
_LOOP.append(_LOOP)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Decimal("1.1"), r"^action.arguments.rows.1: Decimal is no JSON: give text"),
        (float("nan"), r"^action.arguments.rows.1: must be a finite number"),
        (2**53 + 1, r"^action.arguments.rows.1: has more than 53 bits.* give it as text"),
        ({1: 2}, r"^action.arguments.rows.1: the names in it must be text"),
        ("\ud800", r"^action.arguments.rows.1: has half of a character"),
        (_LOOP, r"^action.arguments.rows: is nested too deep"),
    ],
    ids=["decimal", "nan", "large", "names", "surrogate", "loop"],
)
def test_what_json_cannot_say_is_told_by_its_place(made: Made, value: Any, told: str) -> None:
    action: Any = {"tool": "pay", "arguments": {"to": "A", "rows": [1, value]}}

    with pytest.raises(ValueError, match=told):
        made().ask("Pay?", uow_id="u-1", action=action)


@pytest.mark.parametrize("url", ["localhost:8080", "127.0.0.1:8080", "cases.example", "https://"])
def test_an_address_that_is_none_is_told(made: Made, url: str) -> None:
    with pytest.raises(ValueError, match=r"is no address of an API: it begins with https://"):
        made(url=url)


def test_what_is_no_answer_of_the_api_is_told_by_where_it_came_from(made: Made) -> None:
    def answered(**answer: Any) -> Any:
        return made(httpx.MockTransport(lambda _: httpx.Response(**answer)), retry_for=0)

    page = {"status_code": 200, "html": "<h1>Welcome</h1>"}
    with pytest.raises(Unreachable, match=r"http://localhost/v1/interventions: a web page came"):
        answered(**page).ask("Go on?")
    with pytest.raises(Problem, match=r"404: Not Found, .* is http://localhost/v1/interventions"):
        answered(status_code=404, text="nothing here").ask("Go on?")
    moved = {"status_code": 301, "headers": {"Location": "https://cases.example/"}}
    with pytest.raises(Problem, match=r"301: .* leads to https://cases.example/"):
        answered(**moved).ask("Go on?")


def test_what_was_not_approved_is_told_in_words() -> None:
    asked: Any = {"id": "q-7", "status": "rejected", "actionReason": "not without a contract"}
    lapsed: Any = {"id": "q-7", "status": "approved", "actionReason": None, "lapsedAt": "…"}

    assert str(Rejected(asked)) == "q-7 is rejected: not without a contract"
    assert str(Expired(lapsed)) == "q-7 was approved, and not started in time"
