#!/usr/bin/env python3
"""`troth replay` is killed at random moments and started again: no output is lost, doubled or different (INTERFACE, streams).

Each round begins with an empty state and goes on until the replay has ended; rounds are added until enough kills have hit a
process that was working. TROTH_LONG=1: many more kills.
"""

import collections
import json
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest

import engine
from histories import DAY, History, time_text

KILLS = 500 if os.environ.get("TROTH_LONG") else 50
TIME_LIMIT_S = 5400 if os.environ.get("TROTH_LONG") else 240
EPOCH_EVENTS = 25
PARTITIONS = 4
SEED = int(os.environ.get("TROTH_SEED", "1"))


class KilledReplays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        keep = os.environ.get("TROTH_KEEP")
        cls.temporary = None if keep else tempfile.TemporaryDirectory(prefix="troth-resume-")
        cls.work = engine.empty_folder(keep or cls.temporary.name)
        history = History(f"resume/{SEED}", events=20_000, customers=250, scale=0.02)
        inputs = [history.disordered(random.Random(SEED))[part::2] for part in range(2)]
        cls.files = [engine.write_lines(cls.work / f"input{index}.ndjson", lines) for index, lines in enumerate(inputs)]
        (cls.work / "overlay.json").write_text(json.dumps(history.overlay), encoding="utf-8")
        cls.as_of = time_text(history.last + 30 * DAY)

    @classmethod
    def tearDownClass(cls):
        if cls.temporary:
            cls.temporary.cleanup()

    def command(self, name, workers=2):
        folder = self.work / name
        return [
            engine.binary(), "replay", "--json", "--overlay", str(self.work / "overlay.json"), "--horizon", "none", "--as-of", self.as_of,
            "--state", str(folder / "state"), "--out", str(folder / "out"), "--snapshot", str(folder / "snapshot"),
            "--epoch-events", str(EPOCH_EVENTS), "--partitions", str(PARTITIONS), "--workers", str(workers), *map(str, self.files),
        ]  # fmt: skip

    def uninterrupted(self, name, workers=2):
        engine.empty_folder(self.work / name)
        started = time.monotonic()
        done = subprocess.run(self.command(name, workers), capture_output=True, stdin=subprocess.DEVNULL, timeout=engine.TIME_LIMIT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        return json.loads(done.stdout), time.monotonic() - started

    def killed(self, name, rng, longest):
        """(summary, kills that hit a working process) of a replay that is killed until it gets through."""
        folder = engine.empty_folder(self.work / name)
        hits, attempts, before = 0, 0, 0
        while True:
            attempts += 1
            self.assertLess(attempts, 200, "the replay never ends")
            longest *= 1.05  # the last part, from the last epoch to the end of the snapshot, must fit in once
            process = subprocess.Popen(self.command(name), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            try:
                out, err = process.communicate(timeout=rng.uniform(0.0, longest))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                out, err = process.communicate(timeout=30)
            if process.returncode == 0:
                return json.loads(out), hits
            self.assertEqual(process.returncode, -signal.SIGKILL, f"attempt {attempts} of round {name}: {err.decode(errors='replace')}")
            written = sum(path.stat().st_size for path in folder.glob("out/*.ndjson"))
            hits += written > before  # it had been working, and had not ended
            before = written

    def test_a_replay_killed_at_random_moments_writes_what_an_uninterrupted_one_writes(self):
        expected, seconds = self.uninterrupted("whole")
        self.assertGreater(expected["events"], 19_000)
        streams = engine.streams_by_partition(self.work / "whole" / "out", PARTITIONS)
        self.assertGreater(len(streams), 3 * PARTITIONS, "all streams have something in them")
        snapshot = engine.text_lines(self.work / "whole" / "snapshot")
        deadline = time.monotonic() + TIME_LIMIT_S
        hits = rounds = 0
        while hits < KILLS and time.monotonic() < deadline:
            rounds += 1
            rng = random.Random(f"{SEED}/{rounds}")
            summary, more = self.killed(f"round{rounds}", rng, longest=0.15 + seconds / rng.choice((2, 4, 10)))
            hits += more
            self.assert_same(streams, engine.streams_by_partition(self.work / f"round{rounds}" / "out", PARTITIONS), rounds)
            self.assertEqual(snapshot, engine.text_lines(self.work / f"round{rounds}" / "snapshot"), f"snapshot of round {rounds}, TROTH_SEED={SEED}")
            self.assertEqual(without_stopwatch(expected), without_stopwatch(summary), f"summary of round {rounds}, TROTH_SEED={SEED}")
        print(f"{hits} kills hit a working replay, in {rounds} rounds (an uninterrupted one takes {seconds:.1f} s)", flush=True)
        self.assertGreater(hits, 0, "no kill hit: nothing was tested")
        self.assertGreaterEqual(hits, min(KILLS, 20), "too few kills hit within the time")

    def test_workers_cannot_be_seen_in_the_streams_of_a_partition(self):
        one, _ = self.uninterrupted("one", workers=1)
        eight, _ = self.uninterrupted("eight", workers=8)
        streams = [engine.streams_by_partition(self.work / name / "out", PARTITIONS) for name in ("one", "eight")]
        self.assert_same(*streams, "with 8 workers")
        self.assertEqual(without_stopwatch(one), without_stopwatch(eight))

    def test_the_same_command_on_a_finished_state_adds_nothing(self):
        first, _ = self.uninterrupted("again")
        before = {path.name: path.read_bytes() for path in (self.work / "again" / "out").iterdir()}
        done = subprocess.run(self.command("again"), capture_output=True, stdin=subprocess.DEVNULL, timeout=engine.TIME_LIMIT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        self.assertEqual(without_stopwatch(first), without_stopwatch(json.loads(done.stdout)))
        self.assertEqual(before, {path.name: path.read_bytes() for path in (self.work / "again" / "out").iterdir()})

    def assert_same(self, expected, found, what):
        for key in sorted(expected.keys() | found.keys()):
            one, other = expected.get(key, []), found.get(key, [])
            if one != other:
                missing, more = (sum((collections.Counter(a) - collections.Counter(b)).values()) for a, b in ((one, other), (other, one)))
                words = f"{missing} of {len(one)} lines missing, {more} too many; {engine.first_difference(one, other)}"
                self.fail(f"round {what}, TROTH_SEED={SEED}, stream and partition {key}: {words}")


def without_stopwatch(summary):
    return {k: v for k, v in summary.items() if k not in ("seconds", "cpu_seconds", "peak_rss_bytes")}


if __name__ == "__main__":
    unittest.main()
