"""The child budget through the API: the worked example to the cent, and what its figures rest on."""

from typing import Any

import pytest

from tests.county import Api

POPULATION = [5000, 6000, 3500, 2500, 83_000]
WORKED: dict[str, tuple[str, int, str, dict[str, Any]]] = {
    "A": (
        "Laitoshoito",
        12_000_000,
        "direct",
        {"method": "use_share", "weights": [100_000, 200_000, 350_000, 300_000, 50_000]},
    ),
    "B": ("Lastenneuvola", 4_000_000, "direct", {"method": "full", "age_groups": ["0-6"]}),
    "C": ("Aikuisten mielenterveys", 6_000_000, "indirect", {"method": "child_share", "child_share_ppm": 250_000}),
    "D": ("Pelastustoimi", 8_000_000, "communal", {"method": "population_share"}),
    "E": ("Ikäihmisten palvelut", 20_000_000, "none", {"method": "population_share"}),
}
"""The worked example of the domain document: invented services, net euros, class and weights."""


def made(answer: Any) -> Any:
    assert answer.status_code == 201, answer.text
    return answer.json()


def add_population(api: Api, year: int = 2026, counts: list[int] = POPULATION) -> Any:
    body = {"year": year, "counts": counts, "source": "Keksitty"}
    return made(api.send("controller", "POST", "/api/v1/populations", body))


def add_centre(api: Api, code: str, name: str = "Palvelu", unit_id: str | None = None) -> str:
    body = {"code": code, "name": {"fi": name}, "valid_from": "2020-01-01", "unit_id": unit_id}
    return str(made(api.send("controller", "POST", "/api/v1/cost-centres", body))["id"])


def classify(api: Api, centre: str, impact_class: str = "direct", from_year: int = 2020, **facts: Any) -> Any:
    body = {
        "cost_centre_id": centre,
        "from_year": from_year,
        "impact_class": impact_class,
        "reason": "Keksitty.",
        **facts,
    }
    return made(api.send("controller", "POST", "/api/v1/classifications", body))


def lines(*rows: tuple[Any, ...]) -> str:
    """A file of lines: year, phase, cost centre, service class, account and amount."""
    header = "vuosi;vaihe;kustannuspaikka;palveluluokka;tili;summa"
    return "\r\n".join([header, *(";".join(str(cell) for cell in row) for row in rows)])


def budget(api: Api, role: str = "controller", **query: Any) -> Any:
    answer = api.client.get(
        "/api/v1/child-budget", params=query, headers={"Authorization": f"Bearer {api.county.keys[role]}"}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def worked(api: Api) -> dict[str, str]:
    """The county of the worked example; the cost centres' ids by code."""
    add_population(api)
    centres = {code: add_centre(api, code, name) for code, (name, *_) in WORKED.items()}
    for code, (_, _, impact_class, facts) in WORKED.items():
        classify(api, centres[code], impact_class, **facts)
    rows = [(2026, "talousarvio", code, "", "4300", f"{euros},00") for code, (_, euros, *_) in WORKED.items()]
    job = api.import_file("budget-lines", lines(*rows))
    assert job["state"] == "succeeded", job
    return centres


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
