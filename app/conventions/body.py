"""Reading a JSON body, and refusing what may not be kept with a pointer to each fault."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.conventions.problems import MOST_POINTER
from app.database import breathe
from app.errors import Fault, Invalid, Malformed, TooLarge
from app.texts import fault_in_text, holds_identity_code

__all__ = ["MAX_DEPTH", "MAX_NUMBER", "fault_in_text", "holds_identity_code", "read_json"]

MAX_DEPTH = 40
MAX_VALUES = 20_000
"""So many values are looked through; the largest body that the schemas take, a form, holds a few thousand."""
A_BREATH = 100_000
"""So many characters are looked through before the event loop serves others."""

MAX_NUMBER = 2**53 - 1
"""Beyond this a JSON number is not exact in every reader (RFC 8259, section 6), nor in canonical JSON (RFC 8785)."""


def read_json(body: bytes) -> Any:
    """The JSON value of a body, or Malformed: not UTF-8, not JSON, NaN or a number beyond JSON's, too deep.

    Raises Invalid with a pointer for each text that may not be kept, and TooLarge where there are too many values.
    """
    value, faults = read_json_with_faults(body)
    if faults:
        raise Invalid("invalid_text", "Some texts cannot be kept.", faults)
    return value


def read_json_with_faults(body: bytes) -> tuple[Any, list[Fault]]:
    """The same, with the texts that may not be kept told beside the value: for one who takes in the rest."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Malformed("not_utf8", "The body is not UTF-8. Send it encoded as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise Malformed("not_json", f"The body is not JSON: {error}.") from error
    return value, list(_faults(value))


def faults_in_texts(value: Any) -> list[Fault]:
    """The texts of a JSON value that may not be kept, with a pointer to each; for what comes in no request's body."""
    return list(_faults(value))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands: below what, and by which name or number. A pointer is made where there is a fault only."""

    below: "_Place | None"
    step: str | int

    def pointer(self) -> str:
        steps = []
        place: _Place | None = self
        while place is not None:
            steps.append("/" + str(place.step)[:MOST_POINTER].replace("~", "~0").replace("/", "~1"))
            place = place.below
        return "".join(reversed(steps))


_Waiting = tuple[Any, _Place | None, int]


def _faults(whole: Any) -> Iterator[Fault]:
    """What may not be kept, in the order of the body; TooLarge or Malformed for what is not looked through at all."""
    waiting: list[_Waiting] = [(whole, None, 0)]
    values = looked_at = 0
    while waiting:
        value, place, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise Malformed("too_deep", f"The body is nested deeper than {MAX_DEPTH} levels.")
        if isinstance(value, (dict, list)):
            values += len(value)
            if values > MAX_VALUES:
                raise TooLarge("body_too_large", f"Send at most {MAX_VALUES} values in a body.")
            inner: list[_Waiting] = []
            for step, item in value.items() if isinstance(value, dict) else enumerate(value):
                fault = fault_in_text(step) if isinstance(step, str) else None
                if fault:  # nothing below it is looked at: a pointer would tell the name
                    yield Fault(_pointer(place), fault)
                else:
                    inner.append((item, _Place(place, step), depth + 1))
                looked_at += len(step) if isinstance(step, str) else 0
            waiting.extend(reversed(inner))
        elif isinstance(value, str):
            looked_at += len(value)
            fault = fault_in_text(value)
            if fault:
                yield Fault(_pointer(place), fault)
        elif isinstance(value, float) and not math.isfinite(value):
            raise Malformed("not_json", f"The number at {_pointer(place) or '/'} is too large.")
        elif isinstance(value, (int, float)) and abs(value) > MAX_NUMBER:
            yield Fault(_pointer(place), "The number is too large to be kept exactly.")
        if looked_at > A_BREATH:
            looked_at = 0
            breathe()


def _pointer(place: _Place | None) -> str:
    return place.pointer() if place else ""
