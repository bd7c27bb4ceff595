"""Unsigned tokens for local runs (RFC 7519, 6)."""

from __future__ import annotations

import base64
import json


def unsigned_token(*, sub: str, tenant: str, role: str, email: str | None = None) -> str:
    """A JWT without a signature. Only a local run accepts it."""
    claims = {"sub": sub, "tenant": tenant, "role": role, "email": email}
    return f"{_segment({'alg': 'none', 'typ': 'JWT'})}.{_segment(claims)}."


def _segment(content: dict[str, str | None]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
