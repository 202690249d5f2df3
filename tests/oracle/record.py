"""The records at t: Φ(E, π, t) of one customer (TRUST_MODEL 10.7, 11)."""

from alerts import (
    CaseInterval,
    CustomerRules,
    acted_on,
    adjusted,
    alert_id,
    case_intervals,
    labels_of,
    leaving_since,
    level_of,
    severity_of_interval,
)
from calendars import format_time
from cases import build_cases, segment_name_at
from clocks import elapsed_us, stage_times
from evidence import DIMENSIONS, items_of_case
from policy import DAY, SECOND
from score import Score, rhythm_at

STREAMED_LIMIT = 32  # promises and clocks in a streamed score record (11.5)
REFRESH_DAYS = [2**k for k in range(3, 11)]


class History:
    """A customer's events up to a time, folded: what Φ needs at any t before the next event."""

    def __init__(self, events, policy):
        """`events` are the customer's, in canonical order, with the erased left out."""
        self.events = events
        self.policy = policy
        self.cases = build_cases(events, policy)
        self.actions = [event for event in events if event.type == "alert.acted"]
        self.last_event_time = events[-1].time

    def segment_name(self, t):
        return segment_name_at(self.events, t)

    def lifetime_value(self):
        values = [e.data["ltv_minor"] for e in self.events if e.type == "customer.updated" and "ltv_minor" in e.data]
        return values[-1] if values else 0


