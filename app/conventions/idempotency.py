"""One effect for each Idempotency-Key: a unique row in the same transaction as the effect.

The key is scoped to the caller and kept for at least 24 hours. A request that failed has no effect and leaves no key.
"""

import hashlib
import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy import LargeBinary, bindparam, delete, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel

from app.clock import now
from app.database import JSON_TYPE, Session, table_of
from app.errors import Conflict, Invalid, Malformed, Refused
from app.texts import holds_identity_code

KEPT_FOR = timedelta(hours=48)
KEPT_HEADERS = ("etag", "location", "content-language")
_RIGHTS = "rights"
"""Kept among the headers, and never sent: what the first caller might do, which a replay must still be able to."""
_FORM = re.compile(r"^[\x21-\x7e]{1,200}$")


class IdempotencyKey(SQLModel, table=True):
    """A key that a caller has used, what it was used for, and the first answer."""

    __tablename__ = "idempotency_key"

    account_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=200)
    request_digest: str = Field(max_length=64)
    created_at: datetime = Field(index=True)
    status: int | None = None
    headers: dict[str, str] | None = Field(default=None, sa_type=JSON_TYPE)
    body: bytes | None = Field(default=None, sa_type=LargeBinary)


_TABLE = table_of(IdempotencyKey)
_OF_KEY = (_TABLE.c.account_id == bindparam("of_account"), _TABLE.c.key == bindparam("of_key"))
_FIND = select(_TABLE).where(*_OF_KEY)
_KEEP = (
    update(_TABLE)
    .where(*_OF_KEY)
    .values(status=bindparam("status"), headers=bindparam("headers"), body=bindparam("body"))
)


class Replay(Exception):
    """The request was answered before: here is that answer again."""

    def __init__(self, response: Response) -> None:
        super().__init__("replay")
        self.response = response


def begin(
    session: Session, account_id: UUID, rights: frozenset[str], request: Request, body: bytes
) -> dict[str, Any] | None:
    """Claim the request's key before anything else is done; None where the request has none.

    Raises Replay with the first answer, Invalid where the key was used for another request, Conflict while the first
    request is still running, and Refused where the caller had rights then that it has no longer.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _FORM.match(key) or holds_identity_code(key):
        raise Malformed(
            "bad_idempotency_key", "Idempotency-Key must be 1–200 visible ASCII characters and tell of no person."
        )
    said = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + body
    digest = hashlib.sha256(said).hexdigest()
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        lock = int.from_bytes(hashlib.sha256(f"{account_id}{key}".encode()).digest()[:8], "big", signed=True)
        if not connection.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": lock}).scalar():
            raise Conflict("request_running", "A request with this key is still running. Send it again in a moment.")
    row = {"account_id": account_id, "key": key, "request_digest": digest, "created_at": now()}
    made = connection.execute(_insert_if_absent(connection.dialect.name).values(**row))
    of = {"of_account": account_id, "of_key": key, "rights": rights}
    if made.rowcount == 1:
        return of
    first = connection.execute(_FIND, {"of_account": account_id, "of_key": key}).one()
    if first.request_digest != digest:
        raise Invalid("idempotency_key_reused", "This key was used for another request. Use a new key for a new one.")
    if first.status is None:
        raise Conflict("answer_not_kept", "This was done; its answer held a secret and is not kept.")
    headers = {**first.headers, "Idempotent-Replayed": "true"}
    lost = set(headers.pop(_RIGHTS, "").split()) - rights
    if lost:
        raise Refused("not_allowed", f"The first answer was given to rights that you have no longer: {min(lost)}.")
    raise Replay(Response(first.body, first.status, headers))


def _insert_if_absent(dialect: str) -> Any:
    statement = postgresql.insert(_TABLE) if dialect == "postgresql" else sqlite.insert(_TABLE)
    return statement.on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def keep(session: Session, of: dict[str, Any], response: Response) -> None:
    """Keep the first answer beside its key, unless it holds a secret that is shown once (`Cache-Control: no-store`)."""
    if response.headers.get("cache-control") == "no-store":
        return
    headers = {name: value for name, value in response.headers.items() if name in KEPT_HEADERS}
    headers["content-type"] = response.headers.get("content-type", "application/json")
    headers[_RIGHTS] = " ".join(sorted(of["rights"]))
    said = {"status": response.status_code, "headers": headers, "body": response.body}
    session.connection().execute(_KEEP, {"of_account": of["of_account"], "of_key": of["of_key"], **said})


def forget_old(session: Session) -> int:
    """Delete keys older than `KEPT_FOR`; returns how many."""
    return session.connection().execute(delete(_TABLE).where(_TABLE.c.created_at < now() - KEPT_FOR)).rowcount
