"""Answers that are made while they are sent: what the caller gets, and what the log says of it."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from typing import Any, cast

import flask
import pytest

from local.tokens import unsigned_token
from shared import errors
from shared.documents.port import Unavailable
from shared.edge.function import Call, function
from shared.edge.streams import CHUNK, NotWholeError, Stream
from shared.rules.callers import READERS
from tests.client import Api
from tests.functions.support import ON_EMBEDDED

pytestmark = ON_EMBEDDED
Parts = Callable[[Call], Iterator[bytes]]
BIG = b"x" * CHUNK


class Lines(Stream):
    """Some lines."""

    media_type = "application/x-ndjson"
    example = "a line"
    text = True


def asked(api: Api, parts: Parts, method: str = "GET", **headers: str) -> flask.Response:
    """What a function answers that streams these parts; its request is over then."""

    @function("GET", "/lines", roles=READERS, expensive=True)
    def get_lines(call: Call) -> Lines:
        return Lines("some lines.ndjson", parts(call))

    token = unsigned_token(sub="viewer", tenant=api.tenant, role="viewer")
    sent = {"Authorization": f"Bearer {token}", **headers}
    with api.app.test_request_context("/v1/lines", method=method, headers=sent):
        return get_lines(flask.request)


def logged(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one line of the log."""
    (line,) = capsys.readouterr().out.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def whole(answer: flask.Response) -> bytes:
    """All that the caller gets."""
    return b"".join(cast("list[bytes]", list(answer.response)))


def free(api: Api) -> bool:
    """Whether no expensive request is under way."""
    return not api.runtime.expensive._taken  # noqa: SLF001 - nothing else shows it


def test_the_first_bytes_are_sent_before_the_second_are_made(api: Api) -> None:
    made = []

    def parts(_: Call) -> Iterator[bytes]:
        for number in range(3):
            made.append(number)
            yield BIG

    answer = asked(api, parts)

    assert made == [0]
    assert not free(api)
    assert [len(part) for part in answer.response if part] == [CHUNK] * 3
    assert free(api)


def test_small_parts_are_sent_together(api: Api) -> None:
    answer = asked(api, lambda _: (b"a line\n" for _ in range(20_000)))

    sent = [part for part in answer.response if isinstance(part, bytes)]

    assert b"".join(sent) == b"a line\n" * 20_000
    assert all(len(part) >= CHUNK for part in sent[1:-1])


def test_a_stream_says_what_it_is_and_under_which_name_to_keep_it(api: Api) -> None:
    answer = asked(api, lambda _: iter([b"one"]))

    assert (answer.status_code, answer.mimetype) == (200, "application/x-ndjson")
    named = 'attachment; filename="some lines.ndjson"'
    assert answer.headers["Content-Disposition"] == named
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content_length is None
    assert answer.headers["X-Request-Id"]
    answer.close()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFound("there is none"), 404),
        (Unavailable("", cause="DEADLINE_EXCEEDED"), 503),
    ],
)
def test_what_fails_before_the_first_bytes_is_answered_in_the_one_form_of_errors(
    api: Api, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    def parts(_: Call) -> Iterator[bytes]:
        raise error
        yield b""

    answer = asked(api, parts)

    assert (answer.status_code, answer.get_json()["error"]["code"]) == (code, code)
    assert "Content-Disposition" not in answer.headers
    assert free(api)
    assert logged(capsys)["code"] == code


@pytest.mark.parametrize("error", [KeyError("Sesame"), errors.NotFound("Sesame")])
def test_what_fails_later_breaks_the_connection_off_and_is_logged(
    api: Api, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def parts(_: Call) -> Iterator[bytes]:
        yield BIG
        raise error

    answer = asked(api, parts)
    # The server ends a connection without the end of the answer where it gets this error.
    with pytest.raises(NotWholeError):
        list(answer.response)

    line = logged(capsys)
    assert (line["severity"], line["stream"], line["code"]) == ("ERROR", "broken", 200)
    assert line["httpRequest"]["responseSize"] == str(CHUNK)
    assert line["stack_trace"].endswith(type(error).__name__)
    assert "Sesame" not in json.dumps(line)
    assert free(api)


def test_a_store_that_goes_away_is_named_as_the_cause(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    def parts(_: Call) -> Iterator[bytes]:
        yield BIG
        raise Unavailable("", cause="DEADLINE_EXCEEDED")

    with pytest.raises(NotWholeError):
        list(asked(api, parts).response)

    assert logged(capsys)["cause"] == "DEADLINE_EXCEEDED"


def test_a_caller_who_goes_away_ends_the_making(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = []

    def parts(_: Call) -> Iterator[bytes]:
        try:
            while True:
                yield BIG
        finally:
            ended.append(True)

    answer = asked(api, parts)
    sent = iter(answer.response)
    next(sent)
    answer.close()

    assert ended == [True]
    line = logged(capsys)
    assert (line["severity"], line["stream"]) == ("INFO", "abandoned")
    assert free(api)


def test_an_answer_that_nobody_begins_to_read_lets_go_of_its_place(api: Api) -> None:
    asked(api, lambda _: iter([BIG, BIG])).close()

    assert free(api)


def test_a_server_that_stops_breaks_a_stream_off(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = asked(api, lambda _: iter([BIG] * 3))
    sent = iter(answer.response)
    next(sent)
    api.runtime.stopping = True
    try:
        with pytest.raises(NotWholeError):
            next(sent)
    finally:
        api.runtime.stopping = False

    assert (logged(capsys)["stream"], free(api)) == ("stopped", True)


def test_a_head_makes_nothing_and_says_no_size(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    made = []

    def parts(_: Call) -> Iterator[bytes]:
        made.append(True)
        yield BIG

    head = asked(api, parts, "HEAD")
    sent = dict(head.get_wsgi_headers({"REQUEST_METHOD": "HEAD"}))

    assert made == []
    assert logged(capsys)["code"] == 200
    same = {"X-Request-Id", "Server-Timing"}
    get = asked(api, parts)
    assert {n for n, _ in get.headers} == set(sent)
    assert {n: v for n, v in get.headers if n not in same} == {
        n: v for n, v in sent.items() if n not in same
    }
    assert free(api) is False
    get.close()


def test_text_is_compressed_for_who_takes_gzip(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [os.urandom(CHUNK).hex().encode() for _ in range(5)]

    plain = asked(api, lambda _: iter(lines))
    zipped = asked(api, lambda _: iter(lines), **{"Accept-Encoding": "gzip, br"})

    assert whole(plain) == b"".join(lines)
    sent = whole(zipped)
    assert gzip.decompress(sent) == b"".join(lines)
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert plain.headers["Vary"] == zipped.headers["Vary"] == "Accept-Encoding"
    sizes = [
        json.loads(line)["httpRequest"]["responseSize"]
        for line in capsys.readouterr().out.splitlines()
    ]
    assert sizes == [str(len(b"".join(lines))), str(len(sent))]


def test_the_log_has_what_the_whole_stream_has_cost(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    def parts(call: Call) -> Iterator[bytes]:
        for _ in range(3):
            call.store.get(f"tenants/{call.tenant}")
            yield BIG

    answer = asked(api, parts)

    assert "reads=1" in answer.headers["Server-Timing"]
    list(answer.response)
    line = logged(capsys)
    assert (line["reads"], line["trips"], line["stream"]) == (3, 3, "whole")
    assert line["tenant"] == api.tenant
