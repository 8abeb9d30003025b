"""What stands in a cell, exactly, or CellFault with what was expected. One function for each kind of value.

None and blank texts are faults too: an importer asks first whether a cell that may be empty is None.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from app.spreadsheets.numbers import Unclear, decimal_digits, digits_of_float, scaled, visible
from app.spreadsheets.tables import BadCell, Cell
from app.texts import fault_in_text

MAX_CENTS = 10**15 - 1
FIRST_YEAR, LAST_YEAR = 2000, 2100
MILLION = 1_000_000

_HOT_LENGTH = 13
_CENTS_A_LINE = re.compile(r"(?:-?[0-9]{1,10}[.,][0-9]{2}\n)*+")
_SPACED = re.compile(r"(?=.{1,17}\Z)-?[1-9][0-9]{0,2}([ .\u00a0\u202f])[0-9]{3}(?:\1[0-9]{3})*,[0-9]{2}")
_NO_MARKS = str.maketrans("", "", " .,\u00a0\u202f")
_SIGNS = "-+\u2212\u2013\ufe63\uff0d"
_CURRENCY_BEFORE = re.compile(rf"([(]?[{_SIGNS}]?) ?(?:€|eur) ?", re.IGNORECASE)
_CURRENCY_AFTER = re.compile(rf" ?(?:€|euroa?|eur)( ?[{_SIGNS})]?)", re.IGNORECASE)
_AMOUNT = "an amount in euros with at most two decimals, such as -1234,50"
_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"[T ][0-9]{1,2}[:.][0-9]{2}(?:[:.][0-9]{2}(?:\.[0-9]+)?)?")
_YEAR = re.compile(r"[0-9]{4}")
_QUOTED_CODE = re.compile(r'="([^"]*)"')
_SHORTENED = re.compile(r"[0-9][.,]?[0-9]*E\+[0-9]+", re.IGNORECASE)
_EXACT_FLOAT = 10**15
_TOTALS = re.compile(
    r"(?:(?:kaikki|kaikkiaan|koko) )?yhteensä|(?:loppu|väli|osa|total|del|slut)?summa|totalt|sammanlagt"
    r"|(?:grand |sub ?)?totals?|.* (?:yhteensä|totalt|sammanlagt|loppusumma)|[0-9]\S* (?:.* )?(?:total|summa)"
)
_TOTALS_LAST = frozenset("äÄ\u0308aAtTlLsS: *\u00a0")
_TOTALS_ENDS = ("yhteensä", "yhteensa\u0308", "summa", "totalt", "sammanlagt", "total", "totals")


class CellFault(Exception):
    """A cell is not what its column needs; `expected` says what is, and what to do."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def cents_of(cell: Cell) -> int:
    """An amount of euros in cents: `1 234,50`, `1.234,50`, `-1234.5`, `123,45-`, `(123,45)`, `12 €`; under 10**13.

    At most two decimals, further zeros apart. What may be read in two ways (`1.234`) is refused. A number of a
    spreadsheet counts with the 15 digits that it keeps.
    """
    if type(cell) is str:
        if len(cell) <= _HOT_LENGTH:  # the common forms first: this is called for millions
            digits = cell[:-3] + cell[-2:] if cell[-3:-2] in {",", "."} else f"{cell}00"
            plain = digits[1:] if digits[:1] == "-" else digits
            if len(plain) > 2 and plain.isdigit() and plain.isascii():
                return int(digits)
        if _SPACED.fullmatch(cell):
            return int(cell.translate(_NO_MARKS))
        return _scaled_number(_without_currency(cell), 2, _AMOUNT)
    if type(cell) is float:
        cents = round(cell * 100) if -1e13 < cell < 1e13 else 0
        if cents / 100 == cell:  # then its 15 digits are these very cents: a quotient is rounded to the nearest float
            return cents
    return _scaled_number(cell, 2, _AMOUNT)


