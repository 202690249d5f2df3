"""Hostile bytes in files, policies, configurations, options and state directories, through the real binary.

Each case must end without a signal and within its time, with the exit code of INTERFACE.md and a message that says where; good
lines around bad ones must be applied. Memory and CPU are measured by wait4 and bounded against a plain file of the same run;
the table of figures is printed at the end. TROTH_LONG=1 takes the large sizes.
"""

import gzip
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scenarios"))

import engine  # noqa: E402

LONG = os.environ.get("TROTH_LONG") == "1"
MEGABYTE = 1 << 20
LINE = (64 if LONG else 8) * MEGABYTE
BOMB = (1024 if LONG else 64) * MEGABYTE
MOST_RSS = 400 * MEGABYTE
MOST_RATIO = 4  # CPU of a byte against that of a plain file
START_CPU_S = 1.0  # what a process may take whatever its input
TIME_LIMIT_S = 120 if LONG else 30


# The peak of a process counts what its parent held when it forked: so a small parent of its own starts and measures it.
LAUNCHER = """
import os, sys
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as file:
    file.write(f"{os.waitstatus_to_exitcode(status)} {int((usage.ru_utime + usage.ru_stime) * 1e6)} {usage.ru_maxrss}")
"""


class Crash(AssertionError):
    """The program was ended by a signal or by its time limit."""


class Ended:
    """A finished process: exit code, texts, CPU seconds, peak bytes."""

    def __init__(self, command, folder):
        paths = [folder / "stdout", folder / "stderr"]
        figures = folder / "figures"
        figures.unlink(missing_ok=True)
        with open(paths[0], "wb") as out, open(paths[1], "wb") as err:
            launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, figures, *command]
            child = subprocess.Popen(list(map(str, launcher)), stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)
            over = threading.Timer(TIME_LIMIT_S, os.killpg, (child.pid, signal.SIGKILL))
            over.start()
            try:
                launched = child.wait()
            finally:
                over.cancel()
        if launched != 0:
            raise Crash(f"not ended within {TIME_LIMIT_S} s: {' '.join(map(str, command))[:300]}")
        code, cpu_us, rss_kb = map(int, figures.read_text(encoding="utf-8").split())
        self.code = code
        self.cpu_s = cpu_us / 1e6
        self.rss = rss_kb * 1024
        self.out, self.err = (path.read_bytes().decode(errors="replace") for path in paths)
        if self.code < 0:
            raise Crash(f"ended by {signal.Signals(-self.code).name}: {' '.join(map(str, command))[:300]}\n{self.err[-2000:]}")


def event(number, **more):
    """A valid line."""
    return json.dumps({"specversion": "1.0", "source": "s", "id": f"e{number}", "type": "customer.referred",
                       "time": "2026-01-05T10:00:00Z", "subject": f"c{number % 100}", **more}).encode()


def around(bad):
    """A bad line between two good ones."""
    return event(1) + b"\n" + bad + b"\n" + event(2) + b"\n"


