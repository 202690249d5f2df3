"""Shared by the live tests: a running `troth run` as an object, its figures, and what of its outputs must be equal.

Promises:
- An Engine is stopped by its process id, at the latest when the test process ends; its log is kept in its folder.
- Every wait has a deadline; what runs out of it raises LiveError with the end of the engine's log.
- `last_records` leaves out exactly what may differ between two runs over the same events: revision, cause and as_of;
  elapsed_s and the lateness_s of promises without an outcome, which no record is sent again for; keys that ended with a
  null value; alerts last retracted; customer rules that do not fire at the end; `updated` counts as `firing`.

Needs the standard library only. TROTH names the binary (default: build/release/troth of this tree).
"""

import atexit
import contextlib
import datetime
import json
import os
import pathlib
import random
import re
import select
import signal
import subprocess
import time
import urllib.error
import urllib.request

import kafka

TREE = pathlib.Path(__file__).resolve().parents[2]
TROTH = os.environ.get("TROTH") or str(TREE / "build" / "release" / "troth")
DATA = TREE.parent / "shared" / "data"
INPUTS = ("orders", "deliveries", "complaints", "reviews", "customers")
OUTPUTS = {"scores": "trust.scores", "alerts": "trust.alerts", "promises": "trust.promises", "deadletters": "trust.deadletter"}
CHANGELOG = "trust.changelog"
# 10.3: they may flicker unseen between checks, so only those that fire at the end can be compared.
CUSTOMER_RULES = {"PROMISE_REPEAT", "EROSION_FAST", "EROSION_SLOW", "TIER_DROP", "SATISFIED_BUT_LEAVING", "BRIBERY_PATTERN", "COMPLAINT_SERIES"}
_TOPIC_OF_TYPE = {"order": 0, "delivery": 1, "complaint": 2, "promise": 2, "review": 3, "survey": 3}
SECOND = 1_000_000  # µs
_US = datetime.timedelta(microseconds=1)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class LiveError(Exception):
    """Something about the engine under test went wrong; the message says what was seen."""


# Time -----------------------------------------------------------------------------------------------------------


def us_of(text):
    """Microseconds since 1970 of an RFC 3339 time in Z."""
    return (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - _EPOCH) // _US


def text_of(time_us):
    """The time as Troth writes it."""
    return (_EPOCH + time_us * _US).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def now_us():
    return time.time_ns() // 1000


