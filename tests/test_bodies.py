"""What comes in is refused with a problem, never with a fault, and what must not be kept is never echoed or logged."""

import io
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from app import logs, texts
from app.access import sign_in
from app.budgeting.models import Ledger
from app.conventions import limits
from app.conventions.route import Route
from app.database import Database, table_of
from app.demo.server import serving
from app.jobs.models import Job
from app.services.models import ServiceClass
from app.settings import Settings
from app.texts import holds_identity_code
from tests.conftest import SETTINGS
from tests.county import Api, County, an_assessment

PATH = "/api/v1/decisions"
JOB, SERVICE_CLASS, LEDGER = table_of(Job), table_of(ServiceClass), table_of(Ledger)
CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def identity_code(born: str = "010190", separator: str = "-", number: str = "900") -> str:
    """A personal identity code with a right check character. Numbers from 900 on are given to nobody."""
    return born + separator + number + CHECK[int(born + number) % 31]


CODE = identity_code()
VARIANTS = {
    "plain": CODE,
    "lower case": identity_code("131052", number="925").lower(),
    "2000s": identity_code(separator="A"),
    "2000s in lower case": identity_code(separator="A").lower(),
    "1800s": identity_code(separator="+"),
    "since 2023, U": identity_code(separator="U"),
    "since 2023, F": identity_code(separator="F"),
    "hyphen": identity_code(separator="\u2010"),
    "non-breaking hyphen": identity_code(separator="\u2011"),
    "figure dash": identity_code(separator="\u2012"),
    "en dash": identity_code(separator="\u2013"),
    "em dash": identity_code(separator="\u2014"),
    "minus": identity_code(separator="\u2212"),
    "small hyphen": identity_code(separator="\ufe63"),
    "full-width hyphen": identity_code(separator="\uff0d"),
    "full-width digits": CODE.translate({ord("0") + n: 0xFF10 + n for n in range(10)}),
    "in a sentence": f"Lapsi ({CODE}) muutti.",
    "before an underscore": f"_{CODE}_",
    "horizontal bar": identity_code(separator="\u2015"),
    "soft hyphen": identity_code(separator="\u00ad"),
    "with letters before it": f"hetu{CODE}",
    "with letters after it": f"{CODE}n",
    "with a digit after its letter": CODE + "1",
    "escaped in an address": CODE.replace("-", "%2D"),
    "with a zero-width space": CODE.replace("-", "-\u200b"),
}
NOT_CODES = (
    "010190-9000",
    "320190-900" + CHECK[320190900 % 31],
    "1" + CODE,
    identity_code(number="909") + "1",
    "040-1234567",
    "010190 900",
)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the service logs, at its most talkative."""
    log = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr("app.logs._StandardError.write", lambda _self, line: log.write(line))
        logs.configure("debug")
        patch.setattr("app.logs.log", structlog.get_logger("request"))  # the module's own has kept its settings
        patch.setattr("app.main.log", structlog.get_logger())
        yield log
    logs.configure("error")


def headers(api: Api, role: str = "preparer", media_type: str = "application/json") -> dict[str, str]:
    return {"Authorization": f"Bearer {api.county.keys[role]}", "Content-Type": media_type}


def post(api: Api, content: bytes, media_type: str = "application/json") -> Any:
    return api.client.post(PATH, content=content, headers=headers(api, media_type=media_type))


def refused(answer: Any, *statuses: int) -> str:
    """Assert that an answer is a problem with one of the statuses; its code."""
    assert answer.status_code in statuses, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json", answer.text[:500]
    return str(answer.json()["type"].removeprefix("urn:lava:problem:"))


# Bodies that cannot be read, or not be kept

FACTS = '"diary_number": "1/2026", "title": {"fi": "%s"}'
UNREADABLE = {
    "NUL": ('{"diary_number": "1/2026", "title": {"fi": "a\\u0000b"}}', "invalid_text"),
    "NUL in a name": ('{"a\\u0000b": 1}', "invalid_text"),
    "half a character": ('{"diary_number": "1/2026", "title": {"fi": "\\ud800"}}', "invalid_text"),
    "the other half": ('{"diary_number": "1/2026", "title": {"fi": "\\udc00\\ud800"}}', "invalid_text"),
    "half in a name": ('{"\\ud800": 1}', "invalid_text"),
    "NaN": ("{" + FACTS % "a" + ', "planned_changes": NaN}', "not_json"),
    "Infinity": ("{" + FACTS % "a" + ', "planned_changes": [Infinity]}', "not_json"),
    "-Infinity": ('{"x": -Infinity}', "not_json"),
    "1e999": ('{"x": [1e999]}', "not_json"),
    "-1e999": ('{"x": -1e999}', "not_json"),
    "5000 digits": ('{"x": ' + "9" * 5000 + "}", "not_json"),
    "60 levels": ('{"x": ' + "[" * 60 + "]" * 60 + "}", "too_deep"),
    "60 objects": ('{"x":' * 60 + "1" + "}" * 60, "too_deep"),
    "100 000 levels": ("[" * 100_000 + "]" * 100_000, "not_json"),
    "cut": ('{"diary_number": "1/2026', "not_json"),
    "two values": ("{} {}", "not_json"),
    "a byte order mark": ("\ufeff{}", "not_json"),
    "blank": ("   ", "not_json"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_body_that_cannot_be_read_or_kept_is_refused(api: Api, name: str) -> None:
    content, code = UNREADABLE[name]
    answer = post(api, content.encode())
    assert refused(answer, 400, 422) == code
    assert answer.status_code == (422 if code == "invalid_text" else 400)


@pytest.mark.parametrize(
    "content", ['{"title": {"fi": "ä"}}'.encode("latin-1"), '{"x": "ä"}'.encode("utf-16"), b"\xff"]
)
def test_a_body_that_is_not_utf8_is_refused(api: Api, content: bytes) -> None:
    assert refused(post(api, content), 400) == "not_utf8"


@pytest.mark.parametrize("content", [b"[]", b"7", b"null", b'"text"', b"{}"])
def test_a_body_of_another_shape_is_refused(api: Api, content: bytes) -> None:
    assert refused(post(api, content), 422) == "invalid"


def test_an_empty_body_is_refused(api: Api) -> None:
    assert refused(post(api, b""), 422) == "invalid"


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "", "json"])
def test_a_body_of_another_kind_is_refused(api: Api, media_type: str) -> None:
    content = json.dumps({"diary_number": "1/2026", "title": {"fi": "a"}}).encode()
    assert refused(post(api, content, media_type), 415) == "wrong_media_type"


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**15, 2**53 + 1, 0.5, "5", True, 1e300])
def test_a_number_that_no_column_holds_is_refused(api: Api, number: Any) -> None:
    centre = "00000000-0000-7000-8000-000000000001"
    planned = [{"cost_centre_id": centre, "year": 2027, "amount": {"cents": number}}]
    answer = api.send("preparer", "POST", PATH, {"diary_number": "1", "title": {"fi": "a"}, "planned_changes": planned})
    refused(answer, 400, 422)
    assert "/planned_changes/0/amount/cents" in answer.text


def test_a_text_that_is_too_long_is_refused_and_not_sent_back(api: Api) -> None:
    answer = api.send("preparer", "POST", PATH, {"diary_number": "1", "title": {"fi": "x" * 400_000}})
    assert refused(answer, 422) == "invalid_text"
    assert answer.json()["errors"][0]["pointer"] == "/title/fi"
    assert len(answer.content) < 2000


@pytest.fixture
def own_question(api: Api, county: County, database: Database) -> str:
    """The path of an assessment whose form has a question of the county's own, with any answer."""
    form = api.send("administrator", "GET", "/api/v1/forms").json()["items"][0]
    definition = api.send("administrator", "GET", f"/api/v1/forms/{form['id']}").json()["definition"]
    definition["questions"] = [{"id": "own", "label": {"fi": "Oma"}, "schema": {}}]
    new = {"key": "lava", "title": {"fi": "Oma"}, "definition": definition}
    made = api.send("administrator", "POST", "/api/v1/forms", new)
    assert made.status_code == 201, made.text
    with database.transaction() as session:
        return f"/api/v1/assessments/{an_assessment(session, county).id}"


