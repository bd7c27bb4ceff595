"""The image itself, built and run by whatever builder the machine has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployment import staging
from local.ports import free_port
from tests.deploy.support import ROOT
from tests.deploy.test_image import asked

TAG = "localhost/caseledger-of-the-tests"
ENVIRONMENT = (
    "--env=CASELEDGER_STORE=sqlite:////data/caseledger.db",
    "--env=CASELEDGER_AUDIENCE=acme",
)
WHO = ("python", "-c", "import os, importlib.util as i; print(os.getuid(), i.find_spec('pip'))")


def run(*command: str, seconds: int = 900) -> str:
    """What a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout.strip()


def base() -> str:
    """The base of the Dockerfile, or another image in place of it where that cannot be had."""
    (pinned,) = re.findall(r"^ARG PYTHON=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return os.environ.get("CASELEDGER_TEST_BASE_IMAGE") or f"docker.io/library/{pinned}"


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> str:
    """A builder that has the base; without one the test is not run, which is said loudly."""
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")  # in a container nothing else works
    monkeypatch.setenv("STORAGE_DRIVER", "vfs")
    why = []
    for name in ("docker", "podman", "buildah"):
        if not shutil.which(name):
            continue
        for words in (("inspect", "--type=image"), ("pull",)):
            done = subprocess.run(
                [name, *words, base()], capture_output=True, text=True, timeout=300, check=False
            )
            if done.returncode == 0:
                return name
        why.append(f"{name}: {done.stderr.strip()[-200:]}")
    pytest.skip(f"NO BUILDER: {'; '.join(why) or 'no docker, podman or buildah'}")


@contextmanager
def container(builder: str, port: int) -> Iterator[tuple[str, ...]]:
    """What a command is run with in a container of the image, whose port is `port` here."""
    if builder != "buildah":
        yield (builder, "run", "--rm", f"--publish=127.0.0.1:{port}:8080", *ENVIRONMENT, TAG)
        return
    name = run("buildah", "from", TAG)
    try:
        here = ("--env=HOST=127.0.0.1", f"--env=PORT={port}", *ENVIRONMENT)
        yield ("buildah", "run", *here, name, "--")
    finally:
        run("buildah", "rm", name)


def test_the_image_is_built_and_serves_everything_as_nobody_in_particular(
    builder: str, tmp_path: Path
) -> None:
    source, port = tmp_path / "source", free_port()
    staging.stage(source)

    run(builder, "build", f"--build-arg=PYTHON={base()}", f"--tag={TAG}", str(source))

    with container(builder, port) as words:
        assert run(*words, *WHO) == "10001 None"
        with subprocess.Popen([*words, "functions-framework"]) as server:
            try:
                health = asked(f"http://127.0.0.1:{port}/v1/health")
            finally:
                server.terminate()
    assert health.json() == {"status": "ok", "store": "sqlite"}
