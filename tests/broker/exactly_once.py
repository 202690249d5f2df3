"""Shared by the tests of exactly-once on Kafka: a world that can be disturbed, a kill at a named step, and the judgement.

A *world* has topics of its own on one broker, a made-up history with a few records that must be refused, and one or more
instances (*members*) of `troth run` with a name and a state directory each. It is fed in slices while its members are killed
and started again; at last every member runs, all is stored, all are stopped by SIGTERM, and the topics are judged.

Judged is what clients see that are not ours: kcat, and the broker's own files.
- The last record of each key is that of a replay of the same events.
- No record is there twice or missing in between: alerts have the revisions 1, 2, 3 … a key; two neighbouring records of a
  score or a promise differ; each refused record is on the dead-letter topic once.
- The group's positions, as its log has them: the commits of each partition are numbered 1, 2, 3 …, each taken once, with
  offsets that never go back and end where the inputs end.
- Every output record is in a transaction; what kcat reads is what the log's marks call committed, and all of it.

Needs the standard library, kcat, java and a C compiler.
"""

import collections
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import kafka  # noqa: E402
import live  # noqa: E402

PARTITIONS = 4
BAD_SHARE = 0.012
SESSION_S = 6
TRANSACTION_TIMEOUT_MS = 10_000
COMMIT_MS = 500  # so that there is something uncommitted for most of the time, also on a busy machine
# The steps of a commit and of a recovery → the places of kill_points.c in them.
STEPS = {
    "before_batch": ("before_batch", "torn_batch", "unsynced_batch"),
    "before_transaction": ("before_begin",),
    "in_transaction": ("in_records", "before_offsets", "after_offsets"),
    "at_commit": ("before_commit", "in_commit"),
    "after_commit": ("after_commit",),
    "in_restore": ("in_restore", "restored_batch"),
    "at_committed": ("before_committed", "after_committed"),
    "in_revoke": ("in_revoke", "in_revoke_commit", "after_revoke_commit"),
    "at_init": ("before_init", "after_init"),
}
STEP_OF = {place: step for step, places in STEPS.items() for place in places}
RECOVERIES = ("new", "go on", "send again", "catch up", "rebuild")
# How often a place is passed at most before the kill: what is passed once a life cannot be waited for twice.
NTH_MAX = {"in_records": 150, "before_batch": 3, "torn_batch": 3, "unsynced_batch": 3, "before_begin": 3, "before_offsets": 3,
           "after_offsets": 3, "before_commit": 3, "in_commit": 3, "after_commit": 3, "before_committed": 1, "after_committed": 1}  # fmt: skip


