"""What a fold yields: findings with their order (TRUST_MODEL 6.0, 6.7) and alert intervals (10.2)."""

from typing import NamedTuple, Optional

KINDS = (
    "promise_kept", "repromise_kept", "repromised_early", "repromised_late", "promise_silent",
    "promise_late", "repromise_late", "promise_missing", "promise_withdrawn", "order_withdrawn",
    "not_in_full", "parcel_lost", "parcel_damaged", "wrong_item", "attempt_failed",
    "proactive_contact", "checking_up", "price_kept", "hidden_fee", "terms_worsened",
    "terms_improved", "misrepresented", "quality_defect", "complaint_opened", "rudeness",
    "repeat_complaint", "acknowledged_on_time", "acknowledge_overdue", "first_reply_on_time",
    "first_reply_overdue", "next_reply_on_time", "next_reply_overdue", "update_overdue",
    "complaint_ignored", "resolved_on_time", "first_contact_fix", "resolution_overdue",
    "resolution_rejected", "reopened", "closed_unresolved", "effort", "apology", "reason_given",
    "personal_care", "compensated", "went_outside", "coupon_instead_of_fix", "stars", "nps", "csat",
    "ces", "servqual_reliability", "servqual_responsiveness", "servqual_assurance",
    "servqual_empathy", "servqual_tangibles", "sentiment_good", "sentiment_bad", "review_answered",
    "review_unanswered", "order_placed", "premium_paid", "new_category", "order_cancelled",
    "order_returned", "referred", "account_closed", "subscription_cancelled", "outreach", "kept_late",
)
KIND_NUMBER = {kind: number for number, kind in enumerate(KINDS)}


class Finding(NamedTuple):
    """A fact with the stamp at which it becomes true."""

    kind: str
    object: str
    stamp: int
    events: tuple
    class_: str = ""
    magnitude: int = 0
    lead: int = 0
    excused: bool = False

    @property
    def order(self):
        """The order of findings within a case (6.0)."""
        return (self.stamp, KIND_NUMBER[self.kind], self.object, self.magnitude, self.lead, self.events)


class Interval(NamedTuple):
    """A case rule's alert: active in [start, end), or until the case expires if end is None."""

    rule: str
    object: str
    start: int
    end: Optional[int]
    events: tuple
    stages: tuple = ()  # the stamps of the stages that escalate it (10.5)
    told: bool = True  # False: one more for a date the customer was not told about
    excused: bool = False  # True: one less
