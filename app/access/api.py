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
    Vocabulary,
)
from app.access.sign_in import SignedIn
from app.conventions.cursors import Paging
from app.conventions.merge_patch import patched
from app.conventions.route import SessionDep, answer, one_statement, router
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
    """Needs `organisation:read`. Its ETag is what the lists of child groups and task classes are replaced with, too."""
    return OrganisationRead.model_validate(queries.organisation(session, visible_to=caller))


@organisation.patch("", response_model=OrganisationRead, summary="Change the organisation's facts")
def change_organisation(
    session: SessionDep, caller: SignedIn, version: ExpectedVersion, patch: Annotated[OrganisationPatch, MERGE_PATCH]
) -> Any:
    """Needs `organisation:write`.

    What is sealed or published keeps the name it was made with; the journal keeps the facts before.
    """
    row = queries.organisation(session, visible_to=caller)
    values = patched(OrganisationFacts, row, patch)
    return OrganisationRead.model_validate(
        actions.change_organisation(session, row, values, version=version, by=caller)
    )


@organisation.put("/child-groups", response_model=OrganisationRead, summary="Replace the list of child groups")
def set_child_groups(session: SessionDep, caller: SignedIn, version: ExpectedVersion, body: CodeList) -> Any:
    """Needs `organisation:write`.

    From then on impacts name only these groups; what was recorded, sealed or published before stays. If-Match is the
    organisation's ETag.
    """
    row = queries.organisation(session, visible_to=caller)
    values = {"child_groups": values_of(body)["items"]}
    return OrganisationRead.model_validate(
        actions.change_organisation(session, row, values, version=version, by=caller)
    )


@people.get("", response_model=Page[PersonRead], summary="People and machine clients, newest first")
def list_people(session: SessionDep, caller: SignedIn, page: Paging) -> Response:
    """Needs `people:read`. Those who may no longer sign in are listed too, with `active` false."""
    return page.page(queries.people(session, page, visible_to=caller))


@people.post("", response_model=PersonRead, status_code=201, summary="Add a person or a machine client")
def add_person(session: SessionDep, caller: SignedIn, body: PersonFacts) -> Any:
    """Needs `people:write`. Nobody can sign in before a key is issued.

    `already_exists` where the organisation has somebody of this name.
    """
    return PersonRead.model_validate(actions.add_person(session, values_of(body), by=caller))


@people.get("/me", response_model=Me, summary="Who is calling, and what they may do")
@one_statement
def read_me(caller: SignedIn) -> Any:
    """Needs no right. The rights are those of the roles, narrowed to the scopes of the key that was sent."""
    return Me(
        id=caller.id,
        name=caller.name,
        organisation_id=caller.organisation_id,
        roles=list(caller.roles),
        permissions={name: words for name, words in PERMISSIONS.items() if caller.can(name)},
    )


@people.get("/{person_id:uuid}", response_model=PersonRead, summary="A person or a machine client")
def read_person(person_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `people:read`. The journal and the lists of authors name people by this id."""
    return PersonRead.model_validate(queries.person(session, person_id, visible_to=caller))


@people.patch("/{person_id:uuid}", response_model=PersonRead, summary="Change name, roles or right to sign in")
def change_person(
    person_id: UUID,
    session: SessionDep,
    caller: SignedIn,
    version: ExpectedVersion,
    patch: Annotated[PersonPatch, MERGE_PATCH],
) -> Any:
    """Needs `people:write`. New roles hold from the next call; where `active` becomes false, every key stops working.

    `last_administrator` where nobody active would be left to administer; `already_exists` where somebody else has the
    name.
    """
    row = queries.person(session, person_id, visible_to=caller)
    values = patched(PersonFacts, row, patch)
    return PersonRead.model_validate(actions.change_person(session, row, values, version=version, by=caller))


@api_keys.get("", response_model=Page[ApiKeyRead], summary="Keys, newest first, without the keys themselves")
def list_api_keys(session: SessionDep, caller: SignedIn, page: Paging) -> Response:
    """Needs `api-keys:read`. Expired and revoked keys are listed too."""
    return page.page(queries.api_keys(session, page, visible_to=caller))


@api_keys.post("", response_model=ApiKeyMade, status_code=201, summary="Issue a key; it is shown this once")
def issue_api_key(session: SessionDep, caller: SignedIn, body: ApiKeyNew) -> Response:
    """Needs `api-keys:write` and `people:read`.

    The key has the rights of the account's roles, narrowed to `scopes` where they are given; the journal tells of it
    without the key. A narrowed key issues keys for its own account only, with some of its own rights. Sent again with
    the same Idempotency-Key it answers `answer_not_kept`: revoke that key and issue another.
    """
    account = queries.key_holder(session, body.person_id, visible_to=caller)
    row, key = actions.issue_key(session, account, body.label, body.valid_days, body.scopes, by=caller)
    made = ApiKeyMade(**_of_key(row), key=key)
    response = answer(made, 201, ApiKeyMade.collection)
    response.headers["Cache-Control"] = "no-store"
    return response


@api_keys.get("/{key_id}", response_model=ApiKeyRead, summary="A key, without the key itself")
def read_api_key(key_id: UUID, session: SessionDep, caller: SignedIn) -> Any:
    """Needs `api-keys:read`. `hint` is how the key begins, to tell it from others."""
    return ApiKeyRead(**_of_key(queries.api_key(session, key_id, visible_to=caller)))


@api_keys.delete("/{key_id}", response_model=ApiKeyRead, summary="Revoke a key")
def revoke_api_key(key_id: UUID, session: SessionDep, caller: SignedIn, version: ExpectedVersion) -> Any:
    """Needs `api-keys:write` and `api-keys:read`.

    The next call with it is refused; it stays listed, with the time it was revoked. `already_revoked` where that was
    done before.
    """
    row = queries.api_key(session, key_id, visible_to=caller)
    return ApiKeyRead(**_of_key(actions.revoke_key(session, row, version=version, by=caller)))


def _of_key(row: ApiKey) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ApiKeyRead.model_fields}


@vocabulary.get("", response_model=Vocabulary, summary="Every code with its label in three languages")
def read_vocabulary(session: SessionDep, caller: SignedIn) -> Any:
    """Needs `organisation:read`.

    The list `child_group` is the organisation's own; the others are the same for everybody.
    """
    groups = queries.organisation(session, visible_to=caller).child_groups
    own = {"child_group": {group["code"]: group["label"] for group in groups}}
    return Vocabulary.model_validate({"lists": {**all_labels(), **own}})
