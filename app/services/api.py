"""Routes of units, cost centres, service classes with their mappings, and classifications."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Query, Response

from app.access.sign_in import SignedIn
from app.conventions.cursors import Paging
from app.conventions.merge_patch import patched
from app.conventions.route import SessionDep, router
from app.conventions.schemas import Page, QueryYear, values_of
from app.conventions.versions import ExpectedVersion
from app.services import actions, queries
from app.services.models import ImpactClass, MappingKind, UnitLevel
from app.services.schemas import (
    CarriedForward,
    CarryForward,
    ClassificationBatch,
    ClassificationBatchDone,
    ClassificationFacts,
    ClassificationPatch,
    ClassificationRead,
    CostCentreFacts,
    CostCentrePatch,
    CostCentreRead,
    History,
    MappingFacts,
    MappingRead,
    PopulationFacts,
    PopulationPatch,
    PopulationRead,
    ServiceClassRead,
    UnitFacts,
    UnitPatch,
    UnitRead,
)

MERGE_PATCH = Body(media_type="application/merge-patch+json")
units = router("units", "Services")
cost_centres = router("cost-centres", "Services")
service_classes = router("service-classes", "Services")
classifications = router("classifications", "Services")
populations = router("populations", "Services")


@units.get("", response_model=Page[UnitRead], summary="Units of the organisation, newest first")
def list_units(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    parent_id: Annotated[UUID | None, Query(description="Only those right below this unit.")] = None,
    level: Annotated[UnitLevel | None, Query(description="Only those of this level.")] = None,
) -> Response:
    """Needs `services:read`. Together the filters give one level below one unit."""
    return page.page(queries.units(session, page, parent_id=parent_id, level=level, visible_to=caller))


@units.post("", response_model=UnitRead, status_code=201, summary="Add a unit")
def add_unit(session: SessionDep, caller: SignedIn, body: UnitFacts) -> Any:
    """Needs `services:write`.

    `already_exists` where the organisation has a unit of this code; `invalid` where the unit above is not there.
    """
    return UnitRead.model_validate(actions.add_unit(session, values_of(body), by=caller))


@units.get("/{unit_id}", response_model=UnitRead, summary="A unit")
def read_unit(unit_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `services:read`. `parent_id` is the unit right above; a unit at the top has none."""
    return UnitRead.model_validate(queries.unit(session, unit_id, visible_to=caller))


@units.patch("/{unit_id}", response_model=UnitRead, summary="Change a unit, or move it in the tree")
def change_unit(
    unit_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    patch: Annotated[UnitPatch, MERGE_PATCH],
) -> Any:
    """Needs `services:write`. What is below moves with it.

    `invalid` where its new place is itself or below it, or is not there; `already_exists` where another unit has the
    code.
    """
    row = queries.unit(session, unit_id, visible_to=caller)
    values = patched(UnitFacts, row, patch)
    return UnitRead.model_validate(actions.change_unit(session, row, values, version=version, by=caller))


@cost_centres.get("", response_model=Page[CostCentreRead], summary="Cost centres, newest first")
def list_cost_centres(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    unit_id: Annotated[UUID | None, Query(description="Only those of this unit.")] = None,
) -> Response:
    """Needs `services:read`. Use the ids in a decision's scope and planned euros."""
    return page.page(queries.cost_centres(session, page, unit_id=unit_id, visible_to=caller))


@cost_centres.post("", response_model=CostCentreRead, status_code=201, summary="Add a cost centre")
def add_cost_centre(session: SessionDep, caller: SignedIn, body: CostCentreFacts) -> Any:
    """Needs `services:write`. It is unclassified until a classification is added.

    `already_exists` where the organisation has a cost centre of this code; `invalid` where the unit is not there.
    """
    return CostCentreRead.model_validate(actions.add_cost_centre(session, values_of(body), by=caller))


