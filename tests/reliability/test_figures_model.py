"""After any life of cases and interventions the figures are what a recount of everything says.

They are counted from the trail, in passes that fall anywhere between the steps, and the recount is
made of the documents: of those that there are, and of those that there were.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from shared.config import Config
from shared.documents.port import Document, DocumentStore, Query
from shared.models.tallies import Tally
from shared.repository import tallies
from shared.repository.counting import Counting
from shared.repository.recounting import recount
from shared.rules.spread import bucket
from shared.rules.tally import LAPSED, Book
from tests.client import Api
from tests.conftest import Clock
from tests.functions.sealing_support import seal, with_keys
from tests.reliability.support import LOAD

LOADS = {"embedded": 8 * LOAD, "emulator": LOAD}
IDS = ("A", "B", "C")
OLD = {"opened", "asked", "purged"}
"""What the meta of events has for figures; those of earlier releases do not."""
OUTCOMES = {"approve": "approved", "edit": "edited", "reject": "rejected", "respond": "answered"}

Numbers = Counter[tuple[str, ...]]
Do = Callable[[Api, int], object]


def intervention(api: Api, number: int) -> str:
    rows = api.viewer.get("/interventions?pageSize=9").json["interventions"]
    return f"/interventions/{rows[number % len(rows)]['id']}" if rows else "/interventions/none"


def case(number: int) -> str:
    return f"/cases/{IDS[number % len(IDS)]}"


def ask(api: Api, number: int) -> None:
    types = ("kill_switch", "clarification", "resume")
    new = {"uowId": "u", "type": types[number % 3], "title": "Go on?", "priority": "high"}
    expiry = {"expiresInSeconds": 86_400} if number % 2 else {}
    about: dict[str, Any] = {"caseId": IDS[0]} if number % 5 == 0 else {}
    if expiry and number % 4 == 1:
        about |= {"raisePriority": True, "priority": "low"}
    if number % 7 < 4:
        about |= {"action": {"tool": "pay", "arguments": {"sum": number}}, "actWithinSeconds": 90}
        about |= {"decisions": ["approve", "edit", "reject", "respond"]}
    if number % 3 == 0:
        about |= {"approvalsRequired": 2}
    who = api.caller("agent", f"agent-{number % 2}") if number % 11 else api.verifier
    who.post("/interventions", {**new, **expiry, **about})


def decide(api: Api, number: int) -> None:
    given: dict[str, Any] = {"decision": "approve", "response": {"text": "Yes"}}
    if number % 3 == 0:
        given = {"decision": "reject", "reason": "No"}
    if number % 5 == 1:
        given = {"decision": "edit", "arguments": {"sum": 0}}
    if number % 5 == 2:
        given["decision"] = "respond"
    pilot = api.caller("pilot", f"pilot-{number % 2}")
    pilot.post(f"{intervention(api, number)}:decide", given)


def start(api: Api, number: int) -> None:
    path = intervention(api, number)
    approved = api.viewer.get(path).json.get("approvedActionHash")
    api.agent.post(f"{path}:start", {"actionHash": approved or "0" * 64})


def move(api: Api, number: int) -> None:
    to = ("in_review", "needs_info", "approved", "closed")[number % 4]
    more: dict[str, Any] = {"decisionType": "kyc"} if number % 7 == 0 else {}
    if number % 5 == 0:
        more["assignedTo"] = (None, "Pia")[number % 2]
    body: dict[str, Any] = {"status": to, "reason": "Why", **more}
    body |= {"endOpen": True} if to == "closed" else {}
    api.verifier.patch(case(number // 4), body)


def create(api: Api, number: int) -> None:
    due = {"dueAt": (api.runtime.clock() + timedelta(days=number % 6)).isoformat()}
    new = {"id": IDS[number % 2], "decisionType": "csf", "title": "T", **due}
    if number % 4 == 3:
        new["assignedTo"] = "Pia"
    api.verifier.post("/cases", new)
    api.verifier.post("/cases", {"decisionType": "kyc", "title": "Another"})


def bring(api: Api, number: int) -> None:
    now = api.runtime.clock()
    opened_at = now - timedelta(days=number % 30, hours=number)
    status = ("new", "needs_info", "closed", "in_review", "closed")[number % 5]
    more: dict[str, Any] = {"id": IDS[2]} if number % 2 else {}
    if number % 5 == 2:
        more["closedAt"] = (opened_at + (now - opened_at) / 2).isoformat()
    if number % 3:
        more |= {"dueAt": (opened_at + timedelta(days=5)).isoformat(), "assignedTo": "Pia"}
    row = {"source": "s", "rowKey": str(number), "decisionType": "csf", "title": "Brought"}
    api.admin.post(
        "/cases:import", {**row, "createdAt": opened_at.isoformat(), "status": status, **more}
    )


def swept(name: str) -> Do:
    return lambda api, _: api.caller("scheduler").post(f"/scheduled/{name}")


STEPS: dict[str, Do] = {
    "create": create,
    "import": bring,
    "move": move,
    "move a case on": move,
    "change the type": lambda api, n: api.verifier.patch(case(n), {"decisionType": f"type-{n}"}),
    "assign a case": lambda api, n: api.pilot.patch(
        case(n), {"assignedTo": (None, "Pia", "Pat")[n % 3]}
    ),
    "claim a case": lambda api, n: api.verifier.post(f"{case(n)}:claim"),
    "note": lambda api, n: api.agent.post(
        f"{case(n)}/audit",
        {"eventType": "note_added", "message": "M", "meta": {"opened": {"at": "x"}}},
    ),
    "reopen": lambda api, n: api.pilot.post(f"{case(n)}:reopen", {"reason": "Again"}),
    "delete": lambda api, n: n % 8 or api.admin.delete(case(n // 8)),
    "close many": lambda api, _: api.pilot.post(
        "/cases:close", {"caseIds": list(IDS), "reason": "Over", "endOpen": True}
    ),
    "ask": ask,
    "ask again": ask,
    "claim": lambda api, n: api.pilot.post(f"{intervention(api, n)}:claim"),
    "release": lambda api, n: api.admin.post(f"{intervention(api, n)}:release"),
    "decide": decide,
    "decide another": decide,
    "start": start,
    "assign": lambda api, n: api.pilot.post(
        f"{intervention(api, n)}:assign", {"to": "Pia", "toSubject": "pilot-1"}
    ),
    "complete": lambda api, n: api.pilot.post(f"{intervention(api, n)}:complete", {}),
    "withdraw": lambda api, n: api.pilot.post(f"{intervention(api, n)}:withdraw", {}),
    "expire": swept("expireInterventions"),
    "close": swept("closeApprovedCases"),
    "purge": swept("purgeRecords"),
    "seal": lambda api, _: seal(api),
    "seal what is new": lambda api, _: seal(api),
}
FIRST = [("import", 7, timedelta(seconds=61))] + [
    (name, number, timedelta(seconds=61)) for number in (1, 2) for name in ("create", "ask")
]
"""How each life begins, so that there is something to change."""
step = st.tuples(
    st.sampled_from(sorted(STEPS)),
    st.integers(0, 60),
    st.sampled_from([*[timedelta(seconds=61)] * 5, timedelta(hours=7), timedelta(days=1)]),
)


def live(store: DocumentStore, tenant: str) -> dict[str, dict[str, Any]]:
    """All cases and interventions that there are, by their paths."""
    queries = [Query(f"tenants/{tenant}/{name}") for name in ("cases", "interventions")]
    rows = [row for query in queries for row in store.query(query)]
    return {row.path: row.data for row in rows if "deletedAt" not in row.data}


def trail(store: DocumentStore, tenant: str) -> list[Document]:
    rows = store.query(Query(f"tenants/{tenant}/audit"))
    return sorted(rows, key=lambda row: (row.data["createdAt"], row.id))


def standing(one: dict[str, Any]) -> Numbers:
    """What a case that is there counts for."""
    kind, status = one["decisionType"], one["status"]
    found: Numbers = Counter({("cases", kind, status): 1})
    if status not in {"approved", "closed"} and one["assignedTo"] is None:
        found["unassigned", kind] += 1
    return found


def cohort(one: dict[str, Any], *, deciders: bool) -> Numbers:
    """What an intervention that is there counts for."""
    found: Numbers = Counter()
    found["interventions", one["type"], one["priority"], one["status"]] += 1
    if (seconds := one["resolutionSeconds"]) is not None:
        ms = round(seconds * 1000)
        found["resolved", "count"] += 1
        found["resolved", "ms"] += ms
        found["resolved", "took", bucket(ms)] += 1
    if deciders and one["decision"]:
        found["deciders", one["decidedBySubject"], OUTCOMES[one["decision"]]] += 1
    return found


def happened(one: dict[str, Any], first: dict[str, Any]) -> dict[date, Numbers]:
    """What an intervention counts for on the days of its life; `first` is how it began."""
    kind = ("done", one["type"], one["priority"])
    asked, acted = (one[name] and one[name].date() for name in ("createdAt", "actionAt"))
    found: dict[date, Numbers] = {asked: Counter()}
    found[asked]["done", one["type"], first["priority"], "created"] += 1
    found[asked]["agents", one["createdBySubject"], "asked"] += 1
    tool: str = from_json(one["action"])["tool"] if one.get("action") else ""
    if lapsed_at := one.get("lapsedAt"):
        day = found.setdefault(lapsed_at.date(), Counter())
        day["agents", one["createdBySubject"], LAPSED] += 1
        day["tools", tool, LAPSED] += 1
        day[*kind, LAPSED] += 1
    status, decision = one["status"], one["decision"]
    what = OUTCOMES[decision] if decision else status
    if status in {"pending", "in_progress"}:
        return found
    day = found.setdefault(acted, Counter())
    day[*kind, what] += 1
    day["agents", one["createdBySubject"], what] += 1
    if tool:
        day["tools", tool, what] += 1
    if decision:
        ms = round(one["resolutionSeconds"] * 1000)
        day["pilots", one["decidedBySubject"], what] += 1
        day[*kind, "ms"] += ms
        day[*kind, "took", bucket(ms)] += 1
    return found


def recounted(
    now_there: dict[str, dict[str, Any]],
    ever: dict[str, dict[str, Any]],
    first: dict[str, dict[str, Any]],
    events: int,
) -> tuple[Numbers, dict[date, Numbers]]:
    """The figures of all time and of each day, from documents."""
    totals: Numbers = Counter({("events",): events})
    days: dict[date, Numbers] = {}

    def add(day: date, numbers: Numbers) -> None:
        days.setdefault(day, Counter()).update(numbers)

    for path, one in ever.items():
        if "/cases/" in path:
            if path in now_there:
                totals.update(standing(one))
            if closed_at := one["closedAt"]:
                due, done = one["dueAt"], one["clockStoppedAt"]
                ms = round((closed_at - one["createdAt"]).total_seconds() * 1000)
                kind = ("closed", one["decisionType"])
                late = due is not None and due < done
                add(closed_at.date(), Counter({(*kind, "late" if late else "inTime"): 1}))
                add(closed_at.date(), Counter({(*kind, "ms"): ms, (*kind, "took", bucket(ms)): 1}))
            continue
        if path in now_there:
            add(one["createdAt"].date(), cohort(one, deciders=True))
            totals.update(cohort(one, deciders=False))
        if one["decision"]:
            totals["deciders", one["decidedBySubject"], OUTCOMES[one["decision"]]] += 1
        if not one["createdBySubject"].startswith("agent-"):
            totals["people", one["createdBySubject"], "asked"] += 1
        for day, numbers in happened(one, first[path]).items():
            add(day, numbers)
    return totals, days


def opened(rows: Sequence[Document]) -> dict[date, Numbers]:
    """The cases that were opened on each day, by their first events: a type may change later."""
    found: dict[date, Numbers] = {}
    for row in rows:
        if row.data["eventType"] == "case_created":
            changes = {one["field"]: one["new"] for one in from_json(row.data["changes"])}
            told = from_json(row.data["meta"]).get("opened")
            at = datetime.fromisoformat(told["at"]) if told else row.data["createdAt"]
            day = found.setdefault(at.date(), Counter())
            day["opened", changes["decisionType"]] += 1
    return found


def numbers(tally: Tally) -> Numbers:
    return Counter({path: number for path, number in tally.items() if number})


def shown(store: DocumentStore, tenant: str, now: datetime) -> tuple[Numbers, dict[date, Numbers]]:
    """The figures as they are read, of whole days and up to now."""
    days_of_it = (now.date() - timedelta(days=50), now.date() + timedelta(days=3))
    found = tallies.days(store, tenant, *days_of_it, now)
    assert (found.whole, found.as_of) == (True, now)
    assert found.totals == tallies.totals(store, tenant, now).totals
    days = {day: numbers(tally) for day, tally in found.days.items()}
    return numbers(found.totals), {day: one for day, one in days.items() if one}


def of_the_last_release(row: Document) -> Document:
    """An event without what this release adds to its meta.

    There were no actions and no imports yet, of which nothing is left out.
    """
    told = from_json(row.data["meta"])
    meta = {
        name: value
        for name, value in told.items()
        if name not in OLD or "tool" in value or "imported" in told
    }
    return replace(row, data={**row.data, "meta": to_json(meta).decode()})


def counted(
    store: DocumentStore, tenant: str, rows: Sequence[Document], size: int
) -> tuple[Numbers, dict[date, Numbers]]:
    """What events count for, in passes of some size that know nothing of each other."""
    book = Book()
    for first in range(0, len(rows), size):
        for effects in Counting(store, tenant).effects(rows[first : first + size]):
            book.take(effects)
    days = {date.fromisoformat(day): numbers(one) for day, one in book.days.items()}
    return numbers(book.totals), {day: one for day, one in days.items() if one}


@pytest.mark.parametrize("config", LOADS, indirect=True)
def test_the_figures_are_what_a_recount_of_all_documents_says(
    config: Config, clock: Clock, tmp_path: Path, request: pytest.FixtureRequest, api: Api
) -> None:
    runtime = api.runtime
    runtime.config = with_keys(config, tmp_path, Ed25519PrivateKey.generate())
    store = runtime.store

    @settings(
        max_examples=LOADS[request.node.callspec.params["config"]],
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=st.lists(step, min_size=25, max_size=45), size=st.integers(1, 40))
    def lives(steps: list[tuple[str, int, timedelta]], size: int) -> None:
        # The log of the tenant before was sealed up to its end.
        clock.now += timedelta(days=60)
        api.tenant = tenant = f"t-{uuid.uuid4().hex}"
        retention = {"interventionRetentionDays": 2, "caseRetentionDays": 2, "autoCloseDays": 1}
        assert api.admin.patch("/settings", retention).status_code == 200
        ever: dict[str, dict[str, Any]] = {}
        first: dict[str, dict[str, Any]] = {}
        for name, number, wait in [*FIRST, *steps]:
            STEPS[name](api, number)
            there = live(store, tenant)
            ever |= there
            first = there | first
            clock.now += wait
        events = trail(store, tenant)
        expected = recounted(there, ever, first, len(events))
        for day, of_day in opened(events).items():
            expected[1].setdefault(day, Counter()).update(of_day)

        assert shown(store, tenant, clock.now) == expected
        assert counted(store, tenant, events[::-1], size) == expected
        old = [of_the_last_release(row) for row in events]
        assert counted(store, tenant, old, size) == expected
        seal(api)
        assert shown(store, tenant, clock.now) == expected
        *_, last = recount(store, tenant)
        assert last == len(events)
        assert shown(store, tenant, clock.now) == expected

    lives()
