"""What is attached to an assessment, over HTTP: taken in, given back, sealed, carried, removed, and never lost."""

import base64
import hashlib
import json
import socket
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app.assessments import actions as assessments
from app.assessments.models import Assessment, Attachment
from app.attachments.scanning import Scanner
from app.attachments.storage import LocalFolder
from app.conventions import idempotency
from app.database import Database, table_of
from app.demo.server import serving
from app.journal.models import JournalEntry
from tests.attachment_files import HTML, LET_IN
from tests.conftest import SETTINGS
from tests.county import Api, County, a_decision, an_assessment

ATTACHMENT, ENTRY = table_of(Attachment), table_of(JournalEntry)
NOTE = b"Kuultiin nuoria."
LINK = {"title": "Lausunto", "url": "https://example.fi/lausunto.pdf", "sha256": "0" * 64}
CODE = "010190-950A"
"""A personal identity code with a right check character; numbers from 900 on are given to nobody."""


@pytest.fixture
def storage(the_app: FastAPI, tmp_path: Path) -> Iterator[LocalFolder]:
    """The service with a folder of its own for this test's files."""
    before = the_app.state.attachments, the_app.state.settings, the_app.state.scanner
    the_app.state.attachments = LocalFolder(tmp_path / "attachments")
    yield the_app.state.attachments
    the_app.state.attachments, the_app.state.settings, the_app.state.scanner = before


class Attaching:
    """An assessment that is being written, and its files."""

    def __init__(self, api: Api, county: County, database: Database, storage: LocalFolder) -> None:
        self.api = api
        self.database = database
        self.storage = storage
        self.county = county
        with database.transaction() as session:
            self.id = an_assessment(session, county, decision=a_decision(session, county, "1/2026")).id
        self.whole = f"/api/v1/assessments/{self.id}"
        self.path = f"{self.whole}/attachments"

    def upload(
        self,
        content: Any = NOTE,
        name: str | None = "muistio.txt",
        *,
        told: str = "text/plain",
        role: str = "preparer",
        title: str | None = None,
        **headers: str,
    ) -> Any:
        """A file sent to be attached."""
        sent = {"Authorization": f"Bearer {self.api.county.keys[role]}", "Content-Type": told}
        sent |= {key.replace("_", "-").title(): value for key, value in headers.items()}
        query = {key: value for key, value in (("file_name", name), ("title", title)) if value is not None}
        return self.api.client.post(f"{self.path}/upload", content=content, headers=sent, params=query)

    def files(self) -> list[Path]:
        """Every file in the folder."""
        return [path for path in self.storage.folder.rglob("*") if path.is_file()]

    def rows(self) -> int:
        with self.database.transaction(writes=False) as session:
            return int(session.execute(select(func.count()).select_from(ATTACHMENT)).scalar_one())

    def kept(self) -> tuple[int, int]:
        """How many rows there are, and how many files."""
        return self.rows(), len(self.files())

    def listed(self) -> list[dict[str, Any]]:
        return list(self.api.send("preparer", "GET", self.path).json()["items"])

    def remove(self, row_id: str) -> Any:
        return self.api.change("preparer", "DELETE", f"{self.path}/{row_id}")


@pytest.fixture
def to(api: Api, county: County, database: Database, storage: LocalFolder) -> Attaching:
    return Attaching(api, county, database, storage)


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:lava:problem:")


# Taking in


@pytest.mark.parametrize("name", LET_IN)
def test_each_type_is_taken_in_and_given_back_to_the_byte(to: Attaching, name: str) -> None:
    media_type, content = LET_IN[name]
    made = to.upload(content, name, told=media_type)
    assert made.status_code == 201, made.text
    row = made.json()
    facts: dict[str, Any] = {"kind": "upload", "title": name, "url": None, "file_name": name, "media_type": media_type}
    facts |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "scan": "not_scanned"}
    assert {key: row[key] for key in facts} == facts
    assert "storage_key" not in row
    assert made.headers["location"] == f"{to.path}/{row['id']}"
    assert to.listed() == [row]
    assert to.api.send("auditor", "GET", to.whole).json()["attachments"] == [row]
    read = to.api.send("auditor", "GET", made.headers["location"])
    assert (read.json(), read.headers["etag"]) == (row, made.headers["etag"])
    given = to.api.send("auditor", "GET", f"{made.headers['location']}/content")
    assert (given.status_code, given.content) == (200, content)


