"""What time it is; tests replace these two."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

FINLAND = ZoneInfo("Europe/Helsinki")


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The date in Finland: a decision of 1 January is of 1 January also at half past midnight."""
    return now().astimezone(FINLAND).date()


def stamp() -> str:
    """The moment as it stands inside JSON: RFC 3339 with Z."""
    return now().isoformat().replace("+00:00", "Z")


def date_of(moment: datetime) -> date:
    """The Finnish date of a moment."""
    return moment.astimezone(FINLAND).date()
