"""Where attached files lie: a small port, and a local folder behind it.

A file has a key, `<organisation's id>/<32 hexadecimal digits>`, which is new for each upload and never used again. No
name that somebody gave becomes part of a path.
"""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID, uuid4

_KEY = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/([0-9a-f]{32})")
PREFIX = "received-"
"""How the name of a file begins that is being received."""


class Storage(Protocol):
    """Keeps files by their keys. A file that was put is whole, on the disk, and does not change."""

    def incoming(self) -> Path:
        """The folder in which a file is received before it is put."""

    def put(self, received: Path, key: str) -> None:
        """Keep a received file under a new key; when it returns, a power cut loses nothing of it."""

    def open(self, key: str) -> BinaryIO:
        """A file, to be read; FileNotFoundError where there is none."""

    def delete(self, key: str) -> None:
        """Remove a file, if it is there."""

    def older_than(self, organisation_id: UUID, seconds: float) -> Iterator[str]:
        """The keys of an organisation's files that were received so long ago."""

    def forget_received(self, seconds: float) -> None:
        """Remove what was received so long ago and never put: whoever received it was killed."""


def new_key(organisation_id: UUID) -> str:
    """A key for a file of an organisation."""
    return f"{organisation_id}/{uuid4().hex}"


class LocalFolder:
    """Files in a folder of this machine, readable by the service's own account only."""

    def __init__(self, folder: Path) -> None:
        """The folder is made when the first file comes."""
        self.folder = folder.absolute()

    def incoming(self) -> Path:
        """A folder on the same disk, so that a rename is enough to keep what was received."""
        return self._made(self.folder / "incoming")

    def put(self, received: Path, key: str) -> None:
        """The bytes first, then the name, then the folders that hold it: each is on the disk before the next."""
        path = self._path(key)
        with received.open("rb+") as file:
            os.fchmod(file.fileno(), 0o600)
            os.fsync(file.fileno())
        self._made(path.parent)
        received.rename(path)
        for folder in (path.parent, path.parent.parent, self.folder):
            _sync(folder)

    def open(self, key: str) -> BinaryIO:
        """The file of a key."""
        return self._path(key).open("rb")

    def delete(self, key: str) -> None:
        """Remove the file of a key, if it is there."""
        self._path(key).unlink(missing_ok=True)

    def older_than(self, organisation_id: UUID, seconds: float) -> Iterator[str]:
        """By the time of the file itself."""
        before = time.time() - seconds
        for path in (self.folder / str(organisation_id)).glob("??/*"):
            key = f"{organisation_id}/{path.name}"
            with contextlib.suppress(OSError):  # another process was faster
                if _KEY.fullmatch(key) and path.stat().st_mtime < before:
                    yield key

    def forget_received(self, seconds: float) -> None:
        """Remove what a killed process left in the incoming folder."""
        for path in (self.folder / "incoming").glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - seconds:
                    path.unlink()

    def _path(self, key: str) -> Path:
        match = _KEY.fullmatch(key)
        if match is None:
            raise ValueError("That is no key of a file.")
        return self.folder / match[1] / match[2][:2] / match[2]

    @staticmethod
    def _made(folder: Path) -> Path:
        if not folder.is_dir():
            LocalFolder._made(folder.parent)  # `parents=True` would give these the ordinary mode
            folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
