"""Processes that end with the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def end_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What a child runs first so that Linux sends it `number` when the thread that started it ends.

    None elsewhere. It makes two system calls and takes no lock, as `preexec_fn` needs.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: a fork of a threaded process must not load
    parent = os.getpid()

    def end_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # died before the kernel knew
            os._exit(1)

    return end_with_parent
