"""What of an event can be erased: its hash holds without it, and shows whatever else is done."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.server import ROOT
from shared.ledger.kinds.cases import CASES
from shared.ledger.kinds.interventions import INTERVENTIONS
from shared.ledger.kinds.tenants import TENANT
from shared.ledger.kinds.worksheets import WORKSHEETS
from shared.models.events import Event, EventType
from shared.models.roles import Actor, Role
from shared.models.subjects import Head
from shared.rules import chain
from shared.rules.disclosures import (
    PLAIN_FIELDS,
    Content,
    digest,
    erase,
    hashed,
    parted,
    salted,
    value_at,
)
from tests.reliability import independent
from tests.rows import each_row
from tests.unit.examples import STABLE

EXAMPLES = settings(STABLE, max_examples=100)

TENANT_ID = "acme"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=6,
)


def salts() -> Callable[[], str]:
    """Salts that a test knows: 1, 2, 3 …, as 32 digits."""
    numbers = itertools.count(1)
    return lambda: f"{next(numbers):032x}"


def event(**fields: Any) -> Event:
    """An event as the ledger makes it."""
    content = {
        "id": "e-1",
        "subject": "cases/C-1",
        "case_id": "C-1",
        "created_at": datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
        "actor": Actor(subject="kim", email="kim@example.com", type="user", role=Role.VERIFIER),
        "source": "system",
        "event_type": EventType.CASE_UPDATED,
        "severity": "info",
        "agent_id": None,
        "outcome": "success",
        "message": "Case updated",
        "reason": "Asked for",
        "changes": [
            {"field": "title", "old": "A", "new": "B"},
            {"field": "status", "old": "new", "new": "in_review"},
            {"field": "tags", "old": [], "new": ["x"]},
        ],
        "meta": {"sha256": "0" * 64, "n": 1, "a/b~c": {"who": "Lee"}},
        "request_id": "r",
        "request_hash": None,
    }
    return chain.linked(TENANT_ID, Head(), content | fields, salts())


def _hash(content: Content) -> str:
    """The hash that a content must have, by the ledger's own function."""
    return chain.event_hash(TENANT_ID, Event.of(content))


def test_a_value_is_digested_with_its_salt_and_its_pointer() -> None:
    salt = "000102030405060708090a0b0c0d0e0f"

    found = digest(salt, "/reason", {"b": 1.0, "a": "é"})

    text = '["000102030405060708090a0b0c0d0e0f","/reason",{"a":"é","b":1}]'
    assert found == hashlib.sha256(text.encode()).hexdigest()
    assert found == "a7b08e250e5237018264f05b7f43319d1556f46a971e5196eb3f0ef6243d76fc"


def test_the_hash_covers_what_is_plain_and_the_digests_of_what_is_not() -> None:
    found = event(changes=[], meta={}, reason=None)

    def told(salt: int, pointer: str, value: str) -> str:
        return hashlib.sha256(f'["{salt:032x}","{pointer}","{value}"]'.encode()).hexdigest()

    digests = (
        f'{{"/actor/email":"{told(1, "/actor/email", "kim@example.com")}",'
        f'"/message":"{told(2, "/message", "Case updated")}"}}'
    )
    text = (
        '{"actor":{"role":"verifier","subject":"kim","type":"user"},"agentId":null,"caseId":"C-1",'
        f'"changes":[],"createdAt":"2026-03-02T09:00:00Z","digests":{digests},'
        '"eventType":"case_updated","id":"e-1","meta":{},"outcome":"success",'
        f'"previousHash":"{"0" * 64}","reason":null,"requestHash":null,"requestId":"r",'
        '"sequence":1,"severity":"info","source":"system","subject":"cases/C-1","tenant":"acme"}'
    )
    assert found.hash == hashlib.sha256(text.encode()).hexdigest()
    assert found.hash == "b55a2cc41ff226ddb0a8f5b0ecba8c93ea1499742e4c8a969ab3f296c4c3e509"


def test_an_event_without_disclosures_has_the_hash_that_the_first_format_gave_it() -> None:
    content = event().content()
    del content["disclosures"]

    told = {name: value for name, value in content.items() if name != "hash"} | {"tenant": "acme"}

    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert _hash(content) == hashlib.sha256(canonical.encode()).hexdigest()


