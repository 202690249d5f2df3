"""Which events belong together: objects, links, lives, homes, cases, conflicts (TRUST_MODEL 4, 3.6)."""

from bisect import bisect_right

from fold import Fold

# The ids of an event that name objects, highest rank first (4.1).
OBJECT_FIELDS = (("order_id", "o"), ("complaint_id", "c"), ("review_id", "r"), ("survey_id", "s"), ("promise_id", "p"))

# Events that belong to no case (3.6).
CASELESS = ("customer.updated", "alert.acted", "customer.erased")


def objects_of(event):
    """The objects an event names, highest first."""
    return [f"{letter}:{event.data[field]}" for field, letter in OBJECT_FIELDS if field in event.data]


class Life:
    """A life of an object: mentions that are never too far apart (4.3)."""

    def __init__(self, object_, first):
        self.object = object_
        self.first = first
        self.last = first
        self.target = None  # the life that its first link leads to, if that link counts
        self.linked = False


class Homes:
    """The lives of one customer's objects and their links; `events` are in canonical order."""

    def __init__(self, events, policy):
        self._lives = {}  # object -> lives in order of time
        mentioned = [(event, objects_of(event)) for event in events]
        for event, objects in mentioned:
            for object_ in objects:
                self._mention(object_, event.time, policy.link_life)
        # A link leads to the life its target has at that event, so lives come first.
        for event, objects in mentioned:
            for object_ in objects[1:]:
                self._link(object_, objects[0], event.time, policy.quiet)

    def _mention(self, object_, time, link_life):
        lives = self._lives.setdefault(object_, [])
        if lives and time - lives[-1].last <= link_life:
            lives[-1].last = time
        else:
            lives.append(Life(object_, time))

    def _life_at(self, object_, time):
        lives = self._lives[object_]
        return lives[bisect_right([life.first for life in lives], time) - 1]

    def _link(self, object_, target, time, quiet):
        life = self._life_at(object_, time)
        if not life.linked:
            life.linked = True
            if time <= life.first + quiet:
                life.target = self._life_at(target, time)

    def case_key(self, event):
        """The home of the event's highest object, or its own name (4.4)."""
        objects = objects_of(event)
        if not objects:
            return f"e:{event.name}"
        life = self._life_at(objects[0], event.time)
        while life.target is not None:
            life = life.target
        return life.object


class Case:
    """A case: its events, its fold, and when it expires and is sealed (4.5)."""

    def __init__(self, key, settings, events, conflicts):
        self.key = key
        self.settings = settings
        self.events = events
        self.conflicts = conflicts
        self.fold = Fold(key, settings, events)
        self.expires_at = self.fold.expires_at
        self.sealed_from = self.expires_at + settings.policy.lateness + 1  # the first sealed instant

    @property
    def first(self):
        return self.events[0]

    def is_sealed(self, t):
        return t >= self.sealed_from


def segment_name_at(events, time):
    """The customer's segment at a time: as last given by then (12.2)."""
    name = ""
    for event in events:
        if event.time > time:
            break
        if event.type == "customer.updated" and "segment" in event.data:
            name = event.data["segment"]
    return name


def build_cases(events, policy):
    """All cases of one customer, by key, then time.  `events` are in canonical order."""
    homes = Homes(events, policy)
    by_key = {}
    for event in events:
        if event.type not in CASELESS:
            by_key.setdefault(homes.case_key(event), []).append(event)
    updates = [event for event in events if event.type == "customer.updated"]
    cases = []
    for key in sorted(by_key):
        for own, conflicts in _split(key, by_key[key], updates, policy):
            cases.append(Case(key, _settings(own, updates, policy), own, conflicts))
    return cases


def _settings(events, updates, policy):
    """The case's segment is the customer's at the case's first event (4.6)."""
    return policy.segment(segment_name_at(updates, events[0].time))


def _split(key, events, updates, policy):
    """The events of one key, cut where rest was long enough: [(events that count, conflicts)]."""
    cases = []
    own, conflicts, names = [], [], set()
    for event in events:
        if own and _has_expired(key, own, event.time, updates, policy):
            cases.append((own, conflicts))
            own, conflicts, names = [], [], set()
        if event.name in names:
            conflicts.append(event)
        else:
            names.add(event.name)
            own.append(event)
    cases.append((own, conflicts))
    return cases


def _has_expired(key, own, time, updates, policy):
    # Activity lasts at least to the last event: within `quiet` of it no fold is needed.
    if time <= own[-1].time + policy.quiet:
        return False
    return time > Fold(key, _settings(own, updates, policy), own).expires_at
