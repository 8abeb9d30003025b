"""What goes in and out about ledgers, the child budget, and what decisions move in it."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from app.budgeting.models import CoverageGap, Flow, LedgerState, Phase
from app.conventions.schemas import (
    Localised,
    Money,
    Representation,
    Schema,
    Year,
)
from app.services.models import AgeGroup, ImpactClass, UnitLevel
from app.services.schemas import EXAMPLE_BATCH, ClassificationBatch

Account = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,20}$")]
Share = Annotated[float | None, Field(description="A share, such as 0.308; null where the whole is 0.")]
FigureClass = ImpactClass | CoverageGap


class LedgerRead(Representation):
    """One year and phase from one source, as one file told it."""

    collection: ClassVar[str | None] = "/api/v1/budget-lines/ledgers"

    id: UUID = Field(description="UUIDv7.")
    year: int = Field(description="The year.", examples=[2026])
    phase: Phase = Field(description="Budget, amended budget, forecast or actual.")
    source: str = Field(description="Which system or file it comes from, as the import said.", examples=["ledger"])
    state: LedgerState = Field(description="current, or replaced by a later file.")
    file_name: str | None = Field(description="The file's name, where it was told.")
    digest: str = Field(description="SHA-256 of the file, in hexadecimal.")
    lines: int = Field(description="How many lines it has.")
    amount: Money = Field(description="The sum of its lines.")
    imported_at: datetime = Field(description="When it was made current, UTC.")
    imported_by: UUID | None = Field(description="Who imported it; null for the command line.")


class BudgetLineRead(Representation):
    """A line of a ledger in force."""

    ledger_id: UUID = Field(description="The ledger it stands in.")
    year: int = Field(description="The year.")
    phase: Phase = Field(description="The phase.")
    source: str = Field(description="The ledger's source.")
    line: int = Field(description="Its place among the ledger's lines, from 1.")
    cost_centre_id: UUID = Field(description="Its cost centre.")
    service_class_id: UUID | None = Field(description="Its service class, of the year's list.")
    flow: Flow = Field(description="Cost or income, by the account; internal items apart.")
    account: str = Field(description="Its account; empty where the file tells none.")
    amount: Money = Field(description="Costs positive, income negative.")


class AccountRange(Schema):
    """Accounts of one flow."""

    first: Account = Field(description="The first account, or how the first ones begin.", examples=["3000"])
    last: Account = Field(description="The last, written with as many digits.", examples=["3999"])
    flow: Flow = Field(description="What they are.", examples=["income"])


class AccountRangeList(Schema):
    """Every range, in order: the first that holds for an account decides."""

    items: Annotated[list[AccountRange], Field(max_length=500)] = Field(
        description="Ranges of accounts. Where none holds, the sign tells: positive is a cost, negative income."
    )

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "items": [
                        {"first": "3900", "last": "3999", "flow": "internal_income"},
                        {"first": "3000", "last": "3999", "flow": "income"},
                        {"first": "4000", "last": "4999", "flow": "cost"},
                    ]
                }
            ]
        }
    }


class AccountRangesRead(Representation):
    """How the county tells costs, income and internal items apart."""

    version: int = Field(ge=0, description="Grows by one with each change; 0 where nothing was told yet. The ETag.")
    items: list[AccountRange] = Field(description="Every range, in order.")


class Place(Representation):
    """A unit, cost centre or service class in a row."""

    id: UUID = Field(description="Its id.")
    code: str = Field(description="Its code.")
    name: Localised | str = Field(description="Its name.")
    level: UnitLevel | None = Field(default=None, description="Of a unit: its level.")
    scheme: str | None = Field(default=None, description="Of a service class: its list.")
    year: int | None = Field(default=None, description="Of a service class: its list's year.")


class Figure(Representation):
    """Money that falls on children."""

    amount: Money = Field(description="The parts under 18.")
    share: Share = Field(description="Share of the year's whole net, such as 0.308; null where that is 0.")
    per_child: Money | None = Field(description="Euros a child of the row's age groups; null without a population.")


class ChangeSplit(Representation):
    """A change on the year before, and why."""

    total: Money = Field(description="The whole change.")
    money: Money = Field(description="What the money did: the rest of the change.")
    classification: Money = Field(
        description="What the classification and population did: this year's money by this less by last year's weights."
    )


class Change(Representation):
    """The change on the year before, of the same phase."""

    since: int = Field(description="The year before.")
    net: Money = Field(description="Change of the net.")
    core: ChangeSplit = Field(description="Change of the core.")
    extended: ChangeSplit = Field(description="Change of the extended.")


class Deviation(Representation):
    """How far from the budget."""

    phase: Phase = Field(description="What it is set against: the amended budget, or the budget where there is none.")
    net: Money = Field(description="Net less the budget's.")
    core: Money = Field(description="Core less the budget's.")
    extended: Money = Field(description="Extended less the budget's.")


class Amounts(Representation):
    """Money of a year and phase."""

    year: int = Field(description="The year.")
    phase: Phase = Field(description="The phase.")
    net: Money = Field(description="Costs and income together, internal items apart.")
    cost: Money = Field(description="Costs.")
    income: Money = Field(description="Income, negative.")
    internal: Money = Field(description="Internal items, counted nowhere else.")
    share: Share = Field(description="Net as a share of the year's whole net.")
    core: Figure = Field(description="Core: direct.")
    extended: Figure = Field(description="Extended: direct, indirect and communal.")
    change: Change | None = Field(description="Change on the year before; null where that year has no such ledger.")
    against_budget: Deviation | None = Field(description="Set against the budget; null for the budget itself.")


class ChildBudgetRow(Amounts):
    """One row: of the group that its keys name, each of them only where it was grouped by."""

    unit: Place | None = Field(default=None, description="The unit; null: cost centres of no unit.")
    cost_centre: Place | None = Field(default=None, description="The cost centre.")
    service_class: Place | None = Field(default=None, description="The service class; null: lines without one.")
    impact_class: FigureClass | None = Field(
        default=None, description="The class; unclassified and unsplit are what is not split, never `none`."
    )
    age_group: AgeGroup | None = Field(default=None, description="The age group; null: what is not split over them.")


class AgeGroupFigures(Representation):
    """An age group of children in a headline."""

    age_group: AgeGroup = Field(description="The age group.")
    people: int | None = Field(description="How many there are, by the population that the year uses.")
    core: Figure = Field(description="Core.")
    extended: Figure = Field(description="Extended.")


class Left(Representation):
    """What is not split over age groups."""

    net: Money = Field(description="Net.")
    cost: Money = Field(description="Costs.")
    income: Money = Field(description="Income.")


class Headline(Amounts):
    """The whole of a year and phase: two headlines, core and extended, never one."""

    children: int | None = Field(description="Children in the area, by the population that the year uses.")
    age_groups: list[AgeGroupFigures] = Field(description="Each age group of children.")
    coverage: Share = Field(description="Share of euros that are split; costs and income both without their signs.")
    unclassified: Left = Field(description="What is not split: unclassified, or classified without a population.")


class LedgerUsed(Representation):
    """A ledger that figures come from."""

    id: UUID = Field(description="The ledger.")
    year: int = Field(description="Its year.")
    phase: Phase = Field(description="Its phase.")
    source: str = Field(description="Its source.")
    lines: int = Field(description="Its lines.")
    digest: str = Field(description="SHA-256 of its file.")
    imported_at: datetime = Field(description="When it was made current, UTC.")


class PopulationUsed(Representation):
    """The population that a year's figures use."""

    year: int = Field(description="The year of the figures.")
    from_year: int | None = Field(description="The year of the population: the same or the latest earlier one.")
    counts: list[int] | None = Field(description="People of each age group, the youngest first.")


