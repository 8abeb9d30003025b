"""Nobody reaches what is not theirs: each operation × each role × own, other and no organisation.

The operations come from the app's routes. `EXPECTED` says of each who may do it and builds the state in which it works;
an operation that is missing there fails, and so does a row that is stale. Bodies are the examples of the description.
"""

import copy
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from fastapi import Depends, FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from sqlalchemy import func, literal, select, union_all
from sqlmodel import SQLModel, col

from app.access import actions as access
from app.access.models import Account, ApiKey, Role
from app.access.rules import PERMISSIONS, Caller, System, is_business_id, permissions_of
from app.access.sign_in import SignedIn
from app.assessments import actions as assessments
from app.assessments import parts
from app.assessments import queries as assessment_queries
from app.assessments.models import AssessmentState
from app.attachments.storage import LocalFolder
from app.budgeting import actions as budgeting
from app.budgeting import sums
from app.budgeting.models import BudgetLine, Ledger, LedgerSum, Phase
from app.clock import now
from app.conventions.route import router as router_of
from app.database import Database, Session
from app.decisions import queries as decision_queries
from app.decisions.models import Decision, DecisionState, Handling
from app.follow_up import actions as follow_ups
from app.follow_up import queries as follow_up_queries
from app.follow_up.models import FollowUpState
from app.jobs.models import Job
from app.main import create_app
from app.public_register.models import RegisterEntry
from app.services import actions as services
from app.services.models import Classification, CostCentre, Mapping, ServiceClass, Unit
from tests.conftest import SETTINGS, Postgresql, jobs_in_a_thread
from tests.county import (
    SCREENING_ANSWERS,
    Api,
    County,
    a_decision,
    a_decision_in,
    a_follow_up,
    an_assessment,
    an_attached_file,
    an_impact,
    founded,
    make_case_system,
    make_delivery,
    make_webhook,
)

PUBLIC = "nobody needs to sign in"
SIGNED_IN = "anybody who is signed in"
EVERYTHING = "every role"
A, D, F = AssessmentState, DecisionState, FollowUpState

MAY = {
    "organisation:read": "preparer expert presenter controller registrar auditor administrator integration",
    "organisation:write": "administrator",
    "people:read": "preparer expert presenter controller registrar auditor administrator",
    "people:write": "administrator",
    "api-keys:read": "administrator",
    "api-keys:write": "administrator",
    "journal:read": "auditor administrator",
    "services:read": "preparer expert presenter controller registrar auditor administrator integration",
    "services:write": "controller",
    "jobs:read": "preparer expert presenter controller registrar auditor administrator",
    "budget-lines:read": "preparer expert presenter controller registrar auditor administrator",
    "budget-lines:write": "controller",
    "child-budget:read": "preparer expert presenter controller registrar auditor administrator integration",
    "child-budget:publish": "controller",
    "decisions:read": "preparer expert presenter controller registrar auditor administrator integration",
    "decisions:write": "preparer presenter registrar integration",
    "decisions:present": "presenter",
    "decisions:override": "presenter",
    "decisions:handle": "presenter registrar integration",
    "cases:write": "integration",
    "case-systems:read": "preparer expert presenter controller registrar auditor administrator integration",
    "case-systems:write": "administrator",
    "assessments:read": "preparer expert presenter controller registrar auditor administrator integration",
    "assessments:write": "preparer expert",
    "assessments:comment": "preparer expert presenter controller",
    "assessments:review": "expert presenter",
    "assessments:publish": "expert registrar",
    "follow-ups:read": "preparer expert presenter controller registrar auditor administrator integration",
    "follow-ups:write": "preparer expert",
    "follow-ups:review": "expert presenter",
    "follow-ups:publish": "expert registrar",
    "forms:read": "preparer expert presenter controller registrar auditor administrator integration",
    "forms:write": "administrator",
    "events:read": "auditor administrator integration",
    "webhooks:read": "administrator integration",
    "webhooks:write": "administrator integration",
    SIGNED_IN: "preparer expert presenter controller registrar auditor administrator integration",
}
"""Which roles have a right, said a second time: whoever changes app/access/rules.py says so here too."""


# What the operations are


class Operation(NamedTuple):
    """One method at one address."""

    name: str
    method: str
    path: str

    @property
    def described(self) -> dict[str, Any]:
        """What the description says of it."""
        found: dict[str, Any] = DOCUMENT["paths"].get(self.path, {}).get(self.method.lower(), {})
        return found

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """Its parameters, wherever they are described."""
        return [resolved(parameter) for parameter in self.described.get("parameters", ())]

    @property
    def success(self) -> set[int]:
        """The statuses of a success that the description names."""
        return {int(status) for status in self.described["responses"] if status.startswith("2")}

    @property
    def needed(self) -> dict[str, Any]:
        """An example of every parameter of the query that it cannot do without."""
        wanted = [p for p in self.parameters if p["in"] == "query" and p["required"]]
        return {p["name"]: (p["schema"].get("examples") or resolved(p["schema"])["enum"])[0] for p in wanted}

    @property
    def ids(self) -> list[str]:
        """The names of the ids in its path."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


APP = create_app(SETTINGS, Database(f"sqlite:///{tempfile.gettempdir()}/lava-never-opened.db"))
DOCUMENT: dict[str, Any] = APP.openapi()
REGISTRY: Registry[Any] = Registry().with_resource("urn:lava", DRAFT202012.create_resource(DOCUMENT))
OPERATIONS = [
    Operation(str(route.name), method, str(route.path_format))
    for route in iter_route_contexts(APP.routes)
    for method in sorted(route.methods or ())
    if str(route.path_format).startswith(("/api/v1", "/public/v1"))
]
LISTS = [
    operation
    for operation in OPERATIONS
    if operation.name.startswith("list_") and operation.method == "GET" and not operation.ids
]


def resolved(described: dict[str, Any]) -> dict[str, Any]:
    """What is described, or what it refers to."""
    if "$ref" not in described:
        return described
    found: dict[str, Any] = DOCUMENT
    for step in described["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def body_schema(operation: Operation) -> tuple[str, dict[str, Any]] | None:
    """The media type and schema of an operation's body."""
    content = operation.described.get("requestBody", {}).get("content", {})
    for media_type, described in content.items():
        return media_type, {
            **resolved(described["schema"]),
            **({"examples": [described["example"]]} if "example" in described else {}),
        }
    return None


