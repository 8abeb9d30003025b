"""The labels of every code, in Finnish, Swedish and English, from one file."""

import json
from functools import cache
from pathlib import Path

Labels = dict[str, dict[str, str]]


@cache
def all_labels() -> dict[str, Labels]:
    """Every list of codes: list → code → language → label."""
    loaded: dict[str, Labels] = json.loads(Path(__file__).with_name("vocabulary.json").read_text("utf-8"))
    return loaded


def labels(name: str) -> Labels:
    """The labels of one list."""
    return all_labels()[name]
