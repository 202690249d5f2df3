#!/usr/bin/env python3
"""`troth replay` is killed at random moments and started again: no output is lost, doubled or different (INTERFACE, streams).

A replay of files commits every few seconds and at its end; what was written since is cut off at the next start. So half of
the kills are aimed: they fall shortly after the files of `--out` have grown, while a commit is under way or just done. Each
round begins with an empty state and goes on until the replay has ended. TROTH_LONG=1: many more kills, and a longer input.
TROTH_SEED=N: another history and other moments; TROTH_KEEP=DIR keeps everything there.
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

IS_LONG = bool(os.environ.get("TROTH_LONG"))
KILLS = 500 if IS_LONG else 50
TIME_LIMIT_S = 5400 if IS_LONG else 240
SMALL, LARGE = 6_000, 45_000  # events: done in a second or two; long enough for commits on the way
PARTITIONS = 4
SEED = int(os.environ.get("TROTH_SEED", "1"))


class Input:
    """A history in two files, and what an uninterrupted replay makes of it."""

    def __init__(self, folder, events, epoch_events):
        self.folder = engine.empty_folder(folder)
        self.epoch_events = epoch_events
        history = History(f"resume/{SEED}/{events}", events=events, customers=events // 60, scale=0.02)
        arrivals = history.disordered(random.Random(SEED))
        self.files = [engine.write_lines(self.folder / f"input{part}.ndjson", arrivals[part::2]) for part in range(2)]
        (self.folder / "overlay.json").write_text(json.dumps(history.overlay), encoding="utf-8")
        self.as_of = time_text(history.last + 30 * DAY)

    def command(self, name, workers=2):
        folder = self.folder / name
        return [
            engine.binary(), "replay", "--json", "--overlay", str(self.folder / "overlay.json"), "--horizon", "none", "--as-of", self.as_of,
            "--state", str(folder / "state"), "--out", str(folder / "out"), "--snapshot", str(folder / "snapshot"),
            "--epoch-events", str(self.epoch_events), "--partitions", str(PARTITIONS), "--workers", str(workers), *map(str, self.files),
        ]  # fmt: skip

    def replay(self, name, workers=2):
        """(summary, seconds) of a replay that nobody disturbs."""
        (self.folder / name).mkdir(exist_ok=True)
        started = time.monotonic()
        done = subprocess.run(self.command(name, workers), capture_output=True, stdin=subprocess.DEVNULL, timeout=engine.TIME_LIMIT_S, check=False)
        if done.returncode:
            raise engine.ReplayFailed(done.stderr.decode(errors="replace"))
        return json.loads(done.stdout), time.monotonic() - started

    def streams(self, name):
        return engine.streams_by_partition(self.folder / name / "out", PARTITIONS)

    def snapshot(self, name):
        return engine.text_lines(self.folder / name / "snapshot")


class Kills:
    """How often a kill hit, and what it hit."""

    def __init__(self):
        self.hits = self.while_writing = self.after_a_commit = self.rounds = 0

    def __str__(self):
        return f"{self.hits} kills hit a working replay, {self.while_writing} of them while or after it wrote, {self.after_a_commit} one that had gone on from a commit; {self.rounds} rounds"


def written(folder):
    return sum(path.stat().st_size for path in (folder / "out").glob("*.ndjson"))


def wait_for_the_moment(process, folder, rng, longest):
    """Until a random time, or until shortly after outputs are being written."""
    start, before = time.monotonic(), written(folder)
    end = start + (longest if rng.random() < 0.6 else rng.uniform(0.02, longest))
    while time.monotonic() < end and process.poll() is None:
        # A fall below what was there is the cut at the start.
        before = min(before, written(folder))
        if written(folder) > before:
            time.sleep(rng.choice((0, 0, 0.01, 0.05, 0.2)) * rng.random())
            return
        time.sleep(0.002)


class KilledReplays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        keep = os.environ.get("TROTH_KEEP")
        cls.temporary = None if keep else tempfile.TemporaryDirectory(prefix="troth-resume-")
        cls.work = engine.empty_folder(keep or cls.temporary.name)

    @classmethod
    def tearDownClass(cls):
        if cls.temporary:
            cls.temporary.cleanup()

    def killed(self, source, name, rng, seconds, kills):
        """The summary of a replay that is killed until it gets through."""
        folder = engine.empty_folder(source.folder / name)
        longest = 1.5 * seconds
        for attempt in range(1, 201):
            had_committed = written(folder) > 0
            process = subprocess.Popen(source.command(name), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            if attempt < 25:  # who is killed often enough may end
                wait_for_the_moment(process, folder, rng, longest)
                process.send_signal(signal.SIGKILL)
            out, err = process.communicate(timeout=engine.TIME_LIMIT_S)
            if process.returncode == 0:
                return json.loads(out)
            self.assertEqual(process.returncode, -signal.SIGKILL, f"attempt {attempt} of {name}: {err.decode(errors='replace')}")
            if (folder / "state" / "store" / "CURRENT").exists():
                kills.hits += 1
                kills.while_writing += written(folder) > 0
                kills.after_a_commit += had_committed
        self.fail("the replay never ends")

    def hold_against(self, source, seconds, expected, wanted, deadline, kills):
        """Rounds until enough kills have hit; each must end as the uninterrupted replay did."""
        streams, snapshot = source.streams("whole"), source.snapshot("whole")
        first = kills.hits
        while kills.hits - first < wanted and time.monotonic() < deadline:
            kills.rounds += 1
            name = f"round{kills.rounds}"
            summary = self.killed(source, name, random.Random(f"{SEED}/{kills.rounds}"), seconds, kills)
            self.assert_same(streams, source.streams(name), name)
            self.assertEqual(snapshot == source.snapshot(name), True, f"snapshot of {name}, TROTH_SEED={SEED}: {engine.first_difference(snapshot, source.snapshot(name))}")
            self.assertEqual(without_stopwatch(expected), without_stopwatch(summary), f"summary of {name}, TROTH_SEED={SEED}")
            if not os.environ.get("TROTH_KEEP"):
                engine.empty_folder(source.folder / name)

    def test_a_replay_killed_at_random_moments_writes_what_an_uninterrupted_one_writes(self):
        start = time.monotonic()
        kills = Kills()
        for events, epoch_events, share in ((SMALL, 25, 0.4), (SMALL, 3, 0.7), (LARGE, 40, 1)):
            source = Input(self.work / f"{events}-{epoch_events}", events, epoch_events)
            expected, seconds = source.replay("whole")
            self.assertGreaterEqual(expected["events"], events)
            self.assertGreater(len(source.streams("whole")), 3 * PARTITIONS, "all streams have something in them")
            wanted = int(KILLS * share) - kills.hits
            self.hold_against(source, seconds, expected, wanted, start + TIME_LIMIT_S * share, kills)
        print(kills, flush=True)
        self.assertGreater(kills.while_writing, 0, "no kill hit a replay that wrote: nothing was tested")
        self.assertGreaterEqual(kills.hits, KILLS // 2, "too few kills within the time")

    def test_workers_cannot_be_seen_in_the_streams_of_a_partition(self):
        source = Input(self.work / "workers", SMALL, 25)
        one, _ = source.replay("one", workers=1)
        eight, _ = source.replay("eight", workers=8)
        self.assert_same(source.streams("one"), source.streams("eight"), "with 8 workers")
        self.assertEqual(without_stopwatch(one), without_stopwatch(eight))

    def test_the_same_command_on_a_finished_state_adds_nothing(self):
        source = Input(self.work / "finished", SMALL, 25)
        first, _ = source.replay("again")
        before = {path.name: path.read_bytes() for path in (source.folder / "again" / "out").iterdir()}
        second, _ = source.replay("again")
        self.assertEqual(without_stopwatch(first), without_stopwatch(second))
        self.assertEqual(before, {path.name: path.read_bytes() for path in (source.folder / "again" / "out").iterdir()})

    def assert_same(self, expected, found, what):
        for key in sorted(expected.keys() | found.keys()):
            one, other = expected.get(key, []), found.get(key, [])
            if one != other:
                missing, more = (sum((collections.Counter(a) - collections.Counter(b)).values()) for a, b in ((one, other), (other, one)))
                words = f"{missing} of {len(one)} lines missing, {more} too many; {engine.first_difference(one, other)}"
                self.fail(f"{what}, TROTH_SEED={SEED}, stream and partition {key}: {words}")


def without_stopwatch(summary):
    return {k: v for k, v in summary.items() if k not in ("seconds", "cpu_seconds", "peak_rss_bytes")}


if __name__ == "__main__":
    unittest.main()
