"""Alerts: case intervals as seen at t, customer rules, severity, labels (TRUST_MODEL 10)."""

import uuid
from typing import NamedTuple, Optional

from calendars import format_time
from findings import KIND_NUMBER, Interval
from policy import duration_us
from score import TIERS, Score

NAMESPACE = uuid.UUID("6f1d2c1e-5b7a-5c0e-9d43-7e0c1a2b3c4d")
CUSTOMER_RULES = (
    "PROMISE_REPEAT",
    "EROSION_FAST",
    "EROSION_SLOW",
    "TIER_DROP",
    "SATISFIED_BUT_LEAVING",
    "BRIBERY_PATTERN",
    "COMPLAINT_SERIES",
)
LEVELS = ("info", "warning", "critical", "page")


def alert_id(tenant, rule, customer, object_):
    """10.1"""
    return str(uuid.uuid5(NAMESPACE, "\x1f".join((tenant, rule, customer, object_))))


class CaseInterval(NamedTuple):
    """An interval of a case; a missing end is the case's expiry."""

    case: object
    interval: Interval

    @property
    def start(self):
        return self.interval.start

    @property
    def end(self):
        return self.case.expires_at if self.interval.end is None else self.interval.end

    def is_active(self, t):
        return self.start <= t < self.end

    def state(self, t):
        if t < self.end:
            return "firing"
        return "expired" if self.interval.end is None else "resolved"

    @property
    def order(self):
        """Rule, case key, object, start, then end with none last (11.1)."""
        end = self.interval.end
        return (
            self.interval.rule,
            self.case.key,
            self.interval.object,
            self.start,
            end is None,
            end or 0,
            self.interval.events,
        )


def case_intervals(cases, t):
    """The intervals of unsealed cases that have started by t, in order."""
    found = [
        CaseInterval(case, interval)
        for case in cases
        if not case.is_sealed(t)
        for interval in case.fold.intervals
        if interval.start <= t
    ]
    return sorted(found, key=lambda each: each.order)


# ---------------------------------------------------------------------------------------- severity


def severity_of_interval(interval, case, score, ltv, t):
    """10.5, with the customer's segment at t (the score's)."""
    rules = score.settings.alerts["case"]
    # A rule that only the case's segment knows is judged by it.
    rule = rules.get(interval.rule) or case.settings.alerts["case"][interval.rule]
    severity = rule["base"]
    last_stage = sum(1 for stamp in interval.stages if stamp <= t) - 1
    severity += sum(1 for entry in rule.get("escalate", []) if entry <= last_stage)
    severity += 0 if interval.told else 1
    severity -= 1 if interval.excused else 0
    return adjusted(severity, score, ltv)


def adjusted(severity, score, ltv):
    """What the customer adds to a severity: lifetime value and tier."""
    spec = score.settings.alerts["severity"]
    severity += 1 if ltv >= spec["high_value_minor"] else 0
    severity += 1 if TIERS.index(score.tier) >= TIERS.index(spec["low_tier"]) else 0
    return max(0, severity)


def level_of(severity, settings):
    return LEVELS[sum(1 for floor in settings.alerts["severity"]["levels"] if severity >= floor)]


# ------------------------------------------------------------------------------------------ labels


def labels_of(interval, case):
    """The order's labels, overlaid by those of the thing the object names (10.8)."""
    fold = case.fold
    labels = dict(fold.first_order.labels) if fold.first_order is not None else {}
    letter, _, id_ = interval.object.partition(":")
    things = {"p": fold.promises, "c": fold.complaints, "r": fold.reviews, "s": fold.surveys}.get(letter, {})
    if id_ in things:
        labels.update(things[id_].labels)
    return labels


def acted_on(alert, opened_at, until, actions):
    """What was last done about an alert in [opened_at, until] (10.6), or None."""
    fitting = [a for a in actions if a.get("alert_id") == alert and opened_at <= a.time <= until]
    if not fitting:
        return None
    last = fitting[-1]
    return {
        "action": last.get("action"),
        "at": format_time(last.time),
        "actor": last.get("actor"),
        "assignee": last.get("assignee"),
        "until": format_time(last.get("until")),
        "note_code": last.get("note_code"),
    }


# ---------------------------------------------------------------------------------- customer rules


class Firing(NamedTuple):
    """A customer rule that is active."""

    rule: str
    since: int
    events: tuple


