"""Units, cost centres, service classes, classifications and populations from a file, as spreadsheets write them."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from app.access.rules import Caller, System
from app.clock import now
from app.conventions.vocabulary import labels
from app.database import Session
from app.errors import Invalid
from app.jobs.importing import Apply, Import, ImportKind
from app.jobs.models import JobKind
from app.journal.actions import record
from app.services import actions, queries
from app.services.models import (
    Classification,
    CostCentre,
    Population,
    Unit,
)
from app.services.restating import NO_UNIT, Changed, restate
from app.services.rules import AGE_GROUPS, check_method
from app.spreadsheets.cells import CellFault, code_of, count_of, day_of, is_totals_row, ppm_of, text_of, year_of
from app.spreadsheets.tables import Cell, Column

MOST_ROWS = 50_000

Parser = Callable[[Cell], Any]


def one_of_labels(list_name: str, cell: Cell) -> str:
    """The code whose code or label, in any of the three languages and any case, stands in a cell."""
    said = text_of(cell, 100).casefold().replace("_", " ")
    for code, named in labels(list_name).items():
        if said in {code.casefold().replace("_", " "), *(label.casefold() for label in named.values())}:
            return code
    raise CellFault(f"Give one of: {', '.join(labels(list_name))}; or its label in fi, sv or en.")


_NAMES = (
    Column("name_fi", ("name_fi", "nimi", "nimi_fi", "nimi suomeksi"), required=False),
    Column("name_sv", ("name_sv", "namn", "nimi_sv", "namn_sv", "nimi ruotsiksi"), required=False),
    Column("name_en", ("name_en", "name", "nimi_en", "namn_en"), required=False),
)
_VALID = (
    Column("valid_from", ("valid_from", "voimassa alkaen", "alkaen", "giltig från", "giltig fr.o.m.")),
    Column("valid_to", ("valid_to", "voimassa asti", "päättyy", "giltig till", "giltig t.o.m."), required=False),
)
_TEXT = partial(text_of, longest=300)
_NAME_PARSERS: dict[str, Parser] = {"name_fi": _TEXT, "name_sv": _TEXT, "name_en": _TEXT}
_UNIT_COLUMNS = (
    Column("code", ("code", "tunnus", "koodi", "yksikkö", "kod", "enhet", "unit")),
    *_NAMES,
    Column("level", ("level", "taso", "nivå")),
    Column("parent", ("parent", "ylempi", "ylempi yksikkö", "överordnad", "överordnad enhet"), required=False),
    *_VALID,
)
_COST_CENTRE_COLUMNS = (
    Column("code", ("code", "tunnus", "koodi", "kustannuspaikka", "kod", "kostnadsställe", "cost_centre")),
    *_NAMES,
    Column("unit", ("unit", "yksikkö", "enhet"), required=False),
    *_VALID,
)
_SERVICE_CLASS_COLUMNS = (
    Column("scheme", ("scheme", "luokitus", "klassifikation")),
    Column("year", ("year", "vuosi", "år")),
    Column("code", ("code", "koodi", "tunnus", "kod", "palveluluokka", "serviceklass", "service_class")),
    Column("name", ("name", "nimi", "namn")),
)
_SHARES = tuple(
    Column(f"share {group}", (f"share {group}", f"osuus {group}", f"andel {group}", group), required=False)
    for group in AGE_GROUPS
)
_CLASSIFICATION_COLUMNS = (
    Column("cost_centre", ("cost_centre", "kustannuspaikka", "kostnadsställe"), required=False),
    Column("scheme", ("scheme", "luokitus", "klassifikation"), required=False),
    Column("list_year", ("list_year", "luettelon vuosi", "förteckningens år"), required=False),
    Column("service_class", ("service_class", "palveluluokka", "serviceklass"), required=False),
    Column("from_year", ("from_year", "vuodesta", "alkaen", "från år")),
    Column("to_year", ("to_year", "vuoteen", "till år"), required=False),
    Column("impact_class", ("impact_class", "vaikutusluokka", "lapsivaikutus", "konsekvensklass")),
    Column("method", ("method", "menetelmä", "metod")),
    *_SHARES,
    Column("child_share", ("child_share", "lasten osuus", "barnens andel"), required=False),
    Column("age_groups", ("age_groups", "ikäryhmät", "åldersgrupper"), required=False),
    Column("reason", ("reason", "perustelu", "peruste", "motivering")),
)
_POPULATION_COLUMNS = (
    Column("year", ("year", "vuosi", "år")),
    Column("age_group", ("age_group", "ikäryhmä", "ikä", "åldersgrupp")),
    Column("count", ("count", "väkiluku", "lukumäärä", "määrä", "antal", "invånarantal")),
)


def read_rows(
    asked: Import, columns: tuple[Column, ...], parsers: Mapping[str, Parser]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a file whose every cell was understood, with their numbers; what was not is noted as a fault.

    An empty cell is None; of a required column it is a fault. Rows of totals are passed over.
    """
    table = asked.open(columns)
    required = {column.code for column in columns if column.required}
    for count, (number, cells) in enumerate(table.rows()):
        if count >= MOST_ROWS:
            asked.faults.add(f"Send at most {MOST_ROWS} rows at a time.", number)
            return
        if is_totals_row(cells):
            continue
        values: dict[str, Any] = {}
        clean = True
        for column, cell in zip(columns, cells, strict=True):
            try:
                if cell is None:
                    if column.code in required:
                        raise CellFault("The cell is empty. Give a value.")
                    values[column.code] = None
                else:
                    values[column.code] = parsers[column.code](cell)
            except CellFault as fault:
                clean = False
                asked.faults.add_cell(table.error(number, column.code, cell, fault.expected))
        if clean:
            yield number, values