def column_of_cents(cells: Sequence[Cell]) -> list[int]:
    """`cents_of` of many cells. Where all are texts like 1234,50, as systems write them, without their mark."""
    if set(map(type, cells)) == {str}:
        text = "".join([f"{cell}\n" for cell in cells])
        if text.count("\n") == len(cells) and _CENTS_A_LINE.fullmatch(text):
            return list(map(int, text.replace(",", "").replace(".", "").split()))
    return list(map(cents_of, cells))


def _without_currency(text: str) -> str:
    """An amount without the euro's sign or name, before or after it."""
    text = visible(text)
    if before := _CURRENCY_BEFORE.match(text):
        return before[1] + text[before.end() :]
    if after := _CURRENCY_AFTER.search(text):
        return text[: after.start()] + after[1] + text[after.end() :]
    return text


def _scaled_number(cell: Cell, places: int, expected: str) -> int:
    """A number times ten to the power of `places`, exactly."""
    _refuse_empty(cell, expected)
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        raise CellFault(expected)
    number: int | None
    if isinstance(cell, int):
        number = cell * 10**places
    else:
        try:
            number = scaled(*(decimal_digits(cell) if isinstance(cell, str) else digits_of_float(cell)), places)
        except Unclear as error:
            raise CellFault(f"{expected}; give {error}") from error
    if number is None:
        raise CellFault(f"{expected}: round it")
    if abs(number) > MAX_CENTS:
        raise CellFault(f"{expected}: this is too large")
    return number


def _refuse_empty(cell: Cell, expected: str) -> None:
    if isinstance(cell, BadCell):
        raise CellFault(cell.expected)
    if cell is None or (isinstance(cell, str) and not visible(cell)):
        raise CellFault(f"{expected}; the cell is empty")


def count_of(cell: Cell) -> int:
    """A number of things, 0 or more: `1 234`. No decimals."""
    expected = "a whole number, 0 or more"
    count = _scaled_number(cell, 0, expected)
    if count < 0:
        raise CellFault(expected)
    return count


def ppm_of(cell: Cell) -> int:
    """A share in parts of a million, 0 to 1 000 000: `25 %`, `25,5%`, `0,25`. Beyond 1 without % it is unclear.

    A fraction has at most six decimals and a percentage four, further zeros apart; a cell that a spreadsheet shows as a
    percentage holds the fraction.
    """
    expected = "a share of 0-100 %, such as 25,5 % or 0,255, with at most four decimals in per cent, six as a fraction"
    if isinstance(cell, str) and (text := visible(cell)).endswith("%"):
        number = text[:-1].rstrip()
        if found := re.fullmatch(r"([0-9]{1,3})[.,]([0-9]{3})", number):  # beyond 100 % there is nothing: decimals
            ppm = scaled(found[1], found[2], 4)
            assert ppm is not None
        else:
            ppm = _scaled_number(number, 4, expected)
    elif isinstance(cell, str) and (found := re.fullmatch(r"0[.,]([0-9]{3})", visible(cell))):
        ppm = int(found[1]) * 1_000
    else:
        ppm = _scaled_number(cell, 6, expected)
        if ppm > MILLION:
            raise CellFault(f"{expected}: write % after a percentage")
    if not 0 <= ppm <= MILLION:
        raise CellFault(expected)
    return ppm


def year_of(cell: Cell) -> int:
    """A year, 2000-2100; of a date its year."""
    expected = f"a year, {FIRST_YEAR}-{LAST_YEAR}"
    _refuse_empty(cell, expected)
    year = 0
    if isinstance(cell, date):
        year = cell.year
    elif isinstance(cell, str):
        text = visible(cell)
        year = int(text) if _YEAR.fullmatch(text) else _day_of_text(text, expected).year
    elif isinstance(cell, int | float) and not isinstance(cell, bool) and cell == cell // 1:
        year = int(cell)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise CellFault(expected)
    return year


