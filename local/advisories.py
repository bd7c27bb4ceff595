"""Asks PyPI's advisories about what is installed: `python -m local.advisories`.

If they cannot be asked, it says so in one line and does not fail.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import urllib.request
from typing import Any

PYPI = "https://pypi.org/pypi"
_CONNECT_SECONDS = 5
_AUDIT = ("--local", "--format=json", "--progress-spinner=off", f"--timeout={_CONNECT_SECONDS}")


def unreachable(pypi: str) -> str | None:
    """Why the advisories cannot be asked; None where they can."""
    url = f"{pypi}/pip-audit/{importlib.metadata.version('pip-audit')}/json"
    try:
        with urllib.request.urlopen(url, timeout=_CONNECT_SECONDS) as answer:  # noqa: S310 - ours
            known = json.load(answer)
    except (OSError, ValueError) as error:
        return f"{pypi}: {error}"
    return None if "vulnerabilities" in known else f"{pypi} does not tell vulnerabilities"


def findings(report: dict[str, Any]) -> list[str]:
    """One line for each known vulnerability in a report of pip-audit."""
    return [
        f"{package['name']} {package['version']}: {found['id']},"
        f" fixed in {', '.join(found['fix_versions']) or 'no version'}"
        for package in report["dependencies"]
        for found in package.get("vulns", ())
    ]


def main(pypi: str = PYPI) -> int:
    """Gives the exit code: 1 if a vulnerability is known."""
    if reason := unreachable(pypi):
        print(f"dependencies NOT audited: {reason}")  # noqa: T201 - a command
        return 0
    command = [sys.executable, "-m", "pip_audit", *_AUDIT]
    audit = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # noqa: S603 - our own
    try:
        found = findings(json.loads(audit.stdout))
    except ValueError:
        return audit.returncode or 1
    print("\n".join(found) or "no known vulnerability in what is installed")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