def compile_kill_points(folder):
    """The library to be preloaded."""
    library = pathlib.Path(folder) / "kill_points.so"
    source = pathlib.Path(__file__).resolve().parent / "kill_points.c"
    command = [os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-Wall", "-Werror", "-fPIC", "-shared", "-o", library, source, "-ldl", "-lpthread"]
    subprocess.run(command, check=True, timeout=60)
    return library


def armed(library, report, plan, signal_number=signal.SIGKILL, from_=""):
    """The environment of a process that is to die (or to stand still) as planned; `report` is a file that says so, `from_` one
    without which nothing counts."""
    return {"LD_PRELOAD": str(library), "KILL_AT": plan, "KILL_REPORT": str(report), "KILL_SIGNAL": str(int(signal_number)), "KILL_FROM": str(from_)}


# The world ------------------------------------------------------------------------------------------------------------


class World:
    """Topics, a history with refused records among it, and members. `more`: of the configuration, besides `kafka`."""

    def __init__(self, broker, folder, prefix, names, seed, events, customers=120, more=None, **kafka_keys):
        self.broker, self.folder, self.prefix = broker, pathlib.Path(folder), prefix
        self.folder.mkdir(parents=True)
        chance = random.Random(seed)
        self.lines = live.shop_history(seed, events, live.now_us() // live.SECOND * live.SECOND, customers=customers)
        self.offset_us = live.rehearsal_of(self.lines)
        self.bad = []  # (topic, raw text)
        self._waiting = [collections.deque() for _ in live.INPUTS]  # by topic: (key, value)
        for number, line in enumerate(self.lines):
            parsed = json.loads(line)
            topic = live.topic_of(parsed["type"])
            self._waiting[topic].append((parsed["subject"], line))
            if chance.random() < BAD_SHARE:
                raw = '{"specversion":"1.0", oh no %d' % number if chance.random() < 0.5 else json.dumps(
                    {**parsed, "id": f"teleport-{number}", "type": "order.teleported"})
                self._waiting[topic].append((parsed["subject"], raw))
                self.bad.append((prefix + live.INPUTS[topic], raw))
        self.total = sum(map(len, self._waiting))
        self._told, self._refused = [], set(self.bad)
        self._chance = chance
        keys = {"transaction_timeout_ms": TRANSACTION_TIMEOUT_MS, "commit_ms": COMMIT_MS, **kafka_keys}
        self.members = [live.Engine(self.folder / name, {**live.kafka_config(broker, prefix, self.offset_us, instance=name, **keys), **(more or {})})
                        for name in names]
        done = live.run_troth("topics", "create", "--config", self.members[0].config_path, "--partitions", PARTITIONS)
        if done.returncode != 0:
            raise live.LiveError(f"topics create: {done.stderr}{done.stdout}")

    def close(self):
        for member in self.members:
            member.close()

    def state_of(self, member):
        return member.folder / "state"

    @property
    def left(self):
        return sum(map(len, self._waiting))

    def feed(self, most):
        """Some more records into one of the topics; in which order the topics get theirs does not matter."""
        topic = self._chance.choices(range(len(live.INPUTS)), [len(each) + 1e-9 for each in self._waiting])[0]
        waiting = self._waiting[topic]
        records = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        if records:
            name = self.prefix + live.INPUTS[topic]
            self._told += [(name, record) for record in records if (name, record[1]) not in self._refused]
            self.broker.produce(name, records)

    def tell_again(self):
        """An event that was told already, once more: it changes nothing, but it is a record."""
        topic, record = self._chance.choice(self._told)
        self.total += 1
        self.broker.produce(topic, [record])

    def feed_until(self, share):
        """Until this share of all that there is has been fed."""
        while self.left > self.total * (1 - share):
            self.feed(300)

    def feed_rest(self):
        for topic, waiting in zip(live.INPUTS, self._waiting):
            if waiting:
                self.broker.produce(self.prefix + topic, list(waiting))
                waiting.clear()

    def recoveries(self):
        """How often each answer of recovery was given, over all starts of all members."""
        words = [line for member in self.members for line in member.log().splitlines() if "assigned; " in line]
        return {name: sum(f"assigned; {name}" in line for line in words) for name in RECOVERIES}

    def moves(self):
        """How often a partition was taken on by another member than the one before."""
        taken = sorted((line.split()[0], line.split("partition ")[1].split(":")[0], member.folder.name)
                       for member in self.members for line in member.log().splitlines() if ": assigned; " in line)  # fmt: skip
        home, moves = {}, 0
        for _, partition, name in taken:
            moves += home.get(partition, name) != name
            home[partition] = name
        return moves

    def is_caught_up(self, at_us, members=None):
        """All that was fed is stored by these members (default: all) together, nothing waits, and every partition's time is at_us or later."""
        stored = partitions = 0
        for member in members or self.members:
            figures = member.figures() if member.is_running() and member.find_address() else {}
            if not figures or not live.is_settled(figures):
                return False
            times = [value for name, value in figures.items() if name.startswith("troth_task_event_time_seconds{")]
            if times and min(times) * live.SECOND < at_us:
                return False
            stored += live.stored(figures)
            partitions += int(figures.get("troth_task_partitions", 0))
        return partitions == PARTITIONS and stored >= self.total - self.left

    def state_in_words(self):
        words = []
        for member in self.members:
            figures = member.figures() if member.is_running() and member.find_address() else {}
            words.append(f"{member.folder.name}: exit {member.exit_code}, {live.stored(figures)} of {self.total} stored, "
                         f"{figures.get('troth_task_partitions')} partitions{member.log_tail()}")
        return "\n".join(words)

    def wait_caught_up(self, members=None, deadline_s=120):
        """The seconds that it took."""
        began = time.monotonic()
        at_us = live.now_us() + self.offset_us
        live.wait_until(lambda: self.is_caught_up(at_us, members), deadline_s, lambda: f"not caught up: {self.state_in_words()}", 0.25)
        return time.monotonic() - began

    def finish(self):
        """Stops all members and judges: words about what is wrong, and figures."""
        before_us = live.now_us() + self.offset_us - 2 * live.SECOND
        for member in self.members:
            os.kill(member.pid, signal.SIGTERM)
        wrong = []
        for member in self.members:
            code = member.wait_exit(90)
            wrong += [f"{member.folder.name} ended with {code} at SIGTERM{member.log_tail()}"] if code != 0 else []
        after_us = live.now_us() + self.offset_us
        outputs = {stream: Topic(self.broker, self.prefix + topic) for stream, topic in live.OUTPUTS.items()}
        for stream, topic in outputs.items():
            wrong += topic.wrong()
            wrong += [f"{stream}: {each}" for each in wrong_in_stream(stream, topic.records)]
        changelog = Log(self.broker, self.prefix + live.CHANGELOG)
        wrong += changelog.wrong()
        inputs = self.inputs()
        wrong += wrong_letters(self.bad, outputs["deadletters"].records, inputs)
        ends = collections.Counter((topic, partition) for topic, partition, _ in inputs)
        commits, wrong_ones = wrong_commits(self.broker.read_all("__consumer_offsets"), self.prefix, ends)
        wrong += wrong_ones
        wrong += live.differences_from_replay(self.broker, self.prefix, self.folder, self.lines, before_us, after_us)[1]
        logs = [changelog, *(topic.log for topic in outputs.values())]
        return wrong, {
            "records": sum(len(topic.records) for topic in outputs.values()), "commits": commits,
            "aborted": sum(log.count("aborted") for log in logs), "marks": sum(log.marks for log in logs),
        }  # fmt: skip

    def inputs(self):
        """{(topic, partition, offset): raw bytes} of all that was fed."""
        found = {}
        for name in live.INPUTS:
            topic = self.prefix + name
            found |= {(topic, record.partition, record.offset): record.value for record in self.broker.read_all(topic)}
        return found


# The judgement ----------------------------------------------------------------------------------------------------------


def wrong_in_stream(stream, records):
    """What one output's records, in the order of their log, say against themselves."""
    if stream == "alerts":
        return wrong_revisions(records)
    if stream in ("scores", "promises"):
        return repetitions(records)
    return []


def wrong_revisions(records):
    """Each key's revisions are 1, 2, 3 …; after a null value the key is a new one."""
    wrong, last = [], collections.Counter()
    for record in records:
        if record.value is None:
            del last[record.key]
            continue
        revision = json.loads(record.value)["revision"]
        if revision != last[record.key] + 1:
            wrong.append(f"{record.key!r}: revision {revision} after {last[record.key]} (partition {record.partition}, offset {record.offset})")
        last[record.key] = revision
    return wrong


def repetitions(records):
    """A record that equals the one before it but for the passing of time is never sent (TRUST_MODEL 11.5)."""
    wrong, last = [], {}
    for record in records:
        value = None if record.value is None else json.loads(record.value)
        before = last.get(record.key, ...)
        if before is not ... and _timeless(before) == _timeless(value):
            wrong.append(f"{record.key!r}: said again (partition {record.partition}, offset {record.offset})")
        last[record.key] = value
    return wrong


def _timeless(value):
    if isinstance(value, dict):
        return {name: _timeless(each) for name, each in value.items() if name not in ("as_of", "elapsed_s", "lateness_s")}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def wrong_letters(bad, records, inputs):
    """Each refused record is there once, from the place where it lies, and no other is there."""
    wrong, found = [], collections.Counter()
    for record in records:
        letter = json.loads(record.value)
        place = (letter["topic"], letter["partition"], letter["offset"])
        raw = inputs.get(place)
        if raw is None or letter.get("raw") != raw.decode("utf-8"):
            wrong.append(f"deadletters: {place} is not what lies there")
        found[letter["topic"], letter.get("raw")] += 1
    expected = collections.Counter(bad)
    for what, difference in (("missing", expected - found), ("too many", found - expected)):
        if difference:
            wrong.append(f"deadletters: {sum(difference.values())} {what}, the first {next(iter(difference))}")
    return wrong


def wrong_commits(records, prefix, ends):
    """The commits of the world's group as the records of __consumer_offsets show them: their number, and what is wrong with them.
    `ends`: {(topic, partition): number of records} of the inputs."""
    last = {}  # by topic and partition: (number, offset)
    wrong, count = [], 0
    for record in records:
        kind, group, topic, partition = _offset_key(record.key)
        if kind > 1 or group != prefix + "group" or record.value is None:
            continue
        offset, metadata = _offset_value(record.value)
        mark, number, _writer = metadata.split(";")
        number_before, offset_before = last.get((topic, partition), (0, 0))
        if mark != "troth1" or int(number) != number_before + 1:
            wrong.append(f"group: {topic} {partition}: commit {metadata!r} after number {number_before}")
        if offset < offset_before:
            wrong.append(f"group: {topic} {partition}: position {offset} after {offset_before}")
        last[topic, partition] = (int(number), offset)
        count += topic == prefix + live.INPUTS[0]
    for place, end in ends.items():
        if last.get(place, (0, 0))[1] != end:
            wrong.append(f"group: {place}: the positions end with {last.get(place)}, the topic with {end}")
    for partition in range(PARTITIONS):
        numbers = {last.get((prefix + name, partition), (0, 0))[0] for name in live.INPUTS}
        if len(numbers) != 1:
            wrong.append(f"group: partition {partition}: the inputs' positions are of the commits {sorted(numbers)}")
    return count, wrong


def positions(broker, prefix):
    """{(topic, partition): the group's position}."""
    last = {}
    for record in broker.read_all("__consumer_offsets"):
        kind, group, topic, partition = _offset_key(record.key)
        if kind <= 1 and group == prefix + "group" and record.value is not None:
            last[topic, partition] = _offset_value(record.value)[0]
    return last


def _offset_key(key):
    """(version, group, topic, partition) of a record of __consumer_offsets; other kinds have a version above 1."""
    (version,) = struct.unpack_from(">h", key)
    if version > 1:
        return version, None, None, None
    group, at = _string(key, 2)
    topic, at = _string(key, at)
    return version, group, topic, struct.unpack_from(">i", key, at)[0]


def _offset_value(value):
    """(offset, metadata)."""
    version, offset, _leader_epoch = struct.unpack_from(">hqi", value)
    if version == 3:
        return offset, _string(value, 14)[0]
    if version == 4 and value[14] < 128:  # of the flexible kind: a size in one byte, plus one
        return offset, value[15:14 + value[14]].decode("utf-8")
    raise live.LiveError(f"__consumer_offsets: a value of version {version} is not known here: {value!r}")


def _string(data, at):
    (size,) = struct.unpack_from(">h", data, at)
    return data[at + 2:at + 2 + size].decode("utf-8"), at + 2 + size


class Log:
    """A topic's files as the broker has written them: which offsets are committed, aborted, open or outside of a transaction."""

    def __init__(self, broker, topic, deadline_s=30):
        self.topic = topic
        self.folders = [broker.directory / "data" / f"{topic}-{partition}" for partition in range(PARTITIONS)]
        end = time.monotonic() + deadline_s
        self._read()
        while self.count("open") and time.monotonic() < end:  # marks follow the answer to a commit, and end what was left open
            time.sleep(0.1)
            self._read()

    def _read(self):
        self.offsets = {}  # (partition, offset) → committed, aborted, open or bare
        self.marks = 0
        for partition, folder in enumerate(self.folders):
            open_ = collections.defaultdict(list)
            for path in sorted(folder.glob("*.log")):
                for first, count, producer, is_transactional, mark in _batches(path.read_bytes()):
                    places = [(partition, first + each) for each in range(count)]
                    if mark is not None:
                        self.marks += 1
                        self.offsets |= dict.fromkeys(open_.pop(producer, ()), mark)
                    elif is_transactional:
                        open_[producer] += places
                        self.offsets |= dict.fromkeys(places, "open")
                    else:
                        self.offsets |= dict.fromkeys(places, "bare")

    def count(self, state):
        return sum(each == state for each in self.offsets.values())

    def wrong(self):
        counts = {state: self.count(state) for state in ("bare", "open")}
        words = {"bare": "outside of any transaction", "open": "in a transaction that is still open"}
        return [f"{self.topic}: {count} records {words[state]}" for state, count in counts.items() if count]


def _batches(data):
    """(first offset, number of records, producer, is it transactional, mark) of each record batch; mark: None, committed, aborted."""
    at = 0
    while at + 61 <= len(data):
        first, size = struct.unpack_from(">qi", data, at)
        attributes, last_delta, _, _, producer, _, _, _count = struct.unpack_from(">hiqqqhii", data, at + 21)
        end = at + 12 + size
        if size <= 0 or end > len(data):
            return
        is_transactional, is_control = bool(attributes & 16), bool(attributes & 32)
        # A mark: length, attributes, time and offset deltas and the key's length take a byte each; then version and type.
        mark = ("aborted", "committed")[struct.unpack_from(">h", data, at + 61 + 7)[0]] if is_control else None
        yield first, last_delta + 1, producer, is_transactional, mark
        at = end


class Topic:
    """An output topic: as kcat reads it with read_committed, and as its log says."""

    def __init__(self, broker, topic):
        self.topic = topic
        self.log = Log(broker, topic)
        self.records = broker.read_all(topic)
        self.uncommitted = broker.read_all(topic, "read_uncommitted")

    def wrong(self):
        wrong = self.log.wrong()
        seen = [{(record.partition, record.offset) for record in records} for records in (self.records, self.uncommitted)]
        for reader, found, states in (("read_committed", seen[0], ("committed",)), ("read_uncommitted", seen[1], ("committed", "aborted"))):
            expected = {place for place, state in self.log.offsets.items() if state in states}
            if found != expected:
                wrong.append(f"{self.topic}: with {reader}, kcat reads {len(found - expected)} records that the log does not call "
                             f"{' or '.join(states)}, and does not read {len(expected - found)} that it does")
        return wrong


# Kills ------------------------------------------------------------------------------------------------------------------


class Visitor:
    """kcat as a passing member of the group: it takes partitions away from the others, reads some records, commits nothing, leaves."""

    def __init__(self, world):
        inputs = [world.prefix + topic for topic in live.INPUTS]
        settings = ["enable.auto.commit=false", "enable.auto.offset.store=false", "partition.assignment.strategy=range", f"session.timeout.ms={SESSION_S * 1000}",
                    "heartbeat.interval.ms=500"]
        command = ["kcat", "-b", world.broker.bootstrap, "-q", *(word for each in settings for word in ("-X", each)), "-G", world.prefix + "group", *inputs]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                         env=os.environ | {"KCAT_CONFIG": os.devnull}, preexec_fn=kafka._die_with_parent)

    LEAVE_S = 10

    def leave(self):
        """Says goodbye; is_gone() tells when that was heard."""
        self._process.terminate()
        self._end = time.monotonic() + self.LEAVE_S

    def is_gone(self):
        if self._process.poll() is None and time.monotonic() > self._end:
            self._process.kill()
        return self._process.poll() is not None


class Tally:
    """What was done over one or more worlds."""

    def __init__(self):
        self.kills = collections.Counter()  # by place
        self.alone, self.together = collections.Counter(), collections.Counter()  # by step, with one member and with more
        self.restarts = collections.Counter()  # by kind
        self.lives = self.gave_up = self.moves = 0
        self.missed = collections.Counter()  # by place
        self.recoveries = collections.Counter()
        self.figures = collections.Counter()
        self.differences = []
        self.worlds = {}  # by prefix

    def text(self):
        rows = [f"  {step:20} {self.alone[step]:4} alone {self.together[step]:4} together   " + ", ".join(
            f"{place} {self.kills[place]}" for place in places) for step, places in STEPS.items()]
        return "\n".join([
            "step → kills that hit:", *rows,
            f"{sum(self.kills.values())} kills in {self.lives} lives, {self.gave_up} that ended by themselves, {self.missed.total()} in which the step did not come"
            + "".join(f", {place} {count}" for place, count in self.missed.items()),
            "restarts: " + ", ".join(f"{count} {kind}" for kind, count in sorted(self.restarts.items())),
            "recovery: " + ", ".join(f"{count} {name}" for name, count in self.recoveries.items())
            + f"; {self.moves} times a partition went to another member",
            ", ".join(f"{count} {name}" for name, count in self.figures.items()) + f"; {len(self.differences)} differences"])  # fmt: skip


class Killer:
    """Drives one world through a list of kills, without ever waiting: step() until it says that all is done."""

    LIFE_S = 40  # for the step to come, before the life is given up
    CATCH_UP_S = 90
    VISIT_S = 8  # a visitor stays; each that comes or goes takes all partitions from all members

    def __init__(self, world, places, seed, library, tally, slice_=25, feed_every_s=0.35):
        self.world, self.tally, self.library = world, tally, library
        self.places = collections.deque(places)
        self.chance = random.Random(f"{seed}/kills")
        self.slice, self.feed_every_s, self.next_feed = slice_, feed_every_s, 0.0
        self.lives = [_Life(member) for member in world.members]
        self.misses_left = 10 + len(places) // 2
        self.steps = tally.alone if len(world.members) == 1 else tally.together
        self.restarts, self.leaving = 0, []
        self.at_us = self.end = None

    def step(self):
        """Whether there is more to do."""
        now = time.monotonic()
        for life in self.lives:
            self._look_after(life, now)
        self.leaving = [visitor for visitor in self.leaving if not visitor.is_gone()]
        is_busy = bool(self.places) or any(life.place for life in self.lives)
        if is_busy:
            if now >= self.next_feed:
                self.next_feed = now + self.feed_every_s
                # However long it takes, there is something left for each kill to come.
                slice_ = min(self.slice, self.world.left // (4 * (len(self.places) + len(self.lives))))
                if slice_ > 0:
                    self.world.feed(slice_)
                else:
                    self.world.tell_again()
            return True
        if self.at_us is None:
            self.world.feed_rest()
            self.at_us = live.now_us() + self.world.offset_us
            self.end = now + self.CATCH_UP_S
        if self.world.is_caught_up(self.at_us):
            return False
        if now > self.end:
            raise live.LiveError(f"not caught up within {self.CATCH_UP_S} s: {self.world.state_in_words()}")
        return True

    def close(self):
        for life in self.lives:
            self._send_visitor_away(life)
        while not all([visitor.is_gone() for visitor in self.leaving]):
            time.sleep(0.05)

    def _send_visitor_away(self, life):
        if life.visitor is not None:
            life.visitor.leave()
            self.leaving.append(life.visitor)
            life.visitor = None

    def _look_after(self, life, now):
        member = life.member
        if member.is_running():
            if life.place is None:
                return
            if "revoke" in life.place and now >= life.next_visit:
                self._visit(life, now)
            if now > life.end:  # the step did not come: an ordinary kill
                self.tally.missed[life.place] += 1
                self.misses_left -= 1
                if self.misses_left < 0:
                    raise live.LiveError(f"{life.plan} does not come: {self.world.state_in_words()}")
                self.places.append(life.place)
                member.kill()
                self._prepare(life, now)
            return
        if life.next_start is None:  # it has just ended, or never ran
            if member.exit_code is not None:
                self._account(life)
            self._prepare(life, now)
        if now >= life.next_start:
            self._start(life, now)

    def _visit(self, life, now):
        """A visitor comes, stays for a while and goes, for as long as the member lives: a revoke may find nothing to do."""
        if life.visitor is not None:
            self._send_visitor_away(life)
        elif "assigned; " in life.member.log_of_this_start():
            life.visitor = Visitor(self.world)
        else:
            return
        life.next_visit = now + self.VISIT_S

    def _account(self, life):
        report = life.report.read_text() if life.report.exists() else ""
        life.report.unlink(missing_ok=True)
        if life.member.exit_code == -signal.SIGKILL and life.place and report.split() == life.plan.split()[:2]:
            self.tally.kills[life.place] += 1
            self.steps[STEP_OF[life.place]] += 1
            return
        self.tally.gave_up += 1
        self.misses_left -= 1
        print(f"{self.world.prefix}{life.member.folder.name}: ended with {life.member.exit_code} under {life.plan!r}, report {report!r}"
              f"{life.member.log_tail()}", flush=True)  # fmt: skip
        if self.misses_left < 0:
            raise live.LiveError(f"members end by themselves: {self.world.state_in_words()}")
        if life.place:
            self.places.append(life.place)

    def _prepare(self, life, now):
        """Decides on the next start: what is to kill it, on which state, and when."""
        self._send_visitor_away(life)
        life.place = self.places.popleft() if self.places else None
        state, copy = self.world.state_of(life.member), life.member.folder / "older"
        life.next_start = now
        if not state.exists():
            return
        self.restarts += 1
        turn = self.restarts % 12  # so that each kind comes in every world; the rest is chance
        if life.place in STEPS["in_restore"]:
            kind = "older state" if copy.exists() and self.restarts % 2 else "no state"
        elif turn == 4 and copy.exists():
            kind = "older state"
        elif turn == 8 and len(self.lives) > 1:
            kind = "after the session"
        else:
            kind = self.chance.choices(("at once", "after the session", "no state"), (85, 5 if len(self.lives) > 1 else 1, 5))[0]
        self.tally.restarts[kind] += 1
        if kind == "after the session":
            life.next_start = now + SESSION_S + 2
        if kind in ("no state", "older state"):
            shutil.rmtree(state)
        if kind == "older state":
            copy.rename(state)
        elif kind != "no state" and not copy.exists():
            shutil.copytree(state, copy)

    def _start(self, life, now):
        life.next_start = None
        life.end, life.next_visit = now + self.LIFE_S, now
        environment = {}
        life.plan = ""
        if life.place:
            number = self.chance.randint(1, NTH_MAX.get(life.place, 1))
            life.plan = f"{life.place} {number}" + (f" {self.chance.randrange(4000)}" if life.place == "in_commit" else "")
            environment = armed(self.library, life.report, life.plan)
        self.tally.lives += 1
        life.member.start(wait=False, environment=environment)


class _Life:
    """A member between one start and the next."""

    def __init__(self, member):
        self.member = member
        self.report = member.folder / "killed"
        self.place = self.visitor = self.next_start = None  # nothing planned: it is to live
        self.plan, self.end, self.next_visit = "", 0.0, 0.0


def some_places(count_by_step, chance, first=0):
    """So many kills a step, over its places in turn, beginning with the `first`, in a random order."""
    places = [STEPS[step][(first + each) % len(STEPS[step])] for step in STEPS for each in range(count_by_step)]
    chance.shuffle(places)
    while places[0] in STEPS["in_restore"]:  # at first there is nothing to be restored
        places.append(places.pop(0))
    return places


def two_worlds(count_by_step, chance, events):
    """One with a single member and one with three, with so many kills a step in each: for run_kills()."""
    half = count_by_step % 3
    return [("alone.", ("one",), some_places(count_by_step, chance), events),
            ("together.", ("a", "b", "c"), some_places(count_by_step, chance, half), events)]  # fmt: skip


def run_kills(broker, folder, worlds, seed, library, tally, **kafka_keys):
    """Runs worlds side by side: a list of (prefix, names, places, events). What is wrong in the end is in the tally, too."""
    killers = []
    try:
        for number, (prefix, names, places, events) in enumerate(worlds):
            world = World(broker, folder / prefix.strip("."), prefix, names, f"{seed}/{number}", events, **kafka_keys)
            tally.worlds[prefix] = world
            killers.append(Killer(world, places, f"{seed}/{number}", library, tally))
        is_done = [False] * len(killers)
        while not all(is_done):
            for number, killer in enumerate(killers):
                is_done[number] = is_done[number] or not killer.step()
            time.sleep(0.03)
        wrong = []
        for killer in killers:
            found, figures = killer.world.finish()
            wrong += [f"{killer.world.prefix} {each}" for each in found]
            tally.figures.update(figures)
            tally.recoveries.update(killer.world.recoveries())
            tally.moves += killer.world.moves()
        tally.differences += wrong
        return wrong
    finally:
        for killer in killers:
            killer.close()
            killer.world.close()
