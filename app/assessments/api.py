"""Routes of forms and assessments."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Query, Response

from app.access.sign_in import SignedIn
from app.assessments import actions, queries, rules
from app.assessments.models import AssessmentState
from app.assessments.schemas import (
    AssessmentFacts,
    AssessmentPatch,
    AssessmentRead,
    AssessmentStart,
    AssessmentSummary,
    CommentList,
    CommentNew,
    CommentRead,
    FormNew,
    FormRead,
    FormSummary,
    FormUpgrade,
    FormUpgradeResult,
    Publication,
    QualityRead,
    ReturnOf,
    ScreeningNew,
    SealList,
)
from app.conventions.cursors import Paging
from app.conventions.merge_patch import patched
from app.conventions.route import Language, SessionDep, answer, router
from app.conventions.schemas import Page, values_of
from app.conventions.versions import ExpectedVersion, etag_of
from app.decisions import queries as decisions

assessments = router("assessments", "Assessments")
of_decision = router("decisions/{decision_id}/assessments", "Assessments")
forms = router("forms", "Forms")


@of_decision.post("", response_model=AssessmentRead, status_code=201, summary="Start an assessment of a decision")
def start_assessment(decision_id: UUID, session: SessionDep, caller: SignedIn, body: AssessmentStart) -> Any:
    """Needs `assessments:write`.

    It starts as screening, on the newest edition of the organisation's form unless another is named, and the caller
    becomes an author. `excluded` where the task class is set aside; `open_assessment` unless there is none yet or the
    newest was withdrawn.
    """
    decision = decisions.get(session, decision_id, visible_to=caller)
    assessment = actions.start(session, decision, values_of(body), by=caller)
    return queries.with_parts(session, assessment)


@assessments.get("", response_model=Page[AssessmentSummary], summary="Assessments, newest first")
def list_assessments(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    decision_id: Annotated[UUID | None, Query(description="Every edition of one decision's assessment.")] = None,
    state: Annotated[AssessmentState | None, Query(description="Where it is on its way.")] = None,
) -> Response:
    """Needs `assessments:read`. Every edition is a line of its own, superseded and withdrawn ones too."""
    return page.page(queries.assessments(session, page, visible_to=caller, decision_id=decision_id, state=state))


@assessments.get("/{assessment_id}", response_model=AssessmentRead, summary="An assessment with all its parts")
def read_assessment(assessment_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `assessments:read`. Its ETag covers the parts: it changes whenever one of them does."""
    return queries.whole(session, assessment_id, visible_to=caller)


@assessments.patch("/{assessment_id}", response_model=AssessmentRead, summary="Change the assessment's own texts")
def change_assessment(
    assessment_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    patch: Annotated[AssessmentPatch, Body(media_type="application/merge-patch+json")],
) -> Any:
    """Needs `assessments:write`. The caller becomes an author, who may not approve or publish it.

    `wrong_state` unless it is being drafted or was returned; `invalid` where an answer does not fit the form, or the
    child's interest yields without a reason.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    values = patched(AssessmentFacts, assessment, patch)
    return queries.with_parts(session, actions.change(session, assessment, values, version=version, by=caller))


@assessments.put("/{assessment_id}/screening", response_model=AssessmentRead, summary="Answer the screening")
def answer_screening(
    assessment_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: ScreeningNew
) -> Any:
    """Needs `assessments:write`.

    It fixes the proposal that was screened, and the caller becomes an author, who may not sign; the state stays until
    somebody starts writing or signs. `wrong_state` after the screening; `invalid` where a question of the form is left
    out or unknown.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    values = body.model_dump(mode="json")
    return queries.with_parts(session, actions.screen(session, assessment, values, version=version, by=caller))


