"""Routes of decisions."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Query, Response

from app.access import queries as access
from app.access.schemas import OrganisationRead, TaskClassList
from app.access.sign_in import SignedIn
from app.conventions.cursors import Paging
from app.conventions.merge_patch import patched
from app.conventions.route import SessionDep, one_statement
from app.conventions.route import router as router_of
from app.conventions.schemas import Day, Page, values_of
from app.conventions.versions import ExpectedVersion
from app.decisions import actions, handling, queries
from app.decisions.models import ClearanceKind, DecisionState
from app.decisions.schemas import (
    AnswerList,
    BudgetEffectRead,
    DecisionFacts,
    DecisionNew,
    DecisionPatch,
    DecisionRead,
    DecisionSummary,
    DocumentList,
    HandlingList,
    HandlingNew,
    HandlingRead,
    OptionFacts,
    OptionNew,
    OptionPatch,
    OptionRead,
    Presentation,
    Scope,
    Withdrawal,
)
from app.services.models import ImpactClass
from app.services.rules import HintOutcome

MERGE_PATCH = Body(media_type="application/merge-patch+json")

router = router_of("decisions", "Decisions")
of_organisation = router_of("organisation", "Organisation")


@router.get("", response_model=Page[DecisionSummary], summary="Decisions, newest first")
def list_decisions(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    diary_number: Annotated[
        str | None, Query(max_length=100, description="Case by its diary number; separators and case do not matter.")
    ] = None,
    decision_key: Annotated[str | None, Query(max_length=100, description="One decision of the case.")] = None,
    source: Annotated[str | None, Query(max_length=60, description="The case system.")] = None,
    state: Annotated[DecisionState | None, Query(description="Where it is on its way.")] = None,
    body: Annotated[str | None, Query(max_length=300, description="The body that decides, exactly.")] = None,
    meeting_from: Annotated[Day | None, Query(description="Meeting on this day or later.")] = None,
    meeting_until: Annotated[Day | None, Query(description="Meeting on this day or earlier.")] = None,
    impact_class: Annotated[ImpactClass | None, Query(description="Strongest class of the early hint.")] = None,
    hint_outcome: Annotated[HintOutcome | None, Query(description="What the early hint said.")] = None,
    has_assessment: Annotated[bool | None, Query(description="Whether an assessment was started.")] = None,
    clearance_kind: Annotated[ClearanceKind | None, Query(description="How it is cleared.")] = None,
    excluded: Annotated[
        bool | None, Query(description="Whether its task class is set aside: not assessed, not counted.")
    ] = None,
    uncleared: Annotated[bool | None, Query(description="Whether it was handled without a clearance.")] = None,
    q: Annotated[str | None, Query(min_length=2, max_length=100, description="Text in title or diary number.")] = None,
) -> Response:
    """Needs `decisions:read`. The filters narrow each other: a decision is listed when it meets all that are given.

    Each line carries the outcome of the early hint, the kind of clearance and the state of the newest assessment.
    """
    filters = {
        "source": source,
        "decision_key": decision_key,
        "state": state,
        "body": body,
        "impact_class": impact_class,
        "hint_outcome": hint_outcome,
        "clearance_kind": clearance_kind,
        "excluded": excluded,
        "uncleared": uncleared,
    }
    rows = queries.listed(
        session,
        page,
        visible_to=caller,
        filters=filters,
        diary_number=diary_number,
        meeting_from=meeting_from,
        meeting_until=meeting_until,
        has_assessment=has_assessment,
        text=q,
    )
    return page.page_of_text(rows)


@router.post("", response_model=DecisionRead, status_code=201, summary="Register a decision in preparation")
def register_decision(session: SessionDep, caller: SignedIn, body: DecisionNew) -> Any:
    """Needs `decisions:write`.

    It starts as a draft, VE0 (no change) is among its options even when it is not sent, its early hint is computed at
    once, and the journal tells of it. `already_exists` where this source, diary number and decision key are registered
    (blanks around and between do not make another number); `invalid` where a unit, cost centre or service class is not
    there, or a decision that nobody has taken is given a date of follow-up.
    """
    decision_id = actions.register(session, {**values_of(body), "planned_changes": body.planned()}, by=caller)
    return queries.whole(session, decision_id, visible_to=caller)


@router.get("/{decision_id}", response_model=DecisionRead, summary="A decision with its options and what it touches")
@one_statement
def read_decision(decision_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `decisions:read`.

    Also gives the early hint with its reasons, the clearance that holds now, and why the last one lapsed.
    """
    return queries.whole(session, decision_id, visible_to=caller)


