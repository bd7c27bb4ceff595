"""What the start of a function does not wait for."""

from __future__ import annotations

import subprocess
import sys

_NEEDED_BY_OTHERS = {
    "google.cloud.firestore",
    "jwt",
    "limits",
    "shared.ledger.deliveries",
    "shared.ledger.ledger",
    "shared.ledger.listeners",
    "shared.models.events",
    "shared.models.intervention",
    "shared.repository.cases",
    "shared.rules.chain",
    "urllib.request",
}
_NEEDED_WHERE_SOMEBODY_LISTENS = {
    "cryptography",
    "shared.ledger.kinds.webhooks",
    "shared.models.webhooks",
    "shared.repository.webhook_keys",
    "shared.rules.webhooks",
}
_PROGRAM = """
import sys, functions.cases
from pydantic import BaseModel
from shared.models.case import FullCase, StoredCase
from shared.repository import case_rows

def built(model):
    return model.__pydantic_complete__ or any(map(built, model.__subclasses__()))

case_rows.get
print([model.__name__ for model in BaseModel.__subclasses__() if built(model)])
print(*sys.modules)
import shared.ledger.ledger, shared.ledger.kinds.cases
print(*sys.modules)
"""


def test_what_only_reads_a_case_starts_without_what_changes_it() -> None:
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    built, loaded, with_ledger = done.stdout.splitlines()

    assert built == "[]"
    assert _NEEDED_BY_OTHERS.intersection(loaded.split()) == set()
    # Nor does what changes a case wait for what only webhooks need.
    assert "shared.ledger.listeners" in with_ledger.split()
    assert _NEEDED_WHERE_SOMEBODY_LISTENS.intersection(with_ledger.split()) == set()