def with_field(text):
    return event(3)[:-1] + b"," + text + b"}"


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="troth-bytes-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.figures = []
        cls.addClassCleanup(cls.print_figures)
        plain = cls.folder / "plain.ndjson"
        plain.write_bytes(b"".join(event(n) + b"\n" for n in range(50_000)))
        cls.plain_bytes = plain.stat().st_size
        ended = Ended((engine.binary(), "replay", "--json", plain), cls.folder)
        assert ended.code == 0, ended.err  # nothing can be compared without it
        cls.plain_ns = ended.cpu_s * 1e9 / cls.plain_bytes
        cls.figures.append(("a plain file", cls.plain_bytes, ended))

    @classmethod
    def print_figures(cls):
        print(f"\n{'case':<52}{'bytes':>12}{'CPU ms':>9}{'ns/byte':>10}{'RSS MB':>8}{'RSS/byte':>10}", file=sys.stderr)
        for name, size, ended in cls.figures:
            per_byte = max(size, 1)
            print(f"{name:<52}{size:>12}{ended.cpu_s * 1e3:>9.0f}{ended.cpu_s * 1e9 / per_byte:>10.1f}"
                  f"{ended.rss / MEGABYTE:>8.0f}{ended.rss / per_byte:>10.2f}", file=sys.stderr)

    def troth(self, name, codes, *arguments, size=0, message=20_000):
        """Runs it; no signal, one of the codes, a message if it failed, memory and CPU in bounds."""
        ended = Ended((engine.binary(), *arguments), self.folder)
        self.figures.append((name, size, ended))
        self.assertIn(ended.code, codes, ended.err[-1500:])
        if ended.code in (1, 2, 3):
            self.assertTrue(ended.err.strip(), "it failed without a message")
            self.assertLess(len(ended.err), message, "a message is not a dump of the input")
        self.assertLessEqual(ended.rss, MOST_RSS)
        self.assertLessEqual(ended.cpu_s, START_CPU_S + MOST_RATIO * self.plain_ns * size / 1e9)
        return ended

    def replay(self, name, data, codes=(0,), size=None):
        path = self.folder / "input"
        path.write_bytes(data)
        out = engine.empty_folder(self.folder / "out")
        ended = self.troth(name, codes, "replay", "--json", "--horizon", "none", "--out", out, path,
            size=len(data) if size is None else size)
        return ended, json.loads(ended.out) if ended.code == 0 else None

    def test_the_checker_sees_a_crash(self):
        with self.assertRaisesRegex(Crash, "SIGSEGV"):
            Ended((sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"), self.folder)

    def test_a_bad_line_takes_no_good_line_with_it(self):
        many = ",".join(f'"k{n}":{n}' for n in range(1_000_000 if LONG else 100_000)).encode()
        for name, bad, reason in (
            ("a long line of one string", with_field(b'"x":"' + b"a" * LINE + b'"'), "too_large"),
            ("a long line of digits", b"9" * LINE, "too_large"),
            ("a long line of brackets", b"[" * LINE, "too_large"),
            ("a million levels", b'{"a":' * 1_000_000 + b"1" + b"}" * 1_000_000, "too_large"),
            ("10,000 levels", with_field(b'"x":' + b"[" * 10_000 + b"]" * 10_000), "malformed"),
            ("30,000 unclosed brackets", b"[" * 30_000, "malformed"),
            ("many keys", b"{" + many + b"}", "too_large"), ("a long key", with_field(b'"' + b"k" * 60_000 + b'":1'), None),
            ("the same key 10,000 times", b"{" + b'"a":1,' * 9_999 + b'"a":1}', "malformed"),
            ("60,000 digits", with_field(b'"x":' + b"7" * 60_000), None),
            ("a million digits", with_field(b'"x":' + b"7" * 1_000_000), "too_large"), ("1e999999", with_field(b'"x":1e999999'), None),
            ("NUL bytes", b"\0" * 1000, "malformed"), ("a NUL in a string", with_field(b'"x":"\0"'), "malformed"),
            ("every byte", bytes(b for b in range(256) if b != 10), "malformed"),
            ("a lone continuation byte", with_field(b'"x":"\x80"'), "malformed"),
            ("a cut sequence", with_field(b'"x":"\xe2\x82"'), "malformed"),
            ("a lone surrogate escape", with_field(b'"x":"\\udfff"'), "malformed"),
            ("a cut escape", with_field(b'"x":"\\ud83d\\u"'), "malformed"),
            ("a carriage return at the end", event(3) + b"\r", None), ("quotes only", b'"' * 60_001, "malformed"),
            ("backslashes only", b"\\" * 60_001, "malformed"),
        ):
            with self.subTest(name):
                _, summary = self.replay(name, around(bad))
                letters = {key: count for key, count in summary["dead_letters"].items() if count}
                self.assertEqual(letters, {reason: 1} if reason else {})
                self.assertEqual((summary["events"], summary["applied"]), (3, 2 if reason else 3))
                self.assertEqual(self.troth(f"validate: {name}", (0, 4), "validate", self.folder / "input", size=len(bad)).code,
                    4 if reason else 0)

    def test_files_without_a_bad_line_lose_nothing(self):
        for name, data, events in (
            ("an empty file", b"", 0), ("white space alone", b" \t\r\n\n  \n", 0),
            ("no newline at the end", event(1) + b"\n" + event(2), 2),
            ("CRLF", event(1) + b"\r\n" + event(2) + b"\r\n", 2), ("many empty lines", b"\n" * MEGABYTE + event(1), 1),
            ("members of gzip, one after the other", gzip.compress(event(1) + b"\n") + gzip.compress(event(2) + b"\n"), 2),
            ("an empty member of gzip", gzip.compress(b""), 0),
        ):
            with self.subTest(name):
                _, summary = self.replay(name, data)
                self.assertEqual((summary["events"], summary["applied"]), (events, events))

    def test_a_long_line_of_spaces_is_skipped_or_too_large_but_harms_no_neighbour(self):
        _, summary = self.replay("a long line of spaces", around(b" " * LINE))
        self.assertEqual(summary["applied"], 2)

    def test_a_byte_order_mark_costs_at_most_its_own_line(self):
        _, summary = self.replay("a byte order mark", b"\xef\xbb\xbf" + event(1) + b"\n" + event(2) + b"\n")
        self.assertEqual(summary["events"], 2)
        self.assertEqual(summary["applied"] + sum(summary["dead_letters"].values()), 2)
        self.assertGreaterEqual(summary["applied"], 1)

    def zstd(self, data, *options):
        done = subprocess.run(["zstd", "-q", "-c", *options], input=data, capture_output=True, check=True, timeout=TIME_LIMIT_S)
        return done.stdout

    def test_damaged_compression_is_an_error_with_the_name_of_the_file(self):
        lines = b"".join(event(n) + b"\n" for n in range(300))
        packed = [("gzip", gzip.compress(lines))]
        if shutil.which("zstd"):
            packed.append(("zstd", self.zstd(lines)))
        for kind, data in packed:
            cases = [(f"{kind} cut at {cut}", data[:cut]) for cut in sorted({5, 11, 20, len(data) // 2, len(data) - 5, len(data) - 1})]
            cases += [(f"{kind} magic and garbage", data[:4] + b"\xa5" * 1000),
                (f"{kind} with garbage behind", data + b"garbage behind it")]
            for name, hostile in cases:
                with self.subTest(name):
                    ended, _ = self.replay(name, hostile, (1,))
                    self.assertIn(str(self.folder / "input"), ended.err)

    def test_bombs_cost_time_by_their_unpacked_size_but_no_memory(self):
        line = event(1) + b"\n"
        shapes = [("zeros", b"\0" * BOMB, 0), ("one string without a newline", b"a" * BOMB, 0),
            ("one line again and again", line * (BOMB // 8 // len(line)), 1)]
        for words, data, applied in shapes:
            packed = [("gzip", gzip.compress(data, 1))]
            if shutil.which("zstd"):
                packed.append(("zstd", self.zstd(data, "-1")))
            for kind, hostile in packed:
                with self.subTest(f"{kind}: {words}"):
                    _, summary = self.replay(f"{kind} bomb: {words}", hostile, size=len(data))
                    self.assertEqual(summary["applied"], applied)

    @unittest.skipUnless(shutil.which("zstd"), "no zstd program")
    def test_zstd_frames_follow_one_another_and_huge_windows_are_refused_or_read(self):
        frames = self.zstd(event(1) + b"\n") + self.zstd(event(2) + b"\n")
        self.assertEqual(self.replay("two zstd frames", frames)[1]["applied"], 2)
        # A frame by hand: window 2 GB, one raw last block of two bytes.
        window = b"\x28\xb5\x2f\xfd\x00" + bytes([(31 - 10) << 3]) + b"\x11\x00\x00{}"
        self.replay("a zstd window of 2 GB", window, (0, 1))
        dictionary = b"\x28\xb5\x2f\xfd\x21\x07\x02\x11\x00\x00{}"
        self.replay("a zstd dictionary", dictionary, (1,))

    def test_paths_that_cannot_be_read_or_written_are_named(self):
        good = self.folder / "good.ndjson"
        good.write_bytes(event(1) + b"\n")
        broken = self.folder / "broken"
        broken.symlink_to(self.folder / "nowhere")
        for name, path in (("a missing file", self.folder / "missing"), ("a folder", self.folder), ("a broken link", broken)):
            # A replay finds it before any input is touched: wrong usage.
            for command, code in (("replay", 2), ("validate", 1)):
                with self.subTest(f"{command} {name}"):
                    self.assertIn(str(path), self.troth(f"{command} {name}", (code,), command, path).err)
        for option in ("--snapshot", "--out"):
            with self.subTest(option):
                self.assertIn("/dev/full", self.troth(f"{option} /dev/full", (1,), "replay", option, "/dev/full", good).err)

    def test_an_answer_that_does_not_arrive_is_a_failure(self):
        good = self.folder / "good.ndjson"
        good.write_bytes(event(1) + b"\n")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([engine.binary(), "replay", "--json", str(good)], stdin=subprocess.DEVNULL, stdout=full,
                                  stderr=subprocess.PIPE, check=False, timeout=TIME_LIMIT_S)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output", done.stderr)

    def test_a_pipe_closed_at_once_is_an_empty_file(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        writer = subprocess.Popen([sys.executable, "-c", "import sys; open(sys.argv[1], 'wb').close()", str(pipe)])
        try:
            ended = self.troth("a pipe closed at once", (0,), "replay", "--json", pipe)
        finally:
            writer.kill()
            writer.wait()
        self.assertEqual(json.loads(ended.out)["events"], 0)

    def test_a_hostile_policy_or_configuration_is_refused_with_exit_2(self):
        good = self.folder / "good.ndjson"
        good.write_bytes(event(1) + b"\n")
        laughs = b"a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + b"".join(b"a%d: &a%d [%s]\n" % (n, n,
            b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 30))
        for name, data in (
            ("a billion laughs", laughs), ("10,000 levels", b"a: " + b"[" * 10_000 + b"]" * 10_000), ("unclosed levels", b"{" * 100_000),
            ("a cycle", b"a: &a [*a]\n"), ("an unknown alias", b"a: *b\n"), ("a key twice", b"version: 1\nversion: 1\n"),
            ("tabs", b"global:\n\tquiet: 1d\n"),
            ("a huge integer", b"global: {case_events: " + b"9" * 100_000 + b"}\n"), ("NaN", b"global: {case_events: .nan}\n"),
            ("NUL bytes", b"\0" * 1000),
            ("bytes that are not UTF-8", b"a: \xff\xfe\n"), ("a long word", b"a" * (64 * MEGABYTE if LONG else MEGABYTE)),
            ("a scalar", b"5\n"), ("a list", b"- 1\n"),
        ):
            path = self.folder / "hostile.yaml"
            path.write_bytes(data)
            for command in (("replay", "--policy", path, good), ("replay", "--overlay", path, good), ("validate", path),
                ("run", "--config", path)):
                with self.subTest(f"{' '.join(command[:2]) if command[0] != 'validate' else 'validate'}: {name}"):
                    ended = self.troth(f"{command[0]} {command[1] if command[0] != 'validate' else ''} {name}"[:50], (2,), *command,
                        size=len(data))
                    self.assertIn("hostile.yaml", ended.err + ended.out)

    def test_hostile_options_are_wrong_usage(self):
        good = self.folder / "good.ndjson"
        good.write_bytes(event(1) + b"\n")
        values = {
            "--as-of": ("", "x", "2026-13-01T00:00:00Z", "2100-01-01T00:00:00Z", "9" * 10_000, "\x1b[31m"),
            "--partitions": ("", "0", "-1", "1025", "99999999999999999999", "1.5", "x", "0x"),
            "--epoch-events": ("", "0", "-1", "99999999999999999999", "1e3e", "x"),
        }
        for option, hostile in values.items():
            for value in hostile:
                with self.subTest(f"{option} {value[:30]!r}"):
                    self.troth(f"{option} {value[:20]!r}", (2,), "replay", f"{option}={value}", good)
        with self.subTest("10,000 options"):
            # Each unknown option is named.
            self.troth("10,000 options", (2,), "replay", *["--nonsense"] * 10_000, good, message=10_000 * 12)

    def test_a_hostile_state_directory_is_a_clear_error(self):
        file = self.folder / "state-file"
        file.write_bytes(b"x")
        empty = engine.empty_folder(self.folder / "state-empty")
        good = self.folder / "good.ndjson"
        good.write_bytes(event(1) + b"\n")
        made = self.folder / "state-made"
        self.troth("a good state", (0,), "replay", "--state", made, good)
        self.troth("a good state is read", (0,), "query", "c1", "--state", made, "--json")
        self.troth("an unknown customer", (3,), "query", "nobody", "--state", made)
        states = [("missing", self.folder / "state-missing"), ("a file", file), ("empty", empty)]
        for words, content in (("garbage", b"\xff\x00garbage" * 100), ("another version", b"version 999\n"), ("nothing", b"")):
            spoilt = self.folder / f"state-{words.replace(' ', '-')}"
            shutil.copytree(made, spoilt)
            (spoilt / "TROTH").write_bytes(content)
            states.append((f"TROTH holds {words}", spoilt))
        for words, state in states:
            for command in (("query", "c1"), ("explain", "c1"), ("inspect",)):
                with self.subTest(f"{command[0]}: {words}"):
                    ended = self.troth(f"{command[0]}: state {words}", (2,), *command, "--state", state)
                    self.assertIn(state.name, ended.err)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    unittest.main()
