"""Times, zones and business calendars (TRUST_MODEL 2.1, 5.1 - 5.3).

Instants are integers: microseconds since 1970-01-01T00:00:00Z.  The calendar `always` is None.
"""

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
EPOCH_DATE = date(1970, 1, 1)
TIME_LIMIT = 4_102_444_800 * SECOND  # 2100-01-01T00:00:00Z

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# An interval ends at most 48:00 after its date's midnight, so two dates back are enough;
# one more is left for the width of the zones.
REACH_DAYS = 3

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,9}))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")


def parse_time(text):
    """The instant of a time's text form, or None if it is not as 2.1 says."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return None
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    if second > 59 or hour > 23 or minute > 59:
        return None
    try:
        days = (date(year, month, day) - EPOCH_DATE).days
    except ValueError:
        return None
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    if match[8]:
        offset_hours, offset_minutes = int(match[9]), int(match[10])
        if offset_hours > 23 or offset_minutes > 59:
            return None
        offset = offset_hours * 3600 + offset_minutes * 60
        seconds -= offset if match[8] == "+" else -offset
    instant = seconds * SECOND + int((match[7] or "").ljust(6, "0")[:6])
    return instant if 0 <= instant < TIME_LIMIT else None


def format_time(instant):
    """The text form of an instant on output (2.1); None stays None."""
    if instant is None:
        return None
    seconds, micros = divmod(instant, SECOND)
    days, second_of_day = divmod(seconds, 86_400)
    day = EPOCH_DATE + timedelta(days=days)
    hour, rest = divmod(second_of_day, 3600)
    return f"{day.isoformat()}T{hour:02}:{rest // 60:02}:{rest % 60:02}.{micros:06}Z"


def parse_date(text):
    """A calendar date `YYYY-MM-DD`, or None."""
    match = _DATE.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


# ------------------------------------------------------------------------------------------- zones


@lru_cache(maxsize=None)
def _zone_names():
    # `localtime` is this machine's own setting, not a name of the IANA database.
    return available_timezones() - {"localtime", "posixrules"}


def is_zone(name):
    return isinstance(name, str) and name in _zone_names()


def _at(zone, instant_s):
    """Local wall time (naive) and UTC offset in seconds of an instant in whole seconds."""
    local = (EPOCH + timedelta(seconds=instant_s)).astimezone(zone)
    return local.replace(tzinfo=None), int(local.utcoffset().total_seconds())


def local_date(zone, instant):
    return _at(zone, instant // SECOND)[0].date()


@lru_cache(maxsize=200_000)
def wall_to_instant(zone_name, day, minute):
    """The instant of `minute` minutes after local midnight of `day`, added on the wall (5.1)."""
    zone = ZoneInfo(zone_name)
    wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
    naive_s = int((wall - datetime(1970, 1, 1)).total_seconds())
    # fold=0 takes the first of two occurrences; in a gap it takes the offset before the gap.
    offset_before = int(wall.replace(tzinfo=zone, fold=0).utcoffset().total_seconds())
    instant_s = naive_s - offset_before
    if _at(zone, instant_s)[0] == wall:
        return instant_s * SECOND
    return _transition_before(zone, instant_s, naive_s) * SECOND


def _transition_before(zone, after_s, naive_s):
    """The transition that skips a wall time; `after_s` lies behind it."""
    offset_after = _at(zone, after_s)[1]
    low, high = naive_s - offset_after, after_s  # low is before the transition, high at or after it
    while high - low > 1:
        middle = (low + high) // 2
        if _at(zone, middle)[1] == offset_after:
            high = middle
        else:
            low = middle
    return high


# --------------------------------------------------------------------------------------- calendars


def _minutes(text):
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


class Calendar:
    """Opening hours: a zone and dated versions of a week (5.2)."""

    def __init__(self, spec):
        self.zone_name = spec["zone"]
        self.zone = ZoneInfo(self.zone_name)
        self.versions = []
        for version in spec["versions"]:
            week = [
                [tuple(_minutes(part) for part in text.split("-")) for text in version["week"].get(name, [])]
                for name in WEEKDAYS
            ]
            holidays = frozenset(version.get("holidays", []))
            self.versions.append((version["from"], week, holidays))
        self._spans_of_date = {}

    def spans_on(self, day):
        """The intervals [a, b) that begin on a local date, as instants, in order."""
        if day not in self._spans_of_date:
            self._spans_of_date[day] = self._compute_spans_on(day)
        return self._spans_of_date[day]

    def _compute_spans_on(self, day):
        text = day.isoformat()
        in_force = [version for version in self.versions if version[0] <= text]
        if not in_force:
            return []
        _, week, holidays = in_force[-1]
        if text in holidays:
            return []
        spans = [
            (wall_to_instant(self.zone_name, day, start), wall_to_instant(self.zone_name, day, end))
            for start, end in week[day.weekday()]
        ]
        return sorted(span for span in spans if span[0] < span[1])

    def open_spans(self, since):
        """The union of all intervals, as disjoint spans in order, without end.

        Begins early enough to cover everything open at or after `since`.
        """
        day = local_date(self.zone, since) - timedelta(days=REACH_DAYS)
        current = None
        while True:
            for start, end in self.spans_on(day):
                if current is None:
                    current = (start, end)
                elif start <= current[1]:
                    current = (current[0], max(current[1], end))
                else:
                    yield current
                    current = (start, end)
            # A span that ended before this date's midnight can grow no more: hand it out at once,
            # so that a reader may stop without looking for the next opening.
            if current and current[1] < wall_to_instant(self.zone_name, day + timedelta(days=1), 0):
                yield current
                current = None
            day += timedelta(days=1)


def measure(calendar, a, b):
    """Open microseconds in [a, b) (5.3)."""
    if a >= b:
        return 0
    if calendar is None:
        return b - a
    total = 0
    for start, end in _spans_until(calendar, a, b):
        total += max(0, min(end, b) - max(start, a))
    return total


def _spans_until(calendar, a, b):
    """Disjoint open spans that may touch [a, b): the dates in question, then united."""
    day = local_date(calendar.zone, a) - timedelta(days=REACH_DAYS)
    last = local_date(calendar.zone, b)
    united = []
    while day <= last:
        for start, end in calendar.spans_on(day):
            if united and start <= united[-1][1]:
                united[-1] = (united[-1][0], max(united[-1][1], end))
            else:
                united.append((start, end))
        day += timedelta(days=1)
    return united


def advance(calendar, a, n):
    """The earliest x with measure(calendar, a, x) = n, for n > 0 (5.3)."""
    if calendar is None:
        return a + n
    for start, end in calendar.open_spans(a):
        begin = max(start, a)
        if begin >= end:
            continue
        if end - begin >= n:
            return begin + n
        n -= end - begin
    raise AssertionError("a calendar has no end")
