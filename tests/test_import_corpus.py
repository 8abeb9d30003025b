"""A corpus of odd files: each gives exactly what it says, or an error that names row and column.

The files are made here: each encoding with each separator and each way to write numbers, while everything else that
differs between systems (minus signs, headers, their order, titles, totals, line ends, days) goes round.
"""

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar
from xml.sax.saxutils import escape

import pytest

from app.errors import DomainError
from app.spreadsheets.cells import CellFault, cents_of, code_of, day_of, is_totals_row, text_of, year_of
from app.spreadsheets.reading import Cell, CellError, Column, Table, open_table
from tests import spreadsheet_files as files

T = TypeVar("T")

HEADERS = {
    "cost_centre": ("Kustannuspaikka", "Kostnadsställe", "Cost centre"),
    "year": ("Vuosi", "År", "Year"),
    "amount": ("Määrä €", "Belopp €", "Amount €"),
    "day": ("Kirjauspäivä", "Bokföringsdag", "Posting date"),
    "note": ("Selite", "Förklaring", "Note"),
}
COLUMNS = [Column(code, headers, required=code != "note") for code, headers in HEADERS.items()]
PARSERS: dict[str, Callable[[Cell], object]] = {
    "cost_centre": code_of,
    "year": year_of,
    "amount": cents_of,
    "day": day_of,
    "note": lambda cell: None if cell is None else text_of(cell, 200),
}
LINES: list[tuple[str, int, int, date, str | None]] = [
    ("2701", 2025, 123456789, date(2025, 12, 31), "Lastensuojelu, avohuolto"),
    ("0042", 2025, -123450, date(2026, 1, 1), 'Oy "Ågren"; vuokra | 2'),
    ("K-12", 2026, 0, date(2026, 2, 28), None),
    ("2702", 2026, -5, date(2026, 3, 1), "kaksi\nriviä"),
    ("2703", 2026, 99900, date(2026, 3, 1), "= 5 × 199,80"),
    ("2704", 2026, -100000000, date(2026, 10, 9), "Hyvinvointi – lapset"),
]


@dataclass
class Outcome:
    """What an importer of this table would have: the rows it read, and the errors it shows."""

    rows: list[tuple[int, tuple[object, ...]]]
    errors: list[CellError]
    totals: int


def imported(path: Path) -> Outcome:
    """The file as an importer reads it."""
    table: Table = open_table(path, COLUMNS)
    outcome = Outcome([], [], 0)
    for number, cells in table.rows():
        if is_totals_row(cells):
            outcome.totals += 1
            continue
        values: list[object] = []
        for code, cell in zip(HEADERS, cells, strict=True):
            try:
                values.append(PARSERS[code](cell))
            except CellFault as fault:
                outcome.errors.append(table.error(number, code, cell, fault.expected))
        outcome.rows.append((number, tuple(values)))
    return outcome


# CSV that is right

ENCODINGS = {
    "utf-8": "utf-8",
    "utf-8 with a mark": "utf-8-sig",
    "utf-16 with a mark": "utf-16",
    "utf-16 big end first": "utf-16-be",
    "utf-16 little end first": "utf-16-le",
    "utf-16 big end first with a mark": "utf-16-be",
    "windows-1252": "cp1252",
}
SEPARATORS = (";", "\t", ",", "|")
NUMBERS = {
    "comma": ("", ","),
    "point": ("", "."),
    "blank and comma": (" ", ","),
    "no-break blank": ("\u00a0", ","),
    "narrow blank": ("\u202f", ","),
    "thin blank": ("\u2009", ","),
    "figure blank and point": ("\u2007", "."),
    "points and comma": (".", ","),
    "commas and point": (",", "."),
    "apostrophes": ("'", "."),
}
SIGNS = ("-{}", "\u2212{}", "\u2013{}", "\ufe63{}", "\uff0d{}", "{}-", "({})", "- {}", "{} \u2212")
MONEY = ("{}", "{} €", "{}", "{}\u00a0EUR", "€{}")
DAYS = ("{0:%d.%m.%Y}", "{0:%Y-%m-%d}", "{0.day}.{0.month}.{0.year}", "{0:%Y-%m-%d} 00:00:00")
TITLES: Sequence[list[str]] = ([], ["Talousarvio 2026"], ["Raportti: kaikki", "", "Tulostettu 1.1.2026, klo 12"])
TOTALS: Sequence[list[str]] = (
    [],
    ["Yhteensä"],
    ["Loppusumma"],
    ["Totalt"],
    ["Grand Total"],
    ["27 Hallinto yhteensä", "Kaikki yhteensä:"],
)
CASES: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    str.lower,
    lambda text: text.replace(" ", "_"),
    "\u00a0{} ".format,
)
ENDS = ("\r\n", "\n", "\r")


