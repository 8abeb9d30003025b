"""What plots of the child budget say in three languages: their words, figures and names."""

from collections.abc import Callable, Sequence
from typing import Any

from app.budgeting.drawing import MUTED, NBSP, Canvas, clean, euros, percent, rounded, whole_euros
from app.budgeting.rules import CHILDREN, is_child_money
from app.conventions.vocabulary import labels
from app.services.models import ImpactClass
from app.services.rules import AGE_GROUPS

LONGEST_NAME = 300
AGE_CODES = tuple(AGE_GROUPS[place].value for place in CHILDREN)
IMPACT_CODES = tuple(code.value for code in ImpactClass if is_child_money(code.value))
_LANGUAGES = ("fi", "sv", "en")
_WORDS = {
    "years": ("Lapsiin kohdistuvat menot vuosittain", "Utgifter för barn per år", "Spending on children by year"),
    "per_child": (
        "Lapsiin kohdistuvat menot ikäryhmittäin, euroa lasta kohti",
        "Utgifter för barn efter åldersgrupp, euro per barn",
        "Spending on children by age group, euros per child",
    ),
    "service_classes": (
        "Lapsiin kohdistuvat menot palveluluokittain",
        "Utgifter för barn efter serviceklass",
        "Spending on children by service class",
    ),
    "money": (
        "{year}: lapsiin kohdistuu {extended}, siitä suoraan {core}.",
        "{year}: {extended} riktas till barn, varav direkt {core}.",
        "{year}: {extended} goes to children, of which {core} directly.",
    ),
    "of_net": (
        "{amount} eli {share} nettomenoista",
        "{amount} ({share} av nettoutgifterna)",
        "{amount} ({share} of net)",
    ),
    "each": (
        "{year}: keskimäärin {extended} lasta kohti, siitä suoraan {core}.",
        "{year}: i medeltal {extended} per barn, varav direkt {core}.",
        "{year}: {extended} per child on average, of which {core} directly.",
    ),
    "average": ("keskimäärin {amount} lasta kohti", "i medeltal {amount} per barn", "{amount} per child on average"),
    "coverage": (
        "Luokiteltu osuus euroista {share}",
        "Klassificerad andel av beloppen {share}",
        "Share of euros classified {share}",
    ),
    "left": (
        "luokittelematta {amount} (ei\u00a0kuvassa)",
        "oklassificerat {amount} (visas\u00a0inte)",
        "unclassified {amount} (not\u00a0shown)",
    ),
    "left_unsplit": (
        "luokittelematta tai väestötiedon puuttuessa jakamatta {amount} (ei\u00a0kuvassa)",
        "oklassificerat eller ofördelat då befolkningsuppgift saknas {amount} (visas\u00a0inte)",
        "unclassified, or not split as the population is missing, {amount} (not\u00a0shown)",
    ),
    "classified": ("luokiteltu {share}", "klassificerat {share}", "{share} classified"),
    "classified_row": (
        "Luokiteltu osuus euroista, %",
        "Klassificerad andel av beloppen, %",
        "Share of euros classified, %",
    ),
    "left_row": (
        "Luokittelematta (ei kuvassa), {unit}",
        "Oklassificerat (visas inte), {unit}",
        "Unclassified (not shown), {unit}",
    ),
    "missing": ("Ei tietoja: {phase} {years}.", "Uppgifter saknas: {phase} {years}.", "No data: {phase} {years}."),
    "nothing": (
        "Lapsiin ei kohdistu luokiteltuja menoja, joten palkkeja ei ole.",
        "Inga klassificerade utgifter riktas till barn, så det finns inga staplar.",
        "No classified spending goes to children, so there are no bars.",
    ),
    "no_people": (
        "Väestötieto puuttuu, joten euroja lasta kohti ei voi laskea.",
        "Befolkningsuppgift saknas, så euro per barn kan inte beräknas.",
        "The population is missing, so euros per child cannot be computed.",
    ),
    "people_of": ("väestö vuodelta {year}", "befolkning från år {year}", "population of {year}"),
    "nobody": ("ei lapsia", "inga barn", "no children"),
    "by_age": ("Ikäryhmittäin, {unit}", "Efter åldersgrupp, {unit}", "By age group, {unit}"),
    "by_class": ("Vaikutusluokittain, {unit}", "Efter konsekvensklass, {unit}", "By impact class, {unit}"),
    "age": ("{years} v.", "{years} år", "{years} years"),
    "aged": ("{years}-vuotiaat", "{years} år", "{years} years"),
    "net": ("netto", "netto", "net"),
    "and": ("{one} ja {other}", "{one} och {other}", "{one} and {other}"),
    "total": ("yhteensä", "totalt", "in total"),
    "all": ("kaikki lapset", "alla barn", "all children"),
    "no_class": ("Ilman palveluluokkaa", "Utan serviceklass", "Without service class"),
    "others": ("Muut palveluluokat ({count})", "Övriga serviceklasser ({count})", "Other service classes ({count})"),
    "childless": (
        "Palveluluokkia ilman lapsiin kohdistuvia menoja: {count}.",
        "Serviceklasser utan utgifter för barn: {count}.",
        "Service classes without spending on children: {count}.",
    ),
    "latest": (
        "Kuvassa on viimeisin pyydetty vuosi, jolta on tietoja.",
        "Bilden visar det senaste av de begärda åren med uppgifter.",
        "Shown is the latest year asked for that has data.",
    ),
    "rules": ("Laskentasäännöt, versio {version}", "Beräkningsregler, version {version}", "Rules, version {version}"),
}


