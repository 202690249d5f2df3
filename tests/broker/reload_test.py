#!/usr/bin/env python3
"""SIGHUP: `troth run` reads its policy again. A bad one is refused and the old one stays; a good one holds from then on, for
what came before it too.

Most of it with an engine that follows a file; once with a real broker, for which java and kcat are needed (without them:
skipped, loudly). Nothing of the made-up history is old enough to be sealed, so a replay under the new policy alone must say
the same as the engine that changed to it.
"""

import json
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import kafka  # noqa: E402
import live  # noqa: E402

MILD = {"score": {"loss_factor": {"R": 1_500_000}}}
HARSH = {"score": {"loss_factor": {"R": 4_500_000}}, "alerts": {"case": {"PROMISE_BROKEN": {"hold": "0s"}}}}
STREAMS = ("scores", "alerts", "promises")
EVENTS = 600
REFUSED = "SIGHUP: the policy is refused, the one of before stays: "
TAKEN = "opening everything anew under it"
UNCHANGED = "nothing changes"


def essence(stream, records):
    """An alert names the policy under which it was sent, and is not sent again because of another name alone."""
    if stream == "alerts":
        return {key: {name: each for name, each in value.items() if name != "policy"} for key, value in records.items()}
    return records


class Reloaded(unittest.TestCase):
    """A folder that is removed at the end, with an overlay in it and a history to feed an engine with."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troth-reload-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.lines = live.shop_history(3, EVENTS, live.now_us(), customers=60)
        self.written = 0
        self.overlay = self.folder / "overlay.yaml"
        self.write_overlay(MILD)

    def write_overlay(self, overlay):
        self.overlay.write_text(overlay if isinstance(overlay, str) else json.dumps(overlay), encoding="utf-8")

    def next_lines(self, count):
        """The next lines of the history, as written from now on."""
        lines = self.lines[self.written:self.written + count]
        self.written += count
        return lines

    def make_engine(self, config):
        engine = live.Engine(self.folder / "engine", {"overlay": str(self.overlay), **config})
        self.addCleanup(engine.close)
        return engine

    def hang_up(self, words):
        """SIGHUP, and waits until the log has said these words once more."""
        before = self.engine.log().count(words)
        self.engine.hang_up()
        live.wait_until(lambda: self.engine._alive() and self.engine.log().count(words) > before, 60, self.engine.log_tail, 0.02)

    def finish(self, overlay):
        """Stops the engine, and compares what it has written with a replay under an overlay, as of just before or after the
        stop, since a check may fall in between."""
        before_us = live.now_us() - 2 * live.SECOND
        self.assertEqual(self.engine.terminate(), 0, self.engine.log_tail())
        after_us = live.now_us()
        path = self.folder / "expected.yaml"
        path.write_text(json.dumps(overlay), encoding="utf-8")
        lines = self.lines[:self.written]
        before = live.Expectation(self.folder / "before", lines, before_us, path)
        after = live.Expectation(self.folder / "after", lines, after_us, path)
        for stream in STREAMS:
            found = self.found(stream)
            self.assertTrue(found, stream)
            either = (essence(stream, expected.last(stream)) for expected in (before, after))
            different = live.differences_from_either(*either, essence(stream, found))
            self.assertEqual(different, "", stream)
        return before


class OnTopics(Reloaded):
    def test_a_good_policy_holds_for_what_was_there_and_for_what_comes(self):
        missing = [tool for tool in ("java", "kcat") if shutil.which(tool) is None]
        if missing:
            print(f"SKIPPED: {self.id()}: {', '.join(missing)} not installed", flush=True)
            self.skipTest(f"{', '.join(missing)} not installed")
        with kafka.Broker() as self.broker:
            self.engine = self.make_engine({"kafka": {"bootstrap": self.broker.bootstrap, "instance": "one"}})
            made = live.run_troth("topics", "create", "--config", self.engine.config_path, "--partitions", 2)
            self.assertEqual(made.returncode, 0, made.stderr + made.stdout)
            self.engine.start()
            live.produce(self.broker, "", self.next_lines(EVENTS // 2))
            self.engine.wait_stored(self.written)
            self.write_overlay("colour: red\n")
            self.hang_up(REFUSED)
            self.write_overlay(HARSH)
            self.hang_up(TAKEN)
            live.produce(self.broker, "", self.next_lines(EVENTS // 4))
            self.engine.wait_stored(self.written)
            self.engine.wait_ready()
            self.finish(HARSH)
            self.assertEqual(self.engine.log().count("open; state in"), 2)

    def found(self, stream):
        return live.last_of_topic(self.broker, live.OUTPUTS[stream])


class OnFiles(Reloaded):
    def setUp(self):
        super().setUp()
        self.input = self.folder / "events.ndjson"
        self.input.write_text("", encoding="utf-8")
        self.engine = self.make_engine({"files": {"inputs": [str(self.input)], "out": "out"}})

    def found(self, stream):
        return live.last_of_file(self.folder / "engine" / "out" / f"{stream}.ndjson")

    def append(self, share):
        """Writes the next share of the history, and waits until the state has it."""
        self.write(int(len(self.lines) * share))
        self.engine.wait_stored(self.written)

    def write(self, count):
        with open(self.input, "a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in self.next_lines(count)))

    def test_a_good_policy_holds_for_what_was_there_and_for_what_comes(self):
        self.engine.start()
        self.append(0.5)
        self.write_overlay(HARSH)
        self.hang_up(TAKEN)
        self.append(0.25)
        harsh = self.finish(HARSH)
        # The test would see it: under the other policy the same history has other scores.
        mild = live.Expectation(self.folder / "mild", self.lines[:self.written], live.now_us(), self.write_mild())
        self.assertNotEqual(harsh.last("scores"), mild.last("scores"))

    def write_mild(self):
        path = self.folder / "mild.yaml"
        path.write_text(json.dumps(MILD), encoding="utf-8")
        return path

    def test_a_good_policy_holds_although_nothing_comes_any_more(self):
        self.engine.start()
        self.append(0.5)
        self.engine.wait_ready()
        self.write_overlay(HARSH)
        self.hang_up(TAKEN)
        self.engine.wait_ready()
        self.engine.wait_stored(self.written)
        self.finish(HARSH)

    def test_a_bad_policy_is_refused_and_the_engine_goes_on_under_the_old_one(self):
        self.engine.start()
        self.append(0.4)
        for bad, words in (("colour: red\n", "colour (line 1): unknown key"), ("[", "overlay.yaml:1: "),
                           (json.dumps({"score": {"prior_weight": 0}}), "score.prior_weight"),
                           (json.dumps({"global": {"skew": "6m"}}), "its `global` section differs")):
            with self.subTest(words):
                self.write_overlay(bad)
                self.hang_up(REFUSED)
                self.assertIn(words, self.engine.log().rpartition(REFUSED)[2])
        self.overlay.unlink()
        self.hang_up(REFUSED)
        self.assertEqual(self.engine.get("/readyz")[0], 200)
        self.append(0.2)
        self.assertEqual(self.engine.log().count("open; state in"), 1, "nothing was opened anew")
        self.finish(MILD)

    def test_the_same_policy_in_other_words_changes_nothing(self):
        self.engine.start()
        self.append(0.4)
        self.write_overlay("# in other words\nscore: {loss_factor: {R: 1500000}}\n")
        self.hang_up(UNCHANGED)
        self.append(0.1)
        self.assertEqual(self.engine.log().count("open; state in"), 1, "nothing was opened anew")
        self.finish(MILD)

    def test_policies_back_and_forth_while_events_come_end_as_the_last_one(self):
        self.engine.start()
        for turn in range(6):
            self.write_overlay(HARSH if turn % 2 == 0 else MILD)
            self.write(80)
            self.hang_up(TAKEN)
        self.engine.wait_stored(self.written)
        self.finish(MILD)

    def test_a_policy_that_was_adopted_is_that_of_the_state_after_a_kill(self):
        self.engine.start()
        self.append(0.5)
        self.write_overlay(HARSH)
        self.hang_up(TAKEN)
        self.engine.wait_ready()
        self.engine.kill()
        self.engine.start()
        self.engine.wait_stored(self.written)
        self.finish(HARSH)

    def test_a_hang_up_during_the_start_does_not_end_it(self):
        self.engine.start(wait=False)
        # The first thing a run does is to catch the signal; its first words come later.
        live.wait_until(lambda: "troth" in pathlib.Path(f"/proc/{self.engine.pid}/comm").read_text() and self.catches_hang_up(), 60,
                        self.engine.log_tail, 0.001)
        self.engine.hang_up()
        live.wait_until(lambda: self.engine._alive() and UNCHANGED in self.engine.log(), 60, self.engine.log_tail)
        self.assertEqual(self.engine.terminate(), 0, self.engine.log_tail())

    def catches_hang_up(self):
        status = pathlib.Path(f"/proc/{self.engine.pid}/status").read_text(encoding="utf-8")
        caught = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), 16)
        return caught & 1  # SIGHUP is signal 1


if __name__ == "__main__":
    unittest.main(verbosity=2)
