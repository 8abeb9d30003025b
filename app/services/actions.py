"""Writes about units, cost centres, service classes, mappings and classifications."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, inspect, update
from uuid_utils.compat import uuid7

from app.access.queries import referred
from app.access.rules import Caller, System
from app.clock import now
from app.conventions.versions import check_version, claim
from app.database import Session, table_of
from app.errors import Conflict, Fault, Invalid
from app.journal.actions import Actor, changes, record
from app.services import queries
from app.services.models import Classification, CostCentre, Mapping, Population, ServiceClass, Unit
from app.services.restating import NO_UNIT, Changed, one_at_a_time, restate
from app.services.rules import check_key, check_mapping, check_method, compare_lists, holds_in, years_overlap

_CARRIED = ("cost_centre_id", "impact_class", "method", "weights", "child_share_ppm", "age_groups", "reason")
_SERVICE_CLASS = table_of(ServiceClass)
_RENAME = (
    update(_SERVICE_CLASS)
    .where(_SERVICE_CLASS.c.id == bindparam("of_id"))
    .values(
        name=bindparam("new_name"),
        version=_SERVICE_CLASS.c.version + 1,
        changed_at=bindparam("at"),
        changed_by=bindparam("by"),
    )
)


def add_unit(session: Session, values: dict[str, Any], *, by: Caller) -> Unit:
    """Add a unit, at the top or below another one of the organisation."""
    by.require("services:write")
    referred(session, Unit, values["parent_id"], by, "/parent_id")
    row = Unit(organisation_id=by.organisation_id, changed_by=by.id, **values)
    session.add(row)
    session.flush()
    record(session, by, "unit.added", "unit", row.id, code=row.code, name=row.name, level=row.level)
    return row


def change_unit(session: Session, row: Unit, values: dict[str, Any], *, version: int, by: Caller) -> Unit:
    """Change a unit; its new place may not be below itself."""
    by.require("services:write")
    if values.get("parent_id") is not None:
        one_at_a_time(session, by.organisation_id)
        referred(session, Unit, values["parent_id"], by, "/parent_id")
        if row.id in queries.ids_upwards(session, values["parent_id"], by.organisation_id):
            fault = Fault("/parent_id", "That is the unit itself, or one below it.")
            raise Invalid("invalid", "A unit cannot stand below itself.", [fault])
    told = changes(row, values)
    if not told:
        check_version(row, version)
        return row
    claim(session, row, version, by)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    record(session, by, "unit.changed", "unit", row.id, changes=told)
    restate(session, by.organisation_id)  # sums of units stay; reports show another name or place
    return row


def add_cost_centre(session: Session, values: dict[str, Any], *, by: Caller) -> CostCentre:
    """Add a cost centre."""
    by.require("services:write")
    referred(session, Unit, values["unit_id"], by, "/unit_id")
    row = CostCentre(organisation_id=by.organisation_id, changed_by=by.id, **values)
    session.add(row)
    session.flush()
    record(session, by, "cost_centre.added", "cost_centre", row.id, code=row.code, name=row.name)
    return row


def change_cost_centre(
    session: Session, row: CostCentre, values: dict[str, Any], *, version: int, by: Caller
) -> CostCentre:
    """Change a cost centre."""
    by.require("services:write")
    referred(session, Unit, values.get("unit_id"), by, "/unit_id")
    told = changes(row, values)
    if not told:
        check_version(row, version)
        return row
    claim(session, row, version, by)
    before = row.unit_id
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    record(session, by, "cost_centre.changed", "cost_centre", row.id, changes=told)
    moved = frozenset({before or NO_UNIT, row.unit_id or NO_UNIT}) if "unit_id" in told else frozenset()
    restate(session, by.organisation_id, Changed(unit_ids=moved))
    return row


def set_service_classes(session: Session, names: dict[tuple[str, int, str], str], *, by: Actor) -> dict[str, Any]:
    """Add and rename service classes by (scheme, year, code), so that one year's list never touches another's.

    What is not named stays as it is. Returns counts; nothing is journalled where nothing is new.
    """
    one_at_a_time(session, by.organisation_id)
    lists = sorted({(scheme, year) for scheme, year, _ in names})
    there = queries.service_classes_of(session, by.organisation_id, lists)
    at = now()
    new = [
        {
            "id": uuid7(),
            "organisation_id": by.organisation_id,
            "version": 1,
            "created_at": at,
            "changed_at": at,
            "changed_by": by.id,
            "scheme": scheme,
            "year": year,
            "code": code,
            "name": name,
        }
        for (scheme, year, code), name in names.items()
        if (scheme, year, code) not in there
    ]
    renamed = [
        {"of_id": there[key]["id"], "new_name": name, "at": at, "by": by.id}
        for key, name in names.items()
        if key in there and there[key]["name"] != name
    ]
    connection = session.connection()
    if new:
        connection.execute(insert(_SERVICE_CLASS), new)
    if renamed:
        connection.execute(_RENAME, renamed)
    done: dict[str, Any] = {
        "added": len(new),
        "changed": len(renamed),
        "unchanged": len(names) - len(new) - len(renamed),
        "lists": [{"scheme": scheme, "year": year} for scheme, year in lists],
    }
    if renamed or new:  # what a class is called says whether it is the same as a year before or after
        years = [year for _, year in lists]
        every = Changed(frozenset(), None, min(years), max(years))
        restate(session, by.organisation_id, every)
    return done


def add_mapping(session: Session, values: dict[str, Any], *, by: Caller) -> Mapping:
    """Map a task class or a preparing unit to a service class."""
    by.require("services:write")
    check_mapping(values["kind"], values["task_class"], values["unit_id"])
    unit = referred(session, Unit, values["unit_id"], by, "/unit_id")
    referred(session, ServiceClass, values["service_class_id"], by, "/service_class_id")
    row = Mapping(organisation_id=by.organisation_id, changed_by=by.id, **values)
    session.add(row)
    session.flush()
    record(session, by, "mapping.added", "mapping", row.id, **values, unit=unit.code if unit else None)
    return row


def remove_mapping(session: Session, row: Mapping, *, version: int, by: Caller) -> None:
    """Remove a mapping."""
    by.require("services:write")
    claim(session, row, version, by)
    session.delete(row)
    session.flush()
    words = {"task_class": row.task_class, "unit_id": row.unit_id, "service_class_id": row.service_class_id}
    record(session, by, "mapping.removed", "mapping", row.id, kind=row.kind, **words)


def add_classification(session: Session, values: dict[str, Any], *, by: Caller) -> Classification:
    """Classify a cost centre, a service class or the two together; no two hold for the same in one year."""
    done = add_classifications(session, [values], by=by, at="")
    return session.get_one(Classification, done["ids"][0])


def add_classifications(
    session: Session, items: list[dict[str, Any]], *, by: Caller | System, end_earlier: bool = False, at: str = "/items"
) -> dict[str, Any]:
    """Add classifications, all or none. Returns the ids and how many earlier ones were ended or removed.

    With `end_earlier` those that hold for the same on into an added one's years end in the year before, and those that
    begin later within its years are removed. Without it they are Conflict `overlapping`. Faults are at `{at}/<place>`.
    """
    by.require("services:write")
    _check_items(session, items, by, at)
    one_at_a_time(session, by.organisation_id)
    there = queries.classifications_by_key(session, by.organisation_id)
    rows: list[Classification] = []
    ended: dict[UUID, Classification] = {}
    removed: dict[UUID, Classification] = {}
    faults: list[Fault] = []
    for place, values in enumerate(items):
        of = f"{at}/{place}" if at else ""
        row = Classification(organisation_id=by.organisation_id, changed_by=by.id, **values)
        of_key = there.setdefault((row.cost_centre_id, row.service_class_id), [])
        for other in list(of_key):
            if other.id in removed or not years_overlap(row.from_year, row.to_year, other.from_year, other.to_year):
                continue
            if not end_earlier or other in rows:
                years = f"{other.from_year}–{other.to_year}" if other.to_year is not None else f"{other.from_year}–"
                name = "to_year" if row.from_year < other.from_year else "from_year"
                faults.append(Fault(f"{of}/{name}", f"{other.id} holds for {years}."))
            elif other.from_year < row.from_year:
                ended[other.id] = other
                other.to_year = row.from_year - 1
            else:
                removed[other.id] = other
        of_key.append(row)
        rows.append(row)
    if faults:
        raise Conflict("overlapping", "The same is classified for these years already. End that first.", faults)
    for other in ended.values():
        claim(session, other, None, by)
        told = {"to_year": {"from": inspect(other).attrs.to_year.history.deleted[0], "to": other.to_year}}
        record(session, by, "classification.changed", "classification", other.id, changes=told)
    session.flush()
    for other in removed.values():
        _remove(session, other, by)
    session.add_all(rows)
    session.flush()
    codes = queries.codes_of(session, rows)
    for row in rows:
        key = {"cost_centre": codes.get(row.cost_centre_id), "service_class": codes.get(row.service_class_id)}
        said = {name: getattr(row, name) for name in items[0]}
        record(session, by, "classification.added", "classification", row.id, **key, **said)
    restate(session, by.organisation_id, *(_of(row) for row in [*rows, *ended.values(), *removed.values()]))
    return {"added": len(rows), "ended": len(ended), "removed": len(removed), "ids": [row.id for row in rows]}


def _check_items(session: Session, items: list[dict[str, Any]], by: Caller | System, at: str) -> None:
    """Invalid with every fault of every item: its key, its method, and whether what it refers to is there."""
    faults: list[Fault] = []
    centres: dict[str, UUID] = {}
    classes: dict[str, UUID] = {}
    for place, values in enumerate(items):
        of = f"{at}/{place}" if at else ""
        parameters = {name: values[name] for name in ("weights", "child_share_ppm", "age_groups")}
        try:
            check_key(values["cost_centre_id"], values["service_class_id"])
            check_method(values["method"], **parameters)
        except Invalid as error:
            faults += [Fault(f"{of}{fault.pointer}", fault.detail) for fault in error.faults]
        if values["cost_centre_id"] is not None:
            centres[f"{of}/cost_centre_id"] = values["cost_centre_id"]
        if values["service_class_id"] is not None:
            classes[f"{of}/service_class_id"] = values["service_class_id"]
    if faults:
        raise Invalid("invalid", "The method and its parameters do not fit together.", faults)
    queries.existing(session, CostCentre, centres, by)
    queries.existing(session, ServiceClass, classes, by)


def change_classification(
    session: Session, row: Classification, values: dict[str, Any], *, version: int, by: Caller
) -> Classification:
    """Change how long a classification holds, or its reason."""
    by.require("services:write")
    values = {name: value for name, value in values.items() if name in {"to_year", "reason"}}
    if "to_year" in values:
        _refuse_overlap(session, row, values["to_year"])
    told = changes(row, values)
    if not told:
        check_version(row, version)
        return row
    claim(session, row, version, by)
    before = _of(row)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    record(session, by, "classification.changed", "classification", row.id, changes=told)
    if "to_year" in told:
        restate(session, by.organisation_id, before, _of(row))
    return row


def remove_classification(session: Session, row: Classification, *, version: int, by: Caller) -> None:
    """Remove a classification; what it was of is unclassified again."""
    by.require("services:write")
    claim(session, row, version, by)
    _remove(session, row, by)
    restate(session, by.organisation_id, _of(row))


def _remove(session: Session, row: Classification, by: Actor) -> None:
    session.delete(row)
    session.flush()
    words = {name: getattr(row, name) for name in ("from_year", "to_year", "impact_class", "method", "reason")}
    key = {"cost_centre_id": row.cost_centre_id, "service_class_id": row.service_class_id}
    record(session, by, "classification.removed", "classification", row.id, **key, **words)


def _of(row: Classification) -> Changed:
    """What a classification is of. A cost centre's lines are few; with a service class they need no further telling."""
    if row.cost_centre_id is not None:
        return Changed(frozenset({row.cost_centre_id}), frozenset(), row.from_year, row.to_year)
    assert row.service_class_id is not None
    return Changed(frozenset(), frozenset({row.service_class_id}), row.from_year, row.to_year)


