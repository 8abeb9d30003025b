"""How many statements a request runs: fixed, and the same for five rows and for fifty."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import event

from app.assessments import actions as assessments
from app.assessments import attachments, parts
from app.assessments.models import Assessment
from app.clock import today
from app.database import Database, Session
from app.decisions import handling
from app.decisions import queries as decision_queries
from app.decisions.models import Decision
from app.follow_up import actions as follow_ups
from app.jobs import actions as jobs
from app.jobs.models import JobKind
from app.main import IMPORTS
from app.services.models import CostCentre
from tests.county import Api, County, a_budget, a_decision, an_assessment, an_impact, an_import

CHILD_BUDGET, PLOT = 7, 6
"""Sign-in, revision (for the ETag too, where there is one), ledgers, populations, figures, and what is not split."""

# Every number counts the sign-in, which is one statement; transactions' BEGIN is not counted.
LISTS = {
    "/api/v1/decisions": 2,
    "/api/v1/decisions?state=decided&q=neuvola": 2,
    "/api/v1/cases?source=manual&diary_number=1/2026": 4,
    "/api/v1/cases/systems": 2,
    "/api/v1/assessments": 2,
    "/api/v1/follow-ups": 2,
    "/api/v1/follow-ups/schedule": 2,
    "/api/v1/journal": 2,
    "/api/v1/people": 2,
    "/api/v1/api-keys": 2,
    "/api/v1/forms": 2,
    "/api/v1/units": 2,
    "/api/v1/cost-centres": 2,
    "/api/v1/service-classes": 2,
    "/api/v1/service-classes/mappings": 2,
    "/api/v1/classifications": 2,
    "/api/v1/organisation": 2,
    "/api/v1/vocabulary": 2,
    "/api/v1/people/me": 1,
    "/public/v1/assessments": 1,
    "/api/v1/populations": 2,
    "/api/v1/jobs": 2,
    "/api/v1/events": 2,
    "/api/v1/webhooks": 2,
    "/api/v1/budget-lines": 2,
    "/api/v1/budget-lines/ledgers": 2,
    "/api/v1/budget-lines/account-ranges": 2,
    "/api/v1/child-budget?year=2026": CHILD_BUDGET,
    "/api/v1/child-budget/plot?kind=years&year=2026": PLOT,
    "/api/v1/child-budget/unclassified?year=2026": 2,
    "/api/v1/child-budget/publications": 2,
    "/api/v1/reports/cumulative-effect?from=2026-01-01&until=2026-12-31": 5,
    "/public/v1/child-budget": 1,
}
NOT_PAGED = {
    "/api/v1/cases?source=manual&diary_number=1/2026",
    "/api/v1/events",
    "/api/v1/organisation",
    "/api/v1/vocabulary",
    "/api/v1/people/me",
    "/api/v1/budget-lines/account-ranges",
    "/api/v1/child-budget?year=2026",
    "/api/v1/reports/cumulative-effect?from=2026-01-01&until=2026-12-31",
    "/api/v1/child-budget/plot?kind=years&year=2026",
}
READ_DECISION, READ_ASSESSMENT, READ_FOLLOW_UP, READ_STATEMENT = 2, 8, 4, 4
FEW, MANY = 5, 50


@contextmanager
def statements(app: FastAPI) -> Iterator[list[str]]:
    """The statements that the service runs meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    engine = app.state.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def counted(api: Api, the_app: FastAPI) -> Callable[[str], int]:
    """How many statements reading an address runs, the second time."""

    def read(path: str) -> int:
        administered = any(name in path for name in ("journal", "api-keys", "events", "webhooks"))
        role = "administrator" if administered else "controller"
        api.send(role, "GET", path)
        with statements(the_app) as seen:
            answer = api.send(role, "GET", path)
        assert answer.status_code == 200, answer.text
        return len(seen)

    return read


def decided(session: Session, county: County, number: int) -> Decision:
    """A decision with an assessment, decided, and its follow-up opened."""
    decision = a_decision(session, county, f"{number}/2026")
    an_assessment(session, county, "screening", decision)
    values = {"body": "Aluehallitus", "meeting_date": today(), "section": None, "outcome": "decided"}
    values |= {"option_id": None, "amendment": None, "answers": []}
    handling.handle(session, decision, values, version=decision.version, by=county["registrar"])
    follow_ups.open_follow_up(session, decision, by=county["preparer"])
    return decision


