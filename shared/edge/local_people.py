"""Who may be chosen in a local run: invented people of the demo tenant, and their tokens."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from shared.models.console import DemoPerson

TENANT = "demo"
LIFETIME_SECONDS = 3600
PEOPLE = tuple(
    DemoPerson(name=sub.capitalize(), role=role, sub=sub, email=f"{sub}@example.com", tenant=TENANT)
    for sub, role in (
        ("vera", "pilot"),
        ("paul", "pilot"),
        ("nora", "verifier"),
        ("alex", "admin"),
        ("ada", "admin"),
        ("victor", "viewer"),
        ("audra", "auditor"),
    )
)


def token_of(person: DemoPerson) -> str:
    """An unsigned token of one of the people, for an hour."""
    return unsigned(
        sub=person.sub,
        tenant=person.tenant,
        role=person.role,
        email=person.email,
        exp=int(time.time()) + LIFETIME_SECONDS,
    )


def unsigned(**claims: Any) -> str:
    """A JWT without a signature (RFC 7519, 6). Only a local run accepts it."""
    return f"{_segment({'alg': 'none', 'typ': 'JWT'})}.{_segment(claims)}."


def _segment(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
