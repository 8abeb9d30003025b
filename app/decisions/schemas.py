"""What goes in and out about decisions."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import AfterValidator, Field, field_validator, model_validator

from app.budgeting.schemas import BudgetEffect, LedgerBeside
from app.conventions.schemas import (
    CaseLanguage,
    Code,
    Day,
    Link,
    Localised,
    LocalisedText,
    LocalisedTextPatch,
    LongText,
    Money,
    Representation,
    Resource,
    Schema,
    Sha256,
    ShortText,
    Year,
)
from app.decisions.models import (
    ClearanceKind,
    DecisionObject,
    DecisionState,
    HandlingOutcome,
    LapseReason,
    Publicity,
    RecommendationAnswer,
)
from app.decisions.rules import MANUAL
from app.services.models import AgeGroup, ImpactClass
from app.services.rules import HintOutcome

DiaryNumber = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]
SourceCode = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,60}$")]


def _a_system(value: str) -> str:
    """Refuse the source of what was registered here by hand: no case system may tell of it as its own."""
    if value == MANUAL:
        raise ValueError(f"'{MANUAL}' is what was registered here. Give the case system's own code.")
    return value


CaseSource = Annotated[SourceCode, AfterValidator(_a_system)]
OptionCode = Annotated[
    str, Field(pattern=r"^VE(0|[1-9][0-9]{0,2})$", description="VE0 is 'no change'.", examples=["VE1"])
]

MOST_YEARS = 20
"""Years of planned euros in one decision: the early hint looks at each."""


class Document(Schema):
    """A link to a document of the case."""

    title: ShortText = Field(description="What it is.", examples=["Esityslista"])
    url: Link = Field(description="Where it is.", examples=["https://example.fi/esityslista.pdf"])
    digest: Sha256 | None = Field(
        default=None, description="SHA-256 of what the link held when it was recorded, in hexadecimal; null: not told."
    )


class PlannedChangeSchema(Schema):
    """What the decision is planned to change in one cost centre's budget of one year."""

    cost_centre_id: UUID = Field(description="The cost centre.")
    year: Year = Field(description="The budget year.", examples=[2027])
    amount: Money = Field(description="The change; a saving is negative.")


class Scope(Schema):
    """The services and euros that a decision touches: the whole of each list."""

    cost_centre_ids: list[UUID] = Field(default_factory=list, max_length=500, description="Cost centres touched.")
    service_class_ids: list[UUID] = Field(default_factory=list, max_length=500, description="Service classes touched.")
    planned_changes: list[PlannedChangeSchema] = Field(
        default_factory=list, max_length=500, description="Planned change in euros, where known."
    )

    model_config = {"json_schema_extra": {"examples": [{"cost_centre_ids": [], "service_class_ids": []}]}}

    def planned(self) -> list[dict[str, Any]]:
        """The planned changes as rows: amounts in cents."""
        return [
            {"cost_centre_id": row.cost_centre_id, "year": row.year, "cents": row.amount.cents}
            for row in self.planned_changes
        ]

    @model_validator(mode="after")
    def _each_once(self) -> "Scope":
        self.cost_centre_ids = list(dict.fromkeys(self.cost_centre_ids))
        self.service_class_ids = list(dict.fromkeys(self.service_class_ids))
        keys = [(row.cost_centre_id, row.year) for row in self.planned_changes]
        if len(set(keys)) != len(keys):
            raise ValueError("A cost centre and year is given twice in planned_changes: add the amounts up.")
        if len({row.year for row in self.planned_changes}) > MOST_YEARS:
            raise ValueError(f"The planned changes are of more than {MOST_YEARS} years.")
        return self


class OptionNew(Schema):
    """An option of the decision."""

    code: OptionCode
    title: LocalisedText = Field(description="What the option is, in short.")
    description: LongText | None = Field(default=None, description="What would be done.")

    model_config = {
        "json_schema_extra": {"examples": [{"code": "VE2", "title": {"fi": "Toiminta siirretään perhekeskukseen"}}]}
    }


class OptionFacts(Schema):
    """What can change in an option."""

    title: LocalisedText
    description: LongText | None = None


class OptionPatch(Schema):
    """Changes to an option."""

    title: LocalisedTextPatch | None = None
    description: LongText | None = None

    model_config = {"json_schema_extra": {"examples": [{"description": "Vastaanotto siirtyy keväällä."}]}}


class OptionSummary(Representation):
    """An option inside its decision."""

    id: UUID = Field(description="UUIDv7.")
    version: int = Field(description="Its own version, for If-Match when it is changed.")
    code: str = Field(description="VE0, VE1, …")
    title: Localised = Field(description="What the option is, in short.")
    description: str | None = Field(description="What would be done.")


