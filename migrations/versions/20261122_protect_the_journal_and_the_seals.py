"""Protect the journal and the seals.

Triggers refuse every change of an entry and of a seal, and let an entry's words only be erased.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("journal_entry", "seal")
KEYS = {"journal_entry": ("organisation_id", "seq"), "journal_details": ("organisation_id", "seq"), "seal": ("id",)}
ERASURE = (
    "NEW.salt IS NULL AND NEW.details IS NULL AND NEW.erased_at IS NOT NULL AND OLD.erased_at IS NULL "
    "AND NEW.organisation_id = OLD.organisation_id AND NEW.seq = OLD.seq"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in APPEND_ONLY:
            _sqlite(f"{table}_append_only_update", "UPDATE", table)
            _sqlite(f"{table}_append_only_delete", "DELETE", table)
        _sqlite("journal_details_erase_only_update", "UPDATE", "journal_details", f"WHEN NOT ({ERASURE})")
        _sqlite("journal_details_erase_only_delete", "DELETE", "journal_details")
        for table, key in KEYS.items():  # INSERT OR REPLACE deletes without firing the triggers of DELETE
            same = " AND ".join(f"{column} = NEW.{column}" for column in key)
            name = f"{table}_{'erase' if table == 'journal_details' else 'append'}_only_insert"
            _sqlite(name, "INSERT", table, f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})")
        return
    op.execute(
        "CREATE FUNCTION lava_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table in APPEND_ONLY:
        _postgresql(f"{table}_append_only", "UPDATE OR DELETE", table, "ROW")
        _postgresql(f"{table}_append_only_truncate", "TRUNCATE", table, "STATEMENT")
    _postgresql("journal_details_erase_only", "UPDATE", "journal_details", "ROW", f"WHEN (NOT ({ERASURE}))")
    _postgresql("journal_details_erase_only_delete", "DELETE", "journal_details", "ROW")
    _postgresql("journal_details_erase_only_truncate", "TRUNCATE", "journal_details", "STATEMENT")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("journal_entry_append_only", "seal_append_only", "journal_details_erase_only"):
            for event in ("update", "delete", "insert"):
                op.execute(f"DROP TRIGGER {name}_{event}")
        return
    op.execute("DROP FUNCTION lava_refuse_change() CASCADE")


def _sqlite(name: str, event: str, table: str, when: str = "") -> None:
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} {when} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _postgresql(name: str, event: str, table: str, each: str, when: str = "") -> None:
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH {each} {when} EXECUTE FUNCTION lava_refuse_change()"
    )