def _name(asked: Import, number: int, values: dict[str, Any]) -> dict[str, str]:
    name = {language: values[f"name_{language}"] for language in ("fi", "sv", "en") if values[f"name_{language}"]}
    if not ({"fi", "sv"} & set(name)):
        asked.faults.add("Give the name in Finnish or in Swedish.", number, "name_fi")
    return name


def _ends_after_it_begins(asked: Import, number: int, first: Any, last: Any, column: str) -> None:
    if first is not None and last is not None and last < first:
        asked.faults.add("It ends before it begins.", number, column, str(last))


def _once(asked: Import, seen: dict[Any, int], key: Any, number: int, column: str) -> None:
    if key in seen:
        asked.faults.add(f"The same stands on row {seen[key]}. Give it once.", number, column, str(key))
    seen[key] = number


def _level(cell: Cell) -> str:
    return one_of_labels("unit_level", cell)


def prepare_units(asked: Import) -> Apply:
    """Units by their code, with the code of the unit above: new ones are added, others changed, none removed."""
    parsers: dict[str, Parser] = {"code": code_of, **_NAME_PARSERS, "level": _level, "parent": code_of}
    parsers |= {"valid_from": day_of, "valid_to": day_of}
    seen: dict[str, int] = {}
    rows: dict[str, dict[str, Any]] = {}
    for number, values in read_rows(asked, _UNIT_COLUMNS, parsers):
        _once(asked, seen, values["code"], number, "code")
        _ends_after_it_begins(asked, number, values["valid_from"], values["valid_to"], "valid_to")
        facts = {name: values[name] for name in ("code", "level", "valid_from", "valid_to")}
        rows[values["code"]] = {**facts, "name": _name(asked, number, values), "parent": values["parent"]}

    def apply(session: Session) -> dict[str, Any]:
        statement = select(Unit).where(col(Unit.organisation_id) == asked.by.organisation_id)
        there = {row.code: row for row in session.scalars(statement)}
        counts = _Counts()
        for code, facts in rows.items():
            _upsert(session, Unit, there, code, {k: v for k, v in facts.items() if k != "parent"}, asked.by, counts)
        session.flush()
        for code, facts in rows.items():
            parent = there.get(facts["parent"]) if facts["parent"] else None
            if facts["parent"] and parent is None:
                asked.faults.add("There is no unit of this code.", seen[code], "parent", facts["parent"])
            else:
                _set(there[code], {"parent_id": parent.id if parent else None}, asked.by, counts)
        _refuse_circles(asked, there, seen)
        return counts.done(session, asked, "unit")

    return apply


