"""Follow-ups, their outcomes, and the impacts that nobody predicted."""

from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint
from sqlmodel import Field

from app.assessments.models import Direction, Reviewed
from app.database import JSON_TYPE, Row, one_of
from app.services.models import ImpactClass


class FollowUpState(StrEnum):
    """Where the follow-up is on its way; rules.MOVES says which ways there are."""

    DRAFTING = "drafting"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    PUBLISHED = "published"


class Realised(StrEnum):
    """Whether a prediction came true."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"
    TOO_EARLY = "too_early"


class FollowUpDue(StrEnum):
    """Whether it is time, computed from the decision's date."""

    SCHEDULED = "scheduled"
    DUE = "due"
    OVERDUE = "overdue"


class FollowUp(Reviewed, table=True):
    """One look at what a decision did."""

    __tablename__ = "follow_up"
    __table_args__ = (
        UniqueConstraint("decision_id", "round"),
        one_of("state", FollowUpState),
        CheckConstraint("state NOT IN ('approved', 'published') OR seal_id IS NOT NULL", name="sealed"),
        Index("ix_follow_up_newest", "organisation_id", "id"),
    )

    decision_id: UUID = Field(foreign_key="decision.id", index=True)
    round: int
    scheduled_on: date
    assessment_id: UUID | None = Field(default=None, foreign_key="assessment.id")
    option_id: UUID | None = Field(default=None, foreign_key="option.id")
    summary: str | None = Field(default=None, sa_type=Text)
    actions: str | None = Field(default=None, sa_type=Text)


class Outcome(Row, table=True):
    """What became of one predicted impact."""

    __tablename__ = "outcome"
    __table_args__ = (
        UniqueConstraint("follow_up_id", "impact_id"),
        one_of("realised", Realised),
        one_of("direction", Direction),
    )

    follow_up_id: UUID = Field(foreign_key="follow_up.id", index=True)
    impact_id: UUID = Field(foreign_key="impact.id", index=True)
    realised: str
    direction: str | None = None
    description: str | None = Field(default=None, sa_type=Text)
    indicators: list[dict[str, Any]] = Field(sa_type=JSON_TYPE)


class UnintendedImpact(Row, table=True):
    """An impact that nobody predicted."""

    __tablename__ = "unintended_impact"
    __table_args__ = (one_of("impact_class", ImpactClass), one_of("direction", Direction))

    follow_up_id: UUID = Field(foreign_key="follow_up.id", index=True)
    description: str = Field(sa_type=Text)
    impact_class: str
    direction: str
    age_groups: list[str] = Field(sa_type=JSON_TYPE)
    child_groups: list[str] = Field(sa_type=JSON_TYPE)