def test_a_download_runs_nothing_and_proves_what_it_is(to: Attaching) -> None:
    row = to.upload(NOTE, 'Muistio "päätös".txt').json()
    path = f"{to.path}/{row['id']}/content"
    headers = to.api.send("preparer", "GET", path).headers
    digest = base64.b64encode(hashlib.sha256(NOTE).digest()).decode()
    assert headers["content-digest"] == f"sha-256=:{digest}:"
    assert headers["etag"] == f'"{hashlib.sha256(NOTE).hexdigest()}"'
    assert headers["content-type"] == "text/plain"
    assert headers["content-length"] == str(len(NOTE))
    assert headers["content-disposition"] == (
        "attachment; filename=\"Muistio _paatos_.txt\"; filename*=UTF-8''Muistio%20_p%C3%A4%C3%A4t%C3%B6s_.txt"
    )
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["cache-control"] == "private, no-cache"
    same = to.api.send("preparer", "GET", path, if_none_match=headers["etag"])
    assert (same.status_code, same.content) == (304, b"")
    head = to.api.send("preparer", "HEAD", path)
    assert (head.status_code, head.headers["content-digest"]) == (200, headers["content-digest"])


def test_the_file_is_the_services_own_and_lies_under_no_name_that_was_given(to: Attaching) -> None:
    to.upload(NOTE, "../../../evil.txt")
    (path,) = to.files()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(stat.S_IMODE(above.stat().st_mode) == 0o700 for above in (path.parent, path.parent.parent))
    assert path.resolve().is_relative_to(to.storage.folder)
    assert "evil" not in str(path)
    assert to.listed()[0]["file_name"] == "evil.txt"


@pytest.mark.parametrize(
    ("content", "name", "told", "said"),
    [
        (HTML, "a.pdf", "application/pdf", (422, "file_refused")),
        (HTML, "a.txt", "text/plain", (422, "file_refused")),
        (NOTE, "a.pdf", "application/pdf", (422, "file_refused")),
        (NOTE, "a.pdf", "application/octet-stream", (422, "file_refused")),
        (b"", "a.txt", "text/plain", (422, "file_refused")),
        (NOTE, "a.html", "text/html", (415, "wrong_media_type")),
        (NOTE, "a.svg", "image/svg+xml", (415, "wrong_media_type")),
        (NOTE, f"{CODE}.txt", "text/plain", (422, "invalid_text")),
        (NOTE, f"01019{chr(0x200B)}0-950A.txt", "text/plain", (422, "invalid_text")),
        (NOTE, "a\x00.txt", "text/plain", (422, "invalid_text")),
        (NOTE, "a" * 301, "text/plain", (422, "invalid")),
        (NOTE, "", "text/plain", (422, "invalid")),
        (NOTE, None, "text/plain", (422, "invalid")),
        (CODE.encode(), "a.txt", "text/plain", (422, "file_refused")),
    ],
)
def test_what_is_refused_leaves_neither_row_nor_file(
    to: Attaching, content: bytes, name: str | None, told: str, said: tuple[int, str]
) -> None:
    assert code_of(to.upload(content, name, told=told)) == said
    assert to.kept() == (0, 0)


def test_a_code_in_the_title_is_refused(to: Attaching) -> None:
    assert code_of(to.upload(title=f"Lapsi {CODE}")) == (422, "invalid_text")
    refused = to.api.send("preparer", "POST", to.path, {**LINK, "title": CODE})
    assert code_of(refused) == (422, "invalid_text")
    assert to.kept() == (0, 0)


def test_the_name_may_be_odd_and_is_made_plain(to: Attaching) -> None:
    kept = [to.upload(NOTE, name).json()["file_name"] for name in ("CON", "\u202etxt.exe", "a\r\nb", 'a"b', "../..")]
    assert kept == ["_CON.txt", "txt.exe.txt", "a b.txt", "a_b.txt", "liite.txt"]
    for row in to.listed():
        header = to.api.send("preparer", "GET", f"{to.path}/{row['id']}/content").headers["content-disposition"]
        assert header.startswith("attachment; filename=")


def chunks(size: int) -> Iterator[bytes]:
    for start in range(0, size, 1000):
        yield b"a" * min(1000, size - start)


def test_a_file_that_is_too_large_is_refused_announced_or_not(to: Attaching, the_app: FastAPI) -> None:
    the_app.state.settings = SETTINGS.model_copy(update={"max_attachment_bytes": 4096})
    for content, status in ((b"a" * 4096, 201), (b"a" * 4097, 413), (chunks(4096), 201), (chunks(4097), 413)):
        answer = to.upload(content)
        assert answer.status_code == status, answer.text
    assert to.kept() == (2, 2)


HEAD = (
    "POST {}/upload?file_name=a.txt HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n"
    "Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n"
)


