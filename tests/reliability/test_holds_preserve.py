"""After any changes, nothing that could be read when a hold was placed is unreadable."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.client import Api
from tests.functions.support import ON_EMBEDDED, pages
from tests.reliability.support import LOAD

CASE = "/cases/CASE-1"
EVIDENCE = f"{CASE}/evidence"
SHEET = f"{CASE}/worksheet"
COURT = {"reason": "A lawsuit"}

IDS = [f"ev-{number}" for number in range(4)]
TEXTS = st.sampled_from(["one", "two", "three", "four"])
ITEMS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(IDS),
            "title": TEXTS,
            "snippet": TEXTS,
            "metadata": st.dictionaries(TEXTS, TEXTS, max_size=1),
        }
    ),
    max_size=4,
    unique_by=lambda item: str(item["id"]),
)
PEOPLE = st.sampled_from(["kim", "lee"])
CHANGES = st.one_of(
    st.tuples(st.just("put"), ITEMS),
    st.tuples(st.just("change"), st.tuples(st.sampled_from(IDS), TEXTS)),
    st.tuples(st.just("remove"), st.sampled_from(IDS)),
    st.tuples(st.just("case"), st.tuples(st.sampled_from(["title", "summary"]), TEXTS)),
    st.tuples(st.just("note"), st.tuples(PEOPLE, TEXTS)),
    st.tuples(st.just("hold"), st.booleans()),
    st.tuples(st.just("status"), st.sampled_from(["in_review", "approved", "closed"])),
    st.tuples(st.just("reopen"), st.none()),
    st.tuples(st.just("delete"), st.none()),
)


def hold(api: Api, place: Any) -> None:
    """Places one more hold, or releases all but the first."""
    if place:
        api.admin.post(f"{CASE}/holds", COURT)
        return
    for one in api.viewer.get(f"{CASE}?view=full").json["holds"][1:]:
        api.admin.post(f"{CASE}/holds/{one['id']}:release", COURT)


MAKE: dict[str, Callable[[Api, Any], object]] = {
    "put": lambda api, items: api.agent.put(EVIDENCE, {"evidence": items}),
    "change": lambda api, to: api.verifier.patch(f"{EVIDENCE}/{to[0]}", {"title": to[1]}),
    "remove": lambda api, name: api.verifier.delete(f"{EVIDENCE}/{name}"),
    "case": lambda api, to: api.pilot.patch(CASE, {to[0]: to[1]}),
    "note": lambda api, to: api.caller("viewer", to[0]).put(SHEET, {"fsrNotes": to[1]}),
    "hold": hold,
    "status": lambda api, to: api.pilot.patch(CASE, {"status": to, **COURT}),
    "reopen": lambda api, _: api.pilot.post(f"{CASE}:reopen", COURT),
    "delete": lambda api, _: api.admin.delete(CASE),
}
"""The changes, each of which may be refused."""


def texts(api: Api) -> set[tuple[str, str, str, str]]:
    """Everything that can be read of CASE-1: what it belongs to, its field and the text."""
    case = api.viewer.get(f"{CASE}?view=full").json
    owned = [("cases", "CASE-1", {name: case[name] for name in ("title", "summary")})]
    owned += [("evidence", item["id"], item) for item in case["evidence"]]
    for user in ("kim", "lee"):
        sheet = api.caller("viewer", user).get(SHEET)
        if sheet.status_code == 200:
            owned.append(("worksheets", f"CASE-1:{user}", sheet.json))
    for page in pages(api.admin, f"{CASE}/preserved", "preserved"):
        owned += [(one["collection"], one["name"], one["content"]) for one in page]
    names = ("title", "summary", "snippet", "metadata", "problemStatement", "fsrNotes")
    return {
        (collection, name, field, str(fields[field]))
        for collection, name, fields in owned
        for field in names
        if field in fields
    }


@ON_EMBEDDED
def test_nothing_that_could_be_read_under_a_hold_becomes_unreadable(api: Api) -> None:
    @settings(
        max_examples=20 * LOAD,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(before=st.lists(CHANGES, max_size=4), after=st.lists(CHANGES, min_size=1, max_size=12))
    def holds(before: list[tuple[str, Any]], after: list[tuple[str, Any]]) -> None:
        api.tenant = f"t-{next(numbers)}"
        api.verifier.create(id="CASE-1", summary="A summary")
        for name, what in before:
            if name != "delete":
                MAKE[name](api, what)
        api.admin.post(f"{CASE}/holds", COURT)
        readable = texts(api)
        for name, what in after:
            MAKE[name](api, what)
            now = texts(api)
            assert readable <= now, (name, what)
            readable |= now

    numbers = count()
    holds()
