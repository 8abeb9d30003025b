"""A county's own questions: what their JSON Schemas may say, and that schema and answer multiply no work."""

import time
from typing import Any

import pytest

from app.assessments import form_schemas
from app.assessments.form_schemas import faults_of_answer, size_of, why_refused
from app.assessments.rules import carried_answers, check_definition, check_form_answers
from app.errors import Invalid
from tests.county import Api

A_BLINK = 2.0
"""Seconds of this process's own time, on a machine that may be slow."""


def nested(levels: int, **keywords: Any) -> dict[str, Any]:
    """A schema within a schema within a schema."""
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {**keywords, "allOf": [schema]}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"properties": {"a": {"$dynamicRef": "#a"}}},
        {"pattern": "(a+)+$"},
        {"items": {"pattern": "a"}},
        {"anyOf": [{}, {"not": {"patternProperties": {"a": {}}}}]},
        {"$defs": {"a": {"$ref": "#"}}},
        {"dependentSchemas": {"a": {"pattern": "a"}}},
        {"x-own": {"pattern": "a"}},
        {"unevaluatedProperties": False},
        nested(16, unevaluatedProperties=True),
        {"allOf": [{"type": "array"}] * 20_000},
        {"enum": ["x" * 9_000] * 20},
        {"type": "nosuch"},
        {"properties": 5},
        {"multipleOf": 0},
    ],
    ids=lambda schema: str(schema)[:40],
)
def test_a_schema_that_reaches_out_or_costs_much_is_refused(schema: dict[str, Any]) -> None:
    started = time.process_time()
    assert why_refused(schema)
    assert time.process_time() - started < A_BLINK


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"pattern": {"type": "string"}, "$ref": {"type": "integer"}}},
        {"enum": ["pattern", {"$ref": "a choice"}]},
        {"const": {"pattern": "x"}, "default": {"$ref": 1}, "examples": [{"pattern": "x"}]},
        {"required": ["pattern"]},
        {"type": "string", "enum": [f"kunta {number}" for number in range(309)]},
        {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
    ],
    ids=lambda schema: str(schema)[:40],
)
def test_a_property_or_a_choice_may_have_any_name(schema: dict[str, Any]) -> None:
    assert why_refused(schema) is None


MANY: dict[str, tuple[dict[str, Any], Any]] = {
    "unique": ({"uniqueItems": True}, [{"a": number} for number in range(3000)]),
    "unique, as many as there may be": ({"uniqueItems": True}, [{"a": number} for number in range(249)]),
    "items by subschemas": ({"items": {"allOf": [{}] * 300}}, [0] * 3000),
    "items by subschemas, less": ({"items": {"anyOf": [{"type": "string"}] * 300}}, [0] * 400),
    "faults": ({"items": {"type": "string"}}, [0] * 200_000),
    "long texts by subschemas": ({"anyOf": [{"type": "integer"}] * 500}, ["x" * 9_000] * 200),
}


@pytest.mark.parametrize("name", MANY)
def test_an_answer_and_its_schema_do_not_multiply_their_work(name: str) -> None:
    schema, answer = MANY[name]
    started = time.process_time()
    faults_of_answer(schema, answer)
    assert time.process_time() - started < A_BLINK


def test_control_without_the_bound_they_do(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = {"items": {"anyOf": [{"type": "string"}] * 30}}
    assert faults_of_answer(schema, [0] * 400) == ["The answer is too large for this question."]
    monkeypatch.setattr(form_schemas, "MOST_WORK", 10**9)
    assert len(faults_of_answer(schema, [0] * 400)) == 400


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ({"type": "string", "maxLength": 10_000}, "x" * 10_000),
        ({"enum": [f"kunta {number}" for number in range(309)]}, "kunta 308"),
        ({"type": "array", "items": {"enum": [f"kunta {n}" for n in range(309)]}}, [f"kunta {n}" for n in range(309)]),
        (
            {"type": "array", "items": {"properties": {"a": {"type": "integer"}}}},
            [{"a": number} for number in range(200)],
        ),
        ({"multipleOf": 5e-324}, 1e12),
        ({"minimum": -1e308}, 5),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_a_form_asks_for_fits(schema: dict[str, Any], answer: Any) -> None:
    assert why_refused(schema) is None
    assert faults_of_answer(schema, answer) == []


def test_all_schemas_and_all_answers_together_have_a_size_too() -> None:
    schema = {"enum": list(range(900))}
    questions = [{"id": f"q{number}", "schema": schema} for number in range(6)]
    with pytest.raises(Invalid, match="too large"):
        check_definition({"screening": [], "sections": [], "questions": questions})
    definition = {"screening": [], "sections": [], "questions": [{"id": f"q{n}", "schema": {}} for n in range(6)]}
    check_definition(definition)
    with pytest.raises(Invalid, match="too large"):
        check_form_answers(definition, {f"q{number}": [0] * 400 for number in range(6)})
    check_form_answers(definition, {f"q{number}": [0] * 300 for number in range(6)})


def test_an_answer_that_is_too_large_for_a_newer_form_is_left_behind() -> None:
    newer = {"questions": [{"id": "q", "schema": {"items": {"allOf": [{}] * 300}}}]}
    assert carried_answers({"q": [0] * 400}, newer) == ({}, ["q"])
    assert carried_answers({"q": [0] * 20}, newer) == ({"q": [0] * 20}, [])


def test_sizes() -> None:
    sizes = {1: 1, "x" * 250: 3, None: 1}
    assert [size_of(value) for value in sizes] == list(sizes.values())
    assert size_of({"a": [1, {"b": 2}]}) == 5


def test_a_form_asks_for_an_object_that_has_a_property_named_pattern(api: Api) -> None:
    form = api.send("administrator", "GET", "/api/v1/forms").json()["items"][0]
    definition = api.send("administrator", "GET", f"/api/v1/forms/{form['id']}").json()["definition"]
    schema = {"type": "object", "properties": {"pattern": {"type": "string"}}}
    definition["questions"] = [{"id": "own", "label": {"fi": "Oma"}, "schema": schema}]
    made = api.send(
        "administrator", "POST", "/api/v1/forms", {"key": "own", "title": {"fi": "Oma"}, "definition": definition}
    )
    assert made.status_code == 201, made.text
    definition["questions"][0]["schema"] = {"unevaluatedProperties": False}
    refused = api.send(
        "administrator", "POST", "/api/v1/forms", {"key": "own", "title": {"fi": "Oma"}, "definition": definition}
    )
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/definition/questions/0/schema"
