"""The hook for a virus scanner: a command that is run on each file before it is kept.

Exit code 0 lets the file through and 1 refuses it, as clamscan and clamdscan have it. Anything else, or no answer in
time, and the file is not taken: it may be sent again.
"""

import asyncio
import contextlib
import os
import shlex
import signal
from pathlib import Path

import structlog

from app.attachments.models import ScanState
from app.errors import Busy, Invalid

log = structlog.get_logger("attachments")


class Scanner:
    """Runs the command of the settings; without one nothing is scanned, and the attachment says so."""

    def __init__(self, command: str | None, seconds: float) -> None:
        """`{path}` in the command stands for the file; no shell reads it. `seconds` is how long it may take."""
        self._arguments = shlex.split(command) if command else []
        self._seconds = seconds

    async def scan(self, path: Path) -> ScanState:
        """What the scanner says; Invalid `file_infected` where it finds something, Busy `scan_failed` else."""
        if not self._arguments:
            return ScanState.NOT_SCANNED
        code = await self._run([argument.replace("{path}", str(path)) for argument in self._arguments])
        if code == 0:
            return ScanState.CLEAN
        if code == 1:
            log.warning("the virus scanner refused a file")
            raise Invalid("file_infected", "The virus scanner refuses this file. It was not kept.")
        log.error("the virus scanner failed", exit_code=code)
        raise Busy("scan_failed", "The virus scanner does not answer, so the file was not kept. Send it again later.")

    async def _run(self, arguments: list[str]) -> int | None:
        """The exit code; None where it could not be started or was not done in time."""
        nothing = asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
            )
        except OSError:
            return None
        try:
            async with asyncio.timeout(self._seconds):
                return await process.wait()
        except TimeoutError:
            return None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # and whatever it has started
                await process.wait()
