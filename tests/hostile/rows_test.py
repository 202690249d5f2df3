"""Every row of the validation table (TRUST_MODEL 3.5, 2.4, 3.6), at, below and above its limits, through the real binary.

Each case is a sentence, a message and the reason (with its field) that must stand in deadletters.ndjson, or None: applied.
The whole table is one file and one replay, so a bad line beside good ones is part of the test; the oracle reads the same file.
A reason that no case provokes fails the suite.
"""

import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scenarios"))

import engine  # noqa: E402
from engine import DEFAULT_POLICY, Result, load_policy  # noqa: E402
from events import CATALOGUE  # noqa: E402  (the oracle's)

REASONS = {"too_large", "malformed", "unknown_type", "bad_time", "missing_field", "bad_value", "future", "late", "erased", "cap",
    "conflict"}
DAY = "2026-01-05T10:00:00Z"
HORIZON = 1_767_693_600_000_000  # 2026-01-06T10:00:00Z
HORIZON_TEXT = "2026-01-06T10:00:00Z"
MOST_BYTES = 65_536
CAP = 16  # of each of the three caps: small ones keep the oracle quick
ABSENT = object()


class Table:
    """Cases in the order of the file; every case has a customer and a name of its own unless it says otherwise."""

    def __init__(self):
        self.cases = []  # (sentence, bytes, reason or None, field or None)

    def raw(self, sentence, message, reason=None, field=None):
        self.cases.append((sentence, message, reason, field))

    def event(self, sentence, reason=None, field=None, type_="customer.referred", data=None, **attributes):
        number = len(self.cases)
        event = {"specversion": "1.0", "source": "shop", "id": f"e{number}", "type": type_, "time": DAY, "subject": f"c{number}"}
        if data is not None:
            event["data"] = data
        event.update(attributes)
        event = {name: value for name, value in event.items() if value is not ABSENT}
        self.raw(sentence, json.dumps(event, ensure_ascii=False).encode(), reason, field)

    def text(self, sentence, extra, reason=None, field=None):
        """A good event with some JSON text added as it is."""
        number = len(self.cases)
        head = f'{{"specversion":"1.0","source":"shop","id":"e{number}","type":"customer.referred","time":"{DAY}","subject":"c{number}"'
        self.raw(sentence, head.encode() + extra + b"}", reason, field)


def size_rows(table):
    for sentence, size, reason in (("one byte below the limit", -1, None), ("at the limit", 0, None),
        ("one byte above it", 1, "too_large")):
        number = len(table.cases)
        head = f'{{"specversion":"1.0","source":"shop","id":"e{number}","type":"customer.referred","time":"{DAY}"'
        head += f',"subject":"c{number}","x":"'
        pad = b"a" * (MOST_BYTES + size - len(head) - 2)
        table.raw(f"a message of 65,536 bytes, {sentence}", head.encode() + pad + b'"}', reason)
    table.raw("too large comes before malformed", b"[" * (MOST_BYTES + 1), "too_large")


