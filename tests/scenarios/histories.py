"""Random histories of customers, and what may be done to them without changing the outcome.

`History(seed)` is reproducible: the same seed gives the same lines, policy overlay and horizon on every machine. A history
knows all event types, ids used again by others, links that come late, gaps that end cases and forget ids, events of one
name, invalid messages, erasures. `arrivals` gives its lines in an order of arrival within the lateness horizon, with
duplicates and spread over several inputs: by TRUST_MODEL 1.1 none of that may be seen in the result.
"""

import json
import random
import uuid
from datetime import datetime, timedelta, timezone

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
ALERTS = uuid.UUID("6f1d2c1e-5b7a-5c0e-9d43-7e0c1a2b3c4d")
CASE_RULES = (
    "PROMISE_AT_RISK PROMISE_BROKEN ORDER_FAULT PRICE_FAULT ACKNOWLEDGE_OVERDUE REPLY_DUE_SOON REPLY_OVERDUE UPDATE_OVERDUE "
    "RESOLUTION_OVERDUE COMPLAINT_IGNORED COMPLAINT_REOPENED COMPLAINT_REPEATED CLOSED_UNRESOLVED BAD_VOICE_AFTER_FAILURE "
    "REVIEW_UNANSWERED"
).split()
CUSTOMER_RULES = ("PROMISE_REPEAT EROSION_FAST EROSION_SLOW TIER_DROP SATISFIED_BUT_LEAVING BRIBERY_PATTERN COMPLAINT_SERIES").split()
ZONES = ("UTC", "Europe/Berlin", "America/Sao_Paulo", "America/New_York", "Pacific/Apia", "Asia/Kathmandu", "Australia/Lord_Howe")
LABELS = {"team": ("a", "b", "ü"), "carrier": ("dhl", "ups"), "sku": ("1", "2", '"q\\'), "region": ("南", "N")}