class View:
    """Φ of one customer at t; t must not be before the history's last event."""

    def __init__(self, history, t):
        assert history.last_event_time <= t
        self.history = history
        self.policy = history.policy
        self.t = t
        first = history.events[0]
        self.tenant, self.customer = first.tenant, first.customer
        self.segment = history.segment_name(t)
        self.settings = self.policy.segment(self.segment)
        self.cases = history.cases
        self.unsealed = [case for case in self.cases if not case.is_sealed(t)]
        self.ltv = history.lifetime_value()
        items = [item for case in self.cases for item in items_of_case(case, t)]
        self.score = Score(items, rhythm_at(self._order_times(), t, self.settings), t, self.settings)
        self.customer_alerts = list(CustomerRules(self.cases, self.score, t).firing())
        self.intervals = case_intervals(self.cases, t)

    def _true_findings(self, cases):
        for case in cases:
            for finding in case.fold.findings:
                if finding.stamp <= self.t:
                    yield case, finding

    def _order_times(self):
        return [f.stamp for _, f in self._true_findings(self.cases) if f.kind == "order_placed"]

    # ------------------------------------------------------------------------------------ promises

    def _promise_outcome(self, promise, case):
        if promise.outcome == "kept":
            return "kept" if promise.closing.time <= promise.last_base.due else "late"
        if promise.outcome is not None:
            return promise.outcome
        if self.t >= case.expires_at:
            return "expired"
        return "overdue" if self.t >= promise.last_date.due else "open"

    def _promise_record(self, promise, case):
        base, last = promise.last_base, promise.last_date
        until = self.t if promise.is_open else promise.closing.time
        return {
            "promise_id": promise.id,
            "case": case.key,
            "kind": promise.kind,
            "class": promise.class_,
            "made_at": format_time(promise.made.time),
            "first_due_at": format_time(base.due),
            "due_at": format_time(last.due),
            "changes": len(promise.dates) - 1,
            "told_before_due": base.notice is not None,
            "excused": last.excused,
            "outcome": self._promise_outcome(promise, case),
            "ended_at": None if promise.is_open else format_time(promise.closing.time),
            "lateness_s": max(0, (until - base.due) // SECOND),
            "labels": promise.labels,
        }

    def promises(self):
        """The promises of unsealed cases, in order of case and making."""
        return [
            self._promise_record(promise, case)
            for case in self.unsealed
            for promise in case.fold.promises.values()
        ]

    # -------------------------------------------------------------------------------------- clocks

    def _clock_record(self, run, complaint, case):
        clock = case.settings.clocks[run.clock]
        stages = stage_times(clock, complaint.history, run.start, None, clock.stages[:1])
        return {
            "complaint_id": complaint.id,
            "case": case.key,
            "clock": run.clock,
            "started_at": format_time(run.start),
            "target_s": clock.target_s[complaint.priority],
            "elapsed_s": elapsed_us(clock, complaint.history, run.start, self.t) // SECOND,
            "due_at": format_time(stages[0]) if stages else None,
            "paused": complaint.status in clock.pause,
        }

    def clocks(self):
        """The runs without stop of open complaints of unexpired cases, in order (11.1)."""
        return [
            self._clock_record(run, complaint, case)
            for case in self.cases
            if self.t < case.expires_at
            for complaint in case.fold.complaints.values()
            if complaint.is_open
            for run in complaint.runs
            if run.stopping is None
        ]

    # -------------------------------------------------------------------------------------- alerts

    def _alert(self, rule, case_key, object_, opened_at, events, labels, severity, until):
        """The alert fields of 11.1; an alert that has ended has neither severity nor level."""
        id_ = alert_id(self.tenant, rule, self.customer, object_)
        alert = {
            "alert_id": id_,
            "rule": rule,
            "case": case_key,
            "object": object_,
            "opened_at": format_time(opened_at),
            "severity": severity,
            "level": None if severity is None else level_of(severity, self.settings),
            "labels": labels,
            "events": list(events),
        }
        acted = acted_on(id_, opened_at, until, self.history.actions)
        if acted is not None:
            alert["acted"] = acted
        return alert

    def _case_alert(self, each: CaseInterval):
        interval, case = each.interval, each.case
        active = each.is_active(self.t)
        severity = None
        if active:
            severity = severity_of_interval(interval, case, self.score, self.ltv, self.t)
        return self._alert(
            interval.rule,
            case.key,
            interval.object,
            interval.start,
            interval.events,
            labels_of(interval, case),
            severity,
            self.t if active else each.end,
        )

    def _customer_alert(self, firing):
        base = self.settings.alerts["customer"][firing.rule]["base"]
        severity = adjusted(base, self.score, self.ltv)
        return self._alert(firing.rule, "", "", firing.since, firing.events, {}, severity, self.t)

    def alerts(self):
        active = [self._case_alert(each) for each in self.intervals if each.is_active(self.t)]
        return active + [self._customer_alert(firing) for firing in self.customer_alerts]

    def interval_records(self):
        return [
            {
                "alert_id": alert_id(self.tenant, each.interval.rule, self.customer, each.interval.object),
                "rule": each.interval.rule,
                "case": each.case.key,
                "object": each.interval.object,
                "opened_at": format_time(each.start),
                "resolved_at": None if each.is_active(self.t) else format_time(each.end),
                "state": each.state(self.t),
            }
            for each in self.intervals
        ]

    # -------------------------------------------------------------------------------------- checks

    def next_change_at(self):
        """The least time after t at which something may change (10.7), or None."""
        return min((time for time in self._change_times() if time > self.t), default=None)

    def _change_times(self):
        for case in self.cases:
            yield case.expires_at
            yield case.sealed_from
            for finding in case.fold.findings:
                yield finding.stamp
            for interval in case.fold.intervals:
                yield interval.start
                if interval.end is not None:
                    yield interval.end
            for promise in case.fold.promises.values():
                if promise.is_open:
                    yield promise.last_date.due
        leaving = self.settings.rule("customer", "SATISFIED_BUT_LEAVING")
        rhythm = self.score.rhythm
        if leaving is not None and rhythm.silence is not None:
            since = leaving_since(rhythm, leaving)
            if since > rhythm.last:
                yield since
        for days in REFRESH_DAYS:
            yield self.history.last_event_time + days * DAY
        if self.customer_alerts:
            yield (self.t // DAY + 1) * DAY

    # -------------------------------------------------------------------------------------- record

    def _findings_records(self):
        return [
            {
                "kind": finding.kind,
                "class": finding.class_,
                "case": case.key,
                "object": finding.object,
                "stamp": format_time(finding.stamp),
                "magnitude": finding.magnitude,
                "lead_s": finding.lead,
                "excused": finding.excused,
                "events": list(finding.events),
            }
            for case, finding in self._true_findings(self.unsealed)
        ]

    def _short_record(self):
        score, rhythm = self.score, self.score.rhythm
        findings = [finding for _, finding in self._true_findings(self.cases)]
        broken = [f for f in findings if f.kind == "promise_late" and f.magnitude == 0]
        promises, clocks = self.promises(), self.clocks()
        return {
            "tenant": self.tenant,
            "customer": self.customer,
            "as_of": format_time(self.t),
            "policy": self.policy.hash,
            "segment": self.segment,
            "score": score.score,
            "sd": score.sd,
            "low": score.low,
            "high": score.high,
            "tier": score.tier,
            "uncertain": score.uncertain,
            "quadrant": score.quadrant,
            "layers": score.layers,
            "dimensions": {
                d: {"ppm": score.p[d], "positive": score.masses.gain[d], "negative": score.masses.loss[d]}
                for d in DIMENSIONS
            },
            "weakest": score.weakest,
            "rhythm": {
                "orders": rhythm.orders,
                "last_order_at": format_time(rhythm.last),
                "silence": rhythm.silence,
                "ppm": rhythm.ppm,
            },
            "counts": {"kept": sum(1 for f in findings if f.kind == "promise_kept"), "broken": len(broken)},
            "promises": promises,
            "promises_open": sum(1 for p in promises if p["outcome"] in ("open", "overdue")),
            "clocks": clocks,
            "clocks_open": len(clocks),
            "next_change_at": format_time(self.next_change_at()),
        }

    def record(self):
        """The record of 11.1 with everything in it."""
        return dict(
            self._short_record(),
            findings=self._findings_records(),
            explanation=self.score.explanation(),
            alerts=self.alerts(),
            intervals=self.interval_records(),
        )

    # ------------------------------------------------------------------------------ what is streamed

    def streamed_score(self):
        """The record as the topic holds it (11.5): short lists, the most urgent first."""
        record = self._short_record()
        # Times of one text form sort as they are; sorting keeps the order of equals.
        waiting = [p for p in record["promises"] if p["outcome"] in ("open", "overdue")]
        record["promises"] = sorted(waiting, key=lambda p: p["due_at"])[:STREAMED_LIMIT]
        by_due = sorted(record["clocks"], key=lambda c: (c["due_at"] is None, c["due_at"] or ""))
        record["clocks"] = by_due[:STREAMED_LIMIT]
        return record

    def streamed_alerts(self, tau):
        """The last record of each alert that the topic holds (10.4, 11.3), by alert_id."""
        latest = {}
        for each in sorted(self.intervals, key=lambda each: each.start):
            if each.start + each.case.settings.hold(each.interval.rule) <= tau:
                alert = self._case_alert(each)
                resolved_at = None if each.is_active(self.t) else format_time(each.end)
                latest[alert["alert_id"]] = dict(alert, state=each.state(self.t), resolved_at=resolved_at)
        for firing in self.customer_alerts:
            alert = self._customer_alert(firing)
            latest[alert["alert_id"]] = dict(alert, state="firing", resolved_at=None)
        common = {"tenant": self.tenant, "customer": self.customer, "policy": self.policy.hash}
        return {id_: dict(alert, **common) for id_, alert in latest.items()}


def last_check(history, tau):
    """The view at the customer's last check ≤ tau, walking from the last event on (10.7)."""
    view = View(history, history.last_event_time)
    while True:
        following = view.next_change_at()
        if following is None or following > tau:
            return view
        view = View(history, following)
