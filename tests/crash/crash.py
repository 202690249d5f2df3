"""What the crash tests share: a small replay in stages, the preloaded library that breaks it, and the comparison afterwards.

The input grows in stages, and the same command runs again after each: so a run begins with a committed state, a log to be
recovered and outputs to be cut back, and the store gets files of every kind. A *round* begins in a copy of the folder that
an uninterrupted run of the stage before left behind; whatever is done to it, the same command at last must leave what the
uninterrupted run of this stage left: the same bytes in each output stream and in the snapshot, the same figures.
"""

import collections
import gzip
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scenarios"))
sys.dont_write_bytecode = True

import engine  # noqa: E402  (of the scenario tests)
from histories import History  # noqa: E402

IS_LONG = bool(os.environ.get("TROTH_LONG"))
SEED = int(os.environ.get("TROTH_SEED", "1"))
EVENTS, CUSTOMERS, STAGES = 2_000, 40, 6
EPOCH_EVENTS, PARTITIONS, WORKERS, FILES = 25, 4, 2, 2
TIME_LIMIT_S = 60
STOPWATCH = ("seconds", "cpu_seconds", "peak_rss_bytes")
CHANGING = ("create", "write", "flush", "sync", "rename", "unlink", "truncate", "allocate", "mkdir")  # what a disk remembers


class Outcome:
    """How one process ended."""

    def __init__(self, code, out, err, report):
        self.code, self.out, self.message = code, out, err.decode(errors="replace").strip()
        self.counts, self.hits = {}, []
        for line in report.splitlines():
            kind, step, number, *how = line.split()
            if kind == "count":
                self.counts[step] = int(number)
            else:
                self.hits.append((step, int(number), how[0]))

    @property
    def was_killed(self):
        return self.code == -signal.SIGKILL

    def summary(self):
        return {name: value for name, value in json.loads(self.out).items() if name not in STOPWATCH}


