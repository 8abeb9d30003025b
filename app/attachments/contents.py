"""What a file is by its content. Looked at before it is kept; nothing that the sender says is believed.

This is no virus scanner: it tells types apart and refuses what is active by its kind. What hides well in a file of a
right kind is for the scanner to find, and a download runs nothing in any case (`downloads.py`).
"""

import codecs
import zipfile
from pathlib import Path
from typing import BinaryIO

from app.attachments import office, pdf
from app.attachments.rules import JPEG, PDF, PNG, TEXT, refused
from app.texts import holds_identity_code

_PNG = b"\x89PNG\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_BEFORE_2007 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MARKUP = ("<", "#!", "{\\rtf", "%!", "%pdf-", "mime-version:", "content-type:")
"""What begins like this is a page, a picture, a script, a document or a message, whatever its name says."""
_CONTROLS = {chr(code) for code in range(32)} - set("\t\n\r\f") | {"\x7f"}
_PIECE, _OVERLAP = 8_000, 100
_START_OF_FRAME = {0xC0 + place for place in range(16)} - {0xC4, 0xC8, 0xCC}


def look(path: Path) -> str:
    """The media type of a file, text and tables of text alike as text/plain; Invalid `file_refused` for any other.

    Takes up to a second or two for the largest: call it beside the event loop.
    """
    with path.open("rb") as file:
        head = file.read(16)
        file.seek(0)
        if not head:
            raise refused("The file is empty.")
        if head.startswith(_ZIP):
            return office.look(file)
        if head.startswith(_BEFORE_2007):
            raise refused(
                "Office files from before 2007 or with a password cannot be looked into. Save as .docx or PDF."
            )
        content = file.read()
        if head.startswith(b"%PDF-"):
            pdf.look(content)
            return _alone(file, PDF)
        if head.startswith(_PNG):
            _look_at_png(content)
            return _alone(file, PNG)
        if head.startswith(b"\xff\xd8\xff"):
            _look_at_jpeg(content)
            return _alone(file, JPEG)
    _look_at_text(content)
    return TEXT


def _alone(file: BinaryIO, media_type: str) -> str:
    if zipfile.is_zipfile(file):
        raise refused("The file is two files in one: there is an archive at its end.")
    return media_type


def _look_at_png(content: bytes) -> None:
    """Chunk by chunk to the end: the picture begins with IHDR, and nothing comes after IEND (W3C PNG, chapter 5)."""
    at, kind = len(_PNG), b""
    while at + 12 <= len(content) and kind != b"IEND":
        first, kind = at == len(_PNG), content[at + 4 : at + 8]
        if first and kind != b"IHDR":
            break
        at += 12 + int.from_bytes(content[at : at + 4], "big")
    if kind != b"IEND" or at != len(content):
        raise refused("The picture is damaged, or more than a PNG picture.")


def _look_at_jpeg(content: bytes) -> None:
    """Segment by segment to the picture's frame; cameras may add what they like after its end (ITU-T T.81, annex B)."""
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        if content[at + 1] in _START_OF_FRAME:
            if b"\xff\xd9" in content[at:]:
                return
            break
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    raise refused("The picture is damaged, or no JPEG picture.")


def _look_at_text(content: bytes) -> None:
    text = _decoded(content)
    start = text[:1_000].lstrip().lower()
    if start.startswith(_MARKUP):
        raise refused("The content is a page, a script or a message, and no plain text. Save it as PDF.")
    for place in range(0, len(text), _PIECE):  # piece by piece: one long call would hold the interpreter's lock
        piece = text[max(0, place - _OVERLAP) : place + _PIECE]
        if not _CONTROLS.isdisjoint(piece):
            raise refused("The content is none that is let in: PDF, Office and OpenDocument files, PNG, JPEG, text.")
        if holds_identity_code(piece):
            raise refused("The text holds a personal identity code. Remove it: no personal data of children is kept.")


def _decoded(content: bytes) -> str:
    """As UTF-8, as UTF-16 where it says so, else as Windows writes Finnish."""
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise refused("The content is of no type that is let in, and no text that can be read.")
