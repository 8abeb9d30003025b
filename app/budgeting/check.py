"""Whether the sums kept are those of the lines: computed again from the lines, the long way round."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, cast, func, select

from app.budgeting.models import BudgetLine, Ledger, LedgerState, LedgerSum, LedgerTotal
from app.budgeting.rules import flow_of
from app.budgeting.sums import SPLIT, Splitting, added_up
from app.database import Session, table_of

_LEDGER, _LINE, _SUM, _TOTAL = (table_of(model) for model in (Ledger, BudgetLine, LedgerSum, LedgerTotal))


def check(session: Session, organisation_id: UUID) -> list[str]:
    """Every figure kept that is not what the lines, classifications and populations give; empty where all are right.

    Of each ledger in force: its lines against its sums and its own count, each line's flow against its account, each
    sum's split against the rules, and the totals against the sums.
    """
    ledgers = session.connection().execute(
        select(_LEDGER)
        .where(_LEDGER.c.organisation_id == organisation_id, _LEDGER.c.state == LedgerState.CURRENT)
        .order_by(_LEDGER.c.year, _LEDGER.c.phase, _LEDGER.c.source)
    )
    found = []
    for ledger in ledgers.all():
        name = f"{ledger.year} {ledger.phase} {ledger.source}"
        found += [f"{name}: {fault}" for fault in _faults(session, organisation_id, ledger)]
    return found


def _faults(session: Session, organisation_id: UUID, ledger: Any) -> Iterator[str]:
    connection = session.connection()
    kept = {row.cell: row for row in connection.execute(select(_SUM).where(_SUM.c.ledger == ledger.number))}
    lines = {
        row.cell: row
        for row in connection.execute(
            select(
                _LINE.c.cell,
                func.count().label("lines"),
                cast(func.sum(_LINE.c.cents), BigInteger).label("cents"),
            )
            .where(_LINE.c.ledger == ledger.number)
            .group_by(_LINE.c.cell)
        )
    }
    if sum(row.lines for row in lines.values()) != ledger.lines:
        yield f"it has {sum(row.lines for row in lines.values())} lines and says {ledger.lines}"
    if sum(row.cents for row in lines.values()) != ledger.cents:
        yield f"its lines sum to {sum(row.cents for row in lines.values())} cents and it says {ledger.cents}"
    splitting = Splitting(session, organisation_id, {ledger.year})
    for cell in sorted({*kept, *lines}):
        row, of_lines = kept.get(cell), lines.get(cell)
        if row is None or of_lines is None:
            yield f"cell {cell}: {'no sum' if row is None else 'no lines'}"
            continue
        if (row.lines, row.cents) != (of_lines.lines, of_lines.cents):
            said = f"{of_lines.lines} lines of {of_lines.cents} cents"
            yield f"cell {cell}: its lines are {said}, kept are {row.lines} of {row.cents}"
        split = splitting.of(ledger.year, row.cost_centre_id, row.service_class_id, of_lines.cents)
        for name in SPLIT:
            if getattr(row, name) != split[name]:
                yield f"cell {cell}: {name} should be {split[name]}, kept is {getattr(row, name)}"
    yield from _faults_in_flows(session, ledger, kept)
    yield from _faults_in_totals(session, ledger)


def _faults_in_flows(session: Session, ledger: Any, kept: dict[int, Any]) -> Iterator[str]:
    """Lines that stand under another flow than their account and sign give."""
    negative = (_LINE.c.cents < 0).label("negative")
    statement = select(_LINE.c.cell, _LINE.c.account, negative).where(_LINE.c.ledger == ledger.number).distinct()
    for row in session.connection().execute(statement):
        flow = flow_of(row.account, -1 if row.negative else 1, ledger.account_ranges)
        if row.cell in kept and kept[row.cell].flow != flow:
            yield f"cell {row.cell}: account {row.account} is {flow}, kept is {kept[row.cell].flow}"


def _faults_in_totals(session: Session, ledger: Any) -> Iterator[str]:
    """Totals that are not the sums added up."""
    connection = session.connection()
    key = ("axis", "basis", "key", "impact_class", "flow")
    values = ("cents", *(f"part_{place}" for place in range(5)))
    kept = {
        tuple(getattr(row, name) for name in key): tuple(getattr(row, name) for name in values)
        for row in connection.execute(select(_TOTAL).where(_TOTAL.c.ledger == ledger.number))
    }
    wanted = {}
    for statement in added_up():
        for row in connection.execute(statement.where(_SUM.c.ledger == ledger.number)):
            said = dict(zip((column.name for column in _TOTAL.c), row, strict=True))
            wanted[tuple(said[name] for name in key)] = tuple(said[name] for name in values)
    for place in sorted({*kept, *wanted}, key=str):
        if kept.get(place) != wanted.get(place):
            named = ", ".join(map(str, place))
            yield f"total {named}: should be {wanted.get(place)}, kept is {kept.get(place)}"
