"""Units, cost centres, service classes, their classification by impact on children, and what leads to them."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Text, UniqueConstraint
from sqlmodel import Field

from app.database import JSON_TYPE, Row, one_of


class UnitLevel(StrEnum):
    """Levels of the organisation's tree (seed `001`, ch. 3): toimiala, tulosalue, palvelualue, yksikkö."""

    SECTOR = "sector"
    DIVISION = "division"
    SERVICE_AREA = "service_area"
    UNIT = "unit"


class ImpactClass(StrEnum):
    """How a service touches children (seed `002`), the strongest first."""

    DIRECT = "direct"
    INDIRECT = "indirect"
    COMMUNAL = "communal"
    NONE = "none"


class AgeGroup(StrEnum):
    """The five age groups (seed `002`), the youngest first; `18+` is not a child group, but stays visible."""

    UNDER_7 = "0-6"
    AGED_7_TO_12 = "7-12"
    AGED_13_TO_15 = "13-15"
    AGED_16_TO_17 = "16-17"
    ADULT = "18+"


class Method(StrEnum):
    """How money is split over the age groups; the first two store weights, the others only their parameters."""

    MANUAL = "manual"
    USE_SHARE = "use_share"
    POPULATION_SHARE = "population_share"
    CHILD_SHARE = "child_share"
    FULL = "full"


class MappingKind(StrEnum):
    """What a mapping leads from: a task class of the case system, or a preparing unit."""

    TASK_CLASS = "task_class"
    UNIT = "unit"


class Unit(Row, table=True):
    """A unit of the organisation's tree."""

    __tablename__ = "unit"
    __table_args__ = (
        one_of("level", UnitLevel),
        CheckConstraint("valid_to >= valid_from", name="valid_to"),
        CheckConstraint("parent_id <> id", name="parent_id"),
        UniqueConstraint("organisation_id", "code"),
    )

    parent_id: UUID | None = Field(default=None, foreign_key="unit.id", index=True)
    code: str = Field(max_length=60)
    name: dict[str, str] = Field(sa_type=JSON_TYPE)
    level: str = Field(max_length=20)
    valid_from: date
    valid_to: date | None = None


class CostCentre(Row, table=True):
    """A cost centre of the county's bookkeeping."""

    __tablename__ = "cost_centre"
    __table_args__ = (
        CheckConstraint("valid_to >= valid_from", name="valid_to"),
        UniqueConstraint("organisation_id", "code"),
    )

    code: str = Field(max_length=60)
    name: dict[str, str] = Field(sa_type=JSON_TYPE)
    unit_id: UUID | None = Field(default=None, foreign_key="unit.id", index=True)
    valid_from: date
    valid_to: date | None = None


class ServiceClass(Row, table=True):
    """A code of one year's list. The same code of another year is another service class."""

    __tablename__ = "service_class"
    __table_args__ = (UniqueConstraint("organisation_id", "scheme", "year", "code"),)

    scheme: str = Field(max_length=60)
    year: int
    code: str = Field(max_length=60)
    name: str = Field(max_length=300)


class Classification(Row, table=True):
    """How a cost centre, a service class or the two together touch children, for whole years."""

    __tablename__ = "classification"
    __table_args__ = (
        one_of("impact_class", ImpactClass),
        one_of("method", Method),
        CheckConstraint("cost_centre_id IS NOT NULL OR service_class_id IS NOT NULL", name="key"),
        CheckConstraint("to_year >= from_year", name="to_year"),
        CheckConstraint("(method IN ('manual', 'use_share')) = (weights IS NOT NULL)", name="weights"),
        CheckConstraint("(method = 'child_share') = (child_share_ppm IS NOT NULL)", name="child_share_ppm"),
        CheckConstraint("child_share_ppm BETWEEN 0 AND 1000000", name="child_share_ppm_range"),
        CheckConstraint("(method = 'full') = (age_groups IS NOT NULL)", name="age_groups"),
    )

    cost_centre_id: UUID | None = Field(default=None, foreign_key="cost_centre.id", index=True)
    service_class_id: UUID | None = Field(default=None, foreign_key="service_class.id", index=True)
    from_year: int
    to_year: int | None = None
    impact_class: str = Field(max_length=20)
    method: str = Field(max_length=20)
    weights: list[int] | None = Field(default=None, sa_type=JSON_TYPE)
    child_share_ppm: int | None = None
    age_groups: list[str] | None = Field(default=None, sa_type=JSON_TYPE)
    reason: str = Field(sa_type=Text)


class Population(Row, table=True):
    """How many people of each age group live in the area in a year: five counts, the youngest group first."""

    __tablename__ = "population"
    __table_args__ = (
        UniqueConstraint("organisation_id", "year"),
        CheckConstraint("year BETWEEN 2000 AND 2100", name="year"),
    )

    year: int
    counts: list[int] = Field(sa_type=JSON_TYPE)
    source: str = Field(max_length=300)


class Mapping(Row, table=True):
    """From a task class or a preparing unit to a service class, since case systems know no service classes."""

    __tablename__ = "mapping"
    __table_args__ = (
        one_of("kind", MappingKind),
        CheckConstraint("(kind = 'task_class') = (task_class IS NOT NULL)", name="task_class"),
        CheckConstraint("(kind = 'unit') = (unit_id IS NOT NULL)", name="unit_id"),
        # Null is never equal to null: each of these holds for one kind only.
        UniqueConstraint("organisation_id", "task_class", "service_class_id"),
        UniqueConstraint("organisation_id", "unit_id", "service_class_id"),
    )

    kind: str = Field(max_length=20)
    task_class: str | None = Field(default=None, max_length=60)
    unit_id: UUID | None = Field(default=None, foreign_key="unit.id", index=True)
    service_class_id: UUID = Field(foreign_key="service_class.id", index=True)