class MissingLedger(Representation):
    """A year and phase that was asked for and is not there."""

    year: int = Field(description="The year.")
    phase: Phase = Field(description="The phase.")


class ChildBudget(Representation):
    """The child budget, with everything that its figures rest on."""

    rule_version: str = Field(description="Version of the rules; docs/child-budget.md tells them.")
    revision: int = Field(description="Grows with each change of the organisation's figures.")
    years: list[int] = Field(description="The years asked for.")
    phases: list[Phase] = Field(description="The phases asked for.")
    group_by: list[str] = Field(description="What the rows are grouped by.")
    unit_level: UnitLevel | None = Field(description="The level units are rolled up to, where grouped by unit.")
    missing: list[MissingLedger] = Field(description="What was asked for and is not there.")
    ledgers: list[LedgerUsed] = Field(description="The ledgers that the figures come from.")
    populations: list[PopulationUsed] = Field(description="The populations they use.")
    headlines: list[Headline] = Field(description="The whole of each year and phase.")
    rows: list[ChildBudgetRow] = Field(description="The rows; together they are the headlines, in every grouping.")


class UnclassifiedRow(Representation):
    """A cost centre and service class whose money is not split."""

    place: int = Field(description="Its place in the list.")
    cost_centre_id: UUID = Field(description="The cost centre.")
    cost_centre_code: str = Field(description="Its code.")
    cost_centre_name: Localised = Field(description="Its name.")
    service_class_id: UUID | None = Field(description="The service class; null: lines without one.")
    scheme: str | None = Field(description="Its list.")
    service_class_code: str | None = Field(description="Its code.")
    service_class_name: str | None = Field(description="Its name.")
    gap: CoverageGap = Field(description="unclassified, or unsplit: its method needs a population that is missing.")
    amount: Money = Field(description="Its net; the rows sum to the net of the headline's `unclassified`.")
    internal: Money = Field(description="Its internal items, counted nowhere else.")
    lines: int = Field(description="How many lines.")


