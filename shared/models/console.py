"""What the console is told before anybody has signed in."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from shared.models.base import Model, UserId
from shared.version import VERSION


class DemoPerson(Model):
    """One of the invented people of a local run."""

    name: str
    """What they are called."""
    role: str
    """What they may do."""
    sub: str
    """The subject of their token."""
    email: str
    """Their address."""
    tenant: str
    """Their tenant."""


class ConsoleConfig(Model):
    """Where the API is, and how people sign in."""

    release: str = VERSION
    """The release that serves the console."""
    api: Literal["/v1"] = "/v1"
    """Where the API is."""
    sign_in: Literal["local", "oidc", "firebase"]
    """How people sign in."""
    people: list[DemoPerson] | None = None
    """In a local run, who may be chosen."""
    issuer: str | None = None
    """Where people sign in, by OpenID Connect."""
    client_id: str | None = None
    """The client that the console is to the issuer: the audience of the tokens."""
    api_key: str | None = None
    """Firebase's key of the project, which is public."""
    tenant_claim: str = "tenant"
    """The claim of a token that says whose tenant it is."""
    role_claim: str = "role"
    """The claim of a token that says what its bearer may do."""
    auth_emulator: str | None = None
    """The host and port of the Firebase Auth emulator, in tests."""


class PageQuery(Model):
    """What an issuer, or a link by mail, leads back to the page with; only the page reads it."""

    model_config = ConfigDict(extra="ignore")


class TokenRequest(Model):
    """Who to become in a local run."""

    sub: UserId
    """The subject of one of the people."""


class LocalToken(Model):
    """An unsigned token, which only this local run accepts."""

    token: str
    """It ends after an hour."""
