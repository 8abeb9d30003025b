"""Versions, merge patches, cursors and problems, as every collection has them."""

import base64
import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from app import documents
from app.conventions import versions
from app.conventions.problems import LANGUAGES, registry
from app.database import Database
from app.demo.server import serving
from app.settings import Settings
from tests.conftest import SETTINGS
from tests.county import Api, County, a_decision

PARALLEL = 50
PATH = "/api/v1/decisions"
BODY = {"diary_number": "1/2026", "title": {"fi": "Asia"}}


def problem_of(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"].removeprefix("urn:lava:problem:")


# Versions


def test_a_change_says_which_version_it_changes(api: Api) -> None:
    path = f"{PATH}/{api.decision()['id']}"
    assert problem_of(api.send("preparer", "PATCH", path, {"body": "Aluehallitus"})) == (428, "version_required")
    changed = api.send("preparer", "PATCH", path, {"body": "Aluehallitus"}, if_match='"1"')
    assert (changed.status_code, changed.headers["etag"], changed.json()["version"]) == (200, '"2"', 2)


@pytest.mark.parametrize("tag", ["1", '"one"', 'W/"1"', '"1", "2"', "*", '""', '"-1"', '"1', '"12345678901"', '"١"'])
def test_a_version_of_another_form_is_refused(api: Api, tag: str) -> None:
    path = f"{PATH}/{api.decision()['id']}"
    bearer = f"Bearer {api.county.keys['preparer']}"
    headers = [(b"Authorization", bearer.encode()), (b"If-Match", tag.encode())]
    answer = api.client.post(f"{path}/preparation", headers=headers)
    assert problem_of(answer) == (400, "bad_if_match")
    assert api.send("preparer", "GET", path).json()["version"] == 1


def test_a_stale_version_is_refused_and_told_who_changed_it_and_when(api: Api) -> None:
    path = f"{PATH}/{api.decision()['id']}"
    changed = api.send("presenter", "PATCH", path, {"body": "Aluehallitus"}, if_match='"1"').json()
    stale = api.send("preparer", "PATCH", path, {"body": "Aluevaltuusto"}, if_match='"1"')
    assert problem_of(stale) == (412, "stale")
    assert str(api.county["presenter"].id) in stale.json()["detail"]
    assert changed["changed_at"][:19] in stale.json()["detail"]
    assert "version is now 2" in stale.json()["detail"]
    assert api.send("preparer", "GET", path).json() == changed


def test_a_version_of_the_future_is_refused(api: Api) -> None:
    path = f"{PATH}/{api.decision()['id']}"
    assert problem_of(api.send("preparer", "PATCH", path, {"body": "X"}, if_match='"2"')) == (412, "stale")


def test_what_has_not_changed_is_not_sent_again(api: Api) -> None:
    path = f"{PATH}/{api.decision()['id']}"
    for tags in ('"1"', 'W/"1"', '"7", "1"', "*"):
        same = api.send("preparer", "GET", path, if_none_match=tags)
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", '"1"')
    for other in ('"2"', '"2", *', ""):
        assert api.send("preparer", "GET", path, if_none_match=other).status_code == 200
    api.send("preparer", "PATCH", path, {"body": "Aluehallitus"}, if_match='"1"')
    assert api.send("preparer", "GET", path, if_none_match='"1"').status_code == 200


def test_what_is_not_there_is_said_to_whoever_has_anything(api: Api) -> None:
    missing = api.send("preparer", "GET", f"{PATH}/01a204f4-0000-7000-8000-000000000001", if_none_match="*")
    assert problem_of(missing) == (404, "not_found")


@pytest.mark.parametrize("path", [PATH, "/public/v1/assessments", "/healthz", "/readyz", "/openapi.json", "/nowhere"])
def test_a_head_is_answered_as_a_get_without_its_body(api: Api, path: str) -> None:
    whole, head = api.send("preparer", "GET", path), api.send("preparer", "HEAD", path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers["content-length"] == whole.headers["content-length"] != "0"
    differ = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in differ} == {
        k: v for k, v in whole.headers.items() if k not in differ
    }


def test_a_head_needs_a_key_and_knows_what_has_not_changed(api: Api) -> None:
    path = f"{PATH}/{api.decision()['id']}"
    assert api.client.head(path).status_code == 401
    assert api.send("preparer", "HEAD", path).headers["etag"] == '"1"'
    assert api.send("preparer", "HEAD", path, if_none_match='"1"').status_code == 304
    wrong = api.send("preparer", "HEAD", f"{path}/preparation")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert api.send("preparer", "DELETE", PATH).headers["allow"] == "GET, HEAD, POST"


def test_a_head_over_the_network_has_no_body_and_is_logged_as_what_it_is(
    api: Api, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr("app.logs.log", Telling(told))
    settings = SETTINGS.model_copy(update={"port": 0, "database_url": database_url})
    with serving(settings) as running, httpx.Client(base_url=running.address) as client:
        for _ in range(2):  # a second request on the same connection shows that nothing was left over
            head = client.head("/public/v1/assessments")
            assert (head.status_code, head.content) == (200, b"")
        assert client.get("/public/v1/assessments").json() == {"items": [], "next": None}
    assert [(line["method"], line["route"]) for line in told] == [
        *[("HEAD", "/public/v1/assessments")] * 2,
        ("GET", "/public/v1/assessments"),
    ]


class Telling:
    """A log that keeps its lines."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self.lines = lines

    def info(self, _event: str, **line: Any) -> None:
        self.lines.append(line)


def edited(address: str, key: str, path: str, *, again: bool) -> list[list[int]]:
    """What each of many editors was answered. They read, then all write; `again` until it is done."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/merge-patch+json"}
    limits = httpx.Limits(max_connections=PARALLEL)
    with httpx.Client(base_url=address, timeout=60, limits=limits) as client:
        first = client.get(path, headers=headers).headers["etag"]

        def edit(index: int) -> list[int]:
            etag = first
            statuses: list[int] = []
            while not statuses or (again and statuses[-1] == 412):
                change = json.dumps({"title": {"fi": f"Toimittaja {index}"}})
                answer = client.patch(path, content=change, headers={**headers, "If-Match": etag})
                statuses.append(answer.status_code)
                if again and answer.status_code == 412:
                    etag = client.get(path, headers=headers).headers["etag"]
            return statuses

        with ThreadPoolExecutor(PARALLEL) as pool:
            return list(pool.map(edit, range(PARALLEL)))


@pytest.mark.slow
@pytest.mark.parametrize("again", [False, True], ids=["once", "until it is done"])
def test_many_editors_lose_no_edit(database_url: str, database: Database, county: County, again: bool) -> None:
    with database.transaction() as session:
        path = f"{PATH}/{a_decision(session, county).id}"
    with serving(Settings(port=0, database_url=database_url, rate_limit="1000000/minute")) as running:
        answers = edited(running.address, county.keys["preparer"], path, again=again)
        headers = {"Authorization": f"Bearer {county.keys['preparer']}"}
        version = httpx.get(running.address + path, headers=headers).json()["version"]
    counted = Counter(status for statuses in answers for status in statuses)
    assert set(counted) == {200, 412}
    assert version == 1 + counted[200]
    assert counted[200] == (PARALLEL if again else 1)


def test_control_a_claim_that_looks_at_no_version_loses_edits(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{PATH}/{api.decision()['id']}"
    real = versions.claim
    monkeypatch.setattr(versions, "claim", lambda session, row, _, by: real(session, row, None, by))
    done = [api.send("preparer", "PATCH", path, {"body": str(n)}, if_match='"1"').status_code for n in range(3)]
    assert done == [200, 200, 200]


# Merge patches


def test_a_patch_changes_what_it_names_clears_nulls_and_merges_texts(api: Api) -> None:
    made = api.decision(title={"fi": "Asia", "sv": "Ärende"}, body="Aluehallitus", meeting_date="2026-12-14")
    path = f"{PATH}/{made['id']}"
    after = api.change("preparer", "PATCH", path, {"title": {"en": "Matter", "sv": None}, "body": None}).json()
    assert after["title"] == {"fi": "Asia", "en": "Matter"}
    assert after["body"] is None
    assert after["meeting_date"] == "2026-12-14"
    changed = {"title", "body", "version", "changed_at", "changed_by"}
    assert {name for name in made if made[name] != after[name]} <= changed


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"title": None}, "/title"),
        ({"publicity": None}, "/publicity"),
        ({"object": None}, "/object"),
        ({"title": {"fi": None}}, "/title"),
        ({"publicity": "secret"}, ""),
        ({"meeting_date": "31.12.2026"}, "/meeting_date"),
        ({"titel": {"fi": "Asia"}}, "/titel"),
        ({"language": "en"}, "/language"),
    ],
)
def test_a_patch_that_breaks_a_rule_of_the_whole_is_refused(api: Api, patch: dict[str, Any], pointer: str) -> None:
    path = f"{PATH}/{api.decision()['id']}"
    answer = api.change("preparer", "PATCH", path, patch)
    assert problem_of(answer) == (422, "invalid")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert api.send("preparer", "GET", path).json()["version"] == 1


