"""Keys as files: secrets, each made once, which the functions that need it have as a file.

None is ever replaced here. A key that signed logs and is lost ends every log, because whoever
checks one knows its public part; one that sealed webhooks and is lost takes their secrets along. To
change a key, add a version with both (docs/operations.md).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from deployment.deployable import ONE_SERVICE, Place
from deployment.google import Change, Google
from local import log_key, webhook_key


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A secret, what it does, the variable that names its file, and the functions that have it.

    `name` is that of its volume, and of its directory; `new` makes a key. One that is `for_eager`
    is given to all functions that change something, with CASELEDGER_EAGER.
    """

    does: str
    secret: str
    variable: str
    name: str
    file: str
    functions: frozenset[str]
    new: Callable[[], bytes]
    for_eager: bool = False

    @property
    def directory(self) -> str:
        """Where its file is mounted."""
        return f"/secrets/{self.name}"

    @property
    def path(self) -> str:
        """The path of its file."""
        return f"{self.directory}/{self.file}"


KEY_FILES = (
    KeyFile(
        "signs the logs of events",
        "caseledger-log-key",
        log_key.VARIABLE,
        "log-key",
        "key.pem",
        frozenset({"seal_audit", "get_intervention_receipt", "get_receipt_keys", ONE_SERVICE}),
        log_key.new_key,
    ),
    KeyFile(
        "seals the secrets of webhooks",
        "caseledger-webhook-key",
        webhook_key.VARIABLE,
        "webhook-key",
        "keys.txt",
        frozenset({"create_webhook", "update_webhook", "rotate_webhook_secret"})
        | {"deliver_webhooks", "test_webhook", ONE_SERVICE},
        webhook_key.new_key,
        for_eager=True,
    ),
)
SECRETS = {one.variable: one.secret for one in KEY_FILES}


def made(google: Google, place: Place) -> Iterator[Change]:
    """Makes each secret with a new key where there is none."""
    for one in KEY_FILES:
        yield from _made(google, place, one)


def _made(google: Google, place: Place, one: KeyFile) -> Iterator[Change]:
    parent = f"v1/projects/{place.project}/secrets"
    if google.get("secretmanager", f"{parent}/{one.secret}") is None:
        body: dict[str, Any] = {"replication": {"automatic": {}}}
        query = {"secretId": one.secret}
        yield Change(f"make the secret {one.secret}", "POST", "secretmanager", parent, body, query)
    if google.get("secretmanager", f"{parent}/{one.secret}/versions/latest") is None:
        payload = {"payload": {"data": base64.b64encode(one.new()).decode()}}
        path = f"{parent}/{one.secret}:addVersion"
        what = f"put a new key that {one.does} into {one.secret}"
        yield Change(what, "POST", "secretmanager", path, payload)
