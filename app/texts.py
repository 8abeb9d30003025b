"""What no text that is kept may hold: a personal identity code, a NUL, half a character."""

import re
import unicodedata
from functools import lru_cache
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
_SUSPECT = re.compile(r"[^\x00-\x24'-/:-\x7f\u00c0-\u024f\u2010-\u201f]")
"""What may be, or may hide, a digit: digits, `%` and `&`, and all but Latin letters and common dashes and quotes."""
_IN_A_CODE = re.compile(r"[-+0-9A-Z]")
MOST_CHARACTERS = 10_000
"""No text that is kept is longer, and a longer one is refused before anything is looked for in it."""


def holds_identity_code(text: str) -> bool:
    """Whether a Finnish personal identity code (henkilötunnus) stands in a text.

    A match needs a possible day and month and the right check character, so that a phone or diary number that looks
    alike is let through. Dashes of all kinds, small letters, escapes (`%2D`, `&ndash;`) and letters written to the code
    (`hetu…`, `…Tn`) hide none; within a longer number, a UUID or a digest there is none. Source: Digital and Population
    Data Services Agency, form of the code since 2023 (separators - + A-F U-Y).
    """
    if not _SUSPECT.search(text):
        return False  # most texts
    return any(_is_code(*match) for spelling in _spellings(text) for match in _CODE.findall(_IDS.sub(" ", spelling)))


def _is_code(day: str, month: str, year: str, number: str, check: str) -> bool:
    possible = 1 <= int(day) <= 31 and 1 <= int(month) <= 12
    return possible and _CHECK_CHARACTERS[int(day + month + year + number) % 31] == check


def _spellings(text: str) -> set[str]:
    """The ways in which a text may be read, in capital letters and with plain digits and dashes."""
    plain = {text, _unescaped(text)}
    plain |= {spelling.replace(_SOFT_HYPHEN, "-") for spelling in plain}
    return {_plainly(spelling) for spelling in plain}


def _plainly(text: str) -> str:
    """A text character by character: normalising it whole would be quadratic in runs of combining marks, and could make
    it eighteen times as long.
    """
    if not text.isascii():
        text = text.translate({ord(c): _plain(c) for c in set(text) if c > "\x7f"})
    return text.upper()


@lru_cache(maxsize=65_536)
def _plain(character: str) -> str:
    """What a character may be read as in a code; nothing where it is not seen or only marks the one before it."""
    if unicodedata.category(character) in {"Cf", "Mn", "Mc", "Me"}:
        return ""
    plain = unicodedata.normalize("NFKC", character).translate(_DASHES).upper()
    return plain if _IN_A_CODE.search(plain) else " "


def _unescaped(text: str) -> str:
    """A text without the escapes of addresses and of HTML."""
    for _ in range(MOST_ESCAPES):
        if "%" not in text and "&" not in text:
            break
        text = unescape(unquote(text))
    return text


def fault_in_text(text: str) -> str | None:
    """Why a text is refused, or None."""
    if len(text) > MOST_CHARACTERS:
        return f"The text is longer than {MOST_CHARACTERS} characters. Shorten it."
    if _FORBIDDEN.search(text):
        return "The text holds a NUL or half a character. Remove it."
    if holds_identity_code(text):
        return "The text holds a personal identity code. Remove it: no personal data of children is kept here."
    return None
