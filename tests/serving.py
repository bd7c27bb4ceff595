"""An application of WSGI, served at an address of this machine by a thread of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import make_server

_POLL_SECONDS = 0.02
"""How soon it ends, once it is told to."""


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[str]:
    """The address at which it is served; `options` are those of werkzeug."""
    server = make_server("127.0.0.1", 0, app, threaded=True, **options)
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
