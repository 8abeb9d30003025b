"""The description of the API: every operation says what it does, and every example holds."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

DOCUMENT = "urn:openapi"
METHODS = {"get", "put", "post", "patch", "delete"}
VERBS = {
    "add", "answer", "approve", "carry", "change", "check", "close", "compare", "draft", "implement", "import", "issue",
    "list", "make", "open", "prepare", "present", "preview", "publish", "read", "record", "register", "remove", "renew",
    "reopen", "return", "revoke", "set", "sign", "start", "submit", "tell", "upgrade", "withdraw",
}  # fmt: skip


@pytest.fixture
def described(the_app: FastAPI) -> dict[str, Any]:
    return the_app.openapi()


def operations(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation with its method and path, to be named when it fails."""
    for path, methods in described["paths"].items():
        for method in METHODS & set(methods):
            yield f"{method.upper()} {path}", methods[method]


def at(described: dict[str, Any], pointed: dict[str, Any]) -> dict[str, Any]:
    """What a local reference leads to, or the thing itself."""
    while "$ref" in pointed:
        found: Any = described
        for step in pointed["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        pointed = found
    return pointed


def validator_of(described: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """A validator of one schema, whose references lead into the whole document."""
    whole = DRAFT202012.create_resource(described)
    registry: Registry[Any] = Registry().with_resource(DOCUMENT, whole)
    return Draft202012Validator(
        _absolute(schema), registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def examples_of(media: dict[str, Any], schema: dict[str, Any]) -> list[Any]:
    """Every example of a body: on the media type, and on its schema."""
    named = [example["value"] for example in media.get("examples", {}).values()]
    single = [held["example"] for held in (media, schema) if "example" in held]
    return [*named, *single, *schema.get("examples", [])]


def test_every_operation_says_what_it_does(described: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in described["tags"]}
    silent = {}
    for where, operation in operations(described):
        missing = {name for name in ("summary", "description") if not operation.get(name, "").strip()}
        if not operation.get("tags") or not tags.issuperset(operation["tags"]):
            missing.add("tags")
        if operation.get("description", "").startswith(operation.get("summary", "")):
            missing.add("more than its summary")
        if missing:
            silent[where] = missing
    assert silent == {}


def test_every_operation_id_is_a_unique_verb_phrase(described: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(described)]
    assert len(ids) > 100
    assert sorted(ids) == sorted(set(ids))
    assert [name for name in ids if not re.fullmatch(r"[a-z]+(_[a-z]+)+", name)] == []
    assert [name for name in ids if name.split("_")[0] not in VERBS] == []


def test_every_request_body_has_examples_that_hold(described: dict[str, Any]) -> None:
    checked, faults = 0, {}
    for where, operation in operations(described):
        for kind, media in at(described, operation.get("requestBody", {})).get("content", {}).items():
            schema = at(described, media["schema"])
            if schema.get("format") == "binary":
                continue  # a workbook; its columns are those of the CSV beside it
            examples = examples_of(media, schema)
            validator = validator_of(described, media["schema"])
            wrong = [error.message for example in examples for error in validator.iter_errors(example)]
            if wrong or not examples:
                faults[f"{where} {kind}"] = wrong or ["no example"]
            checked += len(examples)
    assert faults == {}
    assert checked >= 40


def test_the_check_of_examples_sees_a_fault_behind_a_reference(described: dict[str, Any]) -> None:
    validator = validator_of(described, {"$ref": "#/components/schemas/DecisionNew"})
    assert validator.is_valid({"diary_number": "1/2026", "title": {"fi": "Asia"}})
    assert not validator.is_valid({"diary_number": "1/2026", "title": {"fi": 7}})


def test_every_operation_with_a_key_documents_401_and_403(described: dict[str, Any]) -> None:
    keyed = {where: operation for where, operation in operations(described) if "security" in operation}
    assert [where for where, operation in keyed.items() if not {"401", "403"} <= set(operation["responses"])] == []
    keyless = {where for where, _ in operations(described)} - set(keyed)
    assert keyless == {
        "GET /public/v1/assessments",
        "GET /public/v1/assessments/{entry_id}",
        "GET /public/v1/child-budget",
        "GET /public/v1/child-budget/{publication_id}",
    }


def _absolute(schema: Any) -> Any:
    """A schema whose references lead into the whole document."""
    if isinstance(schema, dict):
        return {
            name: DOCUMENT + value if name == "$ref" and isinstance(value, str) else _absolute(value)
            for name, value in schema.items()
        }
    return [_absolute(item) for item in schema] if isinstance(schema, list) else schema
