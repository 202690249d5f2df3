#!/usr/bin/env python3
"""A real Kafka broker for tests: one KRaft node on loopback, driven from Python.

    with Broker() as broker:
        broker.create_topics({"events": (4, {}), "scores": (4, {"cleanup.policy": "compact"})})
        broker.produce("events", [("customer-1", '{"a":1}'), ("customer-1", None)])
        broker.last_by_key("events")

Promises:
- Listens on 127.0.0.1 only, on free ports that stay the same for the life of the object.
- Every wait has a deadline; a failure raises BrokerError with the command or the tail of the broker's log.
- Stops what it started, by process id, and nothing else.  A broker started from the main thread dies with
  this process even if this process is killed.
- One broker a directory: a second start on it is refused, also from another process.
- Fetches the broker's jars once a version, into ${TROTH_TEST_CACHE:-$HOME/.cache/troth-tests}/kafka-VERSION.

Not thread-safe: one thread drives a Broker.  Only the standard library, java, kcat and (for fetching) mvn.

TROTH_TEST_KAFKA_VERSION sets the default version.

By hand:  python3 tests/broker/kafka.py run --dir DIRECTORY [--topic NAME:PARTITIONS] …
"""

import argparse
import atexit
import base64
import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import random
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from typing import NamedTuple, Optional

DEFAULT_VERSION = os.environ.get("TROTH_TEST_KAFKA_VERSION", "4.1.0")  # 3.9.1 works as well
READY_DEADLINE_S = 120  # an overloaded machine took 41 s
STOP_DEADLINE_S = 30
FETCH_DEADLINE_S = 600
KCAT_DEADLINE_S = 60
LOG_TAIL_LINES = 40

# C1 only and the serial collector: the quickest start.  Below 256 MB the broker may die without a word.
JVM_FLAGS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    # A topic made by accident would have the wrong number of partitions and hide a wrong name.
    "auto.create.topics.enable": "false",
    # After kill -9 the old registration must expire before the broker is let in again: 2 s instead of 9.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
}


class BrokerError(Exception):
    """Something about the broker or a tool went wrong; the message says what, where and what was seen."""


class Record(NamedTuple):
    """A record as read from a topic.  Key, value and header values are bytes; None is null, b"" is empty."""

    partition: int
    offset: int
    key: Optional[bytes]
    value: Optional[bytes]  # None: tombstone
    headers: tuple  # of (name, value)
    timestamp_ms: int


