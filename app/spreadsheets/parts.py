"""Looking through the XML of a workbook's parts before a library loads it.

calamine, which reads the values, lays a sheet out as one block from its first to its last cell: two cells in opposite
corners make it ask for half a terabyte, and the process ends. It copies a shared text into every cell that refers to
it. Error cells, and formulas that were never calculated, it gives as empty. So each part is first streamed through
expat, which finds all this while keeping next to nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.parsers import expat

from app.spreadsheets.archives import damaged, refused

MAX_CELLS = 10_000_000
MAX_TEXT = 400 * 1024 * 1024
MAX_FAULTS = 200_000
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384

_MAX_DEPTH = 200
_MAX_NAMES = 20_000
_MAX_TOKEN = 2 * 1024 * 1024
_DIGITS = "0123456789"

NOT_CALCULATED = ""
"""Stands for a formula without a value among the faults; others are the error's own text, such as #REF!."""


@dataclass(slots=True)
class Part:
    """What one part holds. Rows and columns count from 1."""

    name: str
    root: str = ""
    first_row: int = LAST_ROW
    last_row: int = 0
    first_column: int = LAST_COLUMN
    last_column: int = 0
    shared: int = 0
    """How many cells refer to a shared text."""
    shared_length: int = 0
    """How much text they refer to, where that was counted."""
    faults: dict[tuple[int, int], str] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=list)
    """How long each shared text is."""
    sheets: dict[str, str] = field(default_factory=dict)
    """In the workbook's part: the relationship of each sheet by its name."""
    targets: dict[str, str] = field(default_factory=dict)
    """In a part of relationships: the target of each."""

    @property
    def block(self) -> int:
        """How many cells there are between the first and the last, empty ones too."""
        return max(0, self.last_row - self.first_row + 1) * max(0, self.last_column - self.first_column + 1)


def look_through(name: str, pieces: Iterable[bytes], lengths: list[int] | None = None) -> Part:
    """What a part holds; Malformed where it is no plain XML, nested without end, or too large.

    With the lengths of the shared texts it is also counted how much text the cells refer to.
    """
    look = _Look(name, lengths)
    parser = expat.ParserCreate("UTF-8", intern=look.names)
    parser.buffer_text = True
    look.parser = parser
    parser.StartElementHandler = look.start
    ended: list[str] = []
    parser.EndElementHandler = ended.append
    parser.StartDoctypeDeclHandler = _refuse_doctype
    fed = closed = 0
    try:
        for piece in pieces:
            parser.Parse(piece, False)
            fed += len(piece)
            closed += len(ended)
            ended.clear()
            if (
                look.started - closed > _MAX_DEPTH
                or len(look.names) > _MAX_NAMES
                or fed - parser.CurrentByteIndex > _MAX_TOKEN
            ):
                raise damaged(f"the part {name!r} is no plain XML")
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError) as error:
        raise damaged(f"the part {name!r} is no well-formed XML") from error
    part = look.finish()
    if part.block > MAX_CELLS:
        raise refused(
            f"A sheet's cells lie across {part.last_row - part.first_row + 1} rows and "
            f"{part.last_column - part.first_column + 1} columns; at most {MAX_CELLS} cells are read. Remove "
            f"what stands far from the table, or save the table as CSV UTF-8."
        )
    return part


def _refuse_doctype(*_: object) -> None:
    raise damaged("it holds a document type definition, which no spreadsheet program writes")


