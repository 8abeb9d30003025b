"""Routes of the organisation, its people, keys and vocabulary."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Response

from app.access import actions, queries
from app.access.models import ApiKey
from app.access.rules import PERMISSIONS
from app.access.schemas import (
    ApiKeyMade,
    ApiKeyNew,
    ApiKeyRead,
    CodeList,
    Me,
    OrganisationFacts,
    OrganisationPatch,
    OrganisationRead,
    PersonFacts,
    PersonPatch,
    PersonRead,
    TaskClassList,
    Vocabulary,
)
from app.access.sign_in import SignedIn
from app.conventions.cursors import Paging
from app.conventions.merge_patch import patched
from app.conventions.route import SessionDep, answer, router
from app.conventions.schemas import Page, values_of
from app.conventions.versions import ExpectedVersion
from app.conventions.vocabulary import all_labels

MERGE_PATCH = Body(media_type="application/merge-patch+json")

organisation = router("organisation", "Organisation")
people = router("people", "People and keys")
api_keys = router("api-keys", "People and keys")
vocabulary = router("vocabulary", "Vocabulary")


@organisation.get("", response_model=OrganisationRead, summary="The caller's organisation")
def read_organisation(session: SessionDep, caller: SignedIn) -> Any:
    return OrganisationRead.model_validate(queries.organisation(session, visible_to=caller))


@organisation.patch("", response_model=OrganisationRead, summary="Change the organisation's facts")
def change_organisation(
    session: SessionDep, caller: SignedIn, version: ExpectedVersion, patch: Annotated[OrganisationPatch, MERGE_PATCH]
) -> Any:
    row = queries.organisation(session, visible_to=caller)
    values = patched(OrganisationFacts, row, patch)
    return OrganisationRead.model_validate(
        actions.change_organisation(session, row, values, version=version, by=caller)
    )


@organisation.put("/child-groups", response_model=OrganisationRead, summary="Replace the list of child groups")
def set_child_groups(session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: CodeList) -> Any:
    row = queries.organisation(session, visible_to=caller)
    values = {"child_groups": values_of(body)["items"]}
    return OrganisationRead.model_validate(
        actions.change_organisation(session, row, values, version=version, by=caller)
    )


@organisation.put(
    "/excluded-task-classes", response_model=OrganisationRead, summary="Replace the list of task classes set aside"
)
def set_excluded_task_classes(
    session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: TaskClassList
) -> Any:
    row = queries.organisation(session, visible_to=caller)
    values = {"excluded_task_classes": values_of(body)["items"]}
    return OrganisationRead.model_validate(
        actions.change_organisation(session, row, values, version=version, by=caller)
    )


@people.get("", response_model=Page[PersonRead], summary="People and machine clients, newest first")
def list_people(session: SessionDep, caller: SignedIn, page: Paging) -> Response:
    return page.page(queries.people(session, page, visible_to=caller))


@people.post("", response_model=PersonRead, status_code=201, summary="Add a person or a machine client")
def add_person(session: SessionDep, caller: SignedIn, body: PersonFacts) -> Any:
    return PersonRead.model_validate(actions.add_person(session, values_of(body), by=caller))


@people.get("/me", response_model=Me, summary="Who is calling, and what they may do")
def read_me(caller: SignedIn) -> Any:
    return Me(
        id=caller.id,
        name=caller.name,
        organisation_id=caller.organisation_id,
        roles=list(caller.roles),
        permissions={name: words for name, words in PERMISSIONS.items() if caller.can(name)},
    )


@people.get("/{person_id:uuid}", response_model=PersonRead, summary="A person or a machine client")
def read_person(person_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    return PersonRead.model_validate(queries.person(session, person_id, visible_to=caller))


@people.patch("/{person_id:uuid}", response_model=PersonRead, summary="Change name, roles or right to sign in")
def change_person(
    person_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    patch: Annotated[PersonPatch, MERGE_PATCH],
) -> Any:
    row = queries.person(session, person_id, visible_to=caller)
    values = patched(PersonFacts, row, patch)
    return PersonRead.model_validate(actions.change_person(session, row, values, version=version, by=caller))


@api_keys.get("", response_model=Page[ApiKeyRead], summary="Keys, newest first, without the keys themselves")
def list_api_keys(session: SessionDep, caller: SignedIn, page: Paging) -> Response:
    return page.page(queries.api_keys(session, page, visible_to=caller))


@api_keys.post("", response_model=ApiKeyMade, status_code=201, summary="Issue a key; it is shown this once")
def issue_api_key(session: SessionDep, caller: SignedIn, body: ApiKeyNew) -> Response:
    account = queries.person(session, body.person_id, visible_to=caller)
    row, key = actions.issue_key(session, account, body.label, body.valid_days, body.scopes, by=caller)
    made = ApiKeyMade(**_of_key(row), key=key)
    response = answer(made, 201, ApiKeyMade.collection)
    response.headers["Cache-Control"] = "no-store"
    return response


@api_keys.get("/{key_id}", response_model=ApiKeyRead, summary="A key, without the key itself")
def read_api_key(key_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    return ApiKeyRead(**_of_key(queries.api_key(session, key_id, visible_to=caller)))


@api_keys.delete("/{key_id}", response_model=ApiKeyRead, summary="Revoke a key")
def revoke_api_key(key_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    row = queries.api_key(session, key_id, visible_to=caller)
    return ApiKeyRead(**_of_key(actions.revoke_key(session, row, version=version, by=caller)))


def _of_key(row: ApiKey) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ApiKeyRead.model_fields}


@vocabulary.get("", response_model=Vocabulary, summary="Every code with its label in three languages")
def read_vocabulary(session: SessionDep, caller: SignedIn) -> Any:
    groups = queries.organisation(session, visible_to=caller).child_groups
    own = {"child_group": {group["code"]: group["label"] for group in groups}}
    return Vocabulary.model_validate({"lists": {**all_labels(), **own}})
