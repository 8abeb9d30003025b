"""Reading CSV: which encoding and separator a file has, and its rows at the speed of the csv module."""

import codecs
import csv
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import ClassVar, Literal, TextIO, TypeVar

from app.errors import Fault, Malformed
from app.spreadsheets.headings import SEARCHED_ROWS, NearMiss, Row, Search
from app.spreadsheets.tables import BadCell, Cell, Heading, Table

_T = TypeVar("_T")

SEPARATORS = (";", "\t", ",", "|")

_PIECE = 1 << 20
_SNIFFED = 1 << 16
_HINT = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_DOS_LETTER = re.compile(rb"[A-Za-z][\x84\x86\x94][A-Za-z]")


def unreadable(detail: str, row: int | None = None) -> Malformed:
    """The refusal of a file that cannot be read exactly; with the row where it is known."""
    faults = [] if row is None else [Fault(f"/{row}", f"Row {row}: {detail}")]
    return Malformed("unreadable_file", detail if row is None else f"Row {row}: {detail}", faults)


def encoding_of(path: Path) -> str:
    """The encoding of a text file, told from all of its bytes.

    A byte order mark decides; else UTF-16 where every other byte is NUL, as in text of the Western alphabets; else
    UTF-8 where all of it is UTF-8; else Windows-1252, Excel's "CSV" in Finland, of whose 256 bytes five mean nothing
    and are refused. A NUL, a line longer than a megabyte, a mixture of encodings and text of DOS are refused too.
    """
    with path.open("rb") as file:
        start = file.read(_SNIFFED)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates: tuple[str, ...] = ("utf-16",)
    elif start.startswith(codecs.BOM_UTF8):
        candidates = ("utf-8-sig",)
    elif b"\x00" in start:
        candidates = (_wide(start),)
    else:
        candidates = ("utf-8", "cp1252")
    for encoding in candidates[:-1]:
        if _check(path, encoding, last=False):
            return encoding
    _check(path, candidates[-1], last=True)
    return candidates[-1]


def _wide(start: bytes) -> str:
    """UTF-16 without a mark, by where its NULs stand."""
    half = len(start) // 2
    little, big = start[1::2].count(0), start[0::2].count(0)
    if little > half * 0.6 and big < half * 0.1:
        return "utf-16-le"
    if big > half * 0.6 and little < half * 0.1:
        return "utf-16-be"
    raise unreadable("The file holds NUL bytes: it is no CSV text. Save it as CSV UTF-8 or as .xlsx.")


def _check(path: Path, encoding: str, *, last: bool) -> bool:
    """Whether all of a file is text of an encoding; of the last one possible, Malformed says where it is not."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines, foreign = 0, False
    with path.open("rb") as file:
        while True:
            piece = file.read(_PIECE)
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                foreign = foreign or not error.object[: error.start].isascii()
                row = lines + error.object[: error.start].count(b"\n") + 1
                if not last and not foreign:
                    return False
                raise unreadable(
                    f"a byte ({error.object[error.start]:#04x}) is not {encoding} text: the file is cut off or mixes "
                    f"encodings. Save it as CSV UTF-8.",
                    row,
                ) from error
            if not piece:
                return True
            foreign = foreign or not text.isascii()
            if "\x00" in text:
                row = lines + text[: text.index("\x00")].count("\n") + 1
                raise unreadable("the text holds a NUL. Save the file as CSV UTF-8 or as .xlsx.", row)
            if len(piece) == _PIECE and "\n" not in text and "\r" not in text:
                raise unreadable("the line is longer than a megabyte: this is no table.", lines + 1)
            if encoding == "cp1252" and (dos := _DOS_LETTER.search(piece)):
                row = lines + piece[: dos.start()].count(b"\n") + 1
                raise unreadable("the letters are in an old encoding of DOS. Save the file as CSV UTF-8.", row)
            lines += text.count("\n")


@dataclass(frozen=True, slots=True)
class Form:
    """How a CSV file is written. `first` is the number of its first record: 0 where that is Excel's hint `sep=;`."""

    encoding: str
    separator: str
    first: int


def open_csv(path: Path, search: Search) -> "CsvTable":
    """The table of a CSV file; Invalid where no row is its header, Malformed where it is no readable text.

    The separator is the one under which the header is found; of several, that which finds the most columns.
    """
    encoding = encoding_of(path)
    forms = [Form(encoding, separator, 1) for separator in SEPARATORS]
    with path.open(encoding=encoding, newline="") as stream:
        hint = _HINT.fullmatch(stream.readline(_SNIFFED).strip())
    if hint:
        forms = [Form(encoding, hint[1], 0)]
    found: list[tuple[Form, Heading]] = []
    missed: list[NearMiss] = []
    broken: list[Malformed] = []
    for form in forms:
        head, fault = _head(path, form)
        result = search.look_in(head)
        if isinstance(result, Heading):
            found.append((form, result))
        elif fault:
            broken.append(fault)
        else:
            missed.append(result)
    if found:
        form, heading = max(found, key=lambda each: (len(each[1].headers), each[1].width))
        return CsvTable(path, heading, form)
    if missed:
        raise search.refusal(max(missed, key=lambda each: each.promise))
    raise broken[0]


