"""Nobody gets more than they were given: narrowed keys, kept answers, and the last administrator."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update
from sqlmodel import col
from typer.testing import CliRunner

from app.access import actions as access
from app.access import rules
from app.access.models import Account, ApiKey, Role
from app.access.rules import permissions_of
from app.cli import app as command
from app.database import Database, table_of
from app.demo.server import serving
from app.journal.models import JournalDetails
from app.settings import Settings
from tests.county import Api, County

KEYS, PEOPLE, DECISIONS = "/api/v1/api-keys", "/api/v1/people", "/api/v1/decisions"
ROUNDS = 12


def problem_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:lava:problem:")


def with_key(api: Api, name: str, role: str, scopes: list[str] | None) -> None:
    """A key of a role's account, known to the tests by a name."""
    asked = {"person_id": str(api.county[role].id), "label": name, "scopes": scopes}
    api.county.keys[name] = api.send("administrator", "POST", KEYS, asked).json()["key"]


# Narrowed keys


@pytest.mark.parametrize(
    ("holder", "scopes", "allowed"),
    [
        ("administrator", None, False),
        ("administrator", ["people:write"], False),
        ("administrator", ["decisions:write"], False),
        ("expert", ["people:read"], False),
        ("administrator", ["people:read"], True),
        ("administrator", [], True),
    ],
)
def test_a_narrowed_key_passes_on_no_more_than_it_has(
    api: Api, holder: str, scopes: list[str] | None, allowed: bool
) -> None:
    with_key(api, "narrow", "administrator", ["api-keys:write", "api-keys:read", "people:read"])
    asked = {"person_id": str(api.county[holder].id), "label": "uusi", "scopes": scopes}
    answer = api.send("narrow", "POST", KEYS, asked)
    if allowed:
        assert answer.status_code == 201
        api.county.keys["made"] = answer.json()["key"]
        assert set(api.send("made", "GET", f"{PEOPLE}/me").json()["permissions"]) == set(scopes or [])
    else:
        assert problem_of(answer) == (403, "not_allowed")
        assert len(api.send("administrator", "GET", KEYS).json()["items"]) == len(Role) + 1


def test_a_whole_key_of_an_administrator_issues_keys_for_anybody(api: Api) -> None:
    """A trust that docs/permissions.md names: until people sign in otherwise, this is how they get in."""
    with_key(api, "made", "expert", None)
    assert set(api.send("made", "GET", f"{PEOPLE}/me").json()["permissions"]) == permissions_of(("expert",))


def test_control_without_the_rule_a_narrowed_key_makes_itself_whole(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "check_issuing", lambda *_: None)
    with_key(api, "narrow", "administrator", ["api-keys:write", "people:read"])
    asked = {"person_id": str(api.county["administrator"].id), "label": "uusi"}
    api.county.keys["made"] = api.send("narrow", "POST", KEYS, asked).json()["key"]
    assert set(api.send("made", "GET", f"{PEOPLE}/me").json()["permissions"]) == permissions_of(("administrator",))


# Kept answers

SECRET = {
    "diary_number": "1/2026",
    "title": {"fi": "Salainen asia"},
    "publicity": "secret",
    "publicity_grounds": "JulkL 24 § 1 mom. 25 k.",
}


def test_a_kept_answer_is_not_told_to_fewer_rights(api: Api) -> None:
    with_key(api, "narrow", "preparer", ["decisions:write", "forms:read"])
    first = api.send("preparer", "POST", DECISIONS, SECRET, idempotency_key="one")
    assert first.status_code == 201
    narrow = api.send("narrow", "POST", DECISIONS, SECRET, idempotency_key="one")
    assert problem_of(narrow) == (403, "not_allowed")
    assert "Salainen" not in narrow.text
    preparer = f"{PEOPLE}/{api.county['preparer'].id}"
    api.change("administrator", "PATCH", preparer, {"roles": ["auditor"]})
    demoted = api.send("preparer", "POST", DECISIONS, SECRET, idempotency_key="one")
    assert problem_of(demoted) == (403, "not_allowed")
    assert "Salainen" not in demoted.text
    api.change("administrator", "PATCH", preparer, {"roles": ["preparer", "expert"]})
    again = api.send("preparer", "POST", DECISIONS, SECRET, idempotency_key="one")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert "rights" not in again.headers


