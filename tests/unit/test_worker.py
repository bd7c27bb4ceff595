"""What a worker of the server does in its main loop."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from shared.edge.worker import Worker


@pytest.mark.parametrize(("timeout", "times"), [(0, 0), (30, 1)])
def test_a_worker_says_that_it_lives_only_where_the_server_looks(timeout: int, times: int) -> None:
    worker = object.__new__(Worker)
    worker.cfg, worker.tmp = SimpleNamespace(timeout=timeout), Mock()

    worker.notify()

    assert worker.tmp.notify.call_count == times
