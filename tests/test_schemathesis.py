"""The whole API from its own description, against a real server on each database: every check, no failure.

Path ids are those of things that are there (and sometimes not), If-Match is what the service gave, so that requests get
past the first door. Examples are generated from a fixed seed; LAVA_TEST_EXAMPLES sets how many.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi import checks
from sqlalchemy import select

from app.budgeting import actions as budgeting
from app.budgeting.models import Ledger, Phase, PublishedChildBudget
from app.database import Database
from app.decisions import actions as decisions
from app.decisions import queries as decision_queries
from app.demo.server import serving
from app.follow_up import actions as follow_up
from app.jobs.models import Job
from app.jobs.uploads import XLSX
from app.services.models import Classification, CostCentre, Population, Unit
from tests.conftest import SETTINGS, Postgresql
from tests.county import County, a_budget, a_decision, an_assessment, founded

EXAMPLES = int(os.environ.get("LAVA_TEST_EXAMPLES", "12"))
DOCUMENT = json.loads((Path(__file__).parent.parent / "openapi" / "openapi.json").read_text("utf-8"))
CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "304", "401", "403", "404", "409", "412", "422", "428"]
            },
            "missing_required_header": {"expected-statuses": ["401", "403", "404", "422", "428"]},
            "negative_data_rejection": {"expected-statuses": ["4xx"]},
        }
    }
)
schemathesis.serializer.alias(XLSX, "application/octet-stream")
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=CONFIG)


class Served:
    """A running service, the county in it, and the ids of what is there."""

    def __init__(self, address: str, county: County, ids: dict[str, str]) -> None:
        self.address = address
        self.county = county
        self.ids = ids
        self.random = Random(1)
        self.http = httpx.Client(base_url=address)

    def key_for(self, operation: Any) -> str:
        """A key whose role may do most of what the operation needs."""
        role = {
            "Services": "controller",
            "Child budget": "controller",
            "Jobs": "controller",
            "Organisation": "administrator",
            "People and keys": "administrator",
            "Forms": "administrator",
            "Journal": "auditor",
        }.get(operation.definition.raw["tags"][0], self.random.choice(["preparer", "expert", "presenter"]))
        return self.county.keys[role]


def _filled(database: Database, county: County) -> dict[str, str]:
    with database.transaction() as session:
        decision = a_decision(session, county)
        assessment = an_assessment(session, county, "drafting", decision)
        cleared = an_assessment(session, county, "published", a_decision(session, county, "2/2026"))
        by = county["presenter"]
        decided = decision_queries.get(session, cleared.decision_id, visible_to=by)
        handling = {"body": "Aluehallitus", "meeting_date": decided.created_at.date(), "section": None}
        handling |= {"outcome": "decided", "option_id": None, "amendment": None, "answers": []}
        made = decisions.handle(session, decided, handling, version=decided.version, by=by)
        follow = follow_up.open_follow_up(session, decided, by=county["preparer"])
        return {
            "decision_id": str(decision.id),
            "option_id": str(decision_queries.options(session, decision)[1].id),
            "handling_id": str(made.id),
            "assessment_id": str(assessment.id),
            "form_id": str(assessment.form_id),
            "follow_up_id": str(follow.id),
            "person_id": str(county["preparer"].id),
        }


def _filled_services(database: Database, county: County) -> dict[str, str]:
    """A budget, published; the first row of each of its tables."""
    a_budget(database, county)
    tables = {"unit": Unit, "cost_centre": CostCentre, "classification": Classification, "population": Population}
    tables |= {"ledger": Ledger, "job": Job, "publication": PublishedChildBudget}
    with database.transaction() as session:
        budgeting.publish(session, 2026, Phase.BUDGET, by=county["controller"])
        return {f"{name}_id": str(session.scalars(select(table).limit(1)).one().id) for name, table in tables.items()}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server: Postgresql | None = None
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("schemathesis") / "lava.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        server = request.getfixturevalue("postgresql")
        url = server.fresh()
    database = Database(url)
    county = founded(database, "Esimerkkialue", "1234567-1")
    ids = {**_filled(database, county), **_filled_services(database, county)}
    database.engine.dispose()
    with serving(SETTINGS.model_copy(update={"port": 0, "database_url": url})) as running:
        made = Served(running.address, county, ids)
        yield made
        made.http.close()
    if server is not None:
        server.drop(url)


@pytest.mark.slow
@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
def test_the_api_keeps_its_description(case: schemathesis.Case[Any], served: Served) -> None:
    headers = {}
    sound = case.meta is None or case.meta.generation.mode.is_positive
    given: Any = case.headers or {}
    if case.operation.definition.raw.get("security") and (sound or "Authorization" in given):
        headers["Authorization"] = f"Bearer {served.key_for(case.operation)}"
    for name, value in (case.path_parameters or {}).items():
        if name in served.ids and (sound or _is_uuid(value)) and served.random.random() < 0.9:
            case.path_parameters[name] = served.ids[name]
    if sound and "If-Match" in given and served.random.random() < 0.7:
        case.headers["If-Match"] = _etag_of(case, served, headers)
    case.call_and_validate(
        base_url=served.address, headers=headers, timeout=20, excluded_checks=list(_not_to_be_checked(case))
    )


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


def _is_uuid(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True


def _etag_of(case: schemathesis.Case[Any], served: Served, headers: dict[str, str]) -> str:
    """The ETag of what the request would change: its own address, or the nearest above it that can be read."""
    path = case.formatted_path
    while path.count("/") > 2:
        answer = served.http.get(path, headers=headers)
        if answer.headers.get("etag"):
            return answer.headers["etag"]
        path = path.rpartition("/")[0]
    return '"1"'


def test_the_description_is_valid_openapi(the_app: FastAPI) -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    OpenAPIV31SpecValidator(the_app.openapi()).validate()
