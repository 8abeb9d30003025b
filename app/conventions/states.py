"""States are tables of moves: code, tests and the diagrams in docs/states.md all come from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.errors import Conflict, Refused


@dataclass(frozen=True, slots=True)
class Move:
    """One way from state to state: the right it needs, from where, to where, and whether an author may take it."""

    permission: str
    before: frozenset[StrEnum]
    after: StrEnum
    by_author: bool = True


def state_after(moves: Mapping[str, Move], move: str, state: str) -> StrEnum:
    """The state that a move leads to, or Conflict `wrong_state` from a state it does not start from."""
    step = moves[move]
    if state not in step.before:
        allowed = ", ".join(sorted(step.before))
        raise Conflict("wrong_state", f"It is {state}; this is done from: {allowed}.")
    return step.after


def check_not_author(authors: Sequence[str], who: UUID) -> None:
    """Refused `own_work` where the one who approves, signs or publishes has written the thing (domain, States)."""
    if str(who) in authors:
        raise Refused("own_work", "You have written this yourself: somebody else does this.")


def with_author(authors: Sequence[str], who: UUID) -> list[str]:
    """The authors with one more, each once."""
    return sorted({*authors, str(who)})
