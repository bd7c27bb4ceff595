"""Environments of Python for programs that need other packages than the tests do.

Each is made once for a machine, from a file that pins all of it by hashes, and is kept in the
cache of the user.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import venv
from contextlib import suppress
from pathlib import Path

import pytest

_SECONDS = 300


def python_of(lock: Path) -> Path:
    """The interpreter that has what `lock` pins.

    Where that cannot be installed the test is skipped; with CI=true that is a failure.
    """
    content = f"{sys.version}\0{lock.read_text()}".encode()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "caseledger" / "venvs" / hashlib.sha256(content).hexdigest()[:16]
    interpreter = place / "bin" / "python"
    if not interpreter.exists():
        try:
            _make(place, lock)
        except (OSError, subprocess.SubprocessError) as error:
            reason = f"NO PACKAGES: {lock.parent.name}/{lock.name}: {type(error).__name__}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
    return interpreter


def _make(place: Path, lock: Path) -> None:
    """Makes it beside its place, which it takes whole: others may be making it too."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        made = Path(scratch) / "venv"
        venv.create(made, with_pip=False, symlinks=True)
        command = [sys.executable, "-m", "pip", "--python", str(made / "bin" / "python"), "install"]
        command += ["--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(lock)]
        subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
        with suppress(OSError):  # somebody else's is there by now
            made.rename(place)
