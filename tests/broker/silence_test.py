#!/usr/bin/env python3
"""A topic that falls silent altogether, on a real broker: no absence is concluded from it, it is told, and it ends.

The same promise is broken twice: once while the topic of deliveries is silent for longer than it may be (nothing is said of
it, a source alert is raised, what is held is counted), and at once when the topic speaks again. Needs java and kcat.
"""

import json
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import kafka  # noqa: E402
import live  # noqa: E402

MISSING = [tool for tool in ("java", "kcat") if shutil.which(tool) is None]
PARTITIONS = 4
OVERLAY = {"alerts": {"case": {"PROMISE_BROKEN": {"hold": "0s"}}}}
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


class Silence(unittest.TestCase):
    def test_of_a_silent_topic_no_absence_is_concluded_until_it_speaks_again(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="troth-silence-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        overlay = folder / "overlay.yaml"
        overlay.write_text(json.dumps(OVERLAY), encoding="utf-8")
        prefix = f"silence-{os.getpid()}-"
        engine = live.Engine(folder / "engine", {
            "overlay": str(overlay),
            "kafka": {
                "bootstrap": broker.bootstrap,
                "group": prefix + "group",
                "inputs": [prefix + topic for topic in live.INPUTS],
                "outputs": {stream: prefix + topic for stream, topic in live.OUTPUTS.items()},
                "changelog": prefix + live.CHANGELOG,
                "silence": {prefix + "deliveries": "5s"},
            },
        })
        self.addCleanup(engine.close)
        done = live.run_troth("topics", "create", "--config", engine.config_path, "--partitions", PARTITIONS)
        self.assertEqual(done.returncode, 0, done.stderr)
        engine.start()
        engine.wait_ready()
        follower = live.Follower(broker, prefix + live.OUTPUTS["alerts"])
        self.addCleanup(follower.close)
        silent = f'troth_source_silent{{input="{prefix}deliveries"}}'
        live.wait_until(lambda: engine.figures().get(silent) == 1, 30, lambda: f"not told as silent{engine.log_tail()}")
        self.assertIn("source alert: topic " + prefix + "deliveries", engine.log_tail())

        # A promise made now, on the topic of orders' customers: due in two seconds, while deliveries are silent.
        made_us = live.now_us()
        due_us = made_us // live.SECOND * live.SECOND + 2 * live.SECOND
        lines = [json.dumps(live.event("order.placed", "waits", made_us - 2, "placed", order_id="o", total_minor=1)),
                 json.dumps(live.event("promise.made", "waits", made_us - 1, "made", order_id="o", promise_id="p", kind="callback", due_at=live.text_of(due_us)))]
        live.produce(broker, prefix, lines)
        engine.wait_stored(2)
        live.wait_until(lambda: engine.figures().get("troth_task_held_keys", 0) >= 1, 30, lambda: f"nothing is held{engine.log_tail()}")
        time.sleep(2)
        broken = [value for _, value, *_ in follower.seen if value and value["rule"] == "PROMISE_BROKEN"]
        self.assertEqual(broken, [])
        self.assertEqual(engine.get("/readyz")[0], 200)

        spoken_us = live.now_us()
        live.produce(broker, prefix, [json.dumps(live.event("delivery.dispatched", "somebody else", spoken_us, "other", order_id="x"))])
        _, _, _, seen_us = follower.wait_for(
            lambda _, value: value is not None and value["rule"] == "PROMISE_BROKEN" and value["state"] == "firing", 30, "the promise that was broken")
        print(f"held for {(spoken_us - due_us) / live.SECOND:.1f} s, told {(seen_us - spoken_us) / 1000:.0f} ms after the topic spoke again", flush=True)
        live.wait_until(lambda: engine.figures().get(silent) == 0 and engine.figures().get("troth_task_held_keys") == 0, 30, "still silent")
        self.assertEqual(engine.terminate(), 0, engine.log_tail())


if __name__ == "__main__":
    unittest.main(verbosity=2)
