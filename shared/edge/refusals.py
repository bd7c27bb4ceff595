"""What went wrong, as the caller is told of it and as the log has it."""

from __future__ import annotations

from typing import Any

import flask
from pydantic_core import to_json

from shared import errors, log
from shared.documents import port
from shared.models.base import JSON

_OUT_OF_REACH = (
    "the store is out of reach; whether a change was made is not known: "
    "repeat the request with the same Idempotency-Key"
)
KNOWN = (errors.ApiError, port.Unavailable, port.OtherRelease)
"""What a handler may raise that its caller is told of."""


def told_of(error: Exception) -> errors.ApiError:
    """What the caller is told of an error that is one of `KNOWN`."""
    if isinstance(error, errors.ApiError):
        return error
    text = str(error) if _is_for_callers(error) else _OUT_OF_REACH
    told = errors.Unavailable(text)
    told.__cause__ = error
    return told


def logged(error: errors.ApiError) -> dict[str, Any]:
    """What the log says of an error beside its code."""
    fields: dict[str, Any] = {}
    if error.security_event:
        fields["securityEvent"] = error.security_event
    if isinstance(error, errors.Unreadable):
        fields |= log.failure(error)
    if isinstance(error, errors.Unavailable):
        fields["cause"] = error.message if _is_for_callers(error.__cause__) else cause_of(error)
    return fields


def _is_for_callers(error: BaseException | None) -> bool:
    """Whether the store's text may be told: that of a wrong place has the path of the file."""
    return isinstance(error, port.OtherRelease) and not isinstance(error, port.WrongPlace)


def cause_of(error: BaseException | None) -> str | None:
    """What the log may say of the store's part in an error."""
    while error:
        if isinstance(error, port.StoreError) and error.cause:
            return error.cause
        error = error.__cause__ or error.__context__
    return None


def response(error: errors.ApiError) -> flask.Response:
    """An error in the one JSON form of errors."""
    text = to_json({"error": error.body()})
    answer = flask.Response(text, error.code, mimetype=JSON)
    answer.headers.update(error.headers)
    return answer