def test_a_body_is_not_waited_for_from_who_may_not_nor_where_it_says_that_it_is_too_large(
    to: Attaching, database_url: str
) -> None:
    with serving(SETTINGS.model_copy(update={"port": 0, "database_url": database_url})) as service:
        host = urlsplit(service.address).netloc
        name, _, port = host.partition(":")
        keys = to.county.keys
        for key, size, status in (("lava_no", 9, "401"), (keys["auditor"], 9, "403"), (keys["preparer"], 10**9, "413")):
            with socket.create_connection((name, int(port)), 10) as connection:
                connection.sendall(HEAD.format(to.path, host, key, size).encode())
                assert connection.recv(12).decode().split()[1] == status


def test_the_digest_that_is_sent_is_held_to(to: Attaching) -> None:
    right = f"sha-256=:{base64.b64encode(hashlib.sha256(NOTE).digest()).decode()}:"
    wrong = f"sha-256=:{base64.b64encode(hashlib.sha256(b'').digest()).decode()}:"
    assert to.upload(content_digest=right).status_code == 201
    assert to.upload(content_digest="sha-512=:YQ==:").status_code == 201
    assert code_of(to.upload(content_digest=wrong)) == (422, "digest_mismatch")
    assert code_of(to.upload(content_digest="sha-256=abc")) == (400, "bad_content_digest")
    assert to.kept() == (2, 2)


def test_the_same_file_twice_is_two_attachments_and_each_goes_alone(to: Attaching) -> None:
    first, second = to.upload().json(), to.upload(title="Toinen").json()
    assert first["sha256"] == second["sha256"]
    assert to.kept() == (2, 2)
    assert to.remove(first["id"]).status_code == 204
    assert to.kept() == (1, 1)
    assert to.api.send("preparer", "GET", f"{to.path}/{second['id']}/content").content == NOTE


def test_the_same_request_again_is_the_same_attachment_and_leaves_no_second_file(to: Attaching) -> None:
    first, again = (to.upload(idempotency_key="one") for _ in range(2))
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert to.kept() == (1, 1)
    assert code_of(to.upload(b"Muuta", idempotency_key="one")) == (422, "idempotency_key_reused")
    told = to.upload(told="application/octet-stream", idempotency_key="one")
    assert code_of(told) == (422, "idempotency_key_reused")
    assert to.kept() == (1, 1)


def test_there_are_at_most_so_many(to: Attaching, the_app: FastAPI) -> None:
    the_app.state.settings = SETTINGS.model_copy(update={"max_attachments": 2})
    assert to.upload().status_code == 201
    assert to.api.send("preparer", "POST", to.path, LINK).status_code == 201
    assert code_of(to.upload()) == (409, "too_many_attachments")
    assert code_of(to.api.send("preparer", "POST", to.path, LINK)) == (409, "too_many_attachments")
    assert to.kept() == (2, 1)


# Links


def test_a_link_is_kept_with_the_digest_that_was_given_and_nothing_is_fetched(to: Attaching) -> None:
    made = to.api.send("preparer", "POST", to.path, LINK)
    row = made.json()
    assert {key: row[key] for key in LINK} == LINK
    assert (row["kind"], row["file_name"], row["bytes"], row["scan"]) == ("link", None, None, None)
    assert to.api.send("preparer", "GET", made.headers["location"]).json() == row
    assert code_of(to.api.send("preparer", "GET", f"{made.headers['location']}/content")) == (404, "not_found")
    for wrong in ({"url": "javascript:alert(1)"}, {"url": "file:///etc/passwd"}, {"sha256": "0" * 63}, {"bytes": 1}):
        assert to.api.send("preparer", "POST", to.path, {**LINK, **wrong}).status_code == 422
    assert to.remove(row["id"]).status_code == 204
    assert to.kept() == (0, 0)


def test_a_decisions_document_may_tell_the_digest_of_what_the_link_held(api: Api) -> None:
    path = f"/api/v1/decisions/{api.decision()['id']}"
    items = [{"title": "Esityslista", "url": "https://example.fi/a.pdf"}]
    items.append({**items[0], "digest": "a" * 64})
    changed = api.change("preparer", "PUT", f"{path}/documents", {"items": items}, of=path)
    assert changed.json()["documents"] == items
    items[1]["digest"] = "A" * 64
    assert api.change("preparer", "PUT", f"{path}/documents", {"items": items}, of=path).status_code == 422


# The virus scanner


