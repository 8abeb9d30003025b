"""Writing tables for spreadsheet programs: numbers that are numbers, and texts that never run as formulas."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from itertools import chain, islice
from typing import Any, Literal

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from app.errors import TooLarge

Value = str | int | float | Decimal | date | None
Format = Literal["euros", "percent", "count"]

MAX_ROWS = 1_048_576
LONGEST_TEXT = 32_767

_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
_QUOTED = re.compile(r'[";,\t|\r\n]|^\s|\s$')
_FORBIDDEN_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_LONGEST_SHEET_NAME = 31
_MEASURED_ROWS = 200
_WIDTHS = (8, 60)
_FORMATS: dict[str, str] = {"euros": '#,##0.00 "€"', "percent": "0.0%", "count": "#,##0"}
_NOTES = {"fi": "Huomautukset", "sv": "Anmärkningar", "en": "Notes"}


def neutral(text: str) -> str:
    """A text that no spreadsheet program runs: one that begins like a formula gets an apostrophe before it.

    Blanks before the sign and its full-width forms count. Source: OWASP, CSV Injection.
    """
    visible = text.lstrip(" \u00a0\u2007\u2009\u202f\u200b\u3000\ufeff")
    return f"'{text}" if text[:1] in _STARTS or visible[:1] in _STARTS else text


def csv_of(header: Sequence[str], rows: Iterable[Sequence[Value]], *, language: str) -> bytes:
    r"""A table as the CSV that Excel opens by itself in a language: UTF-8 with a byte order mark, lines end in \r\n.

    Finnish and Swedish have `;` between cells, a decimal comma and days such as 31.12.2025; English has `,`, a point
    and 2025-12-31.
    """
    comma = language in {"fi", "sv"}
    separator = ";" if comma else ","
    lines = (separator.join(_csv_cell(value, comma=comma) for value in row) for row in chain([header], rows))
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8-sig")


def _csv_cell(value: Value, *, comma: bool) -> str:
    match value:
        case None:
            return ""
        case str():
            text = neutral(value)
            return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
        case datetime():
            return f"{_csv_cell(value.date(), comma=comma)} {value:%H:%M}"
        case date():
            return f"{value.day:02}.{value.month:02}.{value.year:04}" if comma else value.isoformat()
        case _:
            text = f"{_finite(value):f}"
            return text.replace(".", ",") if comma else text


def _finite(value: float | Decimal) -> Decimal:
    """A number as it is written out; NaN and infinity are no values of a table."""
    exact = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite():
        raise ValueError(f"{value} cannot stand in a table")
    return exact


def xlsx_of(
    sheet_name: str,
    header: Sequence[str],
    rows: Iterable[Sequence[Value]],
    *,
    language: str,
    title: str = "",
    notes: Sequence[str] = (),
    formats: Sequence[Format | None] = (),
) -> bytes:
    """A table as an XLSX workbook, its header in row 1, bold and in sight; numbers are numbers and texts are texts.

    `formats` says by column how numbers show: euros (with cents), percent (of a share, 0.25), count; None is as it
    comes. The title and the notes stand on a second sheet, so that the first one is read by machines too. Raises
    TooLarge for more rows than a sheet has, ValueError for a text or a number that no cell can hold.
    """
    file = BytesIO()
    day_format = "dd.mm.yyyy" if language in {"fi", "sv"} else "yyyy-mm-dd"
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
        "nan_inf_to_errors": False,
        "default_date_format": day_format,
    }
    with Workbook(file, options) as workbook:
        workbook.set_properties({"title": title or sheet_name})
        sheet = workbook.add_worksheet(_sheet_name(sheet_name))
        _write_table(workbook, sheet, header, iter(rows), formats, day_format)
        lines = [line for line in (title, *notes) if line]
        if lines:
            notes_name = _NOTES.get(language, _NOTES["en"])
            page = workbook.add_worksheet(notes_name if notes_name != sheet.get_name() else f"{notes_name} 2")
            wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
            page.set_column(0, 0, 100)
            for place, line in enumerate(lines):
                _write(page, place, 0, line, wrapped)
    return file.getvalue()


def _write_table(
    workbook: Workbook,
    sheet: Worksheet,
    header: Sequence[str],
    rows: Iterator[Sequence[Value]],
    formats: Sequence[Format | None],
    day_format: str,
) -> None:
    moment = workbook.add_format({"num_format": f"{day_format} hh:mm"})
    bold = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
    by_name: dict[str | None, Any] = {
        name: workbook.add_format({"num_format": form}) for name, form in _FORMATS.items()
    }
    by_column = [by_name.get(name) for name in formats] + [None] * (len(header) - len(formats))
    first = list(islice(rows, _MEASURED_ROWS))
    for column, text in enumerate(header):
        longest = max([len(text), *(len(str(row[column])) + 2 for row in first if column < len(row))])
        sheet.set_column(column, column, min(max(longest + 1, _WIDTHS[0]), _WIDTHS[1]))
        _write(sheet, 0, column, text, bold)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    for number, row in enumerate(chain(first, rows), 1):
        if number >= MAX_ROWS:
            raise TooLarge("body_too_large", f"A sheet has {MAX_ROWS} rows. Ask for less, or for CSV.")
        for column, value in enumerate(row):
            _write(sheet, number, column, value, by_column[column] if column < len(by_column) else None, moment)


def _write(sheet: Worksheet, row: int, column: int, value: Value, form: Any, moment: Any = None) -> None:
    match value:
        case None:
            return
        case str():
            if len(value) > LONGEST_TEXT:
                raise ValueError(f"A cell holds at most {LONGEST_TEXT} characters")
            sheet.write_string(row, column, value, form)
        case datetime():
            sheet.write_datetime(row, column, value.replace(tzinfo=None), moment)
        case date():
            sheet.write_datetime(row, column, datetime(value.year, value.month, value.day))  # noqa: DTZ001 (a day)
        case _:
            sheet.write_number(row, column, float(_finite(value)), form)


def _sheet_name(name: str) -> str:
    r"""A name that Excel allows: no []:*?/\, no apostrophe at an end, at most 31 characters."""
    return _FORBIDDEN_IN_SHEET_NAMES.sub(" ", name)[:_LONGEST_SHEET_NAME].strip("' ") or "1"
