"""The stock Firestore client doing what the functions do, in the way of its documentation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from shared.documents.port import Create, Delete, Merge, Query, Set, Update, Write

_VARIABLE = "FIRESTORE_EMULATOR_HOST"


class Stock:
    """The stock client on one project of an emulator."""

    def __init__(self, project: str, host: str) -> None:
        # The client finds the emulator by the environment alone.
        before = os.environ.get(_VARIABLE)
        os.environ[_VARIABLE] = host
        anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
        self._client: Any = firestore.Client(project, credentials=anonymous)
        if before is None:
            del os.environ[_VARIABLE]

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def get(self, path: str) -> Any:
        """One document as a dict."""
        return self._client.document(path).get().to_dict()

    def get_many(self, paths: Sequence[str]) -> list[Any]:
        """Documents as dicts."""
        references = [self._client.document(path) for path in paths]
        return [snapshot.to_dict() for snapshot in self._client.get_all(references)]

    def query(self, query: Query) -> list[Any]:
        """The documents of any query, as dicts."""
        whole = self._client.collection_group if query.group else self._client.collection
        found = whole(query.collection)
        for one in query.filters:
            found = found.where(filter=FieldFilter(one.field, one.op, one.value))
        down = False
        for sort in query.order:
            found, down = _sorted(found, sort.field, sort.descending), sort.descending
        if query.after:
            *values, name = query.after
            path = name if query.group else f"{query.collection}/{name}"
            found = _sorted(found, "__name__", down)
            found = found.start_after([*values, self._client.document(path)])
        if query.select is not None:
            found = found.select(query.select)
        if query.limit is not None:
            found = found.limit(query.limit)
        return [snapshot.to_dict() for snapshot in found.stream()]

    def create(self, creates: list[Create]) -> None:
        """Documents in one batch."""
        batch = self._client.batch()
        for create in creates:
            batch.create(self._client.document(create.path), create.data)
        batch.commit()

    def commit(self, writes: Sequence[Write]) -> None:
        """Any writes in one batch."""
        batch = self._client.batch()
        for write in writes:
            reference = self._client.document(write.path)
            match write:
                case Create():
                    batch.create(reference, write.data)
                case Set():
                    batch.set(reference, write.data)
                case Update():
                    batch.update(reference, write.fields)
                case Merge():
                    batch.set(reference, write.fields, merge=True)
                case Delete():
                    batch.delete(reference)
        batch.commit()

    def change(self, before: Query, update: Update, event: Create) -> None:
        """Looks up what a change needs, and makes it in one batch with its event.

        The document is read first, and must still be as it was read.
        """
        self.query(before)
        reference = self._client.document(update.path)
        snapshot = reference.get()
        snapshot.to_dict()
        batch = self._client.batch()
        unchanged = self._client.write_option(last_update_time=snapshot.update_time)
        batch.update(reference, dict(update.fields), option=unchanged)
        batch.create(self._client.document(event.path), event.data)
        batch.commit()

    def page(self, collection: str) -> list[Any]:
        """The first 50 new cases."""
        query = (
            self._client.collection(collection)
            .where(filter=FieldFilter("status", "==", "new"))
            .order_by("createdAt", direction="DESCENDING")
            .limit(50)
        )
        return [snapshot.to_dict() for snapshot in query.stream()]


def _sorted(query: Any, field: str, down: bool) -> Any:  # noqa: FBT001 - as a query has it
    return query.order_by(field, direction="DESCENDING" if down else "ASCENDING")
