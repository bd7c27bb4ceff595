"""`python -m local access` against Google's emulator of Firebase Authentication."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from google.oauth2.credentials import Credentials

from deployment.google import DeploymentError, Google
from local import access
from local.__main__ import main
from tests.firebase_auth import PROJECT, AuthEmulator, claims_of

VERA, OTTO = "vera@example.com", "otto@example.com"


class Shell:
    """A project, and the commands that are run for it."""

    def __init__(
        self,
        emulator: AuthEmulator,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.emulator = emulator
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", emulator.host)

    def run(self, doing: str, *options: str) -> tuple[int, str]:
        """The exit code of a command, and what it says."""
        argv = ["local", "access", doing, "--project", PROJECT, *options]
        self._monkeypatch.setattr("sys.argv", argv)
        code = main()
        said = self._capsys.readouterr()
        return code, said.out + said.err

    def grant(self, email: str, tenant: str, role: str) -> tuple[int, str]:
        return self.run("grant", "--email", email, "--tenant", tenant, "--role", role)

    def member(self, email: str) -> str:
        """Somebody who has signed up and shown that the address is theirs; gives their id."""
        local_id: str = self.emulator.sign_up(email)["localId"]
        self.emulator.as_owner(":update", localId=local_id, emailVerified=True)
        return local_id

    def account(self, email: str) -> dict[str, str]:
        """The account as the emulator has it."""
        (user,) = self.emulator.as_owner(":lookup", email=[email])["users"]
        found: dict[str, str] = user
        return found


@pytest.fixture
def shell(
    accounts: AuthEmulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return Shell(accounts, monkeypatch, capsys)


def test_who_is_granted_a_role_has_it_in_the_next_token_beside_the_other_claims(
    shell: Shell,
) -> None:
    local_id = shell.member(VERA)
    shell.emulator.as_owner(":update", localId=local_id, customAttributes='{"team": "north"}')

    code, said = shell.grant(VERA, "acme", "pilot")

    assert (code, said) == (0, f"{VERA} ({local_id}) is pilot in tenant acme\n")
    claims = claims_of(shell.emulator.sign_in(VERA))
    assert (claims["sub"], claims["tenant"], claims["role"]) == (local_id, "acme", "pilot")
    assert claims["team"] == "north"


def test_who_is_revoked_has_neither_tenant_nor_role_and_is_signed_out(shell: Shell) -> None:
    local_id = shell.member(VERA)
    shell.emulator.as_owner(":update", localId=local_id, customAttributes='{"team": "north"}')
    shell.grant(VERA, "acme", "pilot")
    shell.emulator.as_owner(":update", localId=local_id, validSince="1")

    code, said = shell.run("revoke", "--email", VERA)

    assert (code, said) == (0, f"{VERA} ({local_id}) has no tenant and no role\n")
    assert shell.account(VERA)["customAttributes"] == '{"team": "north"}'
    assert int(shell.account(VERA)["validSince"]) > 1


@pytest.mark.parametrize(
    ("tenant", "role", "signed_out"),
    [("acme", "pilot", False), ("acme", "auditor", True), ("other", "pilot", True)],
)
def test_a_grant_that_takes_something_away_signs_the_account_out(
    shell: Shell, tenant: str, role: str, *, signed_out: bool
) -> None:
    local_id = shell.member(VERA)
    shell.grant(VERA, "acme", "pilot")
    shell.emulator.as_owner(":update", localId=local_id, validSince="1")

    assert shell.grant(VERA, tenant, role)[0] == 0

    assert (int(shell.account(VERA)["validSince"]) > 1) == signed_out


def test_a_first_grant_leaves_the_sessions_of_the_account_alone(shell: Shell) -> None:
    local_id = shell.member(VERA)
    shell.emulator.as_owner(":update", localId=local_id, validSince="1")

    shell.grant(VERA, "acme", "pilot")

    assert shell.account(VERA)["validSince"] == "1"


def test_whoever_has_no_account_gets_one_that_nobody_else_can_sign_up_for(shell: Shell) -> None:
    assert shell.grant(VERA, "acme", "admin")[0] == 0
    assert shell.grant(VERA, "acme", "viewer")[0] == 0

    refused = shell.emulator.sign_up(VERA)
    assert refused["error"]["message"] == "EMAIL_EXISTS"
    assert not shell.account(VERA).get("providerUserInfo")


def test_an_address_that_somebody_signed_up_with_and_nobody_verified_is_granted_nothing(
    shell: Shell,
) -> None:
    shell.emulator.sign_up(VERA)

    code, said = shell.grant(VERA, "acme", "admin")

    assert code == 1
    assert f"{VERA} is not verified" in said
    assert "customAttributes" not in shell.account(VERA)


def test_an_address_that_somebody_took_without_a_password_is_granted_nothing(shell: Shell) -> None:
    anonymous = shell.emulator.sign_up_without_a_name()
    shell.emulator.as_client(":update", idToken=anonymous["idToken"], email=VERA)

    code, said = shell.grant(VERA, "acme", "admin")

    assert (code, f"{VERA} is not verified" in said) == (1, True)
    assert "customAttributes" not in shell.account(VERA)


def test_the_list_names_who_has_a_role_of_all_tenants_or_one_or_one_address(shell: Shell) -> None:
    shell.grant(VERA, "acme", "pilot")
    shell.grant(OTTO, "other", "viewer")
    shell.member("nobody@example.com")

    _, everybody = shell.run("list")
    assert sorted(everybody.splitlines()) == [f"{OTTO}\tother\tviewer", f"{VERA}\tacme\tpilot"]
    assert shell.run("list", "--tenant", "acme") == (0, f"{VERA}\tacme\tpilot\n")
    assert shell.run("list", "--email", OTTO) == (0, f"{OTTO}\tother\tviewer\n")
    assert shell.run("list", "--email", "unknown@example.com") == (0, "")


def test_who_claims_no_tenant_is_listed_as_of_the_tenant_in_identity_platform(shell: Shell) -> None:
    pool = ("--identity-tenant", "pool-1")
    shell.run("grant", "--email", VERA, "--tenant", "acme", "--role", "pilot", *pool)
    made = shell.emulator.as_owner("", email=OTTO, tenantId="pool-1")
    role = {
        "localId": made["localId"],
        "tenantId": "pool-1",
        "customAttributes": '{"role": "viewer"}',
    }
    shell.emulator.as_owner(":update", **role)

    _, everybody = shell.run("list", *pool)
    assert sorted(everybody.splitlines()) == [f"{OTTO}\tpool-1\tviewer", f"{VERA}\tacme\tpilot"]
    assert shell.run("list", "--tenant", "pool-1", *pool) == (0, f"{OTTO}\tpool-1\tviewer\n")
    assert shell.run("list") == (0, "")


def test_a_list_goes_on_over_all_pages(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "_PAGE", 1)
    shell.grant(VERA, "acme", "pilot")
    shell.grant(OTTO, "acme", "viewer")

    assert len(shell.run("list")[1].splitlines()) == 2


def test_claims_have_the_names_that_are_configured(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASELEDGER_TENANT_CLAIM", "org")
    monkeypatch.setenv("CASELEDGER_ROLE_CLAIM", "caseRole")

    shell.grant(VERA, "acme", "pilot")

    assert shell.account(VERA)["customAttributes"] == '{"org": "acme", "caseRole": "pilot"}'
    assert shell.run("list") == (0, f"{VERA}\tacme\tpilot\n")


def test_a_variable_that_nobody_reads_changes_no_account(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASELEDGER_ROLE_CLAM", "caseRole")

    code, said = shell.grant(VERA, "acme", "pilot")

    assert (code, "CASELEDGER_ROLE_CLAIM?" in said) == (1, True)
    assert "users" not in shell.emulator.as_owner(":lookup", email=[VERA])


def test_nobody_can_be_revoked_who_is_not_there(shell: Shell) -> None:
    assert shell.run("revoke", "--email", VERA) == (
        1,
        f"there is no account with the address {VERA}\n",
    )


@pytest.mark.parametrize(("tenant", "role"), [("a b", "pilot"), ("acme", "scheduler")])
def test_a_tenant_or_a_role_that_no_token_may_have_is_refused(
    shell: Shell, tenant: str, role: str
) -> None:
    with pytest.raises(SystemExit):
        shell.grant(VERA, tenant, role)


def gcloud(directory: Path, monkeypatch: pytest.MonkeyPatch, *, script: str) -> None:
    """A gcloud of its own on this machine."""
    path = directory / "gcloud"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    monkeypatch.delenv("FIREBASE_AUTH_EMULATOR_HOST", raising=False)


def test_outside_the_emulator_the_account_of_gcloud_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gcloud(tmp_path, monkeypatch, script="echo a-token")

    assert access.google("acme-prod", {}).token == "a-token"  # noqa: S105


def test_without_any_credentials_it_says_how_to_sign_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gcloud(tmp_path, monkeypatch, script="exit 1")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))

    with pytest.raises(DeploymentError, match="gcloud auth login"):
        access.google("acme-prod", {})


def test_without_gcloud_the_application_default_credentials_are_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    credentials = Credentials("a-default-token")  # type: ignore[no-untyped-call]
    monkeypatch.setattr(credentials, "refresh", lambda _: None)
    monkeypatch.setattr("google.auth.default", lambda **_: (credentials, "acme-prod"))
    monkeypatch.setattr("shutil.which", lambda _: None)

    assert access.google("acme-prod", {}).token == "a-default-token"  # noqa: S105


@pytest.mark.parametrize(
    ("pool", "said"), [(None, "no Firebase Authentication"), ("pool-9", "no tenant pool-9")]
)
def test_where_there_are_no_accounts_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, pool: str | None, said: str
) -> None:
    google = Google("acme-prod", "a-token", {})
    monkeypatch.setattr(google, "send", lambda *_: None)

    with pytest.raises(DeploymentError, match=f"acme-prod has {said}"):
        access.Access(google, ("tenant", "role"), pool).grant(VERA, "acme", "admin")
