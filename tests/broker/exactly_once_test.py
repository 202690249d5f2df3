#!/usr/bin/env python3
"""`troth run` killed at every step of a commit and of a recovery on Kafka: nothing is lost, nothing is there twice.

Two worlds on one broker, one with a single instance and one with three, are fed while their instances are killed at named
steps (kill_points.c) and start again: at once, after their session so that partitions move, without their state directory,
or with an older copy of it. What is judged in the end stands in exactly_once.py; that it can fail is proven here, too.

TROTH_LONG=1: ten kills a step and world instead of two. TROTH_SEED=N: another history, other moments. kill_run.py goes on
for hundreds of kills and keeps the ledger. Needs java, kcat and cc; what is missing is skipped, loudly.
"""

import os
import pathlib
import random
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import exactly_once  # noqa: E402
import kafka  # noqa: E402
import live  # noqa: E402

SEED = os.environ.get("TROTH_SEED", "1")
KILLS_PER_STEP = 10 if os.environ.get("TROTH_LONG") else 2  # in each world
EVENTS = 10_000 if os.environ.get("TROTH_LONG") else 2_500
KILLS_MIN = 30
MISSING = [tool for tool in ("java", "kcat", os.environ.get("CC", "cc")) if shutil.which(tool) is None]

broker = None
folder = None
library = None


def setUpModule():
    global broker, folder, library
    if MISSING:
        print(f"SKIPPED: exactly-once tests: {', '.join(MISSING)} not installed", flush=True)
        raise unittest.SkipTest(f"{', '.join(MISSING)} not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="troth-kills-"))
    broker = kafka.Broker()
    try:
        library = exactly_once.compile_kill_points(folder)
        broker.start()
    except BaseException:
        tearDownModule()
        raise


def tearDownModule():
    if broker is not None:
        broker.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


class Kills(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tally = exactly_once.Tally()
        worlds = exactly_once.two_worlds(KILLS_PER_STEP, random.Random(SEED), EVENTS)
        try:
            cls.wrong = exactly_once.run_kills(broker, folder, worlds, SEED, library, cls.tally)
        finally:
            print(cls.tally.text(), flush=True)

    def test_killed_at_any_step_nothing_is_lost_and_nothing_is_there_twice(self):
        self.assertEqual(self.wrong, [], f"repeat with TROTH_SEED={SEED}")
        self.assertEqual(self.tally.gave_up, 0, "an instance that is started again must come back")

    def test_every_step_was_hit_alone_and_together_and_every_recovery_was_needed(self):
        for where, steps in (("alone", self.tally.alone), ("together", self.tally.together)):
            self.assertEqual({step for step in exactly_once.STEPS if steps[step] < 2}, set(), f"hit less than twice {where}")
        self.assertGreaterEqual(sum(self.tally.kills.values()), KILLS_MIN)
        self.assertEqual({name for name in exactly_once.RECOVERIES if not self.tally.recoveries[name]}, set(), "never needed")
        self.assertGreater(self.tally.moves, 0, "no partition went to another instance")
        self.assertGreater(self.tally.figures["aborted"], 0, "no transaction was aborted")

    # ---------------------------------------------------------------------------------------------- can this test fail?

    def records(self, stream, prefix="together."):
        return broker.read_all(prefix + live.OUTPUTS[stream])

    def test_a_record_too_many_or_too_few_is_reported(self):
        for stream in ("alerts", "scores", "promises"):
            records = self.records(stream)
            self.assertEqual(exactly_once.wrong_in_stream(stream, records), [])
            middle = len(records) // 2
            with self.subTest(stream=stream, spoilt="doubled"):
                self.assertEqual(len(exactly_once.wrong_in_stream(stream, [*records[:middle], records[middle], *records[middle:]])), 1)
        alerts = self.records("alerts")
        keys = [record.key for record in alerts]
        first_of_two = next(at for at, key in enumerate(keys) if key in keys[at + 1:])
        self.assertEqual(len(exactly_once.wrong_revisions(alerts[:first_of_two] + alerts[first_of_two + 1:])), 1)

    def test_a_dead_letter_too_many_or_too_few_is_reported(self):
        letters, world = self.records("deadletters"), self.tally.worlds["together."]
        inputs = world.inputs()
        self.assertGreater(len(letters), 5)
        self.assertEqual(exactly_once.wrong_letters(world.bad, letters, inputs), [])
        for spoilt in (letters[1:], [*letters, letters[0]]):
            self.assertEqual(len(exactly_once.wrong_letters(world.bad, spoilt, inputs)), 1)

    def test_a_commit_too_many_or_too_few_is_reported(self):
        records = broker.read_all("__consumer_offsets")
        ours = [at for at, record in enumerate(records) if b"together.group" in record.key and record.value and b"troth1" in record.value]
        _, wrong = exactly_once.wrong_commits(records, "together.", {})
        self.assertEqual(wrong, [])
        middle = ours[len(ours) // 3]
        for spoilt in ([*records[:middle], records[middle], *records[middle:]], records[:middle] + records[middle + 1:]):
            self.assertGreater(len(exactly_once.wrong_commits(spoilt, "together.", {})[1]), 0)

    def test_outputs_at_least_once_are_found_out(self):
        # Under `delivery: at_least_once` records come twice and outside of transactions, and the judge says so.
        tally = exactly_once.Tally()
        worlds = [("sloppy.", ("one",), ["before_begin"] * 3, 600)]
        wrong = exactly_once.run_kills(broker, folder, worlds, SEED, library, tally, delivery="at_least_once")
        self.assertEqual(tally.kills["before_begin"], 3)
        self.assertTrue(any("outside of any transaction" in each for each in wrong), wrong)
        self.assertTrue(any(": revision " in each or "said again" in each for each in wrong), wrong)
        kinds = ("outside of any transaction", ": revision ", "said again", "deadletters: ", "read_committed", "read_uncommitted")
        self.assertEqual([each for each in wrong if not any(words in each for words in kinds)], [], "state and positions stay exact")


if __name__ == "__main__":
    unittest.main(verbosity=2)
