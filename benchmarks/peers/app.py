"""The peer's application: `uvicorn --factory benchmarks.peers.app:application`."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from benchmarks.peers import cases, interventions
from benchmarks.peers.databases import Database, database
from benchmarks.peers.models import (
    Case,
    CasePage,
    CasePatch,
    CaseStats,
    CasesToUpdate,
    CaseUpdates,
    DecisionGiven,
    Intervention,
    InterventionMetrics,
    InterventionPage,
    NewCase,
    NewIntervention,
    Sweep,
)
from benchmarks.peers.recording import Caller

URL = "PEER_DATABASE"
_ROLES = ("viewer", "agent", "verifier", "pilot", "admin", "scheduler")
_router = APIRouter(prefix="/v1")


def application() -> FastAPI:
    """The application on the database that the environment names."""
    kept = database(os.environ[URL])

    @asynccontextmanager
    async def prepared(app: FastAPI) -> AsyncIterator[None]:
        await kept.prepare()
        app.state.database = kept
        yield

    app = FastAPI(lifespan=prepared)
    app.include_router(_router)
    app.add_exception_handler(IntegrityError, _conflict)
    app.add_exception_handler(StaleDataError, _conflict)
    return app


async def _conflict(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": type(error).__name__}, HTTPStatus.CONFLICT)


async def _caller(authorization: Annotated[str, Header()]) -> Caller:
    """Who a token names. It has no signature, as in a local run of ours."""
    try:
        scheme, _, token = authorization.partition(" ")
        head, payload, _ = (_segment(part) for part in token.split("."))
        caller = Caller(
            payload["sub"], payload.get("email") or payload["sub"], payload["tenant"],
            payload["role"],
        )  # fmt: skip
    except (ValueError, KeyError):
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "send a token") from None
    if scheme != "Bearer" or head.get("alg") != "none" or caller.role not in _ROLES:
        raise HTTPException(HTTPStatus.UNAUTHORIZED, "send a token of a known role")
    return caller


def _segment(part: str) -> dict[str, str]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) if part else {}


def _of(*roles: str) -> Callable[[Caller], Coroutine[None, None, Caller]]:
    async def allowed(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if caller.role not in roles:
            raise HTTPException(HTTPStatus.FORBIDDEN, "your role may not do this")
        return caller

    return allowed


async def _database(request: Request) -> Database:
    return cast(Database, request.app.state.database)


_Readers = Annotated[Caller, Depends(_of("viewer", "agent", "verifier", "pilot", "admin"))]
_Contributors = Annotated[Caller, Depends(_of("agent", "verifier", "pilot", "admin"))]
_Verifiers = Annotated[Caller, Depends(_of("verifier", "pilot", "admin"))]
_Schedulers = Annotated[Caller, Depends(_of("scheduler"))]
_Database = Annotated[Database, Depends(_database)]
_Size = Annotated[int, Query(alias="pageSize", ge=1, le=500)]


@_router.post("/cases", status_code=HTTPStatus.CREATED)
async def create_case(body: NewCase, caller: _Contributors, kept: _Database) -> Case:
    """Opens a case."""
    return await kept.write(cases.create_case, caller, body)


@_router.get("/cases/{case_id}")
async def get_case(case_id: str, caller: _Readers, kept: _Database) -> Case:
    """One case."""
    return await kept.read(cases.get_case, caller, case_id)


@_router.get("/cases")
async def list_cases(
    caller: _Readers, kept: _Database, status: str | None = None, size: _Size = 50
) -> CasePage:
    """A page of cases."""
    return await kept.read(cases.list_cases, caller, status, size)


@_router.patch("/cases/{case_id}")
async def update_case(case_id: str, body: CasePatch, caller: _Verifiers, kept: _Database) -> Case:
    """Changes a case."""
    return await kept.write(cases.update_case, caller, case_id, body)


@_router.post("/cases:update")
async def update_cases(body: CasesToUpdate, caller: _Verifiers, kept: _Database) -> CaseUpdates:
    """Changes many cases."""
    return await kept.write(cases.update_cases, caller, body)


@_router.get("/cases:stats")
async def case_stats(caller: _Readers, kept: _Database) -> CaseStats:
    """Counts cases."""
    return await kept.read(cases.case_stats, caller)


@_router.post("/interventions", status_code=HTTPStatus.CREATED)
async def create_intervention(
    body: NewIntervention, caller: _Contributors, kept: _Database
) -> Intervention:
    """Asks people."""
    return await kept.write(interventions.create_intervention, caller, body)


@_router.get("/interventions:pending")
async def pending(caller: _Readers, kept: _Database, size: _Size = 50) -> InterventionPage:
    """What waits for a decision."""
    return await kept.read(interventions.pending, caller, size)


@_router.post("/interventions/{intervention_id}:decide")
async def decide(
    intervention_id: str, body: DecisionGiven, caller: _Verifiers, kept: _Database
) -> Intervention:
    """Decides."""
    return await kept.write(interventions.decide, caller, intervention_id, body)


@_router.get("/interventions:metrics")
async def metrics(caller: _Readers, kept: _Database) -> InterventionMetrics:
    """Counts interventions."""
    return await kept.read(interventions.metrics, caller)


@_router.post("/scheduled/expireInterventions")
async def expire(caller: _Schedulers, kept: _Database) -> Sweep:
    """Expires what ran out."""
    return await kept.write(interventions.expire, caller)
