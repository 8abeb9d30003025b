"""The labels of every code, in Finnish, Swedish and English, from one file."""

import json
from collections.abc import Iterable
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


def in_words(name: str, codes: Iterable[str]) -> dict[str, str]:
    """Some codes of a list as one sentence in each language: the first letter large, a full stop at the end."""
    known = labels(name)
    said = {language: "; ".join(known[code][language] for code in codes) for language in ("fi", "sv", "en")}
    return {language: f"{text[:1].upper()}{text[1:]}." for language, text in said.items()}
