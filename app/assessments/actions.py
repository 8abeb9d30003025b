"""Writes of assessments, one verb each: from the screening to the publication."""

from typing import Any
from uuid import UUID

from app.access.queries import organisation, referred
from app.access.rules import Caller, check_move
from app.assessments import attachments, queries, rules
from app.assessments.content import public_document, sealed_content
from app.assessments.models import Assessment, AssessmentState, Comment, Form, Seal
from app.assessments.sealing import seal
from app.clock import now, stamp
from app.conventions.states import with_author
from app.conventions.versions import check_version, claim, hold, set_values
from app.database import Session
from app.decisions import clearing
from app.decisions import queries as decision_queries
from app.decisions.models import ClearanceKind, Decision, LapseReason, Publicity
from app.decisions.rules import EDITABLE, digests_of
from app.errors import Conflict, NotFound
from app.journal.actions import changes, record
from app.public_register import actions as register

_KEPT = ("form_id", "extent", "manner", "answers")
_WRITTEN = (
    *("screening", "summary", "best_interests", "competing_interests", "interest_yields", "interest_yields_reason"),
    *("changes_made", "child_friendly", "follow_up_plan"),
)
"""What a new edition takes over from the one before: always, and where that was written."""


def start(session: Session, decision: Decision, values: dict[str, Any], *, by: Caller) -> Assessment:
    """Start an assessment of a decision with its screening."""
    by.require("assessments:write")
    hold(session, decision)
    if decision.excluded:
        raise Conflict("excluded", "The task class is set aside: matters of a single person are not assessed.")
    form = _form(session, values["form_id"], by)
    edition, standing = queries.editions(session, decision.id)
    if standing:
        raise Conflict("open_assessment", "The decision has an assessment. Go on with it, or make a new edition of it.")
    row = Assessment(
        organisation_id=by.organisation_id,
        changed_by=by.id,
        decision_id=decision.id,
        edition=edition + 1,
        state=AssessmentState.SCREENING,
        form_id=form.id,
        extent=values["extent"],
        manner=values["manner"],
        authors=[str(by.id)],
        answers={},
    )
    session.add(row)
    session.flush()
    _tell_decision(session, decision, row, by)
    _tell(session, row, "assessment.started", by, edition=row.edition)
    return row


def screen(session: Session, assessment: Assessment, values: dict[str, Any], *, version: int, by: Caller) -> Assessment:
    """Answer the screening, and propose whether an assessment is needed."""
    by.require("assessments:write")
    if assessment.state != AssessmentState.SCREENING:
        raise Conflict("wrong_state", f"The assessment is {assessment.state}: it was screened before.")
    form = queries.form(session, assessment.form_id, visible_to=by)
    rules.check_screening_answers(form.definition, values["answers"])
    assessed = _proposal_digests(session, assessment, by)
    before = {name: (assessment.screening or {}).get(name) for name in values}
    if before == values and assessment.assessed == assessed:
        check_version(assessment, version)
        return assessment
    screening = {**values, "by": str(by.id), "at": stamp()}
    told = changes(assessment, {"screening": screening})
    claim(session, assessment, version, by)
    assessment.screening, assessment.assessed = screening, assessed
    assessment.authors = with_author(assessment.authors, by.id)
    session.flush()
    _tell(session, assessment, "assessment.screened", by, changes=told)
    return assessment


def change(session: Session, assessment: Assessment, values: dict[str, Any], *, version: int, by: Caller) -> Assessment:
    """Change the assessment's own texts."""
    by.require("assessments:write")
    rules.check_writable(assessment.state)
    if "answers" in values:
        form = queries.form(session, assessment.form_id, visible_to=by)
        rules.check_form_answers(form.definition, values["answers"])
    told = set_values(session, assessment, values, version=version, by=by)
    if told:
        assessment.authors = with_author(assessment.authors, by.id)
        session.flush()
        _tell(session, assessment, "assessment.changed", by, changes=told)
    return assessment