def syntax_rows(table):
    for sentence, message in (
        ("text that is not JSON", b"hello"), ("an array", b"[]"), ("a string", b'"x"'), ("a number", b"1"), ("null", b"null"),
        ("two objects on a line", b"{}{}"), ("an object cut short", b'{"specversion":"1.0"'), ("an empty object", b"{}"),
    ):
        table.raw(f"{sentence} is malformed", message, "malformed")
    for sentence, extra, reason in (
        ("a byte that is not UTF-8", b',"x":"\xff"', "malformed"), ("an overlong form", b',"x":"\xc0\xaf"', "malformed"),
        ("a surrogate in UTF-8", b',"x":"\xed\xa0\x80"', "malformed"),
        ("a code point past the last", b',"x":"\xf4\x90\x80\x80"', "malformed"),
        ("the last code point", b',"x":"\xf4\x8f\xbf\xbf"', None), ("a key twice", b',"x":1,"x":1', "malformed"),
        ("a key twice, once escaped", b',"x":1,"\\u0078":1', "malformed"),
        ("a key twice further in", b',"x":{"a":[{"b":1,"b":2}]}', "malformed"),
        ("the same key in two objects", b',"x":{"x":1}', None), ("NaN", b',"x":NaN', "malformed"),
        ("Infinity", b',"x":Infinity', "malformed"),
        ("-Infinity", b',"x":-Infinity', "malformed"), ("an unpaired high surrogate", b',"x":"\\ud800"', "malformed"),
        ("an unpaired low surrogate", b',"x":"\\udc00"', "malformed"),
        ("surrogates in the wrong order", b',"x":"\\udc00\\ud800"', "malformed"),
        ("an unpaired surrogate in a key", b',"\\ud800":1', "malformed"), ("a pair of surrogates", b',"x":"\\ud83d\\ude00"', None),
        ("63 levels within the message", b',"x":' + b"[" * 63 + b"]" * 63, None),
        ("64 levels within the message", b',"x":' + b"[" * 64 + b"]" * 64, "malformed"),
        ("63 levels of objects within", b',"x":' + b'{"a":' * 62 + b"{}" + b"}" * 62, None),
        ("64 levels of objects within", b',"x":' + b'{"a":' * 63 + b"{}" + b"}" * 63, "malformed"),
        ("a control character as it is", b',"x":"\x01"', "malformed"), ("a huge unknown number", b',"x":' + b"9" * 1000, None),
        ("an unknown number past every exponent", b',"x":1e999999', None),
    ):
        table.text(f"{sentence}: {reason or 'fine'}", extra, reason)


