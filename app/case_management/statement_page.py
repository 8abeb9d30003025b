"""The statement as a page: headings, texts, lists and tables in one language, the same for HTML and PDF.

Everything is data: what people wrote stands in it as it is, and each template shows it as text.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from app.budgeting.drawing import NBSP, euros
from app.case_management.statement import LANGUAGES, number
from app.case_management.statement_schemas import (
    Coded,
    StatementEvidence,
    StatementHearing,
    StatementImpact,
    StatementRead,
)
from app.clock import FINLAND

Said = dict[str, Any]
"""A text to show: `text`, and where they apply its `lang`, a `label` before it, a `look` and a `url`."""
Block = dict[str, Any]

MOST_YEARS = 4
"""So many years of euros stand side by side; more go into a table of their own."""
_SHORT = 800
"""A text of fewer characters is kept on the page of what it leads to."""
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@cache
def _words() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = json.loads(
        (Path(__file__).parent / "templates" / "words.json").read_text("utf-8")
    )
    return loaded


def word(name: str, language: str) -> str:
    """One of the statement's own words."""
    return _words()[name][language]


def day(value: date, language: str) -> str:
    """A date as it is written: 25.11.2026, or 25 November 2026 in English."""
    if language == "en":
        return f"{value.day}{NBSP}{_MONTHS[value.month - 1]}{NBSP}{value.year}"
    return f"{value.day}.{value.month}.{value.year}"


def capital(text: str) -> str:
    """A text that begins a line."""
    return text[:1].upper() + text[1:]


def page(statement: StatementRead) -> dict[str, Any]:
    """The whole page, as plain JSON."""
    return Page(statement).whole()


