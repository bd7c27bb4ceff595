"""Logging in, keys, and how a command ends."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from caseledger import Client
from tests.cli.conftest import Terminal
from tests.functions.support import ON_EMBEDDED

pytestmark = ON_EMBEDDED
NOT_FOUND, DENIED, BROKEN, CONFLICT, UNAVAILABLE = 3, 4, 5, 6, 7


def login_file(terminal: Terminal) -> Path:
    return terminal.home / "caseledger" / "login.json"


def test_a_token_is_kept_for_its_owner_alone_and_never_shown(terminal: Terminal) -> None:
    token = str(terminal.api.pilot.token)

    asked = terminal.done("login", typed=f"{terminal.url}/v1\n{token}\n", role=None)

    assert "as pilot@example.com of the tenant t-" in asked.output
    assert stat.S_IMODE(login_file(terminal).stat().st_mode) == 0o600
    assert stat.S_IMODE(login_file(terminal).parent.stat().st_mode) == 0o700
    assert terminal.rows("whoami", role=None)[0]["role"] == "pilot"
    terminal.done("cases", role=None)
    terminal.done("login", "--url", terminal.url, "--stdin", typed=token, role=None)
    assert token not in asked.output + terminal.done("whoami", role=None).output
    terminal.done("logout", role=None)
    assert not login_file(terminal).exists()
    assert terminal("cases", role=None).exit_code == DENIED


def test_a_token_that_the_api_does_not_take_is_not_kept(terminal: Terminal) -> None:
    result = terminal("login", "--url", terminal.url, "--stdin", typed="wrong\n", role=None)

    assert result.exit_code == DENIED
    assert not login_file(terminal).exists()


def test_what_is_no_token_is_refused_without_showing_it(terminal: Terminal) -> None:
    for wrong in ("", "secret\x01", "sécret", "my secret"):
        for result in (
            terminal("login", "--url", terminal.url, "--stdin", typed=wrong, role=None),
            terminal("cases", CASELEDGER_TOKEN=wrong or " "),
        ):
            assert result.exit_code == 2
            assert "cret" not in result.output


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere.example",
        "http://localhost@elsewhere.example",
        "ftp://127.0.0.1",
        "127.0.0.1",
        "https://[::1",
        "https://here:port",
    ],
)
def test_no_token_is_sent_without_encryption(terminal: Terminal, url: str) -> None:
    result = terminal("cases", CASELEDGER_URL=url)

    assert result.exit_code == 2
    assert "URL" in result.stderr or "https" in result.stderr


def test_a_token_goes_only_to_the_address_that_it_was_kept_for(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = str(terminal.api.pilot.token)
    terminal.done("login", "--url", terminal.url, "--stdin", typed=token, role=None)
    monkeypatch.setattr(Client, "request", lambda *_: pytest.fail("it was sent"))

    result = terminal("cases", role=None, CASELEDGER_URL="https://elsewhere.example")

    assert result.exit_code == DENIED


def test_in_a_local_run_one_of_its_people_logs_in_by_name(terminal: Terminal) -> None:
    terminal.done("login", "--url", terminal.url, "--demo", "vera", role=None)

    assert terminal.rows("whoami", role=None)[0]["email"] == "vera@example.com"
    nobody = terminal("login", "--url", terminal.url, "--demo", "nobody", role=None)
    assert nobody.exit_code == NOT_FOUND


def test_a_key_is_shown_once_alone_and_works_until_it_is_revoked(terminal: Terminal) -> None:
    key = terminal.done("key", "create", "Letter bot", "--expires", "90d", role="admin").stdout

    terminal.done("login", "--url", terminal.url, "--stdin", typed=key, role=None)
    assert terminal.rows("whoami", role=None)[0]["tenant"] == terminal.api.tenant
    terminal.done("cases", role=None)
    (row,) = terminal.rows("key", "list", role="admin")
    assert row["name"] == "Letter bot"
    listed = terminal.done("key", "list", role="admin").output
    assert row["id"] in listed
    assert key.rpartition(".")[2].strip() not in listed
    terminal.done("key", "revoke", row["id"], role="admin")
    refused = terminal("cases", role=None)
    assert (refused.exit_code, "Log in again" in refused.stderr) == (DENIED, True)


def test_a_key_goes_into_a_file_that_only_its_owner_can_read(terminal: Terminal) -> None:
    made = terminal.done("key", "create", "bot", "-o", "key.txt", "--json", role="admin")

    file = Path("key.txt")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("ck_")
    assert file.read_text().strip() not in made.output
    refused = terminal("key", "create", "bot", "-o", "other.txt", role="pilot")
    assert refused.exit_code == DENIED
    assert not Path("other.txt").exists()


def test_the_exit_code_says_what_went_wrong(terminal: Terminal) -> None:
    terminal.api.pilot.create(id="CASE-1", assignedTo="somebody@example.com")

    assert terminal("show", "CASE-404").exit_code == NOT_FOUND
    assert terminal("claim", "--next").exit_code == NOT_FOUND
    assert terminal("key", "list", role="viewer").exit_code == DENIED
    assert terminal("claim", "CASE-1", role="verifier").exit_code == CONFLICT
    assert terminal("claim").exit_code == 2
    assert terminal("show", "..").exit_code == 2
    assert terminal("cases", "--created-since", "soon").exit_code == 2
    wrong = terminal("cases", "--status", "odd")
    assert (wrong.exit_code, "status" in wrong.stderr) == (1, True)
    gone = terminal("cases", CASELEDGER_URL="http://127.0.0.1:9")
    assert gone.exit_code == UNAVAILABLE
    assert not gone.stdout


def test_a_shell_completes_commands_and_values(terminal: Terminal) -> None:
    asked = {"_CASELEDGER_COMPLETE": "complete_bash", "COMP_CWORD": "3"}

    result = terminal("", COMP_WORDS="caseledger cases --status in", **asked)

    assert result.stdout.split() == ["in_review"]


def test_who_logs_in_and_has_a_token_in_the_environment_is_told_that_this_goes_before(
    terminal: Terminal,
) -> None:
    token = str(terminal.api.agent.token)
    told = terminal("login", "--url", terminal.url, "--stdin", typed=token, role="pilot").stderr

    assert "CASELEDGER_TOKEN is set and goes before that" in told
