"""A tenant's settings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from shared.models.approvals import People
from shared.models.base import UNSET, Id, Model
from shared.models.intervention import InterventionType
from shared.models.subjects import Subject

MAX_TYPES = 200
Hours = Annotated[int, Field(ge=1, le=87_600)]
Minutes = Annotated[int, Field(ge=1, le=5_256_000)]
MAX_DAYS = 36_500
Days = Annotated[int, Field(ge=1, le=MAX_DAYS)]
TrailDays = Annotated[int, Field(ge=30, le=MAX_DAYS)]
"""Not fewer than it may take until somebody asks what happened."""


class Settings(Model):
    """A tenant's settings.

    Until the tenant changes them, every case is due within 72 hours, interventions are kept for 90
    days, runs fail after 10,080 minutes (7 days), no case is closed or removed automatically,
    claims hold until they are given up, and one person decides.
    """

    versioned: ClassVar[bool] = True

    sla_hours: dict[str, int] = {"default": 72}
    """Within how many hours a case is due, by type of decision; `default` is for the other types. A
    type without hours has no due date.
    """
    auto_close_days: int | None = None
    """After how many days an approved case is closed automatically; null for never."""
    intervention_retention_days: int = 90
    """How many days an intervention is kept after it is done."""
    case_retention_days: int | None = None
    """How many days a case is kept after it is closed; null keeps it for ever."""
    run_timeout_minutes: int | None = 10_080
    """After how many minutes a run fails automatically, for runs that start from now on; null for
    never.
    """
    public_log: bool = False
    """Whether everybody may read the log of the tenant's events, which has their hashes only."""
    trail_personal_data_days: int | None = None
    """After how many days personal data and texts are erased from audit events whose case is closed
    and under no legal hold; null for never.
    """
    claim_minutes: int | None = None
    """For how many minutes a case or an intervention is held by who claims it, for claims from now
    on: after that, somebody else can claim it. Null: until they give it up.
    """
    approvals_required: dict[InterventionType, int] = {}
    """How many people must approve an intervention at least, by its type; one where nothing is
    said. For what is asked from now on.
    """
    person_figures: bool = True
    """Whether pilots, admins and auditors see how much each person decided."""

    def due_hours(self, decision_type: str) -> int | None:
        """The hours that a case of this type may take, or None."""
        return self.sla_hours.get(decision_type, self.sla_hours.get("default"))

    def people_for(self, kind: InterventionType) -> int:
        """How many people must approve an intervention of this type at least."""
        return self.approvals_required.get(kind, 1)


class SettingsPatch(Model):
    """Settings to change.

    In `slaHours` and `approvalsRequired` named types are changed, null removes one (RFC 7396).
    """

    sla_hours: Annotated[dict[Id, Hours | None], Field(max_length=MAX_TYPES)] = UNSET
    """Within how many hours a case is due, by type of decision: the types that are named are
    changed, null removes one.
    """
    auto_close_days: Days | None = UNSET
    """After how many days an approved case is closed automatically; null for never."""
    intervention_retention_days: Days = UNSET
    """How many days an intervention is kept after it is done."""
    case_retention_days: Days | None = UNSET
    """How many days a case is kept after it is closed; null keeps it for ever."""
    run_timeout_minutes: Minutes | None = UNSET
    """After how many minutes a run fails automatically, for runs that start from then on; null for
    never.
    """
    public_log: bool = UNSET
    """Whether everybody may read the log of the tenant's events, which has their hashes only."""
    trail_personal_data_days: TrailDays | None = UNSET
    """After how many days personal data and texts are erased from audit events whose case is closed
    and under no legal hold, for good; at least 30. Null for never.
    """
    claim_minutes: Minutes | None = UNSET
    """For how many minutes a case or an intervention is held by who claims it, for claims from then
    on: after that, somebody else can claim it. Null: until they give it up.
    """
    approvals_required: dict[InterventionType, People | None] = UNSET
    """How many people must approve an intervention at least, by its type, from 1 to 5: the types
    that are named are changed, null removes one. For what is asked from then on.
    """
    person_figures: bool = UNSET
    """Whether pilots, admins and auditors see how much each person decided; with `false` nobody
    does.
    """


class StoredSettings(Settings, Subject):
    """Settings as stored on the tenant's document, with the end of the tenant's own audit chain.

    The times are since when there may be cases or interventions that wait by older settings.
    """

    closing_changed_at: datetime | None = None
    retention_changed_at: datetime | None = None
