"""Routes of budget lines and of the child budget."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.access.sign_in import SignedIn
from app.budgeting import actions, publication, queries
from app.budgeting.asking import CSV_AND_XLSX, PLOT, AskedFor, PlotAskedFor
from app.budgeting.imports import BUDGET_LINES
from app.budgeting.models import LedgerState, Phase
from app.budgeting.report import child_budget
from app.budgeting.schemas import (
    AccountRangeList,
    AccountRangesRead,
    BudgetLineRead,
    ChildBudget,
    LedgerRead,
    Preview,
    PreviewRead,
    PublicationNew,
    PublicationRead,
    UnclassifiedRow,
)
from app.conventions.cursors import Paging
from app.conventions.problems import language_of
from app.conventions.route import SessionDep, router
from app.conventions.schemas import Code, Page, QueryYear, values_of
from app.conventions.versions import ExpectedVersion
from app.jobs.schemas import JobRead
from app.jobs.uploads import Asked, UploadRoute, import_operation

EXAMPLE_LINES = (
    "vuosi;vaihe;kustannuspaikka;palveluluokka;tili;summa\r\n"
    "2026;talousarvio;41200;;4300;1 234 567,50\r\n"
    "2026;talousarvio;41200;;3100;-12 000,00\r\n"
)
budget_lines = router("budget-lines", "Child budget")
imports_of_lines = router("budget-lines", "Child budget")
imports_of_lines.route_class = UploadRoute
budgets = router("child-budget", "Child budget")


@imports_of_lines.post(
    "/import",
    response_model=JobRead,
    status_code=202,
    summary="Import budget or ledger lines from a file",
    openapi_extra=import_operation(
        BUDGET_LINES,
        EXAMPLE_LINES,
        "Columns vuosi, vaihe, kustannuspaikka, palveluluokka, tili, summa (år, fas, kostnadsställe, serviceklass, "
        "konto, belopp; year, phase, cost_centre, service_class, account, amount), in any order.",
    ),
)
def import_budget_lines(
    session: SessionDep,
    caller: SignedIn,
    request: Request,
    asked: Asked,
    year: Annotated[QueryYear | None, Query(description="The year of every line, where the file tells none.")] = None,
    phase: Annotated[Phase | None, Query(description="The phase of every line, where the file tells none.")] = None,
    source: Annotated[
        Code | None, Query(description="Where it comes from; a file replaces only what the same source told.")
    ] = None,
    scheme: Annotated[
        Code | None, Query(description="The list of the service classes, where several lists have the same code.")
    ] = None,
) -> Response:
    """Needs `budget-lines:write`; the answer is a job to be watched.

    All of the file comes into force at once or nothing: in place of what the same source told of the same years and
    phases. The same file again changes nothing. Rows of totals are passed over.
    """
    more = {"year": year, "phase": phase.value if phase else None, "source": source, "scheme": scheme}
    return asked.job(session, request, BUDGET_LINES, by=caller, **more)


@budget_lines.get("", response_model=Page[BudgetLineRead], summary="Lines in force, in the files' order")
def list_budget_lines(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    year: Annotated[QueryYear | None, Query(description="Only lines of this year.")] = None,
    phase: Annotated[Phase | None, Query(description="Only lines of this phase.")] = None,
    cost_centre_id: Annotated[UUID | None, Query(description="Only lines of this cost centre.")] = None,
    service_class_id: Annotated[UUID | None, Query(description="Only lines of this service class.")] = None,
) -> Response:
    """Needs `budget-lines:read`. What a figure of the child budget is made of, down to the line."""
    rows = queries.lines(
        session,
        page,
        year=year,
        phase=phase,
        cost_centre_id=cost_centre_id,
        service_class_id=service_class_id,
        visible_to=caller,
    )
    return page.page(rows, key="place")


@budget_lines.get("/ledgers", response_model=Page[LedgerRead], summary="Ledgers: what was imported, newest first")
def list_ledgers(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    year: Annotated[QueryYear | None, Query(description="Only those of this year.")] = None,
    phase: Annotated[Phase | None, Query(description="Only those of this phase.")] = None,
    state: Annotated[LedgerState, Query(description="In force, or replaced.")] = LedgerState.CURRENT,
) -> Response:
    """Needs `budget-lines:read`. A replaced ledger is listed still, with its file's digest; its lines are gone."""
    return page.page(queries.ledgers(session, page, year=year, phase=phase, state=state, visible_to=caller))


@budget_lines.delete("/ledgers/{ledger_id}", status_code=204, response_model=None, summary="Take a ledger out of force")
def remove_ledger(ledger_id: UUID, session: SessionDep, caller: SignedIn) -> None:
    """Needs `budget-lines:write`. For one imported by mistake, such as under a wrong source; journalled.

    `wrong_state` where it is not in force. A ledger never changes, so no If-Match is asked.
    """
    actions.remove_ledger(session, queries.ledger(session, ledger_id, visible_to=caller), by=caller)


