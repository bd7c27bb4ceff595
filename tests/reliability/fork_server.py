"""Starts servers that are forked from a process in which all that they import is loaded already.

`python -m tests.reliability.fork_server` reads an order a line, with the arguments of
functions_framework, the environment and the file for what is printed, and answers with the process
that it has become. It ends with its input. To import takes a server two thirds of its start.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import cache
from threading import Lock
from typing import Any

_ONE_AT_A_TIME = Lock()


class Forked:
    """A process that was forked; what `subprocess.Popen` has of it, as far as a server needs it."""

    def __init__(self, order: dict[str, Any]) -> None:
        with _ONE_AT_A_TIME:
            forking = _forking()
            assert forking.stdin
            assert forking.stdout
            forking.stdin.write(json.dumps(order) + "\n")
            forking.stdin.flush()
            self.pid = int(forking.stdout.readline())

    def poll(self) -> int | None:
        """None while it is there. Nobody can say how it ended: then it is 0."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    def wait(self, timeout: float = 60) -> int:
        """Waits until it is gone."""
        until = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        return 0


@cache
def _forking() -> subprocess.Popen[str]:
    """The process that forks, one for all servers of this process."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.reliability.fork_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def main() -> None:
    """Forks a server for each order."""
    from functions_framework._cli import _cli  # noqa: PLC0415 - here only, and before the forks

    import functions.api  # noqa: F401, PLC0415
    import shared.documents.embedded.store  # noqa: PLC0415
    import shared.documents.firestore.store  # noqa: F401, PLC0415

    # Who has ended is forgotten at once, as the child of another process.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _become(json.loads(line), _cli)
            return
        print(pid, flush=True)  # noqa: T201 - the answer


def _become(order: dict[str, Any], serve: Any) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.environ.clear()
    os.environ.update(order["environment"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(order["output"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    serve(order["arguments"])


if __name__ == "__main__":
    main()
