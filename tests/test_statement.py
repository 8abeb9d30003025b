"""The statement (lausunto): of exactly what was sealed, in three languages and three forms."""

import base64
import hashlib
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from html.parser import HTMLParser
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from pypdf import PdfReader

from app.access import actions as access
from app.access.models import Account
from app.assessments import actions as assessments
from app.assessments import parts
from app.assessments.models import Assessment, AssessmentState, Seal
from app.case_management import rendering, statement
from app.case_management.statement_api import StatementFormat, preferred
from app.case_management.statement_page import day, page
from app.database import Database, Session
from app.decisions import actions as decisions
from app.decisions import queries as decision_queries
from app.decisions.models import Decision
from app.demo.county import built_in_form
from app.journal import actions as journal
from app.journal import queries as journal_queries
from tests.county import (
    Api,
    County,
    a_decision,
    an_assessment,
    an_impact,
)

NBSP, MINUS = "\u00a0", "\u2212"
HOSTILE = {
    "typst": '#panic("x") #import "a" #{1+1} [#sys] @label <label> // gone /* gone */',
    "markup": "*bold* _it_ `raw` $x^2$ = heading - list + enum / term: \\ \\u{41} --- ~",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>&amp;\"'</style></title>",
    "jinja": "{{ 7*7 }}{% raw %}{# gone #}",
    "json": '"}],"x":"\\u0000',
    "long word": "Lapsivaikutustenarviointi" * 40,
    "emoji": "Hyvä 👍🏽 👨\u200d👩\u200d👧 päivä",
    "rtl": "\u202eesiintyy\u202c שלום مرحبا",
    "cjk": "日本語 中文",
    "control": "a\x01b\x0bc\u2028d\ufeffe\ue000f\U000e0041",
    "long": "Sana sanasta tulee pitkä teksti. " * 300,
    "lines": "\n\n\nYksi\r\nkaksi\n\n \n kolme\n\n",
}


def filled(session: Session, county: County, decision: Decision, **texts: Any) -> Assessment:
    """An assessment in writing, with something of everything."""
    by = county["preparer"]
    made = an_assessment(session, county, AssessmentState.DRAFTING, decision)
    assessments.change(session, made, texts, version=made.version, by=by) if texts else None
    options = {option.code: option.id for option in decision_queries.options(session, decision)}
    facts: dict[str, Any] = {
        "kind": "children_survey",
        "title": "Kouluterveyskysely",
        "source": "THL 2025",
        "dated": date(2025, 4, 30),
        "url": "https://example.fi/kysely?a=1&b=2",
        "finding": "Joka viides odotti liian kauan.",
        "gap": "Ei 0–6.",
        "up_to_date": True,
        "relevant": True,
        "wide_enough": False,
    }
    figure = {"source": "THL 2025", "name": "Odotti liian kauan", "value": 20.5, "unit": "%", "year": 2025}
    facts["indicators"] = [{**figure, "group": "8.–9. luokka", "area": None}]
    evidence = parts.add(session, made, "evidence", facts, by=by)
    more: dict[str, Any] = {"evidence_ids": [evidence.id], "age_groups": ["13-15", "0-6"], "articles": [24, 3]}
    more |= {"areas": [{"kind": "municipality", "name": "Hamina"}], "mitigation": "Kyyti korvataan."}
    parts.add(session, made, "impacts", an_impact(options["VE0"], direction="neutral", **more), by=by)
    return made


def approved(session: Session, county: County, made: Assessment) -> Assessment:
    """The assessment, submitted and approved."""
    assessments.submit(session, made, version=made.version, by=county["preparer"])
    return assessments.approve(session, made, version=made.version, by=county["expert"])


def of(assessment: Assessment, **query: str) -> str:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/api/v1/assessments/{assessment.id}/statement?{asked}"


def text_of(pdf: bytes) -> str:
    """The words of a PDF, with hyphens at line ends taken out."""
    said = "\n".join(each.extract_text() for each in PdfReader(BytesIO(pdf)).pages)
    return re.sub(r"\s+", " ", said.replace("\u200b", "").replace("-\n", "").replace("\u2010\n", ""))


