"""Routes of follow-ups."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Query, Response

from app.access.sign_in import SignedIn
from app.assessments.queries import seals
from app.assessments.schemas import Publication, ReturnOf, SealList
from app.conventions.cursors import Paging
from app.conventions.merge_patch import patched
from app.conventions.route import SessionDep
from app.conventions.route import router as router_of
from app.conventions.schemas import Page, values_of
from app.conventions.versions import ExpectedVersion
from app.decisions import queries as decisions
from app.follow_up import actions, queries
from app.follow_up.models import FollowUpDue, FollowUpState
from app.follow_up.schemas import (
    Comparison,
    FollowUpFacts,
    FollowUpPatch,
    FollowUpRead,
    FollowUpSummary,
    OutcomeFacts,
    ScheduleLine,
    UnintendedFacts,
    UnintendedRead,
)

router = router_of("follow-ups", "Follow-ups")
of_decision = router_of("decisions/{decision_id}/follow-ups", "Follow-ups")


@of_decision.post("", response_model=FollowUpRead, status_code=201, summary="Open the next follow-up of a decision")
def open_follow_up(decision_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `follow-ups:write`.

    It takes the predictions of the assessment that cleared the decision, for the option chosen, and the caller becomes
    an author. An activity under review may be followed up at any time; `no_decision_yet` for a decision that is not
    taken or has no date of follow-up; `open_follow_up` where a follow-up is open already.
    """
    decision = decisions.get(session, decision_id, visible_to=caller)
    opened = actions.open_follow_up(session, decision, by=caller)
    return queries.whole(session, opened)


@router.get("", response_model=Page[FollowUpSummary], summary="Follow-ups, newest first")
def list_follow_ups(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    decision_id: Annotated[UUID | None, Query(description="Every round of one decision.")] = None,
    state: Annotated[FollowUpState | None, Query(description="Where it is on its way.")] = None,
) -> Response:
    """Needs `follow-ups:read`. Rounds of the same decision are lines of their own."""
    return page.page(queries.follow_ups(session, page, visible_to=caller, decision_id=decision_id, state=state))


@router.get(
    "/schedule", response_model=Page[ScheduleLine], summary="Decisions to be looked at: scheduled, due, overdue"
)
def list_follow_up_schedule(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    due: Annotated[FollowUpDue | None, Query(description="scheduled, due (within 30 days) or overdue.")] = None,
) -> Response:
    """Needs `follow-ups:read`.

    Lists what is decided, being implemented or closed, and activities under review, where a follow-up is dated; never
    what is set aside. Each line names the open follow-up, if there is one.
    """
    return page.page(queries.schedule(session, page, visible_to=caller, wanted=due))


