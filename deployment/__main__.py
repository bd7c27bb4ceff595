"""The steps of `deploy.sh`: each makes what the project has what it should have.

A step says what it changes, and changes only what differs; with --dry-run it says it and changes
nothing. What gcloud has a command for, gcloud does; the rest is Google's REST interfaces.
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

from deployment import bucket, earlier, image, indexes, key_files, project, rules, services
from deployment.deployable import ONE_SERVICE, Deployable, Place, secrets, service_name
from deployment.gcloud import Gcloud
from deployment.google import Change, DeploymentError, Google
from shared.config import BUCKET_NAME, claim_names

_PROJECT = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
_REGION = r"[a-z]+-[a-z]+\d{1,2}"
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_BUCKET = "CASELEDGER_LOG_BUCKET"
_RELEASE = r"[0-9a-f]{16}|sha256:[0-9a-f]{64}"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs steps; gives the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        for step in arguments.steps:
            if title := TITLES.get(step):
                _write(arguments, "doing", title)
                print(title[0].upper() + title[1:], flush=True)  # noqa: T201
            if code := _STEPS[step](arguments):
                return code
    except DeploymentError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deployment", description=__doc__, allow_abbrev=False
    )
    add = parser.add_argument
    add("steps", type=_steps, metavar="STEP,…", help=", ".join(_STEPS))
    add("--project", required=True, type=_like(_PROJECT, "a project's id"))
    add("--region", required=True, type=_like(_REGION, "a region, like europe-west1"))
    add("--work", required=True, type=Path, help="a directory for what is staged")
    add("--one-service", action="store_true")
    add("--edge", choices=("gateway", "none"))
    add("--edge-region", type=_like(_REGION, "a region, like europe-west1"))
    add("--replace-functions", action="store_true", help="remove those of release 1.0.0")
    add("--no-wait", action="store_true", help="do not wait for indexes")
    add("--rollback", type=_like(_RELEASE, "a release, or a digest like sha256:…"))
    add("--dry-run", action="store_true")
    add("--alerts", metavar="EMAIL", type=_like(_EMAIL, "an email address"))
    add("--log-bucket", metavar="NAME", type=_like(BUCKET_NAME, "a bucket's name"))
    add("--lock", action="store_true", help="lock the retention of the bucket, for ever")
    add("functions", nargs="*")
    return parser


def _like(pattern: str, what: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return text

    return check


def _steps(text: str) -> list[str]:
    found = text.split(",")
    if unknown := [name for name in found if name not in _STEPS]:
        raise argparse.ArgumentTypeError(f"no step: {', '.join(unknown)}")
    return found


def _stage(given: argparse.Namespace) -> None:
    """Checks everything that can be checked here, and writes down what is to be deployed."""
    if given.lock and not given.log_bucket:
        raise DeploymentError("--lock needs the bucket: --log-bucket NAME")
    from deployment import staging  # noqa: PLC0415 - it loads every function

    if _has_gateway(given):
        from deployment import gateway  # noqa: PLC0415 - as above

        gateway.check(_edge_region(given))
    names = staging.chosen(given.functions, one_service=given.one_service)
    found = staging.deployables(names, _here(given), _with_bucket(given))
    source = given.work / "source"
    staging.stage(source)
    _write(given, "release", given.rollback or staging.release(source))
    _write(given, "functions", json.dumps([one.to_json() for one in found]))


def _services(given: argparse.Namespace) -> None:
    """Enables what is used; the first step that writes, so it looks for what forbids that."""
    if not given.replace_functions:
        earlier.refuse(_earlier(given))
    google, gateway = _google(given), _has_gateway(given)
    alerts, revocation = bool(given.alerts), _revocation()
    wanted = project.services(
        google,
        gateway=gateway,
        alerts=alerts,
        revocation=revocation,
        bucket=bool(given.log_bucket),
    )
    if _gcloud(given).each(wanted):
        _write(given, "fresh", "")


def _accounts(given: argparse.Namespace) -> None:
    _make(given, project.accounts(_google(given), _here(given), gateway=_has_gateway(given)))


def _database(given: argparse.Namespace) -> None:
    location = os.environ.get("CASELEDGER_DATABASE_LOCATION") or given.region
    wanted = project.database(_google(given), _here(given), _database_name(), location)
    _gcloud(given).each(wanted)


def _key(given: argparse.Namespace) -> None:
    _make(given, key_files.made(_google(given), _here(given)))


def _roles(given: argparse.Namespace) -> None:
    mounted = {**secrets(os.environ), **key_files.SECRETS}
    _make(given, project.roles(_google(given), _here(given), mounted, revocation=_revocation()))


def _bucket(given: argparse.Namespace) -> None:
    """Makes the bucket of checkpoints, where that is said; and locks it only where that is said.

    One that is only configured may be somebody else's.
    """
    if not (name := given.log_bucket):
        return
    google, place = _google(given), _here(given)
    _gcloud(given).each(bucket.made(google, place, name))
    _make(given, bucket.roles(google, place, name))
    if given.lock:
        _make(given, bucket.lock(google, name, dry_run=given.dry_run))


def _indexes(given: argparse.Namespace) -> None:
    google, apply = _google(given), not given.dry_run
    started = indexes.reconcile(google, _database_name(), apply=apply, say=_say)
    names = claim_names(os.environ)
    rules.reconcile(google, _database_name(), apply=apply, say=_say, names=names)
    _write(given, "started", json.dumps(started))


def _ready(given: argparse.Namespace) -> None:
    """Waits for the indexes: while they are built, the image is too."""
    if not (given.dry_run or given.no_wait):
        started = json.loads(_read(given, "started"))
        indexes.await_ready(_google(given), _database_name(), started, _say)
        if started:
            _write(given, "slow", "")


def _image(given: argparse.Namespace) -> None:
    """Finds the image of the release, or builds it."""
    google, place, release = _google(given), _place(given), _read(given, "release")
    found = image.found(google, place, release)
    if not found and given.rollback:
        raise image.missing(release)
    if not found:
        gcloud = _gcloud(given)
        gcloud.each(image.repository(google, place, given.work))
        gcloud.each([image.build(place, release, given.work)])
        _write(given, "slow", "")
        found = image.found(google, place, release)
    if not found and not given.dry_run:
        raise DeploymentError(f"Cloud Build has built {release}, but Artifact Registry has it not")
    _write(given, "image", found or f"{release}, once it is built")


def _edge(given: argparse.Namespace) -> None:
    """Makes the gateway where there is none, because the functions have to know their address."""
    place, url = _place(given), os.environ.get("CASELEDGER_PUBLIC_URL", "")
    if given.edge == "none" or (given.one_service and not given.edge):
        _write(given, "url", url or (place.url(ONE_SERVICE) if given.one_service else ""))
        return
    from deployment import gateway  # noqa: PLC0415 - it loads every function

    google, edge = _google(given), gateway.Edge(place, _edge_region(given), given.one_service)
    if _has_gateway(given):
        _make(given, gateway.plan(google, edge, only_if_missing=True))
    _write(given, "url", url or gateway.address(google, edge))


def _functions(given: argparse.Namespace) -> None:
    google, place = _google(given), _place(given)
    there = services.live(google, place)
    wanted = _described(given)
    gcloud = _gcloud(given)
    if given.replace_functions:
        gcloud.each(earlier.removals(_earlier(given), place))
    services.apply(gcloud, list(services.changes(wanted, there, place, given.work)))
    if not given.functions and (others := services.others(wanted, there)):
        _say(
            f"there too, and left alone: {', '.join(others)}; "
            "`gcloud run services delete` removes what is not called any more"
        )


def _earlier(given: argparse.Namespace) -> list[str]:
    """The functions of release 1.0.0 that are to give way."""
    names = [service_name(name) for name in given.functions]
    lenient = Google(given.project, _google(given).token, os.environ, lenient=True)
    return earlier.functions(lenient, _here(given), names)


def _described(given: argparse.Namespace) -> list[dict[str, object]]:
    """The services as they should be."""
    place, release, url = _place(given), _read(given, "release"), _read(given, "url")
    label = release.removeprefix("sha256:")[:16]
    return [
        services.described(Deployable.from_json(one), place, _read(given, "image"), label, url)
        for one in json.loads(_read(given, "functions"))
    ]


def _jobs(given: argparse.Namespace) -> None:
    from deployment import jobs  # noqa: PLC0415 - a second of imports, for this step only

    google, place = _google(given), _place(given)
    there = set(services.live(google, place))
    if given.dry_run:
        there |= {str(one["metadata"]["name"]) for one in _described(given)}  # type: ignore[index]
    jobs.reconcile(google, place, there, one_service=given.one_service, apply=not given.dry_run)


def _gateway(given: argparse.Namespace) -> None:
    """Lets the gateway take the routes of the functions that are there now."""
    if not _has_gateway(given):
        return
    from deployment import gateway  # noqa: PLC0415 - it loads every function

    google = _google(given)
    edge = gateway.Edge(_place(given), _edge_region(given), given.one_service)
    _make(given, gateway.plan(google, edge))
    if not given.dry_run:
        _make(given, gateway.outdated(google, edge))


def _address(given: argparse.Namespace) -> None:
    """Prints where it is, and a call that shows that it works."""
    url, release = _read(given, "url"), _read(given, "release")
    health = url or _place(given).url("health")
    print(f"Release {release}: {url or 'each function at its own address, without an edge'}")  # noqa: T201
    print(f"Try it: curl --fail-with-body {health}/v1/health")  # noqa: T201


def _alerts(given: argparse.Namespace) -> None:
    from deployment import alerts  # noqa: PLC0415 - it is asked for seldom

    if not given.alerts:
        raise DeploymentError("--alerts needs the address that alerts are sent to")
    alerts.reconcile(_google(given), given.alerts, apply=not given.dry_run, say=_say)


def _verify(given: argparse.Namespace) -> int:
    from deployment import verify  # noqa: PLC0415 - it loads every function

    address = _public_url(given)
    found = verify.target(_here(given), os.environ, address, _database_name())
    return verify.report(replace(found, differing=lambda: _differing(given, address)))


def _public_url(given: argparse.Namespace) -> str:
    """Where clients call: as configured, else the gateway. Raises DeploymentError."""
    if configured := os.environ.get("CASELEDGER_PUBLIC_URL"):
        return configured
    if given.one_service and not given.edge:
        return _place(given).url(ONE_SERVICE)
    from deployment import gateway  # noqa: PLC0415 - it loads every function

    edge = gateway.Edge(_place(given), _edge_region(given), given.one_service)
    if url := gateway.address(_google(given), edge):
        return url
    raise DeploymentError("there is no gateway: set CASELEDGER_PUBLIC_URL to the address of yours")


def _differing(given: argparse.Namespace, address: str) -> list[str]:
    """The services that are not as deploy.sh would make them, and in what they differ."""
    google, place = _google(given), _place(given)
    _write(given, "url", address)
    _write(given, "image", image.found(google, place, _read(given, "release")) or "not built yet")
    there = services.live(google, place)
    wanted = {str(one["metadata"]["name"]): one for one in _described(given)}  # type: ignore[index]
    found = {name: services.differing(one, there.get(name)) for name, one in wanted.items()}
    return [f"{name} ({', '.join(why)})" for name, why in found.items() if why]


_STEPS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "stage": _stage,
    "services": _services,
    "accounts": _accounts,
    "database": _database,
    "key": _key,
    "roles": _roles,
    "bucket": _bucket,
    "indexes": _indexes,
    "image": _image,
    "ready": _ready,
    "edge": _edge,
    "functions": _functions,
    "jobs": _jobs,
    "gateway": _gateway,
    "address": _address,
    "alerts": _alerts,
    "verify": _verify,
}

TITLES = {
    "services": "services",
    "accounts": "service accounts",
    "database": "database and its backups",
    "key": "keys of the logs and of webhooks",
    "roles": "roles",
    "bucket": "bucket of checkpoints",
    "indexes": "indexes, fields and rules",
    "image": "image",
    "ready": "indexes that are built",
    "edge": "address",
    "functions": "functions",
    "jobs": "Cloud Scheduler",
    "gateway": "gateway",
    "alerts": "metrics, alerts and dashboard",
}
"""What deploy.sh says of the steps that look at the project or change it."""


def _has_gateway(given: argparse.Namespace) -> bool:
    """Whether the gateway is made or updated: named functions are deployed without it."""
    default = "none" if given.one_service else "gateway"
    return (given.edge or default) == "gateway" and not given.functions


def _with_bucket(given: argparse.Namespace) -> dict[str, str]:
    """The environment, with the bucket that --log-bucket names."""
    return {**os.environ, **({_BUCKET: given.log_bucket} if given.log_bucket else {})}


def _edge_region(given: argparse.Namespace) -> str:
    return str(given.edge_region or given.region)


def _google(given: argparse.Namespace) -> Google:
    token = os.environ.get("GOOGLE_OAUTH_ACCESS_TOKEN", "")
    if not token:
        raise DeploymentError("not signed in: GOOGLE_OAUTH_ACCESS_TOKEN is not set")
    return Google(given.project, token, os.environ, lenient=given.dry_run)


def _gcloud(given: argparse.Namespace) -> Gcloud:
    return Gcloud(given.project, given.dry_run, _say, (given.work / "fresh").exists)


def _make(given: argparse.Namespace, changes: Iterable[Change]) -> None:
    google = _google(given)
    for change in changes:
        _say(change.what)
        if not given.dry_run:
            google.make(change)
            _write(given, "fresh", "")


def _here(given: argparse.Namespace) -> Place:
    return Place(given.project, given.region)


def _place(given: argparse.Namespace) -> Place:
    """The place with the project's number, which is asked for once."""
    if not (given.work / "number").exists():
        number = project.number(_google(given), given.project)
        if not number and not given.dry_run:
            raise DeploymentError(f"there is no project {given.project}, or you may not see it")
        _write(given, "number", number or "PROJECT_NUMBER")
    return Place(given.project, given.region, _read(given, "number"))


def _database_name() -> str:
    return os.environ.get("CASELEDGER_DATABASE") or "(default)"


def _revocation() -> bool:
    """Whether the functions look accounts up; the step `stage` has checked the word."""
    return bool(os.environ.get("CASELEDGER_REVOCATION"))


def _write(given: argparse.Namespace, name: str, text: str) -> None:
    (given.work / name).write_text(text)


def _read(given: argparse.Namespace, name: str) -> str:
    """What an earlier step has written down."""
    return str((given.work / name).read_text())


def _say(text: str) -> None:
    print(f"  {text}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
