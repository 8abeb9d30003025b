"""Forms, assessments and their parts, comments and seals."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

from app.attachments.models import AttachmentKind, ScanState
from app.database import JSON_TYPE, Row, one_of
from app.services.models import ImpactClass


class AssessmentState(StrEnum):
    """Where the assessment is on its way; rules.MOVES says which ways there are."""

    SCREENING = "screening"
    NOT_NEEDED = "not_needed"
    DRAFTING = "drafting"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    APPROVED = "approved"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class ScreeningOutcome(StrEnum):
    """What the screening proposes."""

    NEEDED = "needed"
    NOT_NEEDED = "not_needed"


class Extent(StrEnum):
    """How thorough the assessment is to be."""

    LIGHT = "light"
    FULL = "full"


class Manner(StrEnum):
    """Made separately, or within another impact assessment."""

    SEPARATE = "separate"
    WITHIN_OTHER = "within_other"


class Direction(StrEnum):
    """Which way an impact goes for children."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    MIXED = "mixed"
    NEUTRAL = "neutral"


class Magnitude(StrEnum):
    """How large an impact is."""

    SMALL = "small"
    MODERATE = "moderate"
    LARGE = "large"


class Likelihood(StrEnum):
    """How likely an impact is."""

    UNLIKELY = "unlikely"
    POSSIBLE = "possible"
    LIKELY = "likely"
    CERTAIN = "certain"


class Term(StrEnum):
    """When an impact shows."""

    SHORT = "short"
    LONG = "long"


class AreaKind(StrEnum):
    """On which level an impact shows (seed 003)."""

    COUNTY = "county"
    MUNICIPALITY = "municipality"
    FAMILY_CENTRE = "family_centre"


class EvidenceKind(StrEnum):
    """What kind of knowledge it is."""

    STATISTIC = "statistic"
    RESEARCH = "research"
    EXPERT = "expert"
    CHILDREN_SURVEY = "children_survey"
    EXPERIENCE = "experience"


class HearingParty(StrEnum):
    """Who was heard."""

    CHILDREN = "children"
    PARENTS = "parents"
    PROFESSIONALS = "professionals"


class HearingMethod(StrEnum):
    """How they were heard."""

    SURVEY = "survey"
    INTERVIEW = "interview"
    WORKSHOP = "workshop"
    YOUTH_COUNCIL = "youth_council"
    OTHER = "other"


class RecommendationKind(StrEnum):
    """What is recommended (General Comment 14, § 99)."""

    CHANGE = "change"
    ALTERNATIVE = "alternative"
    IMPROVEMENT = "improvement"


class Form(Row, table=True):
    """One immutable edition of a form: order, labels and help in three languages, and the county's own questions."""

    __tablename__ = "form"
    __table_args__ = (UniqueConstraint("organisation_id", "key", "edition"),)

    key: str = Field(max_length=60)
    edition: int
    title: dict[str, str] = Field(sa_type=JSON_TYPE)
    definition: dict[str, Any] = Field(sa_type=JSON_TYPE)


class Seal(SQLModel, table=True):
    """Sealed content: the exact canonical JSON, its SHA-256, and who signed it. Triggers refuse UPDATE and DELETE."""

    __tablename__ = "seal"

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    object_type: str = Field(max_length=40)
    object_id: UUID = Field(index=True)
    content: str = Field(sa_type=Text)
    digest: str = Field(max_length=64)
    signed_by: UUID
    signed_at: datetime


class Reviewed(Row):
    """What is written by some, approved and sealed by another, and published."""

    state: str
    authors: list[str] = Field(sa_type=JSON_TYPE)
    return_comment: str | None = Field(default=None, sa_type=Text)
    seal_id: UUID | None = Field(default=None, foreign_key="seal.id")
    signed_by: UUID | None = None
    signed_at: datetime | None = None
    published_by: UUID | None = None
    published_at: datetime | None = None


class Assessment(Reviewed, table=True):
    """One edition of the assessment of a decision."""

    __tablename__ = "assessment"
    __table_args__ = (
        UniqueConstraint("decision_id", "edition"),
        one_of("state", AssessmentState),
        one_of("extent", Extent),
        one_of("manner", Manner),
        CheckConstraint("state NOT IN ('approved', 'published') OR seal_id IS NOT NULL", name="sealed"),
        CheckConstraint("NOT (interest_yields AND interest_yields_reason IS NULL)", name="interest_yields"),
        Index(
            "uq_assessment_open",
            "decision_id",
            unique=True,
            sqlite_where=text("state IN ('screening', 'drafting', 'in_review', 'returned')"),
            postgresql_where=text("state IN ('screening', 'drafting', 'in_review', 'returned')"),
        ),
        Index("ix_assessment_newest", "organisation_id", "id"),
    )

    decision_id: UUID = Field(foreign_key="decision.id", index=True)
    edition: int
    supersedes_id: UUID | None = Field(default=None, foreign_key="assessment.id")
    form_id: UUID = Field(foreign_key="form.id")
    extent: str
    manner: str
    screening: dict[str, Any] | None = Field(default=None, sa_type=JSON_TYPE)
    summary: str | None = Field(default=None, sa_type=Text)
    best_interests: str | None = Field(default=None, sa_type=Text)
    competing_interests: str | None = Field(default=None, sa_type=Text)
    interest_yields: bool | None = None
    interest_yields_reason: str | None = Field(default=None, sa_type=Text)
    changes_made: str | None = Field(default=None, sa_type=Text)
    child_friendly: str | None = Field(default=None, sa_type=Text)
    follow_up_plan: str | None = Field(default=None, sa_type=Text)
    answers: dict[str, Any] = Field(sa_type=JSON_TYPE)
    assessed: dict[str, str] | None = Field(default=None, sa_type=JSON_TYPE)


