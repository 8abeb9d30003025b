"""Real cases of a case-management system, in the form that its API gives them (Ahjo's), as decisions of this service.

A case may hold several decisions; each is told apart by its document's own id. Ids, titles and classes are kept
exactly. The assessments played on them are examples of the tour's own and say so.
"""

import json
from pathlib import Path
from typing import Any

DECISIONS = {"päätös", "viranhaltijan päätös"}
SOURCE = "ahjo"

EXAMPLE = "Kiertokäynnin esimerkki, ei kenenkään arvio asiasta."


def read_cases(path: Path) -> list[dict[str, Any]]:
    """The cases of a file as the API gives them."""
    cases: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cases"]
    return cases


def decisions_of(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What to register: one for each decision document of a case, and one for a case that has none yet."""
    bodies = []
    for case in cases:
        shared = {
            "source": SOURCE,
            "diary_number": case["CaseIDLabel"],
            "task_class_code": case["ClassificationCode"],
            "task_class_title": case["ClassificationTitle"],
            "language": case["Language"],
        }
        taken = [record for record in case["Records"] if record["Type"] in DECISIONS]
        bodies += [{**shared, "decision_key": record["NativeId"], "title": _title(record)} for record in taken]
        if not taken:
            bodies.append({**shared, "decision_key": "1", "title": _title(case)})
    return bodies


def _title(said: dict[str, Any]) -> dict[str, str]:
    return {said["Language"]: said["Title"]}


def chosen_stories(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Four of the cases to play: a closing for small children, pupil welfare, a procurement, and a follow-up."""
    return [
        _assessed(_first(bodies, "sulkeminen", "varhaiskasvatus"), "0-6", "followed_up"),
        _assessed(_first(bodies, "opiskelijahuol"), "13-15", "published"),
        _not_needed(_first(bodies, "tilintarkastus", "lisätyö", "esitystekniikan hankinta")),
    ]


def _first(bodies: list[dict[str, Any]], *words: str) -> dict[str, Any]:
    for body in bodies:
        title = " ".join(body["title"].values()).casefold()
        if any(word in title for word in words):
            return body
    return bodies[0]


def _not_needed(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "until": "not_needed_published",
        "register": body,
        "screening": _screening("no", "not_needed", f"Hankinta ei muuta lasten palveluja. {EXAMPLE}"),
    }


def _screening(answer: str, outcome: str, reason: str) -> dict[str, Any]:
    questions = ("touches_children", "touches_families", "changes_service", "vulnerable_groups", "long_term")
    answers = {**dict.fromkeys(questions, answer), "other_impacts": "no"}
    return {"answers": answers, "outcome": outcome, "reason": reason}


def _assessed(body: dict[str, Any], age: str, until: str) -> dict[str, Any]:
    return {
        "until": until,
        "register": {**body, "body": "Toimielin (esimerkki)"},
        "screening": _screening("yes", "needed", f"Asia koskee lasten palvelua. {EXAMPLE}"),
        "assessment": {
            "extent": "light",
            "summary": f"Palvelun saatavuus muuttuu; vaikutus kohdistuu erityisesti yhteen ikäryhmään. {EXAMPLE}",
            "best_interests": "Lapsen etu toteutuu, kun korvaava palvelu on saavutettavissa.",
            "child_friendly": "Tässä kerrotaan, mitä päätös muuttaa lapsille.",
            "follow_up_plan": "Käyntimäärät ja palaute käydään läpi vuoden kuluttua.",
            "evidence": [
                {
                    "key": "e1",
                    "kind": "expert",
                    "title": "Asiantuntijan arvio",
                    "source": "Kiertokäynnin esimerkki",
                    "finding": "Saavutettavuus on tärkein yksittäinen tekijä.",
                    "gap": "Aluekohtaista tietoa ei ole.",
                }
            ],
            "impacts": [
                _impact("direct", "negative", "short", age, "Palvelu on hetken kauempana kuin ennen."),
                _impact("indirect", "mixed", "long", age, "Perheen arki järjestyy uudelleen."),
            ],
            "hearings": [
                {
                    "party": "children",
                    "who": "Esimerkkiryhmä",
                    "age_groups": [age],
                    "number": 12,
                    "method": "workshop",
                    "views": "Muutoksesta pitää kertoa ajoissa.",
                    "effect": "Tiedottamista aikaistettiin.",
                    "feedback_given": True,
                }
            ],
            "recommendations": [
                {"key": "r1", "kind": "improvement", "text": "Muutoksesta kerrotaan perheille ajoissa."}
            ],
        },
        "handling": {
            "section": "1",
            "outcome": "decided",
            "option": "VE1",
            "answers": [{"recommendation": "r1", "answer": "followed", "reason": None}],
        },
        "follow_up": {
            "summary": f"Toinen kahdesta ennusteesta toteutui. {EXAMPLE}",
            "actions": "Tiedottamista jatketaan.",
            "outcomes": [
                {"impact": 0, "realised": "yes", "direction": "negative", "description": "Matkat pitenivät."},
                {"impact": 1, "realised": "too_early"},
            ],
            "unintended": [
                {
                    "description": "Sisarusten kulkeminen vaikeutui.",
                    "impact_class": "indirect",
                    "direction": "negative",
                    "age_groups": ["7-12"],
                    "child_groups": ["all"],
                }
            ],
        },
    }


def _impact(impact_class: str, direction: str, term: str, age: str, words: str) -> dict[str, Any]:
    return {
        "option": "VE1",
        "description": words,
        "impact_class": impact_class,
        "direction": direction,
        "magnitude": "moderate",
        "likelihood": "likely",
        "term": term,
        "age_groups": [age],
        "child_groups": ["all"],
        "areas": [],
        "articles": [3],
        "evidence": ["e1"],
    }
