"""Verify means the state, too: what is stored is what the trail says, else the field is named."""

from __future__ import annotations

import pytest

from tests.client import Api
from tests.conftest import Clock
from tests.functions.integrity_support import lives, subjects, verified

pytestmark = pytest.mark.both_stores


def test_after_each_step_of_a_life_with_everything_in_it_what_is_stored_is_what_the_trail_says(
    api: Api, clock: Clock
) -> None:
    for step in lives(api, clock):
        for subject in subjects(api):
            found = verified(api, subject)
            assert found["valid"], (step, found)
