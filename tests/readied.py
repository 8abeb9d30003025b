"""What an operation needs in order to succeed: things that are there, in the state it starts from.

An operation that uses its thing up (a move to another state, a removal) finds a new one for every request; the others
share theirs. An operation of a new package is given ids here, where its path or its body has any.
"""

import re
from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select
from sqlmodel import col

from app.access.rules import ROLES
from app.assessments import actions as assessments
from app.assessments import queries as assessment_queries
from app.budgeting import actions as budgeting
from app.budgeting.models import Ledger, LedgerState, Phase, PublishedChildBudget
from app.database import Database, Session
from app.decisions import queries as decision_queries
from app.demo.county import built_in_form
from app.follow_up import queries as follow_up_queries
from app.jobs.models import Job
from app.services import actions as services
from app.services.models import Population
from tests.county import (
    SCREENING_ANSWERS,
    County,
    a_budget,
    a_decision,
    a_decision_in,
    a_follow_up,
    an_assessment,
    an_impact,
    make_case_system,
    make_delivery,
    make_webhook,
)

Ids = dict[str, str]
Ready = Callable[[Session, County, str], Ids]

FIRST_ASKED = ("preparer", "expert", "presenter", "controller", "registrar", "administrator", "auditor", "integration")
PARTS: dict[str, dict[str, Any]] = {
    "evidence": {"kind": "research", "title": "Selvitys", "source": "Esimerkki", "finding": "Matka ratkaisee."},
    "hearings": {"party": "parents", "who": "Perheet", "age_groups": ["0-6"], "method": "survey", "views": "Lähelle."},
    "recommendations": {"kind": "improvement", "text": "Tiedotetaan ajoissa."},
}
UNINTENDED = {"description": "Jono kasvoi.", "impact_class": "indirect", "direction": "negative", "age_groups": ["0-6"]}


def _decision(state: str, *, cleared: bool = False) -> Ready:
    def ready(session: Session, county: County, number: str) -> Ids:
        decision = a_decision(session, county, number)
        if cleared:
            an_assessment(session, county, "approved", decision)
        a_decision_in(session, county, state, decision)
        option = decision_queries.options(session, decision)[1]
        return {"decision_id": str(decision.id), "option_id": str(option.id)}

    return ready


def _assessment(state: str, outcome: str | None = None) -> Ready:
    def ready(session: Session, county: County, number: str) -> Ids:
        made = an_assessment(session, county, state, a_decision(session, county, number))
        if outcome:
            screening = {"answers": SCREENING_ANSWERS, "outcome": outcome, "reason": "Esimerkki."}
            assessments.screen(session, made, screening, version=made.version, by=county["preparer"])
        decision = decision_queries.get(session, made.decision_id, visible_to=county["preparer"])
        option = decision_queries.options(session, decision)[1]
        return {"decision_id": str(made.decision_id), "assessment_id": str(made.id), "option_id": str(option.id)}

    return ready


def _follow_up(state: str) -> Ready:
    def ready(session: Session, county: County, number: str) -> Ids:
        made = a_follow_up(session, county, state, a_decision(session, county, number))
        impact = follow_up_queries.predicted(session, made)[0]
        return {"follow_up_id": str(made.id), "decision_id": str(made.decision_id), "impact_id": str(impact["id"])}

    return ready


def _upgradable(session: Session, county: County, number: str) -> Ids:
    ids = _assessment("drafting")(session, county, number)
    assessments.add_form(session, built_in_form(), by=county["administrator"])
    newest = assessment_queries.newest_form(session, county.id)
    assert newest is not None
    return {**ids, "form_id": str(newest.id)}


def _population(session: Session, county: County, number: str) -> Ids:
    there = set(session.scalars(select(col(Population.year)).where(col(Population.organisation_id) == county.id)))
    year = next(year for year in range(2000, 2101) if year not in there)
    facts = {"year": year, "counts": [1, 2, 3, 4, 5], "source": number}
    return {"population_id": str(services.add_population(session, facts, by=county["controller"]).id)}


def _ledger(session: Session, county: County, number: str) -> Ids:
    facts: dict[str, Any] = {"year": 2031, "phase": Phase.ACTUAL, "source": number, "state": LedgerState.CURRENT}
    row = Ledger(organisation_id=county.id, digest="0" * 64, parameters={}, account_ranges=[], **facts)
    session.add(row)
    session.flush()
    return {"ledger_id": str(row.id)}


def _publication(session: Session, county: County, number: str) -> Ids:
    ledger_id = _ledger(session, county, number)["ledger_id"]
    row = budgeting.publish(session, 2031, Phase.ACTUAL, by=county["controller"])
    return {"publication_id": str(row.id), "ledger_id": ledger_id}


def _case_system(session: Session, county: County, number: str) -> Ids:
    made = make_case_system(session, county, re.sub(r"[^0-9]", "-", f"s{number}"))
    return {"system_id": str(made.id)}


