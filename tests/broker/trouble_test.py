#!/usr/bin/env python3
"""`troth run` on Kafka in trouble that is not a kill: what it leaves on its topics is exact all the same, or it ends and says why.

Instances that stand still and wake up when others have taken over, state directories that are old, foreign, gone, damaged or
full, a network that is cut, a broker that is killed inside of transactions, logs that were truncated. One broker, topics of
its own for each test; what is judged in the end stands in exactly_once.py.

TROTH_SEED=N: another history. Needs java, kcat and cc, and root for the full disk; what is missing is skipped, loudly.
"""

import contextlib
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import exactly_once  # noqa: E402
import kafka  # noqa: E402
import live  # noqa: E402
from exactly_once import PARTITIONS, SESSION_S, TRANSACTION_TIMEOUT_MS  # noqa: E402

SEED = os.environ.get("TROTH_SEED", "1")
EVENTS = 1_200
SMALL_BUFFERS = {"memory": {"store": "1MiB"}}  # so that there are tables, and files have to grow
MISSING = [tool for tool in ("java", "kcat", os.environ.get("CC", "cc")) if shutil.which(tool) is None]
REFUSED = re.compile(r"UNKNOWN_MEMBER_ID|ILLEGAL_GENERATION|FENCED|_TIMED_OUT|partitions were lost before their commit")

broker = None
folder = None
library = None
proxy = None


