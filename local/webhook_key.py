"""The key that seals the secrets of webhooks, in a file of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from local import log_key
from shared.repository import webhook_keys

VARIABLE = "CASELEDGER_WEBHOOK_KEY"


def new_key() -> bytes:
    """The content of a file with a new key."""
    return f"{webhook_keys.new_key()}\n".encode()


def own(environ: Mapping[str, str], path: Path) -> dict[str, str]:
    """The variable that names the key of this machine. See `log_key.own`."""
    return log_key.own(environ, path, VARIABLE, new_key)
