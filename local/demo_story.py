"""The life of the demo tenant over four weeks: who did what, and when.

It is the same at each time that it is told, counted back from `now`: on working days, in office
hours, with what is open and due now relative to now.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from local.demo_cases import SLA_HOURS, About, closed
from local.demo_open import of_today
from local.demo_play import SCHEDULER, Desk, Step, made
from local.demo_questions import QUESTIONS, Question
from local.demo_steps import (
    asking,
    attaching,
    claiming,
    completing,
    deciding,
    opening,
    patching,
)
from shared.models.settings import SettingsPatch
from shared.repository import settings

_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_DAYS = 28
_OPENS, _CLOSES = 8, 17
_SATURDAY = 5
_PEOPLE = ("paul", "nora", "vera", "paul", "alex", "nora", "vera", "paul")
_SECONDS: dict[str, tuple[int, int]] = {
    "critical": (90, 360),
    "high": (240, 2_460),
    "normal": (900, 11_400),
    "low": (3_600, 30_000),
}
"""Between how many seconds decisions take, by priority."""


class _Life(NamedTuple):
    """When a case is open, so that something can be asked about it."""

    case_id: str
    about: About
    opened: datetime
    done: datetime


def story(now: datetime) -> list[Step]:
    """All steps, in no order."""
    chance = random.Random(7)  # noqa: S311 - no secret: it is to be the same each time
    days = _working_days(now)
    first = Step(days[0] - _HOUR, "alex", _set_up)
    lives: list[_Life] = []
    steps = [first]
    for place, (case_id, about) in enumerate(closed().items()):
        day = days[place * (len(days) - 3) // 44]
        opened = day + chance.randrange(0, 8 * 60) * _MINUTE
        took = min(_took(chance, about, place), now - opened - 3 * _HOUR)
        life = _Life(case_id, about, opened, opened + took)
        lives.append(life)
        steps += _past(life, place, now)
    steps += _asked(chance, days, lives, now)
    steps += of_today(now)
    return [step for step in steps if step.at < now]


def _working_days(now: datetime) -> list[datetime]:
    """When the office opened on the working days of the last four weeks, perhaps on today."""
    today = datetime.combine(now, time(_OPENS), UTC)
    days = (today - timedelta(days=back) for back in range(_DAYS, -1, -1))
    return [day for day in days if day.weekday() < _SATURDAY]


def _set_up(desk: Desk) -> None:
    wanted = made(
        SettingsPatch,
        slaHours={"default": 72, **SLA_HOURS},
        autoCloseDays=14,
        caseRetentionDays=2_555,
    )
    settings.update(desk.ledger, wanted)


def _took(chance: random.Random, about: About, place: int) -> timedelta:
    """How long a case took; one in ten is late."""
    share = 1.3 if place % 10 == 2 else 0.25 + 0.5 * chance.random()  # noqa: PLR2004
    return SLA_HOURS[about.decision_type] * share * _HOUR


def _past(life: _Life, place: int, now: datetime) -> list[Step]:
    """A case that is done: opened, taken, reviewed, perhaps sent back, approved, closed."""
    case_id, about, opened, done = life
    who = _PEOPLE[place % len(_PEOPLE)]
    took = done - opened
    steps = [
        Step(opened, "intake", opening(case_id, about)),
        Step(opened + 0.1 * took, who, claiming(case_id)),
        Step(opened + 0.12 * took, who, patching(case_id, status="in_review")),
        Step(done, who, patching(case_id, status="approved")),
    ]
    if place % 5 == 0:
        steps.append(Step(opened + _MINUTE, "intake", attaching(case_id, about)))
    if place % 7 == 3:  # noqa: PLR2004
        back = {"status": "needs_info", "reason": "Page 3 is not signed"}
        steps.append(Step(opened + 0.3 * took, who, patching(case_id, **back)))
        steps.append(Step(opened + 0.6 * took, who, patching(case_id, status="in_review")))
    reason = "Certificate issued" if "CSF" in about.title else "Explained and filed"
    last = done + min(2 * _HOUR, 0.5 * (now - done))
    steps.append(Step(last, who, patching(case_id, status="closed", reason=reason)))
    return steps


def _asked(
    chance: random.Random, days: list[datetime], lives: list[_Life], now: datetime
) -> Iterator[Step]:
    """What agents asked on each working day, and what became of it: all that is done by now."""
    number = 0
    for day in days:
        for _ in range(chance.randrange(4, 9)):
            number += 1
            at = day + chance.random() * min((_CLOSES - _OPENS) * _HOUR, now - day)
            steps = list(_one(chance, at, lives, number))
            if steps[-1].at < now:
                yield from steps


def _one(chance: random.Random, at: datetime, lives: list[_Life], number: int) -> Iterator[Step]:
    about = [life for life in lives if life.opened < at < life.done - _HOUR] or lives
    life = chance.choice(about)
    question = chance.choice(QUESTIONS[life.about.decision_type])
    least, most = _SECONDS[question.priority]
    name = f"{question.agent}-{number}"
    took = timedelta(seconds=least + (most - least) * chance.random() ** 2)
    inside = life.opened < at and at + took < life.done
    case_id = life.case_id if inside else None
    if number % 24 == 11:  # noqa: PLR2004
        yield Step(at, question.agent, asking(name, question, case_id, expires=took))
        yield Step(at + took + _MINUTE, SCHEDULER, lambda desk: desk.expire())
        return
    yield Step(at, question.agent, asking(name, question, case_id))
    yield from _decided(chance, name, question, at + took, number)


def _decided(
    chance: random.Random, name: str, question: Question, at: datetime, number: int
) -> Iterator[Step]:
    people = ["paul", "paul", "vera", "alex"]
    who = chance.choice(people if question.role == "pilot" else [*people, "nora", "nora"])
    agreed = number % 5 != 3  # noqa: PLR2004
    yield Step(at, who, deciding(name, question, agreed=agreed))
    if agreed and number % 3 == 0:
        yield Step(at + _MINUTE, question.agent, completing(name))
