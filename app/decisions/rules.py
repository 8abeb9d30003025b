"""The decision's states, its natural key, and when its clearance holds. No database here."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import rfc8785

from app.clock import date_of
from app.conventions.states import Move
from app.decisions.models import DecisionObject, HandlingOutcome, LapseReason, SourceStatus
from app.decisions.models import DecisionState as S
from app.errors import Conflict, Fault, Invalid
from app.services.rules import is_under

MANUAL = "manual"
"""The source of a decision that was registered here, not by a case system."""

VE0 = {"fi": "Ei muutosta", "sv": "Ingen förändring", "en": "No change"}


MOVES: dict[str, Move] = {
    "preparation": Move("decisions:write", frozenset({S.DRAFT, S.RETURNED, S.TABLED}), S.IN_PREPARATION),
    "presentation": Move("decisions:present", frozenset({S.IN_PREPARATION, S.TABLED}), S.PRESENTED),
    "withdrawal": Move(
        "decisions:write", frozenset({S.DRAFT, S.IN_PREPARATION, S.PRESENTED, S.TABLED, S.RETURNED}), S.WITHDRAWN
    ),
    "reopening": Move("decisions:handle", frozenset({S.DECIDED, S.WITHDRAWN}), S.IN_PREPARATION),
    "implementation": Move("decisions:handle", frozenset({S.DECIDED}), S.IMPLEMENTING),
    "closure": Move("decisions:handle", frozenset({S.IMPLEMENTING}), S.CLOSED),
}
"""What is done here, by the name of its route."""

REPORTED: dict[HandlingOutcome, S] = {
    HandlingOutcome.DECIDED: S.DECIDED,
    HandlingOutcome.AMENDED: S.DECIDED,
    HandlingOutcome.TABLED: S.TABLED,
    HandlingOutcome.RETURNED: S.RETURNED,
}
"""Where a handling takes the decision from any state: what has happened is recorded, not judged."""

REPORTED_STATUS: dict[SourceStatus, S] = {
    SourceStatus.IN_PREPARATION: S.IN_PREPARATION,
    SourceStatus.ON_AGENDA: S.PRESENTED,
    SourceStatus.WITHDRAWN: S.WITHDRAWN,
}
"""Where a case system's word takes the decision from any state, when it changes: it is recorded, not judged."""

EDITABLE = frozenset({S.DRAFT, S.IN_PREPARATION, S.PRESENTED, S.TABLED, S.RETURNED})
"""The states in which the proposal may still change."""

HANDLED = frozenset({S.TABLED, S.RETURNED, S.DECIDED, S.IMPLEMENTING, S.CLOSED})
"""The states in which the meeting that is told is the one that handled it last."""

NEVER_CLOSED = frozenset({"follow_up_on", "publicity", "publicity_grounds"})
"""Facts that are no part of the proposal, so that they change also after it is decided."""

FOLLOWED_UP_STATES = frozenset({S.DECIDED, S.IMPLEMENTING, S.CLOSED})
"""The states in which a decision is in force, so that its effects can be looked at."""


def check_editable(state: str) -> None:
    """Conflict `wrong_state` where the proposal can no longer change."""
    if state not in EDITABLE:
        raise Conflict("wrong_state", f"The decision is {state}: its proposal no longer changes. Reopen it first.")


def check_not_kept(kept: Iterable[str], changed: Iterable[str]) -> None:
    """Conflict `kept_by_source` where a fact that the case system keeps would be changed here.

    It would be overwritten by the case system's next word, and until then the two would tell different things.
    """
    both = sorted(set(kept) & set(changed))
    if both:
        faults = [Fault(f"/{name}", "Change it in the case system.") for name in both]
        raise Conflict("kept_by_source", f"The case system keeps these facts: {', '.join(both)}.", faults)


def has_effects(object_: str, state: str) -> bool:
    """Whether effects can be looked at: of a decision once it is taken, of an activity under review at any time.

    Source: domain, Follow-up ("may also be made where no ex-ante exists"); an activity is there without a decision.
    """
    return state in FOLLOWED_UP_STATES or (object_ == DecisionObject.ACTIVITY and state != S.WITHDRAWN)


def natural_number(diary_number: str) -> str:
    """A diary number as it is told apart from others: without blanks around it, and one space where blanks stand.

    ` A 1 ` and `A 1` are one case. Nothing else is folded: a number is an opaque string, and letter case or separators
    may tell two cases apart. The label stays as it was given.
    """
    return " ".join(diary_number.split())


LONGEST_KEY = 200


def diary_key_to_keep(diary_number: str) -> str:
    """The search key of a diary number to be registered.

    Raises Invalid where it is blank, or longer than 200 characters: some single characters are folded into eighteen.
    """
    if not natural_number(diary_number):
        fault = Fault("/diary_number", "Write it in letters, digits or signs.")
        raise Invalid("invalid", "The diary number is blank.", [fault])
    key = diary_key(diary_number)
    if len(key) > LONGEST_KEY:
        fault = Fault("/diary_number", "Write it in plain letters and digits: folded for searching it is too long.")
        raise Invalid("invalid", "The diary number cannot be searched for.", [fault])
    return key


