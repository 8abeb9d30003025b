"""What goes in and out about organisations, people and keys."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, Field, field_validator

from app.access.models import AccountKind, Role
from app.access.rules import PERMISSIONS
from app.conventions.schemas import (
    Code,
    Flag,
    Integer,
    Language,
    Localised,
    LocalisedText,
    LocalisedTextPatch,
    Representation,
    Resource,
    Schema,
    ShortText,
)


class CodeEntry(Schema):
    """One entry of a code list that the organisation edits."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,60}$")] = Field(description="Stable code.", examples=["placed"])
    label: LocalisedText = Field(description="What people read.")


class TaskClassEntry(Schema):
    """A task class (TOS) of the case system that is never assessed, such as matters of a single person."""

    prefix: Code = Field(description="The class and all below it.", examples=["01 01"])
    reason: ShortText = Field(description="Why it is set aside.", examples=["Yksittäisen henkilön palvelussuhdeasia"])


class OrganisationFacts(Schema):
    """Facts of an organisation."""

    name: LocalisedText = Field(description="Its name.")
    languages: list[Language] = Field(min_length=1, max_length=3, description="Languages it works in.")


class OrganisationPatch(Schema):
    """Changes to the organisation."""

    name: LocalisedTextPatch | None = None
    languages: list[Language] | None = None

    model_config = {"json_schema_extra": {"examples": [{"name": {"en": "Demo county of Kymenlaakso"}}]}}


class CodeList(Schema):
    """The whole of a code list."""

    items: list[CodeEntry] = Field(max_length=200, description="Every entry, in the order shown.")

    model_config = {
        "json_schema_extra": {
            "examples": [{"items": [{"code": "placed", "label": {"fi": "Sijoitetut lapset", "sv": "Placerade barn"}}]}]
        }
    }

    @field_validator("items")
    @classmethod
    def _each_once(cls, items: list[CodeEntry]) -> list[CodeEntry]:
        if len({item.code for item in items}) != len(items):
            raise ValueError("A code is given twice.")
        return items


class TaskClassList(Schema):
    """The whole list of task classes set aside."""

    items: list[TaskClassEntry] = Field(max_length=500, description="Every entry.")

    model_config = {
        "json_schema_extra": {
            "examples": [{"items": [{"prefix": "01 01", "reason": "Yksittäisen henkilön palvelussuhdeasia"}]}]
        }
    }


class OrganisationRead(Resource):
    """The caller's organisation."""

    business_id: str = Field(description="Finnish business id (Y-tunnus).", examples=["1234567-1"])
    name: Localised = Field(description="Its name.")
    languages: list[Language] = Field(description="Languages it works in.")
    child_groups: list[CodeEntry] = Field(description="The groups of children that impacts may name.")
    excluded_task_classes: list[TaskClassEntry] = Field(description="Task classes that are not assessed or counted.")


class PersonFacts(Schema):
    """Facts of a person or a machine client."""

    kind: AccountKind = Field(default=AccountKind.PERSON, description="A person or a machine client.")
    name: ShortText = Field(description="Name as shown in the journal.", examples=["Valmistelija (esimerkki)"])
    roles: list[Role] = Field(max_length=8, description="What they do here; may be empty.")
    active: Flag = Field(default=True, description="Whether they may sign in.")

    model_config = {
        "json_schema_extra": {"examples": [{"kind": "person", "name": "Esimerkki Virkanen", "roles": ["preparer"]}]}
    }

    @field_validator("roles")
    @classmethod
    def _each_once(cls, roles: list[Role]) -> list[Role]:
        return sorted(set(roles))


class PersonPatch(Schema):
    """Changes to a person or a machine client."""

    name: ShortText | None = None
    roles: list[Role] | None = None
    active: Flag | None = None

    model_config = {"json_schema_extra": {"examples": [{"roles": ["preparer", "expert"]}]}}


class PersonRead(Resource):
    """A person or a machine client."""

    collection: ClassVar[str | None] = "/api/v1/people"

    kind: AccountKind = Field(description="A person or a machine client.")
    name: str = Field(description="Name as shown in the journal.")
    roles: list[Role] = Field(description="What they do here.")
    active: bool = Field(description="Whether they may sign in.")


class Me(Representation):
    """Whoever is calling."""

    id: UUID = Field(description="The account's id.")
    name: str = Field(description="Its name.")
    organisation_id: UUID = Field(description="Its organisation.")
    roles: list[Role] = Field(description="What it does here.")
    permissions: dict[str, str] = Field(description="What it may do, in plain words.")


class ApiKeyNew(Schema):
    """A key to be issued."""

    person_id: UUID = Field(description="Whose key it is: a person or a machine client.")
    label: ShortText = Field(description="What it is for.", examples=["Asianhallinta, tuotanto"])
    valid_days: Annotated[Integer, Field(ge=1, le=730)] = Field(default=365, description="Days until it expires.")
    scopes: list[str] | None = Field(
        default=None, max_length=50, description="Only these rights of the roles; null: all."
    )

    model_config = {
        "json_schema_extra": {
            "examples": [{"person_id": "00000000-0000-7000-8000-000000000001", "label": "Asianhallinta, tuotanto"}]
        }
    }

    @field_validator("scopes")
    @classmethod
    def _known(cls, scopes: list[str] | None) -> list[str] | None:
        unknown = sorted(set(scopes or []) - set(PERMISSIONS))
        if unknown:
            raise ValueError(f"Unknown right: {unknown[0]}")
        return scopes


class ApiKeyRead(Resource):
    """A key, without the key itself."""

    collection: ClassVar[str | None] = "/api/v1/api-keys"

    account_id: UUID = Field(description="Whose key it is.")
    label: str = Field(description="What it is for.")
    hint: str = Field(description="Its first characters, to tell it from others.", examples=["lava_Xy3…"])
    scopes: list[str] | None = Field(description="The rights it is narrowed to; null: all of its roles'.")
    expires_at: datetime = Field(description="When it stops working, UTC.")
    revoked_at: datetime | None = Field(description="When it was revoked, UTC.")


class ApiKeyMade(ApiKeyRead):
    """A key just made, with the key itself, shown this once."""

    key: str = Field(description="The key. It is not kept: copy it now.", examples=["lava_…"])


class Vocabulary(BaseModel):
    """Every code with its label in three languages."""

    lists: dict[str, dict[str, Localised]] = Field(
        description="By list (such as `impact_class`), then by code; child groups are the organisation's own."
    )