def _webhook(session: Session, county: County, number: str) -> Ids:
    webhook = make_webhook(session, county, label=number)
    return {"webhook_id": str(webhook.id), "delivery_id": str(make_delivery(session, webhook, "dead").id)}


USED_UP: dict[str, Ready] = {
    "remove_population": _population,
    "remove_webhook": _webhook,
    "remove_case_system": _case_system,
    "change_webhook": _webhook,
    "remove_ledger": _ledger,
    "withdraw_publication": _publication,
    "prepare_decision": _decision("draft"),
    "present_decision": _decision("in_preparation", cleared=True),
    "withdraw_decision": _decision("in_preparation"),
    "reopen_decision": _decision("decided"),
    "implement_decision": _decision("decided"),
    "close_decision": _decision("implementing"),
    "remove_option": _decision("draft"),
    "start_assessment": _decision("draft"),
    "open_follow_up": _decision("decided", cleared=True),
    "answer_screening": _assessment("screening"),
    "draft_assessment": _assessment("screening", "needed"),
    "sign_not_needed": _assessment("screening", "not_needed"),
    "submit_assessment": _assessment("drafting"),
    "return_assessment": _assessment("in_review"),
    "approve_assessment": _assessment("in_review"),
    "publish_assessment": _assessment("approved"),
    "withdraw_assessment": _assessment("screening"),
    "make_new_edition": _assessment("approved"),
    "upgrade_form": _upgradable,
    "submit_follow_up": _follow_up("drafting"),
    "return_follow_up": _follow_up("in_review"),
    "approve_follow_up": _follow_up("in_review"),
    "publish_follow_up": _follow_up("approved"),
}
ADDED_BY = {
    **{
        f"{verb}_{kind.removesuffix('s')}": kind
        for verb in ("read", "change", "remove")
        for kind in ("impacts", *PARTS)
    },
    **dict.fromkeys(("read_attachment", "read_attachment_content", "remove_attachment"), "attachments"),
    **{f"{verb}_unintended_impact": "unintended-impacts" for verb in ("read", "remove")},
    **dict.fromkeys(("read_service_class_mapping", "remove_service_class_mapping"), "mappings"),
    **dict.fromkeys(("read_classification", "change_classification", "remove_classification"), "classifications"),
    "read_classification_history": "classifications",
    **dict.fromkeys(("add_classification", "add_classifications", "preview_classifications"), "cost-centres"),
    **dict.fromkeys(("read_api_key", "revoke_api_key"), "api-keys"),
}
"""Operations on a part, or whatever else is made by one request, and the list that it is made in."""

OF_THE_DECIDED = {"read_handling", "list_handlings", "record_handling", "answer_recommendations", "read_statement"}
OF_A_MACHINE = {"add_case_system", "change_case_system"}
NATURAL_KEYS = {
    "register_decision": "diary_number",
    "add_unit": "code",
    "add_cost_centre": "code",
    "add_person": "name",
}
"""What must be new in each request that makes one."""

OF_A_CASE = {"read_case": {"source": "manual", "diary_number": "1/2026"}}
"""What a query must name that is there."""

AT_THE_NEIGHBOURS = {"change_organisation", "set_child_groups", "set_excluded_task_classes", "add_form"}
"""What these change, others rest on."""


