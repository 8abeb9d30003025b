"""The public projection: what is published, and nothing else."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.conventions.schemas import Localised, Representation
from app.public_register.models import EntryKind


class PublicOrganisation(Representation):
    """Whose decision it is."""

    business_id: str = Field(description="Finnish business id.")
    name: Localised = Field(description="Name.")


class PublicOption(Representation):
    """An option of the decision."""

    code: str = Field(description="VE0 is 'no change'.")
    title: Localised = Field(description="What it is.")
    description: str | None = Field(default=None, description="What would be done.")


class PublicImpact(Representation):
    """An impact of one option on children."""

    option: str = Field(description="Code of the option.")
    description: str = Field(description="What would change for children.")
    impact_class: str = Field(description="direct, indirect, communal or none.")
    direction: str = Field(description="positive, negative, mixed or neutral.")
    magnitude: str = Field(description="small, moderate or large.")
    likelihood: str = Field(description="unlikely, possible, likely or certain.")
    term: str = Field(description="short or long.")
    intended: bool = Field(description="Whether it is meant.")
    age_groups: list[str] = Field(description="Whom it concerns, by age.")
    child_groups: list[str] = Field(description="Groups of children it concerns.")
    areas: list[dict[str, Any]] = Field(description="Where it shows.")
    articles: list[int] = Field(description="Articles of the Convention on the Rights of the Child.")
    mitigation: str | None = Field(description="How harm is lessened.")


class PublicEvidence(Representation):
    """What the assessment is based on."""

    kind: str = Field(description="What kind of knowledge.")
    title: str = Field(description="What it is called.")
    source: str = Field(description="Where it is from.")
    dated: str | None = Field(description="When it is from.")
    url: str | None = Field(description="Where it can be read.")
    finding: str = Field(description="What it says about this matter.")
    up_to_date: bool | None = Field(default=None, description="Whether it is up to date; asked of children's data.")
    relevant: bool | None = Field(default=None, description="Whether it is about this matter.")
    wide_enough: bool | None = Field(default=None, description="Whether it was collected widely enough.")
    gap: str | None = Field(description="What remains unknown.")
    indicators: list[dict[str, Any]] = Field(description="Figures.")


class PublicHearing(Representation):
    """Who was heard, as groups."""

    party: str = Field(description="children, parents or professionals.")
    who: str = Field(description="Which group.")
    age_groups: list[str] = Field(description="Their ages.")
    number: int | None = Field(description="How many.")
    method: str = Field(description="How they were heard.")
    held_on: str | None = Field(description="When.")
    views: str = Field(description="What they said.")
    effect: str | None = Field(description="What it changed.")
    feedback_given: bool = Field(description="Whether they were told what came of it.")


class PublicRecommendation(Representation):
    """What the assessment recommends."""

    kind: str = Field(description="change, alternative or improvement.")
    text: str = Field(description="What is recommended.")


class PublicEffectYear(Representation):
    """What the planned euros move in the child budget in a year."""

    year: int = Field(description="The year.")
    total_cents: int = Field(description="Every planned change together, in cents; a saving is negative.")
    core_cents: int = Field(description="What of it falls on children by direct services.")
    extended_cents: int = Field(description="By direct, indirect and communal services.")
    age_groups: dict[str, int] = Field(description="The extended cents of each age group of children.")


class PublicAssessment(Representation):
    """A published assessment or signed 'not needed', as it was sealed."""

    kind: Literal["assessment", "not_needed"] = Field(description="What was published.")
    organisation: PublicOrganisation = Field(description="Whose decision it is.")
    diary_number: str = Field(description="The case's diary number.")
    decision_key: str = Field(description="Tells decisions of one case apart.")
    title: Localised = Field(description="Title of the matter.")
    language: str = Field(description="The language of the case.")
    edition: int = Field(description="The assessment's edition.")
    signed_on: date = Field(description="The day it was approved or signed.")
    content_digest: str = Field(description="SHA-256 of the sealed content.")
    screening_reason: str | None = Field(description="Why an assessment was, or was not, needed.")
    extent: str | None = Field(description="light or full.")
    summary: str | None = Field(description="The whole in short.")
    best_interests: str | None = Field(description="What is in the best interests of the child.")
    competing_interests: str | None = Field(description="Other interests weighed.")
    interest_yields: bool | None = Field(default=None, description="Whether the child's interest yields to them.")
    interest_yields_reason: str | None = Field(default=None, description="Why it yields.")
    changes_made: str | None = Field(description="What changed in the proposal because of it.")
    child_friendly: str | None = Field(description="The same for children to read.")
    follow_up_plan: str | None = Field(description="How and when the effects will be followed.")
    options: list[PublicOption] = Field(description="The decision's options.")
    budget_effect: list[PublicEffectYear] = Field(
        default_factory=list, description="What the planned euros move in the child budget, by year."
    )
    impacts: list[PublicImpact] = Field(description="Impacts, per option.")
    evidence: list[PublicEvidence] = Field(description="What it is based on.")
    hearings: list[PublicHearing] = Field(description="Who was heard.")
    recommendations: list[PublicRecommendation] = Field(description="What it recommends.")


class PublicOutcome(Representation):
    """What was predicted, and what happened."""

    predicted: str = Field(description="What was predicted.")
    predicted_direction: str = Field(description="Which way it was to go.")
    realised: str = Field(description="yes, partly, no or too_early.")
    direction: str | None = Field(description="Which way it went.")
    description: str | None = Field(description="What was seen.")


class PublicUnintended(Representation):
    """What nobody predicted."""

    description: str = Field(description="What was seen.")
    impact_class: str = Field(description="direct, indirect, communal or none.")
    direction: str = Field(description="Which way it went.")
    age_groups: list[str] = Field(description="Whom it concerns, by age.")
    child_groups: list[str] = Field(description="Groups of children it concerns.")


class PublicFollowUp(Representation):
    """A published follow-up, as it was sealed."""

    kind: Literal["follow_up"] = Field(description="What was published.")
    organisation: PublicOrganisation = Field(description="Whose decision it is.")
    diary_number: str = Field(description="The case's diary number.")
    decision_key: str = Field(description="Tells decisions of one case apart.")
    title: Localised = Field(description="Title of the matter.")
    language: str = Field(description="The language of the case.")
    round: int = Field(description="The first, second, … look.")
    signed_on: date = Field(description="The day it was approved.")
    content_digest: str = Field(description="SHA-256 of the sealed content.")
    summary: str | None = Field(description="The whole in short.")
    actions: str | None = Field(description="What is done because of it.")
    outcomes: list[PublicOutcome] = Field(description="Predicted against realised.")
    unintended: list[PublicUnintended] = Field(description="What nobody predicted.")


class PublicSummary(Representation):
    """A published document in a list."""

    id: UUID = Field(description="The entry's id.")
    version: int = Field(description="Grows when it is superseded.")
    kind: EntryKind = Field(description="assessment, not_needed or follow_up.")
    business_id: str = Field(description="Whose decision it is.")
    diary_number: str = Field(description="The case's diary number.")
    title: Localised = Field(description="Title of the matter.")
    published_at: datetime = Field(description="When it was published, UTC.")
    superseded_by: UUID | None = Field(description="The entry that superseded it.")


class PublicEntry(PublicSummary):
    """A published document."""

    document: PublicAssessment | PublicFollowUp = Field(description="What was published.", discriminator="kind")
    related: list[PublicSummary] = Field(description="Other entries of the same decision, such as its follow-up.")
