"""The command `lava`: serving, migrating, the demo, the tour, the journal."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from app import documents, schema, working
from app.access import actions as access
from app.access.models import AccountKind, Organisation, Role
from app.access.queries import organisation_of
from app.access.rules import System
from app.assessments.attachments import faults_in_files
from app.attachments.storage import LocalFolder
from app.budgeting.check import check
from app.budgeting.imports import BUDGET_LINES
from app.budgeting.models import Phase
from app.database import Database, broken_constraint
from app.demo.budget import tell_child_budget
from app.demo.county import content, found
from app.demo.filling import CannotStart, filled_demo
from app.demo.server import Running, serve
from app.demo.tour import tour_of_cases, tour_of_county
from app.errors import DomainError
from app.jobs.command_line import import_file
from app.jobs.models import JobState
from app.journal import actions as journal_actions
from app.journal import queries as journal_queries
from app.logs import configure
from app.public_register import actions as public_register
from app.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Lava: child-impact assessment.")
journal = typer.Typer(no_args_is_help=True, help="The append-only journal.")
organisation = typer.Typer(no_args_is_help=True, help="Organisations.")
budget = typer.Typer(no_args_is_help=True, help="Budgets and ledgers.")
attachments = typer.Typer(no_args_is_help=True, help="Attached files.")
app.add_typer(journal, name="journal")
app.add_typer(attachments, name="attachments")
app.add_typer(budget, name="budget")
app.add_typer(organisation, name="organisation")
console = Console()


@contextmanager
def _database() -> Iterator[Database]:
    """The database of the settings, closed at the end."""
    database = Database(Settings().database_url)
    try:
        yield database
    except IntegrityError as error:
        console.print(f"It exists already ({broken_constraint(error)}).")
        raise typer.Exit(1) from error
    except DomainError as error:
        console.print(error.detail, *(f"\n{fault.pointer}: {fault.detail}" for fault in error.faults))
        raise typer.Exit(1) from error
    finally:
        database.engine.dispose()


@app.command("serve")
def serve_command() -> None:
    """Serve the API. The database must have been migrated."""
    settings = Settings()
    configure(settings.log_level)
    serve(settings)


@app.command("worker")
def worker_command() -> None:
    """Send webhooks what is due, and pull cases. Several may run; `lava serve` works too, unless LAVA_WORKER is no."""
    settings = Settings()
    configure(settings.log_level)
    with _database() as database:
        if not schema.is_current(database):
            console.print("The database is not migrated to this version. Run `lava migrate`.")
            raise typer.Exit(3)
    working.run(settings)


@app.command("migrate")
def migrate_command() -> None:
    """Bring the database's tables up to date; safe to run again, and by several at once."""
    with _database() as database:
        schema.migrate(database)
    console.print("The database is up to date.")


@app.command("demo")
def demo_command(port: Annotated[int, typer.Option(help="Port to serve on.")] = 8000) -> None:
    """Fill the database with the demo county and serve it on 127.0.0.1."""
    configure("warning")
    try:
        with filled_demo(Settings(port=port), console) as (running, keys):
            _tell_demo(running, keys)
            running.wait()
    except CannotStart as error:
        console.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("Stopped while the demo was being filled. The next `lava demo` starts over.")
        raise typer.Exit(130) from None


def _tell_demo(running: Running, keys: dict[str, str]) -> None:
    county = content()
    console.print(f"\n[bold]{county['organisation']['name']['fi']}[/bold]")
    console.print(county["note"]["fi"], style="dim")
    table = Table("Role", "API key (30 days)", title="One key per role", title_justify="left")
    for role, key in keys.items():
        table.add_row(role, key)
    console.print(table, soft_wrap=True)
    for path, words in (
        ("/public/v1/assessments", "what is published; no key"),
        ("/openapi.json", "the description of the API"),
        ("/readyz", "whether the service is ready"),
    ):
        console.print(f"  {running.address}{path}  [dim]{words}[/dim]", soft_wrap=True)
    console.print(
        f'\n  curl -H "Authorization: Bearer {keys["preparer"]}" "{running.address}/api/v1/decisions?limit=3"\n',
        soft_wrap=True,
        markup=False,
        highlight=False,
    )
    tell_child_budget(console, running.address, keys["controller"])
    console.print("Stop with Ctrl-C.", style="dim")


