"""Plays a story: one decision's life through the API, as far as the story goes."""

from datetime import date, timedelta
from typing import Any

from app.clock import today
from app.demo.client import Client
from app.demo.county import Services

ORDER = (
    "registered",
    "screening",
    "drafting",
    "in_review",
    "returned",
    "approved",
    "published",
    "decided",
    "followed_up",
)


class Player:
    """Plays one story and keeps the ids it makes."""

    def __init__(self, client: Client, services: Services, story: dict[str, Any]) -> None:
        self.client = client
        self.services = services
        self.story = story
        self.decision: dict[str, Any] = {}
        self.assessment: dict[str, Any] = {}
        self.recommendations: dict[str, str] = {}
        self.impacts: list[dict[str, Any]] = []

    @property
    def decision_path(self) -> str:
        """The decision's address."""
        return f"/api/v1/decisions/{self.decision['id']}"

    @property
    def assessment_path(self) -> str:
        """The assessment's address."""
        return f"/api/v1/assessments/{self.assessment['id']}"

    def play(self) -> None:
        """Play the story to where it ends."""
        until = self.story["until"]
        self.register()
        if until.startswith("not_needed"):
            self.screen()
            self.sign_not_needed()
            if until == "not_needed_published":
                self.publish_not_needed()
            return
        reach = ORDER.index(until)
        if reach >= ORDER.index("screening"):
            self.screen()
        if reach >= ORDER.index("drafting"):
            self.draft()
        if reach >= ORDER.index("in_review"):
            self.submit()
        if until == "returned":
            self.send_back()
        if reach >= ORDER.index("approved"):
            self.approve()
        if reach >= ORDER.index("published"):
            self.publish()
        if "handling" in self.story:
            self.handle()
        if reach >= ORDER.index("followed_up"):
            self.follow_up()

    def register(self) -> None:
        """Register the decision as the case-management system does, and take it into preparation."""
        told = dict(self.story["register"])
        days = told.pop("meeting_in_days", None)
        unit = told.pop("unit", None)
        body = {
            **{name: value for name, value in told.items() if value is not None},
            "unit_id": self.services.units[unit] if unit else None,
            "cost_centre_ids": [self.services.cost_centres[code] for code in told.get("cost_centres", ())],
            "service_class_ids": [self.services.service_classes[code] for code in told.get("service_classes", ())],
            "planned_changes": [
                {
                    "cost_centre_id": self.services.cost_centres[row["cost_centre"]],
                    "year": row["year"],
                    "amount": {"cents": row["cents"]},
                }
                for row in told.get("planned_changes", ())
            ],
            "meeting_date": str(_day(days)) if days is not None else None,
        }
        for name in ("cost_centres", "service_classes"):
            body.pop(name, None)
        self.decision = self.client.send(
            "integration",
            "POST",
            "/api/v1/decisions",
            body,
            expect=201,
            what=f"registers {told['diary_number']}",
            told=_hint,
        )
        self.client.send("preparer", "POST", f"{self.decision_path}/preparation", changes=self.decision_path)

    def screen(self) -> None:
        """Start the assessment and answer its screening."""
        extent = self.story.get("assessment", {}).get("extent", "light")
        self.assessment = self.client.send(
            "preparer", "POST", f"{self.decision_path}/assessments", {"extent": extent}, expect=201
        )
        self.client.send(
            "preparer",
            "PUT",
            f"{self.assessment_path}/screening",
            self.story["screening"],
            changes=self.assessment_path,
            what="answers the screening",
            told=lambda answer: answer["screening"]["outcome"],
        )

    def sign_not_needed(self) -> None:
        """The expert signs that no assessment is needed; the preparer may not."""
        self.client.send(
            "preparer",
            "POST",
            f"{self.assessment_path}/signature",
            changes=self.assessment_path,
            expect=403,
            what="tries to sign 'not needed' for their own screening",
            told=lambda answer: answer["title"],
        )
        self.client.send(
            "expert",
            "POST",
            f"{self.assessment_path}/signature",
            changes=self.assessment_path,
            what="signs that no assessment is needed",
            told=lambda answer: f"{answer['state']}, sealed",
        )

    def publish_not_needed(self) -> None:
        """The registrar publishes the signed 'not needed'."""
        self._publish(self.assessment_path, "publishes the signed 'not needed'")

    def draft(self) -> None:
        """Write the assessment: its texts, evidence, impacts, hearings and recommendations."""
        path, content = self.assessment_path, self.story["assessment"]
        self.client.send("preparer", "POST", f"{path}/drafting", changes=path)
        texts = ("summary", "best_interests", "competing_interests", "interest_yields", "interest_yields_reason")
        more = ("changes_made", "child_friendly", "follow_up_plan")
        body = {name: content[name] for name in (*texts, *more) if content.get(name) is not None}
        self.client.send("preparer", "PATCH", path, body, changes=path)
        evidence: dict[str, str] = {}
        for part in content.get("evidence", ()):
            made = {name: value for name, value in part.items() if name != "key"}
            evidence[part["key"]] = self.client.send("preparer", "POST", f"{path}/evidence", made, expect=201)["id"]
        options = {option["code"]: option["id"] for option in self.decision["options"]}
        for part in content.get("impacts", ()):
            made = {name: value for name, value in part.items() if name not in {"option", "evidence"}}
            made["option_id"] = options[part["option"]]
            made["evidence_ids"] = [evidence[key] for key in part.get("evidence", ())]
            self.impacts.append(self.client.send("preparer", "POST", f"{path}/impacts", made, expect=201))
        for part in content.get("hearings", ()):
            self.client.send("preparer", "POST", f"{path}/hearings", part, expect=201)
        for part in content.get("recommendations", ()):
            made = {name: value for name, value in part.items() if name != "key"}
            answer = self.client.send("preparer", "POST", f"{path}/recommendations", made, expect=201)
            self.recommendations[part["key"]] = answer["id"]
        self.client.send(
            "preparer",
            "GET",
            f"{path}/quality",
            what="writes the assessment and looks at the quality check",
            told=_quality,
        )

    def submit(self) -> None:
        """Submit for review."""
        self._move("preparer", "submission", "submits it for review")

    def send_back(self) -> None:
        """The expert returns it with what to do."""
        words = self.story.get("return_comment", "Täydennä vaikutukset pitkällä aikavälillä.")
        self._move("expert", "return", "returns it with a comment", {"comment": words})

    def approve(self) -> None:
        """The expert approves: sealed, and the decision is cleared."""
        self._move("expert", "approval", "approves and signs")
        self.client.send(
            "auditor",
            "GET",
            f"{self.assessment_path}/seals",
            what="reads the seal",
            told=lambda answer: f"SHA-256 {answer['items'][-1]['digest'][:16]}…",
        )

    def publish(self) -> None:
        """The registrar checks privacy and publishes; anyone reads it without a key."""
        self._publish(self.assessment_path, "checks privacy and publishes")

    def handle(self) -> None:
        """The body handles the matter: which option, and which recommendations were followed."""
        told = self.story["handling"]
        if self.assessment:
            self.client.send(
                "presenter",
                "POST",
                f"{self.decision_path}/presentation",
                {},
                changes=self.decision_path,
                what="takes the cleared decision to the meeting",
                told=lambda answer: answer["state"],
            )
        options = {option["code"]: option["id"] for option in self.decision["options"]}
        body = {
            "body": self.story["register"]["body"],
            "meeting_date": str(_day(-told.get("meeting_days_ago", 0))),
            "section": told["section"],
            "outcome": told["outcome"],
            "option_id": options[told["option"]] if told.get("option") else None,
            "amendment": told.get("amendment"),
            "answers": [
                {
                    "recommendation_id": self.recommendations[answer["recommendation"]],
                    "answer": answer["answer"],
                    "reason": answer.get("reason"),
                }
                for answer in told.get("answers", ())
            ],
        }
        self.client.send(
            "integration",
            "POST",
            f"{self.decision_path}/handlings",
            body,
            changes=self.decision_path,
            expect=201,
            what="reports what the body decided",
            told=lambda answer: (
                f"{answer['outcome']}, "
                f"{len(answer['answers'])} recommendations answered, uncleared: {str(answer['uncleared']).lower()}"
            ),
        )

    def follow_up(self) -> None:
        """Look at what really happened. The county asks for it at once, so that the tour need not wait a year."""
        told = self.story["follow_up"]
        self.client.send(
            "preparer",
            "PATCH",
            self.decision_path,
            {"follow_up_on": str(today())},
            changes=self.decision_path,
            what="brings the follow-up forward",
            told=lambda answer: f"due {answer['follow_up_on']}",
        )
        made = self.client.send("preparer", "POST", f"{self.decision_path}/follow-ups", expect=201)
        path = f"/api/v1/follow-ups/{made['id']}"
        chosen = self.story["handling"]["option"]
        sources = self.story["assessment"]["impacts"]
        impacts = [i for i, source in zip(self.impacts, sources, strict=True) if source["option"] == chosen]
        for outcome in told["outcomes"]:
            body = {name: value for name, value in outcome.items() if name != "impact"}
            impact = impacts[outcome["impact"]]["id"]
            self.client.send("preparer", "PUT", f"{path}/outcomes/{impact}", body, changes=path)
        for impact in told["unintended"]:
            self.client.send(
                "preparer",
                "POST",
                f"{path}/unintended-impacts",
                impact,
                expect=201,
                what="finds an unintended impact",
                told=lambda answer: (
                    f"{answer['impact_class']}, {answer['direction']}, {', '.join(answer['age_groups'])}"
                ),
            )
        texts = {name: told[name] for name in ("summary", "actions") if told.get(name)}
        self.client.send("preparer", "PATCH", path, texts, changes=path)
        self.client.send(
            "preparer",
            "GET",
            f"{path}/comparison",
            what="compares predicted and realised",
            told=lambda answer: ", ".join(f"{name} {count}" for name, count in answer["counts"].items() if count),
        )
        self.client.send("preparer", "POST", f"{path}/submission", changes=path)
        self.client.send(
            "expert", "POST", f"{path}/approval", changes=path, what="approves the follow-up", told=lambda a: a["state"]
        )
        self._publish(path, "publishes the follow-up")

    def _move(self, who: str, move: str, what: str, body: Any = None) -> None:
        path = self.assessment_path
        self.client.send(
            who, "POST", f"{path}/{move}", body, changes=path, what=what, told=lambda answer: answer["state"]
        )

    def _publish(self, path: str, what: str) -> None:
        body = {"privacy_checked": True}
        self.client.send("registrar", "POST", f"{path}/publication", body, changes=path, what=what, told=_state)


def _day(days: int) -> date:
    return today() + timedelta(days=days)


def _state(answer: Any) -> str:
    return str(answer["state"])


def _hint(decision: Any) -> str:
    hint = decision["hint"]
    if hint["outcome"] == "unknown":
        return "early hint: unknown"
    ages = ", ".join(hint["age_groups"]) or "no age groups"
    return f"early hint: {hint['outcome']} ({hint['impact_class']}; {ages})"


def _quality(answer: Any) -> str:
    passed = sum(line["passed"] for line in answer["items"])
    missing = [line["line"] for line in answer["items"] if not line["passed"]]
    return f"{passed} of {len(answer['items'])} lines met" + (f"; missing {', '.join(missing)}" if missing else "")
