"""Makes the Cloud Scheduler jobs of a project agree with the table in `shared/schedules.py`.

It prints what it would do. `--apply` does it; running it again changes nothing.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence

from deployment import scheduler_jobs
from shared.schedules import SCHEDULES


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; gives the exit code."""
    arguments = _parser().parse_args(argv)
    target = scheduler_jobs.Target(
        f"projects/{arguments.project}/locations/{arguments.location}",
        arguments.url,
        arguments.service_account,
    )
    wanted = [target.job(schedule) for schedule in SCHEDULES]
    try:
        with scheduler_jobs.opened(target.parent, arguments.endpoint, arguments.timeout) as jobs:
            scheduler_jobs.reconcile(jobs, wanted, apply=arguments.apply, prune=arguments.prune)
    except scheduler_jobs.SchedulerError as error:
        print(f"Cloud Scheduler: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deployment.scheduler", description=__doc__, allow_abbrev=False
    )
    add = parser.add_argument
    add("--project", required=True, type=_like(r"[a-z0-9][a-z0-9.:-]*", "a project's id"))
    add("--location", required=True, type=_like(r"[a-z0-9-]+", "a location like europe-west1"))
    add(
        "--url",
        required=True,
        type=_url,
        help="where the functions are, without /v1; {function} in it stands for each one's name "
        "(like expire-interventions) where they are deployed one by one",
    )
    add(
        "--service-account",
        required=True,
        metavar="EMAIL",
        type=_like(r"[\w.-]+@[\w-]+(\.[\w-]+)+", "a service account's email address"),
        help="whom the jobs call as: they send its ID token, made out for the URL",
    )
    add("--apply", action="store_true", help="do it; without, nothing is written")
    add("--prune", action="store_true", help="remove our jobs that are not in the table")
    add(
        "--timeout",
        default="30",
        metavar="SECONDS",
        type=_seconds,
        help="for each call, repeats included",
    )
    add(
        "--endpoint",
        metavar="HOST:PORT",
        type=_like(r"(127\.0\.0\.1|localhost):\d{1,5}", "an address on this machine"),
        help="a stand-in for Cloud Scheduler on this machine, for tests",
    )
    return parser


def _like(pattern: str, what: str) -> Callable[[str], str]:
    """A check that an argument is `what`."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return text

    return check


def _seconds(text: str) -> int:
    return int(_like(r"[1-9]\d{0,2}", "a number of seconds from 1 to 999")(text))


def _url(text: str) -> str:
    """The base URL without its last slash."""
    host = r"(https://[\w.-]+|http://(127\.0\.0\.1|localhost))(:\d{1,5})?"
    what = "an https:// URL without a query (http:// on this machine only)"
    _like(rf"{host}(/[\w.~/-]*)?", what)(text.replace("{function}", "function"))
    base = text.rstrip("/")
    if base.endswith("/v1"):
        raise argparse.ArgumentTypeError("leave out /v1: the table's paths start with it")
    return base


if __name__ == "__main__":
    sys.exit(main())