class Preview(ClassificationBatch):
    """Classifications whose effect on the figures is asked; nothing is kept."""

    years: Annotated[list[Year], Field(min_length=1, max_length=10)] = Field(
        description="The years to look at.", examples=[[2026]]
    )
    phases: Annotated[list[Phase], Field(min_length=1, max_length=4)] = Field(
        default_factory=lambda: [Phase.BUDGET], description="The phases to look at."
    )

    model_config = {"json_schema_extra": {"examples": [{**EXAMPLE_BATCH, "years": [2026]}]}}


class PreviewRead(Representation):
    """What classifications would do to the figures."""

    added: int = Field(description="Classifications that would be added.")
    ended: int = Field(description="Earlier ones that would end.")
    removed: int = Field(description="Earlier ones that would be removed.")
    before: list[Headline] = Field(description="The figures as they are.")
    after: list[Headline] = Field(description="The figures as they would be.")
    difference: list["PreviewDifference"] = Field(description="After less before.")


class PreviewDifference(Representation):
    """After less before, of one year and phase."""

    year: int = Field(description="The year.")
    phase: Phase = Field(description="The phase.")
    core: Money = Field(description="Change of the core.")
    extended: Money = Field(description="Change of the extended.")
    unclassified: Money = Field(description="Change of what is not split.")


class EffectAgeGroup(Representation):
    """What a decision moves for an age group."""

    age_group: AgeGroup = Field(description="The age group.")
    core: Money = Field(description="Core.")
    extended: Money = Field(description="Extended.")


class EffectYear(Representation):
    """What a decision moves in a year."""

    year: int = Field(description="The year.")
    population_year: int | None = Field(description="The year of the population used.")
    total: Money = Field(description="Every planned change together; a saving is negative.")
    core: Money = Field(description="What of it falls on children by direct services.")
    extended: Money = Field(description="By direct, indirect and communal services.")
    unclassified: Money = Field(description="What nobody has classified, or no population splits.")
    age_groups: list[EffectAgeGroup] = Field(description="Each age group of children.")


class BudgetEffect(Representation):
    """What a decision's planned euros move in the child budget, by the same rules as the budget itself."""

    rule_version: str = Field(description="Version of the rules.")
    years: list[EffectYear] = Field(description="By year.")


