"""Opening tables: which row is the header, how the file is written, and what is refused."""

import struct
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.errors import DomainError, Invalid, Malformed
from app.spreadsheets.cells import CellFault, cents_of
from app.spreadsheets.reading import BadCell, Column, open_table
from tests import spreadsheet_files as files

COST_CENTRE = Column("cost_centre", ("Kustannuspaikka", "Kostnadsställe", "Cost centre"))
AMOUNT = Column("amount", ("Summa", "Belopp", "Amount", "Määrä euroa"))
NOTE = Column("note", ("Selite", "Förklaring", "Note"), required=False)
COLUMNS = (COST_CENTRE, AMOUNT, NOTE)
IDENTITY_CODE = "131052-308T"

Write = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """Writes a CSV file of a text."""

    def write(text: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / "taulukko.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write


def rows_of(path: Path, **settings: Any) -> list[tuple[int, tuple[Any, ...]]]:
    return list(open_table(path, COLUMNS, **settings).rows())


def refusal(path: Path, **settings: Any) -> DomainError:
    """The error that opening or reading a file ends in."""
    with pytest.raises(DomainError) as refused:
        rows_of(path, **settings)
    return refused.value


# The header


def test_the_columns_come_in_the_order_that_was_asked_for(written: Write) -> None:
    table = open_table(written("Selite;Muu;Summa;Kustannuspaikka\nvuokra;x;1,50;2701\n"), COLUMNS)
    assert list(table.rows()) == [(2, ("2701", "1,50", "vuokra"))]
    assert table.headers == {"cost_centre": "Kustannuspaikka", "amount": "Summa", "note": "Selite"}
    assert (table.header_row, table.unused, table.kind) == (1, ("Muu",), "csv")
    assert (table.encoding, table.separator, table.sheet) == ("utf-8", ";", None)


@pytest.mark.parametrize(
    "header",
    [
        "KUSTANNUSPAIKKA;SUMMA",
        "kustannuspaikka;Määrä  euroa",
        "Kostnadsställe;Belopp",
        "cost_centre;määrä-euroa",
        "COST-CENTRE;Amount",
        "\ufeffCost\u00a0centre ;\u200bAmount",
        '"Cost\ncentre";"Amount"',
        "Cost centre;Ma\u0308a\u0308ra\u0308 euroa",
    ],
)
def test_a_header_is_known_in_each_language_and_however_it_is_written(written: Write, header: str) -> None:
    assert [cells for _, cells in rows_of(written(f"{header}\n2701;1\n"))] == [("2701", "1", None)]


def test_titles_may_stand_above_the_header(written: Write) -> None:
    path = written("Talousarvio 2026, koko kunta;;\n\nTulostettu 1.1.2026;;\nKustannuspaikka;Summa;Selite\n2701;1;a\n")
    table = open_table(path, COLUMNS)
    assert (table.header_row, list(table.rows())) == (4, [(5, ("2701", "1", "a"))])


def test_the_header_is_not_looked_for_beyond_the_thirtieth_row(written: Write) -> None:
    assert rows_of(written("otsikko\n" * 29 + "Kustannuspaikka;Summa\n2701;1\n"))[0][0] == 31
    assert refusal(written("otsikko\n" * 30 + "Kustannuspaikka;Summa\n2701;1\n")).code == "header_not_found"


def test_a_missing_header_is_told_with_what_was_seen_and_the_way_out(written: Write) -> None:
    error = refusal(written("Raportti\nKustannuspaikka;Euroa;Tili\n2701;1;4000\n"))
    assert isinstance(error, Invalid)
    assert error.code == "header_not_found"
    assert "Row 2 comes closest, with the headers: Kustannuspaikka, Euroa, Tili" in error.detail
    assert "Missing: amount" in error.detail
    assert "mapping" in error.detail
    assert [fault.pointer for fault in error.faults] == ["/2/amount"]


def test_a_missing_header_tells_no_identity_code(written: Write) -> None:
    error = refusal(written(f"Kustannuspaikka;{IDENTITY_CODE}\n2701;1\n"))
    assert IDENTITY_CODE not in str(error) + str(error.faults)


@pytest.mark.parametrize("named", ["Euroa", "EUROA ", "B", "b", "2"])
def test_a_mapping_names_a_column_by_its_header_letter_or_number(written: Write, named: str) -> None:
    path = written("Kustannuspaikka;Euroa\n2701;1,50\n")
    assert rows_of(path, mapping={"amount": named}) == [(2, ("2701", "1,50", None))]


def test_a_header_that_looks_like_a_letter_comes_before_the_letter(written: Write) -> None:
    path = written("Talousarvio;2026;3\nB;Kustannuspaikka;Muu\n1,50;2701;7\n")
    assert rows_of(path, mapping={"amount": "B"}) == [(3, ("2701", "1,50", None))]


def test_a_mapping_counts_alone(written: Write) -> None:
    path = written("Kustannuspaikka;Summa;Toteuma\n2701;1;2\n")
    assert rows_of(path, mapping={"amount": "Toteuma"}) == [(2, ("2701", "2", None))]


@pytest.mark.parametrize(
    "mapping", [{"amount": "Ei ole"}, {"amount": "Z"}, {"amount": "9"}, {"note": "Ei ole"}, {"no": "B"}]
)
def test_a_mapping_to_nothing_is_refused(written: Write, mapping: dict[str, str]) -> None:
    assert refusal(written("Kustannuspaikka;Summa\n2701;1\n"), mapping=mapping).code == "header_not_found"


def test_a_column_whose_value_is_given_may_be_absent(written: Write) -> None:
    path = written("Summa;Selite\n1;a\n2;\n")
    assert rows_of(path, given={"cost_centre"}) == [(2, (None, "1", "a")), (3, (None, "2", None))]
    assert refusal(path).code == "header_not_found"


def test_a_column_named_twice_is_refused(written: Write) -> None:
    path = written("Kustannuspaikka;Summa;Belopp\n2701;1;2\n")
    error = refusal(path)
    assert error.code == "header_twice"
    assert "Summa and Belopp (columns 2, 3)" in error.faults[0].detail
    assert rows_of(path, mapping={"amount": "Belopp"}) == [(2, ("2701", "2", None))]


def test_one_column_alone_is_a_table(written: Write) -> None:
    table = open_table(written("Summa\n1,5\n\n2\n"), [AMOUNT])
    assert list(table.rows()) == [(2, ("1,5",)), (4, ("2",))]


# Rows of CSV


def test_the_first_line_may_say_the_separator_as_excel_does(written: Write) -> None:
    assert rows_of(written("sep=|\nKustannuspaikka|Summa\n2701|1;5\n")) == [(2, ("2701", "1;5", None))]


def test_row_numbers_are_those_that_a_spreadsheet_shows(written: Write) -> None:
    path = written('Kustannuspaikka;Summa;Selite\n\n2701;1;"kaksi\nriviä"\n;;\n \u00a0;\t;\n2702;2;\n')
    assert rows_of(path) == [(3, ("2701", "1", "kaksi\nriviä")), (6, ("2702", "2", None))]


def test_cells_missing_at_the_end_are_none(written: Write) -> None:
    assert rows_of(written("Kustannuspaikka;Summa;Selite\n2701\n2702;5\n")) == [
        (2, ("2701", None, None)),
        (3, ("2702", "5", None)),
    ]


def test_empty_cells_beyond_the_header_do_no_harm(written: Write) -> None:
    assert rows_of(written("Kustannuspaikka;Summa;;\n2701;1\n2702;2;;;;; \n")) == [
        (2, ("2701", "1", None)),
        (3, ("2702", "2", None)),
    ]


@pytest.mark.parametrize("header", ["Kustannuspaikka,Summa", "Kustannuspaikka,Summa,", "Kustannuspaikka,Summa,,"])
def test_a_cell_beyond_the_header_makes_the_row_an_error(written: Write, header: str) -> None:
    table = open_table(written(f"{header}\n2701,1\n2702,1234,50\n"), COLUMNS)
    good, (number, cells) = table.rows()
    assert good == (2, ("2701", "1", None))
    assert isinstance(cells[0], BadCell)
    with pytest.raises(CellFault) as fault:
        cents_of(cells[0])
    error = table.error(number, "cost_centre", cells[0], fault.value.expected)
    assert (error.row, error.column, error.value) == (3, "column 3", "50")
    assert "beyond the last header" in error.expected


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ('Kustannuspaikka;Summa\n2701;1\n2702;"2\n', 3),
        ('Kustannuspaikka;Summa\n2701;"1"0\n', 2),
        ('Kustannuspaikka;Summa\n2701;1\n"Oy;5\n2703;"6"\n', 3),
        ('Kustannuspaikka;Summa;Selite\n2701;1;"a\nb"\n2702;"2"x;\n', 3),
        ("Kustannuspaikka;Summa\n2701;" + "1" * 200_000, 2),
    ],
)
def test_broken_quotation_marks_are_refused_with_their_row(written: Write, text: str, row: int) -> None:
    error = refusal(written(text))
    assert error.code == "unreadable_file"
    assert error.faults[0].pointer == f"/{row}"