def wait_until(condition, deadline_s, what, every_s=0.1):
    """The first true value of condition(); LiveError if there is none in time."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise LiveError(f"waited {deadline_s} s in vain: {what() if callable(what) else what}")
        time.sleep(every_s)


# Events and topics ------------------------------------------------------------------------------------------------


def topic_of(event_type):
    """The index in INPUTS of the topic that takes events of this type."""
    return _TOPIC_OF_TYPE.get(event_type.partition(".")[0], 4)


def event(event_type, subject, time_us, ident, **data):
    """A CloudEvent as a dict."""
    return {"specversion": "1.0", "id": ident, "source": "/test/live", "type": event_type, "time": text_of(time_us), "subject": subject, "data": data}


def read_stream(name):
    """The lines of an evaluation stream; None where it is absent."""
    path = DATA / f"{name}.ndjson.zst"
    if not path.exists():
        return None
    unpacked = subprocess.run(["zstd", "-dcq", str(path)], stdout=subprocess.PIPE, check=True, timeout=120).stdout
    return unpacked.decode("utf-8").splitlines()


def produce(broker, prefix, lines, rounds=8):
    """Spreads events, in their order, over the five topics, a slice after the other, so that the topics are interleaved."""
    step = max(1, -(-len(lines) // rounds))
    for first in range(0, len(lines), step):
        slices = [[] for _ in INPUTS]
        for line in lines[first:first + step]:
            parsed = json.loads(line)
            slices[topic_of(parsed["type"])].append((parsed["subject"], line))
        for topic, records in zip(INPUTS, slices):
            if records:
                broker.produce(prefix + topic, records)


def rehearsal_of(lines):
    """The offset of the clock (whole seconds, µs) for which the last event was five minutes ago."""
    last_us = max(us_of(json.loads(line)["time"]) for line in lines)
    return (last_us + 300 * SECOND - now_us()) // SECOND * SECOND


def kafka_config(broker, prefix, offset_us=0, **kafka_keys):
    """The configuration of an engine on topics of its own."""
    return {
        "clock": {"offset": f"{offset_us // SECOND}s"},
        "kafka": {
            "bootstrap": broker.bootstrap,
            "group": prefix + "group",
            "inputs": [prefix + topic for topic in INPUTS],
            "outputs": {stream: prefix + topic for stream, topic in OUTPUTS.items()},
            "changelog": prefix + CHANGELOG,
            "settings": {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000},
            **kafka_keys,
        },
    }


# The engine ---------------------------------------------------------------------------------------------------------


def run_troth(*arguments, timeout_s=300):
    """One command of troth to its end: a CompletedProcess with text."""
    return subprocess.run([TROTH, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=timeout_s, check=False)


class Engine:
    """`troth run` on a configuration (a dict: JSON is YAML) in a folder of its own; started and stopped at will."""

    def __init__(self, folder, config):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = {"state": "state", "http": {"listen": "127.0.0.1:0"}, **config}
        self.config_path = self.folder / "config.yaml"
        self.config_path.write_text(json.dumps(self.config, indent=1), encoding="utf-8")
        self.log_path = self.folder / "log"
        self.address = None
        self._process = None
        self._began = 0  # where the log of this start begins

    def start(self, wait=True, deadline_s=60, environment=None):
        """Starts it, with some more environment; unless told not to, waits until it serves HTTP."""
        self._began = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen([TROTH, "run", "--config", str(self.config_path)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             env=os.environ | (environment or {}), preexec_fn=kafka._die_with_parent, start_new_session=True)
        atexit.register(_kill, self._process)
        self.address = None
        if wait:
            wait_until(lambda: self._alive() and self.find_address(), deadline_s, lambda: f"no HTTP{self.log_tail()}", 0.02)
        return self

    def find_address(self):
        """Whether it serves HTTP by now."""
        if self.address is None:
            found = re.search(r"at http://([0-9.:]+)", self.log_of_this_start())
            self.address = found and found[1]
        return self.address is not None

    def log_of_this_start(self):
        return self.log_path.read_bytes()[self._began:].decode("utf-8", "replace") if self.log_path.exists() else ""

    def wait_exit(self, deadline_s=60):
        """Its exit code."""
        try:
            return self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise LiveError(f"troth run did not end in {deadline_s} s{self.log_tail()}") from None

    def terminate(self, deadline_s=60):
        """SIGTERM; the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait_exit(deadline_s)

    def kill(self):
        """kill -9."""
        _kill(self._process)

    def hang_up(self):
        """SIGHUP: policy and secrets are read again."""
        self._process.send_signal(signal.SIGHUP)

    @property
    def pid(self):
        return self._process.pid

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self):
        """Of the last start; None while it runs, and if it never was started."""
        return None if self._process is None else self._process.poll()

    def close(self):
        if self.is_running():
            _kill(self._process)

    def log(self):
        """All that it has said so far, over all starts."""
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def log_tail(self):
        lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines() if self.log_path.exists() else []
        return f"; the end of {self.log_path}:\n" + "\n".join(lines[-15:])

    def get(self, path):
        """(status, body) of a page; (0, reason) if there is no answer."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode("utf-8")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode("utf-8")
        except (urllib.error.URLError, OSError) as error:
            return 0, str(error)

    def figures(self):
        """{series: value} of /metrics; empty if it does not answer."""
        status, text = self.get("/metrics")
        lines = (line for line in text.splitlines() if line and line[0] != "#") if status == 200 else ()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def wait_ready(self, deadline_s=60):
        wait_until(lambda: self._alive() and self.get("/readyz")[0] == 200, deadline_s, lambda: f"not ready: {self.get('/readyz')}{self.log_tail()}")

    def wait_stored(self, count, deadline_s=120):
        """Waits until the state has taken so many records (of all outcomes), and nothing waits for a commit or the broker."""
        def done():
            self._alive()
            figures = self.figures()
            return figures and stored(figures) >= count and is_settled(figures)
        wait_until(done, deadline_s, lambda: f"{stored(self.figures())} of {count} records are stored{self.log_tail()}", 0.2)

    def wait_caught_up(self, count, at_us, deadline_s=120):
        """As wait_stored, and every partition's time is that of the wall clock, which is at_us or later."""
        def live():
            self._alive()
            times = [value for name, value in self.figures().items() if name.startswith("troth_task_event_time_seconds{")]
            return times and min(times) * SECOND >= at_us
        self.wait_stored(count, deadline_s)
        wait_until(live, deadline_s, lambda: f"not at {text_of(at_us)}: {self.get('/readyz')}{self.log_tail()}", 0.2)
        self.wait_stored(count, deadline_s)

    def _alive(self):
        if not self.is_running():
            raise LiveError(f"troth run ended with {self._process.returncode}{self.log_tail()}")
        return True


def stored(figures):
    """Records that the state holds, whatever became of them."""
    return int(sum(value for name, value in figures.items() if name.startswith("troth_task_stored_records{")))


