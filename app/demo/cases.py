"""Real cases of a case-management system, in the form that its API gives them (Ahjo's), as decisions of this service.

A case may hold several decisions; each is told apart by its document's own id. Ids, titles and classes are kept
exactly: the label as the diary number, the case's id in the link to the case. The assessments played on them are
examples of the tour's own and say so.
"""

import json
from pathlib import Path
from typing import Any

DECISIONS = {"päätös", "viranhaltijan päätös"}
SOURCE = "ahjo"

EXAMPLE = "Kiertokäynnin esimerkki, ei kenenkään arvio asiasta."

CLOSING, WELFARE, PROCUREMENT = (
    "closes or moves a service of small children",
    "is about pupil welfare",
    "is a procurement",
)
KINDS: dict[str, tuple[tuple[str, ...], ...]] = {
    CLOSING: (
        ("sulke", "lakkau", "siirt", "siirr", "muutto", "stäng", "flytt", "indrag"),
        ("varhaiskasvatu", "päiväko", "esiopetu", "neuvola", "småbarn", "daghem", "förskol", "rådgivningsbyrå"),
    ),
    WELFARE: (("oppilashuol", "opiskelijahuol", "opiskeluhuol", "elevvård", "elevhäls", "studerandevård"),),
    PROCUREMENT: (("hankin", "kilpailut", "upphandl", "anskaff"),),
}
"""The kinds of matters that are played, and words of which a title of the kind has one from each group."""


class NoCases(Exception):
    """The file holds no cases in this form; says what is wrong."""


def read_cases(path: Path) -> list[dict[str, Any]]:
    """The cases of a file as the API gives them."""
    try:
        cases: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cases"]
        decisions_of(cases)
    except (ValueError, TypeError) as error:
        raise NoCases(f"{path.name} is not JSON of the form {{'cases': […]}}: {error}") from error
    except KeyError as error:
        raise NoCases(f"{path.name} has no {error} where the cases of a case-management system have it.") from error
    if not cases:
        raise NoCases(f"{path.name} has no cases.")
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
            "documents": [
                {"title": case["CaseID"], "url": link["href"]} for link in case["links"] if link["rel"] == "self"
            ],
        }
        taken = [record for record in case["Records"] if record["Type"] in DECISIONS]
        bodies += [{**shared, "decision_key": record["NativeId"], "title": _title(record)} for record in taken]
        if not taken:
            bodies.append({**shared, "decision_key": "1", "title": _title(case)})
    return bodies


def _title(said: dict[str, Any]) -> dict[str, str]:
    return {said["Language"]: said["Title"]}


def kinds_found(bodies: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The first decision of each kind, no decision twice; a kind that the cases do not have is left out."""
    found: dict[str, dict[str, Any]] = {}
    for kind, groups in KINDS.items():
        for body in bodies:
            if body not in found.values() and _speaks_of(body, groups):
                found[kind] = body
                break
    return found


def _speaks_of(body: dict[str, Any], groups: tuple[tuple[str, ...], ...]) -> bool:
    title = " ".join(body["title"].values()).casefold()
    return all(any(word in title for word in group) for group in groups)


def chosen_stories(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What to play, as far as the cases have it: a closing for small children, pupil welfare, a procurement.

    The first that is assessed is followed up too, and something unintended found. Where there is none of either kind,
    that is the first decision that is no procurement.
    """
    found = kinds_found(bodies)
    others = [body for body in bodies if body not in found.values()]
    assessed = [(found[kind], age) for kind, age in ((CLOSING, "0-6"), (WELFARE, "13-15")) if kind in found]
    assessed = assessed or [(body, "7-12") for body in others[:1]]
    untils = ("followed_up", "published")
    stories = [_assessed(body, age, until) for (body, age), until in zip(assessed, untils, strict=False)]
    return stories + [_not_needed(found[kind]) for kind in (PROCUREMENT,) if kind in found]


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