def upgrade_form(
    session: Session, assessment: Assessment, form_id: UUID, *, version: int, by: Caller
) -> tuple[Assessment, list[str]]:
    """Move to another edition of the form, carrying answers by question id; returns the ids left behind."""
    by.require("assessments:write")
    rules.check_writable(assessment.state)
    form = _form(session, form_id, by)
    present = queries.form(session, assessment.form_id, visible_to=by)
    rules.check_upgrade((present.key, present.edition), (form.key, form.edition))
    kept, left = rules.carried_answers(assessment.answers, form.definition)
    told = set_values(session, assessment, {"form_id": form.id, "answers": kept}, version=version, by=by)
    if told:
        assessment.authors = with_author(assessment.authors, by.id)
        session.flush()
        _tell(session, assessment, "assessment.changed", by, changes=told, left_behind=left)
    return assessment, left


def draft(session: Session, assessment: Assessment, *, version: int, by: Caller) -> Assessment:
    """Start writing after the screening. The clearance of a 'not needed' that was signed before then lapses."""
    check_move(rules.MOVES, "drafting", assessment, by)
    if assessment.state == AssessmentState.SCREENING:
        rules.check_screening(assessment.screening, "needed")
    _move(session, assessment, "drafting", version=version, by=by)
    decision, before = _decision(session, assessment, by), _superseded(session, assessment, by)
    if before is None or decision.state not in EDITABLE or decision.clearance_kind != ClearanceKind.NOT_NEEDED:
        return assessment
    if rules.is_signed_not_needed(before.state, before.screening):
        clearing.lapse(session, decision, [LapseReason.NEEDED_AFTER_ALL], by=by)
    return assessment


def sign_not_needed(session: Session, assessment: Assessment, *, version: int, by: Caller) -> Assessment:
    """Sign that no assessment is needed: sealed, the edition before is superseded, and it clears the decision."""
    check_move(rules.MOVES, "signature", assessment, by)
    rules.check_screening(assessment.screening, "not_needed")
    _check_proposal(session, assessment, by)
    _move(session, assessment, "signature", version=version, by=by)
    _seal_and_clear(session, assessment, ClearanceKind.NOT_NEEDED, by)
    _supersede_the_one_before(session, assessment, by)
    return assessment


def submit(session: Session, assessment: Assessment, *, version: int, by: Caller) -> Assessment:
    """Submit for review, when nothing is missing that review cannot do without."""
    check_move(rules.MOVES, "submission", assessment, by)
    decision = _decision(session, assessment, by)
    rules.check_complete(quality_of(session, assessment, decision))
    _move(session, assessment, "submission", version=version, by=by)
    assessment.assessed = _proposal_digests(session, assessment, by)
    session.flush()
    return assessment


def send_back(session: Session, assessment: Assessment, comment: str, *, version: int, by: Caller) -> Assessment:
    """Return to the preparer with what to do."""
    _move(session, assessment, "return", version=version, by=by, comment=comment)
    assessment.return_comment = comment
    session.flush()
    return assessment


def approve(session: Session, assessment: Assessment, *, version: int, by: Caller) -> Assessment:
    """Approve and sign: the content is sealed, the edition before is superseded, the decision is cleared."""
    check_move(rules.MOVES, "approval", assessment, by)
    _check_proposal(session, assessment, by)
    _move(session, assessment, "approval", version=version, by=by, leave_state=True)
    _seal_and_clear(session, assessment, ClearanceKind.APPROVED, by)
    assessment.state = AssessmentState.APPROVED
    session.flush()
    _supersede_the_one_before(session, assessment, by)
    _tell_decision(session, _decision(session, assessment, by), assessment, by)
    return assessment


def publish(session: Session, assessment: Assessment, privacy_checked: bool, *, version: int, by: Caller) -> Assessment:
    """Publish in the public register what is sealed, after a privacy check by somebody other than an author."""
    check_move(rules.MOVES, "publication", assessment, by)
    decision = _decision(session, assessment, by)
    if not privacy_checked:
        raise Conflict("privacy_not_checked", "Read it through: nothing in it may tell of a person. Then confirm.")
    if decision.publicity == Publicity.SECRET:
        raise Conflict("secret", "The matter is secret: its assessment is not published.")
    sealed = session.get_one(Seal, assessment.seal_id)
    kind = "assessment" if assessment.state == AssessmentState.APPROVED else "not_needed"
    _move(session, assessment, "publication", version=version, by=by)
    assessment.published_by, assessment.published_at = by.id, now()
    session.flush()
    register.publish(
        session,
        kind=kind,
        object_id=assessment.id,
        decision_id=decision.id,
        document=public_document(kind, sealed, organisation(session, visible_to=by)),
        by=by,
    )
    return assessment


