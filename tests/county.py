"""Builders that speak the domain: a county with its people, a decision, an assessment in any state."""

import hashlib
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi.testclient import TestClient
from pydantic_core import to_json

from app.access import actions as access
from app.access.models import Role
from app.access.rules import Caller, System, permissions_of
from app.assessments import actions as assessments
from app.assessments import attachments, parts
from app.assessments.models import Assessment, AssessmentState, Attachment
from app.assessments.schemas import AssessmentStart
from app.attachments.storage import Storage, new_key
from app.budgeting import actions as budgeting
from app.case_management import systems as case_systems
from app.case_management.models import CaseSystem, SetAside
from app.clock import now, today
from app.conventions.schemas import values_of
from app.database import Database, Session
from app.decisions import actions as decisions
from app.decisions import handling
from app.decisions import queries as decision_queries
from app.decisions.models import Decision, DecisionState
from app.decisions.schemas import DecisionNew
from app.demo.county import found
from app.events import actions as webhooks
from app.events import queries as feed
from app.events.models import Delivery, Webhook
from app.events.rules import START, event
from app.follow_up import actions as follow_ups
from app.follow_up import queries as follow_up_queries
from app.follow_up.models import FollowUp, FollowUpState
from app.jobs import actions as jobs
from app.jobs.models import Job, JobKind
from app.main import IMPORTS
from app.services import actions as services

SCREENING_ANSWERS = {
    "touches_children": "yes",
    "touches_families": "yes",
    "changes_service": "yes",
    "vulnerable_groups": "unsure",
    "long_term": "yes",
    "other_impacts": "no",
}


@dataclass
class County:
    """An organisation and, for each role, a caller and a key."""

    id: UUID
    callers: dict[str, Caller] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, role: str) -> Caller:
        return self.callers[role]


def founded(database: Database, name: str, business_id: str) -> County:
    """An organisation with a person (or machine) for each role, and one key each."""
    with database.transaction() as session:
        organisation = found(session, business_id, {"fi": name})
        county = County(organisation.id)
        by = System(organisation.id)
        for role in Role:
            kind = "machine" if role is Role.INTEGRATION else "person"
            values = {"kind": kind, "name": f"{role} {name}", "roles": [role.value], "active": True}
            account = access.add_person(session, values, by=by)
            _, county.keys[role] = access.issue_key(session, account, "test", 30, None, by=by)
            county.callers[role] = Caller(
                account.id, account.name, organisation.id, (role.value,), permissions_of((role.value,))
            )
    return county


def a_decision(session: Session, county: County, diary_number: str = "1/2026", **facts: Any) -> Decision:
    """A registered decision with VE0 and VE1."""
    body = {
        "diary_number": diary_number,
        "title": {"fi": "Neuvolan siirto"},
        "options": [{"code": "VE1", "title": {"fi": "Neuvola siirtyy"}}],
        **facts,
    }
    new = DecisionNew.model_validate(body)
    values = {**values_of(new), "planned_changes": new.planned()}
    return session.get_one(Decision, decisions.register(session, values, by=county["preparer"]))


def a_decision_in(
    session: Session, county: County, state: str = DecisionState.IN_PREPARATION, decision: Decision | None = None
) -> Decision:
    """A decision in the state asked for, by the steps that lead there; presented by override where uncleared."""
    decision = decision or a_decision(session, county)
    preparer, presenter, registrar = county["preparer"], county["presenter"], county["registrar"]
    if state == DecisionState.DRAFT:
        return decision
    if state == DecisionState.WITHDRAWN:
        decisions.move(session, decision, "withdrawal", version=decision.version, by=preparer, reason="Raukeaa.")
        return decision
    decisions.move(session, decision, "preparation", version=decision.version, by=preparer)
    if state == DecisionState.IN_PREPARATION:
        return decision
    decisions.move(session, decision, "presentation", version=decision.version, by=presenter, reason="Kiire.")
    if state == DecisionState.PRESENTED:
        return decision
    outcome = {DecisionState.TABLED: "tabled", DecisionState.RETURNED: "returned"}.get(DecisionState(state), "decided")
    handled = a_handling(outcome, decision_queries.options(session, decision)[-1].id if outcome == "decided" else None)
    handling.handle(session, decision, handled, version=decision.version, by=registrar)
    if outcome == "decided" and state != DecisionState.DECIDED:
        decisions.move(session, decision, "implementation", version=decision.version, by=registrar)
        if state == DecisionState.CLOSED:
            decisions.move(session, decision, "closure", version=decision.version, by=registrar)
    return decision


