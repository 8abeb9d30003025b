"""Routes that take a file: units, cost centres, service classes, classifications, populations."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app.access.sign_in import SignedIn
from app.conventions.route import SessionDep
from app.jobs.schemas import JobRead
from app.jobs.uploads import Asked, UploadRoute, import_operation
from app.services import imports

EXAMPLE_UNITS = (
    "tunnus;nimi;taso;ylempi yksikkö;voimassa alkaen\r\n"
    "LNP;Lasten, nuorten ja perheiden palvelut;toimiala;;1.1.2023\r\n"
    "NEU;Neuvolat;yksikkö;LNP;1.1.2023\r\n"
)
EXAMPLE_COST_CENTRES = "kustannuspaikka;nimi;voimassa alkaen\r\n41200;Lastenneuvolat;1.1.2023\r\n"
EXAMPLE_LIST = (
    "scheme,year,code,name\r\n"
    "demo-aura,2025,9101,Lastenneuvola (esimerkki)\r\n"
    "demo-aura,2025,9102,Kouluterveydenhuolto (esimerkki)\r\n"
)
EXAMPLE_CLASSIFICATIONS = (
    "kustannuspaikka;vuodesta;vaikutusluokka;menetelmä;ikäryhmät;perustelu\r\n"
    "41200;2026;suora;kokonaan nimetyille ikäryhmille;0-6;Neuvola palvelee alle kouluikäisiä\r\n"
)
EXAMPLE_POPULATIONS = (
    "vuosi;ikäryhmä;väkiluku\r\n2026;0-6;5 000\r\n2026;7-12;6 000\r\n2026;13-15;3 500\r\n2026;16-17;2 500\r\n"
    "2026;18+;83 000\r\n"
)

routes = APIRouter(prefix="/api/v1", tags=["Services"], route_class=UploadRoute)


@routes.post(
    "/units/import",
    response_model=JobRead,
    status_code=202,
    summary="Import the unit tree from a file",
    openapi_extra=import_operation(
        imports.UNITS,
        EXAMPLE_UNITS,
        "Columns tunnus, nimi (nimi_sv, nimi_en), taso, ylempi yksikkö, voimassa alkaen, voimassa asti.",
    ),
)
def import_units(session: SessionDep, caller: SignedIn, request: Request, asked: Asked) -> Response:
    """Needs `services:write`; the answer is a job to be watched.

    Units are matched by their code: new ones are added, others changed, none removed. The unit above may stand in the
    same file, in any order.
    """
    return asked.job(session, request, imports.UNITS, by=caller)


@routes.post(
    "/cost-centres/import",
    response_model=JobRead,
    status_code=202,
    summary="Import cost centres from a file",
    openapi_extra=import_operation(
        imports.COST_CENTRES,
        EXAMPLE_COST_CENTRES,
        "Columns kustannuspaikka, nimi (nimi_sv, nimi_en), yksikkö, voimassa alkaen, voimassa asti.",
    ),
)
def import_cost_centres(session: SessionDep, caller: SignedIn, request: Request, asked: Asked) -> Response:
    """Needs `services:write`; the answer is a job to be watched.

    Cost centres are matched by their code: new ones are added, others changed, none removed. Sums by unit follow a cost
    centre that moves.
    """
    return asked.job(session, request, imports.COST_CENTRES, by=caller)


@routes.post(
    "/service-classes/import",
    response_model=JobRead,
    status_code=202,
    summary="Import code lists from a file",
    openapi_extra=import_operation(
        imports.SERVICE_CLASSES, EXAMPLE_LIST, "Columns scheme, year, code and name (luokitus, vuosi, koodi, nimi)."
    ),
)
def import_service_classes(session: SessionDep, caller: SignedIn, request: Request, asked: Asked) -> Response:
    """Needs `services:write`; the answer is a job to be watched.

    Classes are matched by scheme, year and code, so that one year's list never touches another's: a new name replaces
    the old, and what the file leaves out stays.
    """
    return asked.job(session, request, imports.SERVICE_CLASSES, by=caller)


@routes.post(
    "/classifications/import",
    response_model=JobRead,
    status_code=202,
    summary="Import classifications from a file",
    openapi_extra=import_operation(
        imports.CLASSIFICATIONS,
        EXAMPLE_CLASSIFICATIONS,
        "Columns kustannuspaikka, luokitus, luettelon vuosi, palveluluokka, vuodesta, vuoteen, vaikutusluokka, "
        "menetelmä, osuus 0-6 … osuus 18+, lasten osuus, ikäryhmät, perustelu; luettelon vuosi is by default vuodesta.",
    ),
)
def import_classifications(
    session: SessionDep,
    caller: SignedIn,
    request: Request,
    asked: Asked,
    end_earlier: Annotated[
        bool, Query(description="End what is classified for the same in the year before; otherwise it is refused.")
    ] = False,
) -> Response:
    """Needs `services:write`; the answer is a job to be watched.

    All of the file is added or nothing; a row that says what holds already changes nothing.
    """
    more: dict[str, Any] = {"end_earlier": True} if end_earlier else {}
    return asked.job(session, request, imports.CLASSIFICATIONS, by=caller, **more)


@routes.post(
    "/populations/import",
    response_model=JobRead,
    status_code=202,
    summary="Import populations from a file",
    openapi_extra=import_operation(
        imports.POPULATIONS, EXAMPLE_POPULATIONS, "Columns vuosi, ikäryhmä and väkiluku; all five groups a year."
    ),
)
def import_populations(session: SessionDep, caller: SignedIn, request: Request, asked: Asked) -> Response:
    """Needs `services:write`; the answer is a job to be watched.

    Years that the file tells are added or changed; others stay. Figures that rest on them are restated.
    """
    return asked.job(session, request, imports.POPULATIONS, by=caller)