@pytest.mark.parametrize("name", ["publicity", "active", "kind"])
def test_null_never_makes_a_field_what_it_is_for_new_rows(api: Api, name: str) -> None:
    """A secret matter would become public, and a person who was shut out could sign in again."""
    if name == "publicity":
        made = api.decision(publicity="secret", publicity_grounds="JulkL 24 § 1 mom. 17 k.")
        role, path = "preparer", f"{PATH}/{made['id']}"
    elif name == "active":
        role, path = "administrator", f"/api/v1/people/{api.county['expert'].id}"
        assert api.change(role, "PATCH", path, {"active": False}).json()["active"] is False
    else:
        role, path = "administrator", f"/api/v1/people/{api.county['expert'].id}"
    before = api.send(role, "GET", path).json()
    answer = api.change(role, "PATCH", path, {name: None})
    assert problem_of(answer) == (422, "invalid")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"/{name}"]
    assert api.send(role, "GET", path).json() == before


@pytest.mark.parametrize("patch", [[], "text", 7, None])
def test_a_patch_is_an_object(api: Api, patch: Any) -> None:
    path = f"{PATH}/{api.decision()['id']}"
    headers = {"Authorization": f"Bearer {api.county.keys['preparer']}", "If-Match": '"1"'}
    headers["Content-Type"] = "application/merge-patch+json"
    assert problem_of(api.client.patch(path, content=json.dumps(patch), headers=headers)) == (422, "invalid")


