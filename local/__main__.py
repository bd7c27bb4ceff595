"""What developers and operators run.

`python -m local run | demo | token | api-key | key | access | indexes | backup | restore | move`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from local import (
    access_command,
    api_key,
    arguments,
    backup,
    demo_tenant,
    files,
    key_command,
    log_key,
    move,
    server,
    webhook_key,
)
from local.emulator import EmulatorError, export, latest_export, running_emulator
from local.tokens import unsigned_token
from shared.config import Config, ConfigError, refuse_unknown
from shared.documents.port import StoreError
from shared.models.roles import Role

_DATA = server.ROOT / ".local"
_LOG_KEY, _WEBHOOK_KEY = _DATA / "log-key.pem", _DATA / "webhook-key.txt"
_PROJECT = "demo-caseledger"
_USUAL_URL = "http://127.0.0.1:8080/v1"
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Runs the command line; gives the exit code."""
    given = _parser().parse_args()
    commands = {
        "access": lambda _: access_command.run(given, os.environ),
        "api-key": api_key.run,
        "backup": _told(_backup),
        "demo": _demo,
        "indexes": _indexes,
        "key": lambda _: key_command.run(given, os.environ),
        "move": _told(_move),
        "restore": _told(_restore),
        "run": _served,
        "token": _token,
    }
    return commands[given.command](given)


def _token(given: argparse.Namespace) -> int:
    caller = {name: getattr(given, name) for name in ("sub", "tenant", "role", "email")}
    print(unsigned_token(**caller))  # noqa: T201
    return 0


def _served(given: argparse.Namespace) -> int:
    try:
        _run(given.port, given.store, given.workers)
    except (server.ServerError, EmulatorError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _demo(_: argparse.Namespace) -> int:
    from local import demo  # noqa: PLC0415 - it loads what serves functions

    return demo.run()


def _indexes(_: argparse.Namespace) -> int:
    from local import indexes  # noqa: PLC0415 - it loads every function

    wanted = indexes.of_lists().values()
    for added in indexes.add(indexes.FILE, wanted, indexes.of_pairs()):
        print(f"added: {added}")  # noqa: T201
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="serve every function on this machine")
    run.add_argument("--port", type=arguments.port, default=8080)
    run.add_argument("--store", choices=["sqlite", "emulator"], default="sqlite")
    run.add_argument(
        "--workers",
        type=arguments.from_one,
        help="processes that serve: by default, on SQLite, one a core, at most four",
    )
    commands.add_parser("demo", help="play the life of a case on a fresh instance")
    commands.add_parser("indexes", help="add to firestore.indexes.json what the lists need")
    token = commands.add_parser("token", help="print an unsigned token for a local run")
    token.add_argument("--tenant", required=True)
    token.add_argument("--role", required=True, choices=[role.value for role in Role])
    token.add_argument("--sub", required=True)
    token.add_argument("--email")
    api_key.add_arguments(
        commands.add_parser(
            "api-key", help="have a local run make a key by which a program calls, and print it"
        ),
        _USUAL_URL,
    )
    signing = commands.add_parser("key", help="make a key that signs the logs of events")
    key_command.add_arguments(signing, _LOG_KEY)
    backed_up = commands.add_parser("backup", help="write a backup of the SQLite store to a file")
    backed_up.add_argument("to", type=Path, metavar="FILE", help="a file that does not exist yet")
    restored = commands.add_parser("restore", help="make a backup the SQLite store")
    restored.add_argument("saved", type=Path, metavar="FILE", help="what `backup` has written")
    restored.add_argument(
        "--replace-newer", action="store_true", help="also where the store was changed later"
    )
    for one in (backed_up, restored):
        one.add_argument("--file", type=Path, help="the store; by default that of CASELEDGER_STORE")
    moved = commands.add_parser("move", help="move a store from SQLite to Firestore, or back")
    move.add_arguments(moved)
    access_command.add_arguments(
        commands.add_parser("access", help="who may use a deployment on Google Cloud")
    )
    return parser


def _backup(given: argparse.Namespace) -> int:
    backup.backup(files.named(given.file, os.environ), given.to)
    return 0


def _restore(given: argparse.Namespace) -> int:
    store = files.named(given.file, os.environ)
    backup.restore(given.saved, store, replace_newer=given.replace_newer)
    return 0


def _move(given: argparse.Namespace) -> int:
    return 0 if move.run(given, os.environ) else 1


def _told(command: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """The command, that says on standard error why it did nothing, or nothing more."""

    def told(given: argparse.Namespace) -> int:
        try:
            refuse_unknown(os.environ)
            return command(given)
        except (ConfigError, files.Refused, StoreError, sqlite3.Error) as error:
            print(error, file=sys.stderr)  # noqa: T201
            return 1
        except KeyboardInterrupt:
            print("stopped: run the same command again", file=sys.stderr)  # noqa: T201
            return 128 + signal.SIGINT

    return told


def _run(port: int, store: str, workers: int | None) -> None:
    from local import demo_data  # noqa: PLC0415 - it loads what serves functions
    from local.ticker import ticking  # noqa: PLC0415 - as above

    for number in _STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup asks for
            signal.signal(number, _stop_once)
    _DATA.mkdir(exist_ok=True)
    opened = _emulator() if store == "emulator" else _sqlite()
    # The emulator itself takes the cores.
    workers = workers or (1 if store == "emulator" else server.usual_workers())
    with (
        contextlib.suppress(KeyboardInterrupt),
        opened as variables,
        server.running_server({**variables, **_own_keys()}, port, workers=workers) as url,
        ticking(url),
    ):
        cases = demo_data.load(variables)
        token = demo_tenant.token("admin", "alex")
        print(  # noqa: T201
            f"\nCaseledger on {url}, {cases} cases in tenant {demo_tenant.TENANT}. Try:\n\n"
            f"  curl -s '{url}/cases?overdue=true' -H 'Authorization: Bearer {token}'\n\n"
            "A key for an agent of yours: .venv/bin/python -m local api-key --name my-agent"
            f"{'' if url == _USUAL_URL else f' --url {url}'}\n"
            f"By MCP it calls {url}/mcp: see docs/api.md.\n"
            "The scheduled functions are called at their times. Ctrl-C stops it; the data stays.\n"
            f"\nOpen the console: {url.removesuffix('/v1')}/console\n",
            flush=True,
        )
        while True:
            time.sleep(1)  # a signal that comes just before a sleep begins does not end it


def _own_keys() -> dict[str, str]:
    """The variables that name the keys of this machine."""
    return log_key.own(os.environ, _LOG_KEY) | webhook_key.own(os.environ, _WEBHOOK_KEY)


def _stop_once(*_: object) -> None:
    # Make passes on what the terminal has already sent; a second signal would break off the stop.
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def _sqlite() -> Iterator[Mapping[str, str]]:
    from shared.runtime import open_store  # noqa: PLC0415 - as above

    variables = server.own_sqlite(os.environ, _DATA / "caseledger.db")
    # To index a large file of an earlier release takes longer than the server has for its start,
    # and its workers would wait for each other. What is wrong the server says itself.
    with contextlib.suppress(ConfigError, StoreError):
        open_store(Config.from_environment(variables)).close()
    yield variables


@contextlib.contextmanager
def _emulator() -> Iterator[Mapping[str, str]]:
    saved = _DATA / "emulator-data"
    with running_emulator(import_from=latest_export(saved), download=True) as started:
        try:
            yield server.emulator(started.host, _PROJECT)
        finally:
            export(started.host, _PROJECT, saved)


if __name__ == "__main__":
    sys.exit(main())
