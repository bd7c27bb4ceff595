"""Who asks for a mutation."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors
from shared.models.roles import Actor

if TYPE_CHECKING:  # a request that only reads has no event
    from shared.models.events import Source


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks for a mutation, and in which request.

    `key` is the caller's Idempotency-Key and `request_hash` the hash of the request that it came
    with; `matches` says whether an entity tag satisfies the caller's If-Match. Where a key is one
    `by_anyone`, it names the same change of the tenant whoever asks for it.
    """

    tenant: str
    actor: Actor
    source: Source
    operation: str
    request_id: str
    key: str | None = None
    request_hash: str | None = None
    matches: Callable[[str], bool] | None = None
    by_anyone: bool = False

    def require_match(self, tag: str) -> None:
        """Raises PreconditionFailed where the caller's If-Match does not name `tag`."""
        if self.matches and not self.matches(tag):
            current = [{"etag": f'"{tag}"'}]
            raise errors.PreconditionFailed("If-Match does not name the current version", current)

    def event_id(self, row: str = "") -> str:
        """The id of this request's event, or of one row of its batch; a repeat has the same id."""
        if self.key is None:
            return uuid.uuid4().hex
        subject = "" if self.by_anyone else self.actor.subject
        parts = (subject, self.operation, self.key, row)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
