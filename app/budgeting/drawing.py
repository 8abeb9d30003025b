"""Plots as SVG written by hand: numbers, measured texts, scales, bars, and the document around them.

Nothing in it is refused by a strict content security policy: looks are presentation attributes, and there is no
script, style, font or image to load. Neighbouring fills of a palette differ by 3:1 at least, from each other and from
the background (WCAG 2.2, 1.4.11), and marks tell apart those of the same lightness, so that grey prints can be read.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

WIDTH = 480
MARGIN = 16
RIGHT = WIDTH - MARGIN
INK, MUTED, GRID, PAPER = "#1a1a1a", "#4d4d4d", "#cfcfcf", "#ffffff"
NBSP, MINUS = "\u00a0", "\u2212"
MILLION = 100_000_000
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
_EXACT = Decimal(1).scaleb(-2)


@dataclass(frozen=True, slots=True)
class Fill:
    """A colour, the colour of the text on it, and the mark that tells it from another of the same lightness."""

    name: str
    colour: str
    ink: str = PAPER
    mark: str = ""

    def pattern(self, prefix: str) -> str:
        """The definition of its pattern."""
        turn = ' patternTransform="rotate(45)"' if self.mark == "lines" else ""
        mark = '<path d="M0 0V7" stroke="#ffffff" stroke-width="2.4"/>'
        if self.mark == "dots":
            mark = f'<circle cx="3.5" cy="3.5" r="1.3" fill="{self.ink}"/>'
        return (
            f'<pattern id="{prefix}-{self.name}" width="7" height="7" patternUnits="userSpaceOnUse"{turn}>'
            f'<rect width="7" height="7" fill="{self.colour}"/>{mark}</pattern>'
        )


AGES = (
    Fill("plum", "#5a1846"),
    Fill("orange", "#d97706", INK),
    Fill("green", "#0b4035", PAPER, "lines"),
    Fill("blue", "#4593cf", INK, "dots"),
)
CLASSES = (Fill("navy", "#12355b"), Fill("teal", "#1d9c8c", INK), Fill("grey", "#3a3a3a", PAPER, "lines"))


def euros(cents: int, language: str) -> str:
    """Exact euros, such as 1 234,50 €."""
    return f"{_written(Decimal(cents) * _EXACT, 2, language)}{NBSP}€"


def whole_euros(cents: int, language: str) -> str:
    """Rounded to the euro."""
    return f"{_written(Decimal(cents) * _EXACT, 0, language)}{NBSP}€"


def rounded(cents: int, language: str) -> str:
    """A few digits of a sum with its unit: M€ from a million on, else euros."""
    return in_millions(cents, language) if abs(cents) >= MILLION else whole_euros(cents, language)


def in_millions(cents: int, language: str) -> str:
    """A few digits of a sum in M€; in euros where they would say nothing."""
    size = abs(cents)
    if size < MILLION // 100:
        return whole_euros(cents, language)
    return f"{in_unit(cents, language, millions=True, decimals=1 if size >= 10 * MILLION else 2)}{NBSP}M€"


def in_unit(cents: int, language: str, *, millions: bool, decimals: int) -> str:
    """The number alone, in euros or millions of them."""
    return _written(Decimal(cents).scaleb(-8 if millions else -2), decimals, language)


def percent(share: float, language: str) -> str:
    """A share with one decimal. What is not quite nothing or all is not rounded to it."""
    tenths = Decimal(str(share)).scaleb(2).quantize(Decimal("0.1"), ROUND_HALF_UP)
    if 0 < share < 1:
        tenths = min(max(tenths, Decimal("0.1")), Decimal("99.9"))
    return f"{_written(tenths, 1, language)}{'' if language == 'en' else NBSP}%"


def _written(value: Decimal, decimals: int, language: str) -> str:
    told = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    text = f"{abs(told):,f}".replace(",", NBSP)
    if language != "en":
        text = text.replace(".", ",")
    return MINUS + text if told < 0 else text


@cache
def _advance(character: str) -> float:
    """How wide a character is, in ems of a wide typeface."""
    if character in "iljI.,:;'|! \u00a0":
        return 0.3
    if character in "tfr()[]-":
        return 0.4
    if character in "mwMW%@—…":
        return 1.0
    if character in "–−€&" or character.isupper():
        return 0.75
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    return 0.6


def width_of(said: str, size: float, *, bold: bool = False) -> float:
    """About how wide a text is; rather too wide than too narrow."""
    return sum(map(_advance, said)) * size * (1.14 if bold else 1)


def _fitting(said: str, size: float, width: float, *, bold: bool = False) -> int:
    """How many characters from the start fit; at least one."""
    left = width / size / (1.14 if bold else 1)
    for place, character in enumerate(said):
        left -= _advance(character)
        if left < 0:
            return max(place, 1)
    return len(said)


def wrapped(said: str, size: float, width: float, *, bold: bool = False, most: int = 0) -> list[str]:
    """A text in lines that fit; a word that does not is cut in two. Past the most lines it ends in an ellipsis."""
    lines: list[str] = []
    line = ""
    for word in said.split(" "):
        rest = f"{line} {word}" if line else word
        fits = _fitting(rest, size, width, bold=bold)
        if fits < len(rest) and line:
            lines.append(line)
            rest = word
            fits = _fitting(rest, size, width, bold=bold)
        while fits < len(rest):
            lines.append(rest[:fits])
            rest = rest[fits:]
            fits = _fitting(rest, size, width, bold=bold)
        line = rest
        if most and len(lines) > most:
            break
    lines.append(line)
    if most and len(lines) > most:
        last = lines[most - 1]
        last = last[: _fitting(last, size, width - width_of("…", size, bold=bold), bold=bold)]
        lines = [*lines[: most - 1], last.rstrip(" ,(-–") + "…"]
    return lines


def clean(said: str) -> str:
    """A text without what XML 1.0 forbids and what would turn the direction of the rest; blanks become one."""
    kept = []
    for character in said:
        category = unicodedata.category(character)
        if category in {"Cc", "Zl", "Zp"}:
            kept.append(" ")
        elif category == "Cs" or ord(character) & 0xFFFE == 0xFFFE:
            kept.append("\ufffd")
        elif category != "Cf" or character in "\u200c\u200d":
            kept.append(character)
    return " ".join(word for word in "".join(kept).split(" ") if word)


def escaped(said: str) -> str:
    """A text as it stands in XML, in an element or an attribute."""
    text = said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("'", "&#39;")


def stacked(values: Iterable[int]) -> list[tuple[int, int]]:
    """From where to where each part of a bar goes: up from zero, and down from it where negative."""
    up = down = 0
    ends = []
    for value in values:
        if value >= 0:
            ends.append((up, up + value))
            up += value
        else:
            ends.append((down, down + value))
            down += value
    return ends


def reach(values: Sequence[int]) -> tuple[int, int]:
    """The lowest and the highest end of a stacked bar."""
    return sum(value for value in values if value < 0), sum(value for value in values if value > 0)


class Scale:
    """Cents as pixels, with zero always on it, and round numbers for its grid."""

    def __init__(self, reaches: Iterable[tuple[int, int]], start: float, end: float, *, whole: bool) -> None:
        pairs = list(reaches)
        low = min([0, *(pair[0] for pair in pairs)])
        high = max([0, *(pair[1] for pair in pairs)])
        if low == high:
            high = 100
        self.step = _step(high - low)
        if whole:
            low, high = low // self.step * self.step, -(-high // self.step) * self.step
        self.low, self.high, self.start, self.end = low, high, start, end
        self.ticks = list(range(-(-low // self.step) * self.step, high + 1, self.step))
        self.millions = max(-low, high) >= MILLION

    def at(self, cents: int) -> float:
        """The pixel of an amount."""
        return round(self.start + (cents - self.low) * (self.end - self.start) / (self.high - self.low), 2)

    def label(self, cents: int, language: str) -> str:
        """A number of the grid, with no more decimals than its step has."""
        unit = MILLION if self.millions else 100
        decimals = 0
        while self.step * 10**decimals % unit and decimals < 8:
            decimals += 1
        return in_unit(cents, language, millions=self.millions, decimals=decimals)


def _step(span: int) -> int:
    """A round distance of lines, so that there are three to six."""
    power = 1
    while power * 50 < span:
        power *= 10
    return next((power * times for times in (1, 2, 5, 10) if power * times * 5 >= span), power * 10)


class Canvas:
    """A document as it is drawn from top to bottom; `y` is where the next thing goes."""

    def __init__(self, kind: str, title: str, description: str, language: str) -> None:
        self.title, self.description, self.language = title, description, language
        told = f"{kind} {language} {title} {description}"
        self.prefix = f"plot-{hashlib.sha256(told.encode()).hexdigest()[:10]}"
        self.y = 0.0
        self._parts: list[str] = []
        self._patterns: dict[str, Fill] = {}

    def add(self, part: str) -> None:
        """Markup as it is."""
        self._parts.append(part)

    def text(
        self,
        x: float,
        y: float,
        said: str,
        *,
        size: float = 14,
        bold: bool = False,
        anchor: str = "start",
        fill: str = INK,
        upright: bool = False,
        over: bool = False,
    ) -> None:
        """One line of text, on its baseline; over lines it hides what is behind it."""
        if over:
            wide = width_of(said, size, bold=bold) + 4
            left = x - wide / 2 if anchor == "middle" else x - 2
            self.add(
                f'<rect x="{_n(left)}" y="{_n(y - size * 0.85)}" width="{_n(wide)}" height="{_n(size * 1.1)}" '
                f'fill="{PAPER}"/>'
            )
        more = f' text-anchor="{anchor}"' if anchor != "start" else ""
        more += ' font-weight="700"' if bold else ""
        more += f' fill="{fill}"' if fill != INK else ""
        more += f' transform="rotate(-90 {_n(x)} {_n(y)})"' if upright else ""
        self.add(f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"{more}>{escaped(said)}</text>')

    def paragraph(
        self, said: str, *, size: float = 14, bold: bool = False, fill: str = INK, before: float = 6, most: int = 0
    ) -> None:
        """A text over the whole width, in as many lines as it needs."""
        self.y += before
        for line in wrapped(said, size, RIGHT - MARGIN, bold=bold, most=most):
            self.y += round(size * 1.3, 1)
            self.text(MARGIN, self.y - round(size * 0.3, 1), line, size=size, bold=bold, fill=fill)

    def notice(self, said: str) -> None:
        """A box that says why there is nothing to see."""
        lines = wrapped(said, 15, RIGHT - MARGIN - 32)
        height = 40 + 20 * len(lines)
        self.y += 14
        self.add(
            f'<rect x="{MARGIN}" y="{_n(self.y)}" width="{RIGHT - MARGIN}" height="{height}" rx="4" fill="#f3f3f3" '
            f'stroke="#767676"/>'
        )
        for place, line in enumerate(lines):
            self.text(MARGIN + 16, self.y + 34 + 20 * place, line, size=15)
        self.y += height

    def legend(self, items: Sequence[tuple[Fill | None, str]]) -> None:
        """What the fills mean, in the order of the stack; without a fill it is the mark of the net."""
        self.y += 8
        x = float(MARGIN)
        for fill, said in items:
            wide = 20 + width_of(said, 14)
            if x > MARGIN and x + wide > RIGHT:
                x = MARGIN
                self.y += 20
            if fill is None:
                self.net(x, self.y + 7, x + 14, self.y + 7)
            else:
                self.add(f'<rect x="{_n(x)}" y="{_n(self.y)}" width="14" height="14" fill="{self.paint(fill)}"/>')
            self.text(x + 20, self.y + 12, said)
            x += wide + 14
        self.y += 20

    def net(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """The mark of the net, where a bar goes both ways from zero."""
        path = f'd="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}"'
        self.add(f'<path {path} stroke="{PAPER}" stroke-width="6"/><path {path} stroke="{INK}" stroke-width="3"/>')

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str) -> None:
        """A line of the grid or an axis."""
        self.add(f'<path d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}" stroke="{colour}"/>')

    def bar(self, box: tuple[float, float, float, float], fill: Fill, tip: str, written: str = "") -> bool:
        """A part of a bar (left, top, right, bottom) with what it is as its tip, and its value on it where it fits.

        Whether it fits.
        """
        left, top, right, bottom = box
        self.add(
            f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(right - left)}" height="{_n(bottom - top)}" '
            f'fill="{self.paint(fill)}" stroke="{PAPER}"><title>{escaped(tip)}</title></rect>'
        )
        wide = width_of(written, 13)
        if not written or wide + 4 > right - left or bottom - top < 18:
            return False
        middle, centre = (left + right) / 2, (top + bottom) / 2
        if fill.mark:
            around = min(wide + 6, right - left - 2)
            self.add(
                f'<rect x="{_n(middle - around / 2)}" y="{_n(centre - 8)}" width="{_n(around)}" height="16" '
                f'rx="3" fill="{fill.colour}" pointer-events="none"/>'
            )
        self.text(middle, centre + 4.6, written, size=13, anchor="middle", fill=fill.ink)
        return True

    def paint(self, fill: Fill) -> str:
        """What its fill attribute says."""
        if not fill.mark:
            return fill.colour
        self._patterns[fill.name] = fill
        return f"url(#{self.prefix}-{fill.name})"

    def document(self) -> str:
        """The whole of it."""
        height = round(self.y + MARGIN)
        patterns = "".join(fill.pattern(self.prefix) for fill in self._patterns.values())
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" lang="{self.language}" xml:lang="{self.language}" role="img" '
            f'aria-labelledby="{self.prefix}-title" aria-describedby="{self.prefix}-desc" '
            f'font-family="{escaped(_FONT)}" fill="{INK}">'
            f'<title id="{self.prefix}-title">{escaped(self.title)}</title>'
            f'<desc id="{self.prefix}-desc">{escaped(self.description)}</desc>'
            + (f"<defs>{patterns}</defs>" if patterns else "")
            + f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>'
            + "".join(self._parts)
            + "</svg>\n"
        )


def _n(value: float) -> str:
    """A coordinate with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
