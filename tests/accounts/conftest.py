"""The emulator of Firebase Authentication, empty for each test."""

from __future__ import annotations

import pytest

from tests.firebase_auth import AuthEmulator


@pytest.fixture
def accounts(auth_emulator: AuthEmulator) -> AuthEmulator:
    """The emulator without any account."""
    auth_emulator.clear()
    return auth_emulator
