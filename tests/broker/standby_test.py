#!/usr/bin/env python3
"""Standby copies on a real broker: who takes over has nearly all of the state already.

Two instances share the partitions; one is killed for good. With `standby: 1` the other one goes on from its copies and
rebuilds nothing; without, it rebuilds what it never had. Both end as a replay says. Needs java and kcat.
"""

import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import kafka  # noqa: E402
import live  # noqa: E402

SEED = int(os.environ.get("TROTH_SEED", "1"))
MISSING = [tool for tool in ("java", "kcat") if shutil.which(tool) is None]
PARTITIONS = 4
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


class TakeOver(unittest.TestCase):
    def take_over(self, standby):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="troth-standby-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        prefix = f"standby-{os.getpid()}-{standby}-"
        lines = live.shop_history(SEED, 3_000, live.now_us() // live.SECOND * live.SECOND)
        offset_us = (max(live.us_of(re.search(r'"time": "([^"]+)"', line)[1]) for line in lines) + 300 * live.SECOND - live.now_us()) // live.SECOND * live.SECOND
        engines = []
        for name in ("left", "right"):
            engines.append(live.Engine(folder / name, {
                "clock": {"offset": f"{offset_us // live.SECOND}s"},
                "kafka": {
                    "bootstrap": broker.bootstrap,
                    "group": prefix + "group",
                    "instance": name,
                    "inputs": [prefix + topic for topic in live.INPUTS],
                    "outputs": {stream: prefix + topic for stream, topic in live.OUTPUTS.items()},
                    "changelog": prefix + live.CHANGELOG,
                    "standby": standby,
                    "settings": {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000},
                },
            }))
            self.addCleanup(engines[-1].close)
        done = live.run_troth("topics", "create", "--config", engines[0].config_path, "--partitions", PARTITIONS)
        self.assertEqual(done.returncode, 0, done.stderr)
        for engine in engines:
            engine.start()
        live.wait_until(lambda: [int(engine.figures().get("troth_task_partitions", 0)) for engine in engines] == [2, 2], 60, "partitions are not shared")
        live.produce(broker, prefix, lines)
        live.wait_until(lambda: sum(live.stored(engine.figures()) for engine in engines) == len(lines), 60, "not all is stored")
        live.wait_until(lambda: all(live.is_settled(engine.figures()) for engine in engines), 60, "something is not settled")
        if standby:
            last = None

            def is_still():
                nonlocal last
                before, last = last, [engine.figures().get("troth_task_standby_rows_total") for engine in engines]
                return before == last and min(last) > 0
            live.wait_until(is_still, 60, lambda: f"the copies do not come to rest: {last}", 2.5)
        engines[0].kill()
        live.wait_until(lambda: engines[1].figures().get("troth_task_partitions") == PARTITIONS, 60, lambda: f"not taken over{engines[1].log_tail()}")
        engines[1].wait_caught_up(len(lines), live.now_us() + offset_us)
        before_us = live.now_us() + offset_us - 2 * live.SECOND
        self.assertEqual(engines[1].terminate(), 0, engines[1].log_tail())
        before = live.Expectation(folder / "before", lines, before_us)
        after = live.Expectation(folder / "after", lines, live.now_us() + offset_us)
        for stream in ("scores", "alerts", "promises"):
            found = live.last_of_topic(broker, prefix + live.OUTPUTS[stream])
            self.assertEqual(live.differences_from_either(before.last(stream), after.last(stream), found), "", stream)
        log = engines[1].log_path.read_text(encoding="utf-8")
        return re.findall(r"assigned; ([a-z ]+?)(?:, (\d+) rows|\n)", log)[-PARTITIONS:]

    def test_with_standby_copies_nothing_is_rebuilt(self):
        taken = self.take_over(1)
        print(f"with standby copies: {taken}", flush=True)
        self.assertNotIn("rebuild", [how for how, _ in taken])

    def test_without_them_the_rest_is_rebuilt(self):
        taken = self.take_over(0)
        print(f"without: {taken}", flush=True)
        self.assertIn("rebuild", [how for how, _ in taken])


if __name__ == "__main__":
    unittest.main(verbosity=2)