@router.patch("/{decision_id}", response_model=DecisionRead, summary="Change a decision's facts")
def change_decision(
    decision_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    patch: Annotated[DecisionPatch, MERGE_PATCH],
) -> Any:
    """Needs `decisions:write`.

    A new title makes a clearance lapse, and a presented decision then goes back into preparation; a new unit, task
    class or year of meeting renews the early hint. Once decided only the publicity and `follow_up_on` change (else
    `wrong_state`); a decision has no date of follow-up before that (`no_decision_yet`), an activity may. Making a
    matter secret takes what was published of it out of the public register at once.
    """
    decision = queries.get(session, decision_id, visible_to=caller)
    actions.change(session, decision, patched(DecisionFacts, decision, patch), version=version, by=caller)
    return queries.whole(session, decision_id, visible_to=caller)


@router.put("/{decision_id}/scope", response_model=DecisionRead, summary="Replace what it touches and planned euros")
def set_decision_scope(
    decision_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: Scope
) -> Any:
    """Needs `decisions:write`. The early hint is computed anew, and changed planned euros make a clearance lapse, with
    which a presented decision goes back into preparation.

    `wrong_state` once the matter is decided or withdrawn; `invalid` where a cost centre or service class is not
    there.
    """
    decision = queries.get(session, decision_id, visible_to=caller)
    scope = {**body.model_dump(), "planned_changes": body.planned()}
    actions.set_scope(session, decision, scope, version=version, by=caller)
    return queries.whole(session, decision_id, visible_to=caller)


@router.put("/{decision_id}/documents", response_model=DecisionRead, summary="Replace the links to documents")
def set_decision_documents(
    decision_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: DocumentList
) -> Any:
    """Needs `decisions:write`.

    Possible in every state; neither the early hint nor the clearance changes, and the journal keeps the links that were
    there before.
    """
    decision = queries.get(session, decision_id, visible_to=caller)
    actions.set_documents(
        session, decision, body.model_dump(mode="json", exclude_none=True)["items"], version=version, by=caller
    )
    return queries.whole(session, decision_id, visible_to=caller)


