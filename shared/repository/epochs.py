"""Starting a new epoch of a tenant's log.

When a database was restored from a backup, its log has fewer entries than were signed before. To go
on under the same name would be a fork: two histories with the same signature. So it goes on under
a new name, and an event says so.
"""

from __future__ import annotations

from datetime import datetime

from shared.documents.port import DocumentStore, Filter, Order, Query, Update
from shared.errors import FailedPrecondition
from shared.ledger import events
from shared.ledger.decision import Decision, Recorded
from shared.ledger.kinds.tenants import TENANT
from shared.ledger.ledger import Ledger
from shared.models.epochs import LogEpoch
from shared.models.events import Event, EventType
from shared.models.sealed import StoredLog
from shared.models.settings import StoredSettings
from shared.repository import sealed
from shared.rules import chain
from shared.rules.growth import root_of

_LOG = "log"


def start(ledger: Ledger, prefix: str, reason: str) -> Recorded[StoredSettings]:
    """Starts the next epoch of the tenant's log, whose name begins with `prefix`.

    The next sealing signs it, and goes on with what was left out. Raises FailedPrecondition where
    there is no log.
    """
    path = sealed.state_path(ledger.tenant)

    def started(old: StoredSettings, _: datetime) -> Decision[StoredSettings]:
        document = ledger.store.get(path)
        if document is None:
            raise FailedPrecondition("nothing is sealed yet, so there is no epoch to end")
        state = sealed.read(StoredLog, document)
        # The bucket may know of epochs that a restored backup does not know.
        epoch = max(state.epoch, state.other_epoch) + 1
        new = LogEpoch(
            epoch=epoch,
            origin=sealed.origin(prefix, ledger.tenant, epoch),
            former_origin=sealed.origin(prefix, ledger.tenant, state.epoch),
            former_size=state.size,
            former_root=root_of(state).hex(),
            refused=state.refused or None,
        )
        changes = {"epoch": epoch, "otherEpoch": epoch, "refused": "", "behind": True}
        return Decision(
            old,
            EventType.LOG_EPOCH_STARTED,
            f"Epoch {epoch} of the log started",
            reason=reason,
            severity="warning",
            meta={_LOG: new.model_dump(by_alias=True)},
            writes=(Update(path, changes, version=document.version),),
        )

    return ledger.change(TENANT, "", started)


def of(event: Event) -> LogEpoch:
    """The epoch that an event started."""
    return LogEpoch.model_validate(event.meta[_LOG])


def last_started(store: DocumentStore, tenant: str) -> LogEpoch | None:
    """The epoch of a log that was started last; None where no event has started one."""
    only = (Filter("eventType", "==", EventType.LOG_EPOCH_STARTED),)
    newest = (Order("createdAt", descending=True),)
    for row in store.query(Query(f"tenants/{tenant}/audit", only, newest, limit=1)):
        event = events.valid(row)
        if event and event.subject == "tenant" and chain.holds(tenant, event):
            return of(event)
    return None
