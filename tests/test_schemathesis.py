"""The whole API from its own description, against a real server on each database: every check, no failure.

A sound request is sent by somebody who may, names things that are there (`tests/readied.py`) and the version they have,
so that it succeeds, or is refused for one of the reasons of its operation (`tests/refusals.py`); and of the sound
requests to each operation one at least succeeds.
Examples are generated from a fixed seed; LAVA_TEST_EXAMPLES sets how many.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi import checks

from app.attachments import rules
from app.database import Database
from app.demo.server import serving
from app.jobs.uploads import XLSX
from tests import refusals
from tests.conftest import SETTINGS, Postgresql
from tests.county import founded
from tests.readied import NATURAL_KEYS, OF_A_CASE, Readied

EXAMPLES = int(os.environ.get("LAVA_TEST_EXAMPLES", "20"))
DOCUMENT = json.loads((Path(__file__).parent.parent / "openapi" / "openapi.json").read_text("utf-8"))
CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            "positive_data_acceptance": {"enabled": False},  # `_check_sound` below is stricter: it asks for a reason
            "missing_required_header": {"expected-statuses": ["401", "403", "404", "422", "428"]},
            "negative_data_rejection": {"expected-statuses": ["4xx"]},
        }
    }
)
for media_type in {XLSX, *rules.EXTENSIONS} - {rules.TEXT, rules.CSV}:
    schemathesis.serializer.alias(media_type, "application/octet-stream")
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=CONFIG)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def readied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readied]:
    server: Postgresql | None = None
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("schemathesis") / "lava.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        server = request.getfixturevalue("postgresql")
        url = server.fresh()
    database = Database(url)
    counties = founded(database, "Esimerkkialue", "1234567-1"), founded(database, "Naapurialue", "7654321-2")
    settings_of_test = SETTINGS.model_copy(update={"port": 0, "database_url": url})
    with serving(settings_of_test) as running, httpx.Client(base_url=running.address, timeout=20) as http:
        yield Readied(http, database, *counties)
    database.engine.dispose()
    if server is not None:
        server.drop(url)


@pytest.fixture
def succeeded(request: pytest.FixtureRequest) -> Iterator[list[int]]:
    """The statuses of the sound requests to one operation: one at least must have succeeded."""
    statuses: list[int] = []
    yield statuses
    assert any(status < 300 for status in statuses), f"no sound request succeeded: {sorted(set(statuses))}"


@pytest.mark.slow
@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
def test_the_api_keeps_its_description(case: schemathesis.Case[Any], readied: Readied, succeeded: list[int]) -> None:
    operation = case.operation.definition.raw
    sound = case.meta is None or case.meta.generation.mode.is_positive
    given: Any = case.headers or {}
    headers = {}
    if operation.get("security") and (sound or "Authorization" in given):
        headers["Authorization"] = f"Bearer {readied.key_of(operation)}"
    ids = readied.ids_for(operation["operationId"]) if sound else readied.shared
    for name, value in (case.path_parameters or {}).items():
        if name in ids and (sound or _is_id(value)):
            case.path_parameters[name] = ids[name]
    if sound:
        _make_sound(case, readied, ids, headers)
    left_out = list(_not_to_be_checked(case))
    base_url = str(readied.http.base_url)
    answer = case.call_and_validate(base_url=base_url, headers=headers, timeout=20, excluded_checks=left_out)
    if sound:
        _check_sound(operation["operationId"], answer)
        succeeded.append(answer.status_code)


def _not_to_be_checked(case: schemathesis.Case[Any]) -> Iterator[Any]:
    """Any bytes are a file: it is the job that refuses it. And `/units/import` has the form of `/units/{unit_id}`."""
    body = case.meta.components.get(ParameterLocation.BODY) if case.meta else None
    if case.operation.definition.raw.get("x-upload") and body is not None and body.mode.is_negative:
        yield checks.negative_data_rejection
    above, _, last = case.operation.path.rpartition("/")
    if not last.endswith("}") and any(
        path.rpartition("/")[0] == above and path.endswith("}") for path in DOCUMENT["paths"]
    ):
        yield checks.unsupported_method
        yield checks.allow_header_conformance


def _is_id(value: object) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(value)) is not None


def _make_sound(case: schemathesis.Case[Any], readied: Readied, ids: dict[str, str], headers: dict[str, str]) -> None:
    """Let a request be what no description can say: about things that are there, in their present version, once."""
    if "If-Match" in (case.headers or {}):
        case.headers["If-Match"] = _etag_of(case, readied, headers)
    if "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = str(uuid4())
    for name in {"Content-Digest", "If-None-Match"} & set(case.headers or {}):
        del case.headers[name]  # only who has the body, or has read it, can tell it
    for name in list(case.query or {}):
        if name == "cursor":  # only the service makes one
            del case.query[name]
        elif _is_id(case.query[name]):
            case.query[name] = ids.get(name, case.query[name])
    if case.operation.definition.raw["operationId"] in OF_A_CASE:
        case.query = {**case.query, **OF_A_CASE[case.operation.definition.raw["operationId"]]}
    case.body = _with_ids(case.body, ids)
    field, number = NATURAL_KEYS.get(case.operation.definition.raw["operationId"]), next(readied.numbers)
    if field and number % 2 and isinstance(case.body, dict):
        case.body[field] = f"new {number}"


def _with_ids(body: Any, ids: dict[str, str], name: str = "") -> Any:
    """A body that refers to what is there: `unit_id` and `parent_id` to the unit, `evidence_ids` to no evidence."""
    if isinstance(body, dict):
        return {field: _with_ids(value, ids, field) for field, value in body.items()}
    if isinstance(body, list):
        one = name.removesuffix("s")
        if name.endswith("_ids"):
            return [ids[one]] if body and one in ids else []
        return [_with_ids(value, ids) for value in body]
    if isinstance(body, str) and _is_id(body):
        return ids.get({"parent_id": "unit_id", "preparer_id": "person_id"}.get(name, name), body)
    return body


def _etag_of(case: schemathesis.Case[Any], readied: Readied, headers: dict[str, str]) -> str:
    """The ETag of what the request would change: its own address, or the nearest above it that can be read."""
    path = case.formatted_path
    while path.count("/") > 2:
        answer = readied.http.get(path, headers=headers)
        if answer.headers.get("etag"):
            return answer.headers["etag"]
        path = path.rpartition("/")[0]
    return '"1"'


def _check_sound(operation_id: str, answer: Any) -> None:
    """A sound request succeeds, or is refused for a reason that its operation is known to have."""
    if answer.status_code < 300:
        return
    problem = answer.json()
    code, words = problem["type"].rpartition(":")[2], [fault["detail"] for fault in problem.get("errors", ())]
    known = answer.status_code in {409, 422} and refusals.is_known(operation_id, code, words or [problem["detail"]])
    assert known, f"{operation_id} refused a sound request: {answer.status_code} {code} {words or problem['detail']}"


def test_the_description_is_valid_openapi(the_app: FastAPI) -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    OpenAPIV31SpecValidator(the_app.openapi()).validate()