@app.command("tour")
def tour_command(
    cases: Annotated[
        Path | None,
        typer.Option(
            help="A case-management system's cases (JSON) in place of the carried ones.", exists=True, dir_okay=False
        ),
    ] = None,
) -> None:
    """Play the main job over HTTP against a server of its own and a throw-away database."""
    configure("error")
    right = tour_of_cases(console, cases) if cases else tour_of_county(console)
    raise typer.Exit(0 if right else 1)


@organisation.command("add")
def add_organisation(
    business_id: Annotated[str, typer.Argument(help="Finnish business id, such as 1234567-1.")],
    name: Annotated[str, typer.Argument(help="Name in Finnish.")],
) -> None:
    """Add an organisation with an administrator, and show the administrator's key."""
    with _database() as database, database.transaction() as session:
        row = found(session, business_id, {"fi": name})
        by = System(row.id)
        values = {"kind": AccountKind.PERSON.value, "name": "Pääkäyttäjä", "roles": [Role.ADMINISTRATOR.value]}
        person = access.add_person(session, {**values, "active": True}, by=by)
        _, key = access.issue_key(session, person, "first key", 30, None, by=by)
    console.print(f"Organisation {row.id}\nThe administrator's key (30 days, shown this once):\n{key}", soft_wrap=True)


@organisation.command("key")
def issue_administrator_key(
    business_id: Annotated[str, typer.Argument(help="Finnish business id, such as 1234567-1.")],
) -> None:
    """Show a new key (30 days) for an administrator of an organisation: the way in when every key has expired.

    Where no administrator is left who may sign in, one is added; the journal tells.
    """
    with _database() as database, database.transaction() as session:
        account = access.administrator_of(session, business_id)
        _, key = access.issue_key(session, account, "command line", 30, None, by=System(account.organisation_id))
    console.print(f"{account.name} (30 days, shown this once):\n{key}", soft_wrap=True)


@journal.command("verify")
def verify_journal(
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A file made earlier by `lava journal checkpoint`.", exists=True, dir_okay=False),
    ] = None,
) -> None:
    """Check every organisation's chain; exit 1 where something was changed, moved, removed or cut off."""
    seen = json.loads(checkpoint.read_text("utf-8")) if checkpoint else {}
    with _database() as database, database.transaction(writes=False) as session:
        expected = session.scalars(select(col(Organisation.id))).all()
        checkpoints = {key: (seq, hash_) for key, (seq, hash_) in seen.items()}
        verdicts = journal_queries.verify(session, checkpoints, expected=expected)
        heads = journal_queries.heads(session)
    for key, faults in verdicts.items():
        last = heads.get(str(key), (0, ""))[0]
        console.print(f"{key}: {'whole' if not faults else 'BROKEN'}, {last} entries", soft_wrap=True)
        for fault in faults:
            console.print(f"  {fault}", soft_wrap=True)
    raise typer.Exit(1 if any(verdicts.values()) else 0)


@journal.command("checkpoint")
def write_checkpoint() -> None:
    """Print the last entry of every chain as JSON, to be kept outside the database."""
    with _database() as database, database.transaction(writes=False) as session:
        json.dump(journal_queries.heads(session), sys.stdout, indent=1)
    sys.stdout.write("\n")


@journal.command("erase")
def erase_entry(
    organisation_id: Annotated[UUID, typer.Argument(help="The organisation.")],
    seq: Annotated[int, typer.Argument(help="The entry's number.")],
    reason: Annotated[str, typer.Argument(help="Why its words must go; journalled.")],
) -> None:
    """Erase the words of one entry, such as a name that must go. The chain still holds."""
    with _database() as database, database.transaction() as session:
        if session.get(Organisation, organisation_id) is None:
            console.print("There is no such organisation.")
            raise typer.Exit(1)
        journal_actions.erase(session, System(organisation_id), seq, reason)
    console.print(f"The words of entry {seq} are erased.")