class View:
    """What is told of one phase, with the words of a language."""

    def __init__(self, kind: str, told: dict[str, Any], language: str) -> None:
        self.kind, self.language = kind, language
        self.phase = told["phases"][0]
        self.years: list[int] = sorted(told["years"])
        self.headlines = {row["year"]: row for row in told["headlines"] if row["phase"] == self.phase}
        self.rows = [row for row in told["rows"] if row["phase"] == self.phase]
        self.people_of = {row["year"]: row["from_year"] for row in told["populations"]}
        self.rule_version = told["rule_version"]
        self.latest = max(self.headlines, default=None)
        impacts = labels("impact_class")
        self.impacts = [impacts[code][language] for code in IMPACT_CODES]
        spans = [code.replace("-", "–") for code in AGE_CODES]
        self.ages = [self.say("aged", years=span) for span in spans]
        self.short_ages = [self.say("age", years=span).replace(" ", NBSP) for span in spans]
        self.core = self.impacts[0]
        self.rest = self.say("and", one=self.impacts[1], other=self.impacts[2])

    def say(self, name: str, **facts: Any) -> str:
        return _WORDS[name][_LANGUAGES.index(self.language)].format(**facts)

    def exact(self, cents: int) -> str:
        return euros(cents, self.language)

    def message(self, told: Callable[[int, str], str]) -> str:
        """The two headlines of the latest year."""
        if self.latest is None:
            return self.missing()
        row = self.headlines[self.latest]
        if self.kind == "per_child":
            if row["extended"]["per_child"] is None:
                return f"{self.latest}: {_lower(self.say('no_people'))}"
            each = {name: told(row[name]["per_child"]["cents"], self.language) for name in ("core", "extended")}
            return self.say("each", year=self.latest, **each)
        said = {name: told(row[name]["amount"]["cents"], self.language) for name in ("core", "extended")}
        share = row["extended"]["share"]
        if share is not None and 0 < share <= 1 and row["extended"]["amount"]["cents"] > 0:
            of = {"amount": said["extended"], "share": percent(share, self.language)}
            said["extended"] = self.say("of_net", **of)
        return self.say("money", year=self.latest, **said)

    def missing(self) -> str:
        """Which of the years asked have no such ledger."""
        lacking = [year for year in self.years if year not in self.headlines]
        phase = labels("phase")[self.phase][self.language]
        return self.say("missing", phase=phase, years=years_of(lacking)) if lacking else ""

    def coverage(self, year: int, told: Callable[[int, str], str]) -> str:
        """How much of a year's euros is classified, and what is left out."""
        row = self.headlines[year]
        said = []
        if row["coverage"] is not None:
            said.append(self.say("coverage", share=percent(row["coverage"], self.language)))
        left = row["unclassified"]["net"]["cents"]
        if left:
            known = self.people_of.get(year) is not None
            said.append(self.say("left" if known else "left_unsplit", amount=told(left, self.language)))
        sentence = ", ".join(said)
        return f"{sentence[:1].upper()}{sentence[1:]}." if said else ""

    def canvas(self, sentences: Sequence[str], years: Sequence[int]) -> Canvas:
        """The document with its head: what it is, what to read first, and what it rests on."""
        heading = self.say(self.kind)
        phase = labels("phase")[self.phase][self.language]
        of = f"{phase[:1].upper()}{phase[1:]} {years_of(years)}"
        missing = self.missing()
        described = " ".join(sentence for sentence in (f"{of}.", *sentences, missing) if sentence)
        canvas = Canvas(self.kind, f"{heading}. {self.message(euros)}", described, self.language)
        canvas.paragraph(heading, size=19, bold=True, before=12)
        canvas.paragraph(of, fill=MUTED, before=2)
        if self.latest is not None:
            if self.kind != "per_child" or any(row["children"] for row in self.headlines.values()):
                canvas.paragraph(self.message(whole_euros if self.kind == "per_child" else rounded), size=15)
            covered = self.coverage(self.latest, rounded)
            if covered:
                several = f"{self.latest}: {_lower(covered)}"
                canvas.paragraph(several if len(self.headlines) > 1 else covered, size=14, fill=MUTED, before=3)
            if missing:
                canvas.paragraph(missing, size=14, fill=MUTED, before=3)
        return canvas

    def name(self, service_class: dict[str, Any] | None) -> str:
        """The name of a service class in the language, or in one that it has."""
        if service_class is None:
            return self.say("no_class")
        name = service_class["name"]
        if not isinstance(name, str):
            name = name.get(self.language) or name.get("fi") or name.get("sv") or name.get("en") or ""
        said = clean(name) or clean(str(service_class["code"]))
        return said if len(said) <= LONGEST_NAME else said[: LONGEST_NAME - 1] + "…"

    def foot(self, canvas: Canvas) -> str:
        canvas.paragraph(self.say("rules", version=self.rule_version), size=13, fill=MUTED, before=12)
        return canvas.document()


def years_of(years: Sequence[int]) -> str:
    """Years in words: 2024–2026, or each where some between are left out."""
    if len(years) > 1 and years[-1] - years[0] == len(years) - 1:
        return f"{years[0]}–{years[-1]}"
    return ", ".join(map(str, years))


def _lower(sentence: str) -> str:
    """A sentence that goes on after a colon."""
    return sentence[:1].lower() + sentence[1:]
