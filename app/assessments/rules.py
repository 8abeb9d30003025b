"""The assessment's states, who may take them, and what makes an assessment good. No database here."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypedDict

from app.assessments import form_schemas
from app.assessments.models import AssessmentState as S
from app.assessments.models import EvidenceKind, Extent, HearingParty, ScreeningOutcome, Term
from app.conventions.states import Move
from app.conventions.vocabulary import labels
from app.errors import Conflict, Fault, Invalid
from app.services.models import AgeGroup, ImpactClass

MOVES: dict[str, Move] = {
    "drafting": Move("assessments:write", frozenset({S.SCREENING, S.RETURNED}), S.DRAFTING),
    "signature": Move("assessments:review", frozenset({S.SCREENING}), S.NOT_NEEDED, by_author=False),
    "submission": Move("assessments:write", frozenset({S.DRAFTING, S.RETURNED}), S.IN_REVIEW),
    "return": Move("assessments:review", frozenset({S.IN_REVIEW}), S.RETURNED, by_author=False),
    "approval": Move("assessments:review", frozenset({S.IN_REVIEW}), S.APPROVED, by_author=False),
    "publication": Move("assessments:publish", frozenset({S.APPROVED, S.NOT_NEEDED}), S.PUBLISHED, by_author=False),
    "withdrawal": Move("assessments:write", frozenset({S.SCREENING, S.DRAFTING, S.RETURNED, S.IN_REVIEW}), S.WITHDRAWN),
}
"""What is done, by the name of its route. A new edition's approval or signature makes the one before it `superseded`.

