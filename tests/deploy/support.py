"""deploy.sh and its steps, run against stand-ins for Google Cloud."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.cloud.scheduler_v1.types import Job

from deployment.__main__ import main
from tests.deploy import run_stub
from tests.deploy.google_stub import SERVICES, GoogleStub, running_stub
from tests.deploy.scheduler_server import SchedulerServer, running_server
from tests.reliability.server import START_SECONDS, wait_until

ROOT = Path(__file__).parents[2]
NUMBER = run_stub.NUMBER
PROJECT = "acme-prod"
REGION = "europe-west1"
PLACE = (f"--project={PROJECT}", f"--region={REGION}")
PARENT = f"projects/{PROJECT}/locations/{REGION}"
DATABASE = f"projects/{PROJECT}/databases/(default)"
SECRETS = {"CASELEDGER_SECRETS": "CASELEDGER_RATE_LIMIT_STORAGE=redis-url:3"}
ORIGINS = "https://a.example https://b.example"
CONFIGURED = {**SECRETS, "CASELEDGER_ALLOWED_ORIGINS": ORIGINS}
AGAIN = "\n--- the same command again ---\n"
_MINE = ("CASELEDGER_", "CLOUDSDK_", "GOOGLE_", "FIRESTORE_")


def account(name: str) -> str:
    return f"caseledger-{name}@{PROJECT}.iam.gserviceaccount.com"


@dataclass
class Cloud:
    """The stand-ins, and the environment in which gcloud and we call nothing else."""

    google: GoogleStub
    scheduler: SchedulerServer
    environment: dict[str, str]
    directory: Path
    output: str = ""

    def deploy(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs deploy.sh with the real gcloud."""
        return subprocess.run(
            [ROOT / "deploy.sh", *arguments],
            env={**self.environment, **variables},
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def step_of_its_own(self, name: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Runs one step of deploy.sh with the real gcloud, in a process of its own."""
        work = f"--work={self.directory}"
        return subprocess.run(
            [sys.executable, "-m", "deployment", *PLACE, work, *options, "--", name],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def step(self, monkeypatch: pytest.MonkeyPatch, *arguments: str, **variables: str) -> int:
        """Runs one step of deploy.sh in this process."""
        for name in [name for name in os.environ if name.startswith(_MINE)]:
            monkeypatch.delenv(name)
        for name, value in {**self.environment, **variables}.items():
            monkeypatch.setenv(name, value)
        work = self.directory / "work"
        work.mkdir(exist_ok=True)
        shutil.rmtree(work / "source", ignore_errors=True)
        return main([*PLACE, f"--work={work}", *arguments])

    def forget_calls(self) -> None:
        self.google.calls.clear()
        self.google.uploads.clear()
        self.scheduler.calls.clear()

    def assert_nothing_written(self) -> None:
        assert self.google.writes == []
        assert self.google.uploads == []
        assert self.scheduler.writes == []

    def recorded(self, output: str) -> bytes:
        jobs = [Job.serialize(job) for job in self.scheduler.jobs.values()]
        return pickle.dumps((self.google.recorded(), jobs, output))

    def replay(self, recorded: bytes) -> str:
        google, jobs, output = pickle.loads(recorded)  # noqa: S301 - our own
        self.google.replay(google)
        for job in jobs:
            self.scheduler.put(Job.deserialize(job))
        return str(output)


@contextmanager
def running_cloud(directory: Path) -> Iterator[Cloud]:
    """A new project, which has a secret."""
    with running_stub() as google, running_server() as scheduler:
        token = directory / "token"
        token.write_text("a-token")
        configuration = directory / "gcloud"
        configuration.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_MINE)}
        names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
        proxies = dict.fromkeys(names, google.url)
        environment = {
            **kept,
            **proxies,
            "no_proxy": "",
            "NO_PROXY": "",
            "no_grpc_proxy": "127.0.0.1",
            "GOOGLE_OAUTH_ACCESS_TOKEN": "a-token",
            "CLOUDSDK_CONFIG": str(configuration),
            "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token),
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDSCHEDULER": f"http://{scheduler.endpoint}/",
            **{f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}": google.url for name in SERVICES},
        }
        secret = f"projects/{PROJECT}/secrets/redis-url"
        google.resources[secret] = {"name": secret}
        yield Cloud(google, scheduler, environment, directory)


_CALLER = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as called:
    called.connect({path!r})
    call = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)])
    socket.send_fds(called, [call.encode()], [0, 1, 2])
    called.shutdown(socket.SHUT_WR)
    sys.exit(int(called.recv(8)))
"""


@contextmanager
def running_gcloud() -> Iterator[Path]:
    """A directory with a command `gcloud`: the real one, without the time that loading it takes."""
    with tempfile.TemporaryDirectory() as place:
        path, caller = f"{place}/socket", Path(place) / "gcloud"
        caller.write_text(_CALLER.format(python=sys.executable, path=path))
        caller.chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_MINE)}
        # The command is a shell script that finds the Python and the program of gcloud.
        how = {"CLOUDSDK_PYTHON_ARGS": "-S gcloud_forks.py", "CLOUDSDK_CONFIG": place}
        with subprocess.Popen(
            ["gcloud", path],  # noqa: S607
            env=kept | how,
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
        ) as loaded:
            try:
                wait_until(lambda: Path(path).exists() or loaded.poll() is not None, START_SECONDS)
                yield caller.parent
            finally:
                loaded.kill()


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """One test process at a time."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def no_gcloud() -> str | None:
    """Why gcloud cannot be run."""
    return None if shutil.which("gcloud") else "NO GCLOUD: it is not on the PATH"
