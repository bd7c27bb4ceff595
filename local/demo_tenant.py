"""The demo tenant of a local run: its name, and tokens of its members."""

from __future__ import annotations

from local.tokens import unsigned_token
from shared.edge.local_people import TENANT as TENANT  # noqa: PLC0414 - others find it here


def token(role: str, sub: str) -> str:
    """An unsigned token of a member of the demo tenant."""
    return unsigned_token(sub=sub, tenant=TENANT, role=role, email=f"{sub}@example.com")
