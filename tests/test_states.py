"""State × move × role, generated from the tables of moves; and what may be written in which state.

Each attempt runs in a transaction that is rolled back, so that one object serves every move and role of its state.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from app.access.models import Role
from app.access.rules import Caller, System
from app.assessments import actions as assessments
from app.assessments import attachments, parts
from app.assessments import queries as assessment_queries
from app.assessments import rules as assessment_rules
from app.assessments.models import Assessment, AssessmentState, Attachment, Seal
from app.clock import today
from app.conventions.states import Move, with_author
from app.database import Database, Session
from app.decisions import actions as decisions
from app.decisions import clearing
from app.decisions import handling as handling_actions
from app.decisions import queries as decision_queries
from app.decisions import rules as decision_rules
from app.decisions.models import Decision, DecisionState, HandlingOutcome, Option
from app.errors import DomainError
from app.follow_up import actions as follow_ups
from app.follow_up import queries as follow_up_queries
from app.follow_up import rules as follow_up_rules
from app.follow_up.models import FollowUp, FollowUpState, UnintendedImpact
from app.services.models import CostCentre
from tests.county import (
    SCREENING_ANSWERS,
    County,
    a_decision,
    a_decision_in,
    a_follow_up,
    a_handling,
    an_assessment,
    an_impact,
)

A, D, F = AssessmentState, DecisionState, FollowUpState
DONE = "done"
READER = "auditor"
"""A role that reads everything and writes nothing."""


@contextmanager
def attempt(database: Database) -> Iterator[Session]:
    """A session of which nothing stays."""
    session = database.open_session(writes=True)
    try:
        yield session
    finally:
        session.rollback()
        session.close()


def answer_to(act: Callable[..., Any], *given: Any, **named: Any) -> str:
    """`done`, or the code of the error."""
    try:
        act(*given, **named)
    except DomainError as error:
        return error.code
    return DONE


def expected(move: Move, state: str, by: Caller, *, author: bool) -> str:
    """What the table says: the right first, then the state, then whose work it is."""
    if not by.can(move.permission):
        return "not_allowed"
    if state not in move.before:
        return "wrong_state"
    return "own_work" if author and not move.by_author else DONE


def attempts(county: County, moves: Mapping[str, Move]) -> Iterator[tuple[str, Caller, bool]]:
    """Every move by every role; and again as an author, where the role may."""
    for name, move in moves.items():
        for role in Role:
            yield name, county[role], False
            if county[role].can(move.permission):
                yield name, county[role], True


# Decisions


@pytest.mark.parametrize("state", DecisionState)
def test_a_decision_moves_exactly_as_the_table_says(database: Database, county: County, state: DecisionState) -> None:
    with database.transaction() as session:
        decision_id = a_decision_in(session, county, state).id
    for name, move in decision_rules.MOVES.items():
        for role in Role:
            with attempt(database) as session:
                decision = session.get_one(Decision, decision_id)
                assert decision.state == state
                version = decision.version
                said = answer_to(
                    decisions.move, session, decision, name, version=version, by=county[role], reason="Kiire."
                )
                assert said == expected(move, state, county[role], author=False), (name, role)
                after = (move.after, version + 1) if said == DONE else (state, version)
                assert (decision.state, decision.version) == after


def test_presenting_what_is_not_cleared_needs_the_right_to_override(database: Database, county: County) -> None:
    presenter = county["presenter"]
    narrow = Caller(
        presenter.id,
        presenter.name,
        county.id,
        presenter.roles,
        frozenset({"decisions:read", "decisions:present"}),
    )
    with database.transaction() as session:
        bare = a_decision_in(session, county, D.IN_PREPARATION).id
        cleared = a_decision(session, county, "2/2026")
        an_assessment(session, county, A.APPROVED, cleared)
        a_decision_in(session, county, D.IN_PREPARATION, cleared)
    for decision_id, by, reason, said in (
        (bare, presenter, None, "not_cleared"),
        (bare, narrow, "Kiire.", "not_allowed"),
        (bare, presenter, "Kiire.", DONE),
        (cleared.id, narrow, None, DONE),
    ):
        with attempt(database) as session:
            decision = session.get_one(Decision, decision_id)
            done = answer_to(
                decisions.move, session, decision, "presentation", version=decision.version, by=by, reason=reason
            )
            assert done == said
            assert decision.override_reason == (reason if decision_id == bare and done == DONE else None)


@pytest.mark.parametrize("state", DecisionState)
def test_what_a_body_did_is_recorded_from_every_state(database: Database, county: County, state: DecisionState) -> None:
    with database.transaction() as session:
        decision_id = a_decision_in(session, county, state).id
    for outcome in HandlingOutcome:
        for role in Role:
            with attempt(database) as session:
                decision = session.get_one(Decision, decision_id)
                version = decision.version
                handling = a_handling(outcome)
                said = answer_to(handling_actions.handle, session, decision, handling, version=version, by=county[role])
                may = county[role].can("decisions:handle")
                assert said == (DONE if may else "not_allowed")
                assert decision.state == (decision_rules.REPORTED[outcome] if may else state)


def decision_writes(session: Session, decision: Decision, by: Caller) -> dict[str, Callable[[], Any]]:
    """Everything that changes the proposal."""
    version = decision.version
    option = session.scalars(
        select(Option).where(col(Option.decision_id) == decision.id, col(Option.code) == "VE1")
    ).one()
    centre = CostCentre(organisation_id=decision.organisation_id, code="1", name={"fi": "N"}, valid_from=today())
    session.add(centre)
    session.flush()
    scope: dict[str, Any] = {"cost_centre_ids": [centre.id], "service_class_ids": [], "planned_changes": []}
    new = {"code": "VE2", "title": {"fi": "Toinen"}, "description": None}
    words = {"title": {"fi": "Uusi nimi"}}
    return {
        "change": lambda: decisions.change(session, decision, words, version=version, by=by),
        "set_scope": lambda: decisions.set_scope(session, decision, scope, version=version, by=by),
        "add_option": lambda: decisions.add_option(session, decision, new, by=by),
        "change_option": lambda: decisions.change_option(session, decision, option, words, version=1, by=by),
        "remove_option": lambda: decisions.remove_option(session, decision, option, version=1, by=by),
    }


DECISION_WRITES = ("change", "set_scope", "add_option", "change_option", "remove_option")


@pytest.mark.parametrize("state", DecisionState)
def test_a_proposal_changes_only_until_it_is_decided(database: Database, county: County, state: DecisionState) -> None:
    with database.transaction() as session:
        decision_id = a_decision_in(session, county, state).id
    for name in DECISION_WRITES:
        for role, allowed in (("preparer", state in decision_rules.EDITABLE), (READER, False)):
            with attempt(database) as session:
                decision = session.get_one(Decision, decision_id)
                version, before = decision.version, clearing.present_proposal(session, decision)
                said = answer_to(decision_writes(session, decision, county[role])[name])
                refusal = "wrong_state" if role == "preparer" else "not_allowed"
                assert said == (DONE if allowed else refusal), (name, role)
                assert decision.version == version + (said == DONE)
                if said != DONE:
                    assert clearing.present_proposal(session, decision) == before


@pytest.mark.parametrize("state", DecisionState)
def test_links_change_in_every_state_and_the_follow_up_is_dated_once_it_is_decided(
    database: Database, county: County, state: DecisionState
) -> None:
    with database.transaction() as session:
        decision_id = a_decision_in(session, county, state).id
    by = county["preparer"]
    with attempt(database) as session:
        decision = session.get_one(Decision, decision_id)
        assert answer_to(decisions.set_documents, session, decision, [], version=decision.version, by=by) == DONE
    with attempt(database) as session:
        decision = session.get_one(Decision, decision_id)
        dated = {"follow_up_on": today()}
        said = answer_to(decisions.change, session, decision, dated, version=decision.version, by=by)
        assert said == (DONE if state in decision_rules.FOLLOWED_UP_STATES else "no_decision_yet")


# Assessments


def screening(outcome: str) -> dict[str, Any]:
    return {"answers": SCREENING_ANSWERS, "outcome": outcome, "reason": "Koskee lapsia."}


ASSESSMENT_MOVES: dict[str, Callable[..., Assessment]] = {
    "drafting": assessments.draft,
    "signature": assessments.sign_not_needed,
    "submission": assessments.submit,
    "return": lambda session, row, **named: assessments.send_back(session, row, "Täydennä.", **named),
    "approval": assessments.approve,
    "publication": lambda session, row, **named: assessments.publish(session, row, True, **named),
    "withdrawal": assessments.withdraw,
}
SCREENED_AS = {"drafting": "needed", "signature": "not_needed"}


@pytest.mark.parametrize("state", AssessmentState)
def test_an_assessment_moves_exactly_as_the_table_says(
    database: Database, county: County, state: AssessmentState
) -> None:
    assert set(ASSESSMENT_MOVES) == set(assessment_rules.MOVES)
    with database.transaction() as session:
        assessment_id = an_assessment(session, county, state).id
    for name, by, author in attempts(county, assessment_rules.MOVES):
        move = assessment_rules.MOVES[name]
        with attempt(database) as session:
            row = session.get_one(Assessment, assessment_id)
            assert row.state == state
            if state == A.SCREENING and name in SCREENED_AS:
                proposed = screening(SCREENED_AS[name])
                assessments.screen(session, row, proposed, version=row.version, by=county["preparer"])
            row.authors = (
                with_author(row.authors, by.id) if author else [key for key in row.authors if key != str(by.id)]
            )
            session.flush()
            version = row.version
            said = answer_to(ASSESSMENT_MOVES[name], session, row, version=version, by=by)
            assert said == expected(move, state, by, author=author), (name, by.roles, author)
            assert (row.state, row.version) == ((move.after, version + 1) if said == DONE else (state, version))
            decision = session.get_one(Decision, row.decision_id)
            if said == DONE:
                assert (decision.assessment_id, decision.assessment_state) == (row.id, move.after)
                assert (row.seal_id is not None) == (
                    move.after in {A.APPROVED, A.PUBLISHED} or state == A.NOT_NEEDED or name == "signature"
                )


@pytest.mark.parametrize("move", SCREENED_AS)
@pytest.mark.parametrize("outcome", [None, "needed", "not_needed"])
def test_the_screening_says_which_way_it_goes(
    database: Database, county: County, move: str, outcome: str | None
) -> None:
    with attempt(database) as session:
        row = an_assessment(session, county, A.SCREENING)
        if outcome:
            assessments.screen(session, row, screening(outcome), version=row.version, by=county["preparer"])
        by = county["preparer" if move == "drafting" else "expert"]
        said = answer_to(ASSESSMENT_MOVES[move], session, row, version=row.version, by=by)
        assert said == (DONE if outcome == SCREENED_AS[move] else "not_screened")


def a_part_of(session: Session, assessment: Assessment, kind: str) -> tuple[Any, dict[str, Any]]:
    """A part straight into the database, whatever the state; and facts of its kind."""
    decision = session.get_one(Decision, assessment.decision_id)
    option = decision_queries.options(session, decision)[-1]
    evidence = {"kind": "research", "title": "T", "source": "S", "dated": None, "url": None, "finding": "F"}
    judged: dict[str, Any] = {"gap": None, "indicators": [], "up_to_date": True, "relevant": True, "wide_enough": True}
    hearing: dict[str, Any] = {
        "party": "parents",
        "who": "W",
        "age_groups": [],
        "number": None,
        "method": "survey",
        "held_on": None,
    }
    facts: dict[str, dict[str, Any]] = {
        "impacts": an_impact(option.id),
        "evidence": {**evidence, **judged},
        "hearings": {**hearing, "views": "V", "effect": None, "feedback_given": False},
        "recommendations": {"kind": "change", "text": "T"},
    }
    owner: dict[str, Any] = {"organisation_id": assessment.organisation_id, "assessment_id": assessment.id}
    row = assessment_queries.PARTS[kind](**owner, **facts[kind])
    session.add(row)
    session.flush()
    return row, facts[kind]


def assessment_write(session: Session, row: Assessment, name: str, by: Caller) -> Callable[[], Any]:
    """One of everything that changes what an assessment says."""
    version = row.version
    if name == "change":
        return lambda: assessments.change(session, row, {"summary": "Uusi."}, version=version, by=by)
    if name == "upgrade_form":
        before = assessment_queries.newest_form(session, row.organisation_id)
        assert before is not None
        newer = before.model_dump(include={"key", "title", "definition"})
        form = assessments.add_form(session, newer, by=System(row.organisation_id))
        return lambda: assessments.upgrade_form(session, row, form.id, version=version, by=by)
    if name in {"attach", "detach"}:
        link: dict[str, Any] = {"kind": "link", "title": "T", "url": "https://example.fi"}
        if name == "attach":
            return lambda: attachments.add(session, row, link, most=9, by=by)
        attached = Attachment(organisation_id=row.organisation_id, assessment_id=row.id, **link)
        session.add(attached)
        session.flush()
        return lambda: attachments.remove(session, row, attached, version=1, by=by)
    verb, kind = name.split()
    part, facts = a_part_of(session, row, kind)
    if verb == "add":
        return lambda: parts.add(session, row, kind, facts, by=by)
    if verb == "change":
        said = {"impacts": "description", "evidence": "title", "hearings": "who", "recommendations": "text"}[kind]
        return lambda: parts.change(session, row, kind, part, {**facts, said: "Muuta"}, version=1, by=by)
    return lambda: parts.remove(session, row, kind, part, version=1, by=by)


ASSESSMENT_WRITES = [
    "change",
    "upgrade_form",
    "attach",
    "detach",
    *(f"{verb} {kind}" for verb in ("add", "change", "remove") for kind in assessment_queries.PARTS),
]


@pytest.mark.parametrize("state", AssessmentState)
def test_an_assessment_is_written_only_while_it_is_being_written(
    database: Database, county: County, state: AssessmentState
) -> None:
    with database.transaction() as session:
        assessment_id = an_assessment(session, county, state).id
    for name in ASSESSMENT_WRITES:
        for role, allowed in (("expert", state in assessment_rules.WRITABLE), (READER, False)):
            with attempt(database) as session:
                by = county[role]
                row = session.get_one(Assessment, assessment_id)
                write = assessment_write(session, row, name, by)
                before = assessment_queries.with_parts(session, row)
                said = answer_to(write)
                refusal = "wrong_state" if role == "expert" else "not_allowed"
                assert said == (DONE if allowed else refusal), (name, role)
                after = assessment_queries.with_parts(session, row)
                if said == DONE:
                    assert after["version"] == before["version"] + 1
                    assert str(by.id) in after["authors"], "whoever writes is an author, and may not approve"
                else:
                    assert after == before


@pytest.mark.parametrize("state", AssessmentState)
def test_screening_new_editions_and_comments_each_have_their_states(
    database: Database, county: County, state: AssessmentState
) -> None:
    with database.transaction() as session:
        assessment_id = an_assessment(session, county, state).id
    acts: dict[str, tuple[Callable[[Session, Assessment, Caller], Any], bool, str]] = {
        "screen": (
            lambda session, row, by: assessments.screen(session, row, screening("needed"), version=row.version, by=by),
            state == A.SCREENING,
            "wrong_state",
        ),
        "new edition": (
            lambda session, row, by: assessments.new_edition(session, row, version=row.version, by=by),
            state in assessment_rules.SUPERSEDABLE,
            "wrong_state",
        ),
        "comment": (
            lambda session, row, by: assessments.comment(session, row, "Tarkista.", None, by=by),
            True,
            "",
        ),
        "start": (
            lambda session, row, by: assessments.start(
                session,
                session.get_one(Decision, row.decision_id),
                {"form_id": None, "extent": "light", "manner": "separate"},
                by=by,
            ),
            state == A.WITHDRAWN,
            "open_assessment",
        ),
    }
    for name, (act, allowed, refusal) in acts.items():
        for role in ("expert", READER):
            with attempt(database) as session:
                row = session.get_one(Assessment, assessment_id)
                version, by = row.version, county[role]
                said = answer_to(act, session, row, by)
                assert said == ("not_allowed" if role == READER else DONE if allowed else refusal), name
                if name == "screen" and said == DONE:
                    assert str(by.id) in row.authors
                if said != DONE:
                    assert (row.state, row.version) == (state, version)


def test_whoever_made_a_new_edition_may_not_approve_it(database: Database, county: County) -> None:
    expert, presenter = county["expert"], county["presenter"]
    with attempt(database) as session:
        made = an_assessment(session, county, A.PUBLISHED)
        after = assessments.new_edition(session, made, version=made.version, by=expert)
        assessments.submit(session, after, version=after.version, by=county["preparer"])
        assert answer_to(assessments.approve, session, after, version=after.version, by=expert) == "own_work"
        assert answer_to(assessments.approve, session, after, version=after.version, by=presenter) == DONE
        assert (made.state, after.state) == (A.SUPERSEDED, A.APPROVED)


def test_what_is_sealed_stays_as_it_was_whatever_follows(database: Database, county: County) -> None:
    preparer, expert, registrar = county["preparer"], county["expert"], county["registrar"]
    mutable = {"state", "version", "changed_at", "changed_by", "published_by", "published_at"}
    seen: dict[UUID, dict[str, Any]] = {}
    editions: dict[UUID, dict[str, Any]] = {}

    def look(session: Session) -> None:
        session.expire_all()
        rows = {row.id: row.model_dump() for row in session.scalars(select(Seal))}
        assert {key: rows[key] for key in seen} == seen
        for sealed in rows.values():
            assert hashlib.sha256(sealed["content"].encode()).hexdigest() == sealed["digest"]
        seen.update(rows)
        for key, before in editions.items():
            now = assessment_queries.with_parts(session, session.get_one(Assessment, key))
            assert {name: now[name] for name in before} == before
        for row in session.scalars(select(Assessment).where(col(Assessment.state).in_([A.APPROVED, A.PUBLISHED]))):
            said = assessment_queries.with_parts(session, row)
            editions.setdefault(row.id, {name: value for name, value in said.items() if name not in mutable})
            assert row.seal_id is not None
            told = json.loads(rows[row.seal_id]["content"])["assessment"]
            assert told["summary"] == said["summary"]
            assert [part["id"] for part in told["impacts"]] == [str(part["id"]) for part in said["impacts"]]

    with database.transaction() as session:
        decision = a_decision(session, county)
        first = an_assessment(session, county, A.NOT_NEEDED, decision)
        look(session)
        after = assessments.new_edition(session, first, version=first.version, by=preparer)
        assessments.screen(session, after, screening("needed"), version=after.version, by=preparer)
        assessments.draft(session, after, version=after.version, by=preparer)
        look(session)
    with database.transaction() as session:
        other = a_decision(session, county, "2/2026")
        made = an_assessment(session, county, A.APPROVED, other)
        look(session)
        assessments.publish(session, made, True, version=made.version, by=registrar)
        look(session)
        after = assessments.new_edition(session, made, version=made.version, by=preparer)
        look(session)
        assessments.change(session, after, {"summary": "Toinen."}, version=after.version, by=preparer)
        (impact,) = assessment_queries.parts(session, after.id, "impacts")
        row = assessment_queries.part(session, after, "impacts", impact["id"])
        parts.change(session, after, "impacts", row, {"description": "Muuttui."}, version=row.version, by=preparer)
        look(session)
        assessments.submit(session, after, version=after.version, by=preparer)
        assessments.approve(session, after, version=after.version, by=expert)
        look(session)
        words = {"title": {"fi": "Aivan toinen asia"}}
        decisions.change(session, other, words, version=other.version, by=preparer)
        look(session)
    assert len(seen) == 3
    assert len(editions) == 2


# Follow-ups


FOLLOW_UP_MOVES: dict[str, Callable[..., FollowUp]] = {
    "submission": follow_ups.submit,
    "return": lambda session, row, **named: follow_ups.send_back(session, row, "Täydennä.", **named),
    "approval": follow_ups.approve,
    "publication": lambda session, row, **named: follow_ups.publish(session, row, True, **named),
}


@pytest.mark.parametrize("state", FollowUpState)
def test_a_follow_up_moves_exactly_as_the_table_says(database: Database, county: County, state: FollowUpState) -> None:
    assert set(FOLLOW_UP_MOVES) == set(follow_up_rules.MOVES)
    with database.transaction() as session:
        follow_up_id = a_follow_up(session, county, state).id
    for name, by, author in attempts(county, follow_up_rules.MOVES):
        move = follow_up_rules.MOVES[name]
        with attempt(database) as session:
            row = session.get_one(FollowUp, follow_up_id)
            assert row.state == state
            row.authors = (
                with_author(row.authors, by.id) if author else [key for key in row.authors if key != str(by.id)]
            )
            session.flush()
            version = row.version
            said = answer_to(FOLLOW_UP_MOVES[name], session, row, version=version, by=by)
            assert said == expected(move, state, by, author=author), (name, by.roles, author)
            assert (row.state, row.version) == ((move.after, version + 1) if said == DONE else (state, version))


def follow_up_writes(session: Session, row: FollowUp, by: Caller) -> dict[str, Callable[[], Any]]:
    """Everything that changes what a follow-up says."""
    version = row.version
    impact = follow_up_queries.predicted(session, row)[0]["id"]
    told: dict[str, Any] = {"realised": "no", "direction": "neutral", "description": None, "indicators": []}
    seen: dict[str, Any] = {
        "description": "D",
        "impact_class": "direct",
        "direction": "mixed",
        "age_groups": [],
        "child_groups": [],
    }
    extra = UnintendedImpact(organisation_id=row.organisation_id, follow_up_id=row.id, **seen)
    session.add(extra)
    session.flush()
    return {
        "change": lambda: follow_ups.change(session, row, {"summary": "Uusi."}, version=version, by=by),
        "tell_outcome": lambda: follow_ups.tell_outcome(session, row, impact, told, version=version, by=by),
        "add_unintended": lambda: follow_ups.add_unintended(session, row, seen, by=by),
        "remove_unintended": lambda: follow_ups.remove_unintended(session, row, extra, version=1, by=by),
    }


FOLLOW_UP_WRITES = ("change", "tell_outcome", "add_unintended", "remove_unintended")


@pytest.mark.parametrize("state", FollowUpState)
def test_a_follow_up_is_written_only_while_it_is_a_draft(
    database: Database, county: County, state: FollowUpState
) -> None:
    with database.transaction() as session:
        follow_up_id = a_follow_up(session, county, state).id
    for name in FOLLOW_UP_WRITES:
        for role in ("expert", READER):
            with attempt(database) as session:
                row, by = session.get_one(FollowUp, follow_up_id), county[role]
                write = follow_up_writes(session, row, by)[name]
                before = follow_up_queries.whole(session, row)
                said = answer_to(write)
                assert said == ("not_allowed" if role == READER else DONE if state == F.DRAFTING else "wrong_state"), (
                    name
                )
                after = follow_up_queries.whole(session, row)
                if said == DONE:
                    assert after["version"] == before["version"] + 1
                    assert str(by.id) in after["authors"]
                else:
                    assert after == before


@pytest.mark.parametrize("state", DecisionState)
def test_a_follow_up_is_opened_once_the_matter_is_decided(
    database: Database, county: County, state: DecisionState
) -> None:
    with attempt(database) as session:
        decision = a_decision_in(session, county, state)
        for role in Role:
            if not county[role].can("follow-ups:write"):
                assert answer_to(follow_ups.open_follow_up, session, decision, by=county[role]) == "not_allowed"
        said = answer_to(follow_ups.open_follow_up, session, decision, by=county["preparer"])
        if state in decision_rules.FOLLOWED_UP_STATES:
            assert said == DONE
            again = answer_to(follow_ups.open_follow_up, session, decision, by=county["preparer"])
            assert again == "open_follow_up"
        else:
            assert said == "no_decision_yet"
