"""The follow-up's states, when it is due, and what it must hold. No database here."""

from collections.abc import Iterable
from datetime import date, timedelta
from uuid import UUID

from app.conventions.states import Move
from app.errors import Conflict
from app.follow_up.models import FollowUpDue
from app.follow_up.models import FollowUpState as S

DUE_BEFORE = timedelta(days=30)
"""A follow-up is due from a month before its date, so that there is time to make it; overdue after the date."""


MOVES: dict[str, Move] = {
    "submission": Move("follow-ups:write", frozenset({S.DRAFTING}), S.IN_REVIEW),
    "return": Move("follow-ups:review", frozenset({S.IN_REVIEW}), S.DRAFTING, by_author=False),
    "approval": Move("follow-ups:review", frozenset({S.IN_REVIEW}), S.APPROVED, by_author=False),
    "publication": Move("follow-ups:publish", frozenset({S.APPROVED}), S.PUBLISHED, by_author=False),
}
"""What is done, by the name of its route."""


def check_writable(state: str) -> None:
    """Conflict `wrong_state` where the follow-up is no longer being written."""
    if state != S.DRAFTING:
        raise Conflict("wrong_state", f"The follow-up is {state}: it is written only while it is {S.DRAFTING}.")


def due(on: date, today: date) -> FollowUpDue:
    """Whether a follow-up of this date is scheduled, due or overdue today."""
    if on < today:
        return FollowUpDue.OVERDUE
    return FollowUpDue.DUE if on - today <= DUE_BEFORE else FollowUpDue.SCHEDULED


def check_complete(predicted: Iterable[UUID], told: Iterable[UUID], summary: str | None) -> None:
    """Conflict `incomplete` while a predicted impact has no outcome, or nothing is summed up."""
    missing = len(set(predicted) - set(told))
    if missing:
        raise Conflict("incomplete", f"{missing} predicted impacts have no outcome yet. `too_early` is an answer too.")
    if not summary:
        raise Conflict("incomplete", "Sum the follow-up up.")