def test_texts_are_disclosed_and_what_says_nothing_about_a_person_is_not() -> None:
    assert event().disclosures == {
        pointer: f"{number:032x}"
        for number, pointer in enumerate(
            [
                "/actor/email",
                "/message",
                "/reason",
                "/changes/0/old",
                "/changes/0/new",
                "/changes/2/new",
                "/meta/a~1b~0c",
            ],
            1,
        )
    }


def test_whatever_a_client_reports_as_text_is_disclosed() -> None:
    meta = {"sha256": "Lee", "status": {"x": 1}, "order": [[], ["Lee"]], "n": [1, None], "e": {}}

    found = event(event_type=EventType.CUSTOM, changes=[], meta=meta).disclosures or {}

    assert [name for name in found if "meta" in name] == [
        "/meta/sha256",
        "/meta/status",
        "/meta/order",
    ]


def test_what_is_null_or_has_no_text_is_hashed_as_it_is() -> None:
    nobody = Actor(subject="kim", email=None, type="user", role=Role.VERIFIER)
    changes = [{"field": "summary", "old": None, "new": ""}, {"field": "n", "old": 1, "new": 0.5}]

    found = event(actor=nobody, reason=None, changes=changes, meta={"x": None, "y": True})

    assert list(found.disclosures or ()) == ["/message", "/changes/0/new"]


def test_the_plain_fields_are_fields_of_subjects() -> None:
    shown = {
        field.alias or name
        for kind in (CASES, INTERVENTIONS, WORKSHEETS, TENANT)
        for name, field in kind.model.model_fields.items()
        if name not in kind.unlisted | kind.hashed
    }

    assert shown >= PLAIN_FIELDS


@EXAMPLES
@given(message=TEXT, reason=TEXT, old=JSON, new=JSON, meta=st.dictionaries(TEXT, JSON))
def test_no_disclosed_text_is_in_what_is_hashed(
    message: str, reason: str, old: Any, new: Any, meta: dict[str, Any]
) -> None:
    # Each text is marked, so that it can be told from one that is there for another reason.
    fields = {"message": message, "reason": reason, "old": old, "new": new, "meta": meta}
    marked = _marked(fields)
    found = event(
        event_type=EventType.CUSTOM,
        message=marked["message"],
        reason=marked["reason"],
        changes=[{"field": "title", "old": marked["old"], "new": marked["new"]}],
        meta=dict(zip(meta, marked["meta"].values(), strict=True)),
    )

    told = json.dumps(hashed(found.content()))

    assert _MARK not in told
    assert found.hash == independent.event_hash(TENANT_ID, json.loads(found.as_json()))


_MARK = "personal"


def _marked(value: Any) -> Any:
    match value:
        case str():
            return value + _MARK
        case list():
            return [_marked(one) for one in value]
        case dict():
            # The names in an object are as personal as what it holds.
            return {
                name if name in {"message", "reason", "old", "new", "meta"} else name + _MARK: (
                    _marked(one)
                )
                for name, one in value.items()
            }
        case _:
            return value


@each_row("pointer", event().disclosures or ())
def test_the_hash_holds_when_a_value_is_erased(pointer: str) -> None:
    content = event().content()
    before = copy.deepcopy(content)

    after = erase(content, [pointer], "e-9")

    assert content == before
    assert value_at(after, pointer) == "erased"
    assert after["disclosures"] == {p: s for p, s in before["disclosures"].items() if p != pointer}
    salt = before["disclosures"][pointer]
    assert after["erased"] == {pointer: digest(salt, pointer, value_at(before, pointer))}
    assert after["erasedBy"] == "e-9"
    assert after["hash"] == _hash(after) == independent.event_hash(TENANT_ID, after)


def test_all_is_erased_one_after_the_other_or_at_once() -> None:
    content = event().content()
    pointers = list(content["disclosures"])
    after = content
    for pointer in pointers:
        after = erase(after, [pointer, *(after.get("erased") or ())], "e-9")

    assert after == erase(content, pointers, "e-9")
    assert (after["disclosures"], list(after["erased"])) == ({}, pointers)
    assert after["hash"] == _hash(after)
    # Again there is nothing to do, so the event that did it stays named.
    assert erase(after, pointers, "e-10") == after


@each_row("pointer", ["/status", "/subject", "/changes/1/old", "/meta/n", "", "/x"])
def test_only_what_was_disclosed_is_erased(pointer: str) -> None:
    with pytest.raises(ValueError, match="was not disclosed"):
        erase(event().content(), [pointer], "e-9")


