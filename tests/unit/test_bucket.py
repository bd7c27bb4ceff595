"""The bucket that keeps checkpoints, against a stand-in of Cloud Storage's JSON API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from urllib.request import Request

import pytest
from google.auth.credentials import Credentials
from google.auth.exceptions import DefaultCredentialsError

from shared.bucket import Bucket, Unreachable
from tests.bucket_stub import NAME, BucketStub, running_bucket
from tests.rows import each_row

CALLS = {
    "make": lambda bucket: bucket.make("a/1", "text"),
    "read": lambda bucket: bucket.read("a/1"),
    "names": lambda bucket: bucket.names("a/", "a/1"),
}


@pytest.fixture
def stub() -> Iterator[BucketStub]:
    with running_bucket() as running:
        yield running


@pytest.fixture
def bucket(stub: BucketStub) -> Bucket:
    return Bucket(NAME, stub.address)


def test_an_object_is_made_once_and_stays_as_it_is(bucket: Bucket, stub: BucketStub) -> None:
    assert bucket.read("acme/1/7") is None
    assert bucket.make("acme/1/7", "first — ünïcode\n")
    assert not bucket.make("acme/1/7", "second\n")

    assert bucket.read("acme/1/7") == "first — ünïcode\n"
    assert stub.objects == {"acme/1/7": "first — ünïcode\n"}


def test_of_many_who_make_the_same_object_at_once_one_does(bucket: Bucket) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: bucket.make("a/1", str(number)), range(8)))

    assert made.count(True) == 1
    assert bucket.read("a/1") == str(made.index(True))


def test_names_are_listed_in_order_from_one_on_and_before_another(bucket: Bucket) -> None:
    for name in ("acme/1/07", "acme/1/10", "acme/2/03", "acm/1/08", "acmes/1/09"):
        bucket.make(name, "")

    assert bucket.names("acme/", "acme/1/08", most=9) == ["acme/1/10", "acme/2/03"]
    assert bucket.names("acme/", "acme/1/07") == ["acme/1/07"]
    assert bucket.names("acme/", "acme/1/00", "acme/1/10", most=9) == ["acme/1/07"]
    assert bucket.names("acme/", "acme/2/04") == []


def test_a_page_without_names_is_not_taken_for_the_end_of_the_list(
    bucket: Bucket, stub: BucketStub
) -> None:
    bucket.make("acme/1/07", "")
    stub.empty_pages = 3
    assert bucket.names("acme/", "acme/1/01") == ["acme/1/07"]

    stub.empty_pages = 10
    with pytest.raises(Unreachable, match="its list does not end"):
        bucket.names("acme/", "acme/1/01")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("code", [401, 403, 429, 500, 503])
def test_a_bucket_that_refuses_is_unreachable_and_the_code_is_told(
    bucket: Bucket, stub: BucketStub, call: str, code: int
) -> None:
    stub.code = code

    with pytest.raises(Unreachable, match=f"^HTTPError {code}$"):
        CALLS[call](bucket)


@pytest.mark.parametrize("call", ["make", "names"])
def test_a_bucket_that_is_not_there_is_unreachable(stub: BucketStub, call: str) -> None:
    with pytest.raises(Unreachable, match="404"):
        CALLS[call](Bucket("no-such-bucket", stub.address))


@pytest.mark.parametrize("call", CALLS)
def test_nobody_waits_longer_than_that_for_a_bucket_that_stalls(
    stub: BucketStub, call: str
) -> None:
    stub.stalls = threading.Event()
    try:
        with pytest.raises(Unreachable, match="TimeoutError"):
            CALLS[call](Bucket(NAME, stub.address, seconds=0.05))
    finally:
        stub.stalls.set()


@each_row("call", CALLS)
def test_a_bucket_that_nobody_serves_is_unreachable(call: str) -> None:
    with pytest.raises(Unreachable, match="URLError"):
        CALLS[call](Bucket(NAME, "127.0.0.1:1"))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"items": 7}', b'{"items": [{}]}'])
def test_what_is_no_list_is_not_taken_for_an_empty_one(
    bucket: Bucket, stub: BucketStub, body: bytes
) -> None:
    stub.body = body

    with pytest.raises(Unreachable, match="no list of objects"):
        bucket.names("a/", "a/1")


class Refreshed(Credentials):
    """Credentials that are good once they have been refreshed."""

    def refresh(self, _request: object) -> None:
        self.token = "a-token"  # noqa: S105


def test_google_is_asked_as_the_service_account_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = []

    def answer(_opener: object, request: Request, timeout: float) -> BytesIO:
        authorization = request.get_header("Authorization")
        sent.append((request.get_method(), request.full_url, authorization, timeout))
        return BytesIO(b"{}")

    monkeypatch.setattr("google.auth.default", lambda **_: (Refreshed(), "acme"))  # type: ignore[no-untyped-call]
    monkeypatch.setattr("urllib.request.OpenerDirector.open", answer)
    bucket = Bucket(NAME)
    bucket.make("a/1", "text")
    bucket.read("a/1")

    host = "https://storage.googleapis.com"
    made = "uploadType=media&ifGenerationMatch=0&name=a%2F1"
    assert sent == [
        ("POST", f"{host}/upload/storage/v1/b/{NAME}/o?{made}", "Bearer a-token", 5.0),
        ("GET", f"{host}/storage/v1/b/{NAME}/o/a%2F1?alt=media", "Bearer a-token", 5.0),
    ]


def test_a_process_without_credentials_cannot_reach_the_bucket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(**_: object) -> None:
        raise DefaultCredentialsError

    monkeypatch.setattr("google.auth.default", none)

    with pytest.raises(Unreachable, match="OSError"):
        Bucket(NAME).read("a/1")