def references(schema: dict[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where a body holds ids: ("planned_changes", "0", "cost_centre_id") for one inside a list."""
    schema = resolved(schema)
    if schema.get("format") == "uuid":
        yield at
    for one in schema.get("anyOf", ()):
        yield from references(one, at)
    for name, value in schema.get("properties", {}).items():
        yield from references(value, (*at, name))
    if "items" in schema:
        yield from references(schema["items"], (*at, "0"))


REFERENCES = [
    pytest.param(operation, at, id=f"{operation.name}-{'/'.join(at)}")
    for operation in OPERATIONS
    if (found := body_schema(operation))
    for at in dict.fromkeys(references(found[1]))
]


# The states in which they work


@dataclass
class Given:
    """What an operation works on: the ids in its path, the version it changes, what its body must name."""

    path: dict[str, UUID] = field(default_factory=dict)
    version: int | None = None
    body: dict[str, Any] = field(default_factory=dict)
    own: dict[str, UUID] = field(default_factory=dict)


Arrangement = Callable[[Session, County], Given]
NUMBERS = itertools.count(1)


def a_case(session: Session, county: County) -> Given:
    """The case that the example of the parameters names."""
    a_decision(session, county, "HEL 2026-001216", source="ahjo")
    return Given()


def a_new_decision(session: Session, county: County) -> Decision:
    return a_decision(session, county, f"{next(NUMBERS)}/2026")


def nothing(session: Session, county: County) -> Given:
    return Given()


def the_organisation(session: Session, county: County) -> Given:
    return Given(version=1)


def decision_in(state: DecisionState, *, cleared: bool = False) -> Arrangement:
    def arrange(session: Session, county: County) -> Given:
        decision = a_new_decision(session, county)
        if cleared:
            an_assessment(session, county, A.APPROVED, decision)
        a_decision_in(session, county, state, decision)
        given = Given({"decision_id": decision.id}, decision.version)
        given.own["option"] = decision_queries.options(session, decision)[-1].id
        if decision.clearance:
            given.own["recommendation"] = UUID(decision.clearance["recommendations"][0]["id"])
        return given

    return arrange


def an_option(session: Session, county: County) -> Given:
    decision = a_new_decision(session, county)
    option = decision_queries.options(session, decision)[-1]
    return Given({"decision_id": decision.id, "option_id": option.id}, option.version)


def a_handling_of(session: Session, county: County) -> Given:
    given = decision_in(D.DECIDED, cleared=True)(session, county)
    handling = session.scalars(select(Handling).where(col(Handling.decision_id) == given.path["decision_id"])).one()
    given.path["handling_id"], given.version = handling.id, handling.version
    return given


def assessment_in(state: AssessmentState, outcome: str | None = None) -> Arrangement:
    def arrange(session: Session, county: County) -> Given:
        made = an_assessment(session, county, state, a_new_decision(session, county))
        if outcome is not None:
            screening = {"answers": SCREENING_ANSWERS, "outcome": outcome, "reason": "Koskee lapsia."}
            assessments.screen(session, made, screening, version=made.version, by=county["preparer"])
        return Given({"assessment_id": made.id}, made.version)

    return arrange


def a_part(kind: str) -> Arrangement:
    """A draft with one part more of a kind, which nothing rests on."""

    def arrange(session: Session, county: County) -> Given:
        by = county["preparer"]
        made = an_assessment(session, county, A.DRAFTING, a_new_decision(session, county))
        decision = decision_queries.get(session, made.decision_id, visible_to=by)
        option = decision_queries.options(session, decision)[-1]
        facts: dict[str, dict[str, Any]] = {
            "impacts": an_impact(option.id),
            "evidence": {"kind": "research", "title": "T", "source": "S", "finding": "F", "indicators": []},
            "hearings": {"party": "parents", "who": "W", "age_groups": [], "method": "survey", "views": "V"},
            "recommendations": {"kind": "change", "text": "T"},
        }
        facts["evidence"] |= {"up_to_date": True, "relevant": True, "wide_enough": True}
        facts["hearings"] |= {"feedback_given": False}
        made_parts = {name: parts.add(session, made, name, values, by=by) for name, values in facts.items()}
        part = made_parts[kind]
        own = {"option": option.id, "evidence": made_parts["evidence"].id}
        return Given({"assessment_id": made.id, "part_id": part.id}, part.version, {"option_id": str(option.id)}, own)

    return arrange


def an_attachment(session: Session, county: County) -> Given:
    made = an_assessment(session, county, A.DRAFTING, a_new_decision(session, county))
    row = an_attached_file(session, county, made, LocalFolder(SETTINGS.attachments_folder))
    return Given({"assessment_id": made.id, "attachment_id": row.id}, row.version)


def a_comment(session: Session, county: County) -> Given:
    given = assessment_in(A.DRAFTING)(session, county)
    by = county["expert"]
    assessment = assessment_queries.get(session, given.path["assessment_id"], visible_to=by)
    assessments.comment(session, assessment, "Tarkista.", None, by=by)
    return given


def a_form(session: Session, county: County) -> Given:
    form = assessment_queries.newest_form(session, county.id)
    assert form is not None
    return Given({"form_id": form.id}, own={"form": form.id})


def another_form(session: Session, county: County) -> Given:
    given, form = assessment_in(A.DRAFTING)(session, county), a_form(session, county).path["form_id"]
    return Given(given.path, given.version, {"form_id": str(form)}, {"form": form})


def follow_up_in(state: FollowUpState) -> Arrangement:
    def arrange(session: Session, county: County) -> Given:
        made = a_follow_up(session, county, state, a_new_decision(session, county))
        impact = follow_up_queries.predicted(session, made)[0]
        return Given({"follow_up_id": made.id, "impact_id": impact["id"]}, made.version)

    return arrange


def an_unintended_impact(session: Session, county: County) -> Given:
    by = county["preparer"]
    made = a_follow_up(session, county, F.DRAFTING, a_new_decision(session, county))
    facts = {"description": "D", "impact_class": "indirect", "direction": "mixed", "age_groups": [], "child_groups": []}
    row = follow_ups.add_unintended(session, made, facts, by=by)
    return Given({"follow_up_id": made.id, "unintended_id": row.id}, row.version)


def make_unit(session: Session, county: County, parent_id: UUID | None = None) -> Unit:
    facts: dict[str, Any] = {
        "code": f"U{next(NUMBERS)}",
        "name": {"fi": "Neuvolat"},
        "level": "unit",
        "parent_id": parent_id,
    }
    facts |= {"valid_from": date(2023, 1, 1), "valid_to": None}
    return services.add_unit(session, facts, by=county["controller"])


def make_cost_centre(session: Session, county: County) -> CostCentre:
    unit = make_unit(session, county)
    facts: dict[str, Any] = {"code": f"C{next(NUMBERS)}", "name": {"fi": "Neuvola"}, "unit_id": unit.id}
    facts |= {"valid_from": date(2023, 1, 1), "valid_to": None}
    return services.add_cost_centre(session, facts, by=county["controller"])


def make_service_class(session: Session, county: County) -> ServiceClass:
    code = str(next(NUMBERS))
    row = ServiceClass(organisation_id=county.id, scheme="kunta-aura", year=2026, code=code, name="Neuvola")
    session.add(row)
    session.flush()
    return row


def a_unit(session: Session, county: County) -> Given:
    row = make_unit(session, county, make_unit(session, county).id)
    return Given({"unit_id": row.id}, row.version)


def a_cost_centre(session: Session, county: County) -> Given:
    row = make_cost_centre(session, county)
    return Given({"cost_centre_id": row.id}, row.version, {"cost_centre_id": str(row.id)})


def a_service_class(session: Session, county: County) -> Given:
    row = make_service_class(session, county)
    return Given({"service_class_id": row.id}, row.version, {"service_class_id": str(row.id)})


def a_mapping(session: Session, county: County) -> Given:
    unit, service_class = make_unit(session, county), make_service_class(session, county)
    facts = {"kind": "unit", "task_class": None, "unit_id": unit.id, "service_class_id": service_class.id}
    row: Mapping = services.add_mapping(session, facts, by=county["controller"])
    return Given({"mapping_id": row.id}, row.version)


def a_classification(session: Session, county: County) -> Given:
    centre, service_class = make_cost_centre(session, county), make_service_class(session, county)
    facts: dict[str, Any] = {"cost_centre_id": centre.id, "service_class_id": service_class.id, "from_year": 2025}
    facts |= {"to_year": None, "impact_class": "direct", "method": "population_share", "reason": "R"}
    facts |= {"weights": None, "child_share_ppm": None, "age_groups": None}
    row: Classification = services.add_classification(session, facts, by=county["controller"])
    return Given({"classification_id": row.id}, row.version)


def a_cost_centre_to_classify(session: Session, county: County) -> Given:
    row = make_cost_centre(session, county)
    item = {"cost_centre_id": str(row.id), "from_year": 2026, "impact_class": "direct", "method": "population_share"}
    return Given(body={"items": [{**item, "reason": "R"}]}, own={"cost_centre": row.id})


def two_lists(session: Session, county: County) -> Given:
    for year in (2025, 2026):
        row = ServiceClass(organisation_id=county.id, scheme="kunta-aura", year=year, code="1", name="Neuvola")
        session.add(row)
        session.flush()
        if year == 2025:
            facts: dict[str, Any] = {"cost_centre_id": None, "service_class_id": row.id, "from_year": 2025}
            facts |= {"to_year": None, "impact_class": "direct", "method": "population_share", "reason": "R"}
            facts |= {"weights": None, "child_share_ppm": None, "age_groups": None}
            services.add_classification(session, facts, by=county["controller"])
    return Given()


def a_population(session: Session, county: County) -> Given:
    facts = {"year": 2020 + next(NUMBERS) % 5, "counts": [1, 2, 3, 4, 5], "source": "S"}
    row = services.add_population(session, facts, by=county["controller"])
    return Given({"population_id": row.id}, row.version)


def a_job(session: Session, county: County) -> Given:
    facts: dict[str, Any] = {
        "kind": "units",
        "dry_run": True,
        "parameters": {},
        "file_digest": "0" * 64,
        "file_bytes": 1,
    }
    row = Job(organisation_id=county.id, state="succeeded", ended_at=now(), **facts)
    session.add(row)
    session.flush()
    return Given({"job_id": row.id}, row.version)


def a_ledger(session: Session, county: County) -> Given:
    """A budget of one line, in force."""
    centre, service_class = make_cost_centre(session, county), make_service_class(session, county)
    source = f"source {next(NUMBERS)}"
    facts: dict[str, Any] = {"year": 2026, "phase": "budget", "source": source, "state": "current", "digest": "0" * 64}
    row = Ledger(organisation_id=county.id, **facts, parameters={}, account_ranges=[], lines=1, cents=100)
    session.add(row)
    session.flush()
    assert row.number is not None
    line: dict[str, Any] = {"ledger": row.number, "cell": 0, "cents": 100}
    session.add(BudgetLine(**line, line=1, account="4300"))
    parts: dict[str, Any] = {f"{name}_{place}": 0 for name in ("part", "prior") for place in range(5)}
    classes: dict[str, Any] = {"impact_class": "unclassified", "prior_impact_class": "unclassified"}
    of: dict[str, Any] = {"cost_centre_id": centre.id, "service_class_id": service_class.id, "flow": "cost", "lines": 1}
    session.add(LedgerSum(**line, **of, **parts, **classes))
    session.flush()
    sums.add_up(session, [row.number])
    return Given({"ledger_id": row.id})


def no_account_ranges(session: Session, county: County) -> Given:
    return Given(version=0)


def a_publication(session: Session, county: County) -> Given:
    ledger = session.scalars(select(Ledger).where(col(Ledger.id) == a_ledger(session, county).path["ledger_id"])).one()
    ledger.year = 2000 + next(NUMBERS) % 100
    session.flush()
    row = budgeting.publish(session, ledger.year, Phase.BUDGET, by=county["controller"])
    return Given({"publication_id": row.id}, row.edition)


def make_person(session: Session, county: County, **facts: Any) -> Account:
    values = {"kind": "person", "name": f"Henkilö {next(NUMBERS)}", "roles": ["preparer"], "active": True, **facts}
    return access.add_person(session, values, by=System(county.id))


def make_key(session: Session, county: County, account: Account, scopes: list[str] | None = None) -> tuple[ApiKey, str]:
    return access.issue_key(session, account, "avain", 30, scopes, by=System(county.id))


def a_person(session: Session, county: County) -> Given:
    row = make_person(session, county)
    return Given({"person_id": row.id}, row.version, {"person_id": str(row.id), "label": "Asianhallinta"})


def a_key(session: Session, county: County) -> Given:
    row, _ = make_key(session, county, make_person(session, county))
    return Given({"key_id": row.id}, row.version)


def a_published_document(session: Session, county: County) -> Given:
    assessment = an_assessment(session, county, A.PUBLISHED, a_new_decision(session, county))
    entry = session.scalars(select(RegisterEntry).where(col(RegisterEntry.object_id) == assessment.id)).one()
    return Given({"entry_id": entry.id})


def a_webhook(session: Session, county: County) -> Given:
    row = make_webhook(session, county)
    return Given({"webhook_id": row.id}, row.version)


def a_case_system(session: Session, county: County) -> Given:
    row = make_case_system(session, county, f"system-{next(NUMBERS)}")
    return Given({"system_id": row.id}, row.version, own={"person": county["integration"].id})


def a_machine(session: Session, county: County) -> Given:
    machine = county["integration"].id
    body = {"person_id": str(machine), "source": f"system-{next(NUMBERS)}"}
    return Given(body=body, own={"person": machine})


def a_dead_delivery(session: Session, county: County) -> Given:
    row = make_webhook(session, county)
    found = make_delivery(session, row, "dead")
    return Given({"webhook_id": row.id, "delivery_id": found.id})


EXPECTED: dict[str, tuple[str, Arrangement]] = {
    "list_decisions": ("decisions:read", decision_in(D.DRAFT)),
    "register_decision": ("decisions:write", nothing),
    "read_decision": ("decisions:read", decision_in(D.DECIDED, cleared=True)),
    "change_decision": ("decisions:write", decision_in(D.DRAFT)),
    "set_decision_scope": ("decisions:write", decision_in(D.DRAFT)),
    "set_decision_documents": ("decisions:write", decision_in(D.DRAFT)),
    "renew_early_hint": ("decisions:write", decision_in(D.DRAFT)),
    "read_budget_effect": ("decisions:read", decision_in(D.DRAFT)),
    "read_cumulative_effect": ("decisions:read", decision_in(D.DECIDED, cleared=True)),
    "add_option": ("decisions:write", decision_in(D.DRAFT)),
    "read_option": ("decisions:read", an_option),
    "change_option": ("decisions:write", an_option),
    "remove_option": ("decisions:write", an_option),
    "prepare_decision": ("decisions:write", decision_in(D.DRAFT)),
    "present_decision": ("decisions:present", decision_in(D.IN_PREPARATION)),
    "withdraw_decision": ("decisions:write", decision_in(D.IN_PREPARATION)),
    "reopen_decision": ("decisions:handle", decision_in(D.DECIDED)),
    "implement_decision": ("decisions:handle", decision_in(D.DECIDED)),
    "close_decision": ("decisions:handle", decision_in(D.IMPLEMENTING)),
    "list_handlings": ("decisions:read", decision_in(D.DECIDED)),
    "record_handling": ("decisions:handle", decision_in(D.PRESENTED, cleared=True)),
    "read_handling": ("decisions:read", a_handling_of),
    "answer_recommendations": ("decisions:handle", a_handling_of),
    "read_case": ("decisions:read", a_case),
    "tell_case": ("cases:write", nothing),
    "tell_cases": ("cases:write", nothing),
    "list_assessments": ("assessments:read", assessment_in(A.DRAFTING)),
    "start_assessment": ("assessments:write", decision_in(D.DRAFT)),
    "read_assessment": ("assessments:read", assessment_in(A.PUBLISHED)),
    "change_assessment": ("assessments:write", assessment_in(A.DRAFTING)),
    "answer_screening": ("assessments:write", assessment_in(A.SCREENING)),
    "draft_assessment": ("assessments:write", assessment_in(A.SCREENING, "needed")),
    "sign_not_needed": ("assessments:review", assessment_in(A.SCREENING, "not_needed")),
    "submit_assessment": ("assessments:write", assessment_in(A.DRAFTING)),
    "return_assessment": ("assessments:review", assessment_in(A.IN_REVIEW)),
    "approve_assessment": ("assessments:review", assessment_in(A.IN_REVIEW)),
    "publish_assessment": ("assessments:publish", assessment_in(A.APPROVED)),
    "withdraw_assessment": ("assessments:write", assessment_in(A.DRAFTING)),
    "make_new_edition": ("assessments:write", assessment_in(A.PUBLISHED)),
    "upgrade_form": ("assessments:write", another_form),
    "check_quality": ("assessments:read", assessment_in(A.DRAFTING)),
    "list_assessment_seals": ("assessments:read", assessment_in(A.APPROVED)),
    "read_statement": ("assessments:read", assessment_in(A.APPROVED)),
    "list_comments": ("assessments:read", a_comment),
    "add_comment": ("assessments:comment", assessment_in(A.DRAFTING)),
    "list_impacts": ("assessments:read", a_part("impacts")),
    "add_impact": ("assessments:write", a_part("impacts")),
    "read_impact": ("assessments:read", a_part("impacts")),
    "change_impact": ("assessments:write", a_part("impacts")),
    "remove_impact": ("assessments:write", a_part("impacts")),
    "list_evidence": ("assessments:read", a_part("evidence")),
    "add_evidence": ("assessments:write", a_part("evidence")),
    "read_evidence": ("assessments:read", a_part("evidence")),
    "change_evidence": ("assessments:write", a_part("evidence")),
    "remove_evidence": ("assessments:write", a_part("evidence")),
    "list_hearings": ("assessments:read", a_part("hearings")),
    "add_hearing": ("assessments:write", a_part("hearings")),
    "read_hearing": ("assessments:read", a_part("hearings")),
    "change_hearing": ("assessments:write", a_part("hearings")),
    "remove_hearing": ("assessments:write", a_part("hearings")),
    "list_recommendations": ("assessments:read", a_part("recommendations")),
    "add_recommendation": ("assessments:write", a_part("recommendations")),
    "read_recommendation": ("assessments:read", a_part("recommendations")),
    "change_recommendation": ("assessments:write", a_part("recommendations")),
    "remove_recommendation": ("assessments:write", a_part("recommendations")),
    "list_attachments": ("assessments:read", an_attachment),
    "add_attachment_link": ("assessments:write", assessment_in(A.DRAFTING)),
    "upload_attachment": ("assessments:write", assessment_in(A.DRAFTING)),
    "read_attachment": ("assessments:read", an_attachment),
    "read_attachment_content": ("assessments:read", an_attachment),
    "remove_attachment": ("assessments:write", an_attachment),
    "list_forms": ("forms:read", a_form),
    "add_form": ("forms:write", nothing),
    "read_form": ("forms:read", a_form),
    "list_follow_ups": ("follow-ups:read", follow_up_in(F.DRAFTING)),
    "list_follow_up_schedule": ("follow-ups:read", follow_up_in(F.DRAFTING)),
    "open_follow_up": ("follow-ups:write", decision_in(D.DECIDED, cleared=True)),
    "read_follow_up": ("follow-ups:read", an_unintended_impact),
    "change_follow_up": ("follow-ups:write", follow_up_in(F.DRAFTING)),
    "tell_outcome": ("follow-ups:write", follow_up_in(F.DRAFTING)),
    "add_unintended_impact": ("follow-ups:write", follow_up_in(F.DRAFTING)),
    "read_unintended_impact": ("follow-ups:read", an_unintended_impact),
    "remove_unintended_impact": ("follow-ups:write", an_unintended_impact),
    "compare_follow_up": ("follow-ups:read", an_unintended_impact),
    "list_follow_up_seals": ("follow-ups:read", follow_up_in(F.APPROVED)),
    "submit_follow_up": ("follow-ups:write", follow_up_in(F.DRAFTING)),
    "return_follow_up": ("follow-ups:review", follow_up_in(F.IN_REVIEW)),
    "approve_follow_up": ("follow-ups:review", follow_up_in(F.IN_REVIEW)),
    "publish_follow_up": ("follow-ups:publish", follow_up_in(F.APPROVED)),
    "list_units": ("services:read", a_unit),
    "add_unit": ("services:write", nothing),
    "read_unit": ("services:read", a_unit),
    "change_unit": ("services:write", a_unit),
    "list_cost_centres": ("services:read", a_cost_centre),
    "add_cost_centre": ("services:write", nothing),
    "read_cost_centre": ("services:read", a_cost_centre),
    "change_cost_centre": ("services:write", a_cost_centre),
    "list_service_classes": ("services:read", a_service_class),
    "import_service_classes": ("services:write", nothing),
    "read_service_class": ("services:read", a_service_class),
    "list_service_class_mappings": ("services:read", a_mapping),
    "add_service_class_mapping": ("services:write", a_service_class),
    "read_service_class_mapping": ("services:read", a_mapping),
    "remove_service_class_mapping": ("services:write", a_mapping),
    "list_classifications": ("services:read", a_classification),
    "add_classification": ("services:write", a_cost_centre),
    "read_classification": ("services:read", a_classification),
    "change_classification": ("services:write", a_classification),
    "remove_classification": ("services:write", a_classification),
    "read_classification_history": ("services:read", a_classification),
    "add_classifications": ("services:write", a_cost_centre_to_classify),
    "carry_classifications_forward": ("services:write", two_lists),
    "import_units": ("services:write", nothing),
    "import_cost_centres": ("services:write", nothing),
    "import_classifications": ("services:write", nothing),
    "import_populations": ("services:write", nothing),
    "list_populations": ("services:read", a_population),
    "add_population": ("services:write", nothing),
    "read_population": ("services:read", a_population),
    "change_population": ("services:write", a_population),
    "remove_population": ("services:write", a_population),
    "list_jobs": ("jobs:read", a_job),
    "read_job": ("jobs:read", a_job),
    "import_budget_lines": ("budget-lines:write", nothing),
    "list_budget_lines": ("budget-lines:read", a_ledger),
    "list_ledgers": ("budget-lines:read", a_ledger),
    "remove_ledger": ("budget-lines:write", a_ledger),
    "read_account_ranges": ("budget-lines:read", nothing),
    "set_account_ranges": ("budget-lines:write", no_account_ranges),
    "read_child_budget": ("child-budget:read", a_ledger),
    "read_child_budget_plot": ("child-budget:read", a_ledger),
    "list_unclassified": ("child-budget:read", a_ledger),
    "preview_classifications": ("services:write", a_cost_centre_to_classify),
    "list_publications": ("child-budget:read", a_publication),
    "publish_child_budget": ("child-budget:publish", a_ledger),
    "read_publication": ("child-budget:read", a_publication),
    "withdraw_publication": ("child-budget:publish", a_publication),
    "list_published_budgets": (PUBLIC, a_publication),
    "read_published_budget": (PUBLIC, a_publication),
    "read_organisation": ("organisation:read", nothing),
    "change_organisation": ("organisation:write", the_organisation),
    "set_child_groups": ("organisation:write", the_organisation),
    "set_excluded_task_classes": ("organisation:write", the_organisation),
    "list_people": ("people:read", a_person),
    "add_person": ("people:write", nothing),
    "read_me": (SIGNED_IN, nothing),
    "read_person": ("people:read", a_person),
    "change_person": ("people:write", a_person),
    "list_api_keys": ("api-keys:read", a_key),
    "issue_api_key": ("api-keys:write", a_person),
    "read_api_key": ("api-keys:read", a_key),
    "revoke_api_key": ("api-keys:write", a_key),
    "read_vocabulary": ("organisation:read", nothing),
    "list_journal": ("journal:read", decision_in(D.DRAFT)),
    "read_events": ("events:read", decision_in(D.DRAFT)),
    "list_case_systems": ("case-systems:read", a_case_system),
    "add_case_system": ("case-systems:write", a_machine),
    "read_case_system": ("case-systems:read", a_case_system),
    "change_case_system": ("case-systems:write", a_case_system),
    "remove_case_system": ("case-systems:write", a_case_system),
    "read_case_system_state": ("case-systems:read", a_case_system),
    "start_pull": ("case-systems:write", a_case_system),
    "record_callback": ("cases:write", a_case_system),
    "list_set_aside": ("case-systems:read", a_case_system),
    "list_webhooks": ("webhooks:read", a_webhook),
    "add_webhook": ("webhooks:write", nothing),
    "read_webhook": ("webhooks:read", a_webhook),
    "change_webhook": ("webhooks:write", a_webhook),
    "remove_webhook": ("webhooks:write", a_webhook),
    "rotate_secret": ("webhooks:write", a_webhook),
    "test_webhook": ("webhooks:write", a_webhook),
    "read_webhook_state": ("webhooks:read", a_webhook),
    "list_deliveries": ("webhooks:read", a_dead_delivery),
    "read_delivery": ("webhooks:read", a_dead_delivery),
    "replay_delivery": ("webhooks:write", a_dead_delivery),
    "replay_dead_deliveries": ("webhooks:write", a_dead_delivery),
    "list_published": (PUBLIC, a_published_document),
    "read_published": (PUBLIC, a_published_document),
}

CHANGES_NOTHING = {"preview_classifications"}
"""What is sent as a POST because of its body, and keeps nothing."""

REFERS_TO = {
    "unit_id": "unit",
    "parent_id": "unit",
    "preparer_id": "person",
    "person_id": "person",
    "cost_centre_id": "cost_centre",
    "cost_centre_ids": "cost_centre",
    "service_class_id": "service_class",
    "service_class_ids": "service_class",
    "form_id": "form",
    "option_id": "option",
    "evidence_ids": "evidence",
    "recommendation_id": "recommendation",
}
"""What an id in a body is of, by the name of its field."""

BESIDE: dict[str, dict[str, Any]] = {
    "cost_centre_id": {"year": 2027, "amount": {"cents": -12_500_000}},
    "recommendation_id": {"answer": "followed"},
}
"""What stands beside an id in an item of a list."""

BODY_FOR: dict[tuple[str, str], dict[str, Any]] = {
    ("record_handling", "recommendation_id"): {"outcome": "decided"},
    ("record_handling", "option_id"): {"outcome": "decided"},
    ("add_service_class_mapping", "unit_id"): {"kind": "unit", "task_class": None},
}
"""What else of the example must be otherwise where a reference is given."""


# The service on a database, for many counties


class World:
    """One database with the service on it. Each test makes counties of its own in it."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, connections=4)
        app = create_app(SETTINGS, Database(url, connections=4, on_loop=True))
        app.state.jobs = jobs_in_a_thread()
        self.client = TestClient(app, raise_server_exceptions=False)
        self.made = itertools.count(1)
        counted = [
            select(
                literal(table.name).label("name"),
                func.count(),
                func.coalesce(func.sum(table.c.version), 0) if "version" in table.c else func.count(),
            ).select_from(table)
            for table in SQLModel.metadata.sorted_tables
        ]
        self.counts = union_all(*counted).order_by("name")  # without it a database may give them in any order

    def a_county(self) -> County:
        """A new organisation with a caller for each role, and one with every role."""
        number = f"{next(self.made):07}"
        business_id = next((f"{number}-{check}" for check in range(10) if is_business_id(f"{number}-{check}")), None)
        if business_id is None:
            return self.a_county()
        county = founded(self.database, f"Alue {number}", business_id)
        every = tuple(role.value for role in Role)
        with self.database.transaction() as session:
            account = make_person(session, county, roles=list(every))
            _, county.keys[EVERYTHING] = make_key(session, county, account)
        county.callers[EVERYTHING] = Caller(account.id, account.name, county.id, every, permissions_of(every))
        return county

    def arrange(self, county: County, operation: Operation) -> Given:
        """The state in which the operation works."""
        with self.database.transaction() as session:
            return EXPECTED[operation.name][1](session, county)

    def everything_counted(self) -> list[tuple[int, int]]:
        """How many rows each table has and the sum of their versions: what is changed changes this, or the journal."""
        with self.database.transaction(writes=False) as session:
            return [(row[1], int(row[2])) for row in session.execute(self.counts)]

    def call(self, operation: Operation, given: Given, key: str | None, **query: str) -> Any:
        """The operation on what was given, with the example of its body."""
        return self.send(operation, given, key, body_of(operation, given), **query)

    def send(self, operation: Operation, given: Given, key: str | None, body: Any, **query: str) -> Any:
        """The operation on what was given, with a body."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if "If-Match" in {parameter["name"] for parameter in operation.parameters}:
            assert given.version is not None, "the operation names a version: arrange one"
            headers["If-Match"] = f'"{given.version}"'
        sent: dict[str, Any] = {}
        found = body_schema(operation)
        if found:
            headers["Content-Type"] = found[0]
            sent = {"content": body} if isinstance(body, str) else {"json": body}
        path = operation.path.format(**given.path)
        asked = {**operation.needed, **query}
        answer = self.client.request(operation.method, path, headers=headers, params=asked, **sent)
        if answer.status_code == 202 and "location" in answer.headers:  # a job
            self.wait_for(answer.json()["id"])
        return answer

    def wait_for(self, job_id: str) -> None:
        """Wait until a job has ended, so that it changes nothing under what is tested next."""
        for _ in range(500):
            with self.database.transaction(writes=False) as session:
                if session.get_one(Job, UUID(job_id)).ended_at is not None:
                    return
            time.sleep(0.02)
        raise AssertionError("the job does not end")


def body_of(operation: Operation, given: Given) -> Any:
    """The example of the description, with the ids of what was given in it."""
    found = body_schema(operation)
    if found is None:
        return None
    (example, *_) = found[1].get("examples") or [{}]
    if isinstance(example, str):
        return example
    fields = resolved(found[1]).get("properties", {})
    named = {
        name: value for name, value in given.body.items() if name in example or name in found[1].get("required", ())
    }
    assert set(named) <= set(fields)
    return {**copy.deepcopy(example), **named}


def check(operation: Operation, answer: Any) -> None:
    """The answer is what the description says of its status."""
    status, media_type = str(answer.status_code), answer.headers.get("content-type")
    described = operation.described["responses"].get(status)
    assert described, f"{operation.name} answers {status}, which is not described: {answer.text}"
    steps = ("paths", operation.path, operation.method.lower(), "responses", status)
    at = described.get("$ref", "#" + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps))
    if "content" not in resolved(described):
        assert answer.content == b""
        return
    assert media_type in resolved(described)["content"]
    if not media_type.endswith("json"):
        assert answer.content
        return
    pointer = f"urn:lava{at}/content/{media_type.replace('/', '~1')}/schema"
    validator = Draft202012Validator(
        {"$ref": pointer}, registry=REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    faults = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer.json())]
    assert not faults, faults


def problem_of(answer: Any) -> tuple[int, str]:
    """Status and kind of a problem."""
    return answer.status_code, answer.json()["type"].removeprefix("urn:lava:problem:")


@pytest.fixture(scope="module")
def worlds(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], World]]:
    """A world of each kind, made when it is first asked for; random order would make fixtures with parameters anew."""
    made: dict[str, World] = {}
    with ExitStack() as stack:

        def world_on(kind: str) -> World:
            if kind not in made:
                if kind == "sqlite":
                    path = tmp_path_factory.mktemp("world") / "lava.db"
                    path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
                    url = f"sqlite:///{path}"
                else:
                    server: Postgresql = request.getfixturevalue("postgresql")
                    url = server.fresh()
                    stack.callback(server.drop, url)
                made[kind] = World(url)
                stack.callback(made[kind].database.engine.dispose)
                stack.enter_context(made[kind].client)
            return made[kind]

        yield world_on


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, worlds: Callable[[str], World]) -> World:
    return worlds(request.param)


# The tests


def test_every_operation_is_expected_and_every_expectation_is_an_operation() -> None:
    assert sorted(operation.name for operation in OPERATIONS) == sorted(EXPECTED)
    described = [operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert sorted(described) == sorted(EXPECTED)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_body_is_described_by_an_example(operation: Operation) -> None:
    """The examples are executed below: what is described works."""
    described = body_schema(operation)
    assert described is None or described[1].get("examples")


def test_roles_have_the_rights_that_are_said_here() -> None:
    assert set(MAY) == {*PERMISSIONS, SIGNED_IN}
    assert {permission for permission, _ in EXPECTED.values()} <= {*MAY, PUBLIC}
    for permission in PERMISSIONS:
        having = {role.value for role in Role if permission in permissions_of((role.value,))}
        assert having == set(MAY[permission].split()), permission


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_is_done_by_those_who_may_and_nobody_else(world: World, operation: Operation) -> None:
    permission, _ = EXPECTED[operation.name]
    county = world.a_county()
    given = world.arrange(county, operation)
    if permission == PUBLIC:
        assert "security" not in operation.described
        answer = world.call(operation, given, None)
        assert answer.status_code == 200
        check(operation, answer)
        return
    neighbour = world.a_county()
    before = world.everything_counted()

    unknown = world.call(operation, given, None)
    assert problem_of(unknown) == (401, "not_signed_in")
    assert unknown.headers["www-authenticate"].startswith("Bearer")
    check(operation, unknown)

    may = MAY[permission].split()
    for role in Role:
        if role not in may:
            refused = world.call(operation, given, county.keys[role])
            assert problem_of(refused) == (403, "not_allowed"), role
            check(operation, refused)

    if operation.ids:
        other = world.call(operation, given, neighbour.keys[EVERYTHING])
        assert problem_of(other) == (404, "not_found")
        check(operation, other)

    assert world.everything_counted() == before, "a call that was refused has changed something"

    for index, allowed in enumerate(may):
        if index and operation.method != "GET":
            county = world.a_county()
            given = world.arrange(county, operation)
        done = world.call(operation, given, county.keys[allowed])  # with the version from before the refusals
        assert done.status_code in operation.success, (allowed, done.text)
        check(operation, done)
        if done.status_code == 201 and "location" in done.headers:
            said = {"Authorization": f"Bearer {county.keys[EVERYTHING]}"}
            made = world.client.get(done.headers["location"], headers=said)
            assert (made.status_code, made.headers["etag"]) == (200, done.headers["etag"])
    if operation.method != "GET" and operation.name not in CHANGES_NOTHING:
        assert world.everything_counted() != before


@pytest.mark.parametrize(
    "operation", [operation for operation in OPERATIONS if len(operation.ids) > 1], ids=lambda operation: operation.name
)
def test_a_part_is_reached_only_through_the_whole_that_it_is_of(world: World, operation: Operation) -> None:
    county, neighbour = world.a_county(), world.a_county()
    given, another = world.arrange(county, operation), world.arrange(county, operation)
    others = world.arrange(neighbour, operation)
    last = operation.ids[-1]
    before = world.everything_counted()
    for own, foreign, key in (
        (given, another, county.keys[EVERYTHING]),
        (given, others, county.keys[EVERYTHING]),
        (others, given, neighbour.keys[EVERYTHING]),
    ):
        mixed = Given({**own.path, last: foreign.path[last]}, foreign.version, own.body)
        assert problem_of(world.call(operation, mixed, key)) == (404, "not_found")
    assert world.everything_counted() == before


def referred(session: Session, county: County, given: Given, kind: str) -> UUID:
    """Something of the county that a body may name."""
    if kind in given.own:
        return given.own[kind]
    make: dict[str, Callable[[Session, County], Any]] = {
        "unit": make_unit,
        "cost_centre": make_cost_centre,
        "service_class": make_service_class,
        "person": make_person,
    }
    if kind == "form":
        return a_form(session, county).path["form_id"]
    found: UUID = make[kind](session, county).id
    return found


def naming(body: dict[str, Any], at: tuple[str, ...], named: UUID) -> dict[str, Any]:
    """The body with an id in its place."""
    match at:
        case (name,):
            return {**body, name: str(named)}
        case (name, "0"):
            return {**body, name: [str(named)]}
        case (name, "0", inner):
            return {**body, name: [{**(body.get(name) or [BESIDE[inner]])[0], inner: str(named)}]}
    raise AssertionError(at)


@pytest.mark.parametrize(("operation", "at"), REFERENCES)
def test_a_body_names_only_what_is_its_organisations_own(
    world: World, operation: Operation, at: tuple[str, ...]
) -> None:
    county, neighbour = world.a_county(), world.a_county()
    given = world.arrange(county, operation)
    name = [step for step in at if step != "0"][-1]
    kind = REFERS_TO[name]
    with world.database.transaction() as session:
        own = referred(session, county, given, kind)
        foreign = [referred(session, neighbour, EXPECTED[operation.name][1](session, neighbour), kind)]
        if kind in {"option", "evidence", "recommendation"}:  # these are of one decision or assessment
            foreign.append(referred(session, county, EXPECTED[operation.name][1](session, county), kind))
    before = world.everything_counted()
    body = {**body_of(operation, given), **BODY_FOR.get((operation.name, name), {})}
    key = county.keys[EVERYTHING]
    for stranger in (*foreign, UUID("00000000-0000-7000-8000-000000000001")):
        refused = world.send(operation, given, key, naming(body, at, stranger))
        check(operation, refused)
        if refused.status_code != 404:
            assert problem_of(refused) == (422, "invalid"), refused.text
            assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/" + "/".join(at)]
    assert world.everything_counted() == before
    done = world.send(operation, given, key, naming(body, at, own))
    assert done.status_code in operation.success, done.text


def ids_in(items: list[dict[str, Any]]) -> set[str]:
    names = ("id", "hash", "ledger_id", "cost_centre_id")
    return {next(str(item[name]) for name in names if name in item) for item in items}


@pytest.mark.parametrize("operation", LISTS, ids=lambda operation: operation.name)
def test_a_list_shows_only_the_organisations_own(world: World, operation: Operation) -> None:
    if EXPECTED[operation.name][0] == PUBLIC:
        return
    county, neighbour = world.a_county(), world.a_county()
    for somebody in (county, neighbour):
        world.arrange(somebody, operation)
        world.arrange(somebody, operation)

    def listed(whose: County, **query: str) -> Any:
        answer = world.call(operation, Given(), whose.keys[EVERYTHING], **query)
        assert answer.status_code == 200, answer.text
        check(operation, answer)
        return answer.json()

    own, others = listed(county, limit="200"), listed(neighbour, limit="200")
    assert own["next"] is None
    assert own["items"]
    assert others["items"]
    assert not ids_in(own["items"]) & ids_in(others["items"])

    for parameter in operation.parameters:
        kinds = [parameter["schema"], *parameter["schema"].get("anyOf", ())]
        if parameter["in"] == "query" and any(kind.get("format") == "uuid" for kind in kinds):
            name = parameter["name"]
            values = {item[name] for item in others["items"] if item[name] is not None}
            assert values, f"arrange rows of {operation.name} with {name}"
            for value in values:
                assert listed(neighbour, **{name: value})["items"]
                assert listed(county, **{name: value})["items"] == []

    if operation.name != "list_forms":  # one form each
        cursor = listed(neighbour, limit="1")["next"].partition("cursor=")[2]
        assert ids_in(listed(county, cursor=cursor)["items"]) <= ids_in(own["items"])


def test_what_is_the_callers_own_is_found_without_an_id(world: World) -> None:
    county, neighbour = world.a_county(), world.a_county()
    for somebody in (county, neighbour):
        headers = {"Authorization": f"Bearer {somebody.keys['auditor']}"}
        assert world.client.get("/api/v1/organisation", headers=headers).json()["id"] == str(somebody.id)
        me = world.client.get("/api/v1/people/me", headers=headers).json()
        assert (me["id"], me["organisation_id"]) == (str(somebody["auditor"].id), str(somebody.id))
        assert set(me["permissions"]) == somebody["auditor"].permissions


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic bGF2YTpsYXZh", "lava_x", "Bearer lava_unknown"])
def test_what_is_no_key_signs_nobody_in(world: World, header: str) -> None:
    answer = world.client.get("/api/v1/people/me", headers={"Authorization": header})
    assert problem_of(answer) == (401, "not_signed_in")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("end", ["expired", "revoked", "inactive"])
def test_a_key_that_has_ended_signs_nobody_in(world: World, end: str) -> None:
    county = world.a_county()
    with world.database.transaction() as session:
        account = make_person(session, county, roles=["administrator"])
        row, key = make_key(session, county, account)
    headers = {"Authorization": f"Bearer {key}"}
    assert world.client.get("/api/v1/people/me", headers=headers).status_code == 200
    with world.database.transaction() as session:
        kept, person = session.get_one(ApiKey, row.id), session.get_one(Account, account.id)
        if end == "expired":
            kept.expires_at = now() - timedelta(seconds=1)
        elif end == "revoked":
            access.revoke_key(session, kept, version=1, by=county["administrator"])
        else:
            access.change_person(session, person, {"active": False}, version=1, by=county["administrator"])
    before = world.everything_counted()
    for method, path in (("GET", "/api/v1/people/me"), ("POST", "/api/v1/units")):
        answer = world.client.request(method, path, headers=headers, json={} if method == "POST" else None)
        assert problem_of(answer) == (401, "not_signed_in")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert world.everything_counted() == before


def test_roles_taken_away_are_gone_at_the_next_call(world: World) -> None:
    county = world.a_county()
    with world.database.transaction() as session:
        account = make_person(session, county, roles=["administrator"])
        _, key = make_key(session, county, account)
    headers = {"Authorization": f"Bearer {key}"}
    assert world.client.get("/api/v1/journal", headers=headers).status_code == 200
    with world.database.transaction() as session:
        person = session.get_one(Account, account.id)
        access.change_person(session, person, {"roles": ["preparer"]}, version=1, by=county["administrator"])
    assert problem_of(world.client.get("/api/v1/journal", headers=headers)) == (403, "not_allowed")


def test_a_key_does_no_more_than_its_scopes_and_no_more_than_its_roles(world: World) -> None:
    county = world.a_county()
    with world.database.transaction() as session:
        account = make_person(session, county, roles=["controller"])
        _, key = make_key(session, county, account, ["services:read", "journal:read"])
    headers = {"Authorization": f"Bearer {key}"}
    unit = {"code": "A", "name": {"fi": "A"}, "level": "unit", "valid_from": "2023-01-01"}
    assert world.client.get("/api/v1/units", headers=headers).status_code == 200
    for answer in (
        world.client.post("/api/v1/units", json=unit, headers=headers),
        world.client.get("/api/v1/decisions", headers=headers),
        world.client.get("/api/v1/journal", headers=headers),
    ):
        assert problem_of(answer) == (403, "not_allowed")
    assert set(world.client.get("/api/v1/people/me", headers=headers).json()["permissions"]) == {"services:read"}


# The caller of a dependency


def test_a_dependency_gets_the_caller_of_its_endpoint_and_never_one_of_the_request(
    api: Api, the_app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = router_of("probes", "Probes")

    async def who(caller: SignedIn) -> Caller:
        return caller

    @router.post("/signed-in")
    def with_caller(caller: SignedIn, same: Annotated[Caller, Depends(who)]) -> Any:
        return {"same": same is caller}

    @router.post("/forgotten")
    def without_caller(same: Annotated[Caller, Depends(who)]) -> Any:
        return {"id": str(same.id)}

    monkeypatch.setattr(the_app.router, "routes", [*the_app.router.routes, *router.routes])
    path, made_up = "/api/v1/probes", {"id": str(uuid4()), "name": "A", "roles": ["administrator"]}
    assert api.send("preparer", "POST", f"{path}/signed-in", made_up).json() == {"same": True}
    assert api.send(None, "POST", f"{path}/signed-in", made_up).status_code == 401
    assert api.send("preparer", "POST", f"{path}/forgotten", made_up).status_code == 500