@pytest.mark.parametrize(
    "number",
    [2**53 - 1, 2**53 + 1, 2**63, -(2**64), 10**400, 1e15, 1e17, 1e300, 0.1, -0.0],
    ids=lambda number: str(number)[:22],
)
def test_any_number_in_a_free_answer_is_kept_exactly_or_refused(api: Api, own_question: str, number: Any) -> None:
    for place in ("first", "second"):  # the second change journals what the first one stored
        answer = api.change("preparer", "PATCH", own_question, {"answers": {"own": {place: [number]}}})
        if answer.status_code != 200:
            refused(answer, 400, 422)
            return
        kept = api.send("preparer", "GET", own_question).json()["answers"]["own"][place][0]
        assert kept == number or (isinstance(number, float) and float(kept) == number)


# A body that is made to cost much

MOST = SETTINGS.max_body_bytes - 100
WIDE = {
    "characters that normalise to eighteen": ('{"a":"' + "\ufdfa" * (MOST // 3) + '"}', 422),
    "marks upon marks": ('{"a":"' + "e" + "\u0301\u0323" * 4900 + '"}', 422),
    "letters": ('{"a":"' + "\u00e9" * (MOST // 2) + '"}', 422),
    "what looks like codes": ('{"a":"' + "131052-308" * (MOST // 10) + '"}', 422),
    "numbers": ("[" + "1," * (MOST // 2) + "1]", 413),
    "texts": ("[" + '"",' * (MOST // 3) + '""]', 413),
    "forbidden texts": ("[" + '"\\u0000",' * 19_000 + '""]', 422),
    "a long name above many faults": ('{"' + "k" * 9_000 + '":[' + '"\\u0000",' * 19_000 + '""]}', 422),
    "long names above each other": (
        '{"' + '":{"'.join(["k" * 9_000] * 38) + '":[' + "9e99," * 19_000 + "1]" + "}" * 38,
        422,
    ),
    "names": ("{" + ",".join(f'"{number:x}":0' for number in range(180_000)) + "}", 413),
    "unknown names": ("{" + ",".join(f'"{number:x}":0' for number in range(19_000)) + "}", 422),
    "options": ('{"options":[' + "{}," * 19_000 + "{}]}", 422),
    "one large number": ("1" * MOST, 400),
    "depth": ("[" * MOST, 400),
}
A_BLINK = 2.0
"""Seconds of this process's own time, on a machine that may be slow; what stood here before took minutes."""


@pytest.mark.parametrize("name", WIDE)
def test_a_body_that_is_made_to_cost_much_costs_little(api: Api, name: str) -> None:
    content, status = WIDE[name]
    started = time.process_time()
    answer = post(api, content.encode())
    assert time.process_time() - started < A_BLINK
    refused(answer, status)
    assert len(answer.content) < 20_000


def test_faults_beyond_the_first_are_counted(api: Api) -> None:
    answer = post(api, json.dumps({"documents": [{"title": "\x00"}] * 45}).encode())
    assert refused(answer, 422) == "invalid_text"
    assert len(answer.json()["errors"]) == 20
    assert answer.json()["detail"].endswith("These are the first 20 faults; there are 25 more.")
    few = post(api, json.dumps({"documents": [{"title": "\x00"}] * 2}).encode())
    assert len(few.json()["errors"]) == 2
    assert "more" not in few.json()["detail"]


def test_long_work_on_a_body_lets_others_be_served(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    breaths = []
    monkeypatch.setattr("app.conventions.body.breathe", lambda: breaths.append(1))
    post(api, json.dumps({"a": ["x" * 9_000] * 100}).encode())
    assert len(breaths) == 8


# Personal identity codes


@pytest.mark.parametrize("name", VARIANTS)
def test_a_personal_identity_code_is_recognised(name: str) -> None:
    assert holds_identity_code(VARIANTS[name])


@pytest.mark.parametrize("other", NOT_CODES)
def test_what_only_looks_like_one_is_let_through(other: str) -> None:
    assert not holds_identity_code(other)


def never_told(answer: Any, written: io.StringIO, code: str) -> None:
    """Assert that a code stands neither in the answer nor in the log, which has its line of the request."""
    assert answer.headers["x-request-id"] in written.getvalue()
    for place in (answer.text, str(answer.headers), written.getvalue()):
        assert code.lower() not in place.lower()


@pytest.mark.parametrize("code", [CODE, CODE.lower(), identity_code(separator="\u2013"), f"hetu{CODE}n"])
def test_a_code_is_refused_in_every_kind_of_text(api: Api, own_question: str, written: io.StringIO, code: str) -> None:
    text_of = {"diary_number": "1/2026", "title": {"fi": "Asia"}}
    bodies_with = (
        {**text_of, "title": {"fi": f"Asia {code}"}},
        {**text_of, "diary_number": code},
        {**text_of, "documents": [{"title": "a", "url": f"https://example.fi/{code}"}]},
        {**text_of, "options": [{"code": "VE1", "title": {"fi": "a"}, "description": f"a\n{code}\n"}]},
        {**text_of, code: 1},
        [[[{"deep": [code]}]]],
    )
    for body in bodies_with:
        answer = api.send("preparer", "POST", PATH, body)
        assert refused(answer, 422) == "invalid_text"
        never_told(answer, written, code)
    for patch in ({"summary": code}, {"answers": {"own": {"a": [{"b": code}]}}}):
        answer = api.change("preparer", "PATCH", own_question, patch)
        assert refused(answer, 422) == "invalid_text"
        never_told(answer, written, code)
    answer = api.send("preparer", "POST", f"{own_question}/comments", {"text": f"{code}?"})
    assert refused(answer, 422) == "invalid_text"
    never_told(answer, written, code)


FILES = {
    "units": "code,name_fi,level,parent,valid_from,valid_to\r\nA,a,unit,,2023-01-01,2024-01-01",
    "cost-centres": "code,name_fi,name_sv,unit,valid_from,valid_to\r\n1,a,a,,2023-01-01,2024-01-01",
    "service-classes": "scheme,year,code,name\r\ndemo,2025,9101,a",
    "classifications": "cost_centre,scheme,list_year,service_class,from_year,to_year,impact_class,method,share 0-6,"
    "child_share,age_groups,reason\r\n1,demo,2025,9101,2025,2026,direct,full,,,0-6,a",
    "populations": "year,age_group,count\r\n2026,0-6,5",
    "budget-lines": "year,phase,cost_centre,service_class,account,amount\r\n2026,budget,1,9101,4300,5",
}


@pytest.mark.parametrize("collection", FILES)
@pytest.mark.parametrize("code", [CODE, f"a {identity_code(separator='A').lower()}"])
def test_a_code_is_refused_in_every_column_of_a_file(
    api: Api, written: io.StringIO, database: Database, collection: str, code: str
) -> None:
    header, row = FILES[collection].split("\r\n")
    for dry_run in (True, False):
        for place in range(len(header.split(","))):
            cells = row.split(",")
            cells[place] = code
            job = api.import_file(collection, f"{header}\r\n{','.join(cells)}", dry_run=dry_run)
            assert job["state"] == "refused", (collection, header.split(",")[place])
            faults = [fault for fault in job["errors"] if fault["value"] == "(not shown)"]
            assert [fault["row"] for fault in faults] == [2], job["errors"]
            never_kept(database, written, job, code.removeprefix("a "))


def test_a_code_is_refused_in_the_header_of_a_file_and_in_how_it_is_to_be_read(
    api: Api, written: io.StringIO, database: Database
) -> None:
    job = api.import_file("service-classes", f"scheme,year,{CODE},name\r\ndemo,2025,9101,a")
    assert job["state"] == "refused"
    never_kept(database, written, job, CODE)
    for query in (f"column=code={CODE}", f"sheet={CODE}", f"file_name={CODE}.csv"):
        sent = headers(api, "controller", "text/csv")
        answer = api.client.post(f"/api/v1/service-classes/import?{query}", content=b"a", headers=sent)
        assert refused(answer, 422) == "invalid_text"
        never_told(answer, written, CODE)


def never_kept(database: Database, written: io.StringIO, job: Any, code: str) -> None:
    """Assert that a code stands neither in the job nor in the log nor in any table."""
    assert code.lower() not in f"{job}{written.getvalue()}".lower()
    with database.transaction(writes=False) as session:
        for table in (JOB, SERVICE_CLASS, LEDGER):
            kept = session.execute(select(table)).all()
            assert code.lower() not in str(kept).lower()


@pytest.mark.parametrize("query", ["q={}", "diary_number={}", "{}=1", "q={}&q=neuvola", "cursor={}", "state={}"])
def test_a_code_is_refused_in_a_query(api: Api, written: io.StringIO, query: str) -> None:
    answer = api.send("preparer", "GET", f"{PATH}?{query.format(CODE)}")
    assert refused(answer, 422) == "invalid_text"
    never_told(answer, written, CODE)


@pytest.mark.parametrize("path", ["/{}", PATH + "/{}", PATH + "/{}/options"])
def test_a_code_in_a_path_is_not_logged(api: Api, written: io.StringIO, path: str) -> None:
    answer = api.send("preparer", "GET", path.format(CODE))
    refused(answer, 404, 405, 422)
    never_told(answer, written, CODE)


def test_a_code_is_refused_as_an_idempotency_key(api: Api, database: Database) -> None:
    answer = api.send("preparer", "POST", PATH, {"diary_number": "1", "title": {"fi": "a"}}, idempotency_key=CODE)
    assert answer.status_code in {400, 422}
    with database.transaction(writes=False) as session:
        assert session.execute(text("SELECT count(*) FROM idempotency_key")).scalar_one() == 0


def test_control_without_the_check_a_code_is_kept(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "holds_identity_code", lambda _: False)
    assert api.decision(title={"fi": CODE})["title"] == {"fi": CODE}


def test_a_fault_is_logged_without_the_key_the_texts_and_the_names(
    api: Api, database: Database, written: io.StringIO
) -> None:
    with database.transaction() as session:
        session.execute(text("DROP TABLE option" + ("" if database.is_sqlite else " CASCADE")))
    secret = api.county.keys["preparer"]
    answer = api.send("preparer", "POST", PATH, {"diary_number": "77/2026", "title": {"fi": "Salainen otsikko"}})
    assert refused(answer, 500) == "internal"
    said = written.getvalue()
    assert answer.json()["instance"].removeprefix("urn:uuid:") in said
    for told in (secret, "Salainen otsikko", "77/2026", api.county["preparer"].name):
        assert told not in answer.text
        assert told not in said, f"the log of a fault tells {told}"


# How much


@pytest.fixture
def limited(the_app: FastAPI) -> Iterator[Callable[..., None]]:
    """Gives the service other limits for one test."""

    def give(**values: str) -> None:
        the_app.state.settings = SETTINGS.model_copy(update=values)
        limits.forget()

    yield give
    the_app.state.settings = SETTINGS
    limits.forget()


def test_a_caller_who_asks_for_too_much_waits(api: Api, limited: Callable[..., None]) -> None:
    limited(rate_limit="3/minute", public_rate_limit="2/minute")
    statuses = [api.send("preparer", "GET", PATH).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    late = api.send("preparer", "GET", PATH)
    assert refused(late, 429) == "too_many_requests"
    assert 1 <= int(late.headers["retry-after"]) <= 60
    assert api.send("expert", "GET", PATH).status_code == 200
    assert [api.send(None, "GET", "/public/v1/assessments").status_code for _ in range(3)] == [200, 200, 429]
    limits.forget()
    assert api.send("preparer", "GET", PATH).status_code == 200


def test_a_request_beyond_the_limit_has_no_effect(api: Api, limited: Callable[..., None]) -> None:
    limited(rate_limit="1/minute")
    api.decision()
    refused(api.send("preparer", "POST", PATH, {"diary_number": "2", "title": {"fi": "a"}}, idempotency_key="k"), 429)
    limits.forget()
    assert len(api.send("preparer", "GET", PATH).json()["items"]) == 1


def test_a_body_beyond_the_limit_is_refused(api: Api, client: TestClient) -> None:
    most = SETTINGS.max_body_bytes
    assert refused(post(api, b" " * (most + 1)), 413) == "body_too_large"
    assert refused(post(api, b" " * most), 400) == "not_json"


def test_a_body_beyond_the_limit_is_refused_also_in_chunks_and_without_a_key(database_url: str, county: County) -> None:
    small = Settings(port=0, database_url=database_url, max_body_bytes=4096)
    with serving(small) as running, httpx.Client(base_url=running.address) as client:
        for key, status, code in ((county.keys["preparer"], 413, "body_too_large"), ("no", 401, "not_signed_in")):
            sent = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            for content in (b" " * 5000, iter([b" " * 1000] * 50)):
                assert refused(client.post(PATH, content=content, headers=sent), status) == code
        assert client.get("/healthz").status_code == 200


def test_nothing_of_a_body_is_read_before_the_sign_in(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a body that would be refused nor the write lock is waited for: who has no key gets 401 at once."""

    async def unread(*_: Any) -> bytes:
        raise AssertionError("the body was read")

    monkeypatch.setattr("app.conventions.route._body_of", unread)
    for method, path in (("POST", PATH), ("PATCH", f"{PATH}/1"), ("PUT", "/api/v1/organisation/child-groups")):
        for key in ("lava_unknown", None):
            sent = {"Authorization": f"Bearer {key}"} if key else {}
            answer = api.client.request(method, path, content=b"{", headers=sent)
            assert refused(answer, 401) == "not_signed_in"
    assert refused(post(api, b"{"), 500) == "internal"  # the control: with a key it is read


def test_a_key_revoked_while_the_body_was_sent_does_nothing(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Route.check_body

    async def slow(route: Route, request: Request) -> None:
        await real(route, request)
        with database.transaction() as session:
            session.execute(text("UPDATE account SET active = false"))

    monkeypatch.setattr(Route, "check_body", slow)
    monkeypatch.setattr(sign_in, "SIGNED_IN_SECONDS", 0.0)
    answer = api.send("preparer", "POST", PATH, {"diary_number": "1", "title": {"fi": "a"}})
    assert refused(answer, 401) == "not_signed_in"