def withdraw(session: Session, assessment: Assessment, *, version: int, by: Caller) -> Assessment:
    """Give up an assessment that is not approved; the edition before it, if any, is then the decision's again."""
    _move(session, assessment, "withdrawal", version=version, by=by)
    before = _superseded(session, assessment, by)
    if before is not None:
        _tell_decision(session, _decision(session, assessment, by), before, by)
    return assessment


def new_edition(session: Session, assessment: Assessment, *, version: int, by: Caller) -> Assessment:
    """Make a new edition to be written, with everything the present one says; after a signed 'not needed' one to be
    screened anew. It supersedes when it is approved or signed.
    """
    by.require("assessments:write")
    if assessment.state not in rules.SUPERSEDABLE:
        raise Conflict(
            "wrong_state", f"The assessment is {assessment.state}: only what is finished gets a new edition."
        )
    edition, standing = queries.editions(session, assessment.decision_id)
    if standing != assessment.edition:
        raise Conflict("open_assessment", "A later edition exists. Go on with that.")
    claim(session, assessment, version, by)
    anew = rules.is_signed_not_needed(assessment.state, assessment.screening)
    row = Assessment(
        organisation_id=by.organisation_id,
        changed_by=by.id,
        decision_id=assessment.decision_id,
        edition=edition + 1,
        supersedes_id=assessment.id,
        state=AssessmentState.SCREENING if anew else AssessmentState.DRAFTING,
        authors=with_author([] if anew else assessment.authors, by.id),
        **{name: getattr(assessment, name) for name in (*_KEPT, *(() if anew else _WRITTEN))},
    )
    session.add(row)
    session.flush()
    if not anew:
        _copy_parts(session, assessment, row, by)
        attachments.copy(session, assessment, row, by=by)
    _tell_decision(session, _decision(session, assessment, by), row, by)
    _tell(session, row, "assessment.started", by, edition=row.edition, supersedes=assessment.id)
    return row


def comment(session: Session, assessment: Assessment, text: str, about: str | None, *, by: Caller) -> Comment:
    """Comment on an assessment in any state."""
    by.require("assessments:comment")
    row = Comment(
        organisation_id=by.organisation_id,
        assessment_id=assessment.id,
        author_id=by.id,
        author_name=by.name,
        about=about,
        text=text,
        created_at=now(),
    )
    session.add(row)
    session.flush()
    _tell(session, assessment, "assessment.commented", by, comment_id=row.id, about=about)
    return row


def add_form(session: Session, values: dict[str, Any], *, by: Any) -> Form:
    """Add a form, or the next edition of one; editions never change."""
    if isinstance(by, Caller):
        by.require("forms:write")
    rules.check_definition(values["definition"])
    before = queries.newest_form(session, by.organisation_id, values["key"])
    edition = before.edition + 1 if before else 1
    row = Form(organisation_id=by.organisation_id, changed_by=by.id, edition=edition, **values)
    session.add(row)
    session.flush()
    record(session, by, "form.added", "form", row.id, key=row.key, edition=row.edition)
    return row


def quality_of(session: Session, assessment: Assessment, decision: Decision) -> list[rules.QualityLine]:
    """The quality check of an assessment as it stands."""
    options = [option.model_dump() for option in decision_queries.options(session, decision)]
    return rules.quality(queries.with_parts(session, assessment), options)


def _move(
    session: Session,
    assessment: Assessment,
    move: str,
    *,
    version: int,
    by: Caller,
    comment: str | None = None,
    leave_state: bool = False,
) -> Assessment:
    """Take one of rules.MOVES; `leave_state` where the caller sets the state after what it needs is in place."""
    after = check_move(rules.MOVES, move, assessment, by)
    before = assessment.state
    claim(session, assessment, version, by)
    if not leave_state:
        assessment.state = after
        session.flush()
        _tell_decision(session, _decision(session, assessment, by), assessment, by)
    _tell(session, assessment, "assessment.moved", by, **{"from": before, "to": after}, comment=comment)
    return assessment


