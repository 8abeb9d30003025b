"""Runs migrations in one transaction, alone: an advisory lock on PostgreSQL, the write lock on SQLite.

On SQLite a batch rebuild of a table deletes the children of a CASCADE and drops triggers, both in silence. Foreign keys
are therefore off around the migrations and checked after them, and `app.schema` asserts the triggers.
"""

from alembic import context
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

import app.schema  # noqa: F401  (every table is known once this is imported)
from app.database import Database, begin
from app.settings import Settings

MIGRATION_LOCK = 0x6C617661  # "lava"


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


def run() -> None:
    """Migrate the database that was given, or the one of the settings."""
    given = context.config.attributes.get("database")
    database = given or Database(Settings().database_url)
    if database.is_sqlite:
        with database.writing.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute("PRAGMA foreign_keys=OFF")
            try:
                with connection.begin():
                    begin(connection)
                    _migrate(connection)
                    broken = connection.execute(text("PRAGMA foreign_key_check")).all()
                    if broken:
                        raise RuntimeError(f"The migration broke references: {broken[:5]}")
            finally:
                raw.execute("PRAGMA foreign_keys=ON")
    else:
        with database.writing.begin() as connection:
            begin(connection)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            _migrate(connection)
    if given is None:
        database.engine.dispose()


run()
