"""The sums kept with the lines: splitting them, restating what a change touches, and the totals above them.

They are never read stale: whatever changes a classification, a population or the tree restates them in its own
transaction (docs/adr/0014-sums-kept-with-the-lines.md), and `lava budget check` computes them again from the lines.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import BigInteger, Uuid, bindparam, delete, func, insert, literal, or_, select, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite

from app.budgeting.models import Axis, Basis, FiguresRevision, Ledger, LedgerState, LedgerSum, LedgerTotal
from app.budgeting.rules import Split, Splitter, population_of, split_both
from app.database import Session, breathe, table_of
from app.services import queries as services
from app.services.models import CostCentre, ServiceClass
from app.services.restating import NO_UNIT, Changed, restated_by

_LEDGER, _SUM, _TOTAL = table_of(Ledger), table_of(LedgerSum), table_of(LedgerTotal)
_CENTRE, _SERVICE_CLASS = table_of(CostCentre), table_of(ServiceClass)
_REVISION = table_of(FiguresRevision)

PARTS = tuple(f"part_{place}" for place in range(5))
PRIORS = tuple(f"prior_{place}" for place in range(5))
SPLIT = ("classification_id", "impact_class", *PARTS, "prior_impact_class", *PRIORS)
CHUNK = 1000
MANY = 500
"""From so many touched cost centres on, the totals of a whole ledger are summed anew instead of some of them."""

_UPDATE = (
    update(_SUM)
    .where(_SUM.c.ledger == bindparam("of_ledger"), _SUM.c.cell == bindparam("of_cell"))
    .values({name: bindparam(f"new_{name}") for name in SPLIT})
)


class Splitting:
    """Everything that splitting an organisation's sums of some years needs; read in a few queries."""

    def __init__(self, session: Session, organisation_id: UUID, years: Iterable[int]) -> None:
        wanted = {*years}
        wanted |= {year - 1 for year in wanted}
        rows = services.classifications_in(session, organisation_id, min(wanted), max(wanted)) if wanted else []
        counts = services.population_counts(session, organisation_id)
        self._counts = counts
        self._splitters = {year: Splitter(rows, counts, year) for year in wanted}
        self._counterparts = counterparts(session, organisation_id, wanted)

    def present(self, year: int, cost_centre_id: UUID, service_class_id: UUID | None, cents: int) -> Split:
        """How cents of a cost centre and service class fall on age groups in a year."""
        splitter = self._splitters[year]
        return splitter.split(cents, splitter.classification(cost_centre_id, service_class_id))

    def population_year(self, year: int) -> int | None:
        """The year whose population a year uses."""
        found = population_of(self._counts, year)
        return found[0] if found else None

    def of(self, year: int, cost_centre_id: UUID, service_class_id: UUID | None, cents: int) -> dict[str, Any]:
        """The columns that tell how a sum is split, by its own year's classification and by the year before's."""
        present, prior = split_both(
            cents,
            (cost_centre_id, service_class_id),
            present=self._splitters[year],
            prior=self._splitters[year - 1],
            counterparts=self._counterparts,
        )
        return {
            "classification_id": present.classification_id,
            "impact_class": str(present.impact_class),
            **dict(zip(PARTS, present.parts, strict=True)),
            "prior_impact_class": str(prior.impact_class),
            **dict(zip(PRIORS, prior.parts, strict=True)),
        }


def counterparts(session: Session, organisation_id: UUID, years: set[int]) -> dict[UUID, UUID | None]:
    """Each service class of the years, with the one of the same scheme, code and name in the year before, if any."""
    if not years:
        return {}
    now, then = _SERVICE_CLASS.alias("now"), _SERVICE_CLASS.alias("then")
    same = (
        (then.c.organisation_id == now.c.organisation_id)
        & (then.c.scheme == now.c.scheme)
        & (then.c.year == now.c.year - 1)
        & (then.c.code == now.c.code)
        & (then.c.name == now.c.name)
    )
    statement = (
        select(now.c.id, then.c.id)
        .outerjoin(then, same)
        .where(now.c.organisation_id == organisation_id, now.c.year.in_(sorted(years)))
    )
    return {row[0]: row[1] for row in session.connection().execute(statement)}


