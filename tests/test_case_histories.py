"""What a case system tells of meetings and statuses in odd orders: corrections, reopenings, several on one day."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from app.clock import today
from tests.county import Api
from tests.test_cases import a_handled, days_ago, decision_of, told


def test_a_handling_moved_before_another_leaves_the_matter_where_the_other_did(api: Api) -> None:
    tabled = a_handled("1", "tabled", days=9)
    said = told(api, 1, handlings=[tabled, a_handled("2", days=2)])
    assert decision_of(api, said)["state"] == "decided"
    told(api, 2, handlings=[tabled, a_handled("2", days=12)])
    decision = decision_of(api, said)
    assert (decision["state"], decision["decided_on"], decision["meeting_date"]) == ("tabled", None, days_ago(9))


def test_a_correction_of_the_same_days_earlier_handling_does_not_undo_the_later(api: Api) -> None:
    first = a_handled("1", "tabled", days=2, body="Lautakunta")
    second = a_handled("2", days=2, option_code="VE0")
    said = told(api, 1, handlings=[first, second])
    before = decision_of(api, said)
    assert (before["state"], before["body"]) == ("decided", "Aluehallitus")
    told(api, 2, handlings=[{**first, "section": "7"}, second])
    after = decision_of(api, said)
    assert (after["state"], after["body"], after["chosen_option_id"]) == (
        "decided",
        "Aluehallitus",
        before["chosen_option_id"],
    )
    assert after["chosen_option_id"] is not None
    told(api, 3, handlings=[{**first, "outcome": "returned"}, second])
    assert decision_of(api, said)["state"] == "decided"


def test_a_correction_does_not_undo_what_officials_did_since(api: Api) -> None:
    said = told(api, 1, handlings=[a_handled("1", days=5)])
    path = f"/api/v1/decisions/{said['decision']['decision_id']}"
    assert api.change("registrar", "POST", f"{path}/implementation", of=path).status_code == 200
    assert api.change("preparer", "PATCH", path, {"follow_up_on": "2030-01-01"}).status_code == 200
    told(api, 2, handlings=[a_handled("1", days=6)])
    decision = decision_of(api, said)
    assert (decision["state"], decision["decided_on"]) == ("implementing", days_ago(6))
    assert decision["follow_up_on"] == "2030-01-01"


def test_a_correction_does_not_undo_a_reopening(api: Api) -> None:
    said = told(api, 1, status="on_agenda", handlings=[])
    told(api, 2, status="on_agenda", handlings=[a_handled("1", days=5)])
    told(api, 3, status="in_preparation", handlings=[a_handled("1", days=5)])
    assert decision_of(api, said)["state"] == "in_preparation"
    told(api, 4, status="in_preparation", handlings=[a_handled("1", days=6)])
    decision = decision_of(api, said)
    assert (decision["state"], decision["decided_on"]) == ("in_preparation", None)


def test_a_date_of_follow_up_that_nobody_chose_follows_the_corrected_day(api: Api) -> None:
    said = told(api, 1, handlings=[a_handled("1", days=5)])
    before = decision_of(api, said)["follow_up_on"]
    told(api, 2, handlings=[a_handled("1", days=6)])
    assert decision_of(api, said)["follow_up_on"] < before


def test_a_meeting_that_decided_after_all_decides_also_what_had_gone_on(api: Api) -> None:
    said = told(api, 1, handlings=[a_handled("1", "tabled", days=5)])
    path = f"/api/v1/decisions/{said['decision']['decision_id']}"
    assert api.change("preparer", "POST", f"{path}/preparation", {}, of=path).status_code == 200
    told(api, 2, handlings=[a_handled("1", "tabled", days=6)])
    assert decision_of(api, said)["state"] == "in_preparation"
    told(api, 3, handlings=[a_handled("1", days=6)])
    decision = decision_of(api, said)
    assert (decision["state"], decision["decided_on"]) == ("decided", days_ago(6))


def test_a_choice_recorded_here_is_kept_when_the_source_tells_of_the_meeting(api: Api) -> None:
    said = told(api)
    decision = decision_of(api, said)
    path = f"/api/v1/decisions/{decision['id']}"
    by_hand = {"body": "Aluehallitus", "meeting_date": days_ago(1), "section": "65", "outcome": "decided"}
    by_hand["option_id"] = decision["options"][0]["id"]
    assert api.change("registrar", "POST", f"{path}/handlings", by_hand, of=path).status_code == 201
    told(api, 2, handlings=[a_handled("17")])
    (row,) = api.send("preparer", "GET", f"{path}/handlings").json()["items"]
    assert row["option_id"] == by_hand["option_id"]
    assert row["section"] == "65"
    assert decision_of(api, said)["chosen_option_id"] == by_hand["option_id"]
    told(api, 3, title={"fi": "Muu"}, handlings=[a_handled("17")])
    assert decision_of(api, said)["chosen_option_id"] == by_hand["option_id"]


def test_a_reopening_after_words_without_a_status_is_news(api: Api) -> None:
    said = told(api, 1, status="in_preparation")
    told(api, 2, handlings=[a_handled("1", days=5)])
    assert decision_of(api, said)["state"] == "decided"
    told(api, 3, status="in_preparation", handlings=[a_handled("1", days=5)])
    assert decision_of(api, said)["state"] == "in_preparation"


def test_a_withdrawn_case_stays_so_when_an_old_meeting_is_told_late(api: Api) -> None:
    said = told(api, 1, status="in_preparation")
    told(api, 2, status="withdrawn")
    told(api, 3, status="withdrawn", handlings=[a_handled("1", "tabled", days=20)])
    assert decision_of(api, said)["state"] == "withdrawn"


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_whatever_the_order_what_was_decided_is_decided(api: Api, order: tuple[int, ...]) -> None:
    words: dict[int, dict[str, Any]] = {
        1: {"status": "in_preparation"},
        2: {"status": "on_agenda"},
        3: {"status": "on_agenda", "handlings": [a_handled("1", days=2)]},
    }
    for version in order:
        said = told(api, version, **words[version])
    decision = decision_of(api, said)
    assert (decision["state"], decision["decided_on"]) == ("decided", days_ago(2))


@pytest.mark.parametrize("order", [(1, 2, 3), (1, 3)])
def test_a_matter_that_goes_to_a_later_meeting_is_on_its_agenda(api: Api, order: tuple[int, ...]) -> None:
    later = (today() + timedelta(days=9)).isoformat()
    words: dict[int, dict[str, Any]] = {
        1: {"status": "in_preparation"},
        2: {"status": "in_preparation", "handlings": [a_handled("1", days=2)]},
        3: {"status": "on_agenda", "meeting_date": later, "handlings": [a_handled("1", days=2)]},
    }
    for version in order:
        said = told(api, version, **words[version])
    assert decision_of(api, said)["state"] == "presented"


def test_what_a_meeting_did_is_judged_by_the_task_class_as_it_is_told_now(api: Api) -> None:
    organisation = "/api/v1/organisation"
    items = {"items": [{"prefix": "01 01", "reason": "Yksilöasia"}]}
    set_aside = api.change("administrator", "PUT", f"{organisation}/excluded-task-classes", items, of=organisation)
    assert set_aside.status_code == 200

    def marks(version: int, task_class: str) -> tuple[bool, bool, bool]:
        said = told(api, version, task_class_code=task_class, handlings=[a_handled("1", days=2)])
        decision = decision_of(api, said)
        rows = api.send("preparer", "GET", f"/api/v1/decisions/{decision['id']}/handlings").json()["items"]
        return decision["excluded"], decision["uncleared"], rows[0]["uncleared"]

    assert marks(1, "01 01 00") == (True, False, False)
    assert marks(2, "02 01 00") == (False, True, True)
    assert marks(3, "01 01 00") == (True, False, False)