def test_a_table_can_be_read_again_and_tells_how_far_it_is(written: Write) -> None:
    path = written("Kustannuspaikka;Summa\n" + "2701;1,50\n" * 50_000)
    table = open_table(path, COLUMNS)
    assert (table.position, table.size) == (0, path.stat().st_size)
    rows = table.rows()
    next(rows)
    assert 0 < table.position < table.size / 2
    assert sum(1 for _ in rows) == 49_999
    assert table.position == table.size
    assert sum(1 for _ in table.rows()) == 50_000


def test_an_error_shows_no_identity_code_and_not_all_of_a_long_text(written: Write) -> None:
    table = open_table(written(f"Kustannuspaikka;Summa {IDENTITY_CODE}\n2701;1\n"), COLUMNS, mapping={"amount": "B"})
    for value in (f"lapsi {IDENTITY_CODE}", BadCell(IDENTITY_CODE, "nothing")):
        error = table.error(2, "amount", value, "an amount")
        assert IDENTITY_CODE not in error.value + error.column
    assert len(table.error(2, "cost_centre", "x" * 5000, "a code").value) == 100
    assert table.error(2, "note", 0.1 + 0.2, "a text").value == "0.3"
    assert table.error(2, "note", None, "a text").column == "note"


# Encodings


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
    ],
)
def test_the_encoding_is_told_from_the_bytes(written: Write, encoding: str, name: str) -> None:
    text = "Kostnadsställe;Belopp;Förklaring\r\n2701;1\u00a0234,50;Åbo € –\r\n"
    table = open_table(written(text, encoding), COLUMNS)
    assert table.encoding == name
    assert list(table.rows()) == [(2, ("2701", "1\u00a0234,50", "Åbo € –"))]


