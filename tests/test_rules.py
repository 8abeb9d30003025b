"""Rules that need no database: keys, dates, lapses, quality, identity codes, business ids."""

import re
from datetime import date
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import texts
from app.access.rules import PERMISSIONS, ROLES, is_business_id, permissions_of
from app.assessments.models import Extent
from app.assessments.queries import PARTS
from app.assessments.rules import FORM_ITEMS, in_words, quality
from app.assessments.schemas import AssessmentFacts
from app.conventions.merge_patch import merged
from app.decisions.rules import (
    clearance_at,
    diary_key,
    digests_of,
    ended,
    hint_years,
    is_excluded,
    months_after,
    natural_number,
    proposal,
    reasons_to_lapse,
    standing,
)
from app.texts import holds_identity_code


@pytest.mark.parametrize(
    "number",
    ["VAKEDno-2022-67", "5146/01.04.00/2023", "225/2022", "VN/13440/2019", "HEL 2021-010660 Lausunto 2"],
)
def test_a_diary_number_is_found_by_itself(number: str) -> None:
    assert diary_key(number) == diary_key(number.upper()) == diary_key(f" {number} ")


@given(st.from_regex(r"[0-9]{1,4}", fullmatch=True), st.from_regex(r"[0-9]{1,4}", fullmatch=True))
def test_separators_keep_numbers_apart(left: str, right: str) -> None:
    assert diary_key(f"{left}/{right}") == diary_key(f"{left} {right}") == f"{left}-{right}"
    assert diary_key(f"{left}{right}") != diary_key(f"{left}/{right}")


@pytest.mark.parametrize(
    ("day", "after"),
    [
        (date(2026, 3, 31), date(2027, 3, 31)),
        (date(2024, 2, 29), date(2025, 2, 28)),
        (date(2026, 12, 1), date(2027, 12, 1)),
    ],
)
def test_twelve_months_after(day: date, after: date) -> None:
    assert months_after(day, 12) == after


def test_a_proposal_is_the_same_in_any_order_and_a_change_is_named() -> None:
    options = [{"code": f"VE{n}", "title": {"fi": str(n)}, "description": None} for n in range(12)]
    planned = [{"cost_centre_id": "b", "year": 2027, "cents": 1}, {"cost_centre_id": "a", "year": 2026, "cents": 2}]
    first = digests_of(proposal({"fi": "Asia", "sv": None}, options, planned))
    second = digests_of(proposal({"fi": "Asia"}, options[::-1], planned[::-1]))
    assert first == second
    assert reasons_to_lapse(first, second) == []
    planned[0]["cents"] = 3
    changed = digests_of(proposal({"fi": "Asia"}, options, planned))
    assert reasons_to_lapse(first, changed) == ["planned_changes"]


def cleared(edition: int, at: str, until: str | None = None) -> dict[str, Any]:
    return {"edition": edition, "at": at, "until": until}


@pytest.mark.parametrize(
    ("clearances", "edition"),
    [
        ([], None),
        ([cleared(1, "2026-05-05T08:00:00Z")], None),
        ([cleared(1, "2026-05-03T08:00:00Z")], 1),
        ([cleared(1, "2026-05-04T18:00:00Z")], 1),  # later on the day of the meeting
        ([cleared(1, "2026-05-04T21:30:00Z")], None),  # half past midnight in Finland: the day after
        ([cleared(1, "2026-05-01T08:00:00Z", "2026-05-03T08:00:00Z")], None),
        ([cleared(1, "2026-05-01T08:00:00Z", "2026-05-04T08:00:00Z")], 1),  # lapsed on the day of the meeting
        ([cleared(1, "2026-05-01T08:00:00Z", "2026-06-01T08:00:00Z"), cleared(2, "2026-06-01T08:00:00Z")], 1),
        ([cleared(1, "2026-05-01T08:00:00Z", "2026-05-04T08:00:00Z"), cleared(2, "2026-05-04T08:00:00Z")], 2),
    ],
)
def test_a_meeting_had_the_newest_clearance_that_held_on_its_day(
    clearances: list[dict[str, Any]], edition: int | None
) -> None:
    held = clearance_at(clearances, date(2026, 5, 4))
    assert (held["edition"] if held else None) == edition
    assert held is None or "until" not in held


def test_one_clearance_holds_at_a_time() -> None:
    both = [*ended([cleared(1, "2026-05-01T08:00:00Z")], "2026-06-01T08:00:00Z"), cleared(2, "2026-06-01T08:00:00Z")]
    assert standing(both) == {"edition": 2, "at": "2026-06-01T08:00:00Z"}
    assert standing(ended(both, "2026-07-01T08:00:00Z")) is None
    assert [row["until"] for row in ended(both, "2026-07-01T08:00:00Z")] == [
        "2026-06-01T08:00:00Z",
        "2026-07-01T08:00:00Z",
    ]


