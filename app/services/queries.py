"""Reads about units, cost centres, service classes and classifications, limited to the caller's organisation."""

import json
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as ReadOnly
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import RowMapping, and_, bindparam, literal, or_, select
from sqlmodel import col

from app.access.queries import listed, owned
from app.access.rules import Caller
from app.conventions.cursors import PageRequest
from app.database import Row, Session, table_of
from app.errors import Fault, Invalid, NotFound
from app.journal import queries as journal
from app.journal.actions import Actor
from app.services.models import (
    Classification,
    CostCentre,
    ImpactClass,
    Mapping,
    MappingKind,
    Population,
    ServiceClass,
    Unit,
)
from app.services.models import UnitLevel as Level
from app.services.rules import (
    Basis,
    Classified,
    Hint,
    Mapped,
    Match,
    Touched,
    hint,
    in_any_year,
    match_touched,
    nearest,
    prefixes_of,
)

_UNIT, _COST_CENTRE, _SERVICE_CLASS = table_of(Unit).c, table_of(CostCentre).c, table_of(ServiceClass).c
_CLASSIFICATION, _MAPPING = table_of(Classification).c, table_of(Mapping).c
_POPULATION = table_of(Population).c

Table = TypeVar("Table", bound=Row)

DEEPEST = 50
"""Levels of the tree that are walked upwards; a bound, should the tree ever be broken."""


def _units_upwards() -> Any:
    """The unit `:unit_id` and all above it, each with its distance."""
    start = select(_UNIT.id, _UNIT.parent_id, _UNIT.code, literal(0).label("distance")).where(
        _UNIT.id == bindparam("unit_id"), _UNIT.organisation_id == bindparam("organisation_id")
    )
    upwards = start.cte("upwards", recursive=True)
    above = select(_UNIT.id, _UNIT.parent_id, _UNIT.code, upwards.c.distance + 1).join_from(
        table_of(Unit), upwards, (upwards.c.parent_id == _UNIT.id) & (upwards.c.distance < DEEPEST)
    )
    return upwards.union_all(above)


_UPWARDS = _units_upwards()
_IDS_UPWARDS = select(_UPWARDS.c.id)
_MAPPED = (
    select(
        _MAPPING.kind,
        _MAPPING.task_class,
        _MAPPING.service_class_id,
        _SERVICE_CLASS.scheme,
        _SERVICE_CLASS.year,
        _UPWARDS.c.code.label("unit_code"),
        _UPWARDS.c.distance,
    )
    .join_from(table_of(Mapping), table_of(ServiceClass), _SERVICE_CLASS.id == _MAPPING.service_class_id)
    .outerjoin(_UPWARDS, _UPWARDS.c.id == _MAPPING.unit_id)
    .where(
        _MAPPING.organisation_id == bindparam("organisation_id"),
        or_(_MAPPING.task_class.in_(bindparam("prefixes", expanding=True)), _UPWARDS.c.id.is_not(None)),
    )
)
_OF_CLASSIFICATION = (
    _CLASSIFICATION.id,
    _CLASSIFICATION.cost_centre_id,
    _CLASSIFICATION.service_class_id,
    _CLASSIFICATION.from_year,
    _CLASSIFICATION.to_year,
    _CLASSIFICATION.impact_class,
    _CLASSIFICATION.method,
    _CLASSIFICATION.weights,
    _CLASSIFICATION.child_share_ppm,
    _CLASSIFICATION.age_groups,
)


def _with_classifications(table: type[Row], key: Any, other: Any) -> Any:
    """Rows by id with the classifications that hold in one of the years from `:first` to `:last`: their own, and those
    together with `:others`.
    """
    columns = table_of(table).c
    known = and_(
        key == columns.id,
        _CLASSIFICATION.from_year <= bindparam("last"),
        or_(_CLASSIFICATION.to_year.is_(None), _CLASSIFICATION.to_year >= bindparam("first")),
        or_(other.is_(None), other.in_(bindparam("others", expanding=True))),
    )
    return (
        select(columns.id.label("touched_id"), columns.code, columns.name, *_OF_CLASSIFICATION)
        .outerjoin_from(table_of(table), table_of(Classification), known)
        .where(
            columns.organisation_id == bindparam("organisation_id"),
            columns.id.in_(bindparam("ids", expanding=True)),
        )
    )


_COST_CENTRES = _with_classifications(CostCentre, _CLASSIFICATION.cost_centre_id, _CLASSIFICATION.service_class_id)
_SERVICE_CLASSES = _with_classifications(ServiceClass, _CLASSIFICATION.service_class_id, _CLASSIFICATION.cost_centre_id)


