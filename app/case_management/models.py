"""The case-management systems that cases are pulled from, what they asked to be fetched, and what was set aside."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

from app.clock import now
from app.database import JSON_TYPE, Row, one_of


class Product(StrEnum):
    """The case-management products that can be pulled from; the others use the upsert and the feed."""

    AHJO = "ahjo"


class CaseSystem(Row, table=True):
    """A case-management system that cases are pulled from, by a machine client of this organisation.

    `version` counts what people change; the worker's own columns, from `position` on, change without it.
    """

    __tablename__ = "case_system"
    __table_args__ = (
        UniqueConstraint("organisation_id", "source"),
        one_of("product", Product),
        CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes"),
    )

    source: str = Field(max_length=60)
    product: str = Field(max_length=20)
    address: str = Field(max_length=2000)
    credential: str | None = Field(default=None, max_length=4000)
    person_id: UUID = Field(foreign_key="account.id", index=True)
    active: bool = True
    pull_from: date
    minutes: int
    position: dict[str, Any] = Field(default_factory=dict, sa_type=JSON_TYPE)
    """How far the pull is: `until`, up to when everything was listed; `of_pull`, what this pull has come to; and what
    else the product needs to find its next page.
    """
    due_at: datetime | None = Field(default_factory=now)
    """When it is listed next."""
    not_before: datetime | None = None
    """No request before then: it asked for a pause, or could not be reached."""
    failures: int = 0
    """Requests in a row that came to nothing."""
    last_error: str | None = Field(default=None, max_length=300)
    pulled_at: datetime | None = None
    counts: dict[str, int] = Field(default_factory=dict, sa_type=JSON_TYPE)
    """What came of the records of the last pull, by outcome."""
    lease: UUID | None = None
    leased_until: datetime | None = None

    @property
    def has_credential(self) -> bool:
        """Whether a credential is kept; it is shown to nobody."""
        return self.credential is not None


class Notice(SQLModel, table=True):
    """A case that its system says was added or changed: to be fetched by itself."""

    __tablename__ = "case_notice"
    __table_args__ = (UniqueConstraint("system_id", "external_id"), Index("ix_case_notice_due", "system_id", "due_at"))

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    system_id: UUID = Field(foreign_key="case_system.id")
    external_id: str = Field(max_length=200)
    told_at: datetime = Field(default_factory=now)
    attempts: int = 0
    due_at: datetime = Field(default_factory=now)


class SetAside(SQLModel, table=True):
    """A record that could not be taken in: why, and since when. It goes when the record is taken in after all."""

    __tablename__ = "case_set_aside"
    __table_args__ = (UniqueConstraint("system_id", "external_id"),)

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    system_id: UUID = Field(foreign_key="case_system.id")
    external_id: str = Field(max_length=200)
    code: str = Field(max_length=60)
    detail: str = Field(max_length=300)
    faults: list[dict[str, str]] = Field(sa_type=JSON_TYPE)
    first_at: datetime = Field(default_factory=now)
    last_at: datetime = Field(default_factory=now)
