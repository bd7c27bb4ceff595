"""An agent that is killed where its environment says so: see test_restarts.py."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from caseledger import Client, OutcomeUnknown

client = Client()


@client.requires_approval("Send the letter to {to}?", uow_id="letter-7")
def send_letter(to: str) -> str:
    """Leaves a line in a file, and may be killed right after that."""
    with Path(os.environ["LETTERS"]).open("a") as letters:
        letters.write(f"{to}\n")
    if os.environ.get("KILLED"):
        os.kill(os.getpid(), signal.SIGKILL)
    return "sent"


try:
    print(send_letter("Dr. Smith"))  # noqa: T201 - what the test reads
except OutcomeUnknown as unknown:
    print("unknown since", unknown.intervention["startedAt"])  # noqa: T201
