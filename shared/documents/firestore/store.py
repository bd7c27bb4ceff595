"""The document store on Firestore, in production and on Google's emulator.

It uses the client library's channel and message types, but not its client, which is slow
(`wire.py`) and may retry for minutes. Reads are repeated while there is time. A commit is sent
once: repeating one whose answer was lost, as the library does, would apply an increment twice. The
ledger decides what to do about an unknown outcome. A watch is a stream of its own (`listening.py`),
opened again when it breaks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, suppress
from typing import Any, TypeVar

import grpc
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

from shared.documents.backoff import attempts
from shared.documents.cost import current
from shared.documents.firestore import wire
from shared.documents.firestore.failures import errors_mapped
from shared.documents.firestore.listening import Stream, opened
from shared.documents.indexes import counted, disjuncts
from shared.documents.port import (
    Aborted,
    Aggregation,
    Document,
    Missing,
    MissingIndex,
    Query,
    Stale,
    StoreError,
    Totals,
    Unavailable,
    Write,
)
from shared.documents.values import check_aggregation, check_path, check_query, check_writes
from shared.documents.waiting import Waiting

# How long a request waits for a store that does not answer, so that a 503 is sent within 3 seconds.
PATIENCE_SECONDS = 2.5
# Firestore takes requests of 10 MiB, its emulator of less than 4 MiB. The rest is for the names of
# documents and fields, which are longer on the wire than as Firestore counts them.
_COMMIT_BYTES = 8 * 1_048_576
_EMULATOR_COMMIT_BYTES = 3 * 1_048_576
_CHANNEL_OPTIONS = [
    # A stream is read on the thread that opened it: no message is handed from thread to thread.
    (grpc.experimental.ChannelOptions.SingleThreadedUnaryStream, 1),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]
_SERVICE = "/google.firestore.v1.Firestore/"
_T = TypeVar("_T")


_BUILDING = "currently building"
"""In Firestore's text for a query whose index is not ready yet."""


