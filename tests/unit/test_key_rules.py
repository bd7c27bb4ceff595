"""The rules of keys: how one is written and read, and whom it proves."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import log
from shared.errors import PermissionDenied, Unauthenticated
from shared.issuers import _ROLES
from shared.models.base import is_id, is_user_id
from shared.models.key import KEY_ID, StoredKey
from shared.models.roles import Role
from shared.rules import keys
from shared.rules.callers import PROGRAMS, Caller
from tests.rows import each_row

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRET = "S3cr-t_" * 6 + "x"
KEY = keys.GivenKey("acme", "bot-k3f9x2ab", SECRET)


def stored(role: str = "agent", expires_at: datetime | None = None) -> StoredKey:
    """The key as it is stored."""
    return StoredKey(
        name="bot",
        role=role,
        expires_at=expires_at,
        secret_hash=keys.hash_of(SECRET),
        created_at=NOW,
        created_by="kim",
        created_by_subject="kim",
        updated_at=NOW,
    )


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", fullmatch=True),
    st.from_regex(KEY_ID, fullmatch=True),
)
def test_a_key_is_read_as_it_was_written_also_where_a_tenant_has_points(
    tenant: str, key_id: str
) -> None:
    assert keys.given(keys.whole(tenant, key_id, SECRET)) == (tenant, key_id, SECRET)


@each_row(
    "text",
    [
        "ck_",
        f"ck_acme.{SECRET}",
        f"ck_acme.bot.{SECRET[:-1]}",
        f"ck_acme.bot.{SECRET}x",
        f"ck_acme.bot.{SECRET}\n",
        f"ck_.bot.{SECRET}",
        f"ck_a/cases/b.bot.{SECRET}",
        f"ck_acme.b/t.{SECRET}",
        f"ck_acme.Bot.{SECRET}",
        f"ck_..bot.{SECRET}",
        f"CK_acme.bot.{SECRET}",
    ],
)
def test_what_is_no_whole_key_is_refused_before_anything_is_read(text: str) -> None:
    with pytest.raises(Unauthenticated, match="not whole"):
        keys.given(text)


@given(st.text(min_size=1, max_size=50))
def test_an_id_is_made_of_any_name_and_is_an_id_everywhere(name: str) -> None:
    key_id = keys.new_id(name)

    assert re.fullmatch(KEY_ID, key_id)
    assert is_id(key_id)
    assert is_user_id(f"key:{key_id}")
    assert key_id != keys.new_id(name)


@each_row(("name", "slug"), [("Letter bot!", "letter-bot"), ("Prüfer", "prufer"), ("機械", "key")])
def test_an_id_is_readable(name: str, slug: str) -> None:
    assert keys.new_id(name).rpartition("-")[0] == slug


def test_a_key_proves_a_program_of_its_tenant_in_its_role() -> None:
    for role in PROGRAMS:
        found = keys.caller(KEY, stored(role), NOW)

        assert found == Caller("key:bot-k3f9x2ab", None, "acme", role, is_program=True)
        assert (found.actor.type, found.actor.role) == ("service", role)
        with pytest.raises(PermissionDenied, match="people decide"):
            found.require_person()


@each_row(
    ("key", "known"),
    [
        (KEY._replace(secret=keys.new_secret()), stored()),
        (KEY._replace(secret=keys.hash_of(SECRET)[:43]), stored()),
        (KEY, None),
        # As a database might be edited, or a newer release might write it.
        (KEY, stored("admin")),
        (KEY, stored("owner")),
        (KEY, stored(expires_at=NOW)),
    ],
)
def test_nobody_is_let_in_by_another_secret_or_role_or_too_late(
    key: keys.GivenKey, known: StoredKey | None
) -> None:
    with pytest.raises(Unauthenticated):
        keys.caller(key, known, NOW)


def test_until_the_moment_of_its_end_a_key_is_good() -> None:
    almost = stored(expires_at=NOW + timedelta(microseconds=1))

    assert keys.caller(KEY, almost, NOW).role is Role.AGENT


def test_only_who_has_the_secret_learns_that_a_key_was_there() -> None:
    expired = stored(expires_at=NOW)
    wrong = KEY._replace(secret=keys.new_secret())
    said = set()
    for known in (None, stored(), expired):
        with pytest.raises(Unauthenticated) as refusal:
            keys.caller(wrong, known, NOW)
        said.add(refusal.value.message)

    assert said == {"the key is not valid"}


def test_a_log_line_never_has_a_key_wherever_it_was_put(
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = keys.whole("acme.eu", "bot-k3f9x2ab", SECRET)

    log.write("INFO", "GET get_case 404", caseId=key, requestId=f"x{key}", ids=[key])

    written = capsys.readouterr().out
    assert SECRET not in written
    assert written.count("ck_...") == 3


def test_programs_have_the_same_roles_by_keys_and_by_accounts() -> None:
    assert set(_ROLES) == set(PROGRAMS)
