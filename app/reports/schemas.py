"""What goes out to auditors."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from app.conventions.schemas import Money, Representation
from app.services.models import AgeGroup


class JournalEntryRead(Representation):
    """One entry of the journal."""

    seq: int = Field(description="Its number; gapless within the organisation.")
    at: datetime = Field(description="When, UTC.")
    actor_id: UUID | None = Field(description="Who; null for the command line.")
    verb: str = Field(description="What happened; docs/journal-verbs.md lists them.", examples=["decision.registered"])
    object_type: str = Field(description="To what kind of thing.")
    object_id: UUID = Field(description="To what.")
    details: dict[str, Any] | None = Field(description="In words; null where erased.")
    erased_at: datetime | None = Field(description="When its words were erased, UTC.")
    details_digest: str = Field(description="Salted SHA-256 of the details.")
    hash: str = Field(description="SHA-256 over this entry and the hash before it.")


class Directions(Representation):
    """How many predicted impacts go which way; small numbers are to be seen as small."""

    positive: int = Field(ge=0, description="Better for children.")
    negative: int = Field(ge=0, description="Worse for children.")
    mixed: int = Field(ge=0, description="Better in some respects, worse in others.")
    neutral: int = Field(ge=0, description="Neither.")


class CumulativeGroup(Representation):
    """What decisions in force do to one group together."""

    decisions: int = Field(ge=0, description="Decisions with an impact on the group, or planned euros that fall on it.")
    directions: Directions = Field(description="Predicted impacts of the options chosen.")
    core: Money = Field(description="Planned change in the period's years: core.")
    extended: Money = Field(description="The same: extended.")


class CumulativeAgeGroup(CumulativeGroup):
    """By age group."""

    age_group: AgeGroup = Field(description="The age group; 18+ has impacts, but no children's euros.")


class CumulativeChildGroup(CumulativeGroup):
    """By group of children; the euros are those of the decisions that touch it, since money is not split by it."""

    child_group: str = Field(description="Its code in the organisation's list.", examples=["disabled"])


class CumulativeEffect(Representation):
    """What all decisions in force in a period do together."""

    since: date = Field(serialization_alias="from", description="First day of the period.")
    until: date = Field(description="Last day of the period.")
    decisions: int = Field(ge=0, description="Decisions in force.")
    unassessed: int = Field(ge=0, description="Those of them without an assessment: their impacts are not known.")
    excluded: int = Field(ge=0, description="Decisions left out, since their task class is set aside.")
    rule_version: str = Field(description="Version of the rules that split the euros.")
    planned: Money = Field(description="Every planned change in the period's years, adults' part too.")
    core: Money = Field(description="What of it falls on children: core.")
    extended: Money = Field(description="The same: extended.")
    unclassified: Money = Field(description="What of it is not classified.")
    age_groups: list[CumulativeAgeGroup] = Field(description="Every age group.")
    child_groups: list[CumulativeChildGroup] = Field(description="Groups of children that are touched, by code.")
