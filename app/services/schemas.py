"""What goes in and out about units, cost centres, service classes and their classification."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator

from app.conventions.schemas import (
    Code,
    Day,
    Flag,
    Integer,
    Localised,
    LocalisedText,
    LocalisedTextPatch,
    LongText,
    Representation,
    Resource,
    Schema,
    ShortText,
    Year,
)
from app.services.models import AgeGroup, ImpactClass, MappingKind, Method, UnitLevel
from app.services.rules import WHOLE, normal_task_class


def _not_before(value: date | int | None, first: date | int | None) -> None:
    if value is not None and first is not None and value < first:  # type: ignore[operator]
        raise ValueError("It ends before it begins.")


Count = Annotated[Integer, Field(ge=0, le=100_000_000)]
Share = Annotated[Integer, Field(ge=0, le=WHOLE)]

_PLACEHOLDER = "00000000-0000-7000-8000-000000000001"


class _Dated(Schema):
    """Facts that hold for a time."""

    valid_from: Day = Field(description="First day it exists.", examples=["2023-01-01"])
    valid_to: Day | None = Field(default=None, description="Last day it exists; null: no end known.")

    @field_validator("valid_to")
    @classmethod
    def _ends_after_it_begins(cls, value: date | None, info: ValidationInfo) -> date | None:
        _not_before(value, info.data.get("valid_from"))
        return value


class UnitFacts(_Dated):
    """Facts of a unit."""

    parent_id: UUID | None = Field(default=None, description="The unit above it; null at the top.")
    code: Code = Field(description="The organisation's own code; unique in it.", examples=["LNP"])
    name: LocalisedText = Field(description="Its name.", examples=[{"fi": "Lasten, nuorten ja perheiden palvelut"}])
    level: UnitLevel = Field(description="Toimiala, tulosalue, palvelualue or yksikkö.", examples=["service_area"])

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "code": "LNP",
                    "name": {
                        "fi": "Lasten, nuorten ja perheiden palvelut",
                        "sv": "Tjänster för barn, unga och familjer",
                    },
                    "level": "sector",
                    "valid_from": "2023-01-01",
                }
            ]
        }
    }


class UnitPatch(Schema):
    """Changes to a unit."""

    parent_id: UUID | None = None
    code: Code | None = None
    name: LocalisedTextPatch | None = None
    level: UnitLevel | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None

    model_config = {
        "json_schema_extra": {"examples": [{"name": {"en": "Services for families"}, "valid_to": "2027-12-31"}]}
    }


class UnitRead(Resource):
    """A unit of the organisation's tree."""

    collection: ClassVar[str | None] = "/api/v1/units"

    parent_id: UUID | None = Field(description="The unit above it; null at the top.")
    code: str = Field(description="The organisation's own code.", examples=["LNP"])
    name: Localised = Field(description="Its name.")
    level: UnitLevel = Field(description="Toimiala, tulosalue, palvelualue or yksikkö.")
    valid_from: date = Field(description="First day it exists.")
    valid_to: date | None = Field(description="Last day it exists; null: no end known.")


class CostCentreFacts(_Dated):
    """Facts of a cost centre."""

    code: Code = Field(description="Its code in the bookkeeping; unique in the organisation.", examples=["41200"])
    name: LocalisedText = Field(description="Its name.", examples=[{"fi": "Lastenneuvolat"}])
    unit_id: UUID | None = Field(default=None, description="The unit that it belongs to.")

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "code": "41200",
                    "name": {"fi": "Lastenneuvolat", "sv": "Barnrådgivningar"},
                    "valid_from": "2023-01-01",
                }
            ]
        }
    }


class CostCentrePatch(Schema):
    """Changes to a cost centre."""

    code: Code | None = None
    name: LocalisedTextPatch | None = None
    unit_id: UUID | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None

    model_config = {"json_schema_extra": {"examples": [{"name": {"en": "Child health clinics"}}]}}


class CostCentreRead(Resource):
    """A cost centre."""

    collection: ClassVar[str | None] = "/api/v1/cost-centres"

    code: str = Field(description="Its code in the bookkeeping.", examples=["41200"])
    name: Localised = Field(description="Its name.")
    unit_id: UUID | None = Field(description="The unit that it belongs to.")
    valid_from: date = Field(description="First day it exists.")
    valid_to: date | None = Field(description="Last day it exists; null: no end known.")


class ServiceClassRead(Resource):
    """A code of one year's list of service classes."""

    collection: ClassVar[str | None] = "/api/v1/service-classes"

    scheme: str = Field(description="The list it stands in.", examples=["kunta-aura"])
    year: int = Field(description="The year of the list; codes change meaning from year to year.", examples=[2025])
    code: str = Field(description="The code; nothing is read from its digits.", examples=["2701"])
    name: str = Field(description="Its name in the list.", examples=["Elintarvikevalvonta ja -neuvonta"])


