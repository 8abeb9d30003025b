"""Writes about units, cost centres, service classes, mappings and classifications."""

import hashlib
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, update
from uuid_utils.compat import uuid7

from app.access.queries import referred
from app.access.rules import Caller
from app.clock import now
from app.conventions.versions import claim
from app.database import Session, lock_for_transaction, table_of
from app.errors import Conflict, Fault, Invalid
from app.journal.actions import changes, record
from app.services import queries
from app.services.code_list import read_code_list
from app.services.models import Classification, CostCentre, Mapping, ServiceClass, Unit
from app.services.rules import check_key, check_mapping, check_method, years_overlap

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
        _one_at_a_time(session, by.organisation_id)
        referred(session, Unit, values["parent_id"], by, "/parent_id")
        if row.id in queries.ids_upwards(session, values["parent_id"], by.organisation_id):
            fault = Fault("/parent_id", "That is the unit itself, or one below it.")
            raise Invalid("invalid", "A unit cannot stand below itself.", [fault])
    told = changes(row, values)
    claim(session, row, version, by)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    record(session, by, "unit.changed", "unit", row.id, changes=told)
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
    claim(session, row, version, by)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    record(session, by, "cost_centre.changed", "cost_centre", row.id, changes=told)
    return row


def import_service_classes(session: Session, content: bytes, *, by: Caller) -> dict[str, Any]:
    """Import code lists from a CSV file, all of it or nothing; what is not in the file stays as it is.

    Keyed by (scheme, year, code), so that one year's list never touches another's. A name that differs is changed. A
    file that brings nothing new changes nothing, and nothing is journalled.
    """
    by.require("services:write")
    file = read_code_list(content)
    _one_at_a_time(session, by.organisation_id)
    there = queries.service_classes_of(session, by.organisation_id, file.lists)
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
        for (scheme, year, code), name in file.names.items()
        if (scheme, year, code) not in there
    ]
    renamed = [
        {"of_id": there[key]["id"], "new_name": name, "at": at, "by": by.id}
        for key, name in file.names.items()
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
        "unchanged": len(file.names) - len(new) - len(renamed),
        "lists": [{"scheme": scheme, "year": year} for scheme, year in file.lists],
        "digest": hashlib.sha256(content).hexdigest(),
    }
    if new or renamed:
        record(session, by, "service_class.imported", "organisation", by.organisation_id, **done)
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
    by.require("services:write")
    check_key(values["cost_centre_id"], values["service_class_id"])
    check_method(
        values["method"],
        weights=values["weights"],
        child_share_ppm=values["child_share_ppm"],
        age_groups=values["age_groups"],
    )
    centre = referred(session, CostCentre, values["cost_centre_id"], by, "/cost_centre_id")
    service = referred(session, ServiceClass, values["service_class_id"], by, "/service_class_id")
    row = Classification(organisation_id=by.organisation_id, changed_by=by.id, **values)
    _refuse_overlap(session, row, row.to_year)
    session.add(row)
    session.flush()
    words = {"cost_centre": centre.code if centre else None, "service_class": service.code if service else None}
    record(session, by, "classification.added", "classification", row.id, **words, **values)
    return row


def change_classification(
    session: Session, row: Classification, values: dict[str, Any], *, version: int, by: Caller
) -> Classification:
    """Change how long a classification holds, or its reason."""
    by.require("services:write")
    values = {name: value for name, value in values.items() if name in {"to_year", "reason"}}
    if "to_year" in values:
        _refuse_overlap(session, row, values["to_year"])
    told = changes(row, values)
    claim(session, row, version, by)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    record(session, by, "classification.changed", "classification", row.id, changes=told)
    return row


def remove_classification(session: Session, row: Classification, *, version: int, by: Caller) -> None:
    """Remove a classification; what it was of is unclassified again."""
    by.require("services:write")
    claim(session, row, version, by)
    session.delete(row)
    session.flush()
    words = {name: getattr(row, name) for name in ("from_year", "to_year", "impact_class", "method", "reason")}
    key = {"cost_centre_id": row.cost_centre_id, "service_class_id": row.service_class_id}
    record(session, by, "classification.removed", "classification", row.id, **key, **words)


def _refuse_overlap(session: Session, row: Classification, to_year: int | None) -> None:
    """Conflict where another classification of the same key holds in one of the years."""
    _one_at_a_time(session, row.organisation_id)
    of_key = queries.years_classified(session, row.organisation_id, row.cost_centre_id, row.service_class_id)
    for other_id, first, last in of_key:
        if other_id != row.id and years_overlap(row.from_year, to_year, first, last):
            years = f"{first}–{last}" if last is not None else f"{first}–"
            fault = Fault("/to_year" if row.from_year < first else "/from_year", f"{other_id} holds for {years}.")
            raise Conflict("overlapping", f"The same is classified for {years} already. End that one first.", [fault])


def _one_at_a_time(session: Session, organisation_id: UUID) -> None:
    """Let nobody else change the organisation's services between a check and its write."""
    key = hashlib.sha256(b"services" + organisation_id.bytes).digest()[:8]
    lock_for_transaction(session, int.from_bytes(key, "big", signed=True))
