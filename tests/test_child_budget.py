"""The child budget through the API: the worked example to the cent, and what its figures rest on."""

from tests.budget import POPULATION, budget
from tests.county import Api


def test_the_worked_example_comes_out_to_the_cent(api: Api, worked: dict[str, str]) -> None:
    told = budget(api, year=2026, phase="budget", group_by="cost_centre,age_group")
    (headline,) = told["headlines"]
    assert headline["net"]["cents"] == 5_000_000_000
    assert headline["core"] == {
        "amount": {"cents": 1_540_000_000, "currency": "EUR"},
        "share": 0.308,
        "per_child": {"cents": 90_588, "currency": "EUR"},
    }
    assert headline["extended"] == {
        "amount": {"cents": 1_826_000_000, "currency": "EUR"},
        "share": 0.3652,
        "per_child": {"cents": 107_412, "currency": "EUR"},
    }
    per_child = [row["extended"]["per_child"]["cents"] for row in headline["age_groups"]]
    assert per_child == [120_824, 56_824, 136_824, 160_824]
    assert headline["children"] == 17_000
    assert headline["coverage"] == 1.0
    assert headline["unclassified"]["net"]["cents"] == 0
    parts = {(row["cost_centre"]["code"], row["age_group"]): row["net"]["cents"] for row in told["rows"]}
    assert parts == {
        ("A", "0-6"): 120_000_000,
        ("A", "7-12"): 240_000_000,
        ("A", "13-15"): 420_000_000,
        ("A", "16-17"): 360_000_000,
        ("A", "18+"): 60_000_000,
        ("B", "0-6"): 400_000_000,
        ("C", "0-6"): 44_117_647,
        ("C", "7-12"): 52_941_176,
        ("C", "13-15"): 30_882_353,
        ("C", "16-17"): 22_058_824,
        ("C", "18+"): 450_000_000,
        ("D", "0-6"): 40_000_000,
        ("D", "7-12"): 48_000_000,
        ("D", "13-15"): 28_000_000,
        ("D", "16-17"): 20_000_000,
        ("D", "18+"): 664_000_000,
        ("E", "18+"): 2_000_000_000,
    }
    assert told["rule_version"] == "1"
    assert told["populations"] == [{"year": 2026, "from_year": 2026, "counts": POPULATION}]
