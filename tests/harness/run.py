"""Builds Troth and runs its tests, group by group, and adds up what they say.

Every group prints as it goes; its counts are read from the test programs' own reports. A group that ran nothing counts as a
failure: silence is no success. What failed is named once more at the end; the last line is `N passed, N failed, N skipped`.

The builds that only one group needs are made while other groups run, at the lowest priority: tests of brokers mostly wait.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
RELEASE = TREE / "build" / "release"
ASAN = TREE / "build" / "asan"
TSAN = TREE / "build" / "tsan"
PLANTED = TREE / "build" / "planted"
FUZZ = TREE / "build" / "fuzz"
GROUP_TIME_LIMIT_S = 20 * 60
LONG_TIME_LIMIT_S = 12 * 3600

failed_names = []  # as they come


class Counts:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def environment(options):
    env = dict(os.environ, TROTH=str(RELEASE / "troth"), PYTHONDONTWRITEBYTECODE="1")
    env.setdefault("TROTH_VECTORS", str(TREE / "tests" / "golden"))
    env["TSAN_OPTIONS"] = f"suppressions={TREE / 'tests' / 'harness' / 'tsan.supp'}:history_size=7"
    env["TSAN_CANARY"] = str(TSAN / "tsan_canary")
    env["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0"
    if options.long:
        env["TROTH_LONG"] = "1"
    return env


def run(command, options, troth=None, **more):
    print("$ " + " ".join(str(word) for word in command), flush=True)
    env = environment(options) | ({"TROTH": str(troth)} if troth else {})
    limit = LONG_TIME_LIMIT_S if options.long else GROUP_TIME_LIMIT_S
    try:
        return subprocess.run([str(word) for word in command], cwd=TREE, env=env, timeout=limit, check=False, **more)
    except subprocess.TimeoutExpired:
        print(f"took longer than {limit} s", flush=True)
        return None


def build(preset, options, targets=(), without_tests=False, nice=0, log=None):
    """One test: it builds. `log`: the file for what is printed, if not now."""
    started = time.monotonic()
    more = {"stdout": log, "stderr": subprocess.STDOUT} if log else {}
    lower = ["nice", "-n", nice] if nice else []
    configured = run([*lower, "cmake", "--preset", preset, f"-DTROTH_TESTS={'OFF' if without_tests else 'ON'}"], options, stdout=log or subprocess.DEVNULL)
    only = ["--target", *targets] if targets else []
    built = configured is not None and configured.returncode == 0 and run([*lower, "cmake", "--build", "--preset", preset, *only], options, **more)
    ok = bool(built) and built.returncode == 0
    print(f"build {preset}: {'done' if ok else 'FAILED'} in {time.monotonic() - started:.0f} s", flush=True)
    if not ok:
        failed_names.append(f"build {preset}")
    return Counts(passed=1) if ok else Counts(failed=1)


# What only one group needs, built apart: preset, and how.
BUILDS = {
    "simulation": lambda options: ("planted", {"targets": ["simulate"]}),
    "fuzz": lambda options: ("fuzz", {"without_tests": True}),
    "asan": lambda options: ("asan", {"targets": () if options.long else [f"unit_{room}" for room in ASAN_ROOMS]}),
    "tsan": lambda options: ("tsan", {"targets": [*(f"unit_{room}" for room in TSAN_ROOMS), "troth", "tsan_canary"]}),
}


class Builder:
    """Builds for groups to come, one after the other, while others run; `wait` gives the outcome and says what was printed."""

    NICE = 19

    def __init__(self, groups, options):
        self.options = options
        self.done = {name: threading.Event() for name in groups if name in BUILDS}
        self.counts, self.logs = {}, {}
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        for name, done in self.done.items():
            preset, how = BUILDS[name](self.options)
            with tempfile.NamedTemporaryFile("w", prefix=f"troth-build-{preset}-", suffix=".log", delete=False) as log:
                self.logs[name] = pathlib.Path(log.name)
                self.counts[name] = build(preset, self.options, nice=self.NICE, log=log, **how)
            done.set()

    def wait(self, name):
        if name not in self.done:
            return Counts()
        self.done[name].wait()
        if self.counts[name].failed:
            print(self.logs[name].read_text(), flush=True)
        self.logs[name].unlink()
        return self.counts[name]


def gtest(binary, options):
    """One GoogleTest program; its own report says how many tests there were."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        done = run([binary, f"--gtest_output=json:{report}", "--gtest_brief=1"], options)
        if not report.exists():
            failed_names.append(f"{binary.name}: no report (exit {None if done is None else done.returncode})")
            return Counts(failed=1)
        result = json.loads(report.read_text())
    counts = Counts()
    for suite in result.get("testsuites", []):
        for case in suite.get("testsuite", []):
            if case.get("failures"):
                failed_names.append(f"{binary.name} {suite['name']}.{case['name']}")
                counts.failed += 1
            elif case.get("result") == "SKIPPED":
                counts.skipped += 1
            else:
                counts.passed += 1
    if done is None or (done.returncode != 0 and counts.failed == 0):
        failed_names.append(f"{binary.name}: {'time is up' if done is None else f'exit {done.returncode}'}")
        counts.failed += 1
    return counts