def carry_forward(
    session: Session, scheme: str, from_year: int, to_year: int, *, dry_run: bool = False, by: Caller
) -> dict[str, Any]:
    """Classify a year's list as the earlier one, where code and name are the same (child budgeting, rule 6).

    Returns how many were made, and the classes that a person settles.
    """
    by.require("services:write")
    lists = queries.service_classes_of(session, by.organisation_id, [(scheme, from_year), (scheme, to_year)])
    earlier = {code: row for (_, year, code), row in lists.items() if year == from_year}
    later = {code: row for (_, year, code), row in lists.items() if year == to_year}
    if not earlier or not later:
        name, year = ("from_year", from_year) if not earlier else ("to_year", to_year)
        fault = Fault(f"/{name}", f"There is no list {scheme} of {year}. Import it first.")
        raise Invalid("invalid", "There is no such list.", [fault])
    there = queries.classifications_by_key(session, by.organisation_id)
    same, unsettled = compare_lists(
        {code: row["name"] for code, row in earlier.items()}, {code: row["name"] for code, row in later.items()}
    )
    by_class: dict[UUID, list[Classification]] = {}
    for (_, service_class_id), rows in there.items():
        if service_class_id is not None:
            by_class.setdefault(service_class_id, []).extend(row for row in rows if holds_in(row, from_year))
    items: list[dict[str, Any]] = []
    already = unclassified = 0
    for code in same:
        found = by_class.get(earlier[code]["id"], [])
        unclassified += not found
        for row in found:
            key = (row.cost_centre_id, later[code]["id"])
            if any(holds_in(other, to_year) for other in there.get(key, ())):
                already += 1
                continue
            carried = {name: getattr(row, name) for name in _CARRIED}
            items.append({**carried, "service_class_id": key[1], "from_year": to_year, "to_year": None})
    if items and not dry_run:
        add_classifications(session, items, by=by)
    ids = {code: row["id"] for code, row in later.items()}
    return {
        "carried": len(items),
        "already": already,
        "unclassified": unclassified,
        "unsettled": [{"service_class_id": ids.get(row["code"]), **row} for row in unsettled],
    }


