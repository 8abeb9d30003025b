"""Reads of ledgers, their lines, and what of them is not classified; limited to the caller's organisation."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, and_, case, func, or_, select
from sqlalchemy import cast as sql_cast
from sqlmodel import col

from app.access.rules import Caller
from app.budgeting.models import (
    AccountRanges,
    BudgetLine,
    Flow,
    Ledger,
    LedgerState,
    LedgerSum,
    LedgerTotal,
    Phase,
)
from app.conventions.cursors import PageRequest
from app.conventions.schemas import money
from app.database import Session, table_of
from app.errors import Fault, Invalid, NotFound
from app.services.models import CostCentre, ServiceClass, Unit

_LEDGER, _LINE, _SUM = table_of(Ledger), table_of(BudgetLine), table_of(LedgerSum)
_TOTAL = table_of(LedgerTotal)
_CENTRE, _SERVICE_CLASS, _UNIT = table_of(CostCentre), table_of(ServiceClass), table_of(Unit)

OF_LEDGER = (
    _LEDGER.c.id,
    _LEDGER.c.year,
    _LEDGER.c.phase,
    _LEDGER.c.source,
    _LEDGER.c.state,
    _LEDGER.c.file_name,
    _LEDGER.c.digest,
    _LEDGER.c.lines,
    _LEDGER.c.cents,
    _LEDGER.c.imported_at,
    _LEDGER.c.imported_by,
)
_PARTS = tuple(f"part_{place}" for place in range(5))


def known_codes(
    session: Session, organisation_id: UUID
) -> tuple[dict[str, UUID], dict[int, dict[str, dict[str, UUID]]]]:
    """Cost centres by code, and service classes by year, scheme and code; two queries."""
    connection = session.connection()
    centres = connection.execute(
        select(_CENTRE.c.code, _CENTRE.c.id).where(_CENTRE.c.organisation_id == organisation_id)
    )
    classes: dict[int, dict[str, dict[str, UUID]]] = {}
    for row in connection.execute(
        select(_SERVICE_CLASS.c.year, _SERVICE_CLASS.c.scheme, _SERVICE_CLASS.c.code, _SERVICE_CLASS.c.id).where(
            _SERVICE_CLASS.c.organisation_id == organisation_id
        )
    ):
        classes.setdefault(row.year, {}).setdefault(row.scheme, {})[row.code] = row.id
    return {row.code: row.id for row in centres}, classes


def account_ranges(session: Session, organisation_id: UUID) -> list[dict[str, Any]]:
    """The county's account ranges, in order; none where it has not told any."""
    statement = select(AccountRanges).where(col(AccountRanges.organisation_id) == organisation_id)
    row = session.scalars(statement).one_or_none()
    return list(row.items) if row else []


def ranges_row(session: Session, *, visible_to: Caller) -> AccountRanges | None:
    """The row that holds the account ranges, to be changed."""
    visible_to.require("budget-lines:read")
    statement = select(AccountRanges).where(col(AccountRanges.organisation_id) == visible_to.organisation_id)
    return session.scalars(statement).one_or_none()


def ledger(session: Session, ledger_id: UUID, *, visible_to: Caller) -> Ledger:
    """A ledger that is or was in force."""
    visible_to.require("budget-lines:read")
    statement = select(Ledger).where(
        col(Ledger.id) == ledger_id,
        col(Ledger.organisation_id) == visible_to.organisation_id,
        col(Ledger.state) != LedgerState.STAGED,
    )
    row = session.scalars(statement).one_or_none()
    if row is None:
        raise NotFound("not_found", "There is no such thing here.")
    return row


def ledgers(
    session: Session,
    page: PageRequest,
    *,
    year: int | None,
    phase: Phase | None,
    state: LedgerState,
    visible_to: Caller,
) -> list[dict[str, Any]]:
    """Ledgers in force, or replaced ones; newest first, one more than the page holds; one query."""
    visible_to.require("budget-lines:read")
    statement = (
        select(*OF_LEDGER)
        .where(_LEDGER.c.organisation_id == visible_to.organisation_id, _LEDGER.c.state == state)
        .order_by(_LEDGER.c.id.desc())
        .limit(page.limit + 1)
    )
    for column, value in ((_LEDGER.c.year, year), (_LEDGER.c.phase, phase)):
        if value is not None:
            statement = statement.where(column == value)
    after = page.after_id()
    if after is not None:
        statement = statement.where(_LEDGER.c.id < after)
    return [_with_money(row) for row in session.connection().execute(statement).mappings()]


def _with_money(row: Any) -> dict[str, Any]:
    said = dict(row)
    return {**said, "amount": money(said.pop("cents"))}


def lines(
    session: Session,
    page: PageRequest,
    *,
    year: int | None = None,
    phase: Phase | None = None,
    cost_centre_id: UUID | None = None,
    service_class_id: UUID | None = None,
    visible_to: Caller,
) -> list[dict[str, Any]]:
    """Lines of the ledgers in force, in the files' order, one more than the page holds; one query."""
    visible_to.require("budget-lines:read")
    statement = (
        select(
            _LEDGER.c.id.label("ledger_id"),
            _LEDGER.c.year,
            _LEDGER.c.phase,
            _LEDGER.c.source,
            _LINE.c.ledger,
            _LINE.c.line,
            _SUM.c.cost_centre_id,
            _SUM.c.service_class_id,
            _SUM.c.flow,
            _LINE.c.account,
            _LINE.c.cents,
        )
        .join(_LEDGER, _LEDGER.c.number == _LINE.c.ledger)
        .join(_SUM, and_(_SUM.c.ledger == _LINE.c.ledger, _SUM.c.cell == _LINE.c.cell))
        .where(_LEDGER.c.organisation_id == visible_to.organisation_id, _LEDGER.c.state == LedgerState.CURRENT)
        .order_by(_LINE.c.ledger, _LINE.c.line)
        .limit(page.limit + 1)
    )
    wanted = {
        _LEDGER.c.year: year,
        _LEDGER.c.phase: phase,
        _SUM.c.cost_centre_id: cost_centre_id,
        _SUM.c.service_class_id: service_class_id,
    }
    for column, value in wanted.items():
        if value is not None:
            statement = statement.where(column == value)
    number, line = _after(page)
    statement = statement.where(or_(_LINE.c.ledger > number, and_(_LINE.c.ledger == number, _LINE.c.line > line)))
    rows = []
    for row in session.connection().execute(statement).mappings():
        said = _with_money(row)
        said["place"] = f"{said.pop('ledger')}.{row['line']}"
        rows.append(said)
    return rows


