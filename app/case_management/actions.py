"""Taking in what the case-management system says of its cases."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.access.rules import Caller
from app.case_management import queries, rules
from app.case_management.rules import CaseOutcome, Told
from app.case_management.schemas import CaseFacts
from app.conventions.schemas import values_of
from app.conventions.versions import claim, hold
from app.database import Session, breathe, broken_constraint, lock_for_transaction
from app.decisions import actions as decisions
from app.decisions import handling
from app.decisions import queries as decision_queries
from app.decisions.models import Decision, DecisionObject, DecisionState, SourceStatus
from app.decisions.rules import EDITABLE, HANDLED, natural_number
from app.errors import Conflict, DomainError, Fault, Invalid
from app.journal.actions import changes, record

_FACTS = (
    *("title", "task_class_code", "task_class_title", "publicity", "publicity_grounds", "language", "body"),
    *("meeting_date", "documents"),
)
_OF_THE_MEETING = {"body", "meeting_date"}
"""Of the meeting that handled it last, where the source tells of none that it goes to."""
_NOT_OF_THE_CONTENT = {"source_version", "source_changed_at", "former_key", "diary_number", "decision_key"}


@dataclass(frozen=True, slots=True)
class Case:
    """One decision of a case as its source tells it."""

    diary_number: str
    decision_key: str
    facts: CaseFacts

    @property
    def key(self) -> tuple[str, str]:
        """What it is told apart by among the cases of its source."""
        return natural_number(self.diary_number), self.decision_key


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a case."""

    outcome: CaseOutcome
    decision: Decision | None
    unknown_unit: str | None = None
    refusal: DomainError | None = None


def tell(session: Session, source: str, case: Case, *, by: Caller) -> Taken:
    """Take in what a source says of one decision of a case: create it, bring it up to date, or leave it.

    The source's own version or time decides which word is newer, so it may come twice and in any order. Raises Conflict
    `source_version` where that cannot be told, and Invalid where a handling names what is not there.
    """
    return _Telling(session, source, [case], by).take(case)


def tell_all(session: Session, source: str, cases: Sequence[Case], *, by: Caller) -> list[Taken]:
    """Take in many, each by itself: one that is refused leaves nothing behind and does not hold the others up."""
    telling, taken = _Telling(session, source, cases, by), []
    for case in cases:
        try:
            with session.begin_nested():
                taken.append(telling.take(case))
        except DomainError as error:
            telling.forget(case)
            taken.append(Taken(CaseOutcome.REFUSED, None, refusal=error))
        except IntegrityError as error:
            telling.forget(case)
            refusal = Conflict("already_exists", f"A rule of the database is broken ({broken_constraint(error)}).")
            taken.append(Taken(CaseOutcome.REFUSED, None, refusal=refusal))
        breathe()
    return taken