# Fields of the catalogue (TRUST_MODEL 3): name, kind; `!` required. Ids, DUE and surveys are treated apart.
CAUSE = "weather|strike|customs|authority|customer"
CATALOGUE = {
    "customer.updated": "",
    "order.placed": "order! total_minor!money discount_minor?money discount_purpose?acquisition|retention|clearance|season|compensation|other captive?bool new_category?bool premium?bool",
    "delivery.promised": "order! promise! DUE express?bool",
    "order.charged": "order! amount_minor!money quoted_minor!money consented?bool",
    "order.terms_changed": "order? adverse!bool consented!bool",
    "order.refund_promised": "order! promise! DUE",
    "delivery.repromised": "order! promise! DUE notified?bool by_customer?bool",
    "delivery.notified": "order! promise? kind!delay|progress option_offered?bool",
    "delivery.excused": f"order! promise? cause!{CAUSE}",
    "delivery.dispatched": "order! promise?",
    "delivery.scanned": "order! promise?",
    "delivery.out_for_delivery": "order! promise?",
    "delivery.attempted": "order! promise? fault!carrier|customer|other",
    "delivery.delivered": "order! promise? QTY",
    "delivery.lost": "order! promise?",
    "delivery.damaged": "order! promise? part?basic|auxiliary",
    "delivery.wrong_item": "order! promise?",
    "promise.made": "promise! kind!refund|compensation|replacement|warranty|repair|callback|update DUE order? complaint?",
    "promise.changed": "promise! DUE notified?bool by_customer?bool order? complaint?",
    "promise.excused": f"promise! cause!{CAUSE} order? complaint?",
    "promise.kept": "promise! order? complaint?",
    "promise.withdrawn": "promise! order? complaint?",
    "order.refunded": "order! promise?",
    "order.cancelled": "order! by!customer|merchant|system reason!late|distrust|price|changed_mind|stock|fraud|other",
    "order.return_requested": "order! reason!defect|damaged|not_as_described|wrong_item|late|no_need|other part?basic|auxiliary",
    "order.payment_disputed": "order!",
    "complaint.opened": "complaint! order? kind?complaint|question|claim category?delivery|quality|billing|misrepresentation|rude_staff|other priority?low|normal|high|urgent loss_minor?money part?basic|auxiliary",
    "complaint.acknowledged": "complaint! order?",
    "complaint.replied": "complaint! order? by?human|auto public?bool apology?bool reason_given?bool personalised?bool",
    "complaint.customer_replied": "complaint! order? sentiment_ppm?sppm confidence_ppm?ppm",
    "complaint.status_changed": "complaint! order? status!new|open|awaiting_customer|awaiting_third_party|on_hold",
    "complaint.priority_changed": "complaint! order? priority!low|normal|high|urgent",
    "complaint.reassigned": "complaint! order? channel_switch?bool",
    "complaint.compensation_promised": "complaint! promise! order? kind!cash|replacement|points|coupon DUE",
    "complaint.compensation_paid": "complaint! promise? order? kind!cash|replacement|points|coupon amount_minor?money",
    "complaint.resolved": "complaint! order?",
    "complaint.customer_confirmed": "complaint! order?",
    "complaint.customer_rejected": "complaint! order?",
    "complaint.reopened": "complaint! order?",
    "complaint.closed": "complaint! order?",
    "complaint.escalated_external": "complaint! order? body!regulator|ombudsman|court|press|chargeback",
    "complaint.proactive_contact": "order? complaint?",
    "review.submitted": "review! order? stars!stars verified?bool sentiment_ppm?sppm confidence_ppm?ppm",
    "review.updated": "review! order? stars!stars sentiment_ppm?sppm confidence_ppm?ppm",
    "review.removed": "review! order?",
    "review.replied": "review! order? by?human|auto",
    "survey.answered": "survey! order? complaint? SURVEY",
    "customer.referred": "",
    "customer.status_checked": "order?",
    "customer.subscription_cancelled": "",
    "customer.account_closed": "",
    "outreach.sent": "order? complaint? kind?thanks|aftercare|other",
    "coupon.issued": "order? complaint?",
    "alert.acted": "",
    "customer.erased": "",
}
ORDINARY = [name for name in CATALOGUE if name not in ("customer.updated", "alert.acted", "customer.erased")]
FAMILIES = [[name for name in ORDINARY if name.startswith(start)] for start in ("order.", "delivery.", "promise.", "complaint.", "review.")]


def time_text(us, rng=None):
    """A time of TRUST_MODEL 2.1; with `rng` in one of its many forms."""
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=us)
    if rng is None or rng.random() < 0.7:
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if us % SECOND == 0 and rng.random() < 0.5:
        fraction = ""
    elif us % 1000 == 0:
        fraction = f".{us % SECOND // 1000:03d}"
    else:
        fraction = f".{us % SECOND:06d}{rng.choice(('', '999'))}"
    minutes = rng.choice((0, 60, -180, 345, -1439))
    local = moment + timedelta(minutes=minutes)
    sign = "-" if minutes < 0 else "+"
    return local.strftime("%Y-%m-%dT%H:%M:%S") + fraction + f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


class _Customer:
    """One customer's random life: pools of ids that events share, and ever new ones."""

    def __init__(self, rng, tenant, name):
        self.rng, self.tenant, self.name = rng, tenant, name
        self.pools = {kind: [self._new(kind)] for kind in "opcrs"}
        self.counter = 0

    def _new(self, kind):
        serial = self.rng.randrange(4)
        # The same text may name an order and a complaint: 4.1 keeps them apart.
        return self.rng.choice((f"{kind}{serial}", f"x{serial}"))

    def object(self, kind):
        pool = self.pools[kind]
        if self.rng.random() < 0.2:
            pool.append(self._new(kind))
        return pool[-1] if self.rng.random() < 0.7 else self.rng.choice(pool)


