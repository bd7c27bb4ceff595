"""Who is logged in: the address of the API and a token, in a file that only its owner can read.

`CASELEDGER_URL` and `CASELEDGER_TOKEN` go before the file. A token goes only to the address that it
was saved for.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import secrets
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import typer

from caseledger import Client, addresses, terminal
from caseledger.addresses import is_here, said, whole
from caseledger.exits import Exit

RETRY_FOR = 20.0
"""For so many seconds a command tries to reach the server."""
_NOT_LOGGED_IN = "you are not logged in: run `caseledger login`, or set CASELEDGER_TOKEN"


@dataclass(frozen=True)
class Profile:
    """Where the API is, and the token to send there, which no text shows."""

    url: str
    token: str = field(repr=False)

    @property
    def claims(self) -> dict[str, Any]:
        """What the token says of itself, unverified; the id and tenant of a key."""
        return claims_of(self.token)


def claims_of(token: str) -> dict[str, Any]:
    """What a token says of itself, unverified; nothing where it cannot be read."""
    head, _, rest = token.partition(".")
    if head.startswith("ck_"):
        tenant, _, key = token.rpartition(".")[0].removeprefix("ck_").rpartition(".")
        return {"tenant": tenant, "sub": f"key:{key}"}
    try:
        payload = rest.partition(".")[0]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def place() -> Path:
    """The file of who is logged in."""
    return Path(typer.get_app_dir("caseledger")) / "login.json"


def save(profile: Profile) -> Path:
    """Keeps a profile, and gives the file: it has the mode 0600 from its first byte on."""
    path = place()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(profile), file)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def forget() -> bool:
    """Removes the file; says whether there was one."""
    try:
        place().unlink()
    except FileNotFoundError:
        return False
    return True


def saved() -> Profile | None:
    """Who is logged in by the file."""
    try:
        return Profile(**json.loads(place().read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise terminal.fail(f"{place()} cannot be read: log in again", Exit.DENIED) from None


def current() -> Profile:
    """Who asks, by the environment or the file. Ends the command where nobody is logged in."""
    url, token = os.environ.get("CASELEDGER_URL"), os.environ.get("CASELEDGER_TOKEN")
    found = None if url and token else saved()
    if token:
        return Profile(checked(url or (found.url if found else "")), checked_token(token))
    if found is None:
        raise terminal.fail(_NOT_LOGGED_IN, Exit.DENIED)
    if url and checked(url) != found.url:
        told = f"you are logged in at {found.url}, and CASELEDGER_URL is another address"
        raise terminal.fail(f"{told}: set CASELEDGER_TOKEN too, or log in there", Exit.DENIED)
    return found


def checked(url: str) -> str:
    """The address of an API, as it is kept: without `/v1` and a slash at the end.

    Ends the command where it is none, or where a token would be sent there without encryption.
    """
    url = url.strip()
    told = f"{url or 'the address of the API'} is not a URL"
    try:
        parts = urlsplit(url)
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        raise terminal.fail(told, Exit.USAGE) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise terminal.fail(told, Exit.USAGE)
    if parts.scheme == "http" and not is_here(url):
        raise terminal.fail(f"{url} is not https: the token would be readable", Exit.USAGE)
    path = parts.path.rstrip("/").removesuffix("/v1")
    return f"{parts.scheme}://{parts.netloc}{path}"


def checked_token(token: str) -> str:
    """A token, or a key. Ends the command where it can be neither, without showing it."""
    found = token.strip()
    if not re.fullmatch(r"[!-~]+", found):
        raise terminal.fail("this is neither a token nor a key", Exit.USAGE)
    return found


def segment(name: str) -> str:
    """An id as a part of a path. Ends the command where it is none, and would lead elsewhere."""
    try:
        return addresses.segment(name)
    except ValueError as error:
        raise terminal.fail(str(error), Exit.USAGE) from None


class Caller(Client):
    """The API, as the commands call it: it also gives answers that are too long to keep."""

    def stream(
        self, path: str, params: dict[str, Any] | None
    ) -> AbstractContextManager[httpx.Response]:
        """The answer to a GET, sent once, to be read while it comes."""
        headers = self._authorization()
        url = self.url + whole(path)
        return self._http.stream("GET", url, params=said(params), headers=headers)


def caller(profile: Profile) -> Caller:
    """The API, as somebody."""
    return Caller(profile.url, profile.token, retry_for=RETRY_FOR)


def client() -> Caller:
    """The API, as who is logged in."""
    return caller(current())
