"""What is written reads back, in every language, and runs nothing."""

import csv
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from app.errors import TooLarge
from app.spreadsheets import writing
from app.spreadsheets.cells import cents_of, day_of
from app.spreadsheets.reading import Column, open_table
from app.spreadsheets.writing import Value, csv_of, xlsx_of

NOON = datetime(2025, 12, 31, 12, 30)  # noqa: DTZ001 (the time of a cell knows no zone)
HEADER = ("Kustannuspaikka", "Summa", "Päivä")
ROWS: list[Sequence[Value]] = [
    ("2701", Decimal("-1234.50"), date(2025, 12, 31)),
    ('Oy "A"; B', 0.25, None),
    (None, 7, NOON),
]


def test_finnish_and_swedish_csv_has_semicolons_and_decimal_commas() -> None:
    expected = (
        "\ufeffKustannuspaikka;Summa;Päivä\r\n2701;-1234,50;31.12.2025\r\n"
        '"Oy ""A""; B";0,25;\r\n;7;31.12.2025 12:30\r\n'
    )
    assert csv_of(HEADER, ROWS, language="fi").decode() == expected
    assert csv_of(HEADER, ROWS, language="sv").decode() == expected


def test_english_csv_has_commas_and_decimal_points() -> None:
    assert csv_of(HEADER, ROWS, language="en").decode() == (
        "\ufeffKustannuspaikka,Summa,Päivä\r\n2701,-1234.50,2025-12-31\r\n"
        '"Oy ""A""; B",0.25,\r\n,7,2025-12-31 12:30\r\n'
    )


FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@a",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\u00a0\u200b=1",
    "＝1",
    "＋1",
    "－1",
    "＠a",
    "  ＝1",
)


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("language", ["fi", "en"])
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(text: str, language: str) -> None:
    for content in (csv_of([text], [], language=language), csv_of(["a"], [[text]], language=language)):
        lines = StringIO(content.decode("utf-8-sig"), newline="")
        *_, (cell,) = csv.reader(lines, delimiter=";" if language == "fi" else ",", strict=True)
        assert cell == f"'{text}"


@pytest.mark.parametrize("text", ["a=1", "1-2", "'=1", "Ä", "", "2701", "a@b.fi"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert csv_of([text], [], language="fi").decode() == f"\ufeff{text}\r\n"


def test_a_negative_number_stays_a_number_and_a_negative_text_does_not() -> None:
    assert csv_of(["a", "b"], [[-5, "-5"]], language="fi").decode().endswith("-5;'-5\r\n")


@pytest.mark.parametrize("number", [1e-7, 1e22, Decimal("1E+3"), Decimal("0.10")])
def test_numbers_are_written_out_without_exponents(number: float | Decimal) -> None:
    written = csv_of(["a"], [[number]], language="en").decode().splitlines()[1]
    assert "e" not in written.lower()
    assert Decimal(written) == Decimal(str(number))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), Decimal("NaN")])
def test_what_is_no_number_is_not_written(number: float | Decimal) -> None:
    with pytest.raises(ValueError, match="cannot stand in a table"):
        csv_of(["a"], [[number]], language="fi")
    with pytest.raises(ValueError, match="cannot stand in a table"):
        xlsx_of("a", ["a"], [[number]], language="fi")


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(rows=st.lists(st.tuples(CELLS, st.integers(-(10**15) + 1, 10**15 - 1), st.dates()), max_size=5))
@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_what_is_written_as_csv_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, language: str, rows: list[tuple[str, int, date]]
) -> None:
    path = tmp_path_factory.mktemp("written") / "a.csv"
    values = [("x" + text, Decimal(cents).scaleb(-2), day) for text, cents, day in rows]
    path.write_bytes(csv_of(("Nimi", "Summa", "Päivä"), values, language=language))
    columns = [Column("name", ("nimi",)), Column("amount", ("summa",)), Column("day", ("päivä",))]
    read = [(name, cents_of(amount), day_of(day)) for _, (name, amount, day) in open_table(path, columns).rows()]
    assert read == [(("x" + text).strip(), cents, day) for text, cents, day in rows]


def opened(content: bytes) -> CalamineWorkbook:
    return CalamineWorkbook.from_filelike(BytesIO(content))


