"""Reads of jobs, limited to the caller's organisation."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.access.queries import listed, owned
from app.access.rules import Caller
from app.conventions.cursors import PageRequest
from app.database import Session, table_of
from app.jobs.models import Job, JobKind, JobState
from app.jobs.schemas import JobSummary


def job(session: Session, job_id: UUID, *, visible_to: Caller) -> Job:
    """A job of the caller's organisation."""
    visible_to.require("jobs:read")
    return owned(session, Job, job_id, visible_to)


def jobs(
    session: Session,
    page: PageRequest,
    *,
    kind: JobKind | None = None,
    state: JobState | None = None,
    visible_to: Caller,
) -> list[Mapping[str, Any]]:
    """The organisation's jobs without their faults, newest first; one query."""
    visible_to.require("jobs:read")
    columns = table_of(Job).c
    wanted = [columns[name] == value for name, value in {"kind": kind, "state": state}.items() if value is not None]
    left_out = frozenset(column.name for column in columns) - set(JobSummary.model_fields)
    return listed(session, Job, page, visible_to, *wanted, leave_out=left_out)
