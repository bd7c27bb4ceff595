"""The document store on Firestore, in production and on Google's emulator.

It uses the client library's channel and message types, but not its client, which is slow
(`wire.py`) and may retry for minutes. Reads are repeated while there is time, over a new connection
where the old one is silent (`connection.py`). A commit is sent once: repeating one whose answer was
lost, as the library does, would apply an increment twice. The ledger decides what to do about an
unknown outcome. A watch is a stream of its own (`listening.py`),
opened again when it breaks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import google.auth
import grpc
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

from shared.documents.backoff import attempts
from shared.documents.cost import current
from shared.documents.firestore import wire
from shared.documents.firestore.connection import Connection, Connections
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
# How long the first attempt of a read may take, so that there is time for another one.
_FIRST_SECONDS = 1.0
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
    ("grpc.keepalive_timeout_ms", 5_000),
    # Otherwise a new channel shares the connection of the one that it is to replace.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]
_BUILDING = "currently building"
"""In Firestore's text for a query whose index exists, but is not ready yet."""
_T = TypeVar("_T")


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
            opened = partial(grpc.insecure_channel, emulator, _CHANNEL_OPTIONS)
        else:
            # Found once, because that may take seconds; their token serves every connection.
            credentials, _ = google.auth.default(default_scopes=FirestoreGrpcTransport.AUTH_SCOPES)
            opened = partial(
                FirestoreGrpcTransport.create_channel,
                credentials=credentials,
                options=_CHANNEL_OPTIONS,
            )
        self._connections = Connections(opened)

    def close(self) -> None:
        """Closes the connection."""
        self._connections.close()

    def get(self, path: str) -> Document | None:
        """See `DocumentStore`."""
        check_path(path)
        request = wire.GetRequest(name=f"{self._root}/{path}")
        try:
            # One message in each direction: a sixth faster than a batch of one.
            answer = self._read(lambda to, options: to.get(request, **options))
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
        (answers,) = self._read_streams(lambda to: to.batch_get, [request])
        found = {
            a.found.name: wire.document(a.found, self._root) for a in answers if a.HasField("found")
        }
        current().reads += len(request.documents)
        return [found.get(name) for name in names]

    def commit(self, writes: Sequence[Write]) -> None:
        """See `DocumentStore`."""
        check_writes(writes, self.max_commit_bytes)
        messages = [wire.write(write, self._root) for write in writes]
        request = wire.CommitRequest(database=self._database, writes=messages)
        connection = self._connections.current
        with self._silence_noticed(connection), current().trip() as cost, errors_mapped():
            connection.commit(request, **self._options())
            cost.writes += len(writes)

    def query(self, query: Query) -> list[Document]:
        """See `DocumentStore`."""
        check_query(query)
        disjuncts(query)
        request = self._query_request(query, structured_query=wire.query(query, self._root))
        messages = [wire.RunQueryRequest(**request)]
        (answers,) = self._read_streams(lambda to: to.run_query, messages)
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
        answers = self._read_streams(lambda to: to.run_aggregation, requests)
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

        def once(to: Connection, options: dict[str, Any]) -> Stream:
            # A stream of the emulator that is opened during a change sometimes stays silent.
            turn = min(patience(), _FIRST_SECONDS)
            # The watcher hangs up before this deadline, unless its thread is gone.
            options = {**options, "timeout": PATIENCE_SECONDS + max(0.0, waiting.left)}
            return opened(Stream(to.listen, request, self._root, **options), turn)

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
        self, method: Callable[[Connection], Callable[..., Iterable[Any]]], requests: list[Any]
    ) -> list[list[Any]]:
        """Sends `requests` in parallel; gives the messages of each stream."""

        def once(to: Connection, options: dict[str, Any]) -> list[list[Any]]:
            streams = [method(to)(request, **options) for request in requests]
            return [list(stream) for stream in streams]

        return self._read(once)

    def _read(
        self, once: Callable[[Connection, dict[str, Any]], _T], seconds: float | None = None
    ) -> _T:
        """Does `once`, and again while there is time, at most `seconds`.

        It gets the connection and the options of its calls. The first attempt is kept short,
        because the connection may have died: the next one goes over a new connection, and has the
        rest of the time.
        """
        error: StoreError = Unavailable("no time left")
        for number in attempts(self._patience() if seconds is None else seconds, first=0.05):
            connection = self._connections.current
            options = self._options(math.inf if number else self._first_patience())
            try:
                with self._silence_noticed(connection), current().trip(), errors_mapped():
                    return once(connection, options)
            except (Unavailable, Aborted) as failure:
                error = failure
            except Stale as failure:
                raise _unserved(str(failure)) from failure
        raise Unavailable(str(error), cause=error.cause) from error

    @contextmanager
    def _silence_noticed(self, connection: Connection) -> Iterator[None]:
        try:
            yield
        except Unavailable as failure:
            if (failure.cause or "").startswith("DEADLINE_EXCEEDED"):
                self._connections.replace(connection)
            raise

    def _options(self, most: float = math.inf) -> dict[str, Any]:
        return {
            "timeout": max(0.001, min(self._patience(), most)),
            "metadata": self._metadata,
            "wait_for_ready": True,
        }

    def _patience(self) -> float:
        return PATIENCE_SECONDS - current().lost

    def _first_patience(self) -> float:
        return _FIRST_SECONDS


def _unserved(said: str) -> StoreError:
    """Why there is no answer to a query, in Google's words, with a link to the index."""
    return Unavailable(said, cause=said) if _BUILDING in said else MissingIndex(said)


def _totals(wanted: Aggregation, result: Any) -> Totals:
    values = {alias: wire.number(value) for alias, value in result.aggregate_fields.items()}
    return Totals(
        values["count"],
        {field: values[f"sum_{place}"] for place, field in enumerate(wanted.sums)},
        {field: values[f"average_{place}"] for place, field in enumerate(wanted.averages)},
    )
