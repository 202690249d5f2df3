"""Complaints: state, clocks, solution, ignoring, effort (TRUST_MODEL 6.2, the complaint rules of 10.2)."""

from clocks import STANDSTILL, stage_times
from findings import Finding, Interval

AT_OPENING = ("acknowledge", "first_reply", "resolution", "wait")
OVERDUE_RULE = {
    "acknowledge": "ACKNOWLEDGE_OVERDUE",
    "first_reply": "REPLY_OVERDUE",
    "next_reply": "REPLY_OVERDUE",
    "update": "UPDATE_OVERDUE",
    "resolution": "RESOLUTION_OVERDUE",
}
ON_TIME_KIND = {
    "acknowledge": "acknowledged_on_time",
    "first_reply": "first_reply_on_time",
    "next_reply": "next_reply_on_time",
}


class Run:
    """One run of a clock."""

    def __init__(self, clock, starting):
        self.clock = clock
        self.starting = starting
        self.stopping = None
        self.messages = [starting.time]  # the customer's messages in a row, for runs of replies

    @property
    def start(self):
        return self.starting.time

    @property
    def stop(self):
        return None if self.stopping is None else self.stopping.time

    @property
    def events(self):
        return (self.starting.name,) + ((self.stopping.name,) if self.stopping else ())


class Credit:
    """A solution waiting for its confirmation."""

    def __init__(self, resolved, stamp, first_contact):
        self.resolved = resolved
        self.stamp = stamp
        self.confirmed = None
        self.first_contact = first_contact