class OptionRead(Resource):
    """An option of the decision."""

    decision_id: UUID = Field(description="Its decision.")
    code: str = Field(description="VE0, VE1, …")
    title: Localised = Field(description="What the option is, in short.")
    description: str | None = Field(description="What would be done.")


class DecisionFacts(Schema):
    """Facts of a decision that its preparer may change."""

    object: DecisionObject = Field(default=DecisionObject.DECISION, description="A decision, or an activity reviewed.")
    title: LocalisedText = Field(description="Title of the matter.")
    unit_id: UUID | None = Field(default=None, description="The preparing unit.")
    preparer_id: UUID | None = Field(default=None, description="The person who prepares; the caller where absent.")
    task_class_code: Code | None = Field(default=None, description="Task class (TOS).", examples=["05 01 00"])
    task_class_title: ShortText | None = Field(default=None, description="The task class in words.")
    publicity: Publicity = Field(default=Publicity.PUBLIC, description="Whether the matter is public.")
    publicity_grounds: ShortText | None = Field(default=None, description="The law that makes it secret.")
    language: CaseLanguage = Field(default="fi", description="The language of the case.")
    body: ShortText | None = Field(default=None, description="The body that decides.", examples=["Aluehallitus"])
    meeting_date: Day | None = Field(default=None, description="The meeting it goes to, where known.")
    follow_up_on: Day | None = Field(
        default=None, description="When its effects are looked at: once it is decided, of an activity at any time."
    )

    @model_validator(mode="after")
    def _grounds(self) -> "DecisionFacts":
        if self.publicity is not Publicity.PUBLIC and not self.publicity_grounds:
            raise ValueError("Give publicity_grounds: the law that makes the matter secret.")
        return self


class DecisionNew(DecisionFacts, Scope):
    """A decision to register."""

    source: SourceCode = Field(default=MANUAL, description="The case system it comes from.", examples=["ahjo"])
    diary_number: DiaryNumber = Field(description="The case's diary number, exactly.", examples=["1234/00.01.02/2026"])
    decision_key: Code = Field(default="1", description="Tells decisions of one case apart.")
    documents: list[Document] = Field(default_factory=list, max_length=100, description="Links to its documents.")
    options: list[OptionNew] = Field(
        default_factory=list, max_length=20, description="Options besides VE0, which is always there."
    )

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "diary_number": "1234/00.01.02/2026",
                    "title": {"fi": "Neuvolan toimipisteen sulkeminen", "sv": "Stängning av en rådgivningsbyrå"},
                    "body": "Aluehallitus",
                    "meeting_date": "2026-12-14",
                    "options": [{"code": "VE1", "title": {"fi": "Toimipiste suljetaan"}}],
                }
            ]
        }
    }

    @field_validator("options")
    @classmethod
    def _codes_once(cls, options: list[OptionNew]) -> list[OptionNew]:
        codes = [option.code for option in options]
        if len(set(codes)) != len(codes):
            raise ValueError("An option's code is given twice.")
        return options


class DecisionPatch(Schema):
    """Changes to a decision's facts."""

    object: DecisionObject | None = None
    title: LocalisedTextPatch | None = None
    unit_id: UUID | None = None
    preparer_id: UUID | None = None
    task_class_code: Code | None = None
    task_class_title: ShortText | None = None
    publicity: Publicity | None = None
    publicity_grounds: ShortText | None = None
    language: CaseLanguage | None = None
    body: ShortText | None = None
    meeting_date: Day | None = None
    follow_up_on: Day | None = None

    model_config = {"json_schema_extra": {"examples": [{"meeting_date": "2026-12-21"}]}}


class DocumentList(Schema):
    """The whole list of the decision's documents."""

    items: list[Document] = Field(max_length=100, description="Every link.")

    model_config = {
        "json_schema_extra": {
            "examples": [{"items": [{"title": "Esityslista", "url": "https://example.fi/esityslista.pdf"}]}]
        }
    }


class HintReason(Representation):
    """One thing that the early hint rests on."""

    basis: str = Field(description="cost_centre, service_class, task_class or unit.", examples=["cost_centre"])
    code: str = Field(description="Its code.")
    name: Localised | str = Field(description="Its name.")
    through: str | None = Field(
        description="What led there: code of the task class or unit that is mapped to the service class, or of the "
        "service class that the cost centre is classified together with; null where it was given itself."
    )
    impact_class: ImpactClass = Field(description="How the service is classified.")
    age_groups: list[AgeGroup] = Field(description="The age groups it serves.")
    classification_id: UUID = Field(description="The classification.")


