"""How far the nightly check of all subjects has come."""

from __future__ import annotations

from pydantic import NonNegativeInt

from shared.models.stored import StoredDocument


class StoredProgress(StoredDocument):
    """Where the check goes on, and how much of `night` is left.

    `collection` is the place of a collection in the round, `after` the path of the last document of
    it that was looked at, empty where none was. `night` is a date in UTC.
    """

    night: str = ""
    left: NonNegativeInt = 0
    collection: NonNegativeInt = 0
    after: str = ""