class Complaint:
    """A complaint of one case.  The fold calls its methods in canonical order."""

    def __init__(self, event, settings):
        self.settings = settings
        self.id = event.get("complaint_id")
        self.object = f"c:{self.id}"
        self.opening = event
        self.labels = event.labels
        self.kind = event.get("kind", "complaint")
        self.loss = event.get("loss_minor", 0)
        self.status = "new"
        self.priority = event.get("priority", "normal")
        self.history = []
        self.soft = False  # opened again by a message or a status only
        self.confirmed = False  # by the customer, since it was last open
        self.periods = [[event.time, None]]
        self.runs = [Run(clock, event) for clock in AT_OPENING]
        self.credit = None
        self.messages = 0
        self.reassignments = 0
        self.objections = 0  # rejections and reopenings that count
        self.answers = []
        self.manners = set()
        self.unresolved_closing = None
        self.unanswered_closing = None
        self._extend_history(event)

    @property
    def is_question(self):
        return self.kind == "question"

    @property
    def is_open(self):
        return self.status not in STANDSTILL

    def running(self, clock):
        """The run of a clock that has no stop yet, or None."""
        for run in self.runs:
            if run.clock == clock and run.stopping is None:
                return run
        return None

    def stop_run(self, clock, event):
        run = self.running(clock)
        if run is not None:
            run.stopping = event

    # ------------------------------------------------------------------------------------- state

    def _extend_history(self, event):
        self.history.append((event.time, self.status, self.priority))

    def set_priority(self, event):
        self.priority = event.get("priority")
        self._extend_history(event)

    def set_status(self, event, status, soft=False):
        """Sets the status.  Gives True if this opened the complaint again."""
        was_open = self.is_open
        self.status = status
        self._extend_history(event)
        if was_open and not self.is_open:
            self.periods[-1][1] = event.time
            self.soft = False
        elif self.is_open and not was_open:
            self._open_again(event, soft)
        return self.is_open and not was_open

    def _open_again(self, event, soft):
        self.periods.append([event.time, None])
        self.soft = soft
        self.confirmed = False
        if self.credit is not None and event.time < self.credit.stamp:
            self.credit = None

    def resolve(self, event):
        first_contact = len(self.periods) == 1 and not self.messages and not self.reassignments
        self.set_status(event, "resolved")
        if self.credit is None:
            self.credit = Credit(event, event.time + self.settings.confirm_after, first_contact)

    def confirm(self, event):
        if self.is_open:
            return
        self.confirmed = True
        if self.credit is not None and event.time < self.credit.stamp:
            self.credit.stamp = event.time
            self.credit.confirmed = event

    def object_to_solution(self, event):
        """A rejection or reopening.  Gives True if it counts."""
        if self.is_open and not self.soft:
            return False
        self.set_status(event, "open")
        self.soft = False
        self.objections += 1
        return True

    def hear(self, event):
        """A message of the customer.  Gives True if it opened the complaint again."""
        self.messages += 1
        waiting = self.running("first_reply") or self.running("next_reply")
        if waiting is not None:
            waiting.messages.append(event.time)
        else:
            # No first reply is awaited any more, so there was an answer before.
            self.runs.append(Run("next_reply", event))
        if self.status == "awaiting_customer":
            self.set_status(event, "open")
            return False
        if self.is_open or self.confirmed or not self.settings.complaints["reply_reopens"]:
            return False
        strength = event.get("sentiment_ppm", 0) * event.get("confidence_ppm", 1_000_000) // 1_000_000
        if strength >= self.settings.complaints["thanks"]:
            return False
        return self.set_status(event, "open", soft=True)

    def answer(self, event):
        """A public reply by a human."""
        for clock in ("first_reply", "next_reply", "update"):
            self.stop_run(clock, event)
        self.runs.append(Run("update", event))
        self.answers.append(event)

    # ---------------------------------------------------------------------------------- findings

    def _stages(self, clock, run, multiples=None):
        policy = self.settings.clocks[clock]
        return stage_times(policy, self.history, run.start, run.stop, multiples or policy.stages)

    def findings(self):
        for run in self.runs:
            yield from self._findings_of_run(run)
        ignored = self.ignored()
        if ignored is not None:
            stamp, events = ignored
            yield Finding("complaint_ignored", self.object, stamp, events, self.kind)
        yield from self._findings_of_credit()

    def _findings_of_run(self, run):
        stages = self._stages(run.clock, run)
        kind, class_ = f"{run.clock}_overdue", self.kind
        if run.clock == "wait":
            kind, class_ = "effort", "waiting"
        for index, stamp in enumerate(stages):
            yield Finding(kind, self.object, stamp, run.events, class_, index)
        if run.clock in ON_TIME_KIND and run.stopping is not None and not stages:
            yield Finding(ON_TIME_KIND[run.clock], self.object, run.stop, run.events, self.kind)

    def _findings_of_credit(self):
        credit = self.credit
        if credit is None:
            return
        resolution = next(run for run in self.runs if run.clock == "resolution")
        overdue = self._stages("resolution", resolution)[:1]
        if overdue and overdue[0] < credit.resolved.time:
            return
        events = (self.opening.name, credit.resolved.name)
        if credit.confirmed is not None:
            events += (credit.confirmed.name,)
        yield Finding("resolved_on_time", self.object, credit.stamp, events, self.kind)
        if credit.first_contact:
            yield Finding("first_contact_fix", self.object, credit.stamp, events, self.kind)

    def ignored(self):
        """(stamp, events) of complaint_ignored, or None."""
        candidates = []  # in the order that decides between equal stamps
        if self.unanswered_closing is not None:
            closing = self.unanswered_closing
            candidates.append((closing.time, (self.opening.name, closing.name)))
        for run in self.runs:
            if run.clock in ("first_reply", "next_reply"):
                candidates += [(stamp, run.events) for stamp in self._ignored_stamps(run)]
        return min(candidates, key=lambda candidate: candidate[0], default=None)

    def _ignored_stamps(self, run):
        yield from self._stages("ignored", run)[:1]
        overdue = self._stages(run.clock, run)[:1]
        needed = self.settings.complaints["ignored_messages"]
        if overdue and len(run.messages) >= needed:
            stamp = max(overdue[0], run.messages[needed - 1])
            if run.stop is None or stamp < run.stop:
                yield stamp

    # --------------------------------------------------------------------------------- intervals

    def intervals(self):
        """The rules that clocks and silence start."""
        for run in self.runs:
            yield from self._overdue_intervals(run)
            yield from self._due_soon_intervals(run)
        ignored = self.ignored()
        if ignored is not None:
            stamp, events = ignored
            later = [answer.time for answer in self.answers if answer.time >= stamp]
            yield Interval("COMPLAINT_IGNORED", self.object, stamp, min(later, default=None), events)

    def _overdue_intervals(self, run):
        rule = OVERDUE_RULE.get(run.clock)
        stages = self._stages(run.clock, run) if rule else []
        if stages:
            yield from self._cut(Interval(rule, self.object, stages[0], run.stop, run.events, tuple(stages)))

    def _due_soon_intervals(self, run):
        warn = self.settings.clocks[run.clock].warn
        if run.clock not in ("first_reply", "next_reply") or warn == 0:
            return
        warned = self._stages(run.clock, run, [warn])
        if warned:
            overdue = self._stages(run.clock, run)[:1]
            end = overdue[0] if overdue else run.stop
            yield from self._cut(Interval("REPLY_DUE_SOON", self.object, warned[0], end, run.events))

    def _cut(self, interval):
        """The parts of an interval that lie in open periods."""
        for period_start, period_end in self.periods:
            ends = [end for end in (interval.end, period_end) if end is not None]
            start, end = max(interval.start, period_start), min(ends, default=None)
            if end is None or start < end:
                yield interval._replace(start=start, end=end)