class HintUnclassified(Representation):
    """Something the decision touches that nobody has classified."""

    basis: str = Field(description="cost_centre, service_class, task_class or unit.")
    code: str = Field(description="Its code.")
    name: Localised | str = Field(description="Its name.")
    through: str | None = Field(
        description="Code of the task class or unit that is mapped to the service class; null otherwise."
    )


class EarlyHint(Representation):
    """Whether children are probably affected, said before anyone fills a form."""

    outcome: HintOutcome = Field(description="`unknown` where nothing matches; never 'not needed' for that.")
    impact_class: ImpactClass | None = Field(description="The strongest class matched.")
    age_groups: list[AgeGroup] = Field(description="Age groups of the services matched.")
    reasons: list[HintReason] = Field(description="What it rests on.")
    unclassified: list[HintUnclassified] = Field(description="What is touched but not classified.")
    years: list[int] = Field(
        description="The years whose classifications it rests on: of the planned euros, else of the meeting, else now."
    )
    effect: BudgetEffect | None = Field(description="What the planned euros move in the child budget; null: none told.")
    computed_at: datetime = Field(description="When it was computed, UTC.")


class ClearedRecommendation(Representation):
    """A recommendation of the assessment that cleared the decision."""

    id: UUID = Field(description="The recommendation.")
    kind: str = Field(description="change, alternative or improvement.")
    text: str = Field(description="What was recommended.")


class Clearance(Representation):
    """What cleared the decision."""

    kind: ClearanceKind = Field(description="An approved assessment or a signed 'not needed'.")
    assessment_id: UUID = Field(description="The assessment, whose sealed content is meant.")
    edition: int = Field(description="Its edition.")
    at: datetime = Field(description="When, UTC.")
    by: UUID = Field(description="Who signed.")
    content_digest: str = Field(description="SHA-256 of the sealed content.")
    proposal: dict[str, str] = Field(description="SHA-256 of each part of the proposal that was assessed.")
    recommendations: list[ClearedRecommendation] = Field(description="What it recommended.")


class ClearanceLapse(Representation):
    """Why a clearance no longer holds."""

    at: datetime = Field(description="When, UTC.")
    codes: list[LapseReason] = Field(description="What changed.")
    reason: Localised = Field(description="The same in words, in each language.")
    assessment_id: UUID = Field(description="The assessment whose clearance lapsed.")


class BudgetEffectRead(Representation):
    """What a decision's planned euros move by today's classifications, and what the ledger says of it."""

    effect: BudgetEffect | None = Field(description="What is planned; null where no euros are told.")
    ledger: list[LedgerBeside] = Field(description="Year by year, beside what the ledgers say of the cost centres.")


class DecisionSummary(Resource):
    """A decision in a list."""

    source: str = Field(description="The case system it comes from.")
    diary_number: str = Field(description="The case's diary number, exactly.")
    decision_key: str = Field(description="Tells decisions of one case apart.")
    object: DecisionObject = Field(description="A decision, or an activity reviewed.")
    title: Localised = Field(description="Title of the matter.")
    state: DecisionState = Field(description="Where it is on its way.")
    body: str | None = Field(description="The body that decides.")
    meeting_date: date | None = Field(description="The meeting it goes to, or went to last.")
    hint_outcome: HintOutcome = Field(description="What the early hint said.")
    impact_class: ImpactClass | None = Field(description="The strongest class the hint matched.")
    assessment_id: UUID | None = Field(description="Its current assessment.")
    assessment_state: str | None = Field(description="The state of that assessment.")
    clearance_kind: ClearanceKind | None = Field(description="How it is cleared, if it is.")
    excluded: bool = Field(description="Whether its task class is set aside: not assessed, not counted.")
    uncleared: bool = Field(
        description="Whether the last meeting had no clearance; false again once it is back in preparation."
    )
    follow_up_on: date | None = Field(description="When its effects are looked at.")


class DecisionRead(DecisionSummary):
    """A decision with its options and what it touches."""

    collection: ClassVar[str | None] = "/api/v1/decisions"

    unit_id: UUID | None = Field(description="The preparing unit.")
    preparer_id: UUID | None = Field(description="The person who prepares.")
    task_class_code: str | None = Field(description="Task class (TOS).")
    task_class_title: str | None = Field(description="The task class in words.")
    publicity: Publicity = Field(description="Whether the matter is public.")
    publicity_grounds: str | None = Field(description="The law that makes it secret.")
    language: str = Field(description="The language of the case.")
    documents: list[Document] = Field(description="Links to its documents.")
    hint: EarlyHint = Field(description="The early hint as it was last computed.")
    clearance: Clearance | None = Field(description="What cleared it.")
    clearance_lapse: ClearanceLapse | None = Field(description="Why an earlier clearance no longer holds.")
    override_reason: str | None = Field(description="Why it was presented without a clearance.")
    kept_by_source: list[str] = Field(
        description="The facts that the case system keeps: they change there, and here only by its word."
    )
    decided_on: date | None = Field(description="The meeting that decided.")
    chosen_option_id: UUID | None = Field(description="The option chosen.")
    options: list[OptionSummary] = Field(description="Its options, VE0 first.")
    cost_centre_ids: list[UUID] = Field(description="Cost centres it touches.")
    service_class_ids: list[UUID] = Field(description="Service classes it touches.")
    planned_changes: list[PlannedChangeSchema] = Field(description="Planned change in euros, where known.")


