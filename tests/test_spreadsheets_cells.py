"""What a cell holds, exactly or not at all."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.spreadsheets.cells import (
    MAX_CENTS,
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

BLANKS = (" ", "\u00a0", "\u202f", "\u2009", "\u2007")
MINUSES = ("-", "\u2212", "\u2013", "\ufe63", "\uff0d")
NOON = datetime(2025, 12, 31, 12, 0)  # noqa: DTZ001 (the time of a cell knows no zone)
IDENTITY_CODE = "131052-308T"  # the agency's own example

AMOUNTS: list[tuple[Cell, int]] = [
    *((f"1{blank}234{blank}567,50", 123456750) for blank in (*BLANKS, "'", "\u2019")),
    *((f"{minus}1234,50", -123450) for minus in MINUSES),
    *((f"1234,50{minus}", -123450) for minus in MINUSES),
    *((f"{minus} 1 234,50", -123450) for minus in MINUSES),
    ("1.234,50", 123450),
    ("1,234.50", 123450),
    ("1.234.567", 123456700),
    ("1,234,567", 123456700),
    ("12.345.678,9", 1234567890),
    ("1234.5", 123450),
    ("1234,5", 123450),
    ("1234", 123400),
    ("-1234", -123400),
    ("0", 0),
    ("-0,00", 0),
    ("-0,01", -1),
    ("0,5", 50),
    ("+12,00", 1200),
    ("(123,45)", -12345),
    ("( 1 123,45 )", -112345),
    ("123,45-", -12345),
    ("123,45 -", -12345),
    ("1234,5000", 123450),
    ("1234,500", 123450),
    ("1 234,500", 123450),
    ("1,234.500", 123450),
    ("0001234,50", 123450),
    ("12,50 €", 1250),
    ("€12.50", 1250),
    ("€ -12,50", -1250),
    ("-€12.50", -1250),
    ("-12,50€", -1250),
    ("12,50 EUR", 1250),
    ("EUR 12,50", 1250),
    ("12,50 euroa", 1250),
    ("12,50 € -", -1250),
    ("(12,50 €)", -1250),
    ("\u00a012,50\u00a0€", 1250),
    ("\ufeff12,50\u200b", 1250),
    ("9 999 999 999 999,99", MAX_CENTS),
    ("-9999999999999.99", -MAX_CENTS),
    (1234.5, 123450),
    (0.1 + 0.2, 30),
    (1.005 * 100, 10050),
    (-0.01, -1),
    (0.0, 0),
    (9999999999999.99, MAX_CENTS),
    (33.33 * 3, 9999),
    (7, 700),
    (-7, -700),
]

NO_AMOUNTS: list[Cell] = [
    None,
    "",
    " ",
    "\u00a0",
    "1.234",
    "1,234",
    "-1.234",
    "12,345",
    "(999.999)",
    "1,234 €",
    "12 34,00",
    "1 2345,00",
    "1234 567,00",
    "1  234,00",
    "1.234 567,00",
    "1,234,56",
    "0 123,00",
    "0.123.456",
    "1.234.567,891",
    "1,50,00",
    "1.2.3",
    "12,345678",
    "1234,505",
    "0,001",
    "1234,",
    ",50",
    ".50",
    "1 234 ,50",
    "-",
    "\u2013",
    "\u2014",
    "--5",
    "-5-",
    "-(5)",
    "(-5)",
    "(5",
    "5)",
    "+5-",
    "1e3",
    "1E3",
    "12 %",
    "12%",
    "NaN",
    "inf",
    "viisi",
    "5 kpl",
    "5 eurot",
    "$5",
    "€",
    "€ 5 €",
    "1_000",
    "0x10",
    "#REF!",
    "=1+1",
    "\u0661\u0662\u0663",
    "１２３",
    "1²",
    "1\n2",
    "9" * 5000,
    "10000000000000,00",
    10000000000000.0,
    1234.565,
    0.001,
    1e300,
    float("nan"),
    float("inf"),
    10**14,
    True,
    False,
    date(2025, 12, 31),
    NOON,
    BadCell("#N/A", "a value"),
]


@pytest.mark.parametrize(("cell", "cents"), AMOUNTS, ids=repr)
def test_an_amount_is_read_to_the_cent(cell: Cell, cents: int) -> None:
    assert cents_of(cell) == cents


@pytest.mark.parametrize("cell", NO_AMOUNTS, ids=lambda cell: repr(cell)[:30])
def test_what_is_no_certain_amount_is_refused(cell: Cell) -> None:
    with pytest.raises(CellFault) as refused:
        cents_of(cell)
    assert refused.value.expected


def test_an_amount_that_can_be_read_in_two_ways_is_refused_with_both() -> None:
    with pytest.raises(CellFault, match="write 1234 for thousands, 1,23 for decimals"):
        cents_of("1.234")


def grouped(digits: str, mark: str) -> str:
    """Digits in groups of three from the right."""
    first = len(digits) % 3
    return mark.join(([digits[:first]] if first else []) + [digits[i : i + 3] for i in range(first, len(digits), 3)])


@st.composite
def written_amounts(draw: st.DrawFn) -> tuple[int, str]:
    """An amount in cents, and one of the ways in which it is written."""
    cents = draw(st.one_of(st.integers(-MAX_CENTS, MAX_CENTS), st.integers(-200_000, 200_000)))
    euros, rest = divmod(abs(cents), 100)
    mark = draw(st.sampled_from([",", "."]))
    group = draw(st.sampled_from(["", *BLANKS, "'", "." if mark == "," else ","]))
    decimals = f"{rest:02}" + draw(st.sampled_from(["", "", "00"]))
    if rest % 10 == 0 and draw(st.booleans()):
        decimals = decimals[:1]
    text = grouped(str(euros), group) + mark + decimals
    if rest == 0 and (group not in {".", ","} or euros < 1000) and draw(st.booleans()):
        text = grouped(str(euros), group)
    money = draw(st.sampled_from(["", " €", "€", " EUR", "\u00a0€"]))
    if cents < 0:
        sign = draw(st.sampled_from(MINUSES))
        form = draw(st.sampled_from(["{s}{t}{m}", "{s} {t}{m}", "{t}{s}{m}", "{t} {s}{m}", "({t}{m})", "{t}{m}{s}"]))
        text = form.format(s=sign, t=text, m=money)
    else:
        text += money
    padding = draw(st.sampled_from(["", " ", "\u00a0"]))
    return cents, padding + text + padding


@given(written_amounts())
def test_every_amount_in_every_form_reads_back_exactly(written: tuple[int, str]) -> None:
    cents, text = written
    assert cents_of(text) == cents


@given(st.integers(-MAX_CENTS, MAX_CENTS))
def test_every_amount_a_spreadsheet_keeps_reads_back_exactly(cents: int) -> None:
    assert cents_of(float(Decimal(cents).scaleb(-2))) == cents


@given(st.text(alphabet="0123456789.,' -()\u00a0\u2212€EURe%+\u0661\n", max_size=12))
def test_what_is_accepted_as_an_amount_means_the_same_when_written_plainly(text: str) -> None:
    try:
        cents = cents_of(text)
    except CellFault:
        return
    plain = f"{'-' if cents < 0 else ''}{abs(cents) // 100},{abs(cents) % 100:02}"
    assert cents_of(plain) == cents
    digits = "".join(c for c in text if c in "0123456789").lstrip("0")
    written = str(abs(cents)).rstrip("0")
    assert digits.rstrip("0") == written  # no digit is lost, moved or made up


@given(st.floats())
def test_what_is_accepted_as_an_amount_of_a_spreadsheet_is_the_number_it_shows(number: float) -> None:
    try:
        cents = cents_of(number)
    except CellFault:
        return
    assert Decimal(cents).scaleb(-2) == Decimal(f"{number:.15g}")


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
