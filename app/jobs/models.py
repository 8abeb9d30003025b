"""Jobs and the states they go through."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from app.clock import now
from app.database import JSON_TYPE, Row, one_of


class JobKind(StrEnum):
    """What is imported; the names are those of the resources."""

    UNITS = "units"
    COST_CENTRES = "cost-centres"
    SERVICE_CLASSES = "service-classes"
    CLASSIFICATIONS = "classifications"
    POPULATIONS = "populations"
    BUDGET_LINES = "budget-lines"


class JobState(StrEnum):
    """Where a job is; the last three are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"


ENDED = (JobState.SUCCEEDED, JobState.REFUSED, JobState.FAILED)


class Job(Row, table=True):
    """One import: the file it reads, how far it is, and what came of it. Its file is not kept after it."""

    __tablename__ = "job"
    __table_args__ = (
        one_of("kind", JobKind),
        one_of("state", JobState),
        Index("ix_job_newest", "organisation_id", "id"),
        Index("ix_job_state", "state"),
    )

    kind: str = Field(max_length=30)
    state: str = Field(default=JobState.QUEUED, max_length=20)
    dry_run: bool
    parameters: dict[str, Any] = Field(sa_type=JSON_TYPE)
    file_name: str | None = Field(default=None, max_length=300)
    file_digest: str = Field(max_length=64)
    file_bytes: int = Field(sa_type=BigInteger)
    progress: int = 0
    result: dict[str, Any] | None = Field(default=None, sa_type=JSON_TYPE)
    errors: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON_TYPE)
    error_count: int = 0
    beat_at: datetime = Field(default_factory=now)
    started_at: datetime | None = None
    ended_at: datetime | None = None
