"""Why a request that fits its description may be refused all the same: rules that JSON Schema cannot tell.

Each reason is the beginning of what the service says, or the code of the problem. An operation that is not named has
the reasons of all texts only.
"""

OF_ANY_TEXT = (
    "The text holds a NUL or half a character",
    "The text holds a personal identity code",
    "The number is too large to be kept exactly",
    "String should have at least 1 character",  # of spaces only
    "Give the text in Finnish (fi) or in Swedish (sv)",
    "Give a day of 1900",  # JSON Schema has dates of all years
    "String should match pattern '^https",  # the generator takes `$` to allow a line feed at the end
)
OF_ANY_CHANGE = ("Field required", "It always has a value")  # a merge patch clears with null, but not what is required
DATES = ("It ends before it begins",)
SCREENING = ("The form has no such question", "Answer yes, no or unsure", "Answer each screening question")
CHILD_GROUPS = ("Not in the organisation's list of child groups",)
EVIDENCE = ("For data from children answer up_to_date, relevant and wide_enough",)
ANSWERS = ("Say why the recommendation was not followed in full", "Answered twice")
SECRECY = ("Give publicity_grounds",)
PUBLICATION = ("privacy_not_checked",)
TAKEN = ("already_exists",)
FORBIDDEN = ("forbidden_address", "Unknown type")

CLASSIFIED = (
    *DATES,
    "overlapping",
    "Give a cost centre, a service class, or both",
    "The method ",
    "The weights sum to",
    "The age group is named twice",
)
IMPORTS = (
    "import_units",
    "import_cost_centres",
    "import_service_classes",
    "import_classifications",
    "import_populations",
    "import_budget_lines",
)

DIGEST = ("String should match pattern '^[0-9a-f]{64}",)  # likewise: `$` and a line feed

REASONS: dict[str, tuple[str, ...]] = {
    "register_decision": (
        *TAKEN,
        *DIGEST,
        *SECRECY,
        "A cost centre and year is given twice in planned_changes",
        "An option's code is given twice",
        "The follow-up of a decision is dated when it is decided",
    ),
    "set_decision_documents": DIGEST,
    "change_decision": (*SECRECY, "no_decision_yet"),
    "set_decision_scope": ("A cost centre and year is given twice in planned_changes",),
    "add_option": TAKEN,
    "record_handling": (
        *ANSWERS,
        "The meeting is in the future",
        "Give amendment",
        "Recommendations are answered when the matter is decided",
    ),
    "answer_recommendations": ANSWERS,
    "tell_case": (
        *SECRECY,
        "source_version",
        "Give source_version or source_changed_at",
        "A handling's key is given twice",
        "The meeting is in the future",
        "Give amendment",
        "Nothing was decided when it was",
        "The decision has no such option here",
    ),
    "answer_screening": SCREENING,
    "change_assessment": ("The form has no such question",),
    "publish_assessment": PUBLICATION,
    "add_impact": CHILD_GROUPS,
    "change_impact": CHILD_GROUPS,
    "add_evidence": EVIDENCE,
    "change_evidence": EVIDENCE,
    "add_attachment_link": DIGEST,
    "upload_attachment": ("file_refused",),
    "add_form": (
        "Neither a field or part of the assessment nor a question",
        "This id stands twice",
        "References ($ref, $dynamicRef) and patterns are not used here",
    ),
    "tell_outcome": ("Give the direction that was seen",),
    "add_unintended_impact": CHILD_GROUPS,
    "publish_follow_up": PUBLICATION,
    "add_unit": (*TAKEN, *DATES),
    "change_unit": (*TAKEN, *DATES, "That is the unit itself, or one below it"),
    "add_cost_centre": (*TAKEN, *DATES),
    "change_cost_centre": (*TAKEN, *DATES),
    **dict.fromkeys(IMPORTS, ("Give code=header",)),
    "add_service_class_mapping": (*TAKEN, "A mapping of the kind", "Give a task class"),
    "add_classification": CLASSIFIED,
    "add_classifications": CLASSIFIED,
    "preview_classifications": CLASSIFIED,
    "carry_classifications_forward": ("Carry forward to a later year", "There is no list"),
    "add_population": TAKEN,
    "set_account_ranges": ("Write both ends with as many digits", "The range ends before it begins"),
    "publish_child_budget": ("no_ledger",),
    "read_child_budget": ("Something is named twice",),
    "read_cumulative_effect": ("Give a later day",),
    "change_classification": (*DATES, "overlapping"),
    "set_child_groups": ("A code is given twice",),
    "add_person": TAKEN,
    "change_person": TAKEN,
    "issue_api_key": ("Unknown right",),
    "read_events": ("Unknown type", "bad_cursor"),
    "add_case_system": (*TAKEN, *FORBIDDEN),
    "change_case_system": FORBIDDEN,
    "add_webhook": FORBIDDEN,
    "change_webhook": FORBIDDEN,
}
"""By operation. A new rule that JSON Schema cannot tell gets its line here."""


def is_known(operation_id: str, code: str, words: list[str]) -> bool:
    """Whether an operation may refuse a sound request with this problem, each fault of it for a known reason."""
    known = (*OF_ANY_TEXT, *REASONS.get(operation_id, ()))
    if operation_id.startswith("change_"):
        known += OF_ANY_CHANGE
    return code in known or all(any(said.startswith(reason) for reason in known) for said in words)
