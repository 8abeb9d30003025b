"""Rows and files of attachments stay together, wherever the process is killed; what is left over is removed or told."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import select
from typer.testing import CliRunner

from app import cli
from app.assessments import attachments
from app.assessments.models import Assessment, Attachment
from app.attachments.storage import LocalFolder, new_key
from app.database import Database
from app.settings import Settings
from tests.county import County, an_assessment, an_attached_file

DAY = attachments.KEPT_SECONDS


@pytest.fixture
def storage(tmp_path: Path) -> LocalFolder:
    return LocalFolder(tmp_path / "attachments")


def files(storage: LocalFolder) -> list[Path]:
    """Every file that was put."""
    return [path for path in storage.folder.glob("*/??/*") if path.is_file()]


def put(storage: LocalFolder, owner: UUID, content: bytes = b"a", age: float = 0) -> str:
    received = storage.incoming() / "received-a"
    received.write_bytes(content)
    os.utime(received, (0, time.time() - age))
    key = new_key(owner)
    storage.put(received, key)
    return key


# The folder


def test_a_file_is_put_opened_and_deleted_by_its_key(storage: LocalFolder) -> None:
    key = put(storage, uuid4(), b"Muistio")
    with storage.open(key) as file:
        assert file.read() == b"Muistio"
    assert list(storage.incoming().iterdir()) == []
    for _ in range(2):
        storage.delete(key)
    with pytest.raises(FileNotFoundError):
        storage.open(key)


ID, HEX = "01a204d5-aa4c-77c4-9adb-1d6ec611be23", "0" * 32


@pytest.mark.parametrize("key", ["", "../../etc/passwd", f"{ID}/../{HEX}", f"{ID}/{'A' * 32}", f"{ID}/{HEX}\n", "a/b"])
def test_what_is_no_key_reaches_no_file(storage: LocalFolder, key: str) -> None:
    for reach in (storage.open, storage.delete):
        with pytest.raises(ValueError, match="no key"):
            reach(key)


def test_nothing_is_made_until_a_file_comes(tmp_path: Path) -> None:
    LocalFolder(tmp_path / "attachments").forget_received(0)
    assert list(tmp_path.iterdir()) == []


# Killed in the middle

KILLED = """
import os, signal, sys
from pathlib import Path
from fastapi.testclient import TestClient
from starlette.datastructures import MutableHeaders
from app.assessments import attachments
from app.attachments.storage import LocalFolder
from app.database import Database
from app.main import create_app
from app.settings import Settings

url, folder, key, path, point = sys.argv[1:]
app = create_app(Settings(attachments_folder=Path(folder)), Database(url, on_loop=True))
headers = {"Authorization": "Bearer " + key}
put = LocalFolder.put

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def put_and_die(*arguments):
    put(*arguments)
    die()

def last_header(self, name, value, inner=MutableHeaders.setdefault):
    # The route sets this one when the transaction is committed, and before the answer leaves.
    return die() if name == "Cache-Control" else inner(self, name, value)

with TestClient(app) as client:
    etag = client.get(path, headers=headers).headers.get("etag", "")
    if point == "before the file is in its place":
        LocalFolder.put = die
    if point == "when the file is in its place":
        LocalFolder.put = put_and_die
    if point == "control: the row before the file":
        LocalFolder.put = lambda *_: None
    if point == "before the commit":
        attachments._tell = die
    if "after the commit" in point or point.startswith("control"):
        MutableHeaders.setdefault = last_header
    if "/attachments/" in path:
        client.delete(path, headers={**headers, "If-Match": etag})
    else:
        told = {**headers, "Content-Type": "text/plain"}
        client.post(path + "/attachments/upload?file_name=a.txt", content=b"Muistio", headers=told)
