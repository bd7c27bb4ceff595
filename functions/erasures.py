"""Erasing personal data and texts from the audit trail: one admin asks, another confirms."""

from __future__ import annotations

import time

from shared.edge.function import Call, Reply, function
from shared.models.base import Id
from shared.models.erasure import Erasure, ErasurePage, ErasureQuery, ErasureToAsk
from shared.repository import erasing, erasures
from shared.repository.reading import readable
from shared.rules import erasures as rules
from shared.rules.callers import ADMINS, OVERSEEING

SECONDS = 20.0
"""How long a confirmation erases before it answers; the nightly purge does the rest."""


@function("POST", "/audit:erase", roles=ADMINS, code=201, expensive=True)
def erase_audit(call: Call, body: ErasureToAsk) -> Reply[Erasure]:
    """Asks for an erasure, which another admin has to confirm within 14 days.

    For a person it erases what identifies them in the whole trail, their entry in the directory and
    their saved views; for a subject all personal data and texts of its events. The hashes of the
    events stay, and prove the rest. 409 where a case that it is about is under a legal hold.
    """
    recorded = erasures.ask(call.ledger, body)
    erasure_id = recorded.happened.id
    stored = recorded.result or erasures.get(call.store, call.tenant, erasure_id)
    return Reply(
        rules.shown(erasure_id, stored, call.now),
        etag=rules.tag(stored),
        location=f"/v1/erasures/{erasure_id}",
        replayed=recorded.replayed,
    )


@function("POST", "/erasures/{erasureId}:confirm", roles=ADMINS, expensive=True)
def confirm_erasure(call: Call, erasure_id: Id) -> Reply[Erasure]:
    """Confirms an erasure that another admin asked for, and carries it out.

    Where the request has no time for all of it, `complete` is false: the same request continues
    it, and so does the nightly purge. 409 for the admin who asked, and under a legal hold.
    """
    recorded = erasures.confirm(call.ledger, erasure_id)
    until = time.monotonic() + SECONDS

    def go_on() -> bool:
        return time.monotonic() < until and not call.runtime.stopping

    at = erasures.path(call.tenant, erasure_id)
    stored = erasing.carry_out(call.store, at, call.runtime.clock, go_on)
    return Reply(
        rules.shown(erasure_id, stored, call.now),
        etag=rules.tag(stored),
        replayed=recorded.replayed,
    )


@function("GET", "/erasures/{erasureId}", roles=OVERSEEING)
def get_erasure(call: Call, erasure_id: Id) -> Reply[Erasure]:
    """Gives one erasure, with how much it has erased so far."""
    stored = erasures.get(call.store, call.tenant, erasure_id)
    return Reply(rules.shown(erasure_id, stored, call.now), etag=rules.tag(stored))


@function("GET", "/erasures", roles=OVERSEEING)
def list_erasures(call: Call, query: ErasureQuery) -> ErasurePage:
    """Lists the erasures that were asked for, newest first."""
    rows, token = erasures.listed(call.store, call.tenant, query, call.now)
    shown, bad = readable(rows, lambda row: rules.shown(row.id, erasures.read(row), call.now))
    return ErasurePage.model_construct(erasures=shown, next_page_token=token, unreadable=bad)
