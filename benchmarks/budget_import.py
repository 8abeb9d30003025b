"""One import in a process of its own: `python -m benchmarks.budget_import ADDRESS FILE`; tells what it took as JSON."""

import hashlib
import json
import shutil
import sys
import time
from pathlib import Path

from app.access.queries import organisation_of
from app.access.rules import System
from app.budgeting.imports import BUDGET_LINES
from app.database import Database
from app.jobs import actions


def main(url: str, file: Path) -> None:
    """Import the file as a job, which removes the copy that it reads."""
    database = Database(url, connections=2)
    copy = file.with_suffix(".copy")
    shutil.copyfile(file, copy)
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    with database.transaction() as session:
        by = System(organisation_of(session, "1234567-1").id)
        size = file.stat().st_size
        facts = {"dry_run": False, "parameters": {}, "file_name": file.name, "digest": digest, "size": size}
        job = actions.queue(session, BUDGET_LINES, **facts, by=by)  # type: ignore[arg-type]
    began = time.perf_counter()
    done = actions.work(database, {BUDGET_LINES.code: BUDGET_LINES}, job.id, copy)
    told = {"state": done.state, "errors": done.errors[:3], "seconds": time.perf_counter() - began}
    status = Path("/proc/self/status").read_text(
        "utf-8"
    )  # getrusage's maximum would be that of the process before exec
    most = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    sys.stdout.write(json.dumps({**told, "mebibytes": most}))


main(sys.argv[1], Path(sys.argv[2]))
