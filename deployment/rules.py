"""The security rules of `firestore.rules`, which gcloud has no command for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deployment.deployable import ROOT
from deployment.google import DeploymentError, Google

_SERVICE = "firebaserules"
_FILE = "firestore.rules"


def reconcile(google: Google, database: str, *, apply: bool, say: Callable[[str], None]) -> None:
    """Releases the rules unless they are in force already. Raises DeploymentError."""
    project = f"projects/{google.project}"
    text = (ROOT / _FILE).read_text()
    name = _release(google, database)
    release = google.get(_SERVICE, f"v1/{name}")
    if _is_ours(google, release):
        return
    say(f"release {_FILE}")
    if not apply:
        return
    source = {"source": {"files": [{"name": _FILE, "content": text}]}}
    made = google.send("POST", _SERVICE, f"v1/{project}/rulesets", source)
    if made is None:
        raise DeploymentError(f"Firebase Rules does not know the project {google.project}")
    body = {"name": name, "rulesetName": made["name"]}
    if release:
        google.send("PATCH", _SERVICE, f"v1/{name}", {"release": body})
    else:
        google.send("POST", _SERVICE, f"v1/{project}/releases", body)


def in_force(google: Google, database: str) -> bool:
    """Whether the rules in force are those of the file. Raises DeploymentError."""
    return _is_ours(google, google.get(_SERVICE, f"v1/{_release(google, database)}"))


def _release(google: Google, database: str) -> str:
    suffix = "" if database == "(default)" else f"/{database}"
    return f"projects/{google.project}/releases/cloud.firestore{suffix}"


def _is_ours(google: Google, release: dict[str, Any] | None) -> bool:
    if not release:
        return False
    ruleset = google.get(_SERVICE, f"v1/{release['rulesetName']}")
    return _text(ruleset) == (ROOT / _FILE).read_text()


def _text(ruleset: dict[str, Any] | None) -> str:
    files = (ruleset or {}).get("source", {}).get("files", ())
    return "".join(file["content"] for file in files)