def is_settled(figures):
    """Nothing is behind: no lag, nothing in flight, nothing unsettled, nothing to be delivered."""
    lags = [value for name, value in figures.items() if name.startswith("troth_source_lag_records{")]
    waiting = ("troth_task_events_in_flight", "troth_task_merge_ahead_records", "troth_task_unsettled_keys", "troth_task_output_bytes")
    return all(lag == 0 for lag in lags) and all(figures.get(name, 0) == 0 for name in waiting)


def _kill(process):
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait(30)


# A reader that waits ------------------------------------------------------------------------------------------------


class Follower:
    """kcat on a topic: each record with the wall time at which it was seen (µs)."""

    def __init__(self, broker, topic):
        command = ["kcat", "-b", broker.bootstrap, "-C", "-t", topic, "-o", "beginning", "-q", "-u", "-J", "-X", "isolation.level=read_committed",
                   "-X", "fetch.wait.max.ms=10"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                         env=os.environ | {"KCAT_CONFIG": os.devnull}, preexec_fn=kafka._die_with_parent)
        atexit.register(_kill, self._process)
        self._rest = b""
        self.seen = []  # of (key, value as dict or None, Kafka's timestamp in ms, seen at in µs)

    def wait_for(self, condition, deadline_s, what):
        """The first record, seen already or to come, for which condition(key, value) is true."""
        checked = 0
        end = time.monotonic() + deadline_s
        while True:
            while checked < len(self.seen):
                record = self.seen[checked]
                checked += 1
                if condition(record[0], record[1]):
                    return record
            left = end - time.monotonic()
            if left <= 0:
                raise LiveError(f"waited {deadline_s} s in vain for {what}; seen: {[record[:2] for record in self.seen]}")
            self._read(left)

    def _read(self, wait_s):
        if select.select([self._process.stdout], [], [], wait_s)[0]:
            data = os.read(self._process.stdout.fileno(), 1 << 20)
            if not data:
                raise LiveError("kcat ended")
            at = now_us()
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                message = json.loads(line)
                value = None if message["payload"] is None else json.loads(message["payload"])
                self.seen.append((message["key"], value, message["ts"], at))

    def close(self):
        _kill(self._process)
        self._process.stdout.close()


# What must be equal ---------------------------------------------------------------------------------------------------


def last_records(pairs):
    """{key: what must be equal of its last value} from (key, value) in order; value a dict or None."""
    last = dict(pairs)
    return {key: essence for key, value in last.items() if (essence := _essence(value)) is not None}


def _essence(value):
    if value is None:
        return None
    value = {name: content for name, content in value.items() if name not in ("revision", "cause", "as_of")}
    if "rule" in value:
        if value["state"] == "retracted" or (value["rule"] in CUSTOMER_RULES and value["state"] not in ("firing", "updated")):
            return None
        if value["state"] == "updated":
            value["state"] = "firing"
    if "outcome" in value:
        _forget_lateness(value)
    for promise in value.get("promises", ()):
        _forget_lateness(promise)
    for clock in value.get("clocks", ()):
        clock.pop("elapsed_s")
    return value


def _forget_lateness(promise):
    if promise["outcome"] in ("open", "overdue", "expired"):
        promise.pop("lateness_s", None)


def last_of_topic(broker, topic):
    """last_records of a topic; raises if a key is in two partitions."""
    return last_records((key.decode(), None if value is None else json.loads(value)) for key, value in broker.last_by_key(topic).items())


def last_of_file(path):
    """last_records of an output file of a replay."""
    with open(path, encoding="utf-8", newline="\n") as lines:
        records = [json.loads(line) for line in lines]
    return last_records((record["key"], record["value"]) for record in records)


def differences(expected, found, most=5):
    """Words about what differs between two last_records; empty if nothing does."""
    missing = sorted(expected.keys() - found.keys())
    extra = sorted(found.keys() - expected.keys())
    changed = sorted(key for key in expected.keys() & found.keys() if expected[key] != found[key])
    if not (missing or extra or changed):
        return ""
    words = [f"{len(missing)} missing, {len(extra)} too many, {len(changed)} different of {len(expected)}"]
    words += [f"missing {key!r}: {json.dumps(expected[key])[:400]}" for key in missing[:most]]
    words += [f"too many {key!r}: {json.dumps(found[key])[:400]}" for key in extra[:most]]
    for key in changed[:most]:
        fields = [name for name in sorted(expected[key].keys() | found[key].keys()) if expected[key].get(name) != found[key].get(name)]
        words.append(f"different {key!r}: " + "; ".join(
            f"{name}: expected {json.dumps(expected[key].get(name))[:300]}, found {json.dumps(found[key].get(name))[:300]}" for name in fields))
    return "\n".join(words)