def _tell(session: Session, assessment: Assessment, verb: str, by: Caller, **details: Any) -> None:
    """Record what happened to an assessment, and of which decision it is."""
    record(session, by, verb, "assessment", assessment.id, decision_id=assessment.decision_id, **details)


def _supersede_the_one_before(session: Session, assessment: Assessment, by: Caller) -> None:
    before = _superseded(session, assessment, by)
    if before is None:
        return
    claim(session, before, None, by)
    told = {"from": before.state, "to": AssessmentState.SUPERSEDED}
    before.state = AssessmentState.SUPERSEDED
    session.flush()
    _tell(session, before, "assessment.moved", by, **told, by_edition=assessment.edition)


def _seal_and_clear(session: Session, assessment: Assessment, kind: ClearanceKind, by: Caller) -> None:
    decision = _decision(session, assessment, by)
    content = sealed_content(session, assessment, decision, by=by)
    sealed = seal(session, "assessment", assessment.id, content, decision_id=decision.id, by=by)
    assessment.seal_id, assessment.signed_by, assessment.signed_at = sealed.id, by.id, sealed.signed_at
    session.flush()
    recommendations = [
        {"id": str(row["id"]), "kind": row["kind"], "text": row["text"]}
        for row in (queries.parts(session, assessment.id, "recommendations") if kind is ClearanceKind.APPROVED else [])
    ]
    clearance = {
        "kind": kind,
        "assessment_id": str(assessment.id),
        "edition": assessment.edition,
        "at": sealed.signed_at.isoformat().replace("+00:00", "Z"),
        "by": str(by.id),
        "content_digest": sealed.digest,
        "proposal": assessment.assessed,
        "recommendations": recommendations,
    }
    clearing.clear(session, decision, clearance, by=by)


def _check_proposal(session: Session, assessment: Assessment, by: Caller) -> None:
    """What is signed must be what was screened or submitted: the proposal may have changed since."""
    if _proposal_digests(session, assessment, by) != assessment.assessed:
        raise Conflict("proposal_changed", "The proposal has changed since. Return the assessment, or screen it again.")


def _proposal_digests(session: Session, assessment: Assessment, by: Caller) -> dict[str, str]:
    return digests_of(clearing.present_proposal(session, _decision(session, assessment, by)))


def _decision(session: Session, assessment: Assessment, by: Caller) -> Decision:
    return decision_queries.get(session, assessment.decision_id, visible_to=by)


def _superseded(session: Session, assessment: Assessment, by: Caller) -> Assessment | None:
    if assessment.supersedes_id is None:
        return None
    return queries.get(session, assessment.supersedes_id, visible_to=by)


def _tell_decision(session: Session, decision: Decision, assessment: Assessment, by: Caller) -> None:
    """Lists of decisions show the newest edition's state without asking the assessments."""
    if decision.assessment_id == assessment.id and decision.assessment_state == assessment.state:
        return
    if decision.assessment_id != assessment.id and assessment.edition < queries.editions(session, decision.id)[1]:
        return  # something was done with an edition before the newest
    claim(session, decision, None, by)
    decision.assessment_id, decision.assessment_state = assessment.id, assessment.state
    session.flush()


def _copy_parts(session: Session, before: Assessment, after: Assessment, by: Caller) -> None:
    """Copy every part; impacts point at the copied evidence."""
    skipped = {"id", "version", "created_at", "changed_at", "changed_by", "assessment_id"}
    copied: dict[str, UUID] = {}
    for kind in ("evidence", "impacts", "hearings", "recommendations"):
        for part in queries.parts(session, before.id, kind):
            values = {name: value for name, value in part.items() if name not in skipped}
            if kind == "impacts":
                values["evidence_ids"] = [str(copied[key]) for key in values["evidence_ids"] if key in copied]
            row = queries.PARTS[kind](
                organisation_id=after.organisation_id, assessment_id=after.id, changed_by=by.id, **values
            )
            session.add(row)
            copied[str(part["id"])] = row.id
    session.flush()


def _form(session: Session, form_id: UUID | None, by: Caller) -> Form:
    by.require("forms:read")
    form = referred(session, Form, form_id, by, "/form_id")
    if form is not None:
        return form
    form = queries.newest_form(session, by.organisation_id)
    if form is None:
        raise NotFound("not_found", "The organisation has no form. An administrator adds one.")
    return form
