"""What a log shows of itself: to the members of its tenant, and where it is public to everybody.

A log that is not there, of another tenant, or that cannot be read is the same to a stranger.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from shared.documents.port import Document, DocumentStore
from shared.errors import InvalidArgument, NotFound, Unreadable
from shared.ledger.kinds.tenants import TENANT
from shared.ledger.subjects import load
from shared.models.raw import Octets, PlainText
from shared.models.sealed import StoredBundle, StoredTile, parted
from shared.repository import sealed
from shared.rules.callers import Caller
from shared.rules.tiles import WIDTH, Level, Tile, bundle, parse_tile_path, tile_width, tree_level
from shared.rules.tree import leaf_hash

NOT_THERE = "there is no such log or tile yet, or it is not public"
_SHORT, _FOR_EVER = 10, 31_536_000
"""How many seconds an answer may be kept: full tiles never change; HTTP means a year by ever."""


def checkpoint(store: DocumentStore, tenant: str, caller: Caller) -> PlainText:
    """The signed checkpoint of a log. Raises NotFound."""
    (state,) = _asked(store, tenant, caller, [sealed.state_path(tenant)])
    try:
        log = sealed.of(store, tenant, state)
    except Unreadable:
        _tell_members(tenant, caller)
        raise
    if log is None:
        raise NotFound(NOT_THERE)
    public = caller.tenant != tenant
    return PlainText(content=log.checkpoint.encode(), seconds=_SHORT, public=public)


def tile(store: DocumentStore, tenant: str, path: str, caller: Caller) -> Octets:
    """A tile or a bundle of entries, by its path in tlog-tiles. Raises NotFound, InvalidArgument.

    One read for a full one, two for the last one of its level; for a stranger one more.
    """
    try:
        wanted = parse_tile_path(path)
    except ValueError:
        raise InvalidArgument.field("tile", "is not the path of a tile of tlog-tiles") from None
    level = tree_level(wanted.level)
    full_path = (
        sealed.tile_path(tenant, level, wanted.number)
        if level
        else sealed.bundle_path(tenant, wanted.number)
    )
    is_full = wanted.width == WIDTH
    paths = [full_path] if is_full else [full_path, sealed.state_path(tenant)]
    full, *state = _asked(store, tenant, caller, paths)
    try:
        found = _full(level, full) if full else []
        if state and not full:
            found = _last(store, tenant, wanted, state[0])
    except (Unreadable, ValueError):
        _tell_members(tenant, caller)
        raise
    if len(found) < wanted.width:
        raise NotFound(NOT_THERE)
    content = _content(wanted.level, found[: wanted.width])
    seconds = _FOR_EVER if is_full else _SHORT
    return Octets(content=content, seconds=seconds, public=caller.tenant != tenant)


def _asked(
    store: DocumentStore, tenant: str, caller: Caller, paths: Sequence[str]
) -> list[Document | None]:
    """The documents, for members; for others where the settings say so. Raises NotFound."""
    if caller.tenant == tenant:
        return store.get_many(paths)
    settings, *found = store.get_many([TENANT.path(tenant, ""), *paths])
    try:
        stored = load(TENANT, settings)
    except (Unreadable, ValidationError):
        stored = None
    if stored is None or not stored.public_log:
        raise NotFound(NOT_THERE)
    return found


def _tell_members(tenant: str, caller: Caller) -> None:
    """Lets only members know that their log cannot be read. Raises NotFound for others."""
    if caller.tenant != tenant:
        raise NotFound(NOT_THERE) from None


def _full(level: int, document: Document) -> list[bytes]:
    if level:
        return parted(sealed.read(StoredTile, document).hashes)
    return parted(sealed.read(StoredBundle, document).entries)


def _last(store: DocumentStore, tenant: str, wanted: Tile, state: Document | None) -> list[bytes]:
    """What the last tile of a level has, where that is the one that is asked for."""
    log = sealed.of(store, tenant, state)
    level = tree_level(wanted.level)
    if log is None or tile_width(level, wanted.number, log.size) in (0, WIDTH):
        return []
    return parted(log.state.edge[level])


def _content(level: Level, found: Sequence[bytes]) -> bytes:
    if level == "entries":
        return bundle(found)
    return b"".join(found if level else map(leaf_hash, found))
