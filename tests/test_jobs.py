"""Imports as jobs: the process that does them, what becomes of them when it dies, and the files they leave nowhere."""

import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from app.access.models import Account
from app.budgeting import imports
from app.budgeting.models import BudgetLine, Ledger
from app.clock import now
from app.database import Database, table_of
from app.demo.server import serving
from app.jobs import actions as jobs
from app.jobs import running, uploads
from app.jobs.importing import PREFIX, ImportKind
from app.jobs.models import Job, JobKind
from app.jobs.running import Runner
from app.main import IMPORTS, create_app, run_job
from app.services.models import Unit
from tests.conftest import SETTINGS
from tests.county import Api, County, an_import

JOB, ACCOUNT, LEDGER, LINE = table_of(Job), table_of(Account), table_of(Ledger), table_of(BudgetLine)
UNIT = table_of(Unit)
UNITS = "tunnus;nimi;taso;voimassa alkaen\r\nA;Yksikkö;toimiala;1.1.2023\r\n"
OTHER_UNITS = UNITS.replace("A;", "B;")
CENTRES = "kustannuspaikka;nimi;voimassa alkaen\r\n1;Neuvola;1.1.2023\r\n"
LINES = "vuosi;vaihe;kustannuspaikka;summa\r\n2026;ta;1;100\r\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files that are received go."""
    made = tmp_path / "uploads"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    return made


def left_in(folder: Path) -> list[str]:
    """The names of the files that are there, when those on their way have had time to go."""
    for _ in range(250):
        if not (found := [path.name for path in folder.iterdir()]):
            return []
        time.sleep(0.02)
    return found


def upload(api: Api, content: str | bytes = UNITS, *, role: str = "controller", **headers: str) -> Any:
    """A file of units sent to be imported."""
    sent = {"Authorization": f"Bearer {api.county.keys[role]}", "Content-Type": "text/csv"}
    sent |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    return api.client.post("/api/v1/units/import?dry_run=false", content=content, headers=sent)


def queued(database: Database, county: County, folder: Path, kind: str = "units", content: str = UNITS) -> UUID:
    """A job that waits; its file lies in the folder."""
    (folder / f"{kind}.csv").write_text(content, "utf-8")
    of: dict[str, Any] = {"parameters": {}, "file_name": None, "digest": "0" * 64, "size": len(content)}
    with database.transaction() as session:
        by = county["controller"]
        return jobs.queue(session, IMPORTS[JobKind(kind)], dry_run=False, **of, by=by).id


def worked(database: Database, job_id: UUID, folder: Path, kind: str = "units") -> Job:
    return jobs.work(database, IMPORTS, job_id, folder / f"{kind}.csv")


def count(database: Database, table: Any, *conditions: Any) -> int:
    with database.transaction(writes=False) as session:
        return int(session.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())


def set_job(database: Database, job_id: UUID, **values: Any) -> None:
    with database.transaction() as session:
        session.execute(update(JOB).where(JOB.c.id == job_id).values(values))


# The process


def run_and_wait(url: str, job_id: UUID, path: Path) -> None:
    """In the process of its own: an import of lines waits, just before it comes into force, until it is killed."""
    make_current = imports._make_current

    def waiting(session: Any, asked: Any, *rest: Any) -> Any:
        if asked.parameters.get("source") == "wait":
            Path(os.environ["LAVA_TEST_WAITS"]).touch()
            time.sleep(120)
        return make_current(session, asked, *rest)

    setattr(imports, "_make_current", waiting)  # noqa: B010
    run_job(url, job_id, path)