def _refuse_circles(asked: Import, there: dict[str, Unit], seen: dict[str, int]) -> None:
    parents = {row.id: row.parent_id for row in there.values()}
    for code, number in seen.items():
        above, steps = parents[there[code].id], 0
        while above is not None and steps <= len(parents):
            if above == there[code].id:
                asked.faults.add("The unit stands below itself.", number, "parent", code)
                break
            above, steps = parents.get(above), steps + 1


class _Counts:
    """What an import of rows with codes did."""

    def __init__(self) -> None:
        self.added: set[str] = set()
        self.changed: set[str] = set()
        self.seen: set[str] = set()

    def done(self, session: Session, asked: Import, object_type: str) -> dict[str, Any]:
        """Counts; journalled where anything is new."""
        session.flush()
        told = {
            "added": len(self.added),
            "changed": len(self.changed - self.added),
            "unchanged": len(self.seen - self.added - self.changed),
        }
        told["rows"] = len(self.seen)
        if self.added or self.changed:
            codes = {"added_codes": sorted(self.added), "changed_codes": sorted(self.changed - self.added)}
            of = {"file": asked.file_name, "digest": asked.digest}
            said = {**told, **codes, **of}
            if object_type == "unit":
                record(session, asked.by, "unit.imported", "organisation", asked.by.organisation_id, **said)
            else:
                record(session, asked.by, "cost_centre.imported", "organisation", asked.by.organisation_id, **said)
        return {**told, "unchanged_file": not (self.added or self.changed)}


def _upsert(
    session: Session,
    table: Any,
    there: dict[str, Any],
    code: str,
    facts: dict[str, Any],
    by: Caller | System,
    counts: _Counts,
) -> None:
    counts.seen.add(code)
    if code in there:
        _set(there[code], facts, by, counts)
        return
    there[code] = table(organisation_id=by.organisation_id, changed_by=by.id, **facts)
    session.add(there[code])
    counts.added.add(code)


def _set(row: Any, facts: dict[str, Any], by: Caller | System, counts: _Counts) -> None:
    differing = {name: value for name, value in facts.items() if getattr(row, name) != value}
    if not differing:
        return
    for name, value in differing.items():
        setattr(row, name, value)
    if row.code not in counts.added and row.code not in counts.changed:
        row.version, row.changed_at, row.changed_by = row.version + 1, now(), by.id
        counts.changed.add(row.code)


def prepare_cost_centres(asked: Import) -> Apply:
    """Cost centres by their code, with the code of their unit: new ones are added, others changed, none removed."""
    parsers: dict[str, Parser] = {"code": code_of, **_NAME_PARSERS, "unit": code_of}
    parsers |= {"valid_from": day_of, "valid_to": day_of}
    seen: dict[str, int] = {}
    rows: dict[str, dict[str, Any]] = {}
    for number, values in read_rows(asked, _COST_CENTRE_COLUMNS, parsers):
        _once(asked, seen, values["code"], number, "code")
        _ends_after_it_begins(asked, number, values["valid_from"], values["valid_to"], "valid_to")
        facts = {name: values[name] for name in ("code", "valid_from", "valid_to")}
        rows[values["code"]] = {**facts, "name": _name(asked, number, values), "unit": values["unit"]}

    def apply(session: Session) -> dict[str, Any]:
        mine = asked.by.organisation_id
        there = {r.code: r for r in session.scalars(select(CostCentre).where(col(CostCentre.organisation_id) == mine))}
        units = dict(
            session.execute(select(col(Unit.code), col(Unit.id)).where(col(Unit.organisation_id) == mine)).all()
        )
        counts = _Counts()
        moved: set[UUID] = set()
        for code, facts in rows.items():
            if facts["unit"] and facts["unit"] not in units:
                asked.faults.add("There is no unit of this code.", seen[code], "unit", facts["unit"])
                continue
            unit_id = units.get(facts.pop("unit"))
            before = there[code].unit_id if code in there else unit_id
            if before != unit_id:
                moved |= {before or NO_UNIT, unit_id or NO_UNIT}
            _upsert(session, CostCentre, there, code, {**facts, "unit_id": unit_id}, asked.by, counts)
        asked.faults.refuse()
        done = counts.done(session, asked, "cost_centre")
        restate(session, mine, Changed(unit_ids=frozenset(moved)))
        return done

    return apply