# The last administrator


def make_administrator(database: Database, account_id: UUID) -> None:
    with database.transaction() as session:
        session.execute(
            update(Account).where(col(Account.id) == account_id).values(roles=["administrator"], version=1, active=True)
        )


def administrators(database: Database) -> int:
    with database.transaction(writes=False) as session:
        active = session.execute(select(table_of(Account).c.roles).where(table_of(Account).c.active.is_(True)))
        return sum("administrator" in roles for (roles,) in active)


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"roles": ["auditor"]}, {"active": False}], ids=["demoted", "shut out"])
def test_two_administrators_who_take_each_others_role_leave_one(
    database_url: str, database: Database, county: County, change: dict[str, Any]
) -> None:
    one, other = county["administrator"].id, county["expert"].id
    served = Settings(port=0, database_url=database_url, rate_limit="1000000/minute")
    with (
        serving(served) as running,
        httpx.Client(base_url=running.address, timeout=60) as client,
        ThreadPoolExecutor(2) as pool,
    ):

        def take(role: str, of: UUID) -> int:
            sent = {"Authorization": f"Bearer {county.keys[role]}", "If-Match": '"1"'}
            return client.patch(f"{PEOPLE}/{of}", json=change, headers=sent).status_code

        for _ in range(ROUNDS):
            make_administrator(database, one)
            make_administrator(database, other)
            answers = [pool.submit(take, "administrator", other), pool.submit(take, "expert", one)]
            assert min(done.result() for done in answers) == 200
            assert administrators(database) == 1


@pytest.mark.slow
def test_control_without_the_lock_nobody_is_left(
    database_url: str, database: Database, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.is_sqlite:
        return  # its writers are alone
    monkeypatch.setattr(access, "hold", lambda *_: None)
    with pytest.raises(AssertionError):
        test_two_administrators_who_take_each_others_role_leave_one(database_url, database, county, {"active": False})


def key_from_the_command_line(database_url: str, business_id: str = "1234567-1") -> tuple[int, str]:
    opened: list[Database] = []

    def opening(url: str) -> Database:
        opened.append(Database(url))
        return opened[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.cli.Database", opening)
        result = CliRunner().invoke(
            command, ["organisation", "key", business_id], env={"LAVA_DATABASE_URL": database_url}
        )
    for database in opened:
        database.engine.dispose()
    return result.exit_code, result.stdout


def test_the_command_line_is_a_way_back_where_no_administrator_is_left(
    database_url: str, database: Database, api: Api
) -> None:
    code, told = key_from_the_command_line(database_url)
    assert (code, administrators(database)) == (0, 1)
    assert api.county["administrator"].name in told
    with database.transaction() as session:
        session.execute(update(Account).values(active=False, name=Account.name + "."))
        session.execute(update(Account).where(col(Account.id) == api.county["expert"].id).values(name="Pääkäyttäjä"))
    for _ in range(2):  # the second time the administrator made the first time is there
        code, told = key_from_the_command_line(database_url)
        assert code == 0
        assert "Pääkäyttäjä 2" in told
        api.county.keys["new"] = told.split()[-1]
        assert api.send("new", "GET", f"{PEOPLE}/me").json()["roles"] == ["administrator"]
    assert administrators(database) == 1
    with database.transaction(writes=False) as session:
        words = "\n".join(row for (row,) in session.execute(select(table_of(JournalDetails).c.details)))
        keys = session.execute(select(table_of(ApiKey).c.label)).all()
    assert words.count('"name":"Pääkäyttäjä 2"') == 1
    assert keys.count(("command line",)) == 3
    assert key_from_the_command_line(database_url, "7654321-2")[0] == 1


def test_a_key_is_narrowed_where_it_has_less_than_its_roles(county: County) -> None:
    assert not county["administrator"].narrowed
    whole = county["administrator"]
    less = rules.Caller(whole.id, whole.name, whole.organisation_id, whole.roles, frozenset({"people:read"}))
    assert less.narrowed
