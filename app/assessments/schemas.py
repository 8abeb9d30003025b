"""What goes in and out about forms and assessments."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, model_validator
from typing_extensions import TypeAliasType

from app.assessments.models import AssessmentState, Extent, Manner, ScreeningOutcome
from app.assessments.parts_schemas import (
    SOME_ID,
    AttachmentRead,
    EvidenceRead,
    HearingRead,
    ImpactRead,
    RecommendationRead,
)
from app.assessments.rules import QualityGap
from app.budgeting.schemas import BudgetEffect
from app.conventions.schemas import Flag, Localised, LocalisedText, LongText, Representation, Resource, Schema

QuestionId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
ScreeningAnswer = TypeAliasType(
    "ScreeningAnswer",
    Annotated[
        Literal["yes", "no", "unsure"],
        Field(title="ScreeningAnswer", description="The answer to a question of the screening."),
    ],
)


class ScreeningQuestion(Schema):
    """A question of the screening, answered with yes, no or unsure."""

    id: QuestionId = Field(description="Stable id.", examples=["touches_children"])
    label: LocalisedText = Field(description="The question.")
    help: LocalisedText | None = Field(default=None, description="Why it is asked.")


class AddedQuestion(Schema):
    """A question of the county's own."""

    id: QuestionId = Field(description="Stable id, by which answers are carried to newer editions.")
    label: LocalisedText = Field(description="The question.")
    help: LocalisedText | None = Field(default=None, description="Why it is asked.")
    schema_: dict[str, Any] = Field(
        alias="schema",
        max_length=50,
        description="JSON Schema (2020-12) of the answer, without references, patterns and unevaluated…; "
        "of at most 1000 values.",
    )

    model_config = {"populate_by_name": True, "extra": "forbid"}


class Section(Schema):
    """A page of the form: which fields and questions, in which order."""

    id: QuestionId = Field(description="Stable id.")
    title: LocalisedText = Field(description="Its heading.")
    help: LocalisedText | None = Field(default=None, description="What it is for.")
    items: list[QuestionId] = Field(
        max_length=50, description="Names of the assessment's fields and parts, and of questions."
    )


class FormDefinition(Schema):
    """How the form arranges the assessment, and what it adds."""

    screening: list[ScreeningQuestion] = Field(min_length=1, max_length=30, description="The screening.")
    sections: list[Section] = Field(min_length=1, max_length=30, description="The pages.")
    questions: list[AddedQuestion] = Field(
        default_factory=list, max_length=100, description="The county's own questions."
    )


class FormNew(Schema):
    """A new edition of a form, or the first of a new one."""

    key: QuestionId = Field(description="Which form.", examples=["lava"])
    title: LocalisedText = Field(description="Its name.")
    definition: FormDefinition = Field(description="Its content.")

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "key": "own",
                    "title": {"fi": "Oma lomake", "sv": "Egen blankett"},
                    "definition": {
                        "screening": [{"id": "touches_children", "label": {"fi": "Koskeeko asia lapsia?"}}],
                        "sections": [{"id": "summary", "title": {"fi": "Yhteenveto"}, "items": ["summary"]}],
                        "questions": [
                            {
                                "id": "municipalities",
                                "label": {"fi": "Kuinka monta kuntaa asia koskee?"},
                                "schema": {"type": "integer", "minimum": 0, "maximum": 20},
                            }
                        ],
                    },
                }
            ]
        }
    }


class FormSummary(Resource):
    """A form in a list."""

    key: str = Field(description="Which form.")
    edition: int = Field(description="Its edition; the newest is used for new assessments.")
    title: Localised = Field(description="Its name.")


class FormRead(FormSummary):
    """One immutable edition of a form."""

    collection: ClassVar[str | None] = "/api/v1/forms"

    definition: FormDefinition = Field(description="Its content.")


class AssessmentStart(Schema):
    """Starting an assessment of a decision."""

    extent: Extent = Field(default=Extent.LIGHT, description="How thorough it is to be.")
    manner: Manner = Field(default=Manner.SEPARATE, description="Separate, or within another impact assessment.")
    form_id: UUID | None = Field(
        default=None, description="The form; the newest edition of the built-in one where absent."
    )

    model_config = {"json_schema_extra": {"examples": [{"extent": "full"}]}}


