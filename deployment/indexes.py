"""The indexes, field overrides and expiry of `firestore.indexes.json`.

gcloud takes one of them per call. Here each is one write, one after the other: Firestore refuses
several at once in a database that is new (409, "contention"; the first write alone makes what the
others need: firebase-tools 1120, magic-modules 9329 and 9515). What the database has and the file
has not is left alone, and so are indexes of kinds that the file has none of: vector, search.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from deployment.deployable import ROOT
from deployment.google import Change, DeploymentError, Google

_OVERRIDDEN = "indexConfig.usesAncestorConfig:false OR ttlConfig:*"
_PAUSES = (0.5, 2.0, *(10.0,) * 360)
"""Seconds between looks at what is built: an hour. An empty database takes minutes; millions of
documents take hours, and the next run goes on waiting."""
_ATTEMPTS = 8
Index = tuple[str, str, tuple[tuple[str, str], ...]]
Say = Callable[[str], None]


def reconcile(google: Google, database: str, *, apply: bool, say: Say) -> list[str]:
    """Starts what is missing, or says what is; gives the names of the operations.

    Raises DeploymentError.
    """
    parent = _parent(google, database)
    changes = list(missing(google, parent, say))
    started = []
    for change in changes:
        say(change.what)
        if apply and (operation := _made(google, change).get("name")):
            started.append(str(operation))
    return started


def missing(google: Google, parent: str, say: Say) -> Iterator[Change]:
    """What has to be written, in the order in which it has to be."""
    wanted = json.loads((ROOT / "firestore.indexes.json").read_text())
    # `*` holds for all fields of a collection that have no entry of their own. Those come first, so
    # that none loses the index that it needs; and all fields before the other indexes, so that a
    # new collection gets no index that is to be removed again.
    fields = wanted["fieldOverrides"]
    yield from _fields(google, parent, [one for one in fields if one["fieldPath"] != "*"])
    yield from _fields(google, parent, [one for one in fields if one["fieldPath"] == "*"])
    yield from _indexes(google, parent, wanted["indexes"], say)


def await_ready(google: Google, database: str, started: list[str], say: Say) -> None:
    """Waits until the operations are over and all that the file names is usable.

    Raises DeploymentError, which names what failed, or what is not ready within an hour.
    """
    pauses = iter(_PAUSES)
    failed: list[str] = []
    parent, pending, building = _parent(google, database), list(started), {"": ""}
    while pending or building:
        outcomes = [(name, _outcome(google, name)) for name in pending]
        failed += [text for _, text in outcomes if text]
        pending = [name for name, text in outcomes if text is None]
        building = {} if pending else _unready(google, parent)
        broken = failed or "NEEDS_REPAIR" in building.values()
        if (broken and not pending) or (pause := next(pauses, None)) is None:
            break
        if pending or building:
            say(f"Firestore builds {len(pending) or len(building)} indexes and fields")
            time.sleep(pause)
    failed += [f"still under way after an hour: {name}" for name in pending]
    absent = [change.what for change in missing(google, parent, lambda _: None)]
    if failed or building or absent:
        broken = [*failed, *(f"{state.lower()}: {name}" for name, state in building.items())]
        raise DeploymentError(
            "these are not ready, and queries that need them are answered with 503 or 500:\n  "
            + "\n  ".join([*broken, *(f"absent: {what}" for what in absent)])
            + "\nRun it again to go on; --no-wait deploys the functions without waiting"
        )


def lacking(google: Google, database: str) -> list[str]:
    """What the database has not, or has not ready, of the file. Raises DeploymentError."""
    parent = _parent(google, database)
    absent = [change.what for change in missing(google, parent, lambda _: None)]
    unready = [f"{state.lower()}: {name}" for name, state in _unready(google, parent).items()]
    return [*(f"absent: {what}" for what in absent), *unready]


def _parent(google: Google, database: str) -> str:
    return f"v1/projects/{google.project}/databases/{quote(database, safe='()')}/collectionGroups"


def _made(google: Google, change: Change) -> dict[str, Any]:
    """Makes a change; one that is contended, or comes before its database, is made again."""
    for attempt in range(_ATTEMPTS):
        response = google.send(
            change.method, change.service, change.path, change.body, **change.query
        )
        if response is not None:
            return response
        # None is 404, or 409 ALREADY_EXISTS: only the list can tell whether it is there.
        if change.method == "POST" and _is_there(google, change):
            break
        time.sleep(min(30.0, 2.0**attempt))
    else:
        raise DeploymentError(f"Firestore does not know where to put {change.what}")
    return {}


def _is_there(google: Google, change: Change) -> bool:
    parent, _, group = change.path.removesuffix("/indexes").rpartition("/")
    key = _index({**change.body, "collectionGroup": group})
    return key in _there(google, parent)


def _outcome(google: Google, name: str) -> str | None:
    """Why an operation failed, empty if it did not, None if it is not over."""
    found = google.get("firestore", f"v1/{name}")
    if found is None:  # operations are forgotten after a while
        return ""
    if not found.get("done"):
        return None
    if not (error := found.get("error")):
        return ""
    index = found.get("metadata", {}).get("index", name).partition("collectionGroups/")[2]
    return f"failed: {index or name}: {error.get('message', '')}"


def _there(google: Google, parent: str) -> dict[Index, str]:
    """The state of each index of a kind that the file knows."""
    found = {}
    for index in google.pages("firestore", f"{parent}/-/indexes", "indexes"):
        group = index["name"].split("/")[-3]
        if key := _index({**index, "collectionGroup": group}):
            found[key] = index.get("state", "READY")
    return found


def _unready(google: Google, parent: str) -> dict[str, str]:
    """What the file names and Firestore still builds, or cannot build, with its state."""
    wanted = json.loads((ROOT / "firestore.indexes.json").read_text())
    there = _there(google, parent)
    keys = [key for entry in wanted["indexes"] if (key := _index(entry))]
    return {_named(key): there[key] for key in keys if there.get(key, "READY") != "READY"} | {
        f"expiry of {group}.{path}": state
        for (group, path), field in _listed_fields(google, parent).items()
        if any(
            (one["collectionGroup"], one["fieldPath"]) == (group, path) and one.get("ttl")
            for one in wanted["fieldOverrides"]
        )
        and (state := field.get("ttlConfig", {}).get("state", "ACTIVE")) != "ACTIVE"
    }


def _indexes(
    google: Google, parent: str, wanted: list[dict[str, Any]], say: Say
) -> Iterator[Change]:
    there = _there(google, parent)
    for entry in wanted:
        key = _index(entry)
        if not key:
            raise DeploymentError(f"firestore.indexes.json has an index of another kind: {entry}")
        group, scope, _ = key
        if key not in there:
            body = {"queryScope": scope, "fields": entry["fields"]}
            path = f"{parent}/{group}/indexes"
            yield Change(f"index {_named(key)}", "POST", "firestore", path, body)
        elif there[key] != "READY":
            say(f"{there[key].lower().replace('_', ' ')}: index {_named(key)}")


def _named(key: Index) -> str:
    group, scope, fields = key
    columns = ", ".join(f"{name} {mode.lower()}" for name, mode in fields)
    return f"{group} ({columns}), {scope.lower()}"


def _index(entry: dict[str, Any]) -> Index | None:
    """What makes an index the same; Firestore adds the document's name to those it lists.

    None for an index of another kind: vector, search, of another API, or for analysis.
    """
    fields = []
    for field in entry.get("fields", ()):
        if not (mode := field.get("order") or field.get("arrayConfig")):
            return None
        fields.append((field["fieldPath"], mode))
    if not fields or entry.get("apiScope", "ANY_API") != "ANY_API":
        return None
    if fields[-1][0] == "__name__":
        before = fields[-2][1] if len(fields) > 1 else ""
        if fields[-1][1] == ("DESCENDING" if before == "DESCENDING" else "ASCENDING"):
            fields.pop()
    return entry["collectionGroup"], entry["queryScope"], tuple(fields)


def _listed_fields(google: Google, parent: str) -> dict[tuple[str, str], dict[str, Any]]:
    listed = google.pages("firestore", f"{parent}/-/fields", "fields", filter=_OVERRIDDEN)
    return {_group_and_path(field["name"]): field for field in listed}


def _group_and_path(name: str) -> tuple[str, str]:
    group, _, path = name.partition("/collectionGroups/")[2].partition("/fields/")
    return group, path


def _fields(google: Google, parent: str, wanted: list[dict[str, Any]]) -> Iterator[Change]:
    there = _listed_fields(google, parent)
    for entry in wanted:
        group, path = entry["collectionGroup"], entry["fieldPath"]
        found = there.get((group, path), {})
        body: dict[str, Any] = {}
        if _modes(found.get("indexConfig")) != _modes({"indexes": entry["indexes"]}):
            foreign = [one for one in found.get("indexConfig", {}).get("indexes", ()) if _odd(one)]
            ours = [_single(path, one) for one in entry["indexes"]]
            body["indexConfig"] = {"indexes": [*ours, *foreign]}
        if entry.get("ttl") and "ttlConfig" not in found:
            body["ttlConfig"] = {}
        if body:
            yield Change(
                f"field {group}.{path}: {_shown(entry)}",
                "PATCH",
                "firestore",
                f"{parent}/{group}/fields/{quote(path, safe='')}",
                body,
                {"updateMask": ",".join(body)},
            )


def _single(path: str, index: dict[str, Any]) -> dict[str, Any]:
    mode = {name: index[name] for name in ("order", "arrayConfig") if name in index}
    return {"queryScope": index["queryScope"], "fields": [{"fieldPath": path, **mode}]}


def _odd(index: dict[str, Any]) -> bool:
    """Whether a single-field index is of a kind that the file has none of."""
    fields = index.get("fields", (index,))
    return any(not (field.get("order") or field.get("arrayConfig")) for field in fields)


def _modes(config: dict[str, Any] | None) -> set[tuple[str, str]] | None:
    """The scopes and directions of single-field indexes; None for those inherited."""
    if config is None or config.get("usesAncestorConfig"):
        return None
    return {
        (index["queryScope"], field.get("order") or field["arrayConfig"])
        for index in config.get("indexes", ())
        if not _odd(index)
        for field in index.get("fields", (index,))
    }


def _shown(entry: dict[str, Any]) -> str:
    modes = sorted(_modes({"indexes": entry["indexes"]}) or ())
    indexes = ", ".join(f"{mode} {scope}".lower() for scope, mode in modes) or "no index"
    return f"{indexes}; expires" if entry.get("ttl") else indexes
