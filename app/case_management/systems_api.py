"""Routes of the case-management systems that are pulled from."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Request

from app.access.sign_in import SignedIn
from app.case_management import systems, systems_queries
from app.case_management.systems_schemas import (
    CaseNotice,
    CaseSystemFacts,
    CaseSystemNew,
    CaseSystemPatch,
    CaseSystemRead,
    CaseSystemState,
    SetAsideRead,
)
from app.conventions.cursors import Paging
from app.conventions.merge_patch import patched
from app.conventions.route import SessionDep
from app.conventions.route import router as router_of
from app.conventions.schemas import Page, values_of
from app.conventions.versions import ExpectedVersion

MERGE_PATCH = Body(media_type="application/merge-patch+json")

case_systems = router_of("cases/systems", "Cases")


@case_systems.get("", response_model=Page[CaseSystemRead], summary="Case-management systems that are pulled from")
def list_case_systems(session: SessionDep, caller: SignedIn, page: Paging) -> Any:
    """Needs `case-systems:read`. Newest first; credentials are shown to nobody."""
    return page.page(systems_queries.case_systems(session, page, visible_to=caller))


@case_systems.post("", response_model=CaseSystemRead, status_code=201, summary="Pull from a case-management system")
def add_case_system(request: Request, session: SessionDep, caller: SignedIn, body: CaseSystemNew) -> Any:
    """Needs `case-systems:write`. For systems that only answer; those that can call use `tell_case`.

    The worker lists it at once and then every `minutes`, and takes in what has changed in the name of `person_id`, a
    machine client with the role integration. `already_exists` where the source is pulled from already;
    `forbidden_address` where the address is not one that is called from here.
    """
    networks = request.app.state.settings.outgoing_networks
    return CaseSystemRead.model_validate(systems.add(session, values_of(body), networks, by=caller))


@case_systems.get("/{system_id}", response_model=CaseSystemRead, summary="A case-management system")
def read_case_system(system_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `case-systems:read`. How pulling from it goes is told by its `state`."""
    return CaseSystemRead.model_validate(systems_queries.case_system(session, system_id, visible_to=caller))


@case_systems.patch("/{system_id}", response_model=CaseSystemRead, summary="Change a case-management system")
def change_case_system(
    request: Request,
    system_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    patch: Annotated[CaseSystemPatch, MERGE_PATCH],
) -> Any:
    """Needs `case-systems:write`.

    It is listed at once, whatever it was waiting for; from the beginning where the address, the product or the day to
    begin with is another. With another address the credential is given again (or null), since what is kept is not sent
    elsewhere.
    """
    row = systems_queries.case_system(session, system_id, visible_to=caller)
    values = patched(CaseSystemFacts, row, patch)
    networks = request.app.state.settings.outgoing_networks
    return CaseSystemRead.model_validate(systems.change(session, row, values, networks, version=version, by=caller))


@case_systems.delete("/{system_id}", status_code=204, summary="Pull from it no longer")
def remove_case_system(system_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> None:
    """Needs `case-systems:write`. The cases that it told of stay, and so does what it keeps of them."""
    row = systems_queries.case_system(session, system_id, visible_to=caller)
    systems.remove(session, row, version=version, by=caller)


@case_systems.get("/{system_id}/state", response_model=CaseSystemState, summary="How pulling from it goes")
def read_case_system_state(system_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `case-systems:read`. When it was pulled last, what came of it, and why nothing comes where it fails."""
    return CaseSystemState.model_validate(systems_queries.state(session, system_id, visible_to=caller))


@case_systems.post("/{system_id}/pull", response_model=CaseSystemState, status_code=202, summary="Pull from it now")
def start_pull(system_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `case-systems:write`. A worker begins as soon as it is free, even in a pause that the system asked for."""
    row = systems_queries.case_system(session, system_id, visible_to=caller)
    systems.pull_now(session, row, by=caller)
    return CaseSystemState.model_validate(systems_queries.state(session, system_id, visible_to=caller))


@case_systems.post(
    "/{system_id}/callbacks",
    response_model=CaseSystemState,
    status_code=202,
    summary="A case was added or changed in the system",
)
def record_callback(system_id: UUID, session: SessionDep, caller: SignedIn, body: CaseNotice) -> Any:
    """Needs `cases:write` and `case-systems:read`. To be registered in the system as the address that it calls.

    The case is fetched by itself, soon; told twice it is fetched once, and not before the last time that it was told.
    """
    row = systems_queries.case_system(session, system_id, visible_to=caller)
    systems.notice(session, row, body.id, by=caller)
    return CaseSystemState.model_validate(systems_queries.state(session, system_id, visible_to=caller))


@case_systems.get(
    "/{system_id}/set-aside", response_model=Page[SetAsideRead], summary="Records that could not be taken in"
)
def list_set_aside(system_id: UUID, session: SessionDep, caller: SignedIn, page: Paging) -> Any:
    """Needs `case-systems:read`. Newest first, each with its reason; it goes when the record is taken in after all."""
    return page.page(systems_queries.set_aside(session, page, system_id, visible_to=caller))
