"""Routes of jobs."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response

from app.access.sign_in import SignedIn
from app.conventions.cursors import Paging
from app.conventions.route import SessionDep, router
from app.conventions.schemas import Page
from app.jobs import queries
from app.jobs.models import JobKind, JobState
from app.jobs.schemas import JobRead, JobSummary

jobs = router("jobs", "Jobs")


@jobs.get("", response_model=Page[JobSummary], summary="Jobs of the organisation, newest first")
def list_jobs(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    kind: Annotated[JobKind | None, Query(description="Only imports of this.")] = None,
    state: Annotated[JobState | None, Query(description="Only those in this state.")] = None,
) -> Response:
    """Needs `jobs:read`. The faults found are in the single job."""
    return page.page(queries.jobs(session, page, kind=kind, state=state, visible_to=caller))


@jobs.get("/{job_id}", response_model=JobRead, summary="A job: how far it is, and what came of it")
def read_job(job_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `jobs:read`. Ask again until `state` is succeeded, refused or failed; `If-None-Match` saves the body.

    A job whose process died is marked as failed within minutes; nothing of it was done, and the file is sent again.
    """
    return JobRead.model_validate(queries.job(session, job_id, visible_to=caller))
