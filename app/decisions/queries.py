"""Reads of decisions, always limited to the caller's organisation."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Integer, Select, bindparam, func, literal_column, select
from sqlmodel import col

from app.access.models import Organisation
from app.access.queries import owned, referred
from app.access.rules import Caller
from app.budgeting.effect import budget_effect, ledger_beside
from app.conventions.cursors import PageRequest
from app.database import JsonText, Session, json_list, json_object, table_of
from app.decisions.models import (
    Decision,
    DecisionCostCentre,
    DecisionServiceClass,
    Handling,
    Option,
    PlannedChange,
)
from app.decisions.rules import EDITABLE, MANUAL, diary_key
from app.decisions.schemas import DecisionRead, DecisionSummary
from app.errors import Fault, Invalid, NotFound

_DECISION = table_of(Decision)
_PARTS = ("options", "cost_centre_ids", "service_class_ids", "planned_changes")
_FACTS = [_DECISION.c[name] for name in DecisionRead.model_fields if name not in _PARTS]
_SUMMARY = [_DECISION.c[name] for name in DecisionSummary.model_fields]


@cache
def _whole(dialect: str) -> Select[Any]:
    """A decision and all its parts in one statement."""
    option, cost_centre = table_of(Option), table_of(DecisionCostCentre)
    service_class, planned = table_of(DecisionServiceClass), table_of(PlannedChange)
    wanted = bindparam("id", type_=_DECISION.c.id.type)
    parts = {
        "options": select(option.c.id, option.c.version, option.c.code, option.c.title, option.c.description)
        .where(option.c.decision_id == wanted)
        .order_by(func.length(option.c.code), option.c.code),
        "cost_centre_ids": select(cost_centre.c.cost_centre_id).where(cost_centre.c.decision_id == wanted),
        "service_class_ids": select(service_class.c.service_class_id).where(service_class.c.decision_id == wanted),
        "planned_changes": select(planned.c.cost_centre_id, planned.c.year, _money(planned.c.cents, dialect))
        .where(planned.c.decision_id == wanted)
        .order_by(planned.c.id),
    }
    made = {name: json_list(dialect, rows, single=name.endswith("_ids")).label(name) for name, rows in parts.items()}
    text = json_object(dialect, [*_FACTS, *made.values()])
    return select(text.label("text"), _DECISION.c.id, _DECISION.c.version).where(
        _DECISION.c.id == wanted, _DECISION.c.organisation_id == bindparam("organisation_id")
    )


def _money(cents: ColumnElement[int], dialect: str) -> ColumnElement[Any]:
    """An amount as the API gives money."""
    made = func.json_build_object if dialect == "postgresql" else func.json_object
    said = made(literal_column("'cents'"), cents, literal_column("'currency'"), literal_column("'EUR'"), type_=JSON())
    return said.label("amount")


def whole(session: Session, decision_id: UUID, *, visible_to: Caller) -> JsonText:
    """A decision with its options and what it touches, as the API gives it; one query."""
    visible_to.require("decisions:read")
    connection = session.connection()
    asked = {"id": decision_id, "organisation_id": visible_to.organisation_id}
    row = connection.execute(_whole(connection.dialect.name), asked).one_or_none()
    if row is None:
        raise NotFound("not_found", "There is no such decision here.")
    return JsonText(*row)


def get(session: Session, decision_id: UUID, *, visible_to: Caller) -> Decision:
    """A decision to be changed."""
    visible_to.require("decisions:read")
    return owned(session, Decision, decision_id, visible_to)


def option(session: Session, decision: Decision, option_id: UUID) -> Option:
    """An option of a decision."""
    row = session.get(Option, option_id)
    if row is None or row.decision_id != decision.id:
        raise NotFound("not_found", "The decision has no such option.")
    return row


def chosen_option(session: Session, decision: Decision, option_id: UUID | None, caller: Caller) -> Option | None:
    """The option that a handling names; Invalid where the decision has no such option."""
    row = referred(session, Option, option_id, caller, "/option_id")
    if row is not None and row.decision_id != decision.id:
        raise Invalid(
            "invalid", "Name an option of this decision.", [Fault("/option_id", "Another decision's option.")]
        )
    return row


def told_by_source(
    session: Session, organisation_id: UUID, source: str, natural_numbers: Iterable[str]
) -> dict[tuple[str, str], Decision]:
    """The decisions of some cases by natural number and decision key, to be written; one query.

    Where the case system has not told of one yet, it is the one that somebody registered here by hand.
    """
    statement = select(Decision).where(
        col(Decision.organisation_id) == organisation_id,
        col(Decision.source).in_({source, MANUAL}),
        col(Decision.natural_number).in_(list(natural_numbers)),
    )
    found: dict[tuple[str, str], Decision] = {}
    for row in session.scalars(statement.order_by(col(Decision.source) == source)):
        found[row.natural_number, row.decision_key] = row
    return found


def options(session: Session, decision: Decision) -> Sequence[Option]:
    """The options of a decision, VE0 first."""
    return session.scalars(
        select(Option)
        .where(col(Option.decision_id) == decision.id)
        .order_by(func.length(col(Option.code)), col(Option.code))
    ).all()


def planned_changes(session: Session, decision: Decision) -> list[dict[str, Any]]:
    """The planned changes in euros of a decision."""
    table = table_of(PlannedChange)
    statement = select(table.c.cost_centre_id, table.c.year, table.c.cents).where(table.c.decision_id == decision.id)
    return [dict(row) for row in session.connection().execute(statement).mappings()]


def touched(session: Session, decision: Decision) -> tuple[list[UUID], list[UUID]]:
    """The ids of the cost centres and of the service classes that a decision touches."""
    cost_centre, service_class = table_of(DecisionCostCentre), table_of(DecisionServiceClass)
    return (
        list(session.scalars(select(cost_centre.c.cost_centre_id).where(cost_centre.c.decision_id == decision.id))),
        list(
            session.scalars(select(service_class.c.service_class_id).where(service_class.c.decision_id == decision.id))
        ),
    )


def scope(session: Session, decision: Decision) -> dict[str, list[Any]]:
    """What a decision touches and its planned changes; three queries."""
    cost_centres, classes = touched(session, decision)
    planned = planned_changes(session, decision)
    return {"cost_centre_ids": cost_centres, "service_class_ids": classes, "planned_changes": planned}


def excluded_task_classes(session: Session, organisation_id: UUID) -> list[dict[str, Any]]:
    """The task classes that the organisation sets aside, held as they are until the transaction ends.

    So a decision registered while the list is replaced is either judged by the new list, or looked at again with it.
    """
    list_ = select(col(Organisation.excluded_task_classes)).where(col(Organisation.id) == organisation_id)
    found: list[dict[str, Any]] = session.execute(list_.with_for_update(read=True)).scalar_one()
    return found


def open_task_classes(session: Session, organisation_id: UUID) -> Sequence[Any]:
    """Id, task class and whether it is set aside, of every decision whose proposal may still change; one query."""
    columns = _DECISION.c
    statement = select(columns.id, columns.task_class_code, columns.excluded).where(
        columns.organisation_id == organisation_id,
        columns.state.in_(EDITABLE),
        columns.task_class_code.is_not(None),
    )
    return session.connection().execute(statement.order_by(columns.id)).all()


def listed(
    session: Session,
    page: PageRequest,
    *,
    visible_to: Caller,
    filters: Mapping[str, Any],
    diary_number: str | None = None,
    meeting_from: date | None = None,
    meeting_until: date | None = None,
    has_assessment: bool | None = None,
    text: str | None = None,
) -> Sequence[str]:
    """Decisions of the organisation as JSON, newest first, one more than the page holds; one query.

    `filters` are columns and the value each must have. `text` is looked for in titles and diary numbers.
    """
    visible_to.require("decisions:read")
    columns = _DECISION.c
    connection = session.connection()
    statement = _newest(connection.dialect.name)
    for name, value in filters.items():
        if value is not None:
            statement = statement.where(columns[name] == value)
    if diary_number is not None:
        statement = statement.where(columns.diary_key == diary_key(diary_number))
    if meeting_from is not None:
        statement = statement.where(columns.meeting_date >= meeting_from)
    if meeting_until is not None:
        statement = statement.where(columns.meeting_date <= meeting_until)
    if has_assessment is not None:
        statement = statement.where(
            columns.assessment_id.is_not(None) if has_assessment else columns.assessment_id.is_(None)
        )
    if text is not None:
        statement = statement.where(columns.search_text.contains(text.casefold(), autoescape=True))
    after = page.after_id()
    if after is not None:
        statement = statement.where(columns.id < after)
    asked = {"organisation_id": visible_to.organisation_id, "rows": page.limit + 1}
    return connection.execute(statement, asked).scalars().all()


@cache
def _newest(dialect: str) -> Select[Any]:
    """An organisation's decisions in the form of a list, made once: to build it costs as much as to run it."""
    return (
        select(json_object(dialect, _SUMMARY))
        .where(_DECISION.c.organisation_id == bindparam("organisation_id"))
        .order_by(_DECISION.c.id.desc())
        .limit(bindparam("rows", type_=Integer()))
    )


