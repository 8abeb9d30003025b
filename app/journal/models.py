"""The journal's two tables: the chain, and the words beside it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel


class JournalEntry(SQLModel, table=True):
    """One link of the chain. No foreign keys: an entry outlives what it tells of. Triggers refuse UPDATE and DELETE."""

    __tablename__ = "journal_entry"
    __table_args__ = (Index("ix_journal_entry_object", "organisation_id", "object_id", "seq"),)

    organisation_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime
    actor_id: UUID | None = None
    verb: str = Field(max_length=60)
    object_type: str = Field(max_length=40)
    object_id: UUID
    details_digest: str = Field(max_length=64)
    hash: str = Field(max_length=64)


class JournalDetails(SQLModel, table=True):
    """The words of one entry as canonical JSON, with their salt. Both are set to null when the words are erased."""

    __tablename__ = "journal_details"

    organisation_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    salt: str | None = Field(default=None, max_length=32)
    details: str | None = Field(default=None, sa_type=Text)
    erased_at: datetime | None = None
