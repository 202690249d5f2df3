"""The fold of one case: sorted events in, findings and alert intervals out (TRUST_MODEL 6, 10.2, 4.5).

One pass brings the promises, complaints, reviews and surveys of the case to their last state; after it
each of them says what it comes to if nothing else happens.
"""

from complaints import Complaint
from findings import Finding, Interval
from policy import PPM
from promises import INFINITY, Promise
from voice import Review, Survey, sentiment

RETURN_FACT = {
    "defect": "quality_defect",
    "damaged": "parcel_damaged",
    "wrong_item": "wrong_item",
    "not_as_described": "misrepresented",
}
CATEGORY_FACT = {"quality": "quality_defect", "misrepresentation": "misrepresented", "rude_staff": "rudeness"}
ORDER_FAULTS = ("parcel_lost", "parcel_damaged", "wrong_item", "quality_defect")
FAILURE_FACTS = ORDER_FAULTS + ("misrepresented",)
FACTS_WITH_PART = ("parcel_damaged", "quality_defect")
REMEDIES = (
    "order.refunded",
    "order.refund_promised",
    "order.cancelled",
    "complaint.resolved",
    "complaint.compensation_promised",
    "complaint.compensation_paid",
)
REMEDY_PROMISES = ("refund", "compensation", "replacement", "repair")
ENDED_BY_REMEDY = ("ORDER_FAULT", "PRICE_FAULT", "BAD_VOICE_AFTER_FAILURE")
MANNERS = (("apology", "apology"), ("reason_given", "reason_given"), ("personalised", "personal_care"))


