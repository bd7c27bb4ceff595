"""What changed in the tenant, for pages that stay up to date."""

from __future__ import annotations

from shared.edge.function import Call, function
from shared.models.changes import Changes, ChangesQuery
from shared.repository import changes
from shared.rules.callers import READERS


@function("GET", "/changes", roles=READERS)
def list_changes(call: Call, query: ChangesQuery) -> Changes:
    """Lists what changed since the cursor of the last answer, by time, each at least once.

    Changes of the last seconds are repeated, so that none is missed that was committed late: know
    them by subject and sequence. Of worksheets it lists the caller's own. It costs one read where
    nothing changed, else one for each change.
    """
    return changes.since(call.store, call.caller, query.after, call.now)