class MappingFacts(Schema):
    """From a task class or a preparing unit to a service class."""

    kind: MappingKind = Field(description="What it leads from.")
    task_class: Code | None = Field(
        default=None,
        description="A task class (TOS) and all below it; levels are parted by spaces or points, kept with spaces.",
        examples=["05 01"],
    )
    unit_id: UUID | None = Field(default=None, description="A preparing unit and all below it that have none nearer.")
    service_class_id: UUID = Field(description="The service class it leads to.", examples=[_PLACEHOLDER])

    model_config = {
        "json_schema_extra": {
            "examples": [{"kind": "task_class", "task_class": "05 01", "service_class_id": _PLACEHOLDER}]
        }
    }

    @field_validator("task_class")
    @classmethod
    def _normal(cls, value: str | None) -> str | None:
        normal = normal_task_class(value or "")
        if value is not None and not normal:
            raise ValueError("Give a task class such as 05 01.")
        return normal or None


class MappingRead(Resource):
    """A mapping to a service class."""

    collection: ClassVar[str | None] = "/api/v1/service-classes/mappings"

    kind: MappingKind = Field(description="What it leads from.")
    task_class: str | None = Field(description="A task class and all below it.", examples=["05 01"])
    unit_id: UUID | None = Field(description="A preparing unit and all below it that have none nearer.")
    service_class_id: UUID = Field(description="The service class it leads to.")


class ClassificationFacts(Schema):
    """How a cost centre, a service class or the two together touch children."""

    cost_centre_id: UUID | None = Field(default=None, description="Of a cost centre.")
    service_class_id: UUID | None = Field(
        default=None, description="Of a service class; with a cost centre: of that service there."
    )
    from_year: Year = Field(description="First year, the whole of it.", examples=[2025])
    to_year: Year | None = Field(default=None, description="Last year, the whole of it; null: until further notice.")
    impact_class: ImpactClass = Field(description="How it touches children.", examples=["direct"])
    method: Method = Field(description="How its money is split over the age groups.", examples=["use_share"])
    weights: Annotated[list[Share], Field(min_length=5, max_length=5)] | None = Field(
        default=None,
        description="For manual and use_share: parts of a million for each age group, the youngest first; sum 1000000.",
        examples=[[100_000, 200_000, 350_000, 300_000, 50_000]],
    )
    child_share_ppm: Share | None = Field(
        default=None, description="For child_share: the share of under-18s, in parts of a million.", examples=[250_000]
    )
    age_groups: Annotated[list[AgeGroup], Field(min_length=1, max_length=5)] | None = Field(
        default=None, description="For full: the age groups that it is all for.", examples=[["0-6"]]
    )
    reason: LongText = Field(description="Why it is classified so.", examples=["Käyttäjätilasto 2024"])

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "cost_centre_id": _PLACEHOLDER,
                    "from_year": 2025,
                    "impact_class": "direct",
                    "method": "use_share",
                    "weights": [100_000, 200_000, 350_000, 300_000, 50_000],
                    "reason": "Käyttäjätilasto 2024",
                }
            ]
        }
    }

    @field_validator("to_year")
    @classmethod
    def _ends_after_it_begins(cls, value: int | None, info: ValidationInfo) -> int | None:
        _not_before(value, info.data.get("from_year"))
        return value


class ClassificationPatch(Schema):
    """Changes to a classification. For another class or method, end this one and add another."""

    to_year: Year | None = None
    reason: LongText | None = None

    model_config = {"json_schema_extra": {"examples": [{"to_year": 2027, "reason": "Palvelu päättyy vuonna 2027"}]}}


class ClassificationRead(Resource):
    """How a cost centre, a service class or the two together touch children."""

    collection: ClassVar[str | None] = "/api/v1/classifications"

    cost_centre_id: UUID | None = Field(description="Of a cost centre.")
    service_class_id: UUID | None = Field(description="Of a service class.")
    from_year: int = Field(description="First year, the whole of it.")
    to_year: int | None = Field(description="Last year, the whole of it; null: until further notice.")
    impact_class: ImpactClass = Field(description="How it touches children.")
    method: Method = Field(description="How its money is split over the age groups.")
    weights: list[int] | None = Field(description="Parts of a million for each age group, the youngest first.")
    child_share_ppm: int | None = Field(description="The share of under-18s, in parts of a million.")
    age_groups: list[AgeGroup] | None = Field(description="The age groups that it is all for.")
    reason: str = Field(description="Why it is classified so.")