def revision(session: Session, organisation_id: UUID) -> int:
    """The revision of the organisation's figures; it grows with every change of them."""
    statement = select(_REVISION.c.revision).where(_REVISION.c.organisation_id == organisation_id)
    return session.connection().execute(statement).scalar() or 0


def bump(session: Session, organisation_id: UUID) -> None:
    """Say that the organisation's figures have changed."""
    connection = session.connection()
    insert_into = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert_into(_REVISION).values(organisation_id=organisation_id, revision=1)
    following = {"revision": _REVISION.c.revision + 1}
    connection.execute(statement.on_conflict_do_update(index_elements=["organisation_id"], set_=following))


@restated_by
def restate(session: Session, organisation_id: UUID, changed: Sequence[Changed]) -> None:
    """Split anew every current sum that rests on what has changed, and add up its totals anew."""
    bump(session, organisation_id)
    years = dict(
        session.connection()
        .execute(
            select(_LEDGER.c.number, _LEDGER.c.year).where(
                _LEDGER.c.organisation_id == organisation_id, _LEDGER.c.state == LedgerState.CURRENT
            )
        )
        .all()
    )
    touched: dict[int, list[Any]] = {}
    for one in changed:
        touching = _touching(session, one)
        if touching is None:
            continue
        for number, year in years.items():
            first, last = one.from_year or year, one.to_year or year
            if first <= year <= last + 1:
                touched.setdefault(number, []).append(touching)
    if touched:
        splitting = Splitting(session, organisation_id, {years[number] for number in touched})
        for number, conditions in touched.items():
            _restate(session, number, years[number], splitting, or_(*conditions))
    moved = frozenset[UUID]().union(*(one.unit_ids for one in changed))
    if moved and years:
        add_up(session, list(years), units=moved, service_classes=())


def _touching(session: Session, changed: Changed) -> Any:
    """The condition on sums that rest on this; None where none does."""
    if changed.cost_centre_ids is None or changed.service_class_ids is None:
        return literal(value=True)
    conditions = []
    if changed.cost_centre_ids:
        conditions.append(_SUM.c.cost_centre_id.in_(changed.cost_centre_ids))
    if changed.service_class_ids:
        # the class of the same code a year later looks back at it
        later, of = _SERVICE_CLASS.alias("later"), _SERVICE_CLASS.alias("of")
        following = (
            select(later.c.id)
            .join(
                of,
                (of.c.organisation_id == later.c.organisation_id)
                & (of.c.scheme == later.c.scheme)
                & (of.c.code == later.c.code)
                & (of.c.year == later.c.year - 1),
            )
            .where(of.c.id.in_(changed.service_class_ids))
        )
        ids = {*changed.service_class_ids, *session.connection().execute(following).scalars()}
        conditions.append(_SUM.c.service_class_id.in_(ids))
    return or_(*conditions) if conditions else None


def _restate(session: Session, number: int, year: int, splitting: Splitting, condition: Any) -> None:
    """Split anew the sums of one ledger that a condition holds for; only those that come out otherwise are written."""
    connection = session.connection()
    rows = connection.execute(select(_SUM).where(_SUM.c.ledger == number, condition)).all()
    centres: set[UUID] = set()
    classes: set[UUID | None] = set()
    for start in range(0, len(rows), CHUNK):
        differing = []
        for row in rows[start : start + CHUNK]:
            split = splitting.of(year, row.cost_centre_id, row.service_class_id, row.cents)
            if any(getattr(row, name) != value for name, value in split.items()):
                new = {f"new_{name}": value for name, value in split.items()}
                differing.append({**new, "of_ledger": number, "of_cell": row.cell})
                centres.add(row.cost_centre_id)
                classes.add(row.service_class_id)
        if differing:
            connection.execute(_UPDATE, differing)
        breathe()
    if not centres:
        return
    if len(centres) > MANY:
        add_up(session, [number])
        return
    units = connection.execute(select(_CENTRE.c.unit_id).where(_CENTRE.c.id.in_(centres)).distinct()).scalars()
    add_up(
        session,
        [number],
        units={unit or NO_UNIT for unit in units},
        service_classes={service or NO_UNIT for service in classes},
    )


