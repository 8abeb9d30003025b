"""What a statement says, as JSON: what a case-management system puts on the agenda."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.assessments.parts_schemas import Indicator
from app.conventions.schemas import Language, Localised, Money, Representation


class Coded(Representation):
    """A code with its label of the time when it was sealed, in the statement's language."""

    code: str = Field(description="The code; what it meant does not change.", examples=["negative"])
    label: str = Field(description="What it was called then.", examples=["kielteinen"])


class StatementOrganisation(Representation):
    """Whose matter it is."""

    business_id: str = Field(description="Finnish business id.", examples=["1234567-1"])
    name: Localised = Field(description="Its name when it was sealed.")


class StatementArea(Representation):
    """Where an impact shows."""

    kind: Coded = Field(description="The whole county, a municipality, or a family centre's area.")
    name: str = Field(description="Its name.")


class StatementImpact(Representation):
    """An impact of one option on children."""

    description: str = Field(description="What would change for children.")
    impact_class: Coded = Field(description="Direct, indirect, communal or none.")
    direction: Coded = Field(description="Which way it goes for children.")
    magnitude: Coded = Field(description="How large it is.")
    likelihood: Coded = Field(description="How likely it is.")
    term: Coded = Field(description="When it shows.")
    intended: bool = Field(description="Whether it is meant.")
    age_groups: list[Coded] = Field(description="Whom it concerns, by age.")
    child_groups: list[Coded] = Field(description="Groups of children it concerns.")
    areas: list[StatementArea] = Field(description="Where it shows.")
    articles: list[int] = Field(description="Articles of the Convention on the Rights of the Child.")
    mitigation: str | None = Field(description="How harm is lessened.")
    evidence: list[int] = Field(description="Numbers of the evidence that it rests on.")


class StatementOption(Representation):
    """An option of the decision, with its impacts."""

    code: str = Field(description="VE0 is 'no change'.", examples=["VE1"])
    title: Localised = Field(description="What it is.")
    description: str | None = Field(description="What would be done.")
    impacts: list[StatementImpact] = Field(description="Its impacts; empty where none was recorded.")


class StatementRecommendation(Representation):
    """What the assessment recommends to those who decide."""

    kind: Coded = Field(description="A change, another option, or an improvement.")
    text: str = Field(description="What is recommended.")


class StatementHearing(Representation):
    """Who was heard, as groups."""

    party: Coded = Field(description="Children, parents or professionals.")
    who: str = Field(description="Which group.")
    age_groups: list[Coded] = Field(description="Their ages.")
    number: int | None = Field(description="How many.")
    method: Coded = Field(description="How they were heard.")
    held_on: date | None = Field(description="When.")
    views: str = Field(description="What they said.")
    effect: str | None = Field(description="What it changed.")
    feedback_given: bool = Field(description="Whether they were told what came of it.")


class StatementEvidence(Representation):
    """What the assessment is based on."""

    number: int = Field(ge=1, description="Its number in the statement, by which impacts refer to it.")
    kind: Coded = Field(description="What kind of knowledge it is.")
    title: str = Field(description="What it is called.")
    source: str = Field(description="Where it is from.")
    dated: date | None = Field(description="When it is from.")
    url: str | None = Field(description="Where it can be read.")
    finding: str = Field(description="What it says about this matter.")
    up_to_date: bool | None = Field(description="Whether it is up to date; asked of children's data.")
    relevant: bool | None = Field(description="Whether it is about this matter.")
    wide_enough: bool | None = Field(description="Whether it was collected widely enough.")
    gap: str | None = Field(description="What remains unknown.")
    indicators: list[Indicator] = Field(description="Figures.")


class StatementEffectGroup(Representation):
    """What falls on one age group of children."""

    age_group: Coded = Field(description="The age group.")
    core: Money = Field(description="By direct services.")
    extended: Money = Field(description="By direct, indirect and communal services.")