def unit(session: Session, unit_id: UUID, *, visible_to: Caller) -> Unit:
    """A unit of the caller's organisation."""
    visible_to.require("services:read")
    return owned(session, Unit, unit_id, visible_to)


def units(
    session: Session,
    page: PageRequest,
    *,
    parent_id: UUID | None = None,
    level: Level | None = None,
    visible_to: Caller,
) -> list[ReadOnly[str, Any]]:
    """The organisation's units: all, those below one, those of a level."""
    visible_to.require("services:read")
    wanted = _equal({_UNIT.parent_id: parent_id, _UNIT.level: level})
    return listed(session, Unit, page, visible_to, *wanted)


def ids_upwards(session: Session, unit_id: UUID, organisation_id: UUID) -> set[UUID]:
    """A unit and all above it in the tree; one query."""
    of = {"unit_id": unit_id, "organisation_id": organisation_id}
    return set(session.connection().execute(_IDS_UPWARDS, of).scalars())


def cost_centre(session: Session, cost_centre_id: UUID, *, visible_to: Caller) -> CostCentre:
    """A cost centre of the caller's organisation."""
    visible_to.require("services:read")
    return owned(session, CostCentre, cost_centre_id, visible_to)


def cost_centres(
    session: Session, page: PageRequest, *, unit_id: UUID | None = None, visible_to: Caller
) -> list[ReadOnly[str, Any]]:
    """The organisation's cost centres: all, or those of a unit."""
    visible_to.require("services:read")
    return listed(session, CostCentre, page, visible_to, *_equal({_COST_CENTRE.unit_id: unit_id}))


def service_class(session: Session, service_class_id: UUID, *, visible_to: Caller) -> ServiceClass:
    """A service class of the caller's organisation."""
    visible_to.require("services:read")
    return owned(session, ServiceClass, service_class_id, visible_to)


def service_classes(
    session: Session,
    page: PageRequest,
    *,
    scheme: str | None = None,
    year: int | None = None,
    text: str | None = None,
    visible_to: Caller,
) -> list[ReadOnly[str, Any]]:
    """The organisation's service classes; `text` is looked for in code and name, small letters and large alike."""
    visible_to.require("services:read")
    wanted = _equal({_SERVICE_CLASS.scheme: scheme, _SERVICE_CLASS.year: year})
    if text is not None:
        # SQLite folds the case of ASCII letters only.
        spellings = sorted({text, text.lower(), text.upper(), text.capitalize()})
        columns = (_SERVICE_CLASS.code, _SERVICE_CLASS.name)
        wanted.append(or_(*(column.icontains(word, autoescape=True) for word in spellings for column in columns)))
    return listed(session, ServiceClass, page, visible_to, *wanted)


def service_classes_of(
    session: Session, organisation_id: UUID, lists: Iterable[tuple[str, int]]
) -> dict[tuple[str, int, str], RowMapping]:
    """The service classes of the given lists (scheme, year) by scheme, year and code; one query."""
    wanted = set(lists)
    rows = session.connection().execute(
        select(_SERVICE_CLASS.id, _SERVICE_CLASS.scheme, _SERVICE_CLASS.year, _SERVICE_CLASS.code, _SERVICE_CLASS.name)
        .where(_SERVICE_CLASS.organisation_id == organisation_id)
        .where(_SERVICE_CLASS.scheme.in_(sorted({scheme for scheme, _ in wanted})))
        .where(_SERVICE_CLASS.year.in_(sorted({year for _, year in wanted})))
    )
    return {
        (row["scheme"], row["year"], row["code"]): row
        for row in rows.mappings()
        if (row["scheme"], row["year"]) in wanted
    }


def mapping(session: Session, mapping_id: UUID, *, visible_to: Caller) -> Mapping:
    """A mapping of the caller's organisation."""
    visible_to.require("services:read")
    return owned(session, Mapping, mapping_id, visible_to)


def mappings(
    session: Session, page: PageRequest, *, kind: MappingKind | None = None, visible_to: Caller
) -> list[ReadOnly[str, Any]]:
    """The organisation's mappings to service classes."""
    visible_to.require("services:read")
    return listed(session, Mapping, page, visible_to, *_equal({_MAPPING.kind: kind}))


def classification(session: Session, classification_id: UUID, *, visible_to: Caller) -> Classification:
    """A classification of the caller's organisation."""
    visible_to.require("services:read")
    return owned(session, Classification, classification_id, visible_to)


