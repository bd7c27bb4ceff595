"""`python -m local key`: makes a key that signs the logs of events, and shows its public part."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from local import arguments, demo_tenant, log_key
from shared.config import Config, ConfigError


def add_arguments(parser: argparse.ArgumentParser, file: Path) -> None:
    """The arguments of the command; `file` is where `make run` has its key."""
    parser.add_argument("--file", type=Path, default=file, help="by default that of `make run`")
    parser.add_argument(
        "--tenant", type=arguments.tenant, default=demo_tenant.TENANT, help="whose log it is"
    )
    parser.add_argument(
        "--epoch", type=arguments.from_one, default=1, help="of the log, after a restore: 2 and up"
    )
    parser.add_argument("--origin", help="CASELEDGER_LOG_ORIGIN, as the functions have it")
    parser.add_argument(
        "--show", action="store_true", help="show the public part of one that exists"
    )


def run(given: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Runs the command; gives the exit code."""
    try:
        origin = given.origin or Config.from_environment(environ).log_origin
        if not given.show:
            log_key.make(given.file)
            print(f"made {given.file}; verifiers of the log of {given.tenant} need this:")  # noqa: T201
        for shown in log_key.verifier_keys(given.file, origin, given.tenant, given.epoch):
            print(shown)  # noqa: T201
    except FileExistsError:
        print(f"{given.file} exists, and is not replaced; --show shows its key", file=sys.stderr)  # noqa: T201
        return 1
    except OSError as error:
        print(f"{given.file}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    except (ConfigError, ValueError) as error:
        print(f"{given.file}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0
