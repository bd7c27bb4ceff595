"""The indexes, field overrides and expiry of `firestore.indexes.json`.

gcloud takes one of them per call, and waits for it; here a call only starts it. What the database
has and the file has not is left alone.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from deployment.deployable import ROOT
from deployment.google import Google, each

_OVERRIDDEN = "indexConfig.usesAncestorConfig:false OR ttlConfig:*"
Index = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Change:
    """A write, and what it is for."""

    what: str
    method: str
    path: str
    body: dict[str, Any]
    query: dict[str, str]


def reconcile(google: Google, database: str, *, apply: bool, say: Callable[[str], None]) -> None:
    """Starts what is missing, or says what is. Raises DeploymentError."""
    parent = _parent(google, database)
    wanted = json.loads((ROOT / "firestore.indexes.json").read_text())
    # `*` holds for all fields of a collection that have no entry of their own. Those come first, so
    # that none loses the index that it needs; and all fields before the other indexes, so that a
    # new collection gets no index that is to be removed again.
    fields = wanted["fieldOverrides"]
    steps = [
        list(_fields(google, parent, [one for one in fields if one["fieldPath"] != "*"], say)),
        list(_fields(google, parent, [one for one in fields if one["fieldPath"] == "*"], say)),
        list(_indexes(google, parent, wanted["indexes"], say)),
    ]
    for change in itertools.chain(*steps):
        say(change.what)
    if not apply:
        return
    for changes in steps:
        each(
            lambda one: google.send(one.method, "firestore", one.path, one.body, **one.query),
            changes,
        )
    if any(steps):
        say("Firestore builds them by itself; until it is done their queries are refused")


def lacking(google: Google, database: str) -> list[str]:
    """What the database has not, or has not ready, of the file. Raises DeploymentError."""
    found: list[str] = []
    parent = _parent(google, database)
    wanted = json.loads((ROOT / "firestore.indexes.json").read_text())
    changes = [
        *_fields(google, parent, wanted["fieldOverrides"], found.append),
        *_indexes(google, parent, wanted["indexes"], found.append),
    ]
    return [*(f"missing: {change.what}" for change in changes), *found]


def _parent(google: Google, database: str) -> str:
    return f"v1/projects/{google.project}/databases/{quote(database, safe='()')}/collectionGroups"


def _indexes(
    google: Google, parent: str, wanted: list[dict[str, Any]], say: Callable[[str], None]
) -> Iterator[Change]:
    there = {}
    for index in google.pages("firestore", f"{parent}/-/indexes", "indexes"):
        group = index["name"].split("/")[-3]
        there[_index({**index, "collectionGroup": group})] = index.get("state", "READY")
    for entry in wanted:
        group, scope, fields = key = _index(entry)
        columns = ", ".join(f"{name} {mode.lower()}" for name, mode in fields)
        shown = f"{group} ({columns}), {scope.lower()}"
        if key not in there:
            body = {"queryScope": scope, "fields": entry["fields"]}
            yield Change(f"index {shown}", "POST", f"{parent}/{group}/indexes", body, {})
        elif there[key] != "READY":
            say(f"{there[key].lower().replace('_', ' ')}: index {shown}")


def _index(entry: dict[str, Any]) -> Index:
    """What makes an index the same; Firestore adds the document's name to those it lists."""
    fields = [
        (field["fieldPath"], field.get("order") or field["arrayConfig"])
        for field in entry["fields"]
    ]
    if fields[-1][0] == "__name__":
        before = fields[-2][1] if len(fields) > 1 else ""
        if fields[-1][1] == ("DESCENDING" if before == "DESCENDING" else "ASCENDING"):
            fields.pop()
    return entry["collectionGroup"], entry["queryScope"], tuple(fields)


def _fields(
    google: Google, parent: str, wanted: list[dict[str, Any]], say: Callable[[str], None]
) -> Iterator[Change]:
    listed = google.pages("firestore", f"{parent}/-/fields", "fields", filter=_OVERRIDDEN)
    there = {tuple(field["name"].split("/")[-3::2]): field for field in listed}
    for entry in wanted:
        group, path = entry["collectionGroup"], entry["fieldPath"]
        found = there.get((group, path), {})
        body: dict[str, Any] = {}
        if _modes(found.get("indexConfig")) != _modes({"indexes": entry["indexes"]}):
            body["indexConfig"] = {"indexes": [_single(path, one) for one in entry["indexes"]]}
        if entry.get("ttl") and "ttlConfig" not in found:
            body["ttlConfig"] = {}
        elif entry.get("ttl") and (state := _expiry(found)) != "ACTIVE":
            say(f"{state.lower().replace('_', ' ')}: expiry of {group}.{path}")
        if body:
            yield Change(
                f"field {group}.{path}: {_shown(entry)}",
                "PATCH",
                f"{parent}/{group}/fields/{quote(path, safe='')}",
                body,
                {"updateMask": ",".join(body)},
            )


def _expiry(field: dict[str, Any]) -> str:
    """The state of a field's TTL policy: CREATING, ACTIVE or NEEDS_REPAIR."""
    state: str = field["ttlConfig"].get("state", "ACTIVE")
    return state


def _single(path: str, index: dict[str, Any]) -> dict[str, Any]:
    mode = {name: index[name] for name in ("order", "arrayConfig") if name in index}
    return {"queryScope": index["queryScope"], "fields": [{"fieldPath": path, **mode}]}


def _modes(config: dict[str, Any] | None) -> set[tuple[str, str]] | None:
    """The scopes and directions of single-field indexes; None for those inherited."""
    if config is None or config.get("usesAncestorConfig"):
        return None
    return {
        (index["queryScope"], field.get("order") or field["arrayConfig"])
        for index in config.get("indexes", ())
        for field in index.get("fields", (index,))
    }


def _shown(entry: dict[str, Any]) -> str:
    modes = sorted(_modes({"indexes": entry["indexes"]}) or ())
    indexes = ", ".join(f"{mode} {scope}".lower() for scope, mode in modes) or "no index"
    return f"{indexes}; expires" if entry.get("ttl") else indexes