"""


def killed(database_url: str, storage: LocalFolder, key: str, path: str, point: str) -> None:
    """Send a request to a service of its own, which is killed at a point of it."""
    command = [sys.executable, "-W", "ignore", "-c", KILLED, database_url, str(storage.folder), key, path, point]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def rows(database: Database) -> list[str | None]:
    with database.transaction(writes=False) as session:
        return list(session.scalars(select(Attachment.storage_key)))  # type: ignore[call-overload]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "there"),
    [
        ("before the file is in its place", (0, 0)),
        ("when the file is in its place", (0, 1)),
        ("before the commit", (0, 1)),
        ("after the commit", (1, 1)),
        ("control: the row before the file", (1, 0)),
    ],
)
def test_an_upload_that_is_killed_leaves_no_row_without_its_file(
    database_url: str, database: Database, county: County, storage: LocalFolder, point: str, there: tuple[int, int]
) -> None:
    with database.transaction() as session:
        path = f"/api/v1/assessments/{an_assessment(session, county).id}"
    killed(database_url, storage, county.keys["preparer"], path, point)
    assert (len(rows(database)), len(files(storage))) == there
    with database.transaction(writes=False) as session:
        faults = list(attachments.faults_in_files(session, storage))
    assert bool(faults) == point.startswith("control")


@pytest.mark.slow
@pytest.mark.parametrize(("point", "there"), [("before the commit", (1, 1)), ("after the commit", (0, 1))])
def test_a_removal_that_is_killed_leaves_no_row_without_its_file(
    database_url: str, database: Database, county: County, storage: LocalFolder, point: str, there: tuple[int, int]
) -> None:
    with database.transaction() as session:
        assessment = an_assessment(session, county)
        row = an_attached_file(session, county, assessment, storage)
    path = f"/api/v1/assessments/{assessment.id}/attachments/{row.id}"
    killed(database_url, storage, county.keys["preparer"], path, point)
    assert (len(rows(database)), len(files(storage))) == there


# What is left over


def forgotten(database_url: str, storage: LocalFolder) -> int:
    async def forget() -> int:
        database = Database(database_url, on_loop=True)
        try:
            return await attachments.forget_files(database, storage)
        finally:
            await database.close()

    return asyncio.run(forget())


def test_a_file_that_no_row_names_is_removed_a_day_later_and_no_other(
    database_url: str, database: Database, county: County, storage: LocalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "_AT_ONCE", 2)
    with database.transaction() as session:
        row = an_attached_file(session, county, an_assessment(session, county), storage)
        assert row.storage_key is not None
        named = row.storage_key
    os.utime(storage._path(named), (0, 0))
    old = [put(storage, county.id, age=DAY + 60) for _ in range(5)]
    young, foreign = put(storage, county.id, age=DAY - 60), put(storage, uuid4(), age=DAY + 60)
    left, coming = storage.incoming() / "received-old", storage.incoming() / "received-new"
    for path in (left, coming):
        path.write_bytes(b"a")
    os.utime(left, (0, 0))
    assert forgotten(database_url, storage) == len(old)
    assert {path.name for path in files(storage)} == {key.rpartition("/")[2] for key in (named, young, foreign)}
    assert list(storage.incoming().iterdir()) == [coming]
    assert forgotten(database_url, storage) == 0


def test_a_file_that_two_editions_name_is_kept_for_both(
    database_url: str, database: Database, county: County, storage: LocalFolder
) -> None:
    with database.transaction() as session:
        assessment = an_assessment(session, county)
        row = an_attached_file(session, county, assessment, storage)
        another = Assessment(**assessment.model_dump(exclude={"id", "edition", "state"}), edition=2, state="withdrawn")
        session.add(another)
        session.flush()
        attachments.copy(session, assessment, another, by=county["preparer"])
        assert attachments.remove(session, assessment, row, version=1, by=county["preparer"]) is None
    (path,) = files(storage)
    os.utime(path, (0, 0))
    assert forgotten(database_url, storage) == 0
    with database.transaction() as session:
        (left,) = session.scalars(select(Attachment)).all()
        assert attachments.named(session, [str(left.storage_key)]) == {left.storage_key}


# The command


def verified(database_url: str, storage: LocalFolder) -> tuple[int, str]:
    environment = {"LAVA_DATABASE_URL": database_url, "LAVA_ATTACHMENTS_FOLDER": str(storage.folder)}
    result = CliRunner(env=environment).invoke(cli.app, ["attachments", "verify"])
    return result.exit_code, result.output


def test_the_command_tells_which_files_are_missing_or_altered(
    database_url: str, database: Database, county: County, storage: LocalFolder
) -> None:
    with database.transaction() as session:
        assessment = an_assessment(session, county)
        rows = [an_attached_file(session, county, assessment, storage, content) for content in (b"one", b"two", b"six")]
        keys = [str(row.storage_key) for row in rows]
        link = {"kind": "link", "title": "A", "url": "https://example.fi"}
        attachments.add(session, assessment, link, most=9, by=county["preparer"])
    assert verified(database_url, storage) == (0, "Every attached file is in its place.\n")
    storage._path(keys[0]).write_bytes(b"0ne")
    storage._path(keys[1]).unlink()
    code, told = verified(database_url, storage)
    assert code == 1
    assert f"attachment {rows[0].id}: the file {keys[0]} is altered" in told
    assert f"attachment {rows[1].id}: the file {keys[1]} is missing" in told
    assert str(rows[2].id) not in told
    assert "2 attachments without their file." in told


@pytest.mark.parametrize("command", ["clamdscan", "{path}", "", 'clamdscan "{path}'])
def test_a_scanner_that_gets_no_file_is_refused_at_start(command: str) -> None:
    with pytest.raises(ValidationError):
        Settings(virus_scan_command=command)
    assert Settings(virus_scan_command="clamdscan --no-summary --fdpass {path}").virus_scan_command
    assert Settings().virus_scan_command is None
