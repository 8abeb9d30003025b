"""What goes in and out about the parts of an assessment: impacts, evidence, hearings, recommendations."""

from datetime import date
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from app.assessments.models import (
    AreaKind,
    Direction,
    EvidenceKind,
    HearingMethod,
    HearingParty,
    Likelihood,
    Magnitude,
    RecommendationKind,
    Term,
)
from app.attachments.models import AttachmentKind, ScanState
from app.conventions.schemas import (
    Code,
    Day,
    Flag,
    Integer,
    Link,
    LongText,
    Number,
    Representation,
    Resource,
    Schema,
    Sha256,
    ShortText,
)
from app.services.models import AgeGroup, ImpactClass

SOME_ID = "00000000-0000-7000-8000-000000000001"

Item = TypeVar("Item")
Article = Annotated[Integer, Field(ge=1, le=54)]


class Area(Schema):
    """Where an impact shows."""

    kind: AreaKind = Field(description="The whole county, a municipality, or a family centre's area.")
    name: ShortText = Field(description="Its name.", examples=["Kouvola"])


class Indicator(Schema):
    """A figure, with what it is of."""

    source: ShortText = Field(description="Where it is from.", examples=["Kouluterveyskysely 2019"])
    name: ShortText = Field(description="What it measures.")
    value: Number = Field(description="The value.", examples=[53.0])
    unit: Annotated[str, Field(max_length=40)] = Field(description="Its unit.", examples=["%"])
    year: Annotated[Integer, Field(ge=1900, le=2100)] = Field(description="The year it is of.")
    group: ShortText | None = Field(default=None, description="Of whom.", examples=["8.–9. luokka"])
    area: ShortText | None = Field(default=None, description="Of where.", examples=["Kymenlaakso"])


class ImpactFacts(Schema):
    """An impact of one option."""

    option_id: UUID = Field(description="The option.")
    description: LongText = Field(description="What would change for children.")
    impact_class: ImpactClass = Field(description="Direct, indirect, communal or none.")
    direction: Direction = Field(description="Which way it goes for children.")
    magnitude: Magnitude = Field(description="How large it is.")
    likelihood: Likelihood = Field(description="How likely it is.")
    term: Term = Field(description="When it shows.")
    intended: Flag = Field(default=True, description="Whether it is meant.")
    age_groups: list[AgeGroup] = Field(default_factory=list, max_length=5, description="Whom it concerns, by age.")
    child_groups: list[Code] = Field(
        default_factory=list, max_length=50, description="Codes of the organisation's list."
    )
    areas: list[Area] = Field(default_factory=list, max_length=50, description="Where it shows.")
    articles: list[Article] = Field(default_factory=list, max_length=54, description="Articles of the Convention.")
    evidence_ids: list[UUID] = Field(default_factory=list, max_length=50, description="What it rests on.")
    mitigation: LongText | None = Field(default=None, description="How harm is lessened.")

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "option_id": SOME_ID,
                    "description": "Matka neuvolaan pitenee.",
                    "impact_class": "direct",
                    "direction": "negative",
                    "magnitude": "moderate",
                    "likelihood": "likely",
                    "term": "short",
                    "age_groups": ["0-6"],
                    "child_groups": ["all"],
                    "areas": [{"kind": "municipality", "name": "Hamina"}],
                    "articles": [3, 24],
                }
            ]
        }
    }

    @field_validator("age_groups", "child_groups", "articles", "evidence_ids")
    @classmethod
    def _each_once(cls, items: list[Any]) -> list[Any]:
        return list(dict.fromkeys(items))


class ImpactPatch(Schema):
    """Changes to an impact. A list given replaces the whole list."""

    option_id: UUID | None = None
    description: LongText | None = None
    impact_class: ImpactClass | None = None
    direction: Direction | None = None
    magnitude: Magnitude | None = None
    likelihood: Likelihood | None = None
    term: Term | None = None
    intended: Flag | None = None
    age_groups: list[AgeGroup] | None = None
    child_groups: list[Code] | None = None
    areas: list[Area] | None = None
    articles: list[Article] | None = None
    evidence_ids: list[UUID] | None = None
    mitigation: LongText | None = None

    model_config = {"json_schema_extra": {"examples": [{"magnitude": "large"}]}}


