"""Receiving a file: only from who has signed in, straight to the disk, never as a whole in memory.

No transaction is open meanwhile, so that a slow sender holds nobody up.
"""

from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from starlette.background import BackgroundTask

from app.access.rules import Caller
from app.access.sign_in import caller_of_request
from app.conventions.receiving import Received, received
from app.conventions.route import Endpoint, Route
from app.database import Database, Session
from app.errors import Fault, Invalid, WrongMediaType
from app.jobs import actions
from app.jobs.importing import PREFIX, ImportKind
from app.jobs.schemas import JobRead
from app.texts import fault_in_text

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES = (CSV, XLSX, "application/octet-stream")


class UploadRoute(Route):
    """A route whose body is a file. Its digest stands for the body where an Idempotency-Key is compared."""

    async def check_body(self, request: Request) -> None:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in MEDIA_TYPES:
            raise WrongMediaType("wrong_media_type", f"Send the file as {' or '.join(MEDIA_TYPES[:2])}.")
        database: Database = request.app.state.database
        caller = await database.read(caller_of_request, request)
        assert self.openapi_extra is not None
        caller.require(self.openapi_extra["x-upload"])  # before hundreds of megabytes are taken in
        upload = await _received(request)
        request.state.upload = upload
        request._body = upload.digest.encode()  # noqa: SLF001  (what Starlette would read again)

    def get_route_handler(self) -> Endpoint:
        handle = super().get_route_handler()

        async def with_file(request: Request) -> Response:
            response = None
            try:
                response = await handle(request)
                return response
            finally:
                upload = getattr(request.state, "upload", None)
                if upload is not None and (response is None or response.background is None):
                    upload.path.unlink(missing_ok=True)  # no job will read it

        return with_file


async def _received(request: Request) -> Received:
    return await received(request, limit=request.app.state.settings.max_upload_bytes, prefix=PREFIX)


class ImportAsked:
    """How a file is to be read: what every import route takes."""

    def __init__(self, upload: Received, dry_run: bool, parameters: dict[str, Any], file_name: str | None) -> None:
        self.upload = upload
        self.dry_run = dry_run
        self.parameters = parameters
        self.file_name = file_name

    def job(self, session: Session, request: Request, kind: ImportKind, *, by: Caller, **more: Any) -> Response:
        """The answer 202 with the job that will read the file once this transaction is committed."""
        told = {name: value for name, value in {**self.parameters, **more}.items() if value not in (None, {})}
        row = actions.queue(
            session,
            kind,
            dry_run=self.dry_run,
            parameters=told,
            file_name=self.file_name,
            digest=self.upload.digest,
            size=self.upload.size,
            by=by,
        )
        runner = request.app.state.jobs
        return Response(
            JobRead.model_validate(row).model_dump_json(),
            202,
            {"Location": f"{JobRead.collection}/{row.id}", "ETag": f'"{row.version}"'},
            "application/json",
            BackgroundTask(runner.start, request.app.state.database, row.id, self.upload.path),
        )


def _mapping(columns: list[str]) -> dict[str, str]:
    told = {}
    for place, text in enumerate(columns):
        code, equals, header = text.partition("=")
        if not equals or not header.strip() or fault_in_text(header):
            raise Invalid("invalid", "A column cannot be told.", [Fault(f"column/{place}", "Give code=header.")])
        told[code.strip()] = header.strip()
    return told


async def _asked(
    request: Request,
    dry_run: Annotated[
        bool, Query(description="Only look for faults, and change nothing. Send false to import.")
    ] = True,
    column: Annotated[
        list[str] | None,
        Query(
            max_length=30,
            description="The way out where a header is not known: `code=header in the file`, once a column.",
            examples=[["amount=Toteuma 2025"]],
        ),
    ] = None,
    sheet: Annotated[
        str | None, Query(max_length=100, description="The sheet of an XLSX file; the first with the header if absent.")
    ] = None,
    file_name: Annotated[str | None, Query(max_length=300, description="The file's name, for the journal.")] = None,
) -> ImportAsked:
    parameters = {"columns": _mapping(column or []), "sheet": sheet}
    return ImportAsked(request.state.upload, dry_run, parameters, file_name)


Asked = Annotated[ImportAsked, Depends(_asked)]


def import_operation(kind: ImportKind, example: str, columns: str) -> dict[str, Any]:
    """What an import route says of its body in the description of the API, and the right that sending a file needs.

    A CSV file too is bytes, in whatever encoding the spreadsheet program wrote it.
    """
    file = {"schema": {"type": "string", "format": "binary", "description": columns}}
    return {
        "x-upload": kind.permission,
        "requestBody": {
            "required": True,
            "content": {**dict.fromkeys(MEDIA_TYPES, file), CSV: {**file, "example": example}},
        },
    }
