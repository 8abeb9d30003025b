"""Numbers as people and finance systems write them, read exactly or not at all: `1 234,50`, `1,234.50-`, `(1234.5)`.

No float is calculated with here: texts become integers digit by digit.
"""

import re
from decimal import Decimal

_BLANK = re.compile(r"[\s\u00a0\u2007\u2009\u202f]")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff]")
_MINUS = str.maketrans(dict.fromkeys("\u2212\u2013\ufe63\uff0d", "-"))
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2019\u02bc", "'"))

MAX_DIGITS = 30

_PLAIN = re.compile(r"([0-9]+)(?:([.,])([0-9]+))?")
_GROUPED = re.compile(r"([1-9][0-9]{0,2}(?:([ '.,])[0-9]{3})(?:\2[0-9]{3})*)(?:(?!\2)([.,])([0-9]+))?")
_AMBIGUOUS = re.compile(r"[0-9]{1,3}[.,][0-9]{3}")
_SIGNED = re.compile(r"(?P<before>[-+] ?)?(?P<body>[0-9](?:[0-9 '.,]*[0-9])?)(?P<after> ?-)?")
_BRACKETED = re.compile(r"\( ?(?P<body>[0-9](?:[0-9 '.,]*[0-9])?) ?\)")


class Unclear(Exception):
    """The text is no number, or may be two different ones; the message says how to write it."""


def visible(text: str) -> str:
    """A text with plain blanks, none of them at its ends, and without invisible characters."""
    return _BLANK.sub(" ", _INVISIBLE.sub("", text)).strip()


def decimal_digits(text: str) -> tuple[str, str]:
    """The digits of a number before and after its decimal mark, those before with the sign.

    The minus may be any of - − – ﹣ －, before or after, or brackets as in bookkeeping. Thousands may be grouped by
    blanks, apostrophes, points or commas, in threes throughout. Only the digits 0-9 count. One mark with three digits
    after it and at most three before (`1.234`) is read as thousands in one country and as decimals in another: Unclear.
    """
    text = visible(text).translate(_MINUS).translate(_APOSTROPHES)
    found = _SIGNED.fullmatch(text) or _BRACKETED.fullmatch(text)
    if not found:
        raise Unclear("a number in the digits 0-9, such as -1234,50")
    marks = found.groupdict()
    if marks.get("before") and marks.get("after"):
        raise Unclear("a number with one sign, such as -1234,50")
    body = marks["body"]
    if _AMBIGUOUS.fullmatch(body):
        whole, fraction = re.split("[.,]", body)
        raise Unclear(
            f"a number that cannot be read in two ways: write {whole}{fraction} for thousands, "
            f"{whole},{fraction[:2]} for decimals"
        )
    if plain := _PLAIN.fullmatch(body):
        whole, fraction = plain[1], plain[3] or ""
    elif grouped := _GROUPED.fullmatch(body):
        whole, fraction = grouped[1].replace(grouped[2], ""), grouped[4] or ""
    else:
        raise Unclear("a number with its thousands in groups of three, such as 1 234 567,50, or none")
    if len(whole) + len(fraction) > MAX_DIGITS:
        raise Unclear(f"a number of at most {MAX_DIGITS} digits")
    negative = "(" in text or "-" in (marks.get("before") or "") or bool(marks.get("after"))
    return ("-" if negative else "") + whole, fraction


def scaled(whole: str, fraction: str, places: int) -> int | None:
    """A number times ten to the power of `places`, or None where it has more decimals than that, zeros apart."""
    if fraction[places:].strip("0"):
        return None
    return int(whole + fraction[:places].ljust(places, "0"))


def digits_of_float(number: float) -> tuple[str, str]:
    """The digits of a number of a spreadsheet, which keeps 15 that count; Unclear where it is none that is finite.

    A float such as 0.1 + 0.2 is thereby the 0.3 that the spreadsheet shows.
    """
    exact = Decimal(f"{number:.15g}")
    if not exact.is_finite() or exact.adjusted() > MAX_DIGITS:
        raise Unclear(f"a number of at most {MAX_DIGITS} digits")
    whole, _, fraction = f"{exact:f}".partition(".")
    return whole, fraction
