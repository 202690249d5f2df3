#!/usr/bin/env python3
"""Line and branch coverage of the trust model and the task loop, as unit tests, golden scenarios and the simulator reach them.

  tests/harness/coverage.py                     builds into build/coverage, runs, prints; exit 1 below the floor
  tests/harness/coverage.py --build DIR --list  elsewhere, and every outcome of a branch that never happened, as file:line

By hand: it compiles everything once more, with clang. What is counted: each branch has two outcomes, true and false, however
many instantiations of a template it has. Left out are the conditions of TROTH_ASSERT (that they fail is what must not happen)
and TROTH_PLANTED (the constant false outside of the simulator's own build).
"""

import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
# Percent of branch outcomes below which this fails: what most of the unit tests alone reached, less half a percent.
FLOORS = {"operators": 62.1, "engine/task": 89.4}
UNITS = ("catalogue", "calendar", "policy", "fold", "evidence", "score", "customer", "alert", "model", "task")
SIMULATED = 300  # schedules: some minutes without optimisation
FLAGS = "-O0 -w -fprofile-instr-generate -fcoverage-mapping -mllvm -runtime-counter-relocation"
BUILD_TIME_LIMIT_S = 3600
RUN_TIME_LIMIT_S = 900


def run(command, limit_s=RUN_TIME_LIMIT_S, **more):
    print("$ " + " ".join(str(word) for word in command), flush=True)
    return subprocess.run([str(word) for word in command], cwd=TREE, timeout=limit_s, check=False, **more)


def commit():
    command = ["git", "-C", str(TREE), "describe", "--always", "--dirty=+", "--abbrev=12"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"


def build(folder, jobs):
    configure = ["cmake", "-S", TREE, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_COMPILER=clang++",
                 f"-DCMAKE_CXX_FLAGS={FLAGS}", "-DTROTH_TESTS=ON"]
    targets = [f"unit_{room}" for room in UNITS] + ["simulate", "troth"]
    for command in (configure, ["ninja", "-C", folder, f"-j{jobs}", *targets]):
        done = run(command, BUILD_TIME_LIMIT_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            sys.exit(done.stdout[-4000:] + "\ncoverage: the build failed")


def drivers(folder):
    """(the program whose counters count, the command that runs it, where it writes them).

    %c: counters live in a mapped file from the start, since the simulator's children and death tests end without writing a profile.
    %m: the many processes of the golden scenarios add theirs to one file as each ends.
    """
    for room in UNITS:
        program = folder / "tests" / f"unit_{room}"
        yield program, [program, "--gtest_brief=1"], f"unit_{room}-%p%c"
    simulate = folder / "tests" / "simulation" / "simulate"
    yield simulate, [simulate, "--from", 0, "--to", SIMULATED, "--no-shrink"], "simulate-%p%c"
    troth = folder / "troth"
    yield troth, [TREE / "tests" / "vectors", TREE / "tests" / "golden", "--troth", troth], "troth-%m"


def profile(folder, profiles):
    """Runs every program; the merged profile."""
    for program, command, name in drivers(folder):
        env = dict(os.environ, LLVM_PROFILE_FILE=str(profiles / f"{name}.profraw"))
        done = run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            sys.exit(done.stdout[-4000:] + f"\ncoverage: {program.name} failed (exit {done.returncode}): nothing is measured")
    merged = profiles / "merged.profdata"
    if run(["llvm-profdata", "merge", "-sparse", "-o", merged, *sorted(profiles.glob("*.profraw"))]).returncode != 0:
        sys.exit("coverage: the profiles cannot be merged")
    return merged


def export(folder, merged):
    first, *others = [str(program) for program, _, _ in drivers(folder)]
    objects = [word for other in others for word in ("-object", other)]
    command = ["llvm-cov", "export", "-format=text", f"-instr-profile={merged}", first, *objects, *(str(TREE / room) for room in FLOORS)]
    done = subprocess.run(command, cwd=TREE, stdout=subprocess.PIPE, timeout=RUN_TIME_LIMIT_S, check=True)
    return json.loads(done.stdout)["data"][0]["files"]


def spans(source, word):
    """The (first, last) lines of every call of the macro `word`."""
    found = []
    for match in re.finditer(word + r"\(", source):
        depth, at = 1, match.end()
        while depth and at < len(source):
            depth += {"(": 1, ")": -1}.get(source[at], 0)
            at += 1
        found.append((source.count("\n", 0, match.start()) + 1, source.count("\n", 0, at) + 1))
    return found


class File:
    """One source file: its lines and its branch outcomes."""

    def __init__(self, exported):
        self.name = pathlib.Path(exported["filename"]).resolve().relative_to(TREE).as_posix()
        source = (TREE / self.name).read_text(encoding="utf-8")
        self.source = source.splitlines()
        left_out = spans(source, "TROTH_ASSERT") + spans(source, "TROTH_PLANTED")
        self.lines, self.lines_hit = (exported["summary"]["lines"][key] for key in ("count", "covered"))
        taken = collections.Counter()
        for line, column, line_end, column_end, true, false, *_ in exported["branches"]:
            if any(first <= line <= last for first, last in left_out):
                continue
            taken[(line, column, line_end, column_end, "true")] += true
            taken[(line, column, line_end, column_end, "false")] += false
        self.outcomes = len(taken)
        self.missed = sorted(place for place, times in taken.items() if times == 0)

    def told(self):
        """The outcomes that never happened, a line each."""
        for line, column, line_end, column_end, outcome in self.missed:
            text = self.source[line - 1]
            text = text[column - 1 : column_end - 1] if line == line_end else text[column - 1 :] + " …"
            yield f"{self.name}:{line}: never {outcome}: {text}"


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def row(name, lines_hit, lines, hit, outcomes):
    print(f"{name:<44} {lines_hit:>6} / {lines:<6} {percent(lines_hit, lines):6.1f} %  {hit:>6} / {outcomes:<6} {percent(hit, outcomes):6.2f} %")


def report(files, is_listing):
    """Prints the tables; how many rooms are below their floor."""
    below = 0
    for room, floor in FLOORS.items():
        own = [file for file in files if file.name.startswith(room + "/")]
        print(f"\n{room:<44} {'lines':>15}           {'branch outcomes':>15}")
        for file in own:
            row(file.name, file.lines_hit, file.lines, file.outcomes - len(file.missed), file.outcomes)
        outcomes = sum(file.outcomes for file in own)
        hit = outcomes - sum(len(file.missed) for file in own)
        row("total", sum(file.lines_hit for file in own), sum(file.lines for file in own), hit, outcomes)
        if outcomes == 0 or percent(hit, outcomes) < floor:
            below += 1
            print(f"coverage: {room} is below its floor of {floor:.1f} % of branch outcomes")
        if is_listing:
            for file in own:
                for line in file.told():
                    print("  " + line)
    return below


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=TREE / "build" / "coverage")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--list", action="store_true", help="every outcome that never happened")
    options = parser.parse_args()
    missing = [tool for tool in ("clang++", "llvm-cov", "llvm-profdata", "cmake", "ninja") if shutil.which(tool) is None]
    if missing:
        sys.exit(f"coverage: not installed: {', '.join(missing)} ; deploy/install-packages test brings them")
    folder = options.build.resolve()
    print(f"commit {commit()}")
    build(folder, options.jobs)
    with tempfile.TemporaryDirectory(prefix="troth-coverage-") as profiles:
        files = export(folder, profile(folder, pathlib.Path(profiles)))
    below = report(sorted((File(file) for file in files), key=lambda file: file.name), options.list)
    print(f"{len(FLOORS) - below} passed, {below} failed")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
