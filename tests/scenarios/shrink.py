#!/usr/bin/env python3
"""Makes a failing history small: leaves out lines as long as engine and oracle still differ in the same respect.

    shrink.py [--overlay FILE] [--as-of TIME]... [--horizon TIME] [--partitions N] [--epoch-events N] [--workers N] FILE...

Writes FILE.small beside each input and prints the difference that is left.
"""

import argparse
import collections
import json
import pathlib
import sys
import tempfile
import time

import engine
from calendars import parse_time
from engine import Result, load_policy

TIME_LIMIT_S = 300


def differences(options, inputs, folder):
    """{respect: words} of what differs between engine and oracle."""
    files = [engine.write_lines(folder / f"{index}.ndjson", lines) for index, lines in enumerate(inputs)]
    overlay = json.loads(pathlib.Path(options.overlay).read_text(encoding="utf-8")) if options.overlay else {}
    policy = load_policy(str(engine.DEFAULT_POLICY), overlay)
    horizon = None if options.horizon == "none" else parse_time(options.horizon)
    oracle = Result([str(file) for file in files], policy, [parse_time(text) for text in options.as_of], options.partitions, horizon, streamed=True)
    out, snapshot = engine.empty_folder(folder / "out"), folder / "snapshot"
    command = ["--horizon", options.horizon, "--partitions", options.partitions, "--workers", options.workers, "--out", out, "--snapshot", snapshot]
    command += ["--epoch-events", options.epoch_events] if options.epoch_events else []
    command += ["--overlay", options.overlay] if options.overlay else []
    for text in options.as_of:
        command += ["--as-of", text]
    found = {}
    try:
        summary = engine.replay(files, *command)
    except engine.ReplayFailed as error:
        return {"exit": str(error)}
    lines = [line for each in oracle.snapshots for line in each]
    if lines != engine.text_lines(snapshot):
        found["snapshot"] = engine.first_difference(lines, engine.text_lines(snapshot))
    for name, value in oracle.summary().items():
        if value != summary[name]:
            found[f"summary {name}"] = f"expected {value}, found {summary[name]}"
    written = collections.Counter(letter["reason"] for letter in engine.dead_letter_lines(out))
    if dict(written) != summary["dead_letters"]:
        found["dead letters"] = f"counted {summary['dead_letters']}, written {dict(written)}"
    expected, records = engine.expected_last_records(oracle), engine.last_records(out)
    for stream in expected:
        if expected[stream] != records[stream]:
            found[stream] = engine.first_difference(expected[stream], records[stream])
    return found


def shrink(options, inputs, folder, respect):
    """Halves, quarters, … of the lines are left out while `respect` still differs."""
    lines = [(index, line) for index, each in enumerate(inputs) for line in each]
    deadline = time.monotonic() + TIME_LIMIT_S
    back = lambda kept: [[line for index, line in kept if index == number] for number in range(len(inputs))]
    size = len(lines) // 2
    while size and time.monotonic() < deadline:
        at, smaller = 0, False
        while at < len(lines):
            kept = lines[:at] + lines[at + size :]
            try:
                bad = kept and respect in differences(options, back(kept), folder)
            except ValueError:
                bad = False  # nothing left to tell a time by
            if bad:
                lines, smaller = kept, True
            else:
                at += size
        size = size if smaller and size == 1 else size // 2
    return back(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--overlay")
    parser.add_argument("--as-of", action="append", default=[])
    parser.add_argument("--horizon", default="none")
    parser.add_argument("--respect", help="which of the differences to keep; default: the first")
    for name, default in (("partitions", 16), ("workers", 1), ("epoch-events", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    inputs = [pathlib.Path(file).read_bytes().split(b"\n")[:-1] for file in options.files]
    with tempfile.TemporaryDirectory(prefix="troth-shrink-") as name:
        folder = pathlib.Path(name)
        found = differences(options, inputs, folder)
        if not found:
            print("no difference")
            return 1
        print("\n".join(f"{respect}: {words}" for respect, words in found.items()))
        small = shrink(options, inputs, folder, options.respect or next(iter(found)))
        for file, lines in zip(options.files, small):
            engine.write_lines(f"{file}.small", lines)
        print("\n--- " + ", ".join(f"{file}.small" for file in options.files))
        for lines in small:
            print(b"\n".join(lines).decode(errors="replace"), "\n---")
        print("\n".join(f"{respect}: {words}" for respect, words in differences(options, small, folder).items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
