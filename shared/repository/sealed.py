"""Reading a tenant's log: its checkpoint, its tiles, where an event is in it, and proofs.

`log/state` has the end of the log; `logBundles/{N}` and `logTiles/{L}-{N}` have what is full, and
never change. `shared/sweeps/appending.py` writes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import starmap
from typing import TypeVar

from pydantic import ValidationError

from shared import errors
from shared.documents.port import Document, DocumentStore, Filter, Order, Query, Rejected
from shared.documents.values import check_path
from shared.ledger import events
from shared.ledger.subjects import name_of, problem_of
from shared.models.events import Event
from shared.models.sealed import StoredBundle, StoredLog, StoredTile, parted, place_of
from shared.models.stored import StoredDocument
from shared.rules.note import proof_text
from shared.rules.tiles import WIDTH, hash_of_tiles
from shared.rules.tree import cover, inclusion, leaf_hash, root

M = TypeVar("M", bound=StoredDocument)
F = TypeVar("F", StoredBundle, StoredTile)
_KEPT = 8
"""How many documents of a log are kept in memory, for what is asked next."""
_HASHES = 4_096
"""How many hashes of subtrees are kept as well."""
_NOT_SEALED = "the event is not sealed yet: that happens a minute or two after it was recorded"


class ForgedError(errors.Unreadable):
    """A part of a log is not what the log was signed with; the message names the part."""


def state_path(tenant: str) -> str:
    """Where the end of a tenant's log is kept."""
    return f"tenants/{tenant}/log/state"


def origin(prefix: str, tenant: str, epoch: int) -> str:
    """The name of a tenant's log, which is also that of its keys."""
    return f"{prefix}/{tenant}" + (f"/{epoch}" if epoch > 1 else "")


def bundle_path(tenant: str, number: int) -> str:
    """Where a full bundle of entries is kept."""
    return f"tenants/{tenant}/logBundles/{number}"


def number_of(bundle: Document) -> int:
    """The number of a full bundle of entries. Raises Unreadable."""
    if not bundle.id.isdecimal():
        raise errors.Unreadable(f"{name_of(bundle.path)} is not called as a bundle is")
    return int(bundle.id)


def tile_path(tenant: str, level: int, number: int) -> str:
    """Where a full tile above level 0 is kept."""
    return f"tenants/{tenant}/logTiles/{level}-{number}"


def read(model: type[M], document: Document) -> M:
    """The model in a document of a log, in which each id names a document. Raises Unreadable."""
    try:
        found = model.read(document.data)
        for event_id in _ids(found):
            check_path(f"audit/{event_id}")
    except Rejected:
        problem = "it has an id that no document can have"
    except ValidationError as error:
        problem = problem_of(error)
    else:
        return found
    raise errors.Unreadable(f"{name_of(document.path)} cannot be read: {problem}")


def _ids(found: StoredDocument) -> list[str]:
    match found:
        case StoredBundle():
            return found.ids + found.late
        case StoredLog():
            return found.ids + found.late + found.unsealed
    return []


def opened(store: DocumentStore, tenant: str) -> Log | None:
    """A tenant's log as it is now; None where nothing was sealed yet."""
    return of(store, tenant, store.get(state_path(tenant)))