class CustomerRules:
    """The rules of 10.3 at t."""

    def __init__(self, cases, score, t):
        self.cases = cases
        self.score = score
        self.t = t
        self.settings = score.settings

    def firing(self):
        judges = {
            "PROMISE_REPEAT": self._promise_repeat,
            "EROSION_FAST": self._erosion,
            "EROSION_SLOW": self._erosion,
            "TIER_DROP": self._tier_drop,
            "SATISFIED_BUT_LEAVING": self._leaving,
            "BRIBERY_PATTERN": self._bribery,
            "COMPLAINT_SERIES": self._complaint_series,
        }
        for name in CUSTOMER_RULES:
            rule = self.settings.rule("customer", name)
            found = judges[name](rule) if rule is not None else None
            if found is not None:
                yield Firing(name, *found)

    def _in_window(self, rule, wanted):
        """The findings in the window, in the order stamp, kind, case key, object, m."""
        since = self.t - duration_us(rule["window"])
        found = []
        for case in self.cases:
            for finding in case.fold.findings:
                if since < finding.stamp <= self.t and wanted(finding):
                    order = (
                        finding.stamp,
                        KIND_NUMBER[finding.kind],
                        case.key,
                        finding.object,
                        finding.magnitude,
                    )
                    found.append((order, finding))
        return sorted(found, key=lambda pair: pair[0])

    def _full(self, rule, count, wanted):
        """(order, finding) of the finding that made the number full, or None."""
        found = self._in_window(rule, wanted)
        return found[count - 1] if len(found) >= count else None

    @staticmethod
    def _since(pair):
        return None if pair is None else (pair[1].stamp, pair[1].events)

    def _promise_repeat(self, rule):
        broken = self._full(
            rule,
            rule["broken"],
            lambda f: f.kind in ("promise_late", "repromise_late") and f.magnitude == 0 and not f.excused,
        )
        repromised = self._full(
            rule, rule["repromised"], lambda f: f.kind in ("repromised_early", "repromised_late")
        )
        full = [pair for pair in (broken, repromised) if pair is not None]
        return self._since(min(full, key=lambda pair: pair[0], default=None))

    def _bribery(self, rule):
        return self._since(self._full(rule, rule["count"], lambda f: f.kind == "coupon_instead_of_fix"))

    def _complaint_series(self, rule):
        return self._since(
            self._full(
                rule, rule["count"], lambda f: f.kind == "complaint_opened" and f.class_ != "question"
            )
        )

    def _latest_blow(self, rule):
        """The latest loss in the window; of several at once the least in order."""
        since = self.t - duration_us(rule["window"])
        losses = [item for item in self.score.items if not item.is_gain and item.stamp > since]
        if not losses:
            return None
        latest = max(item.stamp for item in losses)
        return min((item for item in losses if item.stamp == latest), key=lambda item: item.order)

    def _score_before(self, rule):
        """T₋w: the score at t from what was there before the window."""
        until = self.t - duration_us(rule["window"])
        items = [item for item in self.score.items if item.stamp <= until]
        return Score(items, self.score.rhythm, self.t, self.settings)

    def _after_blow(self, rule, holds):
        blow = self._latest_blow(rule)
        if blow is None:
            return None
        before = self._score_before(rule)
        mass = sum(before.masses.gain.values()) + sum(before.masses.loss.values())
        if mass < rule["mass"] or not holds(before):
            return None
        return blow.stamp, blow.finding.events

    def _erosion(self, rule):
        def holds(before):
            drop = before.score - self.score.score
            return drop >= rule["drop"] and drop >= self.score.sd

        return self._after_blow(rule, holds)

    def _tier_drop(self, rule):
        tier = self.score.tier_by_floors
        if tier not in ("eroding", "broken"):
            return None

        def holds(before):
            old = before.tier_by_floors
            if TIERS.index(tier) <= TIERS.index(old):
                return False
            return self.score.high < self.settings.score["tiers"][old] + rule["margin"]

        return self._after_blow(rule, holds)

    def _leaving(self, rule):
        rhythm, score = self.score.rhythm, self.score
        if rhythm.silence is None or rhythm.silence < rule["silence"]:
            return None
        if score.p["V"] < rule["voice"] or score.masses.total("V") < rule["mass"]:
            return None
        return leaving_since(rhythm, rule), ()


def leaving_since(rhythm, rule) -> Optional[int]:
    """When silence reaches the rule's (10.3); None without a rhythm."""
    if rhythm.silence is None:
        return None
    gaps = rule["silence"] * (rhythm.last - rhythm.first)
    return rhythm.last - (-gaps // (1000 * (rhythm.orders - 1)))