From a signed 'not needed' the way on is a new edition, which is screened anew: what is sealed stays as it was signed.
"""

SUPERSEDABLE = frozenset({S.APPROVED, S.PUBLISHED, S.NOT_NEEDED})
WRITABLE = frozenset({S.DRAFTING, S.RETURNED})


def check_writable(state: str) -> None:
    """Conflict `wrong_state` where the content is not being written."""
    if state not in WRITABLE:
        raise Conflict(
            "wrong_state", f"The assessment is {state}: its content is not being written. Make a new edition."
        )


def check_screening(screening: Mapping[str, Any] | None, outcome: str) -> None:
    """Conflict `not_screened` where the screening does not propose this outcome."""
    if screening is None or screening["outcome"] != outcome:
        raise Conflict("not_screened", f"Answer the screening first, with the outcome {outcome}.")


def is_signed_not_needed(state: str, screening: Mapping[str, Any] | None) -> bool:
    """Whether an edition is a signed 'not needed', published or not: its new edition starts with the screening."""
    outcome = screening["outcome"] if screening else None
    return state in {S.NOT_NEEDED, S.PUBLISHED} and outcome == ScreeningOutcome.NOT_NEEDED


class QualityGap(StrEnum):
    """What a line of the quality check can lack; the vocabulary says it in words."""

    NO_IMPACTS = "no_impacts"
    FEW_IMPACTS = "few_impacts"
    NOBODY_HEARD = "nobody_heard"
    NO_EVIDENCE = "no_evidence"
    IMPACTS_WITHOUT_EVIDENCE = "impacts_without_evidence"
    CHILDREN_NOT_HEARD = "children_not_heard"
    PARENTS_NOT_HEARD = "parents_not_heard"
    NO_AGE_GROUPS = "no_age_groups"
    NO_CHILD_GROUPS = "no_child_groups"
    NO_BEST_INTERESTS = "no_best_interests"
    NO_COMPETING_INTERESTS = "no_competing_interests"
    YIELDING_NOT_SAID = "yielding_not_said"
    ONE_TERM_ONLY = "one_term_only"
    NO_INDIRECT_EFFECTS = "no_indirect_effects"
    NO_OPTIONS = "no_options"
    OPTIONS_WITHOUT_IMPACTS = "options_without_impacts"
    ONE_OPTION_ASSESSED = "one_option_assessed"
    NO_SUMMARY = "no_summary"
    NO_RECOMMENDATIONS = "no_recommendations"
    NO_FOLLOW_UP_PLAN = "no_follow_up_plan"


class Gap(TypedDict):
    """One thing that is missing, and of what: codes of options, or how many impacts."""

    code: str
    of: list[str]


class QualityLine(TypedDict):
    """One line of the quality check: whether it is met, and if not, what is missing."""

    line: str
    passed: bool
    missing: list[Gap]


def quality(assessment: Mapping[str, Any], options: Sequence[Mapping[str, Any]]) -> list[QualityLine]:
    """What makes an assessment good (seed 002, "Millainen on hyvä lapsivaikutusten arviointi"), line by line.

    `assessment` is its whole content with its parts; `options` are the decision's. Never one score: each line says what
    is missing. Only children's own information, the thoroughness, the conclusions and the follow-up plan keep it from
    review. Parents are asked for where the impacts concern children below school age, who seldom speak for themselves.
    """
    lines: list[tuple[str, list[Gap]]] = [
        ("thorough", _thorough(assessment)),
        ("evidence_base", _evidence_base(assessment)),
        ("childrens_information", _childrens_information(assessment)),
        ("ages_and_groups", _ages_and_groups(assessment)),
        ("best_interests", _best_interests(assessment)),
        ("short_and_long_term", _short_and_long_term(assessment)),
        ("indirect_effects", _indirect_effects(assessment)),
        ("options_compared", _options_compared(assessment, options)),
        ("conclusions", _conclusions(assessment)),
        ("follow_up_plan", _gaps((not assessment["follow_up_plan"], QualityGap.NO_FOLLOW_UP_PLAN))),
    ]
    return [{"line": line, "passed": not missing, "missing": missing} for line, missing in lines]


def _gaps(*found: tuple[bool, QualityGap]) -> list[Gap]:
    return [{"code": code.value, "of": []} for is_missing, code in found if is_missing]


def _is_full(assessment: Mapping[str, Any]) -> bool:
    return bool(assessment["extent"] == Extent.FULL)


def _ages(assessment: Mapping[str, Any]) -> set[str]:
    return {age for impact in assessment["impacts"] for age in impact["age_groups"]}


def _thorough(assessment: Mapping[str, Any]) -> list[Gap]:
    impacts, full = assessment["impacts"], _is_full(assessment)
    return _gaps(
        (not impacts, QualityGap.NO_IMPACTS),
        (full and len(impacts) < 3, QualityGap.FEW_IMPACTS),
        (full and not assessment["hearings"], QualityGap.NOBODY_HEARD),
    )


def _evidence_base(assessment: Mapping[str, Any]) -> list[Gap]:
    missing = _gaps((not assessment["evidence"], QualityGap.NO_EVIDENCE))
    unproven = sum(not impact["evidence_ids"] for impact in assessment["impacts"])
    if _is_full(assessment) and unproven:
        missing.append({"code": QualityGap.IMPACTS_WITHOUT_EVIDENCE, "of": [str(unproven)]})
    return missing


def _childrens_information(assessment: Mapping[str, Any]) -> list[Gap]:
    heard = {hearing["party"] for hearing in assessment["hearings"]}
    surveys = (e for e in assessment["evidence"] if e["kind"] == EvidenceKind.CHILDREN_SURVEY)
    fit = any(survey["up_to_date"] and survey["relevant"] and survey["wide_enough"] for survey in surveys)
    return _gaps(
        (HearingParty.CHILDREN not in heard and not fit, QualityGap.CHILDREN_NOT_HEARD),
        (AgeGroup.UNDER_7 in _ages(assessment) and HearingParty.PARENTS not in heard, QualityGap.PARENTS_NOT_HEARD),
    )


def _ages_and_groups(assessment: Mapping[str, Any]) -> list[Gap]:
    return _gaps(
        (not _ages(assessment) - {AgeGroup.ADULT}, QualityGap.NO_AGE_GROUPS),
        (not any(impact["child_groups"] for impact in assessment["impacts"]), QualityGap.NO_CHILD_GROUPS),
    )


def _best_interests(assessment: Mapping[str, Any]) -> list[Gap]:
    return _gaps(
        (not assessment["best_interests"], QualityGap.NO_BEST_INTERESTS),
        (not assessment["competing_interests"], QualityGap.NO_COMPETING_INTERESTS),
        (assessment["interest_yields"] is None, QualityGap.YIELDING_NOT_SAID),
    )


def _short_and_long_term(assessment: Mapping[str, Any]) -> list[Gap]:
    terms = {impact["term"] for impact in assessment["impacts"]}
    return _gaps((terms != {Term.SHORT, Term.LONG}, QualityGap.ONE_TERM_ONLY))


def _indirect_effects(assessment: Mapping[str, Any]) -> list[Gap]:
    classes = {impact["impact_class"] for impact in assessment["impacts"]}
    return _gaps((classes <= {ImpactClass.DIRECT}, QualityGap.NO_INDIRECT_EFFECTS))


def _options_compared(assessment: Mapping[str, Any], options: Sequence[Mapping[str, Any]]) -> list[Gap]:
    proposed = [option for option in options if option["code"] != "VE0"]
    with_impacts = {str(impact["option_id"]) for impact in assessment["impacts"]}
    bare = [option["code"] for option in proposed if str(option["id"]) not in with_impacts]
    missing = _gaps((not proposed, QualityGap.NO_OPTIONS))
    if bare:
        missing.append({"code": QualityGap.OPTIONS_WITHOUT_IMPACTS, "of": bare})
    return missing + _gaps((_is_full(assessment) and len(with_impacts) < 2, QualityGap.ONE_OPTION_ASSESSED))


def _conclusions(assessment: Mapping[str, Any]) -> list[Gap]:
    return _gaps(
        (not assessment["summary"], QualityGap.NO_SUMMARY),
        (not assessment["recommendations"], QualityGap.NO_RECOMMENDATIONS),
    )


def in_words(missing: Iterable[Gap], language: str) -> str:
    """What is missing as sentences in a language: `fi`, `sv` or `en`."""
    known = labels("quality_gap")
    return " ".join(
        known[gap["code"]][language] + ": " * bool(gap["of"]) + ", ".join(gap["of"]) + "." for gap in missing
    )


REQUIRED_LINES = ("thorough", "conclusions", "follow_up_plan")
"""Lines without which, and without children's own information, nothing goes to review; the rest the reviewer sees."""


