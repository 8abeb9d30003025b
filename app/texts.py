"""What no text that is kept may hold: a personal identity code, a NUL, half a character."""

import re
import unicodedata
from html import unescape
from urllib.parse import unquote

_CODE = re.compile(r"(?<![0-9])([0-9]{2})([0-9]{2})([0-9]{2})[-+ABCDEFUVWXY]([0-9]{3})([0-9](?![0-9])|[A-FHJ-NPR-Y])")
_CHECK_CHARACTERS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-"))
_IDS = re.compile(r"(?<![0-9A-Z])(?:[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}|[0-9A-F]{16,})(?![0-9A-Z])")
"""UUIDs and digests: random hexadecimal digits would look like a code now and then."""
_SOFT_HYPHEN = "\u00ad"
MOST_ESCAPES = 3
"""How many times over a text may be escaped and still be read."""
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")


def holds_identity_code(text: str) -> bool:
    """Whether a Finnish personal identity code (henkilötunnus) stands in a text.

    A match needs a possible day and month and the right check character, so that a phone or diary number that looks
    alike is let through. Dashes of all kinds, small letters, escapes (`%2D`, `&ndash;`) and letters written to the code
    (`hetu…`, `…Tn`) hide none; within a longer number, a UUID or a digest there is none. Source: Digital and Population
    Data Services Agency, form of the code since 2023 (separators - + A-F U-Y).
    """
    return any(_is_code(*match) for spelling in _spellings(text) for match in _CODE.findall(_IDS.sub(" ", spelling)))


def _is_code(day: str, month: str, year: str, number: str, check: str) -> bool:
    possible = 1 <= int(day) <= 31 and 1 <= int(month) <= 12
    return possible and _CHECK_CHARACTERS[int(day + month + year + number) % 31] == check


def _spellings(text: str) -> set[str]:
    """The ways in which a text may be read, in capital letters and with plain digits and dashes."""
    found = set()
    for plain in {text, _unescaped(text)}:
        if plain.isascii():
            found.add(plain.upper())
            continue
        normal = unicodedata.normalize("NFKC", plain).translate(_DASHES).upper()
        visible = "".join(c for c in normal if c.isascii() or unicodedata.category(c) != "Cf")
        found |= {visible, normal.replace(_SOFT_HYPHEN, "-")}
    return found


def _unescaped(text: str) -> str:
    """A text without the escapes of addresses and of HTML."""
    for _ in range(MOST_ESCAPES):
        if "%" not in text and "&" not in text:
            break
        text = unescape(unquote(text))
    return text


def fault_in_text(text: str) -> str | None:
    """Why a text is refused, or None."""
    if _FORBIDDEN.search(text):
        return "The text holds a NUL or half a character. Remove it."
    if holds_identity_code(text):
        return "The text holds a personal identity code. Remove it: no personal data of children is kept here."
    return None
