"""The staged directory, and each function of it with its settings and environment."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from deployment.deployable import ROOT, RUNTIME, Deployable, Place, secrets
from deployment.google import DeploymentError
from deployment.table import LONGEST_SWEEP, settings
from shared.config import Config, ConfigError, refuse_unknown
from shared.edge.function import Function
from shared.edge.routes import Route
from shared.rules.callers import SCHEDULERS

# From the deployer's environment. Values with a password come from Secret Manager.
FORWARDED = (
    "CASELEDGER_DATABASE",
    "CASELEDGER_ISSUER",
    "CASELEDGER_AUDIENCE",
    "CASELEDGER_JWKS_URL",
    "CASELEDGER_ALLOWED_ORIGINS",
    "CASELEDGER_FIREBASE_API_KEY",
    "CASELEDGER_SIGN_IN_ORIGINS",
    "CASELEDGER_RATE_LIMITS",
    "CASELEDGER_RATE_LIMIT_STORAGE",
    "CASELEDGER_TENANT_CLAIM",
    "CASELEDGER_ROLE_CLAIM",
    "CASELEDGER_REVOCATION",
)
_MAIN = '"""What the deployed functions start from; `deploy.sh` makes it."""\n\n'


def catalogue() -> dict[str, Function]:
    """Each function by its name, `api` with all of them included."""
    from functions.api import FUNCTIONS, api, console  # noqa: PLC0415 - half a second

    return {**FUNCTIONS, "console": console, "api": api}


def routes(function: Function) -> Sequence[Route]:
    """The routes that a function answers."""
    found: Sequence[Route] = vars(function)["routes"]
    return found


def chosen(names: Sequence[str], *, one_service: bool) -> list[str]:
    """The Python names of the functions to deploy. Raises DeploymentError for an unknown name."""
    everything = catalogue()
    if one_service:
        if names:
            raise DeploymentError("--one-service deploys `api` alone: name no function")
        return ["api"]
    wanted = [name.replace("-", "_") for name in names]
    if unknown := sorted(set(wanted) - set(everything)):
        raise DeploymentError(f"no such function: {', '.join(unknown)}")
    return list(dict.fromkeys(wanted)) or [name for name in everything if name != "api"]


def stage(directory: Path) -> None:
    """Writes the directory that all functions are built from."""
    hidden = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    for package in ("functions", "shared", "console"):
        shutil.copytree(ROOT / package, directory / package, ignore=hidden)
    # Google's build installs exactly what was tested, by its hashes.
    shutil.copy(ROOT / "requirements.lock", directory / "requirements.txt")
    (directory / "main.py").write_text(_main())


def _main() -> str:
    """Imports each function under its name: the framework and gcloud both need a `main.py`."""
    lines = []
    for name, function in catalogue().items():
        module = "functions.api" if name == "api" else routes(function)[0].handler.__module__
        lines.append(f"from {module} import {name} as {name}\n")
    return _MAIN + "".join(lines)


def deployables(
    names: Sequence[str], place: Place, environ: Mapping[str, str], directory: Path
) -> list[Deployable]:
    """The functions called `names`, from the staged directory. Raises DeploymentError."""
    try:
        refuse_unknown(environ)
    except ConfigError as error:
        raise DeploymentError(str(error)) from error
    sources = _digest(directory)
    mounted = secrets(environ)
    given = {name: environ[name] for name in FORWARDED if environ.get(name)}
    if "@" in given.get("CASELEDGER_RATE_LIMIT_STORAGE", ""):
        raise DeploymentError(
            "CASELEDGER_RATE_LIMIT_STORAGE has a password: keep the URL in Secret Manager, and set "
            "CASELEDGER_SECRETS=CASELEDGER_RATE_LIMIT_STORAGE=<secret>:latest instead"
        )
    if foreign := sorted(set(mounted) - set(FORWARDED)):
        raise DeploymentError(
            f"no secrets are: {', '.join(foreign)}; may be: {', '.join(FORWARDED)}"
        )
    if twice := sorted(set(given) & set(mounted)):
        raise DeploymentError(f"set, and in CASELEDGER_SECRETS too: {', '.join(twice)}")
    everything = catalogue()
    return [
        _released(_deployable(name, everything[name], place, environ, given, mounted), sources)
        for name in names
    ]


def _deployable(  # noqa: PLR0913, PLR0917 - the parts of one record
    name: str,
    function: Function,
    place: Place,
    environ: Mapping[str, str],
    given: Mapping[str, str],
    mounted: Mapping[str, str],
) -> Deployable:
    roles = [route.roles for route in routes(function)]
    scheduled = all(one == SCHEDULERS for one in roles)
    values = settings(name, scheduled=scheduled)
    environment = {"GOOGLE_CLOUD_PROJECT": place.project, **values.environment(), **given}
    if SCHEDULERS in roles:
        environment["CASELEDGER_SCHEDULER_EMAIL"] = place.account("scheduler")
        environment["CASELEDGER_SCHEDULER_AUDIENCE"] = place.url(name.replace("_", "-"))
        if seconds := environ.get("CASELEDGER_SWEEP_SECONDS"):
            environment["CASELEDGER_SWEEP_SECONDS"] = seconds
    _check(name, environment)
    return Deployable(name, values, environment, mounted, scheduled)


def _check(name: str, environment: Mapping[str, str]) -> None:
    """Refuses now what the function itself would refuse at its first request."""
    try:
        config = Config.from_environment({**environment, "K_SERVICE": name})
    except ConfigError as error:
        raise DeploymentError(str(error)) from error
    if config.sweep_seconds > LONGEST_SWEEP:
        raise DeploymentError(f"CASELEDGER_SWEEP_SECONDS may be {LONGEST_SWEEP} at most")


def _released(function: Deployable, sources: str) -> Deployable:
    content = json.dumps([sources, RUNTIME, function.to_json()], sort_keys=True)
    release = hashlib.sha256(content.encode()).hexdigest()[:16]
    return Deployable.from_json({**function.to_json(), "release": release})


def _digest(directory: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        content = path.read_bytes()
        total.update(f"{path.relative_to(directory).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()