def classifications(
    session: Session,
    page: PageRequest,
    *,
    cost_centre_id: UUID | None = None,
    service_class_id: UUID | None = None,
    impact_class: ImpactClass | None = None,
    year: int | None = None,
    visible_to: Caller,
) -> list[ReadOnly[str, Any]]:
    """The organisation's classifications; `year` gives those that hold in it."""
    visible_to.require("services:read")
    wanted = _equal(
        {
            _CLASSIFICATION.cost_centre_id: cost_centre_id,
            _CLASSIFICATION.service_class_id: service_class_id,
            _CLASSIFICATION.impact_class: impact_class,
        }
    )
    if year is not None:
        wanted.append(_CLASSIFICATION.from_year <= year)
        wanted.append(or_(_CLASSIFICATION.to_year.is_(None), _CLASSIFICATION.to_year >= year))
    return listed(session, Classification, page, visible_to, *wanted)


def classifications_by_key(
    session: Session, organisation_id: UUID
) -> dict[tuple[UUID | None, UUID | None], list[Classification]]:
    """Every classification of the organisation by cost centre and service class, to be changed; one query."""
    found: dict[tuple[UUID | None, UUID | None], list[Classification]] = {}
    for row in session.scalars(select(Classification).where(col(Classification.organisation_id) == organisation_id)):
        found.setdefault((row.cost_centre_id, row.service_class_id), []).append(row)
    return found


def classifications_in(session: Session, organisation_id: UUID, first: int, last: int) -> Sequence[Any]:
    """The classifications that hold in some of these years, as the rules read them; one query."""
    statement = select(*_OF_CLASSIFICATION).where(
        _CLASSIFICATION.organisation_id == organisation_id,
        _CLASSIFICATION.from_year <= last,
        or_(_CLASSIFICATION.to_year.is_(None), _CLASSIFICATION.to_year >= first),
    )
    return session.connection().execute(statement).all()


def codes_of(session: Session, rows: Iterable[Classification]) -> dict[UUID | None, str]:
    """The codes of the cost centres and service classes that classifications are of; two queries."""
    rows = list(rows)
    codes: dict[UUID | None, str] = {}
    for columns, ids in (
        (_COST_CENTRE, {row.cost_centre_id for row in rows}),
        (_SERVICE_CLASS, {row.service_class_id for row in rows}),
    ):
        wanted = ids - {None}
        if wanted:
            codes.update(
                session.connection().execute(select(columns.id, columns.code).where(columns.id.in_(wanted))).all()
            )
    return codes


def history(session: Session, classification_id: UUID, *, visible_to: Caller) -> list[dict[str, Any]]:
    """What happened to a classification, oldest first, from the journal; a removed one's history stays.

    Raises NotFound where the organisation never had it.
    """
    visible_to.require("services:read")
    entries = journal.entries(session, visible_to.organisation_id, object_id=classification_id, limit=1000)
    told = [
        {
            **{name: row[name] for name in ("seq", "at", "actor_id", "verb")},
            "details": json.loads(row["details"]) if row["details"] else None,
        }
        for row in entries
        if row["object_type"] == "classification"
    ]
    if not told:
        raise NotFound("not_found", "There is no such thing here.")
    return told


def population(session: Session, population_id: UUID, *, visible_to: Caller) -> Population:
    """A year's population."""
    visible_to.require("services:read")
    return owned(session, Population, population_id, visible_to)


def populations(
    session: Session, page: PageRequest, *, year: int | None = None, visible_to: Caller
) -> list[ReadOnly[str, Any]]:
    """The organisation's populations."""
    visible_to.require("services:read")
    return listed(session, Population, page, visible_to, *_equal({_POPULATION.year: year}))


def population_counts(session: Session, organisation_id: UUID) -> dict[int, tuple[int, ...]]:
    """The counts of every year that has them, the youngest group first; one query."""
    rows = session.connection().execute(
        select(_POPULATION.year, _POPULATION.counts).where(_POPULATION.organisation_id == organisation_id)
    )
    return {row.year: tuple(row.counts) for row in rows}


def years_classified(
    session: Session, organisation_id: UUID, cost_centre_id: UUID | None, service_class_id: UUID | None
) -> list[tuple[UUID, int, int | None]]:
    """Id, first and last year of every classification of the same key; one query."""
    rows = session.connection().execute(
        select(_CLASSIFICATION.id, _CLASSIFICATION.from_year, _CLASSIFICATION.to_year)
        .where(_CLASSIFICATION.organisation_id == organisation_id)
        # SQLAlchemy writes IS NULL where the value is None.
        .where(_CLASSIFICATION.cost_centre_id == cost_centre_id)
        .where(_CLASSIFICATION.service_class_id == service_class_id)
    )
    return [(row.id, row.from_year, row.to_year) for row in rows]


