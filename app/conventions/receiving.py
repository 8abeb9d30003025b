"""Receiving a body straight to the disk, never as a whole in memory."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request

from app.errors import TooLarge


@dataclass(frozen=True, slots=True)
class Received:
    """A file that was received: where it lies, its size in bytes and its SHA-256 in hexadecimal."""

    path: Path
    size: int
    digest: str


async def received(request: Request, *, limit: int, prefix: str, folder: Path | None = None) -> Received:
    """The request's body in a file of its own; TooLarge, and no file, as soon as it is known to be over the limit.

    It lies in the folder, or in that for temporary files, and can be read by the service's own account only.
    """
    announced = request.headers.get("content-length", "0")
    size, digest = 0, hashlib.sha256()
    with tempfile.NamedTemporaryFile(prefix=prefix, dir=folder, delete=False) as file:
        path = Path(file.name)
        try:
            if not announced.isdigit() or int(announced) <= limit:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > limit:
                        break
                    digest.update(chunk)
                    file.write(chunk)
            else:
                size = int(announced)
            if size > limit:
                raise TooLarge("body_too_large", f"Send at most {limit} bytes.")
        except BaseException:
            path.unlink(missing_ok=True)  # noqa: ASYNC240  (a file of this machine's, removed at once)
            raise
    return Received(path, size, digest.hexdigest())
