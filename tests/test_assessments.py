"""An assessment from screening to publication: sealing, clearance, editions, forms, quality, through the API."""

import hashlib
import json
from typing import Any
from uuid import UUID

import pytest

from app.clock import today
from app.database import Database
from tests.county import Api, County, a_decision, an_assessment, an_impact


def made(database: Database, county: County, state: str) -> dict[str, str]:
    """The addresses of an assessment in a state, and of its decision."""
    with database.transaction() as session:
        row = an_assessment(session, county, state)
        return {"assessment": f"/api/v1/assessments/{row.id}", "decision": f"/api/v1/decisions/{row.decision_id}"}


def test_approval_seals_the_exact_content_and_clears_the_decision(api: Api, county: County, database: Database) -> None:
    at = made(database, county, "in_review")
    approved = api.change("expert", "POST", f"{at['assessment']}/approval", of=at["assessment"]).json()
    assert approved["state"] == "approved"
    (sealed,) = api.send("auditor", "GET", f"{at['assessment']}/seals").json()["items"]
    assert hashlib.sha256(sealed["content"].encode()).hexdigest() == sealed["digest"]
    content = json.loads(sealed["content"])
    assert content["assessment"]["impacts"][0]["description"] == approved["impacts"][0]["description"]
    assert content["form"]["key"] == "lava"
    assert content["code_lists"]["impact_class"]["direct"]["fi"] == "suora"
    assert content["proposal"]["title"] == {"fi": "Neuvolan siirto"}
    clearance = api.send("preparer", "GET", at["decision"]).json()["clearance"]
    assert clearance["content_digest"] == sealed["digest"]
    assert [r["text"] for r in clearance["recommendations"]] == ["Säilytetään."]


def test_nothing_is_approved_whose_proposal_has_changed_since_it_was_submitted(
    api: Api, county: County, database: Database
) -> None:
    at = made(database, county, "in_review")
    assert api.change("preparer", "PATCH", at["decision"], {"title": {"fi": "Muu asia"}}).status_code == 200
    refused = api.change("expert", "POST", f"{at['assessment']}/approval", of=at["assessment"])
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:lava:problem:proposal_changed")


def test_every_part_changes_the_etag_of_the_whole(api: Api, county: County, database: Database) -> None:
    at = made(database, county, "drafting")
    before = api.send("preparer", "GET", at["assessment"]).headers["etag"]
    api.send("preparer", "POST", f"{at['assessment']}/recommendations", {"kind": "change", "text": "Toinen."})
    after = api.send("preparer", "GET", at["assessment"])
    assert after.headers["etag"] != before
    assert len(after.json()["recommendations"]) == 2
    stale = api.send("preparer", "PATCH", at["assessment"], {"summary": "Uusi."}, if_match=before)
    assert stale.status_code == 412


def test_a_new_edition_copies_everything_and_supersedes_when_it_is_approved(
    api: Api, county: County, database: Database
) -> None:
    at = made(database, county, "published")
    first = api.send("preparer", "GET", at["assessment"]).json()
    second = api.change("preparer", "POST", f"{at['assessment']}/editions", of=at["assessment"]).json()
    assert (second["edition"], second["supersedes_id"], second["state"]) == (2, first["id"], "drafting")
    assert [i["description"] for i in second["impacts"]] == [i["description"] for i in first["impacts"]]
    assert api.send("preparer", "GET", at["assessment"]).json()["state"] == "published"
    path = f"/api/v1/assessments/{second['id']}"
    api.change("preparer", "PATCH", path, {"summary": "Uusi yhteenveto."})
    api.change("preparer", "POST", f"{path}/submission", of=path)
    assert api.change("expert", "POST", f"{path}/approval", of=path).status_code == 200
    assert api.send("preparer", "GET", at["assessment"]).json()["state"] == "superseded"
    assert api.send("preparer", "GET", at["decision"]).json()["clearance"]["edition"] == 2
    api.change("registrar", "POST", f"{path}/publication", {"privacy_checked": True}, of=path)
    listed = api.client.get("/public/v1/assessments").json()["items"]
    assert [entry["superseded_by"] for entry in listed] == [None, listed[0]["id"]]