@budget_lines.get("/account-ranges", response_model=AccountRangesRead, summary="How accounts are told apart")
def read_account_ranges(session: SessionDep, caller: SignedIn) -> Any:
    """Needs `budget-lines:read`. Each ledger keeps the ranges that it was imported under."""
    row = queries.ranges_row(session, visible_to=caller)
    return {"version": row.version, "items": row.items} if row else {"version": 0, "items": []}


@budget_lines.put("/account-ranges", response_model=AccountRangesRead, summary="Say how accounts are told apart")
def set_account_ranges(session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: AccountRangeList) -> Any:
    """Needs `budget-lines:write`. For files imported from now on: import a file again to tell its lines apart anew.

    If-Match is `"0"` the first time.
    """
    row = actions.set_account_ranges(session, values_of(body)["items"], version=version, by=caller)
    return {"version": row.version, "items": row.items}


@budgets.get("", response_model=ChildBudget, summary="The child budget", openapi_extra=CSV_AND_XLSX)
def read_child_budget(session: SessionDep, caller: SignedIn, request: Request, asked: AskedFor) -> Response:
    """Needs `child-budget:read`.

    What is spent on children, to the cent: core (direct) and extended (direct, indirect, communal), with the rule
    version, the ledgers, the population and what is not split, so that a figure can be computed again. The rows of
    every grouping sum to the headlines. `format` gives the same rows as CSV or XLSX in the caller's language.
    """
    etag = f'"{asked.tag(session, caller)}"'
    headers = {"ETag": etag, "Vary": "Accept-Language"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(headers=headers)  # the route makes it 304
    told = child_budget(session, asked.asked, visible_to=caller)
    return asked.answer(told, language_of(request), headers)


@budgets.get("/plot", summary="A plot of the child budget as SVG", openapi_extra=PLOT, response_class=Response)
def read_child_budget_plot(session: SessionDep, caller: SignedIn, request: Request, asked: PlotAskedFor) -> Response:
    """Needs `child-budget:read`. Made on the server, so that it needs no script; in the language of Accept-Language."""
    return asked.answer(session, language_of(request), caller)


@budgets.get("/unclassified", response_model=Page[UnclassifiedRow], summary="What is not split, largest euros first")
def list_unclassified(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    year: Annotated[QueryYear, Query(description="The year.", examples=[2026])],
    phase: Annotated[Phase, Query(description="The phase.")] = Phase.BUDGET,
) -> Response:
    """Needs `child-budget:read`. The controller's work list; `unsplit` lacks a population rather than a class.

    Its pages are places in a list that changes as it is worked off: begin anew after classifying.
    """
    return page.page(queries.unclassified(session, page, year=year, phase=phase, visible_to=caller), key="place")


@budgets.post("/preview", response_model=PreviewRead, summary="What classifications would do to the figures")
def preview_classifications(session: SessionDep, caller: SignedIn, body: Preview) -> Any:
    """Needs `services:write` and `child-budget:read`. Nothing is kept.

    The classifications are made, the figures are read, and all is undone, so that it is exactly what would come of
    `POST /api/v1/classifications/batch`; its refusals are the same too.
    """
    return actions.preview(
        session,
        [values_of(item) for item in body.items],
        end_earlier=body.end_earlier,
        years=body.years,
        phases=body.phases,
        by=caller,
    )


@budgets.get(
    "/publications", response_model=Page[PublicationRead], summary="Published child budgets of the organisation"
)
def list_publications(session: SessionDep, caller: SignedIn, page: Paging) -> Response:
    """Needs `child-budget:read`. The documents themselves are under `/public/v1/child-budget`."""
    return page.page(publication.publications(session, page, visible_to=caller))


@budgets.post(
    "/publications", response_model=PublicationRead, status_code=201, summary="Publish a year's child budget as it is"
)
def publish_child_budget(session: SessionDep, caller: SignedIn, body: PublicationNew) -> Any:
    """Needs `child-budget:publish`. Published again, it takes the place of what was published, under the same id.

    `no_ledger` where the year has no such ledger. No cost centre is published, and nothing below the sectors.
    """
    row = actions.publish(session, body.year, body.phase, by=caller)
    return PublicationRead.model_validate(publication.publication(session, row.id, visible_to=caller))


@budgets.get("/publications/{publication_id}", response_model=PublicationRead, summary="A published child budget")
def read_publication(publication_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `child-budget:read`. Its ETag is what it is taken back with."""
    return PublicationRead.model_validate(publication.publication(session, publication_id, visible_to=caller))


@budgets.delete(
    "/publications/{publication_id}", status_code=204, response_model=None, summary="Take a published child budget back"
)
def withdraw_publication(publication_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> None:
    """Needs `child-budget:publish`. The journal keeps that it was published."""
    actions.take_back(session, publication_id, version=version, by=caller)
