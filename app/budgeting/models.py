"""Ledgers, their lines, the sums kept with them, and what is published of them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

from app.clock import now
from app.database import JSON_TYPE, Row, one_of
from app.services.models import ImpactClass


class Phase(StrEnum):
    """What a ledger tells of its year."""

    BUDGET = "budget"
    AMENDED_BUDGET = "amended_budget"
    FORECAST = "forecast"
    ACTUAL = "actual"


class Flow(StrEnum):
    """Costs (positive) and income (negative), by the account; internal items are told apart."""

    COST = "cost"
    INCOME = "income"
    INTERNAL_COST = "internal_cost"
    INTERNAL_INCOME = "internal_income"


class CoverageGap(StrEnum):
    """Why a sum is not split: nobody has classified it, or the population that its method needs is missing."""

    UNCLASSIFIED = "unclassified"
    UNSPLIT = "unsplit"


CLASSES = (*ImpactClass, *CoverageGap)


class LedgerState(StrEnum):
    """Being written, in force, or replaced by a later file."""

    STAGED = "staged"
    CURRENT = "current"
    REPLACED = "replaced"


class Basis(StrEnum):
    """By which year's classification a sum was split: its own, or the year before's, to tell the two changes apart."""

    PRESENT = "present"
    PRIOR = "prior"


class Axis(StrEnum):
    """By what a total is kept."""

    UNIT = "unit"
    SERVICE_CLASS = "service_class"


def _classes(column: str) -> CheckConstraint:
    listed = ", ".join(f"'{code.value}'" for code in CLASSES)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _whole(impact_class: str, part: str) -> str:
    """That the five parts sum to the cents, or are nothing where the sum is not split."""
    parts = " + ".join(f"{part}_{place}" for place in range(5))
    return f"{parts} = CASE WHEN {impact_class} IN ('unclassified', 'unsplit') THEN 0 ELSE cents END"


class Ledger(SQLModel, table=True):
    """One year and phase from one source, as one file told it. At most one of these is current."""

    __tablename__ = "ledger"
    __table_args__ = (
        one_of("phase", Phase),
        one_of("state", LedgerState),
        UniqueConstraint("id"),
        CheckConstraint("year BETWEEN 2000 AND 2100", name="year"),
        Index("ix_ledger_of_organisation", "organisation_id", "state", "year", "phase"),
        Index(
            "uq_ledger_current",
            "organisation_id",
            "year",
            "phase",
            "source",
            unique=True,
            sqlite_where=text("state = 'current'"),
            postgresql_where=text("state = 'current'"),
        ),
    )

    number: int | None = Field(default=None, primary_key=True)
    id: UUID = Field(default_factory=uuid7)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    year: int
    phase: str = Field(max_length=20)
    source: str = Field(max_length=60)
    state: str = Field(default=LedgerState.STAGED, max_length=10)
    file_name: str | None = Field(default=None, max_length=300)
    digest: str = Field(max_length=64)
    parameters: dict[str, Any] = Field(sa_type=JSON_TYPE)
    account_ranges: list[dict[str, Any]] = Field(sa_type=JSON_TYPE)
    lines: int = 0
    cents: int = Field(default=0, sa_type=BigInteger)
    job_id: UUID | None = None
    imported_at: datetime = Field(default_factory=now)
    imported_by: UUID | None = None


class BudgetLine(SQLModel, table=True):
    """One line of a file. Its cost centre, service class and flow are those of its cell, in ledger_sum."""

    __tablename__ = "budget_line"
    __table_args__ = {"sqlite_with_rowid": False}

    ledger: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    line: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    cell: int
    account: str = Field(max_length=20)
    cents: int = Field(sa_type=BigInteger)


class LedgerSum(SQLModel, table=True):
    """The lines of one cost centre, service class and flow together: the sum that is split (child budgeting, rule 3).

    The five parts are cents of each age group, the youngest first; they sum to `cents`, or are all 0 where the sum is
    not split. `prior_` is the same money by the classification and population of the year before.
    """

    __tablename__ = "ledger_sum"
    __table_args__ = (
        one_of("flow", Flow),
        _classes("impact_class"),
        _classes("prior_impact_class"),
        CheckConstraint(_whole("impact_class", "part"), name="parts"),
        CheckConstraint(_whole("prior_impact_class", "prior"), name="prior_parts"),
        Index("ix_ledger_sum_cost_centre", "cost_centre_id"),
        Index("ix_ledger_sum_service_class", "service_class_id"),
        {"sqlite_with_rowid": False},
    )

    ledger: int = Field(primary_key=True, foreign_key="ledger.number", sa_column_kwargs={"autoincrement": False})
    cell: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    cost_centre_id: UUID = Field(foreign_key="cost_centre.id")
    service_class_id: UUID | None = Field(default=None, foreign_key="service_class.id")
    flow: str = Field(max_length=20)
    lines: int
    cents: int = Field(sa_type=BigInteger)
    classification_id: UUID | None = None
    impact_class: str = Field(max_length=20)
    part_0: int = Field(sa_type=BigInteger)
    part_1: int = Field(sa_type=BigInteger)
    part_2: int = Field(sa_type=BigInteger)
    part_3: int = Field(sa_type=BigInteger)
    part_4: int = Field(sa_type=BigInteger)
    prior_impact_class: str = Field(max_length=20)
    prior_0: int = Field(sa_type=BigInteger)
    prior_1: int = Field(sa_type=BigInteger)
    prior_2: int = Field(sa_type=BigInteger)
    prior_3: int = Field(sa_type=BigInteger)
    prior_4: int = Field(sa_type=BigInteger)


class LedgerTotal(SQLModel, table=True):
    """Sums of a ledger by unit, and by service class: what questions that name no cost centre read.

    `key` is the unit's or service class's id; the id of all zeros stands for none.
    """

    __tablename__ = "ledger_total"
    __table_args__ = (
        one_of("axis", Axis),
        one_of("flow", Flow),
        one_of("basis", Basis),
        _classes("impact_class"),
        {"sqlite_with_rowid": False},
    )

    ledger: int = Field(primary_key=True, foreign_key="ledger.number", sa_column_kwargs={"autoincrement": False})
    axis: str = Field(primary_key=True, max_length=15)
    basis: str = Field(primary_key=True, max_length=10)
    key: UUID = Field(primary_key=True)
    impact_class: str = Field(primary_key=True, max_length=20)
    flow: str = Field(primary_key=True, max_length=20)
    cents: int = Field(sa_type=BigInteger)
    part_0: int = Field(sa_type=BigInteger)
    part_1: int = Field(sa_type=BigInteger)
    part_2: int = Field(sa_type=BigInteger)
    part_3: int = Field(sa_type=BigInteger)
    part_4: int = Field(sa_type=BigInteger)


class FiguresRevision(SQLModel, table=True):
    """Grows with every change of an organisation's figures: the ETag of what is read of them."""

    __tablename__ = "figures_revision"

    organisation_id: UUID = Field(primary_key=True, foreign_key="organisation.id")
    revision: int


class AccountRanges(Row, table=True):
    """How the county tells costs, income and internal items apart: ranges of accounts, in order."""

    __tablename__ = "account_ranges"
    __table_args__ = (UniqueConstraint("organisation_id"),)

    items: list[dict[str, Any]] = Field(sa_type=JSON_TYPE)


class PublishedChildBudget(SQLModel, table=True):
    """A year's child budget as it was published: a document of its own, which later changes do not touch."""

    __tablename__ = "published_child_budget"
    __table_args__ = (
        one_of("phase", Phase),
        UniqueConstraint("organisation_id", "year", "phase"),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    business_id: str = Field(max_length=9)
    year: int
    phase: str = Field(max_length=20)
    edition: int = 1
    published_at: datetime = Field(default_factory=now)
    published_by: UUID | None = None
    document: dict[str, Any] = Field(sa_type=JSON_TYPE)
