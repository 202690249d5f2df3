#!/usr/bin/env python3
"""`troth run` against a real Kafka broker: what it leaves on its topics is what a replay of the same events says.

One broker for all tests, topics of its own for each test. Real event streams and made-up histories go through the five
input topics in rehearsal time (`clock.offset`), with restarts, kills and a broker that goes away; alerts come in time
although nothing else arrives.

TROTH_LONG=1: all six evaluation streams instead of three. TROTH_SEED=N: another made-up history and other moments of kills.
Needs java, kcat and zstd; what is missing is skipped, loudly.
"""

import base64
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import kafka  # noqa: E402
import live  # noqa: E402

SEED = int(os.environ.get("TROTH_SEED", "1"))
IS_LONG = bool(os.environ.get("TROTH_LONG"))
MISSING = [tool for tool in ("java", "kcat", "zstd") if shutil.which(tool) is None]
PARTITIONS = 4
STREAMS = ("scores", "alerts", "promises")
OVERLAY = {
    "clocks": {
        "acknowledge": {"calendar": "always", "target": dict.fromkeys(("low", "normal", "high", "urgent"), "4s")},
        "first_reply": {"calendar": "always", "target": dict.fromkeys(("low", "normal", "high", "urgent"), "8s")},
    },
    "alerts": {"case": {"PROMISE_BROKEN": {"hold": "0s"}}},
}

broker = None
folder = None


