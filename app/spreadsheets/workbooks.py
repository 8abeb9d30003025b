"""Reading XLSX: checked part by part, then loaded by calamine."""

import posixpath
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from app.errors import Fault, Invalid
from app.spreadsheets.archives import Unpacking, damaged, entries_of, refused
from app.spreadsheets.headings import SEARCHED_ROWS, NearMiss, Row, Search
from app.spreadsheets.parts import LAST_COLUMN, MAX_TEXT, NOT_CALCULATED, Part, look_through
from app.spreadsheets.tables import BadCell, Cell, Heading, Table, shown

_NO_XML = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".emf", ".wmf", ".svg", ".bin", ".vml")
_OTHER_KINDS = {
    "xl/workbook.bin": "an Excel binary workbook (.xlsb)",
    "content.xml": "an OpenDocument file (.ods)",
    "word/document.xml": "a Word document",
    "ppt/presentation.xml": "a PowerPoint presentation",
}
_NUMBERS = (float, bool, int, datetime, date)


def open_xlsx(path: Path, search: Search, sheet: str | None) -> "XlsxTable":
    """The table of a workbook: of the sheet that is named, or of the first visible one with the header.

    Raises Malformed where the workbook cannot be read, and Invalid where no sheet has the header.
    """
    with path.open("rb") as file:
        parts = _looked_through(file)
        file.seek(0)
        try:
            return _find(path, CalamineWorkbook.from_filelike(file), parts, search, sheet)
        except CalamineError as error:
            raise damaged(f"it cannot be read ({shown(error)})") from error
        except BaseException as error:
            if type(error).__name__ == "PanicException":  # how the library's own failure arrives: it is no Exception
                raise damaged("it cannot be read") from error
            raise


def _looked_through(file: BinaryIO) -> dict[str, Part]:
    """The XML parts of a workbook by their names in small letters, each found harmless."""
    entries = entries_of(file)
    names = {entry.filename.casefold() for entry in entries}
    for name, kind in _OTHER_KINDS.items():
        if name in names:
            raise refused(f"The file is {kind}. Save the table as .xlsx or as CSV UTF-8.")
    unpacking = Unpacking(file)
    parts: dict[str, Part] = {}
    packed: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = entry.filename.casefold()
        if entry.is_dir():
            continue
        if name.endswith(_NO_XML):
            for _ in unpacking.pieces(entry):
                pass
        else:
            parts[name] = look_through(entry.filename, unpacking.pieces(entry))
            packed[name] = entry
    if [part.root for part in parts.values()].count("workbook") != 1:
        raise refused("The file is a zip archive, but no workbook. Save the table as .xlsx or as CSV UTF-8.")
    _check_texts(file, parts, packed)
    return parts


def _check_texts(file: BinaryIO, parts: dict[str, Part], packed: dict[str, zipfile.ZipInfo]) -> None:
    """A sheet may not come to more text than can be kept: one long text may stand in a million cells."""
    texts = [part for part in parts.values() if part.root == "sst"]
    if len(texts) > 1:
        raise damaged("it has two tables of texts")
    lengths = texts[0].lengths if texts else []
    longest = max(lengths, default=0)
    for name, part in parts.items():
        if part.shared * longest <= MAX_TEXT:
            continue
        if look_through(part.name, Unpacking(file).pieces(packed[name]), lengths).shared_length > MAX_TEXT:
            raise refused("A sheet's cells hold too much text. Save the table as CSV UTF-8.")


