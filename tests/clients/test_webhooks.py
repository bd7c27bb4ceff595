"""Webhooks are verified by the official library that programs in JavaScript verify them with."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from shared.rules.deliveries import headers
from tests.clients.conftest import HERE, run

SECRETS = [f"whsec_{letter * 43}=" for letter in "AC"]


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("secret", SECRETS, ids=["new", "former"])
def test_a_webhook_is_verified_by_either_secret_and_one_that_was_changed_is_not(
    secret: str,
) -> None:
    body = json.dumps({"type": "webhook.test", "data": {"title": "Prüfung"}}).encode()
    told = json.dumps(dict(headers("e-1", datetime.now(UTC), body, SECRETS)))

    found = run("node", "verify_webhook.mjs", secret, told, body.decode(), cwd=HERE)

    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == {"payload": json.loads(body), "refused": True}
