#!/usr/bin/env python3
"""A real Prometheus scrapes a running `troth run`; promtool reads what it offers; health pages tell the truth.

The engine reads a growing file, so no broker is needed. Also here, because it concerns the same command: the examples of
schemas/examples/config, each of which `troth validate` must accept, or refuse with the line.

Needs Debian's packages prometheus (with promtool) and, for the configuration, python3-jsonschema and python3-yaml; what
is missing is skipped, loudly.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import kafka  # noqa: E402
import live  # noqa: E402

EXAMPLES = live.TREE / "schemas" / "examples" / "config"
EVENTS = 500


def require(test, *tools):
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        print(f"SKIPPED: {test.id()}: {', '.join(missing)} not installed", flush=True)
        test.skipTest(f"{', '.join(missing)} not installed")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


GROUP_METRICS = {"troth_source_lag_records", "troth_task_recoveries_total", "troth_task_restored_rows_total", "troth_task_standby_rows_total", "troth_task_restoring_partitions",
                 "troth_task_restore_left_seconds", "troth_source_silent", "troth_task_held_keys"}


class FollowedFile(unittest.TestCase):
    """An engine that follows a file, in a folder that is removed at the end."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="troth-prometheus-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.now_us = live.now_us()
        self.lines = live.shop_history(1, EVENTS, self.now_us)
        self.input = self.folder / "events.ndjson"
        self.input.write_text("".join(line + "\n" for line in self.lines), encoding="utf-8")

    def engine(self, **keys):
        config = {"files": {"inputs": [str(self.input)], "out": "out"}, **keys}
        engine = live.Engine(self.folder / "engine", config)
        self.addCleanup(engine.close)
        return engine

    def append(self, line):
        with open(self.input, "a", encoding="utf-8") as file:
            file.write(line + "\n")


class Scraped(FollowedFile):
    def start_prometheus(self, target):
        config = self.folder / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": "troth", "static_configs": [{"targets": [target]}]}],
        }), encoding="utf-8")
        address = f"127.0.0.1:{free_port()}"
        with open(self.folder / "prometheus.log", "wb") as log:
            process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder / 'tsdb'}", f"--web.listen-address={address}",
                 "--log.level=warn"],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=kafka._die_with_parent)
        self.addCleanup(self.stop_prometheus, process)
        self.prometheus = address
        live.wait_until(lambda: self.ask("/api/v1/targets") is not None, 60,
                        lambda: "Prometheus does not answer: " + (self.folder / "prometheus.log").read_text(errors="replace")[-2000:])

    @staticmethod
    def stop_prometheus(process):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)

    def ask(self, path, **query):
        """The data of an answer of Prometheus's API, or None."""
        words = f"?{urllib.parse.urlencode(query)}" if query else ""
        try:
            with urllib.request.urlopen(f"http://{self.prometheus}{path}{words}", timeout=5) as answer:
                return json.load(answer)["data"]
        except (urllib.error.URLError, OSError, ValueError):
            return None

    def values(self, expression):
        """What an expression gives now: a list of (labels, value)."""
        data = self.ask("/api/v1/query", query=expression)
        return [(each["metric"], float(each["value"][1])) for each in data["result"]] if data else []

    def target(self):
        targets = (self.ask("/api/v1/targets") or {}).get("activeTargets", [])
        return (targets[0]["health"], targets[0]["lastError"]) if targets else ("none", "")

    def test_prometheus_scrapes_a_running_engine_and_its_series_tell_what_happens(self):
        require(self, "prometheus")
        engine = self.engine().start()
        engine.wait_stored(len(self.lines))
        self.start_prometheus(engine.address)
        live.wait_until(lambda: self.target()[0] == "up", 60, lambda: f"the target is {self.target()}")
        applied = 'troth_task_stored_records{outcome="applied"}'
        live.wait_until(lambda: [value for _, value in self.values(applied)] == [len(self.lines)], 30, lambda: f"{applied}: {self.values(applied)}")
        names = set(self.ask("/api/v1/label/__name__/values"))
        # The one list of metrics in the engine names them all; those of a member of a group exist for Kafka alone.
        listed = set(re.findall(r'"((?:troth|process)_[a-z_]+)"', (live.TREE / "engine/observe/metric_names.h").read_text(encoding="utf-8")))
        self.assertGreater(len(listed), 20)
        absent = {name for name in listed if not names & {name, name + "_bucket"}} - GROUP_METRICS
        self.assertEqual(absent, set())
        self.assertEqual([value for _, value in self.values("troth_observe_ready")], [1])
        self.assertEqual([value for _, value in self.values("max(troth_task_event_time_delay_greatest_seconds) < bool 30")], [1])

        self.append(json.dumps(live.event("order.placed", "new", live.now_us(), "new", order_id="new", total_minor=1)))
        self.append("not an event")
        live.wait_until(lambda: [value for _, value in self.values(applied)] == [len(self.lines) + 1], 30, lambda: f"{applied}: {self.values(applied)}")
        bad = 'troth_task_dead_letters_total{reason="malformed"}'
        live.wait_until(lambda: [value for _, value in self.values(bad)] == [1], 30, lambda: f"{bad}: {self.values(bad)}")
        self.assertTrue(self.values("sum by (rule) (troth_model_alerts_firing)"))

        self.assertEqual(engine.terminate(), 0, engine.log_tail())
        live.wait_until(lambda: self.target()[0] == "down", 60, lambda: f"the target is {self.target()} though the engine has ended")

    def test_promtool_finds_no_fault_with_the_metrics(self):
        require(self, "promtool")
        engine = self.engine().start()
        engine.wait_stored(len(self.lines))
        status, text = engine.get("/metrics")
        self.assertEqual(status, 200)
        done = subprocess.run(["promtool", "check", "metrics"], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                              check=False)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, ""))
        self.assertEqual(engine.terminate(), 0, engine.log_tail())

    def test_no_series_shows_what_an_event_says(self):
        engine = self.engine()
        self.append(json.dumps(live.event("order.placed", "secret-customer", self.now_us, "secret-id", order_id="secret-order", total_minor=1,
                                          labels={"team": "secret-team"})))
        self.append('{"specversion":"1.0","id":"secret"')
        engine.start()
        engine.wait_stored(len(self.lines) + 2)
        for page in ("/metrics", "/healthz", "/readyz"):
            self.assertNotIn("secret", engine.get(page)[1])
        self.assertEqual(engine.terminate(), 0, engine.log_tail())
        self.assertNotIn("secret", engine.log_path.read_text(encoding="utf-8"))


