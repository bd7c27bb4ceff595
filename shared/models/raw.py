"""Answers that are not JSON."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Raw(BaseModel):
    """An answer that is not JSON.

    It may be kept for so many `seconds`, by whoever asked for it, and where it is `public` by
    others for them.
    """

    model_config = ConfigDict(defer_build=True)

    media_type: ClassVar[str]
    example: ClassVar[str]
    text: ClassVar[bool] = False
    versioned: ClassVar[bool] = False

    content: bytes
    seconds: int = 0
    public: bool = False


class PlainText(Raw):
    """Text, in UTF-8: a signed note, or a proof with one."""

    media_type: ClassVar[str] = "text/plain"
    text: ClassVar[bool] = True
    example: ClassVar[str] = (
        "logs.example/caseledger/acme\n1\n5UTMQzuVoWV6aoaBEaOJYBgCIq9sC0FOtNQTh30faz4=\n\n"
        "— logs.example/caseledger/acme 3H/S9hpIbTzCmQhrgGzqczJrWTDpweoDnle9W3iwjXiJ1qsL3TpfLrAaqPY"
        "XCdWvvJ1jvapW4dz3FzFkrnvr8S1E8AQ=\n"
    )


class Octets(Raw):
    """Bytes, of which C2SP's tlog-tiles says what they mean."""

    media_type: ClassVar[str] = "application/octet-stream"
    example: ClassVar[str] = "\x00"
