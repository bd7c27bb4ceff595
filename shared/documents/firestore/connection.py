"""The connection to Firestore, and a new one in its place where it has died unnoticed.

An instance without requests gets no CPU, so it does not see that its connection was closed
meanwhile: what is sent over it next brings no answer (firebase-admin-node issue 2978).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from shared.documents.firestore import wire

_SERVICE = "/google.firestore.v1.Firestore/"
_TRIED_SECONDS = 0.5
"""For how long a connection is used at least: nobody can tell earlier that it brings no answers."""
_RETIRED_SECONDS = 4.0
"""For how long a replaced connection stays open at least: longer than any call but a Listen."""


class Connection:
    """One channel of gRPC, with the methods of Firestore that the store calls."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.opened = time.monotonic()
        stream, unary = channel.unary_stream, channel.unary_unary
        self.get = _method(unary, "GetDocument", wire.GetRequest, wire.GetResponse)
        self.commit = _method(unary, "Commit", wire.CommitRequest, wire.CommitResponse)
        self.batch_get = _method(
            stream, "BatchGetDocuments", wire.BatchGetRequest, wire.BatchGetResponse
        )
        self.run_query = _method(stream, "RunQuery", wire.RunQueryRequest, wire.RunQueryResponse)
        self.run_aggregation = _method(
            stream, "RunAggregationQuery", wire.RunAggregationRequest, wire.RunAggregationResponse
        )
        self.listen = _method(
            channel.stream_stream, "Listen", wire.ListenRequest, wire.ListenResponse
        )


class Connections:
    """The connection in use, and those that it has replaced; `opened` makes a channel."""

    def __init__(self, opened: Callable[[], Any]) -> None:
        self._opened = opened
        self._replacing = Lock()
        self._retired: list[tuple[float, Connection]] = []
        self.current = Connection(opened())

    def replace(self, silent: Connection) -> None:
        """Uses a new connection instead of the one that brought no answer, unless that was done.

        Calls that are under way on the old one may still be answered, and are let end. A Listen
        stream that lasts longer is opened again. A call that had no time left says nothing of a
        connection that was opened just now: without that, a slow store would get a connection more
        for each call.
        """
        with self._replacing:
            now = time.monotonic()
            if self.current is not silent or now < silent.opened + _TRIED_SECONDS:
                return
            self._retired.append((now, silent))
            self.current = Connection(self._opened())
            over = [one for one in self._retired if one[0] < now - _RETIRED_SECONDS]
            self._retired = self._retired[len(over) :]
        for _, connection in over:
            connection.channel.close()

    def close(self) -> None:
        """Closes all of them."""
        for connection in (self.current, *(one for _, one in self._retired)):
            connection.channel.close()


def _method(kind: Callable[..., Any], name: str, request: Any, response: Any) -> Callable[..., Any]:
    method: Callable[..., Any] = kind(
        _SERVICE + name,
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )
    return method
