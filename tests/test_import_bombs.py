"""Files made to exhaust the machine that reads them: each is refused in little memory.

Each is read in a process of its own, whose memory is limited and measured.
"""

import itertools
import json
import random
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import spreadsheet_files as files

READ = """
import json, resource, sys
from pathlib import Path
from app.errors import DomainError
from app.spreadsheets.reading import Column, open_table
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    for _ in open_table(Path(sys.argv[1]), [Column("amount", ("Summa",))]).rows():
        pass
    said = "read"
except DomainError as refused:
    said = refused.detail
print(json.dumps([said, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024]))
"""
TOP = files.row(1, "Summa")
ROOM = 100
"""How many megabytes more than an idle process a refused file may take."""


def with_part(path: Path, name: str, pieces: Iterator[bytes], declared: int | None = None) -> Path:
    """A sound workbook and one large part, whose size in the directory may be a lie."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for known, part in files.parts({"S": TOP}).items():
            if known != name:
                archive.writestr(known, part)
        with archive.open(name, "w", force_zip64=False) as entry:
            for piece in pieces:
                entry.write(piece)
    if declared is not None:
        content = bytearray(path.read_bytes())
        at = content.rindex(b"PK\x01\x02")
        struct.pack_into("<I", content, at + 24, declared)
        struct.pack_into("<I", content, at + 16, zlib.crc32(bytes(declared)))
        path.write_bytes(content)
    return path


def repeated(piece: bytes, times: int, before: bytes = b"", after: bytes = b"") -> Iterator[bytes]:
    yield before
    yield from itertools.repeat(piece, times)
    yield after


SHEET = "xl/worksheets/sheet1.xml"
OPEN = b'<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>Summa</v></c></row>'
SHUT = b"</sheetData></worksheet>"
MEGABYTE = 1 << 20


def long_text_in_many_cells(path: Path) -> Path:
    rows = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>1</v></c></row>' for n in range(2, 20_002))
    top = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'
    long = "".join(random.Random(1).choices("abcdefgh", k=30_000))
    return files.workbook(path, top + rows, shared=f"<si><t>Summa</t></si><si><t>{long}</t></si>")


def endless_line(path: Path) -> Path:
    with path.open("wb") as file:
        file.write(b"Summa\n1\n")
        file.truncate(300 * MEGABYTE)
        file.seek(0)
        file.write(b"Summa\n1\n" + b"9" * 3 * MEGABYTE)
    return path


def open_quotation(path: Path) -> Path:
    path.write_bytes(b'Summa\n"1' + b"2\n" * 10 * MEGABYTE)
    return path


CORNERS = '<row r="2"><c r="A2"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
BOMBS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a sheet of zeros": (lambda p: with_part(p, SHEET, repeated(bytes(MEGABYTE), 40)), "unpacks to more"),
    "a sheet of zeros that says it is small": (
        lambda p: with_part(p, SHEET, repeated(b" " * MEGABYTE, 40, OPEN), declared=100),
        "unpacks to more",
    ),
    "a picture that says it is small": (
        lambda p: with_part(
            p, "xl/media/image1.png", repeated(random.Random(1).randbytes(15_000) * 70, 420), declared=9
        ),
        "unpacks to more",
    ),
    "two cells in opposite corners": (lambda p: files.workbook(p, TOP + CORNERS), "lie across"),
    "a long text in many cells": (long_text_in_many_cells, "too much text"),
    "entities of entities": (
        lambda p: with_part(
            p,
            SHEET,
            iter(
                [
                    b'<!DOCTYPE x [<!ENTITY a0 "xxxxxxxxxx">'
                    + b"".join(b'<!ENTITY a%d "%b">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
                    + b"]><worksheet>&a11;</worksheet>"
                ]
            ),
        ),
        "document type",
    ),
    "elements without end": (lambda p: with_part(p, SHEET, repeated(b"<a>" * 50_000, 60, OPEN)), "no plain XML"),
    "cells within cells without end": (
        lambda p: with_part(p, SHEET, repeated(b'<c r="A2">' * 20_000, 45, OPEN + b'<row r="2">')),
        "no plain XML",
    ),
    "an endless tag": (lambda p: with_part(p, SHEET, repeated(b"x" * MEGABYTE, 9, OPEN + b'<c a="')), "no plain XML"),
    "an endless comment": (lambda p: with_part(p, SHEET, repeated(b"x" * MEGABYTE, 9, OPEN + b"<!--")), "no plain XML"),
    "endlessly many names": (
        lambda p: with_part(
            p, SHEET, (b"".join(b"<n%d/>" % n for n in range(m, m + 9999)) for m in range(0, 10**6, 9999))
        ),
        "XML",
    ),
    "an endless line of CSV": (endless_line, "longer than a megabyte"),
    "a quotation that is never closed": (open_quotation, "quotation marks are broken"),
}


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_in_little_memory(tmp_path: Path, bomb: str) -> None:
    make, said = BOMBS[bomb]
    path = make(tmp_path / "taulukko.xlsx")
    done = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    detail, megabytes = json.loads(done.stdout)
    assert said in detail
    assert megabytes < ROOM


@pytest.mark.slow
def test_a_long_csv_file_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "taulukko.csv"
    path.write_bytes(b"Summa;Selite\n" + b"1 234,50;Lastensuojelu\n" * 1_000_000)
    done = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    said, megabytes = json.loads(done.stdout)
    assert said == "read"
    assert megabytes < 20
