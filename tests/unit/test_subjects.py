"""Subjects as documents: what is wrong with one, and what an event shows of a change."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError, model_validator

from shared.documents.port import Document, Set
from shared.errors import NotFound, Unreadable
from shared.ledger.kinds.cases import CASES
from shared.ledger.kinds.tenants import TENANT
from shared.ledger.kinds.webhooks import WEBHOOKS
from shared.ledger.kinds.worksheets import WORKSHEETS
from shared.ledger.subjects import changes, etag, load, problem_of, required, tenant_of, tombstone
from shared.models.base import Model
from shared.models.case import CasePatch, NewCase, StoredCase
from shared.models.subjects import GENESIS, Head
from shared.models.webhooks import StoredEndpoint, StoredEndpoints
from shared.rules import cases as case_rules
from tests.rows import each_row

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PRIVATE = "Jane Doe"


class Inner(Model):
    """A part of a document."""

    names: list[int]


class Outer(Model):
    """A document that is refused."""

    inner: Inner

    @model_validator(mode="after")
    def _refused(self) -> Outer:
        raise ValueError("is refused as a whole")


def invalid(inner: Any) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({"inner": {"names": inner}})
    return caught.value


@each_row(
    ("error", "told"),
    [
        (invalid([1, PRIVATE]), "inner.names.1: Input should be a valid integer"),
        (invalid([1]), "the document: Value error, is refused as a whole"),
        (KeyError("actor"), "actor: is missing"),
        (Unreadable("it cannot be read"), "it cannot be read"),
        (ValueError(f"actor: is missing\nin {PRIVATE}\nand more"), "actor: is missing"),
        (ValueError(), "a field is of another kind than this release stores"),
        (TypeError(PRIVATE), "a field is of another kind than this release stores"),
    ],
)
def test_what_is_wrong_with_a_document_is_told_without_what_stands_in_it(
    error: Exception, told: str
) -> None:
    assert problem_of(error) == told


@each_row("user", ["kim", "auth0|kim:2", ":"])
def test_a_worksheet_that_was_never_saved_is_empty_and_its_owners_whatever_their_id(
    user: str,
) -> None:
    assert WORKSHEETS.absent
    sheet = WORKSHEETS.absent(f"CASE-1:{user}", NOW)

    assert (sheet.case_id, sheet.user_id) == ("CASE-1", user)
    assert (sheet.problem_statement, sheet.fsr_notes) == ("", "")
    assert (sheet.created_at, sheet.updated_at) == (NOW, NOW)


CASE = case_rules.opened(
    "CASE-1",
    NewCase(decision_type="kyc", title="A case", fields={"a": 1}),
    by="kim",
    due_hours=None,
    now=NOW,
)


def shown(changes: list[dict[str, Any]]) -> dict[str, tuple[Any, Any]]:
    return {change["field"]: (change["old"], change["new"]) for change in changes}


def test_an_event_shows_the_fields_that_differ_before_and_after() -> None:
    due = "2026-04-01T00:00:00Z"
    given = {"title": "Another", "fields": {"b": 2}, "dueAt": due, "status": "in_review"}
    patch = CasePatch.model_validate_json(json.dumps({**given, "assignedTo": "kim"}))

    changed = case_rules.changed("CASE-1", CASE, patch, NOW)

    assert shown(changes(CASES, CASE, changed)) == {
        "title": ("A case", "Another"),
        "fields": ({"a": 1}, {"a": 1, "b": 2}),
        "dueAt": (None, due),
        "assignedTo": (None, "kim"),
        "status": ("new", "in_review"),
    }
    assert changes(CASES, CASE, CASE) == []


def test_the_event_of_a_creation_shows_what_there_is_and_that_of_a_deletion_what_there_was() -> (
    None
):
    created, deleted = shown(changes(CASES, None, CASE)), shown(changes(CASES, CASE, None))

    assert created["title"] == (None, "A case")
    assert created["fields"] == (None, {"a": 1})
    assert {name: (new, old) for name, (old, new) in created.items()} == deleted
    assert not {"head", "updatedAt", "createdAt", "createdBy", "searchTokens"} & set(created)


def test_an_event_shows_of_what_is_private_only_the_hash() -> None:
    assert WORKSHEETS.absent
    empty = WORKSHEETS.absent("CASE-1:kim", NOW)
    full = empty.model_copy(update={"fsr_notes": PRIVATE})

    def hashed(text: str) -> str:
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    assert shown(changes(WORKSHEETS, empty, full)) == {"fsrNotes": (hashed(""), hashed(PRIVATE))}
    assert set(shown(changes(WORKSHEETS, full, None))) == {
        "fsrNotes",
        "problemStatement",
        "sharedWith",
    }


def test_changes_are_in_the_order_of_the_fields_and_named_as_documents_name_them() -> None:
    names = [change["field"] for change in changes(CASES, None, CASE)]
    known = list(StoredCase.aliases())
    endpoint = StoredEndpoint(
        url="https://a.example", events=["*"], created_at=NOW, created_by="kim", updated_at=NOW
    )
    before = StoredEndpoints(updated_at=NOW)
    after = before.model_copy(update={"endpoints": {"hook": endpoint}})

    assert len(names) > 5
    assert names == sorted(names, key=known.index)
    (change,) = changes(WEBHOOKS, before, after)
    assert (change["field"], change["old"]) == ("endpoints", {})
    assert change["new"]["hook"]["createdAt"] == "2026-03-02T09:00:00Z"


def test_a_tombstone_has_the_head_the_time_and_no_field_that_a_list_sorts_by() -> None:
    document = Document("tenants/a/cases/CASE-1", CASE.to_data(), version=7)
    head = {"sequence": 0, "hash": GENESIS}

    assert tombstone(document.path, document, CASE, purgedBy="e") == Set(
        document.path, {"head": head, "deletedAt": NOW, "purgedBy": "e"}, version=7
    )
    assert tombstone(document.path, None, CASE) == Set(
        document.path, {"head": head, "deletedAt": NOW}
    )


def test_a_subject_that_cannot_be_read_is_named_and_one_that_is_gone_is_none() -> None:
    path = CASES.path("a", "CASE-1")

    with pytest.raises(Unreadable, match=r"^cases/CASE-1 cannot be read: createdAt: "):
        load(CASES, Document(path, {**CASE.to_data(), "createdAt": PRIVATE}, version=1))
    for gone in (None, Document(path, {"deletedAt": NOW}, version=1)):
        assert load(CASES, gone) is None
        with pytest.raises(NotFound, match=r"^cases/CASE-1 does not exist"):
            required(CASES, gone, "CASE-1")
    assert (CASES.subject("C"), TENANT.subject("")) == ("cases/C", "tenant")
    assert (path, TENANT.path("a", "")) == ("tenants/a/cases/CASE-1", "tenants/a")
    assert tenant_of(path) == tenant_of("tenants/a") == "a"


def test_an_entity_tag_is_made_as_every_release_has_made_it() -> None:
    head = Head(sequence=12, hash="0123456789abcdef" * 4)

    assert etag(CASE.model_copy(update={"head": head})) == "12-0123456789abcdef"