class PartRead(Resource):
    """A part of an assessment."""

    assessment_id: UUID = Field(description="Its assessment.")


class ImpactRead(PartRead):
    """An impact of one option."""

    option_id: UUID = Field(description="The option.")
    description: str = Field(description="What would change for children.")
    impact_class: ImpactClass = Field(description="Direct, indirect, communal or none.")
    direction: Direction = Field(description="Which way it goes for children.")
    magnitude: Magnitude = Field(description="How large it is.")
    likelihood: Likelihood = Field(description="How likely it is.")
    term: Term = Field(description="When it shows.")
    intended: bool = Field(description="Whether it is meant.")
    age_groups: list[AgeGroup] = Field(description="Whom it concerns, by age.")
    child_groups: list[str] = Field(description="Codes of the organisation's list.")
    areas: list[Area] = Field(description="Where it shows.")
    articles: list[int] = Field(description="Articles of the Convention.")
    evidence_ids: list[UUID] = Field(description="What it rests on.")
    mitigation: str | None = Field(description="How harm is lessened.")


class EvidenceFacts(Schema):
    """A piece of evidence. Reused data from children needs three checks: up to date, relevant, wide enough."""

    kind: EvidenceKind = Field(description="What kind of knowledge it is.")
    title: ShortText = Field(description="What it is called.")
    source: ShortText = Field(description="Where it is from.")
    dated: Day | None = Field(default=None, description="When it is from.")
    url: Link | None = Field(default=None, description="Where it can be read.")
    finding: LongText = Field(description="What it says about this matter.")
    up_to_date: Flag | None = Field(default=None, description="Check 1: is it up to date?")
    relevant: Flag | None = Field(default=None, description="Check 2: is it about this matter?")
    wide_enough: Flag | None = Field(default=None, description="Check 3: was it collected widely enough?")
    gap: LongText | None = Field(default=None, description="What remains unknown.")
    indicators: list[Indicator] = Field(default_factory=list, max_length=50, description="Figures.")

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "kind": "statistic",
                    "title": "Alle 18-vuotiaiden väestönosuus",
                    "source": "Tilastokeskus 2018",
                    "finding": "Alle 18-vuotiaita on 17 % väestöstä.",
                    "indicators": [
                        {"source": "Tilastokeskus", "name": "Alle 18-vuotiaat", "value": 17, "unit": "%", "year": 2018}
                    ],
                }
            ]
        }
    }

    @model_validator(mode="after")
    def _three_checks(self) -> "EvidenceFacts":
        checks = (self.up_to_date, self.relevant, self.wide_enough)
        if self.kind is EvidenceKind.CHILDREN_SURVEY and None in checks:
            raise ValueError("For data from children answer up_to_date, relevant and wide_enough.")
        return self


class EvidencePatch(Schema):
    """Changes to a piece of evidence."""

    kind: EvidenceKind | None = None
    title: ShortText | None = None
    source: ShortText | None = None
    dated: Day | None = None
    url: Link | None = None
    finding: LongText | None = None
    up_to_date: Flag | None = None
    relevant: Flag | None = None
    wide_enough: Flag | None = None
    gap: LongText | None = None
    indicators: list[Indicator] | None = None

    model_config = {"json_schema_extra": {"examples": [{"gap": "Kuntakohtaista tietoa ei ole."}]}}


class EvidenceRead(PartRead):
    """A piece of evidence."""

    kind: EvidenceKind = Field(description="What kind of knowledge it is.")
    title: str = Field(description="What it is called.")
    source: str = Field(description="Where it is from.")
    dated: date | None = Field(description="When it is from.")
    url: str | None = Field(description="Where it can be read.")
    finding: str = Field(description="What it says about this matter.")
    up_to_date: bool | None = Field(description="Is it up to date?")
    relevant: bool | None = Field(description="Is it about this matter?")
    wide_enough: bool | None = Field(description="Was it collected widely enough?")
    gap: str | None = Field(description="What remains unknown.")
    indicators: list[Indicator] = Field(description="Figures.")