def _head(path: Path, form: Form) -> tuple[list[Row], Malformed | None]:
    """The first records, and what is wrong after them."""
    rows: list[Row] = []
    with path.open(encoding=form.encoding, newline="") as stream:
        reader = csv.reader(stream, delimiter=form.separator, strict=True)
        try:
            rows.extend(enumerate(islice(reader, SEARCHED_ROWS), form.first))
        except csv.Error as error:
            return rows, _broken(form.first + len(rows), error)
    return rows, None


def _broken(row: int, error: csv.Error) -> Malformed:
    advice = "Write a quotation mark inside a quoted cell twice, and close each that is opened."
    return unreadable(f"the quotation marks are broken, or a cell is too long ({error}). {advice}", row)


class CsvTable(Table):
    """A table in a CSV file.

    A row is a record: a quoted line break does not begin a new one, as in a spreadsheet. A row with too few cells has
    None at its end. One that has something beyond the last header carries a BadCell in its first column.
    """

    kind: ClassVar[Literal["csv", "xlsx"]] = "csv"

    def __init__(self, path: Path, heading: Heading, form: Form) -> None:
        super().__init__(path, heading)
        self.encoding = form.encoding
        self.separator: str = form.separator
        self._first = form.first
        self._stream: TextIO | None = None
        self._places = [place for place in heading.places if place is not None]
        self._order = [None if place is None else self._places.index(place) for place in heading.places]

    @property
    def position(self) -> int:
        if self._stream is None:
            return 0
        return self.size if self._stream.closed else os.lseek(self._stream.fileno(), 0, os.SEEK_CUR)

    def rows(self) -> Iterator[tuple[int, tuple[Cell, ...]]]:
        """The rows, read as they are asked for."""
        for number, cells in self._records():
            yield number, tuple(self._with_absent(_stripped(cells), None))

    def blocks(self, most: int) -> Iterator[tuple[Sequence[int], list[Sequence[Cell]]]]:
        """The same by column: a column is stripped in one go, which counts where there are millions of rows."""
        records = self._records()
        while block := list(islice(records, most)):
            numbers, cells = zip(*block, strict=True)
            columns: list[Sequence[Cell]] = [_stripped(column) for column in zip(*cells, strict=True)]
            yield numbers, self._with_absent(columns, (None,) * len(block))

    def _records(self) -> Iterator[tuple[int, tuple[Cell, ...]]]:
        """The rows as they stand in the file: with blanks at the ends of cells, without the columns that are absent."""
        pick = _picker(self._places)
        count = self.heading.cells
        loose = self.heading.width < count
        first = self._places[0]
        number = self.header_row
        with self.path.open(encoding=self.encoding, newline="") as self._stream:
            reader = csv.reader(self._stream, delimiter=self.separator, strict=True)
            try:
                for _ in islice(reader, self.header_row - self._first + 1):
                    pass
                for number, cells in enumerate(reader, number + 1):  # noqa: B020 (the last number is told in errors)
                    if len(cells) == count and not loose:
                        if cells[first].strip() or any(map(str.strip, cells)):
                            yield number, pick(cells)
                    elif any(map(str.strip, cells)):
                        yield number, self._odd(cells)
            except csv.Error as error:
                raise _broken(number + 1, error) from error

    def _odd(self, cells: list[str]) -> tuple[Cell, ...]:
        """The values of a row with too few or too many cells."""
        values: list[Cell] = [(cells[place].strip() or None) if place < len(cells) else None for place in self._places]
        width = self.heading.width
        surplus = [place for place in range(width, len(cells)) if cells[place].strip()]
        if surplus:
            values[0] = BadCell(
                "; ".join(cells[place].strip() for place in surplus),
                f"nothing beyond the last header, column {width}: put a cell that holds the separator in quotation "
                f"marks, or remove the cell",
                f"column {surplus[0] + 1}",
            )
        return tuple(values)

    def _with_absent(self, found: Sequence[_T], absent: _T) -> list[_T]:
        """What was found of each column, and this in place of those that the file does not have."""
        return [absent if place is None else found[place] for place in self._order]


def _stripped(cells: Sequence[Cell]) -> list[Cell]:
    """Cells without blanks at their ends; None where nothing is left."""
    try:
        texts = list(map(str.strip, cells))  # type: ignore[arg-type]  # nearly always they are texts
    except TypeError:  # of a row with too few or too many cells
        return [(cell.strip() or None) if isinstance(cell, str) else cell for cell in cells]
    return [text or None for text in texts]


def _picker(places: list[int]) -> Callable[[list[str]], tuple[str, ...]]:
    """What takes the cells at some places out of a row; itemgetter gives no tuple for a single one."""
    if len(places) == 1:
        return lambda cells: (cells[places[0]],)
    return itemgetter(*places)