@pytest.mark.parametrize(
    ("planned", "meeting", "years"),
    [
        ([2028, 2027, 2028], date(2026, 12, 14), [2027, 2028]),
        ([], date(2027, 1, 11), [2027]),
        ([], None, [2026]),
    ],
)
def test_the_hint_looks_at_the_years_that_the_decision_is_about(
    planned: list[int], meeting: date | None, years: list[int]
) -> None:
    assert hint_years(planned, meeting, date(2026, 11, 25)) == years


def test_blanks_do_not_make_another_case_and_anything_else_does() -> None:
    assert natural_number("  HEL\u00a02025-001216 ") == natural_number("HEL  2025-001216") == "HEL 2025-001216"
    assert len({natural_number(number) for number in ("A 1", "A1", "a 1", "A-1", "A/1")}) == 5


@pytest.mark.parametrize(
    ("code", "excluded"), [("01 01", True), ("01 01 00", True), ("01 010", False), ("01", False), (None, False)]
)
def test_a_task_class_and_all_below_it_are_set_aside(code: str | None, excluded: bool) -> None:
    assert is_excluded(code, [{"prefix": "01 01"}]) is excluded


def _code(day: str, separator: str, number: int) -> str:
    checks = "0123456789ABCDEFHJKLMNPRSTUVWXY"
    return f"{day}{separator}{number}{checks[int(f'{day}{number}') % 31]}"


INVENTED = _code("010190", "-", 950)
"""Numbers from 900 on are never given to a person."""


@pytest.mark.parametrize("separator", ["-", "+", "A", "B", "F", "U", "Y", "\u2013", "\u2212", "\u2011"])
def test_an_identity_code_is_found_however_it_is_written(separator: str) -> None:
    code = INVENTED.replace("-", separator)
    for text in (
        code,
        code.lower(),
        f"Lapsi ({code}) kuultiin",
        f"x:{code}.",
        f"hetu{code}",
        f"{code}n",
        f"a{code}:lle",
    ):
        assert holds_identity_code(text), text


@pytest.mark.parametrize("escaped", ["%2D", "%252d", "%E2%80%93", "&#45;", "&ndash;", "%26ndash;"])
def test_an_identity_code_is_found_behind_escapes(escaped: str) -> None:
    assert holds_identity_code(f"https://example.fi/?hetu={INVENTED.replace('-', escaped)}&a=1")


