"""In which order a source's words came, and whether a decision is ready for a meeting. No database here."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import rfc8785

from app.assessments.models import AssessmentState, ScreeningOutcome
from app.decisions.models import ClearanceKind
from app.errors import Conflict, Fault


class CaseOutcome(StrEnum):
    """What came of a case that was told."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    OUTDATED = "outdated"
    REFUSED = "refused"


class Readiness(StrEnum):
    """How far a decision is towards being ready for a meeting; the first three are ready."""

    APPROVED = "approved"
    NOT_NEEDED = "not_needed"
    EXCLUDED = "excluded"
    MISSING = "missing"
    SCREENING = "screening"
    AWAITS_SIGNATURE = "awaits_signature"
    DRAFTING = "drafting"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    LAPSED = "lapsed"


class AssessmentNeed(StrEnum):
    """Whether an assessment is needed: as signed or screened, else as the early hint says."""

    NEEDED = "needed"
    NOT_NEEDED = "not_needed"
    EXCLUDED = "excluded"
    PROBABLY_NEEDED = "probably_needed"
    PROBABLY_NOT_NEEDED = "probably_not_needed"
    UNKNOWN = "unknown"


class ReadinessStep(StrEnum):
    """What has to be done before a decision is ready."""

    SCREEN = "screen"
    SIGN_NOT_NEEDED = "sign_not_needed"
    WRITE = "write"
    REVISE = "revise"
    APPROVE = "approve"
    RENEW = "renew"


READY = frozenset({Readiness.APPROVED, Readiness.NOT_NEEDED, Readiness.EXCLUDED})

NEXT_STEPS: dict[Readiness, tuple[ReadinessStep, ...]] = {
    Readiness.APPROVED: (),
    Readiness.NOT_NEEDED: (),
    Readiness.EXCLUDED: (),
    Readiness.MISSING: (ReadinessStep.SCREEN,),
    Readiness.SCREENING: (ReadinessStep.SCREEN,),
    Readiness.AWAITS_SIGNATURE: (ReadinessStep.SIGN_NOT_NEEDED,),
    Readiness.DRAFTING: (ReadinessStep.WRITE, ReadinessStep.APPROVE),
    Readiness.RETURNED: (ReadinessStep.REVISE, ReadinessStep.APPROVE),
    Readiness.IN_REVIEW: (ReadinessStep.APPROVE,),
    Readiness.LAPSED: (ReadinessStep.RENEW, ReadinessStep.APPROVE),
}
"""What is still to be done, in order."""

_IN_PROGRESS = {
    AssessmentState.DRAFTING: Readiness.DRAFTING,
    AssessmentState.IN_REVIEW: Readiness.IN_REVIEW,
    AssessmentState.RETURNED: Readiness.RETURNED,
}


def readiness(
    *, excluded: bool, clearance_kind: str | None, lapsed: bool, assessment_state: str | None, proposed: str | None
) -> Readiness:
    """How far a decision is. `proposed` is the outcome of its current assessment's screening.

    Only a clearance that holds now makes it ready (domain, States); a matter set aside is not assessed at all.
    """
    if excluded:
        return Readiness.EXCLUDED
    if clearance_kind is not None:
        return Readiness.APPROVED if clearance_kind == ClearanceKind.APPROVED else Readiness.NOT_NEEDED
    if assessment_state in _IN_PROGRESS:
        return _IN_PROGRESS[AssessmentState(assessment_state)]
    if assessment_state == AssessmentState.SCREENING:
        return Readiness.AWAITS_SIGNATURE if proposed == ScreeningOutcome.NOT_NEEDED else Readiness.SCREENING
    return Readiness.LAPSED if lapsed else Readiness.MISSING


def is_ready(clearance_kind: str | None, *, excluded: bool) -> bool:
    """Whether a decision may go to a meeting: it is cleared, or not assessed at all."""
    return excluded or clearance_kind is not None


def need(status: Readiness, proposed: str | None, hint: str) -> AssessmentNeed:
    """Whether an assessment is needed: what was signed, else what was screened, else what the early hint says."""
    if status in {Readiness.EXCLUDED, Readiness.NOT_NEEDED}:
        return AssessmentNeed(status.value)
    if status is Readiness.APPROVED or proposed == ScreeningOutcome.NEEDED:
        return AssessmentNeed.NEEDED
    return AssessmentNeed(hint)


@dataclass(frozen=True, slots=True)
class Told:
    """When a source's word is of: its version or its time of change, and the digest of what it says."""

    version: int | None
    changed_at: datetime | None
    digest: str

    def kept(self, status: str | None, before: Mapping[str, Any] | None) -> dict[str, Any]:
        """As it is kept beside the decision, with the status that was told.

        Of version and time, the one that was not told now is kept from before: it still tells what is older.
        """
        known = before or {"version": None, "changed_at": None}
        version = known["version"] if self.version is None else self.version
        at = self.changed_at.isoformat() if self.changed_at else known["changed_at"]
        return {"version": version, "changed_at": at, "digest": self.digest, "status": status}


def digest_of(facts: Mapping[str, Any]) -> str:
    """SHA-256 in hexadecimal over the canonical JSON (RFC 8785) of what a source says of a case."""
    return hashlib.sha256(rfc8785.dumps(facts)).hexdigest()


def is_outdated(before: Mapping[str, Any] | None, told: Told) -> bool:
    """Whether a source's word is older than what it has said already; the first word never is.

    Versions are compared where both have one, times else. Raises Conflict `source_version` where neither can be
    compared, or where two words of the same version or time say different things: which is newer cannot be told.
    """
    if before is None:
        return False
    if before["version"] is not None and told.version is not None:
        older, same = told.version < before["version"], told.version == before["version"]
    elif before["changed_at"] is not None and told.changed_at is not None:
        was = datetime.fromisoformat(before["changed_at"])
        older, same = told.changed_at < was, told.changed_at == was
    else:
        name = "source_version" if told.version is None else "source_changed_at"
        fault = Fault(f"/{name}", "Tell it as before, so that the two can be compared.")
        raise Conflict("source_version", "The case was told with the other of version and time.", [fault])
    if same and told.digest != before["digest"]:
        fault = Fault("/source_version" if told.version is not None else "/source_changed_at", "Tell a newer one.")
        raise Conflict("source_version", "Something else was told under the same version.", [fault])
    return bool(older)
