"""Decisions, their options, the services and planned euros they touch, and their handlings in bodies."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

from app.database import JSON_TYPE, Row, one_of
from app.services.models import ImpactClass
from app.services.rules import HintOutcome


class DecisionObject(StrEnum):
    """What is looked at: a decision to be taken, or an activity under review."""

    DECISION = "decision"
    ACTIVITY = "activity"


class Publicity(StrEnum):
    """Whether the matter is public; only what is not secret can be published."""

    PUBLIC = "public"
    PARTLY_SECRET = "partly_secret"  # noqa: S105  (a code, no password)
    SECRET = "secret"  # noqa: S105  (likewise)


class DecisionState(StrEnum):
    """Where the decision is on its way; rules.MOVES says which ways there are."""

    DRAFT = "draft"
    IN_PREPARATION = "in_preparation"
    PRESENTED = "presented"
    TABLED = "tabled"
    RETURNED = "returned"
    DECIDED = "decided"
    IMPLEMENTING = "implementing"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class ClearanceKind(StrEnum):
    """How a decision was cleared."""

    APPROVED = "approved"
    NOT_NEEDED = "not_needed"


class LapseReason(StrEnum):
    """Why a clearance no longer holds: a part of the proposal that changed, or a screening that now says `needed`."""

    TITLE = "title"
    OPTIONS = "options"
    PLANNED_CHANGES = "planned_changes"
    NEEDED_AFTER_ALL = "needed_after_all"


class HandlingOutcome(StrEnum):
    """What a body did with the matter."""

    DECIDED = "decided"
    AMENDED = "amended"
    TABLED = "tabled"
    RETURNED = "returned"


class SourceStatus(StrEnum):
    """Where a case-management system says that the matter is. What bodies did with it is told by handlings."""

    IN_PREPARATION = "in_preparation"
    ON_AGENDA = "on_agenda"
    WITHDRAWN = "withdrawn"


class RecommendationAnswer(StrEnum):
    """Whether the decision followed a recommendation of the assessment."""

    FOLLOWED = "followed"
    PARTLY = "partly"
    NOT_FOLLOWED = "not_followed"


class Decision(Row, table=True):
    """What is decided in a case; a case (diary number) may hold several, told apart by `decision_key`."""

    __tablename__ = "decision"
    __table_args__ = (
        UniqueConstraint("organisation_id", "source", "natural_number", "decision_key", name="uq_decision_natural_key"),
        one_of("object", DecisionObject),
        one_of("publicity", Publicity),
        one_of("state", DecisionState),
        one_of("clearance_kind", ClearanceKind),
        one_of("hint_outcome", HintOutcome),
        one_of("impact_class", ImpactClass),
        CheckConstraint("publicity = 'public' OR publicity_grounds IS NOT NULL", name="publicity_grounds"),
        CheckConstraint("(clearance_kind IS NULL) = (clearance IS NULL)", name="clearance"),
        Index("ix_decision_diary", "organisation_id", "diary_key"),
        Index("ix_decision_newest", "organisation_id", "id"),
        Index("ix_decision_meeting", "organisation_id", "meeting_date"),
        Index("ix_decision_follow_up", "organisation_id", "follow_up_on"),
    )

    source: str = Field(max_length=60)
    diary_number: str = Field(max_length=100)
    natural_number: str = Field(max_length=100)
    diary_key: str = Field(max_length=200)
    decision_key: str = Field(default="1", max_length=100)
    object: str
    title: dict[str, str] = Field(sa_type=JSON_TYPE)
    search_text: str = Field(sa_type=Text)
    unit_id: UUID | None = Field(default=None, foreign_key="unit.id")
    preparer_id: UUID | None = Field(default=None, foreign_key="account.id")
    task_class_code: str | None = Field(default=None, max_length=60)
    task_class_title: str | None = Field(default=None, max_length=300)
    excluded: bool = False
    publicity: str
    publicity_grounds: str | None = Field(default=None, max_length=300)
    language: str = Field(max_length=2)
    documents: list[dict[str, Any]] = Field(sa_type=JSON_TYPE)
    body: str | None = Field(default=None, max_length=300)
    meeting_date: date | None = None
    state: str = DecisionState.DRAFT
    hint: dict[str, Any] = Field(sa_type=JSON_TYPE)
    hint_outcome: str
    impact_class: str | None = None
    assessment_id: UUID | None = None
    assessment_state: str | None = Field(default=None, max_length=20)
    clearance_kind: str | None = None
    clearance: dict[str, Any] | None = Field(default=None, sa_type=JSON_TYPE)
    clearance_lapse: dict[str, Any] | None = Field(default=None, sa_type=JSON_TYPE)
    clearances: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON_TYPE)
    override_reason: str | None = Field(default=None, sa_type=Text)
    uncleared: bool = False
    decided_on: date | None = None
    chosen_option_id: UUID | None = None
    follow_up_on: date | None = None
    kept_by_source: list[str] = Field(default_factory=list, sa_type=JSON_TYPE)
    told_by_source: dict[str, Any] | None = Field(default=None, sa_type=JSON_TYPE)


class Option(Row, table=True):
    """An alternative in the decision; VE0 is 'no change'."""

    __tablename__ = "option"
    __table_args__ = (UniqueConstraint("decision_id", "code"),)

    decision_id: UUID = Field(foreign_key="decision.id", index=True)
    code: str = Field(max_length=10)
    title: dict[str, str] = Field(sa_type=JSON_TYPE)
    description: str | None = Field(default=None, sa_type=Text)


class DecisionCostCentre(SQLModel, table=True):
    """A cost centre that the decision touches."""

    __tablename__ = "decision_cost_centre"

    decision_id: UUID = Field(primary_key=True, foreign_key="decision.id")
    cost_centre_id: UUID = Field(primary_key=True, foreign_key="cost_centre.id", index=True)


class DecisionServiceClass(SQLModel, table=True):
    """A service class that the decision touches."""

    __tablename__ = "decision_service_class"

    decision_id: UUID = Field(primary_key=True, foreign_key="decision.id")
    service_class_id: UUID = Field(primary_key=True, foreign_key="service_class.id", index=True)


class PlannedChange(SQLModel, table=True):
    """Planned change in the budget of one cost centre and year, in cents; a saving is negative."""

    __tablename__ = "planned_change"
    __table_args__ = (UniqueConstraint("decision_id", "cost_centre_id", "year"),)

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    decision_id: UUID = Field(foreign_key="decision.id")
    cost_centre_id: UUID = Field(foreign_key="cost_centre.id", index=True)
    year: int
    cents: int = Field(sa_type=BigInteger)


class Handling(Row, table=True):
    """A body's handling of the decision in one meeting."""

    __tablename__ = "handling"
    __table_args__ = (one_of("outcome", HandlingOutcome), UniqueConstraint("decision_id", "source_key"))

    decision_id: UUID = Field(foreign_key="decision.id", index=True)
    body: str = Field(max_length=300)
    meeting_date: date
    section: str | None = Field(default=None, max_length=20)
    outcome: str
    option_id: UUID | None = Field(default=None, foreign_key="option.id")
    amendment: str | None = Field(default=None, sa_type=Text)
    uncleared: bool
    answers: list[dict[str, Any]] = Field(sa_type=JSON_TYPE)
    recorded_at: datetime
    source_key: str | None = Field(default=None, max_length=100)