def root_of(pdf: bytes) -> Any:
    """The catalogue of a PDF."""
    return PdfReader(BytesIO(pdf)).trailer["/Root"]


def squeezed(said: str) -> str:
    """A text without blanks and hyphens, which a line's end may add or take."""
    return re.sub(r"[\s\u200b\u2010-]+", "", said)


class Read(HTMLParser):
    """What a page says, and with which elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def whole(database: Database, county: County) -> Assessment:
    """An approved assessment."""
    with database.transaction() as session:
        return approved(session, county, filled(session, county, a_decision(session, county, "77/00.01.02/2026")))


def seal_of(database: Database, assessment: Assessment) -> Seal:
    with database.transaction(writes=False) as session:
        row = session.get_one(Assessment, assessment.id)
        return session.get_one(Seal, row.seal_id)


def test_the_statement_says_what_was_sealed_and_nothing_of_who_wrote_it(
    api: Api, database: Database, county: County, whole: Assessment
) -> None:
    answer = api.send("integration", "GET", of(whole))
    said, sealed = answer.json(), seal_of(database, whole)
    content = json.loads(sealed.content)
    assert said["content_digest"] == sealed.digest == hashlib.sha256(sealed.content.encode()).hexdigest()
    assert said["kind"] == "assessment"
    assert said["title"] == content["proposal"]["title"] == {"fi": "Neuvolan siirto"}
    assert said["diary_number"] == "77/00.01.02/2026"
    assert (said["signed_by"], said["seal_id"]) == (county["expert"].name, str(sealed.id))
    assert said["best_interests"] == content["assessment"]["best_interests"]
    assert [option["code"] for option in said["options"]] == ["VE0", "VE1"]
    impact = said["options"][0]["impacts"][0]
    assert impact["direction"] == {"code": "neutral", "label": "neutraali"}
    assert [group["code"] for group in impact["age_groups"]] == ["0-6", "13-15"]
    assert (impact["articles"], impact["evidence"]) == ([3, 24], [1])
    assert said["hearings"][0]["who"] == "Nuorisovaltuusto"
    assert said["evidence"][0]["indicators"][0]["value"] == 20.5
    assert [line["line"]["code"] for line in said["quality"]] == [line["line"] for line in content["quality"]]
    lacking = next(line for line in said["quality"] if line["line"]["code"] == "best_interests")
    assert lacking["why"][0] == "Kirjaa, mitä muita etuja asiassa on punnittu."
    for person in content["assessment"]["authors"]:
        assert person not in answer.text
    for left_out in ("code_lists", "definition", "authors", "evidence_ids"):
        assert left_out not in answer.text


@pytest.mark.parametrize("form", ["json", "html", "pdf"])
def test_nothing_that_happens_afterwards_changes_it(
    api: Api, database: Database, county: County, whole: Assessment, form: str
) -> None:
    before = api.send("auditor", "GET", of(whole, format=form))
    rendering.forget()
    with database.transaction() as session:
        decision = session.get_one(Decision, whole.decision_id)
        told = {"title": {"fi": "Aivan muu asia"}, "publicity": "secret", "publicity_grounds": "JulkL 24 §"}
        decisions.change(session, decision, told, version=decision.version, by=county["preparer"])
        signer = session.get_one(Account, county["expert"].id)
        values = {"name": "Aivan muu nimi", "roles": signer.roles, "active": True}
        access.change_person(session, signer, values, version=signer.version, by=county["administrator"])
        row = session.get_one(Assessment, whole.id)
        after = assessments.new_edition(session, row, version=row.version, by=county["preparer"])
        approved(session, county, after)
    again = api.send("auditor", "GET", of(whole, format=form))
    assert again.content == before.content
    assert again.headers["etag"] == before.headers["etag"]
    newer = api.send("auditor", "GET", of(after)).json()
    assert newer["edition"] == 2
    assert newer["supersedes"] == str(whole.id)
    assert newer["title"] == {"fi": "Aivan muu asia"}
    assert newer["publicity"]["code"] == "secret"


@pytest.mark.parametrize(
    ("form", "kind"), [("json", "application/json"), ("html", "text/html"), ("pdf", "application/pdf")]
)
def test_the_headers_tell_what_the_bytes_are(api: Api, whole: Assessment, form: str, kind: str) -> None:
    answer = api.send("preparer", "GET", of(whole, format=form))
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == kind
    digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["content-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["content-language"] == "fi"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["content-disposition"] == (
        f'inline; filename="Lausunto-77-00.01.02-2026-1.{form}"; '
        f"filename*=UTF-8''Lausunto%2077-00.01.02-2026%20%281%29.{form}"
    )
    known = api.send("preparer", "GET", of(whole, format=form), if_none_match=answer.headers["etag"])
    assert known.status_code == 304
    head = api.send("preparer", "HEAD", of(whole, format=form))
    assert head.headers["content-digest"] == answer.headers["content-digest"]


def test_the_html_may_do_nothing_but_show_itself_in_its_own_style(api: Api, whole: Assessment) -> None:
    answer = api.send("preparer", "GET", of(whole, format="html"))
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert " style=" not in answer.text


def test_the_html_has_a_language_headings_in_order_and_headers_of_tables(api: Api, whole: Assessment) -> None:
    read = Read(api.send("preparer", "GET", of(whole, format="html", lang="sv")).text)
    assert ("html", {"lang": "sv"}) in read.elements
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    headers = [attributes.get("scope") for tag, attributes in read.elements if tag == "th"]
    assert set(headers) == {"col", "row"}
    assert ("span", {"lang": "fi"}) in read.elements  # what was written in Finnish
    assert [tag for tag, _ in read.elements if tag in {"script", "img", "link", "iframe"}] == []


@pytest.mark.parametrize(
    ("language", "heading", "verdict"),
    [
        ("fi", "Lausunto lapsivaikutusten arvioinnista", "Lapsen etu väistyy muiden etujen tieltä."),
        ("sv", "Utlåtande om bedömning av konsekvenser för barn", "Barnets bästa får ge vika för andra intressen."),
        ("en", "Statement on a child impact assessment", "The child’s interest yields to other interests."),
    ],
)
def test_it_is_told_in_each_language(
    api: Api, database: Database, county: County, language: str, heading: str, verdict: str
) -> None:
    yields = {"interest_yields": True, "interest_yields_reason": "Resurssit puuttuvat."}
    with database.transaction() as session:
        title = {"fi": "Neuvolan siirto", "sv": "Flyttning av rådgivningen", "en": "Moving the clinic"}
        made = approved(session, county, filled(session, county, a_decision(session, county, title=title), **yields))
    html = api.send("integration", "GET", of(made, format="html", lang=language))
    pdf = api.send("integration", "GET", of(made, format="pdf", lang=language))
    assert html.headers["content-language"] == pdf.headers["content-language"] == language
    for said in (squeezed(Read(html.text).text), squeezed(text_of(pdf.content))):
        for words in (heading, verdict, title[language], "Resurssit puuttuvat.", "Yhteenveto.", "Säilytetään."):
            assert squeezed(words) in said, words
    assert root_of(pdf.content)["/Lang"] == language


def test_it_is_in_the_language_of_the_case_unless_another_is_asked_for(
    api: Api, database: Database, county: County
) -> None:
    with database.transaction() as session:
        made = an_assessment(session, county, "approved", a_decision(session, county, language="sv"))
    assert api.send("preparer", "GET", of(made), accept_language="en").headers["content-language"] == "sv"
    said = api.send("preparer", "GET", of(made)).json()
    assert said["recommendations"][0]["kind"]["label"] == "ändring av förslaget"
    assert api.send("preparer", "GET", of(made, lang="en")).headers["content-language"] == "en"
    assert api.send("preparer", "GET", of(made, lang="de")).status_code == 422


@pytest.mark.parametrize("state", ["screening", "drafting", "in_review", "returned", "withdrawn"])
def test_what_is_not_sealed_has_no_statement(api: Api, database: Database, county: County, state: str) -> None:
    with database.transaction() as session:
        made = an_assessment(session, county, state)
    answer = api.send("preparer", "GET", of(made))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:lava:problem:not_sealed")


@pytest.mark.parametrize("state", ["published", "superseded"])
def test_what_was_sealed_keeps_its_statement(api: Api, database: Database, county: County, state: str) -> None:
    with database.transaction() as session:
        made = an_assessment(session, county, state)
    assert api.send("preparer", "GET", of(made)).json()["edition"] == 1


def test_a_signed_not_needed_has_one_page_with_its_reason(api: Api, database: Database, county: County) -> None:
    with database.transaction() as session:
        made = an_assessment(session, county, "not_needed")
    said = api.send("integration", "GET", of(made)).json()
    assert (said["kind"], said["summary"], said["quality"]) == ("not_needed", None, [])
    assert said["screening"]["reason"] == "Koskee lapsia."
    assert said["screening"]["answers"][3]["told"] == "ei varmuutta"
    pdf = api.send("integration", "GET", of(made, format="pdf")).content
    assert len(PdfReader(BytesIO(pdf)).pages) == 1
    for words in ("lapsivaikutusten arviointia ei tarvita", "Koskee lapsia.", "Ei varmuutta", said["content_digest"]):
        assert squeezed(words) in squeezed(text_of(pdf))


def test_a_neighbour_has_no_statement_of_it(api: Api, neighbour: County, whole: Assessment) -> None:
    assert Api(api.client, neighbour).send("expert", "GET", of(whole, format="pdf")).status_code == 404


def test_a_name_that_was_erased_is_not_told(api: Api, database: Database, county: County, whole: Assessment) -> None:
    with database.transaction() as session:
        (entry,) = journal_queries.entries(session, county.id, object_id=whole.id, verb="assessment.sealed")
        journal.erase(session, county["administrator"], entry["seq"], "Pyyntö.")
    answer = api.send("preparer", "GET", of(whole))
    assert answer.json()["signed_by"] is None
    assert county["expert"].name not in answer.text
    assert "(nimi on poistettu)" in api.send("preparer", "GET", of(whole, format="html")).text


@pytest.mark.parametrize(
    ("publicity", "marking"), [("secret", "SALASSA PIDETTÄVÄ"), ("partly_secret", "OSITTAIN SALASSA")]
)
def test_a_secret_matter_carries_its_marking_with_its_grounds(
    api: Api, database: Database, county: County, publicity: str, marking: str
) -> None:
    with database.transaction() as session:
        secret = a_decision(session, county, publicity=publicity, publicity_grounds="JulkL 24 § 1 mom. 25 k")
        made = an_assessment(session, county, "approved", secret)
    html = api.send("preparer", "GET", of(made, format="html")).text
    assert html.index(marking) < html.index("<h1>")
    said = text_of(api.send("preparer", "GET", of(made, format="pdf")).content)
    assert marking in said.partition("Lausunto")[0]
    assert "JulkL 24 § 1 mom. 25 k" in said.partition("Lausunto")[0]
    assert "SEKRETESSBELAGD" in api.send("preparer", "GET", of(made, format="html", lang="sv")).text


def test_the_countys_own_questions_are_told_as_that_form_had_them(api: Api, database: Database, county: County) -> None:
    form = built_in_form()
    questions = {"kunnat": ("Montako kuntaa?", {"type": "integer"}), "kysytty": ("Kysyttiinkö?", {"type": "boolean"})}
    form["definition"]["questions"] = [
        {"id": key, "label": {"fi": label}, "schema": schema} for key, (label, schema) in questions.items()
    ]
    form["definition"]["sections"][0]["items"].append("kysytty")
    with database.transaction() as session:
        assessments.add_form(session, form, by=county["administrator"])
        made = filled(session, county, a_decision(session, county), answers={"kunnat": 12_345, "kysytty": True})
        approved(session, county, made)
    assert api.send("preparer", "GET", of(made)).json()["answers"] == [
        {"question": "Kysyttiinkö?", "answer": True, "told": "kyllä"},
        {"question": "Montako kuntaa?", "answer": 12_345, "told": f"12{NBSP}345"},
    ]
    assert "Montako kuntaa?" in api.send("preparer", "GET", of(made, format="html")).text


def test_the_euros_stand_by_year_and_age_group(
    api: Api, database: Database, county: County, worked: dict[str, str]
) -> None:
    planned = [
        {"cost_centre_id": worked["A"], "year": year, "amount": {"cents": -123_456_789}} for year in (2027, 2028)
    ]
    with database.transaction() as session:
        made = approved(session, county, filled(session, county, a_decision(session, county, planned_changes=planned)))
    years = api.send("preparer", "GET", of(made)).json()["budget_effect"]
    assert [year["total"]["cents"] for year in years] == [-123_456_789] * 2
    assert sum(group["extended"]["cents"] for group in years[0]["age_groups"]) == years[0]["extended"]["cents"]
    said = api.send("preparer", "GET", of(made, format="html")).text
    assert f"{MINUS}1{NBSP}234{NBSP}567,89{NBSP}€" in said
    assert squeezed(f"{MINUS}1234567,89€") in squeezed(
        text_of(api.send("preparer", "GET", of(made, format="pdf")).content)
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_is_read_as_markup(api: Api, database: Database, county: County, name: str) -> None:
    text = HOSTILE[name]
    short = text[:300]
    with database.transaction() as session:
        said = {"fi": short}
        decision = a_decision(
            session, county, title=said, options=[{"code": "VE1", "title": said, "description": text}]
        )
        texts = ("summary", "best_interests", "competing_interests", "changes_made", "child_friendly", "follow_up_plan")
        made = filled(session, county, decision, **dict.fromkeys(texts, text))
        by, last = county["preparer"], decision_queries.options(session, decision)[-1]
        parts.add(session, made, "impacts", an_impact(last.id, description=text, mitigation=text), by=by)
        parts.add(session, made, "recommendations", {"kind": "change", "text": text}, by=by)
        approved(session, county, made)
    assert api.send("preparer", "GET", of(made)).json()["summary"] == text
    html = api.send("preparer", "GET", of(made, format="html")).text
    read = Read(html)
    assert [tag for tag, _ in read.elements if tag in {"script", "img"}] == []
    assert not any(name.startswith("on") for _, attributes in read.elements for name in attributes)
    shown = squeezed("".join(map(rendering.shown, text.splitlines())))
    assert shown in squeezed(read.text)
    pdf = api.send("preparer", "GET", of(made, format="pdf"))
    assert pdf.status_code == 200, pdf.text
    if name not in {"rtl", "control"}:  # whose order a reader of PDF may turn about
        printed = squeezed("".join(map(rendering.printable, text.splitlines())))
        assert printed[:200] in squeezed(text_of(pdf.content))
    assert b"pdfaid" in pdf.content


def test_what_the_fonts_lack_is_shown_as_lacking_and_said_to_be(api: Api, database: Database, county: County) -> None:
    with database.transaction() as session:
        made = approved(session, county, filled(session, county, a_decision(session, county), summary="Hyvä 👍!"))
    said = text_of(api.send("preparer", "GET", of(made, format="pdf")).content)
    assert "Hyvä □!" in said
    assert "Merkin □ kohdalla" in said
    assert "Hyvä 👍!" in api.send("preparer", "GET", of(made, format="html")).text


def a_statement(database: Database, assessment: Assessment) -> Any:
    return statement.stated(seal_of(database, assessment), "Nimi")


def test_the_fonts_have_the_characters_that_they_are_said_to_have(database: Database, whole: Assessment) -> None:
    told = a_statement(database, whole)
    every = sorted(rendering.characters())
    told.summary = " ".join(f"A{character}A" for character in every)
    pdf = rendering.as_pdf(page(told), told.signed_at)
    assert b"pdfaid" in pdf


def test_a_document_that_no_standard_allows_is_made_without_it(database: Database, whole: Assessment) -> None:
    told = a_statement(database, whole)
    told.summary = "a"
    said = json.dumps(rendering.in_lines(page(told), rendering.printable)).replace('"a"', '"\ue000"')
    pdf = rendering.typeset(said, told.signed_at)
    assert pdf.startswith(b"%PDF")
    assert b"pdfaid" not in pdf


def test_the_pdf_is_tagged_dated_and_the_same_each_time(database: Database, whole: Assessment) -> None:
    told = a_statement(database, whole)
    first = rendering.as_pdf(page(told), told.signed_at)
    rendering.forget()
    assert rendering.as_pdf(page(told), told.signed_at) == first
    read = PdfReader(BytesIO(first))
    assert root_of(first)["/MarkInfo"]["/Marked"]
    assert b"pdfuaid" in first
    assert read.metadata is not None
    assert read.metadata.creation_date == told.signed_at.replace(microsecond=0)
    assert read.metadata.title == "Lausunto lapsivaikutusten arvioinnista: Neuvolan siirto"
    assert all("77/00.01.02/2026" in each.extract_text() for each in read.pages)


def test_others_are_served_while_a_pdf_is_made(api: Api, whole: Assessment, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(_page: dict[str, Any], _signed_at: datetime) -> bytes:
        begun.set()
        return b"%PDF" if go_on.wait(10) else b"held up"

    monkeypatch.setattr(rendering, "as_pdf", slow)
    with ThreadPoolExecutor(1) as elsewhere:
        asked = elsewhere.submit(api.send, "preparer", "GET", of(whole, format="pdf"))
        assert begun.wait(10)
        assert api.client.get("/healthz").status_code == 200
        assert api.send("preparer", "GET", of(whole)).status_code == 200
        go_on.set()
        assert asked.result().content == b"%PDF"


def test_a_pdf_that_was_made_lately_is_given_again_and_the_oldest_is_forgotten() -> None:
    kept = rendering.Kept(2)
    made: list[str] = []

    def got(name: str) -> bytes:
        def make() -> bytes:
            made.append(name)
            return name.encode()

        return kept.get(name, make)

    assert [got(name) for name in "abacab"] == [b"a", b"b", b"a", b"c", b"a", b"b"]
    assert made == ["a", "b", "c", "b"]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", StatementFormat.JSON),
        ("*/*", StatementFormat.JSON),
        ("application/pdf", StatementFormat.PDF),
        ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", StatementFormat.HTML),
        ("application/json;q=0.2, application/pdf;q=0.7, text/html;q=0.5", StatementFormat.PDF),
        ("application/pdf;q=0", StatementFormat.JSON),
        ("application/pdf;q=x", StatementFormat.PDF),
        ("image/png", StatementFormat.JSON),
    ],
)
def test_the_form_follows_accept(accept: str, form: StatementFormat) -> None:
    assert preferred(accept) is form


def test_the_query_wins_over_accept(api: Api, whole: Assessment) -> None:
    answer = api.send("preparer", "GET", of(whole, format="json"), accept="application/pdf")
    assert answer.headers["content-type"] == "application/json"
    assert api.send("preparer", "GET", of(whole), accept="application/pdf").content.startswith(b"%PDF")


def test_dates_and_numbers_are_written_as_each_language_does() -> None:
    assert [day(date(2026, 11, 5), language) for language in ("fi", "sv", "en")] == [
        "5.11.2026",
        "5.11.2026",
        f"5{NBSP}November{NBSP}2026",
    ]
    assert [statement.number(value, "fi") for value in (53.0, 13.3, -16.25, 1234567, 0)] == [
        "53",
        "13,3",
        f"{MINUS}16,25",
        f"1{NBSP}234{NBSP}567",
        "0",
    ]
    assert statement.number(1234.5, "en") == f"1{NBSP}234.5"