def differences_from_either(one, other, found, most=5):
    """The same for keys that are as in neither of two expectations; what they differ in is told of the first."""
    wrong = {key for key in one.keys() | other.keys() | found.keys() if found.get(key) not in (one.get(key), other.get(key))}
    return differences(*({key: value for key, value in records.items() if key in wrong} for records in (one, found)), most)


class Expectation:
    """What a replay of the same events in one file says at a time."""

    def __init__(self, folder, lines, as_of_us, overlay=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        events = self.folder / "events.ndjson"
        events.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        command = ["replay", events, "--horizon", "none", "--as-of", text_of(as_of_us), "--out", self.folder / "out", "--partitions", 4, "--json"]
        done = run_troth(*command, *(["--overlay", overlay] if overlay else []))
        if done.returncode != 0:
            raise LiveError(f"replay ended with {done.returncode}: {done.stderr}")
        self.summary = json.loads(done.stdout)

    def last(self, stream):
        return last_of_file(self.folder / "out" / f"{stream}.ndjson")


def differences_from_replay(broker, prefix, folder, lines, before_us, after_us, overlay=None):
    """What the output topics end with, against a replay as of just before and one as of just after the stop, since a check may
    fall in between (INTERFACE: what is equal to what): ({stream: last records}, words about what differs)."""
    before = Expectation(folder / "before", lines, before_us, overlay)
    if before.summary["dead_letters"]:
        raise LiveError(f"the replay refuses events: {before.summary['dead_letters']}")
    streams = [stream for stream in OUTPUTS if stream != "deadletters"]
    found = {stream: last_of_topic(broker, prefix + OUTPUTS[stream]) for stream in streams}
    words = []
    if any(differences(before.last(stream), found[stream]) for stream in streams):
        after = Expectation(folder / "after", lines, after_us, overlay)
        for stream in streams:
            different = differences_from_either(before.last(stream), after.last(stream), found[stream])
            words += [f"{stream} differ from the replay: {different}"] if different else []
    return found, words


# A made-up history --------------------------------------------------------------------------------------------------


def shop_history(seed, count, end_us, days=30, customers=400):
    """About `count` events of a shop, in order of time, the last ones just before end_us; shorter than `lateness`, so that
    any order of arrival will do. Lines of JSON."""
    chance = random.Random(seed)
    start_us = end_us - days * 86_400 * SECOND
    events = []

    def add(at_us, kind, subject, **data):
        if at_us < end_us:
            events.append(event(kind, subject, at_us, f"{seed}-{len(events)}", **data))

    def hours(least, most):
        return chance.randrange(least * 3600, most * 3600) * SECOND

    while len(events) < count:
        subject = f"customer-{chance.randrange(customers)}"
        order = f"order-{seed}-{len(events)}"
        at = start_us + chance.randrange(end_us - start_us)
        # Some shops call the promise of every order the same: cases that share an alert id.
        promise = chance.choice(("p-" + order, "p"))
        total = chance.randrange(500, 50_000)
        labels = {"team": f"team-{chance.randrange(5)}"}
        add(at, "order.placed", subject, order_id=order, total_minor=total, labels=labels)
        add(at + hours(0, 2), "delivery.promised", subject, order_id=order, promise_id=promise, due_at=text_of(at + hours(24, 120)), labels=labels)
        add(at + hours(0, 12), "order.charged", subject, order_id=order, quoted_minor=total, amount_minor=total + chance.choice((0, 0, 0, 900)))
        if chance.random() < 0.8:
            add(at + hours(1, 60), "delivery.dispatched", subject, order_id=order, promise_id=promise)
        if chance.random() < 0.8:
            add(at + hours(20, 200), "delivery.delivered", subject, order_id=order, promise_id=promise)
        if chance.random() < 0.4:
            add(at + hours(100, 300), "review.submitted", subject, review_id="r-" + order, order_id=order, stars=chance.randrange(1, 6))
        if chance.random() < 0.4:
            complaint = "c-" + order
            linked = {"order_id": order} if chance.random() < 0.5 else {}
            opened = at + hours(30, 200)
            add(opened, "complaint.opened", subject, complaint_id=complaint, category="delivery", labels=labels, **linked)
            for _ in range(chance.randrange(4)):
                add(opened + hours(0, 100), chance.choice(("complaint.replied", "complaint.customer_replied")), subject, complaint_id=complaint)
            if chance.random() < 0.5:
                # Only this event tells, maybe long after, to which order the complaint belongs.
                add(opened + hours(0, 150), "complaint.resolved", subject, complaint_id=complaint, order_id=order)
    events.sort(key=lambda each: (each["time"], each["id"]))
    return [json.dumps(each) for each in events]