@budget.command("import")
def import_budget(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX.", exists=True, dir_okay=False, readable=True)],
    business_id: Annotated[str, typer.Option("--organisation", help="Whose it is: its Finnish business id.")],
    source: Annotated[
        str | None, typer.Option(help="Where it comes from; a file replaces only what the same source told.")
    ] = None,
    year: Annotated[int | None, typer.Option(help="The year of every line, where the file tells none.")] = None,
    phase: Annotated[Phase | None, typer.Option(help="The phase of every line, where the file tells none.")] = None,
    scheme: Annotated[str | None, typer.Option(help="The list of the service classes.")] = None,
    sheet: Annotated[str | None, typer.Option(help="The sheet of an XLSX file.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="`code=header in the file`, where a header is not known; once a column.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look for faults, and change nothing.")] = False,
) -> None:
    """Import budget or ledger lines: all of the file or nothing. Exit 1 where it has faults."""
    told = {"year": year, "phase": phase.value if phase else None, "source": source, "scheme": scheme, "sheet": sheet}
    columns = dict(text.split("=", 1) for text in column or () if "=" in text)
    parameters: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    parameters |= {"columns": columns} if columns else {}
    with _database() as database:
        with database.transaction(writes=False) as session:
            by = System(organisation_of(session, business_id).id)
        job = import_file(console, database, BUDGET_LINES, file, parameters, dry_run=dry_run, by=by)
    raise typer.Exit(0 if job.state == JobState.SUCCEEDED else 1)


@budget.command("check")
def check_budget() -> None:
    """Compute every figure kept again from the lines; exit 1 where one is not what they give."""
    right = True
    with _database() as database, database.transaction(writes=False) as session:
        for row in session.scalars(select(Organisation).order_by(col(Organisation.business_id))):
            faults = check(session, row.id)
            right = right and not faults
            console.print(f"{row.business_id}: {'right' if not faults else 'WRONG'}", soft_wrap=True)
            for fault in faults[:100]:
                console.print(f"  {fault}", soft_wrap=True, markup=False)
            if len(faults) > 100:
                console.print(f"  … and {len(faults) - 100} more")
    raise typer.Exit(0 if right else 1)


@attachments.command("verify")
def verify_attachments() -> None:
    """Read every attached file and hold it to its digest; exit 1 where one is missing or altered."""
    storage, count = LocalFolder(Settings().attachments_folder), 0
    with _database() as database, database.transaction(writes=False) as session:
        for fault in faults_in_files(session, storage):
            count += 1
            console.print(fault, soft_wrap=True, markup=False)
    console.print(f"{count} attachments without their file." if count else "Every attached file is in its place.")
    raise typer.Exit(1 if count else 0)


@app.command("unpublish")
def unpublish(
    organisation_id: Annotated[UUID, typer.Argument(help="The organisation.")],
    entry_id: Annotated[UUID, typer.Argument(help="The entry's id in the public register.")],
    reason: Annotated[str, typer.Argument(help="Why it must go; journalled.")],
) -> None:
    """Take an entry out of the public register, as when something in it must not be public after all."""
    with _database() as database, database.transaction() as session:
        public_register.withdraw(session, entry_id, reason, by=System(organisation_id))
    console.print(f"Entry {entry_id} is no longer public.")


@app.command("docs")
def write_documents(
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 where a file is out of date.")] = False,
) -> None:
    """Write what is generated: openapi/openapi.json, the state diagrams, the problem registry and more."""
    stale = documents.write(check=check)
    for path in stale:
        console.print(f"{'out of date' if check else 'written'}: {path}")
    raise typer.Exit(1 if check and stale else 0)


@app.command("check-migrations")
def check_migrations() -> None:
    """Exit 1 where the tables in the code and in the migrations differ, on SQLite and on PostgreSQL."""
    documents.check_migrations()


@app.command("new-migration")
def new_migration(sentence: Annotated[str, typer.Argument(help="What it does, as a sentence.")]) -> None:
    """Write a migration from the difference between the code and the database of the settings."""
    with _database() as database:
        schema.new_migration(database, sentence)