def _after(page: PageRequest) -> tuple[int, int]:
    """The ledger and line after which a page begins."""
    if page.after is None:
        return 0, 0
    number, _, line = page.after[0].partition(".")
    if not (number + line).isascii() or not number.isdigit() or not line.isdigit() or len(number + line) > 18:
        raise Invalid("bad_cursor", "Take the cursor from `next`.", [Fault("cursor", "Not a cursor.")])
    return int(number), int(line)


def current_ledgers(session: Session, organisation_id: UUID, years: Sequence[int]) -> list[Any]:
    """The ledgers in force of some years; one query."""
    statement = select(_LEDGER.c.number, *OF_LEDGER).where(
        _LEDGER.c.organisation_id == organisation_id,
        _LEDGER.c.state == LedgerState.CURRENT,
        _LEDGER.c.year.in_(years),
    )
    return list(session.connection().execute(statement.order_by(_LEDGER.c.number)))


def _summed(column: Any) -> Any:
    return sql_cast(func.sum(column), BigInteger)


def unclassified(
    session: Session, page: PageRequest, *, year: int, phase: Phase, visible_to: Caller
) -> list[dict[str, Any]]:
    """What of a year's ledgers is not split, by cost centre and service class, the largest sums first; one query.

    Internal items are told apart, as in the headline that the rows sum to. One more than the page holds.
    """
    visible_to.require("child-budget:read")
    internal = _SUM.c.flow.in_((Flow.INTERNAL_COST, Flow.INTERNAL_INCOME))
    size = func.sum(case((internal, 0), else_=func.abs(_SUM.c.cents)))
    statement = (
        select(
            _SUM.c.cost_centre_id,
            _CENTRE.c.code.label("cost_centre_code"),
            _CENTRE.c.name.label("cost_centre_name"),
            _SUM.c.service_class_id,
            _SERVICE_CLASS.c.scheme,
            _SERVICE_CLASS.c.code.label("service_class_code"),
            _SERVICE_CLASS.c.name.label("service_class_name"),
            _SUM.c.impact_class.label("gap"),
            _summed(case((internal, 0), else_=_SUM.c.cents)).label("cents"),
            _summed(case((internal, _SUM.c.cents), else_=0)).label("internal"),
            _summed(_SUM.c.lines).label("lines"),
        )
        .join(_LEDGER, _LEDGER.c.number == _SUM.c.ledger)
        .join(_CENTRE, _CENTRE.c.id == _SUM.c.cost_centre_id)
        .outerjoin(_SERVICE_CLASS, _SERVICE_CLASS.c.id == _SUM.c.service_class_id)
        .where(
            _LEDGER.c.organisation_id == visible_to.organisation_id,
            _LEDGER.c.state == LedgerState.CURRENT,
            _LEDGER.c.year == year,
            _LEDGER.c.phase == phase,
            _SUM.c.impact_class.in_(("unclassified", "unsplit")),
        )
        .group_by(
            _SUM.c.cost_centre_id,
            _CENTRE.c.code,
            _CENTRE.c.name,
            _SUM.c.service_class_id,
            _SERVICE_CLASS.c.scheme,
            _SERVICE_CLASS.c.code,
            _SERVICE_CLASS.c.name,
            _SUM.c.impact_class,
        )
        .order_by(size.desc(), _CENTRE.c.code, _SERVICE_CLASS.c.code)
        .limit(page.limit + 1)
        .offset(_offset(page))
    )
    rows = []
    for place, row in enumerate(session.connection().execute(statement).mappings(), _offset(page) + 1):
        said = _with_money(row)
        said["internal"] = money(said["internal"])
        rows.append({**said, "place": place})
    return rows


def _offset(page: PageRequest) -> int:
    """Where a page of a list by size begins. The list is short, and its order changes as it is worked off."""
    if page.after is None:
        return 0
    if not page.after[0].isascii() or not page.after[0].isdigit() or len(page.after[0]) > 9:
        raise Invalid("bad_cursor", "Take the cursor from `next`.", [Fault("cursor", "Not a cursor.")])
    return int(page.after[0])


def named(session: Session, table: Any, ids: set[UUID]) -> dict[UUID, dict[str, Any]]:
    """Code and name (and scheme and year of a service class) of rows by id; a query for each 5000 of them."""
    columns, wanted = table_of(table).c, sorted(ids)
    told = [columns[name] for name in ("id", "code", "name", "level", "scheme", "year") if name in columns]
    found: dict[UUID, dict[str, Any]] = {}
    for start in range(0, len(wanted), 5000):
        some = select(*told).where(columns.id.in_(wanted[start : start + 5000]))
        found.update({row["id"]: dict(row) for row in session.connection().execute(some).mappings()})
    return found
