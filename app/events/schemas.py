"""What goes in and out about events and webhooks."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.conventions.schemas import Code, Flag, Representation, Resource, Schema, ShortText
from app.events.models import DeliveryState, DisabledReason

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


class WebhookFacts(Schema):
    """Facts of a webhook."""

    label: ShortText = Field(description="What it is for.", examples=["Asianhallinta, tuotanto"])
    url: Annotated[str, StringConstraints(min_length=1, max_length=2000)] = Field(
        description="The https address that is called by POST.", examples=["https://asianhallinta.example.fi/lava"]
    )
    types: Annotated[list[Code], Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="Only events of these types (docs/journal-verbs.md); null: all.",
        examples=[["decision.cleared", "decision.clearance_lapsed"]],
    )
    active: Flag = Field(default=True, description="Whether it is called. What happens meanwhile is sent afterwards.")

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "label": "Asianhallinta, tuotanto",
                    "url": "https://asianhallinta.example.fi/lava",
                    "types": ["decision.cleared", "decision.clearance_lapsed"],
                }
            ]
        }
    }


class WebhookPatch(Schema):
    """Changes to a webhook."""

    label: ShortText | None = None
    url: Annotated[str, StringConstraints(min_length=1, max_length=2000)] | None = None
    types: Annotated[list[Code], Field(min_length=1, max_length=100)] | None = None
    active: Flag | None = None

    model_config = {"json_schema_extra": {"examples": [{"types": None, "active": True}]}}


class WebhookRead(Resource):
    """A webhook, without its secret."""

    collection: ClassVar[str | None] = "/api/v1/webhooks"

    label: str = Field(description="What it is for.")
    url: str = Field(description="The address that is called.")
    types: list[str] | None = Field(description="The types of events that it is sent; null: all.")
    active: bool = Field(description="Whether it is called.")
    disabled_reason: DisabledReason | None = Field(description="Why it is not called; null where it is.")
    previous_secret_until: datetime | None = Field(
        description="Until when the secret before is signed with too, UTC; null where the secret was never replaced."
    )


class WebhookMade(WebhookRead):
    """A webhook with its new secret, shown this once."""

    secret: str = Field(description="The secret to verify signatures with. Copy it now.", examples=["whsec_…"])


class WebhookState(Representation):
    """How a webhook is doing."""

    active: bool = Field(description="Whether it is called.")
    disabled_reason: DisabledReason | None = Field(description="Why it is not called; null where it is.")
    pending: int = Field(ge=0, description="Events that are waiting to be sent, or to be sent again.")
    dead: int = Field(ge=0, description="Events that were given up after the last attempt; they can be sent again.")
    delivered_at: datetime | None = Field(description="When the last event was delivered, UTC; kept for 30 days.")
    failures: int = Field(ge=0, description="Attempts in a row that found nobody there.")
    not_before: datetime | None = Field(description="Nothing is sent before then, UTC: the receiver was not there.")
    behind: int = Field(ge=0, description="Entries of the journal that were not looked at for it yet.")


class DeliveryRead(Representation):
    """An event that is sent to a webhook."""

    id: UUID = Field(description="The message's `webhook-id`, the same at every attempt.")
    seq: int = Field(ge=1, description="The number of the journal's entry.")
    type: str = Field(description="The type of the event.")
    state: DeliveryState = Field(description="What became of it.")
    attempts: int = Field(ge=0, description="Attempts since it was made, or last sent again by hand.")
    next_attempt_at: datetime | None = Field(description="When it is tried next, UTC; null at its end.")
    created_at: datetime = Field(description="When it was made, UTC.")
    ended_at: datetime | None = Field(description="When it was delivered or given up, UTC.")


class AttemptRead(Representation):
    """One attempt to deliver."""

    at: datetime = Field(description="When, UTC.")
    milliseconds: int = Field(ge=0, description="How long it took.")
    status: int | None = Field(description="The HTTP status of the answer; null where none came.")
    error: str | None = Field(description="What was wrong, in plain words; null where nothing was.")


class DeliveryWhole(DeliveryRead):
    """An event that is sent to a webhook, with its attempts."""

    event: EventRead = Field(description="What is sent.")
    log: list[AttemptRead] = Field(description="The attempts, newest first; a hundred at most.")


class Replayed(Representation):
    """What is sent again."""

    deliveries: int = Field(ge=0, description="How many events are sent again.")
