"""Sealing: canonical JSON (RFC 8785) and its SHA-256 over all of what was approved, of follow-ups too."""

import hashlib
from typing import Any
from uuid import UUID

import rfc8785
from pydantic_core import to_jsonable_python

from app.access.rules import Caller
from app.assessments.models import Seal
from app.clock import now
from app.database import Session
from app.journal.actions import record


def seal(
    session: Session, object_type: str, object_id: UUID, content: dict[str, Any], *, decision_id: UUID, by: Caller
) -> Seal:
    """Seal the content as `by` signs it. The signature points at the hash, which is over the exact stored bytes."""
    canonical = rfc8785.dumps(to_jsonable_python(content))
    row = Seal(
        organisation_id=by.organisation_id,
        object_type=object_type,
        object_id=object_id,
        content=canonical.decode(),
        digest=hashlib.sha256(canonical).hexdigest(),
        signed_by=by.id,
        signed_at=now(),
    )
    session.add(row)
    session.flush()
    told = {"decision_id": decision_id, "seal_id": row.id, "digest": row.digest}
    record(session, by, f"{object_type}.sealed", object_type, object_id, **told)
    return row
