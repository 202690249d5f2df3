"""Events: the catalogue, validation and normalisation of one message (TRUST_MODEL 3.1 - 3.5).

`read_event(bytes)` gives an `Event` or raises `Rejected` with the reason of rows 1 - 5.
"""

import json
import re
from datetime import date, timedelta

from calendars import is_zone, parse_date, parse_time, wall_to_instant
from policy import canonical_json

MAX_BYTES = 65_536
MAX_LEVELS = 64
FIRST_DUE_DATE, LAST_DUE_DATE = date(1970, 1, 2), date(2099, 12, 30)

_CONTROL = re.compile("[\x00-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Rejected(Exception):
    """A message that is no valid event."""

    def __init__(self, reason, field=None):
        super().__init__(reason, field)
        self.reason = reason
        self.field = field


class Event:
    """A valid event with normalised data.  Its sort key is the canonical order (3.3)."""

    __slots__ = ("time", "rank", "source", "id", "type", "tenant", "customer", "data", "labels", "key", "name")

    def __init__(self, time, rank, source, id_, type_, tenant, customer, data, labels):
        self.time = time
        self.rank = rank
        self.source = source
        self.id = id_
        self.type = type_
        self.tenant = tenant
        self.customer = customer
        self.data = data
        self.labels = labels
        # Strings compare by code point, which is the order of their UTF-8 bytes.
        self.key = (time, rank, source, id_, canonical_json([data, labels]))
        self.name = f"{source} {id_}"  # 3.2

    def get(self, field, default=None):
        return self.data.get(field, default)


# --------------------------------------------------------------------------------------- catalogue

# rank order; `!` = required; a field without a kind is an id.
_CATALOGUE = """
customer.updated            segment, ltv_minor money
order.placed                order_id!, total_minor! money, discount_minor money, discount_purpose acquisition|retention|clearance|season|compensation|other, captive bool, new_category bool, premium bool
delivery.promised           order_id!, promise_id!, DUE, express bool
order.charged               order_id!, amount_minor! money, quoted_minor! money, consented bool
order.terms_changed         order_id, adverse! bool, consented! bool
order.refund_promised       order_id!, promise_id!, DUE
delivery.repromised         order_id!, promise_id!, DUE, notified bool, by_customer bool
delivery.notified           order_id!, promise_id, kind! delay|progress, option_offered bool
delivery.excused            order_id!, promise_id, cause! weather|strike|customs|authority|customer
delivery.dispatched         order_id!, promise_id
delivery.scanned            order_id!, promise_id
delivery.out_for_delivery   order_id!, promise_id
delivery.attempted          order_id!, promise_id, fault! carrier|customer|other
delivery.delivered          order_id!, promise_id, qty_delivered 0..1000000, qty_promised 1..1000000
delivery.lost               order_id!, promise_id
delivery.damaged            order_id!, promise_id, part basic|auxiliary
delivery.wrong_item         order_id!, promise_id
promise.made                promise_id!, kind! refund|compensation|replacement|warranty|repair|callback|update, DUE, order_id, complaint_id
promise.changed             promise_id!, DUE, notified bool, by_customer bool, order_id, complaint_id
promise.excused             promise_id!, cause! weather|strike|customs|authority|customer, order_id, complaint_id
promise.kept                promise_id!, order_id, complaint_id
promise.withdrawn           promise_id!, order_id, complaint_id
order.refunded              order_id!, promise_id
order.cancelled             order_id!, by! customer|merchant|system, reason! late|distrust|price|changed_mind|stock|fraud|other
order.return_requested      order_id!, reason! defect|damaged|not_as_described|wrong_item|late|no_need|other, part basic|auxiliary
order.payment_disputed      order_id!
complaint.opened            complaint_id!, order_id, kind complaint|question|claim, category delivery|quality|billing|misrepresentation|rude_staff|other, priority low|normal|high|urgent, loss_minor money, part basic|auxiliary
complaint.acknowledged      complaint_id!, order_id
complaint.replied           complaint_id!, order_id, by human|auto, public bool, apology bool, reason_given bool, personalised bool
complaint.customer_replied  complaint_id!, order_id, sentiment_ppm -1000000..1000000, confidence_ppm 0..1000000
complaint.status_changed    complaint_id!, order_id, status! new|open|awaiting_customer|awaiting_third_party|on_hold
complaint.priority_changed  complaint_id!, order_id, priority! low|normal|high|urgent
complaint.reassigned        complaint_id!, order_id, channel_switch bool
complaint.compensation_promised complaint_id!, promise_id!, order_id, kind! cash|replacement|points|coupon, DUE
complaint.compensation_paid complaint_id!, promise_id, order_id, kind! cash|replacement|points|coupon, amount_minor money
complaint.resolved          complaint_id!, order_id
complaint.customer_confirmed complaint_id!, order_id
complaint.customer_rejected complaint_id!, order_id
complaint.reopened          complaint_id!, order_id
complaint.closed            complaint_id!, order_id
complaint.escalated_external complaint_id!, order_id, body! regulator|ombudsman|court|press|chargeback
complaint.proactive_contact order_id, complaint_id
review.submitted            review_id!, order_id, stars! 1..5, verified bool, sentiment_ppm -1000000..1000000, confidence_ppm 0..1000000
review.updated              review_id!, order_id, stars! 1..5, sentiment_ppm -1000000..1000000, confidence_ppm 0..1000000
review.removed              review_id!, order_id
review.replied              review_id!, order_id, by human|auto
survey.answered             survey_id!, order_id, complaint_id, instrument! nps|csat|ces|servqual, score 0..10, items items
customer.referred
customer.status_checked     order_id
customer.subscription_cancelled
customer.account_closed
outreach.sent               order_id, complaint_id, kind thanks|aftercare|other
coupon.issued               order_id, complaint_id
alert.acted                 alert_id!, action! acknowledge|snooze|assign|mute|close, actor, assignee, until time, note_code
customer.erased
"""


def _parse_catalogue(text):
    catalogue = {}
    for rank, line in enumerate(text.strip().splitlines()):
        type_, _, rest = line.partition(" ")
        fields = []
        for part in filter(None, (p.strip() for p in rest.split(","))):
            name, _, kind = part.partition(" ")
            fields.append((name.rstrip("!"), kind or ("DUE" if name == "DUE" else "id"), name.endswith("!")))
        catalogue[type_] = (rank, fields)
    return catalogue


CATALOGUE = _parse_catalogue(_CATALOGUE)

SERVQUAL_DIMENSIONS = ("reliability", "responsiveness", "assurance", "empathy", "tangibles")
_SURVEY_RANGE = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}