class StatementEffectYear(Representation):
    """What the planned euros move in the child budget in a year."""

    year: int = Field(description="The year.", examples=[2027])
    total: Money = Field(description="Every planned change together; a saving is negative.")
    core: Money = Field(description="What of it falls on children by direct services.")
    extended: Money = Field(description="By direct, indirect and communal services.")
    unclassified: Money = Field(description="What of it was not split by age group.")
    age_groups: list[StatementEffectGroup] = Field(description="Each age group of children.")


class StatementQualityLine(Representation):
    """One line of the quality check, as it stood when it was sealed."""

    line: Coded = Field(description="What is checked.")
    passed: bool = Field(description="Whether it is met.")
    why: list[str] = Field(description="What is missing, in words; empty where it is met.")


class StatementAnswer(Representation):
    """A question of the form, and its answer."""

    question: str = Field(description="The question, as that edition of the form has it.")
    answer: Any = Field(description="The answer as it was given: any JSON.", examples=["yes"])
    told: str = Field(description="The answer in words, in the statement's language where it is a code.")


class StatementScreening(Representation):
    """Whether an assessment was found needed, and why."""

    outcome: Coded = Field(description="needed or not_needed.")
    reason: str = Field(description="Why.")
    answers: list[StatementAnswer] = Field(description="The questions of the screening.")


class StatementRead(Representation):
    """The statement of an assessment, or of a signed 'not needed', exactly as it was sealed."""

    kind: Literal["assessment", "not_needed"] = Field(description="What was sealed.")
    language: Language = Field(description="The language of labels and words; texts are as written.")
    organisation: StatementOrganisation = Field(description="Whose matter it is.")
    source: str = Field(description="The case-management system that registered the case.")
    diary_number: str = Field(description="The case's diary number.", examples=["225/2026"])
    decision_key: str = Field(description="Tells decisions of one case apart.", examples=["1"])
    decision_id: UUID = Field(description="The decision.")
    title: Localised = Field(description="Title of the matter as it was assessed.")
    case_language: str = Field(description="The language of the case.")
    publicity: Coded = Field(description="Whether the matter was public when it was sealed.")
    publicity_grounds: str | None = Field(description="The law that made it secret; null also where it was not sealed.")
    assessment_id: UUID = Field(description="The edition of the assessment.")
    edition: int = Field(description="Its number.")
    supersedes: UUID | None = Field(description="The edition before it.")
    extent: Coded | None = Field(description="How thorough; null where none was needed.")
    manner: Coded | None = Field(description="Made separately or within another; null where none was needed.")
    seal_id: UUID = Field(description="The seal, which /api/v1/assessments/{id}/seals has with its content.")
    content_digest: str = Field(
        description="SHA-256 of the sealed content, in hexadecimal.", min_length=64, max_length=64
    )
    signed_by: str | None = Field(description="Who signed, as they were called then; null where the name was erased.")
    signed_at: datetime = Field(description="When, UTC.")
    screening: StatementScreening | None = Field(description="The screening; null where there was none.")
    best_interests: str | None = Field(description="What is in the best interests of the child.")
    interest_yields: bool | None = Field(description="Whether the child's interest yields to others; null: not said.")
    interest_yields_reason: str | None = Field(description="Why it yields.")
    summary: str | None = Field(description="The whole in short.")
    recommendations: list[StatementRecommendation] = Field(description="What it recommends.")
    options: list[StatementOption] = Field(description="The decision's options, each with its impacts.")
    hearings: list[StatementHearing] = Field(description="Who was heard, and what it changed.")
    evidence: list[StatementEvidence] = Field(description="What it is based on, and what is not known.")
    budget_effect: list[StatementEffectYear] = Field(description="What the planned euros move, by year.")
    competing_interests: str | None = Field(description="Other interests weighed.")
    changes_made: str | None = Field(description="What changed in the proposal because of it.")
    follow_up_plan: str | None = Field(description="How and when the effects will be followed.")
    quality: list[StatementQualityLine] = Field(description="The quality check, line by line.")
    child_friendly: str | None = Field(description="The same for children to read.")
    answers: list[StatementAnswer] = Field(description="Answers to the county's own questions.")