class _Telling:
    """What some cases' decisions and units are, read once, under the lock of this organisation's cases."""

    def __init__(self, session: Session, source: str, cases: Sequence[Case], by: Caller) -> None:
        for permission in ("cases:write", "decisions:write", "decisions:read"):
            by.require(permission)
        lock_for_transaction(session, _lock_key(by.organisation_id))
        self.session, self.source, self.by = session, source, by
        numbers = {case.key[0] for case in cases}
        self.decisions = decision_queries.told_by_source(session, by.organisation_id, source, numbers)
        codes = (case.facts.unit_code for case in cases)
        self.units = queries.units_by_code(session, by.organisation_id, filter(None, codes))

    def take(self, case: Case) -> Taken:
        facts = case.facts
        decision = self.decisions.get(case.key) or self._under_former_key(case)
        said = facts.model_dump(mode="json", exclude=_NOT_OF_THE_CONTENT, exclude_defaults=True)
        told = Told(facts.source_version, facts.source_changed_at, rules.digest_of(said))
        unit_id = self.units.get(facts.unit_code) if facts.unit_code else None
        unknown_unit = facts.unit_code if unit_id is None else None
        if decision is None:
            decision = self._create(case, unit_id)
            self._follow(decision, facts, before=None)
            outcome = CaseOutcome.CREATED
        elif rules.is_outdated(decision.told_by_source, told):
            return Taken(CaseOutcome.OUTDATED, decision)
        else:
            hold(self.session, decision)
            changed = self._update(decision, facts, unit_id, told) or decision.decision_key != case.decision_key
            outcome = CaseOutcome.UPDATED if changed else CaseOutcome.UNCHANGED
        status = facts.status or (decision.told_by_source or {}).get("status")
        decision.told_by_source = told.kept(status, decision.told_by_source)
        self._rekey(decision, case)
        self.session.flush()
        self.decisions[case.key] = decision
        return Taken(outcome, decision, unknown_unit)

    def forget(self, case: Case) -> None:
        """Read a decision anew when it is needed next: what was changed in it was undone."""
        decision = self.decisions.get(case.key)
        if decision is not None:
            self.session.expire(decision)

    def _under_former_key(self, case: Case) -> Decision | None:
        former = self.decisions.get((case.key[0], case.facts.former_key)) if case.facts.former_key else None
        return former if former is not None and former.source == self.source else None

    def _rekey(self, decision: Decision, case: Case) -> None:
        """Let a decision that was told under another key have the one it is told under now."""
        told = changes(decision, {"decision_key": case.decision_key})
        if not told:
            return
        claim(self.session, decision, None, self.by)
        self.decisions.pop((case.key[0], decision.decision_key), None)
        decision.decision_key = case.decision_key
        self.session.flush()
        record(self.session, self.by, "decision.rekeyed", "decision", decision.id, changes=told)

    def _create(self, case: Case, unit_id: UUID | None) -> Decision:
        values = {
            **_facts(case.facts, unit_id),
            "source": self.source,
            "diary_number": case.diary_number,
            "decision_key": case.decision_key,
            "object": DecisionObject.DECISION,
            "unit_id": unit_id,
            "state": DecisionState.IN_PREPARATION,
            "kept_by_source": _kept(case.facts),
            **dict.fromkeys(("preparer_id", "follow_up_on")),
            **{name: [] for name in ("options", "cost_centre_ids", "service_class_ids", "planned_changes")},
        }
        return self.session.get_one(Decision, decisions.register(self.session, values, by=self.by))

    def _update(self, decision: Decision, facts: CaseFacts, unit_id: UUID | None, told: Told) -> bool:
        before = decision.told_by_source
        adopted = decision.source != self.source
        if adopted:
            self._adopt(decision)
        values = _facts(facts, unit_id)
        is_same_word = before is not None and before["digest"] == told.digest
        if is_same_word:
            values = {name: value for name, value in values.items() if name == "unit_id"}  # it may be known only now
        elif decision.state in HANDLED:
            values = {name: value for name, value in values.items() if value is not None or name not in _OF_THE_MEETING}
        decision.kept_by_source = _kept(facts)
        values = _differing(decision, values)
        changed = decisions.set_facts(self.session, decision, values, version=decision.version, by=self.by)
        if is_same_word:
            return bool(changed)
        followed = self._follow(decision, facts, before=before)
        return bool(changed) or adopted or followed

    def _adopt(self, decision: Decision) -> None:
        told = changes(decision, {"source": self.source})
        decision.source = self.source
        self.session.flush()
        record(self.session, self.by, "decision.adopted", "decision", decision.id, changes=told)

    def _follow(self, decision: Decision, facts: CaseFacts, *, before: Mapping[str, Any] | None) -> bool:
        """Record what has happened: the handlings first, then the status, where it is news."""
        happened, state_before = False, decision.state
        options = decision_queries.options(self.session, decision) if facts.handlings else ()
        codes = {row.code: row.id for row in options}
        for index, row in enumerate(facts.handlings):
            values = values_of(row)
            code = values.pop("option_code")
            if code is not None and code not in codes:
                fault = Fault(f"/handlings/{index}/option_code", "The decision has no such option here.")
                raise Invalid("invalid", "Name an option of this decision, or leave it out.", [fault])
            values |= {"option_id": codes.get(code), "source_key": values.pop("key")}
            happened |= handling.report(self.session, decision, values, at=f"/handlings/{index}", by=self.by)
        if happened:
            self._goes_on_to(decision, facts)
        moved = decision.state != state_before
        if facts.status is None:
            if moved and before is not None:  # the status that was told before is over
                decision.told_by_source = {**before, "status": None}
        elif _is_news(facts, decision, before, moved=moved):
            happened |= handling.report_status(self.session, decision, facts.status, by=self.by)
        return happened

    def _goes_on_to(self, decision: Decision, facts: CaseFacts) -> None:
        """Let the meeting that a matter goes to stand, where it is later than the one that handled it."""
        handled = decision.meeting_date
        if facts.meeting_date is None or handled is None or facts.meeting_date <= handled:
            return
        values = values_of(facts)
        later = {name: values[name] for name in _OF_THE_MEETING if values[name] is not None}
        later = _differing(decision, later)
        decisions.set_facts(self.session, decision, later, version=decision.version, by=self.by)


def _is_news(facts: CaseFacts, decision: Decision, before: Mapping[str, Any] | None, *, moved: bool) -> bool:
    """Whether a status is another than the source told before.

    Where a meeting that is told only now `moved` the decision: what is withdrawn stays so, and what was decided was on
    the agenda of that meeting, unless it goes to a later one: so that a word may be lost or late. Of a
    decision that was registered here by hand, the source's first word does not undo what has been decided.
    """
    if moved and facts.status is SourceStatus.WITHDRAWN:
        return True
    if moved and facts.status is SourceStatus.ON_AGENDA and decision.decided_on is not None:
        return facts.meeting_date is not None and facts.meeting_date > decision.decided_on
    if before is not None:
        return bool(before["status"] != facts.status)
    return facts.status is SourceStatus.WITHDRAWN or decision.state in EDITABLE or decision.decided_on is None


def _facts(facts: CaseFacts, unit_id: UUID | None) -> dict[str, Any]:
    values = values_of(facts)
    told = {name: values[name] for name in _FACTS}
    return told if unit_id is None else {**told, "unit_id": unit_id}


def _kept(facts: CaseFacts) -> list[str]:
    """The facts that are the source's; the unit only where it tells one."""
    return [*_FACTS, "unit_id"] if facts.unit_code else list(_FACTS)


def _differing(decision: Decision, values: dict[str, Any]) -> dict[str, Any]:
    return {name: change["to"] for name, change in changes(decision, values).items()}


def _lock_key(organisation_id: UUID) -> int:
    """A signed 64-bit key of an organisation's cases: they are taken in by one at a time, which needs no order."""
    digest = hashlib.sha256(b"cases" + organisation_id.bytes).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
