"""Saved views: the queries that a person keeps for themselves."""

from __future__ import annotations

from shared.edge.function import Call, Reply, function
from shared.models.views import Views
from shared.repository import views
from shared.rules.callers import READERS


@function("GET", "/views", roles=READERS)
def get_views(call: Call) -> Reply[Views]:
    """Gives the caller's own saved views."""
    found = views.get(call.store, call.caller)
    return Reply(found, etag=views.etag(found))


@function("PUT", "/views", roles=READERS)
def save_views(call: Call, body: Views) -> Reply[Views]:
    """Replaces the caller's own saved views, all at once. It leaves no audit event."""
    views.save(call.store, call.caller, body, call.origin.matches)
    return Reply(body, etag=views.etag(body))
