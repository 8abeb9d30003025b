"""What files are let in, what they are called, and what is said of their bytes. No database and no HTTP here."""

import base64
import binascii
import re
import unicodedata
from urllib.parse import quote

from app.errors import Fault, Invalid, Malformed, WrongMediaType

_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
PDF, PNG, JPEG, TEXT, CSV = "application/pdf", "image/png", "image/jpeg", "text/plain", "text/csv"
DOCX = f"{_OFFICE}wordprocessingml.document"
XLSX = f"{_OFFICE}spreadsheetml.sheet"
PPTX = f"{_OFFICE}presentationml.presentation"
ODT, ODS = f"{_OPEN}text", f"{_OPEN}spreadsheet"
EXTENSIONS: dict[str, tuple[str, ...]] = {
    TEXT: ("txt",),
    CSV: ("csv",),
    PDF: ("pdf",),
    DOCX: ("docx",),
    XLSX: ("xlsx",),
    PPTX: ("pptx",),
    ODT: ("odt",),
    ODS: ("ods",),
    PNG: ("png",),
    JPEG: ("jpg", "jpeg"),
}
"""The types that are let in, and what the name of such a file ends with; the first is put on where none fits.

Documents, tables, pictures and texts that need no program to run in them. No HTML and no SVG: they are programs to a
browser.
"""
UNTOLD = "application/octet-stream"
"""What is declared by who leaves it to the content."""

MOST_BYTES_OF_A_NAME = 200
"""File systems take 255."""
_NOT_IN_A_NAME = re.compile(r'[<>:"|?*]')
_NOT_PLAIN = re.compile(r'[<>:"|?*/\\]')
"""The same, and what parts folders: some wide letters become these where a name is written in ASCII."""
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
"""Names that mean a device to Windows, with whatever they end."""
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):(;.*)?", re.IGNORECASE)
_MEMBER = re.compile(r"[a-z*][a-z0-9_.*-]*=:[A-Za-z0-9+/=]*:(;.*)?", re.IGNORECASE)


def refused(detail: str) -> Invalid:
    """The refusal of a file for what is in it or what it is called."""
    return Invalid("file_refused", detail)


def declared(content_type: str) -> str:
    """The media type that a sender declares, without parameters; WrongMediaType where it is not let in."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in {*EXTENSIONS, UNTOLD}:
        known = ", ".join(ending for endings in EXTENSIONS.values() for ending in endings[:1])
        raise WrongMediaType("wrong_media_type", f"Attach one of {known}, with its media type or as {UNTOLD}.")
    return media_type


def agreed(told: str, found: str, name: str) -> str:
    """The type of a file of which the sender told one type, its content shows another and its name may tell a third.

    A table of text shows as text: what is told or what the name ends with makes it CSV. Raises Invalid `file_refused`
    where they contradict each other.
    """
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if found == TEXT and (told == CSV or (told == UNTOLD and ending == "csv")):
        found = CSV
    if told not in {found, UNTOLD}:
        raise refused(f"It is declared as {told}, but its content is {found}. Send it as what it is.")
    ours = {one for endings in EXTENSIONS.values() for one in endings}
    if ending in ours and ending not in EXTENSIONS[found]:
        raise refused(f"Its name ends with .{ending}, but its content is {found}. Name it as what it is.")
    return found


def file_name(given: str, media_type: str) -> str:
    """A name under which any system can keep the file: no folders, no signs that are not seen or that turn the text
    round, no device of Windows, the ending of its type, at most 200 bytes of UTF-8.

    What may not be in it is left out or becomes `_`; an empty name becomes `liite` (attachment).
    """
    name = unicodedata.normalize("NFC", given).replace("\\", "/").rpartition("/")[2]
    name = "".join(" " if character.isspace() else character for character in name)
    name = "".join(character for character in name if unicodedata.category(character)[0] != "C")
    name = " ".join(_NOT_IN_A_NAME.sub("_", name).split()).strip(". ")
    stem, dot, ending = name.rpartition(".")
    if not dot or ending.lower() not in EXTENSIONS[media_type]:
        stem, ending = name, EXTENSIONS[media_type][0]
    stem = stem.strip(". ")
    if _DEVICES.fullmatch(stem):
        stem = f"_{stem}"
    most = MOST_BYTES_OF_A_NAME - len(ending) - 1
    stem = stem.encode()[:most].decode(errors="ignore").strip(". ") or "liite"
    return f"{stem}.{ending}"


def disposition(name: str) -> str:
    """The header that makes an answer a download under this name (RFC 6266, RFC 8187)."""
    plain = _NOT_PLAIN.sub("_", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode())
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def content_digest(sha256: str) -> str:
    """The field Content-Digest (RFC 9530) of a SHA-256 in hexadecimal."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


def expected_digest(header: str | None) -> str | None:
    """The SHA-256, in hexadecimal, that a sender's Content-Digest tells; None where it tells none.

    Digests by other algorithms are left alone (RFC 9530, section 2). Raises Malformed `bad_content_digest`.
    """
    if header is None:
        return None
    found = None
    for member in header.split(","):
        match = _DIGEST.fullmatch(member.strip())
        if match:
            try:
                found = base64.b64decode(match[1], validate=True).hex()
            except binascii.Error:
                match = None
        if not match and (member.strip().lower().startswith("sha-256=") or not _MEMBER.fullmatch(member.strip())):
            raise Malformed("bad_content_digest", "Give Content-Digest as sha-256=:<Base64 of 32 bytes>: (RFC 9530).")
    return found


def check_digest(expected: str | None, sha256: str) -> None:
    """Invalid `digest_mismatch` where what came is not what the sender says it sent; both in hexadecimal."""
    if expected not in {None, sha256}:
        fault = Fault("Content-Digest", f"The SHA-256 of what came is {sha256}.")
        raise Invalid("digest_mismatch", "What came is not what Content-Digest says. Send it again.", [fault])
