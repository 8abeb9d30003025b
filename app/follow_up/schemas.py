"""What goes in and out about follow-ups."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field, model_validator

from app.assessments.models import Direction
from app.assessments.parts_schemas import ImpactRead, Indicator
from app.conventions.schemas import Code, Localised, LongText, Representation, Resource, Schema
from app.decisions.schemas import BudgetEffectRead
from app.follow_up.models import FollowUpDue, FollowUpState, Realised
from app.services.models import AgeGroup, ImpactClass


class FollowUpFacts(Schema):
    """The follow-up's own texts."""

    summary: LongText | None = Field(default=None, description="The whole in short.")
    actions: LongText | None = Field(default=None, description="What is done because of it.")


class FollowUpPatch(FollowUpFacts):
    """Changes to the follow-up's own texts."""

    model_config = {"json_schema_extra": {"examples": [{"summary": "Ennakoidut vaikutukset toteutuivat pääosin."}]}}


class OutcomeFacts(Schema):
    """What became of one predicted impact."""

    realised: Realised = Field(description="yes, partly, no, or too early to say.")
    direction: Direction | None = Field(default=None, description="Which way it went; required unless too early.")
    description: LongText | None = Field(default=None, description="What was seen.")
    indicators: list[Indicator] = Field(default_factory=list, max_length=50, description="Figures.")

    model_config = {
        "json_schema_extra": {
            "examples": [{"realised": "partly", "direction": "negative", "description": "Matkat pitenivät."}]
        }
    }

    @model_validator(mode="after")
    def _which_way(self) -> "OutcomeFacts":
        if self.realised is not Realised.TOO_EARLY and self.direction is None:
            raise ValueError("Give the direction that was seen.")
        return self


class OutcomeRead(Resource):
    """What became of one predicted impact."""

    follow_up_id: UUID = Field(description="Its follow-up.")
    impact_id: UUID = Field(description="The predicted impact.")
    realised: Realised = Field(description="yes, partly, no, or too early to say.")
    direction: Direction | None = Field(description="Which way it went.")
    description: str | None = Field(description="What was seen.")
    indicators: list[Indicator] = Field(description="Figures.")


class UnintendedFacts(Schema):
    """An impact that nobody predicted."""

    description: LongText = Field(description="What was seen.")
    impact_class: ImpactClass = Field(description="Direct, indirect, communal or none.")
    direction: Direction = Field(description="Which way it went for children.")
    age_groups: list[AgeGroup] = Field(default_factory=list, max_length=5, description="Whom it concerns, by age.")
    child_groups: list[Code] = Field(default_factory=list, max_length=50, description="Groups of children it concerns.")

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "description": "Sisarusten koulumatkat pitenivät.",
                    "impact_class": "indirect",
                    "direction": "negative",
                    "age_groups": ["7-12"],
                }
            ]
        }
    }


class UnintendedRead(Resource):
    """An impact that nobody predicted."""

    follow_up_id: UUID = Field(description="Its follow-up.")
    description: str = Field(description="What was seen.")
    impact_class: ImpactClass = Field(description="Direct, indirect, communal or none.")
    direction: Direction = Field(description="Which way it went for children.")
    age_groups: list[AgeGroup] = Field(description="Whom it concerns, by age.")
    child_groups: list[str] = Field(description="Groups of children it concerns.")


class FollowUpSummary(Resource):
    """A follow-up in a list."""

    decision_id: UUID = Field(description="The decision it looks at.")
    round: int = Field(description="The first, second, … look.")
    scheduled_on: date = Field(description="When it was to be made.")
    assessment_id: UUID | None = Field(
        description="The edition whose predictions it looks at; null where none was made."
    )
    option_id: UUID | None = Field(description="The option that was chosen.")
    state: FollowUpState = Field(description="Where it is on its way.")
    signed_at: datetime | None = Field(description="When it was approved, UTC.")
    published_at: datetime | None = Field(description="When it was published, UTC.")


class FollowUpRead(FollowUpSummary):
    """A follow-up with its outcomes; its ETag changes with any of them."""

    collection: ClassVar[str | None] = "/api/v1/follow-ups"

    authors: list[UUID] = Field(description="Everyone who has written to it; none of them may approve or publish.")
    summary: str | None = Field(description="The whole in short.")
    actions: str | None = Field(description="What is done because of it.")
    return_comment: str | None = Field(description="Why it was returned last.")
    seal_id: UUID | None = Field(description="Its sealed content.")
    signed_by: UUID | None = Field(description="Who approved it.")
    published_by: UUID | None = Field(description="Who published it.")
    outcomes: list[OutcomeRead] = Field(description="What became of each predicted impact.")
    unintended: list[UnintendedRead] = Field(description="What nobody predicted.")


class ComparisonLine(Representation):
    """One predicted impact beside what came of it."""

    predicted: ImpactRead = Field(description="The impact as it was predicted.")
    outcome: OutcomeRead | None = Field(description="What came of it; null until it is told.")
    direction_came_true: bool | None = Field(
        description="Whether the direction was the predicted one; null until known."
    )


class Comparison(Representation):
    """Predicted against realised."""

    follow_up_id: UUID = Field(description="The follow-up.")
    lines: list[ComparisonLine] = Field(description="One for each impact predicted for the chosen option.")
    unintended: list[UnintendedRead] = Field(description="What nobody predicted.")
    counts: dict[str, int] = Field(description="How many predictions: by yes, partly, no, too_early and untold.")
    budget: BudgetEffectRead = Field(description="The planned euros, and beside them what the ledgers now say.")


class ScheduleLine(Representation):
    """A decision whose effects are to be looked at."""

    id: UUID = Field(description="The decision.")
    diary_number: str = Field(description="The case's diary number.")
    title: Localised = Field(description="Title of the matter.")
    decided_on: date | None = Field(description="When it was decided; null for an activity under review.")
    follow_up_on: date = Field(description="When its effects are to be looked at.")
    due: FollowUpDue = Field(description="scheduled, due (within 30 days) or overdue.")
    has_assessment: bool = Field(description="Whether there are predictions to look at.")
    follow_up_id: UUID | None = Field(description="The follow-up that is being made, if somebody opened it.")
