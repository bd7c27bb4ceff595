"""The errors that a client can get; `edge/function.py` gives them their one JSON form.

ApiError
├── InvalidArgument       400  the request is wrong; details name the fields
├── Unauthenticated       401  no token, or a bad one
├── PermissionDenied      403  the caller's role does not allow it
├── NotFound              404  it does not exist, or not for this tenant
├── MethodNotAllowed      405  the path exists, the method does not
├── AlreadyExists         409  the id is taken
├── RequestTimeout        408  the head or the body did not arrive in time
├── FailedPrecondition    409  a rule forbids it; details have the state and what is allowed
│   ├── Held              409  a legal hold forbids it
│   └── OtherAction       409  another action was approved than the one that is to start
├── Aborted               409  others changed it first, too often: try again
├── PreconditionFailed    412  If-Match names another version
├── ContentTooLarge       413
├── UnsupportedMediaType  415
├── KeyReused             422  the Idempotency-Key was used for another request
├── ResourceExhausted     429  the instance handles as many of these as it can: try again later
│   └── RateLimited       429  the caller's or the tenant's budget is used up: try again later
├── Internal              500  a bug or a wrong configuration; the log has the cause
│   └── Unreadable        500  a stored document is not as this release stores it
└── Unavailable           503  the store or the key server is out of reach: try again
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

Details = Sequence[dict[str, Any]]


class ApiError(Exception):
    """An error answer: HTTP `code`, `status` by name, a message, details, extra headers.

    `security_event` is its name in the log if it concerns security.
    """

    code: ClassVar[int]
    status: ClassVar[str]
    security_event: ClassVar[str | None] = None

    def __init__(
        self, message: str, details: Details = (), headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = list(details)
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The error in its JSON form, without the envelope."""
        return {
            "code": self.code,
            "status": self.status,
            "message": self.message,
            "details": self.details,
        }


class InvalidArgument(ApiError):
    """The request is wrong; details name the fields."""

    code, status = 400, "INVALID_ARGUMENT"

    @classmethod
    def field(cls, field: str, description: str) -> InvalidArgument:
        """The error of one field."""
        return cls(f"{field}: {description}", [{"field": field, "description": description}])


class Unauthenticated(ApiError):
    """No token, or a bad one."""

    code, status = 401, "UNAUTHENTICATED"
    security_event = "unauthenticated"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class PermissionDenied(ApiError):
    """The caller's role does not allow it."""

    code, status = 403, "PERMISSION_DENIED"
    security_event = "permission_denied"


class NotFound(ApiError):
    """It does not exist, or not for this tenant."""

    code, status = 404, "NOT_FOUND"


class MethodNotAllowed(ApiError):
    """The path exists, the method does not."""

    code, status = 405, "METHOD_NOT_ALLOWED"


class RequestTimeout(ApiError):
    """The head or the body did not arrive in time."""

    code, status = 408, "REQUEST_TIMEOUT"
    security_event = "slow_body"


class AlreadyExists(ApiError):
    """The id is taken."""

    code, status = 409, "ALREADY_EXISTS"


class FailedPrecondition(ApiError):
    """A rule forbids it; details have the state and what is allowed."""

    code, status = 409, "FAILED_PRECONDITION"


class Held(FailedPrecondition):
    """A legal hold forbids it."""

    security_event = "hold_refused"


class OtherAction(FailedPrecondition):
    """Another action was approved than the one that an agent is about to start."""

    security_event = "action_changed"


class Aborted(ApiError):
    """Others changed it first, too often."""

    code, status = 409, "ABORTED"


class PreconditionFailed(ApiError):
    """If-Match names another version."""

    code, status = 412, "FAILED_PRECONDITION"


class ContentTooLarge(ApiError):
    """The body is larger than a request may be."""

    code, status = 413, "CONTENT_TOO_LARGE"


class UnsupportedMediaType(ApiError):
    """The body is not declared to be JSON."""

    code, status = 415, "UNSUPPORTED_MEDIA_TYPE"


class KeyReused(ApiError):
    """The Idempotency-Key was used for another request."""

    code, status = 422, "UNPROCESSABLE_CONTENT"


class ResourceExhausted(ApiError):
    """The instance handles as many of these requests as it can."""

    code, status = 429, "RESOURCE_EXHAUSTED"

    def __init__(self, message: str, seconds: int = 5) -> None:
        super().__init__(message, headers={"Retry-After": str(seconds)})


class RateLimited(ResourceExhausted):
    """The caller's or the tenant's budget is used up."""

    security_event = "rate_limited"


class Internal(ApiError):
    """Something that should not happen; the log line of the request id has the cause."""

    code, status = 500, "INTERNAL"


class Unreadable(Internal):
    """A stored document is not as this release stores it; the message names it."""


class Unavailable(ApiError):
    """The store or the key server is out of reach."""

    code, status = 503, "UNAVAILABLE"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"Retry-After": "1"})
