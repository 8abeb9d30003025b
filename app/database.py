"""The database: engine, SQLite's hooks, naming of constraints, and the one place that opens a session and commits.

Domain code is plain synchronous functions of a `Session`. In the service they run in SQLAlchemy's greenlet on the
event loop, without threads, on both databases (docs/adr/0002-one-body-no-threads.md).
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    ColumnElement,
    Connection,
    Engine,
    ScalarSelect,
    Select,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    case,
    cast,
    create_engine,
    event,
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session as SqlalchemySession
from sqlalchemy.orm import SessionTransaction
from sqlalchemy.util import await_only, greenlet_spawn
from sqlalchemy.util.concurrency import in_greenlet
from sqlmodel import Field, SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime
from uuid_utils.compat import uuid7

from app.clock import now
from app.errors import Busy
from app.turns import Turns

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

JSON_TYPE = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

Result = TypeVar("Result")

WRITE_WAIT_SECONDS = 20.0
WRITE_RETRY_SECONDS = 0.002
_BUSY_STATES = ("55P03", "57014", "40P01", "40001")
"""PostgreSQL's lock and statement time-outs, a deadlock, a serialisation failure: rolled back, and safe to repeat."""
_give_up_at: ContextVar[float | None] = ContextVar("give_up_at", default=None)


def one_of(column: str, codes: type[StrEnum]) -> CheckConstraint:
    """A named CHECK that the column holds one of the codes."""
    listed = ", ".join(f"'{code.value}'" for code in codes)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def table_of(model: type[SQLModel]) -> Table:
    """The table of a model, for statements that read columns or write many rows."""
    table: Table = model.__table__  # type: ignore[attr-defined]  # SQLModel does not declare it
    return table


class Row(SQLModel):
    """What every row of an organisation has: its id, its tenant, its version for ETags, and who changed it when."""

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id", index=True)
    version: int = Field(default=1)
    created_at: datetime = Field(default_factory=now)
    changed_at: datetime = Field(default_factory=now)
    changed_by: UUID | None = Field(default=None)


class Session(SqlalchemySession):
    """A session of this service; the journal hangs on its commit."""


