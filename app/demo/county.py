"""The demo county: its people and keys straight into the database, everything else through the API."""

import csv
import io
import json
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.access import actions as access
from app.access.models import Account, ApiKey, Organisation
from app.access.rules import System
from app.assessments.actions import add_form
from app.database import Database, Session
from app.demo.client import Client

KEY_DAYS = 30
FILLING, FILLED = "demo, being filled", "demo"
"""What the keys are called. Those of the second name are issued when filling has come to its end, and mark that."""
SCHEME = "demo-hva"


@cache
def content() -> dict[str, Any]:
    """The carried county: organisation, people, units, services, stories."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("kymenlaakso.json").read_text("utf-8"))
    return loaded


def built_in_form() -> dict[str, Any]:
    """The form that every organisation starts with."""
    path = Path(__file__).parent.parent / "assessments" / "built_in_form.json"
    form: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return form


def found(session: Session, business_id: str, name: dict[str, str]) -> Organisation:
    """An organisation ready for use: with the default code lists and the built-in form."""
    organisation = access.found_organisation(session, business_id, name)
    add_form(session, built_in_form(), by=System(organisation.id))
    return organisation


def people_and_keys(database: Database) -> tuple[dict[str, str], bool]:
    """A fresh key per role, and whether the county is still to be filled. Keys of earlier runs are revoked."""
    county = content()
    with database.transaction() as session:
        organisation = _organisation(session)
        if organisation is None:
            organisation = found(session, county["organisation"]["business_id"], county["organisation"]["name"])
            for person in county["people"]:
                values = {"kind": person["kind"], "name": person["name"], "roles": person["roles"], "active": True}
                access.add_person(session, values, by=System(organisation.id))
        is_new = not _is_filled(session, organisation)
        keys = _fresh_keys(session, organisation.id, FILLING if is_new else FILLED)
    return keys, is_new


def keys_of_filled(database: Database) -> dict[str, str]:
    """Keys in place of those that the county was filled with. Only now does it count as filled."""
    with database.transaction() as session:
        organisation = _organisation(session)
        assert organisation is not None
        return _fresh_keys(session, organisation.id, FILLED)


def is_unfinished(database: Database) -> bool:
    """Whether there is a demo county, but not filled to its end."""
    with database.transaction(writes=False) as session:
        organisation = _organisation(session)
        return organisation is not None and not _is_filled(session, organisation)


def _organisation(session: Session) -> Organisation | None:
    business_id = content()["organisation"]["business_id"]
    return session.scalars(select(Organisation).where(col(Organisation.business_id) == business_id)).one_or_none()


def _is_filled(session: Session, organisation: Organisation) -> bool:
    of_county = select(ApiKey).where(col(ApiKey.organisation_id) == organisation.id, col(ApiKey.label) == FILLED)
    return session.scalars(of_county.limit(1)).first() is not None


def _fresh_keys(session: Session, organisation_id: UUID, label: str) -> dict[str, str]:
    by = System(organisation_id)
    accounts = {
        account.name: account
        for account in session.scalars(select(Account).where(col(Account.organisation_id) == organisation_id))
    }
    for key in session.scalars(
        select(ApiKey).where(col(ApiKey.organisation_id) == organisation_id, col(ApiKey.revoked_at).is_(None))
    ):
        access.revoke_key(session, key, version=key.version, by=by)
    return {
        person["key"]: access.issue_key(session, accounts[person["name"]], label, KEY_DAYS, None, by=by)[1]
        for person in content()["people"]
    }


class Services:
    """The ids of what the county's codes stand for."""

    def __init__(self) -> None:
        self.units: dict[str, str] = {}
        self.cost_centres: dict[str, str] = {}
        self.service_classes: dict[str, str] = {}


def fill_services(client: Client) -> Services:
    """Make the county's units, cost centres, service classes and classifications, through the API."""
    county, made = content(), Services()
    client.send(
        "administrator",
        "PUT",
        "/api/v1/organisation/excluded-task-classes",
        {"items": county["excluded_task_classes"]},
        changes="/api/v1/organisation",
        what="sets aside the task classes that are never assessed",
        told=lambda answer: f"{len(answer['excluded_task_classes'])} classes",
    )
    for unit in county["units"]:
        body = {name: unit[name] for name in ("code", "name", "level", "valid_from")}
        body["parent_id"] = made.units.get(unit["parent"]) if unit["parent"] else None
        made.units[unit["code"]] = client.send("controller", "POST", "/api/v1/units", body, expect=201)["id"]
    for centre in county["cost_centres"]:
        body = {"code": centre["code"], "name": centre["name"], "valid_from": "2023-01-01"}
        body["unit_id"] = made.units[centre["unit"]]
        made.cost_centres[centre["code"]] = client.send("controller", "POST", "/api/v1/cost-centres", body, expect=201)[
            "id"
        ]
    client.import_file(
        "service-classes",
        _as_csv(county["service_classes"]),
        what="imports the list of service classes",
        told=lambda answer: f"{answer['added']} added, {answer['changed']} changed",
    )
    listed = client.send("controller", "GET", f"/api/v1/service-classes?scheme={SCHEME}&limit=200")
    made.service_classes = {row["code"]: row["id"] for row in listed["items"]}
    _classify(client, county, made)
    return made


def _classify(client: Client, county: dict[str, Any], made: Services) -> None:
    for entry in county["classifications"]:
        body = {name: value for name, value in entry.items() if name not in {"cost_centre", "service_class"}}
        if entry.get("cost_centre"):
            body["cost_centre_id"] = made.cost_centres[entry["cost_centre"]]
        if entry.get("service_class"):
            body["service_class_id"] = made.service_classes[entry["service_class"]]
        client.send("controller", "POST", "/api/v1/classifications", body, expect=201)
    client.send(
        "controller",
        "GET",
        "/api/v1/classifications?limit=200",
        what="classifies services by their impact on children",
        told=lambda answer: f"{len(answer['items'])} classifications (invented for the demo)",
    )
    for entry in county["mappings"]:
        body = {"service_class_id": made.service_classes[entry["service_class"]]}
        if entry.get("task_class"):
            body |= {"kind": "task_class", "task_class": entry["task_class"]}
        else:
            body |= {"kind": "unit", "unit_id": made.units[entry["unit"]]}
        client.send("controller", "POST", "/api/v1/service-classes/mappings", body, expect=201)


def _as_csv(rows: list[dict[str, Any]]) -> str:
    written = io.StringIO()
    writer = csv.DictWriter(written, ["scheme", "year", "code", "name"])
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def known_services(client: Client) -> Services:
    """The ids of a county that was filled before."""
    made = Services()
    for name, path in (("units", "units"), ("cost_centres", "cost-centres"), ("service_classes", "service-classes")):
        rows = client.send("controller", "GET", f"/api/v1/{path}?limit=200")["items"]
        getattr(made, name).update({row["code"]: row["id"] for row in rows})
    return made
