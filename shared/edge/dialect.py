"""Another protocol than the API's own, in which a route is spoken to."""

from __future__ import annotations

from typing import Protocol

import flask

from shared.errors import ApiError


class Dialect(Protocol):
    """How such a route looks at a request, and how it says what went wrong."""

    def admit(self, request: flask.Request) -> None:
        """Raises an ApiError for a request that is refused before its token is looked at."""

    def refused(self, error: ApiError) -> flask.Response:
        """The answer that says what went wrong."""