def test_a_workbook_has_real_numbers_days_and_texts() -> None:
    content = xlsx_of("Budjetti", HEADER, ROWS, language="fi", formats=[None, "euros"])
    sheet = opened(content).get_sheet_by_name("Budjetti")
    assert sheet.to_python() == [
        list(HEADER),
        ["2701", -1234.5, date(2025, 12, 31)],
        ['Oy "A"; B', 0.25, ""],
        ["", 7, NOON],
    ]


def test_nothing_in_a_workbook_runs_or_links() -> None:
    texts = [*FORMULAS, "https://example.org", "{=1+1}", "0042", "a\x07b"]
    content = xlsx_of("a", ["=1"], [[text] for text in texts], language="fi")
    read = [row[0] for row in opened(content).get_sheet_by_name("a").to_python()]
    assert read == ["=1", *texts]
    sheet = part(content, "xl/worksheets/sheet1.xml")
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet


def part(content: bytes, name: str) -> str:
    return zipfile.ZipFile(BytesIO(content)).read(name).decode()


def test_the_header_stays_in_sight_and_columns_are_as_wide_as_their_texts() -> None:
    sheet = part(xlsx_of("a", ["a", "b"], [["x" * 30, 1]], language="fi"), "xl/worksheets/sheet1.xml")
    assert '<pane ySplit="1"' in sheet
    assert 'state="frozen"' in sheet
    widths = [float(piece.split('"')[0]) for piece in sheet.split(' width="')[1:]]
    assert widths[0] > 30
    assert widths[1] < 12


def test_euros_and_percent_show_as_such() -> None:
    styles = part(xlsx_of("a", ["a"], [], language="fi", formats=["percent"]), "xl/styles.xml")
    content = xlsx_of("a", ["a", "b"], [[0.5, 0.5]], language="fi", formats=["euros", "percent"])
    assert "€" in part(content, "xl/styles.xml")
    assert "0.0%" in part(content, "xl/styles.xml")
    assert 's="1"' not in styles


@pytest.mark.parametrize(("language", "name"), [("fi", "Huomautukset"), ("sv", "Anmärkningar"), ("en", "Notes")])
def test_title_and_notes_stand_on_a_sheet_of_their_own(language: str, name: str) -> None:
    book = opened(xlsx_of("a", ["a"], [], language=language, title="Lapsibudjetti", notes=["=huom", "toinen"]))
    assert book.sheet_names == ["a", name]
    assert book.get_sheet_by_name(name).to_python() == [["Lapsibudjetti"], ["=huom"], ["toinen"]]
    assert opened(xlsx_of(name, ["a"], [], language=language, notes=["x"])).sheet_names == [name, f"{name} 2"]
    assert opened(xlsx_of("a", ["a"], [], language=language)).sheet_names == ["a"]


@pytest.mark.parametrize(
    ("name", "written"),
    [("a/b:c*[d]?", "a b c  d"), ("'x'", "x"), ("", "1"), ("x" * 50, "x" * 31), ("Päätös", "Päätös")],
)
def test_a_sheet_gets_a_name_that_excel_allows(name: str, written: str) -> None:
    assert opened(xlsx_of(name, ["a"], [], language="fi")).sheet_names == [written]


def test_what_a_sheet_cannot_hold_is_told_and_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="32767"):
        xlsx_of("a", ["a"], [["x" * 32_768]], language="fi")
    monkeypatch.setattr(writing, "MAX_ROWS", 3)
    assert xlsx_of("a", ["a"], [["x"]] * 2, language="fi")
    with pytest.raises(TooLarge, match="CSV"):
        xlsx_of("a", ["a"], [["x"]] * 3, language="fi")


@given(rows=st.lists(st.tuples(CELLS, st.integers(-(10**15) + 1, 10**15 - 1)), max_size=5))
def test_what_is_written_as_a_workbook_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int]]
) -> None:
    path: Path = tmp_path_factory.mktemp("written") / "a.xlsx"
    values = [("x" + text, Decimal(cents).scaleb(-2)) for text, cents in rows]
    path.write_bytes(xlsx_of("a", ("Nimi", "Summa"), values, language="fi", formats=[None, "euros"]))
    columns = [Column("name", ("nimi",)), Column("amount", ("summa",))]
    read = [(name, cents_of(amount)) for _, (name, amount) in open_table(path, columns).rows()]
    assert read == [(("x" + text).strip(), cents) for text, cents in rows]