@assessments.post("/{assessment_id}/drafting", response_model=AssessmentRead, summary="Start writing")
def draft_assessment(assessment_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    """Needs `assessments:write`.

    Where the edition before is a signed 'not needed', its clearance lapses, while the proposal is still open.
    `not_screened` unless the screening says `needed`; `wrong_state` unless it is being screened or was returned.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    return queries.with_parts(session, actions.draft(session, assessment, version=version, by=caller))


@assessments.post("/{assessment_id}/signature", response_model=AssessmentRead, summary="Sign that none is needed")
def sign_not_needed(assessment_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    """Needs `assessments:review`; an author gets `own_work`.

    The screening is sealed, the edition before is superseded, and the decision is cleared while its proposal is still
    open. `wrong_state` after the screening, `not_screened` unless it says `not_needed`, `proposal_changed` where the
    proposal is not what was screened.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    return queries.with_parts(session, actions.sign_not_needed(session, assessment, version=version, by=caller))


@assessments.post("/{assessment_id}/submission", response_model=AssessmentRead, summary="Submit for review")
def submit_assessment(assessment_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    """Needs `assessments:write`. The proposal as it stands now is what approval will be held to.

    `children_not_heard` or `incomplete` where the quality check lacks a line that review cannot do without;
    `wrong_state` unless it is being drafted or was returned.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    return queries.with_parts(session, actions.submit(session, assessment, version=version, by=caller))


@assessments.post("/{assessment_id}/return", response_model=AssessmentRead, summary="Return with what to do")
def return_assessment(
    assessment_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: ReturnOf
) -> Any:
    """Needs `assessments:review`; an author gets `own_work`.

    It can be written again, and the comment is kept on it and in the journal. `wrong_state` unless it is in review.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    returned = actions.send_back(session, assessment, body.comment, version=version, by=caller)
    return queries.with_parts(session, returned)


@assessments.post("/{assessment_id}/approval", response_model=AssessmentRead, summary="Approve, sign and seal")
def approve_assessment(assessment_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    """Needs `assessments:review`; an author gets `own_work`.

    The content is sealed, the edition before is superseded, and the decision is cleared while its proposal is still
    open. `proposal_changed` where the proposal is not what was submitted; `wrong_state` unless it is in review.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    return queries.with_parts(session, actions.approve(session, assessment, version=version, by=caller))


@assessments.post("/{assessment_id}/publication", response_model=AssessmentRead, summary="Publish in the register")
def publish_assessment(
    assessment_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: Publication
) -> Any:
    """Needs `assessments:publish`; an author gets `own_work`.

    What was sealed becomes readable to everybody without a key, and the entry of the edition before points to it.
    `privacy_not_checked` without the confirmation, `secret` for a secret matter, `wrong_state` unless approved or
    signed as not needed.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    published = actions.publish(session, assessment, body.privacy_checked, version=version, by=caller)
    return queries.with_parts(session, published)


@assessments.post("/{assessment_id}/withdrawal", response_model=AssessmentRead, summary="Give up what is not approved")
def withdraw_assessment(assessment_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    """Needs `assessments:write`. It stays readable, and another can be started.

    `wrong_state` once it is approved, signed as not needed, published, superseded or withdrawn.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    return queries.with_parts(session, actions.withdraw(session, assessment, version=version, by=caller))


@assessments.post(
    "/{assessment_id}/editions", response_model=AssessmentRead, status_code=201, summary="Make a new edition"
)
def make_new_edition(assessment_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    """Needs `assessments:write`.

    It starts as drafting with a copy of every text and part. After a signed 'not needed' it starts with the screening
    instead, so that none can be found needed again, or one after all. The present edition and its clearance hold until
    the new one is approved or signed, or one is found needed. `wrong_state` unless the present one is approved,
    published or not needed; `open_assessment` where a later edition exists.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    edition = actions.new_edition(session, assessment, version=version, by=caller)
    return queries.with_parts(session, edition)


@assessments.post(
    "/{assessment_id}/form-upgrade", response_model=FormUpgradeResult, summary="Move to another edition of the form"
)
def upgrade_form(
    assessment_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: FormUpgrade
) -> Any:
    """Needs `assessments:write`.

    Answers are carried over by question id; `left_behind` names those that the new edition does not take, which only
    the journal then keeps. `invalid` for another form or an older edition; `wrong_state` unless it is being drafted or
    was returned.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    upgraded, left = actions.upgrade_form(session, assessment, body.form_id, version=version, by=caller)
    response = answer({"assessment": queries.with_parts(session, upgraded), "left_behind": left})
    response.headers["ETag"] = etag_of(upgraded.version)
    return response


@assessments.get("/{assessment_id}/quality", response_model=QualityRead, summary="The quality check, line by line")
def check_quality(assessment_id: UUID, session: SessionDep, caller: SignedIn, language: Language) -> Any:
    """Needs `assessments:read` and `decisions:read`. Computed from the content as it stands.

    Submission insists on `thorough`, `conclusions`, `follow_up_plan` and, of `childrens_information`, on children's
    own; the rest is shown to the reviewer. `missing` has codes, and `why` the same in words, in the language of
    Accept-Language.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    decision = decisions.get(session, assessment.decision_id, visible_to=caller)
    lines = actions.quality_of(session, assessment, decision)
    response = answer({"items": [{**line, "why": rules.in_words(line["missing"], language)} for line in lines]})
    response.headers["Content-Language"], response.headers["Vary"] = language, "Accept-Language"
    return response


@assessments.get("/{assessment_id}/seals", response_model=SealList, summary="What was sealed, to be verified")
def list_assessment_seals(assessment_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `assessments:read`.

    A seal holds the content and its SHA-256 digest, which the clearance and the public register name too. Empty until
    it is approved or signed as not needed.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    return SealList.model_validate({"items": queries.seals(session, assessment.id, visible_to=caller)})


@assessments.get("/{assessment_id}/comments", response_model=CommentList, summary="Comments, oldest first")
def list_comments(assessment_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `assessments:read`. Comments are internal: they are neither sealed nor published."""
    return CommentList.model_validate({"items": queries.comments(session, assessment_id, visible_to=caller)})


@assessments.post("/{assessment_id}/comments", response_model=CommentRead, status_code=201, summary="Comment on it")
def add_comment(assessment_id: UUID, session: SessionDep, caller: SignedIn, body: CommentNew) -> Any:
    """Needs `assessments:comment`. Possible in every state, and it does not make the caller an author.

    It can be neither changed nor removed; the journal tells that it was made, without its text.
    """
    assessment = queries.get(session, assessment_id, visible_to=caller)
    return CommentRead.model_validate(actions.comment(session, assessment, body.text, body.about, by=caller))


@forms.get("", response_model=Page[FormSummary], summary="Forms, newest first")
def list_forms(session: SessionDep, caller: SignedIn, page: Paging) -> Response:
    """Needs `forms:read`. Every edition is a line of its own; read one for its questions."""
    return page.page(queries.forms(session, page, visible_to=caller))


@forms.post("", response_model=FormRead, status_code=201, summary="Add a form, or the next edition of one")
def add_form(session: SessionDep, caller: SignedIn, body: FormNew) -> Any:
    """Needs `forms:write`.

    The same `key` makes its next edition; editions never change, and assessments stay on theirs until they are moved.
    `invalid` where an id stands twice, a page shows what there is not, or a question's schema is not plain JSON Schema
    (2020-12).
    """
    values = body.model_dump(mode="json", by_alias=True, exclude_none=True)
    return FormRead.model_validate(actions.add_form(session, values, by=caller))


@forms.get("/{form_id}", response_model=FormRead, summary="One edition of a form")
def read_form(form_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `forms:read`. The answers of an assessment are held to the schemas of its questions."""
    return FormRead.model_validate(queries.form(session, form_id, visible_to=caller))
