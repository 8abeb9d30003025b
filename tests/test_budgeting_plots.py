"""Plots of the child budget: they say and show exactly the rows' figures, and break at no text and no emptiness."""

import copy
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.budgeting import drawing
from app.budgeting.plots import drawn
from app.budgeting.rules import per_head, share_of
from tests.budget import add_centre, add_population, budget, classify, lines
from tests.county import Api

SVG = "{http://www.w3.org/2000/svg}"
KINDS = ("years", "per_child", "service_classes")
LANGUAGES = ("fi", "sv", "en")
AGES = ("0-6", "7-12", "13-15", "16-17")
CLASSES = ("direct", "indirect", "communal")
PEOPLE = (5000, 6000, 3500, 2500)
Cells = dict[tuple[str, str], int]
"""Cents by impact class and age group."""

CELLS: Cells = {
    ("direct", "0-6"): 520_000_001,
    ("direct", "7-12"): 240_000_000,
    ("direct", "13-15"): 420_000_000,
    ("direct", "16-17"): 360_000_000,
    ("indirect", "0-6"): 44_117_647,
    ("indirect", "7-12"): 52_941_176,
    ("communal", "13-15"): 28_000_000,
    ("communal", "16-17"): 20_000_050,
}


def money(cents: int) -> dict[str, Any]:
    return {"cents": cents, "currency": "EUR"}


def figure(cents: int, net: int, people: int | None) -> dict[str, Any]:
    head = per_head(cents, people) if people else None
    return {
        "amount": money(cents),
        "share": share_of(cents, net),
        "per_child": None if head is None else money(head),
    }


def told(
    years: dict[int, Cells | None],
    *,
    services: list[tuple[str | None, int, int]] | None = None,
    people: tuple[int, ...] | None = PEOPLE,
    unclassified: int = 290_000_000,
    coverage: float | None = 0.942,
) -> dict[str, Any]:
    """What the report tells of these years (None: there is no ledger), by class and age or by service class."""
    headlines, rows = [], []
    for year, cells in years.items():
        if cells is None:
            continue
        net = 5_000_000_000
        groups = []
        for place, age in enumerate(AGES):
            of = people[place] if people else None
            core = cells.get(("direct", age), 0)
            extended = sum(cells.get((code, age), 0) for code in CLASSES)
            groups.append({"age_group": age, "core": figure(core, net, of), "extended": figure(extended, net, of)})
        children = sum(people) if people else None
        core = sum(cents for (code, _), cents in cells.items() if code == "direct")
        headlines.append(
            {
                "year": year,
                "phase": "budget",
                "core": figure(core, net, children),
                "extended": figure(sum(cells.values()), net, children),
                "children": children,
                "age_groups": groups,
                "coverage": coverage,
                "unclassified": {"net": money(unclassified)},
            }
        )
        base = {"year": year, "phase": "budget", **{name: money(1) for name in ("net", "cost", "income", "internal")}}
        if services is None:
            for (code, age), cents in cells.items():
                row: dict[str, Any] = {"impact_class": code, "age_group": age, "extended": figure(cents, net, None)}
                rows.append({**base, **row, "core": figure(cents if code == "direct" else 0, net, None)})
            rows.append({**base, "impact_class": "none", "age_group": "18+", "extended": figure(0, net, None)})
            rows.append({**base, "impact_class": "unclassified", "age_group": None, "extended": figure(0, net, None)})
        for place, (name, core, extended) in enumerate(services or []):
            service = None if name is None else {"id": place, "code": str(4100 + place), "name": name}
            row = {"service_class": service, "core": figure(core, net, None), "extended": figure(extended, net, None)}
            rows.append({**base, **row})
    return {
        "rule_version": "1",
        "years": list(years),
        "phases": ["budget"],
        "populations": [{"year": year, "from_year": year if people else None} for year in years],
        "headlines": headlines,
        "rows": rows,
    }


SERVICES: list[tuple[str | None, int, int]] = [
    (f"Lasten, nuorten ja perheiden {place}. palvelu", 90_000_000 - place * 3_000_000, 100_000_000 - place * 3_000_000)
    for place in range(25)
]


