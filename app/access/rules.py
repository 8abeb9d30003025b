"""What each role may do, and who the caller is. No database and no HTTP here."""

import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Protocol
from uuid import UUID

from app.access.models import Role
from app.conventions.states import Move, check_not_author, state_after
from app.errors import Refused

PERMISSIONS = {
    "organisation:read": "See the organisation's facts and code lists.",
    "organisation:write": "Change the organisation's facts and code lists.",
    "people:read": "See the people and machine clients, and their roles.",
    "people:write": "Add people and machine clients, and set their roles.",
    "api-keys:read": "See which API keys exist (never the keys themselves).",
    "api-keys:write": "Issue and revoke API keys.",
    "journal:read": "Read the journal of everything that has happened.",
    "services:read": "See units, cost centres, service classes, their classification, and populations.",
    "services:write": "Change units, cost centres, service classes, their classification, and populations.",
    "jobs:read": "See imports: how far they are, and what was wrong in a file.",
    "budget-lines:read": "See the budget and ledger lines as they were imported.",
    "budget-lines:write": "Import the budget and the ledger, and say how accounts are told apart.",
    "child-budget:read": "See the child budget, and what decisions move in it.",
    "child-budget:publish": "Publish a year's child budget, and take it back.",
    "decisions:read": "See decisions, their options and early hints.",
    "decisions:write": "Register decisions, change their facts, options and planned euros, and prepare them.",
    "decisions:present": "Take a decision to a body's meeting, when it is cleared.",
    "decisions:override": "Take an uncleared decision to a meeting, with a reason that is journalled.",
    "decisions:handle": "Record how a body handled a decision, and what followed.",
    "cases:write": "Tell of cases as a case-management system: their facts, meetings and outcomes.",
    "case-systems:read": "See which case-management systems are pulled from, and which records were set aside.",
    "case-systems:write": "Add, change and remove the case-management systems that are pulled from.",
    "assessments:read": "See assessments, screenings and their comments.",
    "assessments:write": "Screen a decision and write its assessment.",
    "assessments:comment": "Comment on an assessment.",
    "assessments:review": "Return or approve somebody else's assessment, and sign a 'not needed'.",
    "assessments:publish": "Publish what somebody else wrote, after a privacy check.",
    "follow-ups:read": "See follow-ups, and what is due and overdue.",
    "follow-ups:write": "Open a follow-up and write what really happened.",
    "follow-ups:review": "Return or approve somebody else's follow-up.",
    "follow-ups:publish": "Publish a follow-up that somebody else wrote.",
    "forms:read": "See assessment forms.",
    "forms:write": "Add forms and new versions of them.",
    "events:read": "Follow what happens: types, ids, times and diary numbers, no texts.",
    "webhooks:read": "See the webhooks and what was sent to them (never their secrets).",
    "webhooks:write": "Set up webhooks, test them, and send again what did not arrive.",
}

_READ_ALL = {name for name in PERMISSIONS if name.endswith(":read")} - {
    "journal:read",
    "api-keys:read",
    "events:read",
    "webhooks:read",
}

ROLES: dict[Role, frozenset[str]] = {
    Role.PREPARER: frozenset(
        _READ_ALL | {"decisions:write", "assessments:write", "assessments:comment", "follow-ups:write"}
    ),
    Role.EXPERT: frozenset(
        _READ_ALL
        | {"assessments:write", "assessments:comment", "assessments:review", "assessments:publish"}
        | {"follow-ups:write", "follow-ups:review", "follow-ups:publish"}
    ),
    Role.PRESENTER: frozenset(
        _READ_ALL
        | {"decisions:write", "decisions:present", "decisions:override", "decisions:handle"}
        | {"assessments:comment", "assessments:review", "follow-ups:review"}
    ),
    Role.CONTROLLER: frozenset(
        _READ_ALL | {"services:write", "budget-lines:write", "child-budget:publish", "assessments:comment"}
    ),
    Role.REGISTRAR: frozenset(
        _READ_ALL | {"decisions:write", "decisions:handle", "assessments:publish", "follow-ups:publish"}
    ),
    Role.AUDITOR: frozenset(_READ_ALL | {"journal:read", "events:read"}),
    Role.ADMINISTRATOR: frozenset(
        _READ_ALL
        | {"organisation:write", "people:write", "api-keys:read", "api-keys:write", "forms:write", "journal:read"}
        | {"events:read", "webhooks:read", "webhooks:write", "case-systems:write"}
    ),
    Role.INTEGRATION: frozenset(
        {"decisions:read", "decisions:write", "decisions:handle", "cases:write", "assessments:read", "follow-ups:read"}
        | {"services:read", "organisation:read", "forms:read", "child-budget:read", "case-systems:read"}
        | {"events:read", "webhooks:read", "webhooks:write"}
    ),
}


