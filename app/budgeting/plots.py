"""Plots of the child budget as SVG: over years, euros a child, and by service class."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from app.budgeting.drawing import (
    AGES,
    CLASSES,
    GRID,
    INK,
    MARGIN,
    MILLION,
    MUTED,
    NBSP,
    RIGHT,
    Canvas,
    Fill,
    Scale,
    escaped,
    euros,
    in_millions,
    in_unit,
    percent,
    reach,
    stacked,
    whole_euros,
    width_of,
    wrapped,
)
from app.budgeting.telling import AGE_CODES, IMPACT_CODES, View

MOST_BARS = 20
PANEL = 220


def drawn(kind: str, told: dict[str, Any], language: str) -> str:
    """The plot as an SVG document: `years`, `per_child` or `service_classes`, in fi, sv or en."""
    view = View(kind, told, language)
    return {"years": _over_years, "per_child": _per_child, "service_classes": _by_service_class}[kind](view)


def _over_years(view: View) -> str:
    cells: dict[tuple[int, str, str], int] = defaultdict(int)
    for row in view.rows:
        if row["impact_class"] in IMPACT_CODES and row["age_group"] in AGE_CODES:
            cells[row["year"], row["impact_class"], row["age_group"]] += row["extended"]["amount"]["cents"]
    sentences = []
    for year, headline in view.headlines.items():
        total = view.exact(headline["extended"]["amount"]["cents"])
        parts = [f"{year}: {view.say('total')} {total}"]
        for code, name in zip(IMPACT_CODES, view.impacts, strict=True):
            of = [(age, cells.get((year, code, group), 0)) for age, group in zip(view.ages, AGE_CODES, strict=True)]
            if any(cents for _, cents in of):
                parts.append(f"{name}: " + ", ".join(f"{age} {view.exact(cents)}" for age, cents in of))
        sentences += ["; ".join(parts) + ".", view.coverage(year, euros)]
    canvas = view.canvas(sentences, view.years)
    if not any(cells.values()):
        canvas.notice(view.say("nothing") if view.headlines else view.missing())
        return view.foot(canvas)
    by_age = {
        year: [sum(cells.get((year, code, group), 0) for code in IMPACT_CODES) for group in AGE_CODES]
        for year in view.headlines
    }
    by_class = {
        year: [sum(cells.get((year, code, group), 0) for group in AGE_CODES) for code in IMPACT_CODES]
        for year in view.headlines
    }
    reaches = [reach(values) for bars in (by_age, by_class) for values in bars.values()]
    scale = Scale(reaches, 0, -PANEL, whole=True)
    unit = "M€" if scale.millions else "€"
    _panel(canvas, view, scale, by_age, view.say("by_age", unit=unit), list(zip(AGES, view.short_ages, strict=True)))
    canvas.y += 14
    classes = list(zip(CLASSES, view.impacts, strict=True))
    slots = _panel(canvas, view, scale, by_class, view.say("by_class", unit=unit), classes)
    if len(view.headlines) > 1:
        _rows_of_coverage(canvas, view, slots, millions=scale.millions)
    return view.foot(canvas)


def _rows_of_coverage(canvas: Canvas, view: View, slots: dict[int, float], *, millions: bool) -> None:
    """Under each year, how much of it is classified and what is not."""
    left = {year: row["unclassified"]["net"]["cents"] for year, row in view.headlines.items()}
    shares = {year: row["coverage"] for year, row in view.headlines.items()}
    rows = {
        view.say("classified_row"): {
            year: percent(share, view.language).rstrip(f"%{NBSP}")
            for year, share in shares.items()
            if share is not None
        }
    }
    if any(left.values()):
        decimals = (2 if max(map(abs, left.values())) < 1_000_000_000 else 1) if millions else 0
        said = view.say("left_row", unit="M€" if millions else "€")
        rows[said] = {
            year: in_unit(cents, view.language, millions=millions, decimals=decimals) for year, cents in left.items()
        }
    room = (RIGHT - MARGIN) / len(slots) - 2
    for said, told in rows.items():
        if told and max(width_of(value, 13) for value in told.values()) <= room:
            canvas.paragraph(said, size=13, fill=MUTED, before=7)
            canvas.y += 16
            for year, middle in slots.items():
                canvas.text(middle, canvas.y, told.get(year, "–"), size=13, anchor="middle")


def _panel(
    canvas: Canvas,
    view: View,
    scale: Scale,
    bars: dict[int, list[int]],
    heading: str,
    parts: Sequence[tuple[Fill, str]],
) -> dict[int, float]:
    """A stacked bar for each year with its total over it; where each year stands."""
    canvas.paragraph(heading, size=15, bold=True, before=10)
    mixed = any(low < 0 < high for low, high in map(reach, bars.values()))
    canvas.legend([*parts, *([(None, view.say("net"))] if mixed else [])])
    ticks = {tick: scale.label(tick, view.language) for tick in scale.ticks}
    left = MARGIN + max(width_of(said, 13) for said in ticks.values()) + 8
    slot = (RIGHT - left) / len(view.years)
    wide = min(slot * 0.68, 110)
    largest = max(max(map(abs, reach(values))) for values in bars.values())
    decimals = (1 if largest >= 10 * MILLION else 2) if scale.millions else 0

    def written(cents: int) -> str:
        return in_unit(cents, view.language, millions=scale.millions, decimals=decimals)

    def widest() -> float:
        return max(width_of(written(sum(values)), 13, bold=True) for values in bars.values())

    if widest() > slot - 2 and largest >= 10 * MILLION:
        decimals = 0
    upright = widest() > slot - 2
    on_bars = max(width_of(written(cents), 13) for values in bars.values() for cents in values) + 4 <= wide
    bottom = canvas.y + (widest() + 8 if upright else 24) + PANEL
    for tick, said in ticks.items():
        y = bottom + scale.at(tick)
        canvas.line(left, y, RIGHT, y, GRID)
        canvas.text(left - 6, y + 4.2, said, size=13, anchor="end", fill=MUTED)
    slots = {year: left + slot * (place + 0.5) for place, year in enumerate(view.years)}
    zero = bottom + scale.at(0)
    for year, middle in slots.items():
        canvas.text(middle, bottom + 18, str(year), size=13, anchor="middle")
        if year not in bars:
            canvas.text(middle, zero - 6, "–", anchor="middle", fill=MUTED)
            continue
        labelled = [
            (fill, f"{year}, {name}: {view.exact(cents)}", written(cents))
            for (fill, name), cents in zip(parts, bars[year], strict=True)
        ]
        room = (slot - wide) / 2 + MARGIN if year == view.years[-1] else slot - wide
        edges = (middle - wide / 2, middle + wide / 2)
        _standing(canvas, scale, bottom, edges, bars[year], labelled, room=room, on_bars=on_bars)
        y, total = bottom + scale.at(reach(bars[year])[1]) - 6, written(sum(bars[year]))
        if upright:
            canvas.text(middle + 4.6, y, total, size=13, bold=True, upright=True)
        else:
            canvas.text(middle, y, total, size=13, bold=True, anchor="middle", over=True)
    canvas.line(left, zero, RIGHT, zero, INK)
    canvas.y = bottom + 22
    return slots


def _standing(
    canvas: Canvas,
    scale: Scale,
    bottom: float,
    edges: tuple[float, float],
    values: Sequence[int],
    labelled: Sequence[tuple[Fill, str, str]],
    *,
    room: float,
    on_bars: bool,
) -> None:
    """A standing bar: each part with its tip and its value, on it or in the room beside it."""
    low, high = reach(values)
    net = bottom + scale.at(low + high) if low < 0 < high else None
    beside = bottom + 30.0
    for (fill, tip, said), cents, ends in zip(labelled, values, stacked(values), strict=True):
        if not cents:
            continue
        top, under = sorted(bottom + scale.at(end) for end in ends)
        centre = (top + under) / 2
        crossed = net is not None and abs(net - centre) < 12
        fits = canvas.bar((edges[0], top, edges[1], under), fill, tip, said if on_bars and not crossed else "")
        if not fits and width_of(said, 13) + 8 <= room and abs(beside - centre) >= 13:
            beside = centre
            canvas.text(edges[1] + 4, centre + 4.2, said, size=13, over=True)
    if net is not None:
        canvas.net(edges[0] - 4, net, edges[1] + 4, net)


def _each(view: View) -> tuple[dict[int, list[tuple[int, int] | None]], list[str]]:
    """Cents a child of each year and age group, core and the rest; None where nobody is. And as sentences."""
    figures: dict[int, list[tuple[int, int] | None]] = {}
    sentences = []
    for year, headline in view.headlines.items():
        groups: list[tuple[int, int] | None] = []
        parts = []
        for age, row in [(view.say("all"), headline), *zip(view.ages, headline["age_groups"], strict=True)]:
            each, core = row["extended"]["per_child"], row["core"]["per_child"]
            if each is None or core is None:
                groups.append(None)
                continue
            groups.append((core["cents"], each["cents"] - core["cents"]))
            parts.append(f"{age} {view.exact(each['cents'])}, {view.core} {view.exact(core['cents'])}")
        figures[year] = groups[1:]
        sentences.append(f"{year}: " + ("; ".join(parts) + "." if parts else view.say("no_people")))
        sentences.append(view.coverage(year, euros))
    return figures, sentences


def _per_child(view: View) -> str:
    figures, sentences = _each(view)
    canvas = view.canvas(sentences, view.years)
    if not view.headlines:
        canvas.notice(view.missing())
        return view.foot(canvas)
    pairs = [pair for groups in figures.values() for pair in groups if pair is not None]
    if not pairs:
        canvas.notice(view.say("no_people"))
        return view.foot(canvas)
    canvas.legend(_core_and_rest(view, pairs))
    left = MARGIN + max(width_of(age, 14) for age in view.ages) + 10
    room = max(width_of(whole_euros(sum(pair), view.language), 14, bold=True) for pair in pairs) + 8
    scale = Scale(map(reach, pairs), left, RIGHT - room, whole=False)
    scale.millions = False
    for year in reversed(view.headlines):
        canvas.y += 26
        canvas.text(MARGIN, canvas.y, str(year), size=15, bold=True)
        of, used = view.headlines[year]["extended"]["per_child"], view.people_of.get(year)
        if of is None:
            canvas.paragraph(view.say("no_people"))
            continue
        said = view.say("average", amount=whole_euros(of["cents"], view.language))
        canvas.text(MARGIN + width_of(str(year), 15, bold=True) + 8, canvas.y, said, size=13, fill=MUTED)
        more = [view.say("people_of", year=used)] if used != year else []
        share = view.headlines[year]["coverage"]
        if len(figures) > 1 and share is not None:
            more.append(view.say("classified", share=percent(share, view.language)))
        beside = ", ".join(more)
        if width_of(f"{year}    {said}    ", 14) + width_of(beside, 13) > RIGHT - MARGIN:
            canvas.y += 17
        canvas.text(RIGHT, canvas.y, beside, size=13, anchor="end", fill=MUTED)
        canvas.y += 8
        top = canvas.y
        _grid(canvas, scale, top, top + 104)
        for age, pair in zip(view.ages, figures[year], strict=True):
            canvas.text(MARGIN, canvas.y + 18, age)
            if pair is None:
                canvas.text(scale.at(0) + 6, canvas.y + 18, view.say("nobody"), fill=MUTED)
            else:
                _row(canvas, view, scale, pair, 22, f"{year}, {age}: ", whole_euros)
            canvas.y += 26
        canvas.line(scale.at(0), top, scale.at(0), top + 104, INK)
    _axis(canvas, view, scale)
    return view.foot(canvas)


def _by_service_class(view: View) -> str:
    bars, childless = [], 0
    for row in view.rows:
        if row["year"] != view.latest:
            continue
        core, extended = row["core"]["amount"]["cents"], row["extended"]["amount"]["cents"]
        if core or extended:
            bars.append((view.name(row["service_class"]), core, extended))
        else:
            childless += any(row[name]["cents"] for name in ("net", "cost", "income", "internal"))
    bars.sort(key=lambda bar: (-bar[2], bar[0]))
    if len(bars) > MOST_BARS:
        rest = bars[MOST_BARS:]
        name = view.say("others", count=len(rest))
        bars = [*bars[:MOST_BARS], (name, sum(bar[1] for bar in rest), sum(bar[2] for bar in rest))]
    tips = [f"{name}: {view.exact(extended)}, {view.core} {view.exact(core)}" for name, core, extended in bars]
    sentences = [f"{tip}." for tip in tips]
    if view.latest is not None:
        sentences.append(view.coverage(view.latest, euros))
    if childless:
        sentences.append(view.say("childless", count=childless))
    canvas = view.canvas(sentences, [view.latest] if view.latest is not None else view.years)
    if len(view.years) > 1 and view.latest is not None:
        canvas.paragraph(view.say("latest"), size=14, fill=MUTED, before=3)
    if childless:
        canvas.paragraph(sentences[-1], size=14, fill=MUTED, before=3)
    if not bars:
        canvas.notice(view.say("nothing") if view.headlines else view.missing())
        return view.foot(canvas)
    pairs = [(core, extended - core) for _, core, extended in bars]
    canvas.legend(_core_and_rest(view, pairs))
    told = in_millions if any(abs(sum(pair)) >= MILLION for pair in pairs) else whole_euros
    room = max(width_of(told(sum(pair), view.language), 14, bold=True) for pair in pairs) + 8
    scale = Scale(map(reach, pairs), MARGIN, RIGHT - room, whole=False)
    canvas.y += 4
    named = [wrapped(name, 14, RIGHT - MARGIN, most=2) for name, _, _ in bars]
    for lines, tip, pair in zip(named, tips, pairs, strict=True):
        canvas.add(f"<g><title>{escaped(tip)}</title>")
        for line in lines:
            canvas.y += 18
            canvas.text(MARGIN, canvas.y - 2, line)
        canvas.y += 2
        _row(canvas, view, scale, pair, 18, "", told)
        canvas.line(scale.at(0), canvas.y, scale.at(0), canvas.y + 22, INK)
        canvas.add("</g>")
        canvas.y += 27
    return view.foot(canvas)


def _core_and_rest(view: View, pairs: Sequence[tuple[int, int]]) -> list[tuple[Fill | None, str]]:
    """The legend of bars of two parts."""
    mixed = any(low < 0 < high for low, high in map(reach, pairs))
    net: list[tuple[Fill | None, str]] = [(None, view.say("net"))] if mixed else []
    return [(CLASSES[0], view.core), (CLASSES[1], view.rest), *net]


def _row(
    canvas: Canvas,
    view: View,
    scale: Scale,
    pair: tuple[int, int],
    height: float,
    tip: str,
    told: Callable[[int, str], str],
) -> None:
    """A lying bar of core and the rest, each with its value where it fits, and the sum behind it."""
    top = canvas.y + 2
    names = (view.core, view.rest)
    for fill, name, cents, (start, end) in zip(CLASSES, names, pair, stacked(pair), strict=False):
        if cents:
            left, right = sorted((scale.at(start), scale.at(end)))
            written = told(cents, view.language) if min(pair) > 0 or max(pair) < 0 else ""
            canvas.bar((left, top, right, top + height), fill, f"{tip}{name} {view.exact(cents)}", written)
    low, high = reach(pair)
    if low < 0 < high:
        x = scale.at(low + high)
        canvas.net(x, top - 2, x, top + height + 2)
    canvas.text(scale.at(high) + 6, top + height / 2 + 5, told(sum(pair), view.language), bold=True, over=True)


def _grid(canvas: Canvas, scale: Scale, top: float, bottom: float) -> None:
    for tick in scale.ticks:
        canvas.line(scale.at(tick), top, scale.at(tick), bottom, GRID)


def _axis(canvas: Canvas, view: View, scale: Scale) -> None:
    """The numbers of the grid under lying bars, as many as fit."""
    canvas.y += 16
    taken = 0.0
    unit = "M€" if scale.millions else "€"
    for tick in scale.ticks:
        said = scale.label(tick, view.language)
        said = f"{said}{NBSP}{unit}" if tick == scale.ticks[-1] else said
        wide = width_of(said, 13)
        x = max(scale.at(tick), 4 + wide / 2)
        if x - wide / 2 > taken:
            canvas.text(x, canvas.y, said, size=13, anchor="middle", fill=MUTED)
            taken = x + wide / 2 + 6
