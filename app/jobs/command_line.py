"""Importing a file from the command line: the same job, done here, with a progress bar and its faults as a table."""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.access.rules import System
from app.database import Database
from app.jobs import actions
from app.jobs.importing import ImportKind
from app.jobs.models import Job, JobState

MOST_SHOWN = 50


def import_file(
    console: Console,
    database: Database,
    kind: ImportKind,
    file: Path,
    parameters: dict[str, Any],
    *,
    dry_run: bool,
    by: System,
) -> Job:
    """Do the import of a file as a job of the organisation, and tell it; the file itself stays."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    with database.transaction() as session:
        row = actions.queue(
            session,
            kind,
            dry_run=dry_run,
            parameters=parameters,
            file_name=file.name,
            digest=digest,
            size=file.stat().st_size,
            by=by,
        )
    with tempfile.NamedTemporaryFile(prefix="lava-import-", delete=False) as copied:
        copy = Path(copied.name)
    shutil.copyfile(file, copy)  # the job removes what it has read
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"{'Looking through' if dry_run else 'Importing'} {file.name}", total=100)
        done = actions.work(
            database, {kind.code: kind}, row.id, copy, tell=lambda per_cent: progress.update(task, completed=per_cent)
        )
        progress.update(task, completed=100)
    _tell(console, done)
    return done


def _tell(console: Console, job: Job) -> None:
    result = job.result or {}
    if job.state != JobState.SUCCEEDED:
        console.print(f"[bold]{job.error_count} faults.[/bold] Nothing was imported.")
        faults = Table("Row", "Column", "What stands there", "What was expected")
        for fault in job.errors[:MOST_SHOWN]:
            cells = (fault["row"], fault["column"], fault["value"], fault["expected"])
            faults.add_row(*("" if cell is None else _plain(str(cell)) for cell in cells))
        if job.errors:
            console.print(faults)
        else:
            console.print(str(result.get("message", "")), markup=False)
        if job.error_count > MOST_SHOWN:
            console.print(f"… and {job.error_count - MOST_SHOWN} more. All are in the job {job.id}.")
        return
    if result.get("unchanged_file"):
        console.print("This very file is in force already. Nothing has changed.")
        return
    console.print("It would bring:" if job.dry_run else "Imported:")
    table = Table("Year", "Phase", "Source", "Lines", "Sum, €", "On children, €", "Not split, €", "In place of")
    for column in table.columns[3:7]:
        column.justify = "right"
    for row in result.get("ledgers", ()):
        before = row["replaces"]
        cells = (row["year"], row["phase"], row["source"], f"{row['lines']:,}".replace(",", " "))
        euros = (row["cents"], row["child_cents"], row["unclassified_cents"])
        place = f"{before['lines']} lines, {_euros(before['cents'])} €" if before else "–"
        table.add_row(*map(str, cells), *map(_euros, euros), place)
    console.print(table)


def _euros(cents: int) -> str:
    return f"{cents / 100:,.2f}".replace(",", " ")


def _plain(text: str) -> str:
    """A text of a file without what the console would take for markup."""
    return text.replace("[", "\\[")
