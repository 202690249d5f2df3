#!/usr/bin/env python3
"""A disk in trouble: each file operation of a run fails once, the disk is full, read-only, limited; files of the state are
damaged, removed, held by others or of another version. `troth replay` stops with a message that says what, where, why and
what to do, or goes on where nothing is amiss; it never crashes and never answers wrongly; once the trouble is over the same
command leaves what an undisturbed run leaves (promises P1, P9, P11).

The usual run tries EIO at the first and last operation of each step, and other errors at some; TROTH_LONG=1 tries every
operation of every stage. TROTH_SEED=N: another history and sample. Mounting needs root; without it those tests skip.
"""

import collections
import fcntl
import itertools
import os
import random
import re
import resource
import shutil
import subprocess
import unittest

import crash
from crash import IS_LONG, SEED, STAGES

STAGES_TRIED = range(1, STAGES + 1) if IS_LONG else (1, 5)  # a new state; one with a log to recover and a compaction
PER_STEP = 10_000 if IS_LONG else 2
ERRORS = {"EIO": "Input/output error", "ENOSPC": "No space left", "EDQUOT": "quota exceeded"}
# An error of these may never be passed over: the commit depends on it.
VITAL = re.compile(
    r"(sink|wal|manifest|current|marker|policy)\.(write|sync|rename)|sink\.truncate|(input|packed)\.read|snapshot\.write"
    r"|(out|state)\.sync"
)
ADVICE = re.compile(
    r"\. (Check|Make|Give|Mount|Raise|Put|Use|Stop|Choose|The (disk|store|file system) is|Its file|It is in use|Files may not)"
    r"|: (was cut|make room)|it goes on after"
)
STORE_FILES = ("CURRENT", "IDENTITY", "LOCK", "MANIFEST-*", "OPTIONS-*", "*.log", "*.sst")
STATE_FILES = ("TROTH", "policy.json", *(f"store/{name}" for name in STORE_FILES))


def is_root():
    return os.geteuid() == 0


def mounted(options, folder):
    """Whether a small file system of its own could be put there."""
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


