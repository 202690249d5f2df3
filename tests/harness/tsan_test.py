#!/usr/bin/env python3
"""The real binary under the thread sanitizer: its threads share nothing that is not ordered. Run by `tests/run --only tsan`.

TROTH names a binary of the tsan preset; TSAN_OPTIONS says what is suppressed. A race makes the sanitizer print both places and
end the program with RACE_EXIT_CODE. TSAN_CANARY names the program with a race on purpose.
"""

import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scenarios"))

import engine  # noqa: E402
from histories import DAY, History, time_text  # noqa: E402

RACE_EXIT_CODE = 66  # the sanitizer's own
EVENTS = 6_000
PARTS = 4  # a growing input is written in so many
WORKERS = 4
PAGES = ("/metrics", "/readyz", "/healthz")
TIME_LIMIT_S = 600  # of a process: the sanitizer makes it ten times slower, and the machine may be busy


def without_races(text):
    """What the sanitizer said, for a failure's message."""
    found = re.search(r"WARNING: ThreadSanitizer.*", text, re.DOTALL)
    return found.group(0)[:8000] if found else text[-4000:]


class Races(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="troth-tsan-")
        cls.work = pathlib.Path(cls.temporary.name)
        history = History("tsan/1", events=EVENTS, customers=EVENTS // 60, scale=0.02)
        cls.arrivals = history.disordered(random.Random(1))
        cls.overlay = cls.work / "overlay.json"
        cls.overlay.write_text(json.dumps(history.overlay), encoding="utf-8")
        cls.as_of = time_text(history.last + 30 * DAY)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_a_race_made_on_purpose_is_reported(self):
        done = subprocess.run([os.environ["TSAN_CANARY"]], capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
        self.assertEqual(done.returncode, RACE_EXIT_CODE, done.stderr)
        self.assertIn("data race", done.stderr)
        self.assertIn("tsan_canary.cc", done.stderr)

    def test_a_replay_by_four_workers_has_no_race(self):
        files = [engine.write_lines(self.work / f"input{part}.ndjson", self.arrivals[part::2]) for part in range(2)]
        done = engine.run("replay", "--overlay", self.overlay, "--horizon", "none", "--as-of", self.as_of, "--workers", WORKERS,
                          "--epoch-events", 100, "--state", self.work / "state", "--out", self.work / "out",
                          "--snapshot", self.work / "snapshot", *files, timeout=TIME_LIMIT_S)
        self.assertEqual(done.returncode, 0, without_races(done.stderr.decode(errors="replace")))
        self.assertGreater(len(engine.text_lines(self.work / "snapshot")), EVENTS // 200, "customers were computed")
        self.assertGreater(len(engine.text_lines(self.work / "out" / "scores.ndjson")), EVENTS // 200)

    def test_a_run_by_four_workers_that_is_asked_over_http_meanwhile_has_no_race(self):
        run = Run(self.work / "run", self.overlay)
        parts = [self.arrivals[part::PARTS] for part in range(PARTS)]
        try:
            run.start()
            written = 0
            for part in parts:
                run.append(part)
                written += len(part)
                run.wait_read(written)
        finally:
            code, log = run.end()
        self.assertEqual(code, 0, without_races(log))
        self.assertNotIn("ThreadSanitizer", log)
        for page in PAGES:
            self.assertGreater(run.answers[page], 5, f"{page} was asked while it worked: {run.answers}")


class Run:
    """`troth run` on a growing file, with two threads that ask it for its pages without a pause."""

    def __init__(self, folder, overlay):
        self.folder = folder
        folder.mkdir()
        self.input = folder / "input.ndjson"
        self.input.touch()
        config = {"state": "state", "overlay": str(overlay), "workers": WORKERS, "http": {"listen": "127.0.0.1:0"},
                  "files": {"inputs": ["input.ndjson"], "out": "out", "partitions": 8}}
        (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
        self.log = folder / "log"
        self.answers = dict.fromkeys(PAGES, 0)
        self._is_over = threading.Event()
        self._figures = {}
        self._lock = threading.Lock()

    def start(self):
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen([engine.binary(), "run", "--config", str(self.folder / "config.yaml")],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._address = self._wait(lambda: re.search(r"at http://([0-9.:]+)", self._text()), "no HTTP")[1]
        self._askers = [threading.Thread(target=self._ask) for _ in range(2)]
        for asker in self._askers:
            asker.start()

    def append(self, lines):
        with open(self.input, "ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))

    def wait_read(self, count):
        """Until the state holds so many records."""
        self._wait(lambda: self._stored() >= count, f"{count} records are not stored")

    def end(self):
        """Its exit code after SIGTERM, and all that it said."""
        self._is_over.set()
        for asker in getattr(self, "_askers", ()):
            asker.join()
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(TIME_LIMIT_S)
        finally:
            self._process.kill()
            self._process.wait()
        return code, self._text()

    def _text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")

    def _stored(self):
        with self._lock:
            return sum(value for name, value in self._figures.items() if name.startswith("troth_task_stored_records{"))

    def _wait(self, condition, what):
        end = time.monotonic() + TIME_LIMIT_S
        while time.monotonic() < end and self._process.poll() is None:
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{what}: {without_races(self._text())}")

    def _ask(self):
        while not self._is_over.is_set():
            for page in PAGES:
                try:
                    with urllib.request.urlopen(f"http://{self._address}{page}", timeout=TIME_LIMIT_S) as answer:
                        text = answer.read().decode()
                except urllib.error.HTTPError as error:  # not ready is an answer
                    with error:
                        text = error.read().decode()
                except OSError:
                    continue  # it may have ended: _wait says so
                with self._lock:
                    self.answers[page] += 1
                    if page == "/metrics":
                        lines = (line.rpartition(" ") for line in text.splitlines() if line[:1] not in ("", "#"))
                        self._figures = {name: float(value) for name, _, value in lines}


if __name__ == "__main__":
    unittest.main()