def told_of(kind: str, years: dict[int, Cells | None], **facts: Any) -> dict[str, Any]:
    if kind == "service_classes":
        facts.setdefault("services", SERVICES)
    return told(years, **facts)


def plot(kind: str, language: str = "fi", years: dict[int, Cells | None] | None = None, **facts: Any) -> ET.Element:
    return ET.fromstring(drawn(kind, told_of(kind, years or {2026: CELLS}, **facts), language))


def text_of(root: ET.Element, name: str) -> str:
    return root.findtext(f"{SVG}{name}") or ""


def words(root: ET.Element) -> str:
    """What is written in the picture, with plain blanks."""
    return " ".join(row.text or "" for row in root.iter(f"{SVG}text")).replace("\u00a0", " ")


def amounts(said: str) -> list[int]:
    """Every exact sum of euros in a text, back in cents."""
    found = re.findall("(−?)([\\d\u00a0]+)[.,](\\d\\d)\u00a0€", said)
    return [int(whole.replace("\u00a0", "") + cents) * (-1 if minus else 1) for minus, whole, cents in found]


def bars(root: ET.Element) -> list[tuple[str, int, dict[str, float]]]:
    """Each part of a bar: what its tip says, its cents, and its box."""
    found = []
    for rect in root.iter(f"{SVG}rect"):
        tip = rect.findtext(f"{SVG}title")
        if tip is not None:
            box = {name: float(rect.attrib[name]) for name in ("x", "y", "width", "height")}
            found.append((tip, amounts(tip)[0], box))
    return found