class DiskInTrouble(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.workshop = crash.Workshop("disk")
        cls.outcomes = collections.Counter()

    @classmethod
    def tearDownClass(cls):
        print("what was done to the disk → how the process ended:")
        for (trouble, ending), count in sorted(cls.outcomes.items()):
            print(f"  {trouble:34} {ending:26} {count}")
        cls.workshop.close()

    def assert_stopped_well(self, round_, outcome, trouble, why=None, codes=(1,)):
        """It stopped by itself and says what, where, why, what to do."""
        said = f"{trouble}: exit {outcome.code}: {outcome.message}"
        self.assertIn(outcome.code, codes, said)
        self.assertTrue(outcome.message.startswith("troth: "), said)
        self.assertTrue(str(round_.folder) in outcome.message or re.search(r"input\d\.ndjson: ", outcome.message) is not None, said)
        self.assertRegex(outcome.message, ADVICE, said)
        self.assertEqual(outcome.out, b"", said)
        if why:
            self.assertIn(why, outcome.message, said)

    def assert_finishes(self, round_, trouble):
        goes_on = IS_LONG or self.workshop.rounds % 4 == 0
        self.assertEqual(round_.finish(goes_on), [], f"after {trouble}, TROTH_SEED={SEED}, stage {round_.stage}")
        self.workshop.remove(round_)

    def count(self, trouble, outcome):
        self.outcomes[trouble, "went on, right to the byte" if outcome.code == 0 else f"exit {outcome.code}"] += 1

    # ------------------------------------------------------------------------------------------------ single operations

    def fail_one(self, stage, step, number, error):
        """Whether the operation was reached."""
        round_, trouble = self.workshop.round(stage), f"{error} at {step} {number}"
        outcome = round_.run(f"{error} {step} {number}")
        self.count(f"{error} at {step}" if outcome.hits else "(operation not reached)", outcome)
        if outcome.code == 0:
            self.assertEqual(round_.differences(outcome), [], f"{trouble}, stage {stage}")
            if outcome.hits and error in ERRORS:
                self.assertIsNone(VITAL.fullmatch(step), f"{trouble}, stage {stage}: was passed over")
        else:
            # What is named on the command line is opened before all else; RocksDB keeps to itself why CURRENT cannot be opened.
            codes = (1, 2) if re.fullmatch(r"snapshot\.(create|open)|(input|packed)\.(open|read)", step) else (1,)
            why = "CURRENT" if step == "current.open" else ERRORS.get(error)
            self.assert_stopped_well(round_, outcome, f"{trouble}, stage {stage}", why, codes)
        self.assert_finishes(round_, trouble)
        return bool(outcome.hits)

    def fail_each(self, error, is_tried, per_step):
        rng, hits, tries = random.Random(f"{SEED}/{error}"), 0, 0
        for stage in STAGES_TRIED:
            for step, count in sorted(self.workshop.steps[stage].items()):
                if not is_tried(step):
                    continue
                numbers = range(1, count + 1)
                if count > per_step:
                    numbers = sorted({1, count, *rng.sample(numbers, max(0, per_step - 2))})
                for number in numbers:
                    with self.subTest(stage=stage, step=step, number=number):
                        tries += 1
                        hits += self.fail_one(stage, step, number, error)
        print(f"{error}: {hits} operations failed, of {tries} tried", flush=True)
        self.assertGreater(hits, tries * 0.9, "too many operations were not reached")

    def test_each_file_operation_fails_once(self):
        self.fail_each("EIO", lambda step: True, PER_STEP)

    def test_the_disk_is_full_for_one_operation(self):
        takes_room = re.compile(r".*\.(write|create|allocate|mkdir|rename)")
        self.fail_each("ENOSPC", takes_room.fullmatch, PER_STEP if IS_LONG else 2)

    def test_the_quota_is_exceeded_for_one_operation(self):
        self.fail_each("EDQUOT", re.compile(r".*\.write").fullmatch, PER_STEP if IS_LONG else 2)

    def test_a_write_or_read_takes_half_of_the_bytes(self):
        self.fail_each("short", re.compile(r".*\.(write|read)").fullmatch, PER_STEP if IS_LONG else 2)

    # ------------------------------------------------------------------------------------------------ the whole disk

    def round_on_a_small_disk(self, stage, options):
        round_ = self.workshop.round(stage)
        disk = round_.folder
        whole = disk.with_name(disk.name + "-before")
        disk.rename(whole)
        disk.mkdir()
        if not mounted(options, disk):
            shutil.rmtree(disk)
            self.skipTest("SKIPPED: no tmpfs can be mounted here (needs root): full and read-only disks are NOT tested")
        self.addCleanup(subprocess.run, ["umount", str(disk)], check=True, timeout=60)
        shutil.copytree(whole, disk, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(whole)
        return round_

    def finish_here(self, round_, trouble):
        """As assert_finishes, where the folder is a mount and goes by itself."""
        self.assertEqual(round_.finish(), [], f"after {trouble}")

    def test_a_full_disk_stops_it_and_room_lets_it_go_on(self):
        stops = 0
        for stage, room_kb in itertools.product((1, 5), (0, 4, 16, 32, 64, 128, 256, 320, 400, 512)):
            with self.subTest(stage=stage, room_kb=room_kb):
                round_ = self.round_on_a_small_disk(stage, "size=16m")
                free = os.statvfs(round_.folder)
                ballast = round_.folder / "ballast"
                ballast.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - room_kb * 1024)))
                outcome = round_.run()
                self.count("full disk", outcome)
                if outcome.code == 0:
                    self.assertEqual(round_.differences(outcome), [])
                else:
                    stops += 1
                    self.assert_stopped_well(round_, outcome, f"room for {room_kb} KiB", "No space left")
                ballast.unlink()
                self.finish_here(round_, f"a full disk with room for {room_kb} KiB")
        self.assertGreater(stops, 10)

    def test_a_read_only_file_system_is_refused(self):
        for stage in (1, 5):
            round_ = self.round_on_a_small_disk(stage, "size=16m")
            subprocess.run(["mount", "-o", "remount,ro", str(round_.folder)], check=True, timeout=60)
            outcome = round_.run()
            self.count("read-only file system", outcome)
            self.assert_stopped_well(round_, outcome, "read-only", "Read-only file system", codes=(1, 2))
            subprocess.run(["mount", "-o", "remount,rw", str(round_.folder)], check=True, timeout=60)
            self.finish_here(round_, "a read-only file system")

    def test_a_read_only_state_directory_or_output_directory_is_refused(self):
        for name in ("state", "out"):
            with self.subTest(name):
                round_ = self.workshop.round(5)
                place = round_.folder / name
                if subprocess.run(["mount", "--bind", place, place], capture_output=True, check=False, timeout=60).returncode:
                    self.skipTest("SKIPPED: no bind mount here (needs root): read-only directories are NOT tested")
                try:
                    subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True, timeout=60)
                    outcome = round_.run()
                finally:
                    subprocess.run(["umount", place], check=True, timeout=60)
                self.count(f"read-only {name}", outcome)
                self.assert_stopped_well(round_, outcome, f"read-only {name}", "Read-only file system")
                self.assertIn(str(place), outcome.message)
                self.assert_finishes(round_, f"a read-only {name}")

    @unittest.skipUnless(is_root(), "SKIPPED: only root can become another user: directories of others are NOT tested")
    def test_a_directory_of_another_user_is_refused(self):
        nobody = 65534
        folder = self.workshop.folder
        while folder != folder.parent and "troth-" in str(folder):
            folder.chmod(0o755)
            folder = folder.parent
        for name in ("state", "out"):
            with self.subTest(name):
                round_ = self.workshop.round(5)
                for path in [round_.folder, *round_.folder.rglob("*")]:
                    is_theirs = path == round_.folder / name or (round_.folder / name) in path.parents
                    os.chown(path, 0 if is_theirs else nobody, -1, follow_symlinks=False)
                outcome = round_.run(user=nobody)
                self.count(f"{name} of another user", outcome)
                self.assert_stopped_well(round_, outcome, f"{name} of another user", "Permission denied")
                self.assert_finishes(round_, f"a refused {name}")

    # ------------------------------------------------------------------------------------------------ limits

    def test_few_open_files_stop_it_and_more_let_it_go_on(self):
        stops = 0
        for stage, limit in itertools.product((1, 5), range(7, 40, 1 if IS_LONG else 3)):
            with self.subTest(stage=stage, limit=limit):
                round_ = self.workshop.round(stage)
                outcome = round_.run(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))  # noqa: B023
                self.count("few open files", outcome)
                if outcome.code:
                    stops += 1
                    self.assertIn(outcome.code, (1, 2), outcome.message)
                    self.assertIn("Too many open files", outcome.message)
                    self.assertIn("ulimit -n", outcome.message)
                self.assert_finishes(round_, f"{limit} open files")
        self.assertGreater(stops, 5)

    def test_a_limit_of_file_size_stops_it_and_a_higher_one_lets_it_go_on(self):
        """Whoever writes beyond it gets a signal, which must not kill."""
        stops = 0
        for stage, limit_kb in itertools.product((1, 5), (0, 1, 8, 64, 128, 256, 512, 700)):
            with self.subTest(stage=stage, limit_kb=limit_kb):
                round_ = self.workshop.round(stage)
                bytes_ = limit_kb * 1024
                outcome = round_.run(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_)))  # noqa: B023
                self.count("file size limit", outcome)
                if outcome.code:
                    stops += 1
                    self.assert_stopped_well(round_, outcome, f"files of {limit_kb} KiB at most", "File too large")
                self.assert_finishes(round_, f"files of {limit_kb} KiB at most")
        self.assertGreater(stops, 5)

    # ------------------------------------------------------------------------------------------------ somebody else

    def test_a_state_in_use_by_another_process_is_refused(self):
        round_ = self.workshop.round(5)
        with (round_.state / "store" / "LOCK").open("r+b") as held:
            fcntl.lockf(held, fcntl.LOCK_EX)
            outcome = round_.run()
        self.count("state in use", outcome)
        self.assert_stopped_well(round_, outcome, "state in use", "in use by another process")
        self.assert_finishes(round_, "the other process")

    def test_a_refused_run_with_another_policy_leaves_the_policy_of_the_state(self):
        for options in (("--partitions", "8"), ("--partitions", str(crash.PARTITIONS))):
            with self.subTest(options=options):
                round_ = self.workshop.round(5)
                before = (round_.state / "policy.json").read_bytes()
                # Without the overlay it is another policy.
                command = [crash.engine.binary(), "replay", "--horizon", "none", "--state", "state", *options]
                with (round_.state / "store" / "LOCK").open("r+b") as held:
                    if options[1] == str(crash.PARTITIONS):  # else it is the number of partitions that is refused
                        fcntl.lockf(held, fcntl.LOCK_EX)
                    done = subprocess.run([*command, "input0.ndjson", "input1.ndjson"], cwd=round_.folder, capture_output=True,
                                          stdin=subprocess.DEVNULL, check=False, timeout=crash.TIME_LIMIT_S)  # fmt: skip
                self.assertIn(done.returncode, (1, 2), done.stderr)
                self.assertRegex(done.stderr, b"numbers of partitions|in use by another process")
                self.assertEqual((round_.state / "policy.json").read_bytes(), before)
                self.assert_finishes(round_, "a refused run with another policy")

    def test_outputs_in_use_by_another_process_are_refused(self):
        for stream in crash.engine.STREAMS:
            round_ = self.workshop.round(5)
            with (round_.out / f"{stream}.ndjson").open("r+b") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                outcome = round_.run()
            self.count("outputs in use", outcome)
            self.assert_stopped_well(round_, outcome, f"{stream} in use", "in use by another process")
            self.assert_finishes(round_, "the other process")

    def test_a_state_of_another_format_is_refused_and_left_as_it_is(self):
        for text, why in ((b"Troth state directory\nformat: 2\nanything\n", "format 2"), (b"Troth state directory\nformat: 0\n", "damaged"),
                          (b"", "damaged"), (b"Troth state directory\nformat: 1\nstore: perhaps\n", "damaged")):  # fmt: skip
            with self.subTest(text):
                round_ = self.workshop.round(5)
                marker = round_.state / "TROTH"
                original = marker.read_bytes()
                marker.write_bytes(text)
                before = contents(round_.state)
                outcome = round_.run()
                self.count("another format", outcome)
                self.assert_stopped_well(round_, outcome, f"TROTH is {text}", why, codes=(1, 2))
                self.assertEqual(before, contents(round_.state))
                marker.write_bytes(original)
                self.assert_finishes(round_, "another format")

    # ------------------------------------------------------------------------------------------------ damage

    def spoil(self, path, how, rng):
        content = bytearray(path.read_bytes())
        if how == "removed":
            path.unlink()
        elif how == "emptied":
            path.write_bytes(b"")
        elif how == "cut":
            path.write_bytes(content[: len(content) // 2])
        elif how == "zeros":
            middle = len(content) // 2
            path.write_bytes(bytes(content[:middle]) + bytes(min(512, len(content) - middle)) + bytes(content[middle + 512 :]))
        else:
            last = len(content) - 1
            place = {"first bit": 0, "middle bit": last // 2, "last bit": last, "any bit": rng.randint(0, last)}[how]
            content[place] ^= 1 << rng.randrange(8)
            path.write_bytes(content)

    def test_a_damaged_or_missing_file_of_the_state_never_gives_a_wrong_answer(self):
        """Refused, and nothing lost once the file is back; or gone on from an older commit, to the same end.

        The state is that of a finished run: an older commit of it read the same input, so that the end is the same.
        """
        rng = random.Random(f"{SEED}/damage")
        ways = ("removed", "emptied", "cut", "zeros", "first bit", "middle bit", "last bit") + ("any bit",) * (20 if IS_LONG else 2)
        refused = collections.Counter()
        for stage in (1, 4) if not IS_LONG else range(1, STAGES + 1):
            for name in STATE_FILES:
                for how in ways:
                    round_ = self.workshop.round(stage, after=stage)
                    path = rng.choice(sorted(round_.state.glob(name)) or [None])
                    if path is None or (path.stat().st_size == 0 and how != "removed"):
                        self.workshop.remove(round_)
                        continue
                    with self.subTest(stage=stage, file=path.name, how=how):
                        original = path.read_bytes()
                        self.spoil(path, how, rng)
                        outcome = round_.run()
                        self.count(f"{name.removeprefix('store/')} {how}", outcome)
                        if outcome.code == 0:
                            self.assertEqual(round_.differences(outcome), [])
                        else:
                            refused[name] += 1
                            self.assert_stopped_well(round_, outcome, f"{path.name} {how}", codes=(1, 2))
                        if outcome.code or (path.suffix == ".sst" and path.exists()):  # the others have been replaced
                            path.write_bytes(original)
                        self.assert_finishes(round_, f"{path.name} {how}")
        for name in ("TROTH", "store/CURRENT", "store/MANIFEST-*", "store/*.sst"):
            self.assertGreater(refused[name], 0, f"no damage of {name} was noticed")

    def test_outputs_shorter_than_the_state_says_are_refused_and_put_back_they_go_on(self):
        for stream, how in itertools.product(crash.engine.STREAMS, ("a byte", "all", "removed")):
            with self.subTest(stream=stream, how=how):
                round_ = self.workshop.round(5)
                path = round_.out / f"{stream}.ndjson"
                original = path.read_bytes()
                others = {other: other.read_bytes() for other in round_.out.iterdir() if other != path}
                path.unlink()
                if how != "removed":
                    path.write_bytes(original[:-1] if how == "a byte" else b"")
                outcome = round_.run()
                self.count(f"outputs shorter by {how}", outcome)
                self.assert_stopped_well(round_, outcome, f"{stream} shorter by {how}", "bytes, but the state says that", codes=(1, 2))
                self.assertEqual(others, {other: other.read_bytes() for other in others})
                path.write_bytes(original)
                self.assert_finishes(round_, f"{stream} shorter by {how}")

    def test_what_stands_behind_the_last_commit_in_the_outputs_is_cut_off(self):
        for stream in crash.engine.STREAMS:
            round_ = self.workshop.round(5)
            with (round_.out / f"{stream}.ndjson").open("ab") as file:
                file.write(b'{"key":"of no commit","value":null}\n{"half')
            self.assert_finishes(round_, f"more in {stream}")


def contents(folder):
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


if __name__ == "__main__":
    unittest.main()
