"""From messages to the set E: inputs, partitions, engine time, admission (TRUST_MODEL 2.3, 2.4, 3.6, 13).

This is the one part of the model in which the order of arrival matters, so messages are walked through
one by one.  What comes out is, per customer, the accepted events and whether the customer was erased.
"""

from calendars import parse_time
from cases import CASELESS, Homes, build_cases
from events import Rejected, event_of_object, read_json_object


class Message:
    """One message of an input, already judged by rows 1 - 5 of 3.5."""

    __slots__ = ("input", "offset", "event", "rejected", "merge_time")

    def __init__(self, input_index, offset, raw):
        self.input = input_index
        self.offset = offset
        self.event = None
        self.rejected = None
        self.merge_time = None  # None: goes at once
        try:
            parsed = read_json_object(raw)
            self.merge_time = parse_time(parsed.get("time"))
            self.event = event_of_object(parsed)
        except Rejected as rejected:
            self.rejected = rejected


class DeadLetter:
    """A refused message; source, id and type only of messages that passed rows 1 - 5."""

    def __init__(self, reason, message=None, field=None, event=None):
        self.reason = reason
        self.field = field
        self.event = event
        self.input = None if message is None else message.input
        self.offset = None if message is None else message.offset


def murmur2(data):
    """Kafka's murmur2 of some bytes, as an unsigned 32-bit number."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_of(customer, partitions):
    return (murmur2(customer.encode()) & 0x7FFFFFFF) % partitions


class CustomerLog:
    """The accepted events of one customer."""

    def __init__(self):
        self.events = []
        self.keys = set()
        self.erased = False
        self.conflicts_before_erasure = []

    def add(self, event):
        self.events.append(event)
        self.keys.add(event.key)

    def sorted_events(self):
        return sorted(self.events, key=lambda event: event.key)


class Partition:
    """Engine time and customers of one partition."""

    def __init__(self, inputs):
        self.greatest = [0] * inputs  # the greatest time read from each input
        self.customers = {}  # (tenant, customer) -> CustomerLog

    def tau(self, at_end):
        """2.3; `at_end` tells of each input whether it is at its end."""
        open_inputs = [time for time, ended in zip(self.greatest, at_end) if not ended]
        return min(open_inputs) if open_inputs else max(self.greatest, default=0)


class Admission:
    """Walks through all messages; afterwards holds E and what was refused."""

    def __init__(self, inputs, policy, partitions=16, horizon=None):
        """`inputs` is a list of inputs, each an iterable of (offset, raw message)."""
        self.policy = policy
        self.horizon = horizon
        self._inputs = [[Message(i, offset, raw) for offset, raw in each] for i, each in enumerate(inputs)]
        self._next = [0] * len(self._inputs)
        self.partitions = [Partition(len(self._inputs)) for _ in range(partitions)]
        self.messages = sum(len(each) for each in self._inputs)
        self.duplicates = 0
        self.accepted = 0
        self.dead_letters = []
        self._walk()
        self._add_conflicts()

    # ----------------------------------------------------------------------------------- walking

    def _at_end(self):
        return [position >= len(each) for position, each in zip(self._next, self._inputs)]

    def _take(self):
        """The next message: the least time at the inputs' heads; one without a time goes at once."""
        best = None
        for index, position in enumerate(self._next):
            if position < len(self._inputs[index]):
                head = self._inputs[index][position]
                if head.merge_time is None:
                    best = (head, index)
                    break
                if best is None or head.merge_time < best[0].merge_time:
                    best = (head, index)
        if best is None:
            return None
        self._next[best[1]] += 1
        return best[0]

    def _walk(self):
        while True:
            message = self._take()
            if message is None:
                return
            if message.rejected is not None:
                self.dead_letters.append(DeadLetter(message.rejected.reason, message, message.rejected.field))
            else:
                reason = self._admit(message)
                if reason is not None:
                    self.dead_letters.append(DeadLetter(reason, message, event=message.event))

    def _admit(self, message):
        """Judges one valid event in the order erased, future, late, duplicate, cap."""
        event = message.event
        partition = self.partitions[partition_of(event.customer, len(self.partitions))]
        log = partition.customers.get((event.tenant, event.customer))
        if log is not None and log.erased:
            return "erased"
        if self.horizon is not None and event.time > self.horizon + self.policy.skew:
            return "future"
        # The message is taken already, but its input counts as open until the event is judged.
        before = self._at_end()
        before[message.input] = False
        if event.time < partition.tau(before) - self.policy.lateness:
            return "late"
        partition.greatest[message.input] = max(partition.greatest[message.input], event.time)
        if log is None:
            log = partition.customers[(event.tenant, event.customer)] = CustomerLog()
        if event.key in log.keys:
            self.duplicates += 1
            return None
        if self._exceeds_cap(log, event, partition.tau(self._at_end())):
            return "cap"
        self.accepted += 1
        if event.type == "customer.erased":
            self._erase(log)
        else:
            log.add(event)
        return None

    def _erase(self, log):
        log.conflicts_before_erasure = self._conflicts(log)
        log.erased = True
        log.events, log.keys = [], set()

    # -------------------------------------------------------------------------------------- caps

    def _exceeds_cap(self, log, event, tau):
        if event.type == "customer.erased":
            return False
        if event.type in CASELESS:
            since = tau - self.policy.quiet - self.policy.lateness
            held = sum(1 for e in log.events if e.type == event.type and e.time >= since)
            return held >= self.policy.customer_events
        # With fewer events than either limit nothing can be full: no need to build cases.
        if len(log.events) < min(self.policy.case_events, self.policy.open_cases):
            return False
        return self._exceeds_case_cap(log, event, tau)

    def _exceeds_case_cap(self, log, event, tau):
        events = sorted(log.events + [event], key=lambda e: e.key)
        if self._has_room_unsealed(events, event):
            return False
        own_key, held = None, {}
        for case in build_cases(events, self.policy):
            if event in case.events or event in case.conflicts:
                own_key = case.key
            if not case.is_sealed(tau):
                # A conflict takes no room.
                held[case.key] = held.get(case.key, 0) + len(case.events) - (event in case.events)
        if held.get(own_key, 0) >= self.policy.case_events:
            return True
        others = sum(1 for key, count in held.items() if key != own_key or count > 0)
        return held.get(own_key, 0) == 0 and others >= self.policy.open_cases

    def _has_room_unsealed(self, events, event):
        """True if there is room even if no case were sealed: then no case need be folded."""
        homes = Homes(events, self.policy)
        keys = [homes.case_key(e) for e in events if e.type not in CASELESS]
        own_key = homes.case_key(event)
        return keys.count(own_key) <= self.policy.case_events and len(set(keys)) <= self.policy.open_cases

    # --------------------------------------------------------------------------------- conflicts

    def _conflicts(self, log):
        cases = build_cases(log.sorted_events(), self.policy)
        return [event for case in cases for event in case.conflicts]

    def _add_conflicts(self):
        for partition in self.partitions:
            for log in partition.customers.values():
                conflicts = log.conflicts_before_erasure if log.erased else self._possible_conflicts(log)
                self.accepted -= len(conflicts)
                self.dead_letters += [DeadLetter("conflict", event=event) for event in conflicts]

    def _possible_conflicts(self, log):
        names = [event.name for event in log.events]
        return self._conflicts(log) if len(set(names)) < len(names) else []

    # ----------------------------------------------------------------------------------- outcome

    @property
    def greatest_tau(self):
        return max(partition.tau(self._at_end()) for partition in self.partitions)

    def customers(self):
        """(tenant, customer, sorted events, τ of the partition) of those with events, in order."""
        ended = self._at_end()
        found = [
            (tenant, customer, log.sorted_events(), partition.tau(ended))
            for partition in self.partitions
            for (tenant, customer), log in partition.customers.items()
            if log.events
        ]
        return sorted(found, key=lambda each: each[:2])
