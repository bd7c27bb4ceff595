"""Errors of gRPC as errors of the port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from shared.documents.port import (
    Aborted,
    AlreadyExists,
    Missing,
    Rejected,
    Stale,
    StoreError,
    Unavailable,
)

_Code = grpc.StatusCode
_ERRORS: dict[grpc.StatusCode, type[StoreError]] = {
    _Code.ALREADY_EXISTS: AlreadyExists,
    _Code.NOT_FOUND: Missing,
    _Code.FAILED_PRECONDITION: Stale,
    _Code.ABORTED: Aborted,
    _Code.INVALID_ARGUMENT: Rejected,
    _Code.OUT_OF_RANGE: Rejected,
    _Code.UNAVAILABLE: Unavailable,
    _Code.DEADLINE_EXCEEDED: Unavailable,
    _Code.INTERNAL: Unavailable,
    _Code.UNKNOWN: Unavailable,
    _Code.CANCELLED: Unavailable,
    _Code.RESOURCE_EXHAUSTED: Unavailable,
    # A stream that ended too early.
    _Code.OK: Unavailable,
}
_BY_NUMBER: dict[int, grpc.StatusCode] = {code.value[0]: code for code in _Code}
# What NOT_FOUND says of a whole database instead of a document.
_NO_DATABASE = "does not exist for project"


@contextmanager
def errors_mapped() -> Iterator[None]:
    """Raises the port's errors for gRPC's."""
    try:
        yield
    except grpc.RpcError as error:
        raise failure(error.code().value[0], str(error.details())) from error


def failure(number: int, details: str) -> StoreError:
    """The port's error for a status code by its number."""
    code = _BY_NUMBER.get(number, _Code.UNKNOWN)
    kind = _ERRORS.get(code, StoreError)
    if kind is Missing and _NO_DATABASE in details:
        kind = StoreError
    # Only these are about the project; what is said of others may quote what was sent.
    cause = f"{code.name}: {details}" if kind is StoreError else code.name
    return kind(f"Firestore: {code.name}: {details}", cause=cause)
