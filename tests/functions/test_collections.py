"""What a new collection below a case, and a new function that writes one, must not forget.

Each failure says what to do. What clients may read of a collection is of tests/rules, its indexes
are of test_index_safety.py, and what its functions cost is of test_costs.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic.alias_generators import to_camel
from pydantic_core import from_json, to_json

from shared.config import Config
from shared.documents.port import Document, Filter, Query
from shared.ledger.kinds.cases import CASES
from shared.ledger.kinds.worksheets import WORKSHEETS
from shared.ledger.subjects import Kind
from shared.repository.removal import PARTS
from shared.schedules import SCHEDULES
from tests.conftest import Clock
from tests.functions.support import ON_EMBEDDED
from tests.functions.tenant_support import (
    EXEMPTED,
    LAWFUL,
    MUTATIONS,
    WHY,
    World,
    below,
    opened_world,
    route,
)

pytestmark = pytest.mark.both_stores


@pytest.fixture
def world(config: Config, clock: Clock) -> Iterator[World]:
    """One tenant that has everything."""
    with opened_world(config, clock) as world:
        yield world


@ON_EMBEDDED
def test_every_collection_is_one_of_the_parts_of_a_case_or_known_to_the_indexes(
    world: World,
) -> None:
    paths = [path.split("/") for path in world.witness.written]
    below_cases = {path[4] for path in paths if path[2:3] == ["cases"] and len(path) > 4}

    forgotten = sorted(below_cases - PARTS.keys())
    assert forgotten == [], (
        f"{forgotten} would stay when their case is deleted: "
        "name them in PARTS of shared/repository/removal.py"
    )
    assert sorted(PARTS.keys() - below_cases) == [], (
        "no function of tests/functions/tenant_support.py writes these parts of a case"
    )
    unknown = sorted({path[-2] for path in paths} - EXEMPTED)
    assert unknown == [], (
        f"every field of {unknown} is indexed: add "
        '{"collectionGroup": …, "fieldPath": "*", "indexes": []} to firestore.indexes.json'
    )


def test_a_deleted_case_leaves_nothing_in_the_collections_below_it(world: World) -> None:
    admin, store = world.api.admin, world.api.runtime.store
    emptied = set()
    for case_id in (world.ids["caseId"], "DONE-THEIRS"):
        case = f"/cases/{case_id}"
        path = f"tenants/{world.api.tenant}{case}"
        for hold in admin.get(f"{case}?view=full").json["holds"]:
            admin.post(f"{case}/holds/{hold['id']}:release", WHY)
        emptied |= {row.path.split("/")[4] for row in below(store, path)}

        assert admin.delete(case).status_code == 204

        assert [row.path for row in below(store, path)] == [], (
            "stay: their removals in PARTS of shared/repository/removal.py leave some"
        )
    assert emptied == PARTS.keys()


@ON_EMBEDDED
def test_what_any_function_overwrites_or_removes_of_a_held_case_is_preserved(world: World) -> None:
    case_id, store = world.ids["caseId"], world.api.runtime.store
    case_path = CASES.path(world.api.tenant, case_id)
    lost = set()
    for name, asks in MUTATIONS.items():
        if "{caseId}" not in route(name).path or name == "release_hold":
            continue
        for number, ask in enumerate(asks):
            before = texts_of(world, case_path)
            request = world.request(name, ask)._replace(key=f"held-{name}-{number}")
            world.send(request, ask.role, world.api.tenant)
            after = texts_of(world, case_path)
            kept = [
                (row.data["collection"], row.data["name"], from_json(row.data["content"]))
                for row in store.query(Query(f"{case_path}/preserved"))
            ]
            for (collection, one), former in before.items():
                now = after.get((collection, one), {})
                gone = {name: text for name, text in former.items() if now.get(name) != text}
                if gone:
                    lost.add(name)
                    found = [text for *what, text in kept if what == [collection, one]]
                    assert any(gone.items() <= text.items() for text in found), (
                        f"{name} loses {sorted(gone)} of {collection}/{one}: "
                        "name the fields in `kept` of its module in shared/ledger/kinds"
                    )

    assert lost == {
        "put_evidence",
        "update_evidence",
        "remove_evidence",
        "update_case",
        "save_worksheet",
    }


@ON_EMBEDDED
def test_no_function_changes_an_event_but_the_one_that_erases(world: World) -> None:
    changing = set()
    second = world.api.caller("admin", "second")
    body = {**LAWFUL, "subject": "cases/DONE-THEIRS"}
    world.ids["erasureId"] = second.post("/audit:erase", body).json["id"]
    for name, asks in MUTATIONS.items():
        for number, ask in enumerate(asks):
            world.witness.changed.clear()
            request = world.request(name, ask)._replace(key=f"again-{name}-{number}")
            world.send(request, "admin", world.api.tenant)
            changing |= {name for path in world.witness.changed if "/audit/" in path}
    world.witness.changed.clear()
    scheduler = world.api.caller("scheduler")
    for schedule in SCHEDULES:
        scheduler.post(schedule.path.removeprefix("/v1"))

    assert changing == {"confirm_erasure"}, (
        "an event is changed by nothing but shared/repository/erasure.py: add another instead"
    )
    assert [path for path in world.witness.changed if "/audit/" in path] == []


def texts_of(world: World, case_path: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The texts of a case, its worksheets and all that is below it, by collection and name."""
    store, root = world.api.runtime.store, f"tenants/{world.api.tenant}"
    found = {
        (row.path.split("/")[-2], row.id): from_json(to_json(row.data))
        for row in below(store, case_path)
    }
    case = store.get(case_path)
    assert case
    assert case.data["legalHold"] is True
    of_case = (Filter("caseId", "==", case.id),)
    rows: list[tuple[Kind[Any], Document]] = [(CASES, case)]
    rows += [(WORKSHEETS, row) for row in store.query(Query(f"{root}/worksheets", of_case))]
    for kind, row in rows:
        names = [to_camel(name) for name in kind.kept]
        found[kind.collection, row.id] = {name: row.data[name] for name in names}
    return found