def check_complete(lines: Iterable[QualityLine]) -> None:
    """Conflict where something is missing that review cannot do without; a parents' hearing is left to the reviewer."""
    missing = {line["line"]: line["missing"] for line in lines if not line["passed"]}
    unheard = [gap for gap in missing.get("childrens_information", ()) if gap["code"] == QualityGap.CHILDREN_NOT_HEARD]
    if unheard:
        raise Conflict("children_not_heard", in_words(unheard, "en"))
    wanting = [gap for line in REQUIRED_LINES for gap in missing.get(line, ())]
    if wanting:
        raise Conflict("incomplete", in_words(wanting, "en"))


FORM_ITEMS = frozenset(
    {
        *("extent", "manner", "summary", "best_interests", "competing_interests", "interest_yields"),
        *("interest_yields_reason", "changes_made", "child_friendly", "follow_up_plan"),
        *("impacts", "evidence", "hearings", "recommendations"),
    }
)
"""What a form can arrange besides its own questions: the assessment's fields and the kinds of its parts."""


def check_definition(definition: Mapping[str, Any]) -> None:
    """Invalid where an id stands twice, a page shows what there is not, or a question's JSON Schema is not one or
    refers elsewhere. `definition` is a form's, as JSON.
    """
    faults = [
        Fault(f"/definition/{part}/{index}/id", "This id stands twice.")
        for part in ("screening", "sections", "questions")
        for index in _repeated([entry["id"] for entry in definition[part]])
    ]
    questions = {question["id"] for question in definition["questions"]}
    faults += [
        Fault(f"/definition/questions/{index}/id", "A field of the assessment has this name.")
        for index, question in enumerate(definition["questions"])
        if question["id"] in FORM_ITEMS
    ]
    faults += [
        Fault(f"/definition/sections/{page}/items/{place}", "Neither a field or part of the assessment nor a question.")
        for page, section in enumerate(definition["sections"])
        for place, item in enumerate(section["items"])
        if item not in FORM_ITEMS | questions
    ]
    if faults:
        raise Invalid("invalid", "The form does not hold together.", faults)
    if (
        form_schemas.size_of([question["schema"] for question in definition["questions"]])
        > form_schemas.MOST_IN_SCHEMAS
    ):
        fault = Fault("/definition/questions", f"All schemas hold more than {form_schemas.MOST_IN_SCHEMAS} values.")
        raise Invalid("invalid", "The form is too large.", [fault])
    for index, question in enumerate(definition["questions"]):
        pointer = f"/definition/questions/{index}"
        refusal = form_schemas.why_refused(question["schema"])
        if refusal:
            fault = Fault(f"{pointer}/schema", refusal)
            raise Invalid("invalid", "A question's schema cannot be used.", [fault])


