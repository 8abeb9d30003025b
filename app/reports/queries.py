"""Reads for auditors."""

import json
import re
from datetime import datetime
from typing import Any
from uuid import UUID

from app.access.rules import Caller
from app.conventions.cursors import PageRequest
from app.database import Session
from app.errors import Fault, Invalid
from app.journal import queries as journal

MAX_SEQUENCE = 2**31 - 1
_SEQUENCE = re.compile(r"[0-9]{1,10}")


def audit_trail(
    session: Session,
    page: PageRequest,
    *,
    visible_to: Caller,
    object_id: UUID | None,
    verb: str | None,
    actor_id: UUID | None,
    since: datetime | None,
    until: datetime | None,
) -> list[dict[str, Any]]:
    """The organisation's journal in order of sequence, one entry more than the page holds; one query."""
    visible_to.require("journal:read")
    last = page.after[0] if page.after else "0"
    if not _SEQUENCE.fullmatch(last) or int(last) > MAX_SEQUENCE:
        raise Invalid("bad_cursor", "Take the cursor from `next`.", [Fault("cursor", "Not a cursor.")])
    rows = journal.entries(
        session,
        visible_to.organisation_id,
        after=int(last),
        limit=page.limit + 1,
        object_id=object_id,
        verb=verb,
        actor_id=actor_id,
        since=since,
        until=until,
    )
    return [
        {
            **{name: value for name, value in row.items() if name != "organisation_id"},
            "details": json.loads(row["details"]) if row["details"] else None,
        }
        for row in rows
    ]
