"""A stand-in for the part of Cloud Storage's JSON API that keeps checkpoints: in memory, by HTTP.

It answers as Google documents: objects are made where there are none (412 otherwise), read, and
listed by their names' bytes, from an offset on. Nothing here was tried on Google Cloud.
(cloud.google.com/storage/docs/json_api/v1/objects)
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

NAME = "acme-checkpoints"
_OBJECTS = f"/storage/v1/b/{NAME}/o"


class BucketStub:
    """The bucket, and what it was asked. `code` refuses everything with it; `stalls` until set."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.objects: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        self.code: int | None = None
        self.stalls: threading.Event | None = None
        self.body: bytes | None = None
        """What is answered instead, with 200."""
        self.empty_pages = 0
        """How many pages of each list come before the one with its names."""
        self.lost_answers = 0
        """How many of the next objects are made and then answered with 503."""
        self._making = threading.Lock()

    def names(self, prefix: str = "") -> list[str]:
        """The names of all objects, in order."""
        return sorted(name for name in self.objects if name.startswith(prefix))

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """The code and the body of an answer."""
        url = urlsplit(target)
        query = dict(parse_qsl(url.query))
        self.asked.append((method, target))
        if self.stalls:
            self.stalls.wait(10)
        if self.code:
            return self.code, b'{"error": {}}'
        if self.body is not None:
            return 200, self.body
        if method == "POST" and url.path == f"/upload{_OBJECTS}":
            return self._made(query, body)
        if method == "GET" and url.path == _OBJECTS:
            return 200, json.dumps(self._listed(query)).encode()
        name = unquote(url.path.removeprefix(f"{_OBJECTS}/"))
        if method == "GET" and query == {"alt": "media"} and name in self.objects:
            return 200, self.objects[name].encode()
        return 404, b'{"error": {}}'

    def _made(self, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        assert query["uploadType"] == "media"
        assert query["ifGenerationMatch"] == "0"
        with self._making:
            if query["name"] in self.objects:
                return 412, b'{"error": {}}'
            self.objects[query["name"]] = body.decode()
            if self.lost_answers:
                self.lost_answers -= 1
                return 503, b'{"error": {}}'
        return 200, b'{"kind": "storage#object"}'

    def _listed(self, query: dict[str, str]) -> dict[str, Any]:
        found = [name for name in self.names(query["prefix"]) if name >= query["startOffset"]]
        found = [name for name in found if "endOffset" not in query or name < query["endOffset"]]
        if (number := int(query.get("pageToken", 0))) < self.empty_pages:
            return {"nextPageToken": str(number + 1)}
        page = found[: int(query["maxResults"])]
        # As Google does, no list at all where it would be empty.
        return {"items": [{"name": name} for name in page]} if page else {}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Says nothing of callers who did not wait."""


@contextmanager
def running_bucket() -> Iterator[BucketStub]:
    """An empty bucket on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            code, answer = stub.answer(self.command, self.path, body)
            self.send_response(code)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _answer  # noqa: N815 - as the server calls them

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    stub = BucketStub(f"127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
