"""Holds answers to the description of the API: nothing missing, nothing of another kind, and nothing more."""

import re
from copy import deepcopy
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

DOCUMENT = "urn:openapi"


def absolute(schema: Any) -> Any:
    """A schema whose references lead into the whole document."""
    if isinstance(schema, dict):
        return {
            name: DOCUMENT + value if name == "$ref" and isinstance(value, str) else absolute(value)
            for name, value in schema.items()
        }
    return [absolute(item) for item in schema] if isinstance(schema, list) else schema


def validator_of(described: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """A validator of one schema, whose references lead into the whole document."""
    registry: Registry[Any] = Registry().with_resource(DOCUMENT, DRAFT202012.create_resource(described))
    return Draft202012Validator(absolute(schema), registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)


class Described:
    """The description, closed: a field that it does not name is a fault."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = deepcopy(document)
        for schema in self.document["components"]["schemas"].values():
            if "properties" in schema:
                schema.setdefault("additionalProperties", False)
        self.paths = {
            re.compile("/".join("[^/]+" if "{" in step else step for step in path.split("/"))): operations
            for path, operations in sorted(document["paths"].items(), key=lambda item: "{" in item[0])
        }
        self.checked: set[str] = set()

    def check(self, method: str, answer: Any) -> None:
        """Fail where an answer is not as it is described."""
        operation = next(
            operations[method.lower()]
            for path, operations in self.paths.items()
            if path.fullmatch(answer.url.path) and method.lower() in operations
        )
        described = operation["responses"][str(answer.status_code)]
        schema = described["content"]["application/json"]["schema"]
        faults = [
            f"{error.json_path}: {error.message}"
            for error in validator_of(self.document, schema).iter_errors(answer.json())
        ]
        assert faults == [], f"{operation['operationId']}: {faults[:3]}"
        self.checked.add(operation["operationId"])
