"""What a new collection below a case, and a new function that writes one, must not forget.

Each failure says what to do. What clients may read of a collection is of tests/rules, its indexes
are of test_index_safety.py, and what its functions cost is of test_costs.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.config import Config
from shared.repository.removal import PARTS
from tests.conftest import Clock
from tests.functions.support import ON_EMBEDDED
from tests.functions.tenant_support import (
    EXEMPTED,
    MUTATIONS,
    WHY,
    World,
    below,
    opened_world,
    route,
)

OVERWRITES = {"put_evidence", "update_evidence", "remove_evidence"}
"""Functions that change or remove what is below a case although it is held."""


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
def test_what_is_below_a_held_case_is_changed_and_removed_by_no_other_function_than_known(
    world: World,
) -> None:
    path = f"tenants/{world.api.tenant}/cases/{world.ids['caseId']}"
    store = world.api.runtime.store
    found = set()
    for name, asks in MUTATIONS.items():
        if "{caseId}" not in route(name).path or name == "release_hold":
            continue
        for number, ask in enumerate(asks):
            before = {row.path: row.data for row in below(store, path)}
            request = world.request(name, ask)._replace(key=f"held-{name}-{number}")
            world.send(request, ask.role, world.api.tenant)
            after = {row.path: row.data for row in below(store, path)}
            if any(after.get(kept) != data for kept, data in before.items()):
                found.add(name)

    case = store.get(path)
    assert case
    assert case.data["legalHold"] is True
    assert sorted(found - OVERWRITES) == [], (
        f"{sorted(found - OVERWRITES)} lose what a legal hold is to keep: "
        "raise errors.Held while `case.legal_hold`"
    )
    assert found == OVERWRITES
