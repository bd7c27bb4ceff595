"""`python -m local backup` and `restore`: one whole moment of a store, while others write to it."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from local import __main__ as local
from local import backup
from shared.documents.embedded.store import FILE_VERSION
from shared.documents.embedded.whole import WholeFile
from shared.documents.indexes import project_indexes
from shared.documents.port import Create, Document, Update
from tests.conftest import ROOT

Command = Callable[..., tuple[int, str]]
FILLING = "x" * 100_000


@pytest.fixture(scope="module")
def filled(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two numbers that every commit adds one to, and documents that fill pages."""
    path = shutil.copy(empty_database, tmp_path_factory.mktemp("filled") / "caseledger.db")
    with closing(opened(Path(path))) as store:
        store.commit([Create("counts/a", {"n": 0}), Create("counts/z", {"n": 0})])
        store.commit([Create(f"rows/{row}", {"text": FILLING}) for row in range(60)])
    return Path(path)


@pytest.fixture
def file(filled: Path, tmp_path: Path) -> Path:
    """The same in a file of the test's own."""
    return Path(shutil.copy(filled, tmp_path / "caseledger.db"))


@pytest.fixture
def run(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command on the store; gives its exit code and what it printed."""
    monkeypatch.setenv("CASELEDGER_STORE", f"sqlite:///{file}")

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["local", *map(str, arguments)])
        code = local.main()
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


@pytest.fixture
def service(file: Path) -> Iterator[WholeFile]:
    """Who serves the store."""
    with closing(opened(file)) as store:
        yield store


def opened(path: Path) -> WholeFile:
    return WholeFile(str(path), project_indexes())


def count(store: WholeFile) -> None:
    """One change of the store."""
    store.commit([Update(f"counts/{name}", increments={"n": 1}) for name in "az"])


def counted(path: Path) -> int:
    """How many changes a store has, all of them whole."""
    with closing(opened(path)) as store:
        first, last = (row.data["n"] for row in store.get_many(["counts/a", "counts/z"]) if row)
    assert first == last
    return int(first)


def everything(path: Path) -> list[Document]:
    with closing(opened(path)) as store:
        return store.walk("", 1_000)


def test_a_backup_is_one_moment_of_a_store_that_others_write_to(
    run: Command, service: WholeFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_STEP_PAGES", 10)
    ended = Event()

    def serve() -> int:
        done = 0
        while not ended.is_set():
            count(service)
            done += 1
        return done

    to = tmp_path / "backup.db"
    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(serve)
        code, said = run("backup", str(to))
        ended.set()

    assert code == 0, said
    assert f"{to} is a whole backup of" in said
    assert "62 documents, the last changed at" in said
    assert 0 <= counted(to) < serving.result()
    assert to.stat().st_mode & 0o77 == 0
    assert not list(tmp_path.glob("*partial*"))


def test_a_backup_has_what_a_copy_of_the_file_alone_would_lose(
    run: Command, file: Path, service: WholeFile, tmp_path: Path
) -> None:
    count(service)
    copy, to = tmp_path / "copy.db", tmp_path / "backup.db"
    shutil.copy(file, copy)

    assert run("backup", str(to))[0] == 0

    assert counted(to) == 1
    service.close()
    code, said = run("restore", str(copy), "--replace-newer")
    assert code == 0
    assert "What was only in the log of the store (copy.db-wal) at that moment is missing" in said
    assert counted(file) == 0


def test_a_restored_store_is_what_was_backed_up_and_the_one_before_is_kept(
    run: Command, file: Path, tmp_path: Path
) -> None:
    to, before = tmp_path / "backup.db", everything(file)
    assert run("backup", str(to))[0] == 0
    with closing(opened(file)) as service:
        count(service)

    code, said = run("restore", str(to))
    assert code == 1
    assert f"{file} is newer" in said
    assert counted(file) == 1

    file.chmod(0o640)
    code, said = run("restore", str(to), "--replace-newer")
    assert code == 0, said
    assert "was not made by this command" not in said
    assert everything(file) == before
    assert file.stat().st_mode & 0o777 == 0o640, "who could read it still can"
    (kept,) = tmp_path.glob("caseledger.db.before-*")
    assert str(kept) in said
    assert counted(kept) == 1


def test_a_store_is_restored_where_there_is_none(run: Command, file: Path, tmp_path: Path) -> None:
    to, before = tmp_path / "backup.db", everything(file)
    assert run("backup", str(to))[0] == 0
    file.unlink()

    assert run("restore", str(to))[0] == 0
    assert everything(file) == before


def test_a_store_that_is_in_use_is_never_replaced(
    run: Command, file: Path, service: WholeFile, tmp_path: Path
) -> None:
    to = tmp_path / "backup.db"
    assert run("backup", str(to))[0] == 0
    assert service.get("counts/a")

    code, said = run("restore", str(to), "--replace-newer")

    assert code == 1
    assert f"{file} is in use by another process: stop the services first" in said
    count(service)


def test_a_log_that_a_killed_service_left_is_not_mixed_with_what_is_restored(
    run: Command, file: Path, tmp_path: Path
) -> None:
    to = tmp_path / "backup.db"
    assert run("backup", str(to))[0] == 0
    killed = tmp_path / "killed"
    killed.mkdir()
    with closing(opened(file)) as service:
        count(service)
        for end in ("", "-wal"):
            shutil.copy(f"{file}{end}", killed / f"caseledger.db{end}")
    store = killed / "caseledger.db"

    code, said = run("restore", str(to), "--file", str(store), "--replace-newer")

    assert code == 0, said
    assert counted(store) == 0
    (kept,) = killed.glob("*.before-*")
    assert counted(kept) == 1, "and the one before has what was in its log"


def test_what_is_left_of_a_store_that_was_removed_is_not_mixed_with_what_takes_its_place(
    run: Command, file: Path, tmp_path: Path
) -> None:
    to, before = tmp_path / "backup.db", everything(file)
    assert run("backup", str(to))[0] == 0
    gone, left = tmp_path / "gone", {}
    gone.mkdir()
    with closing(opened(file)) as service:
        count(service)
        for end in ("-wal", "-shm"):
            shutil.copy(f"{file}{end}", gone / f"store.db{end}")
            left[end] = (gone / f"store.db{end}").read_bytes()
    store = gone / "store.db"

    code, said = run("backup", str(store))
    assert code == 1
    assert f"{store}-wal exists, and is not replaced" in said
    code, said = run("restore", str(to), "--file", str(store))

    assert code == 0, said
    assert everything(store) == before
    (kept,) = gone.glob("*.before-*-wal")
    assert kept.read_bytes() == left["-wal"]
    assert f"What was there before is {kept}" in said


def test_what_a_killed_backup_left_is_no_backup_and_in_nobodys_way(
    run: Command, file: Path, tmp_path: Path
) -> None:
    to = tmp_path / "backup.db"
    for end in ("", "-wal", "-journal"):
        shutil.copy(ROOT / "README.md", tmp_path / f"backup.db.partial{end}")

    assert run("backup", str(to))[0] == 0
    assert everything(to) == everything(file)
    assert not list(tmp_path.glob("*partial*"))


def test_what_is_there_is_not_replaced_by_a_backup(run: Command, tmp_path: Path) -> None:
    to = tmp_path / "backup.db"
    to.write_text("precious")

    code, said = run("backup", str(to))

    assert (code, to.read_text()) == (1, "precious")
    assert "exists, and is not replaced" in said


def damaged(path: Path) -> None:
    """What lies behind the first pages is overwritten."""
    size = path.stat().st_size
    with path.open("rb+") as opened:
        opened.seek(size // 8)
        opened.write(b"\xff" * (size // 2))


def newer(path: Path) -> None:
    """It belongs to a release that is newer than this one."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {(FILE_VERSION + 1) << 16}")


