"""The description of the API: OpenAPI 3.1, the same for every build, committed as openapi/openapi.json."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.conventions.problems import Problem
from app.services.models import AgeGroup

DESCRIPTION = """\
Child-impact assessment (lapsivaikutusten arviointi) for Finnish wellbeing services counties and municipalities.

A decision is registered by its diary number; an early hint says whether children are probably affected; an assessment
is screened, written, reviewed, sealed and published, or somebody signs that none is needed; the decision is cleared and
handled; and later its predicted effects are set beside what really happened.

Conventions: errors are `application/problem+json` (RFC 9457); changes name the version they change in `If-Match`; every
POST takes an `Idempotency-Key`; `PATCH` is JSON Merge Patch (RFC 7396); lists are read by following `next`; `HEAD` is
answered wherever `GET` is.

Each operation names the right it needs. Who changes a thing must also have the right to read it, and a key that is
narrowed to some rights needs those too.
"""

TAGS = {
    "Decisions": "What is decided: options, what it touches, its early hint, its clearance and how bodies handled it.",
    "Cases": "The case-management system: cases told by its own key, and whether each is ready for a meeting.",
    "Assessments": "Screening, writing, review, seal and publication.",
    "Parts of an assessment": "Impacts, evidence, hearings and recommendations.",
    "Attachments": "Files and links that belong to an assessment.",
    "Follow-ups": "What really happened.",
    "Forms": "Editions of the assessment form.",
    "Services": "Units, cost centres, service classes, their classification by impact on children, and populations.",
    "Child budget": "Budget and ledger lines, and what of them is spent on children.",
    "Jobs": "Imports of files, and how far they are.",
    "Organisation": "The caller's own organisation and its code lists.",
    "People and keys": "Who may do what.",
    "Vocabulary": "Codes and their labels.",
    "Journal": "The audit trail.",
    "Events": "What has happened, in order, for other systems to follow.",
    "Webhooks": "Other systems that are called when something happens, and what became of each call.",
    "Reports": "What is said of many decisions together.",
    "Public register": "What is published; no key is needed.",
}

MAX_INT32 = 2**31 - 1
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_WORDS = {
    400: "The request cannot be read.",
    401: "No valid credentials.",
    403: "Not allowed to this caller.",
    404: "Not here, or not this organisation's.",
    405: "The method is not allowed at this address.",
    409: "It does not fit the present state.",
    412: "Changed by somebody else since it was read.",
    413: "The body is too large.",
    415: "The media type is not read here.",
    422: "What was sent breaks a rule; `errors` say where.",
    428: "If-Match is missing.",
    429: "Too many requests; see Retry-After.",
    500: "A fault of the service.",
    503: "Busy; see Retry-After.",
}
_HEADERS = {
    "ETag": {"description": "The version, to be sent in If-Match or If-None-Match.", "schema": {"type": "string"}},
    "Location": {"description": "Where the new resource is.", "schema": {"type": "string"}},
    "X-Request-Id": {"description": "The request's id.", "schema": {"type": "string", "format": "uuid"}},
    "Link": {"description": "The next page, rel=next (RFC 8288).", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "Allow": {"description": "The methods that this address takes.", "schema": {"type": "string"}},
}
_FIRST = ("tags", "summary", "description", "operationId", "security")
"""What an operation begins with."""
_KEY = {"type": "http", "scheme": "bearer", "description": "An API key, `lava_…`, as a bearer token (RFC 6750)."}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any unique text; the same request again has no second effect and gets the first answer.",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,200}$"},
}
_ACCEPT_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "description": "The language of problems' titles: fi, sv or en.",
    "schema": {"type": "string", "examples": ["sv"]},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of what the caller has, or several: the answer is 304 while it has not changed.",
    "schema": {"type": "string", "examples": ['"7"']},
}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app, with what every operation shares filled in."""
    if app.openapi_schema:
        return app.openapi_schema
    described = get_openapi(
        title="Lava",
        version="1",
        openapi_version="3.1.0",
        summary="Children are seen before a decision is made.",
        description=DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": words} for name, words in TAGS.items()],
        servers=[{"url": "/", "description": "This service."}],
        contact={"name": "Lava", "url": "https://example.fi/lava"},
    )
    described["components"]["securitySchemes"] = {"key": _KEY}
    schemas = described["components"]["schemas"]
    for left_over in ("HTTPValidationError", "ValidationError"):
        schemas.pop(left_over, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    _describe_fields(schemas)
    schemas["AgeGroup"]["x-enum-varnames"] = [group.name for group in AgeGroup]  # `0-6` is no name in a program
    described["components"]["responses"] = {str(status): _problem_response(status) for status in _WORDS}
    described["components"]["headers"] = _HEADERS
    described["components"]["parameters"] = {
        "IdempotencyKey": _IDEMPOTENCY_KEY,
        "AcceptLanguage": _ACCEPT_LANGUAGE,
        "IfNoneMatch": _IF_NONE_MATCH,
    }
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            operations[method] = {**{word: operation[word] for word in _FIRST if word in operation}, **operation}
            _complete(path, method, operations[method], schemas)
    _mend(described)
    app.openapi_schema = described
    return described


def _describe_fields(schemas: dict[str, Any]) -> None:
    """Let a patch say of each field what the whole says of it, and a field that is another schema what that says."""
    for name, schema in schemas.items():
        for field, said in schema.get("properties", {}).items():
            for whole in _wholes_of(name, schemas):
                source = whole["properties"].get(field, {})
                for word in ("description", "examples"):
                    if word in source:
                        said.setdefault(word, source[word])
                for ours, theirs in zip(_lists_in(said), _lists_in(source), strict=False):
                    ours |= {limit: theirs[limit] for limit in ("minItems", "maxItems") if limit in theirs}
            if "$ref" in said and "description" not in said:
                said["description"] = schemas[said["$ref"].rpartition("/")[2]].get("description", "")


def _wholes_of(name: str, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    """What `DecisionPatch` changes a part of: `DecisionFacts`, or `DecisionNew`, or `DecisionRead`, as there are."""
    if not name.endswith("Patch"):
        return []
    stem = name.removesuffix("Patch")
    return [schemas[whole] for end in ("Facts", "New", "Read", "") if (whole := f"{stem}{end}") in schemas]


def _lists_in(said: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas of lists that a field may be."""
    return [either for either in (said, *said.get("anyOf", ())) if either.get("type") == "array"]


def _mend(said: Any) -> None:
    """Write what pydantic leaves out: an integer's limits in JSON Schema's own words where a validator comes first, and
    its width, since cents do not go into 32 bits; and that an object whose names have a pattern has no others, in the
    words that makers of clients know (`patternProperties` is passed over by most, and the names are lost).
    """
    if isinstance(said, list):
        for item in said:
            _mend(item)
    if not isinstance(said, dict):
        return
    for item in said.values():
        _mend(item)
    if said.get("type") == "integer":
        for ours, theirs in (("ge", "minimum"), ("le", "maximum")):
            if ours in said:
                said[theirs] = said.pop(ours)
        said["format"] = "int32" if said.get("maximum", 0) <= MAX_INT32 else "int64"
    if said.get("type") == "object" and len(said.get("patternProperties", ())) == 1:
        [(pattern, values)] = said.pop("patternProperties").items()
        said |= {"propertyNames": {"pattern": pattern}, "additionalProperties": values}


def _problem_response(status: int) -> dict[str, Any]:
    headers = {"X-Request-Id": _header("X-Request-Id")}
    if status in {429, 503}:
        headers["Retry-After"] = _header("Retry-After")
    if status == 405:
        headers["Allow"] = _header("Allow")
    return {"description": _WORDS[status], "content": _PROBLEM, "headers": headers}


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


def _complete(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    named = {parameter["name"].lower() for parameter in parameters}
    keyed = "security" in operation
    if method == "post" and keyed:
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if method == "get":
        parameters.append({"$ref": "#/components/parameters/IfNoneMatch"})
    parameters.append({"$ref": "#/components/parameters/AcceptLanguage"})
    for parameter in parameters:
        if parameter.get("in") == "path":
            thing = parameter["name"].removesuffix("_id").replace("_", " ")
            parameter.setdefault("description", f"The id of the {thing}.")
        if parameter.get("name", "").lower() == "if-match":
            parameter.update(name="If-Match", required=True, schema={"type": "string", "pattern": '^"[0-9]{1,9}"$'})
    possible = {400, 405, 422, 429, 500, 503}
    possible |= {401, 403} if keyed else set()
    possible |= {404} if "{" in path or method != "get" else set()
    possible |= {409, 413, 415} if method != "get" else set()
    possible |= {409} & {int(status) for status in operation["responses"] if status.isdigit()}  # where a read has it
    possible |= {412, 428} if "if-match" in named else set()
    if path.endswith(("/organisation", "/cases")):  # one thing, and no list
        possible |= {404}
    responses = operation["responses"]
    for status in [status for status in responses if status.isdigit() and int(status) in _WORDS]:
        del responses[status]
    for status, response in responses.items():
        headers = response.setdefault("headers", {})
        headers["X-Request-Id"] = _header("X-Request-Id")
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        reference = str(schema.get("$ref", "")).rpartition("/")[2]
        if reference.startswith("Page_"):
            headers["Link"] = _header("Link")
        if path.startswith("/public/"):
            headers["ETag"] = _header("ETag")
        if "version" in schemas.get(reference, {}).get("properties", {}):
            headers["ETag"] = _header("ETag")
            if status == "201":
                headers["Location"] = _header("Location")
    if method == "get":
        responses["304"] = {"description": "Not changed since the version named in If-None-Match."}
    for status in possible:
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    operation["responses"] = dict(sorted(responses.items()))
