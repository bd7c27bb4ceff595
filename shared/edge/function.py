"""One HTTP request, from the framework to a handler and back.

`function` makes a deployable HTTP function of a handler. A request to it is matched, authenticated,
authorised, parsed, handled and answered, in that order; what goes wrong on the way becomes the one
JSON form of errors (`refusals`) here and nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import flask
from pydantic_core import to_json
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from shared import errors, log
from shared.documents.cost import counted
from shared.edge import (
    admission,
    application,
    bodies,
    loopback,
    parsing,
    refusals,
    replies,
    streams,
)
from shared.edge.call import Call as Call  # noqa: PLC0414 - handlers find it here
from shared.edge.exchange import Exchange
from shared.edge.replies import Reply as Reply  # noqa: PLC0414 - as above
from shared.edge.routes import PREFIX, Nothing, Route, allowed, match
from shared.edge.streams import Stream
from shared.ledger.origin import Origin
from shared.models.base import Model
from shared.models.roles import Role
from shared.rules.callers import NOBODY, SCHEDULERS, Caller
from shared.runtime import Runtime

_UNLOGGED = ("userId", "file", "tenant", "tile")
"""Path parameters that the log does not show: who somebody is, and what a stranger wrote."""
_SAFE_METHODS = ("GET", "HEAD")

Handler = Callable[..., Any]
Function = Callable[[flask.Request], flask.Response]


def function(  # noqa: PLR0913 - what a function is
    method: str,
    path: str,
    *,
    roles: frozenset[Role] | None,
    code: int = 200,
    expensive: bool = False,
    public: bool = False,
    also: Function | None = None,
    prefix: str = PREFIX,
    code_if_there: int | None = None,
) -> Callable[[Handler], Function]:
    """Makes an HTTP function of a handler, at `prefix` + path, for `roles`; None is for everybody.

    The handler takes the `Call` (unless it is for everybody), path parameters by name, `query` and
    `body` by their annotated models, and returns a model, a `Stream` or a `Reply`. `code` is its
    success, and `code_if_there` that of a reply that creates nothing, because it is there; what is
    `expensive` has a budget of its own. What is `public` also takes requests without a token, as
    those of `NOBODY`, and decides itself what they get. What `also` answers is answered too: a
    gateway may take the one path for the other.
    """

    def decorate(handler: Handler) -> Function:
        own = Route(
            method,
            path,
            roles,
            code,
            handler,
            expensive=expensive,
            public=public,
            prefix=prefix,
            code_if_there=code_if_there,
        )
        entry = serve(handler.__name__, (own,), vars(also)["routes"] if also else ())
        entry.__doc__ = handler.__doc__
        return entry

    return decorate


def serve(name: str, routes: Sequence[Route], also: Sequence[Route] = ()) -> Function:
    """The HTTP function called `name` that answers all of `routes`; it shows them as `.routes`.

    It answers those of `also` as well, and does not show them: they are another function's.
    """
    answered = (*routes, *also)

    def entry(request: flask.Request) -> flask.Response:
        return _answer(request, answered)

    entry.__name__ = entry.__qualname__ = name
    vars(entry)["routes"] = routes
    if flask.has_app_context() and not flask.has_request_context():
        # The framework is making its application, and imports this function for it.
        application.set_up(flask.current_app, _framework_error)
    return entry


def _answer(request: flask.Request, routes: Sequence[Route]) -> flask.Response:
    flask.g.exchange = exchange = Exchange(request)
    fields: dict[str, Any] = {}
    with counted() as exchange.cost:
        try:
            response = _handled(exchange, routes)
        except refusals.KNOWN as error:
            told = refusals.told_of(error)
            response = _refusal(exchange, told)
            fields = refusals.logged(told)
    bodies.leave_unread(request)
    return exchange.finish(response, **fields)


def _refusal(exchange: Exchange, error: errors.ApiError) -> flask.Response:
    return exchange.dialect.refused(error) if exchange.dialect else refusals.response(error)


def _handled(exchange: Exchange, routes: Sequence[Route]) -> flask.Response:
    request = exchange.request
    if "Host" not in request.headers and request.environ.get("SERVER_PROTOCOL") == "HTTP/1.1":
        raise errors.InvalidArgument.field("Host", "is required (RFC 9112, 3.2)")
    if request.method == "OPTIONS":
        return flask.Response(status=204, headers={"Allow": allowed(request.path, routes)})
    route, texts = match(request.method, request.path, routes)
    exchange.function = route.name
    exchange.path = route.path
    runtime = Runtime.current()
    arguments: dict[str, Any] = {}
    caller = None
    _admit(exchange, route, runtime)
    if route.roles is not None:
        caller = admission.caller_of(request, route, runtime)
        exchange.tenant = caller.tenant or None
        admission.spend(caller, route, runtime)
        if caller != NOBODY:
            caller.require(route.roles)
    # A stranger's body would be waited for, so it is read only where it is what is asked for.
    is_member = caller is not None and caller != NOBODY
    raw = bodies.read(exchange) if is_member or route.takes_body else b""
    for name, text in texts.items():
        arguments[route.parameter(name)] = parsing.path_value(name, text, route.path_types[name])
    exchange.ids = {name: text for name, text in texts.items() if name not in _UNLOGGED}
    query = parsing.query(request.args, route.query)
    body = Nothing() if route.dialect else parsing.body(raw, route.body)
    given = {"query": query, "body": body, "raw": raw}
    arguments |= {name: value for name, value in given.items() if name in route.takes}
    if caller:
        origin = _origin(exchange, route, caller, body)
        eager = None if _is_not_eager(route) else runtime.eager()
        arguments["call"] = Call(runtime, caller, runtime.clock(), origin, exchange, eager)
    return _handed_over(exchange, route, runtime, caller, arguments)


def _is_not_eager(route: Route) -> bool:
    """Whether a request changes nothing, or is a scheduled run, which nobody waits for."""
    return route.method in _SAFE_METHODS or route.roles == SCHEDULERS


def _admit(exchange: Exchange, route: Route, runtime: Runtime) -> None:
    """Refuses a request for where it comes from."""
    exchange.dialect = route.dialect
    if route.dialect:
        route.dialect.admit(exchange.request)
    if runtime.config.unsigned_tokens:
        loopback.require(exchange.request, runtime.config.allowed_origins)


def _handed_over(
    exchange: Exchange,
    route: Route,
    runtime: Runtime,
    caller: Caller | None,
    arguments: dict[str, Any],
) -> flask.Response:
    with ExitStack() as held:
        if caller and route.budget == "expensive":
            held.enter_context(runtime.expensive.taken_by(caller))
        result = route.handler(**arguments)
        if (call := arguments.get("call")) and call.eager:
            call.eager.send()
        if isinstance(result, Stream):
            return streams.response(exchange, result, route.code, held)
        return replies.response(route, result)


def _origin(exchange: Exchange, route: Route, caller: Caller, body: Model) -> Origin:
    request = exchange.request
    key = parsing.idempotency_key(request.headers.get("Idempotency-Key"))
    safe = request.method in _SAFE_METHODS
    return Origin(
        tenant=caller.tenant,
        actor=caller.actor,
        source="scheduler" if caller.role is Role.SCHEDULER else "system",
        operation=route.name,
        request_id=exchange.request_id,
        # What a safe request records, such as an export, is recorded as often as it happens.
        key=None if safe else key,
        request_hash=_request_hash(route, request.path, request.args, body)
        if key and not safe
        else None,
        matches=parsing.if_match(None if safe else request.headers.get("If-Match")),
    )


def _request_hash(route: Route, path: str, query: MultiDict[str, str], body: Model) -> str:
    """By what a request is known again that is sent with the same Idempotency-Key."""
    given = body.model_dump_json(exclude_unset=True)
    content = [route.name, path, sorted(query.items(multi=True)), given]
    return hashlib.sha256(to_json(content)).hexdigest()


def performed(call: Call, route: Route, arguments: dict[str, Any], key: str | None) -> Reply[Any]:
    """Has the handler of `route` answer a call that came by another route, and has spent a `read`.

    `arguments` are those of the handler besides the call. `key` is an Idempotency-Key; it means
    the same as with a request of that route. Raises what such a request would be refused for.
    """
    if route.budget != "read":
        admission.spend(call.caller, route, call.runtime)
    call.caller.require(route.roles or ())
    path = route.path_of(arguments)
    body = arguments.get("body", Nothing())
    origin = replace(
        call.origin,
        operation=route.name,
        key=key,
        request_hash=_request_hash(route, path, MultiDict(), body) if key else None,
        matches=None,
    )
    result = route.handler(call=replace(call, origin=origin), **arguments)
    return result if isinstance(result, Reply) else Reply(result)


def _framework_error(error: HTTPException) -> flask.Response:
    """What the framework refuses by itself, and unexpected errors: opaque, the cause in the log."""
    exchange: Exchange = flask.g.get("exchange") or Exchange(flask.request)
    bodies.leave_unread(flask.request)
    if error.code is not None and error.code < 500:  # noqa: PLR2004
        return exchange.finish(_refusal(exchange, errors.NotFound("no function has this path")))
    cause = getattr(error, "original_exception", None)
    fields = {**log.failure(cause), "cause": refusals.cause_of(cause)} if cause else {}
    return exchange.finish(_refusal(exchange, errors.Internal("internal error")), **fields)
