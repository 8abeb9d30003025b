"""The public register: what is published and nothing else, without a key, cacheable; and taking an entry out."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from typer.testing import CliRunner

from app import cli
from app.assessments import actions as assessments
from app.assessments import parts
from app.assessments.models import Assessment
from app.assessments.parts_schemas import EvidenceFacts
from app.conventions.schemas import values_of
from app.database import Database
from app.decisions.models import Decision
from app.public_register import actions as register
from app.public_register.models import RegisterEntry
from app.public_register.schemas import PublicAssessment
from tests.county import Api, County, a_decision, an_assessment

PUBLIC = "/public/v1/assessments"


def test_only_what_is_published_is_public_and_needs_no_key(api: Api, county: County, database: Database) -> None:
    with database.transaction() as session:
        path = f"/api/v1/assessments/{an_assessment(session, county, 'approved').id}"
    assert api.client.get(PUBLIC).json()["items"] == []
    api.change("registrar", "POST", f"{path}/publication", {"privacy_checked": True}, of=path)
    (entry,) = api.client.get(PUBLIC).json()["items"]
    answer = api.client.get(f"{PUBLIC}/{entry['id']}")
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert set(answer.json()["document"]) == set(PublicAssessment.model_fields)


def test_nothing_private_is_in_the_projection(api: Api, county: County, database: Database) -> None:
    with database.transaction() as session:
        row = an_assessment(session, county, "published")
        private = {str(row.id), str(row.decision_id), str(row.form_id), *(str(c.id) for c in county.callers.values())}
    (entry,) = api.client.get(PUBLIC).json()["items"]
    text = api.client.get(f"{PUBLIC}/{entry['id']}").text
    assert not [secret for secret in private if secret in text]
    assert not [caller.name for caller in county.callers.values() if caller.name in text]


def test_a_cache_is_told_that_nothing_has_changed(api: Api, county: County, database: Database) -> None:
    with database.transaction() as session:
        an_assessment(session, county, "published")
    (entry,) = api.client.get(PUBLIC).json()["items"]
    etag = api.client.get(f"{PUBLIC}/{entry['id']}").headers["etag"]
    again = api.client.get(f"{PUBLIC}/{entry['id']}", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_cache_is_told_that_the_list_has_not_changed(api: Api, county: County, database: Database) -> None:
    empty = api.client.get(PUBLIC).headers["etag"]
    with database.transaction() as session:
        an_assessment(session, county, "published")
    listed = api.client.get(PUBLIC, headers={"If-None-Match": empty})
    assert listed.status_code == 200
    again = api.client.get(PUBLIC, headers={"If-None-Match": listed.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "public, max-age=300"
    assert api.client.get(f"{PUBLIC}?kind=not_needed").headers["etag"] == empty  # of the content, not the address


def test_the_list_is_filtered_by_organisation_kind_and_diary_number(
    api: Api, county: County, neighbour: County, database: Database
) -> None:
    with database.transaction() as session:
        an_assessment(session, county, "published")
        an_assessment(session, neighbour, "published")
    assert len(api.client.get(PUBLIC).json()["items"]) == 2
    (own,) = api.client.get(PUBLIC, params={"organisation": "1234567-1"}).json()["items"]
    assert own["business_id"] == "1234567-1"
    assert api.client.get(PUBLIC, params={"kind": "not_needed"}).json()["items"] == []
    assert len(api.client.get(PUBLIC, params={"diary_number": "1/2026"}).json()["items"]) == 2


def test_an_entry_is_taken_out_with_a_reason_that_is_journalled(
    api: Api, county: County, neighbour: County, database: Database, database_url: str
) -> None:
    with database.transaction() as session:
        an_assessment(session, county, "published")
    (entry,) = api.client.get(PUBLIC).json()["items"]

    def unpublish(organisation: UUID) -> int:
        arguments = ["unpublish", str(organisation), entry["id"], "Nimi tekstissä"]
        return CliRunner(env={"LAVA_DATABASE_URL": database_url}).invoke(cli.app, arguments).exit_code

    assert unpublish(neighbour.id) != 0
    assert len(api.client.get(PUBLIC).json()["items"]) == 1
    assert unpublish(county.id) == 0
    assert api.client.get(PUBLIC).json()["items"] == []
    assert api.client.get(f"{PUBLIC}/{entry['id']}").status_code == 404
    (told,) = api.send("auditor", "GET", "/api/v1/journal?verb=register.withdrawn").json()["items"]
    assert told["details"]["reason"] == "Nimi tekstissä"


def test_private_answers_are_kept_out_of_shared_caches(api: Api) -> None:
    api.decision()
    assert api.send("preparer", "GET", "/api/v1/decisions").headers["cache-control"] == "private, no-cache"


def test_a_matter_made_secret_is_public_no_longer_and_the_journal_says_why(
    api: Api, county: County, database: Database
) -> None:
    with database.transaction() as session:
        made = an_assessment(session, county, "published")
        second = assessments.new_edition(session, made, version=made.version, by=county["preparer"])
        assessments.submit(session, second, version=second.version, by=county["preparer"])
        assessments.approve(session, second, version=second.version, by=county["expert"])
        assessments.publish(session, second, True, version=second.version, by=county["registrar"])
        other = an_assessment(session, county, "published", a_decision(session, county, "2/2026"))
        path, kept = f"/api/v1/decisions/{made.decision_id}", other.id
    assert len(api.client.get(PUBLIC).json()["items"]) == 3
    secret = {"publicity": "secret", "publicity_grounds": "JulkL 24 §"}
    assert api.change("preparer", "PATCH", path, secret).status_code == 200
    (left,) = api.client.get(PUBLIC).json()["items"]
    assert left["diary_number"] == "2/2026"
    told = api.send("auditor", "GET", "/api/v1/journal?verb=register.withdrawn").json()["items"]
    assert {row["object_id"] for row in told} == {str(made.id), str(second.id)}
    assert str(kept) not in {row["object_id"] for row in told}
    assert {row["details"]["reason"] for row in told} == {"The matter was made secret."}


def test_an_entry_of_a_signed_not_needed_is_of_an_assessment_in_the_journal(
    api: Api, county: County, database: Database
) -> None:
    with database.transaction() as session:
        made = an_assessment(session, county, "not_needed")
        assessments.publish(session, made, True, version=made.version, by=county["registrar"])
        decision_id = str(made.decision_id)
    (told,) = api.send("auditor", "GET", "/api/v1/journal?verb=register.published").json()["items"]
    assert (told["object_type"], told["object_id"]) == ("assessment", str(made.id))
    assert (told["details"]["kind"], told["details"]["decision_id"]) == ("not_needed", decision_id)


def test_evidence_is_published_with_its_three_checks(api: Api, county: County, database: Database) -> None:
    checks = {"up_to_date": True, "relevant": True, "wide_enough": False}
    evidence = {"kind": "children_survey", "title": "Kysely", "source": "Kunta", "finding": "Lähelle.", **checks}
    with database.transaction() as session:
        made = an_assessment(session, county, "drafting")
        values = values_of(EvidenceFacts.model_validate(evidence))
        parts.add(session, made, "evidence", values, by=county["preparer"])
        assessments.submit(session, made, version=made.version, by=county["preparer"])
        assessments.approve(session, made, version=made.version, by=county["expert"])
        assessments.publish(session, made, True, version=made.version, by=county["registrar"])
    (entry,) = api.client.get(PUBLIC).json()["items"]
    (shown,) = api.client.get(f"{PUBLIC}/{entry['id']}").json()["document"]["evidence"]
    assert {name: shown[name] for name in checks} == checks


def test_each_published_edition_points_at_the_next_that_is_public_whichever_came_first(
    api: Api, county: County, database: Database
) -> None:
    preparer, expert, registrar = county["preparer"], county["expert"], county["registrar"]

    def next_edition(before: Assessment) -> Assessment:
        made = assessments.new_edition(session, before, version=before.version, by=preparer)
        assessments.submit(session, made, version=made.version, by=preparer)
        return assessments.approve(session, made, version=made.version, by=expert)

    def pointing() -> dict[int, int | None]:
        listed = api.send(None, "GET", "/public/v1/assessments").json()["items"]
        found = {row["id"]: api.send(None, "GET", f"/public/v1/assessments/{row['id']}").json() for row in listed}
        editions = {key: entry["document"]["edition"] for key, entry in found.items()}
        return {
            editions[key]: editions[entry["superseded_by"]] if entry["superseded_by"] else None
            for key, entry in found.items()
        }

    with database.transaction() as session:
        first = an_assessment(session, county, "published")
        second = next_edition(first)
        third = next_edition(second)
        assessments.publish(session, third, True, version=third.version, by=registrar)
    assert pointing() == {1: 3, 3: None}, "the second is not public"
    with database.transaction() as session:
        row = session.scalars(select(RegisterEntry).where(col(RegisterEntry.object_id) == third.id)).one()
        register.withdraw(session, row.id, "Väärä liite.", by=registrar)
    assert pointing() == {1: None}


def test_publishing_an_earlier_edition_leaves_the_decision_at_the_newest(
    api: Api, county: County, database: Database
) -> None:
    with database.transaction() as session:
        first = an_assessment(session, county, "approved")
        second = assessments.new_edition(session, first, version=first.version, by=county["preparer"])
        assessments.publish(session, first, True, version=first.version, by=county["registrar"])
        decision = session.get_one(Decision, first.decision_id)
        assert (decision.assessment_id, decision.assessment_state) == (second.id, "drafting")


def test_a_follow_up_is_not_dated_beyond_what_can_be_counted_from(api: Api) -> None:
    body = {"diary_number": "1/2026", "title": {"fi": "Asia"}, "meeting_date": "9999-12-31"}
    answer = api.send("preparer", "POST", "/api/v1/decisions", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/meeting_date"