def of_others(path: Path) -> None:
    """It is the database of another program."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (damaged, "is damaged"),
        (newer, "is of a newer release of Caseledger"),
        (of_others, "is the database of another program"),
        (Path.unlink, "there is no file"),
    ],
)
def test_what_is_no_whole_backup_is_not_restored(
    run: Command, file: Path, tmp_path: Path, make: Callable[[Path], None], why: str
) -> None:
    to, before = tmp_path / "backup.db", everything(file)
    assert run("backup", str(to))[0] == 0
    make(to)

    code, said = run("restore", str(to), "--replace-newer")

    assert code == 1
    assert why in said
    assert everything(file) == before


def test_a_store_that_cannot_be_written_is_named(run: Command, file: Path, tmp_path: Path) -> None:
    to = tmp_path / "backup.db"
    assert run("backup", str(to))[0] == 0
    file.with_name(f"{file.name}-wal").mkdir()

    code, said = run("restore", str(to))

    assert code == 1
    assert f"{file} cannot be written: " in said
    assert "Run the command as the user of the services" in said


def test_a_damaged_store_is_found_by_its_backup(run: Command, file: Path, tmp_path: Path) -> None:
    to = tmp_path / "backup.db"
    damaged(file)

    code, said = run("backup", str(to))

    assert code == 1
    assert "damaged" in said
    assert not to.exists()
