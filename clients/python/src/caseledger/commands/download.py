"""Files that come from the server: whole, or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from caseledger import Problem, Unreachable, terminal
from caseledger.exits import Exit
from caseledger.profile import Caller
from caseledger.retrying import is_temporary, pause

_ATTEMPTS = 5


def require_free(path: Path, *, force: bool) -> None:
    """Ends the command where the file is there, and is not to be written over."""
    if path.exists() and not force:
        raise terminal.fail(f"{path} exists: --force writes over it", Exit.USAGE)


def download(
    client: Caller,
    path: str,
    file: Path,
    *,
    params: dict[str, Any] | None = None,
    taken: Callable[[int], object] = lambda _: None,
) -> None:
    """Writes an answer into a file, which is there when all of it is; `taken` is told the bytes.

    What breaks off is asked for again from its beginning. Raises Problem and Unreachable.
    """
    beside = file.with_name(f"{file.name}.part")
    try:
        for attempt in range(_ATTEMPTS):
            error, response = _attempt(client, path, params, beside, taken)
            if error is None:
                beside.replace(file)
                return
            last = attempt + 1 == _ATTEMPTS
            if last or (response is not None and not is_temporary(response)):
                raise error
            time.sleep(pause(attempt, response))
    finally:
        beside.unlink(missing_ok=True)


def _attempt(
    client: Caller,
    path: str,
    params: dict[str, Any] | None,
    file: Path,
    taken: Callable[[int], object],
) -> tuple[Exception | None, httpx.Response | None]:
    """Nothing where the file is whole; otherwise what went wrong, with the answer if one came."""
    try:
        with client.stream(path, params) as response:
            if not response.is_success:
                response.read()
                return Problem(response), response
            # Not into what somebody has put there, such as a link to another file.
            file.unlink(missing_ok=True)
            with file.open("xb") as written:
                for chunk in response.iter_bytes():
                    written.write(chunk)
                    taken(response.num_bytes_downloaded)
    except httpx.TransportError as lost:
        return Unreachable(f"{path}: {lost!r}"), None
    return None, None
