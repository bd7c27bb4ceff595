"""`python -m local move`: whatever happens, what is in the new store is what was in the old one."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest

from local import __main__ as local
from local import comparing, move, moving
from local.comparing import Comparison
from local.files import Refused
from local.moving import MARK, Mark, Side
from shared.config import Config
from shared.documents.cost import counted
from shared.documents.embedded.whole import WholeFile
from shared.documents.firestore.whole import WholeDatabase
from shared.documents.indexes import project_indexes
from shared.documents.port import (
    Create,
    Data,
    Delete,
    Document,
    Rejected,
    Set,
    Unavailable,
    Update,
    WholeStore,
    Write,
)
from shared.models.audit import BrokenLink
from shared.runtime import Runtime
from tests.client import Api
from tests.conftest import ROOT
from tests.reliability.server import wait_until
from tests.stored.formats import RELEASES, documents, restore
from tests.stored.record import TENANT

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
ODD: Data = {
    "none": None,
    "yes": True,
    "one": 1,
    "float": 1.0,
    "minus": -0.0,
    "zero": 0.0,
    "least": -(2**63),
    "greatest": 2**63 - 1,
    "tiny": 5e-324,
    "time": NOON,
    "old": datetime(1, 1, 1, tzinfo=UTC),
    "looksLikeATime": "2026-01-02T12:00:00.123456Z",
    "text": "naïve \U0001f600 \x00 end",
    "list": [1, 1.0, None, {"deep": [NOON, {"a.b": [], "e": {}}]}],
    "map": {"`": {"\\": -0.0}},
}
SIZES = (500_000, 900_000, 3)
Command = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def stored(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with what the last release stored, of which all chains verify, and odd documents."""
    path = shutil.copy(empty_database, tmp_path_factory.mktemp("stored") / "caseledger.db")
    with closing(WholeFile(str(path), project_indexes())) as store:
        restore(store, documents(RELEASES[-1]))
        odd = [Create("odd/all", ODD), Create("odd/empty", {})]
        big = [Create(f"odd/all/big/{size}", {"text": "ü" * (size // 2)}) for size in SIZES]
        store.commit([*odd, *big])
    return Path(path)


@pytest.fixture
def file(stored: Path, tmp_path: Path) -> Path:
    """The same in a file of the test's own."""
    return Path(shutil.copy(stored, tmp_path / "caseledger.db"))


@pytest.fixture
def run(
    emulator_host: str,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Runs the command with the emulator; gives its exit code and what it printed."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator_host)
    monkeypatch.setenv("CASELEDGER_STORE", f"sqlite:///{file}")

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["local", "move", *arguments])
        code = local.main()
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


@pytest.fixture
def database(emulator_host: str, project: str) -> Iterator[WholeDatabase]:
    """Firestore, empty."""
    with closing(WholeDatabase(project, "(default)", emulator_host)) as opened:
        yield opened


@pytest.fixture
def source(file: Path) -> Iterator[Side]:
    """What is moved, as a store."""
    with closing(WholeFile(str(file), project_indexes())) as opened:
        yield Side("old", opened)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few documents in a commit, so that there are many."""
    monkeypatch.setattr(moving, "_COMMIT_ROWS", 8)
    monkeypatch.setattr(moving, "_WALKED_ROWS", 20)


def everything(store: WholeStore) -> dict[str, str]:
    """All documents, in a form that tells apart all that is not the same: 1, 1.0, 0.0 and -0.0."""
    return {row.path: repr(_sorted(row.data)) for row in store.walk("", 10_000)}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return [(name, _sorted(item)) for name, item in sorted(value.items())]
    return [_sorted(item) for item in value] if isinstance(value, list) else value


class Dying(WholeFile):
    """A target that is gone with its commit of a number: before it is done, or after it."""

    commits = 0
    last = (0, False)
    how: type[BaseException] = KeyboardInterrupt

    def commit(self, writes: Sequence[Write]) -> None:
        """See `DocumentStore`."""
        self.commits += 1
        number, done = self.last
        if self.commits == number and not done:
            raise self.how
        super().commit(writes)
        if self.commits == number:
            raise self.how


@pytest.fixture
def target() -> Iterator[Dying]:
    """An empty store in memory."""
    with closing(Dying(":memory:", project_indexes())) as opened:
        yield opened


def test_a_store_is_moved_to_firestore_and_back_byte_for_byte(
    run: Command, file: Path, database: WholeDatabase, project: str, tmp_path: Path
) -> None:
    with closing(WholeFile(str(file), project_indexes())) as before:
        expected = everything(before)

    code, said = run("--to-project", project)
    assert code == 0, said
    assert everything(database) == expected
    assert f"{len(expected):,} documents are the same in both stores" in said
    assert "point the services at it" in said

    back = tmp_path / "back.db"
    code, said = run("--from-project", project, "--file", str(back))
    assert code == 0, said
    with closing(WholeFile(str(back), project_indexes())) as after:
        assert everything(after) == expected
    assert run("--from-project", project, "--check")[0] == 0
    database.commit([Delete("odd/empty")])
    assert run("--from-project", project, "--check")[0] == 1


def test_what_clients_hold_stays_valid(run: Command, file: Path, emulator_config: Config) -> None:
    def answers(config: Config, token: str) -> list[Any]:
        runtime = Runtime(config)
        with closing(runtime):
            api = Api(runtime)
            api.tenant = TENANT
            case = api.viewer.get("/cases/REVIEW-1")
            page = api.viewer.get(f"/cases?pageSize=3{token}").json
            return [case.headers["ETag"], case.json, page]

    before = Config(sqlite=str(file), unsigned_tokens=True)
    token = "&pageToken=" + answers(before, "")[2]["nextPageToken"]
    assert run("--to-project", str(emulator_config.project))[0] == 0

    assert answers(emulator_config, token) == answers(before, token)


def test_a_dry_run_says_what_is_written_and_writes_nothing(
    run: Command, database: WholeDatabase, project: str, tmp_path: Path
) -> None:
    code, said = run("--to-project", project, "--dry-run")
    assert code == 0
    assert database.walk("", 1) == []

    with counted() as cost:
        assert run("--to-project", project)[0] == 0
    assert f"It would write {cost.writes:,} documents to Firestore" in said
    cases = [path for path in everything(database) if path.split("/")[-2] == "cases"]
    assert f"cases{len(cases):>31,}" in said

    new = tmp_path / "new.db"
    assert run("--from-project", project, "--file", str(new), "--dry-run")[0] == 0
    assert not new.exists()


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("done", [False, True])
def test_a_move_that_is_killed_with_any_commit_goes_on_where_it_stopped(
    source: Side, target: Dying, *, done: bool
) -> None:
    new, killed = Side("new", target), 0
    while True:
        # Each run dies with its second commit; with the first one it would never go on.
        target.last = target.commits + (2 if killed else 1), done
        try:
            assert move.move(source, new)
        except KeyboardInterrupt:
            killed += 1
        except Refused:
            # With the last commit it was done, and cannot be begun again.
            assert done
            assert move.check(source, new)
            break
        else:
            break

    assert killed > 5
    assert everything(target) == everything(source.store)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("done", [False, True])
def test_a_commit_whose_outcome_is_unknown_is_done_once(
    source: Side, target: Dying, *, done: bool
) -> None:
    target.how, target.last = Unavailable, (4, done)

    assert move.move(source, Side("new", target))

    assert everything(target) == everything(source.store)


def test_a_process_that_is_killed_midway_is_followed_by_one_that_goes_on(
    run: Command, file: Path, database: WholeDatabase, project: str
) -> None:
    with closing(WholeFile(str(file), project_indexes())) as store:
        for start in range(0, 120, 40):
            rows = range(start, start + 40)
            store.commit([Create(f"rows/{row}", {"text": "x" * 200_000}) for row in rows])
        documents = store.count()
    command = [sys.executable, "-m", "local", "move", "--to-project", project]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wait_until(lambda: _moved(database) > 0, 60)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert 0 < _moved(database) < documents

    code, said = run("--to-project", project)

    assert code == 0, said
    assert "goes on behind" in said
    assert database.get(MARK) is None


def _moved(database: WholeDatabase) -> int:
    found = database.get(MARK)
    return found.data["moved"] if found else 0


class Disturbed(WholeFile):
    """A source to which somebody writes when the move reads it for a number of times."""

    walks = 0
    change: tuple[int, Write | None] = (0, None)

    def walk(self, after: str, most: int) -> list[Document]:
        """See `WholeStore`."""
        self.walks += 1
        when, write = self.change
        if write and self.walks == when:
            self.commit([write])
        return super().walk(after, most)


WRITES = [
    Update("odd/empty", {"new": 1}),
    Set("odd/all", {**ODD, "one": 1.0}),
    Create("odd/new", {}),
    Create("aaa/new", {}),
    Delete("odd/empty"),
]


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("when", [1, 3, 0])
@pytest.mark.parametrize("write", WRITES, ids=repr)
def test_a_write_to_the_source_is_found_at_the_end_at_the_latest(  # noqa: PLR0913, PLR0917
    file: Path,
    target: Dying,
    write: Write,
    when: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While documents are copied (at the first page and later), and when that is done."""

    def compared(source: Side, *others: Any) -> Comparison:
        if not when:
            source.store.commit([write])
        return comparing.compared(source, *others)

    monkeypatch.setattr(move, "compared", compared)
    with closing(Disturbed(str(file), project_indexes())) as disturbed:
        disturbed.change = when, write
        try:
            moved = move.move(Side("old", disturbed), Side("new", target))
            said = capsys.readouterr().out
        except Refused as error:
            moved, said = False, str(error)

    assert not moved
    assert "since the move began" in said or "in the target" in said
    assert target.get(MARK), "and what is there is not taken for whole"


@pytest.mark.parametrize("when", [2, 99])
def test_a_write_to_firestore_is_found_when_it_is_the_source(  # noqa: PLR0913, PLR0917 - fixtures
    run: Command,
    database: WholeDatabase,
    project: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    when: int,
) -> None:
    """While it is copied, and while the chains of the new store are verified."""
    database.commit([Create(f"odd/{n:02}", {"n": n}) for n in range(30)])
    late = Set("odd/00/late/event", {})

    def walk(self: WholeDatabase, after: str, most: int) -> list[Document]:
        rows = whole(self, after, most)
        if after and when == 2:
            database.commit([late])
        return rows

    def verified(*_: Any) -> dict[str, str]:
        database.commit([late])
        return {}

    whole = WholeDatabase.walk
    monkeypatch.setattr(WholeDatabase, "walk", walk)
    monkeypatch.setattr(move, "broken_chains", verified)

    code, said = run("--from-project", project, "--file", str(tmp_path / "new.db"))

    assert code == 1
    assert f"Firestore {project}/(default) was written to since the move began" in said


def test_a_write_between_two_runs_is_found(source: Side, target: Dying) -> None:
    target.last = 2, True
    with pytest.raises(KeyboardInterrupt):
        move.move(source, Side("new", target))
    source.store.commit([Create("odd/late", {})])

    with pytest.raises(Refused, match="old was written to since the move began"):
        move.move(source, Side("new", target))


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (Create("odd/foreign", {}), "1 in the target only, the first of them odd/foreign"),
        (Update("odd/all", {"minus": 0.0}), "1 different in the target, the first of them odd/all"),
        (Delete("odd/empty"), "1 missing in the target, the first of them odd/empty"),
    ],
)
def test_whatever_differs_in_the_target_is_named(
    source: Side, target: Dying, write: Write, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    new = Side("new", target)
    assert move.move(source, new)
    target.commit([write])

    assert not move.check(source, new)

    assert told in capsys.readouterr().out


def test_what_firestore_removes_by_itself_is_not_missed(source: Side, target: Dying) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    run = "scheduledRuns/expire-1"
    source.store.commit([Create(run, {"expireAt": past}), Create("runs2/x", {"expireAt": past})])
    assert move.move(source, Side("new", target))

    target.commit([Delete(run)])
    assert move.check(source, Side("new", target))
    target.commit([Delete("runs2/x")])
    assert not move.check(source, Side("new", target))


def test_a_chain_that_did_not_verify_is_named_and_moved_as_it_is(
    source: Side, target: Dying, capsys: pytest.CaptureFixture[str]
) -> None:
    event = next(row for row in source.store.walk("", 9_999) if "/audit/" in row.path)
    source.store.commit([Update(event.path, {"description": "forged"})])

    assert not move.move(source, Side("new", target))

    said = capsys.readouterr().out
    assert f"{event.data['subject']} does not verify" in said
    assert "The others did not verify before" in said
    assert everything(target) == everything(source.store)


def test_chains_of_a_database_are_verified_side_by_side_and_what_is_wrong_is_named_by_its_subject(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    together = threading.Barrier(comparing.AT_ONCE)

    def verify(_: object, __: str, subject: str, *___: object) -> Mock:
        together.wait(timeout=10)
        broken = BrokenLink(sequence=3, problem="event is missing")
        return Mock(first_broken=broken if subject == "cases/7" else None)

    monkeypatch.setattr("shared.repository.audit.verify", verify)
    subjects = {("acme", f"cases/{number}") for number in range(20 * comparing.AT_ONCE)}
    told: list[int] = []

    found = comparing.broken_chains(Side("a database", Mock(WholeStore)), subjects, told.append)

    assert found == {"acme: cases/7": "sequence 3: event is missing"}
    assert told == list(range(1, len(subjects) + 1))


def test_a_target_with_documents_of_another_origin_is_refused(
    run: Command, file: Path, database: WholeDatabase, project: str
) -> None:
    database.commit([Create("cases/other", {})])
    code, said = run("--to-project", project)
    assert code == 1
    assert "has documents that this move did not put there" in said
    assert run("--to-project", project, "--dry-run")[0] == 1

    mark = Mark("/elsewhere.db", 3, 1)
    database.commit([Delete("cases/other"), Create(MARK, vars_of(mark))])
    code, said = run("--to-project", project)
    assert code == 1
    assert "has documents of a move from /elsewhere.db, which is not done" in said
    code, said = run("--from-project", project, "--file", str(file.with_name("new.db")))
    assert code == 1
    assert "holds a part of a move from /elsewhere.db only" in said


def vars_of(mark: Mark) -> Data:
    return {name: getattr(mark, name) for name in Mark.__slots__}


def test_of_two_moves_that_begin_at_once_one_is_refused(
    source: Side, target: Dying, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = target.walk

    def walked(after: str, most: int) -> list[Document]:
        rows = walk(after, most)
        target.commit([Create(MARK, vars_of(Mark("/elsewhere.db", 3, 1)))])
        return rows

    monkeypatch.setattr(target, "walk", walked)
    with pytest.raises(Refused, match="another move into new has just begun"):
        move.move(source, Side("new", target))


def test_what_is_too_much_for_one_commit_of_the_target_comes_in_several(
    source: Side, target: Dying, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = target.commit

    def limited(writes: Sequence[Write]) -> None:
        if len(writes) > 4:
            raise Rejected("too much at once")
        commit(writes)

    monkeypatch.setattr(target, "commit", limited)

    assert move.move(source, Side("new", target))
    assert everything(target) == everything(source.store)


def test_a_service_that_is_started_again_before_the_end_is_told_of(
    run: Command, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_use = iter([False, True])
    monkeypatch.setattr(move, "in_use", lambda _: next(in_use))
    monkeypatch.setattr(move, "move", lambda *_: True)

    code, said = run("--to-project", project)

    assert code == 1
    assert "is in use again: what is written to it from now on is not in Firestore" in said


def test_a_file_that_is_in_use_is_not_moved(run: Command, file: Path, project: str) -> None:
    with closing(WholeFile(str(file), project_indexes())) as service:
        service.get("odd/all")
        code, said = run("--to-project", project)
    assert code == 1
    assert f"{file} is in use by another process: stop the services first" in said


def test_nobody_writes_to_the_file_while_it_is_moved(
    run: Command, file: Path, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[BaseException | None] = []

    def moved(_: Side, __: Side) -> bool:
        with closing(WholeFile(str(file), project_indexes())) as service:
            monkeypatch.setattr("shared.documents.embedded.database._PATIENCE_SECONDS", 0.05)
            try:
                service.commit([Create("odd/late", {})])
            except Unavailable as error:
                answers.append(error)
            return service.get("odd/all") is not None

    monkeypatch.setattr(move, "move", moved)
    assert run("--to-project", project)[0] == 0
    assert "SQLITE_BUSY" in str(getattr(answers[0], "cause", ""))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"bytesValue": "eA=="}, "odd/one has a value of a type that Caseledger does not store"),
        ({"doubleValue": "NaN"}, "odd/one cannot be moved: number is not finite"),
    ],
)
def test_what_others_wrote_into_firestore_and_no_store_takes_is_named(  # noqa: PLR0913, PLR0917
    run: Command, emulator_host: str, project: str, tmp_path: Path, value: Data, why: str
) -> None:
    rest = f"http://{emulator_host}/v1/projects/{project}/databases/(default)/documents/odd/one"
    body = {"fields": {"odd": value}}
    sent = httpx.patch(rest, json=body, headers={"Authorization": "Bearer owner"})
    assert sent.status_code == 200, sent.text

    for option in ("--dry-run", "--database=(default)"):
        code, said = run("--from-project", project, "--file", str(tmp_path / "new.db"), option)
        assert code == 1
        assert why in said


def test_who_breaks_it_off_is_told_how_to_go_on(
    run: Command, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved(_: Side, __: Side) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(move, "move", moved)

    assert run("--to-project", project) == (130, "stopped: run the same command again\n")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--file", "/nowhere/store.db"], "there is no file /nowhere/store.db"),
        (["--file", str(ROOT / "README.md")], "is no SQLite file"),
    ],
)
def test_a_file_that_is_no_store_is_refused(
    run: Command, project: str, arguments: list[str], why: str
) -> None:
    code, said = run("--to-project", project, *arguments)

    assert code == 1
    assert why in said


def test_a_file_that_was_edited_so_that_it_cannot_be_read_is_named(
    run: Command, file: Path, project: str
) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE documents SET data = '{' WHERE id = 'empty'")

    code, said = run("--to-project", project)

    assert code == 1
    assert "odd/empty was edited in the file, and cannot be read" in said