def _repeated(ids: Sequence[str]) -> list[int]:
    """The places of ids that stand further up already."""
    return [place for place, key in enumerate(ids) if key in ids[:place]]


def check_upgrade(present: tuple[str, int], newer: tuple[str, int]) -> None:
    """Invalid unless the form moved to is the present one or a later edition of it; both are (key, edition)."""
    if newer[0] != present[0]:
        fault = Fault("/form_id", f"Another form ({newer[0]}); the assessment is filled on {present[0]}.")
        raise Invalid("invalid", "Name an edition of the same form.", [fault])
    if newer[1] < present[1]:
        fault = Fault("/form_id", f"Edition {newer[1]}; the assessment is on edition {present[1]}.")
        raise Invalid("invalid", "Name a newer edition of the form.", [fault])


def check_form_answers(definition: Mapping[str, Any], answers: Mapping[str, Any]) -> None:
    """Invalid where an answer is to no question of the form, or breaks its question's JSON Schema."""
    questions = {question["id"]: question["schema"] for question in definition["questions"]}
    if form_schemas.size_of(answers) > form_schemas.MOST_IN_ANSWERS:
        fault = Fault("/answers", f"All answers hold more than {form_schemas.MOST_IN_ANSWERS} values.")
        raise Invalid("invalid", "The answers are too large.", [fault])
    faults = []
    for key, value in answers.items():
        pointer = "/answers/" + key.replace("~", "~0").replace("/", "~1")
        if key not in questions:
            faults.append(Fault(pointer, "The form has no such question."))
            continue
        faults += [Fault(pointer, why) for why in form_schemas.faults_of_answer(questions[key], value)]
    if faults:
        raise Invalid("invalid", "Some answers do not fit the form.", faults)


def check_screening_answers(definition: Mapping[str, Any], answers: Mapping[str, str]) -> None:
    """Invalid where a screening question of the form is unanswered, or an answer is to none of them."""
    questions = {question["id"] for question in definition["screening"]}
    faults = [Fault(f"/answers/{key}", "The form has no such question.") for key in answers if key not in questions]
    faults += [Fault(f"/answers/{key}", "Answer yes, no or unsure.") for key in sorted(questions - set(answers))]
    if faults:
        raise Invalid("invalid", "Answer each screening question.", faults)


def carried_answers(answers: Mapping[str, Any], definition: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The answers that a newer form takes over by their stable question ids, and the ids of those it does not.

    An answer that breaks the newer question's schema is left behind and named, never bent.
    """
    questions = {question["id"]: question["schema"] for question in definition["questions"]}
    kept = {
        key: value
        for key, value in answers.items()
        if key in questions and not form_schemas.faults_of_answer(questions[key], value)
    }
    return kept, sorted(set(answers) - set(kept))