class _Look:
    """The handler of one part. `start` is called for every element: up to millions of times."""

    def __init__(self, name: str, lengths: list[int] | None) -> None:
        self.part = Part(name)
        self.names: dict[str, str] = {}
        self.parser: expat.XMLParserType
        self.started = 0
        self.row = self.column = self.shared = self.last_column = 0
        self.first_column = LAST_COLUMN
        self.row_text = ""
        self.used = False
        """Whether the present row has a value so far."""
        self.columns: dict[str, int] = {}
        self.known_lengths = lengths or []
        self.counts = lengths is not None
        self.kind: str | None = None
        self.watched = False
        """Whether the present cell's value matters here: an error, a formula's, a reference to a shared text."""
        self.formula = False
        self.texts: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self.started += 1
        if name == "c":
            if self.watched:
                self.settle()
            reference = attributes.get("r")
            if reference is None:
                self.column += 1
            else:
                letters = reference.rstrip(_DIGITS)
                self.column = self.columns.get(letters) or self._column(letters)
                if reference[len(letters) :] != self.row_text:
                    self._check_row(reference[len(letters) :])
            self.kind = kind = attributes.get("t")
            if kind == "s":
                self.shared += 1
                self.watched = self.counts
            elif kind == "e":
                self.watched = True
        elif name in {"v", "is"}:
            if not self.used:
                self._use_row()
            column = self.column
            if column > self.last_column:  # noqa: PLR1730 (max is slower, and this runs for millions)
                self.last_column = column
            if column < self.first_column:  # noqa: PLR1730
                self.first_column = column
            if self.watched:
                self.parser.CharacterDataHandler = self.texts.append
        elif name == "f":
            self.watched = self.formula = True
        elif name == "row":
            self._begin_row(attributes.get("r"))
        elif name != "t":
            self._begin_other(name, attributes)

    def _use_row(self) -> None:
        """The present row has a value."""
        self.used = True
        self.part.first_row = min(self.part.first_row, self.row)
        self.part.last_row = max(self.part.last_row, self.row)

    def finish(self) -> Part:
        """What the part holds, now that it is over."""
        if self.watched:
            self.settle()
        part = self.part
        part.first_column, part.last_column, part.shared = self.first_column, self.last_column, self.shared
        return part

    def _begin_row(self, number: str | None) -> None:
        if self.watched:
            self.settle()
        self.row = self.row + 1 if number is None else int(number)
        self.row_text = str(self.row)
        self.column = 0
        self.used = False
        if not 1 <= self.row <= LAST_ROW:
            raise damaged("a row's number is none that a sheet can have")

    def _begin_other(self, name: str, attributes: dict[str, str]) -> None:
        prefix, colon, local = name.rpartition(":")
        if not self.part.root:
            self.part.root = local
        if local in {"c", "v", "is", "f", "row"} and colon and prefix:
            self.started -= 1
            self.start(local, attributes)
        elif local == "sheet" and "name" in attributes:
            ids = [value for key, value in attributes.items() if key.rpartition(":")[2] == "id"]
            self.part.sheets[attributes["name"]] = ids[0] if ids else ""
        elif local == "Relationship":
            self.part.targets[attributes.get("Id", "")] = attributes.get("Target", "")
        elif local == "si" and self.part.root == "sst":
            self.part.lengths.append(0)
            self.parser.CharacterDataHandler = self._count

    def _count(self, text: str) -> None:
        self.part.lengths[-1] += len(text)

    def _column(self, letters: str) -> int:
        """The number of a column by its letters."""
        number = 0
        for letter in letters.upper():
            if not "A" <= letter <= "Z":
                raise damaged("a cell's reference is none that a sheet can have")
            number = number * 26 + ord(letter) - ord("A") + 1
            if number > LAST_COLUMN:
                raise damaged("a cell's reference is none that a sheet can have")
        if not number:
            raise damaged("a cell's reference is none that a sheet can have")
        self.columns[letters] = number
        return number

    def _check_row(self, digits: str) -> None:
        if not digits or int(digits) != self.row:
            raise damaged("a cell stands in another row than it says")

    def settle(self) -> None:
        """The present cell is over: what was watched of it is known."""
        self.parser.CharacterDataHandler = None
        text = "".join(self.texts).strip()
        self.texts.clear()
        if self.kind == "s" and self.counts and text.isdigit() and text.isascii():
            place = int(text[:10])
            self.part.shared_length += self.known_lengths[place] if place < len(self.known_lengths) else 0
        if self.kind == "e" or (self.formula and not text and self.kind != "str"):
            self.part.faults[self.row, self.column] = text if self.kind == "e" else NOT_CALCULATED
            if len(self.part.faults) > MAX_FAULTS:
                raise refused(f"A sheet has more than {MAX_FAULTS} cells with errors. Mend or remove them.")
        self.watched = self.formula = False
