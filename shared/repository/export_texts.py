"""What an export of a case says to people who open it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

VERIFIER = "verify_caseledger.py"
"""The program that verifies exports; it is at the top of the source."""
_PATH = Path(__file__).parents[2] / VERIFIER
_README = """\
Export of the case {case_id} of {tenant}, by Caseledger

  case.json           the case as it was when it was exported, with the legal holds on it
  evidence/           its evidence
  packets/            each packet that an approval froze: as data, and as a document to read
  interventions/      what people were asked about the case, and what they decided
  runs/, records/     what automated agents did on it, and delivered
  worksheets.json     who has notes on it, with the SHA-256 of their texts, not the texts
  collaborators.json  who may read or write what is shared on it
  events.ndjson       its audit trail: one event a line, with its index in the tenant's log
  proofs/, checkpoint what proves that the events are in that log
  manifest.json       the SHA-256 of each of these files; whether the export is complete, and if
                      not, why. Events with erased texts are counted there (erased): the trail is
                      complete without these texts, and its hashes hold.

To verify it, you need Python 3.9 or newer, and two things that you have not got from here, nor from
whoever gave you this:

1. {verifier}, of which this release has the one with this SHA-256:
   {sha256}
2. the public key of the log, from whoever runs it

    python {verifier} --key KEY {case_id}.zip

It ends with 0 where all is sound, with 1 where something is broken, and with 2 where nothing is
broken and something cannot be verified. It names what.
"""


def readme(tenant: str, case_id: str) -> str:
    """The README of an export of a case."""
    told = {"tenant": tenant, "case_id": case_id, "verifier": VERIFIER}
    return _README.format(sha256=verifier_sha256(), **told)


@cache
def verifier_sha256() -> str:
    """The SHA-256 of the verifier of this release, in hex."""
    return hashlib.sha256(_PATH.read_bytes()).hexdigest()