class Round:
    """A folder in which the command of a stage runs."""

    def __init__(self, workshop, stage, folder):
        self.workshop, self.stage, self.folder = workshop, stage, folder
        self.state, self.out, self.snapshot = folder / "state", folder / "out", folder / "snapshot"
        self.use_input_of(stage)

    def use_input_of(self, stage):
        self.stage = stage
        for part in range(FILES):
            link = self.folder / f"input{part}.ndjson"  # the state knows inputs by the name given, so it is the same always
            link.unlink(missing_ok=True)
            link.symlink_to(self.workshop.folder / f"stage{stage}-{part}.ndjson")

    def command(self):
        return [
            engine.binary(), "replay", "--json", "--overlay", str(self.workshop.folder / "overlay.json"), "--horizon", "none",
            "--state", str(self.state), "--out", str(self.out), "--snapshot", str(self.snapshot), "--partitions", str(PARTITIONS),
            "--epoch-events", str(EPOCH_EVENTS), "--workers", str(WORKERS), *(f"input{part}.ndjson" for part in range(FILES)),
        ]  # fmt: skip

    def environment(self, plan, lose, lies=None):
        if plan is None:
            return dict(os.environ)
        aside = engine.empty_folder(self.folder / "aside")
        (self.folder / "report").unlink(missing_ok=True)
        watched = f"state={self.state}:out={self.out}:snapshot={self.snapshot}:input=input0.ndjson:packed=input1.ndjson"
        more = {} if lose is None else {"FAULTY_LOSE": str(lose)}
        if lies:
            more["FAULTY_LIES"] = lies
        return {**os.environ, **more, "LD_PRELOAD": str(self.workshop.library), "FAULTY_ROOTS": watched, "FAULTY_PLAN": plan,
                "FAULTY_REPORT": str(self.folder / "report"), "FAULTY_ASIDE": str(aside)}  # fmt: skip

    def run(self, plan=None, lose=None, lies=None, kill_after_s=None, **more):
        """One process. `plan`, `lose`, `lies`: of faulty_files.c, "" only counts; `kill_after_s`: SIGKILL from outside then."""
        process = subprocess.Popen(self.command(), cwd=self.folder, env=self.environment(plan, lose, lies), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)  # fmt: skip
        try:
            out, err = process.communicate(timeout=TIME_LIMIT_S if kill_after_s is None else kill_after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate(timeout=TIME_LIMIT_S)
            if kill_after_s is None:
                raise
        report = self.folder / "report"
        return Outcome(process.returncode, out, err, report.read_text() if plan is not None and report.exists() else "")

    def results(self):
        """What must be equal: name → bytes."""
        files = [self.snapshot, *(self.out / f"{stream}.ndjson" for stream in engine.STREAMS)]
        return {path.name: path.read_bytes() if path.exists() else b"" for path in files}

    def differences(self, outcome):
        """What is not as the uninterrupted run of this stage left it, in words; nothing if all is."""
        expected = self.workshop.expected[self.stage]
        found = [] if outcome.code == 0 else [f"the last run ended with {outcome.code}: {outcome.message}"]
        if outcome.code == 0 and outcome.summary() != expected.summary:
            found.append(f"the summary differs: expected {expected.summary}, found {outcome.summary()}")
        for name, bytes_found in self.results().items():
            if bytes_found != expected.results[name]:
                found.append(f"{name}: {difference(expected.results[name], bytes_found)}")
        return found

    def finish(self, goes_on=True):
        """The same command, undisturbed, and if it `goes_on` the next stage: what is wrong with either, in words."""
        found = self.differences(self.run())
        if goes_on and not found and self.stage < STAGES:
            self.use_input_of(self.stage + 1)
            found = [f"in the stage after: {each}" for each in self.differences(self.run())]
        return found


def difference(expected, found):
    one, other = expected.splitlines(), found.splitlines()
    missing, more = (sum((collections.Counter(a) - collections.Counter(b)).values()) for a, b in ((one, other), (other, one)))
    place = next((at for at, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    return f"{missing} of {len(one)} lines missing, {more} too many, the first difference in line {place + 1}"


Expected = collections.namedtuple("Expected", "results summary")


class Workshop:
    """The input, the library, and an uninterrupted run of each stage. Removed at the end; TROTH_KEEP=DIR keeps it there."""

    def __init__(self, name):
        keep = os.environ.get("TROTH_KEEP")
        self.temporary = None if keep else tempfile.TemporaryDirectory(prefix=f"troth-{name}-")
        self.folder = engine.empty_folder(pathlib.Path(keep or self.temporary.name).resolve() / name)
        self.library = self.folder / "faulty_files.so"
        source = pathlib.Path(__file__).resolve().parent / "faulty_files.c"
        compiler = [os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-fPIC", "-shared"]
        subprocess.run([*compiler, "-o", self.library, source, "-ldl", "-lpthread"], check=True, timeout=TIME_LIMIT_S)
        history = History(f"crash/{SEED}", events=EVENTS, customers=CUSTOMERS, scale=0.02)
        arrivals = history.disordered(random.Random(SEED))
        for stage in range(1, STAGES + 1):
            for part in range(FILES):
                lines = arrivals[part::FILES]
                ends = [len(lines) * each // STAGES for each in range(stage + 1)]
                parts = [b"".join(line + b"\n" for line in lines[begin:end]) for begin, end in itertools.pairwise(ends)]
                # The second input is packed, a gzip member a stage: it cannot be gone on with by seeking.
                packed = parts if part == 0 else [gzip.compress(each, mtime=0) for each in parts]
                (self.folder / f"stage{stage}-{part}.ndjson").write_bytes(b"".join(packed))
        (self.folder / "overlay.json").write_text(json.dumps(history.overlay), encoding="utf-8")
        self.expected, self.steps, self.rounds = {}, {}, 0
        engine.empty_folder(self.folder / "after0")
        for stage in range(1, STAGES + 1):
            round_ = self.round(stage)
            outcome = round_.run(plan="")
            if outcome.code != 0:
                raise engine.ReplayFailed(f"stage {stage}, undisturbed: {outcome.message}")
            self.expected[stage] = Expected(round_.results(), outcome.summary())
            self.steps[stage] = outcome.counts
            round_.folder.rename(self.folder / f"after{stage}")

    def close(self):
        if self.temporary:
            self.temporary.cleanup()

    def round(self, stage, after=None):
        """A new folder, as the stage before left it, or the stage `after`."""
        self.rounds += 1
        folder = self.folder / f"round{self.rounds}"
        shutil.copytree(self.folder / f"after{stage - 1 if after is None else after}", folder, symlinks=True)
        return Round(self, stage, folder)

    def remove(self, round_):
        if self.temporary:
            shutil.rmtree(round_.folder)
