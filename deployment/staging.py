"""The staged directory, and each function of it with its settings and environment."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from deployment.deployable import ONE_SERVICE, ROOT, Deployable, Place, secrets
from deployment.google import DeploymentError
from deployment.key_files import KEY_FILES
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
    "CASELEDGER_ISSUERS",
    "CASELEDGER_LOG_BUCKET",
    "CASELEDGER_LOG_ORIGIN",
    "CASELEDGER_EAGER",
)
PARTS = ("functions", "shared", "console")
"""The directories that are in the image; `console` where there is one."""
FILES = (
    "Dockerfile",
    ".dockerignore",
    "requirements.lock",
    "firestore.indexes.json",
    "verify_caseledger.py",
)
"""The last two: what the SQLite store knows its indexes by, and what exports name by its hash."""
_VPC = re.compile(r"[a-z][a-z0-9-]*(/[a-z][a-z0-9-]*)?", re.ASCII)


def catalogue() -> dict[str, Function]:
    """Each function by its name, `api` with all of them included."""
    from functions.api import FUNCTIONS, api, console, mcp  # noqa: PLC0415 - half a second

    return {**FUNCTIONS, "mcp": mcp, "console": console, ONE_SERVICE: api}


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
        return [ONE_SERVICE]
    wanted = [name.replace("-", "_") for name in names]
    if unknown := sorted(set(wanted) - set(everything)):
        raise DeploymentError(f"no such function: {', '.join(unknown)}")
    return list(dict.fromkeys(wanted)) or [name for name in everything if name != ONE_SERVICE]


def stage(directory: Path) -> None:
    """Writes the directory that the image is built from."""
    hidden = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, directory / part, ignore=hidden)
    for name in FILES:
        shutil.copy(ROOT / name, directory / name)


def release(directory: Path) -> str:
    """What names the image of a staged directory: a hash of all that is in it."""
    return _digest(directory)[:16]


def deployables(names: Sequence[str], place: Place, environ: Mapping[str, str]) -> list[Deployable]:
    """The functions called `names`, with their settings. Raises DeploymentError."""
    try:
        refuse_unknown(environ)
    except ConfigError as error:
        raise DeploymentError(str(error)) from error
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
    return [_deployable(name, everything[name], place, environ, given, mounted) for name in names]


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
        if seconds := environ.get("CASELEDGER_SWEEP_SECONDS"):
            environment["CASELEDGER_SWEEP_SECONDS"] = seconds
    eager = "CASELEDGER_EAGER" in given and any(one.method != "GET" for one in routes(function))
    environment |= {
        one.variable: one.path
        for one in KEY_FILES
        if name in one.functions or (eager and one.for_eager)
    }
    _check(name, environment, environ)
    if vpc := environ.get("CASELEDGER_VPC"):
        if not _VPC.fullmatch(vpc):
            raise DeploymentError("CASELEDGER_VPC must be a network, or like network/subnetwork")
        environment["CASELEDGER_VPC"] = vpc
    return Deployable(name, _source(name, function), values, environment, mounted, scheduled)


def _source(name: str, function: Function) -> str:
    """The file that the framework loads: no more than the function needs, for its cold start."""
    module = "functions.api" if name == ONE_SERVICE else routes(function)[0].handler.__module__
    return f"{module.replace('.', '/')}.py"


def _check(name: str, environment: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Refuses now what the function itself would refuse at its start."""
    later = {"K_SERVICE": name}
    if "CASELEDGER_SCHEDULER_EMAIL" in environment:
        later["CASELEDGER_SCHEDULER_AUDIENCE"] = "https://known.after.signing.in"
    if url := environ.get("CASELEDGER_PUBLIC_URL"):
        later["CASELEDGER_PUBLIC_URL"] = url
    try:
        config = Config.from_environment({**environment, **later})
    except ConfigError as error:
        raise DeploymentError(str(error)) from error
    if config.sweep_seconds > LONGEST_SWEEP:
        raise DeploymentError(f"CASELEDGER_SWEEP_SECONDS may be {LONGEST_SWEEP} at most")


def _digest(directory: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        content = path.read_bytes()
        total.update(f"{path.relative_to(directory).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()