# -------------------------------------------------------------------------------------------- JSON

# Longer integers are out of every range, and Python refuses very long ones.
_LONGEST_INTEGER = 30


def _read_integer(text):
    return int(text) if len(text) <= _LONGEST_INTEGER else float("inf")


def _refuse_constant(_):
    raise Rejected("malformed")


def _object(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Rejected("malformed")
    return result


def _check_strings_and_depth(value, level):
    """No unpaired surrogate anywhere, not more than 64 levels (3.5 row 2)."""
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise Rejected("malformed")
        return
    if not isinstance(value, (dict, list)):
        return
    if level > MAX_LEVELS:
        raise Rejected("malformed")
    if isinstance(value, dict):
        for key in value:
            _check_strings_and_depth(key, level + 1)
        value = value.values()
    for inner in value:
        _check_strings_and_depth(inner, level + 1)


def read_json_object(message):
    """The message as a JSON object, or `Rejected` by rows 1 and 2 (syntax only)."""
    if len(message) > MAX_BYTES:
        raise Rejected("too_large")
    try:
        value = json.loads(
            message.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_read_integer,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError):
        raise Rejected("malformed") from None
    if not isinstance(value, dict):
        raise Rejected("malformed")
    _check_strings_and_depth(value, 1)
    return value


# -------------------------------------------------------------------------------------- validation


def _is_text(value, longest):
    return isinstance(value, str) and 1 <= len(value.encode()) <= longest and not _CONTROL.search(value)


def _is_integer(value, least, greatest):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= greatest


def _attributes(message):
    """The attributes of a CloudEvent (3.1), in the order of 3.5 row 2."""
    if message.get("specversion") != "1.0":
        raise Rejected("malformed", "specversion")
    source = message.get("source")
    if not _is_text(source, 256) or " " in source:
        raise Rejected("malformed", "source")
    for name in ("id", "subject"):
        if not _is_text(message.get(name), 128):
            raise Rejected("malformed", name)
    tenant = message.get("tenantid")
    tenant = "default" if tenant is None else tenant
    if not _is_text(tenant, 128):
        raise Rejected("malformed", "tenantid")
    type_ = message.get("type")
    if not isinstance(type_, str) or _CONTROL.search(type_):
        raise Rejected("malformed", "type")
    data = message.get("data")
    data = {} if data is None else data
    if not isinstance(data, dict):
        raise Rejected("malformed", "data")
    return source, message["id"], message["subject"], tenant, type_, data


def _field_value(name, kind, value):
    """The normalised value of one field, or `Rejected` (3.5 row 5)."""
    if kind == "id":
        fits = _is_text(value, 128)
    elif kind == "bool":
        fits = isinstance(value, bool)
    elif kind == "money":
        fits = _is_integer(value, 0, 10**15)
    elif kind == "time":
        value = parse_time(value)
        fits = value is not None
    elif kind == "items":
        return _items(value)
    elif ".." in kind:
        least, greatest = kind.split("..")
        fits = _is_integer(value, int(least), int(greatest))
    else:
        fits = isinstance(value, str) and value in kind.split("|")
    if not fits:
        raise Rejected("bad_value", name)
    return value


def _items(value):
    if not isinstance(value, list) or not 1 <= len(value) <= 50:
        raise Rejected("bad_value", "items")
    items = []
    for item in value:
        if not isinstance(item, dict):
            raise Rejected("bad_value", "items")
        weight = item.get("weight")
        weight = 1 if weight is None else weight
        dimension, score = item.get("dimension"), item.get("score")
        if not (
            isinstance(dimension, str)
            and dimension in SERVQUAL_DIMENSIONS
            and _is_integer(score, 1, 7)
            and _is_integer(weight, 1, 1000)
        ):
            raise Rejected("bad_value", "items")
        items.append({"dimension": dimension, "score": score, "weight": weight})
    return items


def _due_fields(data):
    """The due fields, each by itself (3.4): (due_at, due_date, due_zone), None if not given."""
    due_at = data.get("due_at")
    if due_at is not None:
        due_at = _field_value("due_at", "time", due_at)
    due_date = data.get("due_date")
    if due_date is not None:
        due_date = parse_date(due_date)
        if due_date is None or not FIRST_DUE_DATE <= due_date <= LAST_DUE_DATE:
            raise Rejected("bad_value", "due_date")
    due_zone = data.get("due_zone")
    if due_zone is not None and not is_zone(due_zone):
        raise Rejected("bad_value", "due_zone")
    return due_at, due_date, due_zone


def _resolve_due(due_at, due_date, due_zone, event_time):
    """The due time, once the fields go together (3.4)."""
    if due_at is None and due_date is None and due_zone is None:
        raise Rejected("missing_field", "due_at")
    if due_at is not None:
        right = due_date is None and due_zone is None
    else:
        right = due_date is not None and due_zone is not None
    if not right:
        raise Rejected("bad_value", "due_at")
    if due_at is None:
        # The end of that day where the customer is.
        due_at = wall_to_instant(due_zone, due_date + timedelta(days=1), 0) - 1
    if due_at < event_time:
        raise Rejected("bad_value", "due_at")
    return due_at


def _check_together(type_, data):
    """What several fields must be together (3.5 row 5, after the single fields)."""
    if type_ == "delivery.delivered":
        for one, other in (("qty_delivered", "qty_promised"), ("qty_promised", "qty_delivered")):
            if one in data and other not in data:
                raise Rejected("missing_field", other)
    elif type_ == "complaint.proactive_contact":
        if "order_id" not in data and "complaint_id" not in data:
            raise Rejected("missing_field", "order_id")
    elif type_ == "survey.answered":
        needed, unwanted = ("items", "score") if data["instrument"] == "servqual" else ("score", "items")
        if needed not in data:
            raise Rejected("missing_field", needed)
        if unwanted in data:
            raise Rejected("bad_value", unwanted)
        if needed == "score":
            least, greatest = _SURVEY_RANGE[data["instrument"]]
            if not least <= data["score"] <= greatest:
                raise Rejected("bad_value", "score")


def _labels(data):
    labels = data.get("labels")
    if labels is None:
        return {}
    fits = (
        isinstance(labels, dict)
        and len(labels) <= 8
        and all(_is_text(k, 32) and _is_text(v, 128) for k, v in labels.items())
    )
    if not fits:
        raise Rejected("bad_value", "labels")
    return labels


def _normalise(type_, fields, data, event_time):
    normalised = {}
    due = None
    for name, kind, required in fields:
        if kind == "DUE":
            due = _due_fields(data)
            continue
        value = data.get(name)
        if value is not None:
            normalised[name] = _field_value(name, kind, value)
        elif required:
            raise Rejected("missing_field", name)
    if due is not None:
        normalised["due_at"] = _resolve_due(*due, event_time)
    _check_together(type_, normalised)
    return normalised


def read_event(message):
    """The event in a message (bytes), or `Rejected` by rows 1 - 5 of 3.5."""
    return event_of_object(read_json_object(message))


def event_of_object(message):
    """The event in a parsed JSON object, or `Rejected` by rows 2 - 5 of 3.5."""
    source, id_, subject, tenant, type_, data = _attributes(message)
    if type_ not in CATALOGUE:
        raise Rejected("unknown_type")
    time = parse_time(message.get("time"))
    if time is None:
        raise Rejected("bad_time")
    rank, fields = CATALOGUE[type_]
    normalised = _normalise(type_, fields, data, time)
    return Event(time, rank, source, id_, type_, tenant, subject, normalised, _labels(data))
