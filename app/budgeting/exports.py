"""The child budget as CSV and XLSX: the same rows as the JSON, with the words of a language."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from app.conventions.vocabulary import labels
from app.spreadsheets.writing import Format, Value, csv_of, xlsx_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_WORDS = {
    "year": ("Vuosi", "År", "Year"),
    "phase": ("Vaihe", "Fas", "Phase"),
    "unit": ("Yksikkö", "Enhet", "Unit"),
    "cost_centre": ("Kustannuspaikka", "Kostnadsställe", "Cost centre"),
    "service_class": ("Palveluluokka", "Serviceklass", "Service class"),
    "code": ("tunnus", "kod", "code"),
    "impact_class": ("Vaikutusluokka", "Konsekvensklass", "Impact class"),
    "age_group": ("Ikäryhmä", "Åldersgrupp", "Age group"),
    "not_split": ("jakamatta", "ej fördelat", "not split"),
    "net": ("Netto, €", "Netto, €", "Net, €"),
    "cost": ("Kulut, €", "Kostnader, €", "Costs, €"),
    "income": ("Tuotot, €", "Intäkter, €", "Income, €"),
    "internal": ("Sisäiset erät, €", "Interna poster, €", "Internal items, €"),
    "core": ("Lapsibudjetti, suora, €", "Barnbudget, direkt, €", "Child budget, core, €"),
    "extended": ("Lapsibudjetti, laaja, €", "Barnbudget, utvidgad, €", "Child budget, extended, €"),
    "share": ("osuus netosta", "andel av nettot", "share of net"),
    "per_child": ("€/lapsi", "€/barn", "€ per child"),
    "change": ("Muutos edellisvuodesta", "Förändring från föregående år", "Change on the year before"),
    "money": ("rahan muutos", "förändring i pengar", "change of money"),
    "classification": ("luokituksen muutos", "förändring i klassificering", "change of classification"),
    "against_budget": ("Ero talousarvioon", "Avvikelse från budgeten", "Deviation from the budget"),
    "title": ("Lapsibudjetti", "Barnbudget", "Child budget"),
    "rules": ("Laskentasäännöt, versio", "Beräkningsregler, version", "Rules of calculation, version"),
    "population": ("Väestö vuodelta", "Befolkning från år", "Population of"),
    "coverage": ("Luokiteltu osuus euroista", "Klassificerad andel av beloppen", "Share of euros classified"),
    "unclassified": ("Luokittelematta, netto €", "Oklassificerat, netto €", "Unclassified, net €"),
    "ledger": ("Lähde", "Källa", "Source"),
}
_LANGUAGES = ("fi", "sv", "en")


def _word(name: str, language: str) -> str:
    return _WORDS[name][_LANGUAGES.index(language)]


def as_csv(told: dict[str, Any], language: str) -> bytes:
    """The rows as Excel opens them in the language; totals are not among them."""
    header, _, rows = _table(told, language)
    return csv_of(header, rows, language=language)


def as_xlsx(told: dict[str, Any], language: str) -> bytes:
    """The rows as a workbook, with what they rest on on a second sheet."""
    header, formats, rows = _table(told, language)
    title = _word("title", language)
    return xlsx_of(
        title, header, rows, language=language, title=title, notes=list(_notes(told, language)), formats=formats
    )


def _notes(told: dict[str, Any], language: str) -> Iterator[str]:
    yield f"{_word('rules', language)}: {told['rule_version']} ({told['revision']})"
    for row in told["populations"]:
        yield f"{row['year']}: {_word('population', language)} {row['from_year'] or '–'}"
    for row in told["headlines"]:
        phase = labels("phase")[row["phase"]][language]
        share = "–" if row["coverage"] is None else f"{row['coverage'] * 100:.2f} %"
        left = f"{row['unclassified']['net']['cents'] / 100:.2f}"
        if language != "en":
            share, left = share.replace(".", ","), left.replace(".", ",")
        yield f"{row['year']}, {phase}: {_word('coverage', language)} {share}; {_word('unclassified', language)} {left}"
    for row in told["ledgers"]:
        phase = labels("phase")[row["phase"]][language]
        yield f"{_word('ledger', language)}: {row['source']}, {row['year']}, {phase}, SHA-256 {row['digest']}"


def _table(told: dict[str, Any], language: str) -> tuple[list[str], list[Format | None], list[list[Value]]]:
    keys = [name for name in told["group_by"] if name in {"unit", "cost_centre", "service_class"}]
    codes = [name for name in told["group_by"] if name in {"impact_class", "age_group"}]
    header = [_word("year", language), _word("phase", language)]
    formats: list[Format | None] = [None, None]
    for name in keys:
        header += [f"{_word(name, language)}, {_word('code', language)}", _word(name, language)]
    header += [_word(name, language) for name in codes]
    formats += [None] * (2 * len(keys) + len(codes))
    for name in ("net", "cost", "income", "internal"):
        header.append(_word(name, language))
        formats.append("euros")
    for name in ("core", "extended"):
        of = _word(name, language)
        header += [of, f"{of.removesuffix(', €')}, {_word('share', language)}"]
        header.append(f"{of.removesuffix(', €')}, {_word('per_child', language)}")
        formats += ["euros", "percent", "euros"]
    for name in ("core", "extended"):
        of = _word(name, language).removesuffix(", €")
        header.append(f"{_word('change', language)}: {of}, €")
        header += [f"{of}: {_word(part, language)}, €" for part in ("money", "classification")]
        header.append(f"{_word('against_budget', language)}: {of}, €")
        formats += ["euros"] * 4
    return header, formats, [list(_cells(row, keys, codes, language)) for row in told["rows"]]


def _cells(row: dict[str, Any], keys: list[str], codes: list[str], language: str) -> Iterator[Value]:
    yield row["year"]
    yield labels("phase")[row["phase"]][language]
    for name in keys:
        place = row[name]
        yield place["code"] if place else None
        yield _in_language(place["name"], language) if place else None
    for name in codes:
        yield _label(name, row[name], language)
    for name in ("net", "cost", "income", "internal"):
        yield _euros(row[name])
    for name in ("core", "extended"):
        yield _euros(row[name]["amount"])
        yield row[name]["share"]
        yield _euros(row[name]["per_child"])
    for name in ("core", "extended"):
        change, against = row["change"], row["against_budget"]
        for part in ("total", "money", "classification"):
            yield _euros(change[name][part]) if change else None
        yield _euros(against[name]) if against else None


def _label(name: str, code: str | None, language: str) -> str:
    if code is None:
        return _word("not_split", language)
    known = labels(name) if code in labels(name) else labels("coverage_gap")
    return known[code][language]


def _in_language(name: Any, language: str) -> str:
    if isinstance(name, str):
        return name
    return str(name.get(language) or name.get("fi") or name.get("sv") or "")


def _euros(money: dict[str, Any] | None) -> Value:
    return None if money is None else Decimal(money["cents"]).scaleb(-2)