@pytest.fixture
def scanner(the_app: FastAPI, tmp_path: Path, storage: LocalFolder) -> Any:
    """Puts a small scanner in place: a Python script that gets the file's path, and how long it may take."""

    def put(script: str, seconds: float = 20) -> None:
        path = tmp_path / "scan.py"
        path.write_text(f"import pathlib, sys, time\ncontent = pathlib.Path(sys.argv[1]).read_bytes()\n{script}\n")
        the_app.state.scanner = Scanner(f"{sys.executable} {path} {{path}}", seconds)

    return put


def test_a_scanner_lets_through_or_refuses_by_what_is_in_the_file(to: Attaching, scanner: Any) -> None:
    scanner("sys.exit(1 if b'EICAR' in content else 0)")
    made = to.upload()
    assert (made.status_code, made.json()["scan"]) == (201, "clean")
    assert code_of(to.upload(b"X5O! EICAR")) == (422, "file_infected")
    assert to.kept() == (1, 1)


@pytest.mark.parametrize("script", ["sys.exit(2)", "sys.exit(127)", "import os; os.kill(os.getpid(), 9)"])
def test_a_scanner_that_fails_lets_nothing_through(to: Attaching, scanner: Any, script: str) -> None:
    scanner(script)
    refused = to.upload()
    assert code_of(refused) == (503, "scan_failed")
    assert refused.headers["retry-after"]
    assert to.kept() == (0, 0)


def test_a_scanner_that_is_not_there_or_not_done_in_time_lets_nothing_through(
    to: Attaching, the_app: FastAPI, scanner: Any, tmp_path: Path
) -> None:
    the_app.state.scanner = Scanner(f"{tmp_path}/nowhere {{path}}", 20)
    assert code_of(to.upload()) == (503, "scan_failed")
    scanner(f"time.sleep(3); pathlib.Path({str(tmp_path / 'done')!r}).touch()", 0.5)
    began = time.monotonic()
    assert code_of(to.upload()) == (503, "scan_failed")
    assert time.monotonic() - began < 2.5
    time.sleep(3)
    assert not (tmp_path / "done").exists(), "the scanner was left running"
    assert to.kept() == (0, 0)


