"""The database's schema: every table, and migrating to it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from app.access import models as access
from app.assessments import models as assessments
from app.budgeting import models as budgeting
from app.conventions import idempotency
from app.database import Database
from app.decisions import models as decisions
from app.events import models as events
from app.follow_up import models as follow_up
from app.jobs import models as jobs
from app.journal import models as journal
from app.journal.triggers import missing_triggers
from app.public_register import models as public_register
from app.services import models as services

TABLES_OF = (
    access,
    assessments,
    budgeting,
    decisions,
    events,
    follow_up,
    idempotency,
    jobs,
    journal,
    public_register,
    services,
)
"""The modules whose import makes every table known."""

ROOT = Path(__file__).resolve().parent.parent


def _config(database: Database | None = None) -> Config:
    config = Config(ROOT / "alembic.ini")
    if database is not None:
        config.attributes["database"] = database
    return config


def migrate(database: Database, revision: str = "head") -> None:
    """Bring the database up to a revision, and see that what protects the journal is there."""
    command.upgrade(_config(database), revision)
    missing = missing_triggers(database) if revision == "head" else set()
    if missing:
        raise RuntimeError(f"A migration dropped triggers: {sorted(missing)}")


def migrate_down(database: Database, revision: str) -> None:
    """Take the database back to an earlier revision."""
    command.downgrade(_config(database), revision)


def is_current(database: Database) -> bool:
    """Whether the database is migrated to the newest revision of this code."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with database.transaction(writes=False) as session:
        if not inspect(session.connection()).has_table("alembic_version"):
            return False
        return session.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [head]


def check(database: Database) -> None:
    """Raise where the tables in the code and in the migrations differ."""
    command.check(_config(database))


def new_migration(database: Database, sentence: str) -> None:
    """Write a migration from the difference; a person reads and completes it."""
    command.revision(_config(database), sentence, autogenerate=True)


def revisions() -> list[str]:
    """Every revision, oldest first."""
    scripts = ScriptDirectory.from_config(_config())
    return [script.revision for script in scripts.walk_revisions()][::-1]