def of(store: DocumentStore, tenant: str, document: Document | None) -> Log | None:
    """The log whose state was read; None where nothing was sealed yet. Raises Unreadable."""
    state = read(StoredLog, document) if document else None
    return Log(store, tenant, state) if state and state.checkpoint else None


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of a log: its index, and the hash that it is, in hex."""

    index: int
    hash: str


class Log:
    """A tenant's log as it was when its state was read; what is full is read when it is needed.

    What is not as it was written, or missing, is Unreadable.
    """

    def __init__(self, store: DocumentStore, tenant: str, state: StoredLog) -> None:
        self.state = state
        self._store = store
        self._tenant = tenant
        self._kept: dict[str, StoredDocument] = {}
        # Proofs of one entry after the other have most of their hashes in common.
        self._tiles = lru_cache(_KEPT)(self.hashes)
        self._hash_of = lru_cache(_HASHES)(hash_of_tiles(self._tiles))
        # The bundles in which events were found last: those of a chain are often in the same.
        self._near = {state.size // WIDTH: state.last_bundle}

    @property
    def size(self) -> int:
        """How many entries it has."""
        return self.state.size

    @property
    def checkpoint(self) -> str:
        """The signed note that says its size and root."""
        return self.state.checkpoint

    def bundle(self, number: int) -> StoredBundle:
        """A bundle of entries, full or the last one."""
        if number == self.size // WIDTH:
            return self.state.last_bundle
        return self._full(StoredBundle, bundle_path(self._tenant, number), 0, number)

    def hashes(self, level: int, number: int) -> Sequence[bytes]:
        """The hashes of a tile, as many as there are."""
        if level == 0:
            return list(map(leaf_hash, parted(self.bundle(number).entries)))
        if number == self.size >> 8 * (level + 1):
            return parted(self.state.edge[level]) if level < len(self.state.edge) else []
        path = tile_path(self._tenant, level, number)
        return parted(self._full(StoredTile, path, level, number).hashes)

    def require(self, level: int, number: int, found: StoredBundle | StoredTile) -> None:
        """Raises ForgedError unless a full bundle, of level 0, or tile is what the tree has.

        The level above has its root, and so on up to the end of the log, which is signed. A bundle
        that was exchanged with the events of its entries would prove them otherwise.
        """
        if isinstance(found, StoredBundle):
            whole = root(map(leaf_hash, parted(found.entries)))
        else:
            whole = root(parted(found.hashes))
        above, place = divmod(number, WIDTH)
        if self._tiles(level + 1, above)[place : place + 1] != [whole]:
            what = f"logTiles/{level}-{number}" if level else f"logBundles/{number}"
            raise ForgedError(f"{what} is not what was signed")

    def entries(self, begin: int, end: int) -> Iterator[tuple[int, str, str]]:
        """The entries [begin, end): the index, the id of the event, and its hash in hex."""
        end = min(end, self.size)
        for number in range(begin // WIDTH, -(-end // WIDTH)):
            bundle = self.bundle(number)
            rows = zip(bundle.ids, parted(bundle.entries), strict=True)
            for index, (event_id, entry) in enumerate(rows, number * WIDTH):
                if begin <= index < end:
                    yield index, event_id, entry.hex()

    def index_of(self, event: Event) -> int | None:
        """The index of an event that is in the log with its hash; None for any other."""
        found = self.find(event)
        return found.index if found and found.hash == event.hash else None

    def find(self, event: Event) -> Found | None:
        """The entry of an event, by its time and id; None where there is none.

        It costs one read where it is in another bundle than the last one, and one more if it came
        late.
        """
        if self.is_ahead(event):
            return None
        for number, bundle in self._near.items():
            if event.id in bundle.ids:
                return _entry(number, bundle, event.id)
        place = place_of(event.created_at, event.id)
        in_order = Query(self._bundles, (Filter("until", ">=", place),), (Order("until"),), limit=1)
        for query in (in_order, self._late(event.id)):
            for row in self._store.query(query):
                number, bundle = number_of(row), read(StoredBundle, row)
                if number < self.size // WIDTH and event.id in bundle.ids:
                    self.require(0, number, bundle)
                    self._near = {**dict(list(self._near.items())[:1]), number: bundle}
                    self._keep(row.path, bundle)
                    return _entry(number, bundle, event.id)
        return None

    def came_late(self, event_id: str) -> bool:
        """Whether an event was appended after its time had been sealed."""
        if event_id in self.state.late:
            return True
        return bool(self._store.query(self._late(event_id)))

    def is_ahead(self, event: Event) -> bool:
        """Whether an event is newer than what has been sealed."""
        later = place_of(event.created_at, event.id) > self.state.until
        return later and event.id not in self.state.ids

    def range_proof(self, begin: int, end: int) -> tuple[list[bytes], list[bytes]]:
        """What makes the checkpoint's root of the entries [begin, end): the hashes around them."""
        before, after = cover(begin, end, self.size)
        return list(starmap(self._hash_of, before)), list(starmap(self._hash_of, after))

    def proof(self, index: int) -> str:
        """The tlog-proof of the entry at an index."""
        return proof_text(index, inclusion(index, self.size, self._hash_of), self.checkpoint)

    def _late(self, event_id: str) -> Query:
        """The query for the full bundle to which an event came late."""
        return Query(self._bundles, (Filter("late", "array_contains", event_id),), limit=1)

    @property
    def _bundles(self) -> str:
        return f"tenants/{self._tenant}/logBundles"

    def _full(self, model: type[F], path: str, level: int, number: int) -> F:
        found = self._kept.get(path)
        if not isinstance(found, model):
            document = self._store.get(path)
            if document is None:
                raise errors.Unreadable(f"{name_of(path)} is missing in the log")
            found = read(model, document)
            self.require(level, number, found)
            self._keep(path, found)
        return found

    def _keep(self, path: str, found: StoredDocument) -> None:
        if len(self._kept) == _KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[path] = found


def prove(store: DocumentStore, tenant: str, event_id: str) -> str:
    """The tlog-proof of an event.

    Raises NotFound where there is no such event, and FailedPrecondition while it is not sealed, or
    where the log has another one in its place.
    """
    document, state = store.get_many([events.path(tenant, event_id), state_path(tenant)])
    if document is None:
        raise errors.NotFound(f"audit/{event_id} does not exist")
    event, log = events.valid(document), of(store, tenant, state)
    if event is None:
        raise errors.Unreadable(f"audit/{event_id} cannot be read")
    found = log.find(event) if log else None
    if log is None or found is None:
        raise errors.FailedPrecondition(_NOT_SEALED)
    if found.hash != event.hash:
        raise errors.FailedPrecondition(f"the event differs from entry {found.index} of the log")
    return log.proof(found.index)


def _entry(number: int, bundle: StoredBundle, event_id: str) -> Found:
    place = bundle.ids.index(event_id)
    return Found(number * WIDTH + place, parted(bundle.entries)[place].hex())