@router.post("/{decision_id}/early-hint", response_model=DecisionRead, summary="Compute the early hint anew")
def renew_early_hint(decision_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    """Needs `decisions:write`.

    Use it after services were classified: hints do not follow the classifications by themselves. While the proposal may
    still change, it is also looked at again whether the task class is set aside. Possible in every state; the journal
    tells what the hint said before.
    """
    decision = queries.get(session, decision_id, visible_to=caller)
    actions.renew_hint_of(session, decision, version=version, by=caller)
    return queries.whole(session, decision_id, visible_to=caller)


@router.get(
    "/{decision_id}/budget-effect",
    response_model=BudgetEffectRead,
    summary="What a decision's planned euros move in the child budget",
)
def read_budget_effect(decision_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `decisions:read` and `child-budget:read`.

    Computed by today's classifications and populations; the early hint keeps what they gave when it was computed.
    Beside it stands what the ledgers say of the same cost centres, whatever else changed in them.
    """
    return queries.effect(session, decision_id, visible_to=caller)


@router.post("/{decision_id}/options", response_model=OptionRead, status_code=201, summary="Add an option")
def add_option(decision_id: UUID, session: SessionDep, caller: SignedIn, body: OptionNew) -> Any:
    """Needs `decisions:write`. The proposal changes with it, so a clearance lapses and
    what was presented goes back into preparation.

    `wrong_state` once the matter is decided or withdrawn; `already_exists` where the decision has the code.
    """
    decision = queries.get(session, decision_id, visible_to=caller)
    return OptionRead.model_validate(actions.add_option(session, decision, values_of(body), by=caller))


@router.get("/{decision_id}/options/{option_id}", response_model=OptionRead, summary="One option")
def read_option(decision_id: UUID, option_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `decisions:read`. Its ETag is what a change or a removal names in If-Match."""
    decision = queries.get(session, decision_id, visible_to=caller)
    return OptionRead.model_validate(queries.option(session, decision, option_id))


@router.patch("/{decision_id}/options/{option_id}", response_model=OptionRead, summary="Change an option's words")
def change_option(
    decision_id: UUID,
    option_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    patch: Annotated[OptionPatch, MERGE_PATCH],
) -> Any:
    """Needs `decisions:write`. The proposal changes with it, so a clearance lapses
    and what was presented goes back into preparation; If-Match is the option's own ETag.

    `wrong_state` once the matter is decided or withdrawn.
    """
    decision = queries.get(session, decision_id, visible_to=caller)
    row = queries.option(session, decision, option_id)
    values = patched(OptionFacts, row, patch)
    return OptionRead.model_validate(actions.change_option(session, decision, row, values, version=version, by=caller))


@router.delete("/{decision_id}/options/{option_id}", status_code=204, summary="Remove an option")
def remove_option(
    decision_id: UUID, option_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion
) -> None:
    """Needs `decisions:write`. The proposal changes with it, so a clearance lapses
    and what was presented goes back into preparation; If-Match is the option's own ETag.

    `in_use` for VE0 and for what an assessment, handling or follow-up refers to; `wrong_state` once decided or
    withdrawn.
    """
    decision = queries.get(session, decision_id, visible_to=caller)
    actions.remove_option(session, decision, queries.option(session, decision, option_id), version=version, by=caller)


@router.post("/{decision_id}/preparation", response_model=DecisionRead, summary="Take into preparation")
def prepare_decision(decision_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    """Needs `decisions:write`. `wrong_state` unless it is a draft, was returned or was tabled."""
    decision = queries.get(session, decision_id, visible_to=caller)
    actions.move(session, decision, "preparation", version=version, by=caller)
    return queries.whole(session, decision_id, visible_to=caller)


@router.post(
    "/{decision_id}/presentation", response_model=DecisionRead, summary="Take to a meeting, when it is cleared"
)
def present_decision(
    decision_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: Presentation
) -> Any:
    """Needs `decisions:present`; without a clearance it answers `not_cleared`.

    Whoever also has `decisions:override` may go on all the same with an `override_reason`, which is journalled.
    `wrong_state` unless it is in preparation or tabled.
    """
    decision = queries.get(session, decision_id, visible_to=caller)
    actions.move(session, decision, "presentation", version=version, by=caller, reason=body.override_reason)
    return queries.whole(session, decision_id, visible_to=caller)


@router.post("/{decision_id}/withdrawal", response_model=DecisionRead, summary="Withdraw from preparation")
def withdraw_decision(
    decision_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: Withdrawal
) -> Any:
    """Needs `decisions:write`. The reason goes in the journal, and the matter can be reopened.

    `wrong_state` once it is decided or withdrawn.
    """
    decision = queries.get(session, decision_id, visible_to=caller)
    actions.move(session, decision, "withdrawal", version=version, by=caller, reason=body.reason)
    return queries.whole(session, decision_id, visible_to=caller)


@router.post("/{decision_id}/reopening", response_model=DecisionRead, summary="Reopen a decided or withdrawn matter")
def reopen_decision(
    decision_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: Withdrawal
) -> Any:
    """Needs `decisions:handle`.

    It goes back to in preparation, the day decided, the option chosen and the date of follow-up are cleared, the
    clearance is again the one that holds now, and the reason goes in the journal. `wrong_state` unless it is decided or
    withdrawn.
    """
    decision = queries.get(session, decision_id, visible_to=caller)
    actions.move(session, decision, "reopening", version=version, by=caller, reason=body.reason)
    return queries.whole(session, decision_id, visible_to=caller)


@router.post("/{decision_id}/implementation", response_model=DecisionRead, summary="Start carrying it out")
def implement_decision(decision_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    """Needs `decisions:handle`. `wrong_state` unless it is decided."""
    decision = queries.get(session, decision_id, visible_to=caller)
    actions.move(session, decision, "implementation", version=version, by=caller)
    return queries.whole(session, decision_id, visible_to=caller)


@router.post("/{decision_id}/closure", response_model=DecisionRead, summary="Close a decision that is carried out")
def close_decision(decision_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    """Needs `decisions:handle`. `wrong_state` unless it is being implemented. Follow-ups go on after it is closed."""
    decision = queries.get(session, decision_id, visible_to=caller)
    actions.move(session, decision, "closure", version=version, by=caller)
    return queries.whole(session, decision_id, visible_to=caller)


@router.get("/{decision_id}/handlings", response_model=HandlingList, summary="How bodies have handled it")
def list_handlings(decision_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `decisions:read`. In order of meeting; each says whether it took place without a clearance."""
    return HandlingList.model_validate({"items": queries.handlings(session, decision_id, visible_to=caller)})


@router.post(
    "/{decision_id}/handlings", response_model=HandlingRead, status_code=201, summary="Record a body's handling"
)
def record_handling(
    decision_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: HandlingNew
) -> Any:
    """Needs `decisions:handle`.

    What has happened is recorded from any state: the outcome sets the decision's state, and a decided matter gets its
    date of follow-up and keeps the clearance that its meeting had. The handling is marked `uncleared` where no
    clearance held on the day of the meeting, unless the matter is set aside; what changed later does not count.
    `invalid` where the meeting is in the future, or an answer is to no recommendation of the clearance that it had;
    If-Match is the decision's ETag.
    """
    decision = queries.get(session, decision_id, visible_to=caller)
    row = handling.handle(session, decision, values_of(body), version=version, by=caller)
    return HandlingRead.model_validate(row)


@router.get("/{decision_id}/handlings/{handling_id}", response_model=HandlingRead, summary="One handling")
def read_handling(decision_id: UUID, handling_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `decisions:read`. Its ETag is what the answers to recommendations are recorded with."""
    decision = queries.get(session, decision_id, visible_to=caller)
    return HandlingRead.model_validate(queries.handling(session, decision, handling_id))


@router.put(
    "/{decision_id}/handlings/{handling_id}/answers",
    response_model=HandlingRead,
    summary="Record which recommendations were followed, and why",
)
def answer_recommendations(
    decision_id: UUID,
    handling_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    body: AnswerList,
) -> Any:
    """Needs `decisions:handle`.

    Replaces all the answers; the journal keeps those before, and If-Match is the handling's own ETag. `no_decision_yet`
    unless this handling decided the matter; `invalid` where an answer is to no recommendation of the clearance, or two
    are to the same.
    """
    decision = queries.get(session, decision_id, visible_to=caller)
    row = queries.handling(session, decision, handling_id)
    answers = body.model_dump(mode="json")["items"]
    return HandlingRead.model_validate(
        handling.answer_recommendations(session, decision, row, answers, version=version, by=caller)
    )


@of_organisation.put(
    "/excluded-task-classes", response_model=OrganisationRead, summary="Replace the list of task classes set aside"
)
def set_excluded_task_classes(
    session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: TaskClassList
) -> Any:
    """Needs `organisation:write`.

    What is set aside is not assessed, not counted as uncleared and not followed up. Every decision whose proposal may
    still change is looked at again, and the journal tells which of them changed; those that are taken stay as they
    were. If-Match is the organisation's ETag.
    """
    owner = access.organisation(session, visible_to=caller)
    items = values_of(body)["items"]
    return OrganisationRead.model_validate(
        actions.set_aside_task_classes(session, owner, items, version=version, by=caller)
    )
