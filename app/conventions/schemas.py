"""Types that the API's fields are made of. API schemas never inherit from tables."""

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)
from typing_extensions import TypeAliasType, TypedDict

from app.texts import MOST_CHARACTERS

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[-+ ][0-9]{2}:[0-9]{2})"
)
Item = TypeVar("Item")
FIRST_YEAR, LAST_YEAR = 1900, 2199

# Named, so that the description, and each client that is made of it, has them once.
Language = TypeAliasType(
    "Language", Annotated[Literal["fi", "sv", "en"], Field(title="Language", description="A language of the service.")]
)
CaseLanguage = TypeAliasType(
    "CaseLanguage",
    Annotated[Literal["fi", "sv"], Field(title="CaseLanguage", description="The national language of a case.")],
)

MAX_CENTS = 10**15 - 1
"""Ten thousand milliards of euros: more than any budget, and exact in every JSON reader (2^53)."""


def _no_float(value: Any) -> Any:
    """Refuse `false` and `"5"` where an integer is meant, and take 5.0, which JSON Schema calls an integer."""
    if isinstance(value, (bool, str)):
        raise ValueError("Give an integer.")  # noqa: TRY004  (pydantic reports a ValueError)
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = Annotated[int, BeforeValidator(_no_float)]


def _day(value: Any) -> Any:
    """Refuse the numbers and times that would be taken for a date."""
    if value is None or type(value) is date or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise ValueError("Give a date such as 2026-01-31.")


def _moment(value: Any) -> Any:
    """Refuse the numbers and local times that would be taken for a moment."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return value.replace(" ", "+")  # a plus sign that was not escaped in an address
    raise ValueError("Give a moment with its time zone, such as 2026-01-31T12:00:00Z.")


def _in_utc(value: datetime) -> datetime:
    """Refuse the first and last hours of the calendar, which in UTC are in no year that there is."""
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("Give a moment in the years 1 to 9999, UTC.") from error


def digits(value: Any) -> Any:
    """Refuse the other scripts' digits and decimals that would be taken for an integer in an address."""
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,9}", value):
        raise ValueError("Give an integer.")
    return value


def _number(value: Any) -> Any:
    """Refuse texts and truth values where a number is meant."""
    if isinstance(value, (bool, str)):
        raise ValueError("Give a number.")  # noqa: TRY004  (likewise)
    return value


def _within_reach(value: date) -> date:
    """Refuse the days that nobody means, and that no term can be counted from."""
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ValueError(f"Give a day of {FIRST_YEAR}–{LAST_YEAR}.")
    return value


Day = Annotated[date, BeforeValidator(_day), AfterValidator(_within_reach)]
Moment = Annotated[datetime, BeforeValidator(_moment), AfterValidator(_in_utc)]
Number = Annotated[float, Field(ge=-1e12, le=1e12), BeforeValidator(_number)]
Flag = StrictBool
QueryYear = Annotated[int, Field(ge=2000, le=2100), BeforeValidator(digits)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=MOST_CHARACTERS, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]
Link = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$", max_length=2000)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Cents = Annotated[int, Field(ge=-MAX_CENTS, le=MAX_CENTS), BeforeValidator(_no_float)]
Year = Annotated[int, Field(ge=2000, le=2100), BeforeValidator(_no_float)]


class Schema(BaseModel):
    """A body that comes in: an unknown field is refused, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(extra="forbid")


class Representation(BaseModel):
    """A body that goes out."""

    model_config = ConfigDict(from_attributes=True)


class Resource(Representation):
    """A single resource. Its `version` is the strong ETag that a change must name in If-Match."""

    collection: ClassVar[str | None] = None
    """Where its kind is found, for Location; None for a part that is found below what it is part of."""

    id: UUID = Field(description="UUIDv7.")
    version: int = Field(ge=1, description="Grows by one with each change; the ETag is this number in quotes.")
    created_at: datetime = Field(description="When it was made, UTC.")
    changed_at: datetime = Field(description="When it was last changed, UTC.")
    changed_by: UUID | None = Field(description="Who changed it last.")


class LocalisedText(Schema):
    """A text that people read, in up to three languages; Finnish or Swedish is required."""

    fi: ShortText | None = Field(default=None, description="Finnish.")
    sv: ShortText | None = Field(default=None, description="Swedish.")
    en: ShortText | None = Field(default=None, description="English.")

    @model_validator(mode="after")
    def _one_of_the_national_languages(self) -> "LocalisedText":
        if not (self.fi or self.sv):
            raise ValueError("Give the text in Finnish (fi) or in Swedish (sv).")
        return self


class Localised(TypedDict, total=False):
    """A text as it was given, in the languages it was given in."""

    fi: Annotated[str, Field(description="Finnish.")]
    sv: Annotated[str, Field(description="Swedish.")]
    en: Annotated[str, Field(description="English.")]


class LocalisedTextPatch(Schema):
    """Changes to a text in several languages: what is absent stays, null clears."""

    fi: ShortText | None = None
    sv: ShortText | None = None
    en: ShortText | None = None


def _euro(value: str) -> str:
    if value != "EUR":
        raise ValueError("Amounts are in EUR.")
    return value


class Money(Schema):
    """An exact amount of money."""

    cents: Cents = Field(description="Whole cents; negative is a saving or income.", examples=[-12_500_000])
    currency: Annotated[str, AfterValidator(_euro)] = Field(default="EUR", description="Always EUR.", pattern="^EUR$")


def money(cents: int) -> dict[str, Any]:
    """An amount as the API gives it."""
    return {"cents": cents, "currency": "EUR"}


class Page(Representation, Generic[Item]):
    """A part of a list, with the way to the next part."""

    items: list[Item] = Field(description="The rows, in the list's order.")
    next: str | None = Field(description="Address of the next page; null on the last one. Also in the Link header.")


def plain(value: Any) -> Any:
    """A field's value as a column takes it: schemas as JSON without nulls, everything else as it is."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value


def values_of(body: BaseModel) -> dict[str, Any]:
    """What was sent, field by field, as columns take it."""
    return {name: plain(getattr(body, name)) for name in type(body).model_fields}