def test_utf_16_may_begin_with_its_big_end_and_a_mark(written: Write) -> None:
    text = "\ufeffKustannuspaikka\tSumma\n2701\t1\n"
    assert rows_of(written(text, "utf-16-be")) == [(2, ("2701", "1", None))]


HEADER = "Kustannuspaikka;Summa;Selite\n2701;1;ä\n"


@pytest.mark.parametrize(
    ("content", "row"),
    [
        (HEADER.encode() + b"2702;2;\xe4\n", 3),
        (HEADER.encode() + "2702;2;ö".encode()[:-1], 3),
        (HEADER.encode("cp1252") + b"2702;2;a\x81b\n", 3),
        (HEADER.encode("utf-8-sig") + b"2702;2;\xff\n", 3),
        (HEADER.encode("utf-16") + b"\x00\xd8", 3),
        (HEADER.encode("cp1252") + "2702;2;Päijät\n".encode("cp850"), 3),
        (HEADER.encode() + b"2702;2;\x00\n" * 2, None),
        (HEADER.encode() + b"x" * 70_000 + b"\n2702;2;\x00\n", 4),
        (HEADER.encode() + b"\x00" * 3_000, None),
        (b"Summa;" + b"x" * 3_000_000, 1),
    ],
)
def test_text_that_is_not_certain_is_refused(written: Write, content: bytes, row: int | None) -> None:
    error = refusal(written(content))
    assert isinstance(error, Malformed)
    assert error.code == "unreadable_file"
    assert [fault.pointer for fault in error.faults] == ([] if row is None else [f"/{row}"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Excel file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(90_000) + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\xef\xbb\xbf <html><table>", "a web page"),
        (b'{"rows": []}', "JSON"),
        (b"\x1f\x8b\x08", "compressed"),
        (b"PK\x03\x04 and nothing more", "damaged"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_what_to_do(written: Write, content: bytes, said: str) -> None:
    error = refusal(written(content))
    assert error.code == "unreadable_file"
    assert said in error.detail
    assert "ave" in error.detail or "Send" in error.detail


def test_the_kind_is_told_by_the_content_and_not_by_the_name(tmp_path: Path, written: Write) -> None:
    path = files.workbook(tmp_path / "taulukko.csv", files.row(1, "Kustannuspaikka", "Summa") + files.row(2, 2701, 1.5))
    assert open_table(path, COLUMNS).kind == "xlsx"


# XLSX

TOP = files.row(1, "Kustannuspaikka", "Summa", "Selite")


def xlsx(tmp_path: Path, rows: str, **settings: Any) -> Path:
    return files.workbook(tmp_path / "taulukko.xlsx", rows, **settings)


def test_a_workbook_gives_numbers_texts_days_and_booleans(tmp_path: Path) -> None:
    rows = TOP + files.row(2, 2701, files.number("B2", "1234.5", files.EUROS), files.number("C2", 46022, files.DAY))
    rows += files.row(4, " 0042 ", "1 234,50", '<c r="C4" t="b"><v>1</v></c>')
    table = open_table(xlsx(tmp_path, rows), COLUMNS)
    assert (table.kind, table.sheet, table.encoding) == ("xlsx", "Taulukko1", None)
    assert list(table.rows()) == [(2, (2701.0, 1234.5, date(2025, 12, 31))), (4, ("0042", "1 234,50", True))]
    assert table.position == table.size


@pytest.mark.parametrize("dimension", ["A1", "A1:B2", "A1:XFD1048576", "C5:D6"])
def test_a_lying_dimension_loses_no_rows(tmp_path: Path, dimension: str) -> None:
    rows = TOP + "".join(files.row(place, 2700 + place, 1, "x") for place in range(2, 102))
    assert len(rows_of(xlsx(tmp_path, rows, dimension=dimension))) == 100


def test_a_table_may_begin_anywhere_on_its_sheet(tmp_path: Path) -> None:
    rows = '<row r="4">' + files.text("D4", "Kustannuspaikka") + files.text("F4", "Summa") + "</row>"
    rows += '<row r="7">' + files.number("D7", 2701) + files.number("E7", 9) + files.number("F7", 2) + "</row>"
    table = open_table(xlsx(tmp_path, rows), COLUMNS)
    assert (table.header_row, list(table.rows())) == (4, [(7, (2701.0, 2.0, None))])
    assert rows_of(table.path, mapping={"amount": "F"}) == [(7, (2701.0, 2.0, None))]
    assert refusal(table.path, mapping={"amount": "E"}).code == "header_not_found"  # nothing stands above E7


def test_errors_and_formulas_never_calculated_are_no_empty_cells(tmp_path: Path) -> None:
    rows = TOP + (
        '<row r="2"><c r="A2" t="e"><v>#REF!</v></c><c r="B2"><f>1+1</f></c><c r="C2"><f>A2</f><v> </v></c></row>'
        '<row r="3"><c r="A3" t="str"><f>IF(1,"")</f><v></v></c><c r="B3"><f>1+1</f><v>2</v></c></row>'
        '<row r="4"><c r="A4" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    )
    table = open_table(xlsx(tmp_path, rows), COLUMNS)
    (two, bad), calculated, (four, divided) = table.rows()
    assert [cell.value for cell in bad if isinstance(cell, BadCell)] == ["#REF!", "(formula)", "(formula)"]
    assert calculated == (3, (None, 2.0, None))
    assert isinstance(divided[0], BadCell)
    assert divided[0].value == "#DIV/0!"
    assert (two, four) == (2, 4)
    assert "never calculated" in table.error(2, "amount", bad[1], "").expected


def test_a_duration_is_no_amount(tmp_path: Path) -> None:
    path = xlsx(tmp_path, TOP + files.row(2, 2701, files.number("B2", 1.5, files.DURATION)))
    ((_, cells),) = rows_of(path)
    with pytest.raises(CellFault, match="number format"):
        cents_of(cells[1])


def test_days_count_from_1904_where_the_workbook_says_so(tmp_path: Path) -> None:
    path = xlsx(
        tmp_path,
        TOP + files.row(2, 2701, 1, files.number("C2", 46022 - 1462, files.DAY)),
        workbook_properties='<workbookPr date1904="1"/>',
    )
    assert rows_of(path)[0][1][2] == date(2025, 12, 31)


def test_texts_may_be_shared_and_in_pieces(tmp_path: Path) -> None:
    shared = "<si><t>Kustannuspaikka</t></si><si><r><t>Sum</t></r><r><t>ma</t></r></si><si><t>A &amp; B</t></si>"
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    rows += '<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2"><v>5</v></c></row>'
    assert rows_of(xlsx(tmp_path, rows, shared=shared)) == [(2, ("A & B", 5.0, None))]


def test_cells_need_no_references_and_elements_may_have_a_prefix(tmp_path: Path) -> None:
    top = '<row><c t="str"><v>Kustannuspaikka</v></c><c t="str"><v>Summa</v></c></row>'
    content = files.parts({"S": f'{top}<row><c><v>1</v></c><c t="e"><v>#N/A</v></c></row>'})
    name = "xl/worksheets/sheet1.xml"
    content[name] = (
        content[name].replace("</", "</x:").replace("<", "<x:").replace("<x:/x:", "</x:").replace("xmlns=", "xmlns:x=")
    )
    ((number, cells),) = rows_of(files.packed(tmp_path / "t.xlsx", content))
    assert (number, cells[0]) == (2, 1.0)
    assert isinstance(cells[1], BadCell)


def test_the_first_visible_sheet_with_the_header_is_read(tmp_path: Path) -> None:
    sheets = {
        "Ohje": files.row(1, "Lue tämä"),
        "Tyhjä": "",
        "Piilo": TOP + files.row(2, 1, 1),
        "Data": TOP + files.row(2, 2, 2),
        "Data 2": TOP + files.row(2, 3, 3),
    }
    path = files.packed(tmp_path / "t.xlsx", files.parts(sheets, hidden=("Piilo",)))
    assert open_table(path, COLUMNS).sheet == "Data"
    assert rows_of(path) == [(2, (2.0, 2.0, None))]
    assert rows_of(path, sheet="data 2") == [(2, (3.0, 3.0, None))]
    assert rows_of(path, sheet="Piilo") == [(2, (1.0, 1.0, None))]
    assert "Lue tämä" in refusal(path, sheet="Ohje").detail
    missing = refusal(path, sheet="Ei ole")
    assert missing.code == "header_not_found"
    assert "Data 2" in missing.detail


def test_a_workbook_with_nothing_in_it_is_refused(tmp_path: Path) -> None:
    assert "no visible sheet" in refusal(xlsx(tmp_path, "")).detail


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("content.xml", "<x/>", "OpenDocument"),
        ("xl/workbook.bin", "", "xlsb"),
        ("word/document.xml", "<x/>", "Word"),
        ("kuva.txt", "hei", "XML"),
        ("tiedot.xml", "<tiedot/>", "no workbook"),
    ],
)
def test_another_archive_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    error = refusal(files.packed(tmp_path / "t.xlsx", {name: content}))
    assert error.code == "unreadable_file"
    assert said in error.detail


def with_row(rows: str) -> dict[str, str]:
    return files.parts({"S": TOP + rows})


BROKEN_PARTS: dict[str, Callable[[], dict[str, str]]] = {
    "a cell in another row than it says": lambda: with_row('<row r="2"><c r="A9"><v>1</v></c></row>'),
    "a cell beyond the last column": lambda: with_row('<row r="2"><c r="XFE2"><v>1</v></c></row>'),
    "a cell with no column": lambda: with_row('<row r="2"><c r="2"><v>1</v></c></row>'),
    "a cell with a strange column": lambda: with_row('<row r="2"><c r="Å2"><v>1</v></c></row>'),
    "a row beyond the last": lambda: with_row('<row r="1048577"><c r="A1048577"><v>1</v></c></row>'),
    "a row with no number": lambda: with_row('<row r="x"><c><v>1</v></c></row>'),
    "no well-formed XML": lambda: with_row('<row r="2"><c r="A2"><v>1</c></row>'),
    "the same attribute twice": lambda: with_row('<row r="2"><c r="A2" r="XFD1048576"><v>1</v></c></row>'),
    "a document type": lambda: {**with_row(""), "docProps/app.xml": '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'},
    "a sheet without a part": lambda: {k: v for k, v in with_row("").items() if "sheet1" not in k},
    "no relationships": lambda: {k: v for k, v in with_row("").items() if not k.startswith("xl/_rels")},
    "a reference to a text that is not there": lambda: with_row('<row r="2"><c r="A2" t="s"><v>7</v></c></row>'),
    "two workbooks": lambda: {**with_row(""), "xl/workbook2.xml": with_row("")["xl/workbook.xml"]},
    "two tables of texts": lambda: {**with_row(""), "a.xml": "<sst/>", "b.xml": "<sst/>"},
    "elements without end": lambda: {**with_row(""), "a.xml": "<a>" * 60_000 + "</a>" * 60_000},
    "thousands of names": lambda: {**with_row(""), "a.xml": f"<a>{''.join(f'<b{i}/>' for i in range(60_000))}</a>"},
    "one endless tag": lambda: {**with_row(""), "a.xml": f'<a b="{"x" * 4_000_000}"/>'},
    "two parts of one name": lambda: {**with_row(""), "XL/workbook.xml": ""},
}


@pytest.mark.parametrize("broken", BROKEN_PARTS)
def test_a_workbook_that_no_program_writes_is_refused(tmp_path: Path, broken: str) -> None:
    assert rows_of(files.packed(tmp_path / "sound.xlsx", with_row(files.row(2, 1, 1)))) == [(2, (1.0, 1.0, None))]
    error = refusal(files.packed(tmp_path / "broken.xlsx", BROKEN_PARTS[broken]()))
    assert isinstance(error, Malformed)
    assert error.code == "unreadable_file"


def patched(path: Path, change: Callable[[bytearray], bytes | bytearray]) -> Path:
    path.write_bytes(change(bytearray(path.read_bytes())))
    return path


def encrypted(content: bytearray) -> bytearray:
    """Every entry marked as encrypted, in the directory and before the entry."""
    for signature, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = content.find(signature)
        while at >= 0:
            content[at + place] |= 1
            at = content.find(signature, at + 4)
    return content


def understated(content: bytearray) -> bytearray:
    """The first entry's size in the directory as 1."""
    at = content.index(b"PK\x01\x02")
    struct.pack_into("<I", content, at + 24, 1)
    return content


def other_method(content: bytearray) -> bytearray:
    at = content.index(b"PK\x01\x02")
    content[at + 10] = 9
    return content


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (encrypted, "password"),
        (understated, "not what the directory says"),
        (other_method, "packed in a way"),
        (lambda content: content[:-1], "its end is missing"),
        (lambda content: content[: len(content) // 2], "its end is missing"),
        (lambda content: content + b"more", "its end is missing"),
        (lambda content: content[:100] + b"\x00" * 50 + content[150:], "damaged"),
        (lambda content: b"PK\x03\x04" + content, "not where it should be"),
    ],
)
def test_an_archive_that_lies_is_refused(tmp_path: Path, change: Callable[[bytearray], bytearray], said: str) -> None:
    path = patched(xlsx(tmp_path, TOP + files.row(2, 1, 1)), change)
    error = refusal(path)
    assert error.code == "unreadable_file"
    assert said in error.detail


def test_an_archive_of_too_many_parts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in files.parts({"S": TOP}).items():
            archive.writestr(name, part)
        for place in range(5_000):
            archive.writestr(f"a{place}.bin", b"")
    assert "more than 5000 parts" in refusal(path).detail


def test_pictures_in_a_workbook_are_passed_over(tmp_path: Path) -> None:
    content: dict[str, str | bytes] = {**with_row(files.row(2, 1, 1)), "xl/media/image1.png": b"\x89PNG no XML"}
    assert len(rows_of(files.packed(tmp_path / "t.xlsx", content))) == 1


def test_more_errors_than_anyone_can_mend_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.spreadsheets.parts.MAX_FAULTS", 2)
    bad = "".join(files.row(place, f'<c r="A{place}" t="e"><v>#N/A</v></c>') for place in range(2, 6))
    assert "cells with errors" in refusal(xlsx(tmp_path, TOP + bad)).detail


def test_a_long_text_in_many_cells_is_counted_before_it_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = f"<si><t>Kustannuspaikka</t></si><si><t>Summa</t></si><si><t>{'x' * 1000}</t></si><si><t>y</t></si>"
    top = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'

    def book(text: int) -> Path:
        cells = "".join(f'<row r="{place}"><c r="A{place}" t="s"><v>{text}</v></c></row>' for place in range(2, 102))
        return xlsx(tmp_path, top + cells, shared=shared)

    monkeypatch.setattr("app.spreadsheets.workbooks.MAX_TEXT", 50_000)
    assert len(rows_of(book(3))) == 100
    assert "too much text" in refusal(book(2)).detail


def test_a_failure_inside_the_library_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        pass

    def panic(_: object) -> None:
        raise PanicException

    monkeypatch.setattr("app.spreadsheets.workbooks.CalamineWorkbook", type("Failing", (), {"from_filelike": panic}))
    assert refusal(xlsx(tmp_path, TOP)).code == "unreadable_file"