# Cursors


def pages(api: Api, path: str) -> list[list[str]]:
    """The ids on each page, following `next`; a decision is added between the pages."""
    found = []
    following: str | None = path
    while following is not None:
        answer = api.send("preparer", "GET", following)
        page = answer.json()
        found.append([row["id"] for row in page["items"]])
        following = page["next"]
        linked = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("link", ""))
        assert (linked[1] if linked else None) == following
        api.decision(diary_number=f"{len(found)}/2027")
    return found


def test_paging_gives_each_row_once_while_others_are_added(api: Api, county: County, database: Database) -> None:
    with database.transaction() as session:
        made = [str(a_decision(session, county, f"{number}/2026").id) for number in range(120)]
    found = pages(api, f"{PATH}?limit=25")
    assert [len(page) for page in found] == [25, 25, 25, 25, 20]
    assert [key for page in found for key in page] == made[::-1]


def test_a_cursor_goes_with_its_filters_and_its_list(api: Api) -> None:
    for number in range(3):
        api.decision(diary_number=f"{number}/2026")
    following = api.send("preparer", "GET", f"{PATH}?limit=1&state=draft").json()["next"]
    assert api.send("preparer", "GET", following).status_code == 200
    assert api.send("preparer", "GET", following.replace("limit=1", "limit=2")).status_code == 200
    cursor = following.partition("cursor=")[2]
    for other in (f"{PATH}?state=presented&cursor={cursor}", f"/api/v1/assessments?state=draft&cursor={cursor}"):
        answer = api.send("preparer", "GET", other)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] in {"cursor", "state"}
    assert problem_of(api.send("preparer", "GET", f"{PATH}?cursor={cursor}")) == (422, "bad_cursor")


