"""The keys that seal what is secret of webhooks, and their files."""

from __future__ import annotations

import base64
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local import webhook_key
from shared.config import Config, ConfigError
from shared.errors import Unreadable
from shared.models.webhooks import SealedParts, StoredEndpoint, StoredEndpoints
from shared.repository import webhooks
from shared.repository.webhook_keys import WebhookKeys, new_key
from shared.runtime import Runtime, webhook_keys

SECRET = "whsec_c2VjcmV0"  # noqa: S105 - of nobody
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def _base64(length: int) -> str:
    return base64.b64encode(bytes(length)).decode()


def keys_of(path: Path, *lines: str) -> WebhookKeys:
    path.write_text("\n".join(lines))
    return WebhookKeys.read(str(path))


def test_what_was_sealed_opens_to_what_it_was_and_never_looks_the_same(tmp_path: Path) -> None:
    keys = keys_of(tmp_path / "keys", new_key())

    sealed = {keys.seal(SECRET, "acme", "wh-1", "secret") for _ in range(5)}

    assert len(sealed) == 5
    for text in sealed:
        assert SECRET not in text
        assert keys.open(text, "acme", "wh-1", "secret") == SECRET


@pytest.mark.parametrize(
    ("tenant", "webhook_id", "field"),
    [("other", "wh-1", "secret"), ("acme", "wh-2", "secret"), ("acme", "wh-1", "url")],
)
def test_what_was_sealed_for_one_place_opens_in_no_other(
    tmp_path: Path, tenant: str, webhook_id: str, field: str
) -> None:
    keys = keys_of(tmp_path / "keys", new_key())
    sealed = keys.seal(SECRET, "acme", "wh-1", "secret")

    with pytest.raises(Unreadable, match="cannot be opened"):
        keys.open(sealed, tenant, webhook_id, field)  # type: ignore[arg-type]


@pytest.mark.parametrize("spoil", ["v2.{rest}", "", "v1", "{all}x", "{short}"])
def test_what_was_changed_since_it_was_sealed_does_not_open(tmp_path: Path, spoil: str) -> None:
    keys = keys_of(tmp_path / "keys", new_key())
    sealed = keys.seal(SECRET, "acme", "wh-1", "secret")
    parts = {"all": sealed, "rest": sealed.removeprefix("v1."), "short": sealed[:20]}

    with pytest.raises(Unreadable):
        keys.open(spoil.format(**parts), "acme", "wh-1", "secret")


def test_the_first_key_seals_and_all_of_them_open(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    before = keys_of(tmp_path / "keys", old).seal(SECRET, "acme", "wh-1", "secret")

    both = keys_of(tmp_path / "keys", new, old)
    assert both.open(before, "acme", "wh-1", "secret") == SECRET
    after = both.seal(SECRET, "acme", "wh-1", "secret")
    only_new = keys_of(tmp_path / "keys", new)
    assert only_new.open(after, "acme", "wh-1", "secret") == SECRET
    with pytest.raises(Unreadable, match="was sealed by a key that is not there"):
        only_new.open(before, "acme", "wh-1", "secret")


def test_after_the_loss_of_a_key_the_secret_that_it_sealed_signs_no_more_and_the_new_one_does(
    tmp_path: Path,
) -> None:
    lost, keys = (keys_of(tmp_path / name, new_key()) for name in ("lost", "keys"))
    parts = SealedParts(
        url=keys.seal("https://a.example/", "acme", "wh-1", "url"),
        secret=keys.seal(SECRET, "acme", "wh-1", "secret"),
        made_by="e",
        previous_secret=lost.seal("whsec_bG9zdA==", "acme", "wh-1", "secret"),
        previous_secret_until=NOW + timedelta(hours=1),
    )
    endpoint = StoredEndpoint(
        url="https://a.example/…", events=["*"], created_at=NOW, created_by="a", updated_at=NOW
    )
    state = StoredEndpoints(endpoints={"wh-1": endpoint}, sealed={"wh-1": parts}, updated_at=NOW)

    found = webhooks.target(keys, "acme", state, "wh-1", NOW)

    assert found
    assert found.secrets == (SECRET,)


@pytest.mark.parametrize(
    "content",
    ["", "not base64!", _base64(31), f"{_base64(32)}\nAAAA"],
    ids=["empty", "no Base64", "too short", "one of two"],  # test processes compare these
)
def test_a_file_that_holds_anything_else_is_refused_and_not_quoted(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "keys"
    path.write_text(content)

    with pytest.raises(ConfigError, match=r"KEY: it must hold 32 bytes in Base64 ") as refused:
        webhook_keys(Config(sqlite=":memory:", webhook_key=str(path)))
    assert not content or content not in str(refused.value)


def test_a_key_is_replaced_without_a_new_start_and_survives_a_file_that_cannot_be_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "keys"
    runtime = Runtime(Config(sqlite=":memory:", webhook_key=str(path)))
    with pytest.raises(ConfigError):
        _ = runtime.webhook_keys
    keys_of(path, old := new_key())
    found = runtime.webhook_keys
    assert found
    sealed = found.seal(SECRET, "acme", "wh-1", "secret")

    keys_of(path, new_key(), old)
    found = runtime.webhook_keys
    assert found
    assert found.open(sealed, "acme", "wh-1", "secret") == SECRET
    path.unlink()
    assert runtime.webhook_keys is found


def test_a_local_run_makes_its_own_key_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "own" / "webhook-key.txt"

    first = webhook_key.own({}, path)
    content = path.read_bytes()

    assert first == webhook_key.own({}, path) == {"CASELEDGER_WEBHOOK_KEY": str(path)}
    assert path.read_bytes() == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert WebhookKeys.read(str(path))
    assert webhook_key.own({"CASELEDGER_WEBHOOK_KEY": "other"}, path) == {}