class History:
    """Lines of several customers in order of time, with the policy overlay and the horizon to judge them under."""

    def __init__(self, seed, events=70, customers=None, clean=False, scale=1.0):
        """`clean`: only valid events in time, without conflicts or erasures."""
        self.seed = seed
        rng = self.rng = random.Random(f"troth/{seed}")
        self.clean = clean
        self.overlay = self._overlay()
        self.lateness = int(self.overlay["global"]["lateness"][:-1]) * DAY
        self.start = (1_577_836_800 + rng.randrange(5 * 365 * 86_400)) * SECOND
        tenants = ["default"] if rng.random() < 0.5 else ["default", "ten ant", "z"]
        count = customers or rng.choice((1, 2, 3, 5))
        names = [f"c{index}" if rng.random() < 0.8 else f"c {index}/é" for index in range(count)]
        people = [_Customer(rng, rng.choice(tenants), name) for name in names]
        if len(tenants) > 1 and count > 1:
            people[1].name = people[0].name  # the same id under another tenant is another customer
            if people[1].tenant == people[0].tenant:
                people[1].tenant = "twin"
        self.events = []  # (time, CloudEvent)
        self._serial = 0
        self._walk(people, events, scale)
        self.events.sort(key=lambda each: each[0])
        self.horizon = None
        if not clean and rng.random() < 0.3:
            self.horizon = self.events[int(len(self.events) * 0.9)][0]
        self.last = self.events[-1][0]

    # ------------------------------------------------------------------------------------- policy

    def _overlay(self):
        rng = self.rng
        lateness = rng.choice(("45d", "45d", "3d", "10d", "0d"))
        overlay = {"global": {"lateness": lateness}, "segments": {}}
        if rng.random() < 0.3:
            overlay["global"]["quiet"] = rng.choice(("45d", "20d"))
        if not self.clean and rng.random() < 0.25:
            overlay["global"].update({"case_events": rng.choice((3, 6, 12)), "open_cases": rng.choice((2, 3, 5)), "customer_events": rng.choice((1, 2))})
        if rng.random() < 0.3:
            overlay["promises"] = {"option_bonus": 500_000, "free_checks": 1}
        if rng.random() < 0.3:
            overlay["complaints"] = {"reply_reopens": rng.random() < 0.5, "free_contacts": 0, "free_handoffs": 0}
        segments = overlay["segments"]
        segments["vip"] = {
            "clocks": {"first_reply": {"target": {"low": "2h", "normal": "1h", "high": "30m", "urgent": "5m"}, "calendar": "always"}},
            "alerts": {"case": {"PROMISE_BROKEN": {"base": 4, "hold": rng.choice(("0s", "12h", "5d"))}, "ORDER_FAULT": {"off": True}}},
            "score": {"weakest_link": 500_000},
        }
        segments["quiet"] = {
            "alerts": {
                "case": {"REVIEW_UNANSWERED": {"hold": "2d"}, "PROMISE_AT_RISK": {"off": True}},
                "customer": {"PROMISE_REPEAT": {"broken": 1}, "EROSION_FAST": {"drop": 1_000_000, "mass": 0}},
            },
            "recovery": {"R": 0},
        }
        windows = {"window": "20d"}  # at most quiet + lateness
        overlay["alerts"] = {"customer": {rule: dict(windows) for rule in ("PROMISE_REPEAT", "EROSION_SLOW", "TIER_DROP", "BRIBERY_PATTERN", "COMPLAINT_SERIES")}}
        return overlay

    # ------------------------------------------------------------------------------------- events

    def _walk(self, people, events, scale):
        rng = self.rng
        now = self.start
        family = FAMILIES[1]
        person = people[0]
        while len(self.events) < events:
            now += int(scale * self._step())
            if rng.random() < 0.35:
                person = rng.choice(people)
            if rng.random() < 0.25:
                family = rng.choice(FAMILIES)
            chance = rng.random()
            if chance < 0.14:
                self._story(person, now)
            elif chance < 0.19:
                self._add(now, person, "customer.updated", self._update())
            elif chance < 0.24:
                self._add(now, person, "alert.acted", self._action(person, now))
            elif chance < 0.243 and not self.clean:
                self._add(now, person, "customer.erased", {})
            elif chance < 0.27 and not self.clean:
                self._invalid(person, now)
            elif chance < 0.30 and not self.clean and self.events:
                self._conflict(now)
            else:
                type_ = rng.choice(family) if rng.random() < 0.6 else rng.choice(ORDINARY)
                self._add(now, person, type_, self._data(type_, person, now))

    def _step(self):
        rng = self.rng
        chance = rng.random()
        if chance < 0.15:
            return 0
        if chance < 0.55:
            return rng.randrange(12 * HOUR)
        if chance < 0.75:
            return rng.randrange(1, 72) * HOUR  # whole hours: events on deadlines
        if chance < 0.96:
            return rng.randrange(6 * DAY)
        if chance < 0.985:
            return rng.randrange(60, 160) * DAY  # ends cases
        return rng.randrange(400, 520) * DAY  # ends lives

    def _add(self, time, person, type_, data, name=None):
        rng = self.rng
        self._serial += 1
        source, id_ = name or (rng.choice(("shop", "shop", "/carrier/x")), f"e{self._serial}")
        event = {"specversion": "1.0", "id": id_, "source": source, "type": type_, "time": time_text(time, rng), "subject": person.name}
        if person.tenant != "default":
            event["tenantid"] = person.tenant
        elif rng.random() < 0.1:
            event["tenantid"] = rng.choice((None, "default"))
        if data or rng.random() < 0.5:
            event["data"] = data
        if data and rng.random() < 0.1:
            event["data"]["x_unknown"] = {"deep": [1.5, None]}
        self.events.append((time, event))
        return event

    def _value(self, kind):
        rng = self.rng
        if kind == "bool":
            return rng.random() < 0.5
        if kind == "money":
            return rng.choice((0, 1, 999, 1000, 1004, 1006, 5000, 120_000, 10**15))
        if kind == "ppm":
            return rng.choice((0, 1, 500_000, 1_000_000))
        if kind == "sppm":
            return rng.choice((-1_000_000, -300_000, -1, 0, 299_999, 300_000, 700_000, 1_000_000))
        if kind == "stars":
            return rng.randint(1, 5)
        return rng.choice(kind.split("|"))

    def _data(self, type_, person, now):
        rng = self.rng
        data = {}
        linked = rng.random() < 0.6
        for field in CATALOGUE[type_].split():
            if field == "DUE":
                data.update(self._due(now))
            elif field == "QTY":
                if rng.random() < 0.3:
                    data.update(qty_delivered=rng.randrange(5), qty_promised=rng.randint(1, 4))
            elif field == "SURVEY":
                data.update(self._survey())
            else:
                mark = "!" if "!" in field else "?"
                name, kind = field.split(mark)
                if kind:
                    if mark == "!" or rng.random() < 0.6:
                        data[name] = self._value(kind)
                    elif rng.random() < 0.1:
                        data[name] = None
                elif mark == "!" or linked and rng.random() < 0.7:
                    data[f"{name}_id"] = person.object(name[0])
        if type_ == "complaint.proactive_contact" and not data:
            data["order_id"] = person.object("o")
        if rng.random() < 0.2:
            chosen = rng.sample(sorted(LABELS), rng.randint(0, 3))
            data["labels"] = {key: rng.choice(LABELS[key]) for key in chosen}
        return data

    def _due(self, now):
        rng = self.rng
        if rng.random() < 0.3:
            day = datetime(1970, 1, 1) + timedelta(microseconds=now) + timedelta(days=rng.randint(2, 12))
            return {"due_date": day.strftime("%Y-%m-%d"), "due_zone": rng.choice(ZONES)}
        ahead = rng.choice((0, 1, rng.randrange(1, 72) * HOUR, rng.randrange(14 * DAY), rng.randrange(80 * DAY)))
        return {"due_at": time_text(now + ahead, rng)}

    def _survey(self):
        rng = self.rng
        instrument = rng.choice(("nps", "csat", "ces", "servqual"))
        if instrument == "servqual":
            dimensions = ("reliability", "responsiveness", "assurance", "empathy", "tangibles")
            items = []
            for _ in range(rng.randint(1, 6)):
                item = {"dimension": rng.choice(dimensions), "score": rng.randint(1, 7)}
                if rng.random() < 0.5:
                    item["weight"] = rng.choice((1, 3, 1000))
                items.append(item)
            return {"instrument": instrument, "items": items}
        return {"instrument": instrument, "score": rng.randint(*{"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}[instrument])}

    def _update(self):
        rng = self.rng
        data = {}
        if rng.random() < 0.8:
            data["segment"] = rng.choice(("vip", "quiet", "priority", "nobody", "vip"))
        if rng.random() < 0.5:
            data["ltv_minor"] = rng.choice((0, 9_999_999, 10_000_000, 10**15))
        return data

    def _action(self, person, now):
        rng = self.rng
        rule = rng.choice(CASE_RULES + CUSTOMER_RULES)
        if rule in CUSTOMER_RULES:
            object_ = ""
        elif rule.startswith("PROMISE"):
            object_ = "p:" + rng.choice(person.pools["p"])
        elif rule.endswith("FAULT"):
            object_ = "o:" + rng.choice(person.pools["o"])
        elif "VOICE" in rule or rule.startswith("REVIEW"):
            kind = rng.choice("rs")
            object_ = f"{kind}:" + rng.choice(person.pools[kind])
        else:
            object_ = "c:" + rng.choice(person.pools["c"])
        id_ = str(uuid.uuid5(ALERTS, "\x1f".join((person.tenant, rule, person.name, object_))))
        data = {"alert_id": id_, "action": rng.choice(("acknowledge", "snooze", "assign", "mute", "close"))}
        for name in ("actor", "assignee", "note_code"):
            if rng.random() < 0.4:
                data[name] = f"{name}-{rng.randrange(3)}"
        if rng.random() < 0.3:
            data["until"] = time_text(now + rng.randrange(5 * DAY), rng)
        return data

    # ------------------------------------------------------------------------------------ stories

    def _story(self, person, now):
        """A few events that belong together, so that much happens to the same things."""
        rng = self.rng
        tell = lambda after, type_, **data: self._add(now + after, person, type_, data)
        order, promise, complaint = (person.object(kind) for kind in "opc")
        if rng.random() < 0.5:
            due = rng.randrange(1, 12) * DAY
            tell(0, "order.placed", order_id=order, total_minor=5000, labels={"team": "a"})
            tell(0, "delivery.promised", order_id=order, promise_id=promise, due_at=time_text(now + due))
            if rng.random() < 0.3:
                tell(due // 2, "delivery.dispatched", order_id=order)
            if rng.random() < 0.3:
                tell(due - HOUR, "delivery.repromised", order_id=order, promise_id=promise, due_at=time_text(now + due + 2 * DAY))
            if rng.random() < 0.7:
                tell(due + rng.choice((-HOUR, 0, 1, DAY, 3 * DAY, 9 * DAY)), "delivery.delivered", order_id=order)
            if rng.random() < 0.5:
                tell(due + 2 * DAY, "review.submitted", review_id=person.object("r"), order_id=order, stars=rng.choice((1, 2, 5)))
        else:
            tell(0, "complaint.opened", complaint_id=complaint, priority=rng.choice(("low", "normal", "urgent")))
            step = rng.choice((HOUR, 8 * HOUR, 30 * HOUR))
            for number in range(1, rng.randint(2, 7)):
                tell(step * number, rng.choice(("complaint.customer_replied", "complaint.replied", "complaint.resolved", "complaint.reopened", "complaint.closed", "complaint.customer_rejected")), complaint_id=complaint)
            if rng.random() < 0.4:  # that it was about an order becomes known late
                tell(step * 8, "complaint.replied", complaint_id=complaint, order_id=order)

    def _conflict(self, now):
        """Another event under a name that is taken; mostly of the same case."""
        rng = self.rng
        time, original = rng.choice(self.events[-8:])
        if not isinstance(original, dict):
            return
        twin = json.loads(json.dumps(original))
        choice = rng.random()
        if choice < 0.4 and isinstance(twin.get("data"), dict):
            twin["data"]["labels"] = {"team": "other"}
        elif choice < 0.7:
            time = now
            twin["time"] = time_text(now)
        else:
            twin["type"] = rng.choice(ORDINARY)
        self.events.append((time, twin))

    def _invalid(self, person, now):
        """One message that is no event, of each reason in turn."""
        rng = self.rng
        good = {"specversion": "1.0", "id": f"bad{self._serial}", "source": "shop", "type": "order.placed", "time": time_text(now), "subject": person.name}
        good["data"] = {"order_id": "o1", "total_minor": 5}
        choice = rng.randrange(15)
        if choice == 0:
            good["data"]["note"] = "x" * 65_536
        elif choice == 1:
            return self.events.append((now, json.dumps(good)[:-1].encode()))
        elif choice == 2:
            return self.events.append((now, b'\xff{"a":1}'))
        elif choice == 3:
            return self.events.append((now, rng.choice((b"[]", b"7", b'{"id":1,"id":2}', b'{"x":NaN}', b'{"x":"\\ud800"}', b"{} {}"))))
        elif choice == 4:
            good["type"] = "order.imagined"
        elif choice == 5:
            good["time"] = rng.choice(("2026-02-30T00:00:00Z", "2026-01-01 00:00:00Z", "1969-12-31T23:59:59Z", 7, None))
        elif choice == 6:
            del good["data"]["order_id"]
        elif choice == 7:
            good["data"]["total_minor"] = rng.choice((-1, 1.0, "5", True, 10**15 + 1, 10**40))
        elif choice == 8:
            good["subject"] = rng.choice(("", "a\tb", "x" * 129, 7))
        elif choice == 9:
            good.update(type="delivery.promised", data={"order_id": "o1", "promise_id": "p", "due_at": time_text(now - 1)})
        elif choice == 10:
            good.update(type="delivery.promised", data={"order_id": "o1", "promise_id": "p", "due_date": "2026-01-01"})
        elif choice == 11:
            good.update(type="survey.answered", data={"survey_id": "s", "instrument": "nps", "items": [{"dimension": "empathy", "score": 1}]})
        elif choice == 12:
            good["data"]["labels"] = {"team": ""}
        elif choice == 13:
            good.update(type="delivery.delivered", data={"order_id": "o1", "qty_promised": 2})
        else:
            good.update(type="complaint.proactive_contact", data={})
        self.events.append((now, good))
        return None

    # ------------------------------------------------------------------------------------- output

    def lines(self):
        """The messages in order of time."""
        return [as_line(event) for _, event in self.events]

    def disordered(self, rng):
        """Some events long after their time: they will be `late`, and find caps already full."""
        delayed = [(time + (rng.randrange(2 * self.lateness + DAY) if rng.random() < 0.1 else 0), index) for index, (time, _) in enumerate(self.events)]
        return [as_line(self.events[index][1]) for _, index in sorted(delayed)]

    def arrivals(self, rng, inputs=1, duplicates=True):
        """(lines of each input, number of duplicates): any order within the lateness horizon."""
        shuffled = []
        for time, event in self.events:
            copies = 1 + (duplicates and rng.random() < 0.15) + (duplicates and rng.random() < 0.03)
            for _ in range(copies):
                # Whoever arrived before has time + delay no greater, hence a time of less than `lateness` more.
                delay = rng.randrange(self.lateness) if self.lateness and rng.random() < 0.6 else 0
                shuffled.append((time + delay, rng.random(), as_line(event)))
        shuffled.sort()
        files = [[] for _ in range(inputs)]
        for _, _, line in shuffled:
            files[rng.randrange(inputs)].append(line)
        return files, len(shuffled) - len(self.events)


def as_line(event):
    if isinstance(event, bytes):
        return event
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
