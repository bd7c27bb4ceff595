"""The package as it is installed: by pip, from the repository."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

from tests.reliability.server import ROOT

PACKAGE = ROOT / "clients" / "python"
SEEN = """
import json
import re
import caseledger
from caseledger import receipts, types, webhooks
print(json.dumps([caseledger.__file__, caseledger.VERSION]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `pip install ./clients/python` puts it; what it depends on is not installed again."""
    at = tmp_path_factory.mktemp("installed")
    # The build leaves files beside the source.
    source = at / "python"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("build", "*.egg-info"))
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(at / "site")]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return at / "site"


@pytest.fixture(scope="module")
def installed(site: Path) -> Distribution:
    """What pip has installed."""
    (found,) = distributions(path=[str(site)])
    return found


def test_the_installed_package_can_be_imported(site: Path, installed: Distribution) -> None:
    paths = [str(site), sysconfig.get_paths()["purelib"]]
    code = f"import sys; sys.path[:0] = {paths!r}\n{SEEN}"
    found = subprocess.run(
        [sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True
    )

    where, version = json.loads(found.stdout)
    assert Path(where).is_relative_to(site)
    assert version == installed.version


def test_the_package_has_its_types_and_nothing_of_the_server(installed: Distribution) -> None:
    files = [file.as_posix() for file in installed.files or ()]

    assert installed.name == "caseledger"
    needed_files = {
        "caseledger/py.typed",
        "caseledger/verify_caseledger.py",
        "caseledger/importing/mappings/jira.toml",
    }
    assert needed_files <= set(files)
    (command,) = installed.entry_points
    assert (command.name, command.group) == ("caseledger", "console_scripts")
    tops = {file.split("/")[0].split("-")[0] for file in files} - {"..", "bin"}
    assert tops == {"caseledger"}
    needed = [line for line in installed.requires or () if "extra ==" not in line]
    assert [re.split(r"[<>]", line)[0] for line in needed] == ["anyio", "httpx", "rfc8785"]
