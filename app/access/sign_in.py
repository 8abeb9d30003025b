"""From credentials to a Caller. API keys today; OIDC comes behind the same `SignedIn`."""

import time
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import bindparam, select
from sqlalchemy.util import greenlet_spawn

from app.access.models import Account, ApiKey
from app.access.rules import Caller, digest_of_key, permissions_of
from app.clock import now
from app.conventions import idempotency
from app.conventions.limits import count_against
from app.conventions.route import SignsIn
from app.database import Database, Session, table_of
from app.errors import NotSignedIn

SIGNED_IN_SECONDS = 1.0
"""How long a sign-in holds good for the rest of its own request."""

_KEY, _ACCOUNT = table_of(ApiKey), table_of(Account)
_BY_DIGEST = (
    select(
        _KEY.c.expires_at,
        _KEY.c.revoked_at,
        _KEY.c.scopes,
        _ACCOUNT.c.id,
        _ACCOUNT.c.name,
        _ACCOUNT.c.organisation_id,
        _ACCOUNT.c.roles,
        _ACCOUNT.c.active,
    )
    .join(_ACCOUNT, _ACCOUNT.c.id == _KEY.c.account_id)
    .where(_KEY.c.digest == bindparam("digest"))
)


def caller_with_key(session: Session, key: str) -> Caller:
    """The account whose key this is; NotSignedIn where it is unknown, expired or revoked."""
    row = session.connection().execute(_BY_DIGEST, {"digest": digest_of_key(key)}).one_or_none()
    if row is None or row.revoked_at is not None or row.expires_at <= now() or not row.active:
        raise NotSignedIn(
            "not_signed_in", "The key is unknown, expired or revoked. Ask your administrator for a new one."
        )
    scopes = tuple(row.scopes) if row.scopes is not None else None
    return Caller(row.id, row.name, row.organisation_id, tuple(row.roles), permissions_of(tuple(row.roles), scopes))


def caller_of_request(session: Session, request: Request) -> Caller:
    """Whoever sends the request; NotSignedIn without valid credentials."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotSignedIn("not_signed_in", "Send your API key as Authorization: Bearer lava_….")
    return caller_with_key(session, token.strip())


class SignIn(SignsIn):
    """Signs in the caller of every route that needs a key.

    Who sends a body is asked before any of it is read, and without the write lock. What was found then is used when the
    transaction begins, unless the body or the turn was long in coming: then it is asked again, so that a key that was
    revoked meanwhile does nothing.
    """

    async def before_the_body(self, request: Request) -> None:
        """Sign the caller of a change in, and count the request."""
        database: Database = request.app.state.database
        caller = await database.read(caller_of_request, request)
        count_against(request.app.state.settings.rate_limit, str(caller.id))
        request.state.caller, request.state.signed_in_at = caller, time.monotonic()

    async def in_transaction(self, request: Request) -> Caller:
        """The caller, with the request's idempotency key claimed."""
        body = await request.body() if request.method == "POST" else b""
        caller: Caller = await greenlet_spawn(_signed_in, request, body)
        return caller


def _signed_in(request: Request, body: bytes) -> Caller:
    session: Session = request.state.session
    at = getattr(request.state, "signed_in_at", None)
    if at is None or time.monotonic() - at > SIGNED_IN_SECONDS:
        request.state.caller = caller_of_request(session, request)
    caller: Caller = request.state.caller
    if at is None:  # a read, which nothing was asked of yet
        count_against(request.app.state.settings.rate_limit, str(caller.id))
    if request.method == "POST":
        claimed = idempotency.begin(session, caller.id, caller.permissions, request, body)
        if claimed:
            request.state.idempotency = claimed
    return caller


SignedIn = Annotated[Caller, Depends(SignIn("caller"))]
"""The caller of a route; 401 without valid credentials."""
