"""How the chain is hashed, and how it is found broken. No database here."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import rfc8785

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the chain as it stands in the database."""

    organisation_id: UUID
    seq: int
    at: datetime
    actor_id: UUID | None
    verb: str
    object_type: str
    object_id: UUID
    details_digest: str
    hash: str
    salt: str | None
    details: str | None
    erased_at: datetime | None


def digest_of_details(salt: str, details: str) -> str:
    """SHA-256 in hexadecimal of the salt and the canonical JSON of the details.

    The salt keeps a short text, such as a name, from being guessed back from its digest after it is erased.
    """
    return hashlib.sha256(f"{salt}\n{details}".encode()).hexdigest()


def hash_of_entry(
    previous: str,
    *,
    organisation_id: UUID,
    seq: int,
    at: datetime,
    actor_id: UUID | None,
    verb: str,
    object_type: str,
    object_id: UUID,
    details_digest: str,
) -> str:
    """SHA-256 in hexadecimal over the canonical JSON (RFC 8785) of everything an entry says and the hash before it."""
    return hashlib.sha256(
        rfc8785.dumps(
            {
                "previous": previous,
                "organisation": str(organisation_id),
                "seq": seq,
                "at": at.isoformat(timespec="microseconds"),
                "actor": str(actor_id) if actor_id else None,
                "verb": verb,
                "object_type": object_type,
                "object": str(object_id),
                "details": details_digest,
            }
        )
    ).hexdigest()


def _erasure(link: Link) -> tuple[int, datetime | None]:
    """Which entry an entry `journal.erased` tells of, and when its words were erased; None where it does not say.

    Entry 0, of which there is none, where it cannot be read: then it was changed, and its digest tells.
    """
    try:
        said = json.loads(link.details or "")
        at = said.get("erased_at")
        return int(said["entry"]), datetime.fromisoformat(at) if at is not None else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return 0, None


def faults_in(links: Iterable[Link], *, checkpoint: tuple[int, str] | None = None) -> list[str]:
    """What is wrong with one organisation's chain, in order of sequence; empty where nothing is.

    `checkpoint` is a (sequence, hash) written down earlier, outside the database: without one, a journal whose tail was
    cut off cannot be told from a shorter one.
    """
    faults: list[str] = []
    erased: dict[int, datetime] = {}
    told: dict[int, set[datetime | None]] = {}
    previous, expected, seen_checkpoint = GENESIS, 1, checkpoint is None
    for link in links:
        if link.seq != expected:
            faults.append(f"entry {expected}: missing (the next one is {link.seq})")
        computed = hash_of_entry(
            previous,
            organisation_id=link.organisation_id,
            seq=link.seq,
            at=link.at,
            actor_id=link.actor_id,
            verb=link.verb,
            object_type=link.object_type,
            object_id=link.object_id,
            details_digest=link.details_digest,
        )
        if computed != link.hash:
            faults.append(f"entry {link.seq}: its hash does not match what it says and the entry before it")
        if link.salt is not None and link.details is not None:
            if digest_of_details(link.salt, link.details) != link.details_digest:
                faults.append(f"entry {link.seq}: its details were changed")
            if link.erased_at is not None:
                faults.append(f"entry {link.seq}: marked as erased, but its details are there")
            if link.verb == "journal.erased":
                entry, at = _erasure(link)
                told.setdefault(entry, set()).add(at)
        elif link.erased_at is None or link.salt is not None or link.details is not None:
            faults.append(f"entry {link.seq}: its details are gone without an erasure")
        else:
            erased[link.seq] = link.erased_at
        if checkpoint and link.seq == checkpoint[0]:
            seen_checkpoint = True
            if link.hash != checkpoint[1]:
                faults.append(f"entry {link.seq}: not the entry that the checkpoint saw")
        previous, expected = link.hash, link.seq + 1
    faults += [f"entry {seq}: erased, but no later entry tells of it" for seq in sorted(set(erased) - set(told))]
    faults += [
        f"entry {seq}: erased at another time than the later entry tells"
        for seq, at in sorted(erased.items())
        if seq in told and not told[seq] & {at, None}
    ]
    if not seen_checkpoint and checkpoint:
        faults.append(f"the journal ends at entry {expected - 1}, but the checkpoint saw entry {checkpoint[0]}")
    return faults