def add_up(
    session: Session,
    ledgers: Sequence[int],
    *,
    units: Iterable[UUID] | None = None,
    service_classes: Iterable[UUID] | None = None,
) -> None:
    """Add up the totals of ledgers anew: all of them, or those of some units and service classes."""
    connection = session.connection()
    keys: Mapping[Axis, tuple[Any, Iterable[UUID] | None]] = {
        Axis.UNIT: (_unit_key(), units),
        Axis.SERVICE_CLASS: (_service_class_key(), service_classes),
    }
    for axis, (key, only) in keys.items():
        some = None if only is None else list(only)
        if some == []:
            continue
        old = delete(_TOTAL).where(_TOTAL.c.ledger.in_(ledgers), _TOTAL.c.axis == axis)
        connection.execute(old if some is None else old.where(_TOTAL.c.key.in_(some)))
        for basis in Basis:
            statement = _added_up(axis, basis, key).where(_SUM.c.ledger.in_(ledgers))
            if some is not None:
                statement = statement.where(key.in_(some))
            connection.execute(insert(_TOTAL).from_select([c.name for c in _TOTAL.c], statement))


def added_up() -> list[Any]:
    """Statements that give every total anew from the sums, in the order of the table's columns; for checking."""
    keys = {Axis.UNIT: _unit_key(), Axis.SERVICE_CLASS: _service_class_key()}
    return [_added_up(axis, basis, key) for axis, key in keys.items() for basis in Basis]


def _unit_key() -> Any:
    return func.coalesce(_CENTRE.c.unit_id, _nil())


def _service_class_key() -> Any:
    return func.coalesce(_SUM.c.service_class_id, _nil())


def _nil() -> Any:
    return literal(NO_UNIT, Uuid())


def _added_up(axis: Axis, basis: Basis, key: Any) -> Any:
    """The totals of one kind, from the sums."""
    impact_class = _SUM.c.impact_class if basis is Basis.PRESENT else _SUM.c.prior_impact_class
    parts = PARTS if basis is Basis.PRESENT else PRIORS
    summed = [sql_cast(func.sum(_SUM.c[name]), BigInteger) for name in ("cents", *parts)]
    statement = select(
        _SUM.c.ledger, literal(axis.value), literal(basis.value), key, impact_class, _SUM.c.flow, *summed
    )
    if axis is Axis.UNIT:
        statement = statement.join(_CENTRE, _CENTRE.c.id == _SUM.c.cost_centre_id)
    return statement.group_by(_SUM.c.ledger, key, impact_class, _SUM.c.flow)


def resplit(session: Session, organisation_id: UUID, years: Mapping[int, int]) -> None:
    """Split anew all sums of ledgers (number to year) that are not current yet, as things are now."""
    splitting = Splitting(session, organisation_id, set(years.values()))
    for number, year in years.items():
        _restate(session, number, year, splitting, literal(value=True))


def sums_of(ledger: int, year: int, cells: Iterable[Sequence[Any]], splitting: Splitting) -> list[dict[str, Any]]:
    """Rows of sums of a ledger, split. Each cell is (number, cost centre, service class, flow, lines, cents)."""
    return [
        {
            "ledger": ledger,
            "cell": cell,
            "cost_centre_id": centre,
            "service_class_id": service,
            "flow": flow,
            "lines": lines,
            "cents": cents,
            **splitting.of(year, cast("UUID", centre), service, cents),
        }
        for cell, centre, service, flow, lines, cents in cells
    ]