@pytest.fixture
def with_a_process(
    database_url: str, county: County, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Iterator[Api]:
    """The service whose jobs are done in a process of their own, and which soon finds out that one is lost."""
    monkeypatch.setenv("LAVA_TEST_WAITS", str(tmp_path / "waits"))
    monkeypatch.setattr(running, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(jobs, "LOST_AFTER", timedelta(seconds=2))
    app = create_app(SETTINGS, Database(database_url, connections=4, on_loop=True))
    app.state.jobs = Runner(run_and_wait)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Api(client, county)


@pytest.mark.slow
def test_a_job_whose_process_is_killed_ends_as_failed_and_the_next_one_is_done(
    with_a_process: Api, database: Database, tmp_path: Path, folder: Path
) -> None:
    api = with_a_process
    assert api.import_file("cost-centres", CENTRES)["state"] == "succeeded"
    headers = {"Authorization": f"Bearer {api.county.keys['controller']}", "Content-Type": "text/csv"}
    path = "/api/v1/budget-lines/import?dry_run=false&source=wait"
    answer = api.client.post(path, content=LINES, headers=headers)
    for _ in range(1000):
        if (tmp_path / "waits").exists():
            break
        time.sleep(0.02)
    going_on = api.send("controller", "GET", answer.headers["location"]).json()
    assert (going_on["state"], going_on["ended_at"]) == ("running", None)
    assert api.send("controller", "GET", "/api/v1/budget-lines").json()["items"] == [], "a staged line is seen"
    (process,) = multiprocessing.active_children()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    lost = api.ended(answer.headers["location"])
    assert lost["state"] == "failed"
    assert "Send the file again" in lost["result"]["message"]
    assert api.send("controller", "GET", "/api/v1/budget-lines/ledgers").json()["items"] == []
    again = api.import_file("budget-lines", LINES)
    assert (again["state"], again["result"]["rows"]) == ("succeeded", 1)
    for _ in range(500):  # what the killed process staged is swept after the next job
        if count(database, LEDGER) == count(database, LINE) == 1:
            break
        time.sleep(0.02)
    assert (count(database, LEDGER), count(database, LINE)) == (1, 1)
    assert left_in(folder) == []


@pytest.mark.slow
def test_a_service_that_stops_tells_its_jobs_as_failed_and_leaves_no_file_and_no_process(
    database_url: str, county: County, folder: Path, database: Database
) -> None:
    app = create_app(SETTINGS, Database(database_url, connections=4, on_loop=True))
    with TestClient(app) as client:
        api = Api(client, county)
        location = upload(api).headers["location"]  # its process has not even started
    with database.transaction(writes=False) as session:
        job = session.get_one(Job, UUID(location.rpartition("/")[2]))
    assert job.state in {"failed", "succeeded"}
    assert job.ended_at is not None
    assert left_in(folder) == []
    assert count(database, JOB, JOB.c.ended_at.is_(None)) == 0
    for process in multiprocessing.active_children():
        process.join(20)
    assert multiprocessing.active_children() == []


# Lost jobs


def test_a_job_that_nobody_tells_of_is_lost_and_one_that_somebody_holds_is_not(
    database: Database, county: County, folder: Path
) -> None:
    lost, held, fresh = (queued(database, county, folder) for _ in range(3))
    long_ago = now() - jobs.LOST_AFTER - timedelta(seconds=1)
    for job_id in (lost, held):
        set_job(database, job_id, beat_at=long_ago)
    with database.transaction() as session:
        jobs.beat(session, {held})
    with database.transaction(writes=False) as session:
        states = [session.get_one(Job, job_id).state for job_id in (lost, held, fresh)]
    assert states == ["failed", "queued", "queued"]


def test_a_job_told_as_lost_does_not_begin(database: Database, county: County, folder: Path) -> None:
    job_id = queued(database, county, folder)
    with database.transaction() as session:
        jobs.lose(session, {job_id})
    job = worked(database, job_id, folder)
    assert (job.state, job.started_at) == ("failed", None)
    assert count(database, JOB, JOB.c.state == "failed") == 1
    assert count(database, UNIT) == 0
    assert left_in(folder) == []


def test_a_job_told_as_lost_in_the_middle_of_its_work_imports_nothing_and_stays_failed(
    database: Database, county: County, folder: Path
) -> None:
    job_id = queued(database, county, folder)
    kind = IMPORTS[JobKind.UNITS]

    def prepare(asked: Any) -> Any:
        apply = kind.prepare(asked)
        with database.transaction() as session:
            jobs.lose(session, {job_id})
        return apply

    slow = {JobKind.UNITS: ImportKind(kind.code, kind.permission, prepare)}
    job = jobs.work(database, slow, job_id, folder / "units.csv")
    assert job.state == "failed"
    assert job.result is not None
    assert "nothing was imported" in job.result["message"]
    assert count(database, UNIT) == 0


def test_a_fault_of_ours_ends_the_job_and_imports_nothing(
    api: Api, database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr("app.services.imports._refuse_circles", breaking)
    job = api.ended(upload(api).headers["location"])
    assert job["state"] == "failed"
    assert "secret" not in str(job)
    assert count(database, UNIT) == 0
    assert left_in(folder) == []


# Rights


@pytest.mark.parametrize("change", [{"roles": ["auditor"]}, {"active": False}])
def test_a_job_of_somebody_who_may_no_longer_do_it_is_refused_at_once(
    database: Database, county: County, folder: Path, change: dict[str, Any]
) -> None:
    job_id = queued(database, county, folder)
    with database.transaction() as session:
        session.execute(update(ACCOUNT).where(ACCOUNT.c.id == county["controller"].id).values(change))
    job = worked(database, job_id, folder)
    assert job.state == "refused"
    assert job.ended_at is not None
    assert job.result is not None
    assert job.result["code"] == "not_allowed"
    assert (job.error_count, len(job.errors)) == (1, 1)
    assert count(database, UNIT) == 0
    assert left_in(folder) == []


def test_who_may_not_import_is_refused_before_a_job_is_made(api: Api, database: Database, folder: Path) -> None:
    assert upload(api, role="auditor").status_code == 403
    assert count(database, JOB) == 0
    assert left_in(folder) == []


def test_the_file_of_who_may_not_import_is_not_taken_in(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def received(_request: Any) -> Any:
        raise AssertionError("the file was taken in")

    monkeypatch.setattr(uploads, "_received", received)
    headers = {"Authorization": f"Bearer {api.county.keys['preparer']}", "Content-Type": "text/csv"}
    for collection in ("units", "budget-lines"):
        answer = api.client.post(f"/api/v1/{collection}/import", content=UNITS, headers=headers)
        assert answer.status_code == 403
    headers["Authorization"] = f"Bearer {api.county.keys['controller']}"
    assert api.client.post("/api/v1/units/import", content=UNITS, headers=headers).status_code == 500, "the control"


def test_what_a_killed_process_received_is_removed_a_day_later(folder: Path) -> None:
    old, new, other = folder / f"{PREFIX}old", folder / f"{PREFIX}new", folder / "somebody-elses"
    for path in (old, new, other):
        path.write_text(UNITS, "utf-8")
    for path in (old, other):
        os.utime(path, (0, time.time() - running.KEPT_SECONDS - 60))
    running.forget_uploads()
    assert {path.name for path in folder.iterdir()} == {new.name, other.name}


def test_a_job_of_another_organisation_is_not_there(api: Api, neighbour: County) -> None:
    location = upload(api).headers["location"]
    other = Api(api.client, neighbour)
    assert other.send("controller", "GET", location).status_code == 404
    assert other.send("controller", "GET", "/api/v1/jobs").json()["items"] == []


# Files


def test_no_file_is_left_whatever_becomes_of_the_job(api: Api, folder: Path) -> None:
    for content, state in (
        (UNITS, "succeeded"),
        ("tunnus;nimi\r\n", "refused"),
        (b"\x00\x01PK", "refused"),
        ("", None),
    ):
        answer = upload(api, content)
        if state is not None:
            assert api.ended(answer.headers["location"])["state"] == state
        assert left_in(folder) == []
    for headers, status in (({"content_type": "application/json"}, 415), ({"authorization": "Bearer no"}, 401)):
        assert upload(api, **headers).status_code == status
    assert upload(api, idempotency_key="a b").status_code == 400
    assert left_in(folder) == []


def test_control_a_file_that_no_job_reads_would_be_left(api: Api, folder: Path, the_app: FastAPI) -> None:
    class Nothing(Runner):
        async def start(self, *_: Any) -> None:
            return

    kept = the_app.state.jobs
    the_app.state.jobs = Nothing(run_job)
    upload(api)
    the_app.state.jobs = kept
    (left,) = folder.iterdir()
    assert left.name.startswith(PREFIX)


def test_the_same_request_again_is_the_same_job_and_leaves_no_second_file(
    api: Api, database: Database, folder: Path
) -> None:
    first = upload(api, idempotency_key="one")
    again = upload(api, idempotency_key="one")
    assert again.status_code == 202
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    other = upload(api, OTHER_UNITS, idempotency_key="one")
    assert other.status_code == 422
    assert other.json()["type"].endswith("idempotency_key_reused")
    assert api.ended(first.headers["location"])["state"] == "succeeded"
    assert count(database, JOB) == 1
    assert [row["code"] for row in api.send("controller", "GET", "/api/v1/units").json()["items"]] == ["A"]
    assert left_in(folder) == []


def test_a_file_that_is_too_large_is_refused_and_not_kept(api: Api, the_app: FastAPI, folder: Path) -> None:
    the_app.state.settings = SETTINGS.model_copy(update={"max_upload_bytes": 4096})
    try:
        answers = [upload(api, b" " * 4097), upload(api, b" " * 4096)]
    finally:
        the_app.state.settings = SETTINGS
    assert [answer.status_code for answer in answers] == [413, 202]
    assert left_in(folder) == []


HEAD = (
    "POST /api/v1/units/import HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: text/csv\r\n"
    "Content-Length: {}\r\n\r\n"
)


def test_a_body_is_not_waited_for_from_who_is_not_signed_in_nor_where_it_says_that_it_is_too_large(
    database_url: str, county: County
) -> None:
    with serving(SETTINGS.model_copy(update={"port": 0, "database_url": database_url})) as service:
        host = urlsplit(service.address).netloc
        name, _, port = host.partition(":")
        for key, size, status in (("lava_none", 1_000_000, "401"), (county.keys["controller"], 10**12, "413")):
            with socket.create_connection((name, int(port)), 10) as connection:
                connection.sendall(HEAD.format(host, key, size).encode())
                assert connection.recv(12).decode().split()[1] == status


# Watching


def test_a_job_is_watched_by_its_tag(api: Api) -> None:
    location = upload(api).headers["location"]
    api.ended(location)
    first = api.send("controller", "GET", location)
    same = api.send("controller", "GET", location, if_none_match=first.headers["etag"])
    assert (same.status_code, same.content) == (304, b"")
    assert api.send("controller", "GET", location, if_none_match='"0"').status_code == 200
    listed = api.send("controller", "GET", "/api/v1/jobs?kind=units&state=succeeded").json()["items"]
    assert [row["id"] for row in listed] == [first.json()["id"]]
    assert "errors" not in listed[0]
    assert api.send("controller", "GET", "/api/v1/jobs?state=failed").json()["items"] == []


def test_the_tag_of_a_job_changes_with_its_progress(database: Database, county: County, folder: Path) -> None:
    job_id = queued(database, county, folder)
    jobs._tell(database, job_id, 40)
    with database.transaction(writes=False) as session:
        job = session.get_one(Job, job_id)
    assert (job.progress, job.version) == (40, 2)


def test_the_example_of_each_import_has_the_columns_that_it_reads(
    the_app: FastAPI, database: Database, county: County
) -> None:
    for kind in JobKind:
        operation = the_app.openapi()["paths"][f"/api/v1/{kind.value}/import"]["post"]
        example = operation["requestBody"]["content"]["text/csv"]["example"]
        job = an_import(database, county["controller"], kind.value, example, dry_run=True)
        assert (job.result or {}).get("code") not in {"header_not_found", "header_twice"}, job.result
