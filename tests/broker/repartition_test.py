#!/usr/bin/env python3
"""Events whose producers chose the partition by something else than the customer, on a real broker.

With `repartition: true` they end as a replay says, from topics with different numbers of partitions, over two instances that
are killed and stopped on the way. Without it they are found out and refused, each with its reason; nothing is split in
silence. TROTH_SEED=N: another history. Needs java and kcat.
"""

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
MISSING = [tool for tool in ("java", "kcat") if shutil.which(tool) is None]
PARTITIONS = 4
STREAMS = ("scores", "alerts", "promises")
INPUT_PARTITIONS = dict(zip(live.INPUTS, (3, 5, 2, 4, 1)))
broker = None


def setUpModule():
    if MISSING:
        raise unittest.SkipTest(f"SKIPPED: {', '.join(MISSING)} is not installed")
    global broker
    broker = kafka.Broker()
    broker.start()


def tearDownModule():
    if broker is not None:
        broker.close()


def by_order(line):
    """What a shop that does not think of customers would take for the key."""
    data = json.loads(line)["data"]
    return data.get("order_id") or data.get("complaint_id") or data.get("review_id") or "none"


class WrongKeys(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troth-repartition-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.prefix = f"repartition-{os.getpid()}-{self.id().rpartition('.')[2][5:25]}-"

    def engine(self, name, offset_us, **kafka_keys):
        engine = live.Engine(self.folder / name, {
            "clock": {"offset": f"{offset_us // live.SECOND}s"},
            "kafka": {
                "bootstrap": broker.bootstrap,
                "group": self.prefix + "group",
                "instance": name,
                "inputs": [self.prefix + topic for topic in live.INPUTS],
                "outputs": {stream: self.prefix + topic for stream, topic in live.OUTPUTS.items()},
                "changelog": self.prefix + live.CHANGELOG,
                "settings": {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000},
                **kafka_keys,
            },
        })
        self.addCleanup(engine.close)
        return engine

    def produce(self, lines):
        slices = {}
        for line in lines:
            topic = live.INPUTS[live.topic_of(json.loads(line)["type"])]
            slices.setdefault(topic, []).append((by_order(line), line))
        for topic, records in slices.items():
            broker.produce(self.prefix + topic, records)

    def history(self, count):
        lines = live.shop_history(SEED, count, live.now_us() // live.SECOND * live.SECOND)
        last_us = max(live.us_of(json.loads(line)["time"]) for line in lines)
        return lines, (last_us + 300 * live.SECOND - live.now_us()) // live.SECOND * live.SECOND

    def test_routed_by_customer_they_end_as_their_replay(self):
        lines, offset_us = self.history(4_000)
        keys = {"repartition": True, "repartition_topic": self.prefix + "routed"}
        engines = [self.engine(name, offset_us, **keys) for name in ("left", "right")]
        broker.create_topics({self.prefix + topic: (count, {}) for topic, count in INPUT_PARTITIONS.items()})
        done = live.run_troth("topics", "create", "--config", engines[0].config_path, "--partitions", PARTITIONS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        bad = ['{"specversion":"1.0", oh no', json.dumps({**json.loads(lines[0]), "type": "order.teleported", "id": "teleported"})]
        broker.produce(self.prefix + "orders", [("anything", each) for each in bad])
        chance = random.Random(SEED)
        step = len(lines) // 6 + 1
        for engine in engines:
            engine.start()
        for number in range(6):
            self.produce(lines[number * step:(number + 1) * step])
            time.sleep(chance.random())
            engine = engines[number % 2]
            if number in (1, 2, 4):
                engine.kill()
                engine.start()
            elif number == 3:
                self.assertEqual(engine.terminate(), 0, engine.log_tail())
                engine.start()
        total = len(lines) + len(bad)
        live.wait_until(lambda: sum(live.stored(engine.figures()) for engine in engines) == total, 120,
                        lambda: f"{[live.stored(engine.figures()) for engine in engines]} of {total} records"
                                f"{engines[0].log_tail()}{engines[1].log_tail()}")
        live.wait_until(lambda: all(live.is_settled(engine.figures()) for engine in engines), 60, "something is not settled")
        for engine in engines:
            engine.wait_ready()
        at_us = live.now_us() + offset_us

        def is_live():
            times = [value for engine in engines for name, value in engine.figures().items() if name.startswith("troth_task_event_time_seconds{")]
            return len(times) == PARTITIONS and min(times) * live.SECOND >= at_us
        live.wait_until(is_live, 60, "the engine's time does not reach the wall clock")
        before_us = live.now_us() + offset_us - 2 * live.SECOND
        for engine in engines:
            self.assertEqual(engine.terminate(), 0, engine.log_tail())
        before = live.Expectation(self.folder / "before", lines, before_us)
        after = live.Expectation(self.folder / "after", lines, live.now_us() + offset_us)
        for stream in STREAMS:
            found = live.last_of_topic(broker, self.prefix + live.OUTPUTS[stream])
            different = live.differences_from_either(before.last(stream), after.last(stream), found)
            self.assertEqual(different, "", f"{stream} (repeat with TROTH_SEED={SEED})")
        letters = [json.loads(record.value) for record in broker.read_all(self.prefix + live.OUTPUTS["deadletters"])]
        self.assertEqual(sorted(letter["reason"] for letter in letters), ["malformed", "unknown_type"], letters)
        places = {(record.partition, record.offset): record.value.decode() for record in broker.read_all(self.prefix + "orders")}
        for letter in letters:
            self.assertEqual(letter["topic"], self.prefix + "orders")
            self.assertEqual(places[letter["partition"], letter["offset"]], letter["raw"])
        routed = broker.read_all(self.prefix + "routed")
        self.assertEqual(len(routed), total, "a record was routed twice or not at all")

    def test_without_routing_each_is_found_out_and_refused(self):
        lines, offset_us = self.history(600)
        engine = self.engine("alone", offset_us)
        done = live.run_troth("topics", "create", "--config", engine.config_path, "--partitions", PARTITIONS)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.produce(lines)
        engine.start()
        engine.wait_stored(len(lines))
        figures = engine.figures()
        wrong = figures['troth_task_stored_records{outcome="wrong_partition"}']
        self.assertEqual(figures['troth_task_stored_records{outcome="applied"}'] + wrong, len(lines))
        self.assertGreater(wrong, len(lines) / 2)  # three of four fall elsewhere
        self.assertEqual(engine.terminate(), 0, engine.log_tail())
        letters = [json.loads(record.value) for record in broker.read_all(self.prefix + live.OUTPUTS["deadletters"])]
        self.assertEqual(len(letters), wrong)
        self.assertEqual({letter["reason"] for letter in letters}, {"wrong_partition"})
        print(f"{wrong:.0f} of {len(lines)} events were refused as of another partition", flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