class Presentation(Schema):
    """Taking a decision to a meeting."""

    override_reason: LongText | None = Field(
        default=None,
        description="Why it goes on without a clearance; needs decisions:override, and is journalled. Not kept where "
        "there is a clearance.",
    )

    model_config = {"json_schema_extra": {"examples": [{"override_reason": "Kiireellinen, käsitellään jälkikäteen."}]}}


class Withdrawal(Schema):
    """Why a decision is withdrawn or reopened."""

    reason: LongText = Field(description="Why.")

    model_config = {"json_schema_extra": {"examples": [{"reason": "Asia raukeaa rahoituksen puuttuessa."}]}}


class AnswerToRecommendation(Schema):
    """Whether the decision followed a recommendation, and why."""

    recommendation_id: UUID = Field(description="The recommendation, from the clearance.")
    answer: RecommendationAnswer = Field(description="Followed, partly, or not.")
    reason: LongText | None = Field(default=None, description="Why; required unless it was followed.")

    @model_validator(mode="after")
    def _why(self) -> "AnswerToRecommendation":
        if self.answer is not RecommendationAnswer.FOLLOWED and not self.reason:
            raise ValueError("Say why the recommendation was not followed in full.")
        return self


class AnswerList(Schema):
    """The whole list of answers to recommendations."""

    items: list[AnswerToRecommendation] = Field(max_length=100, description="One for each recommendation answered.")

    model_config = {"json_schema_extra": {"examples": [{"items": []}]}}


class HandlingNew(Schema):
    """A body's handling of the decision, as it happened."""

    body: ShortText = Field(description="The body (toimielin).", examples=["Aluehallitus"])
    meeting_date: Day = Field(description="The day of the meeting; not in the future.", examples=["2026-11-16"])
    section: Annotated[str, Field(max_length=20, pattern=r"\S")] | None = Field(
        default=None, description="Section (§) of the minutes.", examples=["65"]
    )
    outcome: HandlingOutcome = Field(description="What was done.")
    option_id: UUID | None = Field(default=None, description="The option chosen, where decided and known.")
    amendment: LongText | None = Field(default=None, description="How it was amended; required when amended.")
    answers: list[AnswerToRecommendation] = Field(
        default_factory=list, max_length=100, description="Recommendations followed or not; may be recorded later."
    )

    model_config = {
        "json_schema_extra": {
            "examples": [{"body": "Aluehallitus", "meeting_date": "2026-11-16", "section": "65", "outcome": "tabled"}]
        }
    }

    @model_validator(mode="after")
    def _what_was_decided(self) -> "HandlingNew":
        if self.outcome is HandlingOutcome.AMENDED and not self.amendment:
            raise ValueError("Give amendment: how the proposal was amended.")
        if self.outcome in {HandlingOutcome.DECIDED, HandlingOutcome.AMENDED}:
            return self
        if self.answers:
            raise ValueError("Recommendations are answered when the matter is decided.")
        if self.option_id or self.amendment:
            raise ValueError(f"Nothing was decided when it was {self.outcome}: leave out option_id and amendment.")
        return self


class HandlingRead(Resource):
    """A body's handling of the decision."""

    decision_id: UUID = Field(description="Its decision.")
    body: str = Field(description="The body (toimielin).")
    meeting_date: date = Field(description="The day of the meeting.")
    section: str | None = Field(description="Section (§) of the minutes.")
    outcome: HandlingOutcome = Field(description="What was done.")
    option_id: UUID | None = Field(description="The option chosen.")
    amendment: str | None = Field(description="How it was amended.")
    uncleared: bool = Field(description="Whether the meeting had no clearance: none that held on its day.")
    answers: list[AnswerToRecommendation] = Field(description="Recommendations followed or not, and why.")
    recorded_at: datetime = Field(description="When it was recorded here, UTC.")
    source_key: str | None = Field(description="The case system's own key of it; null where it was recorded here.")


class HandlingList(Representation):
    """Every handling of a decision."""

    items: list[HandlingRead] = Field(description="In order of meeting.")
