"""The key that signs the logs of events: a secret, made once, which the sealing has as a file.

A key that is lost ends every log: whoever checks one knows its public part. So it is never replaced
here. To change it, add a version with both keys (docs/operations.md).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from deployment.deployable import ONE_SERVICE, Place
from deployment.google import Change, Google
from local.log_key import new_key

SECRET = "caseledger-log-key"  # noqa: S105 - its name
VARIABLE = "CASELEDGER_LOG_KEY"
DIRECTORY, FILE = "/secrets/log-key", "key.pem"
SIGNING = frozenset({"seal_audit", "get_intervention_receipt", "get_receipt_keys", ONE_SERVICE})
"""The functions that sign, and the one that shows the public keys."""


def secret(google: Google, place: Place) -> Iterator[Change]:
    """Makes the secret with a new key where there is none."""
    parent = f"v1/projects/{place.project}/secrets"
    if google.get("secretmanager", f"{parent}/{SECRET}") is None:
        body: dict[str, Any] = {"replication": {"automatic": {}}}
        query = {"secretId": SECRET}
        yield Change(f"make the secret {SECRET}", "POST", "secretmanager", parent, body, query)
    if google.get("secretmanager", f"{parent}/{SECRET}/versions/latest") is None:
        payload = {"payload": {"data": base64.b64encode(new_key()).decode()}}
        path = f"{parent}/{SECRET}:addVersion"
        what = f"put a new key that signs the logs of events into {SECRET}"
        yield Change(what, "POST", "secretmanager", path, payload)