def effect(session: Session, decision_id: UUID, *, visible_to: Caller) -> dict[str, Any]:
    """What a decision's planned euros move as things are classified today, beside what the ledgers say."""
    visible_to.require("child-budget:read")
    return effect_of(session, get(session, decision_id, visible_to=visible_to))


def effect_of(session: Session, decision: Decision) -> dict[str, Any]:
    """The same of a decision that was read already."""
    planned, (_, service_classes) = planned_changes(session, decision), touched(session, decision)
    return {
        "effect": budget_effect(session, decision.organisation_id, planned, service_classes),
        "ledger": ledger_beside(session, decision.organisation_id, planned),
    }


def handling(session: Session, decision: Decision, handling_id: UUID) -> Handling:
    """A handling of a decision."""
    row = session.get(Handling, handling_id)
    if row is None or row.decision_id != decision.id:
        raise NotFound("not_found", "The decision has no such handling.")
    return row


def reported_handling(session: Session, decision: Decision, values: Mapping[str, Any]) -> Handling | None:
    """The handling that a case system tells of: by its own key, else one of this body and day that has no key."""
    found = session.scalars(select(Handling).where(col(Handling.decision_id) == decision.id)).all()
    keyed = [row for row in found if row.source_key == values["source_key"]]
    same_day = (row for row in found if (row.body, row.meeting_date) == (values["body"], values["meeting_date"]))
    return next(iter(keyed), None) or next((row for row in same_day if row.source_key is None), None)


def last_meeting(session: Session, decision: Decision) -> date | None:
    """The day of the latest meeting that handled a decision."""
    return session.scalar(select(func.max(col(Handling.meeting_date))).where(col(Handling.decision_id) == decision.id))


def last_handling(session: Session, decision: Decision) -> Handling | None:
    """The handling that left a decision where it is: of the latest meeting, and of those of a day the last recorded."""
    return session.scalars(
        select(Handling)
        .where(col(Handling.decision_id) == decision.id)
        .order_by(col(Handling.meeting_date).desc(), col(Handling.id).desc())
        .limit(1)
    ).one_or_none()


def handlings(session: Session, decision_id: UUID, *, visible_to: Caller) -> Sequence[Handling]:
    """Every handling of a decision, in order of meeting."""
    decision = get(session, decision_id, visible_to=visible_to)
    return session.scalars(
        select(Handling)
        .where(col(Handling.decision_id) == decision.id)
        .order_by(col(Handling.meeting_date), col(Handling.id))
    ).all()
