"""How a command ends, for scripts."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes, which do not change from release to release."""

    DONE = 0
    REFUSED = 1
    """The API refused the request for another reason than those below."""
    USAGE = 2
    """The command was called wrongly."""
    NOT_FOUND = 3
    """What was asked for does not exist, or there is nothing to claim."""
    DENIED = 4
    """Nobody is logged in, the token is not valid any more, or its role may not do this."""
    BROKEN = 5
    """A trail or an export does not verify."""
    CONFLICT = 6
    """It cannot be done as things stand: somebody was first, or it has changed."""
    UNAVAILABLE = 7
    """The server could not be reached, or could not answer, after several attempts."""
    NOT_WHOLLY = 8
    """Nothing of an export is broken, and something in it could not be verified."""
    INTERRUPTED = 130
    """Ctrl-C."""


SERVER_ERRORS = 500
"""From this HTTP status code on it is the server's fault."""
UNAUTHENTICATED = 401
_OF_CODES = {
    UNAUTHENTICATED: Exit.DENIED,
    403: Exit.DENIED,
    404: Exit.NOT_FOUND,
    409: Exit.CONFLICT,
    412: Exit.CONFLICT,
    429: Exit.UNAVAILABLE,
}


def exit_of(code: int) -> Exit:
    """How a command ends that the API answered with this HTTP status code."""
    return Exit.UNAVAILABLE if code >= SERVER_ERRORS else _OF_CODES.get(code, Exit.REFUSED)