def diary_key(diary_number: str) -> str:
    """A search key for a diary number, which is an opaque string: letters and digits folded, separators as one dash.

    So the id `HEL-2025-001216` finds the label `HEL 2025-001216`, and `5146/01.04.00/2023` stays itself. Two different
    numbers never run together, since separators are kept. What is unique is `natural_number`.
    """
    folded = unicodedata.normalize("NFKC", diary_number).casefold()
    return re.sub(r"[^\w]+|_+", "-", folded).strip("-")


def search_text(title: Mapping[str, str | None], diary_number: str) -> str:
    """What a text search looks in: the titles in every language and the diary number, folded."""
    return "\n".join([*(text for text in title.values() if text), diary_number]).casefold()


def is_excluded(task_class_code: str | None, excluded: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the task class, or one above it, is set aside by the organisation (`01 01` covers `01 01 00`)."""
    if task_class_code is None:
        return False
    return any(is_under(task_class_code, entry["prefix"]) for entry in excluded)


def proposal(
    title: Mapping[str, Any], options: Iterable[Mapping[str, Any]], planned: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """What an assessment assesses (domain: title, options, planned euros), in an order of its own for comparing."""
    return {
        "title": {language: text for language, text in title.items() if text},
        "options": sorted(
            (
                {
                    "code": option["code"],
                    "title": {language: text for language, text in option["title"].items() if text},
                    "description": option["description"],
                }
                for option in options
            ),
            key=lambda option: (len(option["code"]), option["code"]),
        ),
        "planned_changes": sorted(
            (
                {"cost_centre_id": str(row["cost_centre_id"]), "year": row["year"], "cents": row["cents"]}
                for row in planned
            ),
            key=lambda row: (row["cost_centre_id"], row["year"]),
        ),
    }


def digests_of(said: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of each part of a proposal over its canonical JSON (RFC 8785), so that a change can be named."""
    return {part: hashlib.sha256(rfc8785.dumps(value)).hexdigest() for part, value in said.items()}


def reasons_to_lapse(assessed: Mapping[str, str], present: Mapping[str, str]) -> list[LapseReason]:
    """Which parts of the proposal are no longer what was assessed (domain, Assessment); none where all of it is."""
    parts = (LapseReason.TITLE, LapseReason.OPTIONS, LapseReason.PLANNED_CHANGES)
    return [part for part in parts if assessed.get(part) != present.get(part)]


def ended(clearances: Iterable[Mapping[str, Any]], at: str) -> list[dict[str, Any]]:
    """The clearances with the one that holds ended at a moment (RFC 3339)."""
    return [{**clearance, "until": clearance["until"] or at} for clearance in clearances]


def standing(clearances: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The clearance that holds now, as the decision shows it."""
    return next((_shown(clearance) for clearance in clearances if clearance["until"] is None), None)


def clearance_at(clearances: Sequence[Mapping[str, Any]], meeting: date) -> dict[str, Any] | None:
    """The clearance that a meeting had: the newest that was signed on its day or before and did not end before it.

    A meeting has a day but no hour. What held at any moment of that Finnish day counts, so neither a signature later on
    the day of the meeting nor a change after it makes the handling uncleared.
    """
    for clearance in reversed(clearances):
        since, until = _day(clearance["at"]), clearance["until"] and _day(clearance["until"])
        if since <= meeting and (until is None or until >= meeting):
            return _shown(clearance)
    return None


def _day(moment: str) -> date:
    return date_of(datetime.fromisoformat(moment))


def _shown(clearance: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in clearance.items() if name != "until"}


def hint_years(planned: Iterable[int], meeting: date | None, today: date) -> list[int]:
    """The years whose classifications the early hint looks at: those of the planned euros, else that of the meeting,
    else the present one. Services are classified for whole years.
    """
    return sorted(set(planned)) or [(meeting or today).year]


def in_order(rows: Iterable[Any]) -> list[Any]:
    """A part of the scope in an order of its own: lists that hold the same are the same."""
    return sorted(rows, key=str)


def is_presentable(clearance_kind: str | None, override_reason: str | None, *, excluded: bool) -> bool:
    """Whether a decision may be with a body: cleared, without for a reason, or not assessed at all."""
    return clearance_kind is not None or override_reason is not None or excluded


def check_presentable(clearance_kind: str | None, override_reason: str | None, *, excluded: bool) -> None:
    """Conflict `not_cleared` unless it is cleared, is not assessed at all, or goes on without for a reason."""
    if not is_presentable(clearance_kind, override_reason, excluded=excluded):
        raise Conflict(
            "not_cleared",
            "Approve an assessment or sign that none is needed; or give an override_reason, which is journalled.",
        )


def months_after(day: date, months: int) -> date:
    """The same day some months later, or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError(day)


def check_answers(answers: Iterable[Mapping[str, Any]], clearance: Mapping[str, Any] | None, at: str) -> None:
    """Invalid where an answer, listed at pointer `at`, is to no recommendation of the clearance, or to one twice."""
    known = {entry["id"] for entry in (clearance or {}).get("recommendations", ())}
    seen: set[str] = set()
    for index, answer in enumerate(answers):
        key = str(answer["recommendation_id"])
        if key not in known:
            fault = Fault(f"{at}/{index}/recommendation_id", "The assessment has no such recommendation.")
            raise Invalid("invalid", "Answer the recommendations of the clearance.", [fault])
        if key in seen:
            fault = Fault(f"{at}/{index}/recommendation_id", "Answered twice.")
            raise Invalid("invalid", "Answer each recommendation once.", [fault])
        seen.add(key)
