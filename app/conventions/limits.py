"""How much one caller may ask for: a count per fixed window, in this process's memory.

The library `limits` was tried first: its memory storage starts a thread about every hundredth of a second under load,
which cost a tenth of a read.
"""

import re
import time
from functools import cache

from app.errors import TooMany

SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_FORM = re.compile(r"^([1-9][0-9]{0,9})/(second|minute|hour)$")
MOST_CALLERS = 100_000
"""More than this are forgotten at once, so that addresses made up by an attacker fill no memory."""
_counts: dict[str, int] = {}
_windows: dict[str, int] = {}


@cache
def parsed(limit: str) -> tuple[int, int]:
    """Requests and seconds of a limit such as `600/minute`; ValueError where it is not one."""
    match = _FORM.match(limit)
    if match is None:
        raise ValueError("Give a limit such as 600/minute.")
    return int(match[1]), SECONDS[match[2]]


def count_against(limit: str, who: str) -> None:
    """Count one request; raises TooMany, with when to come back, once the share of this window is used up."""
    most, seconds = parsed(limit)
    now = time.time()
    window = int(now // seconds)
    if _windows.get(who) != window:
        if len(_windows) > MOST_CALLERS:
            forget()
        _windows[who], _counts[who] = window, 0
    _counts[who] += 1
    if _counts[who] > most:
        wait = max(1, round((window + 1) * seconds - now))
        raise TooMany("too_many_requests", f"The limit is {limit}. Wait {wait} seconds.", wait)


def forget() -> None:
    """Start counting anew."""
    _counts.clear()
    _windows.clear()
