#!/usr/bin/env python3
"""`troth replay` is killed, at every step that changes a file and at random moments, and loses what it had not synced:
the same command again leaves what an uninterrupted run leaves (promises P1 and P3).

A *point* is a step of faulty_files.c and a side: before it, after it, or half-way through its bytes. Every point that a
run of any stage passes is hit. In every other kill the unsynced is lost, as in a power cut; after every other one the next
start is killed, too. TROTH_LONG=1: every point 20 times, hundreds of random moments, and a line for the ledger
(tests/ledger/kills.ndjson; `--ledger FILE` for another, or in a short run). TROTH_SEED=N: another history, other moments;
TROTH_HITS=N: every point N times.
"""

import collections
import datetime
import json
import os
import pathlib
import random
import subprocess
import sys
import time
import unittest

import crash
import engine
from crash import CHANGING, IS_LONG, SEED, STAGES

HITS_PER_POINT = int(os.environ.get("TROTH_HITS", "20" if IS_LONG else "1"))
RANDOM_OPERATIONS = 300 if IS_LONG else 20
RANDOM_MOMENTS = 200 if IS_LONG else 20
KILLS_MIN = 500 if IS_LONG else 50
ATTEMPTS_PER_HIT = 8  # what happens in the background may not come to pass before a run ends
TIME_LIMIT_S = 5400 if IS_LONG else 240
LEDGER = engine.TREE / "tests" / "ledger" / "kills.ndjson" if IS_LONG else None

# Steps without which this test would not test what it says, whatever the counting run found.
STEPS_NEEDED = """
marker.create marker.write marker.sync marker.rename policy.write policy.sync policy.rename state.mkdir state.sync storedir.mkdir
storedir.sync wal.create wal.write wal.sync wal.unlink sst.create sst.write sst.sync sst.unlink manifest.create manifest.write
manifest.sync manifest.unlink current.write current.sync current.rename options.write options.rename identity.rename out.mkdir out.sync
sink.create sink.truncate sink.write sink.sync snapshot.write
""".split()


def sides(step):
    return ("before", "half", "after") if step.endswith(".write") else ("before", "after")


class Tally:
    """What was hit over all tests of this file."""

    def __init__(self):
        self.points = collections.Counter()
        self.kills = self.moments = self.losses = self.in_recovery = self.differences = 0
        self.started = time.monotonic()
        describe = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]  # as it is when the run begins
        done = subprocess.run(describe, cwd=engine.TREE, capture_output=True, text=True, check=False, timeout=60)
        self.commit = done.stdout.strip() or None

    def add(self, point, loses, is_recovery):
        self.kills += 1
        self.points[point] += 1
        self.losses += loses
        self.in_recovery += is_recovery

    def text(self):
        by_step = collections.defaultdict(dict)
        for point, count in self.points.items():
            step, _, side = point.rpartition(".")
            by_step[step][side] = count
        rows = [f"  {step or 'from outside':20}" + "".join(f"{side:>10} {count:4}" for side, count in sorted(sides_hit.items()))
                for step, sides_hit in sorted(by_step.items())]  # fmt: skip
        words = f"{self.kills} kills, {self.losses} of them with the loss of what was not synced, {self.in_recovery} after another kill"
        return "\n".join(["step and side → kills that hit:", *rows, f"{words}; {self.differences} differences"])

    def ledger_line(self):
        return json.dumps({
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "commit": self.commit,
            "seed": SEED, "hits_per_point": HITS_PER_POINT, "kills": self.kills, "losing": self.losses, "in_recovery": self.in_recovery,
            "seconds": round(time.monotonic() - self.started), "steps": dict(sorted(self.points.items())), "differences": self.differences,
        })  # fmt: skip


TALLY = Tally()


