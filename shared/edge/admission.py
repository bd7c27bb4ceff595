"""Who calls, and whether there is budget left for that."""

from __future__ import annotations

import flask

from shared.edge import tokens
from shared.edge.routes import Route
from shared.rules.callers import NOBODY, SCHEDULERS, Caller
from shared.runtime import Runtime


def caller_of(request: flask.Request, route: Route, runtime: Runtime) -> Caller:
    """Who calls, by a token or a key; nobody where there is none and the route is public.

    Raises Unauthenticated, RateLimited, and Unavailable.
    """
    # WSGI joins several of them by commas, and such a text is neither a token nor a key.
    authorization = request.headers.get("Authorization")
    if route.public and authorization is None:
        return NOBODY
    if route.roles == SCHEDULERS:
        return tokens.authenticate_scheduler(authorization, runtime.scheduler_verifier)
    return tokens.authenticate(
        authorization, runtime.verifier, lambda key: _caller_by_key(key, runtime)
    )


def _caller_by_key(key: str, runtime: Runtime) -> Caller:
    look_up = runtime.budgets.spend_on_unknown_key if runtime.budgets else lambda: None
    return runtime.keys.caller(key, runtime.store, runtime.clock(), look_up)


def spend(caller: Caller, route: Route, runtime: Runtime) -> None:
    """Takes one request from the caller's budget. Raises RateLimited."""
    if runtime.budgets is None or route.roles == SCHEDULERS:
        return
    if caller == NOBODY:
        runtime.budgets.spend_public()
    else:
        runtime.budgets.spend(caller, route.budget)
