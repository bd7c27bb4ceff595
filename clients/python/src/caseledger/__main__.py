"""`python -m caseledger`, and the command `caseledger`."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line; says what is missing where the package came without it."""
    try:
        from caseledger import cli  # noqa: PLC0415 - what it needs may not be there
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        sys.exit(f"caseledger: {error.name} is missing: install the package as caseledger[cli]")
    cli.main()


if __name__ == "__main__":
    main()
