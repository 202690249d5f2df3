#!/usr/bin/env python3
"""Random histories: the engine says what the oracle says, and how events arrive or are processed cannot be seen.

    property_test.py [--seeds A-B] [unittest options]     TROTH_LONG=1: thousands of seeds

Per seed two histories: one with everything in it (invalid, late, future, conflicting messages, caps, erasures) is replayed as
it is; a clean one also in other orders, with duplicates, from several files, with other epochs, workers and partitions. A
failure names its seed; `property_test.py --seeds N-N` repeats it, and TROTH_KEEP=DIR keeps the inputs and outputs there.
"""

import collections
import json
import os
import pathlib
import random
import sys
import tempfile
import time
import unittest

import engine
from engine import Result, load_policy
from histories import DAY, MINUTE, History, time_text

SEEDS = range(150)
LONG_SEEDS = range(4000)
TIME_LIMIT_S = 220  # of the default run; what is left then is told, not silently dropped
EPOCHS = (1, 7, 100_000)
WORKERS = (1, 2, 8)
PARTITIONS = (1, 16)


class Case:
    """A history, its files and the oracle's word on it."""

    def __init__(self, folder, history, files, as_ofs, partitions=16):
        self.folder = engine.empty_folder(folder)
        self.history = history
        self.overlay = self.folder / "overlay.json"
        self.overlay.write_text(json.dumps(history.overlay), encoding="utf-8")
        self.files = self.write(files)
        self.as_ofs = as_ofs
        self.partitions = partitions
        self.policy = load_policy(str(engine.DEFAULT_POLICY), history.overlay)
        self.oracle = self.ask_oracle(partitions, as_ofs)

    def write(self, files, name="input"):
        return [engine.write_lines(self.folder / f"{name}{index}.ndjson", lines) for index, lines in enumerate(files)]

    def ask_oracle(self, partitions, as_ofs):
        return Result([str(path) for path in self.files], self.policy, as_ofs, partitions, self.history.horizon, streamed=True)

    def options(self, as_ofs=None):
        options = ["--overlay", self.overlay, "--horizon", "none" if self.history.horizon is None else time_text(self.history.horizon)]
        for as_of in self.as_ofs if as_ofs is None else as_ofs:
            options += ["--as-of", time_text(as_of)]
        return options

    def replay(self, files=None, name="out", partitions=None, epoch=None, workers=1, as_ofs=None):
        """(summary, snapshot lines, folder of the streams) of one run of the engine."""
        out = self.folder / name
        snapshot = self.folder / f"{name}.snapshot"
        options = self.options(as_ofs) + ["--snapshot", snapshot, "--out", out, "--workers", workers]
        options += ["--partitions", partitions or self.partitions]
        if epoch:
            options += ["--epoch-events", epoch]
        (self.folder / "command").write_text(" ".join(map(str, ["troth", "replay", *options, *(files or self.files)])) + "\n", encoding="utf-8")
        summary = engine.replay(files or self.files, *options)
        return summary, engine.text_lines(snapshot), out

    def expected_snapshot(self, oracle=None):
        return [line for lines in (oracle or self.oracle).snapshots for line in lines]


def three_times(rng, history):
    """Before the last event, at it, and long after."""
    span = max(1, history.last - history.start)
    return [history.start + rng.randrange(span), history.last, history.last + rng.choice((1, 10 * MINUTE, 3 * DAY, 40 * DAY, 91 * DAY, 700 * DAY))]