@router.get("/{follow_up_id:uuid}", response_model=FollowUpRead, summary="A follow-up with its outcomes")
def read_follow_up(follow_up_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `follow-ups:read`. Its ETag covers the outcomes and the impacts that nobody predicted."""
    return queries.whole(session, queries.get(session, follow_up_id, visible_to=caller))


@router.patch("/{follow_up_id:uuid}", response_model=FollowUpRead, summary="Change the follow-up's own texts")
def change_follow_up(
    follow_up_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    patch: Annotated[FollowUpPatch, Body(media_type="application/merge-patch+json")],
) -> Any:
    """Needs `follow-ups:write`. The caller becomes an author, who may not approve or publish it.

    `wrong_state` unless it is being drafted.
    """
    follow_up = queries.get(session, follow_up_id, visible_to=caller)
    values = patched(FollowUpFacts, follow_up, patch)
    return queries.whole(session, actions.change(session, follow_up, values, version=version, by=caller))


@router.put(
    "/{follow_up_id:uuid}/outcomes/{impact_id}", response_model=FollowUpRead, summary="Tell what became of a prediction"
)
def tell_outcome(
    follow_up_id: UUID,
    impact_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    body: OutcomeFacts,
) -> Any:
    """Needs `follow-ups:write`.

    Telling it again replaces what was told; the caller becomes an author, and If-Match is the follow-up's ETag.
    `wrong_state` unless it is being drafted.
    """
    follow_up = queries.get(session, follow_up_id, visible_to=caller)
    told = actions.tell_outcome(session, follow_up, impact_id, values_of(body), version=version, by=caller)
    return queries.whole(session, told)


@router.post(
    "/{follow_up_id:uuid}/unintended-impacts",
    response_model=UnintendedRead,
    status_code=201,
    summary="Add an impact that nobody predicted",
)
def add_unintended_impact(follow_up_id: UUID, session: SessionDep, caller: SignedIn, body: UnintendedFacts) -> Any:
    """Needs `follow-ups:write`. The caller becomes an author, and the follow-up gets a new ETag.

    `wrong_state` unless it is being drafted; `invalid` where a child group is not in the organisation's list.
    """
    follow_up = queries.get(session, follow_up_id, visible_to=caller)
    return UnintendedRead.model_validate(actions.add_unintended(session, follow_up, values_of(body), by=caller))


@router.get(
    "/{follow_up_id:uuid}/unintended-impacts/{unintended_id}",
    response_model=UnintendedRead,
    summary="One impact that nobody predicted",
)
def read_unintended_impact(follow_up_id: UUID, unintended_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `follow-ups:read`. Its ETag is what a removal names in If-Match."""
    follow_up = queries.get(session, follow_up_id, visible_to=caller)
    return UnintendedRead.model_validate(queries.unintended(session, follow_up, unintended_id))


@router.delete(
    "/{follow_up_id:uuid}/unintended-impacts/{unintended_id}",
    status_code=204,
    summary="Remove an impact added by mistake",
)
def remove_unintended_impact(
    follow_up_id: UUID, unintended_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion
) -> None:
    """Needs `follow-ups:write`. The journal keeps its words; If-Match is the impact's own ETag.

    `wrong_state` unless the follow-up is being drafted.
    """
    follow_up = queries.get(session, follow_up_id, visible_to=caller)
    row = queries.unintended(session, follow_up, unintended_id)
    actions.remove_unintended(session, follow_up, row, version=version, by=caller)


@router.get("/{follow_up_id:uuid}/comparison", response_model=Comparison, summary="Predicted against realised")
def compare_follow_up(follow_up_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `follow-ups:read`.

    Computed from the content as it stands: a line for each predicted impact, with counts of what came true, partly,
    not, too early to say, and not yet told.
    """
    return queries.comparison(session, queries.get(session, follow_up_id, visible_to=caller))


@router.get("/{follow_up_id:uuid}/seals", response_model=SealList, summary="What was sealed, to be verified")
def list_follow_up_seals(follow_up_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `follow-ups:read`. A seal holds the content and its SHA-256 digest, which the public register names too.

    Empty until it is approved.
    """
    follow_up = queries.get(session, follow_up_id, visible_to=caller)
    return SealList.model_validate({"items": seals(session, follow_up.id, visible_to=caller)})


@router.post("/{follow_up_id:uuid}/submission", response_model=FollowUpRead, summary="Submit for review")
def submit_follow_up(follow_up_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    """Needs `follow-ups:write`.

    `incomplete` while a predicted impact has no outcome (`too_early` is one) or there is no summary; `wrong_state`
    unless it is being drafted.
    """
    follow_up = queries.get(session, follow_up_id, visible_to=caller)
    return queries.whole(session, actions.submit(session, follow_up, version=version, by=caller))


@router.post("/{follow_up_id:uuid}/return", response_model=FollowUpRead, summary="Return with what to do")
def return_follow_up(
    follow_up_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: ReturnOf
) -> Any:
    """Needs `follow-ups:review`; an author gets `own_work`.

    It can be written again, and the comment is kept on it and in the journal. `wrong_state` unless it is in review.
    """
    follow_up = queries.get(session, follow_up_id, visible_to=caller)
    return queries.whole(session, actions.send_back(session, follow_up, body.comment, version=version, by=caller))


@router.post("/{follow_up_id:uuid}/approval", response_model=FollowUpRead, summary="Approve, sign and seal")
def approve_follow_up(follow_up_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    """Needs `follow-ups:review`; an author gets `own_work`.

    The content is sealed, and the decision's next follow-up is dated twelve months from today, unless the matter was
    reopened meanwhile. `wrong_state` unless it is in review.
    """
    follow_up = queries.get(session, follow_up_id, visible_to=caller)
    return queries.whole(session, actions.approve(session, follow_up, version=version, by=caller))


@router.post("/{follow_up_id:uuid}/publication", response_model=FollowUpRead, summary="Publish in the register")
def publish_follow_up(
    follow_up_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: Publication
) -> Any:
    """Needs `follow-ups:publish`; an author gets `own_work`.

    What was sealed becomes readable to everybody without a key. `privacy_not_checked` without the confirmation,
    `secret` for a secret matter, `wrong_state` unless it is approved.
    """
    follow_up = queries.get(session, follow_up_id, visible_to=caller)
    published = actions.publish(session, follow_up, body.privacy_checked, version=version, by=caller)
    return queries.whole(session, published)
