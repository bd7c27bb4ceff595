"""The security rules of `firestore.rules`, which gcloud has no command for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from deployment.deployable import ROOT
from deployment.google import DeploymentError, Google

_SERVICE = "firebaserules"
_FILE = "firestore.rules"


def reconcile(
    google: Google,
    database: str,
    *,
    apply: bool,
    say: Callable[[str], None],
    names: tuple[str, str] = ("tenant", "role"),
) -> None:
    """Releases the rules unless they are in force already. Raises DeploymentError.

    `names` are those of the claims of a member's tenant and role.
    """
    project = f"projects/{google.project}"
    text = _ours(names)
    name = _release(google, database)
    release = google.get(_SERVICE, f"v1/{name}")
    if _is(text, google, release):
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


def with_claims(rules: str, tenant: str, role: str) -> str:
    """The rules with these claims in place of `tenant` and `role`, which then count nothing."""
    if (tenant, role) == ("tenant", "role"):
        return rules
    names = {"tenant": tenant, "role": role}
    claim = r"\brequest\.auth\.token\.(tenant|role)\b"
    return re.sub(claim, lambda found: f"request.auth.token['{names[found[1]]}']", rules)


def in_force(google: Google, database: str, names: tuple[str, str]) -> bool:
    """Whether the file's rules with these claims are in force. Raises DeploymentError."""
    release = google.get(_SERVICE, f"v1/{_release(google, database)}")
    return _is(_ours(names), google, release)


def _ours(names: tuple[str, str]) -> str:
    return with_claims((ROOT / _FILE).read_text(), *names)


def _release(google: Google, database: str) -> str:
    suffix = "" if database == "(default)" else f"/{database}"
    return f"projects/{google.project}/releases/cloud.firestore{suffix}"


def _is(text: str, google: Google, release: dict[str, Any] | None) -> bool:
    return bool(release and _text(google.get(_SERVICE, f"v1/{release['rulesetName']}")) == text)


def _text(ruleset: dict[str, Any] | None) -> str:
    files = (ruleset or {}).get("source", {}).get("files", ())
    return "".join(file["content"] for file in files)