def day_of(cell: Cell) -> date:
    """A day: `31.12.2025`, `2025-12-31`, or a date of a spreadsheet; a time of day after it is passed over.

    A bare number is refused: it may be the serial number of a day, counted from 1900 or from 1904.
    """
    expected = "a day, such as 31.12.2025"
    _refuse_empty(cell, expected)
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, str):
        return _day_of_text(visible(cell), expected)
    raise CellFault(f"{expected}; if this is a date, give the cell the number format of a date")


def _day_of_text(text: str, expected: str) -> date:
    if found := _DAY.match(text):
        day, month, year = found.groups()
    elif found := _ISO_DAY.match(text):
        year, month, day = found.groups()
    else:
        raise CellFault(expected)
    rest = text[found.end() :]
    if rest and not _TIME.fullmatch(rest):
        raise CellFault(expected)
    try:
        return date(int(year), int(month), int(day))
    except ValueError as error:
        raise CellFault(f"{expected}; there is no such day") from error


def code_of(cell: Cell, longest: int = 60) -> str:
    """A code such as a cost centre's, as text: a number 2701.0 is `2701`, and Excel's `="0042"` is `0042`.

    Blanks at its ends and invisible characters anywhere fall away. Refused: control characters, identity codes, and
    what a spreadsheet has made of a code: a date, a number with decimals or of more than 15 digits, `1,23E+12`.
    """
    if type(cell) is str and len(cell) <= 10 and cell.isascii() and cell.isalnum() and len(cell) <= longest:
        return cell
    if isinstance(cell, date | bool):
        raise CellFault("a code; the spreadsheet made another value of it: format the column as text, write it again")
    text = _text(cell, longest, "a code")
    if isinstance(cell, float) and not text.lstrip("-").isdigit():
        raise CellFault("a code; a number with decimals is none: format the column as text, and write the code again")
    if isinstance(cell, str) and _SHORTENED.fullmatch(text):
        raise CellFault(
            "a code with all of its digits; a spreadsheet cut it: format the column as text, write it again"
        )
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise CellFault("a code without line breaks and control characters")
    return text


def text_of(cell: Cell, longest: int) -> str:
    """A text of at most `longest` characters. It may have line breaks and tabs, but no other control characters."""
    if isinstance(cell, bool):
        raise CellFault("a text, not TRUE or FALSE")
    text = cell.isoformat() if isinstance(cell, date) else _text(cell, longest, "a text")
    if any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in text):
        raise CellFault("a text without control characters")
    return text


def _text(cell: Cell, longest: int, expected: str) -> str:
    """The text of a cell, without blanks at its ends and without invisible characters."""
    _refuse_empty(cell, expected)
    if isinstance(cell, float):
        if not abs(cell) < _EXACT_FLOAT:
            raise CellFault(f"{expected}; a number of more than 15 digits is not exact: format the column as text")
        text = f"{cell:.15g}"
    else:
        text = str(cell)
        if quoted := _QUOTED_CODE.fullmatch(text.strip()):
            text = quoted[1]
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = re.sub("[\u00ad\u200b-\u200f\u2060\ufeff]", "", text)
        text = re.sub("[\u00a0\u2007\u2009\u202f]", " ", text).strip()
        if not text:
            raise CellFault(f"{expected}; the cell is empty")
    if len(text) > longest:
        raise CellFault(f"{expected} of at most {longest} characters")
    refused = fault_in_text(text)
    if refused:
        raise CellFault(f"{expected}. {refused}")
    return text


def is_totals_row(cells: Iterable[Cell]) -> bool:
    """Whether a row is a total of others, which an importer must not add to them: some text of it says so.

    `Yhteensä`, `Loppusumma`, `Totalt`, `Grand total`, `2701 Summa`, `Hallinto yhteensä` and the like, as spreadsheets
    and finance systems write them; a word in the middle of a text, or a name such as `Total Oy`, does not count.
    """
    for cell in cells:
        if type(cell) is str and cell[-1:] in _TOTALS_LAST:
            text = cell.rstrip(" :*\u00a0").casefold()
            if text.endswith(_TOTALS_ENDS) and _TOTALS.fullmatch(unicodedata.normalize("NFC", visible(text))):
                return True
    return False
