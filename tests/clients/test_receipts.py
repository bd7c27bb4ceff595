"""Receipts are verified by the library that programs in JavaScript verify tokens with."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.repository.log_keys import LogKeys
from tests.clients.conftest import HERE, run


@pytest.mark.usefixtures("node")
def test_a_receipt_is_verified_by_jose_and_one_that_was_changed_is_not() -> None:
    keys = LogKeys("logs.example", [Ed25519PrivateKey.generate() for _ in range(2)])
    claims = {"iss": "logs.example", "sub": "I-1", "decision": "approve", "iat": 1_772_442_000}
    key_set = json.dumps({"keys": keys.jwks()})

    found = run("node", "verify_receipt.mjs", key_set, keys.jws(claims), "logs.example", cwd=HERE)

    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == {"payload": claims, "refused": True}