@cost_centres.get("/{cost_centre_id}", response_model=CostCentreRead, summary="A cost centre")
def read_cost_centre(cost_centre_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `services:read`. Its classifications are listed separately, by `cost_centre_id`."""
    return CostCentreRead.model_validate(queries.cost_centre(session, cost_centre_id, visible_to=caller))


@cost_centres.patch("/{cost_centre_id}", response_model=CostCentreRead, summary="Change a cost centre")
def change_cost_centre(
    cost_centre_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    patch: Annotated[CostCentrePatch, MERGE_PATCH],
) -> Any:
    """Needs `services:write`. Its classifications stay.

    `already_exists` where another cost centre has the code; `invalid` where the unit is not there.
    """
    row = queries.cost_centre(session, cost_centre_id, visible_to=caller)
    values = patched(CostCentreFacts, row, patch)
    return CostCentreRead.model_validate(actions.change_cost_centre(session, row, values, version=version, by=caller))


@service_classes.get("", response_model=Page[ServiceClassRead], summary="Service classes, newest first")
def list_service_classes(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    scheme: Annotated[
        str | None, Query(max_length=60, description="Only those of this list.", examples=["kunta-aura"])
    ] = None,
    year: Annotated[QueryYear | None, Query(description="Only those of this year's list.")] = None,
    q: Annotated[
        str | None, Query(min_length=1, max_length=100, description="Text in code or name.", examples=["neuvola"])
    ] = None,
) -> Response:
    """Needs `services:read`. The same code in another list or year is another class, with an id of its own."""
    return page.page(queries.service_classes(session, page, scheme=scheme, year=year, text=q, visible_to=caller))


@service_classes.get("/mappings", response_model=Page[MappingRead], summary="Mappings to service classes, newest first")
def list_service_class_mappings(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    kind: Annotated[MappingKind | None, Query(description="Only those that lead from this.")] = None,
) -> Response:
    """Needs `services:read`.

    A mapping leads from a task class or a preparing unit to a service class, so that a decision without a scope still
    gets an early hint.
    """
    return page.page(queries.mappings(session, page, kind=kind, visible_to=caller))


@service_classes.post(
    "/mappings", response_model=MappingRead, status_code=201, summary="Map a task class or a unit to a service class"
)
def add_service_class_mapping(session: SessionDep, caller: SignedIn, body: MappingFacts) -> Any:
    """Needs `services:write`. Early hints that were computed before stay until they are computed anew.

    `already_exists` where it is mapped so already; `invalid` where the kind and what it leads from do not fit, or
    something is not there.
    """
    return MappingRead.model_validate(actions.add_mapping(session, values_of(body), by=caller))


@service_classes.get("/mappings/{mapping_id}", response_model=MappingRead, summary="A mapping to a service class")
def read_service_class_mapping(mapping_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `services:read`. A task class stands for all below it, unless one nearer is mapped."""
    return MappingRead.model_validate(queries.mapping(session, mapping_id, visible_to=caller))


@service_classes.delete("/mappings/{mapping_id}", status_code=204, response_model=None, summary="Remove a mapping")
def remove_service_class_mapping(
    mapping_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion
) -> None:
    """Needs `services:write`. Early hints that were computed before stay until they are computed anew.

    The journal keeps what it said.
    """
    row = queries.mapping(session, mapping_id, visible_to=caller)
    actions.remove_mapping(session, row, version=version, by=caller)


@service_classes.get("/{service_class_id:uuid}", response_model=ServiceClassRead, summary="A service class")
def read_service_class(service_class_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `services:read`. Its classifications are listed separately, by `service_class_id`."""
    return ServiceClassRead.model_validate(queries.service_class(session, service_class_id, visible_to=caller))


@classifications.get("", response_model=Page[ClassificationRead], summary="Classifications, newest first")
def list_classifications(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    cost_centre_id: Annotated[UUID | None, Query(description="Only those of this cost centre.")] = None,
    service_class_id: Annotated[UUID | None, Query(description="Only those of this service class.")] = None,
    impact_class: Annotated[ImpactClass | None, Query(description="Only those of this impact class.")] = None,
    year: Annotated[QueryYear | None, Query(description="Only those that hold in this year.")] = None,
) -> Response:
    """Needs `services:read`. Past and coming ones are listed too, unless `year` is given."""
    rows = queries.classifications(
        session,
        page,
        cost_centre_id=cost_centre_id,
        service_class_id=service_class_id,
        impact_class=impact_class,
        year=year,
        visible_to=caller,
    )
    return page.page(rows)


@classifications.post(
    "", response_model=ClassificationRead, status_code=201, summary="Classify a cost centre, a service class or both"
)
def add_classification(session: SessionDep, caller: SignedIn, body: ClassificationFacts) -> Any:
    """Needs `services:write`. Early hints that were computed before stay until they are computed anew.

    `overlapping` where the same is classified for one of the years; `invalid` where the method and its parameters do
    not fit, or something is not there.
    """
    return ClassificationRead.model_validate(actions.add_classification(session, values_of(body), by=caller))


@classifications.post(
    "/batch", response_model=ClassificationBatchDone, status_code=201, summary="Classify many at once, all or none"
)
def add_classifications(session: SessionDep, caller: SignedIn, body: ClassificationBatch) -> Any:
    """Needs `services:write`. Every figure that rests on them is restated before the answer.

    `overlapping` where the same is classified for one of the years and `end_earlier` is not set. Ask
    `/api/v1/child-budget/preview` first for what it would do to the figures.
    """
    items = [values_of(item) for item in body.items]
    return actions.add_classifications(session, items, end_earlier=body.end_earlier, by=caller)


@classifications.post(
    "/carry-forward", response_model=CarriedForward, summary="Classify a year's list as an earlier year's"
)
def carry_classifications_forward(session: SessionDep, caller: SignedIn, body: CarryForward) -> Any:
    """Needs `services:write`.

    Where code and name are the same in both lists, the classification is carried forward; the rest is listed for a
    person to settle. What the new list has already stays. `dry_run` only tells.
    """
    return actions.carry_forward(session, body.scheme, body.from_year, body.to_year, dry_run=body.dry_run, by=caller)


@classifications.get(
    "/{classification_id}/history", response_model=History, summary="What happened to a classification"
)
def read_classification_history(classification_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `services:read`. A removed classification has its history still, under the id it had."""
    return {"items": queries.history(session, classification_id, visible_to=caller)}


@classifications.get("/{classification_id}", response_model=ClassificationRead, summary="A classification")
def read_classification(classification_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `services:read`. It holds from `from_year` to `to_year`, or on without an end."""
    return ClassificationRead.model_validate(queries.classification(session, classification_id, visible_to=caller))


@classifications.patch(
    "/{classification_id}", response_model=ClassificationRead, summary="Change how long a classification holds, or why"
)
def change_classification(
    classification_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    patch: Annotated[ClassificationPatch, MERGE_PATCH],
) -> Any:
    """Needs `services:write`. For another class or method, end this one and add another.

    `overlapping` where the same is classified for one of the years.
    """
    row = queries.classification(session, classification_id, visible_to=caller)
    values = patched(ClassificationFacts, row, patch)
    return ClassificationRead.model_validate(
        actions.change_classification(session, row, values, version=version, by=caller)
    )


@classifications.delete("/{classification_id}", status_code=204, response_model=None, summary="Remove a classification")
def remove_classification(
    classification_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion
) -> None:
    """Needs `services:write`. What it was of is unclassified again; to keep its years, end it instead.

    Early hints that were computed before stay until they are computed anew.
    """
    row = queries.classification(session, classification_id, visible_to=caller)
    actions.remove_classification(session, row, version=version, by=caller)


@populations.get("", response_model=Page[PopulationRead], summary="Populations by year, newest first")
def list_populations(
    session: SessionDep,
    caller: SignedIn,
    page: Paging,
    year: Annotated[QueryYear | None, Query(description="Only that of this year.")] = None,
) -> Response:
    """Needs `services:read`. A year without one uses the latest earlier year; the child budget says which."""
    return page.page(queries.populations(session, page, year=year, visible_to=caller))


@populations.post("", response_model=PopulationRead, status_code=201, summary="Add a year's population")
def add_population(session: SessionDep, caller: SignedIn, body: PopulationFacts) -> Any:
    """Needs `services:write`. Every figure that rests on it is restated before the answer.

    `already_exists` where the year has one.
    """
    return PopulationRead.model_validate(actions.add_population(session, values_of(body), by=caller))


@populations.get("/{population_id}", response_model=PopulationRead, summary="A year's population")
def read_population(population_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `services:read`. The counts are of the five age groups, the youngest first."""
    return PopulationRead.model_validate(queries.population(session, population_id, visible_to=caller))


@populations.patch("/{population_id}", response_model=PopulationRead, summary="Change a year's population")
def change_population(
    population_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    patch: Annotated[PopulationPatch, MERGE_PATCH],
) -> Any:
    """Needs `services:write`. Every figure that rests on it is restated before the answer."""
    row = queries.population(session, population_id, visible_to=caller)
    values = patched(PopulationFacts, row, patch)
    return PopulationRead.model_validate(actions.change_population(session, row, values, version=version, by=caller))


@populations.delete("/{population_id}", status_code=204, response_model=None, summary="Remove a year's population")
def remove_population(population_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> None:
    """Needs `services:write`. The year then uses the latest earlier year, and its figures are restated."""
    row = queries.population(session, population_id, visible_to=caller)
    actions.remove_population(session, row, version=version, by=caller)