def add_population(session: Session, values: dict[str, Any], *, by: Caller | System) -> Population:
    """Add a year's population."""
    by.require("services:write")
    row = Population(organisation_id=by.organisation_id, changed_by=by.id, **values)
    session.add(row)
    session.flush()
    record(session, by, "population.added", "population", row.id, **values)
    restate(session, by.organisation_id, Changed(None, None, row.year))
    return row


def change_population(
    session: Session, row: Population, values: dict[str, Any], *, version: int | None, by: Caller | System
) -> Population:
    """Change a year's population."""
    by.require("services:write")
    told = changes(row, values)
    if not told:
        check_version(row, version)
        return row
    claim(session, row, version, by)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    record(session, by, "population.changed", "population", row.id, year=row.year, changes=told)
    if "counts" in told:
        restate(session, by.organisation_id, Changed(None, None, row.year))
    return row


def remove_population(session: Session, row: Population, *, version: int, by: Caller) -> None:
    """Remove a year's population; the year then uses the latest earlier year."""
    by.require("services:write")
    claim(session, row, version, by)
    session.delete(row)
    session.flush()
    record(session, by, "population.removed", "population", row.id, year=row.year, counts=row.counts)
    restate(session, by.organisation_id, Changed(None, None, row.year))


def _refuse_overlap(session: Session, row: Classification, to_year: int | None) -> None:
    """Conflict where another classification of the same key holds in one of the years."""
    one_at_a_time(session, row.organisation_id)
    of_key = queries.years_classified(session, row.organisation_id, row.cost_centre_id, row.service_class_id)
    for other_id, first, last in of_key:
        if other_id != row.id and years_overlap(row.from_year, to_year, first, last):
            years = f"{first}–{last}" if last is not None else f"{first}–"
            fault = Fault("/to_year" if row.from_year < first else "/from_year", f"{other_id} holds for {years}.")
            raise Conflict("overlapping", f"The same is classified for {years} already. End that one first.", [fault])
