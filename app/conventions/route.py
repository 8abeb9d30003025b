"""The one route class: one request is one transaction, and one body of code serves both databases.

Endpoints are plain synchronous functions. They run in a greenlet on the event loop, return a schema or a dictionary,
and this class turns that into an answer with its ETag, commits, and only then lets the answer go.
"""

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import to_json
from sqlalchemy.util import greenlet_spawn

from app.conventions import idempotency
from app.conventions.body import read_json
from app.conventions.problems import language_of
from app.conventions.schemas import Resource
from app.conventions.versions import etag_of
from app.database import Database, JsonText, Session
from app.errors import Fault, Invalid, TooLarge, WrongMediaType
from app.texts import fault_in_text

READING = {"GET", "HEAD"}
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]
Read = TypeVar("Read", bound=Callable[..., Any])


class Given:
    """What the route gives an endpoint: what stands in the request's state under a name.

    FastAPI does not see such a parameter of an endpoint, and so spares each request the work of solving it; a
    dependency may have one too.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, request: Request) -> Any:
        """What a dependency gets; a fault where the endpoint did not ask for it."""
        return getattr(request.state, self.name)


class SignsIn(Given, ABC):
    """The caller, and how the route finds out who that is."""

    @abstractmethod
    async def before_the_body(self, request: Request) -> None:
        """Refuse a writing request before any of its body is read, or note what was found."""

    @abstractmethod
    async def in_transaction(self, request: Request) -> Any:
        """Who sends the request, before anything else is asked of the database."""


def one_statement(endpoint: Read) -> Read:
    """Promise that a read asks the database once besides the sign-in, and so needs no transaction for one picture."""
    endpoint.__dict__["one_statement"] = True
    return endpoint


def answer(result: Any, status_code: int = 200, collection: str | None = None) -> Response:
    """The HTTP answer of what an endpoint returned: JSON, with the row's version as its ETag."""
    if isinstance(result, Response):
        return result
    if result is None:
        return Response(status_code=204)
    if isinstance(result, JsonText):
        headers = {"ETag": etag_of(result.version)}
        if status_code == 201 and collection:
            headers["Location"] = f"{collection}/{result.id}"
        return Response(result.text, status_code, headers, media_type="application/json")
    content = result.__pydantic_serializer__.to_json(result, by_alias=True) if isinstance(result, BaseModel) else None
    said = result if isinstance(result, dict) else {name: getattr(result, name, None) for name in ("id", "version")}
    headers = {}
    version = said.get("version")
    if isinstance(version, int):
        headers["ETag"] = etag_of(version)
    if status_code == 201 and collection:
        headers["Location"] = f"{collection}/{said['id']}"
    return Response(content or to_json(result), status_code, headers, media_type="application/json")