class Page:
    """A statement on its way to the page."""

    def __init__(self, statement: StatementRead) -> None:
        self.of = statement
        self.language = statement.language

    def say(self, name: str, **facts: Any) -> str:
        return word(name, self.language).format(**facts)

    def written(self, text: str, **more: Any) -> Said:
        """What people wrote, which is in the case's language."""
        return {"text": text, "lang": self.of.case_language, **more}

    def titled(self, said: Any, **more: Any) -> Said:
        """A text that is there in some languages."""
        order = (self.language, self.of.case_language, *LANGUAGES)
        language = next((language for language in order if said.get(language)), self.language)
        return {"text": said.get(language, ""), "lang": language, **more}

    def own(self, text: str, **more: Any) -> Said:
        return {"text": text, "lang": self.language, **more}

    def whole(self) -> dict[str, Any]:
        of, whole = self.of, self.of.kind == "assessment"
        sections = self._assessment() if whole else self._not_needed()
        edition = self.say("edition" if whole else "edition_not_needed").lower()
        return {
            "language": self.language,
            "heading": self.say("heading" if whole else "heading_not_needed"),
            "title": self.titled(of.title),
            "organisation": self.titled(of.organisation.name),
            "marking": self._marking(),
            "facts": self._facts(),
            "sections": [section for section in sections if section],
            "footer": f"{of.diary_number}, {edition} {of.edition}",
            "page_word": self.say("page"),
            "not_shown": self.say("not_shown"),
        }

    def _marking(self) -> list[Said]:
        if self.of.publicity.code == "public":
            return []
        grounds = self.of.publicity_grounds
        return [
            self.own(self.say(self.of.publicity.code), look="strong"),
            *([self.written(grounds, label=self.say("grounds"))] if grounds else []),
        ]

    def _facts(self) -> list[list[Any]]:
        of = self.of
        whole = of.kind == "assessment"
        facts: list[tuple[str, Said | None]] = [
            ("diary_number", self.own(of.diary_number)),
            ("decision", self.own(of.decision_key) if of.decision_key != "1" else None),
            ("edition" if whole else "edition_not_needed", self.own(str(of.edition))),
            (
                "assessment",
                self.own(capital(f"{of.extent.label}, {of.manner.label}")) if of.extent and of.manner else None,
            ),
            ("approved_by" if whole else "signed_by", self.own(f"{self._signer()}, {self._day()}")),
        ]
        return [[self.say(name), said] for name, said in facts if said is not None]

    def _signer(self) -> str:
        return self.of.signed_by or f"({self.say('name_erased')})"

    def _day(self) -> str:
        return day(self.of.signed_at.astimezone(FINLAND).date(), self.language)

    def _not_needed(self) -> Iterable[Block | None]:
        screening = self.of.screening
        assert screening is not None
        reason = {"kind": "box", "rows": [self.written(screening.reason)]}
        yield _section(self.say("screening_reason"), reason)
        rows = [[[self.own(answer.question)], [self.own(capital(answer.told))]] for answer in screening.answers]
        columns = [_column(self.say("question"), 4), _column(self.say("answer"), 1)]
        yield _section(self.say("screening"), _table(self.say("screening"), columns, rows))
        yield self._signature()

    def _assessment(self) -> Iterable[Block | None]:
        yield self._conclusion()
        yield self._text("summary")
        yield self._recommendations()
        yield _section(self.say("impacts"), self._side_by_side(), *self._options())
        yield self._hearings()
        yield self._evidence()
        yield self._effect()
        yield self._text("competing_interests")
        yield self._text("changes_made")
        yield self._text("follow_up_plan")
        yield self._quality()
        yield self._child_friendly()
        yield self._answers()
        yield self._signature()

    def _text(self, name: str) -> Block:
        said = getattr(self.of, name)
        return _section(self.say(name), _text(self.written(said) if said else self._nothing()))

    def _nothing(self, name: str = "nothing_recorded") -> Said:
        return self.own(self.say(name), look="muted")

    def _conclusion(self) -> Block:
        of = self.of
        verdict = {True: "yields", False: "does_not_yield", None: "yielding_not_said"}[of.interest_yields]
        rows = [self.written(of.best_interests) if of.best_interests else self._nothing()]
        rows.append(self.own(self.say(verdict), look="strong"))
        if of.interest_yields_reason:
            rows.append(self.written(of.interest_yields_reason, label=self.say("why")))
        return _section(self.say("conclusion"), {"kind": "box", "rows": rows})

    def _recommendations(self) -> Block:
        rows = [self.written(row.text, label=capital(row.kind.label)) for row in self.of.recommendations]
        return _section(self.say("recommendations"), {"kind": "list", "rows": rows} if rows else _text(self._nothing()))

    def _side_by_side(self) -> Block | None:
        if not any(option.impacts for option in self.of.options):
            return None
        directions = ("positive", "negative", "mixed", "neutral")
        rows = [
            [
                [self.titled(option.title, label=option.code)],
                *(
                    [self.own(str(sum(impact.direction.code == code for impact in option.impacts) or "–"))]
                    for code in directions
                ),
            ]
            for option in self.of.options
        ]
        columns = [_column(self.say("option"), 5), *(_column(self.say(code), 1.5, number=True) for code in directions)]
        return _table(self.say("side_by_side"), columns, rows, caption=True)

    def _options(self) -> Iterable[Block]:
        columns = [
            _column(self.say("impact"), 5.2),
            _column(self.say("kind_and_size"), 2.4),
            _column(self.say("likelihood_and_term"), 2.4),
            _column(self.say("whom"), 3.1),
        ]
        for option in self.of.options:
            yield {"kind": "heading", "said": self.titled(option.title, label=option.code)}
            if option.description:
                yield _text(self.written(option.description), leads=bool(option.impacts))
            if option.impacts:
                rows = [self._impact(impact) for impact in option.impacts]
                yield _table(self.say("impacts_of", code=option.code), columns, rows)
            else:
                yield _text(self._nothing("no_impacts"))

    def _impact(self, impact: StatementImpact) -> list[list[Said]]:
        areas = _listed(f"{area.name} ({area.kind.label})" for area in impact.areas)
        small: list[Said] = []
        if impact.mitigation:
            small.append(self.written(impact.mitigation, label=self.say("mitigation")))
        if areas:
            small.append(self.written(areas, label=self.say("areas"), look="small"))
        if impact.articles:
            said = _listed(map(str, impact.articles))
            small.append(self.own(said, label=self.say("articles"), look="small"))
        if impact.evidence:
            said = _listed(map(str, impact.evidence))
            small.append(self.own(said, label=self.say("rests_on"), look="small"))
        kind = [self.own(capital(impact.direction.label), look="strong")]
        kind += [self.own(impact.magnitude.label), self.own(impact.impact_class.label)]
        if not impact.intended:
            kind.append(self.own(self.say("not_intended")))
        groups = [self.own(_short(group.label)) for group in (*impact.age_groups, *impact.child_groups)]
        return [
            [self.written(impact.description), *small],
            kind,
            [self.own(capital(impact.likelihood.label)), self.own(impact.term.label)],
            groups or [self._nothing()],
        ]

    def _hearings(self) -> Block:
        if not self.of.hearings:
            return _section(self.say("hearings"), _text(self._nothing("nobody_heard")))
        return _section(self.say("hearings"), *(self._hearing(hearing) for hearing in self.of.hearings))

    def _hearing(self, hearing: StatementHearing) -> Block:
        facts = [hearing.party.label, hearing.method.label, *_labels(hearing.age_groups)]
        if hearing.number is not None:
            one = hearing.number == 1
            count = number(hearing.number, self.language).replace(" ", NBSP)
            facts.append(self.say("one_person") if one else self.say("people", number=count))
        if hearing.held_on:
            facts.append(day(hearing.held_on, self.language))
        return {
            "kind": "entry",
            "said": self.written(hearing.who),
            "under": self.own(capital(_listed(facts))),
            "rows": [
                self.written(hearing.views, label=self.say("views")),
                {
                    **(self.written(hearing.effect) if hearing.effect else self._nothing()),
                    "label": self.say("changed"),
                },
                self.own(self.say("feedback_given" if hearing.feedback_given else "no_feedback"), look="muted"),
            ],
        }

    def _evidence(self) -> Block:
        if not self.of.evidence:
            return _section(self.say("evidence"), _text(self._nothing("no_evidence")))
        return _section(self.say("evidence"), *(self._piece(piece) for piece in self.of.evidence))

    def _piece(self, piece: StatementEvidence) -> Block:
        source = self.written(piece.source, label=self.say("source"))
        if piece.url:
            source["url"] = piece.url
        rows = [self.written(piece.finding, label=self.say("finding"))]
        if piece.indicators:
            rows.append(self.written(_figures(piece, self.language), label=self.say("figures"), look="lines"))
        if piece.gap:
            rows.append(self.written(piece.gap, label=self.say("gap")))
        rows.append(source)
        checks = [
            f"{self.say(name)}: {self.say('yes' if met else 'no')}"
            for name in ("up_to_date", "relevant", "wide_enough")
            if (met := getattr(piece, name)) is not None
        ]
        if checks:
            rows.append(self.own(_listed(checks), label=self.say("checks")))
        facts = [piece.kind.label, *([day(piece.dated, self.language)] if piece.dated else [])]
        return {
            "kind": "entry",
            "said": self.written(piece.title, label=f"{piece.number}."),
            "under": self.own(capital(_listed(facts))),
            "rows": rows,
        }

    def _effect(self) -> Block:
        years = self.of.budget_effect
        if not years:
            return _section(self.say("effect"), _text(self._nothing("no_effect")))
        tables = []
        for start in range(0, len(years), MOST_YEARS):
            some = years[start : start + MOST_YEARS]
            columns = [_column(self.say("item"), 3), *(_column(str(row.year), 1.6, number=True) for row in some)]

            def line(label: str, cents: Sequence[int], look: str = "") -> list[list[Said]]:
                said = [[self.own(euros(value, self.language), look=look)] for value in cents]
                return [[self.own(label, look=look)], *said]

            rows = [line(self.say("total"), [row.total.cents for row in some])]
            rows.append(line(self.say("extended"), [row.extended.cents for row in some], "strong"))
            for place, group in enumerate(some[0].age_groups):
                cents = [row.age_groups[place].extended.cents for row in some]
                rows.append(line(f"–{NBSP}{group.age_group.label}", cents))
            rows.append(line(self.say("core"), [row.core.cents for row in some]))
            rows.append(line(self.say("unclassified"), [row.unclassified.cents for row in some]))
            tables.append(_table(self.say("effect"), columns, rows))
        return _section(self.say("effect"), _text(self.own(self.say("effect_lead")), leads=True), *tables)

    def _quality(self) -> Block:
        names = [("quality_line", 4.2), ("result", 1.0)]
        lacking = any(not line.passed for line in self.of.quality)
        rows = []
        for line in self.of.quality:
            result = self.own(self.say("passed" if line.passed else "missing"), look="" if line.passed else "strong")
            rows.append([[self.own(line.line.label)], [result]])
            if lacking:
                rows[-1].append([self.own(why) for why in line.why] or [self.own("–")])
        columns = [_column(self.say(name), width) for name, width in [*names, ("what_is_missing", 3.6)][: 2 + lacking]]
        return _section(self.say("quality"), _table(self.say("quality"), columns, rows))

    def _child_friendly(self) -> Block | None:
        said = self.of.child_friendly
        if not said:
            return self._text("child_friendly")
        return _section(self.say("child_friendly"), {"kind": "box", "rows": [self.written(said, look="large")]})

    def _answers(self) -> Block | None:
        if not self.of.answers:
            return None
        rows = [[[self.own(answer.question)], [self.written(answer.told)]] for answer in self.of.answers]
        columns = [_column(self.say("question"), 1), _column(self.say("answer"), 1)]
        return _section(self.say("answers"), _table(self.say("answers"), columns, rows))

    def _signature(self) -> Block:
        of, at = self.of, self.of.signed_at.astimezone(FINLAND)
        time = f"{at:%H:%M}" if self.language == "en" else f"{at.hour}.{at:%M}"
        when = self.say("signed_at", day=self._day(), time=time)
        rows = [
            self.own(f"{self._signer()}, {when}", label=self.say("signed")),
            self.own(of.content_digest, label=self.say("digest"), look="code"),
        ]
        check = self.say("how_to_check", address=f"/api/v1/assessments/{of.assessment_id}/seals", seal=of.seal_id)
        return _section(self.say("signature"), {"kind": "facts", "rows": rows}, _text(self.own(check, look="muted")))