def unittests(script, options, troth=None):
    """One Python test script; counts from unittest's closing lines."""
    done = run([sys.executable, "-u", script], options, troth, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done is None:
        failed_names.append(f"{script.name}: time is up")
        return Counts(failed=1)
    print(done.stdout, flush=True)
    failed_names.extend(f"{script.name} {name}" for name in re.findall(r"^(?:FAIL|ERROR): (.*)$", done.stdout, re.MULTILINE))
    if done.returncode == 77:
        print(f"SKIPPED: {script.name}", flush=True)
        return Counts(skipped=1)
    counts = Counts()
    for ran, verdict in re.findall(r"^Ran (\d+) tests? in [^\n]*\n\s*\n?(.*)$", done.stdout, re.MULTILINE):
        numbers = {name: int(number) for name, number in re.findall(r"(\w[\w ]*)=(\d+)", verdict)}
        failed = numbers.get("failures", 0) + numbers.get("errors", 0)
        skipped = numbers.get("skipped", 0)
        counts.add(Counts(int(ran) - failed - skipped, failed, skipped))
    if counts.passed + counts.failed + counts.skipped == 0 or (done.returncode != 0 and counts.failed == 0):
        failed_names.append(f"{script.name}: exit {done.returncode}")
        counts.failed += 1
    return counts


def counted(command, options):
    """A program whose last line is `N passed, N failed`."""
    done = run(command, options, stdout=subprocess.PIPE, text=True)
    if done is not None:
        print(done.stdout, flush=True)
    last = done and re.fullmatch(r"(\d+) passed, (\d+) failed", (done.stdout.splitlines() or [""])[-1])
    counts = Counts(int(last[1]), int(last[2])) if last else Counts(failed=1)
    if done is not None and done.returncode != 0 and counts.failed == 0:
        counts.failed = 1
    if counts.failed:
        failed_names.append(" ".join(map(str, command)))
    return counts


def script(command, options):
    """A program that is one test: 0 passed, 77 skipped."""
    done = run(command, options)
    if done is not None and done.returncode == 77:
        return Counts(skipped=1)
    if done is not None and done.returncode == 0:
        return Counts(passed=1)
    failed_names.append(" ".join(map(str, command)))
    return Counts(failed=1)


def unit_programs(folder):
    return sorted(path for path in (folder / "tests").glob("unit_*") if path.is_file() and os.access(path, os.X_OK))


def group_unit(options):
    counts = Counts()
    for binary in unit_programs(RELEASE):
        counts.add(gtest(binary, options))
    return counts


# Rooms whose programs do not need the command line, which takes longest to build with sanitizers: the usual run keeps to
# them; --long builds and runs all.
ASAN_ROOMS = ("base", "event", "decode", "task", "state", "source", "sink", "http", "catalogue", "calendar", "policy", "fold",
              "evidence", "score")


def group_asan(options):
    counts = Counts()
    for binary in unit_programs(ASAN):
        if options.long or binary.name.removeprefix("unit_") in ASAN_ROOMS:
            counts.add(gtest(binary, options))
    if options.long:
        counts.add(script([TREE / "tests" / "vectors", TREE / "tests" / "golden", "--troth", ASAN / "troth"], options))
    return counts


# Rooms in which threads meet.
TSAN_ROOMS = ("task", "state", "source", "sink", "observe", "http")


def group_tsan(options):
    counts = Counts()
    for room in TSAN_ROOMS:
        counts.add(gtest(TSAN / "tests" / f"unit_{room}", options))
    counts.add(unittests(TREE / "tests" / "harness" / "tsan_test.py", options, troth=TSAN / "troth"))
    return counts


def group_golden(options):
    counts = script([TREE / "tests" / "vectors", TREE / "tests" / "golden"], options)
    counts.add(script([sys.executable, TREE / "tests" / "oracle" / "check_vectors.py", "--policy", TREE / "schemas" / "policy.default.yaml",
                       TREE / "tests" / "golden"], options))
    counts.add(script([sys.executable, TREE / "tests" / "schemas" / "check_schemas.py"], options))
    counts.add(script([sys.executable, TREE / "tests" / "harness" / "rooms.py"], options))
    return counts


def scripts_of(folder, options):
    """Every `*_test.py` of a folder of tests."""
    counts = Counts()
    for test in sorted((TREE / "tests" / folder).glob("*_test.py")):
        counts.add(unittests(test, options))
    return counts


def group_scenarios(options):
    return scripts_of("scenarios", options)


def group_simulation(options):
    more = ["--seeds", "200000", "--ledger"] if options.long else []
    return counted([sys.executable, TREE / "tests" / "simulation" / "run.py", *more], options)


def group_crash(options):
    return scripts_of("crash", options)


def group_hostile(options):
    return scripts_of("hostile", options)


def group_fuzz(options):
    # An hour of a processor each, on a busy machine in at most three hours.
    long = ["--cpu-seconds", 3600, "--seconds", 3 * 3600, "--ledger", TREE / "tests" / "ledger" / "fuzz.ndjson"]
    length = long if options.long else ["--seconds", 30]
    return script([TREE / "tests" / "fuzz" / "run", "--build", FUZZ, "--jobs", 2, *length], options)


def group_broker(options):
    # The first one fetches the broker. The others mostly wait – for sessions to end, for brokers to start – so two at a time,
    # each with a broker of its own; the longest go first.
    folder = TREE / "tests" / "broker"
    counts = unittests(folder / "self_test.py", options)
    first = ["live_test.py", "exactly_once_test.py", "trouble_test.py"]
    others = sorted({path.name for path in folder.glob("*_test.py")} - {"self_test.py", *first})
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for each in pool.map(lambda name: unittests(folder / name, options), [*first, *others]):
            counts.add(each)
    # Source and sink alone, as one test: the program prints its own.
    counts.add(script([sys.executable, TREE / "tests" / "broker" / "adapters" / "run.py", RELEASE / "tests" / "broker_adapters"], options))
    return counts


GROUPS = {
    "unit": group_unit,            # pure parts, one program a room
    "golden": group_golden,        # golden scenarios through binary and oracle, schemas, rooms
    "hostile": group_hostile,      # hostile bytes, files, policies through the binary
    "broker": group_broker,        # a real Kafka broker, a real Prometheus
    "scenarios": group_scenarios,  # the binary against the oracle: random histories, real data, kills
    "crash": group_crash,          # real kills and real disk trouble
    "simulation": group_simulation,  # engine and model over a world that fails; planted bugs
    "fuzz": group_fuzz,            # libFuzzer targets, with sanitizers
    "asan": group_asan,            # unit and golden again, with address and undefined-behaviour sanitizers
    "tsan": group_tsan,            # rooms with threads, replay and run, with the thread sanitizer; only if asked for, and in --long
}
LONG_GROUPS = {"tsan"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="the full counts; hours")
    parser.add_argument("--only", action="append", choices=GROUPS, help="one group; may be repeated")
    options = parser.parse_args()
    if shutil.which("cmake") is None:
        sys.exit("tests/run installs what is needed: call that")

    started = time.monotonic()
    total = build("release", options)
    summary = [("build", total.failed, 0.0)]
    if total.failed == 0:
        names = options.only or [name for name in GROUPS if options.long or name not in LONG_GROUPS]
        builder = Builder(names, options)
        for name in names:
            print(f"\n== {name}", flush=True)
            began = time.monotonic()
            counts = builder.wait(name)
            if counts.failed == 0:
                counts.add(GROUPS[name](options))
            if counts.passed + counts.failed + counts.skipped == 0:
                failed_names.append(f"{name}: ran nothing, which counts as a failure")
                counts.failed = 1
            print(f"== {name}: {counts} in {time.monotonic() - began:.0f} s", flush=True)
            total.add(counts)
            summary.append((name, counts.failed, time.monotonic() - began))
    print(f"\nin {time.monotonic() - started:.0f} s: " + ", ".join(f"{name} {'FAILED' if failed else 'ok'} {seconds:.0f} s" for name, failed, seconds in summary))
    for name in failed_names:
        print(f"failed: {name}")
    print(total, flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
