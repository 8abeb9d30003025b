"""Starting the demo: the port first, then a county that is filled to its end, or filled anew from the beginning."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from rich.console import Console
from sqlalchemy import func, select

from app import schema
from app.access.models import Organisation
from app.database import Database, table_of
from app.demo.county import is_unfinished, keys_of_filled, people_and_keys
from app.demo.server import Running, bound, demo_stories, serving
from app.settings import Settings


class CannotStart(Exception):
    """The demo cannot start; the words say what to do."""


@contextmanager
def filled_demo(settings: Settings, console: Console) -> Iterator[tuple[Running, dict[str, str]]]:
    """Serve the demo county, filled, with a fresh key per role. Nothing is touched where the port is taken."""
    try:
        listening = bound(settings)
    except OSError as error:
        other = settings.port % 65535 + 1
        raise CannotStart(f"Port {settings.port} is not free ({error.strerror}): lava demo --port {other}") from None
    with closing(listening):
        database = _ready(settings, console)
        try:
            keys, is_new = people_and_keys(database)
            with serving(settings, listening) as running:
                if is_new:
                    with console.status("Filling the database with the demo county …"):
                        demo_stories(running, keys)
                    keys = keys_of_filled(database)
                yield running, keys
        finally:
            database.engine.dispose()


def _ready(settings: Settings, console: Console) -> Database:
    database = Database(settings.database_url)
    schema.migrate(database)
    if is_unfinished(database):
        aside = _put_aside(database)
        console.print(f"The last demo was stopped before it was filled. It is now in {aside}; starting over.")
        schema.migrate(database)
    return database


def _put_aside(database: Database) -> Path:
    """Rename the file of a demo that was not filled, if it holds nothing else and nobody has it open."""
    with database.transaction(writes=False) as session:
        organisations = session.execute(select(func.count()).select_from(table_of(Organisation))).scalar_one()
    database.engine.dispose()
    if not database.is_sqlite or organisations > 1:
        raise CannotStart(
            "This database holds a demo county that was stopped before it was filled, and what is journalled cannot be "
            "taken back. Name an empty database in LAVA_DATABASE_URL."
        )
    path = Path(database.url.database or "")
    try:
        with closing(sqlite3.connect(path, timeout=0)) as alone:
            alone.execute("PRAGMA journal_mode=DELETE")  # refused while any other process has the file open
    except sqlite3.OperationalError as error:
        raise CannotStart(f"Another process is filling {path} or has it open ({error}).") from None
    return path.replace(path.with_name(f"{path.stem}-unfinished{path.suffix}"))
