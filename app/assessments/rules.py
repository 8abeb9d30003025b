"""The assessment's states, who may take them, and what makes an assessment good. No database here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from app.assessments import form_schemas
from app.assessments.models import AssessmentState as S
from app.assessments.models import Extent
from app.conventions.states import Move
from app.errors import Conflict, Fault, Invalid

MOVES: dict[str, Move] = {
    "drafting": Move("assessments:write", frozenset({S.SCREENING, S.NOT_NEEDED, S.RETURNED}), S.DRAFTING),
    "signature": Move("assessments:review", frozenset({S.SCREENING}), S.NOT_NEEDED, by_author=False),
    "submission": Move("assessments:write", frozenset({S.DRAFTING, S.RETURNED}), S.IN_REVIEW),
    "return": Move("assessments:review", frozenset({S.IN_REVIEW}), S.RETURNED, by_author=False),
    "approval": Move("assessments:review", frozenset({S.IN_REVIEW}), S.APPROVED, by_author=False),
    "publication": Move("assessments:publish", frozenset({S.APPROVED, S.NOT_NEEDED}), S.PUBLISHED, by_author=False),
    "withdrawal": Move("assessments:write", frozenset({S.SCREENING, S.DRAFTING, S.RETURNED, S.IN_REVIEW}), S.WITHDRAWN),
}
"""What is done, by the name of its route. A new edition's approval makes the one before it `superseded`."""

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


class QualityLine(TypedDict):
    """One line of the quality check: whether it is met, and if not, what is missing."""

    line: str
    passed: bool
    why: str


def quality(assessment: Mapping[str, Any], options: Sequence[Mapping[str, Any]]) -> list[QualityLine]:
    """What makes an assessment good (seed 002, "Millainen on hyvä lapsivaikutusten arviointi"), line by line.

    `assessment` is its whole content with its parts; `options` are the decision's. Never one score: each line says what
    is missing. Only children's own information, the conclusions and the follow-up plan keep it from review.
    """
    impacts, evidence = assessment["impacts"], assessment["evidence"]
    children = [h for h in assessment["hearings"] if h["party"] == "children"]
    reused = [
        e for e in evidence if e["kind"] == "children_survey" and e["up_to_date"] and e["relevant"] and e["wide_enough"]
    ]
    full = assessment["extent"] == Extent.FULL
    proposed = [option for option in options if option["code"] != "VE0"]
    with_impacts = {str(impact["option_id"]) for impact in impacts}
    bare = [option["code"] for option in proposed if str(option["id"]) not in with_impacts]
    ages = {age for impact in impacts for age in impact["age_groups"]} - {"18+"}
    groups = {group for impact in impacts for group in impact["child_groups"]}
    unproven = [impact for impact in impacts if not impact["evidence_ids"]]

    wanted: list[tuple[str, list[str]]] = [
        (
            "thorough",
            [
                *_if(not impacts, "Record at least one impact."),
                *_if(full and len(impacts) < 3, "A full assessment records at least three impacts."),
                *_if(full and not assessment["hearings"], "A full assessment hears those concerned."),
            ],
        ),
        (
            "evidence_base",
            [
                *_if(not evidence, "Record what the assessment is based on."),
                *_if(full and bool(unproven), f"{len(unproven)} impacts name no evidence."),
            ],
        ),
        (
            "childrens_information",
            _if(
                not children and not reused,
                "Record how children were heard, or a survey of children that is up to date, relevant and wide enough.",
            ),
        ),
        (
            "ages_and_groups",
            [
                *_if(not ages, "Name the age groups under 18 that the impacts concern."),
                *_if(not groups, "Name the groups of children that the impacts concern."),
            ],
        ),
        (
            "best_interests",
            _if(not assessment["best_interests"], "Conclude what is in the best interests of the child."),
        ),
        (
            "short_and_long_term",
            _if(
                {impact["term"] for impact in impacts} != {"short", "long"},
                "Record impacts both in the short and in the long term.",
            ),
        ),
        (
            "indirect_effects",
            _if(
                not any(impact["impact_class"] in {"indirect", "communal"} for impact in impacts),
                "Record at least one indirect or communal impact, or one that says there is none.",
            ),
        ),
        (
            "options_compared",
            [
                *_if(not proposed, "The decision has no option besides VE0."),
                *_if(bool(bare), f"No impacts for: {', '.join(bare)}."),
                *_if(full and len(with_impacts) < 2, "A full assessment sets at least two options side by side."),
            ],
        ),
        (
            "conclusions",
            [
                *_if(not assessment["summary"], "Sum the assessment up."),
                *_if(not assessment["recommendations"], "Recommend something to those who decide."),
            ],
        ),
        ("follow_up_plan", _if(not assessment["follow_up_plan"], "Say how and when the effects will be followed.")),
    ]
    return [{"line": line, "passed": not missing, "why": " ".join(missing)} for line, missing in wanted]


REQUIRED_LINES = ("thorough", "conclusions", "follow_up_plan")
"""Lines without which, and without children's own information, nothing goes to review; the rest the reviewer sees."""


def check_complete(lines: Iterable[QualityLine]) -> None:
    """Conflict where a line is missing that review cannot do without."""
    missing = {line["line"]: line["why"] for line in lines if not line["passed"]}
    if "childrens_information" in missing:
        raise Conflict("children_not_heard", missing["childrens_information"])
    wanting = [missing[line] for line in REQUIRED_LINES if line in missing]
    if wanting:
        raise Conflict("incomplete", " ".join(wanting))


def check_definition(definition: Mapping[str, Any]) -> None:
    """Invalid where a question's JSON Schema is not one, refers elsewhere, or an id stands twice."""
    if (
        form_schemas.size_of([question["schema"] for question in definition["questions"]])
        > form_schemas.MOST_IN_SCHEMAS
    ):
        fault = Fault("/definition/questions", f"All schemas hold more than {form_schemas.MOST_IN_SCHEMAS} values.")
        raise Invalid("invalid", "The form is too large.", [fault])
    seen: set[str] = set()
    for index, question in enumerate(definition["questions"]):
        pointer = f"/definition/questions/{index}"
        if question["id"] in seen:
            raise Invalid("invalid", "Ids are unique.", [Fault(f"{pointer}/id", "This id stands twice.")])
        seen.add(question["id"])
        refusal = form_schemas.why_refused(question["schema"])
        if refusal:
            fault = Fault(f"{pointer}/schema", refusal)
            raise Invalid("invalid", "A question's schema cannot be used.", [fault])


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


def _if(condition: bool, words: str) -> list[str]:
    return [words] if condition else []
