"""What can go wrong: an answer that refuses, no answer, and a question that was not approved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from caseledger.types import Intervention


class _Portable(Exception):
    """An error that another process can be sent, such as that of a pool of workers."""

    def __reduce__(self) -> Any:
        return _again, (type(self), self.args, self.__dict__)


class Problem(_Portable):
    """An answer that refuses a request."""

    code: int
    """The HTTP status code."""
    status: str
    """The kind of error, such as `NOT_FOUND`; empty where the answer does not come from the API."""
    message: str
    """What is wrong, for people."""
    details: list[dict[str, Any]]
    """More about it, such as the fields that are wrong, or the state that is in the way."""
    request_id: str | None
    """The id by which the server's log knows the request."""

    def __init__(self, response: httpx.Response) -> None:
        error = _error_in(response)
        self.code = response.status_code
        self.status = str(error.get("status", ""))
        self.message = str(error.get("message") or _not_of_the_api(response))
        details = error.get("details")
        rows = details if isinstance(details, list) else []
        self.details = [one for one in rows if isinstance(one, dict)]
        self.request_id = response.headers.get("X-Request-Id")
        super().__init__(f"{self.code} {self.status}".rstrip() + f": {self.message}")

    @property
    def field(self) -> str | None:
        """The first field that is wrong, such as `action.tool`; None where no field is."""
        return next((str(one["field"]) for one in self.details if "field" in one), None)


class Unreachable(ConnectionError):
    """No answer came, however often the request was sent. Whether it took effect is not known."""


class NotApproved(_Portable):
    """A question that gives no permission to act. `intervention` has all about it."""

    def __init__(self, intervention: Intervention) -> None:
        told = f"{intervention['id']} is {intervention['status']}"
        if intervention.get("lapsedAt"):
            told = f"{intervention['id']} was approved, and not started in time"
        reason = intervention["actionReason"]
        super().__init__(f"{told}: {reason}" if reason else told)
        self.intervention = intervention

    @property
    def reason(self) -> str | None:
        """Why, in the words of who decided or withdrew it; None where they gave no reason."""
        return self.intervention["actionReason"]


class Rejected(NotApproved):
    """A person said no."""


class Responded(NotApproved):
    """A person answered instead of approving: the action must not be done."""

    @property
    def response(self) -> dict[str, Any]:
        """What they answered."""
        return self.intervention["response"] or {}


class Expired(NotApproved):
    """Nobody decided in time, or the action was not started in time after its approval."""


class Withdrawn(NotApproved):
    """The question was withdrawn."""


class OutcomeUnknown(_Portable):
    """The action was started, by this agent or another, and nobody has said what came of it.

    It is not done again. Once a person has found out, whoever decided it completes the
    intervention, and the next call returns the result that they give.
    """

    def __init__(self, intervention: Intervention) -> None:
        since = f"{intervention['startedAt']} by {intervention['startedBy']}"
        super().__init__(f"{intervention['id']} was started at {since}, and never completed")
        self.intervention = intervention


def is_page(response: httpx.Response) -> bool:
    """Whether a success is a web page: something else is at this address."""
    kind = response.headers.get("Content-Type", "")
    return response.is_success and kind.startswith("text/html") and bool(response.content)


def _again(kind: type[Exception], args: tuple[Any, ...], said: dict[str, Any]) -> Exception:
    error = kind.__new__(kind, *args)
    error.__dict__.update(said)
    return error


def _not_of_the_api(response: httpx.Response) -> str:
    told = f"{response.reason_phrase}, which is no answer of the API"
    if place := response.headers.get("Location"):
        return f"{told}: it leads to {place}"
    try:
        return f"{told}: is {response.url} the right address?"
    except RuntimeError:  # One that was made by hand has no request.
        return told


def _error_in(response: httpx.Response) -> dict[str, Any]:
    # What a proxy answers is no JSON, or another.
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return error if isinstance(error, dict) else {}
