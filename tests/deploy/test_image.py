"""The image: its description, what it starts, and what its functions see of a caller's token."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from deployment import services, staging
from deployment.deployable import Place
from local.ports import free_port
from shared.config import Config
from shared.runtime import Runtime
from tests.client import Api, Client
from tests.deploy import run_stub
from tests.deploy.google_stub import GoogleStub, Refused
from tests.deploy.support import NUMBER, PROJECT, REGION, ROOT
from tests.unit.test_tokens import (
    KeyServer,
    key_server,  # noqa: F401 - a fixture
    scheduler_claims,
    signed,
)

DOCKERFILE = (ROOT / "Dockerfile").read_text()
PLACE = Place(PROJECT, REGION, NUMBER)


def test_the_base_is_pinned_by_digest_and_packages_by_their_hashes() -> None:
    assert re.search(
        r"^ARG PYTHON=python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE
    )
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${PYTHON}"}
    assert "--require-hashes" in DOCKERFILE
    assert "requirements.lock" in DOCKERFILE


def test_it_runs_as_nobody_in_particular_without_pip_and_with_compiled_code() -> None:
    last = DOCKERFILE.rpartition("FROM ")[2]

    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", last, re.MULTILINE)
    assert re.search(r"pip uninstall .*\bpip\b", last)
    assert "compileall" in DOCKERFILE


def test_what_docker_sees_is_what_is_staged(tmp_path: Path) -> None:
    staging.stage(tmp_path / "source")
    staged = {path.name for path in (tmp_path / "source").iterdir()}
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }

    assert staged - {"Dockerfile", ".dockerignore"} <= allowed
    beside = {"requirements.lock", "firestore.indexes.json", "verify_caseledger.py"}
    assert allowed == {*staging.PARTS, *beside}


def test_the_staged_source_answers_as_the_image_starts_it_with_sqlite(tmp_path: Path) -> None:
    source, port = tmp_path / "source", free_port()
    staging.stage(source)
    set_there = dict(re.findall(r"\b(FUNCTION_\w+)=(\S+)", DOCKERFILE))
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CASELEDGER_")}
    environment = {
        **kept,
        **set_there,
        "PYTHONPATH": str(source),
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "CASELEDGER_STORE": f"sqlite:///{tmp_path}/caseledger.db",
        "CASELEDGER_PUBLIC_URL": "https://cases.example/",
    }
    command = [f"{Path(sys.executable).parent}/functions-framework"]
    with subprocess.Popen(command, cwd=source, env=environment) as server:
        try:
            health = asked(f"http://127.0.0.1:{port}/v1/health")
            document = asked(f"http://127.0.0.1:{port}/v1/openapi.json").json()
        finally:
            server.terminate()

    assert health.json() == {"status": "ok", "store": "sqlite"}
    assert document["servers"] == [{"url": "https://cases.example"}]


def asked(url: str) -> httpx.Response:
    """The answer, as soon as the server listens."""
    until = time.monotonic() + 30
    while True:
        try:
            return httpx.get(url, trust_env=False)
        except httpx.ConnectError:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_the_scheduler_runs_its_functions_only_because_cloud_run_does_not_check_it(
    embedded_config: Config,
    key_server: KeyServer,  # noqa: F811 - the fixture
) -> None:
    function = staging.deployables(["purge_records"], PLACE, {})[0]
    stub = GoogleStub()
    stub.resources["images"] = {"x": "sha256:1"}
    service = run_stub.applied(stub, services.described(function, PLACE, "i@sha256:1", "r", ""))
    (container,) = service["spec"]["template"]["spec"]["containers"]
    given = {one["name"]: one["value"] for one in container["env"]}
    audience, email = (given[f"CASELEDGER_SCHEDULER_{name}"] for name in ("AUDIENCE", "EMAIL"))
    config = replace(
        embedded_config,
        unsigned_tokens=False,
        scheduler_email=email,
        scheduler_audience=audience,
        scheduler_jwks_url=key_server.url,
    )
    api = Api(Runtime(config), given["FUNCTION_TARGET"], Path(given["FUNCTION_SOURCE"]).name)
    token = signed(scheduler_claims(aud=audience, email=email))

    def answered(*, invoker: bool) -> int:
        seen = run_stub.seen_by(service, token, invoker=invoker)
        return Client(api.app, seen, {}).post("/scheduled/purgeRecords").status_code

    assert answered(invoker=False) == 200

    del service["metadata"]["annotations"][run_stub.OPEN]
    with pytest.raises(Refused):
        answered(invoker=False)
    assert answered(invoker=True) == 401
