"""The statement's page as HTML and as PDF, the same bytes each time."""

import base64
import hashlib
import json
import re
import sys
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import typst
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.budgeting.drawing import NBSP, clean

_TEMPLATES = Path(__file__).parent / "templates"
_LONG_ROW = 700
"""A row of a table with more characters than this may be cut in two by the end of a page."""
_LONG_TABLE = 1600
"""A table with fewer characters stays on one page."""
_ON_A_LINE, _IN_A_CELL = 64, 40
"""A longer word may be broken anywhere in the PDF, in a table sooner; hyphenation deals with the others."""
_WORD, _PARAGRAPH = re.compile(r"\S+"), re.compile(r"(?:\r\n?|\n)[ \t]*(?:\r\n?|\n)\s*")
_UNIT = re.compile(r"(?<=[0-9]) (?=[%€])")
_PLAIN = re.compile(r"(?!.*  )[ -~\u00a1-\u00ac\u00ae-\u017f–—’”…−\u00a0]*")
"""Most lines: nothing in them needs a second look."""
_SUBSTITUTE, _BREAK = "□", "\u200b"
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"
STANDARDS: list[Literal["a-2a", "ua-1"]] = ["a-2a", "ua-1"]
MOST_KEPT = 32
"""So many PDFs are kept, a few megabytes: an agenda is opened by many within the same hours."""


def as_html(page: dict[str, Any]) -> bytes:
    """One HTML file, its style within; nothing is loaded from elsewhere. Every text is escaped."""
    return str(_html().render(page=in_lines(page, shown), style=_style())).encode()


def security_policy() -> str:
    """What a browser may do with the HTML: show it with its own style, whose hash is named, and no more."""
    style = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"


def as_pdf(page: dict[str, Any], signed_at: datetime) -> bytes:
    """The page as PDF, dated when it was signed. A document that was made lately is given again.

    It is work of many milliseconds that lets other threads run: call it beside the event loop.
    """
    said = json.dumps(in_lines(page, printable, cuts=True), ensure_ascii=False)
    key = hashlib.sha256(f"{signed_at.isoformat()} {said}".encode()).hexdigest()
    return _kept.get(key, lambda: typeset(said, signed_at))


def forget() -> None:
    """Forget the documents that are kept."""
    _kept.forget()


def typeset(said: str, signed_at: datetime) -> bytes:
    """A PDF of a page that is JSON already, in lines."""
    try:
        return _compiled(said, signed_at, STANDARDS)
    except typst.TypstError:
        # A combination of signs that no font has is no reason to give no statement: it is shown as far as it can be.
        return _compiled(said, signed_at, [])


def _compiled(said: str, signed_at: datetime, standards: list[Literal["a-2a", "ua-1"]]) -> bytes:
    """What people wrote goes in as one string of JSON, which the template decodes: none of it is typst's source."""
    return typst.compile(
        _source(),
        format="pdf",
        sys_inputs={"page": said},
        timestamp=int(signed_at.timestamp()),
        pdf_standards=[*standards],
        font_paths=_fonts(),
        ignore_system_fonts=True,
    )


class Kept:
    """The last documents, by what they were made of."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        made = make()
        with self._lock:
            self._made[key] = made
            while len(self._made) > self._most:
                self._made.popitem(last=False)
        return made

    def forget(self) -> None:
        with self._lock:
            self._made.clear()


_kept = Kept(MOST_KEPT)


@cache
def _style() -> str:
    return (_TEMPLATES / "statement.css").read_text("utf-8")


@cache
def _html() -> Any:
    loader = FileSystemLoader(_TEMPLATES)
    made = Environment(loader=loader, autoescape=True, trim_blocks=True, undefined=StrictUndefined)
    return made.get_template("statement.html")


@cache
def _source() -> bytes:
    return (_TEMPLATES / "statement.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    """The fonts in typst's package, and none of the system's: the same document on every machine."""
    return typst.Fonts(include_system_fonts=False)


@cache
def characters() -> frozenset[str]:
    """What those fonts have."""
    ranges = json.loads((_TEMPLATES / "characters.json").read_text("utf-8"))
    return frozenset(chr(code) for first, last in ranges for code in range(first, last + 1))


def shown(line: str) -> str:
    """A line as a browser can show it; a figure stays with its unit."""
    return _UNIT.sub(NBSP, line if _PLAIN.fullmatch(line) else clean(line))


def printable(line: str) -> str:
    """A line as the PDF can show it: what its fonts lack stands as □."""
    if _PLAIN.fullmatch(line):
        return _UNIT.sub(NBSP, line)
    known = characters()
    composed = unicodedata.normalize("NFC", shown(line))
    return "".join(each if each in known else _SUBSTITUTE for each in composed if each not in _JOINERS)


def _breakable(line: str, longest: int) -> str:
    """A line whose words may be broken anywhere where they are longer than so many characters."""
    if len(line) <= longest:
        return line
    return _WORD.sub(lambda word: _BREAK.join(_cut(word.group(), longest)), line)


def _cut(word: str, longest: int) -> Iterable[str]:
    step = longest // 2 if len(word) > longest else longest
    return (word[start : start + step] for start in range(0, len(word), step))


def in_lines(page: dict[str, Any], show: Callable[[str], str], *, cuts: bool = False) -> dict[str, Any]:
    """The page with each of its texts in paragraphs of lines, as they can be shown."""

    def walk(value: Any, longest: int) -> Any:
        if isinstance(value, str):
            return show(value)
        if isinstance(value, list):
            return [walk(item, longest) for item in value]
        if not isinstance(value, dict):
            return value
        if "text" in value:
            return _said(value, show, longest)
        made = {name: walk(item, longest) for name, item in value.items()}
        if value.get("kind") == "table":
            rows = [
                {"cells": walk(row, min(longest, _IN_A_CELL)), "long": _length(row) > _LONG_ROW}
                for row in value["rows"]
            ]
            made |= {"rows": rows, "long": sum(map(_length, value["rows"])) > _LONG_TABLE}
        return made

    whole: dict[str, Any] = walk(page, _ON_A_LINE if cuts else sys.maxsize)
    whole["shows_substitutes"] = _SUBSTITUTE in json.dumps({**whole, "not_shown": ""}, ensure_ascii=False)
    return whole


def _said(said: dict[str, Any], show: Callable[[str], str], longest: int) -> dict[str, Any]:
    paragraphs = (
        [_breakable(line, longest) for line in map(show, paragraph.splitlines()) if line.strip()]
        for paragraph in _PARAGRAPH.split(said["text"])
    )
    return {
        "lang": said["lang"],
        "label": show(said.get("label", "")),
        "look": said.get("look", ""),
        "url": said.get("url", ""),
        "paragraphs": [lines for lines in paragraphs if lines],
        "plain": show(said["text"]),
    }


def _length(row: list[list[dict[str, Any]]]) -> int:
    return max((sum(len(said["text"]) for said in cell) for cell in row), default=0)
