"""What a case's trail says of its runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.models.events import Event
from shared.models.run import OPEN_RUN
from shared.rules.replay import Part, Said, erased, stamp_of

_TEXTS = ("input", "output", "errors")


def take(runs: dict[str, Part], event: Event) -> None:
    """Takes the next older event of a run."""
    meta, stamp = event.meta, stamp_of(event)
    name, sequence = str(meta["runId"]), event.sequence
    part = runs.get(name)
    if part is None:
        ended = meta["status"] not in OPEN_RUN
        told = {
            "status": meta["status"],
            "agentId": event.agent_id,
            "version": meta.get("version"),
            "caseId": event.case_id,
            "updatedAt": stamp.at,
            "finishedAt": stamp.at if ended else None,
            "startedAt": None,
            **dict.fromkeys(_TEXTS),
        }
        part = Part(sequence, fields={key: Said(sequence, [told[key]]) for key in told})
        pack = None if "/meta/packId" in erased(event) else [meta.get("packId")]
        part.fields["packId"] = Said(sequence, pack)
        if ended:
            part.fields["timeoutAt"] = Said(sequence, [None])
        elif stamp.salted:
            part.fields["timeoutAt"] = Said(sequence, [meta.get("timeoutAt")])
        runs[name] = part
    if meta["status"] == "running":
        part.fields["startedAt"] = stamp.time()
    part.fields |= {"createdAt": stamp.time(), "createdBy": stamp.by()}
    for text in _TEXTS:
        if f"{text}Sha256" in meta and part.fields[text].values == [None]:
            part.fields[text] = Said(sequence, [meta[f"{text}Sha256"]])


def open_of(runs: Mapping[str, Part]) -> int:
    """How many of the runs have not ended."""
    statuses = (part.fields["status"].values for part in runs.values())
    return sum(values is not None and values[0] in OPEN_RUN for values in statuses)


def settle(runs: Mapping[str, Part]) -> None:
    """Ends: how long each run took is known once all events were taken."""
    for run in runs.values():
        took = _took(run.fields["startedAt"], run.fields["finishedAt"])
        run.fields["durationSeconds"] = Said(run.sequence, took)


def _took(started: Said, finished: Said) -> list[Any]:
    """How long a run may say that it took, in seconds; the first release also said less than 0."""
    times = [said.values[0] for said in (started, finished) if said.values and said.values[0]]
    if len(times) < 2:  # noqa: PLR2004 - both
        return [None]
    begin, end = (datetime.fromisoformat(str(time)) for time in times)
    seconds = round((end - begin).total_seconds(), 3)
    return [max(0.0, seconds), seconds]
