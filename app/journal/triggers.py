"""The triggers that protect the journal and the seals, as they must stand in the database.

Names alone prove nothing: a trigger of the right name that does nothing protects nothing. So the service compares what
each one does. The migrations make them; these texts are what they make.
"""

import re

from sqlalchemy import text

from app.database import Database

_KEYS = {
    "journal_entry": ("append_only", ("organisation_id", "seq")),
    "journal_details": ("erase_only", ("organisation_id", "seq")),
    "seal": ("append_only", ("id",)),
}
_ERASURE = (
    "NEW.salt IS NULL AND NEW.details IS NULL AND NEW.erased_at IS NOT NULL AND OLD.erased_at IS NULL "
    "AND NEW.organisation_id = OLD.organisation_id AND NEW.seq = OLD.seq"
)
_FUNCTION = (
    "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END"  # of PostgreSQL
)
_PRESENT = {
    True: "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'",
    False: (
        "SELECT tgname, pg_get_triggerdef(t.oid, true) || ' ' || p.prosrc FROM pg_trigger t "
        "JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
    ),
}


def wanted(*, sqlite: bool) -> dict[str, str]:
    """What each trigger must say, by its name."""
    made: dict[str, str] = {}
    for table, (kind, key) in _KEYS.items():
        name = f"{table}_{kind}"
        unless_erased = f"WHEN NOT ({_ERASURE})" if kind == "erase_only" else ""
        if sqlite:
            same = " AND ".join(f"{column} = NEW.{column}" for column in key)
            again = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608  (names of our own)
            for event, when in (("update", unless_erased), ("delete", ""), ("insert", again)):
                made[f"{name}_{event}"] = (
                    f"CREATE TRIGGER {name}_{event} BEFORE {event} ON {table} {when} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
            continue
        rows = [(name, "UPDATE", unless_erased), (f"{name}_delete", "DELETE", "")]
        if kind == "append_only":
            rows = [(name, "DELETE OR UPDATE", "")]
        for own, event, when in rows:
            made[own] = _postgresql(own, event, table, "ROW", when)
        made[f"{name}_truncate"] = _postgresql(f"{name}_truncate", "TRUNCATE", table, "STATEMENT", "")
    return {name: _plain(definition) for name, definition in made.items()}


def _postgresql(name: str, event: str, table: str, each: str, when: str) -> str:
    return (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH {each} {when} "
        f"EXECUTE FUNCTION lava_refuse_change() {_FUNCTION}"
    )


def _plain(definition: str) -> str:
    """A definition without what a database may write in one way or another: case, spaces, brackets, the schema."""
    return " ".join(re.sub(r"[()]|\bpublic\.", " ", definition.lower()).split())


def missing_triggers(database: Database) -> set[str]:
    """Which of the triggers are absent, switched off or do something else; a table rebuild drops them silently."""
    with database.transaction(writes=False) as session:
        found = session.execute(text(_PRESENT[database.is_sqlite]))
        present = {str(name): _plain(str(definition)) for name, definition in found}
    return {name for name, definition in wanted(sqlite=database.is_sqlite).items() if present.get(name) != definition}
