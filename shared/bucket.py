"""A bucket of Cloud Storage in which objects are made once, and never changed.

That nobody else changes or deletes them either is for the bucket's retention policy to see to, once
it is locked (cloud.google.com/storage/docs/bucket-lock). What was made is listed at once
(cloud.google.com/storage/docs/consistency).
"""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

from shared.credentials import Credentials

SECONDS = 5.0
"""How long one request may take."""
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_HOST = "https://storage.googleapis.com"
_PAGES = 10
"""How many pages of a list without a name are looked through."""
_NOT_FOUND, _EXISTS = 404, 412


class Unreachable(Exception):
    """The bucket did not do what it was asked; the message says why, without data."""


class Bucket:
    """The bucket called `name`, or one of that name in an emulator at `emulator`, host:port."""

    def __init__(self, name: str, emulator: str | None = None, seconds: float = SECONDS) -> None:
        self._root = f"{f'http://{emulator}' if emulator else _HOST}{{}}/storage/v1/b/{name}/o"
        self._credentials = None if emulator else Credentials(_SCOPE, seconds)
        # What runs on this machine is never behind a proxy, whatever the environment says.
        self._opener = build_opener(*[ProxyHandler({})] if emulator else [])
        self._seconds = seconds

    def make(self, name: str, text: str) -> bool:
        """Makes an object; False where there is one of that name. Raises Unreachable.

        (cloud.google.com/storage/docs/json_api/v1/objects/insert; by `ifGenerationMatch=0` it
        succeeds only if there is no object of that name)
        """
        query = {"uploadType": "media", "ifGenerationMatch": "0", "name": name}
        url = f"{self._root.format('/upload')}?{urlencode(query)}"
        return self._answer(url, text.encode(), _EXISTS) is not None

    def read(self, name: str) -> str | None:
        """The content of an object; None where there is no such object. Raises Unreachable."""
        url = f"{self._root.format('')}/{quote(name, safe='')}?alt=media"
        found = self._answer(url, None, _NOT_FOUND)
        return None if found is None else found.decode("utf-8", "replace")

    def names(self, prefix: str, start: str, end: str | None = None, most: int = 1) -> list[str]:
        """The first `most` names that begin with `prefix`, from `start` on and before `end`.

        They are sorted by their bytes. Raises Unreachable.
        (cloud.google.com/storage/docs/json_api/v1/objects/list)
        """
        query = {"prefix": prefix, "startOffset": start, "maxResults": str(most)}
        query |= {"fields": "items(name),nextPageToken"} | ({"endOffset": end} if end else {})
        for _ in range(_PAGES):
            found = self._answer(f"{self._root.format('')}?{urlencode(query)}", None)
            try:
                page: Any = json.loads(found or b"")
                names = [str(item["name"]) for item in page.get("items", [])]
                token = page.get("nextPageToken")
            except (ValueError, KeyError, TypeError, AttributeError):
                raise Unreachable("the answer is no list of objects") from None
            # A page may be short although there is more.
            if names or not token:
                return names[:most]
            query["pageToken"] = str(token)
        raise Unreachable("its list does not end")

    def _answer(self, url: str, body: bytes | None, expected: int | None = None) -> bytes | None:
        """The body of an answer; None where its code is the one that is `expected`."""
        try:
            headers = {"Content-Type": "text/plain; charset=utf-8"}
            if self._credentials:
                headers["Authorization"] = f"Bearer {self._credentials.token()}"
            request = Request(url, body, headers)  # noqa: S310 - Google's, or an emulator's
            with self._opener.open(request, timeout=self._seconds) as response:
                found: bytes = response.read()
                return found
        except HTTPError as error:
            with error:
                if error.code == expected:
                    return None
            raise Unreachable(f"HTTPError {error.code}") from None
        except (OSError, HTTPException) as error:
            raise Unreachable(type(error).__name__) from None
