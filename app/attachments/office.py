"""Looking into Office and OpenDocument files: archives whose parts say what they are.

The archive is read as the imports read a workbook (`app/spreadsheets/archives.py`): plain in form, unpacked piece by
piece and counted whatever its directory says.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from app.attachments.rules import DOCX, ODS, ODT, PPTX, XLSX, refused
from app.errors import Malformed
from app.spreadsheets.archives import Unpacking, entries_of

_MAIN = {f"{media_type}.main+xml": media_type for media_type in (DOCX, XLSX, PPTX)}
_ACTIVE_TYPE = re.compile(r"macro|vbaproject|activex|oleobject", re.IGNORECASE)
"""In the type of a part: `…macroEnabled.main+xml`, `…ms-office.vbaProject`, `…ms-excel.macrosheet+xml` and the like."""
_ACTIVE_PART = re.compile(r"(^|/)(vbaproject[^/]*|activex/.*|basic/.*|scripts/.*|embeddings/.*\.bin)$", re.IGNORECASE)
_INSIDE = re.compile(r"(^|/)embeddings/[^/]+\.(docx|xlsx|pptx)$", re.IGNORECASE)
"""A document inside the document: PowerPoint keeps the figures of a chart so."""
_FETCHED = ("/attachedtemplate", "/oleobject", "/frame", "/subdocument")
"""Relationships that are opened with the document, without a click."""
_MOST_XML = 4 * 1024 * 1024
_MOST_INSIDE = 64 * 1024 * 1024


def look(file: BinaryIO, *, inside: bool = False) -> str:
    """The media type of an archive; Invalid `file_refused` where it is of none, damaged, a bomb, or holds macros."""
    try:
        entries = entries_of(file)
        unpacking = Unpacking(file)
        names = {entry.filename: entry for entry in entries}
        for name in names:
            if _ACTIVE_PART.search(name):
                raise refused("The file holds macros or programs. Save it without, or as PDF.")
        if "[Content_Types].xml" in names:
            return _look_at_office(unpacking, names, inside=inside)
        if entries and min(entries, key=lambda entry: entry.header_offset).filename == "mimetype":
            return _look_at_open_document(unpacking, names)
    except Malformed as error:
        raise refused("The file is damaged, protected by a password or unpacks to far too much.") from error
    raise refused("The content is an archive, and no document. Attach the documents one by one.")


def _look_at_office(unpacking: Unpacking, names: dict[str, zipfile.ZipInfo], *, inside: bool) -> str:
    found = set()
    for element, attributes in _elements(unpacking, names["[Content_Types].xml"]):
        kind = attributes.get("ContentType", "")
        if _ACTIVE_TYPE.search(kind):
            raise refused("The file holds macros or programs. Save it without, or as PDF.")
        if element.endswith("Override") and kind in _MAIN:
            found.add(_MAIN[kind])
    if len(found) != 1:
        raise refused("The file is no document, workbook or presentation as Office saves it.")
    for name, entry in names.items():
        if name.endswith(".rels"):
            _look_at_relationships(unpacking, entry)
        elif _INSIDE.search(name):
            if inside or entry.file_size > _MOST_INSIDE:
                raise refused("The file holds documents within documents. Attach them one by one.")
            look(io.BytesIO(b"".join(unpacking.pieces(entry))), inside=True)
        elif name != "[Content_Types].xml":
            for _ in unpacking.pieces(entry):
                pass  # counted, and held to its checksum
    return found.pop()


def _look_at_relationships(unpacking: Unpacking, entry: zipfile.ZipInfo) -> None:
    for _, attributes in _elements(unpacking, entry):
        kind, target = attributes.get("Type", "").lower(), attributes.get("Target", "").strip().lower()
        external = attributes.get("TargetMode", "").lower() == "external"
        if external and kind.endswith(_FETCHED) and target.startswith(("http:", "https:", "ftp:")):
            raise refused("The file fetches a part of itself from the internet when it is opened. Save it as PDF.")


def _look_at_open_document(unpacking: Unpacking, names: dict[str, zipfile.ZipInfo]) -> str:
    first = names["mimetype"]
    said = b"".join(unpacking.pieces(first)) if first.file_size < 100 else b""
    media_type = said.decode("ascii", "replace")
    if media_type not in {ODT, ODS} or first.compress_type != zipfile.ZIP_STORED or "content.xml" not in names:
        raise refused("The file is no text document or spreadsheet as OpenDocument has them.")
    for name, entry in names.items():
        if name == "META-INF/manifest.xml":
            if any(element.endswith("encryption-data") for element, _ in _elements(unpacking, entry)):
                raise refused("The file is protected by a password. Save it without.")
        elif name != "mimetype":
            for _ in unpacking.pieces(entry):
                pass
    return media_type


def _elements(unpacking: Unpacking, entry: zipfile.ZipInfo) -> Iterator[tuple[str, dict[str, str]]]:
    """Every element of a part with its attributes, in order; no document type definition is let in."""
    if entry.file_size > _MOST_XML:
        raise refused("The file is damaged: a part that lists others is far too large.")
    found: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: found.append((name, attributes))
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(b"".join(unpacking.pieces(entry)), True)
    except expat.ExpatError as error:
        raise refused("The file is damaged: a part of it is no well-formed XML.") from error
    return iter(found)


def _refuse_doctype(*_: object) -> None:
    raise refused("The file is damaged: it holds a document type definition, which no office program writes.")