@pytest.mark.slow
def test_a_list_runs_the_same_statements_for_few_rows_and_for_many(
    counted: Callable[[str], int], api: Api, county: County, database: Database
) -> None:
    with database.transaction() as session:
        for number in range(FEW):
            decided(session, county, number)
    a_budget(database, county)
    few = {path: counted(path) for path in LISTS}
    with database.transaction() as session:
        for number in range(FEW, MANY):
            decided(session, county, number)
    many_lines(database, county)
    paged = {path: f"{path}{'&' if '?' in path else '?'}limit=200" for path in set(LISTS) - NOT_PAGED}
    many = {path: counted(paged.get(path, path)) for path in LISTS}
    for path in ("decisions", "assessments", "follow-ups", "follow-ups/schedule"):
        rows = api.send("preparer", "GET", f"/api/v1/{path}?limit=200").json()["items"]
        assert len(rows) == MANY, path
    assert few == LISTS
    assert many == LISTS


def many_lines(database: Database, county: County) -> None:
    """A ledger of fifty more cost centres, and as many jobs."""
    by = county["controller"]
    names = "\r\n".join(f"{code};Palvelu;1.1.2020" for code in range(MANY))
    an_import(database, by, "cost-centres", f"kustannuspaikka;nimi;voimassa alkaen\r\n{names}")
    classes = "\r\n".join(f"demo;{year};{code};Palvelu" for code in range(MANY) for year in (2025, 2026))
    an_import(database, by, "service-classes", f"luokitus;vuosi;koodi;nimi\r\n{classes}")
    lines = "\r\n".join(f"{year};ta;{code};{code};{code},10" for code in range(MANY) for year in (2025, 2026))
    job = an_import(
        database, by, "budget-lines", f"vuosi;vaihe;kustannuspaikka;palveluluokka;summa\r\n{lines}", source="other"
    )
    assert job.result is not None
    assert job.result["rows"] == 2 * MANY
    with database.transaction() as session:
        for number in range(MANY):
            facts: dict[str, Any] = {
                "dry_run": True,
                "parameters": {},
                "file_name": None,
                "digest": str(number),
                "size": 1,
            }
            jobs.queue(session, IMPORTS[JobKind.UNITS], **facts, by=by)


DIMENSIONS = ("unit", "cost_centre", "service_class", "impact_class", "age_group")


def expected(grouping: tuple[str, ...]) -> int:
    """Two queries of sums where they are not read from totals; one for last year's classes; one for each name."""
    by_sums = "cost_centre" in grouping or {"unit", "service_class"} <= set(grouping)
    named = len(set(grouping) & {"unit", "cost_centre", "service_class"})
    return CHILD_BUDGET + by_sums + ("service_class" in grouping) + named


@pytest.mark.slow
def test_the_child_budget_runs_the_same_statements_for_few_lines_and_for_many_in_every_grouping(
    counted: Callable[[str], int], database: Database, county: County
) -> None:
    every = [some for length in range(len(DIMENSIONS) + 1) for some in combinations(DIMENSIONS, length)]
    paths = {some: f"/api/v1/child-budget?year=2026&group_by={','.join(some)}" for some in every}
    a_budget(database, county)
    assert {some: counted(path) for some, path in paths.items()} == {some: expected(some) for some in every}
    many_lines(database, county)
    assert {some: counted(path) for some, path in paths.items()} == {some: expected(some) for some in every}


def test_every_list_is_counted(the_app: FastAPI) -> None:
    listed = {path for path, methods in the_app.openapi()["paths"].items() if "get" in methods and "{" not in path}
    assert listed == {path.partition("?")[0] for path in LISTS}


def with_parts(session: Session, county: County, assessment: Assessment, option_id: Any, number: int) -> None:
    """So many impacts, recommendations and attachments more."""
    link = {"kind": "link", "title": "A", "url": "https://example.fi"}
    for _ in range(number):
        parts.add(session, assessment, "impacts", an_impact(option_id), by=county["preparer"])
        parts.add(session, assessment, "recommendations", {"kind": "change", "text": "A."}, by=county["preparer"])
        attachments.add(session, assessment, link, most=50, by=county["preparer"])


