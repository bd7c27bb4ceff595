"""All documents of a Firestore database, one after the other: see `WholeStore`.

The query names no collection, and so finds the documents of all of them (CollectionSelector in
cloud.google.com/firestore/docs/reference/rpc/google.firestore.v1). Firebase's own tools delete
recursively with it.
"""

from __future__ import annotations

from typing import Any

from shared.documents.cost import current
from shared.documents.firestore import wire
from shared.documents.firestore.store import FirestoreStore
from shared.documents.port import Aggregation, Document, Query, Rejected

_ALL = Query("", group=True)
_PATIENCE_SECONDS = 60.0
_FIRST_SECONDS = 20.0
"""A page of 4 MiB may take long; who asks again before it is there pays for it twice."""


class WholeDatabase(FirestoreStore):
    """A `FirestoreStore` that is also a `WholeStore`. Nobody waits for it: it has more patience."""

    def walk(self, after: str, most: int) -> list[Document]:
        """See `WholeStore`: ordered by path, segment by segment."""
        answers = self._page(after, most)
        rows = [answer.document for answer in answers if answer.HasField("document")]
        current().reads += max(1, len(rows))
        return [_document(row, self._root) for row in rows]

    def count(self) -> int | None:
        """See `WholeStore`."""
        message = wire.aggregation(Aggregation(_ALL), self._root)
        request = self._query_request(_ALL, structured_aggregation_query=message)
        try:
            ((answer,),) = self._read_streams(
                lambda to: to.run_aggregation, [wire.RunAggregationRequest(**request)]
            )
        except Rejected:
            return None
        count = int(wire.number(answer.result.aggregate_fields["count"]))
        current().reads += max(1, -(-count // 1000))
        return count

    def newest(self) -> int:
        """See `WholeStore`: the time at the server."""
        moment = self._page("", 1)[0].read_time
        current().reads += 1
        return int(moment.seconds * 1_000_000_000 + moment.nanos)

    def _page(self, after: str, most: int) -> list[Any]:
        query = Query("", group=True, limit=most, after=(after,) if after else ())
        message = wire.query(query, self._root)
        request = wire.RunQueryRequest(**self._query_request(query, structured_query=message))
        (answers,) = self._read_streams(lambda to: to.run_query, [request])
        return answers

    def _patience(self) -> float:
        return _PATIENCE_SECONDS

    def _first_patience(self) -> float:
        return _FIRST_SECONDS


def _document(message: Any, root: str) -> Document:
    try:
        return wire.document(message, root)
    except (KeyError, OverflowError) as error:
        path = message.name[len(root) + 1 :]
        raise Rejected(f"{path} has a value of a type that Caseledger does not store") from error
