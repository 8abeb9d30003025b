"""What the routes of the child budget take, and how they answer: JSON, CSV, XLSX or a plot."""

import hashlib
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic_core import to_json

from app.access.rules import Caller
from app.budgeting import exports, plots, sums
from app.budgeting.models import Phase
from app.budgeting.report import Asked, Dimension, child_budget
from app.conventions.schemas import QueryYear
from app.database import Session
from app.errors import Fault, Invalid
from app.services.models import ImpactClass, UnitLevel

CSV = "text/csv; charset=utf-8"
SVG = "image/svg+xml"
CSV_AND_XLSX = {
    "responses": {
        "200": {
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                exports.XLSX: {"schema": {"type": "string", "format": "binary"}},
            }
        }
    }
}
PLOT = {
    "responses": {"200": {"description": "The plot.", "content": {"image/svg+xml": {"schema": {"type": "string"}}}}}
}

Years = Annotated[
    list[QueryYear],
    Query(min_length=1, max_length=10, description="The year, or several.", examples=[[2026]]),
]
Phases = Annotated[
    list[Phase] | None,
    Query(max_length=4, description="The phase, or several; budget if absent.", examples=[["budget"]]),
]


class Format(StrEnum):
    """In what form the answer comes."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


class Plot(StrEnum):
    """Which plot."""

    YEARS = "years"
    PER_CHILD = "per_child"
    SERVICE_CLASSES = "service_classes"


class BudgetAsked:
    """Which child budget is asked for, and in what form."""

    def __init__(self, request: Request, asked: Asked, form: Format) -> None:
        self.request = request
        self.asked = asked
        self.form = form

    def tag(self, session: Session, caller: Caller) -> str:
        """An entity tag: of the figures' revision, what is asked, and the language."""
        caller.require("child-budget:read")
        said = f"{self.request.url.query} {self.request.headers.get('accept-language', '')}"
        return f"{sums.revision(session, caller.organisation_id)}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"

    def answer(self, told: dict[str, Any], language: str, headers: dict[str, str]) -> Response:
        """The answer in the form asked for."""
        if self.form is Format.JSON:
            return Response(to_json(told), headers=headers, media_type="application/json")
        named = {**headers, "Content-Language": language}
        named["Content-Disposition"] = f'attachment; filename="child-budget.{self.form}"'
        if self.form is Format.CSV:
            return Response(exports.as_csv(told, language), headers=named, media_type=CSV)
        return Response(exports.as_xlsx(told, language), headers=named, media_type=exports.XLSX)


def dimensions(group_by: str | None) -> tuple[Dimension, ...]:
    """What is grouped by, from codes parted by commas; Invalid where one is given twice."""
    codes = group_by.split(",") if group_by else []
    if len(set(codes)) != len(codes):
        raise Invalid("invalid", "It cannot be grouped so.", [Fault("group_by", "Something is named twice.")])
    return tuple(Dimension(code) for code in codes)


async def _asked(
    request: Request,
    year: Years,
    phase: Phases = None,
    group_by: Annotated[
        str | None,
        Query(
            max_length=100,
            pattern=f"^(({'|'.join(Dimension)})(,({'|'.join(Dimension)}))*)?$",
            description="Any of unit, cost_centre, service_class, impact_class and age_group, parted by commas.",
            examples=["impact_class,age_group"],
        ),
    ] = None,
    unit_level: Annotated[
        UnitLevel, Query(description="Where grouped by unit: the level they are rolled up to.")
    ] = UnitLevel.SECTOR,
    unit_id: Annotated[UUID | None, Query(description="Only what is of this unit or below it.")] = None,
    cost_centre_id: Annotated[list[UUID] | None, Query(max_length=100, description="Only of these.")] = None,
    service_class_id: Annotated[list[UUID] | None, Query(max_length=100, description="Only of these.")] = None,
    impact_class: Annotated[ImpactClass | None, Query(description="Only of this class.")] = None,
    format: Annotated[Format, Query(description="json, csv or xlsx.")] = Format.JSON,  # noqa: A002  (the parameter's name)
) -> BudgetAsked:
    asked = Asked(
        tuple(sorted(set(year))),
        tuple(dict.fromkeys(phase or [Phase.BUDGET])),
        dimensions(group_by),
        unit_level,
        unit_id,
        tuple(dict.fromkeys(cost_centre_id or ())),
        tuple(dict.fromkeys(service_class_id or ())),
        impact_class.value if impact_class else None,
    )
    return BudgetAsked(request, asked, format)


AskedFor = Annotated[BudgetAsked, Depends(_asked)]

_GROUPED = {
    Plot.YEARS: (Dimension.IMPACT_CLASS, Dimension.AGE_GROUP),
    Plot.PER_CHILD: (Dimension.IMPACT_CLASS, Dimension.AGE_GROUP),
    Plot.SERVICE_CLASSES: (Dimension.SERVICE_CLASS,),
}


class PlotAsked:
    """Which plot is asked for, of which years and phase."""

    def __init__(self, kind: Plot, years: tuple[int, ...], phase: Phase) -> None:
        self.kind, self.years, self.phase = kind, years, phase

    def answer(self, session: Session, language: str, caller: Caller) -> Response:
        """The plot as an SVG document."""
        asked = Asked(self.years, (self.phase,), _GROUPED[self.kind])
        told = child_budget(session, asked, visible_to=caller)
        drawn = plots.drawn(self.kind.value, told, language)
        return Response(drawn, headers={"Content-Language": language, "Vary": "Accept-Language"}, media_type=SVG)


async def _plot_asked(
    kind: Annotated[
        Plot,
        Query(
            description="years: stacked by age group and class over years; per_child: euros a child by age group; "
            "service_classes: bars by service class, of the latest year asked for."
        ),
    ],
    year: Years,
    phase: Annotated[Phase, Query(description="The phase.")] = Phase.BUDGET,
) -> PlotAsked:
    return PlotAsked(kind, tuple(sorted(set(year))), phase)


PlotAskedFor = Annotated[PlotAsked, Depends(_plot_asked)]
