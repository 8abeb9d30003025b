"""Ahjo's REST API, as the City of Helsinki's open answers show it: cases with their handlings and records.

Listing: `GET cases?handledsince=…&handledbefore=…&size=…&count_limit=…` gives `{"cases": […], "count": n}`, where
`count` is how many there are and may be more than are given. There are no page numbers, so that a window of time is
taken, and halved until all of its cases are given; where an answer has a link `next`, that is followed instead. A case
says neither its version nor when it was changed: what was read later is newer.

A case holds its decisions as records of the types "päätös" and "viranhaltijan päätös"; each is one decision here, under
the record's own id. What is still in preparation has no record yet and is kept under the key `1`, which the first
record that appears takes over, with all that was written here (`former_key`).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from app.case_management.products import Asking, Listed, NotUnderstood, Record
from app.clock import FINLAND, today
from app.errors import Fault
from app.texts import fault_in_text

BODIES = {"päätös": "Toimielin", "viranhaltijan päätös": "Viranhaltija"}
"""The types of records that are decisions, and who took them; the records do not name the body."""
IN_PREPARATION = "Valmistelussa"
KEY_OF_THE_UNDECIDED = "1"
MOST = 100
MOST_PAGES = 1000
WINDOW, SMALLEST_WINDOW = timedelta(days=30), timedelta(minutes=10)
_ADDRESS = re.compile(r"[!-~]{1,2000}")
_ID = re.compile(r"[A-Za-z]{2,10}-[0-9]{4}-[0-9]{1,9}")


class Ahjo:
    """How Ahjo lists cases, and what they say."""

    async def list_cases(self, ask: Asking, position: Mapping[str, Any], until: datetime) -> Listed:
        """The next page, or else the next window of time, that can be given whole."""
        since = datetime.fromisoformat(position["until"])
        page, window_end = position.get("page"), position.get("window_end")
        if page is not None and window_end is not None:
            answer = await ask(page)
            pages = position.get("pages", 1) + 1
            if _next_page(answer) == page or pages > MOST_PAGES:
                raise NotUnderstood("The links to the next page come to no end.")
            return _listed(answer, since, datetime.fromisoformat(window_end), until, pages)
        width = WINDOW
        while True:
            end = min(since + width, until)
            answer = await ask("cases", _window(since, end))
            cases = _cases_of(answer)
            if _next_page(answer) is not None or _count_of(answer) <= len(cases):
                return _listed(answer, since, end, until)
            if end - since <= SMALLEST_WINDOW:
                raise NotUnderstood(f"More cases changed within {SMALLEST_WINDOW} than the system lists at once.")
            width = (end - since) / 2

    async def fetch_case(self, ask: Asking, external_id: str) -> Record:
        """One case, from `cases/{id}`."""
        if not _ID.fullmatch(external_id):
            raise NotUnderstood("This is no id of a case such as HEL-2022-000163.")
        answer = await ask(f"cases/{quote(external_id)}")
        cases = answer.get("cases") if isinstance(answer, dict) else None
        case = cases[0] if isinstance(cases, list) and cases else answer
        return Record(external_id, case if isinstance(case, dict) else {})

    def items_of(self, record: Record, read_at: datetime) -> list[dict[str, Any]]:
        """The case's decisions by their records, oldest first, and what is still in preparation."""
        case = _Fields(record.content, "")
        shared: dict[str, Any] = {
            "source_changed_at": read_at.astimezone(UTC).isoformat(),
            "diary_number": case.text("CaseIDLabel"),
            "task_class_code": case.optional_text("ClassificationCode"),
            "task_class_title": case.optional_text("ClassificationTitle"),
            "language": case.one_of("Language", ("fi", "sv")),
        }
        case_link = case.link()
        records = [_Fields(row, f"/Records/{index}") for index, row in enumerate(case.rows("Records"))]
        decided = [row for row in records if row.text("Type") in BODIES]
        items = [
            _decided(shared, row, case_link)
            for row in sorted(decided, key=lambda row: row.optional_text("Issued") or "~")
        ]
        open_ones = [row for row in case.rows("Handlings") if row.get("Status") == IN_PREPARATION]
        if open_ones or not decided:
            title = {shared["language"]: case.text("Title")}
            undecided = {**shared, "decision_key": KEY_OF_THE_UNDECIDED, "title": title, "documents": case_link}
            items.append({**undecided, "status": "in_preparation"} if open_ones else undecided)
        return items


