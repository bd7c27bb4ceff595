"""A gRPC proxy before the Firestore emulator: it fails, delays and swallows calls by a plan.

It forwards bytes and metadata and understands neither, except that it can show a recorded request
as the message it is. It is the only way to lose the answer of a commit that took effect: a proxy of
TCP cannot tell where one call ends.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
from google.cloud.firestore_v1 import types

from tests.reliability.support import LOAD

Code = grpc.StatusCode
THREADS = 64


@dataclass(frozen=True)
class Fault:
    """What happens to one call: after `delay` it fails with `code`, or with None goes through.

    `after` means that the store has done what it was asked before its answer is lost. With `hang`
    there is no answer until the caller gives up.
    """

    code: grpc.StatusCode | None = None
    after: bool = False
    delay: float = 0.0
    hang: bool = False

    def __str__(self) -> str:
        return f"{self.code.name if self.code else 'none'}-{'after' if self.after else 'before'}"


CONTRACT: tuple[Fault, ...] = (
    *(
        Fault(code, after=after)
        for code in (
            Code.UNAVAILABLE,
            Code.DEADLINE_EXCEEDED,
            Code.INTERNAL,
            Code.CANCELLED,
            Code.UNKNOWN,
        )
        for after in (False, True)
    ),
    # Firestore says these only of what it has not done.
    Fault(Code.ABORTED),
    Fault(Code.RESOURCE_EXHAUSTED),
)
"""How one call to Firestore may fail."""
_PAIRS = tuple(zip(CONTRACT[::2], CONTRACT[1::2], strict=True))
"""The same in pairs: before and after the store has done what it was to, the last two before."""


def shared(kinds: Sequence[Hashable]) -> Iterator[Sequence[Fault]]:
    """The faults that each of some calls meets, whose kinds these are.

    By day three calls of a kind share all faults between them: what a fault means is decided in one
    place for all of them. Each meets some before and some after the store has done what it was to.
    """
    before: Counter[Hashable] = Counter()
    for kind in kinds:
        share = min(3, kinds.count(kind)) if LOAD == 1 else 1
        yield [fault for pair in _PAIRS[before[kind] % share :: share] for fault in pair]
        before[kind] += 1


class Plan(Protocol):
    """Decides what happens to each call, in the order of their arrival."""

    def fault(self, rpc: str) -> Fault | None:
        """What happens to a call of the method `rpc`; None is nothing."""


class Healthy:
    """Nothing happens."""

    def fault(self, rpc: str) -> None:
        """See `Plan`."""


@dataclass
class Script:
    """`faults`, one for each call of the method `rpc` (of any, where it is None) from now on."""

    rpc: str | None
    faults: Iterable[Fault]
    left: Iterator[Fault] = field(init=False)
    fired: int = 0

    def __post_init__(self) -> None:
        self.left = iter(self.faults)

    def fault(self, rpc: str) -> Fault | None:
        """See `Plan`."""
        if self.rpc not in (rpc, None):
            return None
        found = next(self.left, None)
        self.fired += found is not None
        return found


class Seeded:
    """Any fault of the contract, for the share `commits` of commits and `reads` of the rest."""

    def __init__(self, seed: float, *, commits: float, reads: float) -> None:
        self._random = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self._commits = commits
        self._reads = reads

    def fault(self, rpc: str) -> Fault | None:
        """See `Plan`."""
        rate = self._commits if rpc == "Commit" else self._reads
        return self._random.choice(CONTRACT) if self._random.random() < rate else None


@dataclass(frozen=True)
class Recorded:
    """A request that arrived."""

    rpc: str
    content: bytes

    @property
    def message(self) -> Any:
        """The request as the message that it is: a `CommitRequest`, a `RunQueryRequest`."""
        return getattr(types, f"{self.rpc}Request").pb().FromString(self.content)


class FaultProxy(grpc.GenericRpcHandler):
    """The proxy at `address`; `requests` are all that have arrived."""

    def __init__(self, upstream: str) -> None:
        self.plan: Plan = Healthy()
        self.requests: list[Recorded] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._upstream = grpc.insecure_channel(upstream)
        self._server = grpc.server(ThreadPoolExecutor(THREADS), handlers=[self])
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        """Ends every call."""
        self._closed.set()
        self._server.stop(None).wait()
        self._upstream.close()

    @contextmanager
    def following(self, plan: Plan) -> Iterator[None]:
        """Follows `plan` inside the block, and nothing happens after it."""
        self.plan = plan
        try:
            yield
        finally:
            self.plan = Healthy()

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Forwards any method: what answers with one message is a stream of one."""
        method = handler_call_details.method
        metadata = [
            pair for pair in handler_call_details.invocation_metadata if pair[0] != "user-agent"
        ]

        def forward(content: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            return self._forward(method, content, metadata, context)

        return grpc.unary_stream_rpc_method_handler(forward)

    def _forward(
        self, method: str, content: bytes, metadata: Any, context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        rpc = method.rpartition("/")[2]
        with self._lock:
            self.requests.append(Recorded(rpc, content))
            fault = self.plan.fault(rpc) or Fault()
        time.sleep(fault.delay)
        if not fault.after:
            self._happen(fault, context)
        try:
            call: Any = self._upstream.unary_stream(method)
            answers = list(call(content, metadata=metadata, timeout=context.time_remaining()))
        except grpc.RpcError as error:
            context.abort(error.code(), error.details() or "")
        if fault.after:
            self._happen(fault, context)
        yield from answers

    def _happen(self, fault: Fault, context: grpc.ServicerContext) -> None:
        if fault.hang:
            gone = threading.Event()
            if context.add_callback(gone.set):
                while not gone.wait(0.1) and not self._closed.is_set():
                    pass
            context.cancel()
        elif fault.code:
            context.abort(fault.code, "injected")
