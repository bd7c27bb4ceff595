"""Which endpoints hear of an event, and what is changed of an endpoint. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from shared.errors import InvalidArgument
from shared.models.events import Event, EventType
from shared.models.webhooks import (
    KINDS,
    EventFilter,
    NewWebhook,
    SealedParts,
    StoredEndpoint,
    Webhook,
    WebhookPatch,
)
from shared.rules.addresses import LOCAL_NAMES, is_refused

BY_ADMIN = "by an admin"
_REQUESTED, _ASKED = EventType.INTERVENTION_REQUESTED, "asked"


def matches(endpoint: StoredEndpoint, event: Event) -> bool:
    """Whether an endpoint hears of an event: it is not disabled, and asked for this one."""
    return (
        endpoint.disabled_at is None
        and any(_named(pattern, event) for pattern in endpoint.events)
        and all(_holds(name, wanted, event) for name, wanted in endpoint.filter.items())
    )


def _named(pattern: str, event: Event) -> bool:
    kind, star, _ = pattern.partition(".*")
    if star:
        # What happened elsewhere, maybe years ago, is no news: an import has up to 100 of it.
        is_news = event.event_type != EventType.IMPORTED
        return is_news and event.subject.partition("/")[0] == KINDS.get(kind)
    return pattern == "*" or pattern.replace(".", "_") == event.event_type


def _holds(name: str, wanted: Any, event: Event) -> bool:
    match name:
        case "caseId":
            return bool(event.case_id == wanted)
        case "agentId":
            return bool(event.agent_id == wanted)
        case "severity":
            return event.severity in wanted
        case "askedBy":
            return bool(_asked_by(event) == wanted)
        case _:
            # A newer release has stored it. What it leaves out is not known, so nothing is sent.
            return False


def _asked_by(event: Event) -> str | None:
    """Who asked for the intervention that an event is about; None where it does not tell."""
    if not event.subject.startswith("interventions/"):
        return None
    if event.event_type == _REQUESTED:
        return event.actor.subject
    asked = event.meta.get(_ASKED)
    return asked.get("by") if isinstance(asked, Mapping) else None


def require_address(url: str, *, local: bool) -> None:
    """Raises InvalidArgument for an address that nothing is sent to, by its form alone.

    `local` says that `http://` to this machine is allowed.
    """
    parts = _split(url)
    loopback = local and parts.scheme == "http" and parts.hostname in LOCAL_NAMES
    if not parts.hostname or not (parts.scheme == "https" or loopback):
        raise _bad("must be an https:// address")
    if not loopback and is_refused(parts.hostname, local=local):
        raise _bad("must not be an address of a private network")
    if "@" in parts.netloc:
        raise _bad("must not have a user name or password")
    if parts.fragment or url.endswith("#"):
        raise _bad("must not have a fragment")


def shown_address(url: str) -> str:
    """An address without what may be a secret: many receivers know a sender by path or query."""
    parts = _split(url)
    rest = "/…" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{rest}"


def made(new: NewWebhook, by: str, now: datetime) -> StoredEndpoint:
    """A new endpoint, as events show it."""
    return StoredEndpoint(
        url=shown_address(new.url),
        events=new.events,
        filter=_conditions(new.filter),
        description=new.description,
        format=new.format,
        created_at=now,
        created_by=by,
        updated_at=now,
    )


def patched(
    old: StoredEndpoint, patch: WebhookPatch, url: str, now: datetime
) -> StoredEndpoint | None:
    """The endpoint with what is given; `url` is its address as it is shown. None for no change.

    A new address counts as a change, even where it is shown as the one before.
    """
    given = patch.model_fields_set
    fields = {name: getattr(patch, name) for name in given - {"url", "filter", "disabled"}}
    if "filter" in given:
        fields["filter"] = _conditions(patch.filter)
    new = old.model_copy(update={**fields, "url": url})
    if "disabled" in given and patch.disabled != (old.disabled_at is not None):
        new = disabled(new, BY_ADMIN, now) if patch.disabled else enabled(new)
    if new == old and "url" not in given:
        return None
    return new.model_copy(update={"updated_at": now})


def disabled(old: StoredEndpoint, reason: str, now: datetime) -> StoredEndpoint:
    """The endpoint, which hears of nothing from now on."""
    fields = {"disabled_at": now, "disabled_reason": reason, "updated_at": now}
    return old.model_copy(update=fields)


def enabled(old: StoredEndpoint) -> StoredEndpoint:
    """The endpoint, which hears of events again."""
    return old.model_copy(update={"disabled_at": None, "disabled_reason": None})


def both_sign(parts: SealedParts, now: datetime) -> bool:
    """Whether the secret from before the last rotation still signs."""
    return parts.previous_secret_until is not None and now < parts.previous_secret_until


def shown(webhook_id: str, endpoint: StoredEndpoint, parts: SealedParts, now: datetime) -> Webhook:
    """The endpoint as its admins see it."""
    return Webhook(
        id=webhook_id,
        **{name: getattr(endpoint, name) for name in StoredEndpoint.model_fields},
        previous_secret_until=parts.previous_secret_until if both_sign(parts, now) else None,
    )


def _conditions(wanted: EventFilter | None) -> dict[str, Any]:
    return wanted.model_dump(by_alias=True, exclude_none=True) if wanted else {}


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        # It is parsed when it is asked for.
        if parts.port == 0:
            raise _bad("must not have port 0")
    except ValueError:
        raise _bad("must be an https:// address") from None
    return parts


def _bad(problem: str) -> InvalidArgument:
    return InvalidArgument.field("url", problem)
