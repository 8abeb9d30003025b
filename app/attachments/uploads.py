"""Taking a file in: signed in and allowed first, then received, looked at and scanned, then put in its place; and only
then the transaction that names it.

So there is never a row without its file, whenever the process ends: at worst a file without a row, which is removed a
day later. No transaction is open while anything is received, looked at or scanned.
"""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from app.access.rules import Caller
from app.attachments import contents, rules
from app.attachments.models import AttachmentKind, ScanState
from app.attachments.scanning import Scanner
from app.attachments.storage import PREFIX, Storage, new_key
from app.conventions.receiving import received
from app.conventions.route import Endpoint, Route
from app.conventions.schemas import ShortText
from app.settings import Settings


@dataclass(slots=True)
class Upload:
    """A file that is in its place and that no row names yet."""

    key: str
    size: int
    sha256: str
    told: str
    """The type that the sender declared, or `application/octet-stream`."""
    found: str
    """The type that its content shows."""
    scan: ScanState
    claimed: bool = False
    """Whether a row names it: whatever becomes of the commit, the file is then not removed here."""


class AttachmentRoute(Route):
    """A route whose body is a file to be kept. Its type and digest stand for it beside an Idempotency-Key."""

    async def check_body(self, request: Request) -> None:
        """Take the file in and put it in its place; nothing stays of one that is refused."""
        caller: Caller = request.state.caller  # signed in before the body
        assert self.openapi_extra is not None
        caller.require(self.openapi_extra["x-upload"])
        told = rules.declared(request.headers.get("content-type", ""))
        expected = rules.expected_digest(request.headers.get("content-digest"))
        settings: Settings = request.app.state.settings
        storage: Storage = request.app.state.attachments
        scanner: Scanner = request.app.state.scanner
        came = await received(request, limit=settings.max_attachment_bytes, prefix=PREFIX, folder=storage.incoming())
        try:
            rules.check_digest(expected, came.digest)
            found = await asyncio.to_thread(contents.look, came.path)
            scan = await scanner.scan(came.path)
            key = new_key(caller.organisation_id)
            await asyncio.to_thread(storage.put, came.path, key)
        finally:
            came.path.unlink(missing_ok=True)  # where it was not put
        request.state.upload = Upload(key, came.size, came.digest, told, found, scan)
        request._body = f"{told} {came.digest}".encode()  # noqa: SLF001  (what Starlette would read again)

    def get_route_handler(self) -> Endpoint:
        handle = super().get_route_handler()

        async def with_file(request: Request) -> Response:
            try:
                return await handle(request)
            finally:
                upload: Upload | None = getattr(request.state, "upload", None)
                if upload is not None and not upload.claimed:
                    request.app.state.attachments.delete(upload.key)

        return with_file


@dataclass(frozen=True, slots=True)
class ToAttach:
    """An upload with what it is called."""

    upload: Upload
    title: str
    file_name: str
    media_type: str

    def values(self) -> dict[str, Any]:
        """The facts of the file, as columns take them."""
        upload = self.upload
        return {
            "kind": AttachmentKind.UPLOAD,
            "title": self.title,
            "file_name": self.file_name,
            "media_type": self.media_type,
            "bytes": upload.size,
            "sha256": upload.sha256,
            "storage_key": upload.key,
            "scan": upload.scan,
        }


async def _to_attach(
    request: Request,
    file_name: Annotated[
        str,
        Query(
            min_length=1,
            max_length=300,
            description="The file's name. Folders and signs that some system cannot keep are taken out of it.",
            examples=["selvitys.txt"],
        ),
    ],
    title: Annotated[ShortText | None, Query(description="What it is; the file's name where absent.")] = None,
) -> ToAttach:
    upload: Upload = request.state.upload
    media_type = rules.agreed(upload.told, upload.found, file_name)
    name = rules.file_name(file_name, media_type)
    return ToAttach(upload, title or name, name, media_type)


FileToAttach = Annotated[ToAttach, Depends(_to_attach)]
"""The file of a request, in its place, with the name it will have."""

_BINARY = {"schema": {"type": "string", "format": "binary", "description": "The file itself."}}
_EXAMPLE = "Kuulemisen muistio\n\nPalvelun pitää olla lähellä koulua.\n"
_DIGEST = {
    "name": "Content-Digest",
    "in": "header",
    "required": False,
    "description": "The SHA-256 of the file (RFC 9530): what came is held to it.",
    "schema": {"type": "string", "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"},
}


def upload_operation(permission: str) -> dict[str, Any]:
    """What a route that takes a file says of its body in the description of the API, and the right that it needs."""
    types = dict.fromkeys((*rules.EXTENSIONS, rules.UNTOLD), _BINARY)
    return {
        "x-upload": permission,
        "parameters": [_DIGEST],
        "requestBody": {"required": True, "content": {**types, rules.TEXT: {**_BINARY, "example": _EXAMPLE}}},
    }


def download_operation() -> dict[str, Any]:
    """What a route that gives a file says of it."""
    headers = {
        "Content-Disposition": "Always a download, with the file's name.",
        "Content-Digest": "The SHA-256 of the file (RFC 9530).",
    }
    described = {name: {"description": words, "schema": {"type": "string"}} for name, words in headers.items()}
    content = dict.fromkeys(rules.EXTENSIONS, _BINARY)
    return {"responses": {"200": {"description": "The file.", "content": content, "headers": described}}}
