"""The functions: which of them have changed, how gcloud deploys one, and who may call it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deployment.deployable import LABEL, RUNTIME, Deployable, Place
from deployment.google import Google, each
from deployment.project import Command, command, members

INVOKER = "roles/run.invoker"
EVERYBODY = "allUsers"
_TOO_MANY = (EVERYBODY, "allAuthenticatedUsers")


def deployed(google: Google, place: Place) -> dict[str, dict[str, Any]]:
    """The functions that the region has, by name."""
    path = f"v2/projects/{place.project}/locations/{place.region}/functions"
    listed = google.pages("cloudfunctions", path, "functions", pageSize="200")
    return {function["name"].rpartition("/")[2]: function for function in listed}


def changed(
    functions: Sequence[Deployable], there: dict[str, dict[str, Any]], place: Place, work: Path
) -> Iterator[Command]:
    """Deploys the functions that are missing or differ; the source is in `work`."""
    for function in functions:
        found = there.get(function.name, {})
        current = found.get("labels", {}).get(LABEL) == function.release
        # A failed deployment has the label too.
        if not current or found.get("state") != "ACTIVE":
            yield Command(function.name, tuple(_arguments(function, place, work)))


def others(functions: Sequence[Deployable], there: dict[str, dict[str, Any]]) -> list[str]:
    """The functions that were deployed before and are not deployed now."""
    ours = {name for name, found in there.items() if LABEL in found.get("labels", {})}
    return sorted(ours - {function.name for function in functions})


def _arguments(function: Deployable, place: Place, work: Path) -> Iterator[str]:
    given = function.resources
    variables = work / f"{function.name}.env.json"
    variables.write_text(json.dumps(function.environment))
    yield from ("functions", "deploy", function.name, "--gen2", f"--region={place.region}")
    yield from (f"--runtime={RUNTIME}", "--trigger-http", f"--entry-point={function.entry_point}")
    yield f"--source={work / 'source'}"
    yield "--no-allow-unauthenticated" if function.scheduled else "--allow-unauthenticated"
    yield from (f"--memory={given.memory}", f"--cpu={given.cpu}", f"--timeout={given.timeout}s")
    yield f"--concurrency={given.concurrency}"
    yield f"--min-instances={given.min_instances}"
    yield f"--max-instances={given.max_instances}"
    # JSON is YAML, and holds values with commas too.
    yield f"--env-vars-file={variables}"
    if function.secrets:
        pairs = (f"{variable}={secret}" for variable, secret in sorted(function.secrets.items()))
        yield f"--set-secrets={','.join(pairs)}"
    else:
        yield "--clear-secrets"
    yield f"--service-account={place.account('functions')}"
    builder = place.account("build")
    yield f"--build-service-account=projects/{place.project}/serviceAccounts/{builder}"
    # Also if someone has sent the traffic to an older revision.
    yield "--serve-all-traffic-latest-revision"
    yield f"--update-labels={LABEL}={function.release}"


def invokers(
    google: Google,
    functions: Sequence[Deployable],
    there: dict[str, dict[str, Any]],
    place: Place,
) -> Iterator[Command]:
    """Lets everybody call functions that check the token themselves, and the scheduler its own."""
    known = [function for function in functions if function.name in there]
    names = [there[function.name]["serviceConfig"]["service"] for function in known]
    policies = each(lambda name: google.get("run", f"v2/{name}:getIamPolicy"), names)
    for function, name, policy in zip(known, names, policies, strict=True):
        has = members(policy, INVOKER)
        scheduler = f"serviceAccount:{place.account('scheduler')}"
        wanted = scheduler if function.scheduled else EVERYBODY
        service = name.rpartition("/")[2]
        if wanted not in has:
            yield _binding("add", service, wanted, place)
        for member in _TOO_MANY if function.scheduled else ():
            if member in has:
                yield _binding("remove", service, member, place)


def _binding(verb: str, service: str, member: str, place: Place) -> Command:
    what = "let {} call {}" if verb == "add" else "stop {} from calling {}"
    return command(
        what.format(member, service),
        f"run services {verb}-iam-policy-binding",
        service,
        f"--region={place.region}",
        f"--member={member}",
        f"--role={INVOKER}",
    )