class HearingFacts(Schema):
    """Who was heard. Groups, never a single child."""

    party: HearingParty = Field(description="Children, parents or professionals.")
    who: ShortText = Field(description="Which group.", examples=["Nuorisovaltuusto"])
    age_groups: list[AgeGroup] = Field(default_factory=list, max_length=5, description="Their ages.")
    number: Annotated[Integer, Field(ge=1, le=1_000_000)] | None = Field(default=None, description="How many.")
    method: HearingMethod = Field(description="How they were heard.")
    held_on: Day | None = Field(default=None, description="When.")
    views: LongText = Field(description="What they said.")
    effect: LongText | None = Field(default=None, description="What it changed.")
    feedback_given: Flag = Field(default=False, description="Whether they were told what came of it.")

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "party": "children",
                    "who": "Nuorisovaltuusto",
                    "age_groups": ["13-15", "16-17"],
                    "number": 18,
                    "method": "youth_council",
                    "views": "Palvelun pitää olla lähellä koulua.",
                }
            ]
        }
    }


class HearingPatch(Schema):
    """Changes to a hearing."""

    party: HearingParty | None = None
    who: ShortText | None = None
    age_groups: list[AgeGroup] | None = None
    number: Annotated[Integer, Field(ge=1, le=1_000_000)] | None = None
    method: HearingMethod | None = None
    held_on: Day | None = None
    views: LongText | None = None
    effect: LongText | None = None
    feedback_given: Flag | None = None

    model_config = {"json_schema_extra": {"examples": [{"feedback_given": True}]}}


class HearingRead(PartRead):
    """Who was heard."""

    party: HearingParty = Field(description="Children, parents or professionals.")
    who: str = Field(description="Which group.")
    age_groups: list[AgeGroup] = Field(description="Their ages.")
    number: int | None = Field(description="How many.")
    method: HearingMethod = Field(description="How they were heard.")
    held_on: date | None = Field(description="When.")
    views: str = Field(description="What they said.")
    effect: str | None = Field(description="What it changed.")
    feedback_given: bool = Field(description="Whether they were told what came of it.")


class RecommendationFacts(Schema):
    """A recommendation to those who decide."""

    kind: RecommendationKind = Field(description="A change, another option, or an improvement.")
    text: LongText = Field(description="What is recommended.")

    model_config = {
        "json_schema_extra": {
            "examples": [{"kind": "change", "text": "Vastaanotto säilytetään kerran viikossa Haminassa."}]
        }
    }


class RecommendationPatch(Schema):
    """Changes to a recommendation."""

    kind: RecommendationKind | None = None
    text: LongText | None = None

    model_config = {"json_schema_extra": {"examples": [{"kind": "improvement"}]}}


class RecommendationRead(PartRead):
    """A recommendation to those who decide."""

    kind: RecommendationKind = Field(description="A change, another option, or an improvement.")
    text: str = Field(description="What is recommended.")


class AttachmentLink(Schema):
    """A link to what belongs to an assessment and is kept elsewhere."""

    title: ShortText = Field(description="What it is.", examples=["Lausunto"])
    url: Link = Field(description="Where it is.", examples=["https://example.fi/lausunto.pdf"])
    sha256: Sha256 | None = Field(
        default=None, description="SHA-256 of what the link held when it was recorded, in hexadecimal."
    )

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "title": "Vanhempainyhdistyksen lausunto",
                    "url": "https://example.fi/lausunto.pdf",
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                }
            ]
        }
    }


class AttachmentRead(PartRead):
    """A file or a link that belongs to an assessment. It is not changed, only removed."""

    kind: AttachmentKind = Field(description="Kept here, or a link.")
    title: str = Field(description="What it is.")
    url: str | None = Field(description="Where it is, of a link.")
    file_name: str | None = Field(description="The name under which it is downloaded, of a file.")
    media_type: str | None = Field(description="What it is by its content, of a file.")
    bytes: int | None = Field(description="Its size, of a file.")
    sha256: str | None = Field(
        description="SHA-256 in hexadecimal: of the file, or what was given with the link. It is sealed with the rest."
    )
    scan: ScanState | None = Field(description="What the virus scanner said of the file.")


class PartList(Representation, Generic[Item]):
    """Every part of one kind, in the order they were added."""

    items: list[Item] = Field(description="The parts.")
