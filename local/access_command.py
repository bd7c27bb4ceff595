"""`python -m local access`: who may use a deployment on Google Cloud."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from local import arguments
from shared.config import ConfigError, claim_names, refuse_unknown
from shared.models.roles import Role

_MEMBERS = [role.value for role in Role if role is not Role.SCHEDULER]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    commands = parser.add_subparsers(dest="doing", required=True)
    grant = commands.add_parser("grant", help="give an account a tenant and a role")
    listed = commands.add_parser("list", help="show who has a tenant and a role")
    revoke = commands.add_parser("revoke", help="take both away, and sign the account out")
    for one in (grant, listed, revoke):
        one.add_argument("--project", required=True)
        one.add_argument("--email", required=one is not listed)
        one.add_argument("--identity-tenant", help="of Identity Platform, where the accounts are")
    grant.add_argument("--tenant", required=True, type=arguments.tenant)
    grant.add_argument("--role", required=True, choices=_MEMBERS)
    listed.add_argument("--tenant", type=arguments.tenant)


def run(given: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Runs the command; gives the exit code."""
    from deployment.google import DeploymentError  # noqa: PLC0415 - other commands do without
    from local import access  # noqa: PLC0415 - as above

    try:
        refuse_unknown(environ)
        names = claim_names(environ)
        google = access.google(given.project, environ)
        accounts = access.Access(google, names, given.identity_tenant)
        match given.doing:
            case "grant":
                account = accounts.grant(given.email, given.tenant, given.role)
                print(f"{given.email} ({account.id}) is {given.role} in tenant {given.tenant}")  # noqa: T201
            case "revoke":
                account = accounts.revoke(given.email)
                print(f"{given.email} ({account.id}) has no tenant and no role")  # noqa: T201
            case _:
                for row in accounts.granted(given.email, given.tenant):
                    print("\t".join(row))  # noqa: T201
    except (ConfigError, DeploymentError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0
