"""A tenant's log, as C2SP's tlog-tiles has it, and proofs that events are in it.

Whoever keeps a checkpoint can prove that a later one only added to it, and whoever has an event,
that it is in it. A tenant's setting `publicLog` shows its log to everybody.
"""

from __future__ import annotations

from shared.edge.function import Call, Reply, function
from shared.errors import NotFound
from shared.models.base import Id
from shared.models.case import Why
from shared.models.epochs import LogEpoch
from shared.models.raw import Octets, PlainText
from shared.repository import epochs, sealed, served
from shared.rules.callers import ADMINS, READERS


@function("GET", "/logs/{tenant}/checkpoint", roles=READERS, public=True)
def get_log_checkpoint(call: Call, tenant: Id) -> PlainText:
    """Gives the signed checkpoint of a log: how many entries it has, and the root of its tree.

    It is a C2SP tlog-checkpoint, signed with Ed25519.
    """
    return served.checkpoint(call.store, tenant, call.caller)


@function("GET", "/logs/{tenant}/tile/{tile...}", roles=READERS, public=True)
def get_log_tile(call: Call, tenant: Id, tile: str) -> Octets:
    """Gives a tile of a log's tree, or with `entries` a bundle of its entries, by C2SP tlog-tiles.

    An entry is the 32 bytes of an event's hash.
    """
    return served.tile(call.store, tenant, tile, call.caller)


@function("POST", "/logs/{tenant}:startEpoch", roles=ADMINS)
def start_log_epoch(call: Call, tenant: Id, body: Why) -> Reply[LogEpoch]:
    """Starts a new epoch of the tenant's log: from then on it has another name.

    It is for a log that is refused, such as that of a restored database, which lacks what was
    signed after the backup. The trail keeps the reason. The next sealing continues under the new
    name.
    """
    if tenant != call.tenant:
        raise NotFound(served.NOT_THERE)
    recorded = epochs.start(call.ledger, call.runtime.config.log_origin, body.reason)
    return Reply(epochs.of(recorded.happened), replayed=recorded.replayed)


@function("GET", "/audit/{eventId}:prove", roles=READERS)
def prove_event(call: Call, event_id: Id) -> PlainText:
    """Proves that an event is in the log of the tenant, by a C2SP tlog-proof.

    It answers 409 while the event is not sealed yet.
    """
    return PlainText(content=sealed.prove(call.store, call.tenant, event_id).encode())
