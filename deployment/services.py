"""The functions as Cloud Run services: described, compared with what is there, and applied.

A service is described as `gcloud run services replace` reads it (a Knative service; JSON is YAML).
All are the same image and differ by `FUNCTION_TARGET` and their line of the table.

Cloud Run's own check of the caller (IAM) is off for all of them: every function checks the token
itself. Behind that check the platform removes the signature of the caller's token, so the function
could not (https://cloud.google.com/run/docs/troubleshooting#signature-removed).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deployment.deployable import LABEL, Deployable, Place
from deployment.gcloud import Command, Gcloud, command
from deployment.google import DeploymentError, Google, each
from deployment.key_files import KEY_FILES

OPEN = "run.googleapis.com/invoker-iam-disabled"
_MAX = "autoscaling.knative.dev/maxScale"
_MIN = "autoscaling.knative.dev/minScale"
_NETWORK = "run.googleapis.com/network-interfaces"
_EGRESS = "run.googleapis.com/vpc-access-egress"
_GENERATION = "run.googleapis.com/execution-environment"
_OWNED = (_MAX, _MIN, _NETWORK, _EGRESS, _GENERATION)
_WHOLE_CPU = 1000
_MEBI = {"Mi": 1, "Gi": 1024}


def described(
    function: Deployable, place: Place, image: str, release: str, public_url: str
) -> dict[str, Any]:
    """The service of a function, from an image by its digest; `public_url` may be empty."""
    given = function.resources
    annotations = {_MAX: str(given.max_instances), **_network(function.environment)}
    if given.cpu < _WHOLE_CPU:
        annotations[_GENERATION] = "gen1"  # a fraction of a CPU needs it
    volumes, mounts = _volumes(function)
    container = {
        "image": image,
        "env": _variables(function, place, public_url),
        "resources": {"limits": {"cpu": f"{given.cpu}m", "memory": given.memory}},
        **mounts,
    }
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": function.name,
            "labels": {LABEL: release},
            "annotations": {OPEN: "true", "run.googleapis.com/ingress": "all"},
        },
        "spec": {
            "template": {
                "metadata": {"annotations": annotations},
                "spec": {
                    "containerConcurrency": given.concurrency,
                    "timeoutSeconds": given.timeout,
                    "serviceAccountName": place.account("functions"),
                    "containers": [container],
                    **volumes,
                },
            },
            # Also if someone has sent the traffic to an older revision.
            "traffic": [{"latestRevision": True, "percent": 100}],
        },
    }


def _volumes(function: Deployable) -> tuple[dict[str, Any], dict[str, Any]]:
    """The keys as files, for the functions that have them: the volumes, and their places."""
    found = [one for one in KEY_FILES if one.variable in function.environment]
    if not found:
        return {}, {}
    # The newest version, as it is when an instance starts.
    volumes = [
        {
            "name": one.name,
            "secret": {
                "secretName": one.secret,
                "items": [{"key": "latest", "path": one.file}],
            },
        }
        for one in found
    ]
    mounts = [{"name": one.name, "mountPath": one.directory} for one in found]
    return {"volumes": volumes}, {"volumeMounts": mounts}


def _network(environment: Mapping[str, str]) -> dict[str, str]:
    """Direct VPC egress, for a Redis at a private address; only those addresses go through it."""
    if not (network := environment.get("CASELEDGER_VPC")):
        return {}
    name, _, subnetwork = network.partition("/")
    interface = {"network": name, "subnetwork": subnetwork or name}
    return {_NETWORK: json.dumps([interface]), _EGRESS: "private-ranges-only"}


def _variables(function: Deployable, place: Place, public_url: str) -> list[dict[str, Any]]:
    values = {name: text for name, text in function.environment.items() if name != "CASELEDGER_VPC"}
    values |= {"FUNCTION_TARGET": function.entry_point, "FUNCTION_SOURCE": function.source}
    if "CASELEDGER_SCHEDULER_EMAIL" in values:
        values["CASELEDGER_SCHEDULER_AUDIENCE"] = place.url(function.name)
    if public_url:
        values["CASELEDGER_PUBLIC_URL"] = public_url
    found: list[dict[str, Any]] = [{"name": name, "value": text} for name, text in values.items()]
    for variable, reference in function.secrets.items():
        secret, _, version = reference.partition(":")
        key = {"secretKeyRef": {"name": secret, "key": version}}
        found.append({"name": variable, "valueFrom": key})
    return sorted(found, key=lambda one: str(one["name"]))


def live(google: Google, place: Place) -> dict[str, dict[str, Any]]:
    """The services that the region has, by name. Raises DeploymentError."""
    found: dict[str, dict[str, Any]] = {}
    start = ""
    while True:
        # Knative's lists go on by `continue` (run/docs/reference/rest/v1/namespaces.services/list).
        query = {"limit": "100", **({"continue": start} if start else {})}
        page = google.get("run", f"v1/{place.parent}/services", **query) or {}
        found |= {one["metadata"]["name"]: one for one in page.get("items", ())}
        if not (start := page.get("metadata", {}).get("continue", "")):
            return found


def differing(wanted: dict[str, Any], found: dict[str, Any] | None) -> list[str]:
    """In what a service differs from its description: fields, or what else is wrong with it."""
    if found is None:
        return ["it is new"]
    want, have = _owned(wanted), _owned(found)
    changed = [name for name in want if want[name] != have[name]]
    ready = [one for one in found.get("status", {}).get("conditions", ()) if one["type"] == "Ready"]
    if not changed and not any(one["status"] == "True" for one in ready):
        changed = ["it is not ready"]
    return changed


def _owned(service: dict[str, Any]) -> dict[str, Any]:
    """What we decide of a service, in one form: Cloud Run writes 1 CPU as `1` or `1000m`."""
    metadata, spec = service["metadata"], service["spec"]
    template = spec["template"]
    inner = template["spec"]
    container, *others = inner["containers"]
    annotations = template.get("metadata", {}).get("annotations", {})
    limits = container.get("resources", {}).get("limits", {})
    traffic = [
        (one.get("latestRevision", False), one.get("percent", 0), one.get("tag", ""))
        for one in spec.get("traffic", ())
    ]
    return {
        "release": metadata.get("labels", {}).get(LABEL),
        "check of the caller": metadata.get("annotations", {}).get(OPEN, "false"),
        "ingress": metadata.get("annotations", {}).get("run.googleapis.com/ingress", "all"),
        "image": container.get("image"),
        "command": (container.get("command", []), container.get("args", []), len(others)),
        "environment": {one["name"]: _value(one) for one in container.get("env", ())},
        "files": [
            (one.get("mountPath"), _secret_of(inner, one.get("name")))
            for one in container.get("volumeMounts", ())
        ],
        "cpu": _cpu(limits.get("cpu", "1000m")),
        "memory": _memory(limits.get("memory", "512Mi")),
        "concurrency": inner.get("containerConcurrency"),
        "timeout": inner.get("timeoutSeconds"),
        "service account": inner.get("serviceAccountName"),
        "scaling and network": {
            name: _json(annotations[name]) for name in _OWNED if annotations.get(name, "0") != "0"
        },
        "traffic": sorted(traffic),
    }


def _value(variable: dict[str, Any]) -> Any:
    key = variable.get("valueFrom", {}).get("secretKeyRef")
    return (key["name"], key["key"]) if key else variable.get("value", "")


def _secret_of(inner: dict[str, Any], name: str) -> Any:
    """The secret and the files of a volume."""
    volumes = [one for one in inner.get("volumes", ()) if one["name"] == name]
    found = volumes[0].get("secret", {}) if volumes else {}
    items = [(one["key"], one["path"]) for one in found.get("items", ())]
    return found.get("secretName"), items


def _cpu(text: str) -> float:
    return float(text[:-1]) if text.endswith("m") else 1000 * float(text)


def _memory(text: str) -> float | str:
    unit = text[-2:]
    return _MEBI[unit] * float(text[:-2]) if unit in _MEBI else text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def changes(
    wanted: Sequence[dict[str, Any]], there: Mapping[str, dict[str, Any]], place: Place, work: Path
) -> Iterator[Command]:
    """Applies the services that differ from their descriptions."""
    for service in wanted:
        name = service["metadata"]["name"]
        if not (why := differing(service, there.get(name))):
            continue
        file = work / f"{name}.service.json"
        file.write_text(json.dumps(service, indent=1))
        what = f"apply {name}: {', '.join(why)}"
        yield command(what, "run services replace", str(file), f"--region={place.region}")


def apply(gcloud: Gcloud, commands: Sequence[Command]) -> None:
    """Makes the calls, a few at once; all that can be done is done. Raises DeploymentError."""

    def one(change: Command) -> str:
        gcloud.say(change.what)
        try:
            gcloud.call(change)
        except DeploymentError as error:
            return str(error)
        return ""

    if failed := [text for text in each(one, commands) if text]:
        raise DeploymentError("\n\n".join(failed))


def others(wanted: Sequence[dict[str, Any]], there: Mapping[str, dict[str, Any]]) -> list[str]:
    """Our services that were deployed before and are not deployed now."""
    ours = {name for name, one in there.items() if LABEL in one["metadata"].get("labels", {})}
    return sorted(ours - {service["metadata"]["name"] for service in wanted})