def _part_of(sheet: str, parts: dict[str, Part]) -> Part:
    """The part of a sheet, by the workbook's relationships (ECMA-376 part 2)."""
    name, workbook = next((name, part) for name, part in parts.items() if part.root == "workbook")
    folder, base = posixpath.split(name)
    relationships = parts.get(f"{folder}/_rels/{base}.rels")
    target = relationships.targets.get(workbook.sheets.get(sheet, ""), "") if relationships else ""
    found = parts.get(posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/").casefold())
    if not target or found is None:
        raise damaged("a sheet has no part of its own")
    return found


def _find(
    path: Path, workbook: CalamineWorkbook, parts: dict[str, Part], search: Search, sheet: str | None
) -> "XlsxTable":
    tables = [each for each in workbook.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
    names = [each.name for each in tables if sheet is not None or each.visible == SheetVisibleEnum.Visible]
    if sheet is not None:
        wanted = [name for name in names if name.strip().casefold() == sheet.strip().casefold()]
        if not wanted:
            detail = f"There is no sheet {shown(sheet)}; there are {', '.join(map(shown, names))}."
            raise Invalid("header_not_found", detail, [Fault("/sheet", detail)])
        names = wanted
    closest: NearMiss | None = None
    for name in names:
        part = _part_of(name, parts)
        if not part.block:
            continue
        loaded = workbook.get_sheet_by_name(name)
        result = search.look_in(_head(loaded))
        if isinstance(result, Heading):
            return XlsxTable(path, result, loaded, part)
        if closest is None or result.promise > closest.promise:
            closest = NearMiss(result.row, result.found, result.missing, result.seen, name)
    if closest is None:
        raise refused("The workbook has no visible sheet with anything in it.")
    raise search.refusal(closest)


def _head(sheet: CalamineSheet) -> list[Row]:
    """The first rows, each beginning at column A."""
    before = [None] * (sheet.start[1] if sheet.start else 0)
    rows = zip(range(1, SEARCHED_ROWS + 1), sheet.iter_rows(), strict=False)
    return [(number, [*before, *map(_cell, cells)]) for number, cells in rows]


def _cell(value: object) -> Cell:
    """A value of calamine's as a cell."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, _NUMBERS):
        return value
    if isinstance(value, time | timedelta):
        return BadCell(str(value), "no time of day and no duration: give the cell another number format")
    return BadCell(str(value), "a number, a text or a date")


class XlsxTable(Table):
    """A table in a sheet. What stands beside it, in columns without a header, is not read.

    Error cells and formulas that were never calculated are BadCells; other formulas have the value that was last
    calculated. Of merged cells the first has the value, and the others are None.
    """

    kind: ClassVar[Literal["csv", "xlsx"]] = "xlsx"

    def __init__(self, path: Path, heading: Heading, sheet: CalamineSheet, part: Part) -> None:
        super().__init__(path, heading)
        self.sheet: str = sheet.name
        self._sheet = sheet
        self._position = 0
        self._faults: dict[int, list[tuple[int, str]]] = {}
        for (row, column), fault in part.faults.items():
            self._faults.setdefault(row, []).append((column - 1, fault))

    @property
    def position(self) -> int:
        return self._position

    def rows(self) -> Iterator[tuple[int, tuple[Cell, ...]]]:
        """The rows of the sheet, which is in memory."""
        first = self._sheet.start[1] if self._sheet.start else 0
        height = self._sheet.total_height
        places = [LAST_COLUMN if place is None else place - first for place in self.heading.places]
        for number, cells in enumerate(self._sheet.iter_rows(), 1):
            if number <= self.header_row:
                continue
            self._position = self.size * number // height
            width = len(cells)
            values = tuple(_cell(cells[place]) if 0 <= place < width else None for place in places)
            faults = self._faults.get(number)
            if faults:
                values = self._with_faults(values, faults)
            elif values.count(None) == len(values) and not any(cell != "" for cell in cells):
                continue
            yield number, values
        self._position = self.size

    def _with_faults(self, values: tuple[Cell, ...], faults: list[tuple[int, str]]) -> tuple[Cell, ...]:
        bad = dict(faults)
        return tuple(
            value if place is None or place not in bad else _bad(bad[place])
            for place, value in zip(self.heading.places, values, strict=True)
        )


def _bad(fault: str) -> BadCell:
    if fault == NOT_CALCULATED:
        return BadCell(
            "(formula)", "a calculated value: the formula was never calculated. Open the file in Excel and save it"
        )
    return BadCell(fault, "a value, not an error: mend the formula")
