#!/usr/bin/env python3
"""A dead-letter topic that cannot be written, on a real broker: everything waits, says why, and nothing is dropped.

The topic takes records of 200 bytes at most, so the letter of a longer bad record is refused. Once the limit is raised, the
letter is there, and so is what came after it. Needs java and kcat.
"""

import json
import os
import pathlib
import secrets
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import kafka  # noqa: E402
import live  # noqa: E402

MISSING = [tool for tool in ("java", "kcat") if shutil.which(tool) is None]
PARTITIONS = 2
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


class Unwritable(unittest.TestCase):
    def test_a_dead_letter_that_is_refused_stops_all_and_is_there_once_when_it_is_taken(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="troth-letters-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        prefix = f"letters-{os.getpid()}-"
        letters = prefix + live.OUTPUTS["deadletters"]
        engine = live.Engine(folder / "engine", {
            "kafka": {
                "bootstrap": broker.bootstrap,
                "group": prefix + "group",
                "instance": "one",
                "inputs": [prefix + topic for topic in live.INPUTS],
                "outputs": {stream: prefix + topic for stream, topic in live.OUTPUTS.items()},
                "changelog": prefix + live.CHANGELOG,
            },
        })
        self.addCleanup(engine.close)
        broker.create_topics({letters: (PARTITIONS, {"max.message.bytes": "200"})})
        done = live.run_troth("topics", "create", "--config", engine.config_path, "--partitions", PARTITIONS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        engine.start()
        engine.wait_ready()
        now = live.now_us()

        def order(ident):
            return json.dumps(live.event("order.placed", "someone", now, ident, order_id="o-" + ident, total_minor=5))
        bad = '{"specversion":"1.0", oh no ' + secrets.token_hex(400)  # what compresses well would pass
        live.produce(broker, prefix, [order("before")])
        engine.wait_stored(1)
        broker.produce(prefix + "orders", [("someone", bad)])
        live.produce(broker, prefix, [order("after")])
        live.wait_until(lambda: engine.figures().get("troth_app_restarts_total", 0) >= 2, 60, lambda: f"no trouble{engine.log_tail()}")
        self.assertTrue(engine.is_running(), engine.log_tail())
        self.assertIn(letters, engine.log_tail())
        self.assertIn("max.message.bytes", engine.log_tail())
        self.assertEqual(broker.read_all(letters), [])

        broker.alter_topic(letters, "max.message.bytes", "1048576")
        live.wait_until(lambda: len(broker.read_all(letters)) == 1, 60, lambda: f"no letter{engine.log_tail()}", 0.5)
        live.wait_until(lambda: live.stored(engine.figures()) == 3, 60, lambda: f"not all is stored{engine.log_tail()}")
        engine.wait_ready()
        self.assertEqual(engine.terminate(), 0, engine.log_tail())
        self.assertEqual(json.loads(broker.read_all(letters)[0].value)["raw"], bad)


if __name__ == "__main__":
    unittest.main(verbosity=2)
