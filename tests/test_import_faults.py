"""What an import says of a file's faults: every one in the words of the file itself."""

import pytest

from tests.county import Api

CENTRES = "kustannuspaikka;nimi;yksikkö;voimassa alkaen;voimassa asti\r\n"


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("100;Neuvola;;1.1.2023;1.1.2022", "voimassa asti"),
        ("100;Neuvola;XYZ;1.1.2023;", "yksikkö"),
        ("100;;;1.1.2023;", "nimi"),
        ("900;Toinen;;1.1.2023;", "kustannuspaikka"),
        ("100;Neuvola;;eilen;", "voimassa alkaen"),
    ],
)
def test_a_fault_names_the_column_as_the_file_does(api: Api, row: str, column: str) -> None:
    job = api.import_file("cost-centres", f"{CENTRES}900;Ensimmäinen;;1.1.2023;\r\n{row}\r\n")
    assert job["state"] == "refused"
    assert [(fault["row"], fault["column"]) for fault in job["errors"]] == [(3, column)]


@pytest.mark.parametrize("total", ["Yhteensä;;3", "900 yhteensä;;3", ";Yhteensä;3"])
def test_a_row_of_totals_is_passed_over_wherever_its_word_stands(api: Api, total: str) -> None:
    api.import_file("cost-centres", f"{CENTRES}900;Ensimmäinen;;1.1.2023;\r\n")
    told = f"kustannuspaikka;tili;summa\r\n900;4300;1\r\n900;4000;2\r\n{total}\r\n"
    job = api.import_file("budget-lines", told, year=2026, phase="budget")
    assert job["state"] == "succeeded", job["errors"]
    assert [(row["lines"], row["cents"]) for row in job["result"]["ledgers"]] == [(2, 300)]


def test_a_cost_centre_whose_code_is_a_word_of_totals_keeps_its_lines(api: Api) -> None:
    centre = {"code": "Total", "name": {"fi": "Nimi"}, "valid_from": "2023-01-01"}
    assert api.send("controller", "POST", "/api/v1/cost-centres", centre).status_code == 201
    job = api.import_file("budget-lines", "kustannuspaikka;summa\r\nTotal;3\r\n", year=2026, phase="budget")
    assert job["result"]["ledgers"][0]["lines"] == 1, job


def test_an_amount_that_is_no_number_is_told_with_how_to_write_it(api: Api) -> None:
    job = api.import_file(
        "budget-lines", "vuosi;vaihe;kustannuspaikka;summa\r\n2026;talousarvio;1;12 34O,00\r\n", dry_run=True
    )
    told = {fault["column"]: fault["expected"] for fault in job["errors"]}
    assert told["summa"] == (
        "an amount in euros with at most two decimals, such as -1234,50; give a number in the digits 0-9, "
        "such as -1234,50"
    )