class ScreeningNew(Schema):
    """The screening's answers and what they lead to."""

    answers: dict[QuestionId, ScreeningAnswer] = Field(max_length=30, description="One for each screening question.")
    outcome: ScreeningOutcome = Field(description="What is proposed.")
    reason: LongText = Field(description="Why; published with a signed 'not needed'.")

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "answers": {
                        "touches_children": "yes",
                        "touches_families": "yes",
                        "changes_service": "yes",
                        "vulnerable_groups": "unsure",
                        "long_term": "yes",
                        "other_impacts": "no",
                    },
                    "outcome": "needed",
                    "reason": "Palvelu siirtyy kauemmaksi pienten lasten perheistä.",
                }
            ]
        }
    }


class ScreeningRead(Representation):
    """The screening as it was answered."""

    answers: dict[str, ScreeningAnswer] = Field(description="By question.")
    outcome: ScreeningOutcome = Field(description="What is proposed.")
    reason: str = Field(description="Why.")
    by: UUID = Field(description="Who answered.")
    at: datetime = Field(description="When, UTC.")


class AssessmentFacts(Schema):
    """The assessment's own texts."""

    extent: Extent = Field(default=Extent.LIGHT, description="How thorough it is.")
    manner: Manner = Field(default=Manner.SEPARATE, description="Separate, or within another impact assessment.")
    summary: LongText | None = Field(default=None, description="The whole in short.")
    best_interests: LongText | None = Field(default=None, description="What is in the best interests of the child.")
    competing_interests: LongText | None = Field(
        default=None, description="Which other interests were weighed, or none."
    )
    interest_yields: Flag | None = Field(default=None, description="Whether the child's interest yields to them.")
    interest_yields_reason: LongText | None = Field(
        default=None, description="Why it yields; required where it does, and only there."
    )
    changes_made: LongText | None = Field(default=None, description="What changed in the proposal because of it.")
    child_friendly: LongText | None = Field(default=None, description="The same for children to read.")
    follow_up_plan: LongText | None = Field(default=None, description="How and when the effects will be followed.")
    answers: dict[QuestionId, Any] = Field(
        default_factory=dict, max_length=100, description="Answers to the county's own questions, by id."
    )

    @model_validator(mode="after")
    def _why_it_yields(self) -> "AssessmentFacts":
        if self.interest_yields and not self.interest_yields_reason:
            raise ValueError("Give interest_yields_reason: why the child's interest yields.")
        if self.interest_yields_reason and not self.interest_yields:
            raise ValueError("The child's interest does not yield: leave out interest_yields_reason.")
        return self


class AssessmentPatch(Schema):
    """Changes to the assessment's own texts."""

    extent: Extent | None = None
    manner: Manner | None = None
    summary: LongText | None = None
    best_interests: LongText | None = None
    competing_interests: LongText | None = None
    interest_yields: Flag | None = None
    interest_yields_reason: LongText | None = None
    changes_made: LongText | None = None
    child_friendly: LongText | None = None
    follow_up_plan: LongText | None = None
    answers: dict[QuestionId, Any] | None = None

    model_config = {"json_schema_extra": {"examples": [{"summary": "Vaikutukset ovat pääosin kielteisiä."}]}}


class AssessmentSummary(Resource):
    """An assessment in a list."""

    decision_id: UUID = Field(description="The decision it assesses.")
    edition: int = Field(description="Grows with each edition that supersedes another.")
    state: AssessmentState = Field(description="Where it is on its way.")
    extent: Extent = Field(description="How thorough it is.")
    signed_by: UUID | None = Field(description="Who approved it, or signed that none is needed.")
    signed_at: datetime | None = Field(description="When, UTC.")
    published_at: datetime | None = Field(description="When it was published, UTC.")