@cache
def permissions_of(roles: tuple[str, ...], scopes: tuple[str, ...] | None = None) -> frozenset[str]:
    """Everything the roles may do, narrowed to the scopes of a key where it has any."""
    allowed = frozenset[str]().union(*(ROLES[Role(role)] for role in roles))
    return allowed if scopes is None else allowed & frozenset(scopes)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever signed in: the only thing that decides what is seen and done."""

    id: UUID
    name: str
    organisation_id: UUID
    roles: tuple[str, ...]
    permissions: frozenset[str]

    @property
    def narrowed(self) -> bool:
        """Whether the key that signed in has fewer rights than the account's roles."""
        return self.permissions != permissions_of(self.roles)

    def can(self, permission: str) -> bool:
        """Whether the caller may do this."""
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Refuse a caller who may not do this."""
        if permission not in self.permissions:
            raise Refused("not_allowed", f"This needs the right {permission}: {PERMISSIONS[permission]}")


@dataclass(frozen=True, slots=True)
class System:
    """The service's own command line, in the journal of one organisation."""

    organisation_id: UUID
    name: str = "lava (command line)"
    id: UUID | None = None

    def require(self, permission: str) -> None:
        """The command line may do everything: who can run it can change the database too."""


class Movable(Protocol):
    """A thing with a state, and those who have written it."""

    state: str
    authors: list[str]


def check_move(moves: Mapping[str, Move], move: str, row: Movable, by: Caller) -> StrEnum:
    """The state that a move leads to: the right first, then the state, then that no author judges their own work.

    Raises Refused `not_allowed` or `own_work`, or Conflict `wrong_state`.
    """
    by.require(moves[move].permission)
    after = state_after(moves, move, row.state)
    if not moves[move].by_author:
        check_not_author(row.authors, by.id)
    return after


def check_issuing(by: Caller, account_id: UUID, scopes: Collection[str] | None) -> None:
    """Refused `not_allowed` where a narrowed key would issue more than it has itself.

    It issues keys for its own account only, with rights that it has now: else narrowing a key would mean nothing.
    """
    if not by.narrowed:
        return
    if account_id != by.id:
        raise Refused("not_allowed", "A narrowed key issues keys for its own account only.")
    if scopes is None or not by.permissions.issuperset(scopes):
        raise Refused("not_allowed", "A narrowed key passes on its own rights only: name them in scopes.")


def new_key() -> str:
    """A new API key: `lava_` and 256 random bits."""
    return "lava_" + secrets.token_urlsafe(32)


def digest_of_key(key: str) -> str:
    """What is stored of a key: SHA-256 in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def is_business_id(text: str) -> bool:
    """Whether this is a Finnish business id (Y-tunnus) with its right check digit: `1234567-1`.

    Source: the Finnish Patent and Registration Office's form of the id, weights 7 9 10 5 8 4 2 modulo 11.
    """
    number, dash, check = text.partition("-")
    if not (dash and text.isascii() and number.isdigit() and len(number) == 7 and check.isdigit() and len(check) == 1):
        return False
    remainder = sum(int(d) * w for d, w in zip(number, (7, 9, 10, 5, 8, 4, 2), strict=True)) % 11
    return remainder != 1 and int(check) == (0 if remainder == 0 else 11 - remainder)
