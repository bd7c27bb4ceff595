"""A stand-in for Cloud Scheduler over gRPC: keeps jobs in memory, and the calls that it got.

Refuses what the service refuses, and adds to a job what the service adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from cronsim import CronSim, CronSimError
from google.cloud.scheduler_v1.types import (
    CreateJobRequest,
    DeleteJobRequest,
    Job,
    ListJobsRequest,
    ListJobsResponse,
    UpdateJobRequest,
)
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]

_SERVICE = "google.cloud.scheduler.v1.CloudScheduler"
_PAGE = 2
_DEADLINES = (timedelta(seconds=15), timedelta(minutes=30))
_MOST_RETRIES = 5
_Code = grpc.StatusCode


class Refused(Exception):
    """The service answers with an error."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it arrived; `seconds` is the time it was given."""

    method: str
    request: Any
    seconds: float | None


class SchedulerServer:
    """The jobs by name, the calls in order; `endpoint` is where it listens."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.calls: list[Call] = []
        self.endpoint = ""
        self._before: list[tuple[str, Callable[[], object]]] = []

    def before(self, method: str, happens: Callable[[], object]) -> None:
        """Lets something happen between the arrival of the next call of `method` and its answer."""
        self._before.append((method, happens))

    def refuse(self, method: str, code: grpc.StatusCode, message: str, times: int = 1) -> None:
        """Answers the next calls of `method` with an error."""

        def refused() -> None:
            raise Refused(code, message)

        for _ in range(times):
            self.before(method, refused)

    def put(self, job: Job) -> None:
        """A job that somebody made."""
        self.jobs[job.name] = _completed(job)

    @property
    def writes(self) -> list[tuple[str, Any]]:
        """The calls that change something: method and request."""
        return [(call.method, call.request) for call in self.calls if call.method != "ListJobs"]

    def handlers(self) -> grpc.GenericRpcHandler:
        """The methods of the service."""
        methods: dict[str, tuple[Callable[[Any], Any], Any, Any]] = {
            "ListJobs": (self._list, ListJobsRequest, ListJobsResponse.serialize),
            "CreateJob": (self._create, CreateJobRequest, Job.serialize),
            "UpdateJob": (self._update, UpdateJobRequest, Job.serialize),
            "DeleteJob": (self._delete, DeleteJobRequest, Empty.SerializeToString),
        }
        return grpc.method_handlers_generic_handler(
            _SERVICE,
            {
                name: grpc.unary_unary_rpc_method_handler(
                    self._recorded(name, answer),
                    request_deserializer=request.deserialize,
                    response_serializer=serialize,
                )
                for name, (answer, request, serialize) in methods.items()
            },
        )

    def _recorded(self, method: str, answer: Callable[[Any], Any]) -> Callable[..., Any]:
        def handle(request: Any, context: grpc.ServicerContext) -> Any:
            self.calls.append(Call(method, request, context.time_remaining()))
            try:
                self._happen(method)
                return answer(request)
            except Refused as error:
                return context.abort(error.code, str(error))

        return handle

    def _happen(self, method: str) -> None:
        for place, (awaited, happens) in enumerate(self._before):
            if awaited == method:
                del self._before[place]
                happens()
                return

    def _list(self, request: ListJobsRequest) -> ListJobsResponse:
        names = sorted(name for name in self.jobs if name.startswith(f"{request.parent}/jobs/"))
        start = int(request.page_token or 0)
        end = start + _PAGE
        return ListJobsResponse(
            jobs=[self.jobs[name] for name in names[start:end]],
            next_page_token=str(end) if end < len(names) else "",
        )

    def _create(self, request: CreateJobRequest) -> Job:
        if request.job.name in self.jobs:
            raise Refused(_Code.ALREADY_EXISTS, f"Job {request.job.name} already exists.")
        return self._kept(request.job)

    def _update(self, request: UpdateJobRequest) -> Job:
        if not request.update_mask.paths:
            raise Refused(_Code.INVALID_ARGUMENT, "The update mask is empty.")
        job = self._existing(request.job.name)
        # A copy, of which only the fields of the mask are replaced.
        job = Job.deserialize(Job.serialize(job))
        source, changed = Job.pb(request.job), Job.pb(job)
        request.update_mask.MergeMessage(source, changed, replace_message_field=True)
        return self._kept(job)

    def _delete(self, request: DeleteJobRequest) -> Empty:
        del self.jobs[self._existing(request.name).name]
        return Empty()

    def _existing(self, name: str) -> Job:
        if name not in self.jobs:
            raise Refused(_Code.NOT_FOUND, f"Job {name} not found.")
        return self.jobs[name]

    def _kept(self, job: Job) -> Job:
        _check(job)
        self.put(job)
        return self.jobs[job.name]


def _check(job: Job) -> None:
    try:
        CronSim(job.schedule, datetime(2026, 3, 2, tzinfo=UTC))
    except CronSimError as error:
        raise Refused(_Code.INVALID_ARGUMENT, f"Schedule is malformed: {error}") from error
    least, most = _DEADLINES
    if not least <= job.attempt_deadline <= most:
        raise Refused(_Code.INVALID_ARGUMENT, "The attempt deadline is out of range.")
    if not 0 <= job.retry_config.retry_count <= _MOST_RETRIES:
        raise Refused(_Code.INVALID_ARGUMENT, "The retry count is out of range.")


def _completed(job: Job) -> Job:
    kept: Job = Job.deserialize(Job.serialize(job))
    kept.state = Job.State(kept.state or Job.State.ENABLED)
    if not kept.retry_config.max_retry_duration:
        # Sent, as zero; the caller left it out.
        kept.retry_config.max_retry_duration = timedelta()
    if kept.http_target.uri:
        kept.http_target.headers["User-Agent"] = "Google-Cloud-Scheduler"
    return kept


@contextmanager
def running_server() -> Iterator[SchedulerServer]:
    """A stand-in without jobs, on a free port."""
    service = SchedulerServer()
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    server.add_generic_rpc_handlers((service.handlers(),))
    service.endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield service
    finally:
        server.stop(grace=None).wait()
