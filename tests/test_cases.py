"""The case-management system tells of its cases by its own key, in any order, and asks whether they are ready."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from app.clock import now, today
from app.database import Database
from app.decisions import queries as decision_queries
from tests.county import Api, County, a_decision_in, an_assessment

CASE = {"title": {"fi": "Neuvolan siirto"}, "body": "Aluehallitus", "language": "fi"}
NUMBER = "5146/01.04.00/2023"


def tell(api: Api, version: int | None = 1, *, number: str = NUMBER, key: str | None = None, **facts: Any) -> Any:
    """The answer to one word of the case system."""
    query = {"source": "ahjo", "diary_number": number, **({"decision_key": key} if key else {})}
    headers = {"Authorization": f"Bearer {api.county.keys['integration']}"}
    body = {**CASE, **({} if version is None else {"source_version": version}), **facts}
    return api.client.put("/api/v1/cases", params=query, json=body, headers=headers)


def told(api: Api, version: int | None = 1, **facts: Any) -> Any:
    answer = tell(api, version, **facts)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


def asked(api: Api, number: str = NUMBER) -> Any:
    headers = {"Authorization": f"Bearer {api.county.keys['integration']}"}
    return api.client.get("/api/v1/cases", params={"source": "ahjo", "diary_number": number}, headers=headers)


def decision_of(api: Api, said: Any) -> Any:
    return api.send("preparer", "GET", f"/api/v1/decisions/{said['decision']['decision_id']}").json()


def journal(api: Api) -> list[str]:
    entries = api.send("auditor", "GET", "/api/v1/journal?limit=200").json()["items"]
    return [entry["verb"] for entry in entries]


def days_ago(days: int) -> str:
    return (today() - timedelta(days=days)).isoformat()


def a_handled(key: str, outcome: str = "decided", days: int = 1, **facts: Any) -> dict[str, Any]:
    return {"key": key, "body": "Aluehallitus", "meeting_date": days_ago(days), "outcome": outcome, **facts}


def test_a_case_is_created_then_unchanged_then_updated(api: Api) -> None:
    first = tell(api)
    assert first.status_code == 201
    said = first.json()
    assert said["outcome"] == "created"
    decision = decision_of(api, said)
    assert (decision["state"], decision["source"], decision["version"]) == ("in_preparation", "ahjo", 1)
    before = journal(api)
    assert told(api)["outcome"] == "unchanged"
    assert told(api, 2)["outcome"] == "unchanged"
    assert journal(api) == before
    assert decision_of(api, said)["version"] == 1
    changed = told(api, 3, title={"fi": "Neuvolan sulkeminen"}, meeting_date="2026-12-14")
    assert changed["outcome"] == "updated"
    decision = decision_of(api, said)
    assert (decision["title"], decision["meeting_date"]) == ({"fi": "Neuvolan sulkeminen"}, "2026-12-14")
    assert told(api, 4)["outcome"] == "updated"  # the meeting is no longer told: it is not there
    assert decision_of(api, said)["meeting_date"] is None


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_whatever_the_order_the_newest_word_stands(api: Api, order: tuple[int, ...]) -> None:
    for version in order:
        said = told(api, version, title={"fi": f"Versio {version}"})
    assert decision_of(api, said)["title"] == {"fi": "Versio 3"}
    assert asked(api).json()["decisions"][0]["source_version"] == 3


def test_an_unchanged_word_moves_the_version_so_that_an_older_one_is_outdated(api: Api) -> None:
    told(api, 1)
    assert told(api, 3)["outcome"] == "unchanged"
    assert told(api, 2, title={"fi": "Väliin jäänyt"})["outcome"] == "outdated"
    assert asked(api).json()["decisions"][0]["title"] == CASE["title"]


def test_times_decide_where_there_are_no_versions(api: Api) -> None:
    times = ["2026-11-02T08:00:00Z", "2026-11-02T11:00:00+02:00", "2026-11-02T08:30:00.5Z"]
    outcomes = [told(api, None, source_changed_at=at, title={"fi": at})["outcome"] for at in times]
    assert outcomes == ["created", "updated", "outdated"]


def test_what_cannot_be_ordered_is_refused(api: Api) -> None:
    told(api, 7)
    same = tell(api, 7, title={"fi": "Toinen"})
    assert (same.status_code, same.json()["type"]) == (409, "urn:lava:problem:source_version")
    timed = tell(api, None, source_changed_at="2026-11-02T08:00:00Z")
    assert (timed.status_code, timed.json()["type"]) == (409, "urn:lava:problem:source_version")
    assert tell(api, None).status_code == 422
    assert asked(api).json()["decisions"][0]["title"] == CASE["title"]


def test_facts_of_the_source_are_read_only_and_what_officials_write_stays(api: Api) -> None:
    said = told(api)
    path = f"/api/v1/decisions/{said['decision']['decision_id']}"
    refused = api.change("preparer", "PATCH", path, {"title": {"fi": "Oma otsikko"}, "body": "Muu"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:lava:problem:kept_by_source")
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/body", "/title"]
    documents = {"items": [{"title": "Oma", "url": "https://example.fi/oma"}]}
    assert api.change("preparer", "PUT", f"{path}/documents", documents, of=path).status_code == 409
    people = api.send("administrator", "GET", "/api/v1/people").json()["items"]
    preparer = next(row["id"] for row in people if row["roles"] == ["preparer"])
    assert api.change("preparer", "PATCH", path, {"preparer_id": preparer}).status_code == 200
    option = {"code": "VE1", "title": {"fi": "Siirretään"}}
    assert api.send("preparer", "POST", f"{path}/options", option).status_code == 201
    told(api, 2, title={"fi": "Neuvolan sulkeminen"})
    decision = decision_of(api, said)
    assert decision["preparer_id"] == preparer
    assert [row["code"] for row in decision["options"]] == ["VE0", "VE1"]
    assert set(decision["kept_by_source"]) >= {"title", "body", "documents", "meeting_date", "publicity"}


def test_a_unit_belongs_to_whoever_tells_it(api: Api) -> None:
    unit = {"code": "LNP", "name": {"fi": "Lapset"}, "level": "sector", "valid_from": "2020-01-01"}
    said = told(api, 1, unit_code="LNP")
    assert (said["unknown_unit"], decision_of(api, said)["unit_id"]) == ("LNP", None)
    unit_id = api.send("controller", "POST", "/api/v1/units", unit).json()["id"]
    assert told(api, 2, unit_code="LNP") | {"decision": None} == {
        "outcome": "updated",
        "unknown_unit": None,
        "decision": None,
    }
    assert decision_of(api, said)["unit_id"] == unit_id
    path = f"/api/v1/decisions/{said['decision']['decision_id']}"
    assert api.change("preparer", "PATCH", path, {"unit_id": None}).status_code == 409
    told(api, 3)
    assert decision_of(api, said)["unit_id"] == unit_id
    assert api.change("preparer", "PATCH", path, {"unit_id": None}).status_code == 200


def test_a_decision_registered_by_hand_is_adopted_with_its_work(api: Api) -> None:
    made = api.decision(diary_number=f" {NUMBER} ", body="Muu")
    said = told(api, 1, title={"fi": "Neuvolan siirto"})
    assert said["outcome"] == "updated"
    assert said["decision"]["decision_id"] == made["id"]
    decision = decision_of(api, said)
    assert (decision["source"], decision["body"]) == ("ahjo", "Aluehallitus")
    assert [row["code"] for row in decision["options"]] == ["VE0", "VE1"]
    assert "decision.adopted" in journal(api)
    assert told(api, 2)["outcome"] == "unchanged"


def test_a_meeting_is_recorded_whatever_the_state_and_its_correction_corrects(api: Api) -> None:
    said = told(api, 1, handlings=[a_handled("1", "tabled", days=9, section="60")])
    decision = decision_of(api, said)
    assert (decision["state"], decision["uncleared"]) == ("tabled", True)
    both = [a_handled("1", "tabled", days=9, section="60"), a_handled("2", days=2, section="65")]
    assert told(api, 2, handlings=both)["outcome"] == "updated"
    decision = decision_of(api, said)
    assert (decision["state"], decision["decided_on"]) == ("decided", days_ago(2))
    assert decision["follow_up_on"] is not None
    path = f"/api/v1/decisions/{decision['id']}/handlings"
    corrected = [both[0], a_handled("2", "returned", days=3, section="66")]
    assert told(api, 3, handlings=corrected)["outcome"] == "updated"
    rows = api.send("preparer", "GET", path).json()["items"]
    assert [(row["source_key"], row["section"], row["outcome"]) for row in rows] == [
        ("1", "60", "tabled"),
        ("2", "66", "returned"),
    ]
    decision = decision_of(api, said)
    assert (decision["state"], decision["decided_on"], decision["follow_up_on"]) == ("returned", None, None)
    assert told(api, 4)["outcome"] == "unchanged"  # handlings no longer told: what happened stays
    assert decision_of(api, said)["meeting_date"] == days_ago(3)
    assert len(api.send("preparer", "GET", path).json()["items"]) == 2


def test_a_handling_recorded_here_is_not_recorded_twice(api: Api) -> None:
    said = told(api)
    path = f"/api/v1/decisions/{said['decision']['decision_id']}"
    by_hand = {"body": "Aluehallitus", "meeting_date": days_ago(1), "section": "65", "outcome": "decided"}
    assert api.change("registrar", "POST", f"{path}/handlings", by_hand, of=path).status_code == 201
    told(api, 2, handlings=[a_handled("17", section="65")])
    rows = api.send("preparer", "GET", f"{path}/handlings").json()["items"]
    assert [(row["source_key"], row["section"]) for row in rows] == [("17", "65")]


def test_the_status_is_acted_on_when_it_changes(api: Api) -> None:
    said = told(api, 1, status="in_preparation")
    assert decision_of(api, said)["state"] == "in_preparation"
    told(api, 2, status="on_agenda")
    decision = decision_of(api, said)
    assert (decision["state"], decision["uncleared"]) == ("presented", True)
    told(api, 3, status="on_agenda", handlings=[a_handled("1")])
    assert decision_of(api, said)["state"] == "decided"
    told(api, 4, status="on_agenda", title={"fi": "Korjattu otsikko"}, handlings=[a_handled("1")])
    decision = decision_of(api, said)
    assert (decision["state"], decision["title"]) == ("decided", {"fi": "Korjattu otsikko"})
    told(api, 5, status="in_preparation", handlings=[a_handled("1")])
    decision = decision_of(api, said)
    assert (decision["state"], decision["decided_on"], decision["uncleared"]) == ("in_preparation", None, False)
    told(api, 6, status="withdrawn")
    assert decision_of(api, said)["state"] == "withdrawn"
    assert asked(api).json()["ready"] is True  # nothing of it goes to a meeting
    told(api, 7, status="in_preparation")
    assert decision_of(api, said)["state"] == "in_preparation"


def test_a_hand_made_decision_is_not_undone_by_the_sources_first_word(api: Api, database: Database) -> None:
    with database.transaction() as session:
        made = a_decision_in(session, api.county, "decided")
        made.diary_number = made.natural_number = NUMBER
    said = told(api, 1, status="in_preparation")
    assert decision_of(api, said)["state"] == "decided"
    told(api, 2, status="withdrawn")
    assert decision_of(api, said)["state"] == "withdrawn"


def test_readiness_from_missing_to_ready_to_lapsed(api: Api, database: Database) -> None:
    said = told(api, 1, status="in_preparation")
    first = said["decision"]
    assert (first["ready"], first["readiness"], first["need"]) == (False, "missing", "unknown")
    assert [step["code"] for step in first["missing"]] == ["screen"]
    assert first["links"]["form"].endswith(f"/api/v1/decisions/{first['decision_id']}")
    assert asked(api).json()["ready"] is False
    option = {"code": "VE1", "title": {"fi": "Siirretään"}}
    path = f"/api/v1/decisions/{first['decision_id']}"
    assert api.send("preparer", "POST", f"{path}/options", option).status_code == 201
    with database.transaction() as session:
        decision = decision_queries.get(session, made_id(first), visible_to=api.county["preparer"])
        made = an_assessment(session, api.county, "drafting", decision)
    drafting = asked(api).json()["decisions"][0]
    assert (drafting["readiness"], drafting["need"], drafting["edition"]) == ("drafting", "needed", 1)
    assert {line["line"] for line in drafting["quality"]} >= {"evidence_base"}
    assert all(line["missing"] and line["why"] for line in drafting["quality"])
    own = f"/api/v1/assessments/{made.id}"
    assert api.change("preparer", "POST", f"{own}/submission", of=own).status_code == 200
    assert asked(api).json()["decisions"][0]["readiness"] == "in_review"
    assert api.change("expert", "POST", f"{own}/approval", of=own).status_code == 200
    ready = asked(api).json()
    assert ready["ready"] is True
    approved = ready["decisions"][0]
    assert (approved["readiness"], approved["missing"], approved["quality"]) == ("approved", [], [])
    assert approved["content_digest"] == api.send("expert", "GET", f"{own}/seals").json()["items"][-1]["digest"]
    assert approved["links"]["statement"].endswith(f"{own}/statement")
    told(api, 2, title={"fi": "Neuvolan lakkautus"}, status="on_agenda")
    lapsed = asked(api).json()
    assert lapsed["ready"] is False
    assert (lapsed["decisions"][0]["readiness"], lapsed["decisions"][0]["lapsed_because"]) == ("lapsed", ["title"])
    assert lapsed["decisions"][0]["uncleared"] is True


def made_id(said: Any) -> Any:
    from uuid import UUID

    return UUID(said["decision_id"])


def test_the_edition_is_the_one_that_cleared_also_while_a_newer_one_is_written(api: Api, database: Database) -> None:
    said = told(api)["decision"]
    path = f"/api/v1/decisions/{said['decision_id']}"
    option = {"code": "VE1", "title": {"fi": "Siirretään"}}
    assert api.send("preparer", "POST", f"{path}/options", option).status_code == 201
    with database.transaction() as session:
        decision = decision_queries.get(session, made_id(said), visible_to=api.county["preparer"])
        approved = str(an_assessment(session, api.county, "approved", decision).id)
    own = f"/api/v1/assessments/{approved}"
    newer = api.change("preparer", "POST", f"{own}/editions", of=own).json()
    found = asked(api).json()["decisions"][0]
    assert (found["readiness"], found["edition"], found["assessment_id"]) == ("approved", 1, approved)
    assert (newer["edition"], found["links"]["form"].rpartition("/")[2]) == (2, newer["id"])
    assert found["links"]["statement"].endswith(f"{own}/statement")


def test_on_an_agenda_the_mark_follows_the_clearance(api: Api, database: Database) -> None:
    said = told(api, 1, status="on_agenda")
    assert decision_of(api, said)["uncleared"] is True
    option = {"code": "VE1", "title": {"fi": "Siirretään"}}
    path = f"/api/v1/decisions/{said['decision']['decision_id']}"
    assert api.send("preparer", "POST", f"{path}/options", option).status_code == 201
    with database.transaction() as session:
        decision = decision_queries.get(session, made_id(said["decision"]), visible_to=api.county["preparer"])
        an_assessment(session, api.county, "approved", decision)
    decision = decision_of(api, said)
    assert (decision["state"], decision["uncleared"], decision["clearance_kind"]) == ("presented", False, "approved")
    told(api, 2, title={"fi": "Muu"}, status="on_agenda")
    decision = decision_of(api, said)
    assert (decision["state"], decision["uncleared"], decision["clearance_kind"]) == ("presented", True, None)


def test_a_signed_not_needed_and_a_set_aside_matter_are_ready(api: Api, database: Database) -> None:
    said = told(api)
    with database.transaction() as session:
        decision = decision_queries.get(session, made_id(said["decision"]), visible_to=api.county["preparer"])
        an_assessment(session, api.county, "not_needed", decision)
    found = asked(api).json()["decisions"][0]
    assert (found["ready"], found["readiness"], found["need"]) == (True, "not_needed", "not_needed")
    items = {"items": [{"prefix": "01 01", "reason": "Yksilöasia"}]}
    path = "/api/v1/organisation"
    answer = api.change("administrator", "PUT", f"{path}/excluded-task-classes", items, of=path)
    assert answer.status_code == 200, answer.text
    other = told(api, 1, number="2/2026", task_class_code="01 01 00")["decision"]
    assert (other["ready"], other["readiness"], other["need"]) == (True, "excluded", "excluded")


def test_several_decisions_of_a_case_are_kept_apart(api: Api) -> None:
    told(api, 1, key="A")
    told(api, 1, key="B", title={"fi": "Toinen"})
    told(api, 5, key="C", status="withdrawn")
    found = asked(api, f"  {NUMBER}  ").json()
    assert [(row["decision_key"], row["state"]) for row in found["decisions"]] == [
        ("A", "in_preparation"),
        ("B", "in_preparation"),
        ("C", "withdrawn"),
    ]
    assert asked(api, "1/1999").status_code == 404


def test_a_meeting_that_it_goes_on_to_stands_beside_the_one_that_tabled_it(api: Api) -> None:
    next_meeting = (today() + timedelta(days=9)).isoformat()
    said = told(api, 1, meeting_date=next_meeting)
    told(api, 2, meeting_date=next_meeting, body="Aluevaltuusto", handlings=[a_handled("1", "tabled")])
    decision = decision_of(api, said)
    assert (decision["state"], decision["meeting_date"], decision["body"]) == ("tabled", next_meeting, "Aluevaltuusto")


def test_a_time_that_no_later_word_could_follow_is_refused(api: Api) -> None:
    tomorrow = (now() + timedelta(hours=25)).isoformat()
    refused = tell(api, None, source_changed_at=tomorrow)
    assert (refused.status_code, "in the future" in refused.text) == (422, True)
    assert tell(api, None, source_changed_at=(now() + timedelta(hours=23)).isoformat()).status_code == 201


def test_version_and_time_both_tell_what_is_older_also_where_one_is_left_out(api: Api) -> None:
    told(api, 5, source_changed_at="2026-11-02T08:00:00Z")
    told(api, None, source_changed_at="2026-11-02T09:00:00Z", title={"fi": "Uudempi"})
    assert told(api, 4, title={"fi": "Vanha"})["outcome"] == "outdated"
    assert told(api, 6, title={"fi": "Uusin"})["outcome"] == "updated"


def test_what_is_told_as_absent_is_the_same_as_left_out(api: Api) -> None:
    told(api, 1)
    assert told(api, 1, documents=[], meeting_date=None, publicity="public")["outcome"] == "unchanged"


def test_a_case_is_ready_by_what_is_still_ahead_of_it(api: Api) -> None:
    told(api, 1, key="A", handlings=[a_handled("1")])
    assert asked(api).json()["ready"] is False  # it was taken without
    items = {"items": [{"prefix": "01 01", "reason": "Yksilöasia"}]}
    path = "/api/v1/organisation"
    assert api.change("administrator", "PUT", f"{path}/excluded-task-classes", items, of=path).status_code == 200
    told(api, 1, key="B", task_class_code="01 01 00")
    found = asked(api).json()
    assert (found["ready"], [row["ready"] for row in found["decisions"]]) == (True, [False, True])
    told(api, 1, key="C")
    assert asked(api).json()["ready"] is False


def test_who_asks_again_is_told_that_nothing_changed(api: Api) -> None:
    told(api)
    etag = asked(api).headers["etag"]
    headers = {"Authorization": f"Bearer {api.county.keys['integration']}", "If-None-Match": etag}
    query = {"source": "ahjo", "diary_number": NUMBER}
    assert api.client.get("/api/v1/cases", params=query, headers=headers).status_code == 304
    told(api, 2, title={"fi": "Muu"})
    assert api.client.get("/api/v1/cases", params=query, headers=headers).status_code == 200


def test_a_diary_number_of_blanks_is_none(api: Api) -> None:
    refused = tell(api, number="\u001c\u001d")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/diary_number")


def batch(api: Api, *items: Any, source: str = "ahjo", **headers: str) -> Any:
    return api.send("integration", "POST", "/api/v1/cases/batch", {"source": source, "items": list(items)}, **headers)


def an_item(number: str, version: int = 1, **facts: Any) -> dict[str, Any]:
    return {**CASE, "diary_number": number, "source_version": version, **facts}


def test_a_batch_takes_each_case_by_itself(api: Api) -> None:
    told(api, 5, number="2/2026")
    items = [
        an_item("1/2026"),
        an_item("2/2026", 4, title={"fi": "Vanha"}),
        an_item("3/2026", handlings=[a_handled("1", days=-2)]),
        {"diary_number": "4/2026"},
        an_item("5/2026", title={"fi": "Oppilas 131052-308T"}),
        an_item("6/2026", handlings=[a_handled("1", option_code="VE7")]),
        an_item("1/2026"),
        an_item("7/2026", unit_code="EI-OLE"),
        {"diary_number": 8, "decision_key": "\u0000"},
    ]
    answer = batch(api, *items)
    assert answer.status_code == 200, answer.text
    results = answer.json()["items"]
    assert [row["outcome"] for row in results] == [
        "created",
        "outdated",
        "refused",
        "refused",
        "refused",
        "refused",
        "unchanged",
        "created",
        "refused",
    ]
    problems = [(row["problem"] or {}).get("type", "").rpartition(":")[2] for row in results]
    assert problems == ["", "", "invalid", "invalid", "invalid_text", "invalid", "", "", "invalid_text"]
    assert results[2]["problem"]["errors"][0]["pointer"] == "/handlings/0/meeting_date"
    assert results[4]["problem"]["errors"][0]["pointer"] == "/title/fi"
    assert [row["diary_number"] for row in results[:6]] == [f"{n}/2026" for n in range(1, 7)]
    assert results[7]["unknown_unit"] == "EI-OLE"
    listed = api.send("preparer", "GET", "/api/v1/decisions?source=ahjo").json()["items"]
    assert {row["diary_number"] for row in listed} == {"1/2026", "2/2026", "7/2026"}


def test_what_a_refused_case_of_a_batch_wrote_is_undone(api: Api) -> None:
    told(api, 1, number="1/2026")
    before = journal(api)
    items = [an_item("1/2026", 2, title={"fi": "Uusi"}, handlings=[a_handled("1"), a_handled("2", days=-1)])]
    answer = batch(api, *items).json()["items"][0]
    assert (answer["outcome"], answer["decision_id"]) == ("refused", None)
    assert journal(api) == before
    decision = api.send("preparer", "GET", "/api/v1/decisions?diary_number=1/2026").json()["items"][0]
    assert (decision["title"], decision["version"]) == (CASE["title"], 1)
    again = batch(api, an_item("1/2026", 2, title={"fi": "Uusi"})).json()["items"][0]
    assert again["outcome"] == "updated"


def test_a_batch_has_at_most_500_cases(api: Api) -> None:
    items = [an_item(f"{n}/2026") for n in range(500)]
    first = batch(api, *items)
    assert first.status_code == 200, first.text
    assert {row["outcome"] for row in first.json()["items"]} == {"created"}
    assert {row["outcome"] for row in batch(api, *items).json()["items"]} == {"unchanged"}
    assert batch(api, *items, an_item("x")).status_code == 422
    assert batch(api).status_code == 422


def test_many_words_of_one_case_at_once_make_one_decision(api: Api) -> None:
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda version: tell(api, version, title={"fi": f"Versio {version}"}), range(1, 31)))
    assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
    assert sum(answer.status_code == 201 for answer in answers) == 1
    found = api.send("preparer", "GET", "/api/v1/decisions?source=ahjo").json()["items"]
    assert [row["title"] for row in found] == [{"fi": "Versio 30"}]


def test_officials_and_the_case_system_at_once_lose_nothing(api: Api) -> None:
    said = told(api)
    path = f"/api/v1/decisions/{said['decision']['decision_id']}"

    def work(number: int) -> Any:
        if number % 2:
            return tell(api, number + 2, title={"fi": f"Versio {number}"})
        return api.send("preparer", "POST", f"{path}/options", {"code": f"VE{number + 1}", "title": {"fi": "Tapa"}})

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(work, range(20)))
    assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
    decision = decision_of(api, said)
    assert len(decision["options"]) == 11
    assert decision["title"] == {"fi": "Versio 19"}


def test_another_organisations_cases_are_its_own(api: Api, neighbour: County) -> None:
    told(api)
    theirs = Api(api.client, neighbour)
    assert asked(theirs).status_code == 404
    assert told(theirs)["outcome"] == "created"
    assert asked(api).json()["decisions"][0]["decision_id"] != asked(theirs).json()["decisions"][0]["decision_id"]


@pytest.mark.parametrize("missing", ["cases:write", "decisions:write", "decisions:read", "assessments:read"])
def test_a_narrowed_key_tells_of_no_case_that_it_may_not_write_or_read(api: Api, missing: str) -> None:
    told(api)
    needed = {"cases:write", "decisions:write", "decisions:read", "assessments:read"}
    asked_for = {"person_id": str(api.county["integration"].id), "label": "kapea", "scopes": sorted(needed - {missing})}
    made = api.send("administrator", "POST", "/api/v1/api-keys", asked_for)
    assert made.status_code == 201, made.text
    api.county.keys["integration"] = made.json()["key"]
    answer = tell(api, 2, title={"fi": "Uusi"})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:lava:problem:not_allowed")
    if missing != "assessments:read":
        assert batch(api, an_item(NUMBER, 2, title={"fi": "Uusi"})).status_code == 403
    path = "/api/v1/decisions?source=ahjo"
    assert [row["title"] for row in api.send("preparer", "GET", path).json()["items"]] == [CASE["title"]]


@pytest.mark.parametrize("items", [{"0": "131052-308T"}, {"٣": "\u0000"}, {"9" * 5000: "\u0000"}, "\u0000"])
def test_a_batch_that_is_no_list_is_refused_whatever_is_in_it(api: Api, items: Any) -> None:
    answer = api.send("integration", "POST", "/api/v1/cases/batch", {"source": "ahjo", "items": items})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:lava:problem:invalid_text")


def test_blanks_around_a_decision_key_make_no_other_decision(api: Api) -> None:
    told(api, 1, key="A")
    assert told(api, 1, key=" A ")["outcome"] == "unchanged"
    assert batch(api, an_item(NUMBER, decision_key="A ")).json()["items"][0]["outcome"] == "unchanged"
    assert tell(api, 1, key=" ").status_code == 422


def test_after_a_withdrawn_assessment_the_form_is_at_the_decision_again(api: Api, database: Database) -> None:
    said = told(api)
    with database.transaction() as session:
        decision = decision_queries.get(session, made_id(said["decision"]), visible_to=api.county["preparer"])
        an_assessment(session, api.county, "withdrawn", decision)
    found = asked(api).json()["decisions"][0]
    assert (found["readiness"], found["links"]["form"]) == ("missing", found["links"]["decision"])
    started = api.send("preparer", "POST", f"{found['links']['form']}/assessments", {})
    assert started.status_code == 201, started.text
    found = asked(api).json()["decisions"][0]
    assert found["links"]["form"].endswith(f"/assessments/{started.json()['id']}")


def test_no_case_system_tells_of_what_was_registered_here_as_its_own(api: Api) -> None:
    made = api.decision(diary_number="9/2026")
    query = "?source=manual&diary_number=9/2026"
    body = {**CASE, "source_version": 1}
    answers = [
        api.send("integration", "PUT", f"/api/v1/cases{query}", body),
        batch(api, an_item("9/2026"), source="manual"),
        api.send("administrator", "POST", "/api/v1/cases/systems", {"source": "manual"}),
    ]
    assert [answer.status_code for answer in answers] == [422] * 3
    pointers = [answer.json()["errors"][0]["pointer"] for answer in answers[:2]]
    assert pointers == ["source", "/source"]
    assert api.send("preparer", "GET", f"/api/v1/decisions/{made['id']}").json()["kept_by_source"] == []