def a_handling(outcome: str, option_id: UUID | None = None) -> dict[str, Any]:
    """What a body did today."""
    where = {"body": "Aluehallitus", "meeting_date": today(), "section": "65"}
    return {**where, "outcome": outcome, "option_id": option_id, "amendment": None, "answers": []}


def an_assessment(
    session: Session, county: County, state: str = AssessmentState.DRAFTING, decision: Decision | None = None
) -> Assessment:
    """An assessment in the state asked for, made by the steps that lead there."""
    preparer, expert, registrar = county["preparer"], county["expert"], county["registrar"]
    decision = decision or a_decision(session, county)
    made = assessments.start(session, decision, values_of(AssessmentStart()), by=preparer)
    if state == AssessmentState.SCREENING:
        return made
    if state == AssessmentState.WITHDRAWN:
        return assessments.withdraw(session, made, version=made.version, by=preparer)
    outcome = "not_needed" if state == AssessmentState.NOT_NEEDED else "needed"
    screening = {"answers": SCREENING_ANSWERS, "outcome": outcome, "reason": "Koskee lapsia."}
    assessments.screen(session, made, screening, version=made.version, by=preparer)
    if state == AssessmentState.NOT_NEEDED:
        return assessments.sign_not_needed(session, made, version=made.version, by=expert)
    assessments.draft(session, made, version=made.version, by=preparer)
    fill(session, county, made)
    if state == AssessmentState.DRAFTING:
        return made
    assessments.submit(session, made, version=made.version, by=preparer)
    if state == AssessmentState.RETURNED:
        return assessments.send_back(session, made, "Täydennä.", version=made.version, by=expert)
    if state == AssessmentState.IN_REVIEW:
        return made
    assessments.approve(session, made, version=made.version, by=expert)
    if state == AssessmentState.APPROVED:
        return made
    assessments.publish(session, made, True, version=made.version, by=registrar)
    if state == AssessmentState.SUPERSEDED:
        after = assessments.new_edition(session, made, version=made.version, by=preparer)
        assessments.submit(session, after, version=after.version, by=preparer)
        assessments.approve(session, after, version=after.version, by=expert)
    return made


def fill(session: Session, county: County, assessment: Assessment) -> None:
    """Write what review cannot do without: texts, an impact, a hearing, a recommendation."""
    by = county["preparer"]
    decision = decision_queries.get(session, assessment.decision_id, visible_to=by)
    option = decision_queries.options(session, decision)[-1]
    texts = {"summary": "Yhteenveto.", "best_interests": "Lapsen etu.", "follow_up_plan": "Vuoden kuluttua."}
    assessments.change(session, assessment, texts, version=assessment.version, by=by)
    parts.add(session, assessment, "impacts", an_impact(option.id), by=by)
    hearing = {"party": "children", "who": "Nuorisovaltuusto", "age_groups": ["13-15"], "number": 12}
    rest = {"method": "youth_council", "held_on": None, "views": "Lähelle.", "effect": None, "feedback_given": True}
    parts.add(session, assessment, "hearings", {**hearing, **rest}, by=by)
    parts.add(session, assessment, "recommendations", {"kind": "change", "text": "Säilytetään."}, by=by)


def an_attached_file(
    session: Session, county: County, assessment: Assessment, storage: Storage, content: bytes = b"Muistio"
) -> Attachment:
    """A file in its place, attached to an assessment that is being written."""
    received = storage.incoming() / "received-test"
    received.write_bytes(content)
    key = new_key(county.id)
    storage.put(received, key)
    facts = {"kind": "upload", "title": "Muistio", "file_name": "muistio.txt", "media_type": "text/plain"}
    digest = hashlib.sha256(content).hexdigest()
    values = {**facts, "bytes": len(content), "sha256": digest, "storage_key": key, "scan": "not_scanned"}
    return attachments.add(session, assessment, values, most=1000, by=county["preparer"])


