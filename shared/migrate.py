"""Brings stored documents up to what this release writes, where an index needs that.

    python -m shared.migrate             reads, and says what it would rewrite
    python -m shared.migrate --apply     rewrites it
    python -m shared.migrate figures     says up to which entry of each log they are counted
    python -m shared.migrate figures --apply
                                         counts all sealed events anew, and makes that the figures

Run it after the release that writes a new format is everywhere (docs/formats.md). It works on the
store that the functions' variables name, beside the functions. A document is rewritten where its
format is older, or where a field is missing that an index has, because no query by that index finds
it. Each is rewritten on the condition that it is as it was read, without an event: nothing of what
it says changes, and nothing that a hash covers. Whenever it is stopped, run it again: what has been
rewritten is not rewritten twice. Each document costs one read, and one write where it is rewritten.
A case whose open interventions and runs are not counted yet costs up to two queries more, and one
write for each of those interventions.

The first release counted what each person decided in a collection of its own, `pilots`, by name.
Figures are counted of the trail now, so each counter goes; the person gets an entry in the
directory, `people`, in the same commit. The trail is asked whose name it was: two reads and one
write more for each.

Figures are a count of the sealed events of each tenant. Where they were wrong, or are far behind,
they are counted anew beside the functions: a read for each event, and a write or two for 250 of
them. The present figures are shown until the new ones are whole.

Events and frozen packets stay as they were stored, for good. Evidence is in no index.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from shared.config import Config, ConfigError
from shared.documents.indexes import project_indexes
from shared.documents.port import Conflict, Document, DocumentStore, Query, StoreError, Write
from shared.documents.values import MAX_WRITES, commit_bytes
from shared.errors import FailedPrecondition, Unreadable
from shared.ledger.subjects import DELETED_AT, tenant_of, written
from shared.models.case import StoredCase
from shared.models.intervention import StoredIntervention
from shared.models.key import StoredKey
from shared.models.record import StoredRecord
from shared.models.run import StoredRun
from shared.models.settings import StoredSettings
from shared.models.stored import FORMAT, StoredDocument
from shared.models.worksheet import StoredWorksheet
from shared.repository import hanging
from shared.repository.batches import pages
from shared.repository.pilots import PILOTS, moved
from shared.repository.recounting import counted_of, recount
from shared.runtime import open_store

COLLECTIONS: dict[str, type[StoredDocument]] = {
    "tenants": StoredSettings,
    "cases": StoredCase,
    "worksheets": StoredWorksheet,
    "interventions": StoredIntervention,
    "runs": StoredRun,
    "records": StoredRecord,
    "keys": StoredKey,
}
"""What is looked at: the documents that queries find."""
PAGE = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; gives 0 where nothing is left to do, or to say.

    1 says that documents could not be read or were changed meanwhile, or that the store failed; 2
    that the configuration is wrong.
    """
    parser = argparse.ArgumentParser(
        prog="python -m shared.migrate",
        description="Brings stored documents up to this release where an index needs that.",
    )
    parser.add_argument("--apply", action="store_true", help="rewrite, instead of only saying so")
    parser.add_argument("what", nargs="?", choices=["figures"], help="count the figures anew")
    given = parser.parse_args(arguments)
    try:
        store = _opened(Config.from_environment(os.environ))
    except ConfigError as error:
        _say(f"configuration: {error}")
        return 2
    except StoreError as error:
        _say(f"the store: {error}")
        return 1
    try:
        if given.what:
            left = count_figures(store, apply=given.apply)
        else:
            left = sum(migrate(store, one, apply=given.apply) for one in COLLECTIONS)
            left += move_pilots(store, apply=given.apply)
    except StoreError as error:
        _say(f"stopped: {type(error).__name__}: {error}. Run it again to go on.")
        return 1
    finally:
        store.close()
    return 1 if left else 0


def _opened(config: Config) -> DocumentStore:
    """The store. Raises ConfigError for a file that is not there: opening it would make one."""
    if config.sqlite and not Path(config.sqlite).exists():
        raise ConfigError(f"CASELEDGER_STORE: there is no file {config.sqlite}")
    return open_store(config)


