"""Where the API is, and what its lists look like. Pure."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit


class UnreadableRows(UserWarning):
    """A list left out rows whose stored documents cannot be read; the message names them."""


def address(url: str | None) -> str:
    """The address of the server, with or without `/v1`, or else `CASELEDGER_URL`.

    Raises ValueError where neither says it, or it is no address.
    """
    found = (url or os.environ.get("CASELEDGER_URL") or "").strip()
    if not found:
        raise ValueError("say where the API is: Client(url=…), or CASELEDGER_URL")
    parts = urlsplit(found)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{found} is no address of an API: it begins with https:// or http://")
    return found.rstrip("/").removesuffix("/v1")


def bearer(token: str) -> str:
    """The value of the header that has the token, without the spaces and lines around it.

    Raises ValueError for what no token has, which is not shown: an error may end up in a log.
    """
    text = token.strip()
    if not re.fullmatch(r"[!-~]*", text):
        raise ValueError(
            "the token has characters that no token has, such as a space: give it alone"
        )
    return f"Bearer {text}"


def is_here(url: str) -> bool:
    """Whether a URL is of this machine, which no proxy of the environment stands before."""
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def whole(path: str) -> str:
    """The path at the server: below `/v1`, but for what is well known (RFC 8615)."""
    return path if path.startswith(("/v1/", "/.well-known/")) else f"/v1{path}"


def said(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parameters of a query that are not None."""
    return {name: value for name, value in (params or {}).items() if value is not None}


def segment(name: str) -> str:
    """An id as a part of a path. Raises ValueError for what no id is and would lead elsewhere.

    A part `..` takes the one before it out of the path (RFC 3986, 5.2.4), and servers take an
    encoded slash for a slash: a part of a case would be the case.
    """
    if name in ("", ".", "..") or "/" in name:
        raise ValueError(f"{name!r} is no id")
    return quote(name, safe="")


def segments(names: str) -> str:
    """The rest of a path, whose slashes are its own. Raises ValueError as `segment` does."""
    return "/".join(segment(name) for name in names.split("/"))


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
