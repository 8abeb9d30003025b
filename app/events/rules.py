"""What an event says, and how a place in the feed is named. No database and no HTTP here."""

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.errors import Fault, Invalid
from app.journal.verbs import VERBS

TESTED = "webhook.tested"
"""The event of a test ping: sent to the webhook that was tested, whatever its types, and to no other."""

_PLACES = {
    "assessment": "assessments/{}",
    "api_key": "api-keys/{}",
    "child_budget": "child-budget/publications/{}",
    "classification": "classifications/{}",
    "cost_centre": "cost-centres/{}",
    "decision": "decisions/{}",
    "follow_up": "follow-ups/{}",
    "form": "forms/{}",
    "mapping": "service-classes/mappings/{}",
    "organisation": "organisation",
    "person": "people/{}",
    "population": "populations/{}",
    "unit": "units/{}",
    "webhook": "webhooks/{}",
}
"""Where a kind of thing is read, below /api/v1; a kind that is missing here has no address of its own."""
_OF_SOMETHING_GONE = ("classification.removed", "mapping.removed", "population.removed", "webhook.removed")
_CURSOR = re.compile(r"[1-9][0-9]{0,9}:[0-9a-f]{16}")
_HASH_CHARACTERS = 16
_MOST_ENTRIES = 2**31 - 1


class Place(NamedTuple):
    """A place in the journal: the number of the last entry seen, and how that entry's hash begins."""

    seq: int
    hash: str


START = Place(0, "")


def cursor_of(seq: int, entry_hash: str) -> str:
    """The name of the place after an entry, for `after`. Opaque to clients.

    It holds the beginning of the entry's hash: where a database was restored from a backup, or the cursor is another
    organisation's, the place is not there, and nobody reads on past events that were never told.
    """
    said = f"{seq}:{entry_hash[:_HASH_CHARACTERS]}"
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def place_of(cursor: str | None) -> Place:
    """The place that a cursor names; the start without one. Raises Invalid `bad_cursor` where it is none."""
    if cursor is None:
        return START
    try:
        said = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError as error:
        raise bad_cursor("Not a cursor.") from error
    seq, _, entry_hash = said.partition(":")
    if not _CURSOR.fullmatch(said) or int(seq) > _MOST_ENTRIES:
        raise bad_cursor("Not a cursor.")
    return Place(int(seq), entry_hash)


def bad_cursor(words: str) -> Invalid:
    """The refusal of a cursor."""
    detail = "Take `after` from `cursor` of the answer before; leave it out to begin at the start."
    return Invalid("bad_cursor", detail, [Fault("after", words)])


def check_types(types: Iterable[str], pointer: str) -> list[str]:
    """The types asked for, each once, in order; Invalid, with all there are, where one is none.

    A type is a verb of the journal (docs/journal-verbs.md).
    """
    asked = sorted(set(types))
    unknown = [name for name in asked if name not in VERBS]
    if unknown:
        detail = f"Some types are unknown. There are: {', '.join(sorted(VERBS))}."
        raise Invalid("invalid", detail, [Fault(pointer, f"Unknown type: {name}.") for name in unknown])
    return asked


def event(organisation_id: UUID, entry: Mapping[str, Any], public_url: str) -> dict[str, Any]:
    """An entry of the journal as a CloudEvent (1.0, JSON format), with thin data.

    `entry` has seq, at, verb, object_type and object_id, and decision_id, source, diary_number and decision_key, null
    where it belongs to no decision. The id is the same for ever; source and id together are unique (CloudEvents 1.0,
    "id"). The type is the journal's verb as it is: its prefix would have to be a domain name of the service's own.
    """
    seq, verb, kind = entry["seq"], entry["verb"], entry["object_type"]
    base = public_url.rstrip("/") + "/api/v1/"
    place = _PLACES.get(kind) if verb not in _OF_SOMETHING_GONE else None
    decision = None
    if entry["decision_id"] is not None:
        decision = {
            "id": entry["decision_id"],
            "source": entry["source"],
            "diary_number": entry["diary_number"],
            "decision_key": entry["decision_key"],
            "href": f"{base}decisions/{entry['decision_id']}",
        }
    at: datetime = entry["at"]
    return {
        "specversion": "1.0",
        "id": f"{organisation_id}-{seq}",
        "source": f"urn:uuid:{organisation_id}",
        "type": verb,
        "subject": f"{kind}/{entry['object_id']}",
        "time": at,
        "datacontenttype": "application/json",
        "data": {
            "sequence": seq,
            "object_type": kind,
            "object_id": entry["object_id"],
            "href": base + place.format(entry["object_id"]) if place else None,
            "decision": decision,
        },
    }