class RandomHistories(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.keep = os.environ.get("TROTH_KEEP")
        cls.temporary = None if cls.keep else tempfile.TemporaryDirectory(prefix="troth-property-")
        cls.work = pathlib.Path(cls.keep or cls.temporary.name)
        cls.work.mkdir(parents=True, exist_ok=True)

    @classmethod
    def tearDownClass(cls):
        if cls.temporary:
            cls.temporary.cleanup()

    def for_each_seed(self, check, share):
        """Runs a check for all seeds within its share of the time; at most five failures are shown."""
        is_bounded = not (os.environ.get("TROTH_LONG") or chosen_seeds)
        deadline = time.monotonic() + (TIME_LIMIT_S * share if is_bounded else 1e9)
        seeds = chosen_seeds or (LONG_SEEDS if os.environ.get("TROTH_LONG") else SEEDS)
        failed = []
        done = 0
        for seed in seeds:
            if time.monotonic() > deadline:
                print(f"{self.id()}: out of time after {done} of {len(seeds)} seeds", flush=True)
                break
            try:
                check(seed)
            except (AssertionError, engine.ReplayFailed) as error:
                failed.append(f"seed {seed}: {error}\n  repeat: TROTH_KEEP=/tmp/case {sys.argv[0]} --seeds {seed}-{seed} {self.id().split('.', 1)[1]}")
                print(failed[-1], flush=True)
                if len(failed) == 5:
                    break
            done += 1
        self.assertGreaterEqual(done, min(20, len(seeds)), "too slow to say anything")
        if failed:
            self.fail(f"{len(failed)} seeds failed, told above; the first:\n{failed[0]}")

    # ------------------------------------------------------------------------------------ what must hold

    def assert_lines_equal(self, expected, found, what):
        if expected != found:
            self.fail(f"{what}: {engine.first_difference(expected, found)}")

    def assert_last_records(self, oracle, out, what):
        expected, found = engine.expected_last_records(oracle), engine.last_records(out)
        for stream in expected:
            if expected[stream] != found[stream]:
                self.fail(f"{what}, last records of {stream}: {engine.first_difference(expected[stream], found[stream])}")

    def assert_adds_up(self, summary, out):
        letters = summary["dead_letters"]
        self.assertEqual(summary["events"], summary["applied"] + summary["duplicates"] + sum(letters.values()), f"accounting {summary}")
        written = collections.Counter(each["reason"] for each in engine.dead_letter_lines(out))
        self.assertEqual({k: v for k, v in letters.items() if v}, dict(written), "dead letters counted and written")

    def assert_explained(self, snapshot):
        for line in snapshot:
            record = json.loads(line)
            points = sum(row["points"] for row in record["explanation"])
            self.assertEqual(points, record["score"], f"explanation of {record['customer']} at {record['as_of']}")

    # ------------------------------------------------------------------------------------ the tests

    def test_a_history_with_all_its_faults_comes_out_as_the_oracle_says(self):
        self.for_each_seed(self.check_faulty, share=0.35)

    def check_faulty(self, seed):
        rng = random.Random(f"faulty/{seed}")
        history = History(seed)
        lines = history.lines() if rng.random() < 0.4 else history.disordered(rng)
        inputs = [lines] if rng.random() < 0.6 else split(rng, lines)
        partitions = rng.choice(PARTITIONS)
        default_time = rng.random() < 0.3
        case = Case(self.work / f"faulty-{seed}", history, inputs, [] if default_time else three_times(rng, history), partitions)
        summary, snapshot, out = case.replay(epoch=rng.choice((None, *EPOCHS)), workers=rng.choice(WORKERS))
        self.assert_lines_equal(case.expected_snapshot(), snapshot, "snapshot")
        self.assert_adds_up(summary, out)
        expected = case.oracle.summary()
        found = {name: summary[name] for name in expected}
        found["dead_letters"] = {k: v for k, v in found["dead_letters"].items() if v}
        self.assertEqual(expected, found, "summary")
        self.assert_same_dead_letters(case, out)
        self.assert_explained(snapshot)
        self.assert_last_records(case.oracle, out, "in order")

    def assert_same_dead_letters(self, case, out):
        """Each refused line with its reason and field; a conflict with the name of the event."""
        names = [str(path) for path in case.files]
        expected = collections.Counter()
        for letter in case.oracle.admission.dead_letters:
            if letter.offset is None:
                expected["conflict", None, letter.event.source, letter.event.id, letter.event.type] += 1
            else:
                expected[letter.reason, letter.field, names[letter.input], letter.offset] += 1
        found = collections.Counter()
        for letter in engine.dead_letter_lines(out):
            if letter["reason"] == "conflict":
                found["conflict", None, letter["source"], letter["id"], letter["type"]] += 1
            else:
                found[letter["reason"], letter.get("field"), letter["topic"], letter["offset"]] += 1
        self.assertEqual(expected, found, "dead letters")

    def test_order_duplicates_files_epochs_workers_and_partitions_cannot_be_seen(self):
        self.for_each_seed(self.check_variants, share=0.55)

    def check_variants(self, seed):
        rng = random.Random(f"variants/{seed}")
        history = History(f"clean/{seed}", clean=True)
        case = Case(self.work / f"clean-{seed}", history, [history.lines()], three_times(rng, history))
        expected = case.expected_snapshot()
        for number in range(3):
            inputs, copies = history.arrivals(rng, rng.choice((1, 1, 2, 3, 4)), duplicates=number != 1)
            files = case.write(inputs, f"arrival{number}-")
            choice = {"partitions": rng.choice(PARTITIONS), "epoch": rng.choice(EPOCHS), "workers": rng.choice(WORKERS)}
            what = f"arrival {number} with {choice} from {len(files)} files"
            summary, snapshot, out = case.replay(files, f"out{number}", **choice)
            self.assert_lines_equal(expected, snapshot, what)
            self.assertEqual((summary["applied"], summary["duplicates"], summary["dead_letters"]), (len(history.events), copies, {}), what)
            self.assert_adds_up(summary, out)
            self.assert_last_records(case.oracle, out, what)
            if number == 0:
                self.assert_explained(snapshot)
                self.assert_same_streams(case, files, out, choice, summary)

    def assert_same_streams(self, case, files, out, choice, summary):
        """Epochs fixed, other workers: each partition's streams are the same bytes."""
        choice = dict(choice, workers=1 if choice["workers"] > 1 else 8)
        again, _, other = case.replay(files, "other_workers", **choice)
        one, two = (engine.streams_by_partition(each, choice["partitions"]) for each in (out, other))
        for key in sorted(one.keys() | two.keys()):
            if one.get(key) != two.get(key):
                self.fail(f"stream and partition {key} with other workers {choice}: {engine.first_difference(one.get(key, []), two.get(key, []))}")
        self.assertEqual(without_stopwatch(summary), without_stopwatch(again), "summaries with other workers")

    def test_without_as_of_the_greatest_event_time_is_taken(self):
        def check(seed):
            history = History(f"default/{seed}", clean=True)
            case = Case(self.work / f"default-{seed}", history, [history.lines()], [])
            _, snapshot, out = case.replay()
            self.assert_lines_equal(case.expected_snapshot(), snapshot, "snapshot")
            self.assert_last_records(case.oracle, out, "default as-of")

        self.for_each_seed(lambda seed: check(seed) if seed % 5 == 0 else None, share=0.1)


def split(rng, lines):
    files = [[] for _ in range(rng.randint(2, 4))]
    for line in lines:
        rng.choice(files).append(line)
    return files


def without_stopwatch(summary):
    return {k: v for k, v in summary.items() if k not in ("seconds", "cpu_seconds", "peak_rss_bytes")}


chosen_seeds = None


def take_seeds(arguments):
    """`--seeds A-B` out of the arguments."""
    if "--seeds" not in arguments:
        return None
    at = arguments.index("--seeds")
    first, _, last = arguments[at + 1].partition("-")
    del arguments[at : at + 2]
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    chosen_seeds = take_seeds(sys.argv)
    unittest.main()
