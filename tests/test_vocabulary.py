"""Every code of the code has its label in three languages, and no label is left over."""

import importlib
import pkgutil
from enum import StrEnum

import app
from app.assessments.rules import quality
from app.conventions.vocabulary import all_labels
from tests.county import Api
from tests.test_rules import OPTIONS, content

NOT_ENUMERATIONS = {"child_group", "quality_line"}
"""Lists whose codes stand elsewhere: the organisation's own, and the quality check's lines."""
NAMES = {
    "DecisionObject": "decision_object",
    "Realised": "realised",
    "AreaKind": "area",
    "FollowUpDue": "follow_up_due",
}
NOT_SHOWN = {"EntryKind", "Basis", "Axis", "Format", "Plot", "StatementFormat"}
"""Enumerations that no person reads a label of."""


def enumerations() -> dict[str, type[StrEnum]]:
    modules = [module.name for module in pkgutil.walk_packages(app.__path__, "app.") if module.name != "app.cli"]
    values = [value for name in modules for value in vars(importlib.import_module(name)).values()]
    ours = [v for v in values if isinstance(v, type) and issubclass(v, StrEnum) and v.__module__.startswith("app.")]
    return {value.__name__: value for value in ours}


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


def test_codes_and_labels_are_the_same() -> None:
    labels = all_labels()
    shown = {NAMES.get(n, _snake(n)): e for n, e in enumerations().items() if n not in NOT_SHOWN}
    assert set(shown) == set(labels) - NOT_ENUMERATIONS
    for name, enumeration in shown.items():
        assert {code.value for code in enumeration} == set(labels[name]), name
    assert [line["line"] for line in quality(content(), OPTIONS)] == list(labels["quality_line"])


def test_every_label_is_there_in_three_languages() -> None:
    for name, codes in all_labels().items():
        for code, label in codes.items():
            assert set(label) == {"fi", "sv", "en"}, (name, code)
            assert all(text == text.strip() and text for text in label.values()), (name, code)


def test_the_organisations_own_child_groups_are_in_the_vocabulary(api: Api) -> None:
    items = [{"code": "own", "label": {"fi": "Oma ryhmä"}}]
    path = "/api/v1/organisation"
    assert api.change("administrator", "PUT", f"{path}/child-groups", {"items": items}, of=path).status_code == 200
    lists = api.send("preparer", "GET", "/api/v1/vocabulary").json()["lists"]
    assert lists["child_group"] == {"own": {"fi": "Oma ryhmä"}}
    assert lists["impact_class"]["communal"]["sv"] == "gemenskapsinriktad"
