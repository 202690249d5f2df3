#!/usr/bin/env python3
"""What operators do to a live pipeline, on a real broker: backup while it runs, restore elsewhere, dead letters redriven.

- A backup is taken under load, the state directory destroyed, the backup restored: the topics end as the replay of the same
  events says, and what followed the backup came from the changelog.
- Dead letters that somebody corrected in a file, and those redriven from their topic, arrive exactly once: by counting what
  kcat reads of the inputs, also after kills at named steps of a transaction and with two of them at the same time.

One broker for all tests, topics of its own for each test. TROTH_SEED=N: another history. Needs java, kcat and a C compiler.
"""

import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import exactly_once  # noqa: E402
import kafka  # noqa: E402
import live  # noqa: E402

SEED = int(os.environ.get("TROTH_SEED", "1"))
MISSING = [tool for tool in ("java", "kcat", os.environ.get("CC", "cc")) if shutil.which(tool) is None]
PARTITIONS = 4
LATE_US = 46 * 86_400 * live.SECOND
HEADER = "troth-redriven-from"

broker = None
folder = None
kill_points = None


def setUpModule():
    global broker, folder, kill_points
    if MISSING:
        print(f"SKIPPED: operations tests: {', '.join(MISSING)} not installed", flush=True)
        raise unittest.SkipTest(f"{', '.join(MISSING)} not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="troth-operations-"))
    broker = kafka.Broker()
    try:
        broker.start()
        kill_points = exactly_once.compile_kill_points(folder)
    except BaseException:
        tearDownModule()
        raise


def tearDownModule():
    if broker is not None:
        broker.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


class OperationsTest(unittest.TestCase):
    """A folder, topics with a prefix, an engine that is stopped at the end."""

    def setUp(self):
        self.prefix = f"{self._testMethodName[5:45]}."
        self.folder = folder / self._testMethodName
        self.folder.mkdir()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def engine(self, offset_us=0, **kafka_keys):
        """With its topics made."""
        engine = live.Engine(self.folder / "engine", live.kafka_config(broker, self.prefix, offset_us, **kafka_keys))
        self.addCleanup(engine.close)
        done = live.run_troth("topics", "create", "--config", engine.config_path, "--partitions", PARTITIONS)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return engine

    def topic(self, name):
        return self.prefix + name

    def letters(self):
        """What stands on the dead-letter topic."""
        return [(record.key, json.loads(record.value)) for record in broker.read_all(self.topic(live.OUTPUTS["deadletters"]))]

    def wait_letters(self, count):
        """Those letters, once there are so many; there must not be more."""
        letters = live.wait_until(lambda: len(found := self.letters()) >= count and found, 30, f"{count} dead letters", 0.3)
        self.assertEqual(len(letters), count)
        return letters

    def troth(self, *words):
        """The summary of a command that succeeds."""
        done = live.run_troth(*words, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def redrive(self, engine, *options):
        summary = self.troth("redrive", "--config", engine.config_path, *options)
        self.assertEqual(summary["read"], summary["redriven"] + sum(summary["skipped"].values()), summary)
        return summary


class BackupAndRestore(OperationsTest):
    def test_a_backup_taken_under_load_is_restored_elsewhere_and_catches_up(self):
        lines = live.shop_history(SEED, 12_000, live.now_us() // live.SECOND * live.SECOND)
        offset_us = live.rehearsal_of(lines)
        engine = self.engine(offset_us, instance="one")
        engine.start()
        engine.wait_ready()
        step = len(lines) // 4
        live.produce(broker, self.prefix, lines[:step], rounds=2)
        engine.wait_stored(step)
        live.produce(broker, self.prefix, lines[step:2 * step], rounds=2)
        live.wait_until(lambda: live.stored(engine.figures()) > step, 30, "the load has begun", 0.02)
        backup = self.troth("backup", "--state", engine.folder / "state", "--to", self.folder / "backup")
        self.assertTrue(engine.is_running())
        live.produce(broker, self.prefix, lines[2 * step:3 * step], rounds=2)
        engine.wait_stored(3 * step)
        commits = {each["partition"]: each["commit"] for each in backup["partitions"]}
        self.assertEqual(sorted(commits), list(range(PARTITIONS)))
        engine.kill()
        shutil.rmtree(engine.folder / "state")

        restored = self.troth("restore", "--from", self.folder / "backup", "--state", engine.folder / "state")
        self.assertEqual({each["partition"]: each["commit"] for each in restored["partitions"]}, commits)
        self.assertEqual((restored["keys"], restored["bytes"]), (backup["keys"], backup["bytes"]))
        live.produce(broker, self.prefix, lines[3 * step:], rounds=2)
        began = time.monotonic()
        engine.start()
        engine.wait_ready()
        ready_s = time.monotonic() - began
        engine.wait_caught_up(len(lines), live.now_us() + offset_us)
        said = [line for line in engine.log_of_this_start().splitlines() if "assigned; " in line]
        self.assertEqual(len(said), PARTITIONS, engine.log_tail())
        self.assertTrue(all("assigned; catch up" in line for line in said), said)
        before_us = live.now_us() + offset_us - 2 * live.SECOND
        self.assertEqual(engine.terminate(), 0, engine.log_tail())
        after_us = live.now_us() + offset_us
        _, different = live.differences_from_replay(broker, self.prefix, self.folder, lines, before_us, after_us)
        self.assertEqual(different, [], f"repeat with TROTH_SEED={SEED}:\n" + "\n".join(different))
        self.assertEqual(self.letters(), [])
        print(f"backup of {backup['keys']} keys, {backup['bytes']} bytes in {backup['seconds']:.2f} s ({backup['openings']} openings), "
              f"restored in {restored['seconds']:.2f} s, ready {ready_s:.1f} s after its start", flush=True)

    def test_a_state_is_asked_while_it_is_in_use_and_the_answer_says_so(self):
        engine = self.engine()
        live.produce(broker, self.prefix, [json.dumps(live.event("order.placed", "someone", live.now_us(), "1", order_id="o", total_minor=5))])
        engine.start()
        engine.wait_stored(1)
        state = engine.folder / "state"
        for words in (("query", "someone"), ("explain", "someone"), ("top",), ("inspect",)):
            with self.subTest(words=words):
                done = live.run_troth(*words, "--state", state, "--json")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn('"applied":1' if words == ("inspect",) else "someone", done.stdout)
                self.assertIn(f"process {engine.pid} is at work on {state}", done.stderr)
        self.assertEqual(engine.terminate(), 0, engine.log_tail())
        self.assertEqual(live.run_troth("query", "someone", "--state", state, "--json").stderr, "")

    def test_a_backup_answers_queries_and_every_copy_goes_into_an_empty_place_only(self):
        engine = self.engine()
        now = live.now_us()
        live.produce(broker, self.prefix, [json.dumps(live.event("order.placed", "someone", now, "1", order_id="o", total_minor=5))])
        engine.start()
        engine.wait_stored(1)
        state, backup = engine.folder / "state", self.folder / "backup"
        self.troth("backup", "--state", state, "--to", backup)
        self.assertEqual(json.loads(live.run_troth("query", "someone", "--state", backup, "--json").stdout)["customer"], "someone")
        for words, said in ((("backup", "--state", state, "--to", backup), "there is a state in it already"),
                            (("restore", "--from", backup, "--state", state), "there is a state in it already"),
                            (("backup", "--state", state, "--to", engine.folder), "it is not empty"),
                            (("restore", "--from", engine.folder, "--state", self.folder / "new"), "broke off"),
                            (("backup", "--state", self.folder / "nowhere", "--to", self.folder / "new"), "there is none")):
            with self.subTest(words=words):
                done = live.run_troth(*words)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertIn(said, done.stderr)
        self.assertFalse((self.folder / "new").exists())
        self.assertEqual(engine.terminate(), 0, engine.log_tail())

    def test_with_files_a_restored_state_goes_on_and_its_outputs_are_the_same_bytes(self):
        lines = live.shop_history(SEED, 2_000, live.now_us() // live.SECOND * live.SECOND)
        events = self.folder / "events.ndjson"

        def replay(name, count):
            events.write_text("".join(line + "\n" for line in lines[:count]), encoding="utf-8")
            self.troth("replay", events, "--state", self.folder / name, "--out", self.folder / f"{name}-out",
                       "--epoch-events", 50, "--horizon", "none")  # fmt: skip

        replay("plain", 1_000)
        replay("plain", 2_000)
        replay("restored", 1_000)
        self.troth("backup", "--state", self.folder / "restored", "--to", self.folder / "backup")
        replay("restored", 1_500)
        shutil.rmtree(self.folder / "restored")
        self.troth("restore", "--from", self.folder / "backup", "--state", self.folder / "restored")
        replay("restored", 2_000)
        for stream in live.OUTPUTS:
            plain, restored = ((self.folder / f"{name}-out" / f"{stream}.ndjson").read_bytes() for name in ("plain", "restored"))
            self.assertEqual(plain, restored, stream)
            self.assertTrue(plain or stream == "deadletters")


class RedriveOfAFile(OperationsTest):
    def test_letters_corrected_in_a_file_arrive_once_and_count_as_if_they_had_come_so(self):
        engine = self.engine()
        now = live.now_us()
        orders = [live.event("order.placed", f"customer-{n}", now - n, f"o{n}", order_id=f"order-{n}", total_minor=100 + n)
                  for n in range(4)]  # fmt: skip
        reviews = [live.event("review.submitted", f"customer-{n}", now - n, f"r{n}", review_id=f"r{n}", order_id=f"order-{n}", stars=1)
                   for n in range(4)]  # fmt: skip
        live.produce(broker, self.prefix, [json.dumps(orders[0]), json.dumps(reviews[0])])
        misspelt = json.dumps({**orders[1], "type": "order.teleported"})
        broken = json.dumps(orders[2])[:-1]
        large = json.dumps({**orders[1], "id": "large", "data": {"x": "x" * 70_000}})
        broker.produce(self.topic("orders"), [("not the customer", misspelt), ("customer-2", broken), ("customer-3", json.dumps(orders[3])),
                                              ("customer-1", large)])  # fmt: skip
        broker.produce(self.topic("reviews"), [("customer-1", json.dumps({**reviews[1], "type": "review.shouted"}))])
        engine.start()
        engine.wait_stored(7)
        letters = self.wait_letters(4)

        corrected = self.folder / "letters.ndjson"
        with open(corrected, "w", encoding="utf-8") as file:
            for key, value in letters:
                if "raw" in value:
                    value["raw"] = value["raw"].replace("teleported", "placed").replace("shouted", "submitted")
                    value["raw"] += "}" if value["reason"] == "malformed" else ""
                file.write(json.dumps({"key": key.decode(), "value": value}) + "\n\n")
            other = {"reason": "late", "topic": "old.ndjson", "partition": 0, "offset": 7, "raw": "{}"}
            file.write(json.dumps({"key": None, "value": other}) + "\n")
        skipped = {"unknown_topic": 1, "without_message": 1}
        trial = self.redrive(engine, "--letters", corrected, "--dry-run")
        self.assertEqual((trial["redriven"], trial["skipped"], trial["dry_run"]), (3, skipped, True))
        with open(self.folder / "wrong.ndjson", "w", encoding="utf-8") as file:
            file.write(corrected.read_text(encoding="utf-8") + '{"key":null,"value":{"reason":"late"}}\n')
        refused = live.run_troth("redrive", "--config", engine.config_path, "--letters", self.folder / "wrong.ndjson")
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn(f"{self.folder / 'wrong.ndjson'}:10:", refused.stderr)
        self.assertEqual(len(broker.read_all(self.topic("orders"))), 5)  # neither of the two sent anything

        done = self.redrive(engine, "--letters", corrected)
        self.assertEqual((done["read"], done["redriven"], done["skipped"]), (5, 3, skipped))
        engine.wait_stored(10)
        redriven = [record for name in ("orders", "reviews") for record in broker.read_all(self.topic(name))
                    if HEADER in dict(record.headers)]  # fmt: skip
        places = {dict(record.headers)[HEADER].decode(): record for record in redriven}
        expected = [f"{value['topic']}/{value['partition']}/{value['offset']}" for _, value in letters if "raw" in value]
        self.assertEqual(sorted(places), sorted(expected))
        self.assertEqual({record.key for record in redriven}, {b"customer-1", b"customer-2"})
        lines = [json.dumps(each) for each in (*orders, *reviews[:2])]
        before_us = live.now_us() - 2 * live.SECOND
        self.assertEqual(engine.terminate(), 0, engine.log_tail())
        _, different = live.differences_from_replay(broker, self.prefix, self.folder, lines, before_us, live.now_us())
        self.assertEqual(different, [], "\n".join(different))
        self.assertEqual(len(self.letters()), 4)


class RedriveOfTheTopic(OperationsTest):
    def test_what_is_refused_again_is_redriven_by_the_next_run_and_not_by_the_same(self):
        engine = self.engine()
        then_us = live.now_us() - LATE_US
        late = [live.event("order.placed", f"customer-{n % 5}", then_us, f"late-{n}", order_id=f"o{n}", total_minor=1) for n in range(40)]
        bad = [("customer-1", "{oh no"), (None, "neither")]
        engine.start()
        engine.wait_caught_up(0, live.now_us())  # only by the clock they are late
        live.produce(broker, self.prefix, [json.dumps(each) for each in late])
        broker.produce(self.topic("reviews"), bad)
        engine.wait_stored(42)
        self.wait_letters(42)
        first = self.redrive(engine, "--reason", "late")
        self.assertEqual((first["read"], first["redriven"], first["skipped"]), (42, 40, {"passed_over": 2}))
        engine.wait_stored(82)
        self.wait_letters(82)
        # Forty new letters; the two that were passed over are not offered again.
        second = self.redrive(engine)
        self.assertEqual((second["read"], second["redriven"]), (40, 40))
        engine.wait_stored(122)
        self.wait_letters(122)
        sent = collections.Counter(json.loads(record.value)["id"] for record in broker.read_all(self.topic("orders")))
        self.assertEqual(sent, {each["id"]: 3 for each in late})
        again = self.redrive(engine, "--from-beginning", "--reason", "malformed")
        self.assertEqual((again["read"], again["redriven"]), (122, 2))
        engine.wait_stored(124)
        self.wait_letters(124)
        self.assertEqual(sorted((record.key, record.value) for record in broker.read_all(self.topic("reviews")) if record.key),
                         [(b"customer-1", b"{oh no")] * 2)
        # Without a key a record keeps its partition.
        keyless = [record for record in broker.read_all(self.topic("reviews")) if record.key is None]
        self.assertEqual([record.value for record in keyless], [b"neither"] * 2)
        self.assertEqual(len({record.partition for record in keyless}), 1)
        self.assertEqual(engine.terminate(), 0, engine.log_tail())

    def letters_of_our_own(self, count):
        """Letters as an engine writes them, without one."""
        def letter(number):
            event = live.event("order.placed", f"customer-{number % 50}", live.now_us(), f"event-{number}", order_id="o", total_minor=1)
            place = {"offset": number, "partition": 0, "topic": self.topic("orders")}
            return json.dumps({**place, "raw": json.dumps(event), "reason": "late"})
        broker.produce(self.topic(live.OUTPUTS["deadletters"]), [(f"customer-{number % 50}", letter(number)) for number in range(count)])

    def sent(self):
        """{event id: how often} of what is committed in the inputs; each in its customer's partition."""
        homes = {}
        records = broker.read_all(self.topic("orders"))
        for record in records:
            self.assertEqual(homes.setdefault(record.key, record.partition), record.partition)
        return collections.Counter(json.loads(record.value)["id"] for record in records)

    def start_planned(self, engine, plan, *options, stop=False):
        """A redrive that is killed, or stopped, at a named step."""
        environment = os.environ | {"LD_PRELOAD": str(kill_points), "KILL_AT": plan, "KILL_REPORT": str(self.folder / "kills")}
        environment |= {"KILL_SIGNAL": str(int(signal.SIGSTOP))} if stop else {}
        process = subprocess.Popen([live.TROTH, "redrive", "--config", str(engine.config_path), *options], env=environment, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   preexec_fn=kafka._die_with_parent)  # fmt: skip
        self.addCleanup(process.stderr.close)
        self.addCleanup(live._kill, process)
        return process

    def test_killed_in_the_middle_and_run_again_each_letter_arrives_once(self):
        engine = self.engine()
        count = 3_500  # four transactions
        self.letters_of_our_own(count)
        plans = ("before_begin 2", "before_offsets 1", "after_offsets 1", "in_commit 1 300", "after_commit 1")
        for plan in plans:
            process = self.start_planned(engine, plan)
            self.assertEqual(process.wait(60), -signal.SIGKILL, f"{plan}: {process.stderr.read()}")
        arrived = sum(self.sent().values())
        last = self.redrive(engine)
        self.assertGreater(last["redriven"], 0)
        self.assertEqual(arrived + last["redriven"], count)
        self.assertEqual(self.sent(), {f"event-{number}": 1 for number in range(count)})
        self.assertEqual(self.redrive(engine)["read"], 0)
        print(f"killed {len(plans)} times, {arrived} letters before the last run, {last['redriven']} in {last['seconds']:.2f} s by it",
              flush=True)  # fmt: skip

        # Killed as soon as the position is set back: a run without the option does all the rest.
        process = self.start_planned(engine, "after_commit 2", "--from-beginning")
        self.assertEqual(process.wait(60), -signal.SIGKILL, process.stderr.read())
        self.assertEqual(self.redrive(engine)["redriven"], count - 1_000)
        self.assertEqual(self.sent(), {f"event-{number}": 2 for number in range(count)})

    def test_of_two_at_the_same_time_the_later_wins_and_each_letter_arrives_once(self):
        engine = self.engine()
        self.letters_of_our_own(1_500)
        first = self.start_planned(engine, "before_commit 2", stop=True)
        live.wait_until(lambda: (self.folder / "kills").exists(), 30, "the first one stands still")
        self.assertEqual(self.redrive(engine)["redriven"], 500)
        first.send_signal(signal.SIGCONT)
        self.assertEqual(first.wait(60), 1)
        self.assertIn("Another redrive of this group has begun", first.stderr.read())
        self.assertEqual(self.sent(), {f"event-{number}": 1 for number in range(1_500)})

    def test_what_cannot_be_done_is_said_with_its_exit_code(self):
        def said(config, *options):
            done = live.run_troth("redrive", "--config", config, *options, timeout_s=90)
            self.assertEqual(done.stdout, "")
            return done.returncode, done.stderr

        engine = live.Engine(self.folder / "engine", live.kafka_config(broker, self.prefix))
        code, words = said(engine.config_path)
        self.assertEqual(code, 1, words)
        self.assertIn("troth topics create", words)
        code, words = said(engine.config_path, "--reason", "bad mood")
        self.assertEqual(code, 2, words)
        code, words = said(engine.config_path, "--letters", self.folder / "none", "--from-beginning")
        self.assertEqual(code, 2, words)
        code, words = said(engine.config_path, "--letters", self.folder / "none")
        self.assertEqual(code, 2, words)
        self.assertIn(str(self.folder / "none"), words)
        files = self.folder / "files.yaml"
        files.write_text(json.dumps({"state": "state", "files": {"inputs": ["events.ndjson"]}}), encoding="utf-8")
        code, words = said(files)
        self.assertEqual(code, 2, words)
        self.assertIn("`kafka` section", words)


if __name__ == "__main__":
    unittest.main(verbosity=2)
