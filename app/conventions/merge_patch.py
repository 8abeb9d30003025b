"""Partial updates as RFC 7396 means them: what is absent stays, null clears, objects merge."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from app.conventions.problems import faults_of
from app.conventions.schemas import values_of
from app.errors import Fault, Invalid


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


def _may_be_null(facts: type[BaseModel], name: str) -> bool:
    return type(None) in get_args(facts.model_fields[name].annotation)


def patched(facts: type[BaseModel], row: Any, patch: BaseModel) -> dict[str, Any]:
    """The values to set in `row`: its present facts with the patch merged in, held to the rules of the whole.

    Only the fields that the patch names are returned. Raises Invalid with a pointer for each fault; null is one where
    the field always has a value, since clearing it would silently make it what it is for new rows.
    """
    current = {name: getattr(row, name) for name in facts.model_fields}
    named = patch.model_dump(mode="json", exclude_unset=True)
    kept = [name for name, value in named.items() if value is None and not _may_be_null(facts, name)]
    if kept:
        faults = [Fault(f"/{name}", "It always has a value. Give another, or leave it out.") for name in kept]
        raise Invalid("invalid", "The change breaks a rule.", faults)
    try:
        whole = facts.model_validate(merged({k: v for k, v in current.items() if v is not None}, named))
    except ValidationError as error:
        raise Invalid("invalid", "The change breaks a rule.", faults_of(error.errors())) from error
    return {name: value for name, value in values_of(whole).items() if name in named}
