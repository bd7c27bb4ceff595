"""The console: the page for people, which is a client of the API like any other."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from shared.edge import local_people, pages
from shared.edge.function import serve
from shared.edge.pages import Response
from shared.edge.routes import Route
from shared.errors import InvalidArgument, NotFound
from shared.models.console import ConsoleConfig, LocalToken, PageQuery, TokenRequest
from shared.runtime import Runtime

_FILES = Path(__file__).parents[1] / "console"


def get_root() -> Response:
    """Leads to the console."""
    return pages.to_first("/console")


def get_console(query: PageQuery) -> Response:
    """Gives the console's page, also to whom an issuer leads back with its answer in the query."""
    del query
    return get_console_file("")


def get_console_file(file: str) -> Response:
    """Gives one of the files that the page is made of."""
    return pages.file(_FILES, file, Runtime.current().config)


def get_console_config() -> ConsoleConfig:
    """Says where the API is, and how people sign in; in a local run, who may be chosen."""
    config = Runtime.current().config
    told = partial(ConsoleConfig, tenant_claim=config.tenant_claim, role_claim=config.role_claim)
    match pages.way(config):
        case "local":
            shown = told(sign_in="local", people=list(local_people.PEOPLE))
        case "firebase":
            key, emulator = config.firebase_api_key, config.auth_emulator
            shown = told(sign_in="firebase", api_key=key, auth_emulator=emulator)
        case "oidc":
            shown = told(sign_in="oidc", issuer=config.issuer, client_id=config.audience)
    return shown


def mint_local_token(body: TokenRequest) -> LocalToken:
    """Gives the token of one of the people of a local run; elsewhere it does not exist."""
    if not Runtime.current().config.unsigned_tokens:
        raise NotFound("no function has this path")
    for person in local_people.PEOPLE:
        if person.sub == body.sub:
            return LocalToken(token=local_people.token_of(person))
    raise InvalidArgument.field("sub", "is none of the people of this local run")


console = serve(
    "console",
    [
        Route("GET", "/", None, 200, get_root, prefix=""),
        Route("GET", "/console", None, 200, get_console, prefix=""),
        Route("GET", "/console/config.json", None, 200, get_console_config, prefix=""),
        Route("POST", "/console/token", None, 200, mint_local_token, prefix=""),
        Route("GET", "/console/{file...}", None, 200, get_console_file, prefix=""),
    ],
)
"""Serves the console. It is no part of `/v1`, whose description leaves it out."""
