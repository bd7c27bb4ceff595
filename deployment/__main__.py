"""The steps of `deploy.sh`: they compare what the project has with what it should have.

A step prints the missing calls of gcloud, one a line, which deploy.sh makes or shows. Where gcloud
has no suitable command (indexes, rules, jobs), the step makes the change itself, or with --dry-run
shows it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from deployment import functions, indexes, project, rules
from deployment.deployable import Deployable, Place, secrets
from deployment.google import DeploymentError, Google

_PROJECT = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
_REGION = r"[a-z]+-[a-z]+\d{1,2}"
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_RELEASE = "release.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a step; gives the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return _STEPS[arguments.step](arguments) or 0
    except DeploymentError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deployment", description=__doc__, allow_abbrev=False
    )
    add = parser.add_argument
    add("step", choices=_STEPS)
    add("--project", required=True, type=_like(_PROJECT, "a project's id"))
    add("--region", required=True, type=_like(_REGION, "a region, like europe-west1"))
    add("--work", required=True, type=Path, help="a directory for what is staged")
    add("--one-service", action="store_true")
    add("--gateway", action="store_true")
    add("--dry-run", action="store_true")
    add("--alerts", metavar="EMAIL", type=_like(_EMAIL, "an email address"))
    add("functions", nargs="*")
    return parser


def _like(pattern: str, what: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return text

    return check


def _stage(given: argparse.Namespace) -> None:
    """Checks everything that can be checked here, and writes down what is to be deployed."""
    if given.gateway and given.functions:
        raise DeploymentError("--gateway routes every function: name none")
    from deployment import staging  # noqa: PLC0415 - it loads every function

    names = staging.chosen(given.functions, one_service=given.one_service)
    source = given.work / "source"
    staging.stage(source)
    found = staging.deployables(names, _place(given), os.environ, source)
    (given.work / _RELEASE).write_text(json.dumps([one.to_json() for one in found]))


def _services(given: argparse.Namespace) -> None:
    mounted = bool(secrets(os.environ))
    alerts = bool(given.alerts)
    wanted = project.services(_google(given), secrets=mounted, gateway=given.gateway, alerts=alerts)
    _print(wanted)


def _accounts(given: argparse.Namespace) -> None:
    _print(project.accounts(_google(given), _place(given), gateway=given.gateway))


def _database(given: argparse.Namespace) -> None:
    location = os.environ.get("CASELEDGER_DATABASE_LOCATION") or given.region
    _print(project.database(_google(given), _place(given), _database_name(), location))


def _roles(given: argparse.Namespace) -> None:
    _print(project.roles(_google(given), _place(given), secrets(os.environ)))


def _indexes(given: argparse.Namespace) -> None:
    google, apply = _google(given), not given.dry_run
    indexes.reconcile(google, _database_name(), apply=apply, say=_say)
    rules.reconcile(google, _database_name(), apply=apply, say=_say)


def _functions(given: argparse.Namespace) -> None:
    there = functions.deployed(_google(given), _place(given))
    released = _released(given)
    _print(functions.changed(released, there, _place(given), given.work))
    if not given.functions and (others := functions.others(released, there)):
        print(  # noqa: T201
            f"  there too, and left alone: {', '.join(others)}; "
            "`gcloud functions delete` removes what is not called any more",
            file=sys.stderr,
        )


def _invokers(given: argparse.Namespace) -> None:
    google, place = _google(given), _place(given)
    there = functions.deployed(google, place)
    _print(functions.invokers(google, _released(given), there, place))


def _jobs(given: argparse.Namespace) -> None:
    from deployment import jobs  # noqa: PLC0415 - a second of imports, for this step only

    google, place = _google(given), _place(given)
    there = set(functions.deployed(google, place))
    if given.dry_run:
        there |= {function.name for function in _released(given)}
    jobs.reconcile(google, place, there, one_service=given.one_service, apply=not given.dry_run)


def _gateway(given: argparse.Namespace) -> None:
    from deployment import gateway  # noqa: PLC0415 - it loads every function

    _print(gateway.plan(_google(given), _place(given), given.work, one_service=given.one_service))


def _alerts(given: argparse.Namespace) -> None:
    from deployment import alerts  # noqa: PLC0415 - it is asked for seldom

    if not given.alerts:
        raise DeploymentError("--alerts needs the address that alerts are sent to")
    alerts.reconcile(_google(given), given.alerts, apply=not given.dry_run, say=_say)


def _verify(given: argparse.Namespace) -> int:
    from deployment import verify  # noqa: PLC0415 - it loads every function

    address = verify.address(_place(given), os.environ, one_service=given.one_service)
    found = verify.target(_place(given), os.environ, address, _database_name())
    return verify.report(replace(found, differing=lambda: _differing(given)))


def _differing(given: argparse.Namespace) -> list[str]:
    there = functions.deployed(_google(given), _place(given))
    changes = functions.changed(_released(given), there, _place(given), given.work)
    return [change.what for change in changes]


_STEPS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "stage": _stage,
    "services": _services,
    "accounts": _accounts,
    "database": _database,
    "roles": _roles,
    "indexes": _indexes,
    "functions": _functions,
    "invokers": _invokers,
    "jobs": _jobs,
    "gateway": _gateway,
    "alerts": _alerts,
    "verify": _verify,
}


def _google(given: argparse.Namespace) -> Google:
    token = os.environ.get("GOOGLE_OAUTH_ACCESS_TOKEN", "")
    if not token:
        raise DeploymentError("not signed in: GOOGLE_OAUTH_ACCESS_TOKEN is not set")
    return Google(given.project, token, os.environ, lenient=given.dry_run)


def _place(given: argparse.Namespace) -> Place:
    return Place(given.project, given.region)


def _database_name() -> str:
    return os.environ.get("CASELEDGER_DATABASE") or "(default)"


def _released(given: argparse.Namespace) -> list[Deployable]:
    return [Deployable.from_json(one) for one in json.loads((given.work / _RELEASE).read_text())]


def _print(commands: Iterable[project.Command]) -> None:
    for command in commands:
        print(command)  # noqa: T201


def _say(text: str) -> None:
    print(f"  {text}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