class AssessmentRead(AssessmentSummary):
    """An assessment with all its parts; its ETag changes with any of them."""

    collection: ClassVar[str | None] = "/api/v1/assessments"

    supersedes_id: UUID | None = Field(description="The edition before.")
    form_id: UUID = Field(description="The form it is filled on.")
    manner: Manner = Field(description="Separate, or within another impact assessment.")
    authors: list[UUID] = Field(description="Everyone who has written to it; none of them may approve or publish.")
    screening: ScreeningRead | None = Field(description="The screening.")
    summary: str | None = Field(description="The whole in short.")
    best_interests: str | None = Field(description="What is in the best interests of the child.")
    competing_interests: str | None = Field(description="Which other interests were weighed.")
    interest_yields: bool | None = Field(
        description="Whether the child's interest yields to them; null until it is said."
    )
    interest_yields_reason: str | None = Field(description="Why it yields.")
    changes_made: str | None = Field(description="What changed in the proposal because of it.")
    child_friendly: str | None = Field(description="The same for children to read.")
    follow_up_plan: str | None = Field(description="How and when the effects will be followed.")
    answers: dict[str, Any] = Field(description="Answers to the county's own questions.")
    return_comment: str | None = Field(description="Why it was returned last.")
    seal_id: UUID | None = Field(description="Its sealed content.")
    published_by: UUID | None = Field(description="Who published it.")
    budget_effect: BudgetEffect | None = Field(
        description="What the decision's planned euros move in the child budget, as its early hint has it; null: none."
    )
    impacts: list[ImpactRead] = Field(description="Impacts, per option.")
    evidence: list[EvidenceRead] = Field(description="What it is based on.")
    hearings: list[HearingRead] = Field(description="Who was heard.")
    recommendations: list[RecommendationRead] = Field(description="What it recommends.")
    attachments: list[AttachmentRead] = Field(description="Files and links that belong to it.")


class ReturnOf(Schema):
    """Why something is returned."""

    comment: LongText = Field(description="What to do before it comes back.")

    model_config = {"json_schema_extra": {"examples": [{"comment": "Täydennä pitkän aikavälin vaikutukset."}]}}


class Publication(Schema):
    """A publication, after a privacy check."""

    privacy_checked: Flag = Field(description="You have read it and it tells of no person.")

    model_config = {"json_schema_extra": {"examples": [{"privacy_checked": True}]}}


class FormUpgrade(Schema):
    """Moving to a newer edition of the form."""

    form_id: UUID = Field(description="The newer form.")

    model_config = {"json_schema_extra": {"examples": [{"form_id": SOME_ID}]}}


class FormUpgradeResult(Representation):
    """What became of the answers."""

    assessment: AssessmentRead = Field(description="The assessment on the newer form.")
    left_behind: list[str] = Field(description="Question ids whose answers the newer form does not take.")


class QualityGapRead(BaseModel):
    """One thing that a line of the quality check lacks."""

    code: QualityGap = Field(description="Code; the vocabulary has its label.", examples=["options_without_impacts"])
    of: list[str] = Field(description="Of what: codes of options, or how many impacts.", examples=[["VE1"]])


class QualityLineRead(BaseModel):
    """One line of the quality check."""

    line: str = Field(description="Code; the vocabulary has its label.", examples=["evidence_base"])
    passed: bool = Field(description="Whether it is met.")
    missing: list[QualityGapRead] = Field(description="What is missing; empty where it is met.")
    why: str = Field(description="The same in words, in the caller's language (Accept-Language).")


class QualityRead(Representation):
    """What makes an assessment good, line by line; never one score."""

    items: list[QualityLineRead] = Field(description="Ten lines, always in the same order.")


class SealRead(Representation):
    """What was sealed."""

    id: UUID = Field(description="UUIDv7.")
    object_type: str = Field(description="assessment or follow_up.")
    object_id: UUID = Field(description="What was sealed.")
    digest: str = Field(description="SHA-256 of `content` as UTF-8, in hexadecimal.")
    content: str = Field(description="Canonical JSON (RFC 8785): the exact text that the digest is over.")
    signed_by: UUID = Field(description="Who signed.")
    signed_at: datetime = Field(description="When, UTC.")


class SealList(Representation):
    """Every seal of an object, oldest first."""

    items: list[SealRead] = Field(description="The seals.")


class CommentNew(Schema):
    """A comment on an assessment."""

    text: LongText = Field(description="What you say.")
    about: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        default=None, description="The field or part it is about.", examples=["summary"]
    )

    model_config = {"json_schema_extra": {"examples": [{"text": "Tarkista luvun lähde.", "about": "evidence"}]}}


class CommentRead(Representation):
    """A comment on an assessment."""

    id: UUID = Field(description="UUIDv7.")
    assessment_id: UUID = Field(description="The assessment.")
    author_id: UUID = Field(description="Who said it.")
    author_name: str = Field(description="Their name.")
    about: str | None = Field(description="The field or part it is about.")
    text: str = Field(description="What was said.")
    created_at: datetime = Field(description="When, UTC.")


class CommentList(Representation):
    """Every comment on an assessment, oldest first."""

    items: list[CommentRead] = Field(description="The comments.")
