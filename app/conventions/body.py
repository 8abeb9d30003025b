"""Reading a JSON body, and refusing what may not be kept with a pointer to each fault."""

import json
import math
from collections.abc import Iterator
from typing import Any

from app.errors import Fault, Invalid, Malformed
from app.texts import fault_in_text, holds_identity_code

__all__ = ["MAX_DEPTH", "MAX_NUMBER", "fault_in_text", "holds_identity_code", "read_json"]

MAX_DEPTH = 40

MAX_NUMBER = 2**53 - 1
"""Beyond this a JSON number is not exact in every reader (RFC 8259, section 6), nor in canonical JSON (RFC 8785)."""


def read_json(body: bytes) -> Any:
    """The JSON value of a body, or Malformed: not UTF-8, not JSON, NaN or a number beyond JSON's, too deep.

    Raises Invalid with a pointer for each text that may not be kept.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Malformed("not_utf8", "The body is not UTF-8. Send it encoded as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise Malformed("not_json", f"The body is not JSON: {error}.") from error
    faults = list(_faults(value, "", 0))
    if faults:
        raise Invalid("invalid_text", "Some texts cannot be kept.", faults)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _faults(value: Any, pointer: str, depth: int) -> Iterator[Fault]:
    if depth > MAX_DEPTH:
        raise Malformed("too_deep", f"The body is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, str):
        fault = fault_in_text(value)
        if fault:
            yield Fault(pointer, fault)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Malformed("not_json", f"The number at {pointer or '/'} is too large.")
    elif isinstance(value, (int, float)) and abs(value) > MAX_NUMBER:
        yield Fault(pointer, "The number is too large to be kept exactly.")
    elif isinstance(value, dict):
        for key, item in value.items():
            fault = fault_in_text(key)
            if fault:
                yield Fault(pointer, fault)
            else:
                yield from _faults(item, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _faults(item, f"{pointer}/{index}", depth + 1)
