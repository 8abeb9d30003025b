"""Reading workbooks: what their cells are, and which workbooks are refused."""

import struct
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.errors import Malformed
from app.spreadsheets.cells import CellFault, cents_of
from app.spreadsheets.reading import BadCell, open_table
from tests import spreadsheet_files as files
from tests.spreadsheet_files import COLUMNS, refusal, rows_of


def test_the_kind_is_told_by_the_content_and_not_by_the_name(tmp_path: Path) -> None:
    path = files.workbook(tmp_path / "taulukko.csv", files.row(1, "Kustannuspaikka", "Summa") + files.row(2, 2701, 1.5))
    assert open_table(path, COLUMNS).kind == "xlsx"


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


BROKEN_PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "a cell in another row than it says": lambda: with_row('<row r="2"><c r="A9"><v>1</v></c></row>'),
    "a cell beyond the last column": lambda: with_row('<row r="2"><c r="XFE2"><v>1</v></c></row>'),
    "a cell with no column": lambda: with_row('<row r="2"><c r="2"><v>1</v></c></row>'),
    "a cell with a strange column": lambda: with_row('<row r="2"><c r="Å2"><v>1</v></c></row>'),
    "a row beyond the last": lambda: with_row('<row r="1048577"><c r="A1048577"><v>1</v></c></row>'),
    "a row with no number": lambda: with_row('<row r="x"><c><v>1</v></c></row>'),
    "no well-formed XML": lambda: with_row('<row r="2"><c r="A2"><v>1</c></row>'),
    "the same attribute twice": lambda: with_row('<row r="2"><c r="A2" r="XFD1048576"><v>1</v></c></row>'),
    "a document type": lambda: {**with_row(""), "docProps/app.xml": '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'},
    "another encoding than UTF-8": lambda: {
        **with_row(""),
        "a.xml": '<?xml version="1.0" encoding="iso-8859-1"?><a>ä</a>'.encode("iso-8859-1"),
    },
    "a sheet without a part": lambda: {k: v for k, v in with_row("").items() if "sheet1" not in k},
    "no relationships": lambda: {k: v for k, v in with_row("").items() if not k.startswith("xl/_rels")},
    "a reference to a text that is not there": lambda: with_row('<row r="2"><c r="A2" t="s"><v>7</v></c></row>'),
    "two workbooks": lambda: {**with_row(""), "xl/workbook2.xml": with_row("")["xl/workbook.xml"]},
    "two tables of texts": lambda: {**with_row(""), "a.xml": "<sst/>", "b.xml": "<sst/>"},
    "elements without end": lambda: {**with_row(""), "a.xml": "<a>" * 60_000 + "</a>" * 60_000},
    "thousands of names": lambda: {**with_row(""), "a.xml": f"<a>{''.join(f'<b{i}/>' for i in range(60_000))}</a>"},
    "one endless tag": lambda: {**with_row(""), "a.xml": f'<a b="{"x" * 4_000_000}"/>'},
    "two parts of one name": lambda: {**with_row(""), "XL/styles.xml": with_row("")["xl/styles.xml"]},
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


def with_comment(content: bytearray) -> bytearray:
    """A comment is said to follow the end, where another end could hide."""
    content[-2:] = b"\x05\x00"
    return content


def with_another_end(content: bytearray) -> bytearray:
    """A locator of a second directory, right after the first and as if of it."""
    directory = struct.unpack_from("<I", content, len(content) - 10)[0]
    struct.pack_into("<I", content, len(content) - 10, directory + 20)
    return content[:-22] + b"PK\x06\x07" + bytes(16) + content[-22:]


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
        (with_comment, "its end is missing"),
        (with_another_end, "not where it should be"),
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


def test_an_archive_is_refused_by_its_directory_before_anything_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = xlsx(tmp_path, TOP)
    monkeypatch.setattr("app.spreadsheets.archives.Unpacking.pieces", None)
    monkeypatch.setattr("app.spreadsheets.archives.MAX_UNPACKED", 1_000)
    assert "unpacks to more" in refusal(path).detail
    monkeypatch.setattr("app.spreadsheets.archives._LARGEST_DIRECTORY", 100)
    assert "too large" in refusal(path).detail


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
