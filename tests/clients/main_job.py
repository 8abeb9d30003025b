"""The main job in Python: from a case that is told to what came of it, by generated functions and models alone."""

import time
from datetime import date
from http import HTTPStatus
from io import BytesIO
from typing import Any, TypeVar
from uuid import UUID, uuid4

from lava_client import AuthenticatedClient
from lava_client.api.assessments import (
    answer_screening,
    approve_assessment,
    change_assessment,
    draft_assessment,
    read_assessment,
    read_statement,
    start_assessment,
    submit_assessment,
)
from lava_client.api.attachments import read_attachment_content, upload_attachment
from lava_client.api.cases import read_case, tell_case, tell_cases
from lava_client.api.child_budget import read_child_budget_plot
from lava_client.api.decisions import add_option, read_decision, record_handling
from lava_client.api.events import read_events
from lava_client.api.follow_ups import open_follow_up
from lava_client.api.jobs import read_job
from lava_client.api.parts_of_an_assessment import add_evidence, add_hearing, add_impact, add_recommendation
from lava_client.api.services import import_service_classes
from lava_client.models import (
    AgeGroup,
    AnswerToRecommendation,
    AssessmentPatch,
    AssessmentRead,
    AssessmentStart,
    AttachmentRead,
    CaseBatch,
    CaseFacts,
    CaseItem,
    CaseLanguage,
    CaseOutcome,
    CaseReadiness,
    CaseResults,
    CaseTold,
    DecisionRead,
    Direction,
    EventPage,
    EventRead,
    EvidenceFacts,
    EvidenceKind,
    EvidenceRead,
    Extent,
    FollowUpRead,
    HandlingNew,
    HandlingOutcome,
    HandlingRead,
    HearingFacts,
    HearingMethod,
    HearingParty,
    HearingRead,
    ImpactClass,
    ImpactFacts,
    ImpactRead,
    JobRead,
    JobState,
    Language,
    Likelihood,
    LocalisedText,
    Magnitude,
    OptionNew,
    OptionRead,
    Plot,
    Problem,
    RecommendationAnswer,
    RecommendationFacts,
    RecommendationKind,
    RecommendationRead,
    ScreeningNew,
    ScreeningNewAnswers,
    ScreeningOutcome,
    SourceStatus,
    StatementRead,
    Term,
)
from lava_client.types import File, Response

KEY = {"source": "ahjo", "diary_number": "77/00.01.02/2026"}
BODY = "Aluehallitus"
ANSWERS = {
    "touches_children": "yes",
    "touches_families": "yes",
    "changes_service": "yes",
    "vulnerable_groups": "unsure",
    "long_term": "yes",
    "other_impacts": "no",
}
HAPPENED = [
    "decision.registered",
    "assessment.started",
    "assessment.screened",
    "assessment.sealed",
    "decision.cleared",
    "decision.handled",
    "follow_up.opened",
]
T = TypeVar("T")


def got(kind: type[T], answer: Response[Any]) -> T:
    """What an answer was parsed as, which is what was asked for."""
    assert isinstance(answer.parsed, kind), answer.content
    return answer.parsed


def refused(status: int, code: str, answer: Response[Any]) -> Problem:
    """The problem of an answer that refuses."""
    problem = got(Problem, answer)
    said = (answer.status_code, problem.status, problem.type_)
    assert said == (HTTPStatus(status), status, f"urn:lava:problem:{code}"), answer.content
    assert problem.instance.removeprefix("urn:uuid:") == answer.headers["X-Request-Id"]
    return problem


def tagged(thing: Any) -> str:
    """The ETag of a thing that was read or written."""
    return f'"{thing.version}"'


