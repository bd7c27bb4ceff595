"""The files of the console: kept compressed, asked for by their entity tags, and locked in.

A page may load nothing from elsewhere, run no script but these, and be shown in no other page. It
talks to its own server, and to where its people sign in.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from flask import Response as Response  # noqa: PLC0414 - handlers find it here
from flask import request

from shared.config import Config
from shared.errors import NotFound

_FIRST = "index.html"
# No step of it begins with a dot, so it leads nowhere else.
_NAME = re.compile(r"(\w[\w-]{0,50}/){0,3}\w[\w.-]{0,50}", re.ASCII)
# A module is known by its plain name in every release, so a browser asks each time whether it has
# the present one: modules of two releases never meet in one page. Pictures may be a day old.
_ASK = "public, no-cache"
_KINDS = {
    ".html": ("text/html; charset=utf-8", _ASK),
    ".css": ("text/css; charset=utf-8", _ASK),
    ".js": ("text/javascript; charset=utf-8", _ASK),
    ".svg": ("image/svg+xml", "public, max-age=86400"),
    ".png": ("image/png", "public, max-age=86400"),
}
_FIREBASE = ("https://identitytoolkit.googleapis.com", "https://securetoken.googleapis.com")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src {}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@dataclass(frozen=True, slots=True)
class _File:
    plain: bytes
    zipped: bytes
    tag: str


def file(root: Path, name: str, config: Config) -> Response:
    """The file of `root` called `name`, by default the first page. Raises NotFound.

    It has a strong ETag for each form that it is sent in, plain or compressed by gzip.
    """
    path = root / (name or _FIRST)
    kind = _KINDS.get(path.suffix)
    if not _NAME.fullmatch(name or _FIRST) or kind is None or not path.is_file():
        raise NotFound("the console has no such file")
    content = _read(path, path.stat().st_mtime_ns)
    zipped = request.accept_encodings["gzip"] > 0
    response = Response(content.zipped if zipped else content.plain, content_type=kind[0])
    response.headers["Cache-Control"] = kind[1]
    response.headers["Content-Security-Policy"] = _POLICY.format(" ".join(_sources(config)))
    response.vary.add("Accept-Encoding")
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(f"{content.tag}-gzip" if zipped else content.tag)
    response.make_conditional(request)
    return response


def to_first(path: str) -> Response:
    """Leads to where the console is."""
    return Response(status=302, headers={"Location": path})


def way(config: Config) -> Literal["local", "firebase", "oidc"]:
    """How people sign in. With the Firebase Auth emulator, a local run does as Firebase."""
    if config.unsigned_tokens and not config.auth_emulator:
        return "local"
    firebase = config.issuer.startswith("https://securetoken.google.com/")
    return "firebase" if firebase else "oidc"


def _sources(config: Config) -> Sequence[str]:
    """Where the page may send requests to (Content Security Policy, connect-src)."""
    own = ["'self'", *config.sign_in_origins]
    match way(config):
        case "local":
            return own
        case "firebase":
            emulator = config.auth_emulator
            return [*own, *([f"http://{emulator}"] if emulator else _FIREBASE)]
        case "oidc":
            issuer = urlsplit(config.issuer)
            return [*own, f"{issuer.scheme}://{issuer.netloc}"]


@lru_cache(maxsize=256)
def _read(path: Path, changed: int) -> _File:
    """A file as it is since it was `changed`."""
    del changed
    plain = path.read_bytes()
    tag = hashlib.sha256(plain).hexdigest()[:32]
    return _File(plain, gzip.compress(plain, 9, mtime=0), tag)
