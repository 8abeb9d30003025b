"""The tour: the main job played over HTTP against a server of its own and a throw-away database, step by step."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from app import schema
from app.clock import now
from app.database import Database
from app.demo.budget import Controller
from app.demo.case_system import CaseSystem
from app.demo.cases import KINDS, SOURCE, NoCases, chosen_stories, decisions_of, kinds_found, read_cases
from app.demo.client import Client, Step, WrongAnswer
from app.demo.county import Services, content, fill_services, people_and_keys
from app.demo.play import Player
from app.demo.server import bound, serving
from app.journal import queries as journal
from app.settings import Settings

TOURED = ("neuvola", "procurement")
OF_THE_CASE_SYSTEM = "pupil-welfare"


def tour_of_county(console: Console) -> bool:
    """Play the carried stories; returns whether every step did what it should."""
    console.print(f"[bold]{content()['organisation']['name']['fi']}[/bold]")
    console.print(content()["note"]["en"] + "\n", style="dim")
    with _stage(console) as stage:
        services = stage.fill()
        stories = {story["key"]: story for story in content()["stories"]}
        for key in TOURED:
            title = stories[key]["register"]["title"]
            stage.chapter(f"{title['fi']} ({title['en']})", Player(stage.client, services, stories[key]).play)
        title = stories[OF_THE_CASE_SYSTEM]["register"]["title"]
        day = CaseSystem(stage.client, services, stories[OF_THE_CASE_SYSTEM])
        stage.chapter(f"The case system's day: {title['fi']} ({title['en']})", day.play)
        for title, play in Controller(stage.client, services).chapters():
            stage.chapter(title, play)
        stage.chapter("What the others see", lambda: _others(stage.client))
        stage.verify_journal()
    return stage.right


def tour_of_cases(console: Console, path: Path) -> bool:
    """Register every decision of a case-management system's cases, and play the main job on up to three of them."""
    try:
        cases = read_cases(path)
    except NoCases as error:
        console.print(str(error), style="red", markup=False)
        return False
    console.print(f"[bold]{len(cases)} cases from {path.name}[/bold]")
    console.print(
        "Titles, ids and classes are the file's; the assessments are examples made for the tour.\n", style="dim"
    )
    with _stage(console) as stage:
        services = stage.fill()
        registered = decisions_of(cases)
        stage.chapter(
            f"{len(registered)} decisions of {len(cases)} cases", lambda: _register_all(stage.client, cases, registered)
        )
        for kind in (kind for kind in KINDS if kind not in kinds_found(registered)):
            console.print(f"None of the decisions {kind}.", style="dim")
        for story in chosen_stories(registered):
            title = story["register"]["title"]
            stage.chapter(next(iter(title.values())), _player(stage.client, services, story).play)
        stage.chapter("What the others see", lambda: _others(stage.client))
        stage.verify_journal()
    return stage.right


class _Stage:
    """A running service on a throw-away database, and the steps taken on it."""

    def __init__(self, console: Console, database: Database, client: Client) -> None:
        self.console = console
        self.database = database
        self.client = client
        self.steps: list[Step] = []
        self.right = True
        client.tell = self.steps.append
        self.number = 0

    def fill(self) -> Services:
        made: list[Services] = []
        self.chapter("The county sets itself up", lambda: made.append(fill_services(self.client)))
        return made[0] if made else Services()

    def chapter(self, title: str, play: object) -> None:
        """Play one part and show its steps as a table; a wrong answer ends the tour."""
        if not self.right:
            return
        self.steps.clear()
        try:
            play()  # type: ignore[operator]
        except WrongAnswer as wrong:
            self.right = False
            failure = str(wrong)
        table = Table(title=f"\n{title}", title_justify="left", title_style="bold", expand=True, box=SIMPLE_HEAD)
        table.add_column("#", justify="right", style="dim", no_wrap=True)
        table.add_column("Who", no_wrap=True, min_width=13)
        table.add_column("does", ratio=5)
        table.add_column("and the service says", ratio=5)
        table.add_column("HTTP", justify="right", no_wrap=True)
        for step in self.steps:
            self.number += 1
            verdict = f"[green]{step.status} ✓[/green]" if step.right else f"[red]{step.status} ✗[/red]"
            table.add_row(str(self.number), step.who, step.what, step.told, verdict)
        self.console.print(table)
        if not self.right:
            self.console.print(failure, style="red", markup=False)

    def verify_journal(self) -> None:
        """The journal of everything that the tour did is whole."""
        if not self.right:
            return
        with self.database.transaction(writes=False) as session:
            verdicts = journal.verify(session)
            entries = sum(seq for seq, _ in journal.heads(session).values())
        self.right = bool(verdicts) and not any(verdicts.values())
        verdict = "whole" if self.right else "BROKEN"
        self.console.print(f"\n{self.number} steps, {entries} journal entries, the chain is {verdict}.")