class Route(APIRoute):
    """A route whose endpoint runs in one transaction."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        body_types = (options.get("openapi_extra") or {}).get("x-body-types")
        self.body_types: tuple[str, ...] = tuple(body_types or ("application/json", "application/merge-patch+json"))
        status_code = options.get("status_code") or 200
        model = options.get("response_model")
        collection = (model.collection or path) if isinstance(model, type) and issubclass(model, Resource) else None

        given, signature = _given(endpoint)
        takes_request = "request" in inspect.signature(endpoint).parameters

        @functools.wraps(endpoint)
        async def run(request: Request, **values: Any) -> Response:
            for parameter, what in given.items():
                values[parameter] = getattr(request.state, what.name)
            if takes_request:
                values["request"] = request
            return answer(await greenlet_spawn(endpoint, **values), status_code, collection)

        run.__dict__["__signature__"] = signature
        self.sign_in = next((what for what in given.values() if isinstance(what, SignsIn)), None)
        if self.sign_in:
            options["openapi_extra"] = {**(options.get("openapi_extra") or {}), "security": [{"key": []}]}
        super().__init__(path, run, **{**options, "generate_unique_id_function": lambda route: route.name})
        self.known_parameters = _query_parameters(self.dependant)
        # A list is one statement (ADR 9).
        self.one_statement = hasattr(endpoint, "one_statement") or "cursor" in self.known_parameters

    def get_route_handler(self) -> Endpoint:
        handle = super().get_route_handler()
        writes = not READING.issuperset(self.methods or READING)

        async def in_one_transaction(request: Request) -> Response:
            self._check_parameters(request)
            if writes:
                if self.sign_in:
                    await self.sign_in.before_the_body(request)
                await self.check_body(request)
            database: Database = request.app.state.database
            async with database.request_transaction(writes=writes, one_statement=self.one_statement) as session:
                request.state.session = session
                try:
                    if self.sign_in:
                        request.state.caller = await self.sign_in.in_transaction(request)
                    response = await handle(request)
                except idempotency.Replay as replay:
                    return replay.response
                if "{" in response.headers.get("location", ""):  # a part of what the path names
                    response.headers["Location"] = (
                        f"{request.url.path}/{response.headers['location'].rpartition('/')[2]}"
                    )
                if hasattr(request.state, "idempotency"):
                    await greenlet_spawn(idempotency.keep, session, request.state.idempotency, response)
            response.headers.setdefault("Cache-Control", "private, no-cache")
            if not writes and _is_known(response, request.headers.get("if-none-match")):
                kept = {k: v for k, v in response.headers.items() if k in {"etag", "cache-control", "vary"}}
                return Response(status_code=304, headers=kept)
            return response

        return in_one_transaction

    def _check_parameters(self, request: Request) -> None:
        for name, value in request.query_params.multi_items():
            if fault_in_text(name):
                raise Invalid("invalid_text", "The name of a parameter cannot be used.")
            if name not in self.known_parameters:
                known = ", ".join(sorted(self.known_parameters)) or "none"
                unknown = Fault(name, f"Not a parameter here. There are: {known}.")
                raise Invalid("invalid", "A parameter is unknown, perhaps misspelt.", [unknown])
            fault = fault_in_text(value)
            if fault:
                raise Invalid("invalid_text", "Some parameters cannot be used.", [Fault(name, fault)])

    async def check_body(self, request: Request) -> None:
        """Read the body before the transaction begins, and refuse what cannot be kept."""
        body = await _body_of(request)
        if not body:
            return
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in self.body_types:
            raise WrongMediaType("wrong_media_type", f"Send the body as {' or '.join(self.body_types)}.")
        if media_type.endswith("json"):
            request._json = await greenlet_spawn(self.read, request, body)  # noqa: SLF001  (where Starlette keeps it)

    def read(self, _request: Request, body: bytes) -> Any:
        """The JSON value of a body, or what is wrong with it."""
        return read_json(body)


async def _body_of(request: Request) -> bytes:
    """The request's body, or TooLarge as soon as it is known to be over the limit."""
    limit: int = request.app.state.settings.max_body_bytes
    announced = request.headers.get("content-length", "0")
    size = int(announced) if announced.isdigit() else 0
    chunks: list[bytes] = []
    if size <= limit:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                break
            chunks.append(chunk)
    if size > limit:
        raise TooLarge("body_too_large", f"Send at most {limit} bytes.")
    request._body = b"".join(chunks)  # noqa: SLF001  (where Starlette keeps it)
    return request._body  # noqa: SLF001  (likewise)


def _query_parameters(dependant: Dependant) -> set[str]:
    """The names of every query parameter of a route, those of its dependencies too."""
    names = {field.alias for field in dependant.query_params}
    return names.union(*(_query_parameters(inner) for inner in dependant.dependencies))


def _given(endpoint: Callable[..., Any]) -> tuple[dict[str, Given], inspect.Signature]:
    """The parameters of an endpoint that the route gives, and what is left for FastAPI to find, with the request."""
    given: dict[str, Given] = {}
    signature = inspect.signature(endpoint)
    left = [inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)]
    for name, parameter in signature.parameters.items():
        marks = [getattr(mark, "dependency", None) for mark in getattr(parameter.annotation, "__metadata__", ())]
        what = next((mark for mark in marks if isinstance(mark, Given)), None)
        if what:
            given[name] = what
        elif name != "request":
            left.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    return given, signature.replace(parameters=left)


def _is_known(response: Response, if_none_match: str | None) -> bool:
    """Whether the caller has this answer: `*` or its tag, for which a weak tag is enough (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return response.status_code == 200 and (tags == ["*"] or response.headers.get("etag") in tags)


def router(collection: str, tag: str, *, prefix: str = "/api/v1") -> APIRouter:
    """A router of one collection, whose routes are of this class."""
    return APIRouter(prefix=f"{prefix}/{collection}", tags=[tag], route_class=Route)


async def _language(request: Request) -> str:
    return language_of(request)


Language = Annotated[str, Depends(_language)]
"""The language that the caller prefers: `fi`, `sv` or `en`."""


SessionDep = Annotated[Session, Depends(Given("session"))]
