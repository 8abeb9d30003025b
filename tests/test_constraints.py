"""Every constraint has a name, is there on both databases, and holds."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Constraint,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    func,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel
from uuid_utils.compat import uuid7

from app import schema
from app.clock import now, today
from app.database import Database, Session, broken_constraint
from tests.county import County, a_decision, an_assessment

assert schema.TABLES_OF  # its import makes every table known
TABLES = {table.name: table for table in SQLModel.metadata.sorted_tables}
PREFIX = {CheckConstraint: "ck", UniqueConstraint: "uq", ForeignKeyConstraint: "fk", PrimaryKeyConstraint: "pk"}


def constraints() -> list[Constraint]:
    return [constraint for table in TABLES.values() for constraint in table.constraints]


def test_every_constraint_has_a_name_of_its_own_after_the_convention() -> None:
    names = [str(constraint.name) for constraint in constraints()]
    assert len(names) == len(set(names))
    for constraint in constraints():
        table = constraint.table.name
        assert str(constraint.name).startswith(f"{PREFIX[type(constraint)]}_{table}"), constraint


def test_the_database_has_every_constraint_under_its_name(database: Database) -> None:
    found = inspect(database.engine)
    for name, table in TABLES.items():
        there = {str(row["name"]) for row in found.get_check_constraints(name)}
        there |= {str(row["name"]) for row in found.get_unique_constraints(name)}
        there |= {str(row["name"]) for row in found.get_foreign_keys(name)}
        there.add(str(found.get_pk_constraint(name)["name"]))
        assert {str(constraint.name) for constraint in table.constraints} <= there, name


@pytest.fixture
def filled(database: Database, county: County) -> Database:
    """A row in most tables."""
    with database.transaction() as session:
        an_assessment(session, county, "published", a_decision(session, county, "1/2026"))
        a_decision(session, county, "2/2026")
        a_row_in_every_table(session, county)
    return database


def a_value(column: Any) -> Any:
    """A value that a column takes, whatever it means."""
    kind = getattr(column.type, "impl", column.type)
    kind = kind if isinstance(kind, TypeEngine) else column.type
    made: dict[type[TypeEngine[Any]], Callable[[], Any]] = {
        Uuid: uuid7,
        LargeBinary: lambda: b"",
        String: lambda: "x",
        Boolean: lambda: False,
        Integer: lambda: 2026,
        DateTime: now,
        Date: today,
        JSON: dict,
    }
    return next(value() for name, value in made.items() if isinstance(kind, name))


SPLIT = {"cents": 5, "part_0": 5} | {f"part_{n}": 0 for n in range(1, 5)} | {f"prior_{n}": 0 for n in range(5)}
SPECIAL: dict[str, dict[str, Any]] = {
    "unit": {"level": "sector", "valid_to": None, "parent_id": None},
    "cost_centre": {"valid_to": None, "unit_id": None},
    "classification": {
        "impact_class": "direct",
        "method": "population_share",
        "weights": None,
        "child_share_ppm": None,
        "age_groups": None,
        "to_year": None,
    },
    "mapping": {"kind": "task_class", "task_class": "05 01", "unit_id": None},
    "evidence": {"kind": "statistic"},
    "handling": {"outcome": "decided"},
    "outcome": {"realised": "yes", "direction": "positive"},
    "unintended_impact": {"impact_class": "direct", "direction": "positive"},
    "follow_up": {"state": "drafting", "seal_id": None},
    "job": {"kind": "units", "state": "queued"},
    "ledger": {"phase": "budget", "state": "staged"},
    "ledger_sum": {"flow": "cost", "impact_class": "direct", "prior_impact_class": "unsplit", **SPLIT},
    "ledger_total": {"axis": "unit", "basis": "present", "impact_class": "direct", "flow": "cost"},
    "published_child_budget": {"phase": "budget"},
    "case_system": {"product": "ahjo", "minutes": 15},
    "webhook": {"active": False, "disabled_reason": "gone"},
    "webhook_delivery": {"state": "pending"},
    "attachment": {"kind": "upload", "url": None, "scan": "clean"},
}


def a_row_in_every_table(session: Session, county: County) -> None:
    """One row where there is none yet, pointing at the rows that are there."""
    for name, table in TABLES.items():
        if session.execute(select(func.count()).select_from(table)).scalar_one():
            continue
        values = {column.name: a_value(column) for column in table.c}
        for key in table.foreign_keys:
            target = key.column
            values[key.parent.name] = session.execute(select(target).limit(1)).scalar()
        values |= {"organisation_id": county.id} if "organisation_id" in table.c else {}
        session.execute(table.insert(), [values | SPECIAL.get(name, {})])


def broken(database: Database, work: Callable[[Session], Any]) -> str | None:
    """The name of the constraint that some work breaks; it is rolled back."""
    session = database.open_session(writes=True)
    try:
        with pytest.raises(IntegrityError) as caught:
            work(session)
        return broken_constraint(caught.value)
    finally:
        session.rollback()
        session.close()


def first_row(session: Session, table: Table) -> dict[str, Any]:
    """One row of a table."""
    return dict(session.execute(select(table).limit(1)).mappings().one())


def of_row(table: Table, row: dict[str, Any]) -> list[Any]:
    """The condition that names one row."""
    return [column == row[column.name] for column in table.primary_key.columns]


OF_A_UNIT = {"kind": "unit", "task_class": None, "unit_id": select(TABLES["unit"].c.id).limit(1).scalar_subquery()}
PROTECTED = {"journal_entry", "journal_details", "seal"}


def unprotected(session: Session) -> None:
    """Take the triggers away, which would refuse first."""
    if session.get_bind().dialect.name == "sqlite":
        for (name,) in session.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
            session.execute(text(f"DROP TRIGGER {name}"))
    else:
        for table in PROTECTED:
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))


def test_a_reference_to_nothing_is_refused_by_every_foreign_key(filled: Database) -> None:
    checked = 0
    for table in TABLES.values():
        for constraint in table.foreign_key_constraints:
            column = constraint.columns[0]

            def point_nowhere(session: Session, table: Table = table, column: Any = column) -> None:
                unprotected(session)
                row = first_row(session, table)
                nowhere = 77 if isinstance(column.type, Integer) else uuid7()
                rest = OF_A_UNIT if column.name == "unit_id" and table.name == "mapping" else {}
                session.execute(update(table).where(*of_row(table, row)).values(rest | {column.name: nowhere}))

            name = broken(filled, point_nowhere)
            assert name == (str(constraint.name) if not filled.is_sqlite else "foreign_key"), constraint.name
            checked += 1
    assert checked > 30


def test_a_second_row_with_the_same_key_is_refused_by_every_unique_constraint(filled: Database) -> None:
    for table in TABLES.values():
        for constraint in table.constraints:
            if not isinstance(constraint, UniqueConstraint | PrimaryKeyConstraint):
                continue
            kept = {column.name for column in constraint.columns}

            def twice(session: Session, table: Table = table, kept: set[str] = kept) -> None:
                if table.name == "mapping" and "unit_id" in kept:
                    session.execute(update(table).values(OF_A_UNIT))
                row = first_row(session, table)
                row |= {name: "other" for name in ("diary_number", "code", "key") if name in row and name not in kept}
                row |= {name: uuid7() for name in ("id",) if name in row and name not in kept}
                row |= {name: 7 for name in ("number",) if name in row and name not in kept}
                session.execute(table.insert(), [row])

            name = broken(filled, twice)
            if isinstance(constraint, UniqueConstraint) or not filled.is_sqlite:
                assert name == str(constraint.name), table.name


def code_of(constraint: Constraint) -> str | None:
    """The column that a check holds to a list of codes."""
    said = str(constraint.sqltext) if isinstance(constraint, CheckConstraint) else ""
    column, found, _ = said.partition(" IN (")
    return column if found and column in constraint.table.c else None


def test_a_code_that_is_none_is_refused_by_every_list_of_codes(filled: Database) -> None:
    checked = 0
    for table in TABLES.values():
        for constraint in table.constraints:
            column = code_of(constraint)
            if not column:
                continue

            def miscode(session: Session, table: Table = table, column: str = column) -> None:
                row = first_row(session, table)
                session.execute(update(table).where(*of_row(table, row)).values({column: "no_code"}))

            assert broken(filled, miscode) in breaks(table, column), constraint.name
            checked += 1
    assert checked > 25


def breaks(table: Table, column: str) -> set[str]:
    """The names of the checks that speak of a column."""
    checks = [constraint for constraint in table.constraints if isinstance(constraint, CheckConstraint)]
    return {str(constraint.name) for constraint in checks if column in str(constraint.sqltext)}


DAY = date(2026, 1, 2)
RULES: dict[str, dict[str, Any]] = {
    "ck_organisation_version": {"version": 0},
    "ck_decision_publicity_grounds": {"publicity": "secret", "publicity_grounds": None},
    "ck_decision_clearance": {"clearance_kind": None, "clearance": {"kind": "approved"}},
    "ck_unit_valid_to": {"valid_from": DAY, "valid_to": DAY - timedelta(days=1)},
    "ck_unit_parent_id": {"parent_id": TABLES["unit"].c.id},
    "ck_cost_centre_valid_to": {"valid_from": DAY, "valid_to": DAY - timedelta(days=1)},
    "ck_hearing_number": {"number": 0},
    "ck_assessment_sealed": {"state": "approved", "seal_id": None},
    "ck_assessment_interest_yields": {"interest_yields": True, "interest_yields_reason": None},
    "ck_follow_up_sealed": {"state": "approved", "seal_id": None},
    "ck_mapping_task_class": {"task_class": None},
    "ck_mapping_unit_id": {"unit_id": UUID(int=1)},
    "ck_classification_key": {"cost_centre_id": None, "service_class_id": None},
    "ck_classification_to_year": {"from_year": 2026, "to_year": 2025},
    "ck_classification_weights": {"method": "manual", "weights": None},
    "ck_classification_child_share_ppm": {"method": "child_share", "child_share_ppm": None},
    "ck_classification_child_share_ppm_range": {"method": "child_share", "child_share_ppm": 1_000_001},
    "ck_classification_age_groups": {"method": "full", "age_groups": None},
    "ck_attachment_url": {"url": "https://example.fi"},
    "ck_attachment_file": {"sha256": None},
    "ck_population_year": {"year": 1999},
    "ck_ledger_year": {"year": 2101},
    "ck_ledger_sum_parts": {"part_3": 1},
    "ck_case_system_minutes": {"minutes": 0},
    "ck_webhook_active": {"active": True, "disabled_reason": "gone"},
    "ck_ledger_sum_prior_parts": {"prior_impact_class": "direct"},
}


@pytest.mark.parametrize("name", RULES)
def test_a_row_that_breaks_a_rule_is_refused(filled: Database, name: str) -> None:
    table = next(table for table in TABLES.values() if name in {str(c.name) for c in table.constraints})

    def breaking(session: Session) -> None:
        row = first_row(session, table)
        session.execute(update(table).where(*of_row(table, row)).values(RULES[name]))

    assert broken(filled, breaking) == name


def test_no_check_is_left_out() -> None:
    checks = [constraint for constraint in constraints() if isinstance(constraint, CheckConstraint)]
    listed = {str(check.name) for check in checks if code_of(check)}
    assert listed | set(RULES) == {str(check.name) for check in checks}


def test_a_decision_has_one_open_assessment(filled: Database) -> None:
    assessment = TABLES["assessment"]

    def second(session: Session) -> None:
        row = first_row(session, assessment)
        for edition in (8, 9):
            session.execute(assessment.insert(), [row | {"id": uuid7(), "edition": edition, "state": "screening"}])

    assert str(broken(filled, second)).startswith("uq_assessment")  # SQLite names columns, not the index


def test_a_source_has_one_ledger_in_force_for_a_year_and_phase(filled: Database) -> None:
    ledger = TABLES["ledger"]

    def another(session: Session, **facts: Any) -> None:
        row = first_row(session, ledger) | {"state": "current", **facts}
        for number in (8, 9):
            session.execute(ledger.insert(), [row | {"id": uuid7(), "number": number}])

    assert str(broken(filled, another)).startswith("uq_ledger")  # SQLite names columns, not the index
    with filled.transaction() as session:
        another(session, state="replaced")
        session.execute(ledger.insert(), [first_row(session, ledger) | {"id": uuid7(), "number": 10, "source": "y"}])


def test_a_sum_that_is_not_split_has_no_parts_and_one_that_is_has_all_of_it(filled: Database) -> None:
    table = TABLES["ledger_sum"]
    for facts in ({"impact_class": "unclassified"}, {"impact_class": "unsplit", "cents": 0}, {"part_0": -5}):

        def breaking(session: Session, facts: dict[str, Any] = facts) -> None:
            session.execute(update(table).values(facts))

        assert broken(filled, breaking) == "ck_ledger_sum_parts", facts
    with filled.transaction() as session:
        session.execute(update(table).values(impact_class="unclassified", part_0=0))
        session.execute(update(table).values(impact_class="none", part_0=0, part_4=-7, cents=-7))
