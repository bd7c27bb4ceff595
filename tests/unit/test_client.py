"""Calls to what runs on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.client import call
from local.ports import free_port
from local.server import running_server, sqlite


def test_a_local_server_is_not_looked_for_behind_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    with running_server(sqlite(tmp_path / "client.db"), free_port()) as url:
        assert call("GET", f"{url}/health").code == 200
