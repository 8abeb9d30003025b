"""The demo county and the tour: every step does what it should, on carried stories and on real cases."""

import json
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from rich.console import Console
from typer.testing import CliRunner

from app import cli
from app.assessments.rules import quality
from app.database import Database
from app.demo import county as demo
from app.demo.cases import chosen_stories, decisions_of, read_cases
from app.demo.client import Client, WrongAnswer
from app.demo.play import Player
from app.demo.tour import tour_of_cases, tour_of_county
from app.texts import holds_identity_code
from tests.county import Api
from tests.described import Described
from tests.shared import shared_file


def _console() -> tuple[Console, StringIO]:
    written = StringIO()
    return Console(file=written, width=120), written


@pytest.mark.slow
def test_the_tour_plays_the_main_job_and_every_step_does_what_it_should() -> None:
    console, written = _console()
    assert tour_of_county(console)
    told = written.getvalue()
    assert "✗" not in told
    for words in ("finds an unintended impact", "signs that no assessment is needed", "the chain is whole"):
        assert words in told


@pytest.mark.slow
def test_the_tour_fails_where_a_step_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Player) -> None:
        self.client.send("preparer", "POST", f"{self.assessment_path}/approval", changes=self.assessment_path)

    monkeypatch.setattr(Player, "approve", refuse)
    result = CliRunner().invoke(cli.app, ["tour"])
    assert result.exit_code == 1
    assert "✗" in result.output


@pytest.mark.slow
def test_the_tour_takes_real_cases() -> None:
    console, written = _console()
    assert tour_of_cases(console, shared_file("data/ahjo_cases.json"))
    told = written.getvalue()
    assert "✗" not in told
    for words in ("finds an unintended impact", "signs that no assessment is needed", "the chain is whole"):
        assert words in told


def _case(number: int, title: str) -> dict[str, Any]:
    """A case as the case-management system gives it, with one decision."""
    return {
        "CaseID": f"HEL-2026-{number:06}",
        "CaseIDLabel": f"HEL 2026-{number:06}",
        "Title": title,
        "Language": "fi",
        "ClassificationCode": "02 08 01",
        "ClassificationTitle": "Esimerkki",
        "links": [{"rel": "self", "href": f"https://ahjo.example.fi/cases/HEL-2026-{number:06}"}],
        "Records": [{"Type": "päätös", "NativeId": f"{{{number}}}", "Title": title, "Language": "fi"}],
    }


CLOSED, WELFARE, BOUGHT, OTHER = (
    "Päiväkodin sulkeminen",
    "Opiskeluhuollon järjestäminen",
    "Tulostimien hankinta",
    "Nuorisotilan hinnasto",
)


@pytest.mark.parametrize(
    ("titles", "played"),
    [
        (
            (OTHER, BOUGHT, WELFARE, CLOSED),
            {CLOSED: "followed_up", WELFARE: "published", BOUGHT: "not_needed_published"},
        ),
        ((OTHER, WELFARE), {WELFARE: "followed_up"}),
        ((BOUGHT, OTHER), {OTHER: "followed_up", BOUGHT: "not_needed_published"}),
        ((BOUGHT,), {BOUGHT: "not_needed_published"}),
        (("Koulun siirto", "Päiväkodin hinnasto"), {"Koulun siirto": "followed_up"}),
    ],
)
def test_the_tour_plays_each_kind_of_matter_that_the_cases_have_and_none_twice(
    titles: tuple[str, ...], played: dict[str, str]
) -> None:
    stories = chosen_stories(decisions_of([_case(number, title) for number, title in enumerate(titles)]))
    assert {story["register"]["title"]["fi"]: story["until"] for story in stories} == played
    assert len(stories) == len(played)


@pytest.mark.slow
@pytest.mark.parametrize("title", [CLOSED, BOUGHT])
def test_the_tour_takes_a_single_case_and_says_what_it_lacks(tmp_path: Path, title: str) -> None:
    (tmp_path / "cases.json").write_text(json.dumps({"cases": [_case(1, title)]}), "utf-8")
    console, written = _console()
    assert tour_of_cases(console, tmp_path / "cases.json")
    assert "None of the decisions is about pupil welfare." in written.getvalue()


@pytest.mark.parametrize(
    "content",
    ['{"cases": []}', "{}", "[]", "nonsense", '{"cases": [{"Title": "a"}]}', '{"cases": 7}', '{"cases": [7]}'],
)
def test_the_tour_says_what_is_wrong_with_a_file_without_cases(tmp_path: Path, content: str) -> None:
    path = tmp_path / "cases.json"
    path.write_text(content, "utf-8")
    result = CliRunner().invoke(cli.app, ["tour", "--cases", str(path)])
    assert (result.exit_code, result.exception.__class__) == (1, SystemExit)
    assert "cases.json" in result.output


