"""The register's one table."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

from app.database import JSON_TYPE, one_of


class EntryKind(StrEnum):
    """What was published."""

    ASSESSMENT = "assessment"
    NOT_NEEDED = "not_needed"
    FOLLOW_UP = "follow_up"


class RegisterEntry(SQLModel, table=True):
    """One published document."""

    __tablename__ = "register_entry"
    __table_args__ = (
        UniqueConstraint("object_id"),
        one_of("kind", EntryKind),
        Index("ix_register_entry_of_organisation", "business_id", "id"),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    version: int = 1
    kind: str
    object_id: UUID
    decision_id: UUID = Field(index=True)
    business_id: str = Field(max_length=9)
    diary_number: str = Field(max_length=100)
    title: dict[str, str] = Field(sa_type=JSON_TYPE)
    document: dict[str, Any] = Field(sa_type=JSON_TYPE)
    published_at: datetime
    superseded_by: UUID | None = None
