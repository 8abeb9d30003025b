"""Partial updates as RFC 7396 means them: what is absent stays, null clears, objects merge."""

from typing import Any

from pydantic import BaseModel, ValidationError

from app.conventions.problems import faults_of
from app.conventions.schemas import values_of
from app.errors import Invalid


def merged(current: Any, patch: Any) -> Any:
    """The result of applying a merge patch (RFC 7396, section 2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(current) if isinstance(current, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def patched(facts: type[BaseModel], row: Any, patch: BaseModel) -> dict[str, Any]:
    """The values to set in `row`: its present facts with the patch merged in, held to the rules of the whole.

    Only the fields that the patch names are returned. Raises Invalid with a pointer for each fault.
    """
    current = {name: getattr(row, name) for name in facts.model_fields}
    named = patch.model_dump(mode="json", exclude_unset=True)
    try:
        whole = facts.model_validate(merged({k: v for k, v in current.items() if v is not None}, named))
    except ValidationError as error:
        raise Invalid("invalid", "The change breaks a rule.", faults_of(error.errors())) from error
    return {name: value for name, value in values_of(whole).items() if name in named}