def migrate(store: DocumentStore, collection: str, *, apply: bool) -> int:
    """Looks at a collection in all tenants, saying how far it is; gives how many it has to leave.

    Those are the documents that cannot be read, or that somebody changed meanwhile.
    """
    counts: Counter[str] = Counter()
    for rows in pages(store, Query(collection, group=True), PAGE):
        writes = list(_writes(store, collection, rows, counts))
        counts["read"] += len(rows)
        if apply:
            _commit(store, writes, counts)
        else:
            counts["to rewrite"] += len(writes)
        _say(_told(collection, counts))
    if not counts:
        _say(f"{collection}: none")
    return counts["unreadable"] + counts["changed meanwhile"]


def count_figures(store: DocumentStore, *, apply: bool) -> int:
    """Counts the log of each tenant anew; gives of how many tenants it cannot."""
    left = tenants = 0
    for rows in pages(store, Query("log", group=True), PAGE):
        for tenant in [tenant_of(row.path) for row in rows]:
            tenants += 1
            try:
                if apply:
                    for counted in recount(store, tenant):
                        _say(f"figures of {tenant}: up to entry {counted}")
                counted, size = counted_of(store, tenant)
                _say(f"figures of {tenant}: counted up to entry {counted} of {size} of the log")
            except Unreadable as error:
                left += 1
                _say(f"figures of {tenant}: stay as they are: {error.message}")
    if not tenants:
        _say("figures: no event is sealed yet, so there is nothing to count")
    return left


def move_pilots(store: DocumentStore, *, apply: bool) -> int:
    """Moves people from the counters of the first release; gives how many it has to leave."""
    counts: Counter[str] = Counter()
    for rows in pages(store, Query(PILOTS, group=True), PAGE):
        for row in rows:
            counts["read"] += 1
            writes = moved(store, row)
            if not writes:
                counts["of nobody"] += 1
                _say(f"{row.path}: the trail has no such name, and it stays as it is")
            elif not apply:
                counts["to move"] += 1
            else:
                try:
                    store.commit(writes)
                    counts["moved"] += 1
                except Conflict:
                    counts["changed meanwhile"] += 1
        _say(_told(PILOTS, counts))
    return counts["of nobody"] + counts["changed meanwhile"]


def _writes(
    store: DocumentStore, collection: str, rows: Sequence[Document], counts: Counter[str]
) -> Iterator[list[Write]]:
    """The writes that bring each row up to date, which are one commit."""
    for row in rows:
        if DELETED_AT in row.data:
            continue
        try:
            write = _rewritten(store, collection, row)
        except FailedPrecondition as error:
            counts["unreadable"] += 1
            _say(f"{row.path}: stays as it is: {error.message}")
        except ValidationError:
            counts["unreadable"] += 1
            _say(f"{row.path}: cannot be read, and stays as it is")
        else:
            if write:
                yield write


def _rewritten(store: DocumentStore, collection: str, row: Document) -> list[Write]:
    """The writes that bring a document up to date; none where no index needs that."""
    model = COLLECTIONS[collection]
    state = model.read(row.data)
    older = row.data.get(FORMAT, 1) < model.writes()
    missing = state.to_data(row.data).keys() - row.data.keys()
    if older or any(project_indexes().covers(collection, field) for field in missing):
        if isinstance(state, StoredCase):
            counted, marks = hanging.known(store, row.path, state)
            return [written(row.path, row, counted), *marks]
        return [written(row.path, row, state)]
    return []


def _commit(store: DocumentStore, rows: list[list[Write]], counts: Counter[str]) -> None:
    """Commits all that is still as it was read; halves where one is not, or it is too much."""
    if not rows:
        return
    writes = [write for row in rows for write in row]
    fits = len(writes) <= MAX_WRITES and commit_bytes(writes) <= store.max_commit_bytes
    if len(rows) == 1 or fits:
        try:
            store.commit(writes)
        except Conflict:
            if len(rows) == 1:
                counts["changed meanwhile"] += 1
                return
        else:
            counts["rewritten"] += len(rows)
            return
    half = len(rows) // 2
    _commit(store, rows[:half], counts)
    _commit(store, rows[half:], counts)


def _told(collection: str, counts: Counter[str]) -> str:
    return f"{collection}: " + ", ".join(f"{count} {what}" for what, count in counts.items())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
