#!/usr/bin/env python3
"""Runs the simulator: schedules by seed, planted bugs, and the oracle's word on the plain runs. Exit 0 only if all holds.

  tests/simulation/run.py                          20,000 schedules, all planted bugs, 150 histories asked of the oracle
  tests/simulation/run.py --seeds 200000 --ledger  the next seeds that the ledger does not have yet, and a line in it

What is printed: how often each fault was fired (below the floor is a failure: what never happened was never survived), and
for each planted bug the seed that found it. A planted bug that is not found within 10,000 seeds is a failure, and so is the
canary, whose final check is wrong on purpose.
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import yaml

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
LEDGER = TREE / "tests" / "ledger" / "simulation.ndjson"
FLOOR = 100  # times that each fault must have been fired
FLOOR_FROM = 10_000  # schedules from which on the floor holds
BUG_SEEDS = 10_000
TIME_LIMIT_S = 3 * 3600


def simulate(binary, *arguments):
    """The JSON summary of a run, and all that it printed."""
    done = subprocess.run([str(binary), *map(str, arguments)], stdout=subprocess.PIPE, text=True, timeout=TIME_LIMIT_S, check=False)
    lines = done.stdout.splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise SystemExit(f"{binary} {' '.join(map(str, arguments))}: no summary (exit {done.returncode})\n{done.stdout[-2000:]}")
    return json.loads(lines[-1]), lines[:-1]


def side_by_side(jobs, calls):
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda call: call(), calls))


def schedules(options, first, count):
    """Plays them in pieces; answers the number of findings and the summed summary."""
    piece = max(1, min(2_500, count // options.jobs))
    begins = range(first, first + count, piece)
    calls = [lambda b=b: simulate(options.simulate, "--from", b, "--to", min(b + piece, first + count)) for b in begins]
    total = {"schedules": 0, "records": 0, "lives": 0, "findings": 0}
    marks = {}
    for summary, told in side_by_side(options.jobs, calls):
        for name in total:
            total[name] += summary[name]
        for mark in summary["marks"]:
            marks[mark["name"]] = marks.get(mark["name"], 0) + mark["count"]
        for line in told:
            print(line)
    print(f"{total['schedules']:,} schedules (seeds {first} to {first + count - 1}), {total['records']:,} records, {total['lives']:,} lives, {total['findings']} violations")
    too_few = 0
    for name, times in sorted(marks.items(), key=lambda item: item[1]):
        is_short = count >= FLOOR_FROM and times < FLOOR
        too_few += is_short
        print(f"  {times:>10,}  {name}{f'   BELOW {FLOOR}' if is_short else ''}")
    return total, marks, too_few


def planted_bugs(options):
    """(found, of), with the table."""
    listed = subprocess.run([str(options.planted), "--bugs"], stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
    bugs = [line.split("\t") for line in listed.splitlines()]
    calls = [lambda name=name: simulate(options.planted, "--bug", name, "--from", 0, "--to", BUG_SEEDS)[0] for name, _ in bugs]
    found = 0
    print(f"\n{len(bugs)} planted bugs (the last is the canary):\n  seeds until found")
    for (name, what), summary in zip(bugs, side_by_side(options.jobs, calls)):
        is_found = summary["findings"] > 0
        found += is_found
        print(f"  {summary['first_seed'] + 1 if is_found else 'NOT FOUND':>9}  {name}: {what}")
        if is_found:
            print(f"             by: {summary['first_violation'].splitlines()[0][:140]}")
    print(f"{found} of {len(bugs)} planted bugs found within {BUG_SEEDS:,} seeds each")
    return found, len(bugs)


def oracle(options):
    """Differences between the plain runs and the independent oracle, by history."""
    with tempfile.TemporaryDirectory(prefix="troth-facts-") as folder:
        subprocess.run([str(options.simulate), "--facts", folder, "--from", "0", "--to", str(options.histories)], timeout=600, check=True)
        listed = [json.loads(line) for line in (pathlib.Path(folder) / "jobs.ndjson").read_text().splitlines()]
        for job in listed:
            job["overlay"] = yaml.safe_load(pathlib.Path(job["overlay"]).read_text()) or None
        batches = []
        for i in range(options.jobs):
            batches.append(pathlib.Path(folder) / f"batch-{i}.ndjson")
            batches[-1].write_text("".join(json.dumps(job) + "\n" for job in listed[i :: options.jobs]))
        command = [sys.executable, str(TREE / "tests" / "oracle" / "oracle.py"), "--batch"]
        side_by_side(options.jobs, [lambda b=b: subprocess.run([*command, str(b)], timeout=1800, check=False) for b in batches])
        wrong = 0
        for job in listed:
            found = pathlib.Path(job["snapshot"])
            expected = pathlib.Path(job["snapshot"].replace(".found", ".expected"))
            if not found.exists() or found.read_bytes() != expected.read_bytes():
                wrong += 1
                print(f"the oracle says otherwise: seed {pathlib.Path(job['snapshot']).stem}")
        print(f"\n{len(listed)} histories asked of the oracle, {wrong} differences")
        return wrong if listed else 1


def next_seed():
    """Behind all that the ledger has."""
    if not LEDGER.exists():
        return 0
    return max([json.loads(line)["to"] for line in LEDGER.read_text().splitlines() if line.strip()], default=0)


def commit_now():
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=TREE, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()


def note(commit, first, count, total, marks, bugs):
    line = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": commit,
        "from": first,
        "to": first + count,
        **total,
        "least_mark": min(marks.values()),
        "planted_found": bugs[0],
        "planted": bugs[1],
    }
    LEDGER.parent.mkdir(exist_ok=True)
    with LEDGER.open("a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(line) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulate", type=pathlib.Path, default=TREE / "build" / "release" / "tests" / "simulation" / "simulate")
    parser.add_argument("--planted", type=pathlib.Path, default=TREE / "build" / "planted" / "tests" / "simulation" / "simulate")
    parser.add_argument("--seeds", type=int, default=20_000)
    parser.add_argument("--histories", type=int, default=150, help="seeds whose facts are asked of the oracle")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--ledger", action="store_true", help="go on behind the ledger's last seed, and append to it")
    options = parser.parse_args()

    commit = commit_now()  # at the start: the tree may move on meanwhile
    first = next_seed() if options.ledger else 0
    total, marks, too_few = schedules(options, first, options.seeds)
    bugs = planted_bugs(options)
    wrong = oracle(options)
    if options.ledger:
        note(commit, first, options.seeds, total, marks, bugs)
    checks = [total["findings"] == 0, too_few == 0, bugs[0] == bugs[1] and bugs[1] > 20, wrong == 0]
    print(f"{checks.count(True)} passed, {checks.count(False)} failed")
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
