"""The policy: reading, hashing and segmenting it (TRUST_MODEL 2.2, 12.1, 12.2).

A policy is one YAML 1.2 core document made of maps, lists, strings, integers and booleans.
`Policy` keeps the plain values and hands out one resolved `Policy.segment(name)` per segment.
Validity (12.4) is the engine's business: the oracle believes the policies it is given.
"""

import glob
import hashlib
import json
import os
import re

import yaml

from calendars import Calendar

DEFAULT_POLICY_NAME = "policy.default.yaml"

# What a segment cannot replace (12.2).
FIXED_KEYS = ("version", "global", "calendars", "segments")

PPM = 1_000_000
SECOND = 1_000_000  # microseconds
DAY = 86_400 * SECOND

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class PolicyError(Exception):
    """A policy that cannot be read."""


def canonical_json(value):
    """Canonical JSON text of a value (12.1)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def duration_us(text):
    """Microseconds of a duration such as `45d` (2.2)."""
    match = re.fullmatch(r"([0-9]+)([smhd])", text)
    if not match:
        raise PolicyError(f"not a duration: {text!r}")
    return int(match[1]) * _UNIT_SECONDS[match[2]] * SECOND


# ------------------------------------------------------------------------------------------- YAML


class _CoreLoader(yaml.SafeLoader):
    """PyYAML speaks YAML 1.1; this loader has the scalars of the 1.2 core schema only.

    So `off` is a string, `012` is twelve and `2026-01-06` is no date.
    """

    yaml_implicit_resolvers = {}

    def construct_mapping(self, node, deep=False):
        seen = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise PolicyError(f"a key is no string: {key!r}")
            if key in seen:
                raise PolicyError(f"a key stands twice: {key!r}")
            seen[key] = self.construct_object(value_node, deep=True)
        return seen

    def construct_core_map(self, node):
        return self.construct_mapping(node)

    def construct_core_int(self, node):
        text = self.construct_scalar(node)
        if text.startswith("0o"):
            return int(text[2:], 8)
        if text.startswith("0x"):
            return int(text[2:], 16)
        return int(text, 10)

    def construct_core_bool(self, node):
        return self.construct_scalar(node).lower() == "true"


def _resolver(tag, pattern, first):
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_resolver("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolver("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789")
_resolver(
    "float",
    r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
    "-+0123456789.",
)
_resolver("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""])
_CoreLoader.add_constructor("tag:yaml.org,2002:map", _CoreLoader.construct_core_map)
_CoreLoader.add_constructor("tag:yaml.org,2002:int", _CoreLoader.construct_core_int)
_CoreLoader.add_constructor("tag:yaml.org,2002:bool", _CoreLoader.construct_core_bool)


def _check_plain(value):
    """Only maps, lists, strings, integers and booleans may be in a policy (12.1)."""
    if isinstance(value, dict):
        for inner in value.values():
            _check_plain(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_plain(inner)
    elif not isinstance(value, (str, int, bool)):
        raise PolicyError(f"neither map, list, string, integer nor boolean: {value!r}")


def load_yaml(path):
    """The plain value of a policy or overlay file (JSON is YAML)."""
    with open(path, "rb") as stream:
        value = yaml.load(stream, Loader=_CoreLoader)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise PolicyError(f"{path}: not a map")
    _check_plain(value)
    return value


def merge(base, over):
    """`over` laid over `base`: maps merge, everything else is replaced (12.2)."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    merged = dict(base)
    for key, value in over.items():
        merged[key] = merge(base[key], value) if key in base else value
    return merged


def find_default_policy():
    """The default policy file: named by TROTH_POLICY, or the one in the source tree around this folder."""
    named = os.environ.get("TROTH_POLICY")
    if named:
        return named
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for below in ("", "*", "*/*"):
        found = sorted(glob.glob(os.path.join(root, below, DEFAULT_POLICY_NAME)))
        if found:
            return found[0]
    raise PolicyError(f"{DEFAULT_POLICY_NAME} not found: name it with --policy or TROTH_POLICY")


