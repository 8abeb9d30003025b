"""The small port behind which each case-management product has one file: how it lists cases, and what they say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from app.errors import Fault


@dataclass(frozen=True, slots=True)
class Record:
    """One case as its system gives it, with the key to fetch it by."""

    external_id: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a listing. `position` is where to go on: `until`, up to when everything is listed, and what else the
    product needs to find its next page.
    """

    records: list[Record]
    position: dict[str, Any]
    is_last: bool


class NotUnderstood(Exception):
    """A system's answer, or one record of it, is not in the form that the product is known to use."""

    def __init__(self, detail: str, faults: list[Fault] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = faults or []


class Asking(Protocol):
    """Asks a system for JSON below its address; raises what pulling.py knows to wait for."""

    async def __call__(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """The JSON at a path below the system's address, or at an absolute address of the same host."""


class CaseProduct(Protocol):
    """What has to be known of a product."""

    async def list_cases(self, ask: Asking, position: Mapping[str, Any], until: datetime) -> Listed:
        """The next page of the cases that changed after `position`, up to `until`."""

    async def fetch_case(self, ask: Asking, external_id: str) -> Record:
        """One case by its key."""

    def items_of(self, record: Record, read_at: datetime) -> list[dict[str, Any]]:
        """What the record says, each decision of the case as an item of `POST /api/v1/cases/batch`.

        `read_at` is when it was asked for. Raises NotUnderstood where it is not in the product's form.
        """
