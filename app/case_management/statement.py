"""The statement (lausunto) of an assessment: from what was sealed, and nothing else, to what the agenda says of it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from app.access.rules import Caller
from app.assessments import queries as assessments
from app.assessments.models import Seal
from app.case_management.statement_schemas import StatementRead
from app.database import Session
from app.errors import Conflict
from app.journal import queries as journal
from app.services.rules import AGE_GROUPS

LANGUAGES = ("fi", "sv", "en")
MOST_EXACT = 10**15
_TEXTS = (
    *("summary", "best_interests", "competing_interests", "interest_yields", "interest_yields_reason"),
    *("changes_made", "child_friendly", "follow_up_plan"),
)
_OF_HEARING = ("who", "number", "held_on", "views", "effect", "feedback_given")
_OF_EVIDENCE = (
    *("title", "source", "dated", "url", "finding", "up_to_date", "relevant", "wide_enough", "gap", "indicators"),
)
_YES_NO_UNSURE = {
    "yes": {"fi": "kyllä", "sv": "ja", "en": "yes"},
    "no": {"fi": "ei", "sv": "nej", "en": "no"},
    "unsure": {"fi": "ei varmuutta", "sv": "osäkert", "en": "unsure"},
}


def statement(session: Session, assessment_id: UUID, language: str | None, *, visible_to: Caller) -> StatementRead:
    """The statement of an assessment's newest seal, in the case's language or in the one asked for (`fi`, `sv`, `en`).

    Raises Conflict `not_sealed` where nothing was approved or signed yet. Four queries.
    """
    assessment = assessments.get(session, assessment_id, visible_to=visible_to)
    seals = assessments.seals(session, assessment.id, visible_to=visible_to)
    if not seals:
        raise Conflict(
            "not_sealed",
            f"The assessment is {assessment.state}: it has no statement until it is approved or signed as not needed.",
        )
    return stated(seals[-1], signer(session, seals[-1]), language)


def signer(session: Session, sealed: Seal) -> str | None:
    """The name of whoever signed, as the journal has it from then; None where it was erased there."""
    told = journal.entries(
        session,
        sealed.organisation_id,
        after=0,
        limit=50,
        object_id=sealed.object_id,
        verb=f"{sealed.object_type}.sealed",
    )
    words = (json.loads(entry["details"]) for entry in told if entry["details"])
    return next((said["actor"] for said in words if said["seal_id"] == str(sealed.id)), None)


def stated(sealed: Seal, signed_by: str | None, language: str | None = None) -> StatementRead:
    """What a seal states, field by field: nothing of the sealed content is told unless it is named here."""
    content = json.loads(sealed.content)
    decision = content["decision"]
    telling = Telling(content, language or decision["language"])
    return StatementRead.model_validate(
        {
            **telling.case(),
            **telling.assessment(),
            "assessment_id": sealed.object_id,
            "seal_id": sealed.id,
            "content_digest": sealed.digest,
            "signed_by": signed_by,
            "signed_at": sealed.signed_at,
        }
    )


class Telling:
    """The sealed content of an assessment, told with its own code lists in one language."""

    def __init__(self, content: Mapping[str, Any], language: str) -> None:
        self.content = content
        self.language = language
        self.case_language: str = content["decision"]["language"]

    def words(self, said: Mapping[str, str | None]) -> str:
        """A text in the language, or in one that it has: the case's first."""
        found = (said.get(language) for language in (self.language, self.case_language, *LANGUAGES))
        return next((text for text in found if text), "")

    def coded(self, name: str, code: str) -> dict[str, str]:
        """A code with its label; the code itself where its list has lost it."""
        return {"code": code, "label": self.words(self.content["code_lists"].get(name, {}).get(code, {})) or code}

    def ages(self, codes: Iterable[str]) -> list[dict[str, str]]:
        """Age groups, the youngest first."""
        return [self.coded("age_group", code) for code in sorted(codes, key=_by_age)]

    def case(self) -> dict[str, Any]:
        """Whose matter it is, and which."""
        organisation, decision = self.content["organisation"], self.content["decision"]
        return {
            "language": self.language,
            "organisation": {"business_id": organisation["business_id"], "name": organisation["name"]},
            "source": decision["source"],
            "diary_number": decision["diary_number"],
            "decision_key": decision["decision_key"],
            "decision_id": decision["id"],
            "title": self.content["proposal"]["title"],
            "case_language": self.case_language,
            "publicity": self.coded("publicity", decision["publicity"]),
            "publicity_grounds": decision.get("publicity_grounds"),
        }

    def assessment(self) -> dict[str, Any]:
        """What was concluded, and on what it rests; of a signed 'not needed' only its screening."""
        made = self.content["assessment"]
        screening = made["screening"]
        whole = not screening or screening["outcome"] != "not_needed"
        return {
            "kind": "assessment" if whole else "not_needed",
            "edition": made["edition"],
            "supersedes": made["supersedes"],
            "extent": self.coded("extent", made["extent"]) if whole else None,
            "manner": self.coded("manner", made["manner"]) if whole else None,
            "screening": self._screening(screening) if screening else None,
            **{name: made[name] if whole else None for name in _TEXTS},
            "recommendations": [
                {"kind": self.coded("recommendation_kind", row["kind"]), "text": row["text"]}
                for row in made["recommendations"]
            ],
            "options": self._options(made) if whole else [],
            "hearings": [self._hearing(row) for row in made["hearings"]],
            "evidence": [self._evidence(number, row) for number, row in enumerate(made["evidence"], 1)],
            "budget_effect": self._effect() if whole else [],
            "quality": [self._line(line) for line in self.content["quality"]] if whole else [],
            "answers": list(self._answers(made["answers"])) if whole else [],
        }

    def _screening(self, screening: Mapping[str, Any]) -> dict[str, Any]:
        questions = self.content["form"]["definition"]["screening"]
        return {
            "outcome": self.coded("screening_outcome", screening["outcome"]),
            "reason": screening["reason"],
            "answers": [
                {
                    "question": self.words(question["label"]),
                    "answer": screening["answers"][question["id"]],
                    "told": self.words(_YES_NO_UNSURE[screening["answers"][question["id"]]]),
                }
                for question in questions
                if question["id"] in screening["answers"]
            ],
        }

    def _options(self, made: Mapping[str, Any]) -> list[dict[str, Any]]:
        codes = {option["id"]: option["code"] for option in self.content["options"]}
        numbers = {row["id"]: number for number, row in enumerate(made["evidence"], 1)}
        of: dict[str, list[dict[str, Any]]] = {}
        for row in made["impacts"]:
            of.setdefault(codes[row["option_id"]], []).append(self._impact(row, numbers))
        return [
            {
                "code": option["code"],
                "title": option["title"],
                "description": option["description"],
                "impacts": of.get(option["code"], []),
            }
            for option in self.content["proposal"]["options"]
        ]

    def _impact(self, row: Mapping[str, Any], numbers: Mapping[str, int]) -> dict[str, Any]:
        return {
            "description": row["description"],
            **{
                name: self.coded(name, row[name])
                for name in ("impact_class", "direction", "magnitude", "likelihood", "term")
            },
            "intended": row["intended"],
            "age_groups": self.ages(row["age_groups"]),
            "child_groups": [self.coded("child_group", code) for code in row["child_groups"]],
            "areas": [{"kind": self.coded("area", area["kind"]), "name": area["name"]} for area in row["areas"]],
            "articles": sorted(row["articles"]),
            "mitigation": row["mitigation"],
            "evidence": sorted(numbers[key] for key in row["evidence_ids"] if key in numbers),
        }

    def _hearing(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "party": self.coded("hearing_party", row["party"]),
            "method": self.coded("hearing_method", row["method"]),
            "age_groups": self.ages(row["age_groups"]),
            **{name: row[name] for name in _OF_HEARING},
        }

    def _evidence(self, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
        kind = self.coded("evidence_kind", row["kind"])
        return {"number": number, "kind": kind, **{name: row[name] for name in _OF_EVIDENCE}}

    def _effect(self) -> list[dict[str, Any]]:
        effect = self.content.get("budget_effect") or {"years": []}
        return [
            {
                **{name: row[name] for name in ("year", "total", "core", "extended", "unclassified")},
                "age_groups": [
                    {**group, "age_group": self.coded("age_group", group["age_group"])} for group in row["age_groups"]
                ],
            }
            for row in effect["years"]
        ]

    def _line(self, line: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "line": self.coded("quality_line", line["line"]),
            "passed": line["passed"],
            "why": [self._gap(gap) for gap in line["missing"]],
        }

    def _gap(self, gap: Mapping[str, Any]) -> str:
        label = self.coded("quality_gap", gap["code"])["label"]
        return f"{label}: {', '.join(gap['of'])}." if gap["of"] else f"{label}."

    def _answers(self, answers: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
        """What the county's own questions were answered, in the order of the form's pages."""
        definition = self.content["form"]["definition"]
        questions = {question["id"]: question for question in definition["questions"]}
        shown = (item for section in definition["sections"] for item in section["items"] if item in questions)
        for key in dict.fromkeys((*shown, *questions)):
            if key in answers:
                said = self._in_words(answers[key])
                yield {"question": self.words(questions[key]["label"]), "answer": answers[key], "told": said}

    def _in_words(self, answer: Any) -> str:
        """An answer of any JSON kind, as a person reads it."""
        if isinstance(answer, bool):
            return self.words(_YES_NO_UNSURE["yes" if answer else "no"])
        if answer is None:
            return "–"
        if isinstance(answer, (int, float)):
            return number(answer, self.language)
        if isinstance(answer, list):
            return "; ".join(map(self._in_words, answer))
        if isinstance(answer, dict):
            return "; ".join(f"{name}: {self._in_words(value)}" for name, value in answer.items())
        return str(answer)


def _by_age(code: str) -> int:
    known = [group.value for group in AGE_GROUPS]
    return known.index(code) if code in known else len(known)


def number(value: float, language: str) -> str:
    """A number as it is written in a language: 13,3 in Finnish and Swedish, 13.3 in English; no digits are lost."""
    said = f"{int(value) if value == int(value) and abs(value) < MOST_EXACT else value:,}".replace(
        ",", "\u00a0"
    ).replace("-", "\u2212")
    return said if language == "en" else said.replace(".", ",")
