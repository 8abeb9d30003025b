"""The JSON Schemas of a county's own questions, held to what can be checked quickly. No database here.

A schema and an answer come from outside, and checking one against the other is work that both can be made to multiply:
so each has a size, and so has the two together.
"""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

MOST_IN_A_SCHEMA, MOST_IN_SCHEMAS = 1_000, 5_000
MOST_IN_AN_ANSWER, MOST_IN_ANSWERS = 500, 2_000
"""Sizes of one and of all of a form or an assessment, as `size_of` counts."""
MOST_WORK = 20_000
"""Steps of one answer against one schema: a fifth of a second, measured."""
NOT_USED = frozenset(
    {"$ref", "$dynamicRef", "pattern", "patternProperties", "unevaluatedProperties", "unevaluatedItems"}
)
"""Keywords that reach outside the schema, run an expensive pattern, or double their work with each level of nesting."""
_BY_NAME = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
_DATA = frozenset({"enum", "const", "default", "examples", "required", "dependentRequired"})


def size_of(value: Any) -> int:
    """How many values a JSON value holds, itself included; each hundred characters of text count as one more."""
    if isinstance(value, dict):
        return 1 + sum(len(name) // 100 + size_of(item) for name, item in value.items())
    if isinstance(value, list):
        return 1 + sum(map(size_of, value))
    return 1 + len(value) // 100 if isinstance(value, str) else 1


def why_refused(schema: Mapping[str, Any]) -> str | None:
    """Why a schema cannot be a question's, or None. Source of the keywords: JSON Schema 2020-12."""
    unused = _unused(schema)
    if unused:
        return f"{unused} is not used here: references, patterns and unevaluated… are not."
    if size_of(schema) > MOST_IN_A_SCHEMA:
        return f"The schema holds more than {MOST_IN_A_SCHEMA} values."
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"Not JSON Schema (2020-12): {error.message[:250]}"
    return None


def _unused(schema: Any) -> str | None:
    """The first keyword of a schema that is not used here; a property or a choice may have any name."""
    if isinstance(schema, list):
        return next(filter(None, map(_unused, schema)), None)
    if not isinstance(schema, dict):
        return None
    for keyword, value in schema.items():
        if keyword in NOT_USED:
            return str(keyword)
        if keyword in _DATA:
            continue
        found = _unused(list(value.values()) if keyword in _BY_NAME and isinstance(value, dict) else value)
        if found:
            return found
    return None


def _work(schema: Any, *, data: bool = False) -> float:
    """About how many steps a schema takes for one value of an answer; comparing with a choice costs little."""
    if isinstance(schema, dict):
        return 1 + sum(_work(value, data=data or keyword in _DATA) for keyword, value in schema.items())
    if isinstance(schema, list):
        return 1 + sum(_work(item, data=data) for item in schema)
    return 0.02 if data else 1


def faults_of_answer(schema: Mapping[str, Any], answer: Any) -> list[str]:
    """What is wrong with an answer, in jsonschema's words; empty where nothing is."""
    size = size_of(answer)
    if size > MOST_IN_AN_ANSWER or size * _work(schema) > MOST_WORK:
        return ["The answer is too large for this question."]
    return [error.message[:300] for error in Draft202012Validator(schema).iter_errors(answer)]