def test_the_service_answers_others_while_a_file_is_scanned(to: Attaching, scanner: Any, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    scanner(f"while not pathlib.Path({str(tmp_path / 'go')!r}).exists(): time.sleep(0.02)")
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(to.upload)
        time.sleep(0.3)
        assert to.api.decision(diary_number="7/2026")["state"] == "draft", "a write went through meanwhile"
        assert not waiting.done()
        (tmp_path / "go").touch()
        assert waiting.result().status_code == 201


# What is sealed


def approved(to: Attaching) -> None:
    to.api.change("preparer", "POST", f"{to.whole}/submission", of=to.whole)
    done = to.api.change("expert", "POST", f"{to.whole}/approval", of=to.whole)
    assert done.json()["state"] == "approved", done.text


def test_the_digests_are_sealed_and_nothing_attached_changes_afterwards(to: Attaching) -> None:
    to.upload()
    to.api.send("preparer", "POST", to.path, LINK)
    rows = to.listed()
    approved(to)
    (sealed,) = to.api.send("auditor", "GET", f"{to.whole}/seals").json()["items"]
    assert hashlib.sha256(sealed["content"].encode()).hexdigest() == sealed["digest"]
    told = json.loads(sealed["content"])["assessment"]["attachments"]
    names = ("id", "title", "kind", "url", "file_name", "media_type", "bytes", "sha256")
    assert told == [{name: row[name] for name in names} for row in rows]
    given = to.api.send("auditor", "GET", f"{to.path}/{rows[0]['id']}/content").content
    assert hashlib.sha256(given).hexdigest() == told[0]["sha256"]
    assert code_of(to.upload()) == (409, "wrong_state")
    assert code_of(to.api.send("preparer", "POST", to.path, LINK)) == (409, "wrong_state")
    for row in rows:
        assert code_of(to.remove(row["id"])) == (409, "wrong_state")
    assert to.listed() == rows
    assert to.kept() == (2, 1)
    published = to.api.change("registrar", "POST", f"{to.whole}/publication", {"privacy_checked": True}, of=to.whole)
    assert published.status_code == 200
    entry = to.api.client.get("/public/v1/assessments").json()["items"][0]["id"]
    assert "lausunto.pdf" not in to.api.client.get(f"/public/v1/assessments/{entry}").text
    assert "muistio" not in to.api.client.get(f"/public/v1/assessments/{entry}").text


def test_a_new_edition_has_them_too_and_removing_one_there_keeps_the_sealed_file(to: Attaching) -> None:
    to.upload()
    to.api.send("preparer", "POST", to.path, LINK)
    before = to.listed()
    approved(to)
    sealed = to.api.send("auditor", "GET", f"{to.whole}/seals").json()
    made = to.api.change("preparer", "POST", f"{to.whole}/editions", of=to.whole).json()
    own = ("id", "assessment_id", "created_at", "changed_at", "changed_by", "version")
    facts = [{name: value for name, value in row.items() if name not in own} for row in before]
    after = made["attachments"]
    assert [{name: value for name, value in row.items() if name not in own} for row in after] == facts
    assert {row["id"] for row in after}.isdisjoint({row["id"] for row in before})
    anew = f"/api/v1/assessments/{made['id']}/attachments"
    assert to.api.send("preparer", "GET", f"{anew}/{after[0]['id']}/content").content == NOTE
    assert to.api.change("preparer", "DELETE", f"{anew}/{after[0]['id']}").status_code == 204
    assert to.api.send("auditor", "GET", f"{to.path}/{before[0]['id']}/content").content == NOTE
    assert to.api.send("auditor", "GET", f"{to.whole}/seals").json() == sealed
    assert to.kept() == (3, 1)


def test_what_is_attached_and_removed_is_journalled_and_makes_an_author(to: Attaching) -> None:
    etag = to.api.send("preparer", "GET", to.whole).headers["etag"]
    row = to.upload(role="expert").json()
    whole = to.api.send("preparer", "GET", to.whole)
    assert whole.headers["etag"] != etag
    assert str(to.county["expert"].id) in whole.json()["authors"]
    stale = to.api.send("preparer", "DELETE", f"{to.path}/{row['id']}", if_match='"9"')
    assert stale.status_code == 412
    assert to.remove(row["id"]).status_code == 204
    for verb in ("attachment.added", "attachment.removed"):
        (entry,) = to.api.send("auditor", "GET", f"/api/v1/journal?verb={verb}").json()["items"]
        assert (entry["object_type"], entry["object_id"]) == ("assessment", str(to.id))
        told = {name: entry["details"][name] for name in ("attachment_id", "sha256", "bytes", "file_name", "scan")}
        wanted = {name: row[name] for name in ("sha256", "bytes", "file_name", "scan")}
        assert told == {"attachment_id": row["id"], **wanted}
        assert "storage_key" not in entry["details"]
    assert to.kept() == (0, 0)


def test_another_organisation_finds_neither_row_nor_file(to: Attaching, neighbour: County) -> None:
    row = to.upload().json()
    other = Attaching(Api(to.api.client, neighbour), neighbour, to.database, to.storage)
    stranger = Api(to.api.client, neighbour)
    for path in (to.path, f"{to.path}/{row['id']}", f"{to.path}/{row['id']}/content", f"{other.path}/{row['id']}"):
        assert stranger.send("preparer", "GET", path).status_code == 404
    other.path = to.path
    assert other.upload().status_code == 404
    assert to.kept() == (1, 1)


# Row and file


def test_where_the_commit_fails_there_is_never_a_row_without_a_file(
    to: Attaching, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise RuntimeError("the answer cannot be kept")

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "keep", failing)
        assert to.upload(idempotency_key="one").status_code == 500
    # A commit that failed may have been done on the server: the file waits for the hourly look.
    assert to.kept() == (0, 1)
    assert to.upload(idempotency_key="one").status_code == 201


def test_the_row_stays_where_the_removal_is_rolled_back(to: Attaching, monkeypatch: pytest.MonkeyPatch) -> None:
    row = to.upload().json()
    monkeypatch.setattr("app.journal.actions.lock_for_transaction", lambda *_: 1 / 0)
    assert to.remove(row["id"]).status_code == 500
    monkeypatch.undo()
    assert to.kept() == (1, 1)
    assert to.api.send("preparer", "GET", f"{to.path}/{row['id']}/content").content == NOTE


def test_a_file_that_is_gone_or_altered_is_not_sent(to: Attaching) -> None:
    row = to.upload().json()
    (path,) = to.files()
    path.write_bytes(NOTE + b"!")
    address = f"{to.path}/{row['id']}/content"
    assert code_of(to.api.send("preparer", "GET", address)) == (404, "file_missing")
    path.unlink()
    assert code_of(to.api.send("preparer", "GET", address)) == (404, "file_missing")


def test_withdrawing_keeps_what_was_attached(to: Attaching, county: County, database: Database) -> None:
    to.upload()
    with database.transaction() as session:
        row = session.get_one(Assessment, UUID(str(to.id)))
        assessments.withdraw(session, row, version=row.version, by=county["preparer"])
    assert to.kept() == (1, 1)
    assert code_of(to.upload()) == (409, "wrong_state")
    assert to.kept() == (1, 1)
