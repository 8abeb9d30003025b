"""Pages of a list by keyset: an opaque cursor names the last row seen and the filters it was seen under."""

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BeforeValidator
from pydantic_core import to_json

from app.conventions.schemas import digits
from app.errors import Fault, Invalid

MAX_LIMIT = 200
DEFAULT_LIMIT = 50


class PageRequest:
    """Which part of which list was asked for."""

    def __init__(self, request: Request, limit: int, cursor: str | None) -> None:
        self.limit = limit
        self.path = request.url.path
        self.filters = [
            (name, value) for name, value in request.query_params.multi_items() if name not in {"cursor", "limit"}
        ]
        self.after = self._opened(cursor) if cursor is not None else None

    def _digest(self) -> str:
        return hashlib.sha256(json.dumps([self.path, sorted(self.filters)]).encode()).hexdigest()[:16]

    def _opened(self, cursor: str) -> list[str]:
        try:
            value = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
            digest, *key = value
            if not key or not all(isinstance(part, str) for part in value):
                raise ValueError
        except (ValueError, TypeError) as error:
            raise Invalid("bad_cursor", "Take the cursor from `next`.", [Fault("cursor", "Not a cursor.")]) from error
        if digest != self._digest():
            fault = Fault("cursor", "It belongs to other filters.")
            raise Invalid("bad_cursor", "A cursor goes with the filters it was given under.", [fault])
        return [str(part) for part in key]

    def after_id(self) -> UUID | None:
        """The id of the last row seen, for lists in order of id."""
        if self.after is None:
            return None
        try:
            return UUID(self.after[0])
        except ValueError as error:
            raise Invalid("bad_cursor", "Take the cursor from `next`.", [Fault("cursor", "Not a cursor.")]) from error

    def page(self, rows: Sequence[Any], key: str = "id") -> Response:
        """The answer: up to `limit` rows, and where more follow (one row more was read) the way on."""
        items = rows[: self.limit]
        following, headers = self._following(items[-1][key] if len(rows) > self.limit else None)
        return Response(to_json({"items": items, "next": following}), headers=headers, media_type="application/json")

    def page_of_text(self, rows: Sequence[str]) -> Response:
        """The same answer from rows that the database made JSON of already."""
        items = rows[: self.limit]
        following, headers = self._following(json.loads(items[-1])["id"] if len(rows) > self.limit else None)
        text = f'{{"items":[{",".join(items)}],"next":{json.dumps(following)}}}'
        return Response(text, headers=headers, media_type="application/json")

    def _following(self, last: Any) -> tuple[str | None, dict[str, str]]:
        """The way to the rows after `last`, as an address and as a Link header; none where it is None."""
        following = None
        headers = {}
        if last is not None:
            said = json.dumps([self._digest(), str(last)], separators=(",", ":"))
            cursor = base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")
            following = f"{self.path}?{urlencode([*self.filters, ('limit', self.limit), ('cursor', cursor)])}"
            headers["Link"] = f'<{following}>; rel="next"'
        return following, headers


async def _page_request(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows a page."), BeforeValidator(digits)] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="From `next` of the page before.")] = None,
) -> PageRequest:
    return PageRequest(request, limit, cursor)


Paging = Annotated[PageRequest, Depends(_page_request)]
