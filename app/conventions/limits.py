"""How much one caller may ask for: fixed windows in this process's memory."""

import time
from functools import cache

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.errors import TooMany

_limiter = FixedWindowRateLimiter(MemoryStorage())


@cache
def _parsed(limit: str) -> RateLimitItem:
    return parse(limit)


def count_against(limit: str, who: str) -> None:
    """Count one request; raises TooMany, with when to come back, once the share is used up."""
    item = _parsed(limit)
    if not _limiter.hit(item, who):
        reset = _limiter.get_window_stats(item, who).reset_time
        wait = max(1, round(reset - time.time()))
        raise TooMany("too_many_requests", f"The limit is {limit}. Wait {wait} seconds.", wait)


def forget() -> None:
    """Start counting anew."""
    _limiter.storage.reset()
