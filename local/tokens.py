"""Unsigned tokens for local runs (RFC 7519, 6)."""

from __future__ import annotations

from shared.edge.local_people import unsigned


def unsigned_token(*, sub: str, tenant: str, role: str, email: str | None = None) -> str:
    """A JWT without a signature. Only a local run accepts it."""
    return unsigned(sub=sub, tenant=tenant, role=role, email=email)
