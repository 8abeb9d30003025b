"""What goes in and out about cases."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, model_validator

from app.assessments.schemas import QualityLineRead
from app.case_management.rules import AssessmentNeed, CaseOutcome, Readiness, ReadinessStep
from app.clock import now
from app.conventions.body import MAX_NUMBER
from app.conventions.problems import Refusal
from app.conventions.schemas import (
    CaseLanguage,
    Code,
    Day,
    Integer,
    Localised,
    LocalisedText,
    LongText,
    Moment,
    Representation,
    Schema,
    ShortText,
)
from app.decisions.models import DecisionState, HandlingOutcome, LapseReason, Publicity, SourceStatus
from app.decisions.schemas import CaseSource, DiaryNumber, Document, OptionCode

MOST_CASES = 500
MOST_AHEAD = timedelta(days=1)
"""So far may a source's clock be ahead of ours."""
SourceVersion = Annotated[Integer, Field(ge=0, le=MAX_NUMBER)]


class CaseHandling(Schema):
    """How a body handled the matter, as the case system knows it."""

    key: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        description="The case system's own key of it: a correction is told under the same key.", examples=["5"]
    )
    body: ShortText = Field(description="The body (toimielin).", examples=["Aluehallitus"])
    meeting_date: Day = Field(description="The day of the meeting; not in the future.", examples=["2026-11-16"])
    section: Annotated[str, Field(max_length=20, pattern=r"\S")] | None = Field(
        default=None, description="Section (§) of the minutes.", examples=["65"]
    )
    outcome: HandlingOutcome = Field(description="What was done.")
    option_code: OptionCode | None = Field(
        default=None, description="The option chosen; absent: as it was recorded here."
    )
    amendment: LongText | None = Field(default=None, description="How it was amended; required when amended.")

    @model_validator(mode="after")
    def _what_was_decided(self) -> "CaseHandling":
        if self.outcome is HandlingOutcome.AMENDED and not self.amendment:
            raise ValueError("Give amendment: how the proposal was amended.")
        if self.outcome not in {HandlingOutcome.DECIDED, HandlingOutcome.AMENDED} and (
            self.option_code or self.amendment
        ):
            raise ValueError(f"Nothing was decided when it was {self.outcome}: leave out option_code and amendment.")
        return self


class CaseFacts(Schema):
    """Everything that the case system says of a case: what is absent is said not to be."""

    source_version: SourceVersion | None = Field(
        default=None, description="The source's own version of the case; decides which word is newer.", examples=[7]
    )
    source_changed_at: Moment | None = Field(
        default=None, description="When the source changed the case; decides where there are no versions."
    )
    former_key: Code | None = Field(
        default=None,
        description="The decision key that this decision was told under before: what was written here goes with it.",
    )
    title: LocalisedText = Field(description="Title of the matter.")
    unit_code: Code | None = Field(
        default=None, description="The preparing unit's code; absent: the unit is chosen here."
    )
    task_class_code: Code | None = Field(default=None, description="Task class (TOS).", examples=["05 01 00"])
    task_class_title: ShortText | None = Field(default=None, description="The task class in words.")
    publicity: Publicity = Field(default=Publicity.PUBLIC, description="Whether the matter is public.")
    publicity_grounds: ShortText | None = Field(default=None, description="The law that makes it secret.")
    language: CaseLanguage = Field(default="fi", description="The language of the case.")
    body: ShortText | None = Field(default=None, description="The body that decides.", examples=["Aluehallitus"])
    meeting_date: Day | None = Field(default=None, description="The meeting it goes to, where known.")
    documents: list[Document] = Field(default_factory=list, max_length=100, description="Links to its documents.")
    status: SourceStatus | None = Field(
        default=None,
        description="Where the case system says that it is; acted on when it changes. Absent: it does not say.",
    )
    handlings: list[CaseHandling] = Field(
        default_factory=list,
        max_length=100,
        description="What bodies did. A handling that is no longer told stays; its correction has the same key.",
    )

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "source_version": 7,
                    "title": {"fi": "Neuvolan toimipisteen sulkeminen"},
                    "body": "Aluehallitus",
                    "meeting_date": "2026-12-14",
                    "status": "in_preparation",
                }
            ]
        }
    }

    @model_validator(mode="after")
    def _whole(self) -> "CaseFacts":
        if self.source_version is None and self.source_changed_at is None:
            raise ValueError("Give source_version or source_changed_at: it decides which word is newer.")
        if self.source_changed_at is not None and self.source_changed_at > now() + MOST_AHEAD:
            raise ValueError("source_changed_at is in the future: no later word could be newer.")
        if self.publicity is not Publicity.PUBLIC and not self.publicity_grounds:
            raise ValueError("Give publicity_grounds: the law that makes the matter secret.")
        if len({handling.key for handling in self.handlings}) != len(self.handlings):
            raise ValueError("A handling's key is given twice.")
        return self


