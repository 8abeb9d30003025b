"""What the measured database holds: one organisation, a preparer with a key, and its decisions."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.access import actions as access
from app.access.models import AccountKind, Role
from app.access.rules import Caller, System, permissions_of
from app.conventions.schemas import values_of
from app.database import Database
from app.decisions import actions as decisions
from app.decisions.schemas import DecisionNew
from app.demo.county import found

DECISIONS = 2000
A_TRANSACTION = 100


@dataclass(frozen=True)
class County:
    """The preparer's key, and the ids of the decisions."""

    key: str
    decisions: list[UUID]


def a_decision(number: int | str) -> dict[str, Any]:
    """The body of a decision as a case system sends it: facts, and one option besides VE0."""
    return {
        "diary_number": f"{number}/00.01.02/2026",
        "title": {
            "fi": f"Neuvolan toimipisteen {number} sulkeminen ja palvelujen siirto perhekeskukseen",
            "sv": f"Stängning av rådgivningsbyrå {number} och flyttning av tjänsterna till familjecentret",
        },
        "task_class_title": "Neuvolapalvelut",
        "body": "Aluehallitus",
        "meeting_date": "2026-12-14",
        "documents": [{"title": "Esityslista", "url": f"https://example.fi/esityslista/{number}.pdf"}],
        "options": [{"code": "VE1", "title": {"fi": "Toimipiste suljetaan ja toiminta siirtyy perhekeskukseen"}}],
    }


def filled(database: Database) -> County:
    """Fill an empty database through the domain's own actions, journal included."""
    with database.transaction() as session:
        organisation = found(session, "1234567-1", {"fi": "Mittausalue"})
        by = System(organisation.id)
        roles = (Role.PREPARER.value,)
        values = {"kind": AccountKind.PERSON.value, "name": "Mittaaja", "roles": list(roles), "active": True}
        account = access.add_person(session, values, by=by)
        _, key = access.issue_key(session, account, "bench", 1, None, by=by)
    caller = Caller(account.id, account.name, organisation.id, roles, permissions_of(roles))
    made: list[UUID] = []
    for start in range(0, DECISIONS, A_TRANSACTION):
        with database.transaction() as session:
            for number in range(start, start + A_TRANSACTION):
                new = DecisionNew.model_validate(a_decision(number))
                given = {**values_of(new), "planned_changes": new.model_dump()["planned_changes"]}
                made.append(decisions.register(session, given, by=caller))
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
    return County(key, made)
