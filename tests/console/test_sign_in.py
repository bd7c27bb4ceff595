"""Signing in elsewhere: by OpenID Connect at a certified provider, by Firebase at its emulator."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from local.client import Unreachable, call
from local.ports import free_port
from local.server import running_server, sqlite
from tests.console.conftest import AS_USUAL
from tests.console.people import ROOT, Person, at_browser
from tests.firebase_auth import PASSWORD, PROJECT, AuthEmulator
from tests.reliability.server import ForkedServer, running

_SECONDS = 30.0
_WRITTEN = "Written before the token ended"


@pytest.fixture(scope="module")
def issuer(browser: Browser) -> Iterator[tuple[str, int]]:
    """A provider of OpenID Connect, and the port of the server that it lets people back to."""
    del browser
    if not (ROOT / "tests/clients/node_modules/oidc-provider").is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs the tools of tests/clients/package.json: make test")
        pytest.skip("NO NODE: make test installs the tools of tests/clients, with npm")
    port, back = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    provider = subprocess.Popen(
        ["node", "oidc_provider.mjs", str(port), f"http://127.0.0.1:{back}/console"],  # noqa: S607
        cwd=Path(__file__).parent,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + _SECONDS
        while time.monotonic() < until:
            with suppress(Unreachable):
                call("GET", f"{url}/.well-known/openid-configuration")
                break
            time.sleep(0.1)
        yield url, back
    finally:
        provider.kill()
        provider.wait()


@pytest.fixture(scope="module")
def oidc(issuer: tuple[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server is whose people sign in by OpenID Connect."""
    url, port = issuer
    directory = tmp_path_factory.mktemp("oidc")
    variables = {
        **sqlite(directory / "db"),
        "CASELEDGER_UNSIGNED_TOKENS": "",
        "CASELEDGER_ISSUER": url,
        "CASELEDGER_AUDIENCE": "caseledger",
        "CASELEDGER_JWKS_URL": f"{url}/jwks",
    }
    with (directory / "log").open("w") as log, running_server(variables, port, log) as api:
        yield api.removesuffix("/v1")


@pytest.fixture
def visitor(browser: Browser, oidc: str, issuer: tuple[str, int]) -> Iterator[Person]:
    """Somebody at the console who is not signed in yet."""
    with at_browser(browser, oidc, (f"a request to {issuer[0]}", "40", "Failed")) as somebody:
        yield somebody


def signs_in(page: Page, name: str, button: str = "Sign in") -> None:
    """Signs in at the provider, which asks for a name and for the consent."""
    page.get_by_role("button", name=button).click()
    page.get_by_placeholder("Enter any login").fill(name)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def has_case(page: Page, case_id: str) -> None:
    """Opens a case as who is signed in, by the page's own client."""
    page.evaluate(
        "async (id) => (await import('/console/api.js')).call('POST', '/cases',"
        " {body: {id, title: id, decisionType: 'csf_facility'}})",
        case_id,
    )


def test_who_signs_in_at_the_issuer_comes_back_to_the_view_that_the_address_named(
    visitor: Person,
) -> None:
    page = visitor.goto("#/inbox?tab=mine")
    with page.expect_request(re.compile("/auth")) as asked:
        signs_in(page, "iris")

    expect(page.locator(".menu summary")).to_contain_text("iris@example.com, pilot")
    expect(page.locator(".tenant")).to_have_text("acme")
    expect(page).to_have_url(f"{visitor.url}/console#/inbox?tab=mine")
    assert "code_challenge_method=S256" in asked.value.url
    assert {"state=", "nonce="} <= set(re.findall(r"(?:state|nonce)=", asked.value.url))
    kept = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert "eyJ" not in kept  # no token is stored


def test_an_answer_with_another_state_or_another_nonce_is_refused(visitor: Person) -> None:
    page = visitor.page
    page.goto(f"{visitor.url}/console?code=stolen&state=another")
    refused = page.get_by_role("alert").filter(has_text="belong to a sign-in of this page")
    expect(refused).to_be_visible()

    def other(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        head, _, signature = body["id_token"].split(".")
        claims = "eyJub25jZSI6ImFub3RoZXIifQ"  # {"nonce":"another"}
        route.fulfill(response=answer, json={**body, "id_token": f"{head}.{claims}.{signature}"})

    page.route("**/token", other)
    signs_in(page, "iris")
    expect(refused).to_be_visible()
    expect(page.locator(".menu")).to_have_count(0)


def test_who_has_no_role_and_who_gives_up_are_told_so(visitor: Person) -> None:
    page = visitor.goto()
    signs_in(page, "nobody")
    expect(page.get_by_text("has no role here yet")).to_be_visible()

    page.context.clear_cookies()
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=re.compile("Cancel")).click()
    expect(page.get_by_text("The sign-in was refused:")).to_be_visible()


def test_a_token_is_renewed_before_it_ends_and_nobody_notices(visitor: Person) -> None:
    page = visitor.page
    page.clock.install()
    visitor.goto("#/cases")
    signs_in(page, "iris")
    page.locator(".menu").wait_for()

    with page.expect_response("**/token") as renewed:
        page.clock.fast_forward(3_541_000)
    assert "grant_type=refresh_token" in (renewed.value.request.post_data or "")
    assert renewed.value.ok
    expect(page.get_by_text("Signed out in")).to_have_count(0)


