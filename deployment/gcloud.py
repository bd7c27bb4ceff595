"""Calls of gcloud: shown with --dry-run, and patient with a project that is an hour old."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from deployment.google import NOT_YET, PAUSES_OF_A_NEW_PROJECT, DeploymentError

_DENIED = re.compile(r"PERMISSION_DENIED|[Pp]ermission.{0,80}denied|does not have permission")
_CHECK = re.compile(r"setIamPolicy|requireInvokerIam|invoker.?iam", re.IGNORECASE)
_CHECK_REFUSED = """
The functions check every token themselves, so Cloud Run's own check (IAM, for the caller) is turned
off. Whoever deploys needs roles/run.admin for that (run.services.setIamPolicy). Where the policy
constraints/run.managed.requireInvokerIam of the organisation forbids it, an administrator has to
make an exception for this project. With the check on, no scheduled function could ever run: Cloud
Run removes the signature of the scheduler's token before the function sees it.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A call of gcloud, and its purpose."""

    what: str
    arguments: tuple[str, ...]


def command(what: str, words: str, *arguments: str) -> Command:
    """The call `gcloud words… arguments…`."""
    return Command(what, (*words.split(), *arguments))


@dataclass(frozen=True, slots=True)
class Gcloud:
    """Makes calls for `project`; `fresh` says whether accounts or roles were made in this run."""

    project: str
    dry_run: bool
    say: Callable[[str], None]
    fresh: Callable[[], bool]

    def each(self, commands: Iterable[Command]) -> bool:
        """Makes the calls one after the other; whether there was any. Raises DeploymentError."""
        made = False
        for one in commands:
            self.say(one.what)
            self.call(one)
            made = True
        return made

    def call(self, one: Command) -> None:
        """Makes a call, again while the project is too new for it. Raises DeploymentError."""
        arguments = ["gcloud", *one.arguments, f"--project={self.project}", "--quiet"]
        if self.dry_run:
            self.say(f"  {shlex.join(arguments)}")
            return
        for pause in (*PAUSES_OF_A_NEW_PROJECT, None):
            done = subprocess.run(  # noqa: S603 - what the steps ask for
                arguments, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
            )
            if done.returncode == 0:
                return
            said = (done.stdout + done.stderr).strip()
            if pause is None or not self._may_change(said):
                raise DeploymentError(f"could not {one.what}; gcloud says:\n{said}{_advice(said)}")
            time.sleep(pause)

    def _may_change(self, said: str) -> bool:
        return bool(NOT_YET.search(said) or (self.fresh() and _DENIED.search(said)))


def _advice(said: str) -> str:
    return f"\n{_CHECK_REFUSED.rstrip()}" if _CHECK.search(said) else ""
