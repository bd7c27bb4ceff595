"""`python -m clients.generate` writes the generated modules of the Python client.

With `--description` it prints the description of the API, of which they are made.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from clients.generate.blocking import blocking
from clients.generate.functions import functions
from clients.generate.types import types
from functions.api import ROUTES
from shared.edge.openapi import description

_FIX = ["check", "--fix-only", "--unsafe-fixes", "--quiet", "--select", "I,F401,UP028,UP034"]
PACKAGE = Path(__file__).parent.parent / "python" / "src" / "caseledger"


def described() -> str:
    """The description of the API, as JSON."""
    return json.dumps(description(ROUTES))


def generated() -> dict[Path, str]:
    """The text of each generated module."""
    api = json.loads(described())
    functions_ = _formatted(functions(api))
    written = {"functions.py": functions_}
    sources = {path.name: path.read_text() for path in (PACKAGE / "_async").glob("*.py")}
    blocked = {
        PACKAGE / "_sync" / name: _formatted(blocking(text))
        for name, text in {**sources, **written}.items()
        if name not in ("io.py", "__init__.py")
    }
    return {
        PACKAGE / "types.py": _formatted(types(api)),
        PACKAGE / "_async" / "functions.py": functions_,
        **blocked,
    }


def _formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff"]
    at = f"--stdin-filename={PACKAGE / 'generated.py'}"
    for step in (_FIX, ["format"]):
        text = subprocess.run(  # noqa: S603 - this environment's own ruff
            [*command, *step, at, "-"], input=text, capture_output=True, text=True, check=True
        ).stdout
    return text


if __name__ == "__main__" and "--description" in sys.argv:
    sys.stdout.write(described())
elif __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text)
