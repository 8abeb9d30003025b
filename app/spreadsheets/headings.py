"""Finding the header row of a table: finance systems write titles above it, and each names its columns its own way."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.errors import Fault, Invalid
from app.spreadsheets.tables import Column, Heading, shown

SEARCHED_ROWS = 30

_BLANKS = re.compile(r"[\s_\-\u2010-\u2015\u2212]+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_LETTERS = re.compile(r"[A-Za-z]{1,3}")
_NUMBER = re.compile(r"[1-9][0-9]{0,4}")
_SHOWN_HEADERS = 30

Row = tuple[int, Sequence[object]]


def normal(text: str) -> str:
    """A header as it is compared: letter case, blanks, underscores, hyphens and invisible characters do not count."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return _BLANKS.sub(" ", plain).strip().casefold()


def place_named(text: str) -> int | None:
    """The place (from 0) of a column given by its letter or number as a spreadsheet shows it, or None."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return int(text) - 1
    if not _LETTERS.fullmatch(text):
        return None
    place = 0
    for letter in text.upper():
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


@dataclass(frozen=True, slots=True)
class NearMiss:
    """The row that came closest to being the header, and what it lacks."""

    row: int
    found: int
    missing: tuple[Column, ...]
    seen: tuple[str, ...]
    sheet: str | None = None

    @property
    def promise(self) -> tuple[int, int]:
        """How close it came: columns found, then columns named."""
        return self.found, len(self.seen)


class Search:
    """Which columns are looked for, and by which names.

    `mapping` gives the header, or else the letter or number, of a column by its code, and then counts alone; a column
    whose code is in `given` may be absent.
    """

    def __init__(self, columns: Sequence[Column], mapping: Mapping[str, str], given: Collection[str]) -> None:
        unknown = sorted(set(mapping) - {column.code for column in columns})
        if unknown:
            known = ", ".join(column.code for column in columns)
            faults = [
                Fault(f"/{shown(code)}", f"There is no such column; the columns are {known}.") for code in unknown
            ]
            raise Invalid("header_not_found", "The mapping names columns that are not read here.", faults)
        self.columns = tuple(columns)
        self.mapping = mapping
        self.given = frozenset(given)
        self.names = [
            frozenset(map(normal, (mapping[column.code],) if column.code in mapping else column.headers)) - {""}
            for column in columns
        ]
        self.named_places = [place_named(mapping.get(column.code, "")) for column in columns]

    def look_in(self, rows: Iterable[Row]) -> Heading | NearMiss:
        """The first row that names every required column, or the one that comes closest.

        Letters and numbers of a mapping count only where no row has such a header. Raises Invalid where the header
        names a column twice.
        """
        rows = list(rows)
        closest = NearMiss(1, -1, self.columns, ())
        for by_place in (False, True) if any(place is not None for place in self.named_places) else (False,):
            for number, cells in rows:
                found = self._look_at(number, cells, by_place=by_place)
                if isinstance(found, Heading):
                    return found
                if found.promise > closest.promise:
                    closest = found
        return closest

    def _look_at(self, number: int, cells: Sequence[object], *, by_place: bool) -> Heading | NearMiss:
        texts = ["" if cell is None else str(cell) for cell in cells]
        headers = [normal(text) for text in texts]
        seen = tuple(shown(text.strip()) for text, header in zip(texts, headers, strict=True) if header)
        where = [
            [place for place, header in enumerate(headers) if header in names]
            or ([named] if by_place and named is not None and named < len(headers) and headers[named] else [])
            for names, named in zip(self.names, self.named_places, strict=True)
        ]
        missing = tuple(
            column
            for column, places in zip(self.columns, where, strict=True)
            if not places and (column.code in self.mapping or (column.required and column.code not in self.given))
        )
        if missing or not any(where):
            return NearMiss(number, sum(map(bool, where)), missing or self.columns, seen)
        self._refuse_twice(number, texts, where)
        used = {place for places in where for place in places}
        return Heading(
            row=number,
            places=tuple(places[0] if places else None for places in where),
            headers={
                column.code: texts[places[0]].strip()
                for column, places in zip(self.columns, where, strict=True)
                if places
            },
            unused=tuple(texts[place].strip() for place, header in enumerate(headers) if header and place not in used),
            width=max(place for place, header in enumerate(headers) if header) + 1,
            cells=len(headers),
        )

    def _refuse_twice(self, number: int, texts: list[str], where: list[list[int]]) -> None:
        faults = [
            Fault(
                f"/{number}/{column.code}",
                f"Row {number}: the headers {' and '.join(shown(texts[place].strip()) for place in places)} (columns "
                f"{', '.join(str(place + 1) for place in places)}) both mean {column.code}. Remove one, or say by the "
                f"mapping which column it is, by its header or its number.",
            )
            for column, places in zip(self.columns, where, strict=True)
            if len(places) > 1
        ]
        if faults:
            raise Invalid("header_twice", "The header names a column twice.", faults)

    def refusal(self, closest: NearMiss) -> Invalid:
        """The error that says which columns are missing, which headers were seen, and what to do."""
        place = f"Row {closest.row}" + (f" of the sheet {shown(closest.sheet)}" if closest.sheet else "")
        seen = ", ".join(closest.seen[:_SHOWN_HEADERS]) + (", …" if len(closest.seen) > _SHOWN_HEADERS else "")
        faults = [
            Fault(f"/{closest.row}/{column.code}", f"{place} has no column for {column.code}: {self._wanted(column)}.")
            for column in closest.missing
        ]
        detail = (
            f"No row among the first {SEARCHED_ROWS} has every column that is needed. {place} comes closest, with the "
            f"headers: {seen or 'none'}. Missing: {', '.join(column.code for column in closest.missing)}. Rename the "
            f"headers, or say by the mapping which header, column letter or number each missing column has."
        )
        return Invalid("header_not_found", detail, faults)

    def _wanted(self, column: Column) -> str:
        if column.code in self.mapping:
            return f"the mapping says {shown(self.mapping[column.code])}, which is no header and no column of this row"
        return f"it is known as {', '.join(column.headers)}"
