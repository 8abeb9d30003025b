"""The description of the API: every operation says what it does, and every example holds."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from tests.described import validator_of

METHODS = {"get", "put", "post", "patch", "delete"}
VERBS = {
    "add", "answer", "approve", "carry", "change", "check", "close", "compare", "draft", "implement", "import", "issue",
    "list", "make", "open", "prepare", "present", "preview", "publish", "read", "record", "register", "remove", "renew",
    "reopen", "replay", "return", "revoke", "rotate", "set", "sign", "start", "submit", "tell", "test", "upgrade",
    "upload", "withdraw",
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


def test_every_field_and_parameter_says_what_it_is(described: dict[str, Any]) -> None:
    fields = {
        f"{name}.{field}": said
        for name, schema in described["components"]["schemas"].items()
        for field, said in schema.get("properties", {}).items()
    }
    assert len(fields) > 800
    assert [where for where, said in fields.items() if len(said.get("description", "")) < 3] == []
    silent = [
        f"{where} {named['name']}"
        for where, operation in operations(described)
        for named in (at(described, parameter) for parameter in operation["parameters"])
        if not named.get("description")
    ]
    assert silent == []


def test_a_patch_says_of_a_field_what_the_whole_says(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    whole, patch = (schemas[name]["properties"]["meeting_date"] for name in ("DecisionNew", "DecisionPatch"))
    assert patch["description"] == whole["description"]
    assert schemas["PersonPatch"]["properties"]["roles"]["anyOf"][0]["maxItems"] == 8


def test_every_example_of_a_field_holds(described: dict[str, Any]) -> None:
    wrong: dict[str, list[str]] = {}
    for name, schema in described["components"]["schemas"].items():
        for field, said in schema.get("properties", {}).items():
            validator = validator_of(described, said)
            faults = [error.message for example in said.get("examples", ()) for error in validator.iter_errors(example)]
            wrong |= {f"{name}.{field}": faults} if faults else {}
    assert wrong == {}


def test_integers_say_their_limits_and_their_width(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    assert schemas["Money"]["properties"]["cents"]["format"] == "int64"
    days = schemas["ApiKeyNew"]["properties"]["valid_days"]
    assert (days["minimum"], days["maximum"], days["format"]) == (1, 730, "int32")
    assert "ge" not in days


def test_schemas_have_names_and_titles_of_their_own(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    assert [name for name in schemas if "__" in name] == []  # two classes of one name, told apart by their modules
    titles = [schema["title"] for schema in schemas.values()]
    assert sorted(titles) == sorted(set(titles))


def test_codes_that_are_no_names_say_what_they_are_called(described: dict[str, Any]) -> None:
    codes = {name: schema["enum"] for name, schema in described["components"]["schemas"].items() if "enum" in schema}
    for name, values in codes.items():
        called = described["components"]["schemas"][name].get("x-enum-varnames", values)
        assert [code for code in called if not code.replace("-", "_").isidentifier()] == []
        assert len(called) == len(values)
    assert len(codes) > 40


def test_objects_with_free_names_say_what_a_name_may_be_and_what_is_in_it(described: dict[str, Any]) -> None:
    answers = described["components"]["schemas"]["ScreeningNew"]["properties"]["answers"]
    assert answers["additionalProperties"] == {"$ref": "#/components/schemas/ScreeningAnswer"}
    validator = validator_of(described, answers)
    assert validator.is_valid({"long_term": "yes"})
    assert not validator.is_valid({"long_term": "perhaps"})
    assert not validator.is_valid({"Long term": "yes"})
    assert "patternProperties" not in json.dumps(described)  # most makers of clients pass over it


def test_every_read_takes_if_none_match_where_it_answers_304(described: dict[str, Any]) -> None:
    for where, operation in operations(described):
        named = {at(described, parameter)["name"] for parameter in operation["parameters"]}
        assert ("If-None-Match" in named) == ("304" in operation["responses"]), where


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
