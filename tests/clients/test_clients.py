"""A client that is generated from the description of the API. Linters of it are in linted.py."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client import Api
from tests.clients.conftest import HERE, run
from tests.functions.support import ON_EMBEDDED


@ON_EMBEDDED
def test_a_generated_python_client_creates_a_case_and_reads_it(
    api: Api, served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--path", served, "--output-path", tmp_path / "generated_client", "--meta=none")
    made = run(
        Path(sys.executable).parent / "openapi-python-client",
        "generate",
        "--fail-on-warning",
        f"--config={HERE / 'python_client.yaml'}",
        *options,
        cwd=tmp_path,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(tmp_path)
    client = _module("client").AuthenticatedClient(
        base_url="http://localhost",
        token=api.verifier.token,
        httpx_args={"transport": httpx.WSGITransport(app=api.app)},
    )
    body = _module("models.new_case").NewCase(decision_type="kyc", title="A case", id="CASE-1")

    created = _module("api.cases.create_case").sync(client=client, body=body)
    read = _module("api.cases.get_case").sync("CASE-1", client=client)
    refused = _module("api.cases.get_case").sync("CASE-2", client=client)

    assert (created.id, created.status, created.assigned_to) == ("CASE-1", "new", None)
    assert read.created_at == created.created_at
    assert refused.error.status == "NOT_FOUND"


def _module(name: str) -> Any:
    return importlib.import_module(f"generated_client.{name}")