class Broker:
    """One Kafka broker, and the few client actions that tests need.

    version    of Kafka, as Maven knows it
    directory  data, configuration and log; kept.  Without it: a temporary one, removed by close()
    port       of the client listener; without it: a free one
    settings   further lines of server.properties, winning over SETTINGS
    listeners  further listeners, {NAME: security protocol}; address(NAME) is localhost with a free port; what else they need
               (stores of certificates, users) are settings
    scram      users for SCRAM-SHA-512, {name: password}, made when the directory is new
    jvm_flags  in place of JVM_FLAGS (for measurements: the full JIT and a larger heap)

    Entering the context starts the broker, leaving it calls close().
    """

    def __init__(self, version=DEFAULT_VERSION, directory=None, port=None, settings=None, jvm_flags=JVM_FLAGS, listeners=None, scram=None):
        self.version = version
        self._temporary = directory is None
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="troth-broker-")).absolute()
        self.port = port or _free_port()
        self._controller_port = _free_port(not_these=[self.port])
        self._protocols = dict(listeners or {})
        self._ports = {}
        for name in self._protocols:
            self._ports[name] = _free_port(not_these=[self.port, self._controller_port, *self._ports.values()])
        self._scram = dict(scram or {})
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.log_path = self.directory / "broker.log"
        self._settings = dict(settings or {})
        self._jvm_flags = tuple(jvm_flags)
        self._process = None
        self._paused = False

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def pid(self):
        """The process id of the running broker, or None."""
        return self._process.pid if self.is_running() else None

    def address(self, listener):
        """Where a further listener is, by the name of this machine: localhost:PORT."""
        return f"localhost:{self._ports[listener]}"

    def is_running(self):
        """True from start() until stop(), kill() or a death of its own; also while paused."""
        return self._process is not None and self._process.poll() is None

    # Life -------------------------------------------------------------------------------------------------

    def start(self, wait=True):
        """Starts the broker on the directory's data and, unless told not to, waits until it serves."""
        if self.is_running():
            raise BrokerError(f"the broker on {self.directory} runs already (process {self._process.pid})")
        _require("java", "kcat")
        jars = fetch(self.version)
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._lock() as lock:
            if _is_open(self.port):  # its answers would be taken for this broker's
                raise BrokerError(f"something listens already on {self.bootstrap}")
            properties = self._write_properties()
            java = ["java", *self._jvm_flags, *_LOG_FLAGS, "-cp", f"{jars}/*"]
            self._format_once(java, properties)
            with open(self.log_path, "ab") as log:
                self._process = subprocess.Popen(
                    [*java, "kafka.Kafka", str(properties)],
                    cwd=self.directory,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # A signal sent to the test's terminal must not reach the broker before the test is done.
                    start_new_session=True,
                    # The broker inherits the lock, so that the directory stays taken while the broker lives.
                    pass_fds=(lock,),
                    # The kernel ties this to the *thread* that starts it, and only the main one lives long enough.
                    preexec_fn=_die_with_parent if threading.current_thread() is threading.main_thread() else None,
                )
        atexit.register(_kill, self._process)
        self._paused = False
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self, deadline_s=READY_DEADLINE_S):
        """Returns once metadata is answered and every partition has a leader; kills the broker if it takes too long."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            if not self.is_running():
                raise BrokerError(f"the broker stopped while starting, exit code {self._process.returncode}{self.log_tail()}")
            # kcat waits seconds for a port that is closed: ask it only once the port is open.
            if _is_open(self.port) and self._is_serving():
                return
            time.sleep(0.05)
        self.kill()
        raise BrokerError(f"the broker was not ready after {deadline_s} s{self.log_tail()}")

    def stop(self, deadline_s=STOP_DEADLINE_S):
        """Clean stop: SIGTERM, and SIGKILL after the deadline.  Returns True if it was clean; a no-op if not running."""
        if not self.is_running():
            return True
        self.resume()  # a stopped process would not see SIGTERM
        self._process.terminate()
        try:
            self._process.wait(deadline_s)
            clean = True
        except subprocess.TimeoutExpired:
            clean = False
        self._reap()
        return clean

    def kill(self):
        """kill -9.  The data stay; start() goes on with them, at the same address."""
        self._reap()

    def pause(self):
        """SIGSTOP: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)
        self._paused = True

    def resume(self):
        """SIGCONT; a no-op unless paused."""
        if self._paused:
            self._signal(signal.SIGCONT)
            self._paused = False

    def close(self):
        """Stops the broker and removes the directory if it is a temporary one."""
        self.stop()
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def log_tail(self):
        """The last lines of the broker's log, as the end of an error message; empty if there is no log."""
        return f"; the end of {self.log_path}:\n{_tail(self.log_path.read_bytes())}" if self.log_path.exists() else ""

    # Topics and records -----------------------------------------------------------------------------------

    def create_topics(self, topics, exist_ok=False):
        """Creates {name: (partitions, {config: value})} and waits until every partition has a leader."""
        answers = _create_topics_request(self.port, topics)
        for name, (code, message) in answers.items():
            if code != 0 and not (exist_ok and code == _TOPIC_ALREADY_EXISTS):
                raise BrokerError(f"topic {name} was not created: error {code}, {message or 'no message'}")
        end = time.monotonic() + KCAT_DEADLINE_S
        while time.monotonic() < end:
            if self._is_serving(topics):
                return
            time.sleep(0.05)
        raise BrokerError(f"topics {sorted(topics)} had no leaders after {KCAT_DEADLINE_S} s{self.log_tail()}")

    def alter_topic(self, topic, name, value):
        """Changes one setting of a topic; takes some seconds, for it starts a Java of its own."""
        java = ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", f"{fetch(self.version)}/*", "kafka.admin.ConfigCommand"]
        _run([*java, "--bootstrap-server", self.bootstrap, "--alter", "--entity-type", "topics", "--entity-name", topic,
              "--add-config", f"{name}={value}"], KCAT_DEADLINE_S)

    def produce(self, topic, records, partition=None):
        """Writes (key, value) or (key, value, headers) in order, and returns once all are acknowledged.

        Key and value: str, bytes or None (null; as value: a tombstone).  Headers: a dict or pairs.  Without a
        partition, Kafka's murmur2 of the key decides; records with a null key then go anywhere.
        One call of kcat for each run of records with equal headers, so alternating headers are slow.
        Two pairs are refused with ValueError, because kcat cannot write them: (None, b"") and (b"", None).
        """
        for run in _runs(records):
            self._produce_run(topic, run, partition)

    def read_all(self, topic, isolation="read_committed"):
        """Everything in the topic now, as Records ordered by partition, then offset.

        read_committed stops before the first open transaction of each partition.
        """
        output = self._kcat("-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J", "-X", f"isolation.level={isolation}",
                            "-X", "topic.auto.offset.reset=error")
        return sorted((_record_of_json(line) for line in output.splitlines()), key=lambda record: record[:2])

    def last_by_key(self, topic, isolation="read_committed"):
        """{key: last value} as a compacted topic would end; None is a tombstone.  Null keys are left out."""
        last = {}
        home = {}
        for record in self.read_all(topic, isolation):
            if record.key is None:
                continue
            if home.setdefault(record.key, record.partition) != record.partition:
                raise BrokerError(f"{topic}: key {record.key!r} is in partitions {home[record.key]} and {record.partition}, "
                                  "so it has no last value")
            last[record.key] = record.value
        return last

    # Inside -----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _lock(self):
        """Holds the directory until the block ends, or for as long as a broker started in it lives."""
        descriptor = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BrokerError(f"a broker runs already on {self.directory}: stop it, or take another directory") from None
            yield descriptor
        finally:
            os.close(descriptor)

    def _write_properties(self):
        lines = SETTINGS | {
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "listeners": ",".join([f"PLAINTEXT://127.0.0.1:{self.port}", f"CONTROLLER://127.0.0.1:{self._controller_port}",
                                   *(f"{name}://127.0.0.1:{port}" for name, port in self._ports.items())]),
            "advertised.listeners": ",".join([f"PLAINTEXT://127.0.0.1:{self.port}",
                                              *(f"{name}://localhost:{port}" for name, port in self._ports.items())]),
            "listener.security.protocol.map": ",".join(["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT",
                                                        *(f"{name}:{protocol}" for name, protocol in self._protocols.items())]),
            "log.dirs": str(self.directory / "data"),
        } | self._settings
        path = self.directory / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()), encoding="utf-8")
        return path

    def _format_once(self, java, properties):
        if (self.directory / "data" / "meta.properties").exists():
            return
        cluster = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        # The form with "=": an id may begin with "-".
        users = [f"--add-scram=SCRAM-SHA-512=[name={name},password={password}]" for name, password in self._scram.items()]
        _run([*java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", f"--config={properties}", *users], READY_DEADLINE_S)

    def _is_serving(self, topics=()):
        """True if metadata is answered, names these topics, and every partition of every topic has a leader."""
        metadata = self._metadata()
        if metadata is None:
            return False
        leaders = {topic["topic"]: [partition["leader"] for partition in topic["partitions"]] for topic in metadata["topics"]}
        return leaders.keys() >= set(topics) and all(leader >= 0 for of_topic in leaders.values() for leader in of_topic)

    def _metadata(self):
        """The broker's own account of itself, or None while there is none."""
        try:
            metadata = json.loads(self._kcat("-L", "-J", "-m", "5"))
        except BrokerError:
            return None
        return metadata if metadata["brokers"] else None

    def _produce_run(self, topic, run, partition):
        # Random delimiters, so that no data contains them; kcat takes letters and digits as they are.
        field, end = (secrets.token_hex(16).encode() for _ in range(2))
        data = bytearray()
        for key, value in run.records:
            # In null mode kcat makes null of what is empty; otherwise a null key is one without a delimiter.
            if key is not None or run.is_null_mode:
                data += (key or b"") + field
            data += (value or b"") + end
        arguments = ["-P", "-t", topic, "-K", field, "-D", end, "-X", "topic.partitioner=murmur2_random"]
        arguments += ["-Z"] if run.is_null_mode else []
        arguments += ["-p", str(partition)] if partition is not None else []
        for name, value in run.headers:
            arguments += ["-H", name.encode() + (b"" if value is None else b"=" + value)]
        self._kcat(*arguments, data=bytes(data))

    def _kcat(self, *arguments, data=None):
        # Whatever kcat.conf the user has must not change a test.
        environment = os.environ | {"KCAT_CONFIG": os.devnull}
        return _run(["kcat", "-b", self.bootstrap, *arguments], KCAT_DEADLINE_S, data, environment)

    def _signal(self, number):
        if not self.is_running():
            raise BrokerError(f"the broker on {self.directory} does not run{self.log_tail()}")
        self._process.send_signal(number)

    def _reap(self):
        if self._process is not None:
            _kill(self._process)
            self._process = None
            self._paused = False


def fetch(version=DEFAULT_VERSION, name="kafka", pom=pathlib.Path(__file__).absolute().with_name("pom.xml")):
    """The folder with the jars of that version that a pom names; fetched by Maven if it is not there yet."""
    cache = pathlib.Path(os.environ.get("TROTH_TEST_CACHE") or pathlib.Path.home() / ".cache" / "troth-tests").absolute()
    jars = cache / f"{name}-{version}"
    if jars.is_dir():
        return jars
    _require("mvn")
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f"{name}-{version}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test may be fetching the same; Maven's deadline bounds the wait
        if not jars.is_dir():
            # The folder gets its name only when it is complete, so an interrupted fetch is never taken for a good one.
            partial = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-{version}.partial-", dir=cache))
            try:
                print(f"fetching {name} {version} into {jars}", file=sys.stderr)
                _run(["mvn", "-B", "-q", "-f", str(pom), "package", f"-Dkafka.version={version}", f"-Djars={partial}"],
                     FETCH_DEADLINE_S)
                partial.chmod(0o755)
                partial.rename(jars)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return jars


# Logs of the broker: by slf4j-simple, on standard error.
_LOG_FLAGS = (
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    # Else every start writes hundreds of lines of settings, and the tail of the log is only that.
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.ConfigLogger=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn",
)


class _Run(NamedTuple):
    """Records that one call of kcat can write."""

    headers: tuple
    is_null_mode: bool
    records: list


def _runs(records):
    """Cuts (key, value[, headers]) into runs, in order."""
    runs = []
    for key, value, *rest in records:
        key, value = _bytes(key), _bytes(value)
        if (key, value) in ((None, b""), (b"", None)):
            raise ValueError(f"kcat cannot write a record with key {key!r} and value {value!r}")
        pairs = rest[0] if rest and rest[0] else ()
        headers = tuple((name, _bytes(content)) for name, content in (pairs.items() if isinstance(pairs, dict) else pairs))
        for name, content in headers:
            if "=" in name or not name or b"\0" in name.encode() + (content or b""):
                raise ValueError(f"kcat cannot write the header {name!r}: {content!r}")
        needs_null_mode = value is None
        forbids_null_mode = b"" in (key, value)
        last = runs[-1] if runs else None
        fits = last and last.headers == headers and not (forbids_null_mode if last.is_null_mode else needs_null_mode)
        if not fits:
            last = _Run(headers, needs_null_mode, [])
            runs.append(last)
        last.records.append((key, value))
    return runs


def _record_of_json(line):
    # kcat passes bytes that are not UTF-8 on as they are; surrogates carry them through the JSON reader unchanged.
    record = json.loads(line.decode("utf-8", "surrogateescape"))
    flat = record.get("headers", [])
    headers = tuple((name, _bytes(value)) for name, value in zip(flat[::2], flat[1::2]))
    return Record(record["partition"], record["offset"], _bytes(record["key"]), _bytes(record["payload"]), headers, record["ts"])


def _bytes(text):
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


_TOPIC_ALREADY_EXISTS = 36


def _create_topics_request(port, topics):
    """One CreateTopics request, version 2 (spoken by Kafka 1.0 to 4.x); {name: (error code, message)}.

    By hand, because kcat cannot create topics, the broker's jars contain no command that can, and running
    Java source would need a compiler where a run-time environment is enough for all the rest.
    """

    def string(text):
        encoded = text.encode()
        return struct.pack(">h", len(encoded)) + encoded

    api_create_topics, api_version, replication, validate_only = 19, 2, 1, 0
    body = struct.pack(">hhi", api_create_topics, api_version, 1) + string("troth-tests") + struct.pack(">i", len(topics))
    for name, (partitions, config) in topics.items():
        body += string(name) + struct.pack(">ihi", partitions, replication, 0) + struct.pack(">i", len(config))
        body += b"".join(string(key) + string(str(value)) for key, value in config.items())
    body += struct.pack(">i?", KCAT_DEADLINE_S * 1000, validate_only)

    try:
        with socket.create_connection(("127.0.0.1", port), KCAT_DEADLINE_S) as connection, connection.makefile("rb") as reply:
            connection.sendall(struct.pack(">i", len(body)) + body)

            def read(layout):
                size = struct.calcsize(layout)
                return struct.unpack(layout, _exactly(reply, size))

            def read_string():
                (size,) = read(">h")
                return None if size < 0 else _exactly(reply, size).decode()

            _size, _correlation, _throttle_ms, count = read(">iiii")
            answers = {}
            for _ in range(count):
                name = read_string()
                answers[name] = (*read(">h"), read_string())
            return answers
    except OSError as error:
        raise BrokerError(f"topics {sorted(topics)} were not created: 127.0.0.1:{port}: {error}") from error


def _exactly(stream, size):
    data = stream.read(size)
    if len(data) != size:
        raise ConnectionError(f"the broker closed the connection after {len(data)} of {size} bytes")
    return data


def _free_port(not_these=()):
    """A port that nobody listens on, below those that the system gives to outgoing connections.

    One of those could be taken by any client while the broker is down between two starts; worse, a client that
    keeps trying to connect to one can, on loopback, end up connected to itself.
    """
    ceiling = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(100):
        port = random.SystemRandom().randrange(min(20000, ceiling - 5000), ceiling)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in not_these:
            return port
    raise BrokerError("no free port found on 127.0.0.1 in 100 tries")


def _is_open(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _require(*programs):
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise BrokerError(f"not installed: {', '.join(missing)} (see the README beside this file)")


def _run(command, deadline_s, data=None, environment=None):
    """Runs a tool to its end; its standard output.  Anything but success is a BrokerError with what it said."""
    shown = " ".join(os.fsdecode(word) for word in command[:1] + command[-6:])
    try:
        done = subprocess.run(command, input=b"" if data is None else data, capture_output=True, env=environment, timeout=deadline_s)
    except subprocess.TimeoutExpired as expired:
        raise BrokerError(f"{shown}: no end after {deadline_s} s\n{_tail(expired.stderr or b'')}") from None
    if done.returncode != 0:
        raise BrokerError(f"{shown}: exit code {done.returncode}\n{_tail(done.stdout + done.stderr)}")
    return done.stdout


def _tail(output):
    return "\n".join(output.decode("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:])


def _kill(process):
    if process.poll() is None:
        process.kill()
        process.wait(STOP_DEADLINE_S)


_LIBC = ctypes.CDLL(None)  # loaded here: after the fork only simple calls are safe
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _topic_argument(text):
    """NAME:PARTITIONS[:CONFIG=VALUE,…]"""
    name, partitions, *config = text.split(":", 2)
    return name, (int(partitions), dict(pair.split("=", 1) for pair in config[0].split(","))) if config else (int(partitions), {})


def _command_run(options):
    """Starts a broker, prints its address once all is ready, and stays until SIGTERM or SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))  # leaves the block below, also while starting
    with Broker(options.version, options.dir, options.port) as broker:
        if options.topic:
            broker.create_topics(dict(options.topic), exist_ok=True)
        print(broker.bootstrap, flush=True)
        while broker.is_running():
            time.sleep(0.2)
        raise BrokerError(f"the broker stopped by itself{broker.log_tail()}")


def main():
    parser = argparse.ArgumentParser(description="A real Kafka broker for tests, on loopback.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help=_command_run.__doc__)
    run.add_argument("--dir", help="data, configuration and log; kept (default: a temporary one, removed)")
    run.add_argument("--port", type=int, help="of the client listener (default: a free one)")
    run.add_argument("--topic", type=_topic_argument, action="append", metavar="NAME:PARTITIONS[:CONFIG=VALUE,…]",
                     help="created unless there; repeatable")
    get = commands.add_parser("fetch", help="only fetches the jars, and prints their folder")
    for command in (run, get):
        command.add_argument("--version", default=DEFAULT_VERSION, help="of Kafka (default: %(default)s)")
    options = parser.parse_args()
    try:
        if options.command == "run":
            _command_run(options)
        else:
            print(fetch(options.version))
    except BrokerError as error:
        sys.exit(f"kafka.py: {error}")


if __name__ == "__main__":
    main()
