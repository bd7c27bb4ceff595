"""Saved views: the queries that a person keeps for themselves."""

from __future__ import annotations

from shared.edge.function import Call, Reply, function
from shared.models.views import Views, ViewsToSave
from shared.repository import views
from shared.rules.callers import READERS


@function("GET", "/views", roles=READERS)
def get_views(call: Call) -> Reply[Views]:
    """Gives the caller's own saved views."""
    found = views.get(call.store, call.caller)
    return Reply(found, etag=views.etag(found))


@function("PUT", "/views", roles=READERS)
def save_views(call: Call, body: ViewsToSave) -> Reply[Views]:
    """Replaces the caller's own saved views, all at once. It leaves no audit event."""
    saved = Views.model_validate(body.model_dump())
    views.save(call.store, call.caller, saved, call.origin.matches)
    return Reply(saved, etag=views.etag(saved))
