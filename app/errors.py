"""What can go wrong in the domain. No HTTP here: `app/main.py` has the one table that turns these into answers.

Each error carries a stable code from the registry in `app/conventions/problems.json`.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in what was sent: where (a JSON Pointer, RFC 6901, or a parameter's name) and what."""

    pointer: str
    detail: str


class DomainError(Exception):
    """An expected refusal: `code` is stable, `detail` says what to do, `faults` say where."""

    def __init__(self, code: str, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.faults = tuple(faults)


class NotFound(DomainError):
    """It does not exist, or not for this caller: another organisation's is not told apart from none."""


class Refused(DomainError):
    """It exists and is the caller's organisation's, but the caller may not do this to it."""


class Conflict(DomainError):
    """The request is well formed but does not fit the present state."""


class Invalid(DomainError):
    """What was sent breaks a rule; `faults` say where."""


class Malformed(DomainError):
    """What was sent cannot be read at all."""


class NotSignedIn(DomainError):
    """No valid credentials."""


class Stale(DomainError):
    """The row was changed by someone else since the caller read it."""


class VersionRequired(DomainError):
    """A change must say which version it changes."""


class WrongMediaType(DomainError):
    """The body is of a kind that this route does not read."""


class TooLarge(DomainError):
    """What was sent is larger than what is read here."""


class TooMany(DomainError):
    """The caller has used up its share for now."""

    def __init__(self, code: str, detail: str, retry_after: int) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after


class Busy(DomainError):
    """The database could not take the write in time; trying again is safe."""
