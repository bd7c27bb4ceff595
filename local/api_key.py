"""`python -m local api-key`: a key by which a program calls a local run."""

from __future__ import annotations

import argparse
import sys
from http import HTTPStatus

from local import arguments, client, demo_tenant
from local.tokens import unsigned_token
from shared.models.roles import Role
from shared.rules.callers import PROGRAMS


def add_arguments(parser: argparse.ArgumentParser, url: str) -> None:
    """The arguments of the command; `url` is where a local run usually is."""
    parser.add_argument("--name", required=True, help="what the key is for")
    parser.add_argument("--tenant", type=arguments.tenant, default=demo_tenant.TENANT)
    parser.add_argument("--role", choices=sorted(PROGRAMS), default=Role.AGENT.value)
    parser.add_argument("--url", default=url, help="of the local run")


def run(given: argparse.Namespace) -> int:
    """Runs the command; gives the exit code."""
    asked = {"name": given.name, "role": given.role}
    admin = {"sub": "alex", "role": "admin", "email": "alex@example.com"}
    token = unsigned_token(tenant=given.tenant, **admin)
    try:
        url = f"{given.url.rstrip('/').removesuffix('/v1')}/v1"
        answer = client.call("POST", f"{url}/keys", token=token, body=asked)
    except client.Unreachable as error:
        print(f"{given.url}: {error}; is `make run` running?", file=sys.stderr)  # noqa: T201
        return 1
    if answer.code != HTTPStatus.CREATED:
        said = (answer.body or {}).get("error", {}).get("message", "")
        print(f"{given.url}: {answer.code} {said}", file=sys.stderr)  # noqa: T201
        return 1
    print(answer.body["key"])  # noqa: T201
    return 0