def _section(heading: str, *blocks: Block | None) -> Block:
    return {"heading": heading, "blocks": [block for block in blocks if block]}


def _text(said: Said, *, leads: bool = False) -> Block:
    """A text, which stays with what comes after it where it leads there."""
    return {"kind": "text", "rows": [said], "leads": leads and len(said["text"]) < _SHORT}


def _short(label: str) -> str:
    """A label without what stands after it in brackets: 0–6-vuotiaat (alle kouluikäiset)."""
    return label.partition(" (")[0] or label


def _column(title: str, width: float, *, number: bool = False) -> dict[str, Any]:
    return {"title": title, "width": width, "number": number}


def _table(
    name: str, columns: Sequence[dict[str, Any]], rows: Sequence[Sequence[Sequence[Said]]], *, caption: bool = False
) -> Block:
    return {"kind": "table", "name": name, "caption": caption, "columns": list(columns), "rows": list(rows)}


def _labels(coded: Iterable[Coded]) -> list[str]:
    return [each.label for each in coded]


def _listed(said: Iterable[str]) -> str:
    return ", ".join(said)


def _figures(piece: StatementEvidence, language: str) -> str:
    """The figures of a piece of evidence, one a line."""
    lines = []
    for figure in piece.indicators:
        source = None if figure.source in piece.source else figure.source
        beside = _listed(part for part in (figure.group, figure.area, str(figure.year), source) if part)
        lines.append(f"{figure.name}: {number(figure.value, language)}{NBSP}{figure.unit} ({beside})")
    return "\n".join(lines)
