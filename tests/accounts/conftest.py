"""One emulator of Firebase Authentication for all tests here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.firebase_auth import AuthEmulator, running_auth_emulator


@pytest.fixture(scope="session")
def auth_emulator() -> Iterator[AuthEmulator]:
    """A running emulator."""
    with running_auth_emulator() as started:
        yield started


@pytest.fixture
def accounts(auth_emulator: AuthEmulator) -> AuthEmulator:
    """The emulator without any account."""
    auth_emulator.clear()
    return auth_emulator
