"""The blocks of the client's README, run one after the other over the functions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from caseledger._async import io as async_io
from caseledger._sync import io as sync_io
from shared.config import Config
from tests.client import Api
from tests.functions.sealing_support import ORIGIN, with_keys
from tests.functions.support import ON_EMBEDDED
from tests.python_client.support import of_transport
from tests.python_client.test_checks import SECRET, signed
from tests.reliability.server import ROOT

README = (ROOT / "clients" / "python" / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
TOLD = """\
It refunds 250 for A-17
refunded
It sends the letter to Dr. Smith
Main Street 7
A new customer new
approved
['Go on?']
400 INVALID_ARGUMENT title title: must not be empty
approve by pilot
intervention.decided interventions/I-1
"""


@pytest.fixture
def configured(config: Config, tmp_path: Path) -> Config:
    """With a key that signs receipts."""
    return with_keys(config, tmp_path, Ed25519PrivateKey.generate())


class Answered(httpx.BaseTransport):
    """The functions, with a person who decides whatever somebody waits for."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._inner = httpx.WSGITransport(app=api.app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(":wait"):
            self._decide()
        return self._inner.handle_request(request)

    def _decide(self) -> None:
        for asked in self._api.viewer.get("/interventions:pending").json["interventions"]:
            words = {"response": {"text": "Main Street 7"}}
            decision = {"decision": "approve"} | (words if asked["type"] == "clarification" else {})
            answer = self._api.pilot.post(f"/interventions/{asked['id']}:decide", decision)
            assert answer.status_code == 200, answer.text


@ON_EMBEDDED
def test_the_blocks_of_the_readme_do_what_it_says(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def http(**options: Any) -> httpx.Client:
        return httpx.Client(**options | {"transport": Answered(api)})

    def async_http(**options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(**options | {"transport": of_transport(Answered(api))})

    monkeypatch.setattr(sync_io, "Http", http)
    monkeypatch.setattr(async_io, "Http", async_http)
    monkeypatch.setenv("CASELEDGER_URL", "http://localhost")
    monkeypatch.setenv("CASELEDGER_TOKEN", api.agent.token or "")
    names: dict[str, Any] = {}

    for block in BLOCKS:
        text = block.replace("local/caseledger", ORIGIN).replace('"demo"', repr(api.tenant))
        exec(text, names)  # noqa: S102 - the README's own
    body = '{"type": "intervention.decided", "data": {"subject": "interventions/I-1"}}'
    names["received"](body.encode(), signed(body=body), SECRET)

    # The functions log into the same stream.
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith('{"')] == TOLD.splitlines()