class TwoYears(Representation):
    """The same cost centres in two years."""

    before: Money = Field(description="The year before.")
    after: Money = Field(description="The year.")
    change: Money = Field(description="The difference.")


class LedgerBesidePhase(Representation):
    """What a ledger says of the cost centres a decision planned to change."""

    phase: Phase = Field(description="The phase; both years have it.")
    net: TwoYears = Field(description="Net of the cost centres, whatever else changed in them.")
    extended: TwoYears = Field(description="What of it falls on children.")


class LedgerBeside(Representation):
    """Planned change beside what the ledger says."""

    year: int = Field(description="The year.")
    planned: Money = Field(description="The planned change.")
    ledger: list[LedgerBesidePhase] = Field(description="What the ledgers say, by phase.")


class PublicationNew(Schema):
    """Which child budget is published."""

    year: Year = Field(description="The year.", examples=[2026])
    phase: Phase = Field(default=Phase.BUDGET, description="The phase.")

    model_config = {"json_schema_extra": {"examples": [{"year": 2026, "phase": "budget"}]}}


class PublicationRead(Representation):
    """A published child budget."""

    collection: ClassVar[str | None] = "/api/v1/child-budget/publications"

    id: UUID = Field(description="UUIDv7.")
    version: int = Field(description="Its edition: grows when it is published again. The ETag.")
    year: int = Field(description="The year.")
    phase: Phase = Field(description="The phase.")
    published_at: datetime = Field(description="When it was published last, UTC.")
    published_by: UUID | None = Field(description="Who published it.")


class PublicBudgetSummary(Representation):
    """A published child budget in the list."""

    id: UUID = Field(description="Its id.")
    business_id: str = Field(description="Whose it is.", examples=["1234567-1"])
    year: int = Field(description="The year.")
    phase: Phase = Field(description="The phase.")
    edition: int = Field(description="Grows when it is published again.")
    published_at: datetime = Field(description="When it was published last, UTC.")


class PublicPlace(Representation):
    """A unit or service class in a public row."""

    code: str = Field(description="Its code.")
    name: Localised | str = Field(description="Its name.")


class PublicFigure(Representation):
    """Money that falls on children."""

    cents: int = Field(description="Cents of euros.")
    share: Share = Field(description="Share of the year's whole net.")
    per_child_cents: int | None = Field(description="Cents a child.")


class PublicBudgetRow(Representation):
    """A row of a published child budget."""

    unit: PublicPlace | None = Field(default=None, description="The unit.")
    service_class: PublicPlace | None = Field(default=None, description="The service class.")
    impact_class: FigureClass | None = Field(default=None, description="The class.")
    age_group: AgeGroup | None = Field(default=None, description="The age group; null: what is not split.")
    net_cents: int = Field(description="Costs and income together, in cents.")
    core: PublicFigure = Field(description="Core: direct.")
    extended: PublicFigure = Field(description="Extended: direct, indirect and communal.")


class PublicTable(Representation):
    """A published child budget in one grouping."""

    group_by: list[Literal["unit", "service_class", "impact_class", "age_group"]] = Field(description="The grouping.")
    rows: list[PublicBudgetRow] = Field(description="Its rows; together they are the whole.")


class PublicBudget(PublicBudgetSummary):
    """A published child budget: as it was when it was published."""

    organisation: Localised = Field(description="The organisation's name.")
    rule_version: str = Field(description="Version of the rules.")
    population_year: int | None = Field(description="The year of the population used.")
    children: int | None = Field(description="Children in the area.")
    whole: PublicBudgetRow = Field(description="The whole.")
    coverage: Share = Field(description="Share of euros that are split.")
    unclassified_cents: int = Field(description="Net that is not split, in cents.")
    sources: list[dict[str, Any]] = Field(description="The ledgers: source, lines and SHA-256 of the file.")
    tables: list[PublicTable] = Field(description="By class, age group, unit and service class.")