def test_an_assessment_runs_the_same_statements_for_three_parts_and_for_thirty(
    counted: Callable[[str], int], api: Api, county: County, database: Database
) -> None:
    with database.transaction() as session:
        assessment = an_assessment(session, county)
        option_id = decision_queries.options(session, session.get_one(Decision, assessment.decision_id))[-1].id
    path = f"/api/v1/assessments/{assessment.id}"
    assert (counted(path), counted(f"{path}/attachments")) == (READ_ASSESSMENT, 3)
    with database.transaction() as session:
        with_parts(session, county, session.get_one(Assessment, assessment.id), option_id, 15)
    whole = api.send("preparer", "GET", path).json()
    assert (len(whole["impacts"]), len(whole["attachments"])) == (16, 15)
    assert (counted(path), counted(f"{path}/attachments")) == (READ_ASSESSMENT, 3)


def test_a_statement_runs_the_same_statements_for_few_parts_and_for_many(
    counted: Callable[[str], int], county: County, database: Database
) -> None:
    with database.transaction() as session:
        made = an_assessment(session, county, "approved")
        option_id = decision_queries.options(session, session.get_one(Decision, made.decision_id))[-1].id
        more = assessments.new_edition(session, made, version=made.version, by=county["preparer"])
        with_parts(session, county, more, option_id, 15)
        assessments.submit(session, more, version=more.version, by=county["preparer"])
        assessments.approve(session, more, version=more.version, by=county["expert"])
    assert [counted(f"/api/v1/assessments/{key}/statement") for key in (made.id, more.id)] == [READ_STATEMENT] * 2


def test_a_decision_runs_the_same_statements_for_few_options_and_for_many(
    counted: Callable[[str], int], county: County, database: Database
) -> None:
    def options(number: int) -> list[dict[str, Any]]:
        return [{"code": f"VE{place}", "title": {"fi": "a"}} for place in range(1, number)]

    with database.transaction() as session:
        made = [a_decision(session, county, f"{n}/2026", options=options(n)).id for n in (2, 20)]
    assert [counted(f"/api/v1/decisions/{key}") for key in made] == [READ_DECISION] * 2


def test_a_follow_up_runs_a_fixed_number_of_statements(
    counted: Callable[[str], int], api: Api, county: County, database: Database
) -> None:
    with database.transaction() as session:
        decided(session, county, 1)
    path = f"/api/v1/follow-ups/{api.send('preparer', 'GET', '/api/v1/follow-ups').json()['items'][0]['id']}"
    assert counted(path) == READ_FOLLOW_UP
    unexpected = {"description": "a", "impact_class": "direct", "direction": "negative"}
    for _ in range(5):
        assert api.send("preparer", "POST", f"{path}/unintended-impacts", unexpected).status_code == 201
    assert counted(path) == READ_FOLLOW_UP


def test_control_a_query_for_each_row_is_noticed(
    counted: Callable[[str], int], api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = decision_queries.listed

    def one_by_one(session: Session, *arguments: Any, **named: Any) -> Any:
        rows = listed(session, *arguments, **named)
        for row in rows:
            decision_queries.whole(session, UUID(json.loads(row)["id"]), visible_to=named["visible_to"])
        return rows

    monkeypatch.setattr(decision_queries, "listed", one_by_one)
    for number in range(3):
        api.decision(diary_number=f"{number}/2026")
    assert counted("/api/v1/decisions") == LISTS["/api/v1/decisions"] + 3


def test_a_hint_of_many_years_runs_the_statements_of_one(
    api: Api, the_app: FastAPI, county: County, database: Database
) -> None:
    with database.transaction() as session:
        centre = CostCentre(organisation_id=county.id, code="1", name={"fi": "N"}, valid_from=today())
        session.add(centre)
        session.flush()
        paths = []
        for years in (range(2027, 2028), range(2027, 2047)):
            planned = [{"cost_centre_id": str(centre.id), "year": year, "amount": {"cents": 1}} for year in years]
            made = a_decision(session, county, f"{len(years)}/2026", planned_changes=planned, task_class_code="05 01")
            paths.append(f"/api/v1/decisions/{made.id}")
    counts = []
    for path in paths:
        etag = api.send("preparer", "GET", path).headers["etag"]
        with statements(the_app) as seen:
            answer = api.send("preparer", "POST", f"{path}/early-hint", if_match=etag)
        assert answer.status_code == 200, answer.text
        counts.append(len(seen))
    assert counts[0] == counts[1]