def setUpModule():
    global broker, folder
    if MISSING:
        print(f"SKIPPED: live tests: {', '.join(MISSING)} not installed", flush=True)
        raise unittest.SkipTest(f"{', '.join(MISSING)} not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="troth-live-"))
    broker = kafka.Broker()
    try:
        broker.start()
    except BaseException:
        tearDownModule()
        raise


def tearDownModule():
    if broker is not None:
        broker.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


class LiveTest(unittest.TestCase):
    """A folder, topics with a prefix, engines that are stopped at the end."""

    def setUp(self):
        self.prefix = f"{self._testMethodName[5:45]}."
        self.folder = folder / self._testMethodName
        self.folder.mkdir()
        if not broker.is_running():
            broker.start()

    def tearDown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def config(self, offset_us=0, **kafka_keys):
        return live.kafka_config(broker, self.prefix, offset_us, **kafka_keys)

    def engine(self, config, name="engine"):
        engine = live.Engine(self.folder / name, config)
        self.addCleanup(engine.close)
        return engine

    def create_topics(self, engine):
        done = live.run_troth("topics", "create", "--config", engine.config_path, "--partitions", PARTITIONS)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return done

    def finish(self, engine, lines, offset_us=0, overlay=None):
        """Stops the engine and compares its topics with a replay as of then."""
        before_us = live.now_us() + offset_us - 2 * live.SECOND
        self.assertEqual(engine.terminate(), 0, engine.log_tail())
        after_us = live.now_us() + offset_us
        found, different = live.differences_from_replay(broker, self.prefix, self.folder, lines, before_us, after_us, overlay)
        self.assertEqual(different, [], f"repeat with TROTH_SEED={SEED}:\n" + "\n".join(different))
        self.assertEqual(broker.read_all(self.prefix + live.OUTPUTS["deadletters"]), [])
        return found


class RealStreams(LiveTest):
    """The evaluation streams, live and in order, against their replay; some also cut in mid-history, when much is open."""

    def check(self, name, share_percent=100, only_long=True, instances=1):
        if only_long and not IS_LONG:
            self.skipTest("only with TROTH_LONG=1")
        lines = live.read_stream(name)
        if lines is None:
            print(f"SKIPPED: {name}: no evaluation data in {live.DATA}", flush=True)
            self.skipTest("no evaluation data")
        lines = lines[:len(lines) * share_percent // 100]
        self.create_topics(self.engine(self.config(), "topics"))
        offset_us = live.rehearsal_of(lines)
        engines = [self.engine(self.config(offset_us), f"engine-{number}") for number in range(instances)]
        live.produce(broker, self.prefix, lines, rounds=random.Random(SEED).randrange(2, 20))
        began = time.monotonic()
        for engine in engines:  # each comes while the others read
            engine.start()
        self.wait_caught_up(engines, len(lines), live.now_us() + offset_us)
        caught_up_s = time.monotonic() - began
        for engine in engines:
            engine.wait_ready()
        for engine in engines[1:]:
            self.assertEqual(engine.terminate(), 0, engine.log_tail())
        found = self.finish(engines[0], lines, offset_us)
        self.assertTrue(found["scores"])
        print(f"{name}: {len(lines)} events, caught up {caught_up_s:.1f} s after the start; "
              + ", ".join(f"{len(found[stream])} {stream}" for stream in STREAMS), flush=True)

    def wait_caught_up(self, engines, count, at_us):
        """All together have stored so many records, and every partition is at the wall clock."""
        if len(engines) == 1:
            return engines[0].wait_caught_up(count, at_us)

        def done():
            figures = [engine.figures() for engine in engines]
            times = [value for each in figures for name, value in each.items() if name.startswith("troth_task_event_time_seconds{")]
            return (sum(map(live.stored, figures)) == count and all(map(live.is_settled, figures)) and len(times) == PARTITIONS
                    and min(times) * live.SECOND >= at_us)
        return live.wait_until(done, 240, lambda: f"{[live.stored(engine.figures()) for engine in engines]} of {count} records are stored", 0.3)

    def test_cfpb_live_over_three_instances_ends_as_its_replay(self):
        self.check("cfpb", only_long=False, instances=3)

    def test_twcs_live_over_three_instances_ends_as_its_replay(self):
        self.check("twcs", instances=3)

    def test_composite_live_over_three_instances_ends_as_its_replay(self):
        self.check("composite", instances=3)

    def test_olist_live_over_three_instances_ends_as_its_replay(self):
        self.check("olist", instances=3)

    def test_online_retail_live_over_three_instances_ends_as_its_replay(self):
        self.check("online_retail", instances=3)

    def test_uci_incident_live_over_three_instances_ends_as_its_replay(self):
        self.check("uci_incident", instances=3)

    def test_twcs_live_ends_as_its_replay(self):
        self.check("twcs", only_long=False)

    def test_cfpb_live_ends_as_its_replay(self):
        self.check("cfpb", only_long=False)

    def test_composite_in_mid_history_live_ends_as_its_replay(self):
        self.check("composite", 60, only_long=False)

    def test_composite_live_ends_as_its_replay(self):
        self.check("composite")

    def test_olist_live_ends_as_its_replay(self):
        self.check("olist")

    def test_online_retail_live_ends_as_its_replay(self):
        self.check("online_retail")

    def test_uci_incident_live_ends_as_its_replay(self):
        self.check("uci_incident")

    def test_uci_incident_in_mid_history_live_ends_as_its_replay(self):
        self.check("uci_incident", 60)


class Deadlines(LiveTest):
    """Time passes although nothing arrives."""

    def alert_of(self, follower, rule, state, deadline_s):
        return follower.wait_for(lambda _key, value: value and value["rule"] == rule and value["state"] == state, deadline_s, f"{rule} {state}")

    def test_an_alert_comes_within_two_seconds_of_its_deadline_and_a_late_reply_retracts_it(self):
        overlay = self.folder / "overlay.yaml"
        overlay.write_text(json.dumps(OVERLAY), encoding="utf-8")
        engine = self.engine({**self.config(), "overlay": str(overlay)})
        self.create_topics(engine)
        engine.start()
        engine.wait_ready()
        follower = live.Follower(broker, self.prefix + "trust.alerts")
        self.addCleanup(follower.close)

        opened_us = live.now_us() // 1000 * 1000
        opened = live.event("complaint.opened", "left-alone", opened_us, "opened", complaint_id="c1", labels={"team": "blue"})
        broker.produce(self.prefix + "complaints", [("left-alone", json.dumps(opened))])
        delays = []
        for rule, after_us in (("ACKNOWLEDGE_OVERDUE", 4_000_000), ("REPLY_DUE_SOON", 6_400_000), ("REPLY_OVERDUE", 8_000_000)):
            _, alert, _, seen_us = self.alert_of(follower, rule, "firing", 30)
            self.assertEqual(live.us_of(alert["opened_at"]), opened_us + after_us)
            self.assertEqual(alert["labels"], {"team": "blue"})
            delay_s = (seen_us - opened_us - after_us) / live.SECOND
            delays.append(delay_s)
            print(f"{rule}: {delay_s * 1000:.0f} ms after its deadline", flush=True)
        self.assertTrue(all(0 <= delay_s <= 2 for delay_s in delays), delays)

        # An answer that was given in time and reported too late.
        replied_us = opened_us + 3_000_000
        replied = live.event("complaint.replied", "left-alone", replied_us, "replied", complaint_id="c1", reason_given=True)
        broker.produce(self.prefix + "complaints", [("left-alone", json.dumps(replied))])
        for rule in ("REPLY_OVERDUE", "REPLY_DUE_SOON"):
            key, alert, _, _ = self.alert_of(follower, rule, "retracted", 10)
            self.assertEqual(alert["cause"], "/test/live replied", alert)
            self.assertEqual(key, alert["alert_id"])
        engine.wait_stored(2)
        self.finish(engine, [json.dumps(opened), json.dumps(replied)], overlay=overlay)

    def test_a_broken_promise_is_told_without_further_events_and_after_a_restart(self):
        overlay = self.folder / "overlay.yaml"
        overlay.write_text(json.dumps(OVERLAY), encoding="utf-8")
        engine = self.engine({**self.config(instance="a"), "overlay": str(overlay)})
        self.create_topics(engine)
        engine.start()
        engine.wait_ready()
        follower = live.Follower(broker, self.prefix + "trust.alerts")
        self.addCleanup(follower.close)
        made_us = live.now_us()
        due_us = (made_us // live.SECOND + 10) * live.SECOND
        lines = [json.dumps(live.event("order.placed", "waits", made_us - 2, "placed", order_id="o", total_minor=1)),
                 json.dumps(live.event("delivery.promised", "waits", made_us - 1, "made", order_id="o", promise_id="p", due_at=live.text_of(due_us)))]
        live.produce(broker, self.prefix, lines)
        engine.wait_stored(2)
        engine.kill()
        engine.start()
        _, alert, _, seen_us = self.alert_of(follower, "PROMISE_BROKEN", "firing", 30)
        self.assertEqual(live.us_of(alert["opened_at"]), due_us)
        delay_s = (seen_us - due_us) / live.SECOND
        print(f"PROMISE_BROKEN: {delay_s * 1000:.0f} ms after its deadline, after kill -9", flush=True)
        self.assertLessEqual(delay_s, 2)
        time.sleep(2)  # so that the replay just before the stop has it too
        self.finish(engine, lines, overlay=overlay)


class Restarts(LiveTest):
    """Whatever is stopped or killed: nothing is lost, and the topics end the same."""

    def run_with_trouble(self, count, slices, trouble):
        """Feeds a history in slices while trouble(number, engine) happens after each."""
        end_us = live.now_us() // live.SECOND * live.SECOND
        lines = live.shop_history(SEED, count, end_us)
        offset_us = live.rehearsal_of(lines)
        engine = self.engine(self.config(offset_us, instance="one"))
        self.create_topics(engine)
        engine.start()
        engine.wait_ready()
        step = -(-len(lines) // slices)
        for number in range(slices):
            live.produce(broker, self.prefix, lines[number * step:(number + 1) * step], rounds=1)
            trouble(number, engine)
        engine.wait_caught_up(len(lines), live.now_us() + offset_us)
        self.finish(engine, lines, offset_us)

    def test_stopped_and_killed_many_times_nothing_is_lost(self):
        chance = random.Random(SEED)
        kills = []

        def trouble(number, engine):
            time.sleep(chance.random() * 0.8)
            if number % 4 == 3:
                self.assertEqual(engine.terminate(), 0, engine.log_tail())
            else:
                engine.kill()
                kills.append(number)
            engine.start(wait=number % 2 == 0)
            if number % 2:
                time.sleep(chance.random() * 0.4)  # kill it also while it restores
                engine.kill()
                kills.append(number)
                engine.start()

        self.run_with_trouble(12_000, 8, trouble)
        self.assertGreaterEqual(len(kills), 5)
        print(f"killed {len(kills)} times", flush=True)

    def test_a_broker_that_restarts_in_mid_run_is_lived_through(self):
        def trouble(number, engine):
            if number == 1:
                broker.stop()
                time.sleep(1)
                broker.start()
            elif number == 3:
                broker.kill()
                time.sleep(1)
                broker.start()
            elif number == 4:
                broker.pause()
                time.sleep(3)
                broker.resume()
            self.assertTrue(engine.is_running(), engine.log_tail())

        self.run_with_trouble(4_000, 6, trouble)

    def test_two_instances_share_the_partitions_and_one_takes_over_from_the_other(self):
        end_us = live.now_us() // live.SECOND * live.SECOND
        lines = live.shop_history(SEED + 1, 4_000, end_us)
        offset_us = live.rehearsal_of(lines)
        engines = [self.engine(self.config(offset_us), name) for name in ("left", "right")]
        self.create_topics(engines[0])
        live.produce(broker, self.prefix, lines)
        for engine in engines:
            engine.start()
        shares = live.wait_until(
            lambda: (found := [int(engine.figures().get("troth_task_partitions", 0)) for engine in engines]) == [2, 2] and found, 60,
            lambda: "partitions were not shared: " + "".join(f"{engine.figures().get('troth_task_partitions')}{engine.log_tail()}" for engine in engines))
        print(f"shares of the partitions: {shares}", flush=True)
        live.wait_until(lambda: sum(live.stored(engine.figures()) for engine in engines) == len(lines), 60, "all records stored by both together")
        engines[0].kill()
        live.wait_until(lambda: engines[1].figures().get("troth_task_partitions") == PARTITIONS, 60,
                        lambda: f"the partitions were not taken over{engines[1].log_tail()}")
        engines[1].wait_caught_up(len(lines), live.now_us() + offset_us)
        self.finish(engines[1], lines, offset_us)

    def test_an_alert_that_another_instance_sent_is_retracted_by_the_one_that_takes_over(self):
        overlay = self.folder / "overlay.yaml"
        overlay.write_text(json.dumps(OVERLAY), encoding="utf-8")
        first, second = (self.engine({**self.config(), "overlay": str(overlay)}, name) for name in ("first", "second"))
        self.create_topics(first)
        opened_us = live.now_us() - 20 * live.SECOND
        lines = [json.dumps(live.event("complaint.opened", "x", opened_us, "opened", complaint_id="c"))]
        live.produce(broker, self.prefix, lines)
        first.start()
        first.wait_caught_up(1, opened_us + 15 * live.SECOND)
        self.assertEqual(first.terminate(), 0, first.log_tail())
        sent = live.last_of_topic(broker, self.prefix + live.OUTPUTS["alerts"])
        self.assertIn("REPLY_OVERDUE", {alert["rule"] for alert in sent.values()})
        lines.append(json.dumps(live.event("complaint.replied", "x", opened_us + 2 * live.SECOND, "replied", complaint_id="c")))
        live.produce(broker, self.prefix, lines[1:])
        second.start()
        second.wait_caught_up(2, opened_us + 15 * live.SECOND)
        self.finish(second, lines, overlay=overlay)


class Records(LiveTest):
    """What is refused, and both forms of CloudEvents."""

    def test_what_is_refused_is_on_the_dead_letter_topic_with_its_reason_and_as_it_came(self):
        engine = self.engine(self.config())
        self.create_topics(engine)
        engine.start()
        engine.wait_ready()
        now = live.now_us()

        def order(ident, at_us=now, subject="someone", **data):
            return live.event("order.placed", subject, at_us, ident, **{"order_id": "o-" + ident, "total_minor": 5, **data})

        good = json.dumps(order("good"))
        unknown = {**order("unknown"), "type": "order.teleported"}
        timeless = {**order("timeless"), "time": "yesterday"}
        incomplete = live.event("order.placed", "someone", now, "incomplete", order_id="o")
        letters = [  # (reason, field, the raw message)
            ("malformed", None, '{"specversion":"1.0", oh no'),
            ("malformed", None, b'{"specversion":"1.0","id":"\xff\xfe"}'),
            ("unknown_type", None, json.dumps(unknown)),
            ("bad_time", None, json.dumps(timeless)),
            ("missing_field", "total_minor", json.dumps(incomplete)),
            ("bad_value", "total_minor", json.dumps(order("float", total_minor=1.5))),
            ("future", None, json.dumps(order("future", now + 3600 * live.SECOND))),
            ("late", None, json.dumps(order("late", now - 46 * 86_400 * live.SECOND))),
            ("too_large", None, json.dumps(order("large", padding="x" * 70_000))),
        ]
        broker.produce(self.prefix + "orders", [("someone", good), ("someone", good), *(("someone", raw) for _, _, raw in letters)])
        broker.produce(self.prefix + "customers", [("gone", json.dumps(live.event("customer.erased", "gone", now, "erase")))])
        engine.wait_stored(2 + len(letters) + 1)
        broker.produce(self.prefix + "orders", [("gone", json.dumps(order("after", subject="gone")))])
        letters.append(("erased", None, None))
        total = 2 + len(letters) + 1
        engine.wait_stored(total)
        figures = engine.figures()
        self.assertEqual(figures['troth_task_stored_records{outcome="applied"}'], 2)
        self.assertEqual(figures['troth_task_stored_records{outcome="duplicate"}'], 1)
        self.assertEqual(engine.terminate(), 0, engine.log_tail())
        records = [(record.key, json.loads(record.value.decode("utf-8"))) for record in broker.read_all(self.prefix + live.OUTPUTS["deadletters"])]
        by_offset = {(value["partition"], value["offset"]): (key, value) for key, value in records}
        sent = {(record.partition, record.offset): record for record in broker.read_all(self.prefix + "orders")}
        self.assertEqual(len(records), len(letters), records)
        self.assertEqual(sorted(value["reason"] for _, value in records), sorted(reason for reason, _, _ in letters))
        for place, (key, value) in by_offset.items():
            with self.subTest(reason=value["reason"]):
                self.assertEqual(value["topic"], self.prefix + "orders")
                self.assertIn(place, sent)
                raw = sent[place].value
                if value["reason"] in ("too_large", "erased"):
                    self.assertFalse({"raw", "raw_base64"} & {name for name, content in value.items() if content is not None}, value)
                else:
                    self.assertEqual(raw_of(value), raw)
                self.assertEqual(key, sent[place].key)
        fields = {value["reason"]: value.get("field") for _, value in records}
        self.assertEqual((fields["missing_field"], fields["bad_value"]), ("total_minor", "total_minor"))

    def test_binary_mode_is_accepted_and_equal_to_structured_mode(self):
        engine = self.engine(self.config())
        self.create_topics(engine)
        now = live.now_us()
        events = [live.event("order.placed", "binary", now - 2000, "1", order_id="o", total_minor=990, labels={"team": "é"}),
                  live.event("complaint.opened", "binary", now - 1000, "2", complaint_id="c", order_id="o"),
                  live.event("review.submitted", "binary", now, "3", review_id="r", order_id="o", stars=1)]
        for each in events:
            headers = {f"ce_{name}": each[name] for name in ("specversion", "id", "source", "type", "time", "subject")}
            headers["content-type"] = "application/json"
            broker.produce(self.prefix + live.INPUTS[live.topic_of(each["type"])], [("binary", json.dumps(each["data"]), headers)])
        # What comes twice, once in each form, counts once.
        live.produce(broker, self.prefix, [json.dumps(events[0])])
        without_subject = {"ce_specversion": "1.0", "ce_id": "4", "ce_source": "/s", "ce_type": "order.placed", "ce_time": live.text_of(now)}
        broker.produce(self.prefix + "orders", [("binary", '{"order_id":"o"}', without_subject)])
        engine.start()
        engine.wait_caught_up(5, now)
        figures = engine.figures()
        self.assertEqual(figures['troth_task_stored_records{outcome="applied"}'], 3)
        self.assertEqual(figures['troth_task_stored_records{outcome="duplicate"}'], 1)
        self.assertEqual(figures['troth_task_stored_records{outcome="malformed"}'], 1)
        self.assertEqual(engine.terminate(), 0, engine.log_tail())
        expectation = live.Expectation(self.folder / "replay", [json.dumps(each) for each in events], live.now_us())
        for stream in STREAMS:
            found = live.last_of_topic(broker, self.prefix + live.OUTPUTS[stream])
            self.assertEqual(live.differences(expectation.last(stream), found), "")


class Beginnings(LiveTest):
    """What is wrong before the first record is said at once, with the remedy."""

    def test_missing_topics_end_the_run_and_the_message_names_topics_create(self):
        engine = self.engine(self.config())
        engine.start(wait=False)
        code = engine.wait_exit()
        self.assertIn(code, (1, 2), engine.log_tail())
        self.assertIn("troth topics create", engine.log_tail())
        self.assertIn(self.prefix, engine.log_tail())

    def test_missing_output_topics_end_the_run_too(self):
        engine = self.engine(self.config())
        broker.create_topics({self.prefix + topic: (PARTITIONS, {}) for topic in live.INPUTS})
        engine.start(wait=False)
        self.assertIn(engine.wait_exit(), (1, 2), engine.log_tail())
        self.assertIn("troth topics create", engine.log_tail())

    def test_inputs_with_different_numbers_of_partitions_are_refused(self):
        engine = self.engine(self.config())
        topics = {self.prefix + topic: (PARTITIONS, {}) for topic in (*live.INPUTS, *live.OUTPUTS.values(), live.CHANGELOG)}
        broker.create_topics({**topics, self.prefix + "reviews": (3, {})})
        engine.start(wait=False)
        self.assertIn(engine.wait_exit(), (1, 2), engine.log_tail())
        self.assertIn(self.prefix + "reviews", engine.log_tail())

    def test_creating_topics_twice_changes_nothing(self):
        engine = self.engine(self.config())
        self.assertIn("created", self.create_topics(engine).stdout)
        again = self.create_topics(engine).stdout
        self.assertNotIn("created", again)
        self.assertEqual(again.count("present"), len(live.INPUTS) + len(live.OUTPUTS) + 1, again)

    def test_a_broker_that_is_not_there_is_named_with_exit_code_one(self):
        engine = self.engine(self.config(bootstrap="127.0.0.1:1"))
        engine.start(wait=False)
        self.assertEqual(engine.wait_exit(90), 1, engine.log_tail())
        self.assertIn("127.0.0.1:1", engine.log_tail())

    def test_a_setting_that_would_lose_records_is_refused(self):
        engine = self.engine(self.config(settings={"acks": "0"}))
        engine.start(wait=False)
        self.assertIn(engine.wait_exit(), (1, 2), engine.log_tail())
        self.assertIn("acks", engine.log_tail())


def raw_of(letter):
    """The bytes of the message that a dead letter holds."""
    if letter.get("raw_base64") is not None:
        return base64.b64decode(letter["raw_base64"])
    return letter["raw"].encode("utf-8")


if __name__ == "__main__":
    unittest.main(verbosity=2)
