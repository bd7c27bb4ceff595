"""A tenant's settings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from shared.models.base import UNSET, Id, Model
from shared.models.subjects import Subject

MAX_TYPES = 200
Hours = Annotated[int, Field(ge=1, le=87_600)]
Minutes = Annotated[int, Field(ge=1, le=5_256_000)]
Days = Annotated[int, Field(ge=1, le=36_500)]


class Settings(Model):
    """What a tenant has decided; these are the values until it does.

    `slaHours` by decision type, `default` for the others; a type without hours has no due date.
    `autoCloseDays` and `caseRetentionDays` are null where nothing closes or goes by itself;
    `runTimeoutMinutes`, of runs that start from then on, where none fails by itself.
    """

    versioned: ClassVar[bool] = True

    sla_hours: dict[str, int] = {"default": 72}
    auto_close_days: int | None = None
    intervention_retention_days: int = 90
    case_retention_days: int | None = None
    run_timeout_minutes: int | None = 10_080

    def due_hours(self, decision_type: str) -> int | None:
        """The hours that a case of this type may take, or None."""
        return self.sla_hours.get(decision_type, self.sla_hours.get("default"))


class SettingsPatch(Model):
    """Settings to change. In `slaHours` named types are changed, null removes one (RFC 7396)."""

    sla_hours: Annotated[dict[Id, Hours | None], Field(max_length=MAX_TYPES)] = UNSET
    auto_close_days: Days | None = UNSET
    intervention_retention_days: Days = UNSET
    case_retention_days: Days | None = UNSET
    run_timeout_minutes: Minutes | None = UNSET


class StoredSettings(Settings, Subject):
    """Settings as stored on the tenant's document, with the end of the tenant's own audit chain.

    The times are since when there may be cases or interventions that wait by older settings.
    """

    closing_changed_at: datetime | None = None
    retention_changed_at: datetime | None = None
