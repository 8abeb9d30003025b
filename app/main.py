"""The service: routers, and the one table that turns domain errors into answers."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.util import greenlet_spawn
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app import openapi, schema
from app.access import api as access
from app.assessments import api as assessments
from app.assessments import attachments, attachments_api
from app.assessments import parts_api as assessment_parts
from app.attachments.scanning import Scanner
from app.attachments.storage import LocalFolder, Storage
from app.budgeting import api as budgeting
from app.budgeting import public_api as public_budgeting
from app.budgeting.imports import BUDGET_LINES
from app.case_management import api as case_management
from app.case_management import statement_api, systems_api
from app.conventions import idempotency
from app.conventions.head import HeadAsGet
from app.conventions.problems import faults_of, problem
from app.database import Database, Session, broken_constraint, is_busy
from app.decisions import api as decisions
from app.errors import (
    Busy,
    Conflict,
    DomainError,
    Invalid,
    Malformed,
    NotFound,
    NotSignedIn,
    Refused,
    Stale,
    TooLarge,
    TooMany,
    VersionRequired,
    WrongMediaType,
)
from app.events import api as events
from app.follow_up import api as follow_up
from app.jobs import actions as job_actions
from app.jobs import api as jobs
from app.jobs.importing import ImportKind
from app.jobs.models import JobKind
from app.jobs.running import Runner
from app.journal.triggers import missing_triggers
from app.logs import RequestLog
from app.public_register import api as public_register
from app.reports import api as reports
from app.services import api as services
from app.services import imports as service_imports
from app.services import imports_api as service_imports_api
from app.settings import Settings
from app.working import workers

STATUS: dict[type[DomainError], int] = {
    Malformed: 400,
    NotSignedIn: 401,
    Refused: 403,
    NotFound: 404,
    Conflict: 409,
    Stale: 412,
    TooLarge: 413,
    WrongMediaType: 415,
    Invalid: 422,
    VersionRequired: 428,
    TooMany: 429,
    Busy: 503,
}

ROUTERS: Sequence[APIRouter] = (
    decisions.router,
    decisions.of_organisation,
    assessments.assessments,
    assessments.of_decision,
    assessment_parts.router,
    attachments_api.router,
    attachments_api.uploads,
    assessments.forms,
    statement_api.router,
    follow_up.router,
    follow_up.of_decision,
    service_imports_api.routes,
    case_management.cases,
    case_management.batches,
    systems_api.case_systems,
    services.units,
    services.cost_centres,
    services.service_classes,
    services.classifications,
    services.populations,
    budgeting.imports_of_lines,
    budgeting.budget_lines,
    budgeting.budgets,
    jobs.jobs,
    access.organisation,
    access.people,
    access.api_keys,
    access.vocabulary,
    reports.journal,
    reports.reports,
    events.events,
    events.webhooks,
    public_register.router,
    public_budgeting.router,
)

IMPORTS: dict[JobKind, ImportKind] = {
    kind.code: kind
    for kind in (
        service_imports.UNITS,
        service_imports.COST_CENTRES,
        service_imports.SERVICE_CLASSES,
        service_imports.CLASSIFICATIONS,
        service_imports.POPULATIONS,
        BUDGET_LINES,
    )
}
"""What jobs run, by the kind of the job."""


def run_job(url: str, job_id: UUID, path: Path) -> None:
    """Do a job in the process that it was handed to."""
    database = Database(url, connections=2)
    try:
        job_actions.work(database, IMPORTS, job_id, path)
    finally:
        database.engine.dispose()


log = structlog.get_logger()


def create_app(settings: Settings | None = None, database: Database | None = None) -> FastAPI:
    """The whole service. A test passes its own database."""
    settings = settings or Settings()
    app = FastAPI(
        title="Lava",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.database = database or Database(
        settings.database_url, connections=settings.database_connections, on_loop=True
    )
    app.state.attachments = LocalFolder(settings.attachments_folder)
    app.state.scanner = Scanner(settings.virus_scan_command, settings.virus_scan_seconds)
    app.state.draining = False
    app.state.jobs = Runner(run_job)
    for router in (*ROUTERS, _health):
        app.router.routes.extend(router.routes)  # as they are: a router included in another is searched twice
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(HeadAsGet)
    app.add_middleware(RequestLog)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    database: Database = app.state.database
    try:
        await greenlet_spawn(_check, database)
    except BaseException:
        await database.close()
        raise
    working = workers(database, app.state.settings) if app.state.settings.worker else []
    running = [asyncio.create_task(worker.run()) for worker in working]
    every_hour = (_forget_old_keys(database), _forget_files(database, app.state.attachments))
    tasks = [asyncio.create_task(task) for task in (*every_hour, app.state.jobs.watch(database))]
    gc.collect()
    gc.freeze()  # what was loaded at start is never garbage; full collections then cost milliseconds, not tens
    gc.set_threshold(50_000, 50, 50)
    yield
    app.state.draining = True
    for task in tasks:
        task.cancel()
    for worker in working:
        worker.stop()
    await asyncio.gather(*running)
    await app.state.jobs.close(database)
    await database.close()


async def _forget_old_keys(database: Database) -> None:
    """Once an hour, forget the idempotency keys and answers that are past their time."""
    while True:
        try:
            await database.write(idempotency.forget_old)
        except (Busy, OperationalError, PoolTimeoutError) as error:
            log.warning("forgetting idempotency keys failed", error=str(error))
        await asyncio.sleep(3600)


async def _forget_files(database: Database, storage: Storage) -> None:
    """Once an hour, remove the attached files that no row names, left by a process that was killed."""
    while True:
        try:
            await attachments.forget_files(database, storage)
        except (Busy, OperationalError, PoolTimeoutError, OSError) as error:
            log.warning("removing files without a row failed", error=str(error))
        await asyncio.sleep(3600)


def _check(database: Database) -> None:
    """Refuse to start on a database that is not whole."""
    if not schema.is_current(database):
        raise RuntimeError("The database is not migrated to this version. Run `lava migrate`.")
    missing = missing_triggers(database)
    if missing:
        raise RuntimeError(f"The database lacks the triggers that protect it: {sorted(missing)}. Run `lava migrate`.")


async def _on_domain_error(request: Request, error: DomainError) -> Response:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    headers = {}
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer realm="lava"'
    if isinstance(error, TooMany):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Busy) or error.code == "request_running":
        headers["Retry-After"] = "1"
    return problem(request, status, error.code, error.detail, error.faults, headers)


async def _on_broken_constraint(request: Request, error: IntegrityError) -> Response:
    name = broken_constraint(error)
    if name is None:
        return await _on_fault(request, error)
    if name.startswith("uq_"):
        return problem(request, 409, "already_exists", f"Something with the same key exists already ({name}).")
    if name.startswith(("fk_", "foreign_key")):
        return problem(request, 409, "in_use", "It is referred to, or refers to something that is gone. Read it again.")
    return problem(request, 422, "invalid", f"A rule of the database is broken ({name}).")


async def _on_database_error(request: Request, error: OperationalError) -> Response:
    if error.connection_invalidated or _is_unreachable(error):
        away = Busy("database_away", "The database does not answer. Send the request again.")
        return await _on_domain_error(request, away)
    if is_busy(error):
        busy = Busy("database_busy", "Another write is taking long. Send the request again.")
        return await _on_domain_error(request, busy)
    return await _on_fault(request, error)


async def _on_no_connection(request: Request, _error: PoolTimeoutError) -> Response:
    busy = Busy("database_busy", "Every connection to the database is in use. Send the request again.")
    return await _on_domain_error(request, busy)


async def _on_value_that_does_not_fit(request: Request, error: DataError) -> Response:
    """No rule of ours caught it, but the database did: still what was sent is wrong, and nothing was kept."""
    state = getattr(error.orig, "sqlstate", None)
    log.warning("value refused by the database", request_id=request.scope["state"]["request_id"], sqlstate=state)
    return problem(request, 422, "invalid", "A value is too long or too large to be kept.")


def _is_unreachable(error: OperationalError) -> bool:
    """Whether no connection could be made: the driver then gives no SQLSTATE of a statement."""
    state = getattr(error.orig, "sqlstate", None)
    return error.statement is None or (state or "").startswith(("08", "57P"))


async def _on_http_error(request: Request, error: HTTPException) -> Response:
    if error.status_code == 404:
        return problem(request, 404, "no_such_route", "There is nothing at this address. /openapi.json lists what is.")
    if error.status_code == 405:
        allowed = ", ".join(sorted(_methods_at(request)))
        return problem(request, 405, "method_not_allowed", f"This address takes {allowed}.", headers={"Allow": allowed})
    return problem(request, error.status_code, "bad_request", str(error.detail))


def _methods_at(request: Request) -> set[str]:
    scope = {**request.scope, "method": "*"}
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.router.routes):
        if route.matches(scope)[0] is not Match.NONE:
            methods |= set(route.methods or ())
    return methods | ({"HEAD"} if "GET" in methods else set())


async def _on_invalid_request(request: Request, error: RequestValidationError) -> Response:
    faults = faults_of(error.errors())
    return problem(request, 422, "invalid", "Some values break the rules of the schema.", faults)


async def _on_fault(request: Request, error: Exception) -> Response:
    log.error("fault", request_id=request.scope["state"]["request_id"], exc_info=error)
    detail = "This is our fault, and it is logged. Tell the service desk the instance."
    return problem(request, 500, "internal", detail)


async def _on_uncaught(request: Request, error: Exception) -> Response:
    """The last resort runs outside the middleware that names the request, so it names it itself."""
    response = await _on_fault(request, error)
    response.headers["X-Request-Id"] = request.scope["state"]["request_id"]
    return response


_HANDLERS: dict[type[Exception], Any] = {
    DomainError: _on_domain_error,
    IntegrityError: _on_broken_constraint,
    OperationalError: _on_database_error,
    DataError: _on_value_that_does_not_fit,
    PoolTimeoutError: _on_no_connection,
    HTTPException: _on_http_error,
    RequestValidationError: _on_invalid_request,
    Exception: _on_uncaught,
}

_health = APIRouter(include_in_schema=False)


@_health.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process is up."""
    return {"status": "ok"}


@_health.get("/readyz")
async def readyz(request: Request) -> Response:
    """The database answers, and the service is not shutting down."""
    database: Database = request.app.state.database

    if request.app.state.draining:
        return problem(request, 503, "database_busy", "The service is shutting down.", headers={"Retry-After": "5"})
    await database.read(Session.execute, text("SELECT 1"))
    return Response('{"status":"ready"}', media_type="application/json")


@_health.get("/openapi.json")
async def openapi_document(request: Request) -> dict[str, Any]:
    """The description of the API (OpenAPI 3.1), as committed in openapi/openapi.json."""
    described: dict[str, Any] = request.app.openapi()
    return described
