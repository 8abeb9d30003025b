"""What goes out about jobs."""

from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from app.conventions.schemas import Representation, Resource
from app.jobs.models import JobKind, JobState


class ImportFault(Representation):
    """One thing wrong in a file: where it stands, what stands there, and what was expected."""

    row: int | None = Field(description="The row as a spreadsheet numbers it, from 1; null: the file as a whole.")
    column: str | None = Field(description="The column's header in the file; null: the row as a whole.")
    value: str | None = Field(description="What stands there, cut at 100 characters.")
    expected: str = Field(description="What was expected, and what to do.", examples=["Give an amount: 1 234,50."])


class JobSummary(Resource):
    """A job in a list."""

    collection: ClassVar[str | None] = "/api/v1/jobs"

    kind: JobKind = Field(description="What is imported.")
    state: JobState = Field(
        description="queued, running; then succeeded, refused (the file has faults) or failed (send it again)."
    )
    dry_run: bool = Field(description="Whether it only looks for faults and changes nothing.")
    file_name: str | None = Field(description="The file's name, where it was told.")
    file_digest: str = Field(description="SHA-256 of the file, in hexadecimal.")
    file_bytes: int = Field(description="The file's size in bytes.")
    progress: int = Field(ge=0, le=100, description="How much of the work is done, in per cent.")
    error_count: int = Field(ge=0, description="How many faults were found in the file.")
    started_at: datetime | None = Field(description="When its work began, UTC.")
    ended_at: datetime | None = Field(description="When it ended, UTC.")


class JobRead(JobSummary):
    """A job: how far it is, and what came of it."""

    parameters: dict[str, Any] = Field(description="How the file is to be read, as it was asked for.")
    result: dict[str, Any] | None = Field(
        description="What was done, or in a dry run would be: counts, sums; `unchanged_file` where nothing is new."
    )
    errors: list[ImportFault] = Field(description="The first 1000 faults, in the file's order.")
