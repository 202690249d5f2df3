#!/usr/bin/env python3
"""Kills `troth run` on Kafka for as long as is asked, in rounds with a broker, topics and seeds of their own, and keeps a ledger.

    python3 tests/broker/kill_run.py --kills 500 --ledger tests/ledger/kafka_kills.ndjson

Each round that came to its end is one line, so it may be stopped at any time. Ends with 1 at the first difference, and says
by which seed to repeat it. What is killed and judged: exactly_once.py.
"""

import argparse
import datetime
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import exactly_once  # noqa: E402
import kafka  # noqa: E402
import live  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description="Kills troth run on Kafka, in rounds, and keeps a ledger.")
    parser.add_argument("--kills", type=int, default=500, help="at least so many in all (default: %(default)s)")
    parser.add_argument("--per-step", type=int, default=3, help="a round kills at each step so often, alone and together (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first round; the next ones count up (default: the time)")
    parser.add_argument("--ledger", type=pathlib.Path, help="file that gets a line a round")
    options = parser.parse_args()
    describe = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    commit = subprocess.run(describe, cwd=live.TREE, capture_output=True, text=True, check=False, timeout=60).stdout.strip() or None
    kills, seed = 0, options.seed
    while kills < options.kills:
        began, tally = time.monotonic(), exactly_once.Tally()
        with tempfile.TemporaryDirectory(prefix="troth-kills-") as name, kafka.Broker() as broker:
            folder = pathlib.Path(name)
            library = exactly_once.compile_kill_points(folder)
            worlds = exactly_once.two_worlds(options.per_step, random.Random(seed), 1_300 * options.per_step)
            exactly_once.run_kills(broker, folder, worlds, seed, library, tally)
        kills += sum(tally.kills.values())
        print(tally.text(), flush=True)
        print(f"seed {seed}: {kills} kills so far", flush=True)
        if options.ledger:
            options.ledger.parent.mkdir(exist_ok=True)
            with options.ledger.open("a", encoding="utf-8") as ledger:
                ledger.write(json.dumps({
                    "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "commit": commit, "seed": seed,
                    "kafka": kafka.DEFAULT_VERSION, "seconds": round(time.monotonic() - began), "kills": sum(tally.kills.values()),
                    "lives": tally.lives, "missed": tally.missed.total(), "gave_up": tally.gave_up, "moves": tally.moves,
                    "alone": dict(tally.alone), "together": dict(tally.together), "restarts": dict(tally.restarts),
                    "recoveries": dict(tally.recoveries), **tally.figures, "differences": len(tally.differences),
                }) + "\n")  # fmt: skip
        if tally.differences:
            print("\n".join(tally.differences), flush=True)
            sys.exit(f"{len(tally.differences)} differences: repeat with --seed {seed} --per-step {options.per_step}")
        seed += 1


if __name__ == "__main__":
    main()
