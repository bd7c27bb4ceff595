"""What handlers return, as the answer to a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import flask
from pydantic import BaseModel

from shared.edge.routes import Route
from shared.models.base import JSON, MARKDOWN, MarkdownForm
from shared.models.raw import Raw
from shared.models.stored import AsStored
from shared.runtime import Runtime

B = TypeVar("B", bound=BaseModel | None)


@dataclass(frozen=True)
class Reply(Generic[B]):
    """An answer with more than a body; `is_there` where what should be created was there."""

    body: B
    etag: str | None = None
    location: str | None = None
    replayed: bool = False
    is_there: bool = False


def response(route: Route, result: BaseModel | Reply[Any] | flask.Response) -> flask.Response:
    """The answer to a request of `route`, of what its handler has returned."""
    if isinstance(result, flask.Response):
        return result
    reply = result if isinstance(result, Reply) else Reply(result)
    answer = _represented(route, reply.body)
    if reply.is_there and route.code_if_there:
        answer.status_code = route.code_if_there
    if reply.etag:
        answer.headers["ETag"] = f'"{reply.etag}"'
        if route.roles is None:
            answer.make_conditional(flask.request)
    if reply.location:
        answer.headers["Location"] = Runtime.current().config.public_url + reply.location
    if reply.replayed:
        answer.headers["Idempotent-Replayed"] = "true"
    return answer


def _represented(route: Route, body: BaseModel | None) -> flask.Response:
    """The body as JSON, or as Markdown if the caller prefers it and the model supports it."""
    if body is None:
        return flask.Response(status=route.code)
    if isinstance(body, Raw):
        return _raw(body, route.code)
    if not isinstance(body, MarkdownForm):
        return flask.Response(json_of(body), route.code, mimetype=JSON)
    if flask.request.accept_mimetypes.best_match((JSON, MARKDOWN)) == MARKDOWN:
        answer = flask.Response(body.as_markdown(), route.code, mimetype=MARKDOWN)
    else:
        answer = flask.Response(json_of(body), route.code, mimetype=JSON)
    answer.vary.add("Accept")
    return answer


def _raw(body: Raw, code: int) -> flask.Response:
    answer = flask.Response(body.content, code, mimetype=body.media_type)
    if body.seconds:
        whose = "public" if body.public else "private"
        answer.headers["Cache-Control"] = f"{whose}, max-age={body.seconds}"
        answer.vary.add("Authorization")
    return answer


def json_of(body: BaseModel) -> str:
    """What a client gets of an answer, as JSON."""
    return body.as_json() if isinstance(body, AsStored) else body.model_dump_json(by_alias=True)