def test_no_identity_code_is_found_in_what_machines_make(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(1)
    made = []
    for _ in range(20_000):
        digits = f"{random.getrandbits(256):064x}"
        one = UUID(digits[:32])
        made += [str(one), f"{{{one}}}".upper(), f"sha256:{digits}", f"00-{digits[:32]}-{digits[32:48]}-01"]
    assert [text for text in made if holds_identity_code(text)] == []
    monkeypatch.setattr(texts, "_IDS", re.compile("(?!)"))
    assert [text for text in made if holds_identity_code(text)]  # the control


@pytest.mark.parametrize(
    "text", ["", "1234/00.01.02/2026", "040 123 4567", "2019-005460", "010190-9500", "HEL 2022-000080"]
)
def test_what_only_looks_like_an_identity_code_is_let_through(text: str) -> None:
    assert not holds_identity_code(text)


def test_a_wrong_check_character_or_an_impossible_day_is_no_code() -> None:
    right = INVENTED[-1]
    wrong = next(c for c in "0123456789ABCDEFHJKLMNPRSTUVWXY" if c != right)
    assert not holds_identity_code(INVENTED[:-1] + wrong)
    assert not holds_identity_code(_code("320190", "-", 950))
    assert not holds_identity_code(_code("011390", "-", 950))


@pytest.mark.parametrize(
    ("text", "right"), [("1234567-1", True), ("1234567-2", False), ("12345-1", False), ("", False)]
)
def test_a_business_id_has_its_check_digit(text: str, right: bool) -> None:
    assert is_business_id(text) is right


def test_every_right_is_somebodys_and_every_role_has_known_ones() -> None:
    given_out = frozenset[str]().union(*ROLES.values())
    assert given_out == set(PERMISSIONS)


def test_a_key_narrows_and_never_widens() -> None:
    assert permissions_of(("preparer",), ("decisions:read", "people:write")) == {"decisions:read"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_merge_patch_does_what_rfc_7396_says(target: dict[str, Any], patch: dict[str, Any]) -> None:
    result = merged(target, patch)
    for name, value in patch.items():
        if value is None:
            assert name not in result
        elif not isinstance(value, dict):
            assert result[name] == value
    assert all(result[name] == target[name] for name in target if name not in patch)
    assert merged(result, {}) == result


def content(**changes: Any) -> dict[str, Any]:
    """An assessment that meets every line of the quality check."""
    impact = {"option_id": "1", "age_groups": ["0-6"], "child_groups": ["all"], "evidence_ids": ["e"]}
    return {
        "extent": "full",
        "impacts": [
            {**impact, "impact_class": "direct", "term": "short"},
            {**impact, "impact_class": "indirect", "term": "long"},
            {**impact, "impact_class": "communal", "term": "long", "option_id": "0"},
        ],
        "evidence": [{"id": "e", "kind": "statistic"}],
        "hearings": [{"party": "children"}, {"party": "parents"}],
        "recommendations": [{}],
        "summary": "x",
        "best_interests": "x",
        "competing_interests": "x",
        "interest_yields": False,
        "follow_up_plan": "x",
        **changes,
    }


OPTIONS = [{"id": "0", "code": "VE0"}, {"id": "1", "code": "VE1"}]


def test_a_good_assessment_meets_every_line() -> None:
    lines = quality(content(), OPTIONS)
    assert len(lines) == 10
    assert all(line["passed"] for line in lines)


@pytest.mark.parametrize(
    ("missing", "line"),
    [
        ({"impacts": []}, "thorough"),
        ({"evidence": []}, "evidence_base"),
        ({"hearings": [{"party": "parents"}]}, "childrens_information"),
        ({"hearings": [{"party": "children"}]}, "childrens_information"),
        ({"best_interests": None}, "best_interests"),
        ({"competing_interests": None}, "best_interests"),
        ({"interest_yields": None}, "best_interests"),
        ({"summary": None}, "conclusions"),
        ({"recommendations": []}, "conclusions"),
        ({"follow_up_plan": None}, "follow_up_plan"),
    ],
)
def test_each_line_says_what_is_missing(missing: dict[str, Any], line: str) -> None:
    found = {entry["line"]: entry for entry in quality(content(**missing), OPTIONS)}
    assert not found[line]["passed"]
    assert all(in_words(found[line]["missing"], language).endswith(".") for language in ("fi", "sv", "en"))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"term": "short"}, "short_and_long_term"),
        ({"impact_class": "direct"}, "indirect_effects"),
        ({"age_groups": ["18+"]}, "ages_and_groups"),
        ({"child_groups": []}, "ages_and_groups"),
        ({"option_id": "0"}, "options_compared"),
        ({"evidence_ids": []}, "evidence_base"),
    ],
)
def test_each_line_looks_at_the_impacts(change: dict[str, Any], line: str) -> None:
    impacts = [{**impact, **change} for impact in content()["impacts"]]
    found = {entry["line"]: entry["passed"] for entry in quality(content(impacts=impacts), OPTIONS)}
    assert not found[line]


def test_reused_data_from_children_counts_only_with_all_three_checks() -> None:
    survey = {"kind": "children_survey", "up_to_date": True, "relevant": True, "wide_enough": True}
    for wide_enough in (True, False):
        reused = content(
            hearings=[{"party": "parents"}], extent="light", evidence=[{**survey, "wide_enough": wide_enough}]
        )
        found = {entry["line"]: entry["passed"] for entry in quality(reused, OPTIONS)}
        assert found["childrens_information"] is wide_enough


def test_parents_are_asked_for_where_children_are_too_young_to_speak_for_themselves() -> None:
    impacts = [{**impact, "age_groups": ["13-15"]} for impact in content()["impacts"]]
    older = content(impacts=impacts, hearings=[{"party": "children"}])
    assert all(line["passed"] for line in quality(older, OPTIONS))


def test_an_impact_of_class_none_says_that_there_are_no_indirect_effects() -> None:
    impacts = [{**impact, "impact_class": "direct"} for impact in content()["impacts"]]
    found = {line["line"]: line["passed"] for line in quality(content(impacts=impacts), OPTIONS)}
    assert not found["indirect_effects"]
    impacts[2]["impact_class"] = "none"
    found = {line["line"]: line["passed"] for line in quality(content(impacts=impacts), OPTIONS)}
    assert found["indirect_effects"]


def test_what_is_missing_is_said_in_each_language() -> None:
    bare = content(impacts=[{**impact, "option_id": "0"} for impact in content()["impacts"]], extent=Extent.LIGHT)
    (line,) = [line for line in quality(bare, OPTIONS) if not line["passed"]]
    assert line["missing"] == [{"code": "options_without_impacts", "of": ["VE1"]}]
    assert in_words(line["missing"], "fi") == "Vaihtoehdot, joille ei ole kirjattu vaikutuksia: VE1."
    assert in_words(line["missing"], "sv") == "Alternativ utan antecknade konsekvenser: VE1."


def test_a_form_can_arrange_every_field_and_part_of_an_assessment() -> None:
    assert set(AssessmentFacts.model_fields) - {"answers"} | set(PARTS) == FORM_ITEMS
