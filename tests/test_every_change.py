"""Every changing operation of the API is done once, and each leaves at least one journal entry."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app.clock import today
from app.database import Database, table_of
from app.events.models import Webhook
from app.journal.models import JournalEntry
from app.journal.queries import verify
from tests.county import SCREENING_ANSWERS, Api, County, a_decision, an_assessment, an_impact, make_delivery

CSV = "scheme,year,code,name\r\ndemo,2025,9101,Lastenneuvola\r\ndemo,2026,9101,Lastenneuvola\r\n"
RENAMED = CSV.replace("Lastenneuvola", "Neuvola")
UNITS = "tunnus;nimi;taso;voimassa alkaen\r\nB;Yksikkö;toimiala;1.1.2023\r\n"
CENTRES = "kustannuspaikka;nimi;voimassa alkaen\r\n12;Neuvola;1.1.2023\r\n"
CLASSIFICATIONS = (
    "kustannuspaikka;vuodesta;vaikutusluokka;menetelmä;ikäryhmät;perustelu\r\n12;2024;suora;full;0-6;Neuvola\r\n"
)
POPULATIONS = "vuosi;ikäryhmä;väkiluku\r\n" + "".join(
    f"2026;{group};100\r\n" for group in ("0-6", "7-12", "13-15", "16-17", "18+")
)
LINES = "vuosi;vaihe;kustannuspaikka;summa\r\n2026;ta;12;100\r\n"
SILENT = {"preview_classifications", "record_callback"}
"""What is asked by POST, and changes nothing; a callback is told of when the case that it names is taken in."""
ENTRY = table_of(JournalEntry)


class Changing:
    """Sends changes one after the other, and notes which operations were done and which left no entry."""

    def __init__(self, api: Api, app: FastAPI, database: Database) -> None:
        self.api = api
        self.database = database
        self.done: set[str] = set()
        self.silent: set[str] = set()
        self.operations = {
            (method.upper(), re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$")): operation["operationId"]
            for path, methods in app.openapi()["paths"].items()
            for method, operation in methods.items()
            if method in {"post", "put", "patch", "delete"}
        }

    def entries(self) -> int:
        with self.database.transaction(writes=False) as session:
            return int(session.execute(select(func.count()).select_from(ENTRY)).scalar_one())

    def send(self, role: str, method: str, path: str, body: Any = None, of: str | None = None) -> Any:
        """One change, with the ETag of what is at `of` where one is needed.

        A text is a file, imported by a job; bytes are a file to be attached.
        """
        before = self.entries()
        if isinstance(body, bytes):
            headers = {"Authorization": f"Bearer {self.api.county.keys[role]}", "Content-Type": "text/plain"}
            answer = self.api.client.post(f"{path}?file_name=a.txt", content=body, headers=headers)
        elif isinstance(body, str):
            headers = {"Authorization": f"Bearer {self.api.county.keys[role]}", "Content-Type": "text/csv"}
            answer = self.api.client.post(f"{path}?dry_run=false", content=body.encode(), headers=headers)
            assert answer.status_code == 202, answer.text
            job = self.api.ended(answer.headers["location"])
            assert job["state"] == "succeeded", job
        elif of:
            answer = self.api.change(role, method, path, body, of=of)
        else:
            answer = self.api.send(role, method, path, body)
        assert answer.status_code in {200, 201, 202, 204}, (method, path, answer.text)
        name = next(
            n for (m, pattern), n in self.operations.items() if m == method and pattern.match(path.partition("?")[0])
        )
        self.done.add(name)
        if self.entries() <= before:
            self.silent.add(name)
        return answer.json() if answer.content else None

    def add(self, role: str, path: str, body: Any) -> tuple[str, Any]:
        """Add something to a collection: its address and itself."""
        made = self.send(role, "POST", path, body)
        return f"{path}/{made['id']}", made

    def patch(self, role: str, path: str, body: Any) -> Any:
        return self.send(role, "PATCH", path, body, of=path)

    def delete(self, role: str, path: str) -> None:
        self.send(role, "DELETE", path, of=path)


def change_the_organisation(to: Changing, county: County) -> None:
    own = "/api/v1/organisation"
    to.patch("administrator", own, {"name": {"sv": "Exempel"}})
    aside = {"items": [{"prefix": "01 01", "reason": "a"}]}
    to.send("administrator", "PUT", f"{own}/excluded-task-classes", aside, of=own)
    groups = [{"code": code, "label": {"fi": code}} for code in ("all", "placed")]
    to.send("administrator", "PUT", f"{own}/child-groups", {"items": groups}, of=own)
    person, made = to.add("administrator", "/api/v1/people", {"name": "Esimerkki", "roles": ["auditor"]})
    to.patch("administrator", person, {"roles": []})
    key, _ = to.add("administrator", "/api/v1/api-keys", {"person_id": made["id"], "label": "a"})
    to.delete("administrator", key)


def change_the_services(to: Changing, county: County) -> None:
    unit, made = to.add(
        "controller",
        "/api/v1/units",
        {"code": "A", "name": {"fi": "A"}, "level": "unit", "valid_from": "2023-01-01"},
    )
    to.patch("controller", unit, {"name": {"sv": "A"}})
    centre, centre_made = to.add(
        "controller", "/api/v1/cost-centres", {"code": "1", "name": {"fi": "A"}, "valid_from": "2023-01-01"}
    )
    to.patch("controller", centre, {"unit_id": made["id"]})
    to.send("controller", "POST", "/api/v1/service-classes/import", CSV)
    found = to.api.send("controller", "GET", "/api/v1/service-classes").json()["items"][0]
    facts = {"kind": "unit", "unit_id": made["id"], "service_class_id": found["id"]}
    mapping, _ = to.add("controller", "/api/v1/service-classes/mappings", facts)
    to.delete("controller", mapping)
    held = {"cost_centre_id": centre_made["id"], "from_year": 2025, "impact_class": "direct"}
    held |= {"method": "full", "age_groups": ["0-6"], "reason": "a"}
    classification, _ = to.add("controller", "/api/v1/classifications", held)
    to.patch("controller", classification, {"to_year": 2026})
    to.delete("controller", classification)


def import_and_budget(to: Changing, county: County) -> None:
    files = {"units": UNITS, "cost-centres": CENTRES, "service-classes": RENAMED, "classifications": CLASSIFICATIONS}
    for collection, content in {**files, "populations": POPULATIONS, "budget-lines": LINES}.items():
        to.send("controller", "POST", f"/api/v1/{collection}/import", content)
    facts = {"year": 2024, "counts": [1, 1, 1, 1, 1], "source": "a"}
    population, _ = to.add("controller", "/api/v1/populations", facts)
    to.patch("controller", population, {"counts": [2, 1, 1, 1, 1]})
    to.delete("controller", population)
    listed = to.api.send("controller", "GET", "/api/v1/service-classes?scheme=demo&year=2025").json()["items"]
    held = {"service_class_id": listed[0]["id"], "from_year": 2025, "impact_class": "direct"}
    held |= {"method": "full", "age_groups": ["0-6"], "reason": "a"}
    to.send("controller", "POST", "/api/v1/child-budget/preview", {"items": [held], "years": [2026]})
    to.send("controller", "POST", "/api/v1/classifications/batch", {"items": [held]})
    years = {"scheme": "demo", "from_year": 2025, "to_year": 2026}
    to.send("controller", "POST", "/api/v1/classifications/carry-forward", {**years, "dry_run": False})
    ranges = "/api/v1/budget-lines/account-ranges"
    to.send("controller", "PUT", ranges, {"items": [{"first": "3", "last": "3", "flow": "income"}]}, of=ranges)
    year = {"year": 2026, "phase": "budget"}
    published, _ = to.add("controller", "/api/v1/child-budget/publications", year)
    to.delete("controller", published)
    ledger = to.api.send("controller", "GET", "/api/v1/budget-lines/ledgers").json()["items"][0]
    to.send("controller", "DELETE", f"/api/v1/budget-lines/ledgers/{ledger['id']}")


def change_a_decision(to: Changing, county: County) -> None:
    path, _ = to.add("preparer", "/api/v1/decisions", {"diary_number": "9/2026", "title": {"fi": "Asia"}})
    to.patch("preparer", path, {"body": "Aluehallitus"})
    centre = {"code": "2", "name": {"fi": "A"}, "valid_from": "2023-01-01"}
    touched = [to.send("controller", "POST", "/api/v1/cost-centres", centre)["id"]]
    to.send("preparer", "PUT", f"{path}/scope", {"cost_centre_ids": touched}, of=path)
    document = {"title": "a", "url": "https://example.fi/a"}
    to.send("preparer", "PUT", f"{path}/documents", {"items": [document]}, of=path)
    to.send("preparer", "POST", f"{path}/early-hint", of=path)
    option = to.send("preparer", "POST", f"{path}/options", {"code": "VE7", "title": {"fi": "a"}})
    etag = f'"{option["version"]}"'
    change_option(to, f"{path}/options/{option['id']}", etag)
    to.send("preparer", "POST", f"{path}/preparation", of=path)
    to.send("presenter", "POST", f"{path}/presentation", {"override_reason": "Kiire."}, of=path)
    handling = {"body": "Aluehallitus", "meeting_date": str(today()), "outcome": "decided"}
    to.send("registrar", "POST", f"{path}/handlings", handling, of=path)
    to.send("presenter", "POST", f"{path}/implementation", of=path)
    to.send("presenter", "POST", f"{path}/closure", of=path)
    other, _ = to.add("preparer", "/api/v1/decisions", {"diary_number": "10/2026", "title": {"fi": "Asia"}})
    to.send("preparer", "POST", f"{other}/withdrawal", {"reason": "a"}, of=other)
    to.send("registrar", "POST", f"{other}/reopening", {"reason": "a"}, of=other)


def change_option(to: Changing, path: str, etag: str) -> None:
    """An option has no address to read: its version is told with the decision."""
    for method, body in (("PATCH", {"description": "a"}), ("DELETE", None)):
        before = to.entries()
        answer = to.api.send("preparer", method, path, body, if_match=etag)
        assert answer.status_code in {200, 204}, answer.text
        name = "change_option" if method == "PATCH" else "remove_option"
        to.done.add(name)
        if to.entries() <= before:
            to.silent.add(name)
        etag = answer.headers.get("etag", "")


def change_an_assessment(to: Changing, county: County) -> None:
    with to.database.transaction() as session:
        decision = a_decision(session, county, "11/2026")
    own = f"/api/v1/decisions/{decision.id}"
    option_id = to.api.send("preparer", "GET", own).json()["options"][-1]["id"]
    made = to.send("preparer", "POST", f"{own}/assessments", {})
    path = f"/api/v1/assessments/{made['id']}"
    screening = {"answers": SCREENING_ANSWERS, "outcome": "needed", "reason": "a"}
    to.send("preparer", "PUT", f"{path}/screening", screening, of=path)
    to.send("preparer", "POST", f"{path}/drafting", of=path)
    texts = {"summary": "a", "best_interests": "a", "follow_up_plan": "a"}
    to.patch("preparer", path, texts)
    to.send("preparer", "POST", f"{path}/comments", {"text": "a"})
    evidence = {"kind": "statistic", "title": "a", "source": "a", "finding": "a"}
    hearing = {"party": "children", "who": "a", "method": "survey", "views": "a", "number": 3}
    facts: dict[str, tuple[Any, Any]] = {
        "impacts": (an_impact(option_id, child_groups=[]), {"description": "b"}),
        "evidence": (evidence, {"title": "b"}),
        "hearings": (hearing, {"who": "b"}),
        "recommendations": ({"kind": "change", "text": "a"}, {"text": "b"}),
    }
    for kind, (body, patch) in facts.items():
        part, _ = to.add("preparer", f"{path}/{kind}", body)
        to.patch("preparer", part, patch)
        to.delete("preparer", part)
        to.add("preparer", f"{path}/{kind}", body)
    attached = f"{path}/attachments"
    link, _ = to.add("preparer", attached, {"title": "a", "url": "https://example.fi"})
    to.delete("preparer", link)
    to.send("preparer", "POST", f"{attached}/upload", b"a")
    form = next(row for row in to.api.send("administrator", "GET", "/api/v1/forms").json()["items"])
    whole = to.api.send("administrator", "GET", f"/api/v1/forms/{form['id']}").json()
    new = {"key": whole["key"], "title": whole["title"], "definition": whole["definition"]}
    _, edition = to.add("administrator", "/api/v1/forms", new)
    to.send("preparer", "POST", f"{path}/form-upgrade", {"form_id": edition["id"]}, of=path)
    to.send("preparer", "POST", f"{path}/submission", of=path)
    to.send("expert", "POST", f"{path}/return", {"comment": "a"}, of=path)
    to.send("preparer", "POST", f"{path}/submission", of=path)
    to.send("expert", "POST", f"{path}/approval", of=path)
    to.send("registrar", "POST", f"{path}/publication", {"privacy_checked": True}, of=path)
    after = to.send("preparer", "POST", f"{path}/editions", of=path)
    again = f"/api/v1/assessments/{after['id']}"
    to.send("preparer", "POST", f"{again}/withdrawal", of=again)


def sign_that_none_is_needed(to: Changing, county: County) -> None:
    with to.database.transaction() as session:
        made = an_assessment(session, county, "screening", a_decision(session, county, "12/2026"))
    path = f"/api/v1/assessments/{made.id}"
    screening = {"answers": SCREENING_ANSWERS, "outcome": "not_needed", "reason": "a"}
    to.send("preparer", "PUT", f"{path}/screening", screening, of=path)
    to.send("expert", "POST", f"{path}/signature", of=path)
    to.send("registrar", "POST", f"{path}/publication", {"privacy_checked": True}, of=path)


def follow_up(to: Changing, county: County) -> None:
    with to.database.transaction() as session:
        decision_id = an_assessment(session, county, "approved", a_decision(session, county, "13/2026")).decision_id
    own = f"/api/v1/decisions/{decision_id}"
    handling = {"body": "Aluehallitus", "meeting_date": str(today()), "outcome": "decided"}
    handled = to.send("registrar", "POST", f"{own}/handlings", handling, of=own)
    recommended = to.api.send("preparer", "GET", own).json()["clearance"]["recommendations"][0]["id"]
    one, answer = f"{own}/handlings/{handled['id']}", {"recommendation_id": recommended, "answer": "followed"}
    to.send("registrar", "PUT", f"{one}/answers", {"items": [answer]}, of=one)
    made = to.send("preparer", "POST", f"{own}/follow-ups")
    path = f"/api/v1/follow-ups/{made['id']}"
    to.patch("preparer", path, {"summary": "a"})
    impact = to.api.send("preparer", "GET", f"{path}/comparison").json()["lines"][0]["predicted"]["id"]
    told = {"realised": "yes", "direction": "negative"}
    to.send("preparer", "PUT", f"{path}/outcomes/{impact}", told, of=path)
    nobody = {"description": "a", "impact_class": "direct", "direction": "negative"}
    one = to.send("preparer", "POST", f"{path}/unintended-impacts", nobody)
    remove_unintended(to, f"{path}/unintended-impacts/{one['id']}", f'"{one["version"]}"')
    to.send("preparer", "POST", f"{path}/submission", of=path)
    to.send("expert", "POST", f"{path}/return", {"comment": "a"}, of=path)
    to.send("preparer", "POST", f"{path}/submission", of=path)
    to.send("expert", "POST", f"{path}/approval", of=path)
    to.send("registrar", "POST", f"{path}/publication", {"privacy_checked": True}, of=path)


def remove_unintended(to: Changing, path: str, etag: str) -> None:
    before = to.entries()
    answer = to.api.send("preparer", "DELETE", path, if_match=etag)
    assert answer.status_code == 204, answer.text
    to.done.add("remove_unintended_impact")
    if to.entries() <= before:
        to.silent.add("remove_unintended_impact")


def tell_of_cases(to: Changing, county: County) -> None:
    case = {"source_version": 1, "title": {"fi": "Asia"}}
    to.send("integration", "PUT", "/api/v1/cases?source=ahjo&diary_number=20/2026", case)
    batch = {"source": "ahjo", "items": [{**case, "diary_number": "21/2026"}]}
    to.send("integration", "POST", "/api/v1/cases/batch", batch)
    system = {"source": "ahjo", "product": "ahjo", "address": "https://example.fi/a", "pull_from": "2026-01-01"}
    system["person_id"] = str(county["integration"].id)
    path, _ = to.add("administrator", "/api/v1/cases/systems", system)
    to.patch("administrator", path, {"minutes": 30})
    to.send("administrator", "POST", f"{path}/pull")
    to.send("integration", "POST", f"{path}/callbacks", {"updatetype": "Added", "id": "HEL-2026-000001"})
    to.delete("administrator", path)


def change_a_webhook(to: Changing, county: County) -> None:
    facts = {"label": "a", "url": "https://example.fi/lava"}
    path, made = to.add("integration", "/api/v1/webhooks", facts)
    to.patch("integration", path, {"types": ["decision.cleared"]})
    to.send("integration", "POST", f"{path}/secret", of=path)
    to.send("integration", "POST", f"{path}/test")
    with to.database.transaction() as session:
        delivery = make_delivery(session, session.get_one(Webhook, UUID(made["id"])), "dead")
    to.send("integration", "POST", f"{path}/replay")
    to.send("integration", "POST", f"{path}/deliveries/{delivery.id}/replay")
    to.delete("integration", path)


STEPS: tuple[Callable[[Changing, County], None], ...] = (
    change_the_organisation,
    change_the_services,
    import_and_budget,
    change_a_decision,
    change_an_assessment,
    sign_that_none_is_needed,
    follow_up,
    tell_of_cases,
    change_a_webhook,
)


@pytest.mark.slow
def test_every_changing_operation_leaves_an_entry(
    api: Api, county: County, database: Database, the_app: FastAPI
) -> None:
    changing = Changing(api, the_app, database)
    for step in STEPS:
        step(changing, county)
    assert changing.silent == SILENT
    assert changing.done == set(changing.operations.values())
    with database.transaction(writes=False) as session:
        assert not any(verify(session).values())
    assert without_their_decision(api) == set()


def without_their_decision(api: Api) -> set[tuple[str, str]]:
    """What entries that tell of a decision's assessment, follow-up or publication do not say which decision it is."""
    told: list[dict[str, Any]] = []
    path = "/api/v1/journal?limit=200"
    while path:
        page = api.send("auditor", "GET", path).json()
        told, path = told + page["items"], page["next"]
    of_decisions = [
        row for row in told if row["verb"].startswith(("assessment.", "attachment.", "follow_up.", "register."))
    ]
    assert {row["object_type"] for row in of_decisions} == {"assessment", "follow_up", "decision"}
    known = {row["object_id"] for row in told if row["verb"] == "decision.registered"}
    return {(row["verb"], row["object_type"]) for row in of_decisions if row["details"].get("decision_id") not in known}


def test_control_an_operation_that_records_nothing_is_noticed(
    api: Api, county: County, database: Database, the_app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("services.actions", "services.imports", "budgeting.actions", "budgeting.imports"):
        monkeypatch.setattr(f"app.{module}.record", lambda *_, **__: None)
    changing = Changing(api, the_app, database)
    change_the_services(changing, county)
    import_and_budget(changing, county)
    assert changing.silent == changing.done
    assert len(changing.silent) == 25


def test_reading_and_refusals_leave_no_entry(api: Api, database: Database, the_app: FastAPI) -> None:
    made = api.decision()
    changing = Changing(api, the_app, database)
    before = changing.entries()
    path = f"/api/v1/decisions/{made['id']}"
    api.send("preparer", "GET", path)
    for role, body, headers in (
        ("preparer", {"body": "a"}, {}),
        ("preparer", {"body": "a"}, {"if_match": '"9"'}),
        ("preparer", {"language": "en"}, {"if_match": '"1"'}),
        ("auditor", {"body": "a"}, {"if_match": '"1"'}),
    ):
        assert api.send(role, "PATCH", path, body, **headers).status_code >= 400
    assert changing.entries() == before
