"""Which function a method and path mean, custom verbs (AIP-136) included."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any

from pydantic.alias_generators import to_snake

from shared.config import Budget
from shared.edge.dialect import Dialect
from shared.edge.streams import Stream
from shared.errors import MethodNotAllowed, NotFound
from shared.models.base import Model
from shared.models.raw import Raw
from shared.models.roles import Role

PREFIX = "/v1"
_PLACE = re.compile(r"\{(\w+)(\.\.\.)?\}")


class Nothing(Model):
    """A query or body in which nothing may stand."""


class Route:
    """An operation of the API: method and path, who may call it, what it takes and gives.

    One with a `dialect` takes its body as it was sent, as `raw`, and spends a `read`: whatever it
    does beyond reading spends more.
    """

    def __init__(  # noqa: PLR0913 - it is what `function` is told
        self,
        method: str,
        path: str,
        roles: frozenset[Role] | None,
        code: int,
        handler: Callable[..., Any],
        *,
        expensive: bool = False,
        public: bool = False,
        prefix: str = PREFIX,
        code_if_there: int | None = None,
        dialect: Dialect | None = None,
    ) -> None:
        self.method = method
        self.path = prefix + path
        self.roles = roles
        self.code = code
        self.code_if_there = code_if_there
        self.handler = handler
        self.name = handler.__name__
        self.public = public
        self.dialect = dialect
        reads = method == "GET" or dialect is not None
        self.budget: Budget = "expensive" if expensive else "read" if reads else "write"
        self.pattern = re.compile(_PLACE.sub(_any_of, self.path))

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return typing.get_type_hints(self.handler, include_extras=True)

    @cached_property
    def takes(self) -> frozenset[str]:
        """The names of what the handler takes."""
        return frozenset(inspect.signature(self.handler).parameters)

    @property
    def takes_query(self) -> bool:
        """Whether the handler takes `query`."""
        return "query" in self.takes

    @property
    def takes_body(self) -> bool:
        """Whether the handler takes `body`."""
        return "body" in self.takes

    @cached_property
    def query(self) -> type[Model]:
        """The model of the query string."""
        model: type[Model] = self._hints.get("query", Nothing)
        return model

    @cached_property
    def body(self) -> type[Model]:
        """The model of the body."""
        model: type[Model] = self._hints.get("body", Nothing)
        return model

    @cached_property
    def path_types(self) -> dict[str, Any]:
        """The annotated type of each path parameter, by its name in the path."""
        return {name: self._hints[self.parameter(name)] for name, _ in _PLACE.findall(self.path)}

    @cached_property
    def response(self) -> type[Model | Raw | Stream] | None:
        """The model of a successful answer, or what streams it; None is no body."""
        returned = self._hints["return"]
        (model,) = typing.get_args(returned) or (returned,)
        return None if model is type(None) else model

    def path_of(self, arguments: Mapping[str, Any]) -> str:
        """The path with the handler's arguments in the places of its parameters."""
        return _PLACE.sub(lambda place: str(arguments[self.parameter(place[1])]), self.path)

    @staticmethod
    @cache
    def parameter(name: str) -> str:
        """The handler's name for a path parameter."""
        return to_snake(name)


def _any_of(place: re.Match[str]) -> str:
    """The pattern of a path parameter; `{name...}` takes the rest of the path, slashes included."""
    if place[2]:
        return f"(?P<{place[1]}>.*)"
    # A collaborator's id may hold a colon, other ids may not: there it starts the verb.
    return f"(?P<{place[1]}>[^/{'' if place[1] == 'userId' else ':'}]+)"


def match(method: str, path: str, routes: Sequence[Route]) -> tuple[Route, dict[str, str]]:
    """The route of a request and its path parameters as text; HEAD is GET.

    Raises NotFound, or MethodNotAllowed with `Allow`.
    """
    for route in routes:
        fits = route.method == ("GET" if method == "HEAD" else method)
        if fits and (found := route.pattern.fullmatch(path)):
            return route, found.groupdict()
    allow = allowed(path, routes)
    raise MethodNotAllowed(f"this path takes {allow}", headers={"Allow": allow})


def allowed(path: str, routes: Sequence[Route]) -> str:
    """The methods that a path takes, as `Allow` lists them. Raises NotFound for an unknown path."""
    methods = {route.method for route in routes if route.pattern.fullmatch(path)}
    if not methods:
        raise NotFound("no function has this path")
    return ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))