class PopulationFacts(Schema):
    """How many people of each age group live in the area in a year."""

    year: Year = Field(description="The year.", examples=[2026])
    counts: Annotated[list[Count], Field(min_length=5, max_length=5)] = Field(
        description="People of each age group, the youngest first: 0-6, 7-12, 13-15, 16-17, 18+.",
        examples=[[5000, 6000, 3500, 2500, 83000]],
    )
    source: ShortText = Field(description="Where the counts are from.", examples=["Tilastokeskus, väestö 31.12."])

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "year": 2026,
                    "counts": [5000, 6000, 3500, 2500, 83000],
                    "source": "Keksitty esimerkki",
                }
            ]
        }
    }


class PopulationPatch(Schema):
    """Changes to a year's population."""

    counts: Annotated[list[Count], Field(min_length=5, max_length=5)] | None = None
    source: ShortText | None = None

    model_config = {"json_schema_extra": {"examples": [{"counts": [4900, 5900, 3600, 2400, 83200]}]}}


class PopulationRead(Resource):
    """The population of a year. A year without one uses the latest earlier year."""

    collection: ClassVar[str | None] = "/api/v1/populations"

    year: int = Field(description="The year.")
    counts: list[int] = Field(description="People of each age group, the youngest first: 0-6, 7-12, 13-15, 16-17, 18+.")
    source: str = Field(description="Where the counts are from.")


EXAMPLE_BATCH: dict[str, Any] = {
    "items": [
        {
            "cost_centre_id": _PLACEHOLDER,
            "from_year": 2026,
            "impact_class": "direct",
            "method": "full",
            "age_groups": ["0-6"],
            "reason": "Neuvola palvelee alle kouluikäisiä",
        }
    ],
    "end_earlier": True,
}


class ClassificationBatch(Schema):
    """Classifications to be added together: all of them or none."""

    items: Annotated[list[ClassificationFacts], Field(min_length=1, max_length=500)] = Field(
        description="What is classified; no two for the same and the same year."
    )
    end_earlier: Flag = Field(
        default=False,
        description="End what is classified for the same and holds on, in the year before; otherwise it is refused.",
    )

    model_config = {"json_schema_extra": {"examples": [EXAMPLE_BATCH]}}


class ClassificationBatchDone(Representation):
    """What a batch of classifications did."""

    added: int = Field(ge=0, description="Classifications added.")
    ended: int = Field(ge=0, description="Earlier ones ended in the year before.")
    removed: int = Field(ge=0, description="Earlier ones removed, since they began in the same year or later.")
    ids: list[UUID] = Field(description="The ids of those added, in order.")


class CarryForward(Schema):
    """Which list's classifications are carried forward to which year's list."""

    scheme: Code = Field(description="The code list.", examples=["kunta-aura"])
    from_year: Year = Field(description="The year whose classifications are carried.", examples=[2025])
    to_year: Year = Field(description="The year whose list they are carried to.", examples=[2026])
    dry_run: Flag = Field(default=False, description="Only tell, and change nothing.")

    model_config = {"json_schema_extra": {"examples": [{"scheme": "kunta-aura", "from_year": 2025, "to_year": 2026}]}}

    @field_validator("to_year")
    @classmethod
    def _goes_forward(cls, value: int, info: ValidationInfo) -> int:
        if value <= info.data.get("from_year", 0):
            raise ValueError("Carry forward to a later year.")
        return value


class Unsettled(Representation):
    """A service class whose classification was not carried forward: a person settles it."""

    service_class_id: UUID | None = Field(description="The class in the new list; null where its code is gone.")
    code: str = Field(description="Its code.")
    name: str | None = Field(description="Its name in the new list.")
    earlier_name: str | None = Field(description="What the same code meant in the earlier list.")
    reason: Literal["new_code", "other_name", "code_gone"] = Field(
        description="new_code: not in the earlier list; other_name: the code means something else; code_gone."
    )


class CarriedForward(Representation):
    """What was carried forward, and what is left for a person to settle."""

    carried: int = Field(ge=0, description="Classifications made for the new list, as they are in the earlier one.")
    already: int = Field(ge=0, description="Classifications that the new list has already.")
    unclassified: int = Field(ge=0, description="Classes of the same code and name that were not classified earlier.")
    unsettled: list[Unsettled] = Field(description="Classes for a person to settle, by code.")


class HistoryEntry(Representation):
    """One thing that happened to a classification."""

    seq: int = Field(description="Its number in the journal.")
    at: datetime = Field(description="When, UTC.")
    actor_id: UUID | None = Field(description="Who; null for the command line.")
    verb: str = Field(description="What happened.", examples=["classification.changed"])
    details: dict[str, Any] | None = Field(description="In words, with what changed from what to what; null: erased.")


class History(Representation):
    """Everything that happened to a classification, oldest first; a removed one's too."""

    items: list[HistoryEntry] = Field(description="What happened.")
