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


def test_an_amount_that_is_no_number_is_told_with_how_to_write_it(api: Api) -> None:
    job = api.import_file(
        "budget-lines", "vuosi;vaihe;kustannuspaikka;summa\r\n2026;talousarvio;1;12 34O,00\r\n", dry_run=True
    )
    told = {fault["column"]: fault["expected"] for fault in job["errors"]}
    assert told["summa"] == (
        "an amount in euros with at most two decimals, such as -1234,50; give a number in the digits 0-9, "
        "such as -1234,50"
    )
