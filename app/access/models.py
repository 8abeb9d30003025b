"""Organisations, accounts (people and machine clients) and their API keys."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

from app.clock import now
from app.database import JSON_TYPE, Row, one_of


class Role(StrEnum):
    """What a person or a machine client does here; rules.ROLES says what each may do."""

    PREPARER = "preparer"
    EXPERT = "expert"
    PRESENTER = "presenter"
    CONTROLLER = "controller"
    REGISTRAR = "registrar"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    INTEGRATION = "integration"


class AccountKind(StrEnum):
    """A person, or a machine client such as a case-management system."""

    PERSON = "person"
    MACHINE = "machine"


class Organisation(SQLModel, table=True):
    """The tenant: one wellbeing services county or municipality."""

    __tablename__ = "organisation"
    __table_args__ = (UniqueConstraint("business_id"), CheckConstraint("version >= 1", name="version"))

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    version: int = 1
    created_at: datetime = Field(default_factory=now)
    changed_at: datetime = Field(default_factory=now)
    changed_by: UUID | None = None
    business_id: str = Field(max_length=9)
    name: dict[str, str] = Field(sa_type=JSON_TYPE)
    languages: list[str] = Field(sa_type=JSON_TYPE)
    child_groups: list[dict[str, Any]] = Field(sa_type=JSON_TYPE)
    excluded_task_classes: list[dict[str, Any]] = Field(sa_type=JSON_TYPE)


class Account(Row, table=True):
    """A person or a machine client of an organisation."""

    __tablename__ = "account"
    __table_args__ = (one_of("kind", AccountKind), UniqueConstraint("organisation_id", "name"))

    kind: str
    name: str = Field(max_length=300)
    roles: list[str] = Field(sa_type=JSON_TYPE)
    active: bool = True


class ApiKey(Row, table=True):
    """A key for one account: shown once, stored as its SHA-256, which is enough for 256 random bits."""

    __tablename__ = "api_key"
    __table_args__ = (UniqueConstraint("digest"),)

    account_id: UUID = Field(foreign_key="account.id", index=True)
    label: str = Field(max_length=300)
    hint: str = Field(max_length=12)
    digest: str = Field(max_length=64)
    scopes: list[str] | None = Field(default=None, sa_type=JSON_TYPE)
    expires_at: datetime
    revoked_at: datetime | None = None
