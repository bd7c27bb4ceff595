"""Page tokens that nobody was given: their digest has no key, so anybody can make one."""

from __future__ import annotations

import base64

import pytest

from shared.repository import paging
from tests.client import Api
from tests.functions.support import cost, refused_field
from tests.rows import each_row

LISTS = [
    "/cases",
    "/cases?overdue=true",
    "/cases/CASE-1/evidence",
    "/cases/CASE-1/evidence?packet=true",
    "/cases/CASE-1/records",
    "/cases/CASE-1/records?latest=true",
    "/cases/CASE-1/audit",
    "/cases/CASE-1/audit?related=true",
    "/audit",
    "/runs",
    "/worksheets",
    "/interventions",
    "/interventions:pending",
]
TIME = '{"time":"2026-03-02T09:00:00+00:00"}'
UNFIT = [
    "",
    "[",
    "null",
    "7",
    "{}",
    '"x"',
    "[]",
    "[1]",
    '["x"]',
    "[[],[]]",
    "[{},{}]",
    '[null,"x"]',
    '[true,"x"]',
    '[1.5,"x"]',
    '[NaN,"x"]',
    '[-1,"x"]',
    f'[{2**63},"x"]',
    f'[{"9" * 1_000},"x"]',
    '["1","x"]',
    '[{"time":1},"x"]',
    '[{"time":"x"},"x"]',
    '[{"time":"2026-03-02T09:00:00"},"x"]',
    '[{"time":"0001-01-01T00:00:00+23:59"},"x"]',
    f"[{TIME},7]",
    f"[{TIME},{TIME}]",
    f'[{TIME},""]',
    f'[{TIME},"a/b"]',
    f'[{TIME},".."]',
    f'[{TIME},"__x__"]',
    f'[{TIME},"\\u0000"]',
    f'[{TIME},"\\ud800"]',
    f'[{TIME},"x","x","x"]',
    '[1,""]',
    '[1,"a/b"]',
    '[1,"\\ud800"]',
    "[" * 1_000,
]


FIT = {
    # The token of these is the number of an item.
    "/cases/CASE-1/evidence": "[1]",
    "/cases/CASE-1/evidence?packet=true": "[1]",
    "/cases/CASE-1/records?latest=true": "[1]",
    # A case whose clock stands is sorted by null.
    "/cases?overdue=true": '[null,"x"]',
}
"""What fits a list of these, and no other one."""


def forged(payload: str) -> str:
    raw = b"\0" * 12 + payload.encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.fixture(autouse=True)
def known_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A digest that is easily found, as any is for who reads how it is made."""
    monkeypatch.setattr(paging, "_digest", lambda *_: b"\0" * 12)


@each_row("path", LISTS, apart=True)
def test_a_token_of_another_shape_than_the_list_s_own_is_refused(api: Api, path: str) -> None:
    api.verifier.create(id="CASE-1")
    joint = "&" if "?" in path else "?"

    for payload in (one for one in UNFIT if one != FIT.get(path)):
        answer = api.pilot.get(f"{path}{joint}pageToken={forged(payload)}")
        assert (payload, answer.status_code) == (payload, 400)
        refused_field(answer, "pageToken")


@each_row("path", LISTS, apart=True)
def test_a_token_of_the_right_shape_only_starts_elsewhere_in_the_same_list(
    api: Api, path: str
) -> None:
    api.verifier.create(id="CASE-1")
    joint = "&" if "?" in path else "?"
    payloads = ("[1]", f'[{TIME},"x"]', f'[1,{TIME},"x"]', '[1,"x"]', f'[{2**63 - 1},"x"]')

    codes = [
        api.pilot.get(f"{path}{joint}pageToken={forged(payload)}").status_code
        for payload in payloads
    ]

    assert set(codes) <= {200, 400}
    assert 200 in codes


def test_a_token_s_digest_is_looked_at_before_anything_is_read(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()

    token = forged(f'[{TIME},"x"]')
    answer = api.pilot.get(f"/cases?pageToken={token}")

    refused_field(answer, "pageToken")
    assert cost(answer) == (0, 0, 0)