class Proxy:
    """A network that can be cut: passes bytes between whoever connects and a port of this machine, in a thread of its own.
    While it is cut nothing is answered, and whoever connects is not heard: as behind a cable that was pulled."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.target = None  # port
        self._partner = {}
        self._is_cut = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self):
        self._is_cut.set()

    def mend(self):
        self._is_cut.clear()

    def close(self):
        self._is_over.set()
        self._thread.join(10)
        for each in (self._listener, *self._partner):
            each.close()

    def _run(self):
        while not self._is_over.is_set():
            if self._is_cut.is_set():
                time.sleep(0.02)
                continue
            ready, _, _ = select.select([self._listener, *self._partner], [], [], 0.05)
            for each in ready:
                if each is self._listener:
                    self._accept()
                elif each in self._partner:
                    self._pass_on(each)

    def _accept(self):
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            client.close()
            return
        self._partner |= {client: server, server: client}

    def _pass_on(self, source):
        try:
            data = source.recv(1 << 16)
            if data:
                self._partner[source].sendall(data)
                return
        except OSError:
            pass
        for each in (source, self._partner[source]):
            self._partner.pop(each, None)
            each.close()


def setUpModule():
    global broker, folder, library, proxy
    if MISSING:
        print(f"SKIPPED: trouble tests: {', '.join(MISSING)} not installed", flush=True)
        raise unittest.SkipTest(f"{', '.join(MISSING)} not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="troth-trouble-"))
    proxy = Proxy()
    # The broker names the proxy's port to whoever comes through the proxy: the client finds no way around it.
    port = kafka._free_port()
    advertised = f"PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{proxy.port}"
    broker = kafka.Broker(port=port, listeners={"PROXIED": "PLAINTEXT"}, settings={"advertised.listeners": advertised})
    proxy.target = int(broker.address("PROXIED").rpartition(":")[2])
    try:
        library = exactly_once.compile_kill_points(folder)
        broker.start()
    except BaseException:
        tearDownModule()
        raise


def tearDownModule():
    if broker is not None:
        broker.close()
    if proxy is not None:
        proxy.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


class TroubleTest(unittest.TestCase):
    """A world a test; its topics must be exact in the end."""

    def world(self, *names, more=None, **kafka_keys):
        name = self._testMethodName[5:45]
        world = exactly_once.World(broker, folder / name, name + ".", names, f"{SEED}/{name}", EVENTS, more=more, **kafka_keys)
        self.addCleanup(shutil.rmtree, world.folder, ignore_errors=True)
        self.addCleanup(world.close)
        return world

    def finish(self, world, words, feeds=True):
        """Feeds the rest; all must be exact."""
        if feeds:
            world.feed_rest()
        caught_up_s = world.wait_caught_up()
        wrong, figures = world.finish()
        answers = ", ".join(f"{count} {name}" for name, count in world.recoveries().items() if count)
        print(f"{self._testMethodName[5:].replace('_', ' ')}: {words}; the rest caught up in {caught_up_s:.1f} s; recovery: {answers}; {figures['commits']} commits, "
              f"{figures['aborted']} records aborted", flush=True)  # fmt: skip
        self.assertEqual(wrong, [], f"repeat with TROTH_SEED={SEED}")

    def start_to_stand_still(self, world, member, plan):
        """Starts it so that SIGSTOP comes at the place, waits until the partitions are shared, feeds until it has happened."""
        report, shared = member.folder / "stopped", member.folder / "shared"
        for each in (report, shared):
            each.unlink(missing_ok=True)
        member.start(environment=exactly_once.armed(library, report, plan, signal.SIGSTOP, shared))
        self.wait_shared(world)
        shared.touch()  # commits while partitions come do not count

        def stands_still():
            if report.exists():
                return True
            self.assertTrue(member.is_running(), member.log_tail())
            self.assertGreater(world.left, 0, f"all is fed, and {plan} did not come")
            world.feed(20)
            return False
        live.wait_until(stands_still, 60, lambda: f"{plan} did not come: {world.state_in_words()}", 0.2)
        self.addCleanup(self.wake, member)

    @staticmethod
    def wake(member):
        if member.is_running():
            os.kill(member.pid, signal.SIGCONT)

    def wait_partitions(self, member, count, deadline_s=60):
        live.wait_until(lambda: member.figures().get("troth_task_partitions") == count, deadline_s,
                        lambda: f"{member.figures().get('troth_task_partitions')} partitions, not {count}{member.log_tail()}")

    def wait_shared(self, world):
        share = PARTITIONS // len(world.members)
        live.wait_until(lambda: all(member.figures().get("troth_task_partitions") == share for member in world.members), 60,
                        lambda: f"the partitions are not shared: {world.state_in_words()}")

    def wait_aborted(self, world, deadline_s=60):
        """Until the broker has ended what was left open."""
        topic = world.prefix + live.CHANGELOG
        self.assertGreater(exactly_once.Log(broker, topic, 0).count("open"), 0, "nothing was left open")
        live.wait_until(lambda: exactly_once.Log(broker, topic, 0).count("open") == 0, deadline_s, "the transaction stays open", 0.3)

    def assert_said(self, member, pattern):
        found = re.search(pattern, member.log_of_this_start())
        self.assertTrue(found, f"{pattern} is not in the log{member.log_tail()}")
        return found[0]


class Zombies(TroubleTest):
    def sleep_while_another_takes_over(self, place):
        world = self.world("sleeper", "other")
        sleeper, other = world.members
        other.start()
        self.start_to_stand_still(world, sleeper, place)
        pid, began = sleeper.pid, time.monotonic()
        self.wait_partitions(other, PARTITIONS)
        taken_s = time.monotonic() - began
        world.feed_until(0.8)
        world.wait_caught_up([other])
        self.wake(sleeper)
        said = live.wait_until(lambda: REFUSED.search(sleeper.log_of_this_start()), 60, lambda: f"nothing was refused{sleeper.log_tail()}")[0]
        self.wait_shared(world)
        self.assertEqual(sleeper.pid, pid)
        self.finish(world, f"partitions taken over after {taken_s:.1f} s, the sleeper was refused with {said}")

    def test_a_zombie_that_had_sent_records_but_no_positions_is_refused_and_comes_back(self):
        self.sleep_while_another_takes_over("before_offsets 2")

    def test_a_zombie_that_had_sent_all_but_the_commit_is_refused_and_comes_back(self):
        self.sleep_while_another_takes_over("before_commit 2")

    def test_a_zombie_whose_batch_was_durable_is_refused_and_comes_back(self):
        self.sleep_while_another_takes_over("before_begin 2")

    def test_a_transaction_that_timed_out_without_a_successor_is_done_again(self):
        world = self.world("only")
        (only,) = world.members
        self.start_to_stand_still(world, only, "before_commit 2")
        began = time.monotonic()
        self.wait_aborted(world)
        timed_out_s = time.monotonic() - began
        self.wake(only)
        said = live.wait_until(lambda: REFUSED.search(only.log_of_this_start()), 60, lambda: f"nothing was refused{only.log_tail()}")[0]
        self.finish(world, f"the broker gave it up after {timed_out_s:.1f} s (limit {TRANSACTION_TIMEOUT_MS} ms), then refused with {said}")


class StateDirectories(TroubleTest):
    def half_way(self, world):
        for member in world.members:
            member.start()
        world.feed_until(0.5)
        world.wait_caught_up()

    def test_an_old_copy_of_the_state_catches_up(self):
        world = self.world("only")
        (only,) = world.members
        self.half_way(world)
        self.assertEqual(only.terminate(), 0)
        shutil.copytree(world.state_of(only), world.folder / "old")
        only.start()
        world.feed_until(0.75)
        world.wait_caught_up()
        only.kill()
        shutil.rmtree(world.state_of(only))
        (world.folder / "old").rename(world.state_of(only))
        only.start()
        world.wait_caught_up()
        rows = sum(map(int, re.findall(r"catch up, (\d+) rows", only.log_of_this_start())))
        self.assertGreater(rows, 0, only.log_tail())
        self.finish(world, f"{rows} rows caught up")

    def test_the_state_of_another_instance_is_not_taken_for_ones_own(self):
        world = self.world("left", "right")
        left, right = world.members
        self.half_way(world)
        for member in world.members:
            member.kill()
        shutil.rmtree(world.state_of(left))
        shutil.copytree(world.state_of(right), world.state_of(left))
        for member in world.members:
            member.start()
        self.finish(world, "left began with a copy of right's")

    def test_a_state_directory_that_is_gone_is_rebuilt_from_the_changelog(self):
        world = self.world("only")
        (only,) = world.members
        self.half_way(world)
        only.kill()
        shutil.rmtree(world.state_of(only))
        only.start()
        took_s = world.wait_caught_up()
        self.assertEqual(only.log_of_this_start().count("assigned; rebuild"), PARTITIONS, only.log_tail())
        rows = sum(map(int, re.findall(r"rebuild, (\d+) rows", only.log_of_this_start())))
        self.finish(world, f"{rows} rows rebuilt in {took_s:.1f} s")

    def damage(self, world, pattern):
        """Flips some bytes in the middle of each such file of the closed store; how many files there were."""
        files = list((world.state_of(world.members[0]) / "store").glob(pattern))
        for path in files:
            data = bytearray(path.read_bytes())
            for at in range(len(data) // 3, len(data) // 3 + 64):
                data[at] ^= 0xA5
            path.write_bytes(data)
        return len(files)

    def test_a_damaged_table_is_put_aside_and_the_state_rebuilt(self):
        world = self.world("only", more=SMALL_BUFFERS)
        (only,) = world.members
        self.half_way(world)
        self.assertEqual(only.terminate(), 0)
        only.start()  # makes a table of what the store's log holds
        only.wait_ready()
        self.assertEqual(only.terminate(), 0)
        files = self.damage(world, "*.sst")
        self.assertGreater(files, 0)
        only.start()
        took_s = world.wait_caught_up()
        self.assert_said(only, "The store is damaged")
        self.assertIn("assigned; rebuild", only.log_of_this_start(), only.log_tail())
        self.assertTrue((world.state_of(only) / "store.damaged").is_dir())
        self.finish(world, f"{files} tables damaged, rebuilt in {took_s:.1f} s")

    def test_a_damaged_log_of_the_store_loses_no_record(self):
        world = self.world("only")
        (only,) = world.members
        self.half_way(world)
        only.kill()
        files = self.damage(world, "*.log")
        self.assertGreater(files, 0)
        only.start()
        world.wait_caught_up()
        self.finish(world, f"{files} logs damaged")

    def test_a_disk_that_is_full_for_a_while_costs_nothing_but_time(self):
        if os.geteuid() != 0:
            print("SKIPPED: a full disk: needs root for a file system of its own", flush=True)
            self.skipTest("needs root")
        world = self.world("only", more=SMALL_BUFFERS)
        (only,) = world.members
        state = world.state_of(only)
        state.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "tmpfs", state], capture_output=True, text=True, timeout=30)
        if mounted.returncode != 0:
            print(f"SKIPPED: a full disk: {mounted.stderr}", flush=True)
            self.skipTest("cannot mount")
        self.addCleanup(subprocess.run, ["umount", "-l", state], timeout=30, check=False)
        self.addCleanup(only.close)
        only.start()
        world.feed_until(0.3)
        world.wait_caught_up()
        filler = state / "filler"
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        world.feed_until(0.6)
        said = live.wait_until(lambda: re.search(r"The disk is full", only.log_of_this_start()), 60, lambda: f"nothing is said of the disk{only.log_tail()}")[0]
        self.assertTrue(only.is_running(), only.log_tail())
        time.sleep(2)
        self.assertTrue(only.is_running(), only.log_tail())
        filler.unlink()
        took_s = world.wait_caught_up()
        self.finish(world, f"said {said!r}, caught up {took_s:.1f} s after room was made")


class Network(TroubleTest):
    def cut_for(self, seconds):
        world = self.world("only", bootstrap=f"127.0.0.1:{proxy.port}")
        self.addCleanup(proxy.mend)
        (only,) = world.members
        self.start_to_stand_still(world, only, "before_commit 2")
        for share in (0.5, 0.7):  # first with an open transaction, then whatever is on its way
            world.feed(100)
            proxy.cut()
            end = time.monotonic() + seconds
            self.wake(only)
            world.feed_until(share)
            time.sleep(max(0.0, end - time.monotonic()))
            self.assertTrue(only.is_running(), only.log_tail())
            proxy.mend()
            took_s = world.wait_caught_up()
        restarts = int(only.figures().get("troth_app_restarts_total", -1))
        self.finish(world, f"cut twice, caught up {took_s:.1f} s after the second, {restarts} restarts of the pipeline")

    def test_a_network_that_is_cut_for_3_s_is_lived_through(self):
        self.cut_for(SESSION_S // 2)

    def test_a_network_that_is_cut_for_12_s_is_lived_through(self):
        self.cut_for(SESSION_S * 2)


class Brokers(TroubleTest):
    def kill_broker_at(self, plan):
        world = self.world("only")
        (only,) = world.members
        self.start_to_stand_still(world, only, plan)
        broker.kill()
        began = time.monotonic()
        broker.start()
        self.wake(only)
        self.finish(world, f"the broker was back after {time.monotonic() - began:.1f} s")

    def test_a_broker_killed_while_records_are_sent_loses_and_doubles_nothing(self):
        self.kill_broker_at("in_records 700")

    def test_a_broker_killed_before_a_commit_loses_and_doubles_nothing(self):
        self.kill_broker_at("before_commit 2")

    def half_way(self, world):
        (only,) = world.members
        only.start()
        world.feed_until(0.5)
        world.wait_caught_up()
        self.assertEqual(only.terminate(), 0)
        return only

    def outputs(self, world):
        return [broker.read_all(world.prefix + topic, "read_uncommitted") for topic in live.OUTPUTS.values()]

    def cut_changelog(self):
        """A world whose changelog may be cut, half-way; the broker does not cut topics that are only compacted."""
        broker.create_topics({self._testMethodName[5:45] + "." + live.CHANGELOG: (PARTITIONS, {"cleanup.policy": "compact,delete"})})
        world = self.world("only")
        only = self.half_way(world)
        delete_records(broker.port, world.prefix + live.CHANGELOG)
        return world, only

    def test_an_input_that_was_cut_beyond_its_position_ends_the_run_and_nothing_is_skipped(self):
        world = self.world("only")
        only = self.half_way(world)
        world.feed_rest()
        topic = world.prefix + live.INPUTS[0]

        def position():
            return {place: offset for place, offset in exactly_once.positions(broker, world.prefix).items() if place[0] == topic}
        before = position()
        delete_records(broker.port, topic)
        only.start(wait=False)
        pattern = re.escape(topic) + r".*is not in the log: the log was cut"
        self.assertEqual(only.wait_exit(90), 1, only.log_tail())
        said = self.assert_said(only, pattern)
        self.assertEqual(position(), before)
        print(f"an input that was cut: exit 1, {said!r}", flush=True)

    def test_a_changelog_that_was_cut_ends_the_run_if_it_is_needed(self):
        world, only = self.cut_changelog()
        before = self.outputs(world)
        shutil.rmtree(world.state_of(only))
        only.start(wait=False)
        self.assertEqual(only.wait_exit(90), 1, only.log_tail())
        said = self.assert_said(only, r"the changelog does not have .*it was cut or made anew")
        self.assertEqual(self.outputs(world), before)
        print(f"a changelog that was cut, and no state: exit 1, {said!r}", flush=True)

    def test_a_changelog_that_was_cut_is_no_matter_to_whoever_has_the_state(self):
        world, only = self.cut_changelog()
        only.start()
        self.finish(world, "the changelog was empty, the state was there")


def delete_records(port, topic):
    """One DeleteRecords request, version 0: all records of all partitions."""
    def string(text):
        return struct.pack(">h", len(text)) + text.encode()

    api_delete_records, api_version, timeout_ms = 21, 0, 30_000
    body = struct.pack(">hhi", api_delete_records, api_version, 1) + string("troth-tests") + struct.pack(">i", 1) + string(topic)
    body += struct.pack(">i", PARTITIONS) + b"".join(struct.pack(">iq", partition, -1) for partition in range(PARTITIONS))
    body += struct.pack(">i", timeout_ms)
    with socket.create_connection(("127.0.0.1", port), 40) as connection, connection.makefile("rb") as reply:
        connection.sendall(struct.pack(">i", len(body)) + body)
        (size,) = struct.unpack(">i", reply.read(4))
        answer = reply.read(size)
    at = 4 + 4 + 4 + 2 + len(topic)  # correlation, throttle time, one topic, its name
    (count,) = struct.unpack_from(">i", answer, at)
    for each in range(count):
        partition, _low, code = struct.unpack_from(">iqh", answer, at + 4 + 14 * each)
        if code != 0:
            raise kafka.BrokerError(f"records of {topic}, partition {partition}, were not deleted: error {code}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