def attribute_rows(table):
    for sentence, value, reason in (("1.0 is the version", "1.0", None), ("no version", ABSENT, "malformed"),
        ("version 1.1", "1.1", "malformed"), ("a numeric version", 1.0, "malformed")):
        table.event(sentence, reason, "specversion" if reason else None, specversion=value)
    for name, most in (("source", 256), ("id", 128), ("subject", 128), ("tenantid", 128)):
        bad = [("empty", ""), (f"of {most + 1} bytes", "a" * (most + 1)),
            (f"of {most + 1} bytes in fewer letters", "é" * (most // 2) + "a"),
               ("with a control character", "a\x1fb"), ("with a DEL", "a\x7fb"), ("that is a number", 7), ("that is a list", [])]
        good = [(f"of {most - 1} bytes", "b" * (most - 1)), (f"of {most} bytes", "c" * most),
            (f"of {most} bytes in fewer letters", "é" * (most // 2)), ("of one byte", "d")]
        if name == "source":
            bad.append(("with a space", "a b"))
        (good if name == "tenantid" else bad).extend([("that is absent", ABSENT), ("that is null", None)])
        for words, value in bad:
            table.event(f"a {name} {words} is malformed", "malformed", name, **{name: value})
        for words, value in good:
            table.event(f"a {name} {words} is fine", **{name: value})
    for words, value in (("absent", ABSENT), ("a number", 1), ("null", None)):
        table.event(f"a type that is {words} is malformed", "malformed", "type", type=value)
    for words, value, reason in (("a list", [], "malformed"), ("a string", "x", "malformed"), ("null", None, None), ("empty", {}, None)):
        table.event(f"data that is {words}: {reason or 'fine'}", reason, "data" if reason else None, **{"data": value})
    for value in ("customer.Referred", "customer.referred ", "", "x"):
        table.event(f"the type {value!r} is unknown", "unknown_type", type=value)
    table.event("an unknown type comes before a bad time", "unknown_type", type="x", time="y")


def time_rows(table):
    for value in (ABSENT, None, 1, "", "2026-01-05", "2026-01-05T10:00:00", "2026-01-05t10:00:00Z", "2026-01-05T10:00:00z",
        "2026-01-05 10:00:00Z",
                  "2026-01-05T10:00:60Z", "2026-01-05T24:00:00Z", "2026-02-29T10:00:00Z", "2026-13-01T10:00:00Z", "2026-01-05T10:00:00.Z",
                  "2026-01-05T10:00:00.1234567890Z", "2026-01-05T10:00:00+24:00", "2026-01-05T10:00:00+01:60", "1969-12-31T23:59:59Z",
                      "2100-01-01T00:00:00Z"):
        words = "absent" if value is ABSENT else repr(value)
        table.event(f"the time {words} is bad", "bad_time", None, time=value)
    for value in ("2026-01-05T10:00:00.1Z", "2026-01-05T10:00:00.123456789Z", "2026-01-05T10:00:59+00:00", "2026-01-05T23:59:00+23:59",
        "2026-01-05T00:01:00-23:59"):
        table.event(f"the time {value} is good", time=value)
    table.event("the first instant is a time, only late", "late", time="1970-01-01T00:00:00Z")
    table.event("the last instant is a time, only future", "future", time="2099-12-31T23:59:59.999999Z")


GOOD = {"money": 10**15, "ppm": 10**6, "sppm": -(10**6), "bool": True, "id": "x" * 128, "time": DAY}
NOT_OF_KIND = {
    "money": (-1, 10**15 + 1, 1.0, "1", True), "bool": (0, "true", []), "time": ("x", 1), "id": ("", "x" * 129, "a\x01", 5, {}),
    "items": ([], {}, "x"),
}


def good_value(kind):
    if kind in GOOD:
        return GOOD[kind]
    return int(kind.split("..")[1]) if ".." in kind else kind.split("|")[0]


def bad_values(kind):
    if kind in NOT_OF_KIND:
        return NOT_OF_KIND[kind]
    if ".." in kind:
        least, greatest = map(int, kind.split(".."))
        return least - 1, greatest + 1, 1.5, str(least), True
    return kind.split("|")[0].upper(), "", 1


def field_rows(table):
    """Each field of each type: absent, null, of the wrong kind, outside of its range, at its limit."""
    for type_, (_, fields) in CATALOGUE.items():
        if type_ in ("customer.erased", "survey.answered"):
            continue
        data = {}
        for name, kind, required in fields:
            if kind == "DUE":
                data["due_at"] = "2026-01-09T09:00:00Z"
            elif required or name.startswith("qty_"):
                data[name] = good_value(kind)
        if type_ == "complaint.proactive_contact":
            data["order_id"] = "o"
        table.event(f"{type_} with its required fields is fine", type_=type_, data=data)
        for name, kind, required in fields:
            if kind == "DUE":
                continue
            table.event(f"{type_} with {name} at its limit is fine", type_=type_, data={**data, name: good_value(kind)})
            for value in bad_values(kind):
                table.event(f"{type_} with {name} {str(value)[:20]!r} is bad", "bad_value", name, type_, {**data, name: value})
            if required:
                table.event(f"{type_} with {name} null", "missing_field", name, type_, {**data, name: None})
                table.event(f"{type_} without {name}", "missing_field", name, type_, {k: v for k, v in data.items() if k != name})


def due_rows(table):
    for words, due, reason, field in (
        ("none", {}, "missing_field", "due_at"), ("a date alone", {"due_date": "2026-01-09"}, "bad_value", "due_at"),
        ("a zone alone", {"due_zone": "UTC"}, "bad_value", "due_at"),
        ("both kinds", {"due_at": DAY, "due_date": "2026-01-09", "due_zone": "UTC"}, "bad_value", "due_at"),
        ("a date and zone", {"due_date": "2026-01-09", "due_zone": "UTC"}, None, None),
        ("the event's own time", {"due_at": DAY}, None, None),
        ("a second before the event", {"due_at": "2026-01-05T09:59:59Z"}, "bad_value", "due_at"),
        ("no time", {"due_at": "x"}, "bad_value", "due_at"),
        ("the day before", {"due_date": "2026-01-04", "due_zone": "UTC"}, "bad_value", "due_at"),
        ("the last date", {"due_date": "2099-12-30", "due_zone": "UTC"}, None, None),
        ("past the last date", {"due_date": "2099-12-31", "due_zone": "UTC"}, "bad_value", "due_date"),
        ("before the first date", {"due_date": "1970-01-01", "due_zone": "UTC"}, "bad_value", "due_date"),
        ("no date", {"due_date": "2026-02-30", "due_zone": "UTC"}, "bad_value", "due_date"),
        ("no zone", {"due_date": "2026-01-09", "due_zone": "Moon/Base"}, "bad_value", "due_zone"),
        ("a path for a zone", {"due_date": "2026-01-09", "due_zone": "../../etc/passwd"}, "bad_value", "due_zone"),
    ):
        table.event(f"a promise due: {words}: {reason or 'fine'}", reason, field, "delivery.promised",
            {"order_id": "o", "promise_id": "p", **due})


def combination_rows(table):
    for present, other in (("qty_delivered", "qty_promised"), ("qty_promised", "qty_delivered")):
        table.event(f"{present} without {other}", "missing_field", other, "delivery.delivered", {"order_id": "o", present: 1})
    table.event("a contact about nothing", "missing_field", "order_id", "complaint.proactive_contact", {})
    table.event("a contact about a complaint", type_="complaint.proactive_contact", data={"complaint_id": "k"})
    item = {"dimension": "empathy", "score": 7}

    def survey(words, instrument, reason=None, field=None, **more):
        table.event(f"a survey {instrument} with {words}: {reason or 'fine'}", reason, field, "survey.answered",
            {"survey_id": "s", "instrument": instrument, **more})

    for instrument, least, most in (("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7)):
        for score, reason in ((least - 1, "bad_value"), (least, None), (most, None), (most + 1, "bad_value")):
            survey(f"score {score}", instrument, reason, "score" if reason else None, score=score)
        survey("no score", instrument, "missing_field", "score")
        survey("items too", instrument, "bad_value", "items", score=least, items=[item])
    survey("no items", "servqual", "missing_field", "items")
    survey("a score too", "servqual", "bad_value", "score", items=[item], score=3)
    for count, reason in ((0, "bad_value"), (1, None), (50, None), (51, "bad_value")):
        survey(f"{count} items", "servqual", reason, "items" if reason else None, items=[item] * count)
    for words, change, reason in (
        ("score 0", {"score": 0}, "bad_value"), ("score 1", {"score": 1}, None), ("score 8", {"score": 8}, "bad_value"),
        ("weight 0", {"weight": 0}, "bad_value"), ("weight 1", {"weight": 1}, None), ("weight 1000", {"weight": 1000}, None),
        ("weight 1001", {"weight": 1001}, "bad_value"), ("no dimension", {"dimension": "x"}, "bad_value"),
    ):
        survey(f"an item of {words}", "servqual", reason, "items" if reason else None, items=[{**item, **change}])
    survey("an unknown instrument", "other", "bad_value", "instrument", score=1)
    for words, labels, reason in (
        ("eight", {f"k{n}": "v" for n in range(8)}, None), ("nine", {f"k{n}": "v" for n in range(9)}, "bad_value"), ("none", {}, None),
        ("a key of 32 bytes", {"k" * 32: "v"}, None), ("a key of 33 bytes", {"k" * 33: "v"}, "bad_value"),
        ("an empty key", {"": "v"}, "bad_value"),
        ("a value of 128 bytes", {"k": "v" * 128}, None), ("a value of 129 bytes", {"k": "v" * 129}, "bad_value"),
        ("an empty value", {"k": ""}, "bad_value"),
        ("a control character", {"k": "\x1f"}, "bad_value"), ("a number", {"k": 1}, "bad_value"), ("a list", [], "bad_value"),
    ):
        table.event(f"labels: {words}: {reason or 'fine'}", reason, "labels" if reason else None, data={"labels": labels})


def admission_rows(table):
    """All with one input: engine time is the greatest time so far (2026-01-06T10:05:00Z from the row that sets it)."""
    table.event("at the horizon plus skew", time="2026-01-06T10:05:00Z")
    # One partition only (the test asks for it), so the row above set the engine time of all that follow.
    table.event("a microsecond past it", "future", time="2026-01-06T10:05:00.000001Z")
    table.event("exactly as old as lateness allows", time="2025-11-22T10:05:00Z")
    table.event("a microsecond older", "late", time="2025-11-22T10:04:59.999999Z")
    for number in range(CAP + 1):
        table.event(f"update {number + 1} of a customer", "cap" if number == CAP else None, type_="customer.updated", subject="many",
            data={"ltv_minor": number})
        table.event(f"event {number + 1} of a case", "cap" if number == CAP else None, type_="order.payment_disputed", subject="full",
            data={"order_id": "o"})
    for number in range(CAP + 1):
        table.event(f"case {number + 1} of a customer", "cap" if number == CAP else None, type_="order.payment_disputed", subject="wide",
            data={"order_id": f"o{number}"})
    order = {"order_id": "o"}
    table.event("the first of two of one name", None, None, "order.payment_disputed", order, subject="two", id="same", time=DAY)
    table.event("a later, different one of the same name", "conflict", None, "order.payment_disputed", order, subject="two", id="same",
        time="2026-01-05T11:00:00Z")
    table.event("an erasure", type_="customer.erased", subject="gone", time="2026-01-06T09:00:00Z")
    table.event("an event of an erased customer before the erasure", "erased", subject="gone", time=DAY)
    table.event("an old event of an erased customer is erased, not late", "erased", subject="gone", time="2020-01-01T00:00:00Z")


def build_table():
    table = Table()
    for rows in (size_rows, syntax_rows, attribute_rows, time_rows, field_rows, due_rows, combination_rows, admission_rows):
        rows(table)
    return table


class Rows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory(prefix="troth-rows-")
        cls.addClassCleanup(cls._folder.cleanup)
        folder = pathlib.Path(cls._folder.name)
        cls.table = build_table()
        lines = [message for _, message, _, _ in cls.table.cases]
        cls.duplicate_of = lines[-3 - 2]  # the first of the conflicting pair: valid, and seen before
        lines.append(cls.duplicate_of)
        cls.file = engine.write_lines(folder / "rows.ndjson", lines)
        overlay = folder / "caps.yaml"
        overlay.write_text(f"global: {{case_events: {CAP}, open_cases: {CAP}, customer_events: {CAP}}}\n", encoding="utf-8")
        options = ("--overlay", overlay, "--partitions", 1, "--workers", 1, "--horizon", HORIZON_TEXT, "--out", folder / "out")
        cls.summary = engine.replay([cls.file], *options)
        cls.letters = {letter["offset"]: letter for letter in engine.dead_letter_lines(folder / "out")}
        cls.oracle = Result([str(cls.file)], load_policy(str(DEFAULT_POLICY), str(overlay)), (), 1, HORIZON)

    def test_each_row_gives_its_reason_and_nothing_else(self):
        for offset, (sentence, _, reason, field) in enumerate(self.table.cases):
            with self.subTest(sentence):
                letter = self.letters.get(offset, {})
                self.assertEqual(letter.get("reason"), reason)
                if reason in ("missing_field", "bad_value"):
                    self.assertEqual(letter.get("field"), field)

    def test_dead_letters_carry_the_raw_event_unless_it_is_erased_or_too_large(self):
        for offset, letter in self.letters.items():
            with self.subTest(self.table.cases[offset][0]):
                self.assertEqual(letter["topic"], str(self.file))
                without = letter["reason"] in ("erased", "too_large")
                self.assertEqual(len([name for name in letter if name.startswith("raw")]), 0 if without else 1)

    def test_every_reason_of_the_table_was_provoked(self):
        self.assertEqual({letter["reason"] for letter in self.letters.values()}, REASONS)
        self.assertEqual({reason for _, _, reason, _ in self.table.cases if reason}, REASONS)

    def test_the_accounting_closes(self):
        found = self.summary
        self.assertEqual(found["events"], len(self.table.cases) + 1)
        self.assertEqual(found["events"], found["applied"] + found["duplicates"] + sum(found["dead_letters"].values()))
        self.assertEqual(found["duplicates"], 1)
        self.assertEqual(sum(found["dead_letters"].values()), len(self.letters))

    def test_the_oracle_counts_the_same(self):
        expected = self.oracle.summary()
        for name in ("events", "applied", "duplicates", "customers", "policy"):
            with self.subTest(name):
                self.assertEqual(self.summary[name], expected[name])
        self.assertEqual({k: n for k, n in self.summary["dead_letters"].items() if n}, expected["dead_letters"])

    def test_strict_ends_with_4_and_validate_too(self):
        done = engine.run("replay", "--strict", "--horizon", HORIZON_TEXT, "--partitions", 1, self.file)
        self.assertEqual(done.returncode, 4)
        self.assertEqual(engine.run("validate", self.file).returncode, 4)


if __name__ == "__main__":
    unittest.main()
