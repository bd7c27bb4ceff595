"""The end of a log: signed, and found as it was signed before anything is appended to it."""

from __future__ import annotations

from shared import log
from shared.documents.port import Document, DocumentStore
from shared.models.sealed import StoredLog
from shared.repository import epochs, sealed
from shared.repository.log_keys import LogKeys
from shared.rules.growth import root_of
from shared.rules.note import Checkpoint, checkpoint_text, open_note, parse_checkpoint, sign


class BrokenLogError(Exception):
    """A log is not as it was signed, so nothing may be appended to it. It says in what."""


class Signing:
    """Signs the logs of all tenants by the present keys."""

    def __init__(self, store: DocumentStore, keys: LogKeys) -> None:
        self._store = store
        self._keys = keys

    def signed(self, tenant: str, state: StoredLog) -> StoredLog:
        """The end of a log with its checkpoint, of the present epoch and by the present keys."""
        origin = self._keys.origin(tenant, state.epoch)
        text = checkpoint_text(origin, state.size, root_of(state))
        note = sign(text, self._keys.signers(tenant, state.epoch))
        return state.model_copy(update={"checkpoint": note, "signed_epoch": state.epoch})

    def sound(self, tenant: str, document: Document | None) -> StoredLog:
        """The end of a log, which is as it was signed.

        Raises BrokenLogError where it is not, and ValueError and Unreadable where it is no log.
        """
        if document is None:
            return StoredLog()
        state = sealed.read(StoredLog, document)
        root = root_of(state)
        if not state.checkpoint:
            if state.size:
                raise BrokenLogError("its end is not signed")
        elif state.epoch == state.signed_epoch:
            self._require_signed(tenant, state, root)
        else:
            self._require_started(tenant, state, root)
        return state

    def _require_signed(self, tenant: str, state: StoredLog, root: bytes) -> None:
        signers = self._keys.signers(tenant, state.epoch)
        text = open_note(state.checkpoint, [signer.verifier for signer in signers])
        origin = self._keys.origin(tenant, state.epoch)
        if parse_checkpoint(text) != Checkpoint(origin, state.size, root):
            raise BrokenLogError("its end is not what was signed")

    def _require_started(self, tenant: str, state: StoredLog, root: bytes) -> None:
        """An epoch begins with what the event says, whichever key signed before."""
        started = epochs.last_started(self._store, tenant)
        if started is None or started.epoch != state.epoch:
            raise BrokenLogError(f"no event has started its epoch {state.epoch}")
        if (started.former_size, started.former_root) != (state.size, root.hex()):
            raise BrokenLogError("its end is not the one at which its epoch was started")
        self._tell_unsigned(tenant, state, root)

    def _tell_unsigned(self, tenant: str, state: StoredLog, root: bytes) -> None:
        """Tells of an epoch whose beginning no key of today has signed.

        It is right where the key was lost. But whoever may write to the database can write the
        event that starts an epoch, too, and so have a log signed that they have made.
        """
        former = state.model_copy(update={"epoch": state.signed_epoch})
        try:
            self._require_signed(tenant, former, root)
        except (BrokenLogError, ValueError):
            log.write(
                "ERROR",
                "an epoch begins with a log that was not signed",
                securityEvent="trail_broken",
                tenant=tenant,
                epoch=state.epoch,
            )
