"""Sending an attached file: read from the disk beside the event loop, and never run or shown by a browser."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any, BinaryIO

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.attachments.rules import content_digest, disposition
from app.attachments.storage import Storage
from app.errors import NotFound

_PIECE = 256 * 1024
log = structlog.get_logger("attachments")


def headers_of(file: Mapping[str, Any]) -> dict[str, str]:
    """What goes with a file: its digest, and that it is to be kept as a file and opened as nothing else."""
    return {
        "Content-Type": file["media_type"],
        "Content-Length": str(file["bytes"]),
        "Content-Disposition": disposition(file["file_name"]),
        "Content-Digest": content_digest(file["sha256"]),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
        "ETag": f'"{file["sha256"]}"',
    }


class Download(Response):
    """A file as an answer. X-Content-Type-Options is on every answer of the service."""

    def __init__(self, storage: Storage, key: str, file: Mapping[str, Any]) -> None:
        super().__init__(headers=headers_of(file))
        self._storage = storage
        self._key = key
        self._size = int(file["bytes"])

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it piece by piece; NotFound `file_missing` before anything is sent where it is not there as it was."""
        file = await asyncio.to_thread(self._opened)
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            left = self._size
            while left > 0:
                piece = await asyncio.to_thread(file.read, min(_PIECE, left))
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
        finally:
            file.close()

    def _opened(self) -> BinaryIO:
        try:
            file = self._storage.open(self._key)
        except FileNotFoundError:
            size = None
        else:
            size = os.fstat(file.fileno()).st_size
            if size == self._size:
                return file
            file.close()
        log.error("an attached file is missing or altered", key=self._key, bytes=size)
        raise NotFound("file_missing", "The file is not in its place or is not what it was. Tell the service desk.")