# ------------------------------------------------------------------------------------------ Policy


class Policy:
    """A policy with all its segments."""

    def __init__(self, values):
        self.values = values
        self.hash = hashlib.sha256(canonical_json(values).encode()).hexdigest()
        limits = values["global"]
        self.lateness = duration_us(limits["lateness"])
        self.quiet = duration_us(limits["quiet"])
        self.link_life = duration_us(limits["link_life"])
        self.skew = duration_us(limits["skew"])
        self.case_events = limits["case_events"]
        self.open_cases = limits["open_cases"]
        self.customer_events = limits["customer_events"]
        self.half_life = {d: duration_us(text) for d, text in limits["half_life"].items()}
        self.calendars = {"always": None}
        for name, spec in values["calendars"].items():
            self.calendars[name] = Calendar(spec)
        self._segments = {}

    def segment(self, name):
        """The policy as it reads for a segment; unknown names mean the plain policy (12.2)."""
        overrides = self.values.get("segments", {}).get(name)
        key = name if overrides is not None else None
        if key not in self._segments:
            allowed = {k: v for k, v in (overrides or {}).items() if k not in FIXED_KEYS}
            self._segments[key] = Segment(merge(self.values, allowed), self)
        return self._segments[key]


class Segment:
    """One segment's values, with durations in microseconds where they are used often."""

    def __init__(self, values, policy):
        self.policy = policy
        self.score = values["score"]
        self.promises = values["promises"]
        self.complaints = values["complaints"]
        self.price = values["price"]
        self.voice = values["voice"]
        self.curves = values["curves"]
        self.evidence = values["evidence"]
        self.excused = values["excused"]
        self.recovery = values["recovery"]
        self.alerts = values["alerts"]
        self.clocks = {name: ClockPolicy(spec, policy) for name, spec in values["clocks"].items()}

        self.late_stages = [duration_us(text) for text in self.promises["stages"]]
        self.missing_after = duration_us(self.promises["missing"])
        self.confirm_after = duration_us(self.complaints["confirm_after"])
        self.repeat_within = duration_us(self.complaints["repeat_within"])
        self.failure_memory = duration_us(self.voice["failure_memory"])
        self.fix_within = duration_us(values["coupons"]["fix_within"])

    def rule(self, family, name):
        """The settings of an alert rule, or None if it does not exist (10.5)."""
        settings = self.alerts.get(family, {}).get(name)
        if settings is None or settings.get("off", False):
            return None
        return settings

    def hold(self, name):
        """How long emission of a case rule waits after its start (10.4)."""
        return duration_us(self.alerts["case"][name].get("hold", "0s"))


class ClockPolicy:
    """One clock's settings (5.4)."""

    def __init__(self, spec, policy):
        self.calendar = policy.calendars[spec["calendar"]]
        self.pause = frozenset(spec["pause"])
        self.warn = spec["warn"]
        self.stages = spec["stages"]
        # Target in seconds by priority: seconds times a multiple in ppm are microseconds.
        self.target_s = {p: duration_us(text) // SECOND for p, text in spec["target"].items()}


def load_policy(policy_path=None, overlay=None):
    """A policy file, with an overlay (a path or a plain map) that may set anything."""
    values = load_yaml(policy_path or find_default_policy())
    if isinstance(overlay, str):
        overlay = load_yaml(overlay)
    return Policy(merge(values, overlay) if overlay else values)


def curve(knots, x):
    """Piecewise linear, flat outside, floored (7.3)."""
    if x <= knots[0][0]:
        return knots[0][1]
    for (x0, y0), (x1, y1) in zip(knots, knots[1:]):
        if x < x1:
            return y0 + (y1 - y0) * (x - x0) // (x1 - x0)
    return knots[-1][1]
