"""What the tests of the functions share: how to read answers, walk pages and fill a store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from textwrap import dedent
from typing import Any

import pytest

from shared import migrate
from shared.config import Config
from shared.documents.port import Create
from shared.models.case import NewCase
from shared.models.roles import Role
from shared.rules import cases as case_rules
from shared.rules.callers import Caller, at_least
from tests.client import Api, Client, TestResponse
from tests.conftest import ROOT, Clock

_COST = re.compile(r'firestore;dur=[\d.]+;desc="reads=(\d+) writes=(\d+) trips=(\d+)"')
_SEEDED_AT_ONCE = 100
Command = Callable[..., tuple[int, list[str]]]
"""What takes the arguments of a command, and gives its exit code and its lines."""
ABSENT = "CASE-404"
ON_EMBEDDED = pytest.mark.parametrize("config", ["embedded"], indirect=True)
"""For what never gets as far as the store, or takes more rows than the emulator holds well."""


def cost(response: TestResponse) -> tuple[int, int, int]:
    """Documents read, documents written and round trips, as the answer says them."""
    found = _COST.fullmatch(response.headers["Server-Timing"])
    assert found, response.headers["Server-Timing"]
    reads, writes, trips = map(int, found.groups())
    return reads, writes, trips


def refused(response: TestResponse, code: int, status: str) -> dict[str, Any]:
    """The error of an answer that is refused, in the one form; nothing was written."""
    assert code == response.status_code, response.text
    assert response.mimetype == "application/json"
    assert response.headers["X-Request-Id"]
    assert cost(response)[1] == 0
    assert {"error"} == set(response.json)
    error: dict[str, Any] = response.json["error"]
    assert {"code", "status", "message", "details"} == set(error)
    assert (code, status) == (error["code"], error["status"])
    return error


def refused_field(response: TestResponse, field: str) -> None:
    """Checks that an answer is a 400 whose details name `field`, and nothing was written."""
    details = refused(response, 400, "INVALID_ARGUMENT")["details"]
    assert field in [detail["field"] for detail in details]
    # What is wrong in an item of a batch is named by the item's id too.
    assert all({"field", "description"} == set(detail) - {"id"} for detail in details)


def when(text: str) -> datetime:
    """A time on the wire, which is in UTC."""
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def documented(name: str) -> Callable[..., Any]:
    """The function of this name that docs/api.md defines for its readers."""
    snippets = re.findall(r"```python\n(.*?)```", (ROOT / "docs/api.md").read_text(), re.DOTALL)
    (code,) = (one for one in snippets if f"def {name}(" in one)
    names: dict[str, Any] = {}
    exec(dedent(code), names)  # noqa: S102 - the document's own
    function: Callable[..., Any] = names[name]
    return function


def migrating(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """`python -m shared.migrate`, with the variables of the functions."""
    if config.sqlite:
        monkeypatch.setenv("CASELEDGER_STORE", f"sqlite:///{config.sqlite}")
    else:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", config.emulator or "")
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", config.project or "")

    def ran(*arguments: str) -> tuple[int, list[str]]:
        capsys.readouterr()
        code = migrate.main(arguments)
        return code, capsys.readouterr().out.splitlines()

    return ran


def wire(time: datetime) -> str:
    """A time as a client sends it."""
    return time.isoformat()


def pages(client: Client, path: str, key: str = "cases") -> Iterator[list[dict[str, Any]]]:
    """The pages of a list, one after the other, to the end."""
    token = None
    joint = "&" if "?" in path else "?"
    while True:
        response = client.get(f"{path}{joint}pageToken={token}" if token else path)
        assert response.status_code == 200, response.text
        yield response.json[key]
        token = response.json.get("nextPageToken")
        if token is None:
            return


def trail(api: Api, case_id: str) -> list[dict[str, Any]]:
    """A case's own events, first to last, on a chain that holds."""
    verified = api.pilot.get(f"/audit:verify?subject=cases/{case_id}")
    assert verified.json["valid"] is True, verified.text
    newest_first = [
        event
        for page in pages(api.viewer, f"/cases/{case_id}/audit?pageSize=200", "events")
        for event in page
    ]
    return newest_first[::-1]


def event_types(api: Api, case_id: str) -> list[str]:
    """The types of a case's events, first to last."""
    return [event["eventType"] for event in trail(api, case_id)]


def filled(api: Api, clock: Clock, number: int, *, same_time: int = 1, **fields: Any) -> list[str]:
    """Puts so many cases straight into the store; gives their ids, oldest first.

    `same_time` of them at a time are opened at the same moment.
    """
    case_ids = [f"S-{index:04}" for index in range(number)]
    writes = []
    for index, case_id in enumerate(case_ids):
        new = NewCase(**{"decision_type": "seeded", "title": "Seeded", **fields})
        opened_at = clock.now - timedelta(hours=1) + timedelta(seconds=index // same_time)
        case = case_rules.opened(case_id, new, by="seed", due_hours=72, now=opened_at)
        path = f"tenants/{api.tenant}/cases/{case_id}"
        writes.append(Create(path, case.to_data()))
    for start in range(0, number, _SEEDED_AT_ONCE):
        api.runtime.store.commit(writes[start : start + _SEEDED_AT_ONCE])
    return case_ids


def acquainted(api: Api) -> None:
    """Lets the instance have seen one person of each role today.

    Otherwise the first change of each writes one document more: their entry in the directory.
    """
    for role in at_least(Role.VIEWER):
        actor = Caller(role, f"{role}@example.com", api.tenant, role).actor
        api.runtime.directory.keep(api.tenant, actor, api.runtime.clock())
