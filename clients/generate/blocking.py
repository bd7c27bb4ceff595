"""The synchronous client, made of the asynchronous one by leaving out what is asynchronous."""

from __future__ import annotations

import re

_STEPS = (
    (r"Awaitable\[(\w+)\]", r"\1"),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"__a(enter|exit)__", r"__\1__"),
    (r"\baclose\b", "close"),
    (r"\b_async\b", "_sync"),
    (r"\bAsync([A-Z]\w+)", r"\1"),
    (
        r"A client whose methods are awaited. `Client` has the same ones, which block.",
        "A client whose methods block. `AsyncClient` has the same ones, which are awaited.",
    ),
)


def blocking(source: str) -> str:
    """The same module for callers who block."""
    for pattern, replacement in _STEPS:
        source = re.sub(pattern, replacement, source)
    return source
