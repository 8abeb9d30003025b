"""What goes in and out about events and webhooks."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from app.conventions.schemas import Representation

CURSOR = "MTI6NDllMWIyMDk0Zjc0YWQyYw"


class EventDecision(Representation):
    """The decision that an event belongs to."""

    id: UUID = Field(description="The decision's id.")
    source: str = Field(description="The system that registered it.", examples=["ahjo"])
    diary_number: str = Field(description="Its diary number, as it was sent.", examples=["77/00.01.02/2026"])
    decision_key: str = Field(description="Tells the decisions of one case apart.", examples=["1"])
    href: str = Field(description="Where it is read.")


class EventData(Representation):
    """What an event is about: ids and addresses, no texts."""

    sequence: int = Field(ge=1, description="The number of the journal's entry: gapless within the organisation.")
    object_type: str = Field(description="The kind of thing it happened to.", examples=["assessment"])
    object_id: UUID = Field(description="The thing it happened to.")
    href: str | None = Field(description="Where that is read; null where it has no address, or is gone.")
    decision: EventDecision | None = Field(description="The decision it belongs to; null where it belongs to none.")


class EventRead(Representation):
    """A CloudEvent 1.0 in JSON."""

    specversion: Literal["1.0"] = Field(description="The version of CloudEvents.")
    id: str = Field(description="The same for ever; know an event again by it.")
    source: str = Field(
        description="The organisation, as a URN.", examples=["urn:uuid:01a204d7-2903-7441-ade4-646a0a393adf"]
    )
    type: str = Field(description="What happened; docs/journal-verbs.md lists them.", examples=["decision.cleared"])
    subject: str = Field(description="What it happened to: kind and id.")
    time: datetime = Field(description="When, UTC.")
    datacontenttype: Literal["application/json"] = Field(description="The kind of `data`.")
    data: EventData = Field(description="What it is about.")


class EventPage(Representation):
    """A part of the feed, and the place from which to go on."""

    items: list[EventRead] = Field(description="Events in the journal's order; may be empty.")
    cursor: str = Field(
        description="Send it as `after` to go on. It moves past events of types that were not asked for, too.",
        examples=[CURSOR],
    )
    more: bool = Field(description="Whether more can be read at once.")
