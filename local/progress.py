"""What a long command says: how far it is, in a line that is written over, and what came of it."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

_TERMINAL_SECONDS, _FILE_SECONDS = 0.2, 10.0


def say(line: str) -> None:
    """Says what came of it, on standard output."""
    print(line, flush=True)  # noqa: T201


class Progress:
    """Says `what: done of total` on standard error; the last line stays.

    Where that is no terminal, it is a line of its own now and then.
    """

    def __init__(self, what: str, total: int | None) -> None:
        self._what, self._total = what, total
        self._is_seen = sys.stderr.isatty()
        self._pause = _TERMINAL_SECONDS if self._is_seen else _FILE_SECONDS
        self._said = time.monotonic()
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._say(end="\n")

    def __call__(self, done: int) -> None:
        """Takes how many are done."""
        self._done = done
        if time.monotonic() >= self._said + self._pause:
            self._say(end="" if self._is_seen else "\n")

    def _say(self, end: str) -> None:
        self._said = time.monotonic()
        of = f" of {self._total:,} ({100 * self._done // self._total} %)" if self._total else ""
        start = "\r\x1b[K" if self._is_seen else ""
        print(f"{start}{self._what}: {self._done:,}{of}", end=end, file=sys.stderr, flush=True)  # noqa: T201
