"""Errors as problem+json (RFC 9457), in the caller's language, from one registry."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, Field

from app.errors import Fault

LANGUAGES = ("fi", "sv", "en")
MEDIA_TYPE = "application/problem+json"
MOST_FAULTS, MOST_POINTER, MOST_DETAIL = 20, 200, 300
"""So many faults are told, in so many characters each: an answer is not larger for a body that is all wrong."""


class ProblemFault(BaseModel):
    """One fault in what was sent."""

    pointer: str = Field(description="JSON Pointer into the body, or the name of a parameter.", examples=["/title/fi"])
    detail: str = Field(description="What is wrong there.")


class Refusal(BaseModel):
    """Why one thing among many was refused."""

    type: str = Field(description="Stable; docs/problems.md lists them.", examples=["urn:lava:problem:stale"])
    title: str = Field(description="The kind of problem, in the caller's language.")
    detail: str = Field(description="What is wrong this time, and what to do.")
    errors: list[ProblemFault] | None = Field(
        default=None, description="Where the faults are, if it can be told; the first 20."
    )


class Problem(Refusal):
    """An error (RFC 9457)."""

    status: int = Field(description="The HTTP status.")
    instance: str = Field(description="The request's id, which log lines carry too.")


@cache
def registry() -> dict[str, dict[str, str]]:
    """Every problem's code with its title in three languages."""
    loaded: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("problems.json").read_text("utf-8"))
    return loaded


def language_of(request: Request) -> str:
    """The language the caller prefers among ours (RFC 9110, 12.5.4); Finnish where it does not say."""
    best, best_weight = "fi", 0.0
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, parameters = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        try:
            weight = float(parameters.partition("q=")[2] or 1)
        except ValueError:
            continue
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    faults: Sequence[Fault] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """The answer that tells a problem."""
    language = language_of(request)
    body = {
        **told(code, detail, faults, language),
        "status": status,
        "instance": f"urn:uuid:{request.scope['state']['request_id']}",
    }
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return Response(content, status, {"Content-Language": language, **(headers or {})}, MEDIA_TYPE)


def told(code: str, detail: str, faults: Sequence[Fault], language: str) -> dict[str, Any]:
    """What a problem says, wherever it is told: in an answer of its own, or of one thing among many."""
    if len(faults) > MOST_FAULTS:
        detail = f"{detail} These are the first {MOST_FAULTS} faults; there are {len(faults) - MOST_FAULTS} more."
    said: dict[str, Any] = {
        "type": f"urn:lava:problem:{code}",
        "title": registry()[code][language],
        "detail": detail,
    }
    if faults:
        said["errors"] = [
            {"pointer": _cut(fault.pointer, MOST_POINTER), "detail": _cut(fault.detail, MOST_DETAIL)}
            for fault in faults[:MOST_FAULTS]
        ]
    return said


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def faults_of(errors: Iterable[Any]) -> list[Fault]:
    """Pydantic's errors as faults with JSON Pointers; for parameters, their names."""
    faults = []
    for error in errors:
        location = [part for part in error["loc"] if not str(part).startswith(("function-", "lax-or-strict"))]
        if location and location[0] in {"query", "path", "header", "cookie"}:
            pointer = str(location[-1])
        else:
            steps = location[1:] if location[:1] == ["body"] else location
            pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
        faults.append(Fault(pointer, str(error["msg"]).removeprefix("Value error, ")))
    return faults
