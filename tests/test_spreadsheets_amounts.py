"""Amounts of money: exact to the cent in every form in which people write them, or refused."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.spreadsheets.cells import MAX_CENTS, CellFault, cents_of, column_of_cents
from app.spreadsheets.tables import BadCell, Cell

NOON = datetime(2025, 12, 31, 12, 0)  # noqa: DTZ001 (the time of a cell knows no zone)
BLANKS = (" ", "\u00a0", "\u202f", "\u2009", "\u2007")
MINUSES = ("-", "\u2212", "\u2013", "\ufe63", "\uff0d")
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


PLAIN = st.integers(-MAX_CENTS, MAX_CENTS).map(lambda cents: (cents, f"{'-' * (cents < 0)}{abs(cents):03}"))
AS_SYSTEMS_WRITE = PLAIN.map(lambda written: (written[0], f"{written[1][:-2]},{written[1][-2:]}"))


@given(st.lists(AS_SYSTEMS_WRITE | written_amounts(), min_size=1))
def test_a_column_of_amounts_is_read_as_each_of_them_is(written: list[tuple[int, str]]) -> None:
    assert column_of_cents([text for _, text in written]) == [cents for cents, _ in written]


@given(st.lists(AS_SYSTEMS_WRITE, min_size=1))
def test_a_column_as_systems_write_it_is_read_exactly(written: list[tuple[int, str]]) -> None:
    assert column_of_cents([text for _, text in written]) == [cents for cents, _ in written]


@pytest.mark.parametrize("odd", ["1,50\n2,50", "1,50\n", "1,5\n0", "", "\u0661,50", "--1,50", "1,234", None])
def test_a_cell_that_is_no_amount_is_not_read_with_its_column(odd: str | None) -> None:
    def read(cells: list[Cell]) -> list[int] | str:
        try:
            return column_of_cents(cells)
        except CellFault as fault:
            return fault.expected

    def read_alone(cells: list[Cell]) -> list[int] | str:
        try:
            return [cents_of(cell) for cell in cells]
        except CellFault as fault:
            return fault.expected

    for cells in ([odd], ["3,50", odd], [odd, "3,50"], ["3,50", odd, "-4,00"]):
        assert read(list(cells)) == read_alone(list(cells))


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
