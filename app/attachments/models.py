"""Codes of attachments."""

from enum import StrEnum


class AttachmentKind(StrEnum):
    """Whether the file is kept here, or only where it is."""

    LINK = "link"
    UPLOAD = "upload"


class ScanState(StrEnum):
    """What the virus scanner said of a file. One that it did not let through is not kept at all."""

    CLEAN = "clean"
    NOT_SCANNED = "not_scanned"
