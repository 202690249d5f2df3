"""Clocks: when the stages of a run are reached, and how much of it has passed (TRUST_MODEL 5.4)."""

from calendars import advance, measure

STANDSTILL = ("resolved", "closed")


def segments(history, start, stop):
    """The pieces [a, b) of [start, stop) with their status and priority; b is None for the open end.

    `history` is a list of (time, status, priority) in order; at equal times the last one counts.
    """
    cuts = []
    for time, status, priority in history:
        time = max(time, start)
        if cuts and cuts[-1][0] == time:
            cuts[-1] = (time, status, priority)
        else:
            cuts.append((time, status, priority))
    for index, (a, status, priority) in enumerate(cuts):
        b = cuts[index + 1][0] if index + 1 < len(cuts) else None
        if stop is not None and (b is None or b > stop):
            b = stop
        if b is None or a < b:
            yield a, b, status, priority


def running_segments(clock, history, start, stop):
    """The segments in which the clock does not stand still."""
    for a, b, status, priority in segments(history, start, stop):
        if status not in clock.pause and status not in STANDSTILL:
            yield a, b, priority


def stage_times(clock, history, start, stop, multiples):
    """The instants at which the stages are reached; those never reached are left out.

    Stages are reached in their order, so entry k belongs to multiple k.
    """
    reached = []
    elapsed = 0
    for a, b, priority in running_segments(clock, history, start, stop):
        while len(reached) < len(multiples):
            need = clock.target_s[priority] * multiples[len(reached)] - elapsed
            x = a if need <= 0 else advance(clock.calendar, a, need)
            if b is not None and need > 0 and x >= b:
                break
            reached.append(x)
        if b is not None:
            elapsed += measure(clock.calendar, a, b)
    return reached


def elapsed_us(clock, history, start, until):
    """Open time on the clock from `start` to `until`."""
    return sum(
        measure(clock.calendar, a, b)
        for a, b, _ in running_segments(clock, history, start, until)
        if b is not None
    )
