"""Builders of a county's money: its population, cost centres, classifications and files of lines."""

from typing import Any

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