def existing(session: Session, table: type[Row], ids: dict[str, UUID], caller: Actor) -> None:
    """Check that all ids are of rows of the caller's organisation; one query, none where there are no ids.

    `ids` are by the pointer where each was given, such as /cost_centre_ids/0. Raises Invalid with the pointers of those
    that are not; another organisation's is not told apart from none.
    """
    if not ids:
        return
    columns = table_of(table).c
    statement = select(columns.id).where(
        columns.id.in_(set(ids.values())), columns.organisation_id == caller.organisation_id
    )
    known = set(session.connection().execute(statement).scalars())
    name = str(table.__tablename__).replace("_", " ")
    faults = [
        Fault(pointer, f"There is no such {name} here.") for pointer, row_id in ids.items() if row_id not in known
    ]
    if faults:
        raise Invalid("invalid", "Something that is referred to is not there.", faults)


def early_hint(
    session: Session,
    *,
    organisation_id: UUID,
    cost_centre_ids: Sequence[UUID],
    service_class_ids: Sequence[UUID],
    task_class_code: str | None,
    unit_id: UUID | None,
    years: Sequence[int],
) -> Hint:
    """What the classifications say of a decision's scope in some years, as a dictionary that can be kept as JSON.

    What is classified in any of the years speaks, and what is not in any of them is a gap. At most three queries,
    whatever the scope and however many years; none where there is nothing to go by. Ids that are not the
    organisation's are passed over: `existing` is what refuses them.
    """
    mapped = _mapped(session, organisation_id, task_class_code, unit_id)
    given = set(service_class_ids)
    led_to = {year: [row for row in nearest(mapped, year) if row.service_class_id not in given] for year in years}
    of = {"organisation_id": organisation_id, "first": min(years), "last": max(years)}
    services, of_services = _touched(
        session,
        _SERVICE_CLASSES,
        {*service_class_ids, *(found.service_class_id for rows in led_to.values() for found in rows)},
        {**of, "others": list(cost_centre_ids)},
        Basis.SERVICE_CLASS,
    )
    # What is classified for a cost centre and a service class together is among the service classes' already.
    centres, of_centres = _touched(
        session, _COST_CENTRES, set(cost_centre_ids), {**of, "others": []}, Basis.COST_CENTRE
    )
    asked = [services[key] for key in dict.fromkeys(service_class_ids) if key in services]
    found: list[tuple[list[Match], list[Touched]]] = []
    for year in years:
        through = [
            Touched(known.id, row.basis, known.code, known.name, row.through)
            for row in led_to[year]
            if (known := services.get(row.service_class_id))
        ]
        found.append(match_touched(list(centres.values()), asked, through, [*of_services, *of_centres], year))
    return hint(*in_any_year(found))


def _mapped(session: Session, organisation_id: UUID, task_class_code: str | None, unit_id: UUID | None) -> list[Mapped]:
    prefixes = prefixes_of(task_class_code)
    if not prefixes and unit_id is None:
        return []
    values = {"organisation_id": organisation_id, "prefixes": prefixes, "unit_id": unit_id}
    return [
        Mapped(row.service_class_id, row.scheme, row.year, Basis.TASK_CLASS, row.task_class, -len(row.task_class))
        if row.kind == MappingKind.TASK_CLASS
        else Mapped(row.service_class_id, row.scheme, row.year, Basis.UNIT, row.unit_code, row.distance)
        for row in session.connection().execute(_MAPPED, values)
    ]


def _touched(
    session: Session, statement: Any, ids: set[UUID], values: dict[str, Any], basis: Basis
) -> tuple[dict[UUID, Touched], list[Classified]]:
    """The rows by id, and every classification that came with them."""
    if not ids:
        return {}, []
    touched: dict[UUID, Touched] = {}
    known: list[Classified] = []
    for row in session.connection().execute(statement, {**values, "ids": list(ids)}):
        name = row.name if isinstance(row.name, dict) else {"fi": row.name}
        touched[row.touched_id] = Touched(row.touched_id, basis, row.code, name)
        if row.id is not None:
            known.append(row)
    return touched, known


def _equal(wanted: dict[Any, Any]) -> list[Any]:
    """Conditions for the filters that were given."""
    return [column == value for column, value in wanted.items() if value is not None]
