"""What goes in and out about the case-management systems that are pulled from."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.case_management.models import Product
from app.conventions.problems import ProblemFault
from app.conventions.schemas import Day, Flag, Integer, Representation, Resource, Schema
from app.decisions.schemas import CaseSource

Address = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Credential = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]+$", max_length=4000)]
Minutes = Annotated[Integer, Field(ge=1, le=1440)]
ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class CaseSystemFacts(Schema):
    """Facts of a case-management system that is pulled from."""

    product: Product = Field(description="Which product it is.")
    address: Address = Field(
        description="Below which address its cases are.", examples=["https://ahjo.example.fi/ahjorest/v1"]
    )
    person_id: UUID = Field(description="The machine client in whose name its cases are taken in.")
    credential: Credential | None = Field(
        default=None, description="Sent to it as a bearer token. Kept, and shown to nobody."
    )
    pull_from: Day = Field(description="Cases that changed on this day or later are taken in.", examples=["2026-01-01"])
    minutes: Minutes = Field(default=15, description="How often it is listed, in minutes.")
    active: Flag = Field(default=True, description="Whether it is pulled from.")


class CaseSystemNew(CaseSystemFacts):
    """A case-management system to pull from."""

    source: CaseSource = Field(description="What its cases have as their source.", examples=["ahjo"])

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "source": "ahjo",
                    "product": "ahjo",
                    "address": "https://ahjo.example.fi/ahjorest/v1",
                    "person_id": "01890a5d-ac96-774b-bcce-b302099a8057",
                    "pull_from": "2026-01-01",
                }
            ]
        }
    }


class CaseSystemPatch(Schema):
    """Changes to a case-management system."""

    product: Product | None = None
    address: Address | None = None
    person_id: UUID | None = None
    credential: Credential | None = None
    pull_from: Day | None = None
    minutes: Minutes | None = None
    active: Flag | None = None

    model_config = {"json_schema_extra": {"examples": [{"minutes": 60}]}}


class CaseSystemRead(Resource):
    """A case-management system that is pulled from, without its credential."""

    collection: ClassVar[str | None] = "/api/v1/cases/systems"

    source: str = Field(description="What its cases have as their source.")
    product: Product = Field(description="Which product it is.")
    address: str = Field(description="Below which address its cases are.")
    person_id: UUID = Field(description="The machine client in whose name its cases are taken in.")
    has_credential: bool = Field(description="Whether a credential is kept.")
    pull_from: date = Field(description="Cases that changed on this day or later are taken in.")
    minutes: int = Field(description="How often it is listed, in minutes.")
    active: bool = Field(description="Whether it is pulled from.")


class PullCounts(Representation):
    """What came of the records of a pull."""

    created: int = Field(default=0, ge=0, description="Cases of which something was new.")
    updated: int = Field(default=0, ge=0, description="Cases that were changed.")
    unchanged: int = Field(default=0, ge=0, description="Cases that were as before.")
    outdated: int = Field(default=0, ge=0, description="Cases of which something newer was known.")
    refused: int = Field(default=0, ge=0, description="Records that were set aside.")


class CaseSystemState(Representation):
    """How pulling from a system goes."""

    pulled_at: datetime | None = Field(description="When the last pull ended, UTC.")
    due_at: datetime | None = Field(description="When it is listed next, UTC.")
    not_before: datetime | None = Field(description="Not asked before then, UTC: it asked for a pause, or was away.")
    failures: int = Field(ge=0, description="Requests in a row that came to nothing.")
    last_error: str | None = Field(description="What was wrong the last time; null where nothing was.")
    counts: PullCounts = Field(description="What came of the records of the last pull.")
    noticed: int = Field(ge=0, description="Cases that it told of and that wait to be fetched.")
    set_aside: int = Field(ge=0, description="Records that could not be taken in.")


class CaseNotice(Representation):
    """What a system says when a case was added or changed; whatever else it says is left aside."""

    updatetype: Literal["Added", "Updated"] = Field(description="Whether the case is new to the system.")
    id: ExternalId = Field(description="The case's key in the system.", examples=["HEL-2022-000163"])

    model_config: ClassVar[Any] = {
        "extra": "ignore",
        "json_schema_extra": {"examples": [{"updatetype": "Updated", "id": "HEL-2022-000163"}]},
    }


class SetAsideRead(Representation):
    """A record that could not be taken in."""

    id: UUID = Field(description="UUIDv7.")
    external_id: str = Field(description="The case's key in its system, or its place in the answer where it has none.")
    code: str = Field(description="The code of the problem (docs/problems.md).", examples=["invalid"])
    detail: str = Field(description="What is wrong.")
    faults: list[ProblemFault] = Field(description="Where; pointers are into the record, or into the case read of it.")
    first_at: datetime = Field(description="When it was set aside first, UTC.")
    last_at: datetime = Field(description="When it was refused last, UTC.")