class Health(FollowedFile):
    def test_ready_comes_with_the_work_and_goes_with_the_engine(self):
        engine = self.engine().start()
        engine.wait_ready()
        self.assertEqual(json.loads(engine.get("/readyz")[1]), {"ready": True, "reasons": []})
        self.assertEqual(engine.get("/healthz")[0], 200)
        self.assertEqual(engine.terminate(), 0, engine.log_tail())
        self.assertEqual(engine.get("/readyz")[0], 0)
        self.assertEqual(engine.get("/healthz")[0], 0)

    def test_alive_but_not_ready_while_the_broker_is_away(self):
        # A port that takes connections and never answers: the engine waits for its cluster.
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            config = {"kafka": {"bootstrap": f"127.0.0.1:{silent.getsockname()[1]}"}}
            engine = live.Engine(self.folder / "kafka", config)
            self.addCleanup(engine.close)
            engine.start()
            status, body = engine.get("/readyz")
            self.assertEqual((status, json.loads(body)["ready"]), (503, False))
            self.assertTrue(json.loads(body)["reasons"])
            self.assertEqual(engine.get("/healthz")[0], 200)

    def test_a_stopped_process_answers_nothing_and_is_ready_again_afterwards(self):
        engine = self.engine().start()
        engine.wait_ready()
        os.kill(engine.pid, signal.SIGSTOP)
        try:
            time.sleep(1)
        finally:
            os.kill(engine.pid, signal.SIGCONT)
        engine.wait_ready(30)
        self.assertEqual(engine.terminate(), 0, engine.log_tail())

    def test_without_http_nothing_listens(self):
        engine = self.engine(http=False)
        engine.start(wait=False)
        live.wait_until(lambda: "open; state in" in engine.log_tail(), 30, engine.log_tail)
        self.assertNotIn("http://", engine.log_tail())
        self.assertEqual(engine.terminate(), 0, engine.log_tail())


class Configuration(unittest.TestCase):
    """schemas/config.json and its examples say the same as the engine."""

    def examples(self, kind):
        found = sorted((EXAMPLES / kind).glob("*.yaml"))
        self.assertGreater(len(found), 3)
        return found

    def validator(self):
        try:
            import jsonschema
            import yaml
        except ImportError as error:
            print(f"SKIPPED: {self.id()}: {error.name} is missing (Debian: python3-jsonschema, python3-yaml)", flush=True)
            self.skipTest(f"{error.name} is missing")
        schema = json.loads((live.TREE / "schemas" / "config.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        return lambda path: next(validator.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8"))), None)

    def test_valid_examples_are_accepted(self):
        for path in self.examples("valid"):
            with self.subTest(path.name):
                done = live.run_troth("validate", path)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("a valid configuration", done.stdout)

    def test_invalid_examples_are_refused_with_their_line_and_what_is_wrong(self):
        """The first line of an example says what the message must: `# LINE: words`."""
        for path in self.examples("invalid"):
            with self.subTest(path.name):
                line, words = re.fullmatch(r"# (\d+): (.+)", path.read_text(encoding="utf-8").splitlines()[0]).groups()
                done = live.run_troth("validate", path)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertIn(f"{path}:{line}: ", done.stderr)
                self.assertIn(words, done.stderr)

    def test_the_schema_agrees_with_the_engine(self):
        error_of = self.validator()
        for path in self.examples("valid"):
            with self.subTest(path.name):
                self.assertIsNone(error_of(path))
        for path in self.examples("invalid"):
            with self.subTest(path.name):
                # What JSON Schema cannot say (a key twice, for one) is marked in the second line.
                if "schema cannot" not in path.read_text(encoding="utf-8").splitlines()[1]:
                    self.assertIsNotNone(error_of(path))

    def test_every_key_of_the_engine_is_in_the_schema_and_described(self):
        files = [live.TREE / "engine/app" / name for name in ("config.cc", "config_kafka.cc")]
        source = "".join(path.read_text(encoding="utf-8") for path in files)
        known = set(re.findall(r'\b(?:section|top|names)\.(?:text|flag|integer|bytes|duration|span|texts|choice|find)\("(\w+)"', source))
        described = set()

        def walk(schema):
            for name, each in schema.get("properties", {}).items():
                self.assertTrue(each.get("description"), f"{name} has no description")
                described.add(name)
                walk(each)
            more = schema.get("additionalProperties")
            for alternative in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *([more] if isinstance(more, dict) else ())):
                walk(alternative)

        walk(json.loads((live.TREE / "schemas" / "config.json").read_text(encoding="utf-8")))
        self.assertEqual(known, described)

    def test_a_refused_configuration_ends_a_run_with_two_before_anything_is_touched(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "config.yaml"
            path.write_text("state: here\nfiles: {inputs: [nothing], colour: red}\n", encoding="utf-8")
            done = live.run_troth("run", "--config", path, timeout_s=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"{path}:2: files.colour", done.stderr)
            self.assertFalse((pathlib.Path(folder) / "here").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