class Database:
    """One database and its connections."""

    def __init__(self, url: str, *, connections: int = 16, on_loop: bool = False) -> None:
        """Open the engine. `on_loop` chooses PostgreSQL's asynchronous driver for use under a running event loop."""
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite(self.url, connections) if self.is_sqlite else _postgresql(self.url, connections, on_loop)
        # Both drivers leave BEGIN to us. A read is one picture of the data; a read of one statement is one without a
        # transaction, and is spared its round trips. BEGIN IMMEDIATE queues SQLite's writers.
        picture = "BEGIN" if self.is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        self._reading = self.engine.execution_options(begin=picture)
        self._reading_once = self.engine
        self.writing = self.engine.execution_options(begin="BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")
        # SQLite has one writer at a time anyway; on PostgreSQL a quarter of the connections is kept for reads.
        self._turns = Turns(connections, 1 if self.is_sqlite else max(1, connections - max(1, connections // 4)))

    def open_session(self, *, writes: bool, one_statement: bool = False) -> Session:
        """A session that nobody has committed yet; `transaction` and `request_transaction` are how to get one."""
        reading = self._reading_once if one_statement else self._reading
        return Session(bind=self.writing if writes else reading, expire_on_commit=False)

    @contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[Session]:
        """One transaction outside a request: committed at the end, rolled back on an error."""
        session = self.open_session(writes=writes)
        try:
            yield session
            session.commit()
        finally:
            session.close()

    @asynccontextmanager
    async def request_transaction(self, *, writes: bool, one_statement: bool = False) -> AsyncIterator[Session]:
        """One transaction for one request: committed before the answer leaves.

        A read is one picture of the data; `one_statement` promises that it needs none, since one statement is one.
        Raises Busy where no connection, or on SQLite the write lock, was to be had in time.
        """
        give_up_at = time.monotonic() + WRITE_WAIT_SECONDS
        await self._turns.take(writes=writes, give_up_at=give_up_at)
        outer = _give_up_at.set(give_up_at)
        session = self.open_session(writes=writes, one_statement=one_statement)
        try:
            yield session
            if writes:
                await greenlet_spawn(session.commit)
        finally:
            try:
                await greenlet_spawn(session.close)
            finally:
                _give_up_at.reset(outer)
                self._turns.give_back(writes=writes)

    async def read(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """What domain code finds that asks once, in a transaction of its own on the event loop."""
        async with self.request_transaction(writes=False, one_statement=True) as session:
            found: Result = await greenlet_spawn(work, session, *arguments)
        return found

    async def write(self, work: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
        """What domain code does, in a transaction of its own on the event loop, committed when this returns."""
        async with self.request_transaction(writes=True) as session:
            done: Result = await greenlet_spawn(work, session, *arguments, **named)
        return done

    async def close(self) -> None:
        """Close every connection."""
        await greenlet_spawn(self.engine.dispose)


def _postgresql(url: URL, connections: int, on_loop: bool) -> Engine:
    # The server ends the statements of a client that was killed.
    settings = {"client_connection_check_interval": "500", "timezone": "UTC"}
    if on_loop:  # no request waits or works for ever; a migration or an import may
        settings |= {"lock_timeout": f"{WRITE_WAIT_SECONDS:.0f}s", "statement_timeout": "60s"}
        settings |= {"idle_in_transaction_session_timeout": "60s"}
    options: dict[str, Any] = {
        "isolation_level": "AUTOCOMMIT",  # the driver leaves BEGIN to us
        "pool_size": connections,
        "max_overflow": 0,
        "pool_timeout": WRITE_WAIT_SECONDS,
        "pool_use_lifo": True,
        "hide_parameters": True,  # an error must not carry texts into the log
        "connect_args": {"options": " ".join(f"-c {name}={value}" for name, value in settings.items())},
    }
    return create_async_engine(url, **options).sync_engine if on_loop else create_engine(url, **options)


def _sqlite(url: URL, connections: int) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Every pooled connection promises the same: what is committed is on the disk, and references hold."""
    connection.isolation_level = None  # the driver leaves BEGIN to us
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=0",
        "temp_store=MEMORY",
        "cache_size=-32000",
    ):
        give_up = time.monotonic() + WRITE_WAIT_SECONDS
        while True:
            try:
                connection.execute(f"PRAGMA {pragma}")
            except sqlite3.OperationalError as error:
                # Two that open a new file at once: turning to WAL is refused without waiting.
                if "locked" not in str(error) or time.monotonic() > give_up:
                    raise
                time.sleep(WRITE_RETRY_SECONDS)
            else:
                break


def begin(connection: Connection) -> None:
    """Begin the transaction in the way that the connection was asked for.

    On SQLite one that will write takes the write lock at once, and waits for it without holding up the event loop.
    """
    statement = connection.get_execution_options().get("begin")
    if statement is None:
        return
    give_up = _give_up_at.get() or time.monotonic() + WRITE_WAIT_SECONDS
    while True:
        try:
            connection.exec_driver_sql(statement)
        except OperationalError as error:
            if not is_busy(error):
                raise
            if time.monotonic() > give_up:
                raise Busy("database_busy", "Another write is taking long. Send the request again.") from error
        else:
            return
        if in_greenlet():
            await_only(asyncio.sleep(WRITE_RETRY_SECONDS))
        else:
            time.sleep(WRITE_RETRY_SECONDS)


def _after_begin(_session: SqlalchemySession, transaction: SessionTransaction, connection: Connection) -> None:
    if not transaction.nested:
        begin(connection)


# On the session: a listener on the engine would cost every statement a look for more of them.
event.listen(Session, "after_begin", _after_begin)


def is_busy(error: OperationalError) -> bool:
    """Whether somebody else was in the way for too long: nothing was done, and it may be tried again."""
    if getattr(error.orig, "sqlstate", None) in _BUSY_STATES:
        return True
    return "database is locked" in str(error.orig) or "database table is locked" in str(error.orig)


def broken_constraint(error: IntegrityError) -> str | None:
    """The name of the constraint that a write broke, on either database; None where it cannot be told."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return str(diagnosis.constraint_name) if diagnosis.constraint_name else None
    message = str(error.orig)
    kind, _, rest = message.partition(" constraint failed: ")
    if kind == "CHECK":
        return rest.strip()
    if kind == "UNIQUE":  # SQLite names the columns, not the constraint
        columns = [part.strip().split(".") for part in rest.split(",")]
        table = SQLModel.metadata.tables.get(columns[0][0])
        wanted = [name for _, name in columns]
        for constraint in table.constraints if table is not None else ():
            if isinstance(constraint, UniqueConstraint) and [c.name for c in constraint.columns] == wanted:
                return str(constraint.name)
        return f"uq_{columns[0][0]}"  # a unique index over some of the rows
    return "foreign_key" if message.startswith("FOREIGN KEY") else None


def lock_for_transaction(session: Session, key: int) -> None:
    """Hold an exclusive lock of this key to the end of the transaction.

    A statement of its own on PostgreSQL, so that what is read afterwards sees what the holder before us wrote; SQLite's
    writers are alone already.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (key,))


def json_object(dialect: str, columns: Iterable[ColumnElement[Any]]) -> ColumnElement[str]:
    """Named columns as the text of one JSON object, made by the database in the API's own form.

    Ids are dashed, times RFC 3339 with Z, JSON columns stay JSON. What is only passed on needs no Python objects.
    """
    pairs = [item for column in columns for item in (literal_column(f"'{column.key}'"), _in_json(dialect, column))]
    if dialect == "postgresql":
        return cast(func.json_build_object(*pairs), Text)
    return func.json_object(*pairs, type_=Text())


def json_list(dialect: str, rows: Select[Any], *, single: bool = False) -> ScalarSelect[Any]:
    """The rows of a query as one JSON array made by the database, so that a row and its parts are one statement.

    With `single` the query has one column, and the array holds its values instead of objects.
    """
    part = rows.subquery()
    pairs = [item for c in part.c for item in (literal_column(f"'{c.name}'"), _in_json(dialect, c))]
    made: ColumnElement[Any]
    if dialect == "postgresql":
        item = pairs[1] if single else func.json_build_object(*pairs)
        made = func.coalesce(func.json_agg(item), literal_column("'[]'::json"), type_=JSON())
    else:
        made = func.json_group_array(pairs[1] if single else func.json_object(*pairs), type_=JSON())
    return select(made).scalar_subquery()


# Written into the statement: a hundred bound constants would cost each read more than the database's own work.
_DASH: ColumnElement[str] = literal_column("'-'")
_PARTS_OF_UUID: list[tuple[ColumnElement[Any], ColumnElement[Any]]] = [
    (literal_column(start), literal_column(length))
    for start, length in (("1", "8"), ("9", "4"), ("13", "4"), ("17", "4"), ("21", "12"))
]


def _in_json(dialect: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column as it stands inside JSON."""
    if dialect == "postgresql":
        if isinstance(column.type, UTCDateTime):
            return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        return column
    text = type_coerce(column, Text())
    if isinstance(column.type, UTCDateTime):
        return func.replace(text, literal_column("' '"), literal_column("'T'"), type_=Text()) + literal_column("'Z'")
    if isinstance(column.type, Uuid):
        return reduce(
            lambda said, part: said + _DASH + part, [func.substr(text, *part, type_=Text()) for part in _PARTS_OF_UUID]
        )
    if isinstance(column.type, Boolean):
        return func.json(case((column.is_(True), literal_column("'true'")), else_=literal_column("'false'")))
    return func.json(text) if isinstance(column.type, JSON) else column


@dataclass(frozen=True, slots=True)
class JsonText:
    """A resource as JSON text that the database made, with what its answer's headers need."""

    text: str
    id: UUID
    version: int


def breathe() -> None:
    """Let the event loop serve others in the middle of long work; does nothing outside a request."""
    if in_greenlet():
        await_only(asyncio.sleep(0))
