"""The promise ledger: chains of due dates, notice, outcome, findings (TRUST_MODEL 6.1, 10.2, 11.2)."""

from findings import Finding, Interval
from policy import PPM, SECOND

INFINITY = float("inf")


class DueDate:
    """One date of a promise."""

    def __init__(self, due, setter, is_base):
        self.due = due
        self.setter = setter  # the event that set it
        self.start = setter.time
        self.is_base = is_base
        self.replaced_at = INFINITY
        self.ended_by_customer_at = INFINITY
        self.told = False
        self.notice = None  # time of the first notice in time
        self.option = False
        self.excused = False

    def give_notice(self, time, option_offered):
        self.told = True
        if time <= self.due:
            if self.notice is None:
                self.notice = time
            self.option = self.option or option_offered

    def lead_s(self, option_bonus):
        """Seconds of warning, more if an option was offered."""
        if self.notice is None:
            return 0
        lead = (self.due - self.notice) // SECOND
        return lead * (PPM + option_bonus) // PPM if self.option else lead


class Promise:
    """A promise of one case."""

    def __init__(self, event, promise_id, kind, class_):
        self.id = promise_id
        self.object = f"p:{promise_id}"
        self.kind = kind
        self.class_ = class_
        self.made = event
        self.labels = event.labels
        self.dates = [DueDate(event.get("due_at"), event, True)]
        self.outcome = None  # kept, partial, lost, withdrawn, excused, void
        self.closing = None  # the event that brought the outcome
        self.spoiled = False
        self.signs = []  # times of signs of movement

    @property
    def is_open(self):
        return self.outcome is None

    @property
    def closed_at(self):
        return INFINITY if self.closing is None else self.closing.time

    @property
    def last_date(self):
        return self.dates[-1]

    @property
    def last_base(self):
        return [d for d in self.dates if d.is_base][-1]

    def stop(self, date):
        """When a date no longer stands: replaced, or the promise has its outcome."""
        return min(date.replaced_at, self.closed_at)

    def end(self, date):
        """Until when lateness is counted against a date."""
        return min(date.ended_by_customer_at, self.closed_at) if date.is_base else self.stop(date)

    # ------------------------------------------------------------------------------ what happens

    def notice(self, time, option_offered=False):
        """A notice at `time`: for the date that stands and for the base date not yet ended."""
        for date in {id(d): d for d in (self.last_date, self.last_base)}.values():
            date.give_notice(time, option_offered)

    def change(self, event, notified, by_customer):
        """A new date.  Gives the kind of finding that this is, or None."""
        if notified or by_customer:
            self.notice(event.time)
        replaced = self.last_date
        replaced.replaced_at = event.time
        if by_customer:
            self.last_base.ended_by_customer_at = event.time
        self.dates.append(DueDate(event.get("due_at"), event, by_customer))
        if by_customer or self.last_date.due <= replaced.due:
            return None
        return "repromised_early" if notified and event.time <= replaced.due else "repromised_late"

    def excuse(self, time):
        for date in self.dates:
            if date.start <= time <= date.due:
                date.excused = True

    def close(self, outcome, event):
        self.outcome = outcome
        self.closing = event

    # ---------------------------------------------------------------------------- what it comes to

    def _late_stamps(self, date, settings):
        """The stamps of the stages of lateness that a date reaches before its end."""
        pace = settings.promises["pace"][self.kind]
        end = self.end(date)
        if date.due >= end:
            return []
        stamps = [date.due + -(-stage // pace) for stage in settings.late_stages]
        return [stamp for stamp in stamps if stamp < end]

    def findings(self, settings):
        for date in self.dates:
            yield from self._findings_of_date(date, settings)
        if self.outcome == "kept" and not self.spoiled:
            yield from self._findings_of_keeping(settings)

    def _findings_of_date(self, date, settings):
        if date.due >= self.end(date):
            return
        events = (date.setter.name,) + ((self.closing.name,) if self.closing else ())
        common = {"class_": self.class_, "excused": date.excused, "events": events}
        lead = date.lead_s(settings.promises["option_bonus"])
        kind = "promise_late" if date.is_base else "repromise_late"
        for stage, stamp in enumerate(self._late_stamps(date, settings)):
            yield Finding(kind, self.object, stamp, magnitude=stage, lead=lead, **common)
        if date.notice is None:
            yield Finding("promise_silent", self.object, date.due, **common)
        missing = date.due + -(-settings.missing_after // settings.promises["pace"][self.kind])
        if date.is_base and missing < self.end(date):
            yield Finding("promise_missing", self.object, missing, **common)

    def _findings_of_keeping(self, settings):
        base, last, outcome = self.last_base, self.last_date, self.closing

        def kept(kind, since, magnitude=0):
            names = (since.name, outcome.name)
            return Finding(kind, self.object, outcome.time, names, self.class_, magnitude)

        if outcome.time <= base.due:
            yield kept("promise_kept", self.made)
            return
        pace = settings.promises["pace"][self.kind]
        passed = [i for i, s in enumerate(settings.late_stages) if base.due + -(-s // pace) < outcome.time]
        yield kept("kept_late", base.setter, passed[-1] if passed else 0)
        if outcome.time <= last.due:
            yield kept("repromise_kept", last.setter)

    def failures(self):
        """The lasting failures: from each missed date until it no longer stands (6.6)."""
        return [(d.due, self.stop(d)) for d in self.dates if d.due < self.stop(d)]

    def intervals(self, settings):
        """PROMISE_AT_RISK and PROMISE_BROKEN (10.2)."""
        for date in self.dates:
            if self.kind == "delivery":
                yield self._at_risk(date, settings)
            if date.due < self.stop(date):
                yield self._broken(date, settings)

    def _at_risk(self, date, settings):
        start = date.start + (date.due - date.start) * settings.promises["at_risk"] // PPM
        signs = [time for time in self.signs if time >= date.start]
        end = min([date.due, self.stop(date)] + signs)
        return Interval("PROMISE_AT_RISK", self.object, start, end, (date.setter.name,))

    def _broken(self, date, settings):
        stop = self.stop(date)
        names = (date.setter.name,)
        # At equal times the replacement came first, else it would have found the promise closed.
        if self.closing is not None and self.closed_at < date.replaced_at:
            names += (self.closing.name,)
        return Interval(
            "PROMISE_BROKEN",
            self.object,
            date.due,
            None if stop == INFINITY else stop,
            names,
            stages=tuple(self._late_stamps(date, settings)),
            told=date.told,
            excused=date.excused,
        )
