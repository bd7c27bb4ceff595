"""One document followed over a Listen stream of Firestore.

A stream has two threads: gRPC's own, which takes what is to be sent, and one that reads the
answers, so that the watcher can wait for them with a time limit and do something else in between.
Both end with the stream, and `close` ends the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import grpc

from shared.documents.firestore import wire
from shared.documents.firestore.failures import failure
from shared.documents.port import Document, Unavailable
from shared.documents.waiting import Waiting

# How long a wait for an answer lasts before it is asked whether the waiting is over.
_LOOK_SECONDS = 0.25
# How long a server may take to confirm that it sends nothing more.
_PARTING_SECONDS = 0.25


class Stream:
    """A stream with the state of the document that `request` names, below `root`."""

    def __init__(self, listen: Callable[..., Any], request: Any, root: str, **options: Any) -> None:
        self._root = root
        self._database = request.database
        self._state: Document | None = None
        # What arrives before the target is current may be older than the request.
        self._current = False
        self._answers: SimpleQueue[Any] = SimpleQueue()
        self._requests: SimpleQueue[Any] = SimpleQueue()
        self._requests.put(request)
        self._call = listen(iter(self._requests.get, None), **options)
        self._reader = Thread(target=self._read, name="listening", daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Ends the stream, and its threads.

        The emulator fails a commit that it has to report to a stream that was just cancelled. So
        the target is removed first, and the stream is cancelled when that is confirmed or takes too
        long.
        """
        if self._current:
            self._requests.put(wire.unlisten(self._database))
            self._reader.join(_PARTING_SECONDS)
        self._requests.put(None)
        self._call.cancel()

    def wait(self, seconds: float) -> None:
        """Waits until the state is known. Raises Unavailable after `seconds`, or gRPC's error."""
        waiting = Waiting(seconds, lambda: False)
        while not self._told(max(0.0, waiting.left)):
            if waiting.over():
                said = "the state of a document is not told"
                raise Unavailable(f"Firestore: {said}", cause=f"DEADLINE_EXCEEDED: {said}")

    def states(self, waiting: Waiting) -> Iterator[Document | None]:
        """The known state, and every later one until the waiting is over. Raises gRPC's error."""
        known = self._state
        yield known
        while not waiting.over():
            told = self._told(max(0.0, min(waiting.left, _LOOK_SECONDS)))
            # The emulator also reports writes that changed nothing.
            if told and self._state != known:
                known = self._state
                yield known

    def _read(self) -> None:
        with suppress(grpc.RpcError):
            for answer in self._call:
                self._answers.put(answer)
                if answer.target_change.target_change_type == answer.target_change.REMOVE:
                    break
        self._answers.put(None)

    def _told(self, seconds: float) -> bool:
        """Handles the next answer within `seconds`; says whether it brings a new state."""
        try:
            answer = self._answers.get(timeout=seconds)
        except Empty:
            return False
        if answer is None:
            raise self._call
        match answer.WhichOneof("response_type"):
            case "document_change":
                self._state = wire.document(answer.document_change.document, self._root)
            case "document_delete" | "document_remove":
                self._state = None
            case "target_change":
                return self._turned(answer.target_change)
        return self._current

    def _turned(self, change: Any) -> bool:
        """Handles a change of the whole target; says whether that made the state known."""
        before = self._current
        match change.target_change_type:
            case change.REMOVE:
                raise failure(change.cause.code, change.cause.message)
            case change.RESET:
                self._state, self._current = None, False
            case change.CURRENT:
                self._current = True
        return self._current and not before


def opened(stream: Stream, seconds: float) -> Stream:
    """The stream once its state is known. Closes it and raises as `Stream.wait` does otherwise."""
    try:
        stream.wait(seconds)
    except BaseException:
        stream.close()
        raise
    return stream