def amount_text(cents: int, numbers: str, sign: str, money: str) -> str:
    """An amount as a system writes it."""
    group, mark = NUMBERS[numbers]
    text = f"{abs(cents) // 100:,}".replace(",", group) + f"{mark}{abs(cents) % 100:02}"
    return money.format(sign.format(text) if cents < 0 else text)


def csv_file(
    path: Path, place: int, encoding: str, separator: str, numbers: str
) -> list[tuple[int, tuple[object, ...]]]:
    """Writes a file; what goes round is chosen by its place in the corpus. Gives the rows that it says."""
    codec = ENCODINGS[encoding]

    def written(text: str) -> bool:
        try:
            text.encode(codec)
        except UnicodeEncodeError:
            return False
        return True

    def turn(choices: Sequence[T], step: int) -> T:
        return choices[place // step % len(choices)]

    signs = [sign for sign in SIGNS if written(sign)]
    order = turn(list(itertools.permutations(HEADERS)), 1)
    names = {code: turn(CASES, 2)(headers[place % 3]) for code, headers in HEADERS.items()}
    end = turn(ENDS, 5)
    quoted = place % 7 == 0

    def line(cells: list[str]) -> str:
        marks = (separator, '"', "\n", "\r")
        return separator.join(
            f'"{cell.replace(chr(34), chr(34) * 2)}"' if quoted or any(mark in cell for mark in marks) else cell
            for cell in cells
        )

    lines = [line([title] + [""] * (place % 2)) for title in turn(TITLES, 3)]
    lines.append(line([names[code] for code in order]))
    expected: list[tuple[int, tuple[object, ...]]] = []
    for code, year, cents, day, note in LINES:
        cells = {
            "cost_centre": code,
            "year": str(year),
            "amount": amount_text(cents, numbers, turn(signs, 1), turn(MONEY, 4)),
            "day": turn(DAYS, 6).format(day),
            "note": note or "",
        }
        lines.append(line([cells[code] for code in order]))
        expected.append((len(lines), (code, year, cents, day, note)))
        if place % 4 == 0:
            lines.append(turn(["", separator * 4, f" {separator}\u00a0{separator}"], 4))
    lines += [line([{"note": total, "amount": "999,00"}.get(code, "") for code in order]) for total in turn(TOTALS, 2)]
    mark = "\ufeff" if encoding.endswith("first with a mark") else ""
    path.write_bytes((mark + end.join(lines) + end * (place % 2)).encode(codec))
    return expected


CSV_FILES = [
    (place, *choice)
    for place, choice in enumerate(itertools.product(ENCODINGS, SEPARATORS, NUMBERS))
    if not (choice[0] == "windows-1252" and choice[2] in {"narrow blank", "thin blank", "figure blank and point"})
]


@pytest.mark.parametrize(("place", "encoding", "separator", "numbers"), CSV_FILES)
def test_a_csv_file_is_read_exactly(tmp_path: Path, place: int, encoding: str, separator: str, numbers: str) -> None:
    path = tmp_path / "taulukko.csv"
    expected = csv_file(path, place, encoding, separator, numbers)
    outcome = imported(path)
    assert outcome.errors == []
    assert outcome.rows == expected
    assert outcome.totals == len(TOTALS[place // 2 % len(TOTALS)])


def test_the_corpus_has_hundreds_of_files() -> None:
    assert len(CSV_FILES) > 200


@pytest.mark.parametrize(("place", "encoding", "separator", "numbers"), CSV_FILES[::17])
def test_a_csv_file_that_is_cut_off_loses_no_row_before_the_cut(
    tmp_path: Path, place: int, encoding: str, separator: str, numbers: str
) -> None:
    path = tmp_path / "taulukko.csv"
    expected = csv_file(path, place, encoding, separator, numbers)
    content = path.read_bytes()
    for cut in range(len(content) - 1, 0, -7):
        path.write_bytes(content[:cut])
        try:
            outcome = imported(path)
        except DomainError:
            continue
        whole = outcome.rows[:-1]
        assert whole == expected[: len(whole)]
        assert all(error.row == outcome.rows[-1][0] for error in outcome.errors)


# CSV with something wrong in one cell

WRONG: list[tuple[str, str]] = [
    *(
        ("amount", text)
        for text in (
            "1.234",
            "1,234",
            "12 34,00",
            "1e5",
            "5 %",
            "viisi",
            "",
            "#REF!",
            "-",
            "1,505",
            "=A1",
            "−",
            "1 234 5,00",
        )
    ),
    *(("year", text) for text in ("25", "1999", "2126", "", "2026,5", "tammikuu", "٢٠٢٦")),
    *(("day", text) for text in ("31.11.2025", "46022", "1/2/2026", "", "eilen", "29.2.2026", "1.1.26")),
    *(("cost_centre", text) for text in ("", "x" * 61, "1,23E+12", "131052-308T", "a\x07b")),
    *(("note", text) for text in ("Asiakas 131052-308T", "x" * 201, "a\x1fb")),
]


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize(("code", "text"), WRONG)
def test_a_wrong_cell_is_an_error_with_its_row_and_column(tmp_path: Path, code: str, text: str, separator: str) -> None:
    sound = {"cost_centre": "2701", "year": "2026", "amount": "1,50", "day": "1.1.2026", "note": "a"}
    lines = [
        "Talousarvio",
        separator.join(HEADERS[name][0] for name in HEADERS),
        separator.join(sound.values()),
        separator.join({**sound, code: text}.values()),
        separator.join(sound.values()),
    ]
    path = tmp_path / "taulukko.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    outcome = imported(path)
    (error,) = outcome.errors
    assert (error.row, error.column) == (4, HEADERS[code][0])
    assert error.expected
    assert len(error.value) <= 100
    assert "131052-308T" not in error.value + error.expected
    assert [number for number, _ in outcome.rows] == [3, 4, 5]


# XLSX

DIMENSIONS = (None, "A1", "A1:B2", "A1:XFD1048576")


def xlsx_file(path: Path, place: int) -> list[tuple[int, tuple[object, ...]]]:
    """Writes a workbook; its kind goes by its place in the corpus. Gives the rows that it says."""
    shared: list[str] = []

    def text(reference: str, value: str) -> str:
        if place % 3 == 0:
            shared.append(value)
            return f'<c r="{reference}" t="s"><v>{len(shared) - 1}</v></c>'
        if place % 3 == 1:
            return files.text(reference, value)
        return f'<c r="{reference}" t="str"><f>A1&amp;""</f><v>{escape(value)}</v></c>'

    left = "ADX"[place // 3 % 3]
    order = list(itertools.permutations(HEADERS))[place * 7 % 120]
    columns = {
        code: chr(ord(left) + at) if left != "X" else ("X", "Y", "Z", "AA", "AB")[at] for at, code in enumerate(order)
    }
    top = 1 + place % 4 * 2
    rows = [f'<row r="{place_}">{text(f"{left}{place_}", "Talousarvio")}</row>' for place_ in range(1, top, 2)]
    rows.append(
        f'<row r="{top}">' + "".join(text(f"{columns[c]}{top}", HEADERS[c][place % 3]) for c in order) + "</row>"
    )
    expected: list[tuple[int, tuple[object, ...]]] = []
    number = top
    for code, year, cents, day, note in LINES:
        number += 1 + (place % 5 == 0)
        amount = f"{cents / 100!r}"
        days = (day - date(1899, 12, 30)).days
        cells = {
            "cost_centre": files.number(f"{columns['cost_centre']}{number}", int(code))
            if code.isdigit() and code[0] != "0"
            else text(f"{columns['cost_centre']}{number}", code),
            "year": files.number(f"{columns['year']}{number}", year)
            if place % 2
            else text(f"{columns['year']}{number}", str(year)),
            "amount": [
                files.number(f"{columns['amount']}{number}", amount, files.EUROS),
                text(f"{columns['amount']}{number}", amount_text(cents, "no-break blank", "\u2212{}", "{} €")),
                f'<c r="{columns["amount"]}{number}"><f>1+1</f><v>{cents / 100:.17g}</v></c>',
            ][place // 2 % 3],
            "day": files.number(f"{columns['day']}{number}", days, files.DAY)
            if place // 4 % 2
            else text(f"{columns['day']}{number}", f"{day:%d.%m.%Y}"),
            "note": "" if note is None else text(f"{columns['note']}{number}", note),
        }
        rows.append(f'<row r="{number}">' + "".join(cells[c] for c in order) + "</row>")
        expected.append((number, (code, year, cents, day, note)))
    rows.append(f'<row r="{number + 1}">' + text(f"{columns['note']}{number + 1}", "Yhteensä") + "</row>")
    sheets = {"Ohje": files.row(1, "Ohje"), "Piilo": "".join(rows), "Data": "".join(rows)}
    texts = "".join(f"<si><t>{escape(value)}</t></si>" for value in shared) if shared else None
    content = files.parts(sheets, hidden=("Piilo",), shared=texts, dimension=DIMENSIONS[place % 4])
    files.packed(path, content)
    return expected


@pytest.mark.parametrize("place", range(72))
def test_a_workbook_is_read_exactly(tmp_path: Path, place: int) -> None:
    path = tmp_path / "taulukko.xlsx"
    expected = xlsx_file(path, place)
    outcome = imported(path)
    assert outcome.errors == []
    assert outcome.rows == expected
    assert outcome.totals == 1


WRONG_XML: list[tuple[str, str]] = [
    *(("amount", f'<c r="C2" t="e"><v>{error}</v></c>') for error in ("#REF!", "#N/A", "#DIV/0!", "#VALUE!", "#NAME?")),
    ("amount", '<c r="C2"><f>SUM(A1:A2)</f></c>'),
    ("amount", '<c r="C2"><f>SUM(A1:A2)</f><v/></c>'),
    ("amount", '<c r="C2"><v>12.345</v></c>'),
    ("amount", '<c r="C2"><v>1e16</v></c>'),
    ("amount", '<c r="C2"><v>1e999</v></c>'),
    ("amount", '<c r="C2"><v>NaN</v></c>'),
    ("amount", '<c r="C2" t="b"><v>1</v></c>'),
    ("amount", f'<c r="C2" s="{files.DAY}"><v>46022</v></c>'),
    ("amount", f'<c r="C2" s="{files.DURATION}"><v>1.5</v></c>'),
    ("amount", ""),
    ("amount", files.text("C2", "1.234")),
    ("year", '<c r="B2"><v>2026.5</v></c>'),
    ("year", '<c r="B2" t="e"><v>#N/A</v></c>'),
    ("day", '<c r="D2"><v>46022</v></c>'),
    ("day", '<c r="D2" t="b"><v>0</v></c>'),
    ("cost_centre", '<c r="A2"><v>2701.5</v></c>'),
    ("cost_centre", f'<c r="A2" s="{files.DAY}"><v>46022</v></c>'),
    ("cost_centre", '<c r="A2" t="e"><v>#NULL!</v></c>'),
    ("cost_centre", files.text("A2", "131052-308T")),
    ("note", '<c r="E2" t="e"><v>#REF!</v></c>'),
]


@pytest.mark.parametrize(("code", "xml"), WRONG_XML)
def test_a_wrong_cell_of_a_workbook_is_an_error_with_its_row_and_column(tmp_path: Path, code: str, xml: str) -> None:
    cells = {
        "cost_centre": files.number("A2", 2701),
        "year": files.number("B2", 2026),
        "amount": files.number("C2", 1.5),
        "day": files.number("D2", 46022, files.DAY),
        "note": files.text("E2", "a"),
    }
    rows = files.row(1, *(names[0] for names in HEADERS.values()))
    rows += f'<row r="2">{"".join({**cells, code: xml}.values())}</row>'
    (error,) = imported(files.workbook(tmp_path / "taulukko.xlsx", rows)).errors
    assert (error.row, error.column) == (2, HEADERS[code][0])
    assert error.expected
    assert "131052-308T" not in error.value


def test_a_workbook_that_is_cut_off_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "taulukko.xlsx"
    xlsx_file(path, 5)
    content = path.read_bytes()
    for cut in range(len(content) - 1, 4, -29):
        path.write_bytes(content[:cut])
        with pytest.raises(DomainError) as refused:
            imported(path)
        assert refused.value.code == "unreadable_file"


@pytest.mark.parametrize("seed", range(6))
def test_a_workbook_with_a_damaged_byte_is_refused_or_says_the_same(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "taulukko.xlsx"
    expected = xlsx_file(path, seed)
    content = path.read_bytes()
    chance = random.Random(seed)
    for _ in range(60):
        damaged = bytearray(content)
        damaged[chance.randrange(4, len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            outcome = imported(path)
        except DomainError:
            continue
        assert outcome.errors == []
        assert outcome.rows == expected