class CaseItem(CaseFacts):
    """One case of a batch."""

    diary_number: DiaryNumber = Field(description="The case's diary number, exactly.", examples=["1234/00.01.02/2026"])
    decision_key: Code = Field(default="1", description="Tells decisions of one case apart.")


class CaseBatch(Schema):
    """Many cases of one case system. Each is taken in or refused by itself."""

    source: CaseSource = Field(description="The case system.", examples=["ahjo"])
    items: list[Annotated[CaseItem | dict[str, Any], Field(union_mode="left_to_right")]] = Field(
        min_length=1,
        max_length=MOST_CASES,
        description="The cases; one that breaks the schema is refused by itself, and the others are taken in.",
    )

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "source": "ahjo",
                    "items": [
                        {
                            "diary_number": "HEL 2026-001216",
                            "source_changed_at": "2026-11-02T08:15:00Z",
                            "title": {"fi": "Koulukuraattoripalvelujen järjestäminen"},
                        }
                    ],
                }
            ]
        }
    }


class MissingStep(Representation):
    """Something that has to be done before the decision is ready."""

    code: ReadinessStep = Field(description="What is to be done.")
    text: Localised = Field(description="The same in words.")


class ReadyLinks(Representation):
    """Absolute addresses."""

    decision: str = Field(description="The decision, with its early hint.")
    form: str = Field(description="Where the assessment is filled: the assessment, or the decision to start one of.")
    statement: str | None = Field(description="The statement for the agenda; null until something is sealed.")


class DecisionReadiness(Representation):
    """Whether one decision of a case may go to a meeting, and what is missing."""

    decision_id: UUID = Field(description="The decision.")
    source: str = Field(description="The case system.")
    diary_number: str = Field(description="The case's diary number, exactly.")
    decision_key: str = Field(description="Tells decisions of one case apart.")
    title: Localised = Field(description="Title of the matter.")
    state: DecisionState = Field(description="Where it is on its way.")
    meeting_date: date | None = Field(description="The meeting it goes to, or went to last.")
    ready: bool = Field(description="Whether it is cleared, or is not assessed at all: only then put it on an agenda.")
    readiness: Readiness = Field(description="How far it is.")
    readiness_text: Localised = Field(description="The same in words.")
    need: AssessmentNeed = Field(
        description="Whether an assessment is needed: as signed, else as screened, else as hinted."
    )
    missing: list[MissingStep] = Field(description="What is still to be done, in order.")
    quality: list[QualityLineRead] = Field(
        description="The lines of the quality check that the unfinished assessment does not pass."
    )
    lapsed_because: list[LapseReason] = Field(description="Why an earlier clearance no longer holds.")
    assessment_id: UUID | None = Field(description="The assessment that cleared it, else its current one.")
    edition: int | None = Field(description="That assessment's edition.")
    cleared_at: datetime | None = Field(description="When it was cleared, UTC.")
    content_digest: str | None = Field(description="SHA-256 of the sealed content that cleared it.")
    uncleared: bool = Field(description="Whether it was handled, or is on an agenda, without a clearance.")
    source_version: int | None = Field(description="The source's version that was told last.")
    source_changed_at: datetime | None = Field(description="The source's time of change that was told last, UTC.")
    links: ReadyLinks = Field(description="Where to go on.")


class CaseReadiness(Representation):
    """Whether every decision of a case is ready for a meeting."""

    source: str = Field(description="The case system.")
    diary_number: str = Field(description="The case's diary number, as it was told.")
    ready: bool = Field(
        description="Whether every decision still ahead is ready; where none is, those that were taken."
    )
    decisions: list[DecisionReadiness] = Field(description="Its decisions, by key.")


class CaseTold(Representation):
    """What came of a case that was told, and whether it is ready."""

    outcome: CaseOutcome = Field(
        description="created, updated, unchanged, or outdated: something newer was told before."
    )
    unknown_unit: str | None = Field(description="The code of the preparing unit where there is no such unit here.")
    decision: DecisionReadiness = Field(description="The decision, and whether it is ready.")


class CaseResult(Representation):
    """What came of one case of a batch."""

    index: int = Field(description="Its place in the batch, from 0.")
    diary_number: str | None = Field(description="Its diary number, where it could be read.")
    decision_key: str | None = Field(description="Its decision key, where it could be read.")
    outcome: CaseOutcome = Field(description="What came of it.")
    decision_id: UUID | None = Field(description="The decision; null where it was refused.")
    ready: bool | None = Field(description="Whether it is ready for a meeting; null where it was refused.")
    unknown_unit: str | None = Field(description="The code of the preparing unit where there is no such unit here.")
    problem: Refusal | None = Field(description="Why it was refused; pointers are into the case.")


class CaseResults(Representation):
    """What came of each case, in the batch's order."""

    items: list[CaseResult] = Field(description="One for each case.")
