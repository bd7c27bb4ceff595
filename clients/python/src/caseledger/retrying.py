"""Which answers say that the same request can be sent again, and when. Pure."""

from __future__ import annotations

import random
from email.utils import parsedate_to_datetime
from time import time

import httpx

from caseledger.problems import Problem

LOST = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)
"""The request may have arrived, and may have taken effect."""
_LONGEST = 10.0
_LONGEST_ASKED = 600.0
_CONFLICT = 409
_TEMPORARY = (429, 502, 503, 504)
"""502 and 504 come from proxies, while the server behind them is started again."""


def is_temporary(response: httpx.Response) -> bool:
    """Whether the same request may succeed later: too many requests, out of reach, or a lost race.

    With the `Idempotency-Key` that it had, it takes effect once.
    """
    code = response.status_code
    return code in _TEMPORARY or (code == _CONFLICT and Problem(response).status == "ABORTED")


def pause(attempt: int, response: httpx.Response | None) -> float:
    """How many seconds to wait after the attempt of this number, the first of which is 0.

    It is half a second, then twice as long each time, up to 10 seconds, of which a random part is
    left out, so that clients do not come back together. Where `Retry-After` asks for more, it is
    that, up to ten minutes: a client that waits without an end would never come back to a server
    that asks for years. Where it asks for less, that is done at the first attempt only.
    """
    own = min(_LONGEST, 0.5 * 2.0 ** min(attempt, 10)) * random.uniform(0.5, 1)  # noqa: S311
    asked = _retry_after(response.headers.get("Retry-After")) if response is not None else None
    if asked is None:
        return own
    return min(_LONGEST_ASKED, max(asked, own if attempt else 0.0))


def _retry_after(text: str | None) -> float | None:
    """Seconds, or the time of an HTTP date from now (RFC 9110); None for neither."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except ValueError:
        return None
