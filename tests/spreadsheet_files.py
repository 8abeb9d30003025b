"""Files as spreadsheet programs and finance systems write them, and as nobody should: raw XLSX from its XML."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest

from app.errors import DomainError
from app.spreadsheets.reading import Column, open_table

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
DAY, DURATION, PERCENT, EUROS = 1, 2, 3, 4
"""Places of the number formats in the styles below."""

_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><numFmts count="1">'
    '<numFmt numFmtId="164" formatCode="#,##0.00\\ &quot;€&quot;"/></numFmts>'
    '<cellXfs count="5"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="46"/><xf numFmtId="10"/><xf numFmtId="164"/>'
    "</cellXfs></styleSheet>"
)


_STATES = {True: "hidden", False: "visible"}


def text(reference: str, value: str) -> str:
    """A cell with a text of its own."""
    return f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def number(reference: str, value: object, style: int = 0) -> str:
    return f'<c r="{reference}" s="{style}"><v>{value}</v></c>'


def row(position: int, *cells: object) -> str:
    """A row from column A on: texts, numbers, None, or the XML of a cell."""
    written = []
    for place, cell in enumerate(cells):
        reference = f"{chr(ord('A') + place)}{position}"
        if isinstance(cell, str) and cell.startswith("<c "):
            written.append(cell)
        elif isinstance(cell, str):
            written.append(text(reference, cell))
        elif cell is not None:
            written.append(number(reference, cell))
    return f'<row r="{position}">{"".join(written)}</row>'


def parts(
    sheets: Mapping[str, str],
    *,
    hidden: tuple[str, ...] = (),
    shared: str | None = None,
    dimension: str | None = None,
    workbook_properties: str = "",
) -> dict[str, str]:
    """The parts of a workbook, by name: of each sheet the rows are given."""
    names = list(sheets)
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{place}" state="{_STATES[name in hidden]}" r:id="rId{place}"/>'
        for place, name in enumerate(names, 1)
    )
    relations = "".join(
        f'<Relationship Id="rId{place}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{place}.xml"/>'
        for place in range(1, len(names) + 1)
    )
    relations += f'<Relationship Id="rId90" Type="{_RELATIONS}/styles" Target="styles.xml"/>'
    if shared is not None:
        relations += f'<Relationship Id="rId91" Type="{_RELATIONS}/sharedStrings" Target="sharedStrings.xml"/>'
    made = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">{workbook_properties}'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{relations}</Relationships>',
        "xl/styles.xml": _STYLES,
    }
    for place, name in enumerate(names, 1):
        said = f'<dimension ref="{dimension}"/>' if dimension else ""
        made[f"xl/worksheets/sheet{place}.xml"] = (
            f'<worksheet xmlns="{_MAIN}">{said}<sheetData>{sheets[name]}</sheetData></worksheet>'
        )
    if shared is not None:
        made["xl/sharedStrings.xml"] = f'<sst xmlns="{_MAIN}">{shared}</sst>'
    return made


def packed(path: Path, content: Mapping[str, str | bytes]) -> Path:
    """An archive of parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in content.items():
            archive.writestr(name, part)
    return path


def workbook(path: Path, rows: str, **settings: object) -> Path:
    """A workbook with one sheet of the given rows."""
    return packed(path, parts({"Taulukko1": rows}, **settings))  # type: ignore[arg-type]


COST_CENTRE = Column("cost_centre", ("Kustannuspaikka", "Kostnadsställe", "Cost centre"))
AMOUNT = Column("amount", ("Summa", "Belopp", "Amount", "Määrä euroa"))
NOTE = Column("note", ("Selite", "Förklaring", "Note"), required=False)
COLUMNS = (COST_CENTRE, AMOUNT, NOTE)


def rows_of(path: Path, **settings: Any) -> list[tuple[int, tuple[Any, ...]]]:
    return list(open_table(path, COLUMNS, **settings).rows())


def refusal(path: Path, **settings: Any) -> DomainError:
    """The error that opening or reading a file ends in."""
    with pytest.raises(DomainError) as refused:
        rows_of(path, **settings)
    return refused.value