class Part(Row):
    """What an assessment is made of besides its own texts."""

    assessment_id: UUID = Field(foreign_key="assessment.id", index=True)


class Impact(Part, table=True):
    """What one option would do to children, in one respect."""

    __tablename__ = "impact"
    __table_args__ = (
        one_of("impact_class", ImpactClass),
        one_of("direction", Direction),
        one_of("magnitude", Magnitude),
        one_of("likelihood", Likelihood),
        one_of("term", Term),
    )

    option_id: UUID = Field(foreign_key="option.id", index=True)
    description: str = Field(sa_type=Text)
    impact_class: str
    direction: str
    magnitude: str
    likelihood: str
    term: str
    intended: bool
    age_groups: list[str] = Field(sa_type=JSON_TYPE)
    child_groups: list[str] = Field(sa_type=JSON_TYPE)
    areas: list[dict[str, Any]] = Field(sa_type=JSON_TYPE)
    articles: list[int] = Field(sa_type=JSON_TYPE)
    evidence_ids: list[str] = Field(sa_type=JSON_TYPE)
    mitigation: str | None = Field(default=None, sa_type=Text)


class Evidence(Part, table=True):
    """What is known, from where, and what gap remains."""

    __tablename__ = "evidence"
    __table_args__ = (one_of("kind", EvidenceKind),)

    kind: str
    title: str = Field(max_length=300)
    source: str = Field(max_length=300)
    dated: date | None = None
    url: str | None = Field(default=None, max_length=2000)
    finding: str = Field(sa_type=Text)
    up_to_date: bool | None = None
    relevant: bool | None = None
    wide_enough: bool | None = None
    gap: str | None = Field(default=None, sa_type=Text)
    indicators: list[dict[str, Any]] = Field(sa_type=JSON_TYPE)


class Hearing(Part, table=True):
    """Who was heard, how, what they said, and what came of it. Never about a single child."""

    __tablename__ = "hearing"
    __table_args__ = (
        one_of("party", HearingParty),
        one_of("method", HearingMethod),
        CheckConstraint("number IS NULL OR number >= 1", name="number"),
    )

    party: str
    who: str = Field(max_length=300)
    age_groups: list[str] = Field(sa_type=JSON_TYPE)
    number: int | None = None
    method: str
    held_on: date | None = None
    views: str = Field(sa_type=Text)
    effect: str | None = Field(default=None, sa_type=Text)
    feedback_given: bool = False


class Recommendation(Part, table=True):
    """What the assessment recommends to those who decide."""

    __tablename__ = "recommendation"
    __table_args__ = (one_of("kind", RecommendationKind),)

    kind: str
    text: str = Field(sa_type=Text)


class Attachment(Part, table=True):
    """A file or a link that belongs to an assessment, with the digest of what it holds or held."""

    __tablename__ = "attachment"
    __table_args__ = (
        one_of("kind", AttachmentKind),
        one_of("scan", ScanState),
        CheckConstraint("(kind = 'link') = (url IS NOT NULL)", name="url"),
        CheckConstraint(
            "kind = 'link' OR (storage_key IS NOT NULL AND file_name IS NOT NULL AND media_type IS NOT NULL "
            "AND bytes IS NOT NULL AND sha256 IS NOT NULL AND scan IS NOT NULL)",
            name="file",
        ),
    )

    kind: str
    title: str = Field(max_length=300)
    url: str | None = Field(default=None, max_length=2000)
    file_name: str | None = Field(default=None, max_length=300)
    media_type: str | None = Field(default=None, max_length=100)
    bytes: int | None = Field(default=None, sa_type=BigInteger)
    sha256: str | None = Field(default=None, max_length=64)
    storage_key: str | None = Field(default=None, max_length=100, index=True)
    scan: str | None = None


class Comment(SQLModel, table=True):
    """What somebody said of an assessment while it was made. Not sealed, not published."""

    __tablename__ = "comment"

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    assessment_id: UUID = Field(foreign_key="assessment.id", index=True)
    author_id: UUID
    author_name: str = Field(max_length=300)
    about: str | None = Field(default=None, max_length=100)
    text: str = Field(sa_type=Text)
    created_at: datetime
