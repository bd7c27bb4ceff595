"""Access tokens of Google, for the service account that the process runs as.

(cloud.google.com/docs/authentication/application-default-credentials)
"""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import Any


class Credentials:
    """The Application Default Credentials for one scope; what takes longer than `seconds` fails."""

    def __init__(self, scope: str, seconds: float) -> None:
        self._scope = scope
        self._seconds = seconds
        self._credentials: Any = None
        self._refreshing = Lock()

    def token(self) -> str:
        """A token that is valid now. Raises OSError where there is none."""
        import google.auth  # noqa: PLC0415 - only where Google is asked
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - as above
        from google.auth.transport.requests import Request  # noqa: PLC0415 - as above

        if not self._refreshing.acquire(timeout=self._seconds):
            raise TimeoutError
        try:
            if self._credentials is None:
                self._credentials, _ = google.auth.default(scopes=(self._scope,))
            if not self._credentials.valid:
                self._credentials.refresh(partial(Request(), timeout=self._seconds))
            return str(self._credentials.token)
        except GoogleAuthError as error:
            raise OSError(type(error).__name__) from error
        finally:
            self._refreshing.release()