def prepare_service_classes(asked: Import) -> Apply:
    """Code lists by (scheme, year, code): what the file leaves out stays, a new name replaces the old."""
    parsers: dict[str, Parser] = {"scheme": code_of, "year": year_of, "code": code_of, "name": _TEXT}
    seen: dict[Any, int] = {}
    names: dict[tuple[str, int, str], str] = {}
    for number, values in read_rows(asked, _SERVICE_CLASS_COLUMNS, parsers):
        key = (values["scheme"], values["year"], values["code"])
        _once(asked, seen, key, number, "code")
        names[key] = values["name"]
    if not names:
        asked.faults.add("The file has no service classes below its header.")

    def apply(session: Session) -> dict[str, Any]:
        done = actions.set_service_classes(session, names, by=asked.by)
        if done["added"] or done["changed"]:
            of = {"file": asked.file_name, "digest": asked.digest}
            mine = asked.by.organisation_id
            record(session, asked.by, "service_class.imported", "organisation", mine, **done, **of)
        return {**done, "rows": len(names), "unchanged_file": not (done["added"] or done["changed"])}

    return apply


def _age_groups(cell: Cell) -> list[str]:
    """Age groups named in one cell, parted by commas, semicolons or blanks; an en dash counts as a hyphen."""
    said = text_of(cell, 100).replace("–", "-").replace(";", " ").replace(",", " ").split()
    wrong = [group for group in said if group not in AGE_GROUPS]
    if wrong or not said:
        raise CellFault(f"Give age groups of: {', '.join(AGE_GROUPS)}.")
    return said


def _age_group(cell: Cell) -> str:
    said = text_of(cell, 100).replace("–", "-").replace(" ", "")
    if said in tuple(AGE_GROUPS):
        return said
    return one_of_labels("age_group", cell)


def _impact_class(cell: Cell) -> str:
    return one_of_labels("impact_class", cell)


def _method(cell: Cell) -> str:
    return one_of_labels("method", cell)


def prepare_classifications(asked: Import) -> Apply:
    """Classifications by the codes of what they are of. With `end_earlier` they take the place of what holds."""
    long_text = partial(text_of, longest=10_000)
    parsers: dict[str, Parser] = {"cost_centre": code_of, "scheme": code_of, "list_year": year_of}
    parsers |= {"service_class": code_of, "from_year": year_of, "to_year": year_of, "impact_class": _impact_class}
    parsers |= {"method": _method, "child_share": ppm_of, "age_groups": _age_groups, "reason": long_text}
    parsers |= {column.code: ppm_of for column in _SHARES}
    rows: list[tuple[int, dict[str, Any]]] = []
    for number, values in read_rows(asked, _CLASSIFICATION_COLUMNS, parsers):
        _ends_after_it_begins(asked, number, values["from_year"], values["to_year"], "to_year")
        if not (values["cost_centre"] or values["service_class"]):
            asked.faults.add("Give a cost centre, a service class, or both.", number, "cost_centre")
        shares = [values[column.code] for column in _SHARES]
        facts = {name: values[name] for name in ("from_year", "to_year", "impact_class", "method", "reason")}
        facts["weights"] = None if all(share is None for share in shares) else [share or 0 for share in shares]
        facts |= {"child_share_ppm": values["child_share"], "age_groups": values["age_groups"]}
        try:
            parameters = {name: facts[name] for name in ("weights", "child_share_ppm", "age_groups")}
            check_method(facts["method"], **parameters)
        except Invalid as error:
            for fault in error.faults:
                asked.faults.add(fault.detail, number, fault.pointer.strip("/"))
        rows.append((number, {**values, **facts}))
    if not rows and not asked.faults.count:
        asked.faults.add("The file has no classifications below its header.")

    def apply(session: Session) -> dict[str, Any]:
        items = _with_ids(session, asked, rows)
        asked.faults.refuse()
        end_earlier = bool(asked.parameters.get("end_earlier"))
        there = queries.classifications_by_key(session, asked.by.organisation_id) if end_earlier else {}
        new = [item for item in items if not _holds_already(there, item)]
        done = actions.add_classifications(session, new, by=asked.by, end_earlier=end_earlier) if new else {}
        told = {name: done.get(name, 0) for name in ("added", "ended", "removed")}
        return {**told, "unchanged": len(items) - len(new), "rows": len(items), "unchanged_file": not new}

    return apply


