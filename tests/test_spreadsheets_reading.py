"""Opening tables: which row is the header, how the file is written, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import Invalid, Malformed
from app.spreadsheets.cells import CellFault, cents_of
from app.spreadsheets.headings import place_named
from app.spreadsheets.reading import BadCell, Cell, Column, open_table
from tests.spreadsheet_files import AMOUNT, COLUMNS, refusal, rows_of

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


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_the_headers_seen_are_told_apart_whatever_separates_them(written: Write, separator: str) -> None:
    error = refusal(written(separator.join(["Kustannuspaikka", "Euroa", "Tili"]) + "\n"))
    assert "with the headers: Kustannuspaikka, Euroa, Tili." in error.detail


def test_the_separator_is_the_one_that_finds_the_most_columns(written: Write) -> None:
    path = written("Selite;muu,Summa,Kustannuspaikka\nx;y,1,2701\n")
    assert rows_of(path, given={"cost_centre", "amount"}) == [(2, ("2701", "1", None))]


def test_a_missing_header_tells_no_identity_code(written: Write) -> None:
    error = refusal(written(f"Kustannuspaikka;{IDENTITY_CODE}\n2701;1\n"))
    assert IDENTITY_CODE not in str(error) + str(error.faults)


@pytest.mark.parametrize("named", ["Euroa", "EUROA ", "B", "b", "2"])
def test_a_mapping_names_a_column_by_its_header_letter_or_number(written: Write, named: str) -> None:
    path = written("Kustannuspaikka;Euroa\n2701;1,50\n")
    assert rows_of(path, mapping={"amount": named}) == [(2, ("2701", "1,50", None))]


def test_a_header_that_looks_like_a_letter_comes_before_the_letter(written: Write) -> None:
    path = written("Talousarvio;2026;3\nB;Kustannuspaikka;Muu\n1,50;2701;7\n")
    assert rows_of(path, mapping={"amount": "B"}, given={"cost_centre"}) == [(3, ("2701", "1,50", None))]


def test_a_letter_means_a_column_with_some_header(written: Write) -> None:
    path = written("Talousarvio 2026;;\nKp;Euroa;\n2701;1,50;\n")
    assert rows_of(path, mapping={"cost_centre": "A", "amount": "2"}) == [(3, ("2701", "1,50", None))]


@pytest.mark.parametrize(
    ("name", "place"), [("A", 0), ("z", 25), ("AA", 26), ("XFD", 16383), ("28", 27), ("Ä", None), ("0", None)]
)
def test_columns_are_lettered_as_in_a_spreadsheet(name: str, place: int | None) -> None:
    assert place_named(name) == place


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


def test_blanks_at_the_ends_of_cells_fall_away(written: Write) -> None:
    assert rows_of(written("Kustannuspaikka;Summa;Selite\n 2701\u00a0;\u202f1,50 ; a b \n2702;1;\u00a0\n")) == [
        (2, ("2701", "1,50", "a b")),
        (3, ("2702", "1", None)),
    ]


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


@pytest.mark.parametrize("most", [1, 2, 3, 1000])
@pytest.mark.parametrize("columns", [COLUMNS, COLUMNS[:2], COLUMNS[1:2]])
@pytest.mark.parametrize("header", ["Kustannuspaikka;Summa;Muu", "Selite;Kustannuspaikka;Summa"])
def test_blocks_by_column_hold_the_same_as_rows(
    written: Write, header: str, columns: tuple[Column, ...], most: int
) -> None:
    records = [" 2701 ;1,50;a", "2702;\u00a02;", ";;", " ; ;", ";; x", "2703;3", "2704;4;b;5", "2705;;c", '"a\nb";6;d']
    table = open_table(written("\n".join([header, *records, ""])), columns)
    told: list[tuple[int, tuple[Cell, ...]]] = []
    for numbers, cells in table.blocks(most):
        assert len(cells) == len(columns)
        told += zip(numbers, zip(*cells, strict=True), strict=True)
    assert told == list(table.rows())
    assert [number for number, _ in told] == [2, 3, 6, 7, 8, 9, 10]


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
