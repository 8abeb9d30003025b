"""Figures rest on classifications, populations and the tree; where these change, figures are restated at once.

Budgeting registers how (`restated_by`), since imports run one way; it is done in the transaction of the change, so that
no figure is ever read that its classification no longer gives (docs/adr/0014-sums-kept-with-the-lines.md).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from app.database import Session, lock_for_transaction

NO_UNIT = UUID(int=0)
"""Stands for no unit, where a key may not be null."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What has changed. None means every one; an empty set, none.

    Years are those whose classification or population changed; the year after looks back at them.
    """

    cost_centre_ids: frozenset[UUID] | None = frozenset()
    service_class_ids: frozenset[UUID] | None = frozenset()
    from_year: int | None = None
    to_year: int | None = None
    unit_ids: frozenset[UUID] = frozenset()
    """Units that cost centres have moved from or to: only sums by unit change."""


Restate = Callable[[Session, UUID, list[Changed]], None]
_restaters: list[Restate] = []


def restated_by(restate: Restate) -> Restate:
    """Register what restates figures."""
    _restaters.append(restate)
    return restate


def one_at_a_time(session: Session, organisation_id: UUID) -> None:
    """Let nobody else change the organisation's services or figures between a check and its write."""
    key = hashlib.sha256(b"services" + organisation_id.bytes).digest()[:8]
    lock_for_transaction(session, int.from_bytes(key, "big", signed=True))


def restate(session: Session, organisation_id: UUID, *changed: Changed) -> None:
    """Restate every figure of the organisation that rests on what has changed."""
    session.flush()
    one_at_a_time(session, organisation_id)
    for registered in _restaters:
        registered(session, organisation_id, list(changed))
