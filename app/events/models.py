"""Webhooks, what is to be sent to each, and what became of every attempt."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

from app.clock import now
from app.database import JSON_TYPE, Row, one_of


class DeliveryState(StrEnum):
    """What became of an event that is sent to a webhook."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class DisabledReason(StrEnum):
    """Why a webhook is not called."""

    BY_PERSON = "by_person"
    GONE = "gone"


class Webhook(Row, table=True):
    """An address that is called when something happens.

    `version` counts what people change; the worker's own columns, from `position` on, change without it.
    """

    __tablename__ = "webhook"
    __table_args__ = (
        one_of("disabled_reason", DisabledReason),
        CheckConstraint("active = (disabled_reason IS NULL)", name="active"),
        Index("ix_webhook_newest", "organisation_id", "id"),
    )

    label: str = Field(max_length=300)
    url: str = Field(max_length=2000)
    types: list[str] | None = Field(default=None, sa_type=JSON_TYPE)
    active: bool = True
    disabled_reason: str | None = None
    secret: str = Field(max_length=100)
    previous_secret: str | None = Field(default=None, max_length=100)
    previous_secret_until: datetime | None = None
    position: int
    """The last entry of the journal that was turned into a delivery, or passed over."""
    failures: int = 0
    """Attempts in a row that found nobody there."""
    not_before: datetime | None = None
    """No attempt before then."""
    lease: UUID | None = None
    """Which worker's turn has it now."""
    leased_until: datetime | None = None


class Delivery(SQLModel, table=True):
    """One event for one webhook. Its id is the message's `webhook-id`, the same at every attempt."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("webhook_id", "seq"),
        one_of("state", DeliveryState),
        Index(
            "ix_webhook_delivery_pending",
            "webhook_id",
            "seq",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index("ix_webhook_delivery_newest", "webhook_id", "id"),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    webhook_id: UUID = Field(foreign_key="webhook.id")
    seq: int
    type: str = Field(max_length=60)
    payload: str = Field(sa_type=Text)
    """The event exactly as it is sent: its bytes are the same at every attempt."""
    state: str = Field(default=DeliveryState.PENDING, max_length=20)
    attempts: int = 0
    """Attempts since it was made, or last sent again by hand."""
    next_attempt_at: datetime | None = Field(default_factory=now)
    created_at: datetime = Field(default_factory=now)
    ended_at: datetime | None = None


class Attempt(SQLModel, table=True):
    """One attempt to deliver: the log. What the receiver said besides its status is not read."""

    __tablename__ = "webhook_attempt"

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    delivery_id: UUID = Field(foreign_key="webhook_delivery.id", index=True)
    at: datetime
    milliseconds: int
    status: int | None = None
    error: str | None = Field(default=None, max_length=300)