class FirestoreStore:
    """A `DocumentStore` in a database of `project`, in the cloud or on the emulator named."""

    def __init__(self, project: str, database: str, emulator: str | None = None) -> None:
        self._database = f"projects/{project}/databases/{database}"
        self._root = f"{self._database}/documents"
        self._metadata = [
            ("google-cloud-resource-prefix", self._database),
            ("x-goog-request-params", f"project_id={project}&database_id={database}"),
        ]
        self.max_commit_bytes = _EMULATOR_COMMIT_BYTES if emulator else _COMMIT_BYTES
        if emulator:
            self._metadata.append(("authorization", "Bearer owner"))
            self._channel = grpc.insecure_channel(emulator, _CHANNEL_OPTIONS)
        else:
            self._channel = FirestoreGrpcTransport.create_channel(options=_CHANNEL_OPTIONS)
        stream, unary = self._channel.unary_stream, self._channel.unary_unary
        self._get = _method(unary, "GetDocument", wire.GetRequest, wire.GetResponse)
        self._batch_get = _method(
            stream, "BatchGetDocuments", wire.BatchGetRequest, wire.BatchGetResponse
        )
        self._commit = _method(unary, "Commit", wire.CommitRequest, wire.CommitResponse)
        self._run_query = _method(stream, "RunQuery", wire.RunQueryRequest, wire.RunQueryResponse)
        self._listen = _method(
            self._channel.stream_stream, "Listen", wire.ListenRequest, wire.ListenResponse
        )
        self._run_aggregation = _method(
            stream, "RunAggregationQuery", wire.RunAggregationRequest, wire.RunAggregationResponse
        )

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def get(self, path: str) -> Document | None:
        """See `DocumentStore`."""
        check_path(path)
        request = wire.GetRequest(name=f"{self._root}/{path}")
        try:
            # One message in each direction: a sixth faster than a batch of one.
            answer = self._read(lambda: self._get(request, **self._options()))
        except Missing:
            answer = None
        current().reads += 1
        return answer and wire.document(answer, self._root)

    def get_many(self, paths: Sequence[str]) -> list[Document | None]:
        """See `DocumentStore`."""
        for path in paths:
            check_path(path)
        names = [f"{self._root}/{path}" for path in paths]
        request = wire.BatchGetRequest(database=self._database, documents=dict.fromkeys(names))
        (answers,) = self._read_streams(self._batch_get, [request])
        found = {
            a.found.name: wire.document(a.found, self._root) for a in answers if a.HasField("found")
        }
        current().reads += len(request.documents)
        return [found.get(name) for name in names]

    def commit(self, writes: Sequence[Write]) -> None:
        """See `DocumentStore`."""
        check_writes(writes)
        messages = [wire.write(write, self._root) for write in writes]
        request = wire.CommitRequest(database=self._database, writes=messages)
        with current().trip() as cost, errors_mapped():
            self._commit(request, **self._options())
            cost.writes += len(writes)

    def query(self, query: Query) -> list[Document]:
        """See `DocumentStore`."""
        check_query(query)
        disjuncts(query)
        request = self._query_request(query, structured_query=wire.query(query, self._root))
        (answers,) = self._read_streams(self._run_query, [wire.RunQueryRequest(**request)])
        rows = [wire.document(a.document, self._root) for a in answers if a.HasField("document")]
        current().reads += max(1, len(rows))
        return rows

    def aggregate(self, aggregations: Sequence[Aggregation]) -> list[Totals]:
        """See `DocumentStore`."""
        requests = []
        for wanted in aggregations:
            check_aggregation(wanted)
            disjuncts(counted(wanted))
            message = wire.aggregation(wanted, self._root)
            request = self._query_request(wanted.query, structured_aggregation_query=message)
            requests.append(wire.RunAggregationRequest(**request))
        answers = self._read_streams(self._run_aggregation, requests)
        totals = [_totals(w, a.result) for w, (a,) in zip(aggregations, answers, strict=True)]
        current().reads += sum(max(1, -(-total.count // 1000)) for total in totals)
        return totals

    def watch(
        self,
        path: str,
        until: Callable[[Document | None], bool],
        seconds: float,
        given_up: Callable[[], bool],
    ) -> Document | None:
        """See `DocumentStore`. A stream that is opened again is billed another read."""
        check_path(path)
        found = None
        with closing(self._states(path, Waiting(seconds, given_up))) as states:
            for found in states:
                if until(found):
                    break
        return found

    def _states(self, path: str, waiting: Waiting) -> Generator[Document | None]:
        """The states of a document while `waiting`, over as many streams as it takes."""
        request = wire.listen(self._database, f"{self._root}/{path}")
        known: list[Document | None] = []
        for _ in attempts(math.inf, first=0.2, longest=0.5):
            stream = self._opened(request, waiting, again=bool(known))
            if not stream:
                return
            with closing(stream), suppress(Unavailable, Aborted), errors_mapped():
                for state in stream.states(waiting):
                    current().reads += 1
                    if known != [state]:
                        known = [state]
                        yield state
                return

    def _opened(self, request: Any, waiting: Waiting, *, again: bool) -> Stream | None:
        """A stream that has its first state; None if this is `again` one, and the time is over.

        Reconnecting is part of the watch's waiting, so its time does not count as lost.
        """

        def patience() -> float:
            return min(self._patience(), waiting.left) if again else self._patience()

        def once() -> Stream:
            # The watcher hangs up before this deadline, unless its thread is gone.
            options = {**self._options(), "timeout": PATIENCE_SECONDS + max(0.0, waiting.left)}
            # A stream of the emulator that is opened during a change sometimes stays silent.
            turn = min(patience(), PATIENCE_SECONDS / 2)
            return opened(Stream(self._listen, request, self._root, **options), turn)

        lost = current().lost
        try:
            stream = self._read(once, patience())
        except Unavailable:
            if again and waiting.left <= 0:
                return None
            raise
        if again:
            current().lost = lost
        return stream

    def _query_request(self, query: Query, **what: Any) -> dict[str, Any]:
        parent, _, _ = query.collection.rpartition("/")
        return {"parent": f"{self._root}/{parent}" if parent else self._root, **what}

    def _read_streams(
        self, method: Callable[..., Iterable[Any]], requests: list[Any]
    ) -> list[list[Any]]:
        """Sends `requests` in parallel; gives the messages of each stream."""

        def once() -> list[list[Any]]:
            streams = [method(request, **self._options()) for request in requests]
            return [list(stream) for stream in streams]

        return self._read(once)

    def _read(self, once: Callable[[], _T], seconds: float | None = None) -> _T:
        """Does `once`, and again while there is time, at most `seconds`."""
        error: StoreError = Unavailable("no time left")
        for _ in attempts(self._patience() if seconds is None else seconds, first=0.05):
            try:
                with current().trip(), errors_mapped():
                    return once()
            except (Unavailable, Aborted) as failure:
                error = failure
            except Stale as failure:
                if _BUILDING in str(failure):  # it is there, and will be usable: 503, not 500
                    raise Unavailable(str(failure)) from failure
                raise MissingIndex(str(failure)) from failure
        raise Unavailable(str(error)) from error

    def _options(self) -> dict[str, Any]:
        return {
            "timeout": max(0.001, self._patience()),
            "metadata": self._metadata,
            "wait_for_ready": True,
        }

    def _patience(self) -> float:
        return PATIENCE_SECONDS - current().lost


def _method(kind: Callable[..., Any], name: str, request: Any, response: Any) -> Callable[..., Any]:
    method: Callable[..., Any] = kind(
        _SERVICE + name,
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )
    return method


def _totals(wanted: Aggregation, result: Any) -> Totals:
    values = {alias: wire.number(value) for alias, value in result.aggregate_fields.items()}
    return Totals(
        values["count"],
        {field: values[f"sum_{place}"] for place, field in enumerate(wanted.sums)},
        {field: values[f"average_{place}"] for place, field in enumerate(wanted.averages)},
    )