@contextmanager
def _stage(console: Console) -> Iterator[_Stage]:
    with tempfile.TemporaryDirectory(prefix="lava-tour-") as folder:
        listening = bound(Settings(port=0))
        settings = Settings(
            database_url=f"sqlite:///{folder}/tour.db",
            attachments_folder=Path(folder) / "attachments",
            public_url=f"http://127.0.0.1:{listening.getsockname()[1]}",
            outgoing_networks=[IPv4Network("127.0.0.0/8")],  # the tour's own case system is on this machine
            rate_limit="100000/minute",
        )
        database = Database(settings.database_url)
        schema.migrate(database)
        keys, _ = people_and_keys(database)
        with serving(settings, listening) as running:
            yield _Stage(console, database, running.client(keys))
        database.engine.dispose()


def _register_all(client: Client, cases: list[dict[str, str]], registered: list[dict[str, object]]) -> None:
    read_at = now().isoformat()
    items = [{**{k: v for k, v in body.items() if k != "source"}, "source_changed_at": read_at} for body in registered]
    for what, outcome in (("tells of", "created"), ("tells again of", "unchanged")):
        client.send(
            "integration",
            "POST",
            "/api/v1/cases/batch",
            {"source": SOURCE, "items": items},
            what=f"{what} {len(items)} decisions at once",
            told=lambda answer: f"{len(answer['items'])} {answer['items'][0]['outcome']}",
            holds=partial(_all_are, outcome),
        )
    hints: dict[str, int] = {}
    found = client.send("integration", "GET", "/api/v1/decisions?limit=200")["items"]
    for decision in found:
        hints[decision["hint_outcome"]] = hints.get(decision["hint_outcome"], 0) + 1
    told = ", ".join(f"{outcome} {count}" for outcome, count in sorted(hints.items()))
    client.send(
        "integration",
        "GET",
        "/api/v1/decisions?limit=1",
        what="looks at the early hints",
        told=lambda _answer: told,
    )
    most = max(cases, key=lambda case: sum(body["diary_number"] == case["CaseIDLabel"] for body in registered))
    expected = sum(body["diary_number"] == most["CaseIDLabel"] for body in registered)
    for number in (most["CaseIDLabel"], most["CaseID"]):
        client.send(
            "preparer",
            "GET",
            f"/api/v1/decisions?diary_number={number}",
            what=f"looks up {number}",
            told=lambda answer: (
                f"{len(answer['items'])} decisions of {answer['items'][0]['diary_number']} (the file has {expected})"
            ),
        )


def _all_are(outcome: str, answer: Any) -> bool:
    return all(row["outcome"] == outcome for row in answer["items"])


def _player(client: Client, services: Services, story: dict[str, object]) -> Player:
    """A player that goes on with a decision registered already."""
    player = Player(client, services, story)
    number, key = story["register"]["diary_number"], story["register"]["decision_key"]  # type: ignore[index]

    def take_up() -> None:
        found = client.send(
            "preparer",
            "GET",
            "/api/v1/decisions",
            query={"diary_number": number, "decision_key": key},
            what=f"takes up {number}",
            told=lambda answer: f"early hint: {answer['items'][0]['hint_outcome']}",
        )
        path = f"/api/v1/decisions/{found['items'][0]['id']}"
        option = {"code": "VE1", "title": {"fi": "Ehdotuksen mukaan"}}
        client.send("preparer", "POST", f"{path}/options", option, expect=201)
        player.decision = client.send("preparer", "GET", path)

    player.register = take_up  # type: ignore[method-assign]
    return player


def _others(client: Client) -> None:
    client.send(
        None,
        "GET",
        "/public/v1/assessments",
        what="reads the register without a key",
        told=lambda answer: ", ".join(sorted(f"{row['kind']}" for row in answer["items"])),
    )
    client.send(
        None, "GET", "/api/v1/decisions", expect=401, what="tries the private side", told=lambda answer: answer["title"]
    )
    client.send(
        "auditor",
        "GET",
        "/api/v1/journal?limit=200&verb=decision.cleared",
        what="reads in the journal what was cleared",
        told=lambda answer: f"{len(answer['items'])} decisions",
    )
    client.send(
        "preparer",
        "GET",
        "/api/v1/journal",
        expect=403,
        what="has no right to the journal",
        told=lambda answer: answer["title"],
    )
    client.send(
        "preparer",
        "GET",
        "/api/v1/follow-ups/schedule",
        what="sees which follow-ups are coming",
        told=lambda answer: ", ".join(f"{row['diary_number']} {row['due']}" for row in answer["items"]),
    )