def a_follow_up(
    session: Session, county: County, state: str = FollowUpState.DRAFTING, decision: Decision | None = None
) -> FollowUp:
    """A follow-up of a decided and assessed matter in the state asked for, with its one prediction told."""
    preparer, expert, registrar = county["preparer"], county["expert"], county["registrar"]
    decision = decision or a_decision(session, county)
    an_assessment(session, county, AssessmentState.APPROVED, decision)
    a_decision_in(session, county, DecisionState.DECIDED, decision)
    made = follow_ups.open_follow_up(session, decision, by=preparer)
    told = {"realised": "partly", "direction": "negative", "description": "Matkat pitenivät.", "indicators": []}
    for impact in follow_up_queries.predicted(session, made):
        follow_ups.tell_outcome(session, made, impact["id"], told, version=made.version, by=preparer)
    follow_ups.change(session, made, {"summary": "Toteutui pääosin."}, version=made.version, by=preparer)
    if state == FollowUpState.DRAFTING:
        return made
    follow_ups.submit(session, made, version=made.version, by=preparer)
    if state == FollowUpState.IN_REVIEW:
        return made
    follow_ups.approve(session, made, version=made.version, by=expert)
    if state == FollowUpState.PUBLISHED:
        follow_ups.publish(session, made, True, version=made.version, by=registrar)
    return made


def an_impact(option_id: UUID, **facts: Any) -> dict[str, Any]:
    """What an impact says."""
    return {
        "option_id": option_id,
        "description": "Matka pitenee.",
        "impact_class": "direct",
        "direction": "negative",
        "magnitude": "moderate",
        "likelihood": "likely",
        "term": "short",
        "intended": False,
        "age_groups": ["0-6"],
        "child_groups": ["all"],
        "areas": [],
        "articles": [3],
        "evidence_ids": [],
        "mitigation": None,
        **facts,
    }


def make_webhook(session: Session, county: County, **facts: Any) -> Webhook:
    """A webhook that is sent everything."""
    values = {"label": "Asianhallinta", "url": "https://example.fi/lava", "types": None, "active": True, **facts}
    return webhooks.add(session, values, [ip_network("127.0.0.0/8")], by=county["integration"])


def make_case_system(session: Session, county: County, source: str = "ahjo", **facts: Any) -> CaseSystem:
    """A case-management system to pull from, with a record set aside and a case that it told of."""
    by = county["administrator"]
    values: dict[str, Any] = {"source": source, "product": "ahjo", "address": "https://example.fi/ahjorest/v1"}
    values |= {"person_id": county["integration"].id, "credential": None, "pull_from": date(2026, 1, 1)}
    row = case_systems.add(session, {**values, "minutes": 15, "active": True, **facts}, [], by=by)
    case_systems.notice(session, row, "HEL-2026-000001", by=county["integration"])
    facts = {"code": "invalid", "detail": "CaseIDLabel is not as expected: a text", "faults": []}
    session.add(SetAside(organisation_id=county.id, system_id=row.id, external_id="HEL-2026-000002", **facts))
    session.flush()
    return row


def make_delivery(session: Session, webhook: Webhook, state: str) -> Delivery:
    """What was to be sent to a webhook: its organisation's first event."""
    (entry,) = feed.entries_after(session, webhook.organisation_id, START, types=None, limit=1).found
    payload = to_json(event(webhook.organisation_id, entry, "http://127.0.0.1:8000")).decode()
    facts = {"seq": entry["seq"], "type": entry["verb"], "payload": payload, "state": state}
    if state != "pending":
        facts |= {"attempts": 10, "next_attempt_at": None, "ended_at": now()}
    row = Delivery(organisation_id=webhook.organisation_id, webhook_id=webhook.id, **facts)
    session.add(row)
    session.flush()
    return row


def an_import(
    database: Database, by: Caller, kind: str, content: str | bytes, *, dry_run: bool = False, **parameters: Any
) -> Job:
    """The job that imported a file, done here and now."""
    data = content.encode() if isinstance(content, str) else content
    with tempfile.NamedTemporaryFile(prefix="lava-test-", delete=False) as file:
        file.write(data)
    digest = hashlib.sha256(data).hexdigest()
    facts: dict[str, Any] = {"file_name": "file.csv", "digest": digest, "size": len(data)}
    with database.transaction() as session:
        job = jobs.queue(session, IMPORTS[JobKind(kind)], dry_run=dry_run, parameters=parameters, by=by, **facts)
    return jobs.work(database, IMPORTS, job.id, Path(file.name))


