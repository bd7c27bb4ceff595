"""Says whether a function loads the Firestore client.

    python -m benchmarks.loaded TARGET FILE PATH

The function is called once, without a token, in this process. Its status and yes or no go to the
standard error, because the function logs to the standard output.
"""

from __future__ import annotations

import sys

import functions_framework

CLIENT = "google.cloud.firestore"


def main(target: str, source: str, path: str) -> None:
    """Calls a function once, in this process."""
    app = functions_framework.create_app(target, source)  # type: ignore[no-untyped-call]
    status = app.test_client().get(path).status_code
    found = any(name.startswith(CLIENT) for name in sys.modules)
    sys.stderr.write(f"{status} {'yes' if found else 'no'}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