def _listed(answer: Any, since: datetime, end: datetime, until: datetime, pages: int = 1) -> Listed:
    records = [Record(_id_of(case, index), case) for index, case in enumerate(_cases_of(answer))]
    page = _next_page(answer)
    if page is None:
        return Listed(records, {"until": end.isoformat()}, is_last=end >= until)
    position = {"until": since.isoformat(), "page": page, "pages": pages, "window_end": end.isoformat()}
    return Listed(records, position, is_last=False)


def _decided(shared: dict[str, Any], row: "_Fields", case_link: list[dict[str, str]]) -> dict[str, Any]:
    item = {
        **shared,
        "decision_key": row.text("NativeId"),
        "former_key": KEY_OF_THE_UNDECIDED,
        "title": {row.one_of("Language", ("fi", "sv")): row.text("Title")},
        "documents": case_link + row.link(),
    }
    issued = row.day("Issued")
    if issued is None:
        return item
    handling = {"key": row.text("NativeId"), "body": BODIES[row.text("Type")], "meeting_date": issued}
    return {**item, "handlings": [{**handling, "outcome": "decided"}]}


def _window(since: datetime, end: datetime) -> dict[str, str]:
    """The parameters of a window: Ahjo's times are Finnish, without a zone."""
    first, last = (moment.astimezone(FINLAND).strftime("%Y-%m-%dT%H:%M:%S") for moment in (since, end))
    size = str(MOST)
    return {"handledsince": first, "handledbefore": last, "size": size, "count_limit": size, "apireqlang": "fi"}


def _cases_of(answer: Any) -> list[Any]:
    cases = answer.get("cases") if isinstance(answer, dict) else None
    if not isinstance(cases, list):
        raise NotUnderstood("The system's answer has no list `cases`.")
    return cases


def _count_of(answer: dict[str, Any]) -> int:
    count = answer.get("count")
    return count if isinstance(count, int) and not isinstance(count, bool) else 0


def _next_page(answer: dict[str, Any]) -> str | None:
    page = next(iter(_hrefs(answer, "next")), None) or None
    if page is not None and not _ADDRESS.fullmatch(page):
        raise NotUnderstood("The link to the next page is no address.")
    return page


def _hrefs(of: Mapping[str, Any], relation: str) -> list[str]:
    """The addresses that an object of an answer gives for a relation."""
    links = of.get("links")
    rows = [link for link in links if isinstance(link, Mapping)] if isinstance(links, list) else []
    return [row["href"] for row in rows if row.get("rel") == relation and isinstance(row.get("href"), str)]


def _id_of(case: Any, index: int) -> str:
    """The case's key, as far as it has one: a broken record is set aside under its place in the answer."""
    key = case.get("CaseID") if isinstance(case, dict) else None
    if isinstance(key, str) and key.strip() and not fault_in_text(key):
        return key[:200]
    return f"({today()}: {index + 1})"


class _Fields:
    """The fields of one object of an answer. Raises NotUnderstood, with where, for what is not as it must be."""

    def __init__(self, content: Any, pointer: str) -> None:
        self.pointer = pointer
        if not isinstance(content, Mapping):
            raise NotUnderstood("The record is not a JSON object.", [Fault(pointer, "An object was expected.")])
        self.content = content

    def _wrong(self, name: str, expected: str) -> NotUnderstood:
        fault = Fault(f"{self.pointer}/{name}", expected)
        return NotUnderstood(f"{name} is not as expected: {expected}", [fault])

    def optional_text(self, name: str) -> str | None:
        """A text, or None where there is none or it is empty."""
        value = self.content.get(name)
        if value is not None and not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value or None

    def text(self, name: str) -> str:
        value = self.optional_text(name)
        if value is None:
            raise self._wrong(name, "a text")
        return value

    def one_of(self, name: str, codes: tuple[str, ...]) -> str:
        value = self.text(name)
        if value not in codes:
            raise self._wrong(name, " or ".join(codes))
        return value

    def rows(self, name: str) -> list[Mapping[str, Any]]:
        value = self.content.get(name)
        if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
            raise self._wrong(name, "a list of objects")
        return value

    def day(self, name: str) -> str | None:
        """The day of a Finnish time, None where it is empty."""
        value = self.optional_text(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
            return (moment.astimezone(FINLAND) if moment.tzinfo else moment).date().isoformat()
        except ValueError as error:
            raise self._wrong(name, "a time such as 2022-03-02T10:00:00") from error

    def link(self) -> list[dict[str, str]]:
        """The object's own address, as a document."""
        title = self.content.get("CaseID") or self.content.get("Type")
        return [{"title": str(title), "url": href} for href in _hrefs(self.content, "self")]
