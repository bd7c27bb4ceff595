"""Keeps the checkpoints of all logs outside the database, and compares each log with them.

In a bucket whose retention is locked, nobody can take a checkpoint back: neither whoever may write
to the database nor whoever restores it from a backup. A checkpoint of a larger log than the one in
the database, or another one of the same size, shows that the log was forked.

The log does not wait for the bucket. While that cannot be reached, the log goes on and an ERROR
says so; the next run that has events of a tenant catches up, and the first run of a day for all.
"""

from __future__ import annotations

import re

from shared import log
from shared.bucket import Bucket, Unreachable
from shared.documents.port import DocumentStore
from shared.models.sealed import StoredLog
from shared.repository import sealed
from shared.rules.note import parse_checkpoint
from shared.rules.tree import Frontier

_NAME = re.compile(r"\d{6}/\d{20}", re.ASCII)
_SEEN = 1_000
"""How many checkpoints beyond a log are looked at: what is told are the last ones of these."""


class ForkError(Exception):
    """A log is not the one of which the bucket has checkpoints. The message says how that shows.

    `epoch` is the last one that the bucket is known to have.
    """

    def __init__(self, message: str, epoch: int) -> None:
        super().__init__(message)
        self.epoch = epoch


def object_name(tenant: str, epoch: int, size: int) -> str:
    """What the checkpoint of a log is called: names sort as a tenant's log grows."""
    return f"{tenant}/{epoch:06}/{size:020}"


class Anchors:
    """The checkpoints that are kept outside; none without a `bucket`."""

    def __init__(self, bucket: Bucket | None, store: DocumentStore) -> None:
        self._bucket = bucket
        self._store = store

    def compare(self, tenant: str, state: StoredLog) -> None:
        """Raises ForkError unless the log continues what the bucket has. Catches up with it."""
        if self._bucket:
            try:
                self._compare(self._bucket, tenant, state)
            except Unreachable as error:
                self._give_up(error)

    def keep(self, tenant: str, state: StoredLog) -> None:
        """Keeps the checkpoint of a log, once it is committed. Raises ForkError."""
        if self._bucket:
            try:
                self._keep(self._bucket, tenant, state)
            except Unreachable as error:
                self._give_up(error)

    def _compare(self, bucket: Bucket, tenant: str, state: StoredLog) -> None:
        own = object_name(tenant, state.epoch, state.size)
        found = _checkpoints(bucket, f"{tenant}/", own)
        if beyond := [name for name in found if name != own]:
            epoch, size = _place(beyond[-1])
            of_epoch = f" of epoch {epoch}" if epoch > state.epoch else ""
            raise ForkError(
                f"the log has {state.size} entries, and the bucket has a checkpoint of {size}"
                + of_epoch,
                epoch,
            )
        if found:
            _require_same(bucket, own, state)
            return
        before = self._latest(bucket, tenant, state)
        if before is not None:
            self._require_beginning(bucket, tenant, state, before)
        self._keep(bucket, tenant, state)

    def _keep(self, bucket: Bucket, tenant: str, state: StoredLog) -> None:
        if not state.checkpoint or state.signed_epoch != state.epoch:
            return  # nothing was signed in this epoch yet
        name = object_name(tenant, state.epoch, state.size)
        if not bucket.make(name, state.checkpoint):
            _require_same(bucket, name, state)

    def _latest(self, bucket: Bucket, tenant: str, state: StoredLog) -> int | None:
        """The size of the largest log of the epoch that the bucket has: names come from below."""
        prefix = f"{tenant}/"
        end = object_name(tenant, state.epoch, state.size)
        low, high, known = 0, state.size - 1, None
        while low <= high:
            middle = (low + high + 1) // 2
            start = object_name(tenant, state.epoch, middle)
            if names := _checkpoints(bucket, prefix, start, end):
                known = _place(names[0])[1]
                low = known + 1
            else:
                high = middle - 1
        return known

    def _require_beginning(self, bucket: Bucket, tenant: str, state: StoredLog, size: int) -> None:
        """Raises ForkError unless the log begins with the smaller one that the bucket has."""
        before, _ = sealed.Log(self._store, tenant, state).range_proof(size, state.size)
        text = _text(_read(bucket, object_name(tenant, state.epoch, size)))
        try:
            kept = parse_checkpoint(text)
        except ValueError:
            kept = None
        if kept is None or kept.root != Frontier(size, tuple(before)).root:
            raise ForkError(
                f"the log does not begin with the {size} entries of a checkpoint in the bucket",
                state.epoch,
            )

    def _give_up(self, error: Unreachable) -> None:
        """Asks the bucket nothing more in this run, so that nobody waits for it again and again."""
        self._bucket = None
        log.write("ERROR", "checkpoints cannot be kept in the bucket", cause=str(error))


def _checkpoints(bucket: Bucket, prefix: str, start: str, end: str | None = None) -> list[str]:
    """The first names of checkpoints in a part of the bucket. Others prove nothing."""
    found = bucket.names(prefix, start, end, most=_SEEN)
    checkpoints = [name for name in found if _NAME.fullmatch(name.removeprefix(prefix))]
    if len(found) == _SEEN and not set(checkpoints) - {start}:
        raise Unreachable("it is full of objects that are not called like checkpoints")
    return checkpoints


def _place(name: str) -> tuple[int, int]:
    """The epoch and the size in the name of a checkpoint."""
    _, epoch, size = name.split("/")
    return int(epoch), int(size)


def _require_same(bucket: Bucket, name: str, state: StoredLog) -> None:
    """Raises ForkError where the bucket has another checkpoint; signatures may be of other keys."""
    if _text(_read(bucket, name)) != _text(state.checkpoint):
        raise ForkError(f"the bucket has another checkpoint of {state.size} entries", state.epoch)


def _read(bucket: Bucket, name: str) -> str:
    found = bucket.read(name)
    if found is None:
        raise Unreachable("a checkpoint that it listed is gone")
    return found


def _text(note: str) -> str:
    """The text of a note, without its signatures."""
    return note.partition("\n\n")[0] + "\n"
