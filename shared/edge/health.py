"""Whether the store is within reach, found out without loading its client."""

from __future__ import annotations

import http.client
from typing import Literal

from shared.errors import Unavailable
from shared.runtime import Runtime

_SECONDS = 2.0


def reachable_store(runtime: Runtime) -> Literal["sqlite", "emulator", "firestore"]:
    """The kind of store in use. Raises Unavailable where it does not answer."""
    config = runtime.config
    if config.sqlite:
        runtime.store.get("tenants/health")
        return "sqlite"
    connection: http.client.HTTPConnection
    if config.emulator:
        connection = http.client.HTTPConnection(config.emulator, timeout=_SECONDS)
    else:
        connection = http.client.HTTPSConnection("firestore.googleapis.com", timeout=_SECONDS)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable("the store is out of reach") from error
    finally:
        connection.close()
    return "emulator" if config.emulator else "firestore"