class Fold:
    """The fold of a case's events under a segment's settings."""

    def __init__(self, case_key, settings, events):
        self.case = case_key
        self.settings = settings
        self.events = events
        self.promises = {}
        self.complaints = {}
        self.reviews = {}
        self.surveys = {}
        self.first_order = None
        self._findings = []
        self._intervals = []
        self._running = {}  # (rule, object) -> event that started the interval
        self._facts = set()
        self._momentary = []  # times of momentary failures
        self._coupons = []
        self._status_checks = 0
        self._last_complaint = None  # the latest opening that is no question
        for event in events:
            getattr(self, "on_" + event.type.replace(".", "_"))(event)
            self._end_by_remedy(event)
        self._finish()

    # ------------------------------------------------------------------------------- the outcome

    def _finish(self):
        self._findings += self._coupon_findings()
        for promise in self.promises.values():
            self._findings += promise.findings(self.settings)
            self._intervals += promise.intervals(self.settings)
        for thing in (*self.complaints.values(), *self.reviews.values()):
            self._findings += thing.findings()
            self._intervals += thing.intervals()
        for survey in self.surveys.values():
            self._findings += survey.findings()
        for (rule, object_), event in self._running.items():
            self._intervals.append(Interval(rule, object_, event.time, None, (event.name,)))

        self.findings = sorted(self._findings, key=lambda finding: finding.order)
        self.intervals = [
            i
            for i in self._intervals
            if (i.end is None or i.start < i.end) and self.settings.rule("case", i.rule) is not None
        ]
        self.expires_at = self._end_of_activity() + self.settings.policy.quiet

    def _end_of_activity(self):
        """A of 4.5."""
        times = [self.events[-1].time]
        times += [finding.stamp for finding in self.findings]
        for interval in self.intervals:
            times.append(interval.start)
            if interval.end is not None:
                times.append(interval.end)
        return max(times)

    # -------------------------------------------------------------------------- small instruments

    def _find(self, kind, event, object_=None, class_="", magnitude=0):
        """A finding with the stamp and name of its event; its object is the case if not said."""
        object_ = self.case if object_ is None else object_
        self._findings.append(Finding(kind, object_, event.time, (event.name,), class_, magnitude))

    def _start(self, rule, object_, event):
        """Starts an alert interval, unless it is running."""
        self._running.setdefault((rule, object_), event)

    def _end(self, rule, object_, event):
        started = self._running.pop((rule, object_), None)
        if started is not None:
            names = (started.name, event.name)
            self._intervals.append(Interval(rule, object_, started.time, event.time, names))

    def _end_by_remedy(self, event):
        """A remedy ends what calls for one (6.6); the event alone counts."""
        is_remedy = event.type in REMEDIES or (
            event.type == "promise.made" and event.get("kind") in REMEDY_PROMISES
        )
        if is_remedy:
            for rule, object_ in list(self._running):
                if rule in ENDED_BY_REMEDY:
                    self._end(rule, object_, event)

    def _complaint(self, event):
        return self.complaints.get(event.get("complaint_id"))

    # ------------------------------------------------------------------------------ facts, prices

    def _state_fact(self, fact, event):
        """A fact is found once per case; each statement is a failure and may start an alert (6.3)."""
        if fact not in self._facts:
            self._facts.add(fact)
            self._find(fact, event, class_=event.get("part", "basic") if fact in FACTS_WITH_PART else "")
        if fact in FAILURE_FACTS:
            self._momentary.append(event.time)
            self._start("ORDER_FAULT" if fact in ORDER_FAULTS else "PRICE_FAULT", self.case, event)

    def on_order_placed(self, event):
        if self.first_order is not None:
            return
        self.first_order = event
        class_ = "captive" if event.get("captive", False) else "free"
        self._find("order_placed", event, class_=class_, magnitude=self._discount_share(event))
        for flag, kind in (("premium", "premium_paid"), ("new_category", "new_category")):
            if event.get(flag, False):
                self._find(kind, event)

    def _discount_share(self, event):
        discount = event.get("discount_minor", 0)
        full = event.get("total_minor") + discount
        if full == 0 or event.get("discount_purpose", "other") in self.settings.price["neutral_discounts"]:
            return 0
        return discount * PPM // full

    def on_order_charged(self, event):
        amount, quoted = event.get("amount_minor"), event.get("quoted_minor")
        if amount * PPM <= quoted * (PPM + self.settings.price["tolerance"]):
            self._find("price_kept", event)
        elif not event.get("consented", False):
            excess = PPM if quoted == 0 else min(PPM, (amount - quoted) * PPM // quoted)
            self._find("hidden_fee", event, magnitude=excess)
            self._momentary.append(event.time)
            self._start("PRICE_FAULT", self.case, event)

    def on_order_terms_changed(self, event):
        if event.get("consented"):
            return
        if not event.get("adverse"):
            self._find("terms_improved", event)
            return
        self._find("terms_worsened", event)
        self._momentary.append(event.time)
        self._start("PRICE_FAULT", self.case, event)

    def on_order_cancelled(self, event):
        if event.get("by") == "customer":
            self._find("order_cancelled", event, class_=event.get("reason"))
        elif event.get("reason") != "fraud":
            self._find("order_withdrawn", event)
        for promise in self._deliveries(open_only=True):
            promise.close("void", event)

    def on_order_return_requested(self, event):
        reason = event.get("reason")
        self._find("order_returned", event, class_=reason)
        if reason in RETURN_FACT:
            self._state_fact(RETURN_FACT[reason], event)
        if reason in ("damaged", "wrong_item"):
            self._spoil(event)

    def on_order_payment_disputed(self, event):
        self._find("went_outside", event, class_="chargeback")

    # ----------------------------------------------------------------------------------- promises

    def _make_promise(self, event, kind, class_=None):
        promise_id = event.get("promise_id")
        known = self.promises.get(promise_id)
        if known is None:
            self.promises[promise_id] = Promise(event, promise_id, kind, class_ or kind)
        elif known.is_open:
            self._change_promise(known, event, notified=True, by_customer=False)

    def _change_promise(self, promise, event, notified, by_customer):
        kind = promise.change(event, notified, by_customer)
        if kind is not None:
            self._find(kind, event, promise.object, promise.class_)

    def _deliveries(self, open_only):
        return [
            p for p in self.promises.values() if p.kind == "delivery" and (p.is_open or not open_only)
        ]

    def _spoken_of(self, event, open_only=True):
        """The delivery promises that a delivery event speaks of: the one named, or all made so far."""
        chosen = self._deliveries(open_only)
        if "promise_id" in event.data:
            chosen = [p for p in chosen if p.id == event.get("promise_id")]
        return chosen

    def _named_open(self, event):
        promise = self.promises.get(event.get("promise_id"))
        return promise if promise is not None and promise.is_open else None

    def _keep_of_kind(self, event, kind):
        """A refund or payment keeps the promise it names, or the first open one of its kind."""
        fitting = [p for p in self.promises.values() if p.is_open and p.kind == kind]
        if "promise_id" in event.data:
            fitting = [p for p in fitting if p.id == event.get("promise_id")]
        if fitting:
            fitting[0].close("kept", event)

    def _spoil(self, event):
        for promise in self._spoken_of(event, open_only=False):
            promise.spoiled = True

    def on_delivery_promised(self, event):
        self._make_promise(event, "delivery", "express" if event.get("express", False) else "delivery")

    def on_order_refund_promised(self, event):
        self._make_promise(event, "refund")

    def on_promise_made(self, event):
        self._make_promise(event, event.get("kind"))

    def on_complaint_compensation_promised(self, event):
        self._make_promise(event, "replacement" if event.get("kind") == "replacement" else "compensation")

    def _on_change(self, event, promise):
        if promise is not None:
            notified, by_customer = event.get("notified", True), event.get("by_customer", False)
            self._change_promise(promise, event, notified, by_customer)

    def on_delivery_repromised(self, event):
        promise = self._named_open(event)
        self._on_change(event, promise if promise is not None and promise.kind == "delivery" else None)

    def on_promise_changed(self, event):
        self._on_change(event, self._named_open(event))

    def on_delivery_notified(self, event):
        if event.get("kind") != "delay":
            return
        promises = self._spoken_of(event)
        if not self.complaints and any(event.time <= p.last_date.due for p in promises):
            self._find("proactive_contact", event)
        for promise in promises:
            promise.notice(event.time, event.get("option_offered", False))

    def _excuse(self, event, promises):
        for promise in promises:
            promise.excuse(event.time)
            if event.get("cause") == "customer":
                promise.close("excused", event)

    def on_delivery_excused(self, event):
        self._excuse(event, self._spoken_of(event))

    def on_promise_excused(self, event):
        promise = self._named_open(event)
        self._excuse(event, [] if promise is None else [promise])

    def on_promise_kept(self, event):
        promise = self._named_open(event)
        if promise is not None:
            promise.close("kept", event)

    def on_promise_withdrawn(self, event):
        promise = self._named_open(event)
        if promise is not None:
            promise.close("withdrawn", event)
            self._find("promise_withdrawn", event, promise.object, promise.class_)

    def on_order_refunded(self, event):
        self._keep_of_kind(event, "refund")

    def _sign(self, event):
        for promise in self._spoken_of(event):
            promise.signs.append(event.time)

    on_delivery_dispatched = on_delivery_scanned = on_delivery_out_for_delivery = _sign

    def on_delivery_attempted(self, event):
        self._find("attempt_failed", event, class_=event.get("fault"))
        self._sign(event)

    def on_delivery_delivered(self, event):
        promised, delivered = event.get("qty_promised", 1), event.get("qty_delivered", 1)
        if "qty_promised" not in event.data or delivered >= promised:
            for promise in self._spoken_of(event):
                promise.close("kept", event)
            return
        for promise in self._spoken_of(event):
            promise.close("partial", event)
            missing = (promised - delivered) * PPM // promised
            self._find("not_in_full", event, promise.object, magnitude=missing)
            self._momentary.append(event.time)
            self._start("ORDER_FAULT", self.case, event)

    def on_delivery_lost(self, event):
        self._state_fact("parcel_lost", event)
        self._spoil(event)
        for promise in self._spoken_of(event):
            promise.close("lost", event)

    def on_delivery_damaged(self, event):
        self._state_fact("parcel_damaged", event)
        self._spoil(event)

    def on_delivery_wrong_item(self, event):
        self._state_fact("wrong_item", event)
        self._spoil(event)

    # --------------------------------------------------------------------------------- complaints

    def on_complaint_opened(self, event):
        if self._complaint(event) is not None:
            return
        complaint = Complaint(event, self.settings)
        self.complaints[complaint.id] = complaint
        self._find("complaint_opened", event, complaint.object, complaint.kind)
        if complaint.is_question:
            return
        previous, self._last_complaint = self._last_complaint, event
        if previous is not None and event.time - previous.time <= self.settings.repeat_within:
            self._find("repeat_complaint", event, complaint.object)
            self._start("COMPLAINT_REPEATED", complaint.object, event)
        fact = CATEGORY_FACT.get(event.get("category", "other"))
        if fact is not None:
            self._state_fact(fact, event)

    def on_complaint_acknowledged(self, event):
        complaint = self._complaint(event)
        if complaint is not None:
            complaint.stop_run("acknowledge", event)

    def on_complaint_replied(self, event):
        complaint = self._complaint(event)
        if complaint is None or not event.get("public", True):
            return
        complaint.stop_run("acknowledge", event)
        if event.get("by", "human") != "human":
            return
        complaint.answer(event)
        for flag, kind in MANNERS:
            if event.get(flag, False) and kind not in complaint.manners:
                complaint.manners.add(kind)
                self._find(kind, event, complaint.object)

    def on_complaint_customer_replied(self, event):
        complaint = self._complaint(event)
        if complaint is None:
            return
        if complaint.hear(event):
            self._end("CLOSED_UNRESOLVED", complaint.object, event)
        if complaint.messages > self.settings.complaints["free_contacts"]:
            self._find("effort", event, complaint.object, "contact")
        self._findings += sentiment(event, complaint.object)

    def on_complaint_status_changed(self, event):
        complaint = self._complaint(event)
        if complaint is not None and complaint.set_status(event, event.get("status"), soft=True):
            self._end("CLOSED_UNRESOLVED", complaint.object, event)

    def on_complaint_priority_changed(self, event):
        complaint = self._complaint(event)
        if complaint is not None:
            complaint.set_priority(event)

    def on_complaint_reassigned(self, event):
        complaint = self._complaint(event)
        if complaint is None:
            return
        complaint.reassignments += 1
        if event.get("channel_switch", False):
            self._find("effort", event, complaint.object, "channel")
        elif complaint.reassignments > self.settings.complaints["free_handoffs"]:
            self._find("effort", event, complaint.object, "handoff")

    def on_complaint_compensation_paid(self, event):
        kind = event.get("kind")
        complaint = self._complaint(event)
        loss = 0 if complaint is None else complaint.loss
        share = PPM if kind == "replacement" or loss == 0 else min(PPM, event.get("amount_minor", 0) * PPM // loss)
        self._find("compensated", event, f"c:{event.get('complaint_id')}", kind, share)
        self._keep_of_kind(event, "replacement" if kind == "replacement" else "compensation")
        if kind == "coupon":
            self._coupons.append(event)

    def on_complaint_resolved(self, event):
        complaint = self._complaint(event)
        if complaint is not None and complaint.is_open:
            complaint.resolve(event)
            for rule in ("COMPLAINT_REOPENED", "COMPLAINT_REPEATED", "CLOSED_UNRESOLVED"):
                self._end(rule, complaint.object, event)

    def on_complaint_customer_confirmed(self, event):
        complaint = self._complaint(event)
        if complaint is not None:
            complaint.confirm(event)
            self._end("CLOSED_UNRESOLVED", complaint.object, event)

    def _on_objection(self, event, kind):
        complaint = self._complaint(event)
        if complaint is None:
            return
        if not complaint.object_to_solution(event):
            return
        magnitude = complaint.objections - 1 if kind == "reopened" else 0
        self._find(kind, event, complaint.object, complaint.kind, magnitude)
        self._end("CLOSED_UNRESOLVED", complaint.object, event)
        self._start("COMPLAINT_REOPENED", complaint.object, event)

    def on_complaint_customer_rejected(self, event):
        self._on_objection(event, "resolution_rejected")

    def on_complaint_reopened(self, event):
        self._on_objection(event, "reopened")

    def on_complaint_closed(self, event):
        complaint = self._complaint(event)
        if complaint is None or complaint.status == "closed":
            return
        was_open = complaint.is_open
        complaint.set_status(event, "closed")
        for rule in ("COMPLAINT_REOPENED", "COMPLAINT_REPEATED"):
            self._end(rule, complaint.object, event)
        if was_open:
            if not complaint.answers and complaint.unanswered_closing is None:
                complaint.unanswered_closing = event
            self._close_unresolved(complaint, event)

    def _close_unresolved(self, complaint, event):
        if complaint.unresolved_closing is None:
            complaint.unresolved_closing = event
            self._find("closed_unresolved", event, complaint.object, complaint.kind)
            self._start("CLOSED_UNRESOLVED", complaint.object, event)

    def on_complaint_escalated_external(self, event):
        self._find("went_outside", event, f"c:{event.get('complaint_id')}", event.get("body"))

    def on_complaint_proactive_contact(self, event):
        if not self.complaints:
            self._find("proactive_contact", event)

    # -------------------------------------------------------------------------------------- voice

    def _hear_bad_voice(self, object_, event):
        if self._failed_recently(event.time):
            self._start("BAD_VOICE_AFTER_FAILURE", object_, event)

    def on_review_submitted(self, event):
        if event.get("review_id") in self.reviews:
            return
        review = Review(event, self.settings)
        self.reviews[review.id] = review
        if event.get("stars") <= self.settings.voice["bad_stars"]:
            self._hear_bad_voice(review.object, event)

    def _standing_review(self, event):
        review = self.reviews.get(event.get("review_id"))
        return review if review is not None and review.removal is None else None

    def on_review_updated(self, event):
        review = self._standing_review(event)
        if review is None:
            return
        review.version = event
        if event.get("stars") <= self.settings.voice["bad_stars"]:
            self._hear_bad_voice(review.object, event)
        else:
            self._end("BAD_VOICE_AFTER_FAILURE", review.object, event)

    def on_review_removed(self, event):
        review = self._standing_review(event)
        if review is not None:
            review.removal = event
            self._end("BAD_VOICE_AFTER_FAILURE", review.object, event)

    def on_review_replied(self, event):
        review = self._standing_review(event)
        if review is not None and event.get("by", "human") == "human":
            if review.answer is None:
                review.answer = event
            self._end("BAD_VOICE_AFTER_FAILURE", review.object, event)

    def on_survey_answered(self, event):
        survey_id = event.get("survey_id")
        if survey_id in self.surveys:
            self.surveys[survey_id].answer = event
        else:
            self.surveys[survey_id] = Survey(event)
        bad = {"nps": "bad_nps", "csat": "bad_csat"}.get(event.get("instrument"))
        if bad is None or event.get("score") > self.settings.voice[bad]:
            return
        self._hear_bad_voice(f"s:{survey_id}", event)
        complaint = self._complaint(event)
        if event.get("instrument") == "csat" and complaint is not None:
            self._close_unresolved(complaint, event)

    # ---------------------------------------------------------------------------------- behaviour

    def on_customer_referred(self, event):
        self._find("referred", event)

    def on_customer_subscription_cancelled(self, event):
        self._find("subscription_cancelled", event)

    def on_customer_account_closed(self, event):
        self._find("account_closed", event)

    def on_customer_status_checked(self, event):
        self._status_checks += 1
        if self._status_checks > self.settings.promises["free_checks"]:
            self._find("checking_up", event)

    def on_outreach_sent(self, event):
        names_something = "order_id" in event.data or "complaint_id" in event.data
        if names_something and event.get("kind", "other") in ("thanks", "aftercare"):
            self._find("outreach", event)

    def on_coupon_issued(self, event):
        self._coupons.append(event)

    # ----------------------------------------------------------------------------------- failures

    def _lasting_failures(self):
        """[start, end) of the lasting failures, as things stand (6.6)."""
        for promise in self.promises.values():
            yield from promise.failures()
        for complaint in self.complaints.values():
            if not complaint.is_question:
                for start, end in complaint.periods:
                    yield start, INFINITY if end is None else end

    def _fails_at(self, x):
        return any(start <= x < end for start, end in self._lasting_failures())

    def _failed_recently(self, x):
        since = x - self.settings.failure_memory
        return any(start <= x and end > since for start, end in self._lasting_failures()) or any(
            since < time <= x for time in self._momentary
        )

    def _coupon_findings(self):
        for event in self._coupons:
            stamp = event.time + self.settings.fix_within
            if self._fails_at(event.time) and self._fails_at(stamp):
                yield Finding("coupon_instead_of_fix", self.case, stamp, (event.name,))
