"""What an audit chain is about, and the end of the chain that it carries."""

from __future__ import annotations

from datetime import datetime

from shared.models.stored import Kept, StoredDocument

GENESIS = "0" * 64


class Head(Kept):
    """The end of an audit chain, kept on its subject: the last event's sequence and hash."""

    sequence: int = 0
    hash: str = GENESIS


class Subject(StoredDocument):
    """What an audit chain is about: a stored model that carries the end of its own chain."""

    updated_at: datetime
    head: Head = Head.model_construct()  # the defaults, without building the model for them
