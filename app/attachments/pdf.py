"""Looking through a PDF for what PDF/A forbids because it acts: scripts, programs, files inside, forms that send.

It is the names of these things that are looked for, as they may be written (`/J#61vaScript`), everywhere and in the
streams that hold objects too. ISO 32000-1, 7.3.5 and 7.5.7; ISO 19005-1, 6.1.3, 6.1.11 and 6.6.1.
"""

import re
import zlib

from app.attachments.rules import refused

_ACTIVE = re.compile(
    rb"/(JavaScript|Launch|EmbeddedFiles?|RichMedia|SubmitForm|ImportData|GoToE)(?![A-Za-z0-9_.-])"
    rb"|/(XFA)\s*[\[(<0-9]"
)
_ENCRYPTED = re.compile(rb"/Encrypt(?![A-Za-z0-9_.-])")
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_OBJECTS = re.compile(rb"/ObjStm(?![A-Za-z0-9_.-])")
_FLATE = re.compile(rb"/Filter\s*\[?\s*/(FlateDecode|Fl)\s*(\]|/|>)")
MAX_UNPACKED = 100 * 1024 * 1024
_PIECE, _OVERLAP = 1 << 18, 200
_TAIL = 1_024
"""Within so many bytes of the end stands the mark of the end (ISO 32000-1, annex H, implementation note 18)."""


def look(content: bytes) -> None:
    """Invalid `file_refused` where a PDF has no end, is encrypted or holds something active."""
    if not content[-_TAIL:].rstrip(b"\0\t\n\f\r ").endswith(b"%%EOF"):
        raise refused("The PDF is cut off, or more than a PDF.")
    _look_for_names(content)
    left = MAX_UNPACKED
    for match in _STREAM.finditer(content):
        begins = content.rfind(b"obj", 0, match.start())
        dictionary = _unescaped(content[begins : match.start()])
        if not _OBJECTS.search(dictionary):
            continue
        if not _FLATE.search(dictionary):
            raise refused("The PDF is written in a way that cannot be looked into. Save it as PDF/A.")
        ends = content.find(b"endstream", match.end())
        unpacked = _inflated(content[match.end() : ends], left)
        left -= len(unpacked)
        _look_for_names(unpacked)


def _inflated(packed: bytes, most: int) -> bytes:
    """A stream unpacked: all of it, or none that is let in."""
    inflate = zlib.decompressobj()
    try:
        unpacked = inflate.decompress(packed, most + 1)
    except zlib.error as error:
        raise refused("The PDF is damaged. Save it as PDF/A.") from error
    if len(unpacked) > most:
        raise refused("The PDF unpacks to far too much. Save it as PDF/A.")
    if not inflate.eof:
        raise refused("The PDF is damaged. Save it as PDF/A.")
    return unpacked


def _unescaped(content: bytes) -> bytes:
    return _ESCAPED.sub(lambda escape: bytes([int(escape[1], 16)]), content) if b"#" in content else content


def _look_for_names(content: bytes) -> None:
    for place in range(0, len(content), _PIECE):  # piece by piece: one long call would hold the interpreter's lock
        _look_at_piece(content[place : place + _PIECE + _OVERLAP], last=place + _PIECE + _OVERLAP >= len(content))


def _look_at_piece(content: bytes, *, last: bool) -> None:
    plain = _unescaped(content)
    found = _ENCRYPTED.search(plain)
    if found and (last or found.end() < len(plain)):  # else the next piece has the whole name
        raise refused("The PDF is protected and cannot be looked into. Save it without a password, as PDF/A.")
    found = _ACTIVE.search(plain)
    if found and (last or found.end() < len(plain)):
        raise refused(f"The PDF holds something active (/{(found[1] or found[2]).decode()}). Save it as PDF/A.")
