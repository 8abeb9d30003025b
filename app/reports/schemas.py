"""What goes out to auditors."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from app.conventions.schemas import Representation


class JournalEntryRead(Representation):
    """One entry of the journal."""

    seq: int = Field(description="Its number; gapless within the organisation.")
    at: datetime = Field(description="When, UTC.")
    actor_id: UUID | None = Field(description="Who; null for the command line.")
    verb: str = Field(description="What happened; docs/journal-verbs.md lists them.", examples=["decision.registered"])
    object_type: str = Field(description="To what kind of thing.")
    object_id: UUID = Field(description="To what.")
    details: dict[str, Any] | None = Field(description="In words; null where erased.")
    erased_at: datetime | None = Field(description="When its words were erased, UTC.")
    details_digest: str = Field(description="Salted SHA-256 of the details.")
    hash: str = Field(description="SHA-256 over this entry and the hash before it.")