def test_a_decided_matter_keeps_the_edition_that_it_used(api: Api, county: County, database: Database) -> None:
    at = made(database, county, "approved")
    option = api.send("preparer", "GET", at["decision"]).json()["options"][1]["id"]
    handling = {"body": "Aluehallitus", "meeting_date": str(today()), "outcome": "decided", "option_id": option}
    assert (
        api.change("registrar", "POST", f"{at['decision']}/handlings", handling, of=at["decision"]).status_code == 201
    )
    second = api.change("preparer", "POST", f"{at['assessment']}/editions", of=at["assessment"]).json()
    path = f"/api/v1/assessments/{second['id']}"
    api.change("preparer", "POST", f"{path}/submission", of=path)
    assert api.change("expert", "POST", f"{path}/approval", of=path).status_code == 200
    assert api.send("preparer", "GET", at["decision"]).json()["clearance"]["edition"] == 1


def test_review_cannot_do_without_the_childrens_views(api: Api, county: County, database: Database) -> None:
    at = made(database, county, "drafting")
    hearing = api.send("preparer", "GET", at["assessment"]).json()["hearings"][0]
    etag = f'"{hearing["version"]}"'
    api.send("preparer", "DELETE", f"{at['assessment']}/hearings/{hearing['id']}", if_match=etag)
    refused = api.change("preparer", "POST", f"{at['assessment']}/submission", of=at["assessment"])
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:lava:problem:children_not_heard")


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"option_id": "00000000-0000-7000-8000-000000000001"}, "/option_id"),
        ({"evidence_ids": ["00000000-0000-7000-8000-000000000001"]}, "/evidence_ids/0"),
        ({"child_groups": ["nobody"]}, "/child_groups/0"),
        ({"articles": [55]}, "/articles/0"),
        ({"age_groups": ["0-99"]}, "/age_groups/0"),
    ],
)
def test_an_impact_names_only_what_is_there(
    api: Api, county: County, database: Database, facts: dict[str, Any], field: str
) -> None:
    at = made(database, county, "drafting")
    option = api.send("preparer", "GET", at["decision"]).json()["options"][0]["id"]
    body = {**an_impact(UUID(option)), "option_id": option, **facts}
    answer = api.send("preparer", "POST", f"{at['assessment']}/impacts", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == field


def test_data_from_children_needs_the_three_checks(api: Api, county: County, database: Database) -> None:
    at = made(database, county, "drafting")
    body: dict[str, Any] = {
        "kind": "children_survey",
        "title": "Kysely",
        "source": "Kunta",
        "finding": "Lapset toivovat lähelle.",
    }
    assert api.send("preparer", "POST", f"{at['assessment']}/evidence", body).status_code == 422
    body |= {"up_to_date": True, "relevant": True, "wide_enough": False}
    assert api.send("preparer", "POST", f"{at['assessment']}/evidence", body).status_code == 201


def test_a_newer_form_carries_answers_by_question_and_names_what_it_leaves(
    api: Api, county: County, database: Database
) -> None:
    def form(**schemas: dict[str, Any]) -> str:
        base = api.send("preparer", "GET", f"/api/v1/forms/{builtin['id']}").json()["definition"]
        questions = [{"id": key, "label": {"fi": key}, "schema": schema} for key, schema in schemas.items()]
        body = {"key": "lava", "title": {"fi": "Oma"}, "definition": {**_without_nulls(base), "questions": questions}}
        answer = api.send("administrator", "POST", "/api/v1/forms", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    builtin = api.send("preparer", "GET", "/api/v1/forms").json()["items"][0]
    form(kept={"type": "integer"}, stricter={"type": "integer"}, gone={"type": "string"})
    at = made(database, county, "drafting")
    answers = {"kept": 3, "stricter": 9, "gone": "x"}
    assert api.change("preparer", "PATCH", at["assessment"], {"answers": {"kept": "three"}}).status_code == 422
    assert api.change("preparer", "PATCH", at["assessment"], {"answers": answers}).status_code == 200
    newer = form(kept={"type": "integer"}, stricter={"type": "integer", "maximum": 5})
    result = api.change("preparer", "POST", f"{at['assessment']}/form-upgrade", {"form_id": newer}, of=at["assessment"])
    assert result.json()["left_behind"] == ["gone", "stricter"]
    assert result.json()["assessment"]["answers"] == {"kept": 3}


def test_a_secret_matter_and_an_unchecked_one_are_not_published(api: Api, county: County, database: Database) -> None:
    at = made(database, county, "approved")
    unchecked = api.change(
        "registrar", "POST", f"{at['assessment']}/publication", {"privacy_checked": False}, of=at["assessment"]
    )
    assert unchecked.json()["type"] == "urn:lava:problem:privacy_not_checked"
    secret = {"publicity": "secret", "publicity_grounds": "JulkL 24 §"}
    assert api.change("preparer", "PATCH", at["decision"], secret).status_code == 200
    refused = api.change(
        "registrar", "POST", f"{at['assessment']}/publication", {"privacy_checked": True}, of=at["assessment"]
    )
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:lava:problem:secret")


def test_matters_of_a_single_person_are_not_assessed(api: Api, county: County, database: Database) -> None:
    items = [{"prefix": "01 01", "reason": "Yksittäisen henkilön asia"}]
    path = "/api/v1/organisation"
    assert (
        api.change("administrator", "PUT", f"{path}/excluded-task-classes", {"items": items}, of=path).status_code
        == 200
    )
    decision = api.decision(task_class_code="01 01 00")
    assert decision["excluded"] is True
    refused = api.send("preparer", "POST", f"/api/v1/decisions/{decision['id']}/assessments", {})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:lava:problem:excluded")
    assert api.decision(diary_number="2/2026", task_class_code="01 010")["excluded"] is False


def test_one_assessment_at_a_time_and_again_after_a_withdrawal(api: Api, county: County, database: Database) -> None:
    with database.transaction() as session:
        decision = a_decision(session, county)
        an_assessment(session, county, "withdrawn", decision)
        path = f"/api/v1/decisions/{decision.id}/assessments"
    assert api.send("preparer", "POST", path, {}).json()["edition"] == 2
    refused = api.send("preparer", "POST", path, {})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:lava:problem:open_assessment")


def test_comments_are_kept_in_order_and_not_sealed(api: Api, county: County, database: Database) -> None:
    at = made(database, county, "in_review")
    for text in ("Ensimmäinen.", "Toinen."):
        assert api.send("expert", "POST", f"{at['assessment']}/comments", {"text": text}).status_code == 201
    listed = api.send("preparer", "GET", f"{at['assessment']}/comments").json()["items"]
    assert [comment["text"] for comment in listed] == ["Ensimmäinen.", "Toinen."]
    api.change("expert", "POST", f"{at['assessment']}/approval", of=at["assessment"])
    (sealed,) = api.send("auditor", "GET", f"{at['assessment']}/seals").json()["items"]
    assert "Ensimmäinen." not in sealed["content"]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def test_a_withdrawn_new_edition_leaves_the_one_before_in_force(api: Api, county: County, database: Database) -> None:
    at = made(database, county, "published")
    second = api.change("preparer", "POST", f"{at['assessment']}/editions", of=at["assessment"]).json()
    path = f"/api/v1/assessments/{second['id']}"
    assert api.change("preparer", "POST", f"{path}/withdrawal", of=path).json()["state"] == "withdrawn"
    decision = api.send("preparer", "GET", at["decision"]).json()
    assert (decision["assessment_state"], decision["clearance"]["edition"]) == ("published", 1)
    assert api.send("preparer", "POST", f"{at['decision']}/assessments", {}).status_code == 409
    third = api.change("preparer", "POST", f"{at['assessment']}/editions", of=at["assessment"]).json()
    assert (third["edition"], third["supersedes_id"]) == (3, at["assessment"].rpartition("/")[2])


def refused_form(api: Api, **changes: Any) -> list[str]:
    """The pointers of the faults of a form."""
    body: dict[str, Any] = {
        "screening": [{"id": "a", "label": {"fi": "A?"}}],
        "sections": [{"id": "a", "title": {"fi": "A"}, "items": ["summary", "own"]}],
        "questions": [{"id": "own", "label": {"fi": "Oma?"}, "schema": {"type": "string"}}],
    }
    whole = {"key": "own", "title": {"fi": "Oma"}, "definition": {**body, **changes}}
    answer = api.send("administrator", "POST", "/api/v1/forms", whole)
    return [fault["pointer"] for fault in answer.json().get("errors", ())]


def test_a_form_holds_together(api: Api) -> None:
    question = {"label": {"fi": "A?"}}
    page = {"title": {"fi": "A"}, "items": ["summary"]}
    own = {"label": {"fi": "Oma?"}, "schema": {"type": "string"}}
    assert refused_form(api) == []
    twice = [{"id": "a", **question}, {"id": "b", **question}, {"id": "a", **question}]
    assert refused_form(api, screening=twice) == ["/definition/screening/2/id"]
    assert refused_form(api, sections=[{"id": "a", **page}] * 2) == ["/definition/sections/1/id"]
    assert refused_form(api, questions=[{"id": "own", **own}] * 2) == ["/definition/questions/1/id"]
    unknown = [{"id": "a", "title": {"fi": "A"}, "items": ["summary", "sumary"]}]
    assert refused_form(api, sections=unknown) == ["/definition/sections/0/items/1"]
    taken = [{"id": "own", **own}, {"id": "impacts", **own}]
    assert refused_form(api, questions=taken) == ["/definition/questions/1/id"]


def test_an_assessment_moves_to_a_newer_edition_of_its_own_form_only(
    api: Api, county: County, database: Database
) -> None:
    def added(key: str) -> str:
        body = {"key": key, "title": {"fi": "Lomake"}, "definition": definition}
        return str(api.send("administrator", "POST", "/api/v1/forms", body).json()["id"])

    definition = {
        "screening": [{"id": "a", "label": {"fi": "A?"}}],
        "sections": [{"id": "a", "title": {"fi": "A"}, "items": ["summary"]}],
    }
    at = made(database, county, "drafting")
    older = api.send("preparer", "GET", at["assessment"]).json()["form_id"]
    newer, other = added("lava"), [added("own") for _ in range(3)][-1]  # of a higher edition, but another form

    def move(form_id: str) -> Any:
        return api.change(
            "preparer", "POST", f"{at['assessment']}/form-upgrade", {"form_id": form_id}, of=at["assessment"]
        )

    assert move(newer).status_code == 200
    for refused in (older, other):
        answer = move(refused)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/form_id")


def test_the_childs_interest_yields_only_for_a_reason(api: Api, county: County, database: Database) -> None:
    at = made(database, county, "drafting")
    bare = api.change("preparer", "PATCH", at["assessment"], {"interest_yields": True})
    assert (bare.status_code, "Give interest_yields_reason" in bare.text) == (422, True)
    alone = {"interest_yields": False, "interest_yields_reason": "Säästöt."}
    assert api.change("preparer", "PATCH", at["assessment"], alone).status_code == 422
    told = {"interest_yields": True, "interest_yields_reason": "Säästöt.", "competing_interests": "Talous."}
    changed = api.change("preparer", "PATCH", at["assessment"], told).json()
    assert {name: changed[name] for name in told} == told
    lines = api.send("preparer", "GET", f"{at['assessment']}/quality").json()["items"]
    assert next(line for line in lines if line["line"] == "best_interests")["passed"]
    api.change("preparer", "POST", f"{at['assessment']}/submission", of=at["assessment"])
    api.change("expert", "POST", f"{at['assessment']}/approval", of=at["assessment"])
    api.change("registrar", "POST", f"{at['assessment']}/publication", {"privacy_checked": True}, of=at["assessment"])
    (entry,) = api.client.get("/public/v1/assessments").json()["items"]
    document = api.client.get(f"/public/v1/assessments/{entry['id']}").json()["document"]
    assert (document["interest_yields"], document["interest_yields_reason"]) == (True, "Säästöt.")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fi", "Kerro, väistyykö lapsen etu muiden etujen tieltä."),
        ("sv", "Ange om barnets bästa får ge vika för andra intressen."),
        ("en", "Say whether the child's interest yields to other interests."),
    ],
)
def test_what_the_quality_check_misses_is_said_in_the_callers_language(
    api: Api, county: County, database: Database, language: str, words: str
) -> None:
    at = made(database, county, "drafting")
    answer = api.send("preparer", "GET", f"{at['assessment']}/quality", accept_language=language)
    line = next(line for line in answer.json()["items"] if line["line"] == "best_interests")
    assert [gap["code"] for gap in line["missing"]] == ["no_competing_interests", "yielding_not_said"]
    assert line["why"].endswith(words)
    assert (answer.headers["content-language"], answer.headers["vary"]) == (language, "Accept-Language")


def test_review_does_not_wait_for_parents_but_is_told(api: Api, county: County, database: Database) -> None:
    at = made(database, county, "drafting")
    lines = api.send("preparer", "GET", f"{at['assessment']}/quality").json()["items"]
    line = next(line for line in lines if line["line"] == "childrens_information")
    assert (line["passed"], [gap["code"] for gap in line["missing"]]) == (False, ["parents_not_heard"])
    submitted = api.change("preparer", "POST", f"{at['assessment']}/submission", of=at["assessment"])
    assert submitted.status_code == 200
