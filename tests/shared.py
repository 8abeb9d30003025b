"""Where the source documents and real data lie on a developer's machine: beside the project, not in it."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def shared_file(name: str) -> Path:
    """A file of real data; the test is skipped, with the reason, where it is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} lies beside the project on developers' machines only; it is not part of it")
    return path
