"""What a cell holds, exactly or not at all."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.spreadsheets.cells import (
    CellFault,
    cents_of,
    code_of,
    count_of,
    day_of,
    is_totals_row,
    ppm_of,
    text_of,
    year_of,
)
from app.spreadsheets.tables import BadCell, Cell

NOON = datetime(2025, 12, 31, 12, 0)  # noqa: DTZ001 (the time of a cell knows no zone)
IDENTITY_CODE = "131052-308T"  # the agency's own example


@pytest.mark.parametrize(
    ("cell", "year"),
    [
        ("2026", 2026),
        (" 2026\u00a0", 2026),
        (2026.0, 2026),
        (2026, 2026),
        (date(2025, 12, 31), 2025),
        (NOON, 2025),
        ("31.12.2025", 2025),
        ("2025-12-31", 2025),
    ],
)
def test_a_year_is_read(cell: Cell, year: int) -> None:
    assert year_of(cell) == year


@pytest.mark.parametrize(
    "cell",
    [
        None,
        "",
        "26",
        "1999",
        "2101",
        "20266",
        "2026,0",
        "v. 2026",
        2026.5,
        46000.0,
        True,
        "32.12.2025",
        "\u0662026",
        float("inf"),
        float("nan"),
        BadCell("#N/A", "a value"),
    ],
)
def test_what_is_no_year_is_refused(cell: Cell) -> None:
    with pytest.raises(CellFault):
        year_of(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "31.12.2025",
        " 31.12.2025",
        "2025-12-31",
        "2025-12-31T00:00:00",
        "2025-12-31 13:45",
        "31.12.2025 13.45",
        date(2025, 12, 31),
        NOON,
    ],
)
def test_a_day_is_read(cell: Cell) -> None:
    assert day_of(cell) == date(2025, 12, 31)


def test_a_day_may_have_one_digit() -> None:
    assert day_of("1.1.2026") == date(2026, 1, 1)


@pytest.mark.parametrize(
    "cell",
    [
        None,
        " ",
        "31.11.2025",
        "29.2.2025",
        "31.12.25",
        "12/31/2025",
        "20251231",
        46022.0,
        46022,
        True,
        "31.12.20255",
        "2025-12-31Z",
        "31.12.2025 noin",
        BadCell("#N/A", "a value"),
    ],
)
def test_what_is_no_certain_day_is_refused(cell: Cell) -> None:
    with pytest.raises(CellFault):
        day_of(cell)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (2701.0, "2701"),
        (2701, "2701"),
        ("2701", "2701"),
        (" 2701\u00a0", "2701"),
        ("\ufeff27\u200b01", "2701"),
        ("0042", "0042"),
        ('="0042"', "0042"),
        ("K-12/3 a", "K-12/3 a"),
        ("27\u00a001", "27 01"),
        ("ä" * 60, "ä" * 60),
    ],
)
def test_a_code_is_read_as_text(cell: Cell, code: str) -> None:
    assert code_of(cell) == code


@pytest.mark.parametrize(
    "cell",
    [
        None,
        "",
        "\u200b",
        '=""',
        2701.5,
        1e15,
        True,
        date(2025, 12, 1),
        "x" * 61,
        "a\nb",
        "a\x07b",
        "1,23E+12",
        "2.7e+03",
        IDENTITY_CODE,
        f"asiakas {IDENTITY_CODE}",
        "13\u200b1052-308T",
        "a\x00b",
        BadCell("#REF!", "a value"),
    ],
)
def test_what_is_no_code_is_refused(cell: Cell) -> None:
    with pytest.raises(CellFault) as refused:
        code_of(cell)
    assert IDENTITY_CODE not in refused.value.expected


def test_a_code_may_be_as_long_as_its_column_allows() -> None:
    assert code_of("12345", longest=5) == "12345"
    with pytest.raises(CellFault):
        code_of("123456", longest=5)


def test_a_text_keeps_its_line_breaks_and_loses_its_blanks_at_the_ends() -> None:
    assert text_of(" Perhe\u00a0keskus\r\nKouvola\t1 ", 50) == "Perhe keskus\nKouvola\t1"
    assert text_of(2701.0, 50) == "2701"
    assert text_of(0.1 + 0.2, 50) == "0.3"
    assert text_of(date(2025, 12, 31), 50) == "2025-12-31"


@pytest.mark.parametrize("cell", [None, " ", "x" * 51, "a\x07", IDENTITY_CODE, True, BadCell("#REF!", "a value")])
def test_what_is_no_text_is_refused(cell: Cell) -> None:
    with pytest.raises(CellFault):
        text_of(cell, 50)


@pytest.mark.parametrize(
    ("cell", "count"), [("0", 0), ("1 234", 1234), ("1\u00a0234\u00a0567", 1234567), (12.0, 12), (7, 7)]
)
def test_a_count_is_read(cell: Cell, count: int) -> None:
    assert count_of(cell) == count


@pytest.mark.parametrize(
    "cell", [None, "", "-1", "1,5", "1.234", "12 34", 1.5, -1.0, True, "noin 5", BadCell("#N/A", "a value")]
)
def test_what_is_no_count_is_refused(cell: Cell) -> None:
    with pytest.raises(CellFault):
        count_of(cell)


@pytest.mark.parametrize(
    ("cell", "ppm"),
    [
        ("25 %", 250_000),
        ("25%", 250_000),
        ("25,5\u00a0%", 255_000),
        ("25.1234%", 251_234),
        ("25,125 %", 251_250),
        ("0,25", 250_000),
        ("0.25", 250_000),
        ("0,255", 255_000),
        ("0,123456", 123_456),
        ("0", 0),
        ("1", MILLION := 1_000_000),
        ("1,00", MILLION),
        ("100 %", MILLION),
        ("100,000 %", MILLION),
        ("0 %", 0),
        (0.255, 255_000),
        (1.0, MILLION),
        (1, MILLION),
        (0, 0),
        (0.1 + 0.2, 300_000),
    ],
)
def test_a_share_is_read_in_parts_of_a_million(cell: Cell, ppm: int) -> None:
    assert ppm_of(cell) == ppm


@pytest.mark.parametrize(
    "cell",
    [
        None,
        "",
        "%",
        "25",
        25.0,
        "1,5",
        "1,000",
        "101 %",
        "100,001 %",
        "-5 %",
        "-0,1",
        "25,12345 %",
        "0,1234567",
        1 / 3,
        "25 % %",
        "neljännes",
        True,
        float("nan"),
        BadCell("#N/A", "a value"),
    ],
)
def test_what_is_no_certain_share_is_refused(cell: Cell) -> None:
    with pytest.raises(CellFault):
        ppm_of(cell)


def test_a_share_beyond_one_is_refused_for_want_of_a_percent_sign() -> None:
    for cell in ("25", 25.0):
        with pytest.raises(CellFault, match="write % after a percentage"):
            ppm_of(cell)


PARSERS: list[Callable[[Cell], object]] = [
    cents_of,
    year_of,
    day_of,
    code_of,
    count_of,
    ppm_of,
    lambda cell: text_of(cell, 100),
]


@pytest.mark.parametrize("parser", PARSERS)
def test_every_parser_passes_on_what_is_wrong_with_a_bad_cell(parser: Callable[[Cell], object]) -> None:
    with pytest.raises(CellFault, match="mend the formula"):
        parser(BadCell("#REF!", "mend the formula"))


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none(), st.dates(), st.datetimes()))
def test_no_cell_makes_a_parser_fail_otherwise(cell: Cell) -> None:
    for parser in PARSERS:
        with suppress(CellFault):
            parser(cell)


@pytest.mark.parametrize(
    "text",
    [
        "Yhteensä",
        "YHTEENSÄ",
        " yhteensä: ",
        "Summa",
        "Loppusumma",
        "Välisumma",
        "Kaikki yhteensä",
        "Totalt",
        "Sammanlagt",
        "Totalsumma",
        "Total",
        "Grand total",
        "Subtotal",
        "1234 Hallinto yhteensä",
        "Hallinto yhteensä",
        "2701 Summa",
        "2701 Total",
        "2701 Förvaltning totalt",
        "Yhteensa\u0308",
        "Yhteensä\u00a0",
    ],
)
def test_a_totals_row_is_known(text: str) -> None:
    assert is_totals_row((None, 2701.0, text, "1 234,50"))


@pytest.mark.parametrize(
    "text",
    [
        "Yhteensovittaminen",
        "Total Oy",
        "Yhteensä lapsille Oy",
        "Saatavien summa",
        "Summer camp",
        "Sammanlagt arbete",
        "totaalinen",
        "Yhteensä 2701 asiakasta",
        "Kapitaali",
        "",
        "2701",
        "Palvelut",
    ],
)
def test_a_row_that_is_no_total_is_kept(text: str) -> None:
    assert not is_totals_row((None, 2701.0, True, text, "1 234,50"))