def a_budget(database: Database, county: County, year: int = 2026) -> None:
    """A population, a unit with a classified cost centre and another one, account ranges, and a year's budget."""
    by = county["controller"]
    valid = {"valid_from": f"{year - 5}-01-01", "valid_to": None}
    with database.transaction() as session:
        counts = {"year": year, "counts": [5000, 6000, 3500, 2500, 83_000], "source": "Keksitty"}
        services.add_population(session, counts, by=by)
        of_unit = {"code": "LNP", "name": {"fi": "Lapset"}, "level": "sector", "parent_id": None}
        unit = services.add_unit(session, {**of_unit, **dates(valid)}, by=by)
        facts = {"code": "41200", "name": {"fi": "Neuvola"}, "unit_id": unit.id, **dates(valid)}
        centre = services.add_cost_centre(session, facts, by=by)
        services.add_cost_centre(session, {**facts, "code": "41300", "unit_id": None}, by=by)
        services.set_service_classes(session, {("demo", year, "9101"): "Neuvola", ("demo", year, "9102"): "Muu"}, by=by)
        services.add_classification(session, a_classification(cost_centre_id=centre.id), by=by)
        ranges = [{"first": "3000", "last": "3999", "flow": "income"}]
        budgeting.set_account_ranges(session, ranges, version=0, by=by)
    rows = ["vuosi;vaihe;kustannuspaikka;palveluluokka;tili;summa", f"{year};ta;41200;9101;4300;1 000,01"]
    rows += [f"{year};ta;41200;;3100;-100,00", f"{year};ta;41300;9102;4300;500,50"]
    job = an_import(database, by, "budget-lines", "\r\n".join(rows))
    assert job.state == "succeeded", job


def dates(valid: dict[str, str | None]) -> dict[str, date | None]:
    """Days as the domain code takes them."""
    return {name: date.fromisoformat(day) if day else None for name, day in valid.items()}


def a_classification(**facts: Any) -> dict[str, Any]:
    """What a classification says: everything to the youngest, from 2020 on."""
    own: dict[str, Any] = {"cost_centre_id": None, "service_class_id": None, "from_year": 2020, "to_year": None}
    own |= {"impact_class": "direct", "method": "full", "weights": None, "child_share_ppm": None}
    return {**own, "age_groups": ["0-6"], "reason": "Keksitty.", **facts}


class Api:
    """The service as the county's people use it over HTTP."""

    def __init__(self, client: TestClient, county: County) -> None:
        self.client = client
        self.county = county

    def send(self, role: str | None, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One request; header names are given with underscores (`if_match`)."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if role is not None:
            sent["Authorization"] = f"Bearer {self.county.keys[role]}"
        if method == "PATCH":
            sent["Content-Type"] = "application/merge-patch+json"
        return self.client.request(method, path, json=body, headers=sent)

    def change(self, role: str, method: str, path: str, body: Any = None, of: str | None = None, **headers: str) -> Any:
        """One change of what is at `of` (the path itself where absent), with the ETag it has now."""
        etag = self.send(role, "GET", of or path).headers["etag"]
        return self.send(role, method, path, body, if_match=etag, **headers)

    def decision(self, role: str = "preparer", **facts: Any) -> Any:
        """A decision just registered."""
        body = {"diary_number": "1/2026", "title": {"fi": "Neuvolan siirto"}, **facts}
        body.setdefault("options", [{"code": "VE1", "title": {"fi": "Neuvola siirtyy"}}])
        answer = self.send(role, "POST", "/api/v1/decisions", body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def import_file(
        self, collection: str, content: str | bytes, *, role: str = "controller", dry_run: bool = False, **query: Any
    ) -> Any:
        """The job that imported a file, when it has ended."""
        headers = {"Authorization": f"Bearer {self.county.keys[role]}", "Content-Type": "text/csv"}
        asked = {"dry_run": str(dry_run).lower(), **query}
        path = f"/api/v1/{collection}/import"
        answer = self.client.post(path, content=content, headers=headers, params=asked)
        assert answer.status_code == 202, answer.text
        return self.ended(answer.headers["location"])

    def ended(self, job: str) -> Any:
        """A job at its end."""
        for _ in range(1000):
            found = self.send("controller", "GET", job).json()
            if found["ended_at"] is not None:
                return found
            time.sleep(0.02)
        raise AssertionError(f"the job does not end: {found}")
