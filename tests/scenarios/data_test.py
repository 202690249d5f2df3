#!/usr/bin/env python3
"""Real event streams: engine and oracle agree byte for byte on every customer, and nothing is refused.

The streams lie outside the tree (../shared/data); where they are absent this is skipped, loudly. TROTH_STREAMS=a,b: only these.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import engine
from calendars import parse_time
from engine import Result, load_policy
from histories import DAY, time_text

STREAMS = ("twcs", "cfpb", "online_retail", "olist", "uci_incident", "composite")
WORKERS = 2


def span(path):
    """First and last event time of a stream sorted by time."""
    text = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True, timeout=60).stdout
    lines = text.rstrip(b"\n").split(b"\n")
    return tuple(parse_time(json.loads(line)["time"]) for line in (lines[0], lines[-1]))


class RealStreams(unittest.TestCase):
    def check(self, name):
        path = engine.DATA / f"{name}.ndjson.zst"
        if not path.exists() or name not in os.environ.get("TROTH_STREAMS", name).split(","):
            print(f"SKIPPED: {name}: no {path.name} in ../shared/data, or not asked for", flush=True)
            self.skipTest("evaluation data is absent")
        first, last = span(path)
        as_ofs = [first + (last - first) * 6 // 10, last, last + 40 * DAY]
        policy = load_policy(str(engine.DEFAULT_POLICY))
        with tempfile.TemporaryDirectory(prefix="troth-data-") as folder:
            work = pathlib.Path(folder)
            self.compare(path, work, policy, as_ofs)
            self.compare_last_records(path, work, policy)

    def compare(self, path, work, policy, as_ofs):
        options = [word for as_of in as_ofs for word in ("--as-of", time_text(as_of))]
        summary = engine.replay([path], "--horizon", "none", "--snapshot", work / "snapshot", *options)
        oracle = Result([str(path)], policy, as_ofs, workers=WORKERS)
        self.assertEqual(summary["dead_letters"], {})
        self.assertEqual({name: summary[name] for name in oracle.summary()}, oracle.summary())
        expected = [line for lines in oracle.snapshots for line in lines]
        found = engine.text_lines(work / "snapshot")
        self.assertGreater(len(found), 3)
        if expected != found:
            self.fail(engine.first_difference(expected, found))

    def compare_last_records(self, path, work, policy):
        engine.replay([path], "--horizon", "none", "--out", work / "out")
        oracle = Result([str(path)], policy, workers=WORKERS, streamed=True)
        expected, found = engine.expected_last_records(oracle), engine.last_records(work / "out")
        for stream in expected:
            if expected[stream] != found[stream]:
                self.fail(f"last records of {stream}: {engine.first_difference(expected[stream], found[stream])}")


def _test(name):
    def test(self):
        self.check(name)

    return test


for _name in STREAMS:
    setattr(RealStreams, f"test_{_name}_comes_out_as_the_oracle_says", _test(_name))


if __name__ == "__main__":
    if not engine.DATA.is_dir():
        print("SKIPPED: no evaluation data beside the tree", flush=True)
        sys.exit(77)
    unittest.main()
