"""Stored models: open to what they do not know, in formats that are lifted a step at a time."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ValidationError

from functions.api import ROUTES
from shared.documents.embedded.store import FILE_VERSION
from shared.documents.indexes import project_indexes
from shared.documents.port import Create, Document, Set, Update
from shared.ledger.subjects import written
from shared.models.case import NewCase
from shared.models.evidence import EvidenceContent
from shared.models.packet import Packet
from shared.models.stored import AsStored, Data, Kept, Step, StoredDocument
from shared.rules import cases as case_rules
from shared.rules import packets as packet_rules
from tests.rows import each_row
from tests.stored.formats import RELEASES, all_stored_models, kept, parts_of, stored_models


def _named(data: Data) -> Data:
    """Format 2: `name` instead of `first` and `last`."""
    rest = {name: value for name, value in data.items() if name not in ("first", "last")}
    return {**rest, "name": f"{data['first']} {data['last']}"}


def _split(data: Data) -> Data:
    rest = {name: value for name, value in data.items() if name != "name"}
    first, _, last = data["name"].partition(" ")
    return {**rest, "first": first, "last": last}


def _aged(data: Data) -> Data:
    """Format 3: an age of 0 is none."""
    return {**data, "age": data.get("age") or None}


class Person(StoredDocument):
    """A document of format 3."""

    steps: ClassVar[tuple[Step, ...]] = (Step(_named), Step(_aged))

    name: str
    age: int | None = None
    tags: list[str] = []


class NextPerson(StoredDocument):
    """Format 2 of it, in the release that reads it and still writes format 1."""

    steps: ClassVar[tuple[Step, ...]] = (Step(_named, _split),)

    name: str


NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CASE = case_rules.opened(
    "C-1", NewCase(decision_type="d", title="T"), by="kim", due_hours=None, now=NOW
)
ITEM = EvidenceContent(
    id="E-1", title="T", snippet="", citation=None, source_id=None, tags=[], metadata={}
)
FIRST = {"first": "Ada", "last": "King", "age": 0, "unknown": {"x": 1}}
SECOND = {"name": "Ada King", "age": 0, "unknown": {"x": 1}, "format": 2}
THIRD = {"name": "Ada King", "age": None, "unknown": {"x": 1}, "format": 3}


@each_row("data", [FIRST, SECOND, THIRD])
def test_a_document_of_any_format_is_read_and_shown_as_the_newest(data: Data) -> None:
    before = dict(data)

    read, row = Person.read(data), Person.row(data)

    assert (read.name, read.age, read.tags) == ("Ada King", None, [])
    assert row == {"name": "Ada King", "age": None, "tags": [], "unknown": {"x": 1}}
    assert data == before


@each_row("data", [FIRST, SECOND, THIRD])
def test_a_document_is_written_in_the_format_of_this_release(data: Data) -> None:
    assert Person.read(data).to_data(data) == {**THIRD, "tags": []}


def test_the_first_format_stays_unsaid() -> None:
    class Plain(StoredDocument):
        name: str

    assert Plain(name="Ada").to_data() == {"name": "Ada"}
    assert Plain.read({"name": "Ada", "format": 1}).to_data() == {"name": "Ada"}


@each_row("number", [0, 4, -1, True, "1", None, 1.0])
@each_row("read", [Person.read, Person.row])
def test_a_format_that_is_not_known_is_not_guessed_at(read: Any, number: Any) -> None:
    with pytest.raises(ValidationError, match="a format that this release does not read"):
        read({**THIRD, "format": number})


def test_a_release_that_reads_a_new_format_first_writes_the_one_before() -> None:
    assert (NextPerson.reads(), NextPerson.writes()) == (2, 1)
    assert NextPerson(name="Ada King").to_data() == {"first": "Ada", "last": "King"}
    old = {"first": "Ada", "last": "King"}
    assert NextPerson.read(old).to_data(old) == old


def test_a_document_of_the_new_format_never_goes_back() -> None:
    old = {"name": "Ada King", "format": 2}

    assert NextPerson.read(old).to_data(old) == old


def test_an_update_leaves_a_document_in_the_new_format() -> None:
    document = Document("people/a", {"name": "Ada King", "format": 2}, 7)
    state = NextPerson.read(document.data).model_copy(update={"name": "Ada Byron"})

    assert written("people/a", document, state) == Update(
        "people/a", {"name": "Ada Byron"}, version=7
    )


def test_a_write_replaces_fields_or_the_whole_where_the_new_format_has_fewer() -> None:
    first, third = Document("people/a", FIRST, 7), Document("people/a", THIRD, 7)
    state = Person.read(THIRD).model_copy(update={"age": 36})

    assert written("people/a", first, state) == Set("people/a", state.to_data(), version=7)
    assert written("people/a", third, state) == Update(
        "people/a", {"age": 36, "tags": []}, version=7
    )
    assert written("people/a", None, state) == Create("people/a", state.to_data())


def test_every_kind_of_document_is_known_by_name() -> None:
    assert set(stored_models()) == all_stored_models()


@each_row("model", stored_models())
def test_a_stored_model_and_all_its_parts_keep_what_they_do_not_know(
    model: type[StoredDocument],
) -> None:
    for part in parts_of(model):
        assert issubclass(part, Kept), part
        assert part.model_config["extra"] == "allow", part


@each_row("model", AsStored.__subclasses__())
def test_what_is_shown_as_it_was_stored_takes_fields_that_it_does_not_know(
    model: type[AsStored],
) -> None:
    assert {part.model_config["extra"] for part in parts_of(model)} == {"ignore"}


def test_every_request_is_refused_with_a_field_that_is_not_known() -> None:
    requests: set[type[BaseModel]] = set()
    for route in ROUTES:
        requests |= parts_of(route.query) | parts_of(route.body)

    assert len(requests) > 30
    assert {part for part in requests if part.model_config["extra"] != "forbid"} == set()


def test_a_new_packet_is_shown_as_it_will_be_stored() -> None:
    packet = packet_rules.assembled("C-1", CASE, [ITEM], 1, (NOW, "kim"))

    again = Packet.of(packet.content())

    assert again.content() == packet.content()
    assert packet_rules.packet_hash(again) == again.sha256 == packet.sha256


def test_an_item_that_was_stored_without_a_field_hashes_and_is_frozen_without_it() -> None:
    class Later(EvidenceContent):
        language: str | None = None

    old, new = Later(**dict(ITEM)), Later(**dict(ITEM), language=None)

    assert packet_rules.content_hash(old) == packet_rules.content_hash(ITEM)
    assert packet_rules.content_hash(new) != packet_rules.content_hash(ITEM)
    packet = packet_rules.assembled("C-1", CASE, [old], 1, (NOW, "kim"))
    assert packet.content()["items"] == [ITEM.model_dump(by_alias=True)]


@each_row("model", stored_models())
def test_this_release_writes_no_format_that_the_last_one_does_not_read(
    model: type[StoredDocument],
) -> None:
    last = kept(RELEASES[-1], "release")["reads"].get(model.__name__, 1)

    assert last <= model.reads() <= last + 1
    assert model.writes() <= last


def test_the_embedded_file_has_a_new_version_where_what_it_is_indexed_by_is_new() -> None:
    last = kept(RELEASES[-1], "release")
    digest = hashlib.sha256(repr(project_indexes()).encode()).hexdigest()

    if digest == last["indexes"]:
        assert last["fileVersion"] <= FILE_VERSION
    else:
        assert last["fileVersion"] < FILE_VERSION
