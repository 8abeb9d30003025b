"""Plots of the child budget as SVG."""

from typing import Any


def drawn(kind: str, told: dict[str, Any], language: str) -> str:
    """The plot as an SVG document."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" lang="{language}"><title>{kind} {len(told["rows"])}</title></svg>'