def test_who_signs_in_again_does_it_in_a_window_of_its_own_and_loses_no_text(
    visitor: Person,
) -> None:
    page = visitor.goto()
    signs_in(page, "iris")
    page.locator(".menu").wait_for()
    has_case(page, "kept")
    page.goto(f"{visitor.url}/console#/cases/kept")
    notes = page.get_by_label("Notes")
    expect(notes).to_be_editable()
    notes.fill(_WRITTEN)
    page.route("**/v1/**", lambda route: route.fulfill(status=401, json={"error": {}}))
    page.route("**/token", lambda route: route.fulfill(status=400, json={"error": "ended"}))
    page.get_by_role("button", name="Save now").click()
    expect(page.get_by_text("You are signed out. What you wrote stays here.")).to_be_visible()

    page.unroute_all()
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Sign in again").click()
    with suppress(Exception):
        opened.value.wait_for_event("close", timeout=5_000)
    expect(page.get_by_text("You are signed out.")).to_have_count(0)
    expect(notes).to_have_value(_WRITTEN)
    page.get_by_role("button", name="Save now").click()
    expect(page.get_by_text(re.compile(r"^Saved \d\d"))).to_be_visible()


@pytest.fixture(scope="module")
def accounts(browser: Browser, auth_emulator: AuthEmulator) -> AuthEmulator:
    """Firebase's accounts: vera@example.com, a pilot of acme."""
    del browser
    auth_emulator.clear()
    account = auth_emulator.sign_up("vera@example.com")
    claims = json.dumps({"tenant": "acme", "role": "pilot"})
    known = {"localId": account["localId"], "emailVerified": True}
    auth_emulator.as_owner(":update", **known, customAttributes=claims)
    return auth_emulator


@pytest.fixture(scope="module")
def firebase(accounts: AuthEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server is whose people sign in by Firebase."""
    directory = tmp_path_factory.mktemp("firebase")
    variables = {
        **sqlite(directory / "db"),
        "CASELEDGER_AUDIENCE": PROJECT,
        "CASELEDGER_FIREBASE_API_KEY": "any",
        "FIREBASE_AUTH_EMULATOR_HOST": accounts.host,
    }
    with running(ForkedServer(directory / "log", **AS_USUAL, **variables)) as server:
        yield server.url


@pytest.fixture
def guest(browser: Browser, firebase: str, accounts: AuthEmulator) -> Iterator[Person]:
    """Somebody at the console who is not signed in yet."""
    allowed = (f"a request to http://{accounts.host}", "40", "Failed")
    with at_browser(browser, firebase, allowed) as somebody:
        yield somebody


def with_password(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Email address").fill("vera@example.com")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_password_signs_in_a_wrong_one_does_not_and_an_ended_token_loses_no_text(
    guest: Person,
) -> None:
    page = guest.goto("#/cases")
    with_password(page, "wrong")
    expect(page.get_by_role("alert").filter(has_text="is wrong")).to_be_visible()
    with_password(page)
    expect(page.locator(".menu summary")).to_contain_text("vera@example.com, pilot")

    has_case(page, "kept")
    page.goto(f"{guest.url}/console#/cases/kept")
    notes = page.get_by_label("Notes")
    expect(notes).to_be_editable()
    notes.fill(_WRITTEN)
    page.route("**/v1/worksheets/**", lambda route: route.fulfill(status=401, json={"error": {}}))
    page.route("**/v1/cases/**", lambda route: route.fulfill(status=401, json={"error": {}}))
    page.route("**/v1/token*", lambda route: route.fulfill(status=400, json={"error": {}}))
    page.get_by_role("button", name="Save now").click()
    expect(page.get_by_text("You are signed out. What you wrote stays here.")).to_be_visible()
    page.unroute("**/v1/worksheets/**")
    page.unroute("**/v1/cases/**")
    page.get_by_role("button", name="Sign in again").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("You are signed out.")).to_have_count(0)
    expect(notes).to_have_value(_WRITTEN)
    page.get_by_role("button", name="Save now").click()
    expect(page.get_by_text(re.compile(r"^Saved \d\d"))).to_be_visible()


def test_a_link_by_mail_signs_in_once(guest: Person, accounts: AuthEmulator) -> None:
    page = guest.goto()
    page.get_by_label("Email address").fill("vera@example.com")
    page.get_by_role("button", name="Send me a link instead").click()
    expect(page.get_by_text("A link is on its way to vera@example.com.")).to_be_visible()
    url = f"http://{accounts.host}/emulator/v1/projects/{PROJECT}/oobCodes"
    sent: list[dict[str, Any]] = call("GET", url, token="owner").body["oobCodes"]  # noqa: S106
    link = next(one["oobLink"] for one in sent if one["requestType"] == "EMAIL_SIGNIN")

    page.goto(link)
    expect(page.locator(".menu summary")).to_contain_text("vera@example.com, pilot")
    assert "oobCode" not in page.url
    page.goto(link)
    page.get_by_label("Email address").fill("vera@example.com")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("The link was used already, or is too old.")).to_be_visible()
