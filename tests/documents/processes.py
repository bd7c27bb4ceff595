"""Other processes that use a file of the embedded store, forked from one that has imported it."""

from __future__ import annotations

import multiprocessing

FORKED = multiprocessing.get_context("forkserver")
# What they run is in these modules; to import them anew takes each process half a second.
FORKED.set_forkserver_preload(
    [f"tests.documents.test_{name}" for name in ("durability", "file_version", "watch")]
)