class KilledReplays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workshop = crash.Workshop("kill")
        cls.deadline = time.monotonic() + TIME_LIMIT_S

    @classmethod
    def tearDownClass(cls):
        cls.workshop.close()

    # ------------------------------------------------------------------------------------------------------ one round

    def kill(self, round_, plan, lose, is_recovery=False):
        """Whether the plan killed the process."""
        outcome = round_.run(plan, lose)
        if outcome.was_killed:
            [(step, _, how)] = outcome.hits
            side = how.removeprefix("kill-")
            if side == "half" and not step.endswith((".write", ".read")):
                side = "after"  # what has no bytes has no half
            TALLY.add(f"{step}.{side}", lose is not None, is_recovery)
        else:
            self.assertEqual(outcome.code, 0, f"{plan}: {outcome.message}")
        return outcome.was_killed

    def kill_next_starts(self, round_, rng, log):
        """A crash in the recovery from a crash, and in the recovery from that."""
        while rng.random() < 0.5:
            plan = f"kill-{rng.choice(('before', 'half', 'after'))} any {rng.randrange(1, 150)}"
            lose = rng.randrange(1 << 30) if rng.random() < 0.5 else None
            log.append((plan, lose))
            if not self.kill(round_, plan, lose, is_recovery=True):
                return

    def judge(self, round_, stage, log):
        found = round_.finish()
        TALLY.differences += len(found)
        self.assertEqual(found, [], f"TROTH_SEED={SEED}, stage {stage}, (plan, seed of loss): {log}")
        self.workshop.remove(round_)

    def killed_round(self, stage, plan, rng):
        """Whether the plan came true; whatever was hit, the end must be right."""
        lose = rng.randrange(1 << 30) if rng.random() < 0.5 else None
        log = [(plan, lose)]
        round_ = self.workshop.round(stage)
        was_hit = self.kill(round_, plan, lose)
        if was_hit:
            self.kill_next_starts(round_, rng, log)
        self.judge(round_, stage, log)
        return was_hit

    # ---------------------------------------------------------------------------------------------------------- tests

    def test_a_kill_at_each_step_that_changes_a_file_changes_no_result(self):
        where = collections.defaultdict(list)
        for stage, counts in self.workshop.steps.items():
            for step, count in counts.items():
                if step.partition(".")[2] in CHANGING:
                    where[step] += [(stage, number) for number in range(1, count + 1)]
        self.assertEqual(set(STEPS_NEEDED) - where.keys(), set(), "steps that the history does not bring about")
        never = []
        for step in sorted(where):
            for side in sides(step):
                point, rng, hits = f"{step}.{side}", random.Random(f"{SEED}/{step}/{side}"), 0
                places = [rng.choice(where[step]) for _ in range(ATTEMPTS_PER_HIT * HITS_PER_POINT)]
                for stage, number in places:
                    if hits == HITS_PER_POINT or time.monotonic() > self.deadline:
                        break
                    hits += self.killed_round(stage, f"kill-{side} {step} {number}", rng)
                if hits < HITS_PER_POINT:
                    never.append(f"{point} {hits}")
        self.assertEqual(never, [], f"points hit fewer than {HITS_PER_POINT} times")

    def test_a_kill_at_a_random_operation_changes_no_result(self):
        rng, hits = random.Random(f"{SEED}/operations"), 0
        for _ in range(RANDOM_OPERATIONS):
            stage = rng.randint(1, STAGES)
            number = rng.randint(1, sum(self.workshop.steps[stage].values()))
            hits += self.killed_round(stage, f"kill-{rng.choice(('before', 'half', 'after'))} any {number}", rng)
        self.assertGreater(hits, RANDOM_OPERATIONS * 3 // 4)

    def test_a_kill_at_a_random_moment_changes_no_result(self):
        """From outside, without the library: the binary as it is."""
        rng, hits = random.Random(f"{SEED}/moments"), 0
        for _ in range(RANDOM_MOMENTS):
            stage, log = rng.randint(1, STAGES), []
            round_ = self.workshop.round(stage)
            while rng.random() < 0.8:
                log.append(rng.uniform(0.005, 0.07))
                outcome = round_.run(kill_after_s=log[-1])
                if not outcome.was_killed:
                    self.assertEqual(outcome.code, 0, outcome.message)
                    break
                TALLY.add("a random moment", False, len(log) > 1)
                hits += 1
            self.judge(round_, stage, log)
        self.assertGreater(hits, RANDOM_MOMENTS // 2)

    # --------------------------------------------------------------------------------------------- can this test fail?

    def test_a_spoilt_result_is_reported(self):
        def dropped(lines):
            del lines[len(lines) // 2]

        def doubled(lines):
            lines.insert(5, lines[4])

        def swapped(lines):
            lines[-1], lines[-2] = lines[-2], lines[-1]

        def changed(lines):
            lines[3] = lines[3].replace(b"0", b"1", 1)

        for name in ("scores.ndjson", "alerts.ndjson", "promises.ndjson", "deadletters.ndjson", "snapshot"):
            for spoil in (dropped, doubled, swapped, changed):
                with self.subTest(file=name, spoilt=spoil.__name__):
                    round_ = self.workshop.round(2)
                    outcome = round_.run()
                    self.assertEqual(round_.differences(outcome), [])
                    path = round_.snapshot if name == "snapshot" else round_.out / name
                    lines = path.read_bytes().splitlines(keepends=True)
                    spoil(lines)
                    path.write_bytes(b"".join(lines))
                    self.assertEqual(len(round_.differences(outcome)), 1)

    def test_a_summary_of_fewer_events_is_reported(self):
        round_ = self.workshop.round(2)
        outcome = round_.run()
        outcome.out = outcome.out.replace(b'"applied":', b'"applied":1')
        self.assertEqual(len(round_.differences(outcome)), 1)

    def test_a_disk_that_only_says_that_it_synced_is_found_out(self):
        """With lost outputs behind a commit the end cannot be right: so the kills with losses see what is not synced."""
        found = []
        for seed in range(4):
            round_ = self.workshop.round(2)
            self.assertTrue(round_.run("kill-after wal.sync 2", seed + 1, lies="sink").was_killed)
            found += round_.finish()
            self.workshop.remove(round_)
        self.assertGreater(len(found), 0)
        self.assertIn("bytes, but the state says that", found[0])


def tearDownModule():
    print(TALLY.text(), flush=True)
    if LEDGER and TALLY.kills >= KILLS_MIN:
        LEDGER.parent.mkdir(exist_ok=True)
        with LEDGER.open("a", encoding="utf-8") as ledger:
            ledger.write(TALLY.ledger_line() + "\n")


class TheCountOfKills(unittest.TestCase):
    """After the tests above: unittest runs classes by name."""

    def test_there_were_enough_kills(self):
        self.assertGreaterEqual(TALLY.kills, KILLS_MIN)
        self.assertGreaterEqual(TALLY.losses, KILLS_MIN // 4)
        self.assertGreaterEqual(TALLY.in_recovery, KILLS_MIN // 8)


if __name__ == "__main__":
    if "--ledger" in sys.argv:
        at = sys.argv.index("--ledger")
        LEDGER = pathlib.Path(sys.argv[at + 1]).resolve()
        del sys.argv[at : at + 2]
    unittest.main()