def test_several_decisions_of_one_real_case_are_kept_exactly(api: Api) -> None:
    cases = read_cases(shared_file("data/ahjo_cases.json"))
    bodies = decisions_of(cases)
    for body in bodies:
        assert api.send("integration", "POST", "/api/v1/decisions", body).status_code == 201
    of_case = Counter(body["diary_number"] for body in bodies)
    headers = {"Authorization": f"Bearer {api.county.keys['preparer']}"}
    for case in cases:
        for number in (case["CaseIDLabel"], case["CaseID"]):
            params = {"diary_number": number, "limit": 200}
            found = api.client.get("/api/v1/decisions", params=params, headers=headers).json()["items"]
            assert len(found) == of_case[case["CaseIDLabel"]]
            assert {row["diary_number"] for row in found} == {case["CaseIDLabel"]}
            whole = api.send("preparer", "GET", f"/api/v1/decisions/{found[0]['id']}").json()
            assert [link["title"] for link in whole["documents"]] == [case["CaseID"]]
    assert sum(of_case.values()) == len(bodies) > len(cases)
    stories = [story["register"]["title"]["fi"] for story in chosen_stories(bodies)]
    assert len(set(stories)) == 3


READ_TOO = (
    "/api/v1/people",
    "/api/v1/people/me",
    "/api/v1/vocabulary",
    "/api/v1/journal",
    "/api/v1/forms",
    "/api/v1/assessments",
    "/api/v1/follow-ups",
    "/public/v1/assessments",
)


class _Connected:
    """The test's own service behind the demo's client; holds its answers to their description where it is given."""

    def __init__(self, client: TestClient, described: Described | None = None) -> None:
        self.client = client
        self.described = described

    def get(self, path: str, **options: Any) -> Any:
        return self.request("GET", path, **options)

    def request(self, method: str, path: str, **options: Any) -> Any:
        answer = self.client.request(method, path, **options)
        if self.described and answer.is_success:
            self.described.check(method, answer)
        return answer


def test_the_demo_county_is_filled_and_every_answer_is_described_to_its_last_field(
    client: TestClient, database: Database, the_app: FastAPI
) -> None:
    described = Described(the_app.openapi())
    keys, is_new = demo.people_and_keys(database)
    assert is_new
    speaker = Client(_Connected(client, described), keys)  # type: ignore[arg-type]
    services = demo.fill_services(speaker)
    for story in demo.content()["stories"]:
        Player(speaker, services, story).play()
    states = Counter(row["state"] for row in speaker.send("auditor", "GET", "/api/v1/decisions?limit=200")["items"])
    assert states["decided"] == 3
    hints = Counter(
        row["hint_outcome"] for row in speaker.send("auditor", "GET", "/api/v1/decisions?limit=200")["items"]
    )
    assert hints["unknown"] >= 1
    assert hints["probably_needed"] >= 5
    overdue = speaker.send("auditor", "GET", "/api/v1/follow-ups/schedule?due=overdue")["items"]
    assert [row["has_assessment"] for row in overdue] == [False]
    for path in READ_TOO:
        speaker.send("auditor", "GET", path)
    assert len(described.checked) > 40
    assert demo.is_unfinished(database)
    finished = demo.keys_of_filled(database)
    again, is_new = demo.people_and_keys(database)
    assert not is_new
    assert not demo.is_unfinished(database)
    assert set(again.values()).isdisjoint(finished.values())
    with pytest.raises(WrongAnswer):
        speaker.send("auditor", "GET", "/api/v1/decisions")
    told = Client(_Connected(client), again).send("auditor", "GET", "/api/v1/journal?verb=api_key.revoked&limit=200")  # type: ignore[arg-type]
    assert len(told["items"]) == len({*keys.values(), *finished.values()})
    assert demo.known_services(Client(_Connected(client), again)).units == services.units  # type: ignore[arg-type]


def test_the_demo_says_that_it_is_one_and_holds_no_personal_data() -> None:
    text = Path(demo.__file__).with_name("kymenlaakso.json").read_text("utf-8")
    assert not holds_identity_code(text)
    county = json.loads(text)
    assert set(county["note"]) == {"fi", "sv", "en"}
    for story in county["stories"]:
        assert set(story["register"]["title"]) == {"fi", "sv", "en"}
    assert {entry["impact_class"] for entry in county["classifications"]} == {"direct", "indirect", "communal", "none"}


@pytest.mark.parametrize("key", ["neuvola", "pupil-welfare"])
def test_the_carried_assessments_meet_every_line_of_the_quality_check(key: str) -> None:
    story = next(story for story in demo.content()["stories"] if story["key"] == key)
    written = story["assessment"]
    options = [
        {"id": "VE0", "code": "VE0"},
        *({"id": o["code"], "code": o["code"]} for o in story["register"]["options"]),
    ]
    impacts = [{**i, "option_id": i["option"], "evidence_ids": i["evidence"]} for i in written["impacts"]]
    assert [line["missing"] for line in quality({**written, "impacts": impacts}, options) if not line["passed"]] == []