def packed(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%00",
        "%C3%A4",
        "....",
        packed([]),
        packed({"a": 1}),
        packed(["a"]),
        packed([1, 2]),
        packed("a"),
        "W10" * 100,
        base64.urlsafe_b64encode(b"[" * 300).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
@pytest.mark.parametrize("path", [PATH, "/api/v1/journal", "/public/v1/assessments"])
def test_a_cursor_that_is_none_is_refused(api: Api, path: str, cursor: str) -> None:
    answer = api.send("auditor", "GET", f"{path}?cursor={cursor}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "cursor"


@pytest.mark.parametrize(
    "key", ["not a uuid", "\u0000", "9" * 60, "1e3", "-1", "-" + "9" * 25, "\u0663", " 3", "1_0", "+1", "2147483648"]
)
def test_a_cursor_made_by_hand_is_no_fault_of_the_service(api: Api, key: str) -> None:
    for number in range(2):
        api.decision(diary_number=f"{number}/2026")
    for path in (PATH, "/api/v1/journal"):
        given = api.send("auditor", "GET", f"{path}?limit=1").json()["next"].partition("cursor=")[2]
        digest = json.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))[0]
        answer = api.send("auditor", "GET", f"{path}?limit=1&cursor={packed([digest, key])}")
        assert problem_of(answer) == (422, "bad_cursor"), path


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1e2", "١", "", "99999999999999999999"])
def test_a_page_is_at_most_as_long_as_the_cap(api: Api, limit: str) -> None:
    answer = api.send("preparer", "GET", f"{PATH}?limit={limit}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "limit"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_outside_the_calendar_is_refused(api: Api, moment: str) -> None:
    for name in ("since", "until"):
        answer = api.send("auditor", "GET", f"/api/v1/journal?{name}={moment}")
        assert problem_of(answer) == (422, "invalid")
        assert answer.json()["errors"][0]["pointer"] == name
    assert api.send("auditor", "GET", "/api/v1/journal?since=0001-01-01T00:00:00Z").status_code == 200


def test_a_diary_number_that_is_folded_into_too_long_a_key_is_refused(api: Api) -> None:
    body = {"diary_number": "\ufdfa" * 100, "title": {"fi": "Asia"}}
    answer = api.send("preparer", "POST", PATH, body)
    assert problem_of(answer) == (422, "invalid")
    assert answer.json()["errors"][0]["pointer"] == "/diary_number"
    assert api.send("preparer", "GET", PATH).status_code == 200


def test_a_value_that_only_the_database_finds_too_long_is_no_fault_of_the_service(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.decisions.rules.diary_key_to_keep", lambda number: number * 300)
    answer = api.send("preparer", "POST", PATH, BODY)
    if database.is_sqlite:  # which holds no text to a length
        assert answer.status_code == 201
    else:
        assert problem_of(answer) == (422, "invalid")


# Problems

WRONG = {
    404: ("GET", "/api/v1/nothing-here", None, {}),
    405: ("DELETE", "/api/v1/decisions", None, {}),
    415: ("POST", PATH, b"<a/>", {"Content-Type": "application/xml"}),
    422: ("POST", PATH, b"{}", {"Content-Type": "application/json"}),
    400: ("POST", PATH, b"{", {"Content-Type": "application/json"}),
    413: ("POST", PATH, b" " * 2_100_000, {"Content-Type": "application/json"}),
}
LANGUAGE = {
    "": "fi",
    "sv": "sv",
    "en-GB,en;q=0.9": "en",
    "de,fr": "fi",
    "en;q=0.1, sv-FI;q=0.8": "sv",
    "en;q=0, sv;q=0.5": "sv",
    "en;q=x": "fi",
    "SV": "sv",
}


def wrong(api: Api, status: int, **headers: str) -> Any:
    """A request that is answered with this problem."""
    method, path, content, own = WRONG[status]
    sent = {"Authorization": f"Bearer {api.county.keys['preparer']}", **own, **headers}
    answer = api.client.request(method, path, content=content, headers=sent)
    assert answer.status_code == status, answer.text
    return answer


@pytest.mark.parametrize("status", WRONG)
def test_every_error_is_a_problem_in_the_callers_language(api: Api, status: int) -> None:
    for accepted, language in LANGUAGE.items():
        answer = wrong(api, status, **{"Accept-Language": accepted})
        _, code = problem_of(answer)
        said = answer.json()
        assert (said["title"], said["status"]) == (registry()[code][language], status)
        assert answer.headers["content-language"] == language
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert said["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"


def test_a_requests_own_id_is_kept_where_it_is_a_uuid(api: Api) -> None:
    given = "0190163d-8694-739b-aea5-966c26f8ad91"
    assert wrong(api, 404, **{"X-Request-Id": given}).headers["x-request-id"] == given
    made = wrong(api, 404, **{"X-Request-Id": "x\tinjected"}).headers["x-request-id"]
    assert str(UUID(made)) == made


def test_a_method_that_is_not_there_is_told_every_one_that_is(api: Api, the_app: FastAPI) -> None:
    """`/units/import` is an address of its own, and has the form of `/units/{unit_id}` too."""
    described = the_app.openapi()["paths"]
    forms = {re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)): methods for path, methods in described.items()}
    for path, methods in described.items():
        concrete = re.sub(r"\{[^}]+\}", "00000000-0000-7000-8000-000000000001", path)
        alike = {name.upper() for form, of in forms.items() if form.fullmatch(path) for name in of}
        answer = api.send("preparer", "TRACE", concrete)
        assert problem_of(answer) == (405, "method_not_allowed"), path
        allowed = set(answer.headers["allow"].split(", "))
        alike |= {"HEAD"} if "GET" in alike else set()
        assert {name.upper() for name in methods} <= allowed <= alike, path


def test_the_registry_has_every_problem_that_is_raised_and_no_other() -> None:
    assert set(documents.raised_codes()) == set(registry())
    for code, titles in registry().items():
        assert set(titles) == set(LANGUAGES), code
        assert all(titles.values()), code