def ten_years() -> dict[int, Cells | None]:
    return {
        2017 + place: {key: cents + place * 1_234_567 for key, cents in CELLS.items()} if place != 3 else None
        for place in range(10)
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_one_document_that_a_strict_policy_lets_through(kind: str, language: str) -> None:
    root = plot(kind, language, ten_years())
    assert root.tag == f"{SVG}svg"
    assert root.attrib["lang"] == root.attrib["{http://www.w3.org/XML/1998/namespace}lang"] == language
    assert root.attrib["role"] == "img"
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
    title, desc = list(root)[:2]
    assert (title.tag, title.attrib["id"]) == (f"{SVG}title", root.attrib["aria-labelledby"])
    assert (desc.tag, desc.attrib["id"]) == (f"{SVG}desc", root.attrib["aria-describedby"])
    ids = [part.attrib["id"] for part in root.iter() if "id" in part.attrib]
    assert len(set(ids)) == len(ids)
    allowed = {"svg", "title", "desc", "defs", "pattern", "circle", "g", "rect", "path", "text"}
    for part in root.iter():
        assert part.tag.removeprefix(SVG) in allowed
        for name, value in part.attrib.items():
            assert name != "style"
            assert not name.startswith("on")
            assert "href" not in name
            if "url(" in value:
                assert value[5:-1] in ids


@pytest.mark.parametrize("language", LANGUAGES)
def test_over_years_the_description_has_every_figure_of_the_rows(language: str) -> None:
    years: dict[int, Cells | None] = {2025: {key: cents * 2 for key, cents in CELLS.items()}, 2026: CELLS}
    expected: Counter[int] = Counter()
    for cells in years.values():
        assert cells is not None
        expected.update([*cells.values(), sum(cells.values()), 290_000_000])
    root = plot("years", language, years)
    said = Counter(amounts(text_of(root, "desc")))
    assert {key: count for key, count in said.items() if key} == expected
    core = sum(cents for (code, _), cents in CELLS.items() if code == "direct")
    assert amounts(text_of(root, "title")) == [sum(CELLS.values()), core]


def test_euros_a_child_are_those_of_the_age_groups() -> None:
    given_ = told({2026: CELLS})
    (headline,) = given_["headlines"]
    pairs = [(row["extended"], row["core"]) for row in (headline, *headline["age_groups"])]
    expected = [part["per_child"]["cents"] for pair in pairs for part in pair]
    root = ET.fromstring(drawn("per_child", given_, "fi"))
    assert amounts(text_of(root, "desc"))[:10] == expected
    assert amounts(text_of(root, "title")) == expected[:2]
    for age, row in zip(AGES, headline["age_groups"], strict=True):
        parts = [cents for tip, cents, _ in bars(root) if age.replace("-", "–") + "-vuotiaat" in tip]
        assert sum(parts) == row["extended"]["per_child"]["cents"]
        assert parts[0] == row["core"]["per_child"]["cents"]
        whole = drawing.whole_euros(row["extended"]["per_child"]["cents"], "fi").replace("\u00a0", " ")
        assert whole in words(root)


def test_twenty_service_classes_are_shown_and_the_rest_together() -> None:
    root = plot("service_classes")
    told_amounts = amounts(text_of(root, "desc"))[:42]
    by_size = sorted(SERVICES, key=lambda row: -row[2])
    expected = [figure_ for _, core, extended in by_size[:20] for figure_ in (extended, core)]
    rest = by_size[20:]
    expected += [sum(row[2] for row in rest), sum(row[1] for row in rest)]
    assert told_amounts == expected
    assert sum(cents for _, cents, _ in bars(root)) == sum(row[2] for row in SERVICES)
    assert "Muut palveluluokat (5)" in words(root)
    assert "Muut" not in words(plot("service_classes", services=SERVICES[:20]))


def test_service_classes_without_child_money_are_counted_and_not_drawn() -> None:
    services: list[tuple[str | None, int, int]] = [("Ikäihmisten palvelut", 0, 0), (None, 100, 100)]
    root = plot("service_classes", services=services)
    assert "Ilman palveluluokkaa" in words(root)
    assert "Ikäihmisten" not in words(root)
    assert "Palveluluokkia ilman lapsiin kohdistuvia menoja: 1." in words(root)


def by_panel(root: ET.Element, year: int) -> list[list[tuple[int, dict[str, float]]]]:
    """The parts of a year's two bars."""
    of = [(tip, cents, box) for tip, cents, box in bars(root) if tip.startswith(f"{year},")]
    return [[(cents, box) for tip, cents, box in of if ("\u00a0v.:" in tip) is by_age] for by_age in (True, False)]


def test_heights_are_as_the_money() -> None:
    root = plot("years", years=ten_years())
    ratios = []
    for year, cells in ten_years().items():
        if cells is None:
            assert by_panel(root, year) == [[], []]
            continue
        for parts in by_panel(root, year):
            assert sum(cents for cents, _ in parts) == sum(cells.values())
            assert sum(box["height"] for _, box in parts) > 100
            ratios.append(sum(box["height"] for _, box in parts) / sum(cells.values()))
            for cents, box in parts:
                assert box["height"] == pytest.approx(cents * ratios[0], abs=0.02)
            for (_, lower), (_, upper) in pairwise(parts):
                assert upper["y"] + upper["height"] == pytest.approx(lower["y"], abs=0.02)
    assert max(ratios) == pytest.approx(min(ratios), rel=1e-3)


def test_bars_end_where_the_axis_says() -> None:
    root = plot("years", years={2025: CELLS, 2026: {key: -cents for key, cents in CELLS.items()}})
    ticks = [row for row in root.iter(f"{SVG}text") if row.attrib.get("text-anchor") == "end"]
    axis = {float((row.text or "").replace("\u2212", "-")): float(row.attrib["y"]) for row in ticks[: len(ticks) // 2]}
    assert list(axis) == [-20, -10, 0, 10, 20]
    a_million = (axis[-20] - axis[20]) / 40
    for year, sign in ((2025, 1), (2026, -1)):
        parts = [box for _, box in by_panel(root, year)[0]]
        ends = [min(box["y"] for box in parts), max(box["y"] + box["height"] for box in parts)]
        zero, far = reversed(ends) if sign > 0 else ends
        assert zero == pytest.approx(axis[0] - 4.2, abs=0.02)
        assert (zero - far) * sign == pytest.approx(sum(CELLS.values()) / 1e8 * a_million, abs=0.05)


@pytest.mark.parametrize("kind", ["per_child", "service_classes"])
def test_widths_are_as_the_money(kind: str) -> None:
    parts = bars(plot(kind, years={2025: CELLS, 2026: {key: cents // 3 for key, cents in CELLS.items()}}))
    _, most, largest = max(parts, key=lambda part: part[1])
    assert largest["width"] > 100
    for _, cents, box in parts:
        assert box["width"] == pytest.approx(cents * largest["width"] / most, abs=0.03)


def test_income_above_costs_is_drawn_below_zero() -> None:
    cells = {**CELLS, ("direct", "7-12"): -300_000_000}
    parts = dict(by_panel(plot("years", years={2026: cells}), 2026)[0])
    negative = parts[-300_000_000 + CELLS["indirect", "7-12"]]
    above = [box for cents, box in parts.items() if cents > 0]
    zero = max(box["y"] + box["height"] for box in above)
    assert negative["y"] == pytest.approx(zero, abs=0.02)
    assert negative["height"] > 20
    for kind in KINDS:
        root = plot(
            kind,
            years={2026: {key: -cents for key, cents in CELLS.items()}},
            services=[("Hyvitys", -9, -12)] if kind == "service_classes" else None,
        )
        assert bars(root)
        assert all(cents < 0 for _, cents, _ in bars(root))
        assert "netto " not in words(root)
        if kind != "service_classes":
            assert "\u2212" in words(root)


def test_lying_bars_go_left_of_zero_where_negative() -> None:
    root = plot(
        "service_classes", services=[("Tulot", -500_000_000, -300_000_000), ("Kulut", 400_000_000, 400_000_000)]
    )
    found = {cents: box for _, cents, box in bars(root)}
    zero = found[400_000_000]["x"]
    assert found[-500_000_000]["x"] + found[-500_000_000]["width"] == pytest.approx(zero, abs=0.02)
    assert found[200_000_000]["x"] == zero
    assert "netto" in words(root)
    assert words(root).index("Kulut") < words(root).index("Tulot")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fi", "Luokiteltu osuus euroista 94,2 %, luokittelematta 2,90 M€ (ei kuvassa)."),
        ("sv", "Klassificerad andel av beloppen 94,2 %, oklassificerat 2,90 M€ (visas inte)."),
        ("en", "Share of euros classified 94.2%, unclassified 2.90 M€ (not shown)."),
    ],
)
def test_what_is_not_classified_is_told_under_the_title(language: str, said: str) -> None:
    for kind in KINDS:
        assert said in words(plot(kind, language))


def test_each_language_has_its_own_words_and_numbers() -> None:
    headings = {language: words(plot("years", language)) for language in LANGUAGES}
    assert headings["fi"].startswith("Lapsiin kohdistuvat menot vuosittain Talousarvio 2026")
    assert headings["sv"].startswith("Utgifter för barn per år Budget 2026")
    assert headings["en"].startswith("Spending on children by year Budget 2026")
    assert drawing.euros(123_456_789_05, "fi") == "123\u00a0456\u00a0789,05\u00a0€"
    assert drawing.euros(-5, "en") == "\u22120.05\u00a0€"
    assert drawing.whole_euros(-49, "sv") == "0\u00a0€"
    assert drawing.rounded(1_826_000_000, "sv") == "18,3\u00a0M€"
    assert drawing.rounded(99_999_950, "fi") == "1\u00a0000\u00a0000\u00a0€"


def test_a_share_is_not_rounded_to_nothing_or_all() -> None:
    assert drawing.percent(0.999996, "fi") == "99,9\u00a0%"
    assert drawing.percent(0.000004, "en") == "0.1%"
    assert drawing.percent(1.0, "sv") == "100,0\u00a0%"
    assert drawing.percent(0.0, "fi") == "0,0\u00a0%"


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_ledger_it_says_so(kind: str) -> None:
    root = plot(kind, years={2030: None, 2031: None})
    assert not bars(root)
    assert words(root).count("Ei tietoja: talousarvio 2030–2031.") == 1
    assert "2030" in text_of(root, "desc")
    some = plot(kind, years={2024: CELLS, 2025: None, 2026: CELLS})
    assert "Ei tietoja: talousarvio 2025." in words(some)


@pytest.mark.parametrize("kind", ["years", "service_classes"])
def test_nothing_classified_is_told_and_draws_nothing(kind: str) -> None:
    empty: Cells = {}
    root = plot(kind, years={2026: empty}, services=[] if kind == "service_classes" else None, coverage=0.0)
    assert not bars(root)
    assert "Luokiteltu osuus euroista 0,0 %, luokittelematta 2,90 M€" in words(root)
    assert "Lapsiin ei kohdistu luokiteltuja menoja" in words(root)
    no_money = plot(
        kind, years={2026: empty}, services=[] if kind == "service_classes" else None, coverage=None, unclassified=0
    )
    assert "Luokiteltu" not in words(no_money)


def test_zero_euros_a_child_are_zeros() -> None:
    root = plot("per_child", years={2026: {}})
    assert not bars(root)
    assert words(root).count(" 0 €") >= 4


def test_without_a_population_there_are_no_euros_a_child() -> None:
    root = plot("per_child", people=None)
    assert not bars(root)
    assert words(root).count("Väestötieto puuttuu, joten euroja lasta kohti ei voi laskea.") == 1
    assert "väestötieto puuttuu" in text_of(root, "title")
    assert "luokittelematta tai väestötiedon puuttuessa jakamatta 2,90 M€" in words(root)
    assert "ei lapsia" in words(plot("per_child", people=(5000, 0, 3500, 2500)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_year_of_an_older_population_is_told(language: str) -> None:
    given_ = told({2025: CELLS, 2026: CELLS})
    for row in given_["populations"]:
        row["from_year"] = 2024
    root = ET.fromstring(drawn("per_child", given_, language))
    said = {"fi": "väestö vuodelta 2024", "sv": "befolkning från år 2024", "en": "population of 2024"}
    assert words(root).count(said[language]) == 2
    check_apart(root)


def test_names_are_texts_and_never_markup() -> None:
    name = "Koulu </text><script>alert('1')</script> & \"lapset\"\x00\x0b\n\u202e\ud800\ufffe loppu"
    root = plot("service_classes", services=[(name, 1, 2)])
    assert "Koulu </text><script>alert('1')</script> & \"lapset\"" in words(root)
    assert "loppu: 0,02\u00a0€" in text_of(root, "desc")
    assert "\u202e" not in "".join(root.itertext())


@given(st.text(max_size=300))
def test_every_name_makes_a_well_formed_plot(name: str) -> None:
    svg = drawn("service_classes", told_of("service_classes", {2026: CELLS}, services=[(name, 1, 2)]), "fi")
    ET.fromstring(svg.encode())


def test_a_long_name_is_cut_in_the_picture_and_whole_in_its_tip() -> None:
    name = "Lastensuojeluperhehoidontoimeksiantosopimuspalvelukokonaisuus ja " + "sen kehittäminen " * 12 + "loppu"
    root = plot("service_classes", services=[(name, 1, 2)])
    assert "loppu" not in words(root)
    assert "…" in words(root)
    (group,) = root.iter(f"{SVG}g")
    assert (group.findtext(f"{SVG}title") or "").startswith(f"{name}: ")


@given(st.text(alphabet="aiW äö-9\u00a0", max_size=200), st.integers(60, 448))
def test_lines_fit_and_lose_nothing(said: str, width: int) -> None:
    found = drawing.wrapped(said, 14, width)
    assert all(drawing.width_of(line, 14) <= width + 1e-6 for line in found)
    assert "".join(found).replace(" ", "") == said.replace(" ", "")
    cut = drawing.wrapped(said, 14, width, most=2)
    assert len(cut) <= 2
    assert all(drawing.width_of(line, 14) <= width + 1e-6 for line in cut)


def boxes(root: ET.Element) -> Iterable[tuple[str, float, float, float, float]]:
    """About where each text stands."""
    for row in root.iter(f"{SVG}text"):
        said, size = row.text or "", float(row.attrib["font-size"])
        x, y = float(row.attrib["x"]), float(row.attrib["y"])
        wide = drawing.width_of(said, size, bold="font-weight" in row.attrib)
        x -= {"start": 0.0, "middle": wide / 2, "end": wide}[row.attrib.get("text-anchor", "start")]
        if "transform" in row.attrib:
            yield said, x - size * 0.7, y - wide, x, y
        else:
            yield said, x, y - size * 0.7, x + wide, y


def check_apart(root: ET.Element) -> None:
    found = list(boxes(root))
    for said, left, top, right, bottom in found:
        assert left >= 0, said
        assert top >= 0, said
        assert right <= drawing.WIDTH, said
        assert bottom <= float(root.attrib["height"]), said
    for one, other in combinations(found, 2):
        apart = one[3] <= other[1] or other[3] <= one[1] or one[4] <= other[2] or other[4] <= one[2]
        assert apart, (one, other)


@pytest.mark.parametrize("factor", [1, 100, 20_000])
@pytest.mark.parametrize("years", [1, 3, 10])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_no_text_is_cut_or_lies_over_another(kind: str, language: str, years: int, factor: int) -> None:
    some = dict(list(ten_years().items())[-years:])
    for sign in (1, -1):
        scaled = {
            year: {key: cents * factor * sign // 100 for key, cents in cells.items()} if cells else None
            for year, cells in some.items()
        }
        scaled[2026] = {**(scaled[2026] or {}), ("direct", "0-6"): -factor * 900_000}
        services: list[tuple[str | None, int, int]] = [
            (name, core * factor * sign // 100, extended * factor // 100) for name, core, extended in SERVICES
        ]
        root = plot(kind, language, scaled, **({"services": services} if kind == "service_classes" else {}))
        check_apart(root)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", [drawing.AGES, drawing.CLASSES])
def test_neighbouring_fills_can_be_told_apart_without_colour(palette: tuple[drawing.Fill, ...]) -> None:
    for one, other in pairwise(palette):
        assert contrast(one.colour, other.colour) >= 3
    for fill in palette:
        assert contrast(fill.colour, drawing.PAPER) >= 3
        assert contrast(fill.colour, fill.ink) >= 4.5
    for one, other in combinations(palette, 2):
        assert contrast(one.colour, other.colour) >= 3 or one.mark != other.mark
    assert contrast(drawing.MUTED, drawing.PAPER) >= 4.5


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_drawn_the_same_each_time_and_small(kind: str) -> None:
    services: list[tuple[str | None, int, int]] = [("ä" * 299 + str(place), place, place * 2) for place in range(30)]
    facts = {"services": services} if kind == "service_classes" else {}
    given_ = told_of(kind, ten_years(), **facts)
    before = copy.deepcopy(given_)
    first = drawn(kind, given_, "fi")
    assert given_ == before
    assert drawn(kind, before, "fi") == first
    assert len(first.encode()) < 60_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_service_draws_what_it_tells(api: Api, language: str) -> None:
    for year in (2025, 2026):
        add_population(api, year)
    for code, share in (("A", 250_000), ("B", 400_000)):
        classify(api, add_centre(api, code), "indirect", method="child_share", child_share_ppm=share)
    classify(api, add_centre(api, "C"), "direct", method="full", age_groups=["0-6", "7-12"])
    add_centre(api, "D")
    rows = [
        (year, "talousarvio", code, "", "4300", f"{euros},35")
        for year, more in ((2025, 0), (2026, 1_000_000))
        for code, euros in (("A", 12_345_678 + more), ("B", 900_000), ("C", 4_000_000), ("D", 250_000))
    ]
    assert api.import_file("budget-lines", lines(*rows))["state"] == "succeeded"
    expected = budget(api, year=[2025, 2026], group_by="impact_class,age_group")
    headers = {"Authorization": f"Bearer {api.county.keys['controller']}", "Accept-Language": language}
    for kind in KINDS:
        asked: dict[str, Any] = {"kind": kind, "year": [2025, 2026]}
        answer = api.client.get("/api/v1/child-budget/plot", params=asked, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "image/svg+xml"
        assert answer.headers["content-language"] == language
        root = ET.fromstring(answer.content)
        said = amounts(text_of(root, "desc"))
        latest = expected["headlines"][-1]
        name = "per_child" if kind == "per_child" else "amount"
        assert amounts(text_of(root, "title")) == [latest[part][name]["cents"] for part in ("extended", "core")]
        assert latest["unclassified"]["net"]["cents"] == 250_000_35
        assert 250_000_35 in said
        if kind == "years":
            assert {row["extended"]["amount"]["cents"] for row in expected["rows"]} - {0} <= set(said)
