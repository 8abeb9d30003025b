"""Routes of the case-management system."""

import re
from collections.abc import Collection
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from app.access.sign_in import SignedIn
from app.case_management import actions, queries, rules
from app.case_management.actions import Case, Taken
from app.case_management.schemas import CaseBatch, CaseFacts, CaseItem, CaseReadiness, CaseResults, CaseTold
from app.conventions.body import read_json_with_faults
from app.conventions.problems import faults_of, told
from app.conventions.route import Language, Route, SessionDep, answer
from app.conventions.route import router as router_of
from app.conventions.schemas import Code
from app.conventions.versions import etag_of_content
from app.decisions.schemas import CaseSource, DiaryNumber, SourceCode
from app.errors import Fault, Invalid

_NAMES = ("diary_number", "decision_key")


class BatchRoute(Route):
    """A route whose body is a list of `items`, each refused by itself where a text in it may not be kept."""

    def read(self, request: Request, body: bytes) -> Any:
        """The body without the items that hold such a text; what is wrong with them is kept beside it."""
        value, faults = read_json_with_faults(body)
        request.state.refused = refused = dict[int, list[Fault]]()
        items = value.get("items") if isinstance(value, dict) else None
        for fault in faults:
            place = re.match(r"/items/(\d+)(.*)", fault.pointer) if isinstance(items, list) else None
            if place is None:
                raise Invalid("invalid_text", "Some texts cannot be kept.", faults)
            refused.setdefault(int(place[1]), []).append(Fault(place[2], fault.detail))
        for index, told_of in refused.items():
            wrong = {fault.pointer for fault in told_of}
            value["items"][index] = _names(value["items"][index], but=wrong)
        return value


cases = router_of("cases", "Cases")
batches = APIRouter(prefix="/api/v1/cases", tags=["Cases"], route_class=BatchRoute)

Source = Annotated[SourceCode, Query(description="The case system.", examples=["ahjo"])]
TellingSource = Annotated[CaseSource, Query(description="The case system.", examples=["ahjo"])]
Number = Annotated[DiaryNumber, Query(description="The case's diary number, exactly.", examples=["HEL 2026-001216"])]
DecisionKey = Annotated[Code, Query(description="Tells decisions of one case apart.")]


@cases.get("", response_model=CaseReadiness, summary="Whether a case is ready for a meeting, and what is missing")
def read_case(
    request: Request, session: SessionDep, caller: SignedIn, language: Language, source: Source, diary_number: Number
) -> Any:
    """Needs `decisions:read` and `assessments:read`.

    Put a decision on an agenda only where `ready` is true: its assessment is approved and the proposal is still the one
    assessed, a 'not needed' is signed, or the matter is not assessed at all. Else `missing` says what is to be done,
    and `links.form` where. `not_found` where the case system has told of no such case.
    """
    public_url = request.app.state.settings.public_url
    found = queries.case(session, source, diary_number, public_url=public_url, language=language, visible_to=caller)
    response = answer(found)
    response.headers["ETag"] = etag_of_content(response.body)
    return _in(language, response)


@cases.put(
    "",
    response_model=CaseTold,
    responses={201: {"model": CaseTold, "description": "The case was not known, and is now."}},
    summary="Tell of a case by the case system's own key",
)
def tell_case(
    request: Request,
    session: SessionDep,
    caller: SignedIn,
    language: Language,
    source: TellingSource,
    diary_number: Number,
    body: CaseFacts,
    decision_key: DecisionKey = "1",
) -> Any:
    """Needs `cases:write`, `decisions:write`, `decisions:read` and `assessments:read`.

    There is no If-Match: `source_version`, or else `source_changed_at`, says which word is newer, so that the same may
    be sent again and in any order.

    What is told is kept by the case system and cannot be changed here (`kept_by_source`); options, cost centres,
    planned euros, assessments and everything else that is written here stays. A changed title makes a clearance lapse.
    A meeting's outcome is recorded whatever the state, and marked uncleared where the meeting had no clearance.
    `outdated` where something newer was told before: nothing changes. `source_version` where two different words have
    the same version, or it is told in another way than before; `invalid` where a handling is in the future or names an
    option that the decision has not.
    """
    case = Case(diary_number, decision_key, body)
    taken = actions.tell(session, source, case, by=caller)
    assert taken.decision is not None
    public_url = request.app.state.settings.public_url
    read = queries.decision(session, taken.decision.id, public_url=public_url, language=language, visible_to=caller)
    said = CaseTold(outcome=taken.outcome, unknown_unit=taken.unknown_unit, decision=read)
    return _in(language, answer(said, 201 if taken.outcome is rules.CaseOutcome.CREATED else 200))


@batches.post("/batch", response_model=CaseResults, summary="Tell of many cases")
def tell_cases(request: Request, session: SessionDep, caller: SignedIn, language: Language, body: CaseBatch) -> Any:
    """Needs `cases:write`, `decisions:write` and `decisions:read`. At most 500, each as `tell_case` takes it.

    Each is taken in or refused by itself, and its result says which: a refused one has a `problem`, as an answer of its
    own would have. The answer is 200 also where all were refused.
    """
    refused: dict[int, list[Fault]] = request.state.refused
    read: list[Case | Invalid] = [_read(item, refused.get(index)) for index, item in enumerate(body.items)]
    told_ = iter(actions.tell_all(session, body.source, [case for case in read if isinstance(case, Case)], by=caller))
    results = []
    for index, case in enumerate(read):
        taken = next(told_) if isinstance(case, Case) else Taken(rules.CaseOutcome.REFUSED, None, refusal=case)
        results.append(_result(index, body.items[index], taken, language))
    return _in(language, answer(CaseResults.model_validate({"items": results})))


def _read(item: CaseItem | dict[str, Any], texts: list[Fault] | None) -> Case | Invalid:
    if texts:
        return Invalid("invalid_text", "Some texts cannot be kept.", texts)
    try:
        facts = item if isinstance(item, CaseItem) else CaseItem.model_validate(item)
    except ValidationError as error:
        return Invalid("invalid", "Some values break the rules of the schema.", faults_of(error.errors()))
    return Case(facts.diary_number, facts.decision_key, facts)


def _result(index: int, item: CaseItem | dict[str, Any], taken: Taken, language: str) -> dict[str, Any]:
    names = _names(item if isinstance(item, dict) else item.model_dump())
    refusal = taken.refusal
    decision = taken.decision
    return {
        "index": index,
        **{name: names.get(name) for name in _NAMES},
        "outcome": taken.outcome,
        "decision_id": decision.id if decision else None,
        "ready": rules.is_ready(decision.clearance_kind, excluded=decision.excluded) if decision else None,
        "unknown_unit": taken.unknown_unit,
        "problem": told(refusal.code, refusal.detail, refusal.faults, language) if refusal else None,
    }


def _names(item: Any, but: Collection[str] = ()) -> dict[str, str]:
    """What a case is called, as far as it says so in a text that may be kept."""
    said = item if isinstance(item, dict) else {}
    named = {name: said.get(name) for name in _NAMES if f"/{name}" not in but}
    return {name: value for name, value in named.items() if isinstance(value, str)}


def _in(language: str, response: Response) -> Response:
    response.headers["Content-Language"], response.headers["Vary"] = language, "Accept-Language"
    return response