class MainJob:
    """One decision's way, each step by who does it."""

    def __init__(self, address: str, keys: dict[str, str], today: date) -> None:
        self.clients = {role: AuthenticatedClient(address, token, timeout=None) for role, token in keys.items()}
        self.system, self.preparer, self.expert = (self.clients[r] for r in ("integration", "preparer", "expert"))
        self.today = today

    def close(self) -> None:
        """Close every connection."""
        for client in self.clients.values():
            client.get_httpx_client().close()

    def missing(self) -> list[str]:
        """What the case still needs; nothing where it is ready."""
        case = got(CaseReadiness, read_case.sync_detailed(client=self.system, **KEY))
        [decision] = case.decisions
        assert case.ready is decision.ready is (not decision.missing)
        return [step.code.value for step in decision.missing]

    def tell(self) -> UUID:
        """The case system tells of the case: new, the same again, and an older word that comes late."""
        facts = CaseFacts(
            source_version=7,
            title=LocalisedText(fi="Neuvolan toimipisteen sulkeminen", sv="Stängning av en rådgivningsbyrå"),
            language=CaseLanguage.FI,
            body=BODY,
            meeting_date=self.today,
            status=SourceStatus.IN_PREPARATION,
        )
        first = tell_case.sync_detailed(client=self.system, body=facts, **KEY)
        assert first.status_code == HTTPStatus.CREATED
        assert got(CaseTold, first).outcome is CaseOutcome.CREATED
        again = tell_case.sync_detailed(client=self.system, body=facts, **KEY)
        assert (again.status_code, got(CaseTold, again).outcome) == (HTTPStatus.OK, CaseOutcome.UNCHANGED)
        facts.source_version = 6
        late = tell_case.sync_detailed(client=self.system, body=facts, **KEY)
        assert got(CaseTold, late).outcome is CaseOutcome.OUTDATED
        decision_id: UUID = got(CaseTold, first).decision.decision_id
        return decision_id

    def tell_many(self) -> None:
        """A batch, in which one case breaks the schema and is refused by itself."""
        titled = LocalisedText(fi="Koulukuraattorit")
        items = [CaseItem(title=titled, diary_number=number, source_version=1) for number in ("78/2026", "79/2026")]
        items[1].title = LocalisedText(en="No Finnish")
        answer = tell_cases.sync_detailed(client=self.system, body=CaseBatch(source="ahjo", items=[*items]))
        one, other = got(CaseResults, answer).items
        assert (one.outcome, one.problem, other.outcome) == (CaseOutcome.CREATED, None, CaseOutcome.REFUSED)
        assert other.problem
        assert [fault.pointer for fault in other.problem.errors or []] == ["/title"]

    def start(self, decision_id: UUID) -> AssessmentRead:
        """The preparer starts the assessment once, however often it is sent."""
        key, wanted = str(uuid4()), AssessmentStart(extent=Extent.LIGHT)
        one, again, other = (
            start_assessment.sync_detailed(decision_id, client=self.preparer, body=body, idempotency_key=key)
            for body in (wanted, wanted, AssessmentStart(extent=Extent.FULL))
        )
        assert got(AssessmentRead, one) == got(AssessmentRead, again)
        assert again.headers["Idempotent-Replayed"] == "true"
        refused(422, "idempotency_key_reused", other)
        return got(AssessmentRead, one)

    def screen(self, assessment: AssessmentRead) -> AssessmentRead:
        """The screening, with the version that it changes; another is refused."""
        answers = ScreeningNewAnswers.from_dict(ANSWERS)
        body = ScreeningNew(answers=answers, outcome=ScreeningOutcome.NEEDED, reason="Koskee pieniä lapsia.")
        stale = answer_screening.sync_detailed(assessment.id, client=self.preparer, body=body, if_match='"99"')
        refused(412, "stale", stale)
        answer = answer_screening.sync_detailed(
            assessment.id, client=self.preparer, body=body, if_match=tagged(assessment)
        )
        screened = got(AssessmentRead, answer)
        assert answer.headers["ETag"] == tagged(screened)
        assert screened.screening
        assert screened.screening.answers.to_dict() == ANSWERS
        return screened

    def write(self, assessment: AssessmentRead, option_id: UUID) -> tuple[AssessmentRead, UUID]:
        """The draft, its texts and parts, and an attached file; the recommendation's id too."""
        by, at = self.preparer, assessment.id
        drafting = got(AssessmentRead, draft_assessment.sync_detailed(at, client=by, if_match=tagged(assessment)))
        texts = AssessmentPatch(
            summary="Neuvola siirtyy.", best_interests="Palvelu lähellä kotia.", follow_up_plan="Vuoden kuluttua."
        )
        got(AssessmentRead, change_assessment.sync_detailed(at, client=by, body=texts, if_match=tagged(drafting)))
        research = EvidenceFacts(EvidenceKind.RESEARCH, "Selvitys", "Esimerkki", "Matka ratkaisee.")
        evidence = got(EvidenceRead, add_evidence.sync_detailed(at, client=by, body=research))
        impact = ImpactFacts(
            option_id=option_id,
            description="Matka pitenee.",
            impact_class=ImpactClass.DIRECT,
            direction=Direction.NEGATIVE,
            magnitude=Magnitude.MODERATE,
            likelihood=Likelihood.LIKELY,
            term=Term.SHORT,
            age_groups=[AgeGroup.UNDER_7],
            evidence_ids=[evidence.id],
        )
        assert got(ImpactRead, add_impact.sync_detailed(at, client=by, body=impact)).evidence_ids == [evidence.id]
        heard = HearingFacts(HearingParty.CHILDREN, "Nuorisovaltuusto", HearingMethod.YOUTH_COUNCIL, "Lähelle.")
        got(HearingRead, add_hearing.sync_detailed(at, client=by, body=heard))
        advice = RecommendationFacts(RecommendationKind.CHANGE, "Säilytetään kerran viikossa.")
        recommendation = got(RecommendationRead, add_recommendation.sync_detailed(at, client=by, body=advice))
        self._attach(at)
        return got(AssessmentRead, read_assessment.sync_detailed(at, client=by)), recommendation.id

    def _attach(self, assessment_id: UUID) -> None:
        memo = "Kuulemisen muistio\n\nPalvelun pitää olla lähellä koulua.\n".encode()
        sent = upload_attachment.sync_detailed(
            assessment_id, client=self.preparer, body=File(BytesIO(memo)), file_name="muistio.txt"
        )
        attached = got(AttachmentRead, sent)
        assert attached.media_type == "text/plain"
        file = read_attachment_content.sync_detailed(assessment_id, attached.id, client=self.preparer)
        assert got(File, file).payload.read() == memo

    def sign(self, assessment: AssessmentRead) -> AssessmentRead:
        """Submitted and approved; out of turn it is refused, and there is no statement before."""
        at = assessment.id
        early = approve_assessment.sync_detailed(at, client=self.expert, if_match=tagged(assessment))
        refused(409, "wrong_state", early)
        refused(409, "not_sealed", read_statement.sync_detailed(at, client=self.system))
        submitted = submit_assessment.sync_detailed(at, client=self.preparer, if_match=tagged(assessment))
        match = tagged(got(AssessmentRead, submitted))
        approved = approve_assessment.sync_detailed(at, client=self.expert, if_match=match, idempotency_key="sign-77")
        return got(AssessmentRead, approved)

    def read_what_was_signed(self, assessment_id: UUID) -> None:
        """The statement as a model, and not again while it has not changed."""
        answer = read_statement.sync_detailed(assessment_id, client=self.system, lang=Language.SV)
        statement = got(StatementRead, answer)
        assert statement.diary_number == KEY["diary_number"]
        assert [one.text for one in statement.recommendations] == ["Säilytetään kerran viikossa."]
        same = read_statement.sync_detailed(
            assessment_id, client=self.system, lang=Language.SV, if_none_match=answer.headers["ETag"]
        )
        assert (same.status_code, same.parsed) == (HTTPStatus.NOT_MODIFIED, None)

    def handle(self, decision_id: UUID, option_id: UUID, recommendation_id: UUID) -> None:
        """What the body decided, and how it answered the recommendation."""
        decision = got(DecisionRead, read_decision.sync_detailed(decision_id, client=self.system))
        body = HandlingNew(
            body=BODY,
            meeting_date=self.today,
            outcome=HandlingOutcome.DECIDED,
            section="65",
            option_id=option_id,
            answers=[AnswerToRecommendation(recommendation_id, RecommendationAnswer.FOLLOWED)],
        )
        answer = record_handling.sync_detailed(decision_id, client=self.system, body=body, if_match=tagged(decision))
        handled = got(HandlingRead, answer)
        assert (handled.uncleared, len(handled.answers)) == (False, 1)

    def events(self) -> list[EventRead]:
        """Everything that happened, a page at a time."""
        found: list[EventRead] = []
        page = got(EventPage, read_events.sync_detailed(client=self.system, limit=5))
        while page.more:
            found += page.items
            page = got(EventPage, read_events.sync_detailed(client=self.system, limit=5, after=page.cursor))
        return [*found, *page.items]

    def use_files(self) -> None:
        """A CSV file goes in as its bytes and is read by a job; a plot comes as text."""
        table = b"scheme,year,code,name\r\ndemo,2026,9101,Lastenneuvola\r\n"
        controller = self.clients["controller"]
        sent = import_service_classes.sync_detailed(client=controller, body=File(BytesIO(table)), dry_run=False)
        assert sent.status_code == HTTPStatus.ACCEPTED
        job = got(JobRead, sent)
        while job.state not in {JobState.SUCCEEDED, JobState.FAILED}:
            time.sleep(0.1)
            job = got(JobRead, read_job.sync_detailed(job.id, client=controller))
        assert job.state is JobState.SUCCEEDED, job
        plot = read_child_budget_plot.sync_detailed(client=controller, kind=Plot.YEARS, year=[2026])
        assert got(str, plot).startswith("<svg")

    def send_nonsense(self) -> None:
        """What breaks the schema comes back as a problem that says where."""
        nothing = CaseFacts(title=LocalisedText(en="No Finnish"))
        answer = tell_case.sync_detailed(client=self.system, body=nothing, accept_language="sv", **KEY)
        problem = refused(422, "invalid", answer)
        assert problem.title == "Uppgifterna innehåller fel"
        assert problem.errors
        assert [fault.pointer for fault in problem.errors] == ["/title"]

    def do(self) -> None:
        """All of it, in order."""
        decision_id = self.tell()
        assert self.missing() == ["screen"]
        closed = OptionNew(code="VE1", title=LocalisedText(fi="Toimipiste suljetaan"))
        option = got(OptionRead, add_option.sync_detailed(decision_id, client=self.preparer, body=closed))
        screened = self.screen(self.start(decision_id))
        written, recommendation_id = self.write(screened, option.id)
        assert self.missing() == ["write", "approve"]
        approved = self.sign(written)
        assert self.missing() == []
        self.read_what_was_signed(approved.id)
        self.handle(decision_id, option.id, recommendation_id)
        opened = got(FollowUpRead, open_follow_up.sync_detailed(decision_id, client=self.preparer))
        assert opened.decision_id == decision_id
        types = [event.type_ for event in self.events()]
        assert [name for name in types if name in HAPPENED] == HAPPENED
