"""What of an assessment is sealed, and what of the sealed content is published."""

import json
from typing import Any

from app.access.models import Organisation
from app.access.queries import organisation
from app.access.rules import Caller
from app.assessments import queries, rules
from app.assessments.models import Assessment, Seal
from app.conventions.vocabulary import all_labels
from app.database import Session
from app.decisions import clearing
from app.decisions import queries as decision_queries
from app.decisions.models import Decision
from app.public_register.schemas import (
    PublicAssessment,
    PublicEffectYear,
    PublicEvidence,
    PublicHearing,
    PublicImpact,
    PublicOption,
    PublicRecommendation,
)

_BOOKKEEPING = {"version", "created_at", "changed_at", "changed_by", "assessment_id"}
_ATTACHED = ("id", "title", "kind", "url", "file_name", "media_type", "bytes", "sha256")
_TEXTS = (
    *("summary", "best_interests", "competing_interests", "interest_yields", "interest_yields_reason"),
    *("changes_made", "child_friendly", "follow_up_plan"),
)


def sealed_content(session: Session, assessment: Assessment, decision: Decision, *, by: Caller) -> dict[str, Any]:
    """Everything that is approved: the content, the proposal assessed, the form's version and the code lists used."""
    owner = organisation(session, visible_to=by)
    form = queries.form(session, assessment.form_id, visible_to=by)
    found = queries.with_parts(session, assessment)
    options = [row.model_dump() for row in decision_queries.options(session, decision)]
    return {
        "schema": "lava/assessment/1",
        "organisation": {"id": owner.id, "business_id": owner.business_id, "name": owner.name},
        "decision": {
            name: getattr(decision, name)
            for name in (
                *("id", "source", "diary_number", "decision_key", "object", "language", "documents"),
                *("publicity", "publicity_grounds"),
            )
        },
        "proposal": clearing.present_proposal(session, decision),
        "budget_effect": decision_queries.effect_of(session, decision)["effect"],
        "options": [{"id": option["id"], "code": option["code"]} for option in options],
        "assessment": {
            "id": assessment.id,
            "edition": assessment.edition,
            "supersedes": assessment.supersedes_id,
            "extent": assessment.extent,
            "manner": assessment.manner,
            "authors": assessment.authors,
            "screening": assessment.screening,
            "answers": assessment.answers,
            **{name: getattr(assessment, name) for name in _TEXTS},
            **{
                kind: [{k: v for k, v in part.items() if k not in _BOOKKEEPING} for part in found[kind]]
                for kind in queries.PARTS
            },
            "attachments": [{name: one[name] for name in _ATTACHED} for one in found["attachments"]],
        },
        "quality": rules.quality(found, options),
        "form": {"id": form.id, "key": form.key, "edition": form.edition, "definition": form.definition},
        "code_lists": {**all_labels(), "child_group": {g["code"]: g["label"] for g in owner.child_groups}},
    }


def public_document(kind: str, sealed: Seal, owner: Organisation) -> PublicAssessment:
    """What the public reads, named field by field from the sealed content: nothing is public by default."""
    content = json.loads(sealed.content)
    decision, assessment = content["decision"], content["assessment"]
    options = {option["id"]: option["code"] for option in content["options"]}
    whole = kind == "assessment"
    return PublicAssessment(
        kind=kind,
        organisation={"business_id": owner.business_id, "name": owner.name},
        diary_number=decision["diary_number"],
        decision_key=decision["decision_key"],
        title=content["proposal"]["title"],
        language=decision["language"],
        edition=assessment["edition"],
        signed_on=sealed.signed_at.date(),
        content_digest=sealed.digest,
        screening_reason=assessment["screening"]["reason"] if assessment["screening"] else None,
        extent=assessment["extent"] if whole else None,
        options=[PublicOption(**option) for option in content["proposal"]["options"]],
        budget_effect=_public_effect(content.get("budget_effect")) if whole else [],
        impacts=[
            PublicImpact(
                option=options[impact["option_id"]],
                **{name: impact[name] for name in PublicImpact.model_fields if name != "option"},
            )
            for impact in assessment["impacts"]
        ]
        if whole
        else [],
        evidence=_only(PublicEvidence, assessment["evidence"]) if whole else [],
        hearings=_only(PublicHearing, assessment["hearings"]) if whole else [],
        recommendations=_only(PublicRecommendation, assessment["recommendations"]) if whole else [],
        **{name: assessment[name] if whole else None for name in _TEXTS},
    )


def _public_effect(effect: dict[str, Any] | None) -> list[PublicEffectYear]:
    return [
        PublicEffectYear(
            year=row["year"],
            **{f"{name}_cents": row[name]["cents"] for name in ("total", "core", "extended")},
            age_groups={group["age_group"]: group["extended"]["cents"] for group in row["age_groups"]},
        )
        for row in (effect or {"years": []})["years"]
    ]


def _only(schema: Any, rows: list[dict[str, Any]]) -> list[Any]:
    return [schema(**{name: row[name] for name in schema.model_fields}) for row in rows]
