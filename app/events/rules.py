"""What an event says, how a place in the feed is named, and how a webhook is called. No database and no HTTP here."""

import base64
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
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


# Calling a webhook

ATTEMPTS = 10
_DELAYS = [
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
]
"""How long after the first, second … failed attempt the next one is made: three days and three hours in all."""
JITTER = 0.2
AN_OUTAGE = 3
"""After so many attempts in a row that found nobody there, the next success brings everything that waits."""
SECRET_LIVES_ON = timedelta(hours=24)
"""How long a secret is still signed with after it was replaced."""
GONE = 410
_AWAY = {429, 502, 503, 504}
_SECRET = "whsec_"  # noqa: S105  (how one begins)


def delay_after(attempts: int, chance: float) -> timedelta | None:
    """How long to wait after so many failed attempts; None after the last one, when the delivery is dead.

    The schedule is the one that Standard Webhooks recommends; `chance` (0–1) makes it up to a fifth longer, so that
    what failed together is not tried again together.
    """
    return _DELAYS[attempts - 1] * (1 + JITTER * chance) if attempts < ATTEMPTS else None


def pause_after(failures: int, chance: float) -> timedelta:
    """How long nothing is sent to a receiver that was away so many times in a row: 5 s, then 5 min, and a fifth longer.

    Short, because one event may be what it chokes on: the others are then held up for minutes and not for days.
    """
    return _DELAYS[min(failures, 2) - 1] * (1 + JITTER * chance)


def is_delivered(status: int | None) -> bool:
    """Whether the receiver took it: any 2xx. A redirect is not followed, and is none (Standard Webhooks)."""
    return status is not None and 200 <= status < 300


def is_away(status: int | None) -> bool:
    """Whether the failure is about the receiver and not about this event: no answer, or one that says `not now`.

    Then nothing else is sent to the webhook for a while (`pause_after`).
    """
    return status is None or status in _AWAY


def words_of(status: int) -> str | None:
    """What an answer means in plain words; None where the event was taken."""
    if is_delivered(status):
        return None
    if 300 <= status < 400:
        return f"It answered {status}: redirects are not followed. Register the address that it leads to."
    if status == GONE:
        return "It answered 410: it wants no more events. The webhook was switched off."
    return f"It answered {status}."


def shown(url: str) -> str:
    """As much of an address as the journal may tell for ever: paths and queries hold keys now and then."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0].partition('?')[0]}/…"


def new_secret() -> str:
    """A new secret: `whsec_` and 256 random bits in base64 (Standard Webhooks)."""
    return _SECRET + base64.b64encode(secrets.token_bytes(32)).decode()


def signatures(live: Iterable[str], message_id: str, timestamp: int, body: str) -> str:
    """The header `webhook-signature`: one signature for each live secret (Standard Webhooks, HMAC-SHA256).

    `timestamp` is in seconds since 1970. What is signed is the id, the timestamp and the body, with full stops between.
    """
    signed = f"{message_id}.{timestamp}.{body}".encode()
    keys = [base64.b64decode(secret.removeprefix(_SECRET)) for secret in live]
    made = (hmac.digest(key, signed, "sha256") for key in keys)
    return " ".join(f"v1,{base64.b64encode(signature).decode()}" for signature in made)