def erased_event() -> Content:
    """An event of which two values were erased."""
    return erase(event().content(), ["/reason", "/changes/0/old"], "e-9")


def _spots(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the texts and numbers of an event are, and the names of salts and digests."""
    match value:
        case dict():
            for name, one in value.items():
                yield from _spots(one, (*path, name))
        case list():
            for number, one in enumerate(value):
                yield from _spots(one, (*path, number))
        case _:
            yield path


# `hash` is compared and `erasedBy` is a hint: neither is in the hash.
SPOTS = [spot for spot in _spots(erased_event()) if spot[0] not in {"hash", "erasedBy"}]


def _other(value: Any) -> Iterator[Any]:
    """The value with each of its characters changed in turn."""
    if isinstance(value, str):
        for at, letter in enumerate(value):
            yield value[:at] + chr(ord(letter) ^ 1) + value[at + 1 :]
        yield value + " "
    else:
        yield 7 if value is None else value + 1


@each_row("spot", SPOTS, ids=lambda spot: "/".join(map(str, spot)))
def test_every_character_that_is_changed_changes_the_hash(spot: tuple[Any, ...]) -> None:
    *path, name = spot
    original = erased_event()
    holder = original
    for step in path:
        holder = holder[step]
    for value in list(_other(holder[name])):
        holder[name] = value
        assert not _holds(original), value


@each_row("field", ["disclosures", "erased"])
def test_every_character_of_a_pointer_that_is_changed_changes_the_hash(field: str) -> None:
    original = erased_event()
    for pointer in original[field]:
        for other in _other(pointer):
            content = copy.deepcopy(original)
            content[field][other] = content[field].pop(pointer)
            assert not _holds(content), other


def _holds(content: Content) -> bool:
    """Whether a whole chain of this one event holds."""
    try:
        found = Event.of(content)
    except ValueError:
        return False
    check = chain.Check(TENANT_ID, "cases/C-1", Head(sequence=1, hash=content["hash"]))
    check.follow([found])
    check.finish()
    return check.broken is None


def _to_clear(content: Content) -> None:
    del content["disclosures"]["/message"]


def _to_disclosed(content: Content) -> None:
    content["disclosures"]["/changes/1/old"] = "0" * 32


def _to_erased(content: Content) -> None:
    salt = content["disclosures"].pop("/message")
    content["erased"]["/message"] = digest(salt, "/message", content["message"])


def _changes_in_another_order(content: Content) -> None:
    content["changes"].reverse()


def _first_two_changes_in_another_order(content: Content) -> None:
    content["changes"][:2] = content["changes"][1::-1]


def _changes_with_their_disclosures_in_another_order(content: Content) -> None:
    salts, changes = content["disclosures"], content["changes"]
    changes[0], changes[2] = changes[2], changes[0]
    salts["/changes/0/new"], salts["/changes/2/new"] = (
        salts["/changes/2/new"],
        salts["/changes/0/new"],
    )


def _values_exchanged(content: Content) -> None:
    salts = content["disclosures"]
    content["message"], content["actor"]["email"] = content["actor"]["email"], content["message"]
    salts["/message"], salts["/actor/email"] = salts["/actor/email"], salts["/message"]


def _another_value_in_place_of_an_erased_one(content: Content) -> None:
    content["reason"] = "Something else"


def _nothing_in_place_of_an_erased_one(content: Content) -> None:
    del content["reason"]


def _null_in_place_of_an_erased_one(content: Content) -> None:
    content["reason"] = None


def _an_erased_value_disclosed_again(content: Content) -> None:
    del content["erased"]["/reason"]
    content["disclosures"]["/reason"] = "0" * 32
    content["reason"] = "Something else"


def _both(content: Content) -> None:
    content["disclosures"]["/reason"] = "0" * 32


def _digests_beside(content: Content) -> None:
    content["digests"] = {}


def _tenant_beside(content: Content) -> None:
    content["tenant"] = TENANT_ID


def _inside_another(content: Content) -> None:
    content["disclosures"]["/meta/a~1b~0c/who"] = "0" * 32


def _inside_another_before_it(content: Content) -> None:
    content["disclosures"] = {"/meta/a~1b~0c/who": "0" * 32, **content["disclosures"]}


def _an_element_of_a_list(content: Content) -> None:
    content["disclosures"]["/changes/1"] = "0" * 32


def _nobody_erased_it(content: Content) -> None:
    del content["erasedBy"]


def _no_name_erased_it(content: Content) -> None:
    content["erasedBy"] = None


def _no_salts(content: Content) -> None:
    content["disclosures"] = None


def _numbers_for_salts(content: Content) -> None:
    content["disclosures"]["/message"] = 1


def _a_list_for_digests(content: Content) -> None:
    content["erased"] = []


def _a_pointer_of_many_steps(content: Content) -> None:
    content["disclosures"]["/meta" * 50_000] = "0" * 32


ATTACKS = [
    _to_clear,
    _to_disclosed,
    _to_erased,
    _changes_in_another_order,
    _first_two_changes_in_another_order,
    _changes_with_their_disclosures_in_another_order,
    _values_exchanged,
    _another_value_in_place_of_an_erased_one,
    _nothing_in_place_of_an_erased_one,
    _null_in_place_of_an_erased_one,
    _an_erased_value_disclosed_again,
    _both,
    _digests_beside,
    _tenant_beside,
    _inside_another,
    _inside_another_before_it,
    _an_element_of_a_list,
    _nobody_erased_it,
    _no_name_erased_it,
    _no_salts,
    _numbers_for_salts,
    _a_list_for_digests,
    _a_pointer_of_many_steps,
]
NOT_HASHED = [_tenant_beside, _nobody_erased_it, _no_name_erased_it]
"""The functions call these unreadable; to others the hash holds, and says nothing about them.

The name of the tenant is in the hash already, and who erased something is not.
"""


@each_row("attack", ATTACKS)
def test_what_is_done_to_disclosures_is_found(attack: Callable[[Content], None]) -> None:
    content = erased_event()
    assert _holds(content)

    attack(content)

    assert not _holds(content)


@each_row("attack", [_inside_another, _inside_another_before_it])
def test_no_disclosed_value_is_inside_another(attack: Callable[[Content], None]) -> None:
    """Which of them is taken first would else decide on the digest of the other."""
    content = erased_event()
    attack(content)

    with pytest.raises(ValueError, match=r"inside another|names nothing"):
        parted(content)


@each_row("attack", ATTACKS)
def test_the_lines_of_the_readme_find_it_too(attack: Callable[[Content], None]) -> None:
    *_, code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the README's own
    content = erased_event()
    assert names["event_hash"](TENANT_ID, content) == content["hash"]

    attack(content)

    try:
        found = names["event_hash"](TENANT_ID, content)
    except (AssertionError, LookupError, TypeError, ValueError):
        return
    assert (found == content["hash"]) == (attack in NOT_HASHED)


@each_row("erased", [None, {}])
def test_who_erased_it_is_not_said_of_what_is_whole(erased: dict[str, str] | None) -> None:
    content = event().content() | {"erasedBy": "e-9"}
    if erased is not None:
        content["erased"] = erased

    with pytest.raises(ValueError, match="erasedBy"):
        parted(content)


def test_a_pointer_names_a_member_by_its_exact_name() -> None:
    content = {"a": [{"": {"~1": 1, "/": 2, "~": 3}}]}

    assert value_at(content, "/a/0//~01") == 1
    assert value_at(content, "/a/0//~1") == 2
    assert value_at(content, "/a/0//~0") == 3
    for wrong in ("", "a", "/a/00/", "/a/1/", "/a/-/", "/a/0/x", "/a/\u0660/", "/a/0//~1/x"):
        with pytest.raises(ValueError, match="names nothing"):
            value_at(content, wrong)


def test_what_another_release_discloses_is_hashed_and_erased_alike() -> None:
    pointer, salt = "/newField/0/note", "f" * 32
    content = event().content() | {"newField": [{"note": {"who": "Lee"}, "n": 1}]}
    content["disclosures"] = {**content["disclosures"], pointer: salt}
    content["hash"] = _hash(content)

    after = erase(content, [pointer], "e-9")

    assert content["hash"] == independent.event_hash(TENANT_ID, content)
    assert after["newField"] == [{"note": "erased", "n": 1}]
    assert after["hash"] == _hash(after) == independent.event_hash(TENANT_ID, after)


def test_as_many_salts_are_made_as_there_are_values() -> None:
    found = salted(event().content(), salts())

    assert len(set(found.values())) == len(found) == 7
