"""Opening a table in a file, whatever kind of file it turns out to be."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from app.spreadsheets.csv_files import open_csv, unreadable
from app.spreadsheets.headings import Search
from app.spreadsheets.tables import BadCell, Cell, CellError, Column, Table
from app.spreadsheets.workbooks import open_xlsx

__all__ = ["BadCell", "Cell", "CellError", "Column", "Table", "open_table"]

_NOTHING: Mapping[str, str] = MappingProxyType({})
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OTHER = {
    b"%PDF": "a PDF",
    b"<": "a web page or XML",
    b"\x1f\x8b": "a compressed file",
    b"{": "JSON",
    b"Rar!": "a compressed file",
    b"7z\xbc\xaf": "a compressed file",
}


def open_table(
    path: Path,
    columns: Sequence[Column],
    *,
    mapping: Mapping[str, str] = _NOTHING,
    given: Collection[str] = (),
    sheet: str | None = None,
) -> Table:
    """The table in a CSV or XLSX file that has the columns; what the file is, is told by its content.

    The header is the first of the first 30 rows that names every required column. `mapping` gives by a column's code
    the header that the file has for it, or the column's letter or number; `given` are the codes of columns whose value
    comes from elsewhere, so that they may be absent; `sheet` names the sheet of an XLSX file, by default the first
    visible one with the header.

    Raises Malformed (`unreadable_file`) where the file is neither or cannot be read exactly, and Invalid where no row
    is the header (`header_not_found`) or it names a column twice (`header_twice`).
    """
    search = Search(columns, mapping, given)
    with path.open("rb") as file:
        start = file.read(1 << 16)
    if not start:
        raise unreadable("The file is empty. Send a table as CSV or .xlsx.")
    if start.startswith(_ZIP):
        return open_xlsx(path, search, sheet)
    if start.startswith(_OLE):
        if _ENCRYPTED in start or _protected(path):
            raise unreadable("The workbook is protected by a password. Remove it in Excel and save as .xlsx.")
        raise unreadable("This is an old Excel file (.xls). Open it in Excel and save as .xlsx.")
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for signature, name in _OTHER.items():
        if text.startswith(signature):
            raise unreadable(f"The file is {name}, not a table. Save the table as .xlsx or as CSV UTF-8.")
    return open_csv(path, search)


def _protected(path: Path) -> bool:
    """Whether an OLE file holds an encrypted workbook; its directory may stand at the end."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - (1 << 16)))
        return _ENCRYPTED in file.read()