def _holds_already(there: dict[Any, list[Classification]], item: dict[str, Any]) -> bool:
    """Whether exactly this is classified: the same file twice changes nothing."""
    of_key = there.get((item["cost_centre_id"], item["service_class_id"]), ())
    return any(all(getattr(row, name) == value for name, value in item.items()) for row in of_key)


def _with_ids(session: Session, asked: Import, rows: list[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows with ids in place of codes; a code that is not there is a fault."""
    mine = asked.by.organisation_id
    centres = dict(
        session.execute(
            select(col(CostCentre.code), col(CostCentre.id)).where(col(CostCentre.organisation_id) == mine)
        ).all()
    )
    lists = {
        (row["scheme"], row["list_year"] or row["from_year"])
        for _, row in rows
        if row["scheme"] and row["service_class"]
    }
    classes = queries.service_classes_of(session, mine, lists) if lists else {}
    kept = ("from_year", "to_year", "impact_class", "method", "weights", "child_share_ppm", "age_groups", "reason")
    items = []
    for number, row in rows:
        centre = centres.get(row["cost_centre"])
        if row["cost_centre"] and centre is None:
            asked.faults.add("There is no cost centre of this code.", number, "cost_centre", row["cost_centre"])
        service = classes.get((row["scheme"], row["list_year"] or row["from_year"], row["service_class"]))
        if row["service_class"] and not row["scheme"]:
            asked.faults.add("Give the list (scheme) of the service class.", number, "scheme")
        elif row["service_class"] and service is None:
            expected = f"The list {row['scheme']} of {row['list_year'] or row['from_year']} has no such code."
            asked.faults.add(expected, number, "service_class", row["service_class"])
        ids = {"cost_centre_id": centre, "service_class_id": service["id"] if service else None}
        items.append({**ids, **{name: row[name] for name in kept}})
    return items


def prepare_populations(asked: Import) -> Apply:
    """Populations, a row for each year and age group; each year that is told needs all five."""
    parsers: dict[str, Parser] = {"year": year_of, "age_group": _age_group, "count": count_of}
    seen: dict[Any, int] = {}
    years: dict[int, dict[str, int]] = {}
    for number, values in read_rows(asked, _POPULATION_COLUMNS, parsers):
        _once(asked, seen, (values["year"], values["age_group"]), number, "age_group")
        years.setdefault(values["year"], {})[values["age_group"]] = values["count"]
    for year, counts in years.items():
        missing = [group for group in AGE_GROUPS if group not in counts]
        if missing:
            asked.faults.add(f"The year {year} lacks {', '.join(missing)}.")
    source = asked.file_name or f"SHA-256 {asked.digest[:16]}"

    def apply(session: Session) -> dict[str, Any]:
        statement = select(Population).where(col(Population.organisation_id) == asked.by.organisation_id)
        there = {row.year: row for row in session.scalars(statement)}
        added = changed = 0
        for year, by_group in sorted(years.items()):
            counts = [by_group[group] for group in AGE_GROUPS]
            if year not in there:
                facts = {"year": year, "counts": counts, "source": source}
                actions.add_population(session, facts, by=asked.by)
                added += 1
            elif there[year].counts != counts:
                told = {"counts": counts, "source": source}
                actions.change_population(session, there[year], told, version=None, by=asked.by)
                changed += 1
        done = {"added": added, "changed": changed, "unchanged": len(years) - added - changed, "rows": len(seen)}
        return {**done, "unchanged_file": not (added or changed)}

    return apply


WRITE = "services:write"
UNITS = ImportKind(JobKind.UNITS, WRITE, prepare_units)
COST_CENTRES = ImportKind(JobKind.COST_CENTRES, WRITE, prepare_cost_centres)
SERVICE_CLASSES = ImportKind(JobKind.SERVICE_CLASSES, WRITE, prepare_service_classes)
CLASSIFICATIONS = ImportKind(JobKind.CLASSIFICATIONS, WRITE, prepare_classifications)
POPULATIONS = ImportKind(JobKind.POPULATIONS, WRITE, prepare_populations)
