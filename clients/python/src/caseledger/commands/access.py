"""Logging in, and keys for agents."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import typer

from caseledger import profile, terminal
from caseledger.commands import given
from caseledger.exits import Exit
from caseledger.terminal import Json

Url = Annotated[
    str,
    typer.Option(
        prompt="Address of the API", help="The address of the API.", envvar="CASELEDGER_URL"
    ),
]
Stdin = Annotated[bool, typer.Option("--stdin", help="Read the token from standard input.")]
Demo = Annotated[
    str | None,
    typer.Option(help="In a local run: be one of its people for an hour, such as vera."),
]
keys = typer.Typer(help="Keys by which agents and programs log in.", no_args_is_help=True)


def login(url: Url, *, stdin: Stdin = False, demo: Demo = None) -> None:
    """Log in: keep the address of the API and a token, or a key, for the other commands.

    The token is asked for and not shown, or read with --stdin. It is kept in a file that only you
    can read. CASELEDGER_URL and CASELEDGER_TOKEN go before that file.
    """
    address = profile.checked(url)
    if demo:
        token = _demo_token(address, demo)
    elif stdin:
        token = sys.stdin.readline()
    else:
        token = str(typer.prompt("Token or key (not shown)", hide_input=True))
    found = profile.Profile(address, profile.checked_token(token))
    # What any member may read, for one read: a wrong token is not kept.
    with profile.caller(found) as client:
        client.request("GET", "/changes").json()
    path = profile.save(found)
    terminal.say(f"Logged in at {address} as {_name(found.claims)}. It is kept in {path}.")
    if os.environ.get("CASELEDGER_TOKEN"):
        terminal.say("CASELEDGER_TOKEN is set and goes before that: unset it.")


def _demo_token(address: str, person: str) -> str:
    answer = httpx.post(f"{address}/console/token", json={"sub": person}, timeout=10)
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise terminal.fail(f"{address} is no local run", Exit.NOT_FOUND)
    if answer.is_error:
        raise terminal.fail(f"{person} is none of the people of this local run", Exit.NOT_FOUND)
    return str(answer.json()["token"])


def _name(claims: dict[str, Any]) -> str:
    name = claims.get("email") or claims.get("sub") or "somebody"
    return f"{name} of the tenant {claims['tenant']}" if "tenant" in claims else str(name)


def logout() -> None:
    """Forget the token. A key is good until it is revoked: caseledger key revoke."""
    terminal.say("Logged out." if profile.forget() else "Nobody was logged in.")


def whoami(*, as_json: Json = False) -> None:
    """Show who is logged in where, as the token says."""
    found = profile.current()
    claims = found.claims
    expires = claims.get("exp")
    until = datetime.fromtimestamp(expires, UTC).isoformat() if expires else None
    facts = {
        "url": found.url,
        "tenant": claims.get("tenant"),
        "subject": claims.get("sub"),
        "email": claims.get("email"),
        "role": claims.get("role"),
        "expiresAt": until,
    }
    if as_json:
        terminal.print_json(facts)
    else:
        shown = {**facts, "expiresAt": terminal.moment(until)}
        terminal.print_facts((name, value and str(value)) for name, value in shown.items())


Role = Annotated[Literal["agent", "viewer", "verifier"], typer.Option(help="What the key may do.")]
Expires = Annotated[str | None, typer.Option(help=f"When: {given.TIME.format('from now')}.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write the key to this new file, which only you can read."),
]


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    role: Role = "agent",
    expires: Expires = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Make a key, and print it: it is shown this once. For admins."""
    body: dict[str, Any] = {"name": name, "role": role}
    if expires:
        body["expiresAt"] = given.ahead(expires)
    # Before the key is made: what cannot be written is lost.
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600) if output else None
    try:
        with profile.client() as client:
            made = client.request("POST", "/keys", json=body).json()
    except BaseException:
        if output and handle is not None:
            os.close(handle)
            output.unlink()
        raise
    if handle is not None:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{made.pop('key', '')}\n")
    if as_json:
        terminal.print_json(made)
    elif "notice" in made:
        raise terminal.fail(f"made the key {made['id']}, but {made['notice']}", Exit.REFUSED)
    else:
        terminal.say(f"Made the key {made['id']}. It cannot be shown again.")
        terminal.print_whole(made["key"] if output is None else f"It is in {output}.")


@keys.command("list")
def list_keys(*, as_json: Json = False) -> None:
    """List the keys that are not revoked, without what is secret in them. For admins, auditors."""
    with profile.client() as client:
        rows = list(client.pages("/keys"))
    if as_json:
        for row in rows:
            terminal.print_json(row)
        return
    terminal.print_table(
        ("id", "role", "expires", "last used", "<name"),
        [
            (one["id"], one["role"], _expiry(one), one["lastUsedOn"] or "never", one["name"])
            for one in rows
        ],
        empty="There are no keys.",
    )


def _expiry(key: dict[str, Any]) -> terminal.Cell:
    expires = terminal.time_of(key["expiresAt"])
    if expires is None:
        return "never"
    left = (expires - terminal.now()).total_seconds()
    return f"in {terminal.span(left)}" if left > 0 else ("expired", "dim")


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The id of the key, as the list shows it.")],
) -> None:
    """Revoke a key. Instances that know it may take it for another minute. For admins."""
    with profile.client() as client:
        client.request("DELETE", f"/keys/{profile.segment(key_id)}")
    terminal.say(f"Revoked {key_id}.")
