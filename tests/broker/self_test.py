#!/usr/bin/env python3
"""Proves the broker harness itself, with clients that are not Troth's: kcat and a murmur2 written out here.

Promises: what the other broker tests rely on in kafka.py is shown here against a real broker.
Takes a minute or two; everything is bounded, on loopback, and stopped at the end.

    python3 tests/broker/self_test.py
"""

import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from kafka import DEFAULT_VERSION, Broker, BrokerError

HARNESS = pathlib.Path(__file__).with_name("kafka.py")
DEADLINE_S = 120


def murmur2(data):
    """The hash of Kafka's default partitioner, made positive as the partitioner does."""
    mask, multiplier, shift = 0xFFFFFFFF, 0x5BD1E995, 24
    h = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * multiplier & mask
        k ^= k >> shift
        h = (h * multiplier ^ k * multiplier) & mask
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * multiplier & mask
    h = (h ^ h >> 13) * multiplier & mask
    return (h ^ h >> 15) & 0x7FFFFFFF


def wait_until(is_true, what):
    end = time.monotonic() + DEADLINE_S
    while not is_true():
        if time.monotonic() > end:
            raise AssertionError(f"not after {DEADLINE_S} s: {what}")
        time.sleep(0.1)


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class HarnessTest(unittest.TestCase):
    """One broker for all tests; each test has topics of its own and leaves the broker running."""

    @classmethod
    def setUpClass(cls):
        cls.broker = cls.enterClassContext(Broker())

    def topic(self, name, partitions=1, config=None):
        self.broker.create_topics({name: (partitions, config or {})})
        return name

    def pairs(self, topic, **options):
        return [(record.key, record.value) for record in self.broker.read_all(topic, **options)]

    # Topics

    def test_several_topics_are_made_at_once_with_their_partitions(self):
        self.broker.create_topics({"made-a": (3, {"cleanup.policy": "compact"}), "made-b": (1, {})})
        self.broker.produce("made-a", [("k", "v")], partition=2)
        self.assertEqual(self.broker.read_all("made-a")[0].partition, 2)
        with self.assertRaisesRegex(BrokerError, "Unknown partition"):
            self.broker.produce("made-b", [("k", "v")], partition=1)

    def test_a_setting_that_the_broker_does_not_know_is_an_error_that_names_it(self):
        with self.assertRaisesRegex(BrokerError, "bad-setting.*cleanup.policy"):
            self.topic("bad-setting", config={"cleanup.policy": "nonsense"})

    def test_a_topic_made_twice_is_an_error_unless_allowed(self):
        self.topic("twice")
        with self.assertRaisesRegex(BrokerError, "twice.*already exists"):
            self.topic("twice")
        self.broker.create_topics({"twice": (1, {})}, exist_ok=True)

    def test_a_topic_that_was_not_made_is_an_error_and_is_not_made_by_use(self):
        with self.assertRaises(BrokerError):
            self.broker.produce("never-made", [("k", "v")])
        with self.assertRaises(BrokerError):
            self.broker.read_all("never-made")

    # Records

    def test_null_and_empty_are_told_apart(self):
        records = [(None, b"null key"), (b"", b"empty key"), (b"k", b""), (b"k", None), (None, None), (b"k", b"last"), (b"", b"")]
        self.broker.produce(self.topic("null-and-empty"), records)
        self.assertEqual(self.pairs("null-and-empty"), records)

    def test_what_kcat_cannot_write_is_refused(self):
        for record in ((None, ""), ("", None), ("k", "v", {"a=b": "c"}), ("k", "v", {"a": b"\0"})):
            with self.subTest(record=record), self.assertRaises(ValueError):
                self.broker.produce("any", [record])

    def test_utf8_and_bytes_that_are_not_utf8_come_back_unchanged(self):
        texts = ["Ärger über Lieferung", "客户", "🙂", "line\nbreak\r\ttab", "\u2028\u0085", '{"a":"\\u0041"}', "nul\0nul"]
        values = [text.encode() for text in texts] + [b"\xff\xfe\x00", bytes(range(256))]
        self.broker.produce(self.topic("bytes"), [(value, value) for value in values])
        self.assertEqual(self.pairs("bytes"), [(value, value) for value in values])

    def test_values_that_look_like_parts_of_delimiters_are_not_cut(self):
        chance = random.Random(1)
        values = ["".join(chance.choices("0123456789abcdef", k=chance.randrange(1, 6000))).encode() for _ in range(300)]
        self.broker.produce(self.topic("look-alikes"), [(value[:40], value) for value in values])
        self.assertEqual([value for _, value in self.pairs("look-alikes")], values)

    def test_headers_come_back_in_order_with_null_empty_and_repeated_ones(self):
        headers = (("trace", b"1"), ("trace", b"2"), ("empty", b""), ("null", None), ("text", "ü=ü,".encode()))
        self.broker.produce(self.topic("headers"), [("a", "with", headers), ("b", None, {"reason": "erasure"}), ("c", "without")])
        with_headers, tombstone, without = self.broker.read_all("headers")
        self.assertEqual(with_headers.headers, headers)
        self.assertEqual((tombstone.value, tombstone.headers), (None, (("reason", b"erasure"),)))
        self.assertEqual(without.headers, ())

    def test_offsets_and_timestamps_are_those_of_the_broker(self):
        before_ms = int(time.time() * 1000)
        self.broker.produce(self.topic("offsets"), [("k", str(n)) for n in range(3)])
        records = self.broker.read_all("offsets")
        self.assertEqual([record.offset for record in records], [0, 1, 2])
        self.assertTrue(all(before_ms <= record.timestamp_ms <= time.time() * 1000 for record in records))

    def test_an_empty_topic_reads_as_nothing(self):
        self.assertEqual(self.broker.read_all(self.topic("empty", 4)), [])

    def test_the_partition_is_murmur2_of_the_key(self):
        keys = ["", "a", "ab", "abc", "abcd", "é", "customer-ü", "tenant\x1fcustomer"] + [f"customer-{n}" for n in range(500)]
        self.broker.produce(self.topic("murmur2", 16), [(key, "v") for key in keys])
        found = {record.key: record.partition for record in self.broker.read_all("murmur2")}
        self.assertEqual(found, {key.encode(): murmur2(key.encode()) % 16 for key in keys})

    def test_this_murmur2_gives_the_values_of_kafkas_own_tests(self):
        self.assertEqual(murmur2(b"21"), -973932308 & 0x7FFFFFFF)
        self.assertEqual(murmur2(b"foobar"), -790332482 & 0x7FFFFFFF)
        self.assertEqual(murmur2(b"a-little-bit-long-string"), -985981536 & 0x7FFFFFFF)
        self.assertEqual(murmur2(b"abc"), 479470107)

    def test_the_last_value_of_a_key_may_be_a_tombstone(self):
        self.broker.produce(self.topic("last", 4), [("a", "1"), ("b", "1"), ("a", "2"), ("b", None), (None, "no key")])
        self.assertEqual(self.broker.last_by_key("last"), {b"a": b"2", b"b": None})

    def test_a_key_in_two_partitions_has_no_last_value(self):
        self.topic("two-homes", 2)
        for partition in (0, 1):
            self.broker.produce("two-homes", [("k", "v")], partition)
        with self.assertRaisesRegex(BrokerError, "partitions 0 and 1"):
            self.broker.last_by_key("two-homes")

    def test_an_open_or_aborted_transaction_is_seen_only_uncommitted(self):
        topic = self.topic("transactions")
        self.broker.produce(topic, [("k", "before")])
        write = ["kcat", "-b", self.broker.bootstrap, "-P", "-t", topic, "-X", "transactional.id=self-test"]
        writer = subprocess.Popen(write, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            # kcat sends in blocks of what it reads: a few lines alone would stay in its buffer.
            writer.stdin.write(b"open\n" * 50_000)
            writer.stdin.flush()
            wait_until(lambda: len(self.pairs(topic, isolation="read_uncommitted")) > 1, "the open transaction is seen")
            self.assertEqual(self.pairs(topic), [(b"k", b"before")])
        finally:
            writer.kill()
            writer.wait(DEADLINE_S)
            writer.stdin.close()
        # The next writer of that name makes the broker abort what the first left open.
        subprocess.run(write, input=b"after\n", stderr=subprocess.DEVNULL, timeout=DEADLINE_S, check=True)
        # The broker answers a commit before its mark is in every partition.
        wait_until(lambda: len(self.pairs(topic)) > 1, "the second transaction is seen")
        self.assertEqual(self.pairs(topic), [(b"k", b"before"), (None, b"after")])
        self.assertGreater(len(self.pairs(topic, isolation="read_uncommitted")), 2)

    # Life

    def test_a_clean_restart_keeps_data_and_address(self):
        self.broker.produce(self.topic("restart"), [("k", "v"), ("k", None)])
        address = self.broker.bootstrap
        self.assertTrue(self.broker.stop())
        self.assertFalse(self.broker.is_running())
        self.broker.start()
        self.assertEqual(self.broker.bootstrap, address)
        self.assertEqual(self.pairs("restart"), [(b"k", b"v"), (b"k", None)])

    def test_kill_9_and_a_start_keep_what_was_acknowledged(self):
        records = [(f"k{n}".encode(), b"v") for n in range(1000)]
        self.broker.produce(self.topic("killed"), records)
        pid = self.broker.pid
        self.broker.kill()
        self.assertFalse(exists(pid))
        self.broker.start()
        self.assertEqual(self.pairs("killed"), records)
        self.broker.produce("killed", [("k", "still writable")])

    def test_a_paused_broker_answers_nothing_until_it_is_resumed(self):
        ask = ["kcat", "-b", self.broker.bootstrap, "-L", "-m", "1"]
        self.broker.pause()
        try:
            self.assertNotEqual(subprocess.run(ask, capture_output=True, timeout=DEADLINE_S).returncode, 0)
            self.assertTrue(self.broker.is_running())
        finally:
            self.broker.resume()
        self.broker.wait_until_ready()

    def test_a_paused_broker_can_be_stopped(self):
        self.broker.pause()
        self.assertTrue(self.broker.stop())
        self.broker.start()

    def test_a_second_start_on_one_directory_is_refused(self):
        with self.assertRaisesRegex(BrokerError, "runs already"):
            self.broker.start()
        with self.assertRaisesRegex(BrokerError, "runs already on"):
            Broker(directory=self.broker.directory).start()
        other = subprocess.run([sys.executable, HARNESS, "run", "--dir", self.broker.directory],
                               capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(other.returncode, 1)
        self.assertIn("runs already on", other.stderr)
        self.assertNotIn("Traceback", other.stderr)
        self.broker.wait_until_ready()  # the one that runs took no harm


class FailureTest(unittest.TestCase):
    def test_a_broker_that_cannot_start_shows_the_end_of_its_log(self):
        with tempfile.TemporaryDirectory() as directory:
            metadata = pathlib.Path(directory, "data", "meta.properties")
            metadata.parent.mkdir()
            metadata.write_text("version=1\ncluster.id=damaged\n")
            with self.assertRaisesRegex(BrokerError, "(?s)stopped while starting, exit code 1.*meta.properties"):
                Broker(directory=directory).start()

    def test_a_setting_that_kafka_refuses_is_named(self):
        with self.assertRaisesRegex(BrokerError, "num.network.threads"), Broker(settings={"num.network.threads": "0"}):
            pass

    def test_a_taken_port_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with self.assertRaisesRegex(BrokerError, f"listens already on 127.0.0.1:{port}"), Broker(port=port):
                pass

    def test_a_temporary_directory_is_gone_afterwards_and_a_named_one_stays(self):
        broker = Broker()
        self.assertTrue(broker.directory.is_dir())
        broker.close()
        self.assertFalse(broker.directory.exists())
        with tempfile.TemporaryDirectory() as named:
            Broker(directory=named).close()
            self.assertTrue(pathlib.Path(named).is_dir())


class CommandTest(unittest.TestCase):
    """The command, as used by hand."""

    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory())
        self.command = subprocess.Popen(
            [sys.executable, HARNESS, "run", "--dir", self.directory, "--topic", "scores:4:cleanup.policy=compact"],
            stdout=subprocess.PIPE, text=True,
        )
        self.addCleanup(self.stop)
        self.address = self.command.stdout.readline().strip()  # ends by itself: the command's own start has a deadline
        children = pathlib.Path(f"/proc/{self.command.pid}/task/{self.command.pid}/children").read_text()
        self.broker_pid = int(children.split()[0])

    def stop(self):
        self.command.kill()
        self.command.wait(DEADLINE_S)
        self.command.stdout.close()

    def test_it_prints_the_address_and_ends_with_its_broker_at_sigterm(self):
        metadata = subprocess.run(["kcat", "-b", self.address, "-L"], capture_output=True, text=True, timeout=DEADLINE_S).stdout
        self.assertIn('topic "scores" with 4 partitions', metadata)
        self.command.terminate()
        self.assertEqual(self.command.wait(DEADLINE_S), 0)
        self.assertFalse(exists(self.broker_pid))

    def test_the_broker_dies_with_it_even_at_kill_9(self):
        self.command.kill()
        self.command.wait(DEADLINE_S)
        wait_until(lambda: not exists(self.broker_pid), "the broker is gone")


if __name__ == "__main__":
    print(f"Kafka {DEFAULT_VERSION}", file=sys.stderr)
    unittest.main()
