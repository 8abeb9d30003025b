"""Unpacking a workbook's zip archive with nothing taken on trust: a small file may unpack to more than a machine has.

The sizes in an archive's directory may lie, so that each entry is unpacked here piece by piece and counted. The archive
must be of the plain form in which any two programs see the same entries.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from app.errors import Malformed

MAX_ENTRIES = 5_000
MAX_UNPACKED = 400 * 1024 * 1024
MAX_RATIO = 250
"""No more than this many bytes from one; workbooks reach 50, and the method itself allows 1 032."""
SMALL = 10 * 1024 * 1024
"""Up to this size the ratio does not matter."""

_PIECE = 1 << 16
_END = struct.Struct("<4s4H2IH")
_END64_LOCATOR = b"PK\x06\x07"
_LOCAL = struct.Struct("<4s5H3I2H")
_LARGEST_DIRECTORY = MAX_ENTRIES * 1_000
_ENCRYPTED = 0x1


def refused(detail: str) -> Malformed:
    """The refusal of a workbook."""
    return Malformed("unreadable_file", detail)


def damaged(detail: str) -> Malformed:
    """The refusal of a workbook that is broken, cut off or made by hand."""
    return refused(f"The workbook is damaged: {detail}. Open it in Excel and save it as .xlsx again.")


def too_large() -> Malformed:
    """The refusal of a workbook that unpacks to too much."""
    return refused(
        f"The workbook unpacks to more than {MAX_UNPACKED // 1024 // 1024} megabytes or far beyond its size. Remove "
        f"empty formatted rows, columns and sheets, or save the table as CSV UTF-8."
    )


def entries_of(file: BinaryIO) -> list[zipfile.ZipInfo]:
    """What an archive says it holds, or Malformed: too many, too large, encrypted, twice the same name."""
    _check_end(file)
    try:
        entries = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise damaged("its directory cannot be read") from error
    names = {entry.filename.replace("\\", "/").casefold() for entry in entries}
    if len(names) != len(entries):
        raise damaged("it holds two parts of one name")
    if len(entries) > MAX_ENTRIES:
        raise refused(f"The workbook has more than {MAX_ENTRIES} parts. Save the table alone as .xlsx.")
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise refused("The workbook is protected by a password. Remove it in Excel and save as .xlsx.")
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise damaged("it is packed in a way that Excel does not use")
        if entry.file_size > max(SMALL, entry.compress_size * MAX_RATIO):
            raise too_large()
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise too_large()
    return entries


def _check_end(file: BinaryIO) -> None:
    """The end record is the file's last 22 bytes and the directory stands right before it: no room for another."""
    size = file.seek(0, 2)
    length = _END.size + 20
    file.seek(max(0, size - length))
    tail = file.read()
    end = tail[-_END.size :]
    if len(end) < _END.size or not end.startswith(b"PK\x05\x06") or end[-2:] != b"\x00\x00":
        raise damaged("its end is missing")
    directory, start = _END.unpack(end)[5:7]
    if tail.startswith(_END64_LOCATOR) or directory > _LARGEST_DIRECTORY or start + directory != size - _END.size:
        raise damaged("its directory is not where it should be, or too large")


class Unpacking:
    """Unpacks the entries of one archive, counting what really comes out of all of them."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.unpacked = 0

    def pieces(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        """The bytes of an entry in pieces of at most 64 kilobytes; Malformed where the directory says otherwise."""
        self.file.seek(entry.header_offset)
        header = self.file.read(_LOCAL.size)
        if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
            raise damaged(f"the part {entry.filename!r} is not where it should be")
        name, extra = _LOCAL.unpack(header)[9:]
        self.file.seek(name + extra, 1)
        size, checksum = 0, 0
        for piece in self._packed(entry) if entry.compress_type == zipfile.ZIP_STORED else self._inflated(entry):
            size += len(piece)
            self.unpacked += len(piece)
            if self.unpacked > MAX_UNPACKED or size > max(SMALL, entry.compress_size * MAX_RATIO):
                raise too_large()
            checksum = zlib.crc32(piece, checksum)
            yield piece
        if size != entry.file_size or checksum != entry.CRC:
            raise damaged(f"the part {entry.filename!r} is not what the directory says")

    def _packed(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        left = entry.compress_size
        while left:
            piece = self.file.read(min(left, _PIECE))
            if not piece:
                raise damaged("it is cut off")
            left -= len(piece)
            yield piece

    def _inflated(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for packed in self._packed(entry):
                waiting = packed
                while waiting and not inflate.eof:
                    yield inflate.decompress(waiting, _PIECE)
                    waiting = inflate.unconsumed_tail
            while not inflate.eof and (piece := inflate.decompress(b"", _PIECE)):
                yield piece
        except zlib.error as error:
            raise damaged(f"the part {entry.filename!r} cannot be unpacked") from error
