"""What no text that comes in may hold: a personal identity code, a NUL, half a character."""

import json
import math
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from app.errors import Fault, Invalid, Malformed

MAX_DEPTH = 40

_CODE = re.compile(r"(?<![0-9A-Z])(\d{2})(\d{2})(\d{2})([-+ABCDEFUVWXY])(\d{3})([0-9A-FHJ-NPR-Y])(?![0-9A-Z])")
_CHECK_CHARACTERS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-"))
SOFT_HYPHEN = "\u00ad"
MAX_NUMBER = 2**53 - 1
"""Beyond this a JSON number is not exact in every reader (RFC 8259, section 6), nor in canonical JSON (RFC 8785)."""
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")


def holds_identity_code(text: str) -> bool:
    """Whether a Finnish personal identity code (henkilötunnus) stands in a text.

    A match needs a possible day and month and the right check character, so that a phone or diary number that looks
    alike is let through. Dashes of all kinds and small letters count. Source: Digital and Population Data Services
    Agency, form of the code since 2023 (separators - + A-F U-Y).
    """
    normal = unicodedata.normalize("NFKC", text).translate(_DASHES).upper()
    visible = "".join(c for c in normal if c.isascii() or unicodedata.category(c) != "Cf")
    for day, month, year, _, number, check in _CODE.findall(f"{visible}\n{normal.replace(SOFT_HYPHEN, '-')}"):
        possible = 1 <= int(day) <= 31 and 1 <= int(month) <= 12
        if possible and _CHECK_CHARACTERS[int(day + month + year + number) % 31] == check:
            return True
    return False


def fault_in_text(text: str) -> str | None:
    """Why a text is refused, or None."""
    if _FORBIDDEN.search(text):
        return "The text holds a NUL or half a character. Remove it."
    if holds_identity_code(text):
        return "The text holds a personal identity code. Remove it: no personal data of children is kept here."
    return None


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
