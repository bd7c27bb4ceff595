"""Where the API is, and what its lists look like. Pure."""

from __future__ import annotations

import os
import warnings
from typing import Any


class UnreadableRows(UserWarning):
    """A list left out rows whose stored documents cannot be read; the message names them."""


def address(url: str | None) -> str:
    """The address of the server, with or without `/v1`, or else `CASELEDGER_URL`.

    Raises ValueError where neither says it.
    """
    found = url or os.environ.get("CASELEDGER_URL")
    if not found:
        raise ValueError("say where the API is: Client(url=…), or CASELEDGER_URL")
    return found.rstrip("/").removesuffix("/v1")


def whole(path: str) -> str:
    """The path at the server: below `/v1`, but for what is well known (RFC 8615)."""
    return path if path.startswith(("/v1/", "/.well-known/")) else f"/v1{path}"


def rows_of(page: dict[str, Any]) -> list[Any]:
    """The rows of one page of a list: its `items`, or the one list that it has.

    Warns of rows that cannot be read, which the list has left out.
    """
    if unreadable := page.get("unreadable"):
        warnings.warn(f"left out: {unreadable}", UnreadableRows, stacklevel=3)
    if "items" in page:
        rows: list[Any] = page["items"]
        return rows
    (rows,) = (
        value for name, value in page.items() if name != "unreadable" and isinstance(value, list)
    )
    return rows