class Readied:
    """A county on a running service, in which every operation finds what it needs."""

    def __init__(self, http: httpx.Client, database: Database, county: County, neighbour: County) -> None:
        self.http = http
        self.database = database
        self.county = county
        self.neighbour = neighbour
        self.numbers = count(1000)
        self.shared = self._shared()

    def _shared(self) -> Ids:
        """What operations that leave things in place share."""
        with self.database.transaction() as session:
            decided = _assessment("published")(session, self.county, "1/2026")
            by = self.county["presenter"]
            decision = decision_queries.get(session, UUID(decided["decision_id"]), visible_to=by)
            a_decision_in(session, self.county, "decided", decision)
            cleared = decision.clearance or {}
            found = {
                **_follow_up("drafting")(session, self.county, "2/2026"),
                **_assessment("drafting")(session, self.county, "3/2026"),
                **_webhook(session, self.county, "4"),
                **_case_system(session, self.county, "5"),
            }
            form = assessment_queries.newest_form(session, self.county.id)
            assert form is not None
        self.answered = {**decided, "recommendation_id": str(cleared["recommendations"][0]["id"])}
        self.shared = {**found, "form_id": str(form.id)}
        handlings = self._get("auditor", f"/api/v1/decisions/{decided['decision_id']}/handlings")
        self.answered["handling_id"] = handlings[0]["id"]
        unit = {"code": "U1", "name": {"fi": "Perheiden palvelut"}, "level": "service_area", "valid_from": "2020-01-01"}
        centre = {"code": "K1", "name": {"fi": "Neuvola"}, "valid_from": "2020-01-01"}
        person = {"kind": "person", "name": "Esimerkki Virkanen", "roles": ["preparer"]}
        return (
            self.shared
            | self._money()
            | {
                "unit_id": self._post("controller", "/api/v1/units", unit),
                "cost_centre_id": self._post("controller", "/api/v1/cost-centres", centre),
                "service_class_id": self._get("controller", "/api/v1/service-classes")[0]["id"],
                "person_id": self._post("administrator", "/api/v1/people", person),
                "entry_id": self._get("auditor", "/public/v1/assessments")[0]["id"],
            }
        )

    def _money(self) -> Ids:
        """A budget with everything beside it, published; and the lists of two years."""
        a_budget(self.database, self.county)
        by = self.county["controller"]
        tables = {"population": Population, "ledger": Ledger, "job": Job, "publication": PublishedChildBudget}
        with self.database.transaction() as session:
            services.set_service_classes(
                session, {("kunta-aura", year, "1"): "Neuvola" for year in (2025, 2026)}, by=by
            )
            budgeting.publish(session, 2026, Phase.BUDGET, by=by)
            spare = _ledger(session, self.county, "spare")  # a request that should be refused may yet remove it
            found = {name: str(session.scalars(select(table).limit(1)).one().id) for name, table in tables.items()}
        return {f"{name}_id": row_id for name, row_id in found.items()} | spare

    def _get(self, role: str, path: str) -> list[dict[str, Any]]:
        answer = self.http.get(path, headers={"Authorization": f"Bearer {self.county.keys[role]}"})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    def key_of(self, operation: dict[str, Any]) -> str:
        """The key of the first role that has every right which the operation says it needs."""
        needed = set(re.findall(r"`([a-z-]+:[a-z-]+)`", operation["description"].partition(".")[0]))
        county = self.neighbour if operation["operationId"] in AT_THE_NEIGHBOURS else self.county
        return county.keys[next(role for role in FIRST_ASKED if needed <= ROLES[role])]  # type: ignore[index]

    def ids_for(self, operation_id: str) -> Ids:
        """The ids of what the operation's path and body may name."""
        if operation_id in USED_UP:
            return {**self.shared, **self._new(USED_UP[operation_id])}
        if operation_id in ADDED_BY:
            return {**self.shared, **self._added(ADDED_BY[operation_id])}
        if operation_id in OF_A_MACHINE:
            return {**self.shared, "person_id": str(self.county["integration"].id)}
        if operation_id in OF_THE_DECIDED:
            return {**self.shared, **self.answered}
        return self.shared

    def _new(self, ready: Ready) -> Ids:
        with self.database.transaction() as session:
            return ready(session, self.county, f"{next(self.numbers)}/2026")

    def _post(self, role: str, path: str, body: Any) -> str:
        answer = self.http.post(path, json=body, headers={"Authorization": f"Bearer {self.county.keys[role]}"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def _added(self, kind: str) -> Ids:
        shared, number = self.shared, next(self.numbers)
        if kind == "unintended-impacts":
            path = f"/api/v1/follow-ups/{shared['follow_up_id']}/{kind}"
            return {"unintended_id": self._post("preparer", path, UNINTENDED)}
        if kind == "attachments":
            path = f"/api/v1/assessments/{shared['assessment_id']}/attachments/upload"
            headers = {"Authorization": f"Bearer {self.county.keys['preparer']}", "Content-Type": "text/plain"}
            answer = self.http.post(path, content=b"Muistio", params={"file_name": "muistio.txt"}, headers=headers)
            assert answer.status_code == 201, answer.text
            return {"attachment_id": str(answer.json()["id"])}
        if kind == "mappings":
            body = {"kind": "task_class", "task_class": f"09 {number}", "service_class_id": shared["service_class_id"]}
            return {"mapping_id": self._post("controller", "/api/v1/service-classes/mappings", body)}
        if kind == "classifications":
            return {"classification_id": self._classified(number)}
        if kind == "cost-centres":
            return {"cost_centre_id": self._centre(number)}
        if kind == "api-keys":
            body = {"person_id": shared["person_id"], "label": f"Avain {number}"}
            return {"key_id": self._post("administrator", "/api/v1/api-keys", body)}
        body = PARTS.get(kind) or an_impact(shared["option_id"])  # type: ignore[arg-type]
        return {"part_id": self._post("preparer", f"/api/v1/assessments/{shared['assessment_id']}/{kind}", body)}

    def _centre(self, number: int) -> str:
        centre = {"code": f"K{number}", "name": {"fi": "Neuvola"}, "valid_from": "2020-01-01"}
        return self._post("controller", "/api/v1/cost-centres", centre)

    def _classified(self, number: int) -> str:
        body = {
            "cost_centre_id": self._centre(number),
            "impact_class": "direct",
            "from_year": 2025,
            "method": "full",
            "age_groups": ["0-6"],
            "reason": "Neuvola on pienten lasten palvelu.",
        }
        return self._post("controller", "/api/v1/classifications", body)
